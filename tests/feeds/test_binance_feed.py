"""The feed under scripted bytes: join, gap, crossing, silence, reconnect, rollover, lateness."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from engine.budget import refused_code
from engine.capture import frames
from engine.slots import SILENCE
from engine.trouble import in_words
from feeds.binance.codec import Codec
from feeds.binance.feed import BinanceFeed
from feeds.binance.replay import BookReplay
from feeds.binance.settings import Settings
from hotpath.board import Board
from hotpath.book import Book
from hotpath.instrument import Instrument
from hotpath.lane import Lane, ScriptedConnection
from hotpath.market import Market
from hotpath.records import (
    Doubt,
    Gap,
    Header,
    Kind,
    LinkEvent,
    RequestType,
    Snapshot,
    join,
    pack,
    split,
    unpack,
)
from hotpath.ring import Outbox, Reader

MS, S = 10**6, 10**9
REST = 9  # source of the rest actor


class Transport:
    """Notes which connections were asked for."""

    def __init__(self) -> None:
        self.opens: list[tuple[int, str]] = []

    def open(self, actor: Any, channel: int, target: dict[str, Any]) -> None:
        self.opens.append((channel, target["url"]))


class Stage:
    """A feed on virtual time, whose world the test plays."""

    def __init__(
        self,
        symbols: list[str] | None = None,
        silent_s: int = 0,
        outbox: Outbox | None = None,
        board: Board | None = None,
        **settings: Any,
    ) -> None:
        self.now = 1_700_000_000 * S
        tops = [f"top{i}" for i in range(len(symbols or ["AB"]))]
        self.board = board or Board.private([*tops, "silent"])
        self.lane = Lane("test", self.board, seed=7, is_virtual=True)
        self.transport = self.lane.transport = Transport()
        self.feed = BinanceFeed(self.lane, "feed", outbox or Outbox.private(1 << 20, 3))
        self.reader = Reader.of(self.feed.outbox, True)
        for i, symbol in enumerate(symbols or ["AB"]):
            market = Market(
                instrument=100 + i,
                spec=Instrument(symbol, "0.1", "1", id=100 + i),
                name=f"feed:{symbol}",
                feed=3,
                venue=4,
                index=i,
                slot=i,
                book=Book(256, 1000),
            )
            self.feed.add_market(market)
        self.feed.configure("ws://there:1/stream", Settings(**settings), len(tops))
        self.sent: dict[int, list[bytes]] = {}
        self.positions = 0
        if silent_s:
            self.board.write(len(tops), SILENCE.pack(self.now + silent_s * S, 418))
        self.lane.start(self.now)

    def open(self, which: int = -1) -> int:
        """The world accepts a connection that was asked for."""
        channel = self.transport.opens[which][0]
        self.sent[channel] = []
        self.feed.attach(ScriptedConnection(channel, sent=self.sent[channel]))
        self.lane.take_link(self.feed, channel, LinkEvent.OPEN, 0, self.now)
        return channel

    def closes(self, channel: int, code: int = 0) -> None:
        self.lane.take_link(self.feed, channel, LinkEvent.CLOSED, code, self.now)

    def say(
        self, text: str, channel: int | None = None, last: bool = True, after_ms: int = 1
    ) -> None:
        self.now += after_ms * MS
        where = self.feed.active if channel is None else channel
        self.lane.take_frame(self.feed, where, text.encode(), last, self.now)

    def wait(self, ms: int) -> None:
        """Time passes; every timer fires when it is due."""
        end = self.now + ms * MS
        while self.lane.due is not None and self.lane.due <= end:
            self.now = self.lane.due
            self.lane.take_timers(self.now)
        self.now = end

    def records(self, *kinds: Kind) -> list[tuple[Header, Any]]:
        """What the feed wrote since the last call."""
        found = []
        while batch := self.reader.take(512):
            for raw in batch:
                header, payload = split(raw)
                if not kinds or header.kind in kinds:
                    found.append((header, unpack(header.kind, payload)))
        self.reader.store()
        return found

    def asked(self) -> list[tuple[int, int]]:
        """(instrument, number) of the snapshot requests since the last call."""
        requests = self.records(Kind.REQUEST)
        assert all(r.type == RequestType.SNAPSHOT for _, r in requests)
        return [(h.instrument, r.epoch) for h, r in requests]

    def snapshot(
        self, last_id: int, bids: Any, asks: Any, number: int | None = None, instrument: int = 100
    ) -> None:
        """The rest actor answers the newest request (or `number`)."""
        if number is None:
            number = [n for i, n in self.asked() if i == instrument][-1]
        self.positions += 1
        payload = pack(Snapshot(last_id=last_id, venue_time=0, epoch=number, bids=bids, asks=asks))
        header = Header(
            40 + len(payload), Kind.SNAPSHOT, REST, self.positions, self.now, 0, instrument, 0
        )
        self.lane.take_record(self.feed, join(header, payload), self.now)

    @property
    def market(self) -> Market:
        return self.feed.markets[0]

    def state(self) -> tuple[int, int, int]:
        return self.market.reason, self.market.best_bid, self.market.best_ask

    def joined(self) -> Stage:
        """Connected, joined at update 10: 1.0 x 5 / 2.0 x 5."""
        self.open()
        self.say(depth(9, 10))
        self.snapshot(10, [(10, 5)], [(20, 5)])
        assert self.state() == (0, 10, 20)
        self.wait(600)  # the next snapshot may be asked for at once
        self.records()
        return self


def depth(first: int, last: int, bids: str = "", asks: str = "", symbol: str = "AB") -> str:
    return (
        f'{{"stream":"{symbol.lower()}@depth@100ms","data":{{"e":"depthUpdate","E":1700000000000,'
        f'"s":"{symbol}","U":{first},"u":{last},"b":[{bids}],"a":[{asks}]}}}}'
    )


def top(update: int, bid: str, ask: str, symbol: str = "AB") -> str:
    return (
        f'{{"stream":"{symbol.lower()}@bookTicker","data":{{"u":{update},"s":"{symbol}",'
        f'"b":"{bid}","B":"3","a":"{ask}","A":"4"}}}}'
    )


def trade(number: int) -> str:
    return (
        f'{{"stream":"ab@trade","data":{{"e":"trade","E":1700000000000,"s":"AB","t":{number},'
        f'"p":"1.5","q":"2","T":1700000000000,"m":true,"M":true}}}}'
    )


# ---- joining


def test_the_streams_of_all_markets_are_asked_for_at_once() -> None:
    stage = Stage(["AB", "CD"])
    ((channel, url),) = stage.transport.opens
    names = "ab@depth@100ms/ab@bookTicker/ab@trade/cd@depth@100ms/cd@bookTicker/cd@trade"
    assert (channel, url) == (0, f"ws://there:1/stream?streams={names}")


def test_what_does_not_fit_the_address_is_subscribed_at_four_messages_a_second() -> None:
    symbols = [f"LONGNAME{i:03d}USDT" for i in range(300)]
    stage = Stage(symbols)
    stage.open()
    at: list[int] = []
    seen = 0
    for _ in range(80):
        stage.wait(50)
        if len(stage.sent[0]) > seen:
            seen = len(stage.sent[0])
            at.append(stage.now)
    messages = [orjson.loads(m) for m in stage.sent[0]]
    subscribed = [n for m in messages for n in m["params"]]
    in_url = stage.transport.opens[0][1].partition("streams=")[2].split("/")
    assert sorted(in_url + subscribed) == sorted(stage.feed.streams())
    assert len({m["id"] for m in messages}) == len(messages) == len(at)
    assert all(b - a >= 250 * MS for a, b in pairwise(at))


def test_nothing_is_valid_and_nothing_is_asked_before_the_stream_speaks() -> None:
    stage = Stage()
    stage.open()
    stage.say(top(5, "1.0", "2.0"))
    stage.wait(2000)
    assert stage.asked() == []
    assert stage.market.reason == Doubt.NEVER_JOINED
    stage.say(depth(6, 7))
    assert stage.asked() == [(100, 1)]


def test_kept_updates_bridge_the_snapshot() -> None:
    stage = Stage()
    stage.open()
    stage.say(depth(5, 8, '["1.0","9"]'))
    stage.say(depth(9, 12, '["1.1","3"]'))
    stage.say(depth(13, 13, "", '["1.9","1"]'))
    assert stage.asked() == [(100, 1)]
    stage.snapshot(10, [(10, 5)], [(20, 5)], 1)
    assert stage.state() == (0, 11, 19)
    assert (stage.market.book.last_id, stage.market.epoch) == (13, 1)
    assert stage.feed.joins[0].dropped == 1


def test_a_snapshot_older_than_the_stream_is_asked_for_again() -> None:
    stage = Stage()
    stage.open()
    stage.say(depth(20, 21))
    stage.snapshot(15, [(10, 5)], [(20, 5)])
    assert stage.market.reason != 0
    assert stage.asked() == []
    stage.wait(800)  # half a second between two requests of one book
    assert stage.asked() == [(100, 2)]
    stage.snapshot(21, [(10, 5)], [(20, 5)], 2)
    assert stage.market.is_valid


def waits(at: list[int]) -> list[float]:
    """Seconds between snapshot requests, to the quarter of a second of the feed's own look."""
    return [round((b - a) / (250 * MS)) / 4 for a, b in pairwise(at)]


@pytest.mark.parametrize("answer", ["too old", "too much", "none", "frame"])
def test_a_book_that_no_snapshot_mends_is_asked_for_at_growing_distances(answer: str) -> None:
    """Twice a second for ever, one market took the request budget of all and of the venue."""
    stage = Stage(stale_least_ms=60_000, snapshot_timeout_ms=100)
    stage.open()
    at: list[int] = []
    update = 20
    while len(at) < 10 and stage.now < (1_700_000_000 + 600) * S:
        update += 1
        stage.say(depth(update, update))
        stage.wait(49)
        if answer == "frame" and update % 10 == 0:
            stage.say(depth(update + 1, update + 1, '["1.05","1"]')[:-9], after_ms=0)
        if asked := stage.asked():
            at.append(stage.now)
            if answer == "too old":
                stage.snapshot(5, [(10, 5)], [(20, 5)], asked[-1][1])
            elif answer == "too much":
                levels = [(price, 1) for price in range(1, 3000)]
                stage.snapshot(update, levels, [(5000, 5)], asked[-1][1])
    assert waits(at) == pytest.approx([0.5, 1, 2, 4, 8, 16, 32, 60, 60], abs=0.75)
    stage.wait(61_000)
    stage.say(depth(update + 1, update + 1))
    number = stage.asked()[-1][1]
    stage.snapshot(update + 1, [(10, 5)], [(20, 5)], number)
    assert stage.market.is_valid


def test_a_book_that_does_not_last_is_asked_for_every_four_seconds_at_most() -> None:
    """Joined and broken again: not the waits of one that never joins, and not twice a second."""
    stage = Stage(stale_least_ms=60_000)
    stage.open()
    at: list[int] = []
    update = 20
    while len(at) < 12:
        update += 1
        stage.say(depth(update, update), after_ms=50)
        if asked := stage.asked():
            at.append(stage.now)
            stage.snapshot(update, [(10, 5)], [(20, 5)], asked[-1][1])
            assert stage.market.is_valid
            stage.wait(100)
            update += 3  # a gap
        else:
            stage.wait(1)
    assert waits(at)[:3] == pytest.approx([0.5, 1, 2], abs=0.5)
    assert waits(at)[3:] == pytest.approx(8 * [4.0], abs=0.5)
    while stage.now < at[-1] + 15 * S:  # now it lasts
        if asked := stage.asked():
            stage.snapshot(update, [(10, 5)], [(20, 5)], asked[-1][1])
        update += 1
        stage.say(depth(update, update), after_ms=50)
        stage.wait(1)
    assert stage.market.is_valid
    update += 3
    stage.say(depth(update, update))
    stage.snapshot(5, [(1, 1)], [(2, 1)])  # too old
    stage.wait(800)
    assert len(stage.asked()) == 1, "the next doubt is a first one again"


def test_an_answer_that_is_late_is_used_while_the_next_request_waits() -> None:
    """Only a new request makes an answer an old one, however long it has to wait itself."""
    stage = Stage()
    stage.open()
    stage.say(depth(20, 21))
    for _ in range(4):
        stage.snapshot(5, [(1, 1)], [(2, 1)])  # too old
        stage.wait(4300)
    number = stage.asked()[-1][1]
    stage.wait(3000)  # the time allowed for an answer is over, the wait is not
    assert stage.asked() == []
    stage.snapshot(21, [(10, 5)], [(20, 5)], number)
    assert stage.state() == (0, 10, 20)
    stage.wait(20_000)
    assert stage.asked() == [], "joined: nothing more is wanted"


def test_a_late_answer_to_an_older_request_is_dropped() -> None:
    stage = Stage()
    stage.open()
    stage.say(depth(9, 10))
    assert stage.asked() == [(100, 1)]
    stage.wait(5500)
    assert stage.asked() == [(100, 2)]
    stage.snapshot(10, [(1, 1)], [(2, 1)], 1)
    assert not stage.market.is_valid
    stage.snapshot(10, [(10, 5)], [(20, 5)], 2)
    assert stage.state() == (0, 10, 20)
    stage.snapshot(10, [(1, 1)], [(2, 1)], 2)  # twice: nobody waits for it
    assert stage.state() == (0, 10, 20)


def test_an_answer_lost_in_a_lapped_outbox_is_asked_for_again() -> None:
    stage = Stage()
    stage.open()
    stage.say(depth(9, 10))
    assert stage.asked() == [(100, 1)]
    payload = pack(Gap(from_=1, to=5, reason=Doubt.LAPPED))
    header = Header(40 + len(payload), Kind.GAP, REST, 6, stage.now, 0, 0, 0)
    stage.lane.take_record(stage.feed, join(header, payload), stage.now)
    stage.wait(800)  # long before the time allowed for an answer is over
    assert stage.asked() == [(100, 2)]
    stage.snapshot(10, [(10, 5)], [(20, 5)], 2)
    assert stage.market.is_valid


def test_an_answer_that_a_lapped_outbox_had_not_lost_is_used() -> None:
    stage = Stage()
    stage.open()
    stage.say(depth(9, 10))
    payload = pack(Gap(from_=1, to=5, reason=Doubt.LAPPED))
    header = Header(40 + len(payload), Kind.GAP, REST, 6, stage.now, 0, 0, 0)
    stage.lane.take_record(stage.feed, join(header, payload), stage.now)
    stage.snapshot(10, [(10, 5)], [(20, 5)])
    assert stage.market.is_valid
    stage.wait(2000)
    assert stage.asked() == [], "joined: nothing more is wanted"


def test_the_top_is_published_as_a_record_and_on_the_board() -> None:
    stage = Stage().joined()
    stage.say(depth(11, 11, '["1.2","7"]'))
    ((header, record),) = stage.records(Kind.TOP)
    assert (header.instrument, header.source) == (100, 3)
    assert (record.bid_price, record.bid_quantity, record.ask_price) == (12, 7, 20)
    assert (record.update_id, record.reason, record.epoch) == (11, 0, 1)
    assert record.venue_time == 1700000000000 * MS


def test_the_venues_own_top_leads_until_the_levels_have_caught_up() -> None:
    stage = Stage().joined()
    stage.say(top(15, "1.3", "1.8"))
    assert stage.state() == (0, 13, 18)
    stage.say(depth(11, 14, '["1.1","1"]'))
    assert stage.state() == (0, 13, 18)
    stage.say(depth(15, 16, '["1.4","1"]'))
    assert stage.state() == (0, 14, 20)
    stage.say(top(15, "1.3", "1.8"))  # late: older than the levels
    assert stage.state() == (0, 14, 20)


def test_a_backlog_is_published_once_at_its_last_frame() -> None:
    stage = Stage().joined()
    for i in range(11, 15):
        stage.say(depth(i, i, f'["1.{i - 9}","1"]'), last=i == 14)
    assert [r.bid_price for _, r in stage.records(Kind.TOP)] == [15]


def test_trades_are_told_once_each() -> None:
    stage = Stage().joined()
    for number in (5, 6, 6, 5, 8):
        stage.say(trade(number))
    told = stage.records(Kind.TRADE)
    assert [r.trade_id for _, r in told] == [5, 6, 8]
    assert (told[0][1].price, told[0][1].quantity, told[0][1].side) == (15, 2, 2)


# ---- doubt


def test_a_gap_is_told_before_any_further_read_and_ends_with_a_snapshot() -> None:
    stage = Stage().joined()
    stage.say(depth(11, 12))
    stage.say(depth(15, 16, '["1.5","1"]'), last=False)
    assert stage.market.reason == Doubt.GAP  # in the middle of the read
    told = stage.records()
    kinds = [h.kind for h, _ in told]
    assert kinds == [Kind.GAP, Kind.BOOK_STATE, Kind.TOP, Kind.REQUEST]
    assert (told[0][1].from_, told[0][1].to) == (13, 14)
    stage.say(depth(17, 17))
    stage.snapshot(14, [(10, 5)], [(20, 5)], told[3][1].epoch)
    assert stage.state() == (0, 15, 20)
    assert (stage.market.epoch, stage.feed.gaps) == (2, 1)


def test_updates_out_of_order_are_a_gap_and_heal() -> None:
    stage = Stage().joined()
    stage.say(depth(12, 12))
    stage.say(depth(11, 11))
    assert stage.market.reason == Doubt.GAP
    stage.snapshot(12, [(10, 5)], [(20, 5)])
    stage.say(depth(13, 13, '["1.7","1"]'))
    assert stage.state() == (0, 17, 20)


def test_updates_that_come_twice_change_nothing() -> None:
    stage = Stage().joined()
    stage.say(depth(11, 12, '["1.2","1"]'))
    stage.say(depth(13, 13, '["1.2","9"]'))
    stage.say(depth(11, 12, '["1.2","1"]'))
    assert stage.market.bid_quantity == 9
    assert (stage.feed.duplicates, stage.feed.gaps) == (1, 0)


def test_a_book_crossed_at_the_end_of_a_read_is_in_doubt() -> None:
    stage = Stage().joined()
    stage.say(depth(11, 11, '["2.5","1"]'))
    assert stage.market.reason == Doubt.CROSSED
    stage.say(depth(12, 12))
    stage.snapshot(12, [(10, 5)], [(20, 5)])
    assert stage.market.is_valid


def test_a_book_crossed_only_inside_a_read_is_not() -> None:
    stage = Stage().joined()
    stage.say(depth(11, 11, '["2.5","1"]'), last=False)
    stage.say(depth(12, 12, "", '["2.0","0"],["2.6","1"]'))
    assert stage.state() == (0, 25, 26)


def test_a_frame_that_cannot_be_read_puts_its_book_in_doubt() -> None:
    stage = Stage(["AB", "CD"])
    stage.open()
    for i, symbol in enumerate(("AB", "CD")):
        stage.say(depth(9, 10, symbol=symbol))
        stage.snapshot(10, [(10, 5)], [(20, 5)], instrument=100 + i)
    assert all(m.is_valid for m in stage.feed.markets)
    stage.say(depth(11, 11, '["1.05","1"]', symbol="CD"))  # no whole tick
    assert [m.reason for m in stage.feed.markets] == [0, Doubt.REJECTED_FRAME]
    stage.say(depth(11, 11)[:-4])  # whose it was cannot be told
    assert [m.reason for m in stage.feed.markets] == 2 * [Doubt.REJECTED_FRAME]
    assert stage.feed.rejected == 2
    kept = [r.document for _, r in stage.records(Kind.DOCUMENT)]
    assert kept[1]["rejected_frame"] == depth(11, 11)[:-4] and kept[1]["number"] == 2


def test_a_storm_of_unreadable_frames_keeps_a_bounded_number() -> None:
    stage = Stage().joined()
    for _ in range(150):
        stage.say("x" * 5000)
    kept = [r.document for _, r in stage.records(Kind.DOCUMENT)]
    assert len(kept) == 100 and {len(d["rejected_frame"]) for d in kept} == {2000}
    assert stage.feed.rejected == 150


def test_messages_of_others_are_counted_and_change_nothing() -> None:
    stage = Stage().joined()
    stage.say('{"stream":"ab@kline_1m","data":{"e":"kline","s":"AB"}}')
    stage.say(depth(5, 6, symbol="ZZ"))
    stage.say('{"result":null,"id":1}')
    assert (stage.feed.not_mine, stage.feed.rejected) == (2, 0)
    assert stage.market.is_valid


def test_a_lane_that_stood_still_doubts_its_books() -> None:
    stage = Stage().joined()
    stage.lane.take_link(stage.feed, 0, LinkEvent.LATE, 80 * MS, stage.now)
    assert stage.market.reason == Doubt.LATE_TURN


def test_a_book_of_too_many_levels_is_in_doubt() -> None:
    stage = Stage().joined()
    many = ",".join(f'["{i / 10:.1f}","1"]' for i in range(30, 1100))
    stage.say(depth(11, 11, "", many))
    assert stage.market.reason == Doubt.OVERFLOW


# ---- silence


def test_a_silent_channel_is_stale_by_its_own_rhythm_and_is_subscribed_anew() -> None:
    stage = Stage().joined()
    for i in range(11, 211):
        stage.say(depth(i, i), after_ms=100)
    limit = stage.feed.stale_after_ns(0)
    assert S <= limit <= 3 * S
    stage.wait(limit // MS - 100)
    assert stage.market.is_valid
    stage.wait(600)
    assert stage.market.reason == Doubt.STALE
    stage.wait(600)
    messages = [orjson.loads(m) for m in stage.sent[0]]
    assert [m["method"] for m in messages] == ["UNSUBSCRIBE", "SUBSCRIBE"]
    assert messages[1]["params"] == ["ab@depth@100ms", "ab@bookTicker", "ab@trade"]
    assert stage.asked() == []  # a silent stream does not look alive because REST answers
    stage.say(depth(300, 301))
    stage.snapshot(301, [(10, 5)], [(20, 5)])
    assert stage.market.is_valid


def test_silence_after_subscribing_anew_replaces_the_connection() -> None:
    stage = Stage().joined()
    for i in range(11, 211):
        stage.say(depth(i, i), after_ms=100)
    stage.wait(8000)
    assert stage.feed.reconnects == 1
    assert len(stage.transport.opens) == 2
    channel = stage.open()
    assert channel != 0
    stage.closes(0)  # the old one's late word is not taken for the new one's
    assert stage.feed.active == channel
    stage.say(depth(400, 401))
    stage.snapshot(401, [(10, 5)], [(20, 5)])
    assert stage.market.is_valid


def test_a_quiet_channel_without_a_rhythm_is_given_the_longest_time() -> None:
    stage = Stage(stale_most_ms=20_000).joined()
    stage.wait(19_000)
    assert stage.market.is_valid
    stage.wait(2_000)
    assert stage.market.reason == Doubt.STALE


# ---- connections


def test_a_lost_connection_is_made_again_with_growing_waits() -> None:
    stage = Stage().joined()
    stage.closes(0)
    assert stage.market.reason == Doubt.RECONNECT
    waits = []
    for _ in range(9):
        began, count = stage.now, len(stage.transport.opens)
        while len(stage.transport.opens) == count:
            stage.wait(5)
        waits.append((stage.now - began) // MS)
        stage.closes(stage.transport.opens[-1][0])
    assert all(w <= 15_010 for w in waits)
    assert waits[0] <= 110 and waits[-1] >= 7_500
    while stage.feed.coming < 0:
        stage.wait(100)
    stage.open()
    stage.say(depth(50, 51))
    stage.snapshot(51, [(10, 5)], [(20, 5)])
    assert stage.market.is_valid and stage.market.epoch == 2
    assert stage.feed.failures > 0  # it has not lasted yet
    for update in range(52, 115):
        stage.wait(1000)
        stage.say(depth(update, update))
    assert stage.feed.failures == 0


def test_a_ban_of_the_address_holds_back_connections_and_leaves_those_there_are() -> None:
    """Connecting while told to be silent makes a venue's ban longer (minutes become days)."""
    stage = Stage()
    channel = stage.open()
    over = stage.now + 30 * S
    stage.board.write(1, SILENCE.pack(over, 418))
    stage.say(depth(1, 1))
    assert stage.feed.active == channel
    stage.closes(channel)
    stage.wait(29_000)
    assert len(stage.transport.opens) == 1 and stage.feed.held
    stage.board.write(1, SILENCE.pack(over + 60 * S, 418))  # asked too early by somebody else
    stage.wait(60_000)
    assert len(stage.transport.opens) == 1
    stage.wait(2_000)
    assert len(stage.transport.opens) == 2 and not stage.feed.held


def test_a_ban_holds_back_the_connection_that_would_replace_an_old_one() -> None:
    stage = Stage(lifetime_s=60)
    stage.open()
    stage.board.write(1, SILENCE.pack(stage.now + 90 * S, 418))
    for _ in range(85):
        stage.wait(1_000)
        stage.say(top(1, "1", "2"))
        stage.say(depth(1, 1))
    assert len(stage.transport.opens) == 1 and stage.feed.active >= 0
    stage.wait(5_000)
    assert len(stage.transport.opens) == 2 and stage.feed.active >= 0


def test_a_feed_that_starts_during_a_ban_waits_for_its_end() -> None:
    stage = Stage(silent_s=5)
    assert stage.transport.opens == []
    stage.wait(5_100)
    assert len(stage.transport.opens) == 1


@pytest.mark.parametrize(
    ("status", "said_s", "wait_s"), [(418, 30, 30), (418, 0, 120), (429, 0, 10)]
)
def test_a_handshake_that_is_answered_with_a_ban_holds_back_as_one_told_by_rest(
    status: int, said_s: int, wait_s: int
) -> None:
    """The stream's endpoint says it too; dialling on makes minutes days."""
    stage = Stage()
    stage.closes(stage.transport.opens[-1][0], refused_code(status, {"Retry-After": str(said_s)}))
    until = stage.now + wait_s * S
    assert (stage.feed.silent_until, stage.feed.silenced_by) == (until, status)
    said = str(in_words("feed", stage.feed.trouble))
    assert said.startswith("TCL-5211" if status == 418 else "TCL-5216") and str(status) in said
    stage.wait(wait_s * 1000 - 500)
    assert len(stage.transport.opens) == 1
    stage.wait(1_000)
    assert len(stage.transport.opens) == 2 and stage.feed.trouble is None


def test_a_shorter_ban_does_not_end_a_longer_one() -> None:
    stage = Stage(silent_s=60)
    stage.wait(61_000)
    stage.board.write(1, SILENCE.pack(stage.now + 60 * S, 418))
    stage.closes(stage.transport.opens[-1][0], refused_code(429, {"retry-after": "5"}))
    stage.wait(59_000)
    assert len(stage.transport.opens) == 1


def test_a_connection_that_is_not_answered_is_given_up() -> None:
    stage = Stage()
    stage.wait(12_000)
    assert len(stage.transport.opens) >= 2


def rolled(stage: Stage) -> int:
    """The next connection is open beside the old one; its channel."""
    old = stage.feed.active
    if len(stage.transport.opens) == 1:  # the one there is is young: the next waits a moment
        stage.wait(110)
    assert len(stage.transport.opens) == 2
    channel = stage.open()
    assert (stage.feed.active, stage.feed.coming) == (old, channel)
    return channel


def test_a_connection_is_replaced_before_it_ends_without_a_doubt() -> None:
    stage = Stage(lifetime_s=60, stale_most_ms=600_000).joined()
    stage.wait(61_000)
    new = rolled(stage)
    stage.say(depth(11, 11, '["1.1","1"]'), 0)
    stage.say(depth(13, 13, '["1.3","1"]'), new)  # ahead of the old one: left to it
    assert stage.state() == (0, 11, 20)
    stage.say(depth(12, 12), 0)
    stage.say(depth(13, 13, '["1.3","1"]'), 0)
    stage.say(depth(14, 14, '["1.4","1"]'), new)
    stage.say(depth(14, 14, '["1.4","1"]'), 0)
    assert stage.state() == (0, 14, 20)
    stage.wait(300)
    assert (stage.feed.active, stage.feed.rollovers) == (new, 1)
    stage.closes(0)
    stage.say(depth(15, 15, '["1.5","1"]'))
    assert stage.state() == (0, 15, 20)
    assert (stage.feed.gaps, stage.feed.reconnects, stage.market.epoch) == (0, 0, 1)


def test_a_replacement_that_is_refused_waits_longer_each_time() -> None:
    """It was dialled four times a second: 1,200 in five minutes, where a venue allows 300."""
    stage = Stage(lifetime_s=60, stale_most_ms=600_000).joined()
    stage.wait(61_000)
    dialled = len(stage.transport.opens)
    for _ in range(1200):
        if stage.feed.coming >= 0:
            stage.closes(stage.transport.opens[-1][0])
        stage.wait(250)
    assert stage.feed.active >= 0 and stage.market.is_valid
    assert 20 <= len(stage.transport.opens) - dialled <= 60


def test_the_servers_word_that_it_will_close_brings_the_next_connection() -> None:
    stage = Stage().joined()
    stage.say('{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1700000000000}}')
    new = rolled(stage)
    stage.say(depth(11, 11), new)
    stage.closes(0)  # at once: the new one goes on
    assert (stage.feed.active, stage.market.reason) == (new, 0)
    stage.say(depth(12, 12, '["1.6","1"]'))
    assert stage.state() == (0, 16, 20)


def test_a_new_connection_that_misses_updates_is_a_gap_once_it_is_alone() -> None:
    stage = Stage(overlap_s=2, stale_most_ms=600_000).joined()
    stage.say('{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1700000000000}}')
    new = rolled(stage)
    stage.say(top(1, "1.0", "2.0"), new)
    stage.wait(3000)
    assert stage.feed.active == new
    stage.say(depth(20, 20))
    assert stage.market.reason == Doubt.GAP


def test_a_refused_subscription_ends_the_connection() -> None:
    stage = Stage().joined()
    stage.say('{"error":{"code":2,"msg":"Invalid request"},"id":1}')
    assert stage.feed.refused == 1
    stage.closes(0)
    assert stage.market.reason == Doubt.RECONNECT


def test_a_stopped_feed_stays_closed() -> None:
    stage = Stage().joined()
    stage.lane.stop(stage.now)
    stage.closes(0)
    stage.wait(60_000)
    assert len(stage.transport.opens) == 1


# ---- whole captures, and anything at all


def capture(shared: Path) -> tuple[Path, bytes]:
    for path in sorted((shared / "data" / "binance").glob("spot*.raw.gz")):
        for frame in frames(path):
            if b"lastUpdateId" in frame.data[:20]:
                return path, frame.data
    pytest.skip("no spot capture with a snapshot")


def test_a_real_capture_through_the_feed_equals_its_replay(shared: Path) -> None:
    """Samples to the final digest: the actor and `tiercel book` hold the same book."""
    path, body = capture(shared)
    instrument = Instrument("BTCUSDT", "0.01", "0.00001", id=100)
    stage = Stage()
    stage.feed.markets.clear()
    book = Book()
    stage.feed.add_market(
        Market(
            instrument=100,
            spec=instrument,
            name="x",
            feed=3,
            venue=4,
            index=0,
            slot=0,
            book=book,
        )
    )
    stage.feed.configure("ws://there:1", Settings())
    stage.open()
    exact = BookReplay(Instrument("BTCUSDT", "0.01", "0.00000001"))
    reader = Codec([instrument], rounds=True)
    number, tops = 0, 0
    for i, frame in enumerate(frames(path)):
        if i > 30_000:
            break
        exact.take([frame.data])
        stage.now = max(stage.now, frame.time_ns)
        if frame.data == body:
            number = stage.feed.snapshots_asked
            found = reader.read_snapshot(body)
            assert found is not None
            stage.snapshot(found[2], found[0], found[1], number)
        else:
            stage.lane.take_frame(stage.feed, 0, frame.data, True, stage.now)
        tops += len(stage.records(Kind.TOP))
    assert number > 0 and tops > 1000
    assert stage.market.reason == 0 and stage.feed.gaps == stage.feed.rejected == 0
    assert book.last_id == exact.book.last_id
    for side in (1, 2):
        levels = [(p, q // 1000) for p, q in exact.book.side_levels(side, 100_000)]
        assert book.side_levels(side, 100_000) == [(p, q) for p, q in levels if q]


def play(seed: int) -> None:
    draw = random.Random(seed)
    stage = Stage(stale_most_ms=5000)
    stage.open()
    venue = {"b": {10: 5}, "a": {200: 5}}
    update = 100
    for i in range(400):
        is_faulty = i < 300
        if stage.feed.active < 0:
            stage.wait(400)
            if stage.feed.coming >= 0:
                stage.open()
            continue
        update += 1
        side = draw.choice("ba")
        price = draw.randrange(1, 100) if side == "b" else draw.randrange(101, 250)
        quantity = draw.choice((0, 1, 7)) if len(venue[side]) > 1 else 7
        venue[side] = {p: q for p, q in (venue[side] | {price: quantity}).items() if q}
        text = f'["{price / 10:.1f}","{quantity}"]'
        frame = depth(update, update, *((text, "") if side == "b" else ("", text)))
        fault = draw.random() if is_faulty else 1.0
        if fault < 0.03:
            continue
        if fault < 0.06:
            frame = frame[: draw.randrange(len(frame))]
        stage.say(frame, after_ms=100)
        if 0.06 <= fault < 0.10 and stage.feed.active >= 0:
            stage.say(frame)
        if 0.10 <= fault < 0.11:
            stage.closes(stage.feed.active)
        if draw.random() < 0.5 or not is_faulty:
            for _, number in stage.asked()[-1:]:
                stage.snapshot(update, list(venue["b"].items()), list(venue["a"].items()), number)
        stage.wait(10)
    assert stage.market.is_valid
    assert dict(stage.market.book.side_levels(1, 500)) == venue["b"]
    assert dict(stage.market.book.side_levels(2, 500)) == venue["a"]
    assert stage.market.epoch > 1, "no fault ever ended the join"


@pytest.mark.parametrize("seed", range(25))
def test_any_order_of_faults_ends_in_a_valid_book_equal_to_the_venues(seed: int) -> None:
    """Frames dropped, doubled, cut, connections lost: then quiet, and the book is right."""
    play(seed)


SHUTDOWN = '{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1700000000000}}'


class Two(Stage):
    """Two joined markets on one connection; CD goes silent after it."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(["AB", "CD"], **settings)
        self.open()
        for instrument, symbol in ((100, "AB"), (101, "CD")):
            self.say(depth(9, 10, symbol=symbol))
            self.snapshot(10, [(10, 5)], [(20, 5)], instrument=instrument)
        self.update = 10

    def goes_on(self, seconds: int, answers: bool = True) -> list[bool]:
        """AB has an update each 100 ms, and its snapshots; was it valid?"""
        valid = []
        for _ in range(10 * seconds):
            self.wait(99)
            if self.feed.active < 0:
                valid.append(False)
                continue
            self.update += 1
            self.say(depth(self.update, self.update, symbol="AB"))
            for instrument, number in self.asked():
                if instrument == 100:
                    self.snapshot(self.update, [(10, 5)], [(20, 5)], number, 100)
            valid.append(self.feed.markets[0].is_valid)
        return valid


@pytest.mark.parametrize("is_banned", [False, True])
def test_a_market_that_is_silent_costs_the_others_nothing(is_banned: bool) -> None:
    stage = Two()
    if is_banned:
        stage.board.write(2, SILENCE.pack(stage.now + 86_400 * S, 418))
    assert all(stage.goes_on(400))
    assert not stage.feed.markets[1].is_valid, "and it is not traded on"
    assert (stage.feed.reconnects, len(stage.transport.opens)) == (0, 1)
    assert stage.feed.resubscribes >= 2
    stage.say(depth(11, 11, symbol="CD"))
    stage.snapshot(11, [(10, 5)], [(20, 5)], instrument=101)
    assert stage.feed.markets[1].is_valid, "it is back with its next word"


def test_a_silent_market_is_subscribed_anew_at_growing_distances() -> None:
    """Of a limit of one second, too: some 30 messages in ten minutes, and not a thousand."""
    stage = Two(stale_most_ms=60_000)
    for i in range(11, 311):
        stage.say(depth(i, i, symbol="CD"), after_ms=100)
    assert stage.feed.stale_after_ns(1) <= S * 3 // 2
    before = len(stage.sent[0])
    stage.goes_on(600)
    assert not stage.feed.markets[1].is_valid and stage.feed.markets[0].is_valid
    assert 10 <= len(stage.sent[0]) - before <= 40
    stage.say(depth(311, 311, symbol="CD"))
    stage.snapshot(311, [(10, 5)], [(20, 5)], instrument=101)
    assert stage.feed.markets[1].is_valid, "it is back with its next word"


def test_a_connection_that_says_nothing_is_kept_while_there_would_be_none() -> None:
    stage = Two()
    stage.board.write(2, SILENCE.pack(stage.now + 600 * S, 418))
    stage.wait(500_000)
    assert not any(m.is_valid for m in stage.feed.markets)
    assert stage.feed.active == 0 and stage.feed.reconnects == 0
    stage.wait(200_000)  # the ban is over
    assert stage.feed.reconnects >= 1 and len(stage.transport.opens) >= 2


def subscription_refused(stage: Stage, channel: int) -> None:
    stage.say('{"error":{"code":2,"msg":"Invalid request: too many streams"},"id":1}')
    stage.closes(channel)


def closed_at_once(stage: Stage, channel: int) -> None:
    stage.wait(200)
    stage.closes(channel)


def shutdown_at_once(stage: Stage, channel: int) -> None:
    stage.say(SHUTDOWN, channel)
    stage.wait(10)
    if stage.feed.coming < 0 and stage.feed.active < 0:
        stage.closes(channel)


@pytest.mark.parametrize("how", [subscription_refused, closed_at_once, shutdown_at_once])
def test_connections_that_do_not_last_are_not_made_without_end(how: Any) -> None:
    """The venue takes 300 in five minutes from an address, the one that trades among them."""
    stage = Stage()
    start, opened = stage.now, 0
    while stage.now < start + 300 * S:
        stage.wait(50)
        if stage.feed.connecting and stage.feed.coming >= 0:
            channel = stage.open()
            opened += 1
            stage.say(depth(9 + opened, 10 + opened), channel)
            if asked := stage.asked():
                stage.snapshot(10 + opened, [(10, 5)], [(20, 5)], asked[-1][1])
            how(stage, channel)
    assert 15 <= opened <= 60


def test_no_more_connections_than_the_venue_takes() -> None:
    stage = Stage(connects_per_5m=10, backoff_cap_ms=1)
    start = stage.now
    times = []
    while stage.now < start + 1_000 * S:
        stage.wait(50)
        if stage.feed.connecting and stage.feed.coming >= 0:
            stage.closes(stage.open())
            times.append(stage.now)
    assert len(times) >= 30
    for n in range(len(times) - 10):
        assert times[n + 10] - times[n] >= 299 * S


def test_what_lies_between_two_connections_when_the_old_one_dies_is_a_gap() -> None:
    stage = Stage(stale_most_ms=600_000).joined()
    stage.say(SHUTDOWN)
    new = rolled(stage)
    stage.say(depth(13, 13, '["1.0","0"]'), new)  # 11 and 12 are with the old one
    stage.closes(0)
    assert stage.feed.active == new
    assert stage.market.reason == Doubt.GAP and stage.feed.gaps == 1


@pytest.mark.parametrize("how", ["it dies", "its time is over"])
def test_what_a_new_connection_said_ahead_follows_the_old_one(how: str) -> None:
    """The new one is ahead all the time: it takes over without a gap, nothing is told twice."""
    stage = Stage(overlap_s=2, stale_most_ms=600_000).joined()
    stage.say(SHUTDOWN)
    new = rolled(stage)
    last = 10
    while stage.feed.active == 0:
        last += 1
        stage.say(depth(last, last, f'["1.{last % 10}","{last}"]'), 0)
        for k in (last + 2, last + 3) if last == 11 else (last + 3,):
            stage.say(depth(k, k, f'["1.{k % 10}","{k}"]'), new)
        stage.wait(50)
        assert stage.market.is_valid
        if how == "it dies" and last == 20:
            stage.say(depth(21, 21), 0)
            stage.say(depth(22, 22), 0)
            stage.closes(0)
        assert last < 200
    assert stage.market.is_valid and stage.feed.gaps == 0 and stage.market.epoch == 1
    assert stage.market.book.last_id == last + 3 and stage.feed.ahead == []
    level = 1 + (last + 3) % 10 / 10
    found = dict(stage.market.book.side_levels(1, 20))
    assert found[round(level * 10)] > 0, found
    stage.say(depth(last + 4, last + 4), new)
    assert stage.market.is_valid


def test_trades_that_a_new_connection_told_ahead_are_not_lost() -> None:
    stage = Stage(overlap_s=2, stale_most_ms=600_000).joined()
    stage.say(trade(100))
    stage.say(SHUTDOWN)
    new = rolled(stage)
    stage.say(trade(102), new)
    stage.say(trade(103), new)
    assert stage.feed.trades_taken == 1
    stage.say(trade(101), 0)
    stage.closes(0)
    stage.say(trade(103), new)
    stage.say(trade(104), new)
    assert stage.feed.trades_taken == 5 and stage.feed.duplicates == 1


def test_a_new_connection_far_ahead_takes_over_before_too_much_is_kept() -> None:
    stage = Stage(overlap_s=600, stale_most_ms=600_000).joined()
    stage.say(SHUTDOWN)
    new = rolled(stage)
    for k in range(12, 12 + 9_999):
        stage.say(depth(k, k), new)
    assert stage.feed.active == 0 and len(stage.feed.ahead) == 9_999
    stage.say(depth(11, 11), 0)
    stage.say(depth(12 + 10_000, 12 + 10_000), new)
    assert stage.feed.active == new and stage.feed.ahead == []
    assert stage.market.reason == Doubt.GAP  # one of them was never said


def test_what_is_kept_goes_with_its_connection() -> None:
    stage = Stage(stale_most_ms=600_000).joined()
    stage.say(SHUTDOWN)
    new = rolled(stage)
    stage.say(depth(13, 13), new)
    assert len(stage.feed.ahead) == 1
    stage.closes(new)
    stage.wait(60_000)
    next_one = stage.open()
    assert next_one not in (-1, stage.feed.active) and stage.feed.ahead == []


def test_a_new_connection_without_a_word_does_not_replace_one_that_speaks() -> None:
    stage = Stage(overlap_s=10, lifetime_s=60).joined()
    update = 10
    for n in range(1_000):
        stage.wait(99)
        if n == 620:
            new = rolled(stage)
            stage.say('{"result":null,"id":1}', new)  # an answer is no market data
        update += 1
        stage.say(depth(update, update), 0)
    assert stage.feed.active == 0 and stage.market.is_valid
    assert stage.feed.coming != new


def control_times(stage: Stage, seconds: int) -> dict[int, list[int]]:
    """When control messages left on each connection."""
    found: dict[int, list[int]] = {}
    for _ in range(seconds * 1000 // 5):
        before = {c: len(s) for c, s in stage.sent.items()}
        stage.wait(5)
        for c, s in stage.sent.items():
            found.setdefault(c, []).extend([stage.now] * (len(s) - before.get(c, 0)))
    return found


def test_control_messages_go_to_their_connection_and_four_a_second_at_most() -> None:
    symbols = [f"LONGNAME{i:03d}USDT" for i in range(100)]  # 300 streams: four messages
    stage = Stage(symbols)
    stage.open()
    times = control_times(stage, 2)[0]
    for n, symbol in enumerate(symbols):
        stage.say(depth(9, 10, symbol=symbol))
        stage.snapshot(10, [(10, 5)], [(20, 5)], instrument=100 + n)
    assert len(times) >= 2 and min(b - a for a, b in pairwise(times)) >= 245 * MS
    for _ in range(59):  # all but the last go silent, and are subscribed anew
        stage.wait(1000)
        stage.say(depth(11, 11, symbol=symbols[-1]))
    stage.wait(1500)
    stage.say(depth(12, 12, symbol=symbols[-1]))
    assert len(stage.feed.to_send) > 100
    stage.say(SHUTDOWN)
    new = rolled(stage)
    stage.sent[0].clear()
    times_of = control_times(stage, 5)
    every = sorted(times_of[new] + times_of[0])
    assert min(b - a for a, b in pairwise(every)) >= 245 * MS
    url = stage.transport.opens[-1][1].partition("streams=")[2].split("/")
    told = [orjson.loads(m) for m in stage.sent[new]]
    assert {m["method"] for m in told} == {"SUBSCRIBE"}
    assert sorted(url + [s for m in told for s in m["params"]]) == sorted(stage.feed.streams())
    assert len({m["id"] for m in told}) == len(told)


def test_trades_ahead_on_the_new_connection_wait_for_the_old_one() -> None:
    stage = Stage(stale_most_ms=600_000).joined()
    stage.say(trade(497))
    stage.say(SHUTDOWN)
    new = rolled(stage)
    for number, channel in ((500, new), (498, 0), (499, new), (498, new), (499, 0), (500, 0)):
        stage.say(trade(number), channel)
    told = [t.trade_id for _, t in stage.records(Kind.TRADE)]
    assert told == [497, 498, 499, 500]


def test_a_venue_that_counts_trades_anew_is_heard() -> None:
    stage = Stage(stale_most_ms=600_000).joined()
    stage.say(trade(9_000_000))
    stage.closes(0)
    stage.wait(200)
    channel = stage.open()
    stage.say(trade(1), channel)
    stage.say(trade(1), channel)
    stage.say(trade(2), channel)
    assert [t.trade_id for _, t in stage.records(Kind.TRADE)] == [9_000_000, 1, 2]


def test_a_top_that_is_known_is_no_fresh_word() -> None:
    stage = Stage().joined()
    stage.say(top(11, "1.1", "1.9"))
    received = stage.market.received
    for said in (top(11, "1.1", "1.9"), top(3, "0.9", "2.1"), top(10, "1.0", "2.0")):
        stage.wait(400)
        stage.say(said)
        assert stage.market.received == received and stage.state() == (0, 11, 19)


def test_a_top_without_a_time_is_as_late_as_the_levels() -> None:
    """R06 judges the venue's time: a connection that is 30 s late is so for both streams."""
    stage = Stage().joined()
    late = depth(11, 11).replace('"E":1700000000000', f'"E":{stage.now // MS - 30_000}')
    stage.say(late)
    stage.wait(50)
    stage.say(top(15, "1.1", "1.9"))
    assert stage.now - stage.market.book.venue_time == pytest.approx(30 * S, abs=2 * MS)
    assert [t.venue_time for _, t in stage.records(Kind.TOP)][-1] == stage.market.book.venue_time


def test_the_word_of_the_coming_connection_that_it_ends_is_heard() -> None:
    stage = Stage(lifetime_s=60, stale_most_ms=600_000).joined()
    stage.wait(61_000)
    new = rolled(stage)
    stage.say(SHUTDOWN, new)
    assert stage.feed.coming < 0
    stage.wait(200)
    assert len(stage.transport.opens) == 3


@pytest.mark.parametrize("number", [2**63, 2**64 - 1])
def test_an_id_beyond_63_bits_is_a_frame_that_cannot_be_read(number: int) -> None:
    """It made every later update a duplicate, or its top the one that stays."""
    for frame in (depth(11, number), top(number, "1.1", "1.9")):
        stage = Stage().joined()
        stage.say(frame)
        assert stage.market.reason == Doubt.REJECTED_FRAME
        stage.say(depth(11, 11, '["1.5","1"]'))
        stage.snapshot(11, [(15, 1)], [(20, 5)])
        assert stage.state() == (0, 15, 20)
    stage = Stage().joined()
    stage.say(trade(number))
    stage.say(trade(5))
    assert [t.trade_id for _, t in stage.records(Kind.TRADE)] == [5]


@pytest.mark.parametrize(
    "wrong",
    [{"depth_interval_ms": 250}, {"lifetime_s": 0}, {"lifetime_s": 10**6},
     {"stale_least_ms": 5_000, "stale_most_ms": 2_000}],
)  # fmt: skip
def test_settings_that_no_connection_can_have_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, Settings)
