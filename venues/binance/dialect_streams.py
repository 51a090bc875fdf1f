"""Binance spot's market data streams: who hears what, and when the depth windows are sent."""

from __future__ import annotations

import re
from typing import Any

import orjson

from hotpath.matching import BUY, SELL
from venues.binance import dialect_text as say
from venues.simulated.amounts import text
from venues.simulated.market import Market, PublicTrade
from venues.simulated.wire import Link, Wire

MS = 1_000_000
MOST_STREAMS = 1024
DEPTH = re.compile(r"^([a-z0-9]+)@depth(?:@(\d{1,4})ms)?$")
PARTIAL = re.compile(r"^([a-z0-9]+)@depth(5|10|20)(?:@(100|1000)ms)?$")


class Window:
    """The changes of one market since the last update of one interval."""

    def __init__(self) -> None:
        self.first = 0
        self.pending: dict[tuple[int, int], int] = {}  # (side, price) -> total
        self.armed = False


class Listener:
    """What one streams connection asked for."""

    def __init__(self, combined: bool) -> None:
        self.combined = combined
        self.names: dict[str, None] = {}  # in order of subscription
        self.times: list[int] = []  # of its last messages to us


class Streams:
    """Subscriptions by stream name, and the publishing of what the books do."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.exchange = wire.exchange
        self.by_name: dict[str, list[Link]] = {}
        self.windows: dict[str, dict[int, Window]] = {}  # market -> interval in ms
        self.names_of: dict[tuple[str, int], list[str]] = {}  # (market, interval) -> streams
        self.partials: dict[str, object] = {}  # stream -> its timer, while somebody hears it
        self.tops: dict[str, Any] = {}
        self.markets = {k.symbol.lower(): k for k in self.exchange.markets.values()}

    def subscribe(self, link: Link, names: list[str]) -> bool:
        """False when it would be more than 1024 streams."""
        listener: Listener = link.state
        if len(listener.names.keys() | set(names)) > MOST_STREAMS:
            return False
        for name in names:
            if name in listener.names:
                continue
            listener.names[name] = None
            self.by_name.setdefault(name, []).append(link)
            self.open_window(name)
        return True

    def unsubscribe(self, link: Link, names: list[str]) -> None:
        listener: Listener = link.state
        for name in names:
            if name not in listener.names:
                continue
            del listener.names[name]
            self.by_name[name].remove(link)
            if not self.by_name[name]:
                del self.by_name[name]
                self.close_window(name)

    def interval_of(self, name: str) -> tuple[Market, int] | None:
        found = DEPTH.match(name)
        market = self.markets.get(found[1]) if found else None
        if found is None or market is None:
            return None
        return market, self.exchange.spec.depth_default_ms if found[2] is None else int(found[2])

    def open_window(self, name: str) -> None:
        partial = PARTIAL.match(name)
        if partial is not None and partial[1] in self.markets:
            self.arm_partial(
                name, self.markets[partial[1]], int(partial[2]), int(partial[3] or 1000)
            )
        at = self.interval_of(name)
        if at is None:
            return
        market, interval = at
        self.windows.setdefault(market.symbol, {}).setdefault(interval, Window())
        self.names_of.setdefault((market.symbol, interval), []).append(name)

    def close_window(self, name: str) -> None:
        self.partials.pop(name, None)
        at = self.interval_of(name)
        if at is None:
            return
        market, interval = at
        names = self.names_of[(market.symbol, interval)]
        names.remove(name)
        if not names:
            del self.windows[market.symbol][interval]

    def publish(self, name: str, data: bytes) -> None:
        """Send the payload of one stream to all who hear it, wrapped where they asked for it."""
        combined = b""
        for link in tuple(self.by_name.get(name, ())):
            if link.state.combined:
                combined = combined or b'{"stream":"%b","data":%b}' % (name.encode(), data)
                self.wire.send(link, "streams", combined)
            else:
                self.wire.send(link, "streams", data)

    def book_changed(
        self,
        market: Market,
        first: int,
        changes: list[tuple[int, int, int]],
        trades: list[PublicTrade],
    ) -> None:
        symbol = market.symbol.lower()
        if f"{symbol}@bookTicker" in self.by_name:
            top = (market.book.top(BUY), market.book.top(SELL))
            if top != self.tops.get(symbol):
                self.tops[symbol] = top
                self.publish(f"{symbol}@bookTicker", self.book_ticker(market))
        for trade in trades:
            self.trade(market, symbol, trade)
        windows = self.windows.get(market.symbol)
        if windows and changes:
            for interval, window in windows.items():
                if not window.pending:
                    window.first = first
                for side, price, total in changes:
                    window.pending[(side, price)] = total
                if interval == 0:
                    self.flush(market, interval, window)
                elif not window.armed:
                    window.armed = True
                    self.arm(market, interval, window)

    def arm(self, market: Market, interval: int, window: Window) -> None:
        period = interval * MS
        due = (self.exchange.now // period + 1) * period
        self.exchange.arm(due, lambda: self.flush(market, interval, window))

    def arm_partial(self, name: str, market: Market, levels: int, interval: int) -> None:
        turn = self.partials[name] = object()

        def send() -> None:
            if self.partials.get(name) is turn:
                self.publish(name, orjson.dumps(say.depth(market, levels)))
                self.exchange.arm(self.exchange.now + interval * MS, send)

        self.exchange.arm(self.exchange.now + interval * MS, send)

    def flush(self, market: Market, interval: int, window: Window) -> None:
        if self.windows.get(market.symbol, {}).get(interval) is not window:
            return  # of who left: a later update id stands with the window opened since
        window.armed = False
        pending, window.pending = window.pending, {}
        names = self.names_of.get((market.symbol, interval))
        if not pending or not names:
            return
        tick, lot = market.terms.tick, market.terms.lot
        ordered = sorted(pending.items())
        bids = [
            f'["{text(price * tick)}","{text(total * lot)}"]'
            for (side, price), total in reversed(ordered)
            if side == BUY
        ]
        asks = [
            f'["{text(price * tick)}","{text(total * lot)}"]'
            for (side, price), total in ordered
            if side == SELL
        ]
        data = (
            f'{{"e":"depthUpdate","E":{self.exchange.now // MS},"s":"{market.symbol}",'
            f'"U":{window.first},"u":{market.update_id},'
            f'"b":[{",".join(bids)}],"a":[{",".join(asks)}]}}'
        ).encode()
        for name in names:
            self.publish(name, data)

    def book_ticker(self, market: Market) -> bytes:
        tick, lot = market.terms.tick, market.terms.lot
        bid = market.book.top(BUY) or (0, 0)
        ask = market.book.top(SELL) or (0, 0)
        return (
            f'{{"u":{market.update_id},"s":"{market.symbol}",'
            f'"b":"{text(bid[0] * tick)}","B":"{text(bid[1] * lot)}",'
            f'"a":"{text(ask[0] * tick)}","A":"{text(ask[1] * lot)}"}}'
        ).encode()

    def trade(self, market: Market, symbol: str, trade: PublicTrade) -> None:
        name, together = f"{symbol}@trade", f"{symbol}@aggTrade"
        if name not in self.by_name and together not in self.by_name:
            return
        price = text(trade.price * market.terms.tick)
        quantity = text(trade.quantity * market.terms.lot)
        maker = "true" if trade.buyer_is_maker else "false"
        now, at, number = self.exchange.now // MS, trade.time // MS, trade.trade_id
        self.publish(
            name,
            (
                f'{{"e":"trade","E":{now},"s":"{market.symbol}","t":{number},"p":"{price}",'
                f'"q":"{quantity}","T":{at},"m":{maker},"M":true}}'
            ).encode(),
        )
        self.publish(
            together,
            (
                f'{{"e":"aggTrade","E":{now},"s":"{market.symbol}","a":{number},"p":"{price}",'
                f'"q":"{quantity}","f":{number},"l":{number},"T":{at},"m":{maker},"M":true}}'
            ).encode(),
        )
