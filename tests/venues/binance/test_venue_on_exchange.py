"""Feed, venue, strategy and exchange in one process on virtual time, with seeded faults.

The exchange's ledger is the judge: whatever was lost, late or cut, our records of fills are its
fills, one for one; no placement arrived twice; no order is left in doubt; one seed gives one run.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from random import Random
from typing import Any

import pytest

from engine.secret import Secret
from feeds.binance.feed import BinanceFeed
from feeds.binance.rest import BinanceRest
from feeds.binance.settings import RestSettings
from feeds.binance.settings import Settings as FeedSettings
from hotpath.board import Board
from hotpath.book import Book
from hotpath.instrument import Instrument
from hotpath.lane import Lane
from hotpath.market import Market
from hotpath.order import spell_id
from hotpath.records import Kind, OrderType, Side, TimeInForce, split, unpack
from hotpath.ring import Outbox, Reader
from hotpath.strategy import Strategy
from tests.venues.binance.stage import CLOCK, LARGE, OWN, RAW_KEY, VENUE_LIMITS, WORD
from tests.venues.simulated.process import PUBLIC
from tests.virtual_world import World
from venues.binance.settings import Settings
from venues.binance.sign import signer
from venues.binance.venue import BinanceVenue
from venues.simulated import amounts
from venues.simulated.faults import Fault
from venues.simulated.spec import AccountSpec, ExchangeSpec, FlowSpec, LimitsSpec, MarketSpec
from venues.simulated.wire import Wire

MS, S = 10**6, 10**9
FEED, VENUE, STRATEGY, REST = 3, 4, 5, 6
FLOW = FlowSpec(maker_events_per_s=120, taker_events_per_s=25, levels=8, tick_ms=10)
QUIET = FlowSpec(maker_events_per_s=0, taker_events_per_s=0)
FAULTS = (
    ("late_ack", "replies"),
    ("lost_reply", "replies"),
    ("unknown", "replies"),
    ("reject", "replies"),
    ("delay", "replies"),
    ("delay", "user"),
    ("drop", "user"),
    ("duplicate", "user"),
    ("reorder", "user"),
    ("disconnect", "replies"),
    ("disconnect", "streams"),
    ("shutdown", "replies"),
    ("rate_limit", "replies"),
    ("gap", "streams"),
)


class Trader(Strategy):
    """Does something of everything, by the lane's own chance."""

    def on_start(self) -> None:
        self.known: list[int] = []
        self.trading = True
        self.arm(self.now + 50 * MS, 1)

    def on_timer(self, token: int) -> None:
        if not self.trading:
            return
        self.arm(self.now + 20 * MS + int(self.uniform() * 60 * MS), 1)
        market = self.markets[0]
        if market.reason or not market.best_bid or not market.best_ask:
            return
        choice = self.uniform()
        side = Side.BUY if self.uniform() < 0.5 else Side.SELL
        near, far = market.best_bid, market.best_ask
        if side == Side.SELL:
            near, far = far, near
        if choice < 0.4:
            price = near - 5 if side == Side.BUY else near + 5
            self.remember(
                self.place(market, side, price, 300, type=OrderType.POST_ONLY,
                           time_in_force=TimeInForce.GTC)
            )  # fmt: skip
        elif choice < 0.75:
            self.remember(
                self.place(market, side, far, 200, type=OrderType.LIMIT,
                           time_in_force=TimeInForce.IOC)
            )  # fmt: skip
        elif self.known:
            self.cancel(market, self.known[int(self.uniform() * len(self.known))])

    def remember(self, order: int) -> None:
        if order:
            self.known.append(order)


class Session:
    def __init__(self, seed: int) -> None:
        self.world = World(seed)
        spec = ExchangeSpec(
            name="alpha",
            ledger="-",
            markets=[MarketSpec("BTCUSDT", "BTC", "USDT", taker_fee_bps="1", maker_fee_bps="0")],
            accounts=[
                AccountSpec("main", "K", ed25519_public=PUBLIC.decode(),
                            balances={"BTC": "100", "USDT": "10000000"})
            ],
            seed=seed,
            flow=FLOW,
            limits=LimitsSpec(orders_per_10s=10_000),
        )  # fmt: skip
        self.spec = spec
        self.wire = self.world.wires["alpha"] = Wire(spec, self.world.now)
        names = ["clock", "kill", "kill_venue", "kill_strategy", "top"]
        self.board = Board.private(names)
        self.board.write(0, CLOCK.pack(0, 1000))
        for slot in (1, 2, 3):
            self.board.write(slot, WORD.pack(0))
        self.lane = Lane("test", self.board, seed=seed, is_virtual=True)
        self.world.add_lane(self.lane)
        instrument = Instrument(
            "BTCUSDT", "0.01", "0.00001", id=100, base="BTC", quote="USDT", base_asset=1,
            quote_asset=2,
        )  # fmt: skip
        market = Market(
            instrument=100, spec=instrument, name="feed:BTCUSDT", feed=FEED, venue=VENUE,
            index=0, slot=4, book=Book(8192, 4096),
        )  # fmt: skip
        feed = BinanceFeed(self.lane, "feed", Outbox.private(1 << 22, FEED))
        rest = BinanceRest(self.lane, "rest", Outbox.private(1 << 20, REST))
        self.venue = BinanceVenue(self.lane, "venue", Outbox.private(1 << 22, VENUE), room=4096)
        self.trader = Trader(self.lane, "trader", Outbox.private(1 << 20, STRATEGY), instance=77)
        feed.add_market(market)
        feed.configure("ws://alpha", FeedSettings(snapshot_timeout_ms=1000))
        rest.configure("http://alpha", [instrument], RestSettings())
        rest.listen(feed)
        feed.listen(rest)
        v = self.venue
        v.set_slots(clock=0, kill=1, venue_kill=2, instance=77)
        v.add_listing(instrument, views={FEED: 4}, reference=4, limits=OWN)
        v.add_strategy(STRATEGY, share=LARGE, kill=3)
        v.gate.set_limits(version=1, mode="simulation", **VENUE_LIMITS)
        v.agreed = True
        v.connect_as(
            url="ws://alpha/ws-api/v3", api_key="K", assets={"BTC": 1, "USDT": 2},
            signer=signer("ed25519", Secret(RAW_KEY)), settings=Settings(),
        )  # fmt: skip
        self.trader.add_venue(v)
        self.trader.add_market(market)
        actors = (feed, rest, v, self.trader)
        self.readers = [(a, Reader.of(a.outbox, True)) for a in actors]
        self.digest = hashlib.sha256()
        self.fills: Counter[tuple[Any, ...]] = Counter()
        self.lines: list[dict[str, Any]] = []
        self.world.keep_lines = self.lines.append
        self.lane.start(self.world.now)

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.world.run(0.1)
            for actor, reader in self.readers:
                while batch := reader.take(512):
                    for record in batch:
                        self.digest.update(record)
                        header, payload = split(record)
                        if actor is self.venue and header.kind == Kind.FILL:
                            f = unpack(header.kind, payload)
                            row = (spell_id(f.id), f.trade_id, f.side, f.price, f.quantity, f.fee)
                            self.fills[row] += 1
                reader.store()

    def misbehave(self, seed: int) -> None:
        draw = Random(f"faults/{seed}")
        for _ in range(draw.randrange(4, 9)):
            name, target = draw.choice(FAULTS)
            fault = Fault(
                name,  # type: ignore[arg-type]
                target,  # type: ignore[arg-type]
                count=draw.randrange(1, 4),
                delay_ms=draw.randrange(20, 900),
            )
            self.wire.order_fault(fault, self.world.now)
            self.world.drain(self.wire)
            self.run(draw.randrange(2, 12) / 10)

    def kill_exchange(self) -> None:
        """kill -9, and a start on the ledger: `lines` is what was written of it."""
        self.wire = Wire(self.spec, self.world.now, list(self.lines))
        self.world.kill("alpha", self.wire)

    def session(self, seed: int) -> str:
        self.run(2)
        self.misbehave(seed)
        self.wire.clear_faults()
        self.run(2)
        self.trader.trading = False
        self.run(1)
        self.wire.flow.flow = QUIET
        self.run(60)  # every doubt is resolved by then: absence alone takes ten seconds to prove
        return self.digest.hexdigest()

    def theirs(self) -> Counter[tuple[Any, ...]]:
        """The exchange's fills in our units."""
        found: Counter[tuple[Any, ...]] = Counter()
        terms = self.wire.exchange.markets["BTCUSDT"].terms
        for line in self.lines:
            if line["t"] == "fill":
                row = (
                    line["client_id"],
                    line["trade_id"],
                    Side.BUY if line["side"] == "BUY" else Side.SELL,
                    amounts.units(line["price"]) // terms.tick,
                    amounts.units(line["quantity"]) // terms.lot,
                    amounts.units(line["fee"]),
                )
                found[row] += 1
        return found


def check(seeds: range) -> None:
    traded = 0
    for seed in seeds:
        session = Session(seed)
        first = session.session(seed)
        theirs = session.theirs()
        traded += len(theirs)
        assert session.fills == theirs, f"seed {seed}: our fills are not the exchange's"
        placed = Counter(line["client_id"] for line in session.lines if line["t"] == "order")
        assert set(placed.values()) <= {1}, f"seed {seed}: a placement arrived twice"
        working = {o.client_id for o in session.wire.exchange.orders.values()}
        for order in session.trader.known:
            state = session.venue.orders.state(order)
            if state is None:
                continue  # over, and forgotten
            name = spell_id(order)
            assert str(state["evidence"]) == "CONFIRMED", (seed, name, state)
            live = str(state["status"]) in ("NEW", "PARTIALLY_FILLED", "PENDING_NEW")
            assert live == (name in working), (seed, name, state)
        again = Session(seed)
        assert again.session(seed) == first, f"seed {seed}: two runs differ"
    assert traded > 10 * len(seeds), "next to nothing traded: the test would show nothing"


@pytest.mark.parametrize("seed", range(6))
def test_an_exchange_that_is_killed_goes_on_and_our_books_agree(seed: int) -> None:
    session = Session(seed)
    session.run(2)
    for _ in range(3):
        session.kill_exchange()
        session.run(1.3)
    session.trader.trading = False
    session.run(60)
    assert session.fills == session.theirs()
    assert sum(session.fills.values()) > 10
    placed = Counter(line["client_id"] for line in session.lines if line["t"] == "order")
    assert set(placed.values()) == {1}
    numbers = [line["n"] for line in session.lines]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("block", range(5))
def test_our_fills_are_the_ledgers_whatever_happened(block: int) -> None:
    check(range(block * 2, block * 2 + 2))


@pytest.mark.long
def test_fifty_seeds() -> None:
    check(range(50))
