"""Bursts on outboxes, strategies that run away, clocks that step (X12, X19, X24, X26), counted.

All of them judge by records: what a reader got or was told that it lost, what was approved and
when, which time a lane took for the present.
"""

from __future__ import annotations

from collections import deque
from random import Random
from typing import Any

from engine.engine_clock import STEP_NS, EngineClock
from hotpath.lane import Actor, Lane
from hotpath.order import EVENTS
from hotpath.records import Document, Kind, Op, Side, pack, split, unpack
from hotpath.ring import Outbox, Reader
from tests.chaos.replies import TERMINAL, Volume
from tests.chaos.table import Row
from tests.hotpath.test_ring_storm import check, storm
from tests.venues.binance.stage import SOURCE, VENUE_LIMITS
from venues.simulated.faults import Fault

S, MS = 10**9, 10**6


def rings(kills: int, seed: int = 1) -> Row:
    """kill -9 of a ring's writer and of its readers in full flight (X12)."""
    row = Row("X12", "ring: writer and readers killed", "0 torn, 0 lost, gaps told")
    if not kills:
        return row
    made, done = storm(kills=kills, seconds=kills / 5 + 30, seed=seed)
    row.injected = done
    row.holds(done == kills, f"{done} of {kills} kills in the time")
    try:
        check(made, done)
    except AssertionError as wrong:
        row.broken.append(str(wrong)[:500])
    return row


# ---- a reader that is too slow

CAPACITY, RESERVE = 1 << 14, 1 << 12
BURST = 50  # times what the outbox holds


def bursts(count: int, seed: int = 1) -> Row:
    """Up to fifty outboxes full at once, at readers that sleep through some of it (X19, 3.4).

    The journal gets every record that was taken, in order, and holds new work back before the
    reserve is touched; reports use the reserve; whoever may be lapped is told of each record that
    it lost, once.
    """
    row = Row("X19", f"bursts <= {BURST} x the outbox, slow readers", "none lost, none untold")
    draw = Random(f"bursts/{seed}")
    outbox = Outbox.private(CAPACITY, 9, gating=("journal",), lossy=("screen",), reserve=RESERVE)
    journal, screen = Reader.of(outbox, False, "journal"), Reader.of(outbox, True, "screen")
    kept = seen = lost = 0
    for number in range(count):
        held = refused = urgent = 0
        for _ in range(draw.randrange(CAPACITY // 100, BURST * CAPACITY // 100)):
            text = pack(Document(document={"n": "x" * draw.randrange(0, 90)}))
            if outbox.append(int(Kind.DOCUMENT), text):
                held += 1
            else:
                refused += 1
                urgent += bool(outbox.append(int(Kind.DOCUMENT), b"{}", reserve=True))
            if draw.random() < 0.001:  # the journal looks up now and then, and takes a part
                kept = read_on(row, journal, kept, draw.randrange(1, 200), number)
        row.holds(not refused or urgent > 0, f"burst {number}: no report found room")
        kept = read_on(row, journal, kept, 1 << 30, number)
        row.holds(kept == outbox.position, f"burst {number}: {outbox.position - kept} were lost")
        while records := screen.take(512):
            for raw in records:
                header, payload = split(raw)
                if header.kind == Kind.GAP:
                    gap = unpack(header.kind, payload)
                    row.holds(gap.from_ == seen + 1, f"burst {number}: a gap from {gap.from_}")
                    lost += gap.to - gap.from_ + 1
                    seen = gap.to
                else:
                    row.holds(header.position == seen + 1, f"burst {number}: untold before {seen}")
                    seen = header.position
        screen.store()
        row.holds(seen == outbox.position, f"burst {number}: the end was not seen")
        row.injected += 1
    row.holds(not count or lost > 0, "no reader was ever lapped")
    row.holds(not count or outbox.refused > 0, "no outbox was ever full")
    return row


def read_on(row: Row, journal: Reader, kept: int, most: int, number: int) -> int:
    """Take up to `most` records; the last position. Each must follow the one before."""
    while most > 0 and (records := journal.take(min(most, 512))):
        most -= len(records)
        for raw in records:
            position = split(raw)[0].position
            row.holds(position == kept + 1, f"burst {number}: {position} came after {kept}")
            kept = position
    journal.store()
    return kept


# ---- a strategy that has lost its mind

A_SECOND, EXECUTIONS, WINDOW_S, REJECTS = 20, 60, 10, 5
LIMITS = VENUE_LIMITS | {
    "per_second": A_SECOND, "executions": EXECUTIONS, "executions_window_ns": WINDOW_S * S,
    "rejects": REJECTS, "rejects_window_ns": 10 * S,
}  # fmt: skip


class Runaway(Volume):
    """Places without end: twins, crosses of its own orders, whatever the venue says."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.venue.gate.set_limits(version=2, mode="simulation", **LIMITS)
        self.asked = self.approved = self.rejected = 0
        self.live: dict[int, tuple[int, int, int]] = {}  # id: side, price, quantity
        self.sends: deque[int] = deque()
        self.placed: deque[int] = deque()
        self.rejects: deque[int] = deque()
        self.wrong: list[str] = []

    def act(self) -> None:
        for _ in range(8):
            side = self.draw.choice([1, 2])
            touch = self.bid if side == 1 else self.ask
            price = touch + self.draw.randrange(-3, 4)
            self.pupil.place(self.market, side, price, self.draw.choice([2_000, 3_000]))
            self.asked += 1

    def collect(self) -> None:
        while batch := self.reader.take(512):
            for raw in batch:
                header, payload = split(raw)
                if header.kind == Kind.APPROVED:
                    self.judge_approved(header.time, unpack(header.kind, payload))
                elif header.kind == Kind.ORDER_EVENT:
                    self.judge_event(header.time, unpack(header.kind, payload))
                elif header.kind == Kind.FILL:
                    fill: Any = unpack(header.kind, payload)
                    if fill.effect & TERMINAL:
                        self.live.pop(fill.id, None)
        self.reader.store()

    def judge_event(self, now: int, event: Any) -> None:
        if event.effect & TERMINAL:
            self.live.pop(event.id, None)
        if EVENTS[event.type] == "REJECT":
            self.rejected += 1
            self.rejects.append(now)

    def judge_approved(self, now: int, order: Any) -> None:
        """Nothing that R11, R12, R14, R15 or R16 forbids may have been approved."""
        within(self.sends, now, S)
        within(self.placed, now, WINDOW_S * S)
        within(self.rejects, now, 10 * S)
        self.sends.append(now)
        self.say(len(self.sends) > A_SECOND, f"R11: {len(self.sends)} messages in a second")
        if order.op != Op.PLACE:
            return
        self.approved += 1
        self.placed.append(now)
        self.say(len(self.placed) > EXECUTIONS, f"R14: {len(self.placed)} executions")
        self.say(len(self.rejects) > REJECTS, f"R16: sent after {len(self.rejects)} rejects")
        mine = order.side, order.price, order.quantity
        self.say(mine in self.live.values(), f"R12: a twin of {mine}")
        other = [price for side, price, _ in self.live.values() if side != order.side]
        crosses = any(
            p <= order.price if order.side == Side.BUY else p >= order.price for p in other
        )
        self.say(crosses, f"R15: {mine} crosses our own of {sorted(other)[:3]}")
        self.live[order.id] = mine

    def say(self, is_wrong: bool, what: str) -> None:
        if is_wrong:
            self.wrong.append(what)

    def operator(self) -> None:
        """Somebody looks at it, and lets it go on."""
        self.venue.gate.enable(SOURCE)
        self.rejects.clear()
        self.placed.clear()


def within(times: deque[int], now: int, window_ns: int) -> None:
    """Forget what lies before the window that ends now."""
    while times and times[0] <= now - window_ns:
        times.popleft()


def storms(count: int, seed: int = 1) -> Row:
    """At least `count` orders of a strategy that runs away, while the venue refuses (X24)."""
    row = Row("X24", "reject storm, runaway strategy", "R11, R12, R14-R16 hold for each")
    while row.injected < count and len(row.broken) < 10:
        stage = Runaway(seed)
        stage.run(1.5)
        for _ in range(6):
            if row.injected + stage.asked >= count:
                break
            stage.run(1.0, trading=True)
            refusing = Fault("reject", "replies", count=0, probability=0.5, code=-2010, msg="no")
            stage.wire.order_fault(refusing, stage.world.now)
            stage.run(2.0, trading=True)
            stage.wire.clear_faults()
            stage.run(1.0)
            stage.operator()
        row.injected += stage.asked
        row.holds(stage.approved > 0, f"seed {seed}: nothing was approved")
        row.holds(stage.rejected > REJECTS, f"seed {seed}: the venue refused too little")
        row.broken += [f"seed {seed}: {what}" for what in stage.wrong]
        seed += 1
    return row


# ---- clocks

BEAT_NS = 20 * MS
STEPS_NS = (STEP_NS, 10**5, MS, 50 * MS, S, 3600 * S)


class Alarm(Actor):
    """Timers, and whether one came before its time or time went back."""

    def __init__(self, lane: Lane) -> None:
        super().__init__(lane, "alarm", Outbox.private(1 << 16, 3))
        self.due: dict[int, int] = {}
        self.wrong: list[str] = []
        self.fired = self.last = 0

    def set(self, due: int) -> None:
        token = len(self.due) + self.fired + 1
        self.due[token] = due
        self.arm(due, token)

    def on_timer(self, token: int) -> None:
        self.fired += 1
        due = self.due.pop(token)
        if self.now < due:
            self.wrong.append(f"a timer came {due - self.now} ns early")
        if self.now < self.last:
            self.wrong.append(f"time went back by {self.last - self.now} ns")
        self.last = self.now


def clocks(count: int, seed: int = 1) -> Row:
    """Wall clocks that step and drift, and a host that is suspended (X26)."""
    row = Row(
        "X26", "clock steps, drift, suspended host", "0 early timers, never back, no false age"
    )
    draw = Random(f"clocks/{seed}")
    mono, wall_minus_mono = 10**15, 7 * 10**17
    clock = EngineClock(wall_minus_mono, 100)
    lane = Lane("clock", None, is_virtual=True)
    alarm = Alarm(lane)
    lane.start(mono + clock.offset)
    for number in range(count):
        step = draw.choice(STEPS_NS) * draw.choice((-1, 1)) + draw.randrange(-1000, 1000)
        wall_minus_mono += step
        clock.take(wall_minus_mono + draw.randrange(-STEP_NS // 2, STEP_NS // 2), 100)
        for _ in range(draw.randrange(1, 60)):
            stamped, then = mono + clock.offset, mono  # a book is received
            pause = draw.choice((BEAT_NS, BEAT_NS, BEAT_NS, 30 * S))  # the host sleeps
            mono += pause
            clock.advance(pause)
            lane.set_offset(clock.offset)
            now = mono + clock.offset
            alarm.set(now + draw.randrange(1, 3 * BEAT_NS))
            lane.take_timers(now)
            # what the gate takes for the age of that book: never much less than it is
            looks, is_old = now - stamped, mono - then
            row.holds(
                looks >= is_old - is_old // 1000 - 1, f"step {number}: {is_old} looks {looks}"
            )
        row.injected += 1
    row.broken += alarm.wrong
    row.holds(not count or alarm.fired > count, "no timer came")
    return row
