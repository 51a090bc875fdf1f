"""A capture of a real market in place of synthetic flow: its frames go out as they were received,
own orders are matched against it by the queue model of hotpath/paper.pxd.

The books are joined from the snapshots in the capture before the first client connects; what came
before the last of these snapshots is applied but not sent. Own orders do not change what is shown,
their trades are not printed, and they never match each other; self-trade prevention has nothing to
prevent. After the last frame the market stands still.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import orjson

from engine.capture import CaptureDamaged, Frame, frames
from engine.errors import TiercelError
from hotpath import matching as m
from hotpath import paper
from hotpath.book import Book
from venues.simulated.accounts import MarketTerms
from venues.simulated.amounts import units
from venues.simulated.core import Exchange
from venues.simulated.market import Market, PublicTrade
from venues.simulated.spec import CaptureSpec, ExchangeSpec

MS = 1_000_000
BATCH = 64  # frames sent at once when the pace is "as fast as it is taken"
PAUSE_NS = 2_000_000  # before looking again whether there is a client, and it has caught up
READ_AHEAD = 500_000  # frames searched for the snapshots
STAMPS = re.compile(rb'"([ET])":\d{13}')


class CaptureWithoutSnapshot(TiercelError):
    code = "TCL-5204"
    what = "The capture cannot be served as {symbol}"
    why = "{detail}"
    do = "Give a capture that holds the market's order book snapshot, and its tick and lot"


class CapturedBook:
    """One market's displayed book and the own orders on it; the doors of `Matching`."""

    def __init__(self, terms: MarketTerms, conservative: bool) -> None:
        self.terms = terms
        self.shown = Book()
        self.paper = paper.Paper(self.shown, conservative=conservative, room=4096)
        self.now = 0
        self.last_id = 0
        self.finer = 0  # quantities that were no whole number of lots

    # ---- the market's side

    def ticks(self, levels: list[list[str]]) -> list[tuple[int, int]]:
        """[[price, quantity]] as text to ticks and lots. Old orders may be finer than a market's
        lot: quantities are rounded down, and counted; ValueError when a price does not fit."""
        tick, lot = self.terms.tick, self.terms.lot
        found = []
        for price, quantity in levels:
            p, q = units(price), units(quantity)
            if p % tick:
                raise ValueError(f"{price} is no whole number of ticks")
            if q % lot:
                self.finer += 1
            found.append((p // tick, q // lot))
        return found

    def join(self, snapshot: dict[str, Any]) -> None:
        self.shown.join(
            self.ticks(snapshot["bids"]), self.ticks(snapshot["asks"]), snapshot["lastUpdateId"]
        )
        self.last_id = snapshot["lastUpdateId"]

    def update(self, now: int, data: dict[str, Any]) -> None:
        """A depth update, a bookTicker or a trade of the capture; anything else changes nothing."""
        self.now = now
        kind = kind_of(data)
        if kind == "trade":
            ((price, quantity),) = self.ticks([[data["p"], data["q"]]])
            self.paper.before_change(now)
            self.paper.print_trade(now, price, quantity, m.SELL if data["m"] else m.BUY)
        elif kind == "depthUpdate" and data["u"] > self.last_id:
            bids, asks = self.ticks(data["b"]), self.ticks(data["a"])
            self.paper.before_change(now)
            self.shown.update(bids, asks, data["u"])
            self.last_id = data["u"]
            self.paper.after_change(now)
        elif kind == "bookTicker":
            bid, ask = self.ticks([[data["b"], data["B"]], [data["a"], data["A"]]])
            self.paper.before_change(now)
            self.shown.lead_with(bid, ask, data["u"])
            self.paper.after_change(now)

    # ---- the exchange's side

    def submit(
        self,
        order: int,
        owner: int,
        side: int,
        price: int,
        quantity: int,
        type: int = m.LIMIT,
        time_in_force: int = m.GTC,
        prevention: int = m.STP_NONE,
    ) -> int:
        self.paper.submit(self.now, order, side, price, quantity, type, time_in_force)
        self.paper.before_change(self.now)
        return m.PLACED

    def withdraw(self, order: int) -> int:
        self.paper.withdraw(self.now, order)
        self.paper.before_change(self.now)
        return m.PLACED

    def shrink(self, order: int, leaves: int) -> int:
        self.paper.shrink(self.now, order, leaves)
        self.paper.before_change(self.now)
        return m.PLACED

    def take_matches(self) -> list[m.Match]:
        return [match for e in self.paper.take_events(self.now) if (match := self.match_of(e))]

    def match_of(self, e: paper.PaperEvent) -> m.Match | None:
        if e.kind == paper.TRADE and e.maker:
            taker = m.SELL if e.side == m.BUY else m.BUY
            return m.Match(m.TRADE, 0, 0, taker, e.price, e.quantity, 0, e.order, 0, e.leaves)
        kinds = {
            paper.TRADE: m.TRADE,
            paper.EXPIRED: m.EXPIRED,
            paper.REJECTED: m.EXPIRED,  # no room for another own order
            paper.CANCELED: m.CANCELED,
        }
        if e.kind not in kinds:
            return None
        kind = kinds[e.kind]
        return m.Match(kind, e.order, 0, e.side, e.price, e.quantity, e.leaves, 0, 0, 0)

    def take_changes(self) -> list[tuple[int, int, int]]:
        return []

    def top(self, side: int) -> tuple[int, int] | None:
        return self.shown.best_bid if side == m.BUY else self.shown.best_ask

    def levels(self, side: int, limit: int = 0) -> list[tuple[int, int]]:
        return self.shown.side_levels(side, limit or sum(self.shown.counts))

    def would_fill(
        self, owner: int, side: int, price: int, quantity: int, prevention: int = m.STP_NONE
    ) -> int:
        best = self.top(m.SELL if side == m.BUY else m.BUY)
        if best is None or (best[0] > price if side == m.BUY else best[0] < price):
            return 0
        return min(quantity, best[1])


class Captured:
    """Plays the files at their pace."""

    def __init__(self, spec: ExchangeSpec, capture: CaptureSpec) -> None:
        self.spec = spec
        self.capture = capture
        self.books: dict[str, CapturedBook] = {}
        self.source: Iterator[Frame] = chain.from_iterable(
            frames(Path(name)) for name in capture.files
        )
        self.sent = 0
        self.odd = 0  # frames whose prices did not fit the market's tick: sent, not applied
        self.ended = False
        self.joined = False
        self.waiting: Frame | None = None
        self.failure: TiercelError | None = None  # the capture cannot be read on
        self.first_time = 0
        self.started = 0

    def status(self) -> dict[str, Any]:
        finer = sum(book.finer for book in self.books.values())
        return {"frames": self.sent, "odd": self.odd, "finer": finer, "ended": self.ended}

    def make_book(self, terms: MarketTerms) -> CapturedBook:
        """The book of one market, joined; all are joined when the first is asked for."""
        if not self.joined:
            self.join_all()
        return self.books[terms.symbol]

    def join_all(self) -> None:
        """Read until every market has its snapshot; what came before it is applied."""
        conservative = self.capture.conservative
        books = {s.symbol: CapturedBook(MarketTerms(s), conservative) for s in self.spec.markets}
        early: dict[str, list[dict[str, Any]]] = {symbol: [] for symbol in books}
        for count, frame in enumerate(self.source):
            symbol, data, _ = self.read(frame)
            if symbol is None and "lastUpdateId" in data and len(books) == 1:
                symbol = next(iter(books))  # a snapshot line need not name its market
            book = books.get(symbol or "")
            if book is not None and symbol is not None:
                try:
                    if "lastUpdateId" in data and symbol not in self.books:
                        book.join(data)
                        for old in early.pop(symbol):
                            book.update(0, old)
                        self.books[symbol] = book
                    elif symbol in self.books:
                        book.update(0, data)
                    else:
                        early[symbol].append(data)
                except (ValueError, KeyError) as wrong:
                    raise CaptureWithoutSnapshot(symbol=symbol, detail=str(wrong)) from None
            if len(self.books) == len(books):
                self.joined = True
                return
            if count > READ_AHEAD:
                break
        missing = next(s for s in books if s not in self.books)
        raise CaptureWithoutSnapshot(symbol=missing, detail="no snapshot of it was found")

    def read(self, frame: Frame) -> tuple[str | None, dict[str, Any], bytes]:
        """(symbol, payload, stream name); the symbol of a frame that names none is None.
        CaptureDamaged when it is cut off: what it told is missing from the book."""
        text, name = frame.data, b""
        wrapped = text.startswith(b'{"stream":"')
        try:
            data = orjson.loads(payload_of(text) if wrapped else text)
        except ValueError as wrong:
            detail = f"the frame of {frame.time_ns} cannot be read: {wrong}"
            raise CaptureDamaged(path=", ".join(self.capture.files), detail=detail) from None
        if not isinstance(data, dict):
            return None, {}, b""
        if wrapped:
            name, _, _ = text[11:].partition(b'"')
            return data.get("s"), data, name
        return frame.symbol or data.get("s"), data, b""

    # ---- playing ------------------------------------------------------------------------------

    def start(
        self,
        exchange: Exchange,
        forward: Callable[[str, bytes], None],
        is_not_taken: Callable[[], bool],
    ) -> None:
        self.exchange = exchange
        self.forward = forward
        self.is_not_taken = is_not_taken
        for symbol, book in self.books.items():
            market = exchange.markets[symbol]
            market.update_id = book.last_id
            best = book.top(m.BUY)
            if best is not None:
                market.last_price = market.opened_price = market.high = market.low = best[0]
        self.waiting = next(self.source, None)
        if self.waiting is not None:
            self.first_time, self.started = self.waiting.time_ns, exchange.now
        exchange.arm(exchange.now, self.play)

    def play(self) -> None:
        """Send what is due, then wait for the next."""
        now, speed = self.exchange.now, self.capture.speed
        if speed == 0:
            paused = self.is_not_taken()
            if not paused:
                for _ in range(BATCH):
                    self.step(now)
            pause = PAUSE_NS if paused else 1
            if self.waiting is not None:
                self.exchange.arm(max(now, self.exchange.asked) + pause, self.play)
            return
        while self.waiting is not None:
            due = self.started + int((self.waiting.time_ns - self.first_time) / speed)
            if due > now:
                self.exchange.arm(due, self.play)
                return
            self.step(now)

    def step(self, now: int) -> None:
        """The frame that waits goes out; `failure` when the capture breaks off here."""
        if self.waiting is None:
            return
        try:
            symbol, data, name = self.read(self.waiting)
            frame, self.waiting = self.waiting, next(self.source, None)
        except TiercelError as broken:
            self.failure, self.waiting = broken, None
            return
        self.ended = self.waiting is None
        book = self.books.get(symbol or "")
        if book is None or symbol is None or not name:
            return
        market = self.exchange.markets[symbol]
        try:
            book.update(now, data)
        except (ValueError, KeyError):
            self.odd += 1
        else:
            market.update_id = book.last_id
            if kind_of(data) == "trade":
                market.printed(print_of(market, data, now))
        payload = payload_of(frame.data)
        if self.capture.restamp:
            payload = STAMPS.sub(rb'"\1":%d' % (now // MS), payload)
        self.forward(name.decode(), payload)
        self.sent += 1
        self.exchange.settle(market)


def kind_of(data: dict[str, Any]) -> str:
    """depthUpdate, trade, bookTicker (whose payload does not say what it is), or another."""
    return str(data.get("e") or ("bookTicker" if "B" in data and "A" in data else ""))


def payload_of(text: bytes) -> bytes:
    """The `data` member of a combined stream's frame, byte for byte."""
    return text[text.index(b'"data":') + 7 : -1]


def print_of(market: Market, data: dict[str, Any], now: int) -> PublicTrade:
    terms = market.terms
    return PublicTrade(
        data["t"], units(data["p"]) // terms.tick, units(data["q"]) // terms.lot, data["m"], now
    )
