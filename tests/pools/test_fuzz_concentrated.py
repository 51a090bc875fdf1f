"""Solana's concentrated pools against their twins, and what must hold of any pool."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from hotpath.pools import meteora_dlmm, orca_whirlpool, raydium_clmm
from hotpath.pools.meteora_dlmm import MeteoraDlmm
from hotpath.pools.orca_whirlpool import OrcaWhirlpool
from hotpath.pools.pool import Pool, Refusal, Status
from hotpath.pools.raydium_clmm import RaydiumClmm
from tests.pools import concentrated_states as states
from tests.reference.pools import meteora_dlmm as dlmm_twin
from tests.reference.pools import orca_whirlpool as orca_twin
from tests.reference.pools import raydium_clmm as clmm_twin

Json = dict[str, Any]
KINDS: list[tuple[Any, Any, Callable[[Random], Json]]] = [
    (orca_whirlpool, orca_twin, states.whirlpool),
    (raydium_clmm, clmm_twin, states.clmm),
    (meteora_dlmm, dlmm_twin, states.dlmm),
]
NAMES = [kind[0].__name__.rsplit(".", 1)[1] for kind in KINDS]
POOLS: list[type[Pool]] = [OrcaWhirlpool, RaydiumClmm, MeteoraDlmm]


def compare(kind: int, seeds: range) -> set[str]:
    """Answers of the compiled kind and of the twin, case by case; the outcomes met."""
    module, twin, draw_case = KINDS[kind]
    met = set()
    for seed in seeds:
        case = draw_case(Random(seed))
        try:
            got: object = module.answer(case, None)
        except Refusal as refusal:
            got = refusal.code
        try:
            wanted: object = twin.answer(case)
        except twin.Refused as refused:
            wanted = refused.code
        assert got == wanted, (NAMES[kind], seed)
        met.add(got if isinstance(got, str) else "ok")
    return met


@pytest.mark.parametrize("kind", range(3), ids=NAMES)
def test_compiled_and_twin_agree(kind: int) -> None:
    assert compare(kind, range(2500)) >= {"ok", "refused", "overflow"}


@pytest.mark.long
@pytest.mark.parametrize("part", range(5))
@pytest.mark.parametrize("kind", range(3), ids=NAMES)
def test_compiled_and_twin_agree_by_the_hundred_thousand(kind: int, part: int) -> None:
    first = 10**6 + 25_000 * part
    assert compare(kind, range(first, first + 25_000)) >= {"ok", "refused", "overflow"}


def drawn(kind: int, seed: int) -> tuple[Pool, Random]:
    case = KINDS[kind][2](Random(seed))
    return POOLS[kind].from_state(case), Random(seed + 10**9)


@pytest.mark.parametrize("kind", range(3), ids=NAMES)
def test_more_in_never_gives_less_out(kind: int) -> None:
    compared = 0
    for seed in range(1500):
        pool, draw = drawn(kind, seed)
        direction, amount = draw.randint(0, 1), draw.randint(1, 1 << draw.randint(1, 45))
        less = pool.quote_in(direction, amount)
        more = pool.quote_in(direction, amount + draw.randint(1, 1 << draw.randint(1, 40)))
        if less.status == more.status == Status.OK and not adaptive(pool):
            assert more.amount_out >= less.amount_out, seed
            compared += 1
    assert compared > 100


@pytest.mark.parametrize("kind", range(3), ids=NAMES)
def test_in_of_out_is_in_the_pools_favour(kind: int) -> None:
    """Less than what an exact input gives costs no more as an exact output, but for a unit a step.

    Each step rounds its cost up, so the sum may be a unit a step above. The whole output may cost
    more: where it is all that a range holds, rounded down, the programs go to the range's end.
    """
    compared = 0
    for seed in range(2500):
        pool, draw = drawn(kind, seed)
        if has_transfer_fee(pool) or adaptive(pool):
            continue
        direction, amount = draw.randint(0, 1), draw.randint(1, 1 << draw.randint(1, 45))
        bought = pool.quote_in(direction, amount)
        if bought.status != Status.OK or bought.amount_out < 2:
            continue
        cost = pool.quote_out(direction, bought.amount_out - 1)
        assert cost.status == Status.OK, seed
        assert cost.amount_in <= amount + bought.crossed + 1, seed
        compared += 1
    assert compared > 100


def slack(pool: Pool, crossed: int) -> int:
    """Units of out that one unit of in is worth, for the roundings of each step."""
    spot = max(pool.spot_float(0), pool.spot_float(1), 1.0)
    return int(spot * 4) * (crossed + 2) + 2


@pytest.mark.parametrize("kind", range(3), ids=NAMES)
def test_a_swap_and_back_gains_nothing(kind: int) -> None:
    from hotpath.pools.pool import Swap

    compared = 0
    for seed in range(2500):
        pool, draw = drawn(kind, seed)
        direction = draw.randint(0, 1)
        there = pool.execute(Swap(direction, draw.randint(1, 1 << draw.randint(1, 45))))
        if there.status != Status.OK or there.amount_out == 0:
            continue
        back = pool.execute(Swap(1 - direction, there.amount_out))
        if back.status != Status.OK:
            continue
        assert back.amount_out <= there.amount_in, seed
        compared += 1
    assert compared > 100


@pytest.mark.parametrize("kind", range(3), ids=NAMES)
def test_splitting_a_swap_never_beats_the_whole(kind: int) -> None:
    """Beyond the roundings: each part rounds for the pool, and so do the parts together."""
    from hotpath.pools.pool import Swap

    compared = 0
    for seed in range(2500):
        pool, draw = drawn(kind, seed)
        if has_transfer_fee(pool) or adaptive(pool):
            continue
        direction, amount = draw.randint(0, 1), draw.randint(2, 1 << draw.randint(2, 45))
        first = draw.randint(1, amount - 1)
        whole = pool.quote_in(direction, amount)
        if whole.status != Status.OK:
            continue
        parts = [pool.execute(Swap(direction, x)) for x in (first, amount - first)]
        if any(p.status != Status.OK for p in parts):
            continue
        allowed = 0 if kind != 2 else slack(pool, whole.crossed)
        assert sum(p.amount_out for p in parts) <= whole.amount_out + allowed, seed
        compared += 1
    assert compared > 100


def adaptive(pool: Pool) -> bool:
    """Whether the fee moves with the swap: then a larger one may be charged at other rates."""
    state = pool.state()
    if "lb_pair" in state:
        return bool(state["lb_pair"]["parameters"]["variableFeeControl"] != "0")
    if "oracle" in state:
        return state["oracle"] is not None
    return state["pool"]["dynamic_fee_info"] is not None


def has_transfer_fee(pool: Pool) -> bool:
    state = pool.state()
    return any(state.get(f"transfer_fee_{c}") for c in "abxy")


@pytest.mark.parametrize("kind", range(3), ids=NAMES)
def test_bytes_that_are_no_account_never_move_a_pool(kind: int) -> None:
    draw = Random(kind)
    pool = POOLS[kind].from_state(KINDS[kind][2](Random(3)))
    before = pool.state()
    for _ in range(2000):
        data = draw.randbytes(draw.randint(0, 400))
        with pytest.raises(Refusal):
            pool.apply(data)
    assert pool.state() == before


HEADS = [
    ("3f95d10ce1806309", "4561bdbe6e0742bb", "11d8f68ee1c7da38", "8bc283b38cb3e5f4"),
    ("f7ede3f5d7c3de46", "c09b55cd31f9812a", "daf42168cbcb2b6f"),
    ("210b3162b565b10d", "5c8e5cdc059446b5", "506f7c7137ed1205"),
]


@pytest.mark.parametrize("kind", range(3), ids=NAMES)
def test_bytes_that_begin_like_an_account_leave_a_pool_that_answers(kind: int) -> None:
    """Either refused, and nothing moved, or taken, and the pool still quotes and comes back."""
    draw, taken = Random(kind), 0
    for seed in range(800):
        pool, _ = drawn(kind, seed)
        before = pool.state()
        size = draw.choice((0, 1, 60, 100, 200, 700, 1544, 2000, 10500))
        few = bytes(draw.choice((0, 0, 0, 1, 255)) for _ in range(min(size, 1600)))
        body = draw.randbytes(size) if draw.random() < 0.5 else few + bytes(size - len(few))
        try:
            pool.apply(bytes.fromhex(draw.choice(HEADS[kind])) + body)
            taken += 1
        except Refusal:
            assert pool.state() == before
        for direction in (0, 1):
            assert pool.quote_in(direction, 12345).status in Status
            assert pool.quote_out(direction, 1 << 33).status in Status
        pool.state()
    assert taken > 0
