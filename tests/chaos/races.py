"""Races and switches at volume: the real venue against the simulated exchange (X16, X23, X35).

As in replies.py the exchange's own account is the judge, and time is virtual.
"""

from __future__ import annotations

from random import Random

from hotpath.order import read_id, spell_id
from tests.chaos.replies import Volume
from tests.chaos.table import Row
from tests.venues.binance.stage import WORD
from tests.venues.binance.test_venue_judged import FAULTS, Stage
from venues.simulated.faults import Fault

A_SEED = 100  # races of one world
KILL = 1  # the board's slot of the switch
REST_S = 75
HALT = 512
OVER = ("DENIED", "FILLED", "CANCELED", "REJECTED", "EXPIRED")
MIXED = tuple(f for f in FAULTS if f[0] not in ("reject", "rate_limit"))


class Racing(Volume):
    """Orders in the spread that trade at once, cancelled and replaced while they do."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.races = 0
        self.left: set[str] = set()
        self.sides: dict[int, int] = {}
        self.chains: dict[int, int] = {}
        """Every id that was ever asked for, and the first of its chain."""

    def act(self) -> None:
        live = [i for i in self.ids if self.state(i)["leaves"]]
        if live and self.draw.random() < 0.6:
            self.races += 1
            id = self.draw.choice(live)
            if self.draw.random() < 0.5:
                self.pupil.cancel(self.market, id)
            else:
                self.change(id)
            return
        side = self.draw.choice([1, 2])
        touch = self.ask if side == 1 else self.bid
        away = self.draw.randrange(-20, 60)
        price = touch + (-away if side == 1 else away)
        id = self.pupil.place(self.market, side, price, self.draw.randrange(1_000, 60_000))
        if self.venue.orders.state(id) is not None:
            self.ids.append(id)
            self.sides[id], self.chains[id] = side, id

    def change(self, id: int) -> None:
        """Another price and quantity for what may be trading at this moment."""
        state = self.state(id)
        price = state["price"] + self.draw.randrange(-40, 40)
        quantity = max(1, state["quantity"] + self.draw.randrange(-500, 500))
        new = self.pupil.replace(
            self.market, id, side=self.sides[id], price=price, quantity=quantity
        )
        self.chains[new] = id

    def run(self, seconds: float, trading: bool = False) -> None:
        """An order that we call finished does not work at the venue, not for a moment; and what
        works there is held by the gate."""
        super().run(seconds, trading)
        working = 0
        for name, order in self.wire.exchange.accounts["us"].open.items():
            id = read_id(name)
            if id not in self.chains:
                continue
            working += order.leaves
            if self.state(id)["status"] in OVER:
                self.left.add(name)
        _, buying, selling, _ = self.venue.gate.exposure(100)  # type: ignore[misc]
        if working > buying + selling:
            self.left.add(f"{working} lots, of which {buying + selling} are held")

    def judge(self) -> None:
        """Chains have one quantity, the venue counts each of their orders: sums must agree."""
        exchange = self.wire.exchange
        account = exchange.accounts["us"]
        assert not account.open, "an order still works at the exchange"
        traded = dict.fromkeys(self.ids, 0)
        seen: set[int] = set()
        for order in exchange.closed.values():
            id = read_id(order.client_id) if order.account is account else None
            if id is not None:
                assert id not in seen, "two orders of one cause"
                seen.add(id)
                traded[self.chains[id]] += order.executed
        for id, quantity in traded.items():
            ours = self.state(id)
            assert (ours["evidence"], ours["pending"], ours["leaves"]) == ("CONFIRMED", "NONE", 0)
            assert ours["cumulative"] == quantity, (spell_id(id), ours, quantity)
        trades = exchange.trades.get("us", [])
        assert sorted(f.trade_id for f in self.fills) == sorted(t.trade_id for t in trades)
        position = sum(f.quantity if f.side == 1 else -f.quantity for f in self.fills)
        assert self.venue.gate.exposure(100) == (position, 0, 0, 0)


def come_to_rest(stage: Stage) -> None:
    """Faults off, everything cancelled, time to find out what became of it."""
    stage.wire.clear_faults()
    stage.run(4)
    stage.venue.stopping = True
    stage.run(REST_S)
    stage.lane.stop(stage.world.now)
    stage.run(5)


def judged(row: Row, stage: Stage, seed: int) -> None:
    try:
        stage.judge()
    except AssertionError as wrong:
        row.broken.append(f"seed {seed}: {wrong}")


def races(count: int, seed: int = 1) -> Row:
    """Cancels and replaces of orders that are being filled, some of their replies lost (X23)."""
    row = Row("X23", "fills, cancels and replaces race", "net error 0 against the ledger")
    while row.injected < count:
        stage = Racing(seed)
        stage.run(1.5)
        for name, target in (("lost_reply", "replies"), ("reorder", "user"), ("drop", "user")):
            fault = Fault(name, target, count=0, probability=0.03)  # type: ignore[arg-type]
            stage.wire.order_fault(fault, stage.world.now)
        fault = Fault("race", "replies", count=0, probability=0.3, share=0.6)
        stage.wire.order_fault(fault, stage.world.now)
        for _ in range(200):
            if stage.races >= min(A_SEED, count - row.injected):
                break
            stage.run(1.0, trading=True)
        come_to_rest(stage)
        row.injected += stage.races
        raced = stage.wire.faults.acted.get("race", 0)
        row.holds(raced > 0 and len(stage.fills) > 0, f"seed {seed}: nothing raced")
        halts = sum(e.effect & HALT != 0 for e in (*stage.events, *stage.fills))
        row.holds(halts == 0, f"seed {seed}: halted {halts} times")
        row.broken += [f"seed {seed}: called finished and works: {what}" for what in stage.left]
        judged(row, stage, seed)
        seed += 1
    return row


def expiries(count: int, seed: int = 1) -> Row:
    """The order connection ends its life in the middle of trading: no fill is missed (X16)."""
    row = Row("X16", "an order connection ends its life", "0 fills missed")
    while row.injected < count:
        stage = Volume(seed)
        stage.run(1.5)
        ends = 0
        for _ in range(min(5, count - row.injected)):
            stage.wire.order_fault(Fault("shutdown", "all", delay_ms=200), stage.world.now)
            stage.world.drain(stage.wire)
            stage.run(3.0, trading=True)
            ends += 1
        acted = stage.wire.faults.acted.get("shutdown", 0)
        row.holds(acted >= ends, f"seed {seed}: {acted} of {ends} shutdowns acted")
        come_to_rest(stage)
        row.injected += ends
        judged(row, stage, seed)
        seed += 1
    return row


def killed_in_trouble(count: int, seed: int = 1) -> Row:
    """The switch falls while another fault acts: nothing new leaves, all is cancelled (X35)."""
    row = Row("X35", "kill switch during another fault", "no order after the word, none lives")
    for number in range(count):
        stage = Volume(seed + number)
        draw = Random(f"killed/{seed}/{number}")
        stage.run(1.5)
        stage.run(draw.randrange(5, 20) / 10, trading=True)
        for name, target in draw.sample(MIXED, 2):
            fault = Fault(
                name, target, count=draw.randrange(1, 4), delay_ms=draw.randrange(20, 3000),  # type: ignore[arg-type]
                for_ms=draw.randrange(200, 2000) if name == "silence" else 0,
            )  # fmt: skip
            stage.wire.order_fault(fault, stage.world.now)
        stage.world.drain(stage.wire)
        stage.run(draw.randrange(1, 10) / 10, trading=True)
        before = stage.sent()
        stage.board.write(KILL, WORD.pack(1))
        stage.run(5.0, trading=True)
        row.holds(stage.sent() == before, f"seed {seed + number}: an order left after the word")
        stage.wire.clear_faults()
        stage.run(60.0, trading=True)
        row.injected += 1
        working = len(stage.wire.exchange.accounts["us"].open)
        row.holds(working == 0, f"seed {seed + number}: {working} orders live a minute later")
        row.holds(before > 0, f"seed {seed + number}: nothing was traded before it")
        come_to_rest(stage)
        judged(row, stage, seed + number)
    return row
