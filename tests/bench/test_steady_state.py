"""Steady state allocates nothing: a million frames, an order for each, and not one block more; nor
does a table that was made at the start take its pages later (hotpath/room.h).

The path is the wire bench's: feed, book, compiled strategy, gate, records, order text. Only the
sockets are pretended; `Ender` stands for the exchange's reports.
"""

from __future__ import annotations

import gc
import resource
import sys

from bench.wire_lane import Bench
from hotpath.lane import Connection, ScriptedConnection
from hotpath.records import LinkEvent

FRAMES = 1_000_000
PARTS = 10
STEP_NS = 10 * 10**6  # between two frames: a hundred orders a second are within every throttle
VIRTUAL_START = 10**15  # ns; the status of an instrument that was never told is not too old yet
SLACK = 32
"""blocks: the interpreter's own free lists move by a few, in both directions"""
PAGES = 100
"""that the kernel may give in a million frames; the window of executions alone has 128"""
TOP = (
    b'{"e":"bookTicker","u":%d,"s":"BTCUSDT","b":"%d.51000000","B":"3.21450000",'
    b'"a":"%d.52000000","A":"4.66120000","T":%d,"E":%d}'
)


class Silence:
    """A transport that opens nothing: the test says when a connection is there."""

    def open(self, actor: object, channel: int, target: dict[str, object]) -> None: ...


def trading(is_virtual: bool = False, strategy: str = "compiled") -> Bench:
    """The wire bench's lane, logged on, reconciled and with its book joined."""
    bench = Bench(strategy, 1, is_virtual)
    bench.lane.transport = Silence()
    bench.connect_to("ws://there")
    bench.lane.start(VIRTUAL_START if is_virtual else None)
    for actor in (bench.feed, bench.venue):
        connection: Connection = ScriptedConnection(0)
        actor.attach(connection)
        bench.lane.take_link(actor, 0, LinkEvent.OPEN)
    bench.join_books()
    for _ in range(10):
        if not bench.venue.is_ready():
            bench.answer()
    assert bench.venue.is_ready() and bench.feed.markets[0].is_valid
    return bench


def tick(bench: Bench, began: int, start: int, count: int, leak: list[bytes] | None = None) -> None:
    """Frames `start` to `start + count`; with `leak`, every thousandth is kept."""
    take, feed = bench.lane.take_frame, bench.feed
    for n in range(start, start + count):
        price, now = 67_234 + n % 7, began + n * STEP_NS
        ms = now // 10**6
        frame = TOP % (400_901_000 + n, price, price, ms, ms)
        if leak is not None and n % 1000 == 0:
            leak.append(frame)
        take(feed, 0, frame, True, now)


def blocks() -> int:
    gc.collect()
    return sys.getallocatedblocks()


def faults() -> int:
    """Pages that the kernel gave so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def test_a_million_frames_allocate_no_block() -> None:
    bench = trading()
    began = bench.lane.read_clock()
    tick(bench, began, 0, 20_000)
    sent, before, found, pages = bench.venue.sent, blocks(), [], faults()
    for part in range(PARTS):
        tick(bench, began, 20_000 + part * (FRAMES // PARTS), FRAMES // PARTS)
        found.append(blocks() - before)
    assert bench.venue.sent - sent == FRAMES, bench.report()
    assert max(found) <= SLACK, f"blocks above the start after each {FRAMES // PARTS}: {found}"
    assert faults() - pages <= PAGES, f"{faults() - pages} pages came with the orders"


def test_a_leak_of_one_in_a_thousand_frames_would_be_seen() -> None:
    bench = trading()
    began = bench.lane.read_clock()
    tick(bench, began, 0, 20_000)
    kept: list[bytes] = []
    before = blocks()
    tick(bench, began, 20_000, 100_000, kept)
    assert blocks() - before > SLACK and len(kept) == 100
