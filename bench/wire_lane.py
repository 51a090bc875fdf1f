"""The child process of the wire bench: one real lane between two sockets of the bench server.

    python -m bench.wire_lane URL STRATEGY SPIN CORE INSTRUMENTS [CERTIFICATE]

Everything between the sockets is the engine's: HotLane, BinanceFeed, BinanceVenue, gate, outboxes,
recording. Only the answers that the bench server does not give are put in by hand before the clock
runs: the join of the books, and the venue's logon and reconciliation. Prints `ready` then, and at
the end one JSON object: what the stages counted.
"""

from __future__ import annotations

import asyncio
import gc
import os
import ssl
import struct
import sys
from collections.abc import Callable
from typing import Any

import msgspec
import orjson
import uvloop

from bench.wire_actors import Echo, Ender, Taker
from engine.kept_latencies import STAGES
from engine.lane_uvloop import HotLane
from engine.secret import Secret
from feeds.binance.feed import BinanceFeed
from feeds.binance.settings import Settings as FeedSettings
from hotpath.board import Board
from hotpath.book import Book
from hotpath.histogram import Stages
from hotpath.instrument import Instrument
from hotpath.lane import Lane
from hotpath.market import Market
from hotpath.records import Header, Kind, Snapshot, join, pack, split, unpack
from hotpath.ring import Outbox, Reader
from hotpath.strategy import Strategy
from venues.binance.profile import SPOT
from venues.binance.settings import Settings as VenueSettings
from venues.binance.sign import signer
from venues.binance.venue import BinanceVenue

SECOND = 10**9
FEED, VENUE, STRATEGY, ENDER, REST, INPUTS = 3, 4, 5, 6, 7, 8
LARGE = 2**60
ROOM = 1 << 20
END_LOOK_S = 0.25
LOGON_STEPS = 10  # rounds of answers; three are enough
FIRST_ID = 400_900_000  # below the first update of the bench server
KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
OWN = dict.fromkeys(
    ("quantity", "notional", "longest", "shortest", "gross", "open_orders", "open_notional",
     "window_ns"), LARGE,
) | {"collar_bps": 1000, "window_bps": 1000, "feed_age_ns": 60 * SECOND,
     "reference_age_ns": 60 * SECOND}  # fmt: skip
LIMITS = dict.fromkeys(
    ("open_orders", "open_notional", "gross_notional", "net_notional", "long_notional",
     "short_notional", "per_second", "per_minute", "executions", "rejects", "status_age_ns"), LARGE,
) | {"executions_window_ns": 1000, "rejects_window_ns": 1000,
     "request_window_ns": 5 * SECOND}  # fmt: skip
ORDER = (
    b'{"id":"000000000001","method":"order.place","params":{"symbol":"BTCUSDT","side":"BUY",'
    b'"type":"LIMIT","timeInForce":"IOC","price":"67234.52","quantity":"0.00100",'
    b'"newClientOrderId":"x-000000001"}}'
)


class PythonTaker(Strategy):
    """What bench.wire_actors.Taker does, in Python."""

    def on_book(self, market: Market) -> None:
        if market.is_valid:
            self.place(market, 1, market.best_ask, 100, time_in_force=2)


class Bench:
    """The lane, its actors, and the answers that nobody else gives."""

    def __init__(self, strategy: str, instruments: int, is_virtual: bool = False) -> None:
        names = ["clock", "kill", "kill_venue", "kill_strategy"]
        self.board = Board.private(names + [f"top{k}" for k in range(instruments)])
        self.lane = lane = Lane("bench", self.board, seed=1, is_virtual=is_virtual)
        lane.inputs = Outbox.private(ROOM, INPUTS)
        self.feed = BinanceFeed(lane, "feed", Outbox.private(ROOM, FEED))
        self.venue = BinanceVenue(lane, "venue", Outbox.private(ROOM, VENUE))
        kind = PythonTaker if strategy == "python" else Taker
        self.strategy = kind(lane, "strategy", Outbox.private(ROOM, STRATEGY), instance=77)
        self.strategy.wants = 0
        ended = Outbox.private(1 << 16, ENDER)
        self.ender = Ender(lane, "ender", ended, venue=self.venue, taker=self.strategy)
        self.stages = Stages.private(STAGES)
        self.refusals = Reader.of(self.venue.outbox, True)
        self.joined = 0
        v = self.venue
        v.set_slots(clock=0, kill=1, venue_kill=2, instance=77)
        symbols = [f"S{k:03}USDT" for k in range(1, instruments)] + ["BTCUSDT"]
        for k, symbol in enumerate(symbols):
            spec = Instrument(
                symbol, "0.01", "0.00001", id=100 + k, base=symbol[:-4], quote="USDT",
                base_asset=10 + k, quote_asset=2,
            )  # fmt: skip
            market = Market(
                instrument=100 + k, spec=spec, name=f"feed:{symbol}", feed=FEED, venue=VENUE,
                index=k, slot=4 + k, book=Book(1024, 1000),
            )  # fmt: skip
            self.feed.add_market(market)
            v.add_listing(spec, views={FEED: 4 + k}, reference=4 + k, limits=OWN)
            self.strategy.add_market(market)
            market.follow(self.strategy)
            market.follow(self.ender)
        v.add_strategy(STRATEGY, share=LARGE, kill=3)
        v.gate.set_limits(version=1, mode="simulation", fee_ppm=1000, **LIMITS)
        v.agreed = True
        v.set_stages(self.stages)
        self.strategy.add_venue(v)
        self.board.write(0, struct.pack("<qq", 0, 1000))
        for slot in (1, 2, 3):
            self.board.write(slot, struct.pack("<Q", 0))

    def connect_to(self, url: str) -> None:
        self.feed.configure(url, FeedSettings(stale_least_ms=60_000, stale_most_ms=600_000))
        # three hundred listings ask for more than a minute's budget, and nobody counts here
        self.venue.profile = msgspec.structs.replace(SPOT, weight_per_minute=10**7)
        assets = {"USDT": 2} | {m.spec.base: m.spec.base_asset for m in self.feed.markets}
        self.venue.connect_as(
            url=url, api_key="K", assets=assets, signer=signer("ed25519", Secret(KEY)),
            settings=VenueSettings(
                reply_timeout_ms=60_000, reconcile_s=600, fills_s=3600, balances_s=3600,
                full_s=86_400,
            ),
        )  # fmt: skip

    def join_books(self) -> None:
        """One update and one snapshot for each book, below the ids of the bench server."""
        for market in self.feed.markets:
            depth = {"e": "depthUpdate", "E": self.lane.read_clock() // 10**6, "U": FIRST_ID,
                     "s": market.spec.symbol, "u": FIRST_ID + 5, "b": [], "a": []}  # fmt: skip
            order = ("e", "E", "s", "U", "u", "b", "a")
            name = f"{market.spec.symbol.lower()}@depth@100ms"
            self.hear(self.feed, {"stream": name, "data": {k: depth[k] for k in order}})
            levels = Snapshot(
                last_id=FIRST_ID + 2, venue_time=0, epoch=1,
                bids=[(6_723_400 - k, 100_000) for k in range(20)],
                asks=[(6_723_500 + k, 100_000) for k in range(20)],
            )  # fmt: skip
            payload = pack(levels)
            self.joined += 1
            header = Header(
                40 + len(payload), Kind.SNAPSHOT, REST, self.joined, self.lane.read_clock(), 0,
                market.instrument, 0,
            )  # fmt: skip
            self.lane.take_record(self.feed, join(header, payload))

    def hear(self, actor: Any, message: dict[str, Any]) -> None:
        self.lane.take_frame(actor, 0, orjson.dumps(message))

    def answer(self) -> None:
        """What the venue asked for at its logon and to reconcile."""
        venue, ms = self.venue, self.lane.read_clock() // 10**6
        if venue.state == "logon":
            self.reply("l", {"apiKey": "K", "authorizedSince": ms, "serverTime": ms})
        if venue.state == "subscribing":
            self.reply("u", {"subscriptionId": 0})
        balances = [
            {"asset": m.spec.base, "free": "1000000", "locked": "0"} for m in self.feed.markets
        ] + [{"asset": "USDT", "free": "1000000000", "locked": "0"}]
        for what in sorted(venue.outstanding):
            id = venue.latest.get(what)
            if id is None:
                continue  # its turn has not come: the budget of a minute is not endless
            if what[0] == "b":
                self.reply(id, {"balances": balances, "updateTime": ms})
            elif what[0] == "e":
                self.reply(id, {"timezone": "UTC", "serverTime": ms, "symbols": []})
            else:
                self.reply(id, [])

    def reply(self, id: str, result: Any) -> None:
        self.hear(self.venue, {"id": id, "status": 200, "result": result, "rateLimits": []})

    def report(self) -> dict[str, Any]:
        found = []
        while batch := self.refusals.take(512):
            parts = (split(raw) for raw in batch)
            found += [unpack(h.kind, p) for h, p in parts if h.kind == Kind.REFUSED]
        return {
            "refusal": str(found[0]) if found else None,
            "stages": {k: v for k, v in self.stages.summary().items() if v["count"]},
            "frames": self.lane.frames,
            "sent": self.venue.sent,
            "refused": self.venue.refused,
            "ended": self.ender.ended,
            "rejected": self.feed.rejected,
        }


class Trusting:
    """The lane's transport, with the certificate of the bench server trusted."""

    def __init__(self, hot: HotLane, context: ssl.SSLContext) -> None:
        self.hot, self.context = hot, context

    def open(self, actor: Any, channel: int, target: dict[str, Any]) -> None:
        self.hot.open(actor, channel, target | {"ssl_context": self.context})


def trusted(certificate: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = False
    return context


def settle() -> None:
    """As a hot lane does once everything is made: nothing is collected on the path."""
    gc.collect()
    gc.freeze()
    gc.disable()


async def run(url: str, strategy: str, spin: bool, instruments: int, certificate: str) -> None:
    bench = Bench(strategy, instruments)
    # a heartbeat far beyond the run: a halt of a busy machine is no doubt about these books
    hot = HotLane(bench.lane, [], spin=spin, heartbeat_ns=100 * SECOND)
    failures: list[BaseException] = []
    hot.on_heartbeat, hot.on_failure = lambda _: None, failures.append
    bench.lane.transport = Trusting(hot, trusted(certificate)) if certificate else hot
    bench.connect_to(url)
    settle()
    feed, venue = bench.feed, bench.venue
    hot.run(os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC))

    async def until(fine: Callable[[], bool], every_s: float = 0.005) -> None:
        while not fine():
            if failures:
                raise failures[0]
            await asyncio.sleep(every_s)

    await until(lambda: venue.state == "logon" and feed.active >= 0)
    bench.join_books()
    for _ in range(LOGON_STEPS):
        if not venue.is_ready():
            bench.answer()
    if not venue.is_ready():
        raise RuntimeError(f"the venue is {venue.state}, waiting for {venue.outstanding}")
    if instruments > 1:
        await asyncio.sleep(0.3 * (2 + instruments // 50))  # subscriptions leave four a second
    if not all(m.is_valid for m in feed.markets):
        raise RuntimeError("a book came into doubt before the clock ran")
    bench.stages["own"].reset()
    bench.stages["tick_to_order"].reset()
    print("ready", flush=True)
    # Python's look every 5 ms stood in the lane's way in one trip of 600: 1.9 times the floor's p99
    # instead of 1.3. A lane of the engine has nothing like it; a burst is over before this look
    await until(lambda: not venue.is_ready(), every_s=END_LOOK_S)
    hot.stop()
    print(orjson.dumps(bench.report()).decode(), flush=True)


async def echo(url: str, spin: bool, certificate: str) -> None:
    """The floor over TLS: a compiled client that parses nothing."""
    from picows import ws_connect

    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    await ws_connect(
        lambda: Echo(ORDER, done.set), url, ssl_context=trusted(certificate),
        enable_auto_ping=False, enable_auto_pong=False, use_aiofastnet=False,
    )  # fmt: skip

    def again() -> None:
        loop.call_soon(again)

    if spin:
        again()
    settle()
    print("ready", flush=True)
    await done.wait()


def main() -> None:
    url, strategy, spin, core, instruments, *rest = sys.argv[1:]
    certificate = rest[0] if rest else ""
    if int(core) >= 0:
        os.sched_setaffinity(0, {int(core)})
    if strategy == "echo":
        uvloop.run(echo(url, spin == "spin", certificate))
    else:
        uvloop.run(run(url, strategy, spin == "spin", int(instruments), certificate))


if __name__ == "__main__":
    main()
