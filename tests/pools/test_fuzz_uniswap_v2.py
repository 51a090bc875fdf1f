"""Random reserves and swaps of Uniswap V2 pairs equal the twin, edges included."""

from __future__ import annotations

import random

import pytest

from hotpath.pools.pool import Status, Swap
from hotpath.pools.uniswap_v2 import UniswapV2
from tests.reference.pools import uniswap_v2 as twin

EDGES = (1, 2, 3, (1 << 64) - 1, 1 << 64, (1 << 111) - 1, 1 << 111, (1 << 112) - 1, 1 << 112)
FAR = (*EDGES, (1 << 246) - 1, 1 << 246, (1 << 255) - 1, (1 << 256) - 1)


def number(draw: random.Random, edges: tuple[int, ...], bits: int) -> int:
    if draw.random() < 0.25:
        return draw.choice(edges)
    return draw.getrandbits(draw.choice((1, 10, 50, 64, 65, 90, bits)))


def compare(seeds: range) -> None:
    for seed in seeds:
        draw = random.Random(seed)
        library = draw.random() < 0.4
        bits = 256 if library else 112
        edges = FAR if library else tuple(e for e in EDGES if not e >> 112)
        reserves = [number(draw, edges, bits) for _ in range(2)]
        fee_bps = draw.choice((0, 1, 20, 25, 30, 100, 9990, 9999))
        amount = number(draw, FAR, 256)
        exact_in, direction = draw.random() < 0.5, draw.randrange(2)
        state = {"reserveIn": str(reserves[0]), "reserveOut": str(reserves[1])}
        state |= {"fee_bps": str(fee_bps), "as": "library" if library else "pair"}
        pool = UniswapV2.from_state(state)
        r_in, r_out = reserves[direction], reserves[1 - direction]
        try:
            if exact_in:
                paid, given = amount, twin.amount_out(amount, r_in, r_out, fee_bps)
            else:
                paid, given = twin.amount_in(amount, r_in, r_out, fee_bps), amount
            if not library:
                after = twin.pair_swap(paid, given, r_in, r_out, fee_bps)
        except twin.Reverts:
            assert pool.execute(Swap(direction, amount, not exact_in)).status != Status.OK
            assert pool.state() == state
            continue
        quote = (pool.quote_in if exact_in else pool.quote_out)(direction, amount)
        assert (quote.status, quote.amount_in, quote.amount_out) == (Status.OK, paid, given), seed
        keep, scale = twin.fraction(fee_bps)
        assert quote.fee == -(-paid * (scale - keep) // scale)
        assert pool.state() == state
        if not library:
            pool.execute(Swap(direction, amount, not exact_in))
            moved = [pool.state()["reserveIn"], pool.state()["reserveOut"]]
            assert moved == [str(a) for a in (after if direction == 0 else after[::-1])]


def test_random_pairs() -> None:
    compare(range(20_000))


@pytest.mark.long
def test_many_random_pairs() -> None:
    compare(range(10**6, 10**6 + 400_000))
