"""pump's bonding curve against the official SDK, completion, and what moves its state."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import orjson
import pytest

from hotpath.pools.layouts import decode
from hotpath.pools.pool import Diverged, Refusal, Status, Swap
from hotpath.pools.pump_curve import PumpCurve
from tests.pools.solana_cases import answered, cases_of, check

FILE = "pump_bonding_curve.json"


@pytest.mark.parametrize("kind", ["pump_curve", "pump_bonding_curve"])
def test_every_case_equals_the_sdk(kind: str, shared: Path) -> None:
    assert check(kind, shared, FILE)


def test_the_pool_quotes_what_the_batch_answers(shared: Path) -> None:
    for case, state in cases_of(shared, FILE):
        pool, amount, want = PumpCurve.from_state(state), int(case["amount"]), int(case["result"])
        if case["fn"] == "buy_exact_quote_in":
            quote = pool.quote_in(1, amount)
            if quote.status == Status.OK:
                assert quote.amount_out == want and quote.amount_in <= amount
        elif case["fn"] == "buy_exact_tokens_out":
            quote = pool.quote_out(1, amount)
            if quote.status in (Status.OK, Status.PARTIAL):
                assert quote.amount_in == want
        else:
            quote = pool.quote_in(0, amount)
            if quote.status == Status.OK:
                assert quote.amount_out == want
        assert PumpCurve.from_state(pool.state()).state() == pool.state()


STATE: dict[str, Any] = {
    "fee_schedule": None,
    "global": {
        "fee_basis_points": "95",
        "creator_fee_basis_points": "5",
        "creator_fee_configurable": False,
    },
    "mint_supply": "1000000000000000",
    "bonding_curve": {
        "virtual_token_reserves": "1073000000000000",
        "virtual_quote_reserves": "30000000000",
        "real_token_reserves": "793100000000000",
        "real_quote_reserves": "0",
        "token_total_supply": "1000000000000000",
        "complete": False,
        "creator_is_default": False,
        "is_mayhem_mode": False,
        "quote_mint": "11111111111111111111111111111111",
        "creator_fee_bps": "0",
    },
}


def test_buying_all_that_is_left_completes_the_curve() -> None:
    pool = PumpCurve.from_state(STATE)
    assert pool.quote_in(0, 1_000_000).status != Status.OK  # it holds no quote yet
    everything = pool.quote_in(1, 500_000_000_000)
    assert everything.status == Status.PARTIAL
    assert everything.amount_out == 793_100_000_000_000
    assert everything.amount_in < 500_000_000_000
    assert pool.execute(Swap(1, 793_100_000_000_000, True)).amount_in == everything.amount_in
    state = pool.state()
    assert state["bonding_curve"]["complete"] is True
    assert state["bonding_curve"]["real_token_reserves"] == "0"
    for direction in (0, 1):
        assert pool.quote_in(direction, 1_000_000).status == Status.REFUSED
        assert pool.quote_out(direction, 1_000_000).status == Status.REFUSED


def test_selling_for_an_exact_amount_gives_at_least_that() -> None:
    pool = PumpCurve.from_state(STATE)
    pool.execute(Swap(1, 7_000_000_000))
    for wanted in (1, 2, 3, 99, 100, 101, 9_999, 10_000, 123_456_789, 6_000_000_000):
        asked = pool.quote_out(0, wanted)
        assert asked.status == Status.OK
        given = pool.quote_in(0, asked.amount_in)
        assert given.amount_out == asked.amount_out >= wanted
        less = pool.quote_in(0, asked.amount_in - 1)
        assert less.status != Status.OK or less.amount_out < wanted


def trade_after(pool: PumpCurve, direction: int, amount: int) -> dict[str, Any]:
    twin = PumpCurve.from_state(pool.state())
    before = pool.state()["bonding_curve"]
    twin.execute(Swap(direction, amount))
    after = twin.state()["bonding_curve"]
    quote = int(after["virtual_quote_reserves"]) - int(before["virtual_quote_reserves"])
    token = int(after["virtual_token_reserves"]) - int(before["virtual_token_reserves"])
    return {
        "is_buy": direction == 1,
        "sol_amount": str(abs(quote)),
        "token_amount": str(abs(token)),
        "virtual_sol_reserves": after["virtual_quote_reserves"],
        "virtual_token_reserves": after["virtual_token_reserves"],
        "real_sol_reserves": after["real_quote_reserves"],
        "real_token_reserves": after["real_token_reserves"],
    }


def test_a_trade_event_moves_the_curve_and_a_wrong_one_diverges() -> None:
    pool = PumpCurve.from_state(STATE)
    for direction, amount in ((1, 3_000_000_000), (1, 77), (0, 1_000_000_000), (1, 5_000_000)):
        trade = trade_after(pool, direction, amount)
        wrong = {**trade, "real_token_reserves": str(int(trade["real_token_reserves"]) + 1)}
        with pytest.raises(Diverged):
            pool.apply({"event": "TradeEvent", "decoded": wrong})
        pool.apply({"event": "TradeEvent", "args": trade})
        assert (
            pool.state()["bonding_curve"]["virtual_token_reserves"]
            == trade["virtual_token_reserves"]
        )
        with pytest.raises(Diverged):
            pool.apply({"event": "TradeEvent", "args": trade})
    pool.apply({"event": "CompleteEvent", "decoded": {}})
    assert pool.state()["bonding_curve"]["complete"] is True


def test_the_curves_account_sets_the_reserves(shared: Path) -> None:
    path = shared / "vectors" / "solana" / "accounts_idl.json"
    for a in orjson.loads(path.read_bytes())["accounts"]:
        if a["account"] != "BondingCurve":
            continue
        data = base64.b64decode(a["data_base64"])
        for cut in (len(data), 81, 49):
            pool = PumpCurve.from_state(STATE)
            pool.apply({"account": "bonding_curve", "data": data[:cut]})
            curve, told = pool.state()["bonding_curve"], decode("BondingCurve", data[:cut])
            for member in (
                "virtual_token_reserves",
                "virtual_quote_reserves",
                "real_token_reserves",
            ):
                assert curve[member] == told[member]
            assert curve["complete"] == told["complete"]
            assert curve["is_mayhem_mode"] == told["is_mayhem_mode"]
        with pytest.raises(Refusal, match="bad_field"):
            PumpCurve.from_state(STATE).apply({"account": "bonding_curve", "data": data[:48]})


def test_malformed_states_are_refused_by_name() -> None:
    curve, rules = STATE["bonding_curve"], STATE["global"]
    for change, name in (
        ({"bonding_curve": None}, "bonding_curve"),
        ({"bonding_curve": {**curve, "complete": 1}}, "complete"),
        ({"global": {**rules, "fee_basis_points": "10001"}}, "fee_basis_points"),
        ({"fee_schedule": "mainnet"}, "fee_schedule"),
        ({"fee_schedule": {"fee_tiers": []}}, "fee_tiers"),
        ({"fee_schedule": {"fee_tiers": [["0", "1", "2"]]}}, "columns"),
        ({"mint_supply": str(1 << 64)}, "mint_supply"),
    ):
        with pytest.raises(Refusal, match=name):
            PumpCurve.from_state({**STATE, **change})
    got = answered("pump_curve", {**STATE, "amount": "1", "fn": "buy"})
    assert isinstance(got, Refusal) and got.code == "bad_field"
