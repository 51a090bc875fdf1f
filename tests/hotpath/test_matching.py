"""Matching equals its obvious twin, whole state and every event, and keeps its own promises."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotpath import matching as m
from tests.reference.matching import Book

OPERATION = st.one_of(
    st.tuples(
        st.just("submit"),
        st.integers(1, 60),  # order: small, so that duplicates and re-use happen
        st.integers(1, 3),  # owner
        st.integers(1, 2),
        st.integers(-1, 12),
        st.integers(0, 9),
        st.integers(1, 3),
        st.integers(1, 3),
        st.integers(0, 3),
    ),
    st.tuples(st.just("withdraw"), st.integers(1, 60)),
    st.tuples(st.just("shrink"), st.integers(1, 60), st.integers(0, 9)),
    st.tuples(
        st.just("amend"),
        st.integers(1, 60),
        st.integers(0, 12),
        st.integers(0, 9),
        st.sampled_from([1, 3]),
        st.integers(0, 3),
    ),
)


def compare(fast: m.Matching, slow: Book, operation: tuple[Any, ...]) -> None:
    name, *args = operation
    assert getattr(fast, name)(*args) == getattr(slow, name)(*args), operation
    assert [tuple(e) for e in fast.take_matches()] == slow.events, operation
    slow.events = []
    assert fast.take_changes() == slow.changes(), operation
    for side in (m.BUY, m.SELL):
        assert fast.queue(side) == slow.queue(side), operation


@settings(max_examples=150, deadline=None)
@given(st.lists(OPERATION, max_size=60))
def test_equals_the_twin(operations: list[tuple[Any, ...]]) -> None:
    fast, slow = m.Matching(16), Book()
    for operation in operations:
        compare(fast, slow, operation)


@pytest.mark.parametrize("seed", range(6))
def test_equals_the_twin_over_long_random_sessions(seed: int) -> None:
    draw = random.Random(seed)
    fast, slow = m.Matching(16), Book()
    for n in range(1500):
        kind = draw.random()
        if kind < 0.6:
            price = draw.randrange(900, 1100) if seed % 2 else draw.randrange(1, 40)
            types = draw.choices([1, 2, 3], [8, 1, 2])[0]
            tif = draw.choices([1, 2, 3], [8, 1, 1])[0]
            args = (draw.randrange(1, 4), draw.randrange(1, 3), price, draw.randrange(1, 50))
            compare(fast, slow, ("submit", n + 1, *args, types, tif, draw.randrange(4)))
        elif kind < 0.8:
            compare(fast, slow, ("withdraw", draw.randrange(1, n + 2)))
        elif kind < 0.9:
            compare(fast, slow, ("shrink", draw.randrange(1, n + 2), draw.randrange(1, 50)))
        else:
            price = draw.randrange(900, 1100) if seed % 2 else draw.randrange(1, 40)
            compare(
                fast,
                slow,
                ("amend", draw.randrange(1, n + 2), price, draw.randrange(1, 50), 1, 0),
            )
    assert len(fast) == len(slow.orders)


def test_earlier_orders_of_a_level_trade_first() -> None:
    book = m.Matching()
    for n, quantity in ((1, 5), (2, 5), (3, 5)):
        book.submit(n, n, m.SELL, 100, quantity)
    book.shrink(1, 2)  # keeps its place
    book.amend(2, 100, 9)  # more of it: goes to the end
    book.take_matches()
    book.submit(9, 9, m.BUY, 100, 8)
    trades = [(e.maker, e.quantity) for e in book.take_matches() if e.kind == m.TRADE]
    assert trades == [(1, 2), (3, 5), (2, 1)]


def test_a_refused_order_changes_nothing() -> None:
    book = m.Matching()
    book.submit(1, 1, m.SELL, 100, 5)
    before = book.queue(m.SELL)
    assert book.submit(1, 1, m.BUY, 99, 5) == m.DUPLICATE
    assert book.submit(2, 2, m.BUY, 100, 5, m.POST_ONLY) == m.WOULD_TAKE
    assert book.submit(3, 2, m.BUY, 100, 6, m.LIMIT, m.FOK) == m.PLACED
    assert book.submit(4, 2, 3, 100, 6) == m.INVALID
    assert (book.queue(m.SELL), book.queue(m.BUY)) == (before, [])


def test_room_grows_without_losing_an_order() -> None:
    book = m.Matching(16)
    for n in range(1, 5001):
        assert book.submit(n, 1, m.BUY, 1 + n % 977, 1) == m.PLACED
    assert len(book) == 5000
    assert sum(q for _, q in book.levels(m.BUY)) == 5000
    assert all(book.order(n) == (1, m.BUY, 1 + n % 977, 1) for n in range(1, 5001))
    assert all(book.withdraw(n) == m.PLACED for n in range(5000, 0, -1))
    assert (len(book), book.top(m.BUY)) == (0, None)


@given(st.integers(0, 2**90), st.integers(-1_000_000, 1_000_000))
def test_a_fee_is_exact_and_never_rounded_for_its_payer(amount: int, rate: int) -> None:
    fee = m.fee(amount, rate)
    assert (fee - 1) * 100_000_000 < amount * rate <= fee * 100_000_000


@pytest.mark.bench
def test_speed(benchmark: Any) -> None:
    assert benchmark(lambda: m.Matching(4096)._spin(100_000)) == 100_000
