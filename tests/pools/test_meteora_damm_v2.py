"""Meteora DAMM v2 against the official SDK: fee modes, partial fills, what moves its state."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import orjson
import pytest

from hotpath.pools.layouts import decode
from hotpath.pools.meteora_damm_v2 import MeteoraDammV2
from hotpath.pools.pool import Diverged, Refusal, Status, Swap
from tests.pools.solana_cases import answered, cases_of, check

FILE = "meteora_damm_v2.json"


def test_every_case_equals_the_sdk(shared: Path) -> None:
    assert check("meteora_damm_v2", shared, FILE, wide="next_sqrt_price")


def test_the_pool_quotes_and_executes_what_the_batch_answers(shared: Path) -> None:
    for case, state in cases_of(shared, FILE):
        if "result" not in case:
            continue
        pool, want = MeteoraDammV2.from_state(state), case["result"]
        direction, amount = 0 if case["a_to_b"] else 1, int(case["amount"])
        quoted = {
            "exact_in": pool.quote_in,
            "partial_in": pool.quote_partial,
            "exact_out": pool.quote_out,
        }[case["fn"]]
        before = pool.state()
        quote = quoted(direction, amount)
        assert pool.state() == before == MeteoraDammV2.from_state(before).state()
        if quote.status not in (Status.OK, Status.PARTIAL):
            continue  # the program refuses nothing for nothing, and amounts it does not hold
        assert quote.amount_in == int(want["included_fee_input_amount"])
        assert quote.amount_out == int(want["output_amount"])
        assert quote.price_after == int(want["next_sqrt_price"])
        assert (quote.status == Status.PARTIAL) == (want["amount_left"] != "0")
        if case["fn"] != "partial_in":
            pool.execute(Swap(direction, amount, case["fn"] == "exact_out"))
            assert pool.state()["pool"]["sqrt_price"] == want["next_sqrt_price"]


STATE: dict[str, Any] = {
    "pool": {
        "collect_fee_mode": "1",
        "sqrt_min_price": "4295048016",
        "sqrt_max_price": "79226673521066979257578248091",
        "sqrt_price": str(1 << 64),
        "liquidity": str(10**9 << 64),
        "token_a_amount": "1000000000",
        "token_b_amount": "1000000000",
        "fee_version": "1",
        "activation_point": "1000",
        "init_sqrt_price": str(1 << 64),
        "base_fee_data_hex": "80c3c90100000000" + "00" * 24,
        "dynamic_fee": {
            "initialized": "1",
            "volatilityAccumulator": "0",
            "binStep": "1",
            "variableFeeControl": "40000",
            "maxVolatilityAccumulator": "14460000",
            "filterPeriod": "10",
            "decayPeriod": "120",
            "reductionFactor": "5000",
            "lastUpdateTimestamp": "0",
            "binStepU128": "1844674407370955",
            "sqrtPriceReference": "0",
            "volatilityReference": "0",
        },
        "protocol_fee_percent": "20",
        "referral_fee_percent": "20",
        "compounding_fee_bps": "0",
    },
    "current_point": "2000",
    "has_referral": False,
}


def test_volatility_moves_after_a_swap_and_its_reference_decays_before_the_next() -> None:
    pool = MeteoraDammV2.from_state(STATE)
    calm = pool.quote_in(0, 10_000_000)
    pool.execute(Swap(0, 100_000_000))
    fees = pool.state()["pool"]["dynamic_fee"]
    first = int(fees["volatilityAccumulator"])
    assert first > 0 and fees["lastUpdateTimestamp"] == "2000"
    assert fees["sqrtPriceReference"] == str(1 << 64)
    assert pool.quote_in(0, 10_000_000).fee > calm.fee
    pool.set_clock(2060, 2060)  # past the filter, inside the decay
    pool.execute(Swap(0, 1_000))
    fees = pool.state()["pool"]["dynamic_fee"]
    assert int(fees["volatilityReference"]) == first * 5000 // 10000
    pool.set_clock(2400, 2400)  # past the decay
    pool.execute(Swap(1, 1_000))
    assert pool.state()["pool"]["dynamic_fee"]["volatilityReference"] == "0"


def test_an_event_moves_the_pool_and_a_wrong_one_diverges() -> None:
    pool = MeteoraDammV2.from_state(STATE)
    state = {**pool.state(), "a_to_b": False, "has_referral": True}
    told = answered("meteora_damm_v2", {**state, "fn": "exact_in", "amount": "12345678"})
    event = {
        "trade_direction": 1,
        "has_referral": True,
        "params": {"amount_0": "12345678", "amount_1": "0", "swap_mode": 0},
        "swap_result": told,
        "current_timestamp": "2000",
    }
    wrong = {**event, "swap_result": {**told, "output_amount": str(int(told["output_amount"]) + 1)}}
    with pytest.raises(Diverged):
        pool.apply({"event": "EvtSwap2", "decoded": wrong})
    pool.apply({"event": "EvtSwap2", "args": event})
    assert pool.state()["pool"]["sqrt_price"] == told["next_sqrt_price"]
    with pytest.raises(Diverged):
        pool.apply({"event": "EvtSwap2", "args": event})


def test_a_pools_account_is_its_state(shared: Path) -> None:
    path = shared / "vectors" / "solana" / "accounts_idl.json"
    for a in orjson.loads(path.read_bytes())["accounts"]:
        if (a["program"], a["account"]) != ("meteora_damm_v2", "Pool"):
            continue
        data = bytearray(base64.b64decode(a["data_base64"]))
        before = MeteoraDammV2.from_state(STATE)
        with pytest.raises(Refusal, match="bad_field"):  # random bytes: no such modes
            before.apply({"account": "pool", "data": bytes(data)})
        data[16], data[48], data[50], data[484], data[486] = 3, 20, 10, 1, 1
        data[54:56] = bytes(2)
        data[120 + 12 : 136] = data[136 + 12 : 152] = bytes(4)
        pool = MeteoraDammV2.from_state(STATE)
        pool.apply({"account": "pool", "data": bytes(data)})
        told: Any = decode("meteora_damm_v2.Pool", bytes(data))
        state = pool.state()["pool"]
        for member in (
            "sqrt_min_price",
            "sqrt_price",
            "liquidity",
            "token_a_amount",
            "token_b_amount",
        ):
            assert state[member] == told[member]
        fees = told["pool_fees"]
        assert state["base_fee_data_hex"] == data[8:40].hex()
        assert state["init_sqrt_price"] == fees["init_sqrt_price"]
        dynamic = fees["dynamic_fee"]
        assert state["dynamic_fee"]["volatilityAccumulator"] == dynamic["volatility_accumulator"]
        assert state["dynamic_fee"]["sqrtPriceReference"] == dynamic["sqrt_price_reference"]
        assert state["dynamic_fee"]["binStepU128"] == dynamic["bin_step_u128"]
        with pytest.raises(Refusal, match="bad_field"):
            pool.apply({"account": "pool", "data": bytes(data[:1111])})


def test_malformed_states_are_refused_by_name() -> None:
    pool = STATE["pool"]
    for change, name in (
        ({"collect_fee_mode": "3"}, "collect_fee_mode"),
        ({"fee_version": "2"}, "fee_version"),
        ({"base_fee_data_hex": "00" * 8 + "05" + "00" * 23}, "base_fee_data_hex"),
        ({"base_fee_data_hex": "0"}, "base_fee_data_hex"),
        ({"liquidity": str(1 << 128)}, "liquidity"),
        ({"protocol_fee_percent": "101"}, "protocol_fee_percent"),
        ({"dynamic_fee": None}, "dynamic_fee"),
    ):
        with pytest.raises(Refusal, match=name):
            MeteoraDammV2.from_state({**STATE, "pool": {**pool, **change}})
    got = answered("meteora_damm_v2", {**STATE, "amount": "1", "a_to_b": True, "fn": "all"})
    assert isinstance(got, Refusal) and got.code == "bad_field"
