"""A Binance venue and a strategy on virtual time; the test plays the exchange, byte by byte."""

from __future__ import annotations

import struct
from typing import Any

import orjson

from engine.secret import Secret
from hotpath.board import Board
from hotpath.book import Book
from hotpath.instrument import Instrument
from hotpath.lane import Lane, ScriptedConnection
from hotpath.market import Market
from hotpath.order import spell_id
from hotpath.records import Kind, LinkEvent, split, unpack
from hotpath.ring import Outbox, Reader
from hotpath.strategy import Strategy
from venues.binance.settings import Settings
from venues.binance.sign import HMAC, signer
from venues.binance.venue import BinanceVenue

MS, S = 10**6, 10**9
SOURCE, FEED, VENUE = 5, 3, 4
TOP = struct.Struct("<qqqqQqIIqQIHH")
WORD, CLOCK = struct.Struct("<Q"), struct.Struct("<qq")
LARGE = 2**60
OWN = dict.fromkeys(
    ("quantity", "notional", "longest", "shortest", "gross", "open_orders", "open_notional",
     "window_ns"), LARGE,
) | {"collar_bps": 1000, "window_bps": 1000, "feed_age_ns": S, "reference_age_ns": S}  # fmt: skip
VENUE_LIMITS = dict.fromkeys(
    ("open_orders", "open_notional", "gross_notional", "net_notional", "long_notional",
     "short_notional", "per_second", "per_minute", "executions", "rejects", "status_age_ns"), LARGE,
) | {"executions_window_ns": S, "rejects_window_ns": S, "request_window_ns": 5 * S}  # fmt: skip
RAW_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


class Transport:
    def __init__(self) -> None:
        self.opens: list[str] = []

    def open(self, actor: Any, channel: int, target: dict[str, Any]) -> None:
        self.opens.append(target["url"])


class Pupil(Strategy):
    """A strategy that does what the test says."""


class Stage:
    """`say` is the exchange speaking, `sent` what it heard."""

    def __init__(
        self,
        kind: str = "ed25519",
        history: list[bytes] | None = None,
        room: int = 64,
        reference: tuple[int, int, int] = (4, 1, 1),
        others: int = 0,
        begins: int = 1_700_000_000 * S,
        **settings: Any,
    ) -> None:
        """`others`: further instruments, A0USDT and so on, with numbers from 1000 on."""
        self.now = begins
        names = ["clock", "kill", "kill_venue", "kill_strategy", "top", "cancel_only", "silent",
                 "reference"]  # fmt: skip
        self.board = Board.private(names)
        self.lane = Lane("test", self.board, seed=3, is_virtual=True)
        self.transport = self.lane.transport = Transport()
        self.venue = BinanceVenue(self.lane, "venue", Outbox.private(1 << 20, VENUE), room=room)
        self.strategy = Pupil(self.lane, "pupil", Outbox.private(1 << 20, SOURCE), instance=77)
        self.reader = Reader.of(self.venue.outbox, True)
        self.instrument = Instrument(
            "BTCUSDT", "0.01", "0.0001", id=100, base="BTC", quote="USDT", base_asset=1,
            quote_asset=2,
        )  # fmt: skip
        self.market = Market(
            instrument=100, spec=self.instrument, name="feed:BTCUSDT", feed=FEED, venue=VENUE,
            index=0, slot=4, book=Book(256, 1000),
        )  # fmt: skip
        v = self.venue
        v.set_slots(clock=0, kill=1, venue_kill=2, hold=5, instance=77)
        slot, mul, div = reference
        v.add_listing(
            self.instrument, views={FEED: 4}, reference=slot, reference_mul=mul,
            reference_div=div, limits=OWN,
        )  # fmt: skip
        for k in range(others):
            v.add_listing(
                Instrument(f"A{k}USDT", "0.01", "0.0001", id=1000 + k, base=f"A{k}", quote="USDT",
                           base_asset=1, quote_asset=2),
                views={FEED: 4}, reference=4, limits=OWN,
            )  # fmt: skip
        v.add_strategy(SOURCE, share=LARGE, kill=3)
        v.gate.set_limits(version=1, mode="simulation", **VENUE_LIMITS)
        v.agreed = True
        v.silent_slot = 6
        v.connect_as(
            url="ws://there", api_key="K", assets={"BTC": 1, "USDT": 2, "BNB": 3},
            signer=signer(kind, Secret(RAW_KEY if kind != HMAC else "secret")),
            settings=Settings(**settings),
        )  # fmt: skip
        self.strategy.add_venue(v)
        self.strategy.add_market(self.market)
        self.board.write(0, CLOCK.pack(0, 1000))
        for slot in (1, 2, 3, 5):
            self.board.write(slot, WORD.pack(0))
        self.sent: list[dict[str, Any]] = []
        self.failures: dict[int, int] = {0: 0}  # not empty: the connection keeps this very one
        self.connection: ScriptedConnection | None = None
        self.open_orders: list[dict[str, Any]] = []
        self.trades: list[dict[str, Any]] = []
        self.orders: dict[str, dict[str, Any]] = {}
        self.metadata: dict[str, Any] = {
            "symbol": "BTCUSDT", "status": "TRADING", "filters": [
                {"filterType": "PRICE_FILTER", "tickSize": "0.01000000"},
                {"filterType": "LOT_SIZE", "stepSize": "0.00010000"},
            ],
        }  # fmt: skip
        self.answers = True
        self.written: list[bytes] = []
        for raw in history or []:
            self.lane.take_record(self.venue, raw, self.now)
        self.lane.start(self.now)

    # ---- the world ------------------------------------------------------------------------------

    def tick(self) -> None:
        """The feed shows a fresh top."""
        slot = TOP.pack(5_000_000, 10**6, 5_000_100, 10**6, 0, 0, 0, 0, self.now, 1, 100, FEED, 0)
        self.board.write(4, slot)

    def hear(self, raw: bytes) -> None:
        self.sent.append(orjson.loads(raw))

    def connect(self) -> None:
        self.connection = ScriptedConnection(0, on_send=self.hear, failures=self.failures)
        self.venue.attach(self.connection)
        self.lane.take_link(self.venue, 0, LinkEvent.OPEN, 0, self.now)

    def disconnect(self, code: int = 1006) -> None:
        if self.connection is not None:
            self.connection.close()
        self.lane.take_link(self.venue, 0, LinkEvent.CLOSED, code, self.now)

    def say(self, message: dict[str, Any] | bytes) -> None:
        raw = message if isinstance(message, bytes) else orjson.dumps(message)
        self.now += MS
        self.lane.take_frame(self.venue, 0, raw, True, self.now)

    def reply(self, id: str, result: Any) -> None:
        self.say({"id": id, "status": 200, "result": result, "rateLimits": []})

    def error(self, id: str, code: int, status: int = 400, msg: str = "no", **more: Any) -> None:
        self.say({"id": id, "status": status, "error": {"code": code, "msg": msg} | more})

    def wait(self, ms: int) -> None:
        """Time passes, the feed stays fresh, and the exchange answers what is only asked."""
        end = self.now + ms * MS
        while self.lane.due is not None and self.lane.due <= end:
            self.now = max(self.now, self.lane.due)
            self.tick()
            self.lane.take_timers(self.now)
            if self.answers:
                self.serve()
        self.now = max(self.now, end)
        self.tick()

    def serve(self) -> None:
        """Answer every request but the ones that move orders."""
        done = getattr(self, "served", 0)
        while done < len(self.sent):
            message = self.sent[done]
            done += 1
            self.served = done
            self.answer(message["id"], message["method"], message["params"])

    def answer(self, id: str, method: str, params: dict[str, Any]) -> None:
        ms = self.now // MS
        if method == "session.logon":
            self.reply(id, {"apiKey": "K", "authorizedSince": ms, "serverTime": ms})
        elif method.startswith("userDataStream.subscribe"):
            self.reply(id, {"subscriptionId": 0})
        elif method == "openOrders.status":
            self.reply(id, self.open_orders)
        elif method == "myTrades":
            found = self.trades
            if "orderId" in params:
                found = [t for t in found if t["orderId"] == params["orderId"]]
            self.reply(id, found)
        elif method == "allOrders":
            self.reply(id, list(self.orders.values()))
        elif method == "account.status":
            balances = [{"asset": a, "free": "1000000", "locked": "0"} for a in ("BTC", "USDT")]
            self.reply(id, {"balances": balances, "updateTime": ms})
        elif method == "exchangeInfo":
            self.reply(id, {"timezone": "UTC", "serverTime": ms, "symbols": [self.metadata]})
        elif method == "order.status":
            by_id = {o["orderId"]: o for o in self.orders.values()}
            found_one = self.orders.get(params.get("origClientOrderId", "")) or by_id.get(
                params.get("orderId", 0)
            )
            if found_one is None:
                self.error(id, -2013, msg="Order does not exist.")
            else:
                self.reply(id, found_one)

    def start(self) -> None:
        """Connected, reconciled, gate open, nothing remembered."""
        self.tick()
        self.connect()
        self.serve()
        while self.venue.state != "ready":
            before = len(self.sent)
            self.serve()
            assert len(self.sent) > before or self.venue.state == "ready", self.venue.outstanding
        self.sent.clear()
        self.served = 0
        self.records()

    # ---- what happened ------------------------------------------------------------------------

    def records(self, *kinds: Kind) -> list[tuple[Any, Any]]:
        found = []
        while batch := self.reader.take(512):
            for raw in batch:
                self.written.append(raw)
                header, payload = split(raw)
                if not kinds or header.kind in kinds:
                    found.append((header, unpack(header.kind, payload)))
        self.reader.store()
        return found

    def place(self, **more: Any) -> int:
        self.tick()
        values = {"side": 1, "price": 4_990_000, "quantity": 100} | more
        self.lane.take_timer(self.strategy, 1, self.now, self.now) if False else None
        return int(self.strategy.place(self.market, **values))

    def methods(self) -> list[str]:
        return [m["method"] for m in self.sent]

    def state(self, id: int) -> tuple[str, str, str, int]:
        s = self.venue.orders.state(id)
        assert s is not None
        return str(s["status"]), str(s["pending"]), str(s["evidence"]), int(str(s["cumulative"]))

    def order(self, id: int, status: str = "NEW", **more: Any) -> dict[str, Any]:
        """An order as the exchange shows it in queries; remembered there."""
        shown = {
            "symbol": "BTCUSDT", "orderId": 9, "clientOrderId": spell_id(id), "price": "49900.00",
            "origQty": "0.0100", "executedQty": "0.0000", "status": status, "timeInForce": "GTC",
            "type": "LIMIT", "side": "BUY", "time": self.now // MS, "updateTime": self.now // MS,
        } | more  # fmt: skip
        self.orders[spell_id(id)] = shown
        return shown

    def report(self, id: int, execution: str, **more: Any) -> None:
        """An executionReport."""
        event = {
            "e": "executionReport", "E": self.now // MS, "s": "BTCUSDT", "c": spell_id(id),
            "S": "BUY", "o": "LIMIT", "f": "GTC", "q": "0.0100", "p": "49900.00", "C": "",
            "x": execution, "X": "NEW", "r": "NONE", "i": 9, "l": "0", "z": "0", "L": "0",
            "n": "0", "N": None, "T": self.now // MS, "t": -1, "m": False,
        } | more  # fmt: skip
        self.say({"subscriptionId": 0, "event": event})

    def fill(self, id: int, trade: int, quantity: str, total: str, price: str = "49900.00") -> None:
        self.report(id, "TRADE", X="PARTIALLY_FILLED", t=trade, l=quantity, z=total, L=price,
                    n="0.001", N="BNB")  # fmt: skip
