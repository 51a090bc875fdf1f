"""Lost and late replies at volume: the real venue against the simulated exchange, virtual time.

The exchange's own account is the judge: an order that reached it twice is a duplicate, an order
that we call finished while it works there is a false terminal.
"""

from __future__ import annotations

from random import Random
from typing import Any

import orjson

from hotpath.order import read_id, spell_id
from hotpath.records import Kind, split, unpack
from tests.chaos.table import Row
from tests.venues.binance.test_venue_judged import Stage
from venues.simulated.faults import Fault

TERMINAL = 32
A_SEED = 250  # submits of one world
LATE_MS = 120_000


class Volume(Stage):
    """Many submits a second, some cancels; every terminal is compared at the moment it is said."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.false_terminals: list[str] = []
        self.lies = Random(f"lies/{seed}")
        self.told_lies = 0
        self.lie_share = 0.0
        take = self.wire.take
        self.wire.take = lambda: [self.perhaps_false(o) for o in take()]  # type: ignore[method-assign]

    def perhaps_false(self, output: Any) -> Any:
        """Some answers that show an order say instead that it does not exist (X21)."""
        kind, number, payload, extra = output
        if kind != "send" or not self.lie_share or b'"clientOrderId"' not in payload:
            return output
        message = orjson.loads(payload)
        result = message.get("result")
        is_lookup = isinstance(result, dict) and "updateTime" in result and "time" in result
        if not is_lookup or self.lies.random() >= self.lie_share:
            return output
        self.told_lies += 1
        error = {"code": -2013, "msg": "Order does not exist."}
        answer = {"id": message["id"], "status": 400, "error": error}
        return kind, number, orjson.dumps(answer), extra

    def sent(self) -> int:
        """Orders that the gate let go."""
        return sum(self.state(id)["status"] != "DENIED" for id in self.ids)

    def act(self) -> None:
        for _ in range(3):
            super().act()

    def collect(self) -> None:
        while batch := self.reader.take(512):
            account = self.wire.exchange.accounts["us"]
            working = {read_id(client_id) for client_id in account.open}
            for raw in batch:
                header, payload = split(raw)
                if header.kind == Kind.FILL:
                    self.fills.append(unpack(header.kind, payload))
                elif header.kind == Kind.ORDER_EVENT:
                    event: Any = unpack(header.kind, payload)
                    self.events.append(event)
                    if event.effect & TERMINAL and event.id in working:
                        self.false_terminals.append(spell_id(event.id))
        self.reader.store()


def session(seed: int, submits: int, lies: float) -> Volume:
    """One world: submits while one reply in ten is lost and one in ten is late (of placements, of
    cancels, of queries and over HTTP alike, up to LATE_MS), then time to come to rest."""
    stage = Volume(seed)
    stage.run(1.5)
    stage.lie_share = lies
    draw = stage.draw
    faults = [
        Fault("lost_reply", "replies", count=0, probability=0.1),
        Fault("drop", "user", count=0, probability=0.1),  # else the stream tells what a reply did
        *(Fault("late_ack", "replies", count=0, probability=0.05, match=match,
                delay_ms=draw.randrange(100, longest))
          for match in ('"id":"p', '"id":"q', '"id":"c') for longest in (2_000, LATE_MS)),
        *(Fault("late_ack", "rest", count=0, probability=0.05,
                delay_ms=draw.randrange(100, longest))
          for longest in (2_000, LATE_MS)),
    ]  # fmt: skip
    for fault in faults:
        stage.wire.order_fault(fault, stage.world.now)
    stage.world.drain(stage.wire)
    for _ in range(400):
        if stage.sent() >= submits:
            break
        stage.run(1.0, trading=True)
    stage.wire.clear_faults()
    stage.lie_share = 0.0
    stage.run(4)
    stage.venue.stopping = True
    stage.run(LATE_MS / 1000 + 75)
    stage.lane.stop(stage.world.now)
    stage.run(5)
    return stage


def submits(count: int, *, lies: float = 0.0, seed: int = 1) -> Row:
    """At least `count` submits, in worlds of their own seeds."""
    row = (
        Row("X21", "false 'not found' (1 lookup in 10)", "0 false rejects, 0 duplicates")
        if lies
        else Row("X20", "10 % lost, 10 % late <= 120 s", "0 duplicates, 0 false terminals")
    )
    told = 0
    while row.injected < count:
        stage = session(seed, min(A_SEED, count - row.injected), lies)
        sent = stage.sent()
        row.injected += sent
        row.holds(sent > 0, f"seed {seed}: nothing was sent")
        row.broken += [f"seed {seed}: {id} was called finished and works" for id in
                       stage.false_terminals]  # fmt: skip
        acted = stage.wire.faults.acted.get("lost_reply", 0)
        row.holds(acted > 0, f"seed {seed}: no reply was lost")
        late = stage.wire.faults.acted.get("late_ack", 0)
        row.holds(late > 0, f"seed {seed}: no reply was late")
        told += stage.told_lies
        try:
            stage.judge()
        except AssertionError as wrong:
            row.broken.append(f"seed {seed}: {wrong}")
        seed += 1
    row.holds(not lies or told > 0, "no lookup was answered falsely")
    return row
