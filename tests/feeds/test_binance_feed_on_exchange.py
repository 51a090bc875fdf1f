"""Feed, REST side and simulated exchange in one process on virtual time, with seeded faults.

Whatever the network did, the feed ends valid and with the exchange's own book; one seed gives one
run, byte for byte.
"""

from __future__ import annotations

import hashlib
from random import Random

import pytest

from feeds.binance.feed import BinanceFeed
from feeds.binance.rest import BinanceRest
from feeds.binance.settings import RestSettings, Settings
from hotpath.board import Board
from hotpath.book import Book
from hotpath.instrument import Instrument
from hotpath.lane import Lane
from hotpath.market import Market
from hotpath.matching import BUY, SELL
from hotpath.ring import Outbox, Reader
from tests.virtual_world import World
from venues.simulated.faults import Fault
from venues.simulated.spec import ExchangeSpec, FlowSpec, MarketSpec
from venues.simulated.wire import Wire

FLOW = FlowSpec(maker_events_per_s=120, taker_events_per_s=12, levels=8, tick_ms=10)

FAULTS = (
    "gap",
    "drop",
    "duplicate",
    "reorder",
    "delay",
    "disconnect",
    "silence",
    "shutdown",
    "rate_limit",
    "lost_reply",
)


class Stage:
    def __init__(self, seed: int) -> None:
        self.world = World(seed)
        market = MarketSpec("BTCUSDT", "BTC", "USDT")
        spec = ExchangeSpec(name="alpha", ledger="-", markets=[market], seed=seed, flow=FLOW)
        self.wire = self.world.wires["alpha"] = Wire(spec, self.world.now)
        self.lane = Lane("test", Board.private(["top"]), seed=seed, is_virtual=True)
        self.world.add_lane(self.lane)
        instrument = Instrument("BTCUSDT", "0.01", "0.00001", id=100)
        self.feed = BinanceFeed(self.lane, "feed", Outbox.private(1 << 22, 3))
        self.rest = BinanceRest(self.lane, "rest", Outbox.private(1 << 20, 4))
        self.feed.add_market(
            Market(
                instrument=100,
                spec=instrument,
                name="feed:BTCUSDT",
                feed=3,
                venue=5,
                index=0,
                slot=0,
                book=Book(8192, 4096),
            )
        )
        self.feed.configure("ws://alpha", Settings(snapshot_timeout_ms=1000))
        self.rest.configure("http://alpha", [instrument], RestSettings(weight_per_minute=6000))
        self.rest.listen(self.feed)
        self.feed.listen(self.rest)
        self.readers = [Reader.of(a.outbox, True) for a in (self.feed, self.rest)]
        self.digest = hashlib.sha256()
        self.lane.start(self.world.now)

    @property
    def market(self) -> Market:
        return self.feed.markets[0]

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.world.run(0.1)
            for reader in self.readers:
                while batch := reader.take(512):
                    for record in batch:
                        self.digest.update(record)
                reader.store()

    def misbehave(self, seed: int) -> None:
        """Three to six faults of any kind, some of them on the way to the snapshots."""
        draw = Random(f"faults/{seed}")
        for _ in range(draw.randrange(3, 7)):
            name = draw.choice(FAULTS)
            target = "rest" if name in ("rate_limit", "lost_reply") else "streams"
            fault = Fault(
                name,  # type: ignore[arg-type]
                target,  # type: ignore[arg-type]
                count=draw.randrange(1, 4),
                delay_ms=draw.randrange(20, 400),
                code=draw.choice([0, 1001, 1006 + 5]),
                for_ms=300 if name == "silence" else 0,
            )
            self.wire.order_fault(fault, self.world.now)
            self.world.drain(self.wire)
            self.run(draw.randrange(1, 8) / 10)

    def session(self, seed: int) -> str:
        self.run(1.5)
        self.misbehave(seed)
        self.wire.clear_faults()
        self.run(6)
        self.wire.flow.flow = FlowSpec(maker_events_per_s=0, taker_events_per_s=0)
        self.run(0.4)
        return self.digest.hexdigest()

    def books(self) -> tuple[object, object]:
        theirs = self.wire.exchange.markets["BTCUSDT"].book
        ours = self.market.book
        return (
            [ours.side_levels(side, 4096) for side in (BUY, SELL)],
            [theirs.levels(side) for side in (BUY, SELL)],
        )


def check(seeds: range) -> None:
    for seed in seeds:
        stage = Stage(seed)
        first = stage.session(seed)
        assert stage.market.reason == 0, f"seed {seed}: the book is in doubt"
        ours, theirs = stage.books()
        assert ours == theirs, f"seed {seed}: valid, and not the exchange's book"
        assert Stage(seed).session(seed) == first, f"seed {seed}: two runs differ"


@pytest.mark.parametrize("block", range(5))
def test_faults_end_with_the_exchanges_book_and_runs_repeat(block: int) -> None:
    check(range(block * 2, block * 2 + 2))


@pytest.mark.long
def test_fifty_seeds() -> None:
    check(range(50))
