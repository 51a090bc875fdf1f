"""Raydium CPMM against the executed program and the SDK's calculator, and what moves its state."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from hotpath.pools.pool import Diverged, Refusal, Swap
from hotpath.pools.raydium_cpmm import RaydiumCpmm
from tests.pools.solana_cases import answered, cases_of, check

SDK, PROGRAM = "raydium_cpmm.json", "raydium_cpmm_program.json"


def test_every_case_equals_the_sdk(shared: Path) -> None:
    assert check("raydium_cpmm", shared, SDK)


def test_what_exceeds_u64_is_overflow(shared: Path) -> None:
    for case, state in cases_of(shared, SDK):
        if case["exceeds_u64"]:
            got = answered("raydium_cpmm", state)
            assert isinstance(got, Refusal) and got.code == "overflow"


def test_every_case_equals_the_program(shared: Path) -> None:
    assert check("raydium_cpmm", shared, PROGRAM)


def test_execute_accrues_what_the_program_did(shared: Path) -> None:
    for case, state in cases_of(shared, PROGRAM):
        if "result" not in case:
            continue
        pool = RaydiumCpmm.from_state(state)
        direction = 0 if case["zero_for_one"] else 1
        done = pool.execute(Swap(direction, int(case["amount"]), not case["exact_in"]))
        assert done.amount_in == int(case["result"]["amount_in"])
        after = pool.state()
        for member in ("protocol_fees_token_", "fund_fees_token_"):
            for i in "01":
                assert after[f"{member}{i}"] == case["result"][f"{member}{i}_after"]
        paid, given = done.amount_in, done.amount_out
        vaults = [int(case["vault_0_amount"]), int(case["vault_1_amount"])]
        vaults[direction] += paid
        vaults[1 - direction] -= given
        assert [int(after["vault_0_amount"]), int(after["vault_1_amount"])] == vaults
        assert RaydiumCpmm.from_state(after).state() == after


def test_the_account_bytes_of_the_cases_give_their_state(shared: Path) -> None:
    for case, state in cases_of(shared, PROGRAM):
        accounts: dict[str, str] = case.get("accounts_base64", {})
        if not accounts:
            continue
        empty = {
            k: "0" if k.startswith(("vault", "protocol_fees", "fund_fees")) else v
            for k, v in state.items()
        }
        pool = RaydiumCpmm.from_state(empty)
        for name in ("vault_0", "vault_1", "pool_state"):
            pool.apply({"account": name, "data": base64.b64decode(accounts[name])})
        assert pool.state() == RaydiumCpmm.from_state(state).state()


STATE: dict[str, Any] = {
    "trade_fee_rate": "2500",
    "protocol_fee_rate": "120000",
    "fund_fee_rate": "40000",
    "creator_fee_rate": "5000",
    "vault_0_amount": "1000000",
    "vault_1_amount": "9000000",
    "protocol_fees_token_0": "10",
    "protocol_fees_token_1": "20",
    "fund_fees_token_0": "1",
    "fund_fees_token_1": "2",
    "creator_fees_token_0": "3",
    "creator_fees_token_1": "4",
}


@pytest.mark.parametrize("fee_on,direction,on_input", [
    (0, 0, True), (0, 1, True), (1, 0, True), (1, 1, False), (2, 0, False), (2, 1, True),
])  # fmt: skip
def test_the_creators_fee_is_of_the_coin_that_the_mode_names(
    fee_on: int, direction: int, on_input: bool
) -> None:
    pool = RaydiumCpmm.from_state({**STATE, "creator_fee_on": str(fee_on)})
    pool.execute(Swap(direction, 100_000))
    after = pool.state()
    side = direction if on_input else 1 - direction
    grown = [int(after[f"creator_fees_token_{i}"]) > 3 + i for i in range(2)]
    assert grown == [side == 0, side == 1]


def test_no_creators_fee_where_it_is_not_enabled() -> None:
    off = RaydiumCpmm.from_state({**STATE, "enable_creator_fee": False})
    none = RaydiumCpmm.from_state({**STATE, "creator_fee_rate": "0"})
    assert off.quote_in(0, 5_000).amount_out == none.quote_in(0, 5_000).amount_out
    assert off.state()["creator_fee_rate"] == "5000"
    assert off.state()["enable_creator_fee"] is False


def test_a_swap_event_moves_the_pool_and_a_wrong_one_diverges() -> None:
    for exact_in in (True, False):
        pool = RaydiumCpmm.from_state(STATE)
        twin = RaydiumCpmm.from_state(STATE)
        done = twin.execute(Swap(1, 4_321, not exact_in))
        event = {
            "base_input": exact_in,
            "input_vault_before": str(9_000_000 - 26),
            "output_vault_before": str(1_000_000 - 14),
            "input_amount": str(done.amount_in),
            "output_amount": str(done.amount_out),
            "input_transfer_fee": "0",
            "output_transfer_fee": "0",
        }
        wrong = {**event, "output_amount": str(done.amount_out + 1)}
        with pytest.raises(Diverged):
            pool.apply({"event": "SwapEvent", "decoded": wrong})
        pool.apply({"event": "SwapEvent", "args": event})
        assert pool.state() == twin.state()
        with pytest.raises(Diverged):
            pool.apply({"event": "SwapEvent", "args": event})


def test_malformed_states_are_refused_by_name() -> None:
    for change, name in (
        ({"vault_0_amount": "13"}, "vault_0"),
        ({"trade_fee_rate": "1000000"}, "trade_fee_rate"),
        ({"trade_fee_rate": "999999"}, "rates"),
        ({"creator_fee_on": "3"}, "creator_fee_on"),
        ({"enable_creator_fee": "yes"}, "enable_creator_fee"),
        ({"vault_1_amount": "-1"}, "vault_1_amount"),
    ):
        with pytest.raises(Refusal, match=name):
            RaydiumCpmm.from_state({**STATE, **change})
