"""Venue and simulated exchange in one process on virtual time, with seeded faults.

The exchange's own account is the judge: whatever was lost, late, doubled or cut, every order is one
order, every trade is counted once, and in the end both sides tell the same story. One seed gives
one run, byte for byte.
"""

from __future__ import annotations

import base64
import hashlib
from random import Random
from typing import Any

import pytest

from engine.secret import Secret
from hotpath.board import Board
from hotpath.book import Book
from hotpath.instrument import Instrument
from hotpath.lane import Lane
from hotpath.market import Market
from hotpath.matching import BUY, SELL
from hotpath.order import EVENTS, read_id, spell_id
from hotpath.records import Kind, split, unpack
from hotpath.ring import Outbox, Reader
from tests.venues.binance.stage import (
    CLOCK,
    FEED,
    OWN,
    RAW_KEY,
    SOURCE,
    TOP,
    VENUE,
    VENUE_LIMITS,
    WORD,
    Pupil,
)
from tests.virtual_world import World
from venues.binance.rest import BinanceRest
from venues.binance.settings import Settings
from venues.binance.sign import signer
from venues.binance.venue import BinanceVenue
from venues.simulated.faults import Fault
from venues.simulated.spec import AccountSpec, ExchangeSpec, FlowSpec, LimitsSpec, MarketSpec
from venues.simulated.wire import Wire

PUBLIC = base64.b64encode(
    bytes.fromhex("03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8")
).decode()
FLOW = FlowSpec(maker_events_per_s=80, taker_events_per_s=15, levels=6, tick_ms=20)
LOTS = 10**5
FAULTS = (
    ("drop", "replies"), ("drop", "user"), ("duplicate", "user"), ("duplicate", "replies"),
    ("reorder", "user"), ("delay", "replies"), ("disconnect", "user"), ("disconnect", "replies"),
    ("late_ack", "replies"), ("lost_reply", "replies"), ("unknown", "replies"),
    ("reject", "replies"), ("rate_limit", "replies"), ("silence", "user"), ("shutdown", "all"),
)  # fmt: skip


class Stage:
    def __init__(self, seed: int) -> None:
        self.draw = Random(f"pupil/{seed}")
        self.world = World(seed)
        account = AccountSpec(
            name="us", api_key="K", ed25519_public=PUBLIC,
            balances={"BTC": "1000", "USDT": "100000000"},
        )  # fmt: skip
        spec = ExchangeSpec(
            name="alpha", ledger="-", markets=[MarketSpec("BTCUSDT", "BTC", "USDT")], seed=seed,
            flow=FLOW, accounts=[account], limits=LimitsSpec(orders_per_10s=10_000),
        )  # fmt: skip
        self.wire = self.world.wires["alpha"] = Wire(spec, self.world.now)
        self.board = Board.private(["clock", "kill", "kill_venue", "kill_strategy", "top", "us"])
        self.lane = Lane("trade", self.board, seed=seed, is_virtual=True)
        self.world.add_lane(self.lane)
        self.instrument = Instrument(
            "BTCUSDT", "0.01", "0.00001", id=100, base_asset=1, quote_asset=2,
        )  # fmt: skip
        self.venue = BinanceVenue(self.lane, "venue", Outbox.private(1 << 22, VENUE))
        self.rest = BinanceRest(self.lane, "rest", Outbox.private(1 << 20, 6))
        self.pupil = Pupil(self.lane, "pupil", Outbox.private(1 << 22, SOURCE), instance=77)
        v = self.venue
        v.set_slots(clock=0, kill=1, venue_kill=2, instance=77)
        v.add_listing(self.instrument, views={FEED: 4}, reference=4, limits=OWN)
        v.add_strategy(SOURCE, share=2**60, kill=3)
        v.gate.set_limits(
            version=1, mode="simulation", **(VENUE_LIMITS | {"rejects": 30, "executions": 2**40})
        )
        v.agreed = v.has_rest = True
        by = signer("ed25519", Secret(RAW_KEY))
        v.connect_as(url="ws://alpha/ws-api/v3", api_key="K", signer=by,
                     assets={"BTC": 1, "USDT": 2}, settings=Settings())  # fmt: skip
        self.rest.configure(
            address="http://alpha",
            api_key="K",
            signer=by,
            instruments=[self.instrument],
            instance=77,
            kill_slots=[1, 2],
        )
        self.rest.listen(v)
        v.listen(self.rest)
        self.pupil.add_venue(v)
        self.market = Market(
            instrument=100, spec=self.instrument, name="m", feed=FEED, venue=VENUE, index=0, slot=4,
            book=Book(256, 1000),
        )  # fmt: skip
        self.pupil.add_market(self.market)
        self.board.write(0, CLOCK.pack(0, 1000))
        for slot in (1, 2, 3):
            self.board.write(slot, WORD.pack(0))
        self.reader = Reader.of(v.outbox, True)
        self.digest = hashlib.sha256()
        self.ids: list[int] = []
        self.fills: list[Any] = []
        self.events: list[Any] = []
        self.lane.start(self.world.now)

    # ---- time -----------------------------------------------------------------------------------

    def run(self, seconds: float, trading: bool = False) -> None:
        for _ in range(round(seconds * 20)):
            self.world.run(0.05)
            self.show_top()
            if trading and self.draw.random() < 0.6:
                self.act()
            self.collect()

    def show_top(self) -> None:
        book = self.wire.exchange.markets["BTCUSDT"].book
        bids, asks = book.levels(BUY), book.levels(SELL)
        if bids and asks:
            self.bid, self.ask = bids[0][0], asks[0][0]
            slot = TOP.pack(
                self.bid, bids[0][1], self.ask, asks[0][1], 0, 0, 0, 0, self.world.now, 1, 100,
                FEED, 0,
            )  # fmt: skip
            self.board.write(4, slot)

    def act(self) -> None:
        """Place, cancel or replace, as a strategy would within a turn of the lane."""
        what = self.draw.random()
        live = [i for i in self.ids if self.state(i)["leaves"]]
        if what < 0.65 or not live:
            side = self.draw.choice([1, 2])
            away = self.draw.randrange(-200, 400)
            price = self.bid - away if side == 1 else self.ask + away
            id = self.pupil.place(
                self.market, side, price, self.draw.randrange(100, 5000),
                time_in_force=self.draw.choice([1, 1, 2]), type=self.draw.choice([1, 1, 1, 3]),
            )  # fmt: skip
            if self.venue.orders.state(id) is not None:
                self.ids.append(id)
        else:
            self.pupil.cancel(self.market, self.draw.choice(live))

    def collect(self) -> None:
        while batch := self.reader.take(512):
            for raw in batch:
                self.digest.update(raw)
                header, payload = split(raw)
                if header.kind == Kind.FILL:
                    self.fills.append(unpack(header.kind, payload))
                elif header.kind == Kind.ORDER_EVENT:
                    self.events.append(unpack(header.kind, payload))
        self.reader.store()

    def state(self, id: int) -> dict[str, Any]:
        found = self.venue.orders.state(id)
        assert found is not None
        return found

    # ---- the session ---------------------------------------------------------------------

    def session(self, seed: int) -> str:
        draw = Random(f"faults/{seed}")
        self.run(1.5)
        for _ in range(draw.randrange(3, 7)):
            name, target = draw.choice(FAULTS)
            fault = Fault(
                name, target, count=draw.randrange(1, 4), delay_ms=draw.randrange(20, 3000),  # type: ignore[arg-type]
                for_ms=draw.randrange(200, 2000) if name in ("silence", "rate_limit") else 0,
                code=-2010 if name == "reject" else 0, msg="no" if name == "reject" else "",
            )  # fmt: skip
            self.wire.order_fault(fault, self.world.now)
            self.world.drain(self.wire)
            self.run(draw.randrange(5, 25) / 10, trading=True)
        self.wire.clear_faults()
        self.run(4, trading=True)
        self.venue.stopping = True
        self.run(75)
        self.lane.stop(self.world.now)
        self.run(5)
        return self.digest.hexdigest()

    def judge(self) -> None:
        """Our story against the exchange's."""
        exchange = self.wire.exchange
        account = exchange.accounts["us"]
        assert not account.open, "an order still works at the exchange"
        theirs: dict[int, Any] = {}
        for order in exchange.closed.values():
            id = read_id(order.client_id) if order.account is account else None
            if id is not None:
                assert id not in theirs, "two orders of one cause"
                theirs[id] = order
        for id, order in theirs.items():
            ours = self.state(id)
            assert ours["status"] == {"EXPIRED_IN_MATCH": "EXPIRED"}.get(order.status, order.status)
            assert ours["cumulative"] == order.executed
        for id in self.ids:
            ours = self.state(id)
            assert (ours["evidence"], ours["pending"], ours["leaves"]) == ("CONFIRMED", "NONE", 0)
            if id not in theirs:
                assert ours["status"] in ("DENIED", "REJECTED") and ours["cumulative"] == 0
        trades = exchange.trades.get("us", [])
        assert sorted(f.trade_id for f in self.fills) == sorted(t.trade_id for t in trades)
        position = sum(f.quantity if f.side == 1 else -f.quantity for f in self.fills)
        assert self.venue.gate.exposure(100) == (position, 0, 0, 0)
        assert not any(e.effect & 15 == 3 for e in self.events), [
            (EVENTS[e.type], spell_id(e.id)) for e in self.events if e.effect & 15 == 3
        ]


def check(seeds: range) -> None:
    for seed in seeds:
        stage = Stage(seed)
        first = stage.session(seed)
        assert len(stage.ids) > 3, f"seed {seed}: nothing was traded"
        try:
            stage.judge()
        except AssertionError as wrong:
            raise AssertionError(f"seed {seed}: {wrong}") from wrong
        assert Stage(seed).session(seed) == first, f"seed {seed}: two runs differ"


@pytest.mark.parametrize("block", range(4))
def test_whatever_is_lost_both_sides_tell_the_same_story(block: int) -> None:
    check(range(block * 2, block * 2 + 2))


@pytest.mark.long
@pytest.mark.parametrize("block", range(5))
def test_fifty_seeds(block: int) -> None:
    check(range(block * 10, block * 10 + 10))
