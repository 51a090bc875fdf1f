"""PumpSwap against the official SDK, fee schedules, and what moves its state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from hotpath.pools.pool import Diverged, Refusal, Status, Swap
from hotpath.pools.pump_swap import PumpSwap
from tests.pools.solana_cases import cases_of, check

FILE = "pump_swap.json"


@pytest.mark.parametrize("kind", ["pump_swap", "pump_swap_amm"])
def test_every_case_equals_the_sdk(kind: str, shared: Path) -> None:
    assert check(kind, shared, FILE)


def test_the_pool_quotes_what_the_batch_answers(shared: Path) -> None:
    for case, state in cases_of(shared, FILE):
        pool, amount, want = PumpSwap.from_state(state), int(case["amount"]), case.get("result", {})
        if case["fn"] == "buy_quote_input":
            quote = pool.quote_in(1, amount)
            if quote.status == Status.OK:
                assert quote.amount_out == int(want["base_out"]) and quote.amount_in <= amount
        elif case["fn"] == "buy_base_input":
            quote = pool.quote_out(1, amount)
            if quote.status == Status.OK:
                assert quote.amount_in == int(want["quote_in_total"])
        elif case["fn"] == "sell_base_input":
            quote = pool.quote_in(0, amount)
            if quote.status == Status.OK:
                assert quote.amount_out == int(want["quote_out_net"])
        else:  # the SDK's inversion sums the rates first: never less than what gives the amount
            quote = pool.quote_out(0, amount)
            if quote.status == Status.OK:
                assert quote.amount_out >= amount
                less = pool.quote_in(0, quote.amount_in - 1)
                assert less.status != Status.OK or less.amount_out < amount
        assert PumpSwap.from_state(pool.state()).state() == pool.state()


STATE: dict[str, Any] = {
    "base_reserve": "200000000000000",
    "quote_reserve": "80000000000",
    "virtual_quote_reserves": "0",
    "fee_schedule": {
        "flat_fees": ["25", "5", "0"],
        "fee_tiers": [["0", "2", "93", "30"], ["300000000000", "20", "5", "95"]],
        "stable_fee_tiers": [["0", "3", "90", "11"]],
        "exotic_flat_fees": ["17", "41", "9"],
    },
    "global_config": {
        "lp_fee_bps": "20",
        "protocol_fee_bps": "5",
        "coin_creator_fee_bps": "5",
        "creator_fee_configurable": True,
    },
    "is_canonical_pump_pool": True,
    "coin_creator_is_default": False,
    "quote_mint": "So11111111111111111111111111111111111111112",
    "is_mayhem_mode": False,
    "base_mint_supply": "1000000000000000",
    "pool_creator_fee_bps": "0",
}
USDC = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
OTHER = "JUPyiwrYJFskUPiHa7hkeR8VUtAeFoSYbKedZNsDvCN"


@pytest.mark.parametrize("change,bps", [
    ({}, 20 + 5 + 95),  # 400 SOL of capitalisation: the second tier
    ({"base_mint_supply": "700000000000000"}, 2 + 93 + 30),
    ({"base_mint_supply": "1", "is_mayhem_mode": True}, 20 + 5 + 95),
    ({"quote_mint": USDC}, 3 + 90 + 11),
    ({"quote_mint": OTHER}, 17 + 41 + 9),
    ({"is_canonical_pump_pool": False}, 25 + 5),
    ({"coin_creator_is_default": True}, 20 + 5),
    ({"pool_creator_fee_bps": "7"}, 20 + 5 + 7),
    ({"fee_schedule": None, "pool_creator_fee_bps": "7"}, 20 + 5 + 5),
])  # fmt: skip
def test_the_schedule_that_a_pool_pays(change: dict[str, Any], bps: int) -> None:
    quote = PumpSwap.from_state({**STATE, **change}).quote_in(0, 1_000_000_000_000)
    raw = quote.amount_out + quote.fee
    assert quote.status == Status.OK
    assert abs(quote.fee * 10_000 - raw * bps) < 3 * 10_000  # each of three is rounded up


def test_lp_fees_stay_and_the_others_leave() -> None:
    pool = PumpSwap.from_state(STATE)
    bought = pool.execute(Swap(1, 1_000_000_000))
    raw = bought.amount_in - bought.fee
    assert int(pool.state()["quote_reserve"]) == 80_000_000_000 + raw + -(-raw * 20 // 10_000)
    held = int(pool.state()["quote_reserve"])
    sold = pool.execute(Swap(0, 1_000_000_000))
    raw = sold.amount_out + sold.fee
    assert int(pool.state()["quote_reserve"]) == held - raw + -(-raw * 20 // 10_000)


def events(pool: PumpSwap, direction: int, amount: int) -> tuple[str, dict[str, Any]]:
    twin = PumpSwap.from_state(pool.state())
    before = pool.state()
    done = twin.execute(Swap(direction, amount))
    after = twin.state()
    moved = abs(int(after["quote_reserve"]) - int(before["quote_reserve"]))
    told = {
        "pool_base_token_reserves": before["base_reserve"],
        "pool_quote_token_reserves": before["quote_reserve"],
    }
    if direction:
        told |= {"base_amount_out": str(done.amount_out), "quote_amount_in_with_lp_fee": str(moved)}
        return "BuyEvent", told
    told |= {"base_amount_in": str(done.amount_in), "quote_amount_out_without_lp_fee": str(moved)}
    return "SellEvent", told


def test_events_move_the_pool_and_foreign_reserves_diverge() -> None:
    pool = PumpSwap.from_state(STATE)
    for direction, amount in ((1, 5_000_000), (0, 9_000_000_000), (1, 40_000_000_000), (0, 77)):
        name, told = events(pool, direction, amount)
        twin = PumpSwap.from_state(pool.state())
        if twin.execute(Swap(direction, amount)).status != Status.OK:
            continue
        pool.apply({"event": name, "decoded": told})
        assert pool.state() == twin.state()
        with pytest.raises(Diverged):
            pool.apply({"event": name, "args": told})


def test_real_events_follow_from_their_reserves(shared: Path) -> None:
    path = shared / "vectors" / "solana" / "events_real.json"
    if not path.is_file():
        pytest.skip("no real events in this shared folder")
    for case in orjson.loads(path.read_bytes())["cases"]:
        if case.get("program") != "pump_swap" or case.get("event") not in ("BuyEvent", "SellEvent"):
            continue
        e = case["decoded"]
        state = {
            **STATE,
            "base_reserve": e["pool_base_token_reserves"],
            "quote_reserve": e["pool_quote_token_reserves"],
            "virtual_quote_reserves": e.get("virtual_quote_reserves", "0"),
            "fee_schedule": None,
            "global_config": {
                "lp_fee_bps": e["lp_fee_basis_points"],
                "protocol_fee_bps": e["protocol_fee_basis_points"],
                "coin_creator_fee_bps": e.get("coin_creator_fee_basis_points", "0"),
                "creator_fee_configurable": False,
            },
        }
        pool = PumpSwap.from_state(state)
        if case["event"] == "BuyEvent":
            quote = pool.quote_out(1, int(e["base_amount_out"]))
            assert quote.amount_in == int(e["user_quote_amount_in"])
        else:
            quote = pool.quote_in(0, int(e["base_amount_in"]))
            assert quote.amount_out == int(e["user_quote_amount_out"])
        twin = PumpSwap.from_state(state)
        twin.execute(Swap(1, int(e["base_amount_out"]), True) if case["event"] == "BuyEvent"
                     else Swap(0, int(e["base_amount_in"])))  # fmt: skip
        pool.apply({"event": case["event"], "decoded": e})
        assert pool.state() == twin.state()


def test_accounts_move_the_pool() -> None:
    pool = PumpSwap.from_state(STATE)
    vault = bytes(64) + (5_000_000).to_bytes(8, "little") + bytes(93)
    pool.apply({"account": "base_vault", "data": vault})
    pool.apply({"account": "quote_vault", "data": vault})
    pool.apply({"account": "base_mint", "data": bytes(36) + (9).to_bytes(8, "little") + bytes(38)})
    after = pool.state()
    assert (after["base_reserve"], after["quote_reserve"]) == ("5000000", "5000000")
    assert after["base_mint_supply"] == "9"
    for account, data in (("pool", bytes(300)), ("base_vault", b"x"), ("other", vault)):
        with pytest.raises(Refusal, match="bad_field"):
            pool.apply({"account": account, "data": data})
    assert pool.state() == after


def test_malformed_states_are_refused() -> None:
    for change, match in (
        ({"global_config": []}, "global_config"),
        ({"virtual_quote_reserves": str(1 << 64)}, "overflow"),
        ({"virtual_quote_reserves": "-80000000001"}, "overflow"),
        ({"pool_creator_fee_bps": "10001"}, "pool_creator_fee_bps"),
        ({"is_canonical_pump_pool": None}, "is_canonical_pump_pool"),
        ({"quote_mint": 7}, "quote_mint"),
    ):
        with pytest.raises(Refusal, match=match):
            PumpSwap.from_state({**STATE, **change})
