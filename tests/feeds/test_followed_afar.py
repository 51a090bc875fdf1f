"""A strategy of another lane follows a feed by records: its books are the feed's books."""

from __future__ import annotations

import os
import random
import struct
from typing import Any

import pytest

from hotpath.board import Board
from hotpath.book import Book
from hotpath.instrument import Instrument
from hotpath.lane import Lane
from hotpath.market import Market
from hotpath.records import Doubt, Kind, Side
from hotpath.ring import Outbox, Reader, file_bytes
from hotpath.strategy import Strategy
from tests.feeds.test_binance_feed import Stage, depth, top

TOP = struct.Struct("<qqqqQqII")  # hotpath/records.h: tc_top


class Watcher(Strategy):
    """Notes what it was called with."""

    def __init__(self, lane: Lane, name: str, outbox: Outbox) -> None:
        super().__init__(lane, name, outbox)
        self.seen: list[tuple[int, int, int]] = []

    def on_book(self, market: Market) -> None:
        self.seen.append((market.reason, market.best_bid, market.best_ask))
        if market.is_valid:
            assert market.book.valid, "a top of a book whose levels are in doubt"


def top_slot(board: Board) -> tuple[int, int]:
    """(why the top on the board is not valid, its bid)."""
    _, words = board.read(0)
    bid_price, *_, reason = TOP.unpack_from(words)
    return reason, bid_price


class Afar:
    """A feed in one lane and a strategy in another, with the ring between them."""

    def __init__(self, told: bool = True) -> None:
        self.memory = os.memfd_create("outbox", os.MFD_CLOEXEC)
        os.ftruncate(self.memory, file_bytes(1 << 20))
        self.near = Stage(outbox=Outbox.create(self.memory, 1 << 20, 3))
        self.near.market.told = told
        self.lane = Lane("far", is_virtual=True)
        self.strategy = Watcher(self.lane, "watcher", Outbox.private(1 << 16, 9))
        self.strategy.add_market(
            Market(
                instrument=100,
                spec=Instrument("AB", "0.1", "1", id=100),
                name="feed:AB",
                feed=3,
                venue=4,
                index=0,
                slot=-1,
                book=Book(256, 1000),
            )
        )
        self.lane.start(self.near.now)
        self.reader = Reader.of(self.near.feed.outbox, True)

    def __del__(self) -> None:
        os.close(self.memory)

    def life(self, board: Board) -> None:
        """The feed's lane dies and starts again: the same memory, the next epoch."""
        epoch = self.near.feed.outbox.epoch + 1
        self.near = Stage(outbox=Outbox.attach(self.memory, epoch), board=board)
        self.near.market.told = True

    @property
    def market(self) -> Market:
        return self.strategy.markets[0]

    def flow(self) -> None:
        """The far lane takes all there is."""
        while batch := self.reader.take(512):
            for raw in batch:
                kind = raw[4] | raw[5] << 8
                if self.strategy.wants >> kind & 1:
                    self.lane.take_record(self.strategy, raw, self.near.now)
        self.reader.store()

    def chat(self, update: int) -> None:
        """The venue goes on for somewhat more than two seconds after `update`."""
        for i in range(25):
            update += 1
            self.near.say(depth(update, update, f'["0.9","{i % 9 + 1}"]'))
            self.near.wait(100)
        self.flow()

    def levels(self, market: Market) -> list[Any]:
        return [market.book.side_levels(side, 2000) for side in (Side.BUY, Side.SELL)]

    def same(self) -> bool:
        near, far = self.near.market, self.market
        return (
            self.levels(near) == self.levels(far)
            and (near.reason, near.best_bid, near.best_ask, near.epoch)
            == (far.reason, far.best_bid, far.best_ask, far.epoch)
            and near.book.best_bid == far.book.best_bid
        )


def test_the_levels_of_a_followed_book_are_the_feeds() -> None:
    afar = Afar()
    afar.near.open()
    afar.near.say(depth(9, 10))
    afar.near.snapshot(10, [(10, 5), (9, 1)], [(20, 5)])
    afar.flow()
    assert afar.same() and afar.market.is_valid
    afar.near.say(depth(11, 12, '["1.1","7"],["0.9","0"]'))
    afar.flow()
    assert afar.same() and afar.market.best_bid == 11
    afar.near.say(top(14, "1.2", "2.0"))
    afar.flow()
    assert afar.same() and afar.market.best_bid == 12


def test_a_feed_nobody_follows_from_afar_tells_no_levels() -> None:
    afar = Afar(told=False)
    afar.near.open()
    afar.near.say(depth(9, 10))
    afar.near.snapshot(10, [(10, 5)], [(20, 5)])
    afar.near.say(depth(11, 12, '["1.1","7"]'))
    afar.near.wait(5000)
    assert afar.near.records(Kind.DEPTH, Kind.SNAPSHOT) == []
    afar.flow()
    assert afar.market.is_valid and afar.market.best_bid == 11  # tops alone, as before
    assert not afar.market.deep


def test_a_doubt_and_the_next_join_arrive() -> None:
    afar = Afar()
    afar.near.joined()
    afar.near.say(depth(13, 14))  # 11 and 12 are missing
    afar.flow()
    assert afar.market.reason == Doubt.GAP and not afar.market.book.valid
    afar.near.snapshot(14, [(8, 1)], [(30, 2)])
    afar.flow()
    assert afar.same() and afar.market.is_valid


def test_a_feed_that_was_started_again_has_a_book_of_its_own() -> None:
    """Its snapshot is no retelling of the earlier life's, though it is the first in both."""
    afar = Afar()
    afar.near.open()
    afar.near.say(depth(9, 10))
    afar.near.snapshot(10, [(10, 5), (9, 400)], [(20, 5), (21, 900)])
    afar.flow()
    assert afar.same() and afar.market.is_valid
    epoch, board = afar.market.epoch, afar.near.board
    afar.life(board)
    assert top_slot(board) == (Doubt.NEVER_JOINED, 0), "the board has no price of the dead"
    afar.flow()
    assert afar.market.reason == Doubt.NEVER_JOINED and not afar.market.book.valid
    assert afar.strategy.seen[-1] == (Doubt.NEVER_JOINED, 0, 0)
    afar.near.open()
    afar.near.say(depth(1009, 1010))
    afar.near.snapshot(1010, [(10, 5)], [(20, 5), (30, 1)])
    afar.flow()
    assert afar.same() and afar.market.is_valid
    assert afar.market.epoch != epoch, "nor would the gate take an order by the one for the other"
    costs = [m.book.fill_cost(Side.BUY, 300) for m in (afar.near.market, afar.market)]
    assert costs[0] == costs[1]


def test_a_follower_that_starts_later_has_the_book_within_two_seconds() -> None:
    afar = Afar()
    afar.near.joined()
    while afar.reader.take(512):
        pass  # what an earlier life of that lane has read
    afar.near.say(depth(11, 12, '["1.1","7"]'))
    afar.flow()
    assert not afar.market.is_valid  # a top alone is no book to size an order by
    afar.chat(12)
    assert afar.market.is_valid and afar.same()


def test_a_lapped_follower_doubts_its_books_until_they_are_told_again() -> None:
    afar = Afar()
    afar.near.joined()
    afar.flow()
    assert afar.market.is_valid
    update = 10
    for _ in range(20_000):  # more than the ring holds, none of it read
        update += 1
        afar.near.say(depth(update, update, f'["1.0","{update % 9 + 1}"]'), after_ms=0)
    afar.flow()
    assert afar.reader.lost > 0
    assert (Doubt.LAPPED, 10, 20) in [(r, b, a) for r, b, a in afar.strategy.seen]
    afar.chat(update)
    assert afar.market.is_valid and afar.same()


def calm(near: Stage, update: int) -> int:
    """4.5 s without a fault: the longest wait for the next snapshot of a book that did not last."""
    for _ in range(9):
        near.wait(500)
        update += 1
        near.say(depth(update, update))
    return update


@pytest.mark.parametrize("seed", range(20))
def test_any_order_of_faults_leaves_both_lanes_with_one_book(seed: int) -> None:
    chance = random.Random(seed)
    afar = Afar()
    near = afar.near
    near.joined()
    update = 10
    for _ in range(400):
        what = chance.random()
        update += 1
        if what < 0.02:
            update += 2  # a gap
        price, quantity = f"{chance.randint(1, 15) / 10}", chance.randint(0, 9)
        ask = f"{chance.randint(16, 30) / 10}"
        near.say(depth(update, update, f'["{price}","{quantity}"]', f'["{ask}","{quantity}"]'))
        if what > 0.98:
            update = calm(near, update)
        if near.market.reason and (asked := near.asked()):
            near.snapshot(update, [(10, 5)], [(20, 5)], number=asked[-1][1])
        if chance.random() < 0.3:
            afar.flow()
            if near.market.is_valid:
                assert afar.levels(near.market) == afar.levels(afar.market)
    if near.market.reason:
        update = calm(near, update)
        if asked := near.asked():
            near.snapshot(update, [(10, 5)], [(20, 5)], number=asked[-1][1])
    afar.chat(update)
    assert near.market.is_valid and afar.market.is_valid and afar.same()
