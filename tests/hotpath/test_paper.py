"""Paper matching equals its twin, and each sentence of the queue model is shown once by hand."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from hotpath import matching as m
from hotpath import paper
from hotpath.book import Book
from tests.reference.paper import Paper as Twin

MS = 1_000_000


def make(bids: list[tuple[int, int]], asks: list[tuple[int, int]], **options: int) -> paper.Paper:
    book = Book()
    book.join(bids, asks)
    return paper.Paper(book, **options)  # type: ignore[arg-type]


def trades(p: paper.Paper, now: int = 10**18) -> list[tuple[int, int, int, bool]]:
    return [
        (e.order, e.price, e.quantity, e.maker) for e in p.take_events(now) if e.kind == paper.TRADE
    ]


def change(p: paper.Paper, now: int, side: int, price: int, quantity: int) -> None:
    p.before_change(now)
    p.book.change(side, price, quantity)
    p.after_change(now)


def test_a_taker_walks_the_book_and_takes_nothing_twice() -> None:
    p = make([(99, 5)], [(101, 5), (102, 5)])
    p.submit(0, 1, m.BUY, 102, 8)
    p.submit(0, 2, m.BUY, 102, 8, m.LIMIT, m.IOC)
    p.before_change(0)
    assert trades(p) == [(1, 101, 5, False), (1, 102, 3, False), (2, 102, 2, False)]
    change(p, 1, m.SELL, 101, 7)  # the market has renewed this level
    p.submit(2, 3, m.BUY, 101, 4, m.LIMIT, m.IOC)
    p.before_change(2)
    assert trades(p) == [(3, 101, 4, False)]


def test_a_trade_serves_those_ahead_first() -> None:
    p = make([(99, 5)], [(101, 5)])
    p.submit(0, 1, m.BUY, 99, 4)
    p.before_change(0)
    p.print_trade(1, 99, 3, m.SELL)
    assert p.orders() == [(1, m.BUY, 99, 4, 2)]
    p.print_trade(2, 99, 4, m.SELL)
    assert trades(p) == [(1, 99, 2, True)]
    p.print_trade(3, 99, 1, m.BUY)  # a taker of our own side is no news for us
    assert trades(p) == []


def test_a_trade_through_our_price_fills_at_our_price() -> None:
    p = make([(99, 50), (98, 5)], [(101, 5)])
    p.submit(0, 1, m.BUY, 99, 4)
    p.before_change(0)
    p.print_trade(1, 98, 3, m.SELL)
    assert trades(p) == [(1, 99, 3, True)]


@pytest.mark.parametrize(("conservative", "ahead"), [(False, 5), (True, 8)])
def test_cancels_shorten_the_queue_by_the_model(conservative: bool, ahead: int) -> None:
    p = make([(99, 8)], [(101, 5)], conservative=conservative)
    p.submit(0, 1, m.BUY, 99, 4)
    p.before_change(0)
    change(p, 1, m.BUY, 99, 16)  # others join behind us
    assert p.orders()[0][4] == 8
    change(p, 2, m.BUY, 99, 10)  # 6 of 16 leave: 3 of the 8 before us, or none
    assert p.orders()[0][4] == ahead
    change(p, 3, m.BUY, 99, 2)
    assert p.orders()[0][4] == (1 if not conservative else 2)


@pytest.mark.parametrize("first", ["trade", "depth"])
def test_a_trade_and_the_fall_it_made_count_once_in_either_order(first: str) -> None:
    p = make([(99, 8)], [(101, 5)])
    p.submit(0, 1, m.BUY, 99, 4)
    p.before_change(0)
    steps = [lambda: p.print_trade(MS, 99, 3, m.SELL), lambda: change(p, MS, m.BUY, 99, 5)]
    for step in steps if first == "trade" else reversed(steps):
        step()
    assert p.orders()[0][4] == 5


def test_an_order_the_other_side_reaches_is_filled_by_what_is_there() -> None:
    p = make([(99, 8)], [(101, 5)])
    p.submit(0, 1, m.BUY, 100, 10)
    p.before_change(0)
    change(p, 1, m.SELL, 100, 6)
    assert trades(p) == [(1, 100, 6, True)]
    change(p, 2, m.BUY, 99, 9)  # nothing new there
    assert trades(p) == []


def test_a_resting_order_waits_for_all_that_stood_before_it() -> None:
    """Conservative: what is cancelled stood behind us, so only trades of 8 lots let us fill."""
    p = make([(99, 8)], [(101, 5)], conservative=True)
    p.submit(0, 1, m.BUY, 99, 4)
    p.before_change(0)
    for n in range(1, 8):
        p.print_trade(n, 99, 1, m.SELL)
        change(p, n, m.BUY, 99, 20 - n)  # others come and go behind us all the time
        assert trades(p) == []
    p.print_trade(8, 99, 1, m.SELL)
    assert trades(p) == [] and p.orders()[0][4] == 0
    p.print_trade(9, 99, 3, m.SELL)
    assert trades(p) == [(1, 99, 3, True)]


def test_a_replacement_stands_last_and_follows_its_cancel() -> None:
    p = make([(99, 8)], [(101, 5)])
    p.submit(0, 1, m.BUY, 99, 4)
    p.before_change(0)
    p.print_trade(1, 99, 6, m.SELL)
    assert p.orders() == [(1, m.BUY, 99, 4, 2)]
    p.amend(2, 1, 2, m.BUY, 99, 4)
    p.before_change(2)
    assert p.orders() == [(2, m.BUY, 99, 4, 8)], "the place in the queue is lost"
    p.amend(3, 1, 3, m.BUY, 98, 4)  # its order is gone: nothing is placed
    p.before_change(3)
    told = [(e.kind, e.order, e.reason) for e in p.take_events(9)]
    assert told == [
        (paper.ACCEPTED, 1, 0), (paper.CANCELED, 1, 1), (paper.ACCEPTED, 2, 0),
        (paper.CANCEL_REJECTED, 3, m.NOT_FOUND),
    ]  # fmt: skip
    assert [o[0] for o in p.orders()] == [2]


def test_a_cancel_has_its_own_latency_and_overtakes_nothing() -> None:
    p = make([(99, 8)], [(101, 5)], request_ns=100, cancel_ns=10)
    p.submit(0, 1, m.BUY, 99, 4)
    p.withdraw(5, 1)  # made while its order is under way: it arrives with it
    p.before_change(99)
    assert p.take_events(99) == []
    p.before_change(100)
    assert [e.kind for e in p.take_events(100)] == [paper.ACCEPTED, paper.CANCELED]


def test_latency_holds_both_ways_and_keeps_the_order() -> None:
    p = make([(99, 8)], [(101, 5)], request_ns=10, reply_ns=5, jitter_ns=4, seed=3)
    p.submit(0, 1, m.BUY, 101, 2)
    p.submit(0, 2, m.BUY, 101, 2)
    p.before_change(9)
    assert p.take_events(10**9) == []
    p.before_change(14)
    events = p.take_events(10**9)
    assert [e.order for e in events] == [1, 1, 2, 2]
    assert all(10 <= e.happened <= 14 and e.visible >= e.happened + 5 for e in events)
    assert [e.visible for e in events] == sorted(e.visible for e in events)
    assert p.due() is None


def test_the_best_price_alone_is_a_market_too() -> None:
    """A feed of tops only: deeper queues are unknown until they become the best."""
    book = Book()
    book.lead_with((99, 8), (101, 5), 1)
    p = paper.Paper(book)
    p.submit(0, 1, m.BUY, 98, 4)
    p.before_change(0)
    assert p.orders() == [(1, m.BUY, 98, 4, -1)]
    p.before_change(1)
    book.lead_with((98, 6), (101, 5), 2)
    p.after_change(1)
    assert p.orders() == [(1, m.BUY, 98, 4, 6)]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("conservative", [False, True])
def test_equals_the_twin(seed: int, conservative: bool) -> None:
    draw = Random(seed)
    book = Book()
    bids, asks = [(100 - n, 10) for n in range(1, 9)], [(100 + n, 10) for n in range(1, 9)]
    book.join(bids, asks)
    late = {"request_ns": seed * MS, "cancel_ns": seed * seed * MS // 4, "reply_ns": 3}
    fast = paper.Paper(book, conservative=conservative, **late)
    slow = Twin(conservative=conservative, **late)
    slow.book = {m.BUY: dict(bids), m.SELL: dict(asks)}
    now = 0
    for n in range(1, 700):
        now += draw.randrange(40 * MS)
        action = draw.random()
        if action < 0.15:
            side, price = draw.choice((1, 2)), draw.randrange(94, 107)
            args = (now, n, side, price, draw.randrange(0, 30))
            kind = draw.choices((1, 2, 3), (6, 1, 3))[0], draw.choices((1, 2, 3), (8, 1, 1))[0]
            fast.submit(*args, *kind)
            slow.submit(*args, *kind)
        elif action < 0.2:
            order = draw.randrange(1, n + 1)
            fast.withdraw(now, order)
            slow.withdraw(now, order)
        elif action < 0.25:
            order, leaves = draw.randrange(1, n + 1), draw.randrange(0, 20)
            fast.shrink(now, order, leaves)
            slow.shrink(now, order, leaves)
        elif action < 0.3:
            target, side, price = (
                draw.randrange(1, n + 1),
                draw.choice((1, 2)),
                draw.randrange(94, 107),
            )
            kind = draw.choices((1, 3), (6, 3))[0], draw.choices((1, 2, 3), (8, 1, 1))[0]
            amended = (now, target, n, side, price, draw.randrange(0, 30), *kind)
            fast.amend(*amended)
            slow.amend(*amended)
        fast.before_change(now)
        slow.before_change(now)
        if draw.random() < 0.02:
            slow.doubtful = not slow.doubtful
            if slow.doubtful:
                book.distrust(2)
            else:
                book.join(*(sorted(slow.book[side].items()) for side in (m.BUY, m.SELL)), n)
        if draw.random() < 0.3:
            trade = (now, draw.randrange(96, 105), draw.randrange(1, 15), draw.choice((1, 2)))
            fast.print_trade(*trade)
            slow.print_trade(*trade)
        else:
            side = draw.choice((1, 2))
            middle = 100 + draw.randrange(-2, 3)
            price = middle - draw.randrange(1, 7) if side == 1 else middle + draw.randrange(1, 7)
            quantity = draw.randrange(0, 25)
            other = slow.book[3 - side]
            if not other or (price < min(other) if side == 1 else price > max(other)):
                slow.book[side].pop(price, None)
                if quantity:
                    slow.book[side][price] = quantity
                book.change(side, price, quantity)
            fast.after_change(now)
            slow.after_change(now)
        expected = [(o.order, o.side, o.price, o.leaves, o.ahead) for o in slow.own]
        assert fast.orders() == expected, n
        assert [tuple(e) for e in fast.take_events(now + 3)] == slow.events, n
        slow.events = []


@pytest.mark.bench
@pytest.mark.parametrize("orders", [0, 4])
def test_speed(benchmark: Any, orders: int) -> None:
    p = make([(100 - n, 1000) for n in range(1, 9)], [(100 + n, 1000) for n in range(1, 9)])
    for n in range(orders):
        p.submit(0, n + 1, m.BUY, 99 - n, 10**9)
    p.before_change(0)
    assert benchmark(p._spin, 100_000) == 100_000
