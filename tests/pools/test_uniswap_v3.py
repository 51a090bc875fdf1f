"""Uniswap V3 swaps executed by the real pool, its logs and its state, against the compiled pool."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from hotpath.pools.pool import Diverged, Refusal, Status, Swap
from hotpath.pools.uniswap_v3 import UniswapV3, answer
from tests.reference.pools.uniswap_v3 import Pool as Twin

Json = dict[str, Any]
AFTER = (
    "sqrtPriceX96",
    "tick",
    "liquidity",
    "feeGrowthGlobal0X128",
    "feeGrowthGlobal1X128",
    "protocolFees0",
    "protocolFees1",
)


@pytest.fixture(scope="module")
def states(shared: Path) -> list[Json]:
    loaded: list[Json] = json.loads((shared / "vectors/evm/uniswap_v3.json").read_bytes())["states"]
    return loaded


def cases(states: list[Json]) -> list[tuple[Json, Json]]:
    pairs = [({k: v for k, v in s.items() if k != "swaps"}, w) for s in states for w in s["swaps"]]
    assert pairs
    return pairs


def test_every_swap_of_the_vectors_to_the_last_unit(states: list[Json]) -> None:
    for state, swap in cases(states):
        if "revert" in swap:
            with pytest.raises(Refusal) as refused:
                answer(state, swap)
            assert refused.value.code == "refused"
            assert swap["revert"] in refused.value.why
            continue
        got = answer(state, swap)
        got.pop("gas", None)
        assert got == {k: swap[k] for k in ("amount0", "amount1", "ticksCrossed", "after")}


def test_a_quote_says_what_executing_does_and_changes_nothing(states: list[Json]) -> None:
    for state, swap in cases(states):
        if "revert" in swap:
            continue
        pool = UniswapV3.from_state(state)
        direction, amount = int(not swap["zeroForOne"]), int(swap["amountSpecified"])
        limit = int(swap["sqrtPriceLimitX96"])
        ask = pool.quote_in if amount > 0 else pool.quote_out
        quote = ask(direction, abs(amount), limit)
        assert pool.state() == {k: state[k] for k in pool.state()}
        paid, given = swap["amount0"], swap["amount1"]
        if direction:
            paid, given = given, paid
        assert (quote.amount_in, quote.amount_out) == (int(paid), -int(given))
        assert quote.price_after == int(swap["after"]["sqrtPriceX96"])
        assert quote.tick_after == int(swap["after"]["tick"])
        assert quote.crossed == int(swap["ticksCrossed"])
        done = quote.amount_in if amount > 0 else quote.amount_out
        assert (quote.status == Status.OK) == (done == abs(amount))
        moved = pool.execute(Swap(direction, abs(amount), amount < 0, limit))
        assert repr(moved) == repr(quote)
        assert {k: pool.state()[k] for k in AFTER} == swap["after"]


def test_the_gas_estimate_is_near_what_was_used(states: list[Json]) -> None:
    """Executed gas hangs on numbers outside the state; the estimate stays within a third of it."""
    for state, swap in cases(states):
        if "revert" in swap:
            continue
        amount = int(swap["amountSpecified"])
        pool = UniswapV3.from_state(state)
        ask = pool.quote_in if amount > 0 else pool.quote_out
        quote = ask(int(not swap["zeroForOne"]), abs(amount), int(swap["sqrtPriceLimitX96"]))
        assert quote.cost == pytest.approx(int(swap["gasPoolSwap"]), rel=1 / 3)


def test_the_twin_agrees_with_the_chain(states: list[Json]) -> None:
    """The slow twin that the fuzz tests lean on is itself held to the vectors."""
    for state, swap in cases(states):
        if "revert" in swap or int(swap["gasPoolSwap"]) > 5_000_000:
            continue  # a walk over the whole range takes the twin seconds
        twin = Twin.from_state(state)
        amount, limit = int(swap["amountSpecified"]), int(swap["sqrtPriceLimitX96"])
        done = twin.swap(swap["zeroForOne"], amount, limit)
        assert [str(x) for x in done] == [swap[k] for k in ("amount0", "amount1", "ticksCrossed")]
        assert twin.after() == swap["after"]


def pool_logs(logs: Json, kind: str) -> dict[str, list[Json]]:
    addresses = {a.lower() for a, k in logs["contracts"].items() if k == kind}
    found: dict[str, list[Json]] = {a: [] for a in addresses}
    for block in logs["blocks"]:
        for log in block["logs"]:
            if log["address"] in found:
                found[log["address"]].append(log)
    return found


def empty_pool(logs: Json, factory: str, address: str, **more: str) -> UniswapV3:
    """The pool as its factory made it: fee and spacing from PoolCreated."""
    for block in logs["blocks"]:
        for log in block["logs"]:
            decoded = log["decoded"]
            if decoded and decoded["contract"] == factory and decoded["event"] == "PoolCreated":
                args = decoded["args"]
                if args["pool"].lower() == address:
                    state = {"fee": args["fee"], "tickSpacing": args["tickSpacing"], "tick": "0"}
                    state |= {"sqrtPriceX96": "0", "liquidity": "0", "ticks": []} | more
                    return UniswapV3.from_state(state)
    raise AssertionError(f"{address} was not created")


@pytest.mark.parametrize(
    ("kind", "factory", "more"),
    [
        ("UniswapV3Pool", "UniswapV3Factory", {}),
        ("PancakeV3Pool", "PancakeV3Factory", {"feeProtocolDenominator": "10000"}),
    ],
)
def test_a_pool_follows_its_logs_from_birth(
    shared: Path, kind: str, factory: str, more: dict[str, str]
) -> None:
    """Raw and decoded give the same state; each Swap's tick and liquidity are what we compute; each
    log taken back leaves the state as it was."""
    logs = json.loads((shared / "vectors/evm/logs.json").read_bytes())
    found = pool_logs(logs, kind)
    assert any(found.values())
    for address, entries in found.items():
        raw, decoded = (empty_pool(logs, factory, address, **more) for _ in range(2))
        history = []
        for log in entries:
            before = raw.state()
            undo = raw.apply_keeping(log)
            decoded.apply(log["decoded"])
            assert raw.state() == decoded.state()
            history.append((before, undo))
            args = log["decoded"]["args"]
            if log["decoded"]["event"] == "Swap":
                assert raw.state()["tick"] == args["tick"]
                assert raw.state()["liquidity"] == args["liquidity"]
                assert raw.state()["sqrtPriceX96"] == args["sqrtPriceX96"]
        for before, undo in reversed(history):
            raw.take_back(undo)
            assert raw.state() == before


def swap_log(pool: UniswapV3, moved: UniswapV3, amount0: int, amount1: int) -> Json:
    after = moved.state()
    args = {"sender": "0x1", "recipient": "0x1", "amount0": amount0, "amount1": amount1}
    return {
        "event": "Swap",
        "args": args | {k: after[k] for k in ("sqrtPriceX96", "liquidity", "tick")},
    }


def test_a_swap_followed_by_its_log_leaves_the_executed_state(states: list[Json]) -> None:
    """Fee growth and protocol fees come out of the Swap log alone, as if we had executed it."""
    for state, swap in cases(states):
        if "revert" in swap or (swap["amount0"], swap["amount1"]) == ("0", "0"):
            continue
        pool, moved = UniswapV3.from_state(state), UniswapV3.from_state(state)
        amount = int(swap["amountSpecified"])
        limit = int(swap["sqrtPriceLimitX96"])
        moved.execute(Swap(int(not swap["zeroForOne"]), abs(amount), amount < 0, limit))
        pool.apply(swap_log(pool, moved, int(swap["amount0"]), int(swap["amount1"])))
        assert pool.state() == moved.state()


def test_a_log_that_this_state_could_not_have_done_stops_the_pool(states: list[Json]) -> None:
    state, swap = next(
        (s, w) for s, w in cases(states) if "revert" not in w and int(w["ticksCrossed"]) > 0
    )
    for wrong in ("liquidity", "tick", "sqrtPriceX96"):
        pool, moved = UniswapV3.from_state(state), UniswapV3.from_state(state)
        amount, limit = int(swap["amountSpecified"]), int(swap["sqrtPriceLimitX96"])
        moved.execute(Swap(int(not swap["zeroForOne"]), abs(amount), amount < 0, limit))
        log = swap_log(pool, moved, int(swap["amount0"]), int(swap["amount1"]))
        log["args"][wrong] = str(int(log["args"][wrong]) + 1)
        before = pool.state()
        with pytest.raises(Diverged):
            pool.apply(log)
        assert pool.state() == before
        assert pool.is_diverged()
        assert pool.quote_in(0, 1).status == Status.REFUSED
        with pytest.raises(Diverged):
            pool.apply(swap_log(pool, moved, int(swap["amount0"]), int(swap["amount1"])))


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("fee", "1000000"),
        ("fee", "-1"),
        ("fee", None),
        ("tickSpacing", "0"),
        ("tickSpacing", "16384"),
        ("sqrtPriceX96", "1"),
        ("sqrtPriceX96", str(1 << 160)),
        ("tick", "5"),
        ("tick", "1e3"),
        ("liquidity", str(1 << 128)),
        ("liquidity", True),
        ("feeGrowthGlobal0X128", str(1 << 256)),
        ("ticks", {}),
        ("ticks", [["0"]]),
        ("ticks", [["60", "1", "1"], ["0", "1", "1"]]),
        ("ticks", [["60", "1", "1"], ["60", "1", "1"]]),
        ("ticks", [["61", "1", "1"]]),
        ("ticks", [["887280", "1", "1"]]),
        ("ticks", [["60", "1", "0"]]),
        ("ticks", [["60", str(1 << 127), "1"]]),
        ("ticks", [("60", "1", "1")]),
    ],
)
def test_a_state_that_no_pool_can_have_is_refused(member: str, value: object) -> None:
    state: Json = {"fee": "3000", "tickSpacing": "60", "feeProtocol": "0", "liquidity": "0"}
    state |= {"sqrtPriceX96": str(1 << 96), "tick": "0", "ticks": []}
    UniswapV3.from_state(state)
    broken = state | {member: value}
    if value is None:
        del broken[member]
    with pytest.raises(Refusal) as refused:
        answer(
            broken, {"zeroForOne": True, "amountSpecified": "1", "sqrtPriceLimitX96": "4295128740"}
        )
    assert refused.value.code == "bad_field"


def test_the_protocol_takes_its_share_the_way_its_kin_does() -> None:
    """Uniswap divides by a nibble, PancakeSwap takes a half's share of its denominator."""
    state: Json = {"fee": "3000", "tickSpacing": "60", "liquidity": str(10**20), "tick": "0"}
    state |= {"sqrtPriceX96": str(1 << 96), "ticks": []}
    state |= {k: "0" for k in AFTER if k not in state}
    swap = {"zeroForOne": True, "amountSpecified": str(10**18), "sqrtPriceLimitX96": "4295128740"}
    for more, share in (
        ({"feeProtocol": str(0x46)}, 6),
        ({"feeProtocol": str(0x46), "feeProtocolDenominator": None}, 6),
        ({"feeProtocol": str(2500 | 9999 << 16), "feeProtocolDenominator": "10000"}, 4),
        ({"feeProtocol": "0", "feeProtocolDenominator": "10000"}, 0),
        ({}, 0),
    ):
        after = answer(state | more, swap)["after"]
        fee = 3 * 10**15
        assert int(after["protocolFees0"]) == (fee // share if share else 0)
        assert after["protocolFees1"] == "0"
        left = fee - int(after["protocolFees0"])
        assert int(after["feeGrowthGlobal0X128"]) == (left << 128) // 10**20


def test_ticks_come_and_go_as_in_a_dictionary() -> None:
    """Where stretches of the arrays are moved, every key must keep its numbers."""
    for seed in range(12):
        draw = Random(seed)
        pool = UniswapV3.from_state(
            {
                "fee": "500",
                "tickSpacing": "10",
                "feeProtocol": "0",
                "liquidity": "0",
                "tick": "0",
                "sqrtPriceX96": str(1 << 96),
                "ticks": [],
            }
        )
        positions: list[tuple[int, int, int]] = []
        reach = draw.choice((30, 400, 88_000))
        for turn in range(500):
            ends = sorted(draw.sample(range(-reach, reach), 2))
            if turn % 100 > 60:  # in a row, as when a state is read
                ends = [10 * turn, 10 * turn + draw.randint(1, 3)]
            if positions and draw.random() < (0.2 if turn < 300 else 0.7):
                low, high, amount = positions.pop(draw.randrange(len(positions)))
                event = "Burn"
            else:
                low, high, amount = 10 * ends[0], 10 * ends[1], draw.randint(1, 10**9)
                positions.append((low, high, amount))
                event = "Mint"
            args = {"owner": 1, "tickLower": low, "tickUpper": high, "amount": amount}
            args |= {"sender": 1} if event == "Mint" else {}
            pool.apply({"event": event, "args": args | {"amount0": 0, "amount1": 0}})
            if turn % 7:
                continue
            net: dict[int, int] = {}
            gross: dict[int, int] = {}
            for low, high, amount in positions:
                for tick, sign in ((low, 1), (high, -1)):
                    net[tick] = net.get(tick, 0) + sign * amount
                    gross[tick] = gross.get(tick, 0) + amount
            state = pool.state()
            assert state["ticks"] == [[str(t), str(net[t]), str(gross[t])] for t in sorted(net)]
            here = sum(amount for low, high, amount in positions if low <= 0 < high)
            assert state["liquidity"] == str(here)
            fresh = UniswapV3.from_state(
                state
            )  # what lies below and above the price is found there
            for direction in (0, 1):
                ours, theirs = pool.quote_in(direction, 10**12), fresh.quote_in(direction, 10**12)
                assert (ours.amount_out, ours.crossed) == (theirs.amount_out, theirs.crossed)


def test_a_pool_of_2000_ticks_is_small() -> None:
    ticks = [[str(60 * i), "1" if i % 2 == 0 else "-1", "1"] for i in range(-1000, 1000)]
    state: Json = {"fee": "3000", "tickSpacing": "60", "feeProtocol": "0", "liquidity": "0"}
    pool = UniswapV3.from_state(state | {"sqrtPriceX96": str(1 << 96), "tick": "0", "ticks": ticks})
    assert pool.__sizeof__() <= 128 * 1024
