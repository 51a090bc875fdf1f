"""One order over many venues: the parts sum to it, no single unit moved gains, and where every
split can be tried none is better by more than the rounding of the venues."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hotpath.pools.ladder import Ladder
from hotpath.pools.pool import Pool, Refusal, Status
from hotpath.pools.route import path_amounts, split
from hotpath.pools.uniswap_v2 import UniswapV2
from tests.pools.test_size import gives, ladder, pair, v3_pair
from tests.reference.pools import sizing


def out_of(venue: Pool, direction: int, amount: int) -> int | None:
    return gives((venue, direction))(amount) if amount else 0


def check(
    venues: Sequence[Pool], direction: int, amount: int, costs: Sequence[int] | None = None
) -> int:
    """The whole is filled, each part gives what it says, no unit moved gains; returns the out, net
    of the costs of the venues used."""
    parts = split(venues, direction, amount, costs)
    assert sum(paid for paid, _ in parts) == amount
    outs = [out_of(v, direction, paid) or 0 for v, (paid, _) in zip(venues, parts, strict=True)]
    assert outs == [out for _, out in parts]
    fixed = costs or [0] * len(venues)
    for i, venue in enumerate(venues):
        more = out_of(venue, direction, parts[i][0] + 1)
        if more is None:
            continue
        if not parts[i][0]:
            more -= fixed[i]
        for k, other in enumerate(venues):
            if k != i and parts[k][0]:
                less = out_of(other, direction, parts[k][0] - 1) or 0
                if parts[k][0] == 1:
                    less += fixed[k]
                assert more + less <= outs[i] + outs[k], (parts, i, k)
    used = zip(fixed, parts, strict=True)
    return sum(outs) - sum(cost for cost, (paid, _) in used if paid)


def random_venues(draw: random.Random, bits: int) -> list[Pool]:
    """Pairs at nearly one price, and now and then a book."""
    venues: list[Pool] = []
    price = draw.randrange(500, 2000)
    for _ in range(draw.choice((1, 2, 3, 6))):
        reserve = draw.getrandbits(bits) + (1 << bits - 2)
        other = reserve * price // 1000 * draw.randrange(950, 1051) // 1000 + 1
        venues.append(pair(reserve, other, fee_bps=draw.choice((1, 5, 25, 30, 100))))
    if draw.random() < 0.5:
        bids = [
            [f"{(price - 3 * i) / 1000:.4f}", str(draw.getrandbits(bits - 2) + 1)] for i in range(6)
        ]
        venues.append(Ladder.from_state({"bids": bids, "asks": [], "fee_bps": 2}))
    return venues


def test_small_orders_against_every_split() -> None:
    for seed in range(200):
        draw = random.Random(seed)
        venues = random_venues(draw, 10)[:4]
        amount = draw.randrange(1, 120)
        got = check(venues, 0, amount)
        best = sizing.best_split([gives((v, 0)) for v in venues], amount)
        assert best is not None
        assert best - len(venues) <= got <= best


def takes(venue: Pool) -> sizing.Gives:
    """What it gives, as the split counts it: nothing for what is too little to give anything."""

    def out(amount: int) -> int | None:
        quote = venue.quote_in(0, amount)
        return quote.amount_out if quote.status in (Status.OK, Status.REFUSED) else None

    return out


def compare_costs(seeds: range) -> None:
    left_out = 0
    for seed in seeds:
        draw = random.Random(seed)
        venues = random_venues(draw, 10)[:4]
        amount = draw.randrange(1, 100)
        costs = [draw.choice((0, 0, 1, 3, draw.randrange(40))) for _ in venues]
        got = check(venues, 0, amount, costs)
        best = sizing.best_split([takes(v) for v in venues], amount, costs)
        assert best is not None
        # a pair rounds once, a book at each of its six levels and for the fee
        teeth = sum(7 if isinstance(v, Ladder) else 1 for v in venues)
        assert best - teeth <= got <= best, seed
        free = split(venues, 0, amount)
        parts = split(venues, 0, amount, costs)
        left_out += any(a and not b for (a, _), (b, _) in zip(free, parts, strict=True))
    assert left_out > len(seeds) // 20, "costs must have kept somebody out"


def test_a_part_that_does_not_pay_its_cost_is_left_out() -> None:
    compare_costs(range(300))


@pytest.mark.long
def test_many_orders_with_costs_against_every_split() -> None:
    compare_costs(range(10**6, 10**6 + 6_000))


def test_costs_choose_between_pools() -> None:
    large, small = pair(10**24, 10**24), pair(10**22, 10**22)
    amount = 10**20
    free = split([large, small], 0, amount)
    assert all(paid for paid, _ in free)
    alone = large.quote_in(0, amount).amount_out
    gain = sum(out for _, out in free) - alone
    assert split([large, small], 0, amount, [0, gain + 10**6])[1] == (0, 0)
    assert split([large, small], 0, amount, [0, gain - 10**6]) == free
    # what both cost alike does not choose between one and the other, only between one and both
    assert split([large, small], 0, amount, [10**30, 10**30])[0] == (amount, alone)
    # nobody else could take it: the cost is paid whatever it is
    assert split([large], 0, amount, [10**40]) == [(amount, alone)]


def test_more_costly_venues_than_are_tried_in_every_choice() -> None:
    """Above eight the choice is walked: no venue left out, taken in or exchanged gains more."""
    for seed in range(6):
        draw = random.Random(seed)
        venues = [pair(r := draw.randrange(10**19, 10**21), r, fee_bps=30) for _ in range(12)]
        amount = 10**19
        costs = [draw.randrange(10**15, 10**17) for _ in venues]
        got = check(venues, 0, amount, costs)
        parts = split(venues, 0, amount, costs)
        used = [i for i, (paid, _) in enumerate(parts) if paid]
        for i in range(12):
            for without in ([], *([k] for k in used if k != i)):
                chosen = sorted({*used, i} - {*without})
                if i in used:
                    chosen = [k for k in used if k != i]
                if chosen:
                    own = [costs[k] for k in chosen]
                    assert check([venues[k] for k in chosen], 0, amount, own) <= got
        assert 0 < len(used) < 12


@pytest.mark.parametrize("costs", [[1], [1, -1], [1, 1 << 200], [1, 1.5]])
def test_costs_that_are_none_are_refused(costs: list[Any]) -> None:
    with pytest.raises(Refusal) as refused:
        split([pair(1000, 1000), pair(1000, 1000)], 0, 10, costs)
    assert refused.value.code == "bad_field"


def compare(seeds: range) -> None:
    for seed in seeds:
        draw = random.Random(seed)
        bits = draw.choice((30, 60, 90))
        venues = random_venues(draw, bits)
        amount = draw.getrandbits(draw.choice((5, bits - 4, bits))) + 1
        try:
            check(venues, 0, amount)
        except Refusal as e:
            assert e.code == "no_liquidity"
            assert all(isinstance(v, Ladder) for v in venues) or bits == 90


def test_random_orders() -> None:
    compare(range(1_500))


@pytest.mark.long
def test_many_random_orders() -> None:
    compare(range(10**6, 10**6 + 50_000))


def test_v3_pools_and_books_together() -> None:
    for seed in range(150):
        draw = random.Random(seed)
        venues: list[Pool] = [p for p, _ in (*v3_pair(draw), *v3_pair(draw))]
        price = int(venues[0].spot_float(0))
        venues.append(ladder(draw, price))
        for direction in (0, 1):
            check(venues, direction, draw.getrandbits(draw.choice((20, 40, 55))) + 1)


def test_two_equal_pools_share_equally_and_beat_one() -> None:
    venues = [pair(10**21, 10**21), pair(10**21, 10**21)]
    amount = 2 * 10**19
    parts = split(venues, 0, amount)
    assert abs(parts[0][0] - parts[1][0]) <= 10**6
    alone = venues[0].quote_in(0, amount).amount_out
    assert sum(out for _, out in parts) > alone


def test_what_they_cannot_take_is_refused() -> None:
    book = Ladder.from_state({"bids": [["2", "100"]], "asks": []})
    assert split([book], 0, 100) == [(100, 200)]
    for amount in (101, 10**9, 10**60):
        with pytest.raises(Refusal) as refused:
            split([book], 0, amount)
        assert refused.value.code == "no_liquidity"
    for venues, amount in (([], 5), ([book] * 65, 5), ([book], 0), ([book], 1 << 201)):
        with pytest.raises(Refusal):
            split(venues, 0, amount)
    assert split([book, pair(1000, 3000)], 0, 500)[0][0] <= 100


def test_a_path_is_what_the_router_answers(shared: Path) -> None:
    vectors: dict[str, Any] = json.loads((shared / "vectors/evm/uniswap_v2.json").read_bytes())
    for case in vectors["paths"]:
        hops: list[tuple[Pool, int]] = []
        for reserve_in, reserve_out in case["reserves"]:
            state = {"reserveIn": reserve_in, "reserveOut": reserve_out, "as": "library"}
            hops.append((UniswapV2.from_state(state), 0))
        for name, exact_out in (("getAmountsOut", False), ("getAmountsIn", True)):
            try:
                got: object = [str(a) for a in path_amounts(hops, int(case["amount"]), exact_out)]
            except Refusal:
                got = None
            assert got == (None if isinstance(case[name], dict) else case[name])


def test_a_ladder_against_levels_taken_one_by_one() -> None:
    for seed in range(400):
        draw = random.Random(seed)
        book = ladder(draw, 1000)
        state = book.state()
        assert Ladder.from_state(state).state() == state
        fee_bps = int(state["fee_bps"])
        amount = draw.getrandbits(draw.choice((3, 20, 33)))
        left, got = amount, 0
        for price, quantity in state["bids"]:
            take = min(left, int(quantity))
            got += take * int(price)
            left -= take
        quote = book.quote_in(0, amount)
        fee = -(-got * fee_bps // 10000)
        if amount:
            assert (quote.amount_in, quote.amount_out, quote.fee) == (amount - left, got - fee, fee)
            assert (quote.status == Status.OK) == (left == 0)
        left, got = amount, 0
        for price, quantity in state["asks"]:
            take = min(left // int(price), int(quantity))
            got += take
            left -= take * int(price)
            if take < int(quantity):
                break
        else:
            assert not amount or book.quote_in(1, amount).status != Status.OK or left == 0
        quote = book.quote_in(1, amount)
        fee = -(-got * fee_bps // 10000)
        if amount:
            assert (quote.amount_in, quote.amount_out) == (amount - left, got - fee)
        if quote.amount_out:
            least = book.quote_out(1, quote.amount_out).amount_in
            assert least <= quote.amount_in
            assert book.quote_in(1, least).amount_out >= quote.amount_out
            assert least == 1 or book.quote_in(1, least - 1).amount_out < quote.amount_out


@pytest.mark.parametrize(
    "book",
    [
        [],
        {"bids": [["1", "0"]]},
        {"bids": [["0", "1"]]},
        {"bids": [["1", "5"], ["2", "5"]]},
        {"asks": [["2", "5"], ["1", "5"]]},
        {"bids": [["1e3", "5"]]},
        {"bids": [["1.", "5"]]},
        {"bids": [[".5", "5"]]},
        {"bids": [["-1", "5"]]},
        {"bids": [["1", "5.5"]]},
        {"bids": [["1"]]},
        {"bids": [[1.5, "5"]]},
        {"bids": {}},
        {"fee_bps": "10001"},
    ],
)
def test_a_book_that_is_none_is_refused(book: object) -> None:
    with pytest.raises(Refusal) as refused:
        Ladder.from_state(book)  # type: ignore[arg-type]
    assert refused.value.code == "bad_field"
