"""The best size through pools and books: against every amount where there are few, against halving
where there are many; never beaten by a neighbour, never a gain that is none."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from hotpath.pools.ladder import Ladder
from hotpath.pools.pool import Pool, Refusal, Status
from hotpath.pools.size import best_size
from hotpath.pools.uniswap_v2 import UniswapV2
from hotpath.pools.uniswap_v3 import UniswapV3
from tests.pools.test_fuzz_uniswap_v3 import random_state
from tests.reference.pools import sizing
from tests.reference.pools import uniswap_v2 as twin

Hop = tuple[Pool, int]


def pair(reserve_in: int, reserve_out: int, fee_bps: int = 30) -> UniswapV2:
    reserves = {"reserveIn": str(reserve_in), "reserveOut": str(reserve_out)}
    return UniswapV2.from_state(reserves | {"fee_bps": str(fee_bps)})


def gives(hop: Hop) -> sizing.Gives:
    pool, direction = hop

    def out(amount: int) -> int | None:
        quote = pool.quote_in(direction, amount)
        return quote.amount_out if quote.status == Status.OK else None

    return out


def gain_at(hops: Sequence[Hop], amount: int) -> int | None:
    out = sizing.chain([gives(h) for h in hops])(amount) if amount > 0 else None
    return None if out is None else out - amount


def check(hops: Sequence[Hop], most: int) -> int:
    """What holds for every answer; returns the gain."""
    sized = best_size(hops, most)
    if sized.amount_in == 0:
        assert (sized.net, sized.gross, sized.amount_out) == (0, 0, 0)
        return 0
    assert 0 < sized.amount_in <= most
    assert sized.gross == gain_at(hops, sized.amount_in) == sized.net
    assert sized.gross > 0
    for neighbour in (sized.amount_in - 1, sized.amount_in + 1):
        other = gain_at(hops, neighbour)
        assert other is None or neighbour > most or other <= sized.gross
    return sized.gross


def random_pair(draw: random.Random, bits: int) -> UniswapV2:
    reserves = [draw.getrandbits(bits) + 100 for _ in range(2)]
    return pair(*reserves, fee_bps=draw.choice((0, 1, 25, 30, 100)))


def two_pairs(draw: random.Random, bits: int, spread: int = 60) -> list[Hop]:
    """Two pairs of the same coins, their prices a little apart."""
    first = [draw.getrandbits(bits) + (1 << bits) for _ in range(2)]
    scale = draw.randrange(500, 2000)
    second = [
        first[0] * scale // 1000 * draw.randrange(1000 - spread, 1001 + spread) // 1000 + 1,
        first[1] * scale // 1000 + 1,
    ]
    fees = [draw.choice((0, 1, 25, 30, 100)) for _ in range(2)]
    return [(pair(*first, fee_bps=fees[0]), 0), (pair(*second, fee_bps=fees[1]), 1)]


def test_small_pairs_against_every_amount() -> None:
    """Each hop rounds down once: the answer is within two units of the best of all amounts."""
    found = 0
    for seed in range(400):
        draw = random.Random(seed)
        hops = two_pairs(draw, 13, 400)
        most = draw.choice((50, 3000))
        gain = check(hops, most)
        best = sizing.best_of_all(sizing.chain([gives(h) for h in hops]), most)[1]
        assert best - 2 <= gain <= best
        found += gain > 0
    assert found > 50


def compare_pairs(seeds: range) -> None:
    for seed in seeds:
        draw = random.Random(seed)
        hops = two_pairs(draw, draw.choice((20, 40, 64, 90)))
        most = draw.choice((1 << 111, draw.getrandbits(60) + 1))
        gain = check(hops, most)
        if seed % 10 == 0:
            best = sizing.best_by_halving(sizing.chain([gives(h) for h in hops]), most)
            assert gain >= best - 3 - best // 10**12, seed


def test_large_pairs() -> None:
    compare_pairs(range(4_000))


@pytest.mark.long
def test_many_large_pairs() -> None:
    compare_pairs(range(10**6, 10**6 + 100_000))


def test_the_closed_form_against_the_formula() -> None:
    """x = (sqrt(A B) - B) / C, by integers: the answer sits within rounding of it."""
    from math import isqrt

    first, second = (10**24, 2 * 10**24), (21 * 10**23, 10**24)
    hops: list[Hop] = [(pair(*first), 0), (pair(*second), 0)]
    a = 997 * 997 * first[1] * second[1]
    b = 1000 * 1000 * first[0] * second[0]
    c = 997 * 1000 * second[0] + 997 * 997 * first[1]
    assert isqrt(a * b) < b
    assert best_size(hops, 10**30).amount_in == 0
    hops = [(pair(*second), 0), (pair(*first), 1)]
    hops = [(pair(10**24, 21 * 10**23), 0), (pair(2 * 10**24, 10**24), 0)]
    a = 997 * 997 * 21 * 10**23 * 10**24
    b = 1000 * 1000 * 10**24 * 2 * 10**24
    c = 997 * 1000 * 2 * 10**24 + 997 * 997 * 21 * 10**23
    sized = best_size(hops, 10**30)
    assert abs(sized.amount_in - (isqrt(a * b) - b) // c) <= sized.amount_in // 10**9


def v3_pair(draw: random.Random) -> list[Hop]:
    """Two V3 pools of the same coins with ticks around, their prices some ticks apart."""
    hops: list[Hop] = []
    for direction in (0, 1):
        from tests.reference.pools.uniswap_v3 import Pool, price_at_tick

        spacing, tick = 60, draw.randrange(-600, 600) + 100_000
        slow = Pool(
            fee=draw.choice((100, 500, 3000)), spacing=spacing, price=0, tick=tick, liquidity=0
        )
        slow.price = price_at_tick(tick) + draw.getrandbits(60)
        middle = tick // spacing
        for _ in range(draw.randrange(1, 8)):
            ends = draw.sample(range(middle - 12, middle + 13), 2)
            slow.modify(min(ends) * spacing, max(ends) * spacing, draw.getrandbits(60) + 10**15)
        slow.modify(-887220, 887220, draw.getrandbits(50) + 10**12)
        hops.append((UniswapV3.from_state(slow.state()), direction))
    return hops


def compare_v3(seeds: range) -> None:
    gained = 0
    for seed in seeds:
        hops = v3_pair(random.Random(seed))
        gain = check(hops, 1 << 100)
        gained += gain > 0
        if seed % 10 == 0:
            best = sizing.best_by_halving(sizing.chain([gives(h) for h in hops]), 1 << 90)
            assert gain >= best - 4 - best // 10**9, seed
    assert gained > len(seeds) // 5


def test_v3_pools() -> None:
    compare_v3(range(400))


@pytest.mark.long
def test_many_v3_pools() -> None:
    compare_v3(range(10**6, 10**6 + 20_000))


def test_v3_pools_with_stretches_without_liquidity() -> None:
    """Whatever the state, an answer is verified and no neighbour beats it."""
    for seed in range(600):
        draw = random.Random(seed)
        states = [random_state(draw) for _ in range(2)]
        hops: list[Hop] = [(UniswapV3.from_state(s), i) for i, s in enumerate(states)]
        check(hops, 1 << 120)


def ladder(draw: random.Random, price: int) -> Ladder:
    bids, asks = price, price
    sides: tuple[list[list[str]], list[list[str]]] = ([], [])
    for _ in range(8):
        bids, asks = bids - draw.randrange(1, 9), asks + draw.randrange(1, 9)
        for side, at in zip(sides, (bids, asks), strict=True):
            side.append([str(at), str(draw.getrandbits(30) + 1)])
    fee = draw.choice((0, 1, 10))
    return Ladder.from_state({"bids": sides[0], "asks": sides[1], "fee_bps": fee})


def test_a_pool_against_a_book() -> None:
    gained = 0
    for seed in range(500):
        draw = random.Random(seed)
        book = ladder(draw, 1000)
        pool = pair(10**12, 10**15 * draw.randrange(900, 1100) // 1000, fee_bps=5)
        for hops in ([(pool, 0), (book, 1)], [(book, 0), (pool, 1)], [(pool, 1), (book, 0)]):
            gain = check(hops, 10**12)
            best = sizing.best_by_halving(sizing.chain([gives(h) for h in hops]), 10**12)
            assert gain >= best - 2000 - best // 10**6, (seed, gain, best)
            gained += gain > 0
    assert gained > 100


def test_three_and_four_hops() -> None:
    for seed in range(300):
        draw = random.Random(seed)
        hops: list[Hop] = [
            (random_pair(draw, 60), draw.randrange(2)) for _ in range(draw.choice((3, 4)))
        ]
        gain = check(hops, 1 << 70)
        best = sizing.best_by_halving(sizing.chain([gives(h) for h in hops]), 1 << 70)
        assert gain >= best - 5 - best // 10**9


def test_gas_decides_how_far_to_go() -> None:
    """Where crossing another tick costs more than it brings the size stops before it."""
    hops = next(
        h
        for seed in range(200)
        if (h := v3_pair(random.Random(seed))) and best_size(h, 1 << 100).gas > 350_000
    )
    free = best_size(hops, 1 << 100)
    for share in (1, 10, 100, 10**4):
        price = max(1, free.gross * 10**9 // free.gas // share)
        sized = best_size(hops, 1 << 100, gas_price_e9=price, fixed=7)
        if sized.amount_in:
            assert sized.cost == -(-price * sized.gas // 10**9) + 7
            assert sized.net == sized.gross - sized.cost > 0
            assert sized.net >= free.gross - (-(-price * free.gas // 10**9)) - 7
            assert sized.gas <= free.gas
    assert best_size(hops, 1 << 100, fixed=free.gross).amount_in == 0


def test_the_tip_is_a_share_of_what_is_left() -> None:
    hops = two_pairs(random.Random(3), 64)
    while not (free := best_size(hops, 1 << 100)).amount_in:
        hops = two_pairs(random.Random(len(str(hops))), 64)
    sized = best_size(hops, 1 << 100, fixed=free.gross // 2, tip_bps=9000)
    left = sized.gross - sized.cost
    assert sized.amount_in == free.amount_in
    assert (sized.tip, sized.net) == (-(-left * 9000 // 10000), left - sized.tip)


def test_what_is_no_cycle_is_refused() -> None:
    hop: Hop = (pair(1000, 1000), 0)
    for hops in ([hop], [hop] * 5, []):
        with pytest.raises(Refusal):
            best_size(hops, 100)
    with pytest.raises(OverflowError):
        best_size([hop, hop], -1)


def invariants(seeds: range) -> None:
    """k never falls; paying what a quote asks brings what was asked; splitting a swap never beats
    the whole; more in is never less out."""
    for seed in seeds:
        draw = random.Random(seed)
        state = [draw.getrandbits(draw.choice((8, 40, 90))) + 2 for _ in range(2)]
        pool = pair(*state, fee_bps=draw.choice((0, 25, 30)))
        size = draw.getrandbits(draw.choice((4, 40, 90))) + 1
        whole = pool.quote_in(0, size)
        if whole.status == Status.OK:
            after = twin.pair_swap(size, whole.amount_out, *state, fee_bps=0)
            assert after[0] * after[1] >= state[0] * state[1]
            assert pool.quote_in(0, size + 1).amount_out >= whole.amount_out
            asked = pool.quote_out(0, whole.amount_out)
            if asked.status == Status.OK:
                assert pool.quote_in(0, asked.amount_in).amount_out >= whole.amount_out
            part = draw.randrange(size + 1)
            got = 0
            from hotpath.pools.pool import Swap

            for piece in (part, size - part):
                done = pool.execute(Swap(0, piece))
                got += done.amount_out
            assert got <= whole.amount_out


def test_invariants_of_a_pair() -> None:
    invariants(range(20_000))


@pytest.mark.long
def test_invariants_of_many_pairs() -> None:
    invariants(range(10**6, 10**6 + 200_000))
