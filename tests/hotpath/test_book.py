"""The book equals its twin: dicts of levels, whatever the window, the room and the drift."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotpath.book import Book
from hotpath.instrument import Instrument
from tests.reference.book import BUY, SELL, BookTwin, digest10


def same(book: Book, twin: BookTwin) -> None:
    """Every state the two can be asked for is equal."""
    assert book.counts == twin.counts
    for side in (BUY, SELL):
        everything = len(twin.sides[side]) + 1
        assert book.side_levels(side, everything) == twin.side_levels(side, everything)
    assert (book.best_bid, book.best_ask) == (twin.best(BUY), twin.best(SELL))
    assert (book.epoch, book.reason, book.last_id) == (twin.epoch, twin.reason, twin.last_id)
    assert book.is_crossed == twin.is_crossed


def same_measures(book: Book, twin: BookTwin, quantity: int, bps: int, levels: int) -> None:
    mid = twin.mid()
    assert book.twice_mid() == (2 * mid if mid is not None else 0)
    assert book.microprice() == twin.microprice()
    assert book.imbalance_ppm(levels) == twin.imbalance_ppm(levels)
    for side in (BUY, SELL):
        assert book.fill_cost(side, quantity) == twin.fill_cost(side, quantity)
        assert book.depth(side, bps) == twin.depth(side, bps)


def wander(seed: int, operations: int, window: int, room: int, reach: int, check: int) -> None:
    """A random walk of the top with changes around it, far away, and jumps past the window."""
    draw = random.Random(seed)
    book, twin = Book(window, room), BookTwin(room)
    middle = draw.choice((0, 5, 100_000, -400, 2**51))
    for i in range(operations):
        if draw.random() < 0.0005:
            middle += draw.choice((-1, 1)) * draw.randrange(4 * window)
        middle += draw.choice((-1, 0, 0, 0, 1))
        side = draw.choice((BUY, SELL))
        away = int(draw.expovariate(1 / reach)) - reach // 8
        if draw.random() < 0.02:
            away = draw.randrange(-window, 3 * window)
        price = middle - away if side == BUY else middle + away
        quantity = 0 if draw.random() < 0.4 else draw.randrange(1, 10**9)
        if draw.random() < 0.1 and (best := twin.best(side)):
            price, quantity = best[0], 0  # the top goes away
        assert book.change(side, price, quantity) == twin.change(side, price, quantity)
        if i % check == check - 1:
            same(book, twin)
            same_measures(
                book, twin, draw.randrange(1, 10**11), draw.randrange(10_000), draw.randrange(1, 9)
            )
    same(book, twin)
    assert sum(book.moves) > operations // 5000, "the walk never moved a window"


@pytest.mark.parametrize(
    ("seed", "window", "room", "reach"),
    [
        (1, 64, 40, 20),
        (2, 64, 1000, 200),
        (3, 128, 5, 10),
        (4, 4096, 3000, 800),
        (5, 8192, 20_000, 3000),
    ],
)
def test_a_random_walk_of_changes_equals_the_twin(
    seed: int, window: int, room: int, reach: int
) -> None:
    wander(seed, 30_000, window, room, reach, check=1000)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10, 18))
def test_a_million_changes_equal_the_twin(seed: int) -> None:
    draw = random.Random(seed)
    window = 64 << draw.randrange(8)
    wander(seed, 125_000, window, draw.choice((50, 2000, 30_000)), draw.choice((5, 60, 900)), 1000)


level = st.tuples(st.integers(-300, 300), st.integers(0, 50))
step = st.one_of(
    st.tuples(st.just("join"), st.lists(level, max_size=30), st.lists(level, max_size=30)),
    st.tuples(st.just("update"), st.lists(level, max_size=8), st.lists(level, max_size=8)),
    st.tuples(st.just("lead"), level, level),
    st.tuples(st.just("doubt"), st.integers(2, 10), st.just(0)),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(step, max_size=12), st.sampled_from((64, 128, 1024)), st.integers(1, 60))
def test_joins_updates_and_the_leading_top_equal_the_twin(
    steps: list[tuple[str, object, object]], window: int, room: int
) -> None:
    book, twin = Book(window, room), BookTwin(room)
    for i, (what, a, b) in enumerate(steps):
        if what == "join":
            book.join(a, b, 10 * i)  # type: ignore[arg-type]
            twin.join(a, b, 10 * i)  # type: ignore[arg-type]
        elif what == "update":
            book.update(a, b, 10 * i)  # type: ignore[arg-type]
            twin.update(a, b, 10 * i)  # type: ignore[arg-type]
        elif what == "lead":
            book.lead_with(a, b, 10 * i + 7)  # type: ignore[arg-type]
            twin.lead_with(a, b, 10 * i + 7)  # type: ignore[arg-type]
        else:
            book.distrust(a)  # type: ignore[arg-type]
            twin.doubt(a)  # type: ignore[arg-type]
        same(book, twin)
        same_measures(book, twin, 40, 300, 3)


def test_the_leading_top_stands_until_the_levels_have_caught_up() -> None:
    book = Book()
    book.join([(100, 5)], [(103, 5)], 10)
    book.lead_with((101, 2), (102, 1), 20)
    assert (book.best_bid, book.best_ask, book.update_id) == ((101, 2), (102, 1), 20)
    book.update([(99, 1)], [], 19)
    assert (book.best_bid, book.update_id, book.last_id) == ((101, 2), 20, 19)
    book.lead_with((95, 9), (96, 9), 15)  # older than the levels: not taken
    assert book.best_bid == (101, 2)
    book.update([(101, 7)], [(102, 4)], 20)
    assert (book.best_bid, book.best_ask, book.update_id) == ((101, 7), (102, 4), 20)


def test_one_level_too_many_is_a_doubt_and_nothing_else_changes() -> None:
    book = Book(64, 3)
    book.join([(10, 1), (9, 1), (8, 1)], [], 1)
    assert book.valid
    assert book.change(BUY, 7, 1) == -2
    assert book.reason == 7
    assert book.side_levels(BUY) == [(10, 1), (9, 1), (8, 1)]
    book.join([(10, 1)], [], 2)
    assert book.valid and book.epoch == 2


@pytest.mark.parametrize(
    ("price", "quantity"), [(2**52, 1), (-(2**52), 1), (1, -1), (1, 2**62), (2**63 - 1, 1)]
)
def test_what_is_out_of_range_is_refused(price: int, quantity: int) -> None:
    book = Book()
    book.join([(10, 1)], [(11, 1)], 1)
    assert book.change(BUY, price, quantity) == -1
    assert (book.reason, book.counts) == (6, (1, 1))


def test_the_first_doubt_is_kept_and_only_a_snapshot_ends_it() -> None:
    book = Book()
    assert book.reason == 1
    book.distrust(2)
    assert book.reason == 1
    book.join([], [], 5)
    assert book.valid and book.best_bid is None
    book.distrust(2)
    book.distrust(3)
    book.update([(1, 1)], [], 6)
    assert book.reason == 2


def test_negative_prices_round_the_average_to_the_named_side() -> None:
    """Floor, not truncation: cdivision and C both round toward zero."""
    book = Book()
    book.join([(-3, 1), (-4, 2)], [(-1, 1), (0, 1), (2, 5)], 1)
    assert book.fill_cost(SELL, 3) == (3, -4, -3, -4, -11)
    assert book.fill_cost(BUY, 4) == (4, 0, 1, 2, 3)
    assert book.microprice() == -2000


def test_a_window_must_be_a_power_of_two() -> None:
    for window in (0, 63, 100, 32):
        with pytest.raises(ValueError, match="power of two"):
            Book(window)


def test_the_digest_is_of_plain_decimals() -> None:
    book, instrument = Book(), Instrument("BTCUSDT", "0.01", "0.00001")
    book.join([(6161000, 150000), (6160950, 5)], [(6161001, 100000)], 1)
    bids = [("61610", "1.5"), ("61609.5", "0.00005")]
    assert book.digest10(instrument) == digest10(bids, [("61610.01", "1")])


def test_a_snapshot_in_any_order_gives_the_same_book() -> None:
    draw = random.Random(3)
    bids = [(10_000 - i * draw.randrange(1, 4), i + 1) for i in range(0, 4000, 2)]
    asks = [(10_001 + i * 3, i + 1) for i in range(2000)]
    ordered, shuffled, twin = Book(256, 5000), Book(256, 5000), BookTwin()
    bids = list(dict(bids).items())
    ordered.join(sorted(bids, reverse=True), asks, 1)
    twin.join(bids, asks, 1)
    draw.shuffle(bids)
    draw.shuffle(asks)
    shuffled.join(bids, asks, 1)
    same(ordered, twin)
    same(shuffled, twin)
