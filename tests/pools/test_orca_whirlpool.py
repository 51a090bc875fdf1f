"""Orca Whirlpools: what the official core and the program answered; events and accounts."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from hotpath.pools import orca_whirlpool
from hotpath.pools.orca_whirlpool import OrcaWhirlpool, answer
from hotpath.pools.pool import Diverged, Refusal, Status, Swap
from tests.pools.concentrated_states import whirlpool
from tests.reference.pools import orca_whirlpool as twin

Json = dict[str, Any]


@pytest.fixture(scope="module")
def vectors(shared: Path) -> Json:
    loaded: Json = json.loads((shared / "vectors/solana/orca_whirlpool.json").read_bytes())
    return loaded


def direction_of(case: Json) -> int:
    return 0 if case["a_to_b"] else 1


def swap_of(case: Json) -> Swap:
    return Swap(direction_of(case), int(case["amount"]), not case["exact_in"])


def test_every_case_of_the_vectors_to_the_last_unit(vectors: Json) -> None:
    assert vectors["cases"]
    for case in vectors["cases"]:
        if "error" in case:
            with pytest.raises(Refusal):
                answer(case, None)
            with pytest.raises(twin.Refused):
                twin.answer(case)
        else:
            assert answer(case, None) == case["result"], case["id"]
            assert twin.answer(case) == case["result"], case["id"]


def test_execute_leaves_what_the_program_left(vectors: Json) -> None:
    for case in vectors["cases"]:
        if "program_result" not in case:
            continue
        pool = OrcaWhirlpool.from_state(case)
        done = pool.execute(swap_of(case))
        assert done.status in (Status.OK, Status.PARTIAL)
        after, left = pool.state()["pool"], case["program_result"]
        for member in ("liquidity", "sqrt_price", "tick_current_index"):
            assert after[member] == left[member], case["id"]
        assert str(done.price_after) == left["sqrt_price"]
        assert str(done.tick_after) == left["tick_current_index"]


def test_single_functions_of_the_vectors(vectors: Json) -> None:
    for case in vectors["meta"]["math"]:
        name, result = case["fn"], case.get("result")
        if name == "tick_index_to_sqrt_price":
            got = [
                orca_whirlpool.price_at_tick(int(case["tick"])),
                twin.price_at_tick(int(case["tick"])),
            ]
        elif name == "sqrt_price_to_tick_index":
            price = int(case["sqrt_price"])
            got = [orca_whirlpool.tick_at_price(price), twin.tick_at_price(price)]
        elif name.startswith("amount_delta"):
            arguments = int(case["sqrt_price_1"]), int(case["sqrt_price_2"]), int(case["liquidity"])
            delta = twin.delta_a if name.endswith("a") else twin.delta_b
            compiled = orca_whirlpool.amount_a if name.endswith("a") else orca_whirlpool.amount_b
            if "error" in case:
                assert delta(*arguments, case["round_up"]) > (1 << 64) - 1
                with pytest.raises(Refusal):
                    compiled(*arguments, case["round_up"])
                continue
            got = [delta(*arguments, case["round_up"]), compiled(*arguments, case["round_up"])]
        elif name.startswith("next_sqrt_price"):
            arguments = int(case["sqrt_price"]), int(case["liquidity"]), int(case["amount"])
            step = twin.next_price_from_a if name.endswith("a") else twin.next_price_from_b
            moved = (
                orca_whirlpool.price_after_a if name.endswith("a") else orca_whirlpool.price_after_b
            )
            if "error" in case:
                with pytest.raises(twin.Refused):
                    step(*arguments, case["specified_input"])
                with pytest.raises(Refusal):
                    moved(*arguments, case["specified_input"])
                continue
            got = [
                step(*arguments, case["specified_input"]),
                moved(*arguments, case["specified_input"]),
            ]
        else:
            fee, amount = case["transfer_fee"], int(case["amount"])
            numbers = int(fee["feeBps"]), int(fee["maxFee"])
            reverse = name == "reverse_apply_transfer_fee"
            if "error" in case:
                with pytest.raises(Refusal):
                    orca_whirlpool.before_transfer_fee(amount, *numbers)
                with pytest.raises(twin.Refused):
                    twin.TransferFee(*numbers).before(amount)
                continue
            by_hand = twin.TransferFee(*numbers)
            got = [
                by_hand.before(amount) if reverse else by_hand.after(amount),
                (
                    orca_whirlpool.before_transfer_fee
                    if reverse
                    else orca_whirlpool.after_transfer_fee
                )(amount, *numbers),
            ]
        assert [str(v) for v in got] == [result, result], case


def test_a_quote_says_what_executing_does_and_changes_nothing(vectors: Json) -> None:
    for case in vectors["cases"]:
        pool = OrcaWhirlpool.from_state(case)
        before = pool.state()
        ask = pool.quote_in if case["exact_in"] else pool.quote_out
        quote = ask(direction_of(case), int(case["amount"]))
        assert pool.state() == before
        done = pool.execute(swap_of(case))
        assert repr(done) == repr(quote)
        if quote.status != Status.OK and (quote.status != Status.PARTIAL or not case["exact_in"]):
            assert pool.state() == before


def test_the_state_comes_back_as_it_was(vectors: Json) -> None:
    for case in vectors["cases"]:
        state = OrcaWhirlpool.from_state(case).state()
        assert OrcaWhirlpool.from_state(state).state() == state
        assert state["pool"] == case["pool"]
        assert state["oracle"] == case["oracle"]
        assert sorted(state["ticks"], key=lambda r: int(r[0])) == case["ticks"]


def test_a_partial_exact_output_is_refused_as_partial() -> None:
    state = wide_pool()
    with pytest.raises(Refusal) as refused:
        answer(
            {
                **state,
                "exact_in": False,
                "a_to_b": True,
                "amount": str(10**15),
                "slippage_bps": "0",
            },
            None,
        )
    assert refused.value.code == "partial"
    pool = OrcaWhirlpool.from_state(state)
    assert pool.quote_out(0, 10**15).status == Status.PARTIAL
    assert pool.execute(Swap(0, 10**15, True)).status == Status.PARTIAL
    assert pool.state()["pool"] == state["pool"]


def wide_pool() -> Json:
    """A full-range pool in an array that ends at the end of the range."""
    spacing, edge = 32896, 443636 // 32896 * 32896
    price = 1 << 64
    return {
        "pool": {
            "tick_spacing": str(spacing),
            "fee_rate": "3000",
            "protocol_fee_rate": "300",
            "liquidity": "1000000000",
            "sqrt_price": str(price),
            "tick_current_index": "0",
            "fee_tier_index": str(spacing),
        },
        "oracle": None,
        "timestamp": "1760000000",
        "transfer_fee_a": None,
        "transfer_fee_b": None,
        "tick_array_starts": None,
        "ticks": [
            [str(-edge), "1000000000", "1000000000"],
            [str(edge), "-1000000000", "1000000000"],
        ],
    }


def test_a_stale_reference_beyond_the_range_bounds_a_step_behind_the_price() -> None:
    """Found by bytes: the low end of the fee's core range, of a group past the last tick, wraps to
    a price below the pool's; the program orders the two prices of a step, and so must we."""
    state = wide_pool()
    state["pool"] |= {
        "fee_rate": "1707",
        "fee_tier_index": "1024",
        "liquidity": "1165039",
        "sqrt_price": "2936678262357606961218",
        "tick_current_index": "101408",
    }
    state["oracle"] = {
        "tradeEnableTimestamp": "0",
        "adaptiveFeeConstants": {
            "filterPeriod": "55",
            "decayPeriod": "531",
            "reductionFactor": "2698",
            "adaptiveFeeControlFactor": "50542",
            "maxVolatilityAccumulator": "27778",
            "tickGroupSize": "32896",
            "majorSwapThresholdTicks": "625",
        },
        "adaptiveFeeVariables": {
            "lastReferenceUpdateTimestamp": "1762340807",
            "lastMajorSwapTimestamp": "1762340839",
            "volatilityReference": "10358",
            "tickGroupIndexReference": "18",
            "volatilityAccumulator": "27778",
        },
    }
    case = state | {
        "timestamp": "1762340839",
        "tick_array_starts": ["0"],
        "ticks": [["164480", "-984515", "984515"], ["328960", "-33256", "33256"]],
        "exact_in": True,
        "a_to_b": False,
        "amount": "501320241188",
        "slippage_bps": "0",
    }
    assert answer(case, None) == twin.answer(case)


def test_the_window_is_three_arrays_in_the_direction_of_the_trade() -> None:
    """A tick in the fourth array is out of reach, though its array is known."""
    spacing = 1
    ticks = [[str(t), str(10**12), str(10**12)] for t in (-270, -100)]
    ticks += [[str(t), str(-(10**12)), str(10**12)] for t in (300, 350)]
    state = wide_pool() | {
        "pool": wide_pool()["pool"]
        | {"tick_spacing": "1", "fee_tier_index": "1", "liquidity": str(2 * 10**12)},
        "ticks": ticks,
        "tick_array_starts": [str(88 * k) for k in range(-8, 8)],
    }
    pool = OrcaWhirlpool.from_state(state)
    reach = pool.quote_in(1, (1 << 62), twin.price_at_tick(3 * 88 - 1))
    assert reach.status == Status.PARTIAL
    assert pool.quote_in(1, (1 << 62), twin.price_at_tick(3 * 88)).status == Status.NO_LIQUIDITY
    # standing on an array's last tick, the window begins one array further
    shifted = OrcaWhirlpool.from_state(
        state
        | {
            "pool": state["pool"]
            | {"tick_current_index": "87", "sqrt_price": str(twin.price_at_tick(87))}
        }
    )
    assert shifted.quote_in(1, 1 << 62, twin.price_at_tick(4 * 88 - 1)).status == Status.PARTIAL
    assert spacing == int(state["pool"]["tick_spacing"])


def test_account_bytes_move_the_state(shared: Path) -> None:
    """Real accounts of the official repository: a pool and the two arrays of its position."""
    accounts = json.loads((shared / "vectors/solana/accounts_whirlpool.json").read_bytes())[
        "accounts"
    ]
    arrays = [a for a in accounts if a["account"] == "TickArray(fixed)" and "pubkey" in a]
    heads = {a["pubkey"]: a for a in accounts if a["account"] == "Whirlpool" and "pubkey" in a}
    assert arrays
    for array in arrays:
        head = heads[array["decoded"]["whirlpool"]]["decoded"]
        state = wide_pool()
        state["pool"]["tick_spacing"] = head["tickSpacing"]
        state["ticks"] = []
        pool = OrcaWhirlpool.from_state(state)
        pool.apply({"account": "TickArray", "data": array["data_base64"]})
        start, spacing = int(array["decoded"]["startTickIndex"]), int(head["tickSpacing"])
        assert pool.state()["ticks"] == [
            [str(start + int(t["i"]) * spacing), t["liquidityNet"], t["liquidityGross"]]
            for t in array["decoded"]["ticks"]
        ]
        pool.apply(base64.b64decode(heads[array["decoded"]["whirlpool"]]["data_base64"]))
        got = pool.state()["pool"]
        assert got["liquidity"] == head["liquidity"]
        assert got["sqrt_price"] == head["sqrtPrice"]
        assert got["tick_current_index"] == head["tickCurrentIndex"]
        assert got["fee_rate"] == head["feeRate"]
        with pytest.raises(Refusal):
            pool.apply(base64.b64decode(array["data_base64"])[:-200])
        mine = [
            base64.b64decode(a["data_base64"])
            for a in arrays
            if a["decoded"]["whirlpool"] == array["decoded"]["whirlpool"]
        ]
        whole = OrcaWhirlpool.from_accounts(
            [*mine, base64.b64decode(heads[array["decoded"]["whirlpool"]]["data_base64"])],
            1_760_000_000,
        )
        assert whole.state()["pool"] == got
        assert len(whole.state()["ticks"]) == len(mine)
        with pytest.raises(Refusal):
            OrcaWhirlpool.from_accounts(mine, 1_760_000_000)


def test_a_dynamic_tick_array_gives_the_same_ticks_as_a_fixed_one() -> None:
    entries = {3: (5, 7), 40: (-9, 11)}
    growth = bytes(80)
    fixed = b"\x45\x61\xbd\xbe\x6e\x07\x42\xbb" + (0).to_bytes(4, "little")
    moving = bytes.fromhex("11d8f68ee1c7da38") + (0).to_bytes(4, "little") + bytes(32 + 16)
    for i in range(88):
        net, gross = entries.get(i, (0, 0))
        body = net.to_bytes(16, "little", signed=True) + gross.to_bytes(16, "little") + growth
        fixed += bytes([i in entries]) + body
        moving += b"\x01" + body if i in entries else b"\x00"
    states = []
    for data in (fixed + bytes(32), moving):
        head = wide_pool()["pool"] | {"tick_spacing": "64", "fee_tier_index": "64"}
        pool = OrcaWhirlpool.from_state(wide_pool() | {"pool": head, "ticks": []})
        pool.apply(data)
        states.append(pool.state()["ticks"])
    assert states[0] == states[1] == [["192", "5", "7"], ["2560", "-9", "11"]]


def traded(before: Json, after: Json, quoted: Any, a_to_b: bool, out_fee: int = 0) -> Json:
    return {
        "event": "Traded",
        "args": {
            "a_to_b": a_to_b,
            "pre_sqrt_price": before["pool"]["sqrt_price"],
            "post_sqrt_price": after["pool"]["sqrt_price"],
            "input_amount": str(quoted.amount_in),
            "output_amount": str(quoted.amount_out + out_fee),
            "input_transfer_fee": "0",
            "output_transfer_fee": str(out_fee),
        },
    }


def test_following_events_keeps_the_state_equal() -> None:
    draw = Random(5)
    followed = 0
    for seed in range(400):
        case = whirlpool(Random(seed)) | {"transfer_fee_a": None, "transfer_fee_b": None}
        case["tick_array_starts"] = None
        leader, follower = OrcaWhirlpool.from_state(case), OrcaWhirlpool.from_state(case)
        for _ in range(4):
            a_to_b, amount = draw.random() < 0.5, draw.randint(1, 1 << draw.randint(1, 40))
            before = leader.state()
            done = leader.execute(Swap(0 if a_to_b else 1, amount, draw.random() < 0.5))
            if leader.state() == before:
                continue
            follower.apply(traded(before, leader.state(), done, a_to_b))
            assert follower.state() == leader.state()
            followed += 1
        lower = int(case["pool"]["tick_current_index"]) // 32896 * 32896
        spacing = int(case["pool"]["tick_spacing"])
        lower = max(lower, -443636 // spacing * spacing + spacing) // spacing * spacing
        position = {
            "tick_lower_index": lower,
            "tick_upper_index": lower + spacing,
            "liquidity": str(draw.randint(1, 1 << 40)),
        }
        if lower + spacing > 443636 or lower < -443636:
            continue
        ticks = follower.state()["ticks"]
        follower.apply({"event": "LiquidityIncreased", "args": position})
        assert follower.state()["ticks"] != ticks
        follower.apply({"event": "LiquidityDecreased", "args": position})
        assert follower.state() == leader.state()
    assert followed > 200


def test_a_position_that_moves_is_taken_out_and_put_in() -> None:
    def event(name: str, **args: object) -> Json:
        return {"event": name, "args": args}

    head = wide_pool()["pool"] | {"tick_spacing": "64", "fee_tier_index": "64"}
    state = wide_pool() | {"pool": head, "ticks": [], "tick_array_starts": ["0"]}
    moved, apart = OrcaWhirlpool.from_state(state), OrcaWhirlpool.from_state(state)
    put = {"tick_lower_index": -64, "tick_upper_index": 640, "liquidity": "900"}
    moved.apply(event("LiquidityIncreased", **put))
    there = {"new_range_tick_lower_index": 64, "new_range_tick_upper_index": 128}
    there |= {"new_range_liquidity": "7000"}
    here = {f"existing_range_{name}": value for name, value in put.items()}
    moved.apply(event("LiquidityRepositioned", **here, **there))
    put = {"tick_lower_index": 64, "tick_upper_index": 128, "liquidity": "7000"}
    apart.apply(event("LiquidityIncreased", **put))
    assert moved.state()["ticks"] == apart.state()["ticks"] != []
    assert moved.state()["pool"] == apart.state()["pool"]
    # the arrays in which a position begins and ends exist from then on
    assert moved.state()["tick_array_starts"] == ["-5632", "0"]
    with pytest.raises(Diverged):
        moved.apply(event("LiquidityRepositioned", **here, **there))


def test_an_impossible_event_stops_loudly_and_for_good() -> None:
    pool = OrcaWhirlpool.from_state(wide_pool())
    quoted = pool.quote_in(0, 10_000)
    after = {"pool": {"sqrt_price": str(quoted.price_after + 10**12)}}
    event = traded(wide_pool(), after, quoted, True)
    with pytest.raises(Diverged):
        pool.apply(event)
    assert pool.is_diverged()
    assert pool.quote_in(0, 10_000).status == Status.REFUSED
    with pytest.raises(Diverged):
        pool.apply(event)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("pool", None),
        ("pool", {}),
        ("ticks", None),
        ("ticks", [["1", "2"]]),
        ("ticks", [["5", "1", "1"]]),
        ("ticks", [["0", "1", "1"], ["0", "1", "1"]]),
        ("ticks", [["0", "1", "0"]]),
        ("timestamp", "-1"),
        ("timestamp", None),
        ("oracle", {}),
        ("tick_array_starts", ["7"]),
        ("transfer_fee_a", {"feeBps": "x", "maxFee": "1"}),
    ],
)
def test_malformed_states_are_bad_fields(member: str, value: object) -> None:
    with pytest.raises(Refusal) as refused:
        OrcaWhirlpool.from_state(wide_pool() | {member: value})
    assert refused.value.code == "bad_field"


def test_depth_is_what_reaches_the_limit() -> None:
    pool = OrcaWhirlpool.from_state(wide_pool())
    limit = (1 << 64) * 9 // 10
    depth = pool.depth(0, limit)
    assert depth.price_after == limit
    whole = pool.quote_in(0, depth.amount_in)
    assert whole.amount_out == depth.amount_out
    assert pool.spot_float(0) == pytest.approx(1.0)
    assert pool.rank_float(0) == pytest.approx(0.997)
