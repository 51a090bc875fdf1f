"""Kinds that draw no curve are sized and split by exact quotes alone, beside those that do."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from hotpath.pools.pool import Pool, Status
from hotpath.pools.raydium_cpmm import RaydiumCpmm
from tests.pools.test_route import check as check_split
from tests.pools.test_size import check as check_size
from tests.pools.test_size import gives, pair
from tests.reference.pools import sizing


@pytest.fixture(scope="module")
def solana(shared: Path) -> list[Pool]:
    """Pools of the vectors that hold enough to trade with."""
    path = shared / "vectors/solana/raydium_cpmm_program.json"
    cases = json.loads(path.read_bytes())["cases"]
    kept = ("id", "kind", "result", "error")
    made: list[Pool] = []
    for case in cases:
        pool = RaydiumCpmm.from_state({k: v for k, v in case.items() if k not in kept})
        if (
            pool.quote_in(0, 10**6).status == Status.OK
            and pool.quote_in(0, 10**6).amount_out > 10**3
        ):
            made.append(pool)
    assert made
    return made


def beside(pool: Pool, draw: random.Random) -> Pool:
    """A pair whose price lies a little off the pool's."""
    reserve = 10**10
    rate = pool.spot_float(0)
    return pair(reserve, max(1, int(reserve * rate * draw.uniform(0.9, 1.1))), fee_bps=5)


def test_splits_over_both(solana: list[Pool]) -> None:
    for seed, pool in enumerate(solana[:40]):
        draw = random.Random(seed)
        venues = [pool, beside(pool, draw)]
        for amount in (draw.randrange(1, 1000), draw.randrange(1, 10**7)):
            check_split(venues, 0, amount)


def test_sizes_through_both(solana: list[Pool]) -> None:
    gained = 0
    for seed, pool in enumerate(solana[:40]):
        draw = random.Random(seed)
        other = beside(pool, draw)
        for hops in ([(pool, 0), (other, 1)], [(other, 0), (pool, 1)]):
            gain = check_size(hops, 10**9)
            best = sizing.best_by_halving(sizing.chain([gives(h) for h in hops]), 10**9)
            unit = max(1, int(1 / pool.spot_float(0)))  # what one unit of the middle coin is worth
            assert gain >= best - 4 * unit - best // 10**6
            gained += gain > 0
    assert gained > 0
