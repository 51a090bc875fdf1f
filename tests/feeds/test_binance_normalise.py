"""Frames become a tape: playing it leads to the book that the feed's own replay leads to."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.capture import frames
from feeds.binance.normalise import Normaliser
from feeds.binance.replay import BookReplay
from hotpath import tape as t
from hotpath.instrument import Instrument
from hotpath.records import Doubt
from hotpath.tape import Tape
from tests.hotpath.test_backtest import Stand

SPEC = Instrument("BTCUSDT", "0.01", "0.00001", id=100, base_asset=10, quote_asset=2)


def depth(first: int, last: int, bids: str = "", asks: str = "") -> bytes:
    return (
        b'{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1700000000000,"s":"BTCUSDT",'
        b'"U":%d,"u":%d,"b":[%s],"a":[%s]}}' % (first, last, bids.encode(), asks.encode())
    )


SNAPSHOT = (
    b'{"lastUpdateId":10,"bids":[["99.00","1.00000"],["98.00","2.00000"]],'
    b'"asks":[["101.00","1.00000"]]}'
)


def kinds(tape: Tape) -> list[int]:
    return [tape.event(i)["kind"] for i in range(tape.count)]


def made() -> tuple[Tape, Normaliser]:
    tape = Tape()
    return tape, Normaliser(tape, [(SPEC, 0)])


def test_updates_before_the_snapshot_are_in_it_and_those_after_are_events() -> None:
    tape, reader = made()
    reader.frame(5, depth(9, 11, '["99.00","3.00000"]'))
    assert tape.count == 0
    reader.frame(6, SNAPSHOT, asked=0)
    assert kinds(tape) == [t.CLEAR, t.LEVEL, t.LEVEL, t.LEVEL, t.JOINED]
    best = tape.event(1)
    assert (best["price"], best["quantity"]) == (9900, 300000), "the kept update is applied"
    reader.frame(7, depth(12, 13, '["98.50","1.00000"]', '["101.00","0.00000"]'), last=False)
    assert kinds(tape)[5:] == [t.LEVEL, t.LEVEL]
    assert [tape.event(i)["flags"] for i in (5, 6)] == [0, t.ENDS_UPDATE]
    assert tape.event(6)["quantity"] == 0 and tape.event(6)["id"] == 13


def test_a_connection_that_takes_over_makes_no_hole() -> None:
    """It is ahead of the one that still lives, whose updates come too; then it is the only one."""
    tape, reader = made()
    reader.frame(5, depth(9, 11))
    reader.frame(6, SNAPSHOT, asked=0)
    reader.frame(7, depth(14, 15, '["98.50","1.00000"]'), spare=True)
    reader.frame(8, depth(12, 13, '["98.40","1.00000"]'))
    reader.frame(9, depth(14, 15, '["98.50","1.00000"]'))
    reader.frame(10, depth(16, 17, '["98.30","1.00000"]'), spare=True)
    reader.frame(11, depth(16, 17, '["98.30","1.00000"]'))
    reader.frame(12, depth(18, 19))
    assert reader.gaps == 0 and t.DOUBT not in kinds(tape)
    assert [tape.event(i)["id"] for i in range(5, tape.count)] == [13, 15, 17]
    reader.frame(13, depth(22, 23, '["98.20","1.00000"]'))
    assert reader.gaps == 1, "without another one it is a hole"


def test_a_hole_is_a_doubt_and_a_reconnect_too() -> None:
    tape, reader = made()
    reader.frame(5, depth(9, 11))
    reader.frame(6, SNAPSHOT, asked=0)
    before = tape.count
    reader.frame(7, depth(20, 21, '["98.50","1.00000"]'))
    assert kinds(tape)[before:] == [t.DOUBT] and reader.gaps == 1
    reader.frame(8, depth(22, 23, '["98.40","1.00000"]'))
    assert tape.count == before + 1, "nothing until a snapshot"
    reader.snapshot(9, 0, [(9900, 5)], [(10100, 5)], 21)
    assert kinds(tape)[before + 1 :] == [t.CLEAR, t.LEVEL, t.LEVEL, t.LEVEL, t.JOINED]
    reader.restart(10, 5)
    assert tape.event(tape.count - 1)["reason"] == 5
    reader.restart(11, 5)
    assert kinds(tape).count(t.DOUBT) == 2, "a doubt that stands is not told again"


def test_a_snapshot_that_the_stream_does_not_need_joins_anew_from_the_stream() -> None:
    """The session had a doubt of its own (silence): the stream was whole all along."""
    tape, reader = made()
    reader.frame(5, depth(9, 11))
    reader.frame(6, SNAPSHOT, asked=0)
    reader.frame(7, depth(12, 13, '["99.50","1.00000"]'))
    before = tape.count
    reader.snapshot(8, 0, [(9900, 100000)], [(10100, 100000)], 12)
    assert kinds(tape)[before] == t.CLEAR and kinds(tape)[-1] == t.JOINED
    assert tape.event(before + 1)["price"] == 9950, "not back to what the older snapshot says"


def test_each_trade_once() -> None:
    tape, reader = made()
    trade = (
        b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1700000000000,"s":"BTCUSDT","t":%d,'
        b'"p":"100.00","q":"0.50000","T":1700000000000,"m":%s,"M":true}}'
    )
    for number, sold in ((1, b"true"), (2, b"false"), (2, b"false"), (1, b"true")):
        reader.frame(number, trade % (number, sold))
    assert [(tape.event(i)["id"], tape.event(i)["side"]) for i in range(tape.count)] == [
        (1, 2),
        (2, 1),
    ]


def test_trades_of_an_overlap_are_on_the_tape_by_the_rule_of_the_live_feed() -> None:
    """Those ahead on the new connection wait for the old one, or for its end; a new one may count
    anew."""
    tape, reader = made()
    trade = (
        b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1700000000000,"s":"BTCUSDT","t":%d,'
        b'"p":"100.00","q":"0.50000","T":1700000000000,"m":true,"M":true}}'
    )
    said = ((497, False), (500, True), (498, False), (499, True), (498, True), (500, False))
    for number, spare in said:
        reader.frame(number, trade % number, spare=spare)
    reader.frame(600, trade % 502, spare=True)
    reader.takeover(601, True)
    reader.frame(602, trade % 505, spare=True)
    reader.takeover(603, False)  # the second one is the one that was closed
    reader.frame(604, trade % 506)
    reader.frame(605, trade % 509, spare=True)
    reader.restart(1000, 5)
    reader.takeover(1000, True)
    reader.frame(1001, trade % 1)
    told = [tape.event(i) for i in range(tape.count)]
    assert [e["id"] for e in told] == [497, 498, 499, 500, 502, 506, 1]
    assert [e["time"] for e in told][-3:] == [601, 604, 1001]


def test_updates_of_an_overlap_follow_when_the_first_connection_ends() -> None:
    """As live: no gap where the second one has all of it."""
    _, reader = made()
    reader.frame(5, depth(9, 11))
    reader.frame(6, SNAPSHOT, asked=0)
    for k in (13, 14):
        reader.frame(k, depth(k, k), spare=True)
    reader.frame(15, depth(12, 12))
    before = reader.applied
    reader.takeover(16, True)
    reader.frame(17, depth(15, 15))
    assert reader.gaps == 0 and reader.joins[0].joined
    assert reader.applied == before + 3 and reader.joins[0].book.last_id == 15
    reader.frame(18, depth(17, 17), spare=True)
    reader.takeover(19, True)  # 16 was with the old one
    assert reader.gaps == 1


def test_a_frame_that_nobody_can_read_doubts_every_book_of_the_connection() -> None:
    """As live, where it may have been an update of any of them; the tape went on as if whole."""
    tape = Tape()
    other = Instrument("ETHUSDT", "0.01", "0.00001", id=101, base_asset=11, quote_asset=2)
    reader = Normaliser(tape, [(SPEC, 0), (other, 1)])
    for at, symbol in enumerate((b"BTCUSDT", b"ETHUSDT")):
        reader.frame(5, depth(9, 11).replace(b"BTCUSDT", symbol))
        reader.frame(6, SNAPSHOT, asked=at)
    before = tape.count
    reader.frame(7, depth(12, 12)[:-4])
    told = [tape.event(i) for i in range(before, tape.count)]
    assert [(e["kind"], e["listing"], e["reason"]) for e in told] == [
        (t.DOUBT, 0, Doubt.REJECTED_FRAME),
        (t.DOUBT, 1, Doubt.REJECTED_FRAME),
    ]
    assert not reader.joins[0].joined and not reader.joins[1].joined
    reader.frame(8, b"{")
    assert tape.count == before + 2, "a doubt that stands is not told again"


@pytest.mark.parametrize("view_ns", [0, 5_000_000])
def test_every_shared_capture_leads_to_the_same_book(shared: Path, view_ns: int) -> None:
    paths = sorted((shared / "data" / "binance").glob("*.raw.gz"))
    compared = 0
    for path in paths:
        texts = [(f.time_ns, f.data) for f in frames(path)]
        for symbol in ("BTCUSDT",):
            spec = Instrument(symbol, "0.01", "0.00001", id=100, base_asset=10, quote_asset=2)
            plain = BookReplay(spec)
            plain.take([data for _, data in texts])
            tape = Tape()
            reader = Normaliser(tape, [(spec, 0)])
            reader.take([time for time, _ in texts], [data for _, data in texts])
            if not plain.book.epoch or plain.rejected:
                continue
            assert (reader.joins[0].applied, reader.gaps) == (plain.applied, plain.gaps)
            stand = Stand(tape, view_ns)
            stand.run({})
            for book in {id(b): b for b in (stand.book, stand.market.book)}.values():
                assert book.digest10(spec) == plain.book.digest10(spec), path
                assert book.counts == plain.book.counts
                assert book.last_id == plain.book.last_id
            compared += 1
    assert compared or not paths
