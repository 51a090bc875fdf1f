"""Raydium CLMM: what the official SDK and the program answered, and what events and accounts do."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from hotpath.pools import raydium_clmm
from hotpath.pools.pool import Diverged, Refusal, Status, Swap
from hotpath.pools.raydium_clmm import RaydiumClmm, answer
from tests.pools.concentrated_states import clmm
from tests.reference.pools import raydium_clmm as twin

Json = dict[str, Any]


@pytest.fixture(scope="module")
def vectors(shared: Path) -> Json:
    loaded: Json = json.loads((shared / "vectors/solana/raydium_clmm.json").read_bytes())
    return loaded


def direction_of(case: Json) -> int:
    return 0 if case["zero_for_one"] else 1


def limit_of(case: Json) -> int | None:
    return int(case["sqrt_price_limit_x64"]) or None


def swap_of(case: Json) -> Swap:
    return Swap(direction_of(case), int(case["amount"]), not case["exact_in"], limit_of(case))


def test_every_case_of_the_vectors_to_the_last_unit(vectors: Json) -> None:
    assert vectors["cases"]
    for case in vectors["cases"]:
        if "error" in case:
            with pytest.raises(Refusal):
                answer(case, None)
            with pytest.raises(twin.Refused):
                twin.answer(case)
            continue
        got, by_hand = answer(case, None), twin.answer(case)
        assert got == by_hand, case["id"]
        assert got == case["result"], case["id"]


def test_single_functions_of_the_vectors(vectors: Json) -> None:
    for case in vectors["meta"]["math"]:
        name = case["fn"]
        if name == "sqrt_price_at_tick":
            tick = int(case["tick"])
            got = [raydium_clmm.price_at_tick(tick), twin.price_at_tick(tick)]
        elif name == "tick_at_sqrt_price":
            price = int(case["sqrt_price_x64"])
            got = [raydium_clmm.tick_at_price(price), twin.tick_at_price(price)]
        else:
            a, b = int(case["sqrt_price_a"]), int(case["sqrt_price_b"])
            zero = name == "delta_amount_0"
            rest = int(case["liquidity"]), case["round_up"]
            got = [
                (raydium_clmm.amount_0 if zero else raydium_clmm.amount_1)(a, b, *rest),
                (twin.delta_0 if zero else twin.delta_1)(a, b, *rest),
            ]
        assert [str(v) for v in got] == [case["result"]] * 2, case


def test_execute_leaves_what_the_quote_says(vectors: Json) -> None:
    for case in vectors["cases"]:
        pool = RaydiumClmm.from_state(case)
        before = pool.state()
        ask = pool.quote_in if case["exact_in"] else pool.quote_out
        quote = ask(direction_of(case), int(case["amount"]), limit_of(case))
        assert pool.state() == before
        assert repr(pool.execute(swap_of(case))) == repr(quote)
        after = pool.state()["pool"]
        whole = case.get("result", {}).get("all_trade", False)
        if not whole or (not case["exact_in"] and quote.status != Status.OK and not limit_of(case)):
            assert after == before["pool"]
            continue
        assert after["sqrt_price_x64"] == case["result"]["sqrt_price_x64"]
        assert after["tick_current"] == case["result"]["tick_current"]
        assert after["liquidity"] == case["result"]["liquidity"]


def test_the_state_comes_back_as_it_was(vectors: Json) -> None:
    for case in vectors["cases"]:
        state = RaydiumClmm.from_state(case).state()
        assert RaydiumClmm.from_state(state).state() == state
        assert state["pool"] == case["pool"]
        full = [row + ["0"] * (7 - len(row)) for row in case["ticks"]]
        assert [row + ["0"] * (7 - len(row)) for row in state["ticks"]] == full


def after_of(pool: twin.Pool) -> Json:
    """The twin's state in the compiled state's members."""
    return {
        "liquidity": str(pool.liquidity),
        "sqrt_price_x64": str(pool.price),
        "tick_current": str(pool.tick),
        "ticks": [
            [at, t.net, t.gross, t.phase, t.orders, t.part, t.ratio]
            for at, t in sorted(pool.ticks.items())
            if t.gross or t.unfilled()
        ],
        "dynamic": None
        if pool.dynamic is None
        else [
            pool.dynamic.index_reference,
            pool.dynamic.volatility_reference,
            pool.dynamic.volatility,
            pool.dynamic.last_update,
        ],
    }


def state_of(pool: RaydiumClmm) -> Json:
    state = pool.state()
    dynamic = state["pool"]["dynamic_fee_info"]
    names = ("tickSpacingIndexReference", "volatilityReference", "volatilityAccumulator")
    return {
        "liquidity": state["pool"]["liquidity"],
        "sqrt_price_x64": state["pool"]["sqrt_price_x64"],
        "tick_current": state["pool"]["tick_current"],
        "ticks": [[int(v) for v in row] + [0] * (7 - len(row)) for row in state["ticks"]],
        "dynamic": None
        if dynamic is None
        else [int(dynamic[n]) for n in (*names, "lastUpdateTimestamp")],
    }


def test_executing_fills_orders_as_the_twin_does() -> None:
    filled = 0
    for seed in range(1500):
        case = clmm(Random(seed))
        pool, by_hand = RaydiumClmm.from_state(case), twin.Pool.from_case(case)
        assert state_of(pool) == after_of(by_hand)
        quote = pool.execute(swap_of(case))
        if quote.status != Status.OK:
            continue
        by_hand.swap(
            int(case["amount"]), case["zero_for_one"], case["exact_in"], limit_of(case) or 0
        )
        assert state_of(pool) == after_of(by_hand), seed
        filled += any(len(row) == 7 for row in case["ticks"])
    assert filled > 100


def plain_pool() -> Json:
    return {
        "pool": {
            "tick_spacing": "60",
            "liquidity": "1000000000",
            "sqrt_price_x64": str(1 << 64),
            "tick_current": "0",
            "fee_on": "0",
            "dynamic_fee_info": None,
        },
        "amm_config": {"tradeFeeRate": "2500", "protocolFeeRate": "120000", "fundFeeRate": "40000"},
        "block_timestamp": "1780000000",
        "ticks": [["-6000", "1000000000", "1000000000"], ["6000", "-1000000000", "1000000000"]],
    }


def test_out_of_ticks_the_answer_is_partial_and_nothing_moves() -> None:
    pool = RaydiumClmm.from_state(plain_pool())
    before = pool.state()
    quote = pool.quote_in(0, 1 << 60)
    assert quote.status == Status.PARTIAL
    assert quote.amount_in < 1 << 60
    assert pool.execute(Swap(0, 1 << 60)).status == Status.PARTIAL
    assert pool.state() == before
    asked = plain_pool() | {"zero_for_one": True, "exact_in": True, "amount": str(1 << 60)}
    result = answer(asked, None)
    assert result["all_trade"] is False
    assert int(result["amount_specified_remaining"]) == (1 << 60) - quote.amount_in


def swap_event(before: Json, after: Json, quoted: Any, zero_for_one: bool) -> Json:
    amounts = (quoted.amount_in, quoted.amount_out)
    amount_0, amount_1 = amounts if zero_for_one else amounts[::-1]
    return {
        "event": "SwapEvent",
        "args": {
            "zero_for_one": zero_for_one,
            "amount_0": str(amount_0),
            "amount_1": str(amount_1),
            "transfer_fee_0": "0",
            "transfer_fee_1": "0",
            "sqrt_price_x64": after["pool"]["sqrt_price_x64"],
            "liquidity": after["pool"]["liquidity"],
            "tick": int(after["pool"]["tick_current"]),
        },
    }


def test_following_swaps_keeps_the_state_equal() -> None:
    draw = Random(6)
    followed = 0
    for seed in range(400):
        case = clmm(Random(seed))
        leader, follower = RaydiumClmm.from_state(case), RaydiumClmm.from_state(case)
        for _ in range(4):
            zfo, amount = draw.random() < 0.5, draw.randint(1, 1 << draw.randint(1, 40))
            before = leader.state()
            done = leader.execute(Swap(0 if zfo else 1, amount, draw.random() < 0.5))
            if leader.state() == before:
                continue
            follower.apply(swap_event(before, leader.state(), done, zfo))
            assert follower.state() == leader.state(), seed
            followed += 1
    assert followed > 200


def test_liquidity_at_the_price_comes_and_goes() -> None:
    pool = RaydiumClmm.from_state(plain_pool())
    before = pool.state()
    change = {"tick": 0, "tick_lower": -120, "tick_upper": 180}
    more = change | {"liquidity_before": "1000000000", "liquidity_after": "1000000777"}
    pool.apply({"event": "LiquidityChangeEvent", "args": more})
    assert pool.state()["pool"]["liquidity"] == "1000000777"
    assert len(pool.state()["ticks"]) == 4
    less = change | {"liquidity_before": "1000000777", "liquidity_after": "1000000000"}
    pool.apply({"event": "LiquidityChangeEvent", "args": less})
    assert pool.state() == before
    beside = {"tick": 0, "tick_lower": 120, "tick_upper": 180}
    hidden = beside | {"liquidity_before": "1000000000", "liquidity_after": "1000000000"}
    for event in ("LiquidityChangeEvent", "OpenLimitOrderEvent"):
        with pytest.raises(Refusal):
            pool.apply({"event": event, "args": hidden})
    assert pool.state() == before
    with pytest.raises(Diverged):
        pool.apply({"event": "LiquidityChangeEvent", "args": less})
    assert pool.quote_in(0, 5).status == Status.REFUSED


def test_account_bytes_move_the_state(shared: Path) -> None:
    """Random account bytes of the official layouts, made into ones that the chain can hold."""
    accounts = json.loads((shared / "vectors/solana/accounts_raydium.json").read_bytes())[
        "accounts"
    ]
    seen = set()
    for account in accounts:
        decoded, data = account["decoded"], base64.b64decode(account["data_base64"])
        if account["layout"] == "ClmmConfigLayout":
            discriminator = bytes.fromhex("daf42168cbcb2b6f")
            pool = RaydiumClmm.from_state(plain_pool())
            raw = bytearray(discriminator + data[8:])
            raw[47:51] = (2500).to_bytes(4, "little")
            pool.apply(bytes(raw))
            got = pool.state()["amm_config"]
            assert got["tradeFeeRate"] == "2500"
            assert got["protocolFeeRate"] == decoded["protocolFeeRate"]
            assert got["fundFeeRate"] == decoded["fundFeeRate"]
            seen.add(account["layout"])
        elif account["layout"] == "ClmmTickArrayLayout":
            raw = bytearray(bytes.fromhex("c09b55cd31f9812a") + data[8:])
            raw[40:44] = (-3600).to_bytes(4, "little", signed=True)
            pool = RaydiumClmm.from_state(plain_pool() | {"ticks": []})
            pool.apply(bytes(raw))
            wanted = [
                [
                    str(-3600 + 60 * i),
                    *(
                        t[m]
                        for m in ("liquidityNet", "liquidityGross", "orderPhase", "ordersAmount")
                    ),
                    t["partFilledOrdersRemaining"],
                    t["unfilledRatioX64"],
                ]
                for i, t in enumerate(decoded["ticks"])
            ]
            assert pool.state()["ticks"] == wanted
            with pytest.raises(Refusal):
                pool.apply(bytes(raw[:9000]))
            seen.add(account["layout"])
        elif account["layout"] == "ClmmPoolInfoLayout":
            raw = bytearray(bytes.fromhex("f7ede3f5d7c3de46") + data[8:])
            raw[235:237] = (60).to_bytes(2, "little")
            raw[253:269] = (1 << 64).to_bytes(16, "little")
            raw[269:273] = (0).to_bytes(4, "little")
            raw[1106:1110] = (350_000).to_bytes(4, "little")
            pool = RaydiumClmm.from_state(plain_pool())
            pool.apply(bytes(raw))
            state = pool.state()["pool"]
            assert state["liquidity"] == decoded["liquidity"]
            fee = dict(decoded["dynamicFeeInfo"]) | {"maxVolatilityAccumulator": "350000"}
            assert {k: state["dynamic_fee_info"][k] for k in state["dynamic_fee_info"]} == {
                k: fee[k] for k in state["dynamic_fee_info"]
            }
            config = (
                bytes.fromhex("daf42168cbcb2b6f")
                + bytes(39)
                + (2500).to_bytes(4, "little")
                + bytes(60)
            )
            made = RaydiumClmm.from_accounts([bytes(raw), config], 1_780_000_000).state()
            assert made["pool"] == state
            assert made["amm_config"]["tradeFeeRate"] == "2500"
            with pytest.raises(Refusal):
                RaydiumClmm.from_accounts([bytes(raw)], 1_780_000_000)
            pool.apply(bytes(raw[:300]))
            seen.add(account["layout"])
    assert seen == {"ClmmConfigLayout", "ClmmTickArrayLayout", "ClmmPoolInfoLayout"}


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("pool", None),
        ("pool", {}),
        ("amm_config", {"tradeFeeRate": "1000000"}),
        ("ticks", None),
        ("ticks", [["1", "2"]]),
        ("ticks", [["5", "1", "1"]]),
        ("ticks", [["0", "1", "1"], ["0", "1", "1"]]),
        ("block_timestamp", None),
    ],
)
def test_malformed_states_are_bad_fields(member: str, value: object) -> None:
    with pytest.raises(Refusal) as refused:
        RaydiumClmm.from_state(plain_pool() | {member: value})
    assert refused.value.code == "bad_field"


def test_depth_is_what_reaches_the_limit() -> None:
    pool = RaydiumClmm.from_state(plain_pool())
    limit = (1 << 64) * 9 // 10
    depth = pool.depth(0, limit)
    assert depth.price_after == limit
    assert pool.quote_in(0, depth.amount_in).amount_out == depth.amount_out
    assert pool.spot_float(1) == pytest.approx(1.0)
    assert pool.rank_float(1) == pytest.approx(0.9975)
