"""How fast market data of the past goes through the engine: `tiercel bench replay`.

`replay_raw`: frames a second, from JSON text in memory through the feed's codec and join, the
books, a compiled strategy, its gate and order life, and matching, on one core; decompression is not
counted. `replay_compiled`, `replay_python_top`, `replay_python_all`: events a second of a session
that lies in memory as a tape, with matching and latencies of market data, orders and reports on: a
compiled strategy, one in Python asked at every change of the top, one in Python at every event.

An event is one normalised market-data record: a level that changed, a trade, a best bid and ask, as
hftbacktest and NautilusTrader count them. The strategy quotes both sides, and looks at its quotes
at most every 100 ms of market time. Input are the Binance spot captures of the folder that
TIERCEL_SHARED names (default ../shared) where there are any, else a synthetic stream of such.
"""

from __future__ import annotations

import os
import random
import struct
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import orjson

from bench.depth_frames import make, price, quantity
from bench.replay_actors import Quoter
from bench.ring import burst
from bench.wire_lane import LIMITS, OWN
from engine.backtest import WIDE
from engine.capture import frames
from feeds.binance.normalise import Normaliser
from hotpath.backtest import Backtest, TapeFeed
from hotpath.board import Board
from hotpath.book import Book
from hotpath.instrument import Instrument
from hotpath.lane import Lane
from hotpath.market import Market
from hotpath.paper import Paper
from hotpath.paper_venue import PaperVenue
from hotpath.records import OrderType, Side, TimeInForce
from hotpath.ring import Outbox
from hotpath.strategy import Strategy
from hotpath.tape import Tape

Row = dict[str, Any]
FEED, VENUE, STRATEGY = 3, 4, 5
INSTRUMENT, BASE, QUOTE = 100, 10, 2
ROOM = 1 << 20
CHUNK = 2048  # frames normalised at once: their events stay in the second cache
LATENCY_NS, JITTER_NS, LOOK_NS = 500_000, 100_000, 100_000_000
SYNTHETIC_FRAMES, STEP_NS, START_NS = 6000, 10_000_000, 1_700_000_000_000_000_000
SPEC = Instrument(
    "BTCUSDT", "0.01", "0.00001", id=INSTRUMENT, base="BTC", quote="USDT",
    base_asset=BASE, quote_asset=QUOTE,
)  # fmt: skip


class PythonQuoter(Strategy):
    """What bench.replay_actors.Quoter does, in Python."""

    asked = 0
    next_at = 0

    def on_start(self) -> None:
        self.quotes: dict[int, tuple[int, int, bool]] = {}  # side: id, price, being cancelled

    def on_book(self, market: Market) -> None:
        self.asked += 1
        if not market.is_valid or (now := self.now) < self.next_at:
            return
        self.next_at = now + LOOK_NS
        self.aim(market, Side.BUY, market.best_bid)
        self.aim(market, Side.SELL, market.best_ask)

    def aim(self, market: Market, side: int, at: int) -> None:
        known = self.quotes.get(side)
        if known is None:
            order = self.place(
                market, side, at, 100, type=OrderType.POST_ONLY, time_in_force=TimeInForce.GTC
            )
            self.quotes[side] = (order, at, False)
        elif known[1] != at and not known[2]:
            self.quotes[side] = (known[0], known[1], True)
            self.cancel(market, known[0])

    def on_order(self, event: Any) -> None:
        if event.is_terminal:
            self.forget(event.id)

    def on_fill(self, fill: Any) -> None:
        if fill.status == 6:
            self.forget(fill.id)

    def on_refused(self, refusal: Any) -> None:
        self.forget(refusal.id)

    def forget(self, order: int) -> None:
        for side, known in list(self.quotes.items()):
            if known[0] == order:
                del self.quotes[side]


class PythonWatcher(PythonQuoter):
    """The same, asked at every event: levels behind the top, and trades."""

    every_change = True

    def on_trade(self, market: Market, price: int, quantity: int, side: int) -> None:
        self.asked += 1


class Input(NamedTuple):
    """Frames with their receive times, in memory; `name` says what they are."""

    name: str
    times: list[int]
    frames: list[bytes]


class Stand:
    """One lane with feed, venue and strategy, as a back-test has them."""

    def __init__(self, tape: Tape, kind: type[Any], late: bool) -> None:
        board = Board.private(["clock", "kill", "kill_venue", "kill_strategy", "top"])
        board.write(0, struct.pack("<qq", 0, 1000))
        lane = Lane("bench", board, seed=1, is_virtual=True)
        self.feed = TapeFeed(lane, "feed", Outbox.private(ROOM, FEED))
        self.venue = v = PaperVenue(lane, "venue", Outbox.private(ROOM, VENUE))
        self.strategy = kind(lane, "strategy", Outbox.private(ROOM, STRATEGY), instance=77)
        market = Market(
            instrument=INSTRUMENT, spec=SPEC, name="feed:BTCUSDT", feed=FEED, venue=VENUE, index=0,
            slot=4, book=Book(WIDE),
        )  # fmt: skip
        self.feed.add_market(market)
        v.set_slots(clock=0, kill=1, venue_kill=2, instance=77)
        v.add_listing(SPEC, views={FEED: 4}, reference=4, limits=OWN)
        v.add_strategy(STRATEGY, share=2**60, kill=3)
        v.gate.set_limits(version=1, mode="simulation", fee_ppm=1000, **LIMITS)
        v.agreed = True
        book = Book(WIDE) if late else market.book
        v.add_paper(Paper(book, LATENCY_NS, LATENCY_NS, JITTER_NS, True, 1, 4096))
        for asset in (BASE, QUOTE):
            v.deposit(asset, 10**17)
        self.strategy.add_market(market)
        market.follow(self.strategy, bool(getattr(self.strategy, "every_change", False)))
        self.strategy.add_venue(v)
        self.strategy.listen(v)
        view, jitter = (LATENCY_NS, JITTER_NS) if late else (0, 0)
        self.test = Backtest(lane, tape, view_ns=view, jitter_ns=jitter)
        self.test.add_listing(book, [(self.feed, market)], v, 0)

    def check(self) -> None:
        """It has traded: a loop that decides nothing would be fast and mean nothing."""
        if self.venue.sent < 10 or not self.strategy.asked:
            raise AssertionError(f"{self.venue.sent} orders of {self.strategy.asked} looks")


def shared_input() -> Input | None:
    """The Binance spot captures of BTCUSDT one after the other, from the first with a snapshot."""
    root = Path(os.environ.get("TIERCEL_SHARED", Path(__file__).parents[2] / "shared"))
    times: list[int] = []
    texts: list[bytes] = []
    for path in sorted((root / "data" / "binance").glob("spot_btcusdt*.raw.gz")):
        for frame in frames(path):
            times.append(frame.time_ns)
            texts.append(frame.data)
    probe = Normaliser(Tape(), [(SPEC, 0)])
    probe.take(times, texts)
    if not probe.epochs[0] or probe.gaps or probe.tape.count < 10_000:
        return None
    return Input("captures", times, texts)


def synthetic_input(count: int = SYNTHETIC_FRAMES) -> Input:
    """Depth, best bid and ask after each, and a trade at the best after every second one."""
    stream, draw = make(count), random.Random(5)
    times, texts = [START_NS], [stream.snapshot]
    for n, (depth, ticker) in enumerate(zip(stream.depth, stream.ticker, strict=True), 1):
        at = START_NS + n * STEP_NS
        texts += [b'{"stream":"btcusdt@depth@100ms","data":%s}' % depth, ticker]
        times += [at, at + 1]
        if n % 2:
            sold = draw.random() < 0.5
            bid, ask = stream.best[n - 1]
            trade = {
                "e": "trade", "E": at // 10**6, "s": "BTCUSDT", "t": n,
                "p": price(bid if sold else ask), "q": quantity(draw.randint(1, 90_000)),
                "T": at // 10**6, "m": sold, "M": True,
            }  # fmt: skip
            texts.append(orjson.dumps({"stream": "btcusdt@trade", "data": trade}))
            times.append(at + 2)
    return Input("synthetic", times, texts)


def raw(given: Input) -> float:
    """Frames a second, from text to matched orders."""
    tape = Tape()
    reader = Normaliser(tape, [(SPEC, 0)])
    stand = Stand(tape, Quoter, late=False)
    test, count = stand.test, len(given.frames)
    test.start(given.times[0])
    began = time.perf_counter()
    for start in range(0, count, CHUNK):
        reader.take(given.times, given.frames, start, min(start + CHUNK, count))
        test.run(more=True)
        test.forget()
    test.run()
    spent = time.perf_counter() - began
    stand.check()
    return count / spent


def taped(tape: Tape, kind: type[Any]) -> float:
    """Events a second of a tape, with latencies."""
    stand = Stand(tape, kind, late=True)
    span = tape.span
    assert span is not None
    stand.test.start(span[0])
    began = time.perf_counter()
    stand.test.run()
    spent = time.perf_counter() - began
    stand.check()
    if stand.test.events != tape.count:
        raise AssertionError(f"{stand.test.events} of {tape.count} events")
    return tape.count / spent


def row(name: str, unit: str, must: float, aim: float, runs: list[float]) -> Row:
    value = median(runs)
    return {
        "id": name, "value": round(value), "unit": unit, "floor": None, "ratio": None,
        "must": must, "aim": aim, "ok": value >= must, "runs": [round(r) for r in runs],
    }  # fmt: skip


def rows(quick: bool) -> list[Row]:
    """The four rows; runs of each take turns, so that a busy moment of the machine meets all."""
    given = shared_input() or synthetic_input()
    tape = Tape()
    Normaliser(tape, [(SPEC, 0)]).take(given.times, given.frames)
    alone = tape.each_alone()
    measured: dict[str, Callable[[], float]] = {
        "replay_raw": lambda: raw(given),
        "replay_compiled": lambda: taped(tape, Quoter),
        "replay_python_top": lambda: taped(tape, PythonQuoter),
        "replay_python_all": lambda: taped(alone, PythonWatcher),
    }
    runs: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(3 if quick else 11):
        for name, measure in measured.items():
            with burst():
                runs[name].append(measure())
    return [
        row("replay_raw", "frames/s", 700_000, 1_200_000, runs["replay_raw"]),
        row("replay_compiled", "events/s", 5_000_000, 12_000_000, runs["replay_compiled"]),
        row("replay_python_top", "events/s", 1_000_000, 2_000_000, runs["replay_python_top"]),
        row("replay_python_all", "events/s", 300_000, 600_000, runs["replay_python_all"]),
    ]
