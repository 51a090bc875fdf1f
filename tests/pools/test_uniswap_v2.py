"""Uniswap V2 executed by the real library and pair, against the compiled pool."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hotpath.pools.pool import Pool, Refusal, Status, Swap
from hotpath.pools.uniswap_v2 import UniswapV2, answer
from tests.reference.pools import uniswap_v2 as twin

Json = dict[str, Any]


@pytest.fixture(scope="module")
def vectors(shared: Path) -> Json:
    loaded: Json = json.loads((shared / "vectors/evm/uniswap_v2.json").read_bytes())
    return loaded


def state(reserve_in: object, reserve_out: object, who: str, fee_bps: int = 30) -> Json:
    reserves = {"reserveIn": str(reserve_in), "reserveOut": str(reserve_out)}
    return reserves | {"fee_bps": str(fee_bps), "as": who}


def library(amount: str, reserves: list[str], exact_in: bool) -> str | None:
    try:
        swap = {"amountIn" if exact_in else "amountOut": amount}
        [result] = answer(state(*reserves, "library"), swap).values()
        return str(result)
    except Refusal:
        return None


@pytest.mark.parametrize("name", ["getAmountOut", "getAmountIn"])
def test_every_answer_of_the_library(vectors: Json, name: str) -> None:
    exact_in = name == "getAmountOut"
    assert vectors[name]
    for amount, reserve_in, reserve_out, result in vectors[name]:
        want = None if isinstance(result, dict) else result
        assert library(amount, [reserve_in, reserve_out], exact_in) == want
        door = twin.amount_out if exact_in else twin.amount_in
        try:
            slow = str(door(int(amount), int(reserve_in), int(reserve_out)))
        except twin.Reverts:
            slow = None
        assert slow == want


def test_every_path_of_the_router(vectors: Json) -> None:
    assert vectors["paths"]
    for case in vectors["paths"]:
        for name, exact_in in (("getAmountsOut", True), ("getAmountsIn", False)):
            amounts: list[str] | None = [case["amount"]]
            for reserves in case["reserves"] if exact_in else case["reserves"][::-1]:
                step = library(amounts[-1], reserves, exact_in) if amounts else None
                amounts = None if step is None or amounts is None else [*amounts, step]
            if amounts and not exact_in:
                amounts.reverse()
            assert amounts == (None if isinstance(case[name], dict) else case[name])


def test_every_swap_executed_by_the_pair(vectors: Json) -> None:
    for case in vectors["swaps"]:
        direction = int(not case["zeroForOne"])
        reserves = [case["reserve0"], case["reserve1"]]
        pool = UniswapV2.from_state(state(*reserves, "pair"))
        exact_in = case["kind"] == "exactInput"
        swap = Swap(direction, int(case["amountIn" if exact_in else "amountOut"]), not exact_in)
        done = pool.execute(swap)
        if "revert" in case:
            assert done.status != Status.OK
            assert pool.state() == state(*reserves, "pair")
            continue
        assert done.status == Status.OK
        assert (done.amount_in, done.amount_out) == (int(case["amountIn"]), int(case["amountOut"]))
        assert pool.state() == state(case["reserve0After"], case["reserve1After"], "pair")


def test_the_fee_is_data() -> None:
    """PancakeSwap V2 counts 9975/10000, and its products overflow where 10000 does."""
    reserves = (10**18, 3 * 10**18)
    for fee_bps in (0, 1, 5, 20, 25, 30, 100, 9999):
        for amount in (1, 997, 10**15, 10**18 - 1):
            pool = UniswapV2.from_state(state(*reserves, "library", fee_bps))
            assert pool.quote_in(0, amount).amount_out == twin.amount_out(
                amount, *reserves, fee_bps
            )
            assert pool.quote_out(1, amount).amount_in == twin.amount_in(
                amount, reserves[1], reserves[0], fee_bps
            )


def history(shared: Path) -> tuple[Json, str]:
    logs: Json = json.loads((shared / "vectors/evm/logs.json").read_bytes())
    return logs, logs["reorg"]["pair"].lower()


def feed(pool: Pool, blocks: list[Json], pair: str, kept: dict[tuple[str, int], bytes]) -> None:
    for block in blocks:
        for log in block["logs"]:
            if log["address"].lower() == pair:
                assert isinstance(pool, UniswapV2)
                kept[block["hash"], log["logIndex"]] = pool.apply_keeping(log)


def reserves_of(pool: Pool) -> list[str]:
    return [pool.state()["reserveIn"], pool.state()["reserveOut"]]


def test_a_pair_follows_its_logs_through_a_reorganisation(shared: Path) -> None:
    logs, pair = history(shared)
    reorg = logs["reorg"]
    pool = UniswapV2.from_state(state(0, 0, "pair"))
    kept: dict[tuple[str, int], bytes] = {}
    for block in logs["blocks"]:
        if block["number"] < reorg["firstBlock"]:
            feed(pool, [block], pair, kept)
    feed(pool, reorg["before"], pair, kept)
    assert reserves_of(pool) == reorg["reservesBefore"][:2]
    for block_hash, log_index in reorg["undo"]:
        if undo := kept.pop((block_hash, log_index), None):
            pool.take_back(undo)
    dropped = {b["hash"] for b in reorg["before"]} - {b["hash"] for b in reorg["after"]}
    assert not any(block in dropped for block, _ in kept)
    known = {b["hash"] for b in reorg["before"]}
    fresh = [b for b in reorg["after"] if b["hash"] not in known]
    feed(pool, fresh, pair, kept)
    assert reserves_of(pool) == reorg["reservesAtEnd"][:2]


def test_each_log_moves_the_pair_as_its_getreserves_says(shared: Path) -> None:
    """Sync is the whole truth: raw and decoded logs of every pair give the reserves it carries."""
    logs, _ = history(shared)
    pairs = {a.lower() for a, kind in logs["contracts"].items() if kind == "UniswapV2Pair"}
    pools = {p: UniswapV2.from_state(state(0, 0, "pair")) for p in pairs}
    decoded = {p: UniswapV2.from_state(state(0, 0, "pair")) for p in pairs}
    for block in logs["blocks"]:
        for log in block["logs"]:
            if (address := log["address"].lower()) in pairs:
                pools[address].apply(log)
                decoded[address].apply(log["decoded"])
                if log["decoded"]["event"] == "Sync":
                    args = log["decoded"]["args"]
                    assert reserves_of(pools[address]) == [args["reserve0"], args["reserve1"]]
                assert pools[address].state() == decoded[address].state()


def test_depth_is_the_last_amount_that_keeps_the_rate() -> None:
    pool = UniswapV2.from_state(state(10**18, 2 * 10**18, "pair"))
    limit = (19 << 96) // 10
    deep = pool.depth(0, limit)
    for amount, holds in ((deep.amount_in, True), (deep.amount_in + 1, False)):
        given = pool.quote_in(0, amount).amount_out
        rate = ((2 * 10**18 - given) << 96) >= limit * (10**18 + amount)
        assert rate is holds


@pytest.mark.parametrize(
    "broken",
    [
        {"reserveIn": str(1 << 112)},
        {"reserveIn": None},
        {"reserveOut": "-1"},
        {"fee_bps": "10000"},
        {"as": "router"},
    ],
)
def test_a_state_that_no_pair_can_have_is_refused(broken: Json) -> None:
    with pytest.raises(Refusal) as refused:
        answer(state(10**6, 10**6, "pair") | broken, {"amountIn": "5"})
    assert refused.value.code == "bad_field"


@pytest.mark.parametrize("swap", [None, {}, {"amountIn": "1", "amountOut": "1"}, {"amountIn": 0.5}])
def test_a_swap_that_says_nothing_is_refused(swap: Json | None) -> None:
    with pytest.raises(Refusal) as refused:
        answer(state(10**6, 10**6, "pair"), swap)
    assert refused.value.code == "bad_field"
