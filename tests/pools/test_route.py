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


def check(venues: Sequence[Pool], direction: int, amount: int) -> int:
    """The whole is filled, each part gives what it says, no unit moved gains; returns the out."""
    parts = split(venues, direction, amount)
    assert sum(paid for paid, _ in parts) == amount
    outs = [out_of(v, direction, paid) or 0 for v, (paid, _) in zip(venues, parts, strict=True)]
    assert outs == [out for _, out in parts]
    for i, venue in enumerate(venues):
        more = out_of(venue, direction, parts[i][0] + 1)
        if more is None:
            continue
        for k, other in enumerate(venues):
            if k != i and parts[k][0]:
                less = out_of(other, direction, parts[k][0] - 1) or 0
                assert more + less <= outs[i] + outs[k], (parts, i, k)
    return sum(outs)


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
