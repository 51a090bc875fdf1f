"""Raydium AMM v4 against the executed program and the SDK, and what moves its state."""

from __future__ import annotations

from pathlib import Path

import pytest

from hotpath.pools.pool import Diverged, Refusal, Status, Swap
from hotpath.pools.raydium_amm_v4 import RaydiumAmmV4
from tests.pools.solana_cases import cases_of, check

FILE = "raydium_amm_v4.json"


def test_every_case_equals_the_program(shared: Path) -> None:
    assert check("raydium_amm_v4", shared, FILE)


def test_every_exact_in_case_equals_the_sdk(shared: Path) -> None:
    assert check("raydium_amm_v4", shared, FILE, "sdk_exact_in_cases")


def test_ceiling_is_the_current_programs_and_not_the_old_elfs(shared: Path) -> None:
    # the group differs only where the old program rounded a fee below one unit to the nearest
    for case, state in cases_of(shared, FILE, "legacy_rounding_cases_do_not_require"):
        if case["exact_in"]:
            pool = RaydiumAmmV4.from_state(state)
            quote = pool.quote_in(not case["coin_to_pc"], int(case["amount"]))
            numerator, denominator = (
                int(case[f"swap_fee_{k}"]) for k in ("numerator", "denominator")
            )
            if quote.status == Status.OK:
                assert quote.fee == -(-int(case["amount"]) * numerator // denominator)


def test_execute_moves_the_vaults_as_the_program_did(shared: Path) -> None:
    for case, state in cases_of(shared, FILE):
        if "result" not in case:
            continue
        pool = RaydiumAmmV4.from_state(state)
        direction = 0 if case["coin_to_pc"] else 1
        swap = Swap(direction, int(case["amount"]), not case["exact_in"])
        quoted = pool.quote_in if case["exact_in"] else pool.quote_out
        before = pool.state()
        quote = quoted(direction, int(case["amount"]))
        assert pool.state() == before, "a quote is pure"
        done = pool.execute(swap)
        assert (quote.amount_in, quote.amount_out) == (done.amount_in, done.amount_out)
        after = pool.state()
        assert after["coin_vault_amount"] == case["result"]["coin_vault_after"]
        assert after["pc_vault_amount"] == case["result"]["pc_vault_after"]
        assert RaydiumAmmV4.from_state(after).state() == after


STATE = {
    "coin_vault_amount": "1000500",
    "pc_vault_amount": "4000700",
    "need_take_pnl_coin": "500",
    "need_take_pnl_pc": "700",
    "swap_fee_numerator": "25",
    "swap_fee_denominator": "10000",
}


def test_a_ray_log_moves_the_pool_and_a_wrong_one_diverges() -> None:
    pool = RaydiumAmmV4.from_state(STATE)
    quote = pool.quote_in(1, 10_000)
    log = {
        "log_type": "3",
        "direction": "1",
        "amount_in": "10000",
        "out_amount": str(quote.amount_out),
        "pool_coin": "1000000",
        "pool_pc": "4000000",
    }
    twin = RaydiumAmmV4.from_state(STATE)
    twin.execute(Swap(1, 10_000))
    pool.apply({"event": "ray_log", "decoded": log})
    assert pool.state() == twin.state()
    with pytest.raises(Diverged):  # its reserves are no longer those
        pool.apply({"event": "ray_log", "args": log})
    out = pool.quote_out(0, 777)
    said = {
        "log_type": "4",
        "direction": "2",
        "deduct_in": str(out.amount_in + 1),
        "amount_out": "777",
        "pool_coin": str(1000000 - quote.amount_out),
        "pool_pc": "4010000",
    }
    with pytest.raises(Diverged):
        pool.apply({"event": "ray_log", "decoded": said})
    pool.apply({"event": "ray_log", "decoded": {**said, "deduct_in": str(out.amount_in)}})


def token_account(amount: int) -> bytes:
    return bytes(64) + amount.to_bytes(8, "little") + bytes(93)


def test_accounts_move_the_pool() -> None:
    pool = RaydiumAmmV4.from_state(STATE)
    pool.apply({"account": "coin_vault", "data": token_account(2_000_500)})
    info = bytearray(752)
    for at, value in ((176, 30), (184, 10000), (192, 100), (200, 200)):
        info[at : at + 8] = value.to_bytes(8, "little")
    pool.apply({"account": "amm", "data": bytes(info)})
    assert pool.state() == {
        "coin_vault_amount": "2000500",
        "pc_vault_amount": "4000700",
        "need_take_pnl_coin": "100",
        "need_take_pnl_pc": "200",
        "swap_fee_numerator": "30",
        "swap_fee_denominator": "10000",
    }
    for account, data in (
        ("amm", bytes(info) + b"\0"),  # the program compares the length
        ("amm", bytes(752)),  # no fee denominator
        ("coin_vault", token_account(99)),  # below what is owed out of it
        ("coin_vault", b""),
        ("nothing", bytes(info)),
    ):
        before = pool.state()
        with pytest.raises(Refusal, match="bad_field"):
            pool.apply({"account": account, "data": data})
        assert pool.state() == before


def test_malformed_states_are_refused_by_name() -> None:
    for change, name in (
        ({"coin_vault_amount": "499"}, "coin"),
        ({"swap_fee_numerator": "10000"}, "swap_fee_numerator"),
        ({"pc_vault_amount": str(1 << 64)}, "pc_vault_amount"),
        ({"pc_vault_amount": None}, "pc_vault_amount"),
    ):
        with pytest.raises(Refusal, match=name):
            RaydiumAmmV4.from_state({**STATE, **change})
