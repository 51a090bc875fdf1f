"""`check`: is the store whole, do the views follow from it, do the invariants hold?

Reads only. I1 chain and positions, I2 one order a cause and leg and none without its intent, I3
each trade once and positions equal to the trades, I4 legal transitions, I5 nothing approved past
its deadline or after its refusal, I6 no terminal status without evidence, I7 views equal their
rebuild. Where a demo's simulated exchanges left their ledgers, our trades are
compared with those too (I3), once the engine has ended; other venues are compared when reconciled.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import apsw
import msgspec

from engine import ledgers
from engine.journal.reading import DAMAGE, schema_differences
from engine.journal.store import (
    RESTART_JUMP,
    Event,
    apply_schema,
    chain,
    events,
    open_reader,
    raw_of,
)
from engine.journal.views import COMPENSATED, MOVES, OUTCOME, TABLES, Views, spell
from engine.state import is_running
from hotpath.records import EventType, Kind, Op, Side, pack_order_id, unpack_order_id

LIMIT = 100
"""Differences listed; the rest is only counted."""

Difference = dict[str, Any]

# status numbers of hotpath/order.h and the statuses that may follow (reliability.md 5.2)
INTENT, DENIED, PENDING_NEW, NEW, PARTIAL, FILLED, DONE, CANCELED, REJECTED, SUSPENDED, EXPIRED = (
    range(1, 12)
)
LIVE = {PENDING_NEW, NEW, PARTIAL, DONE, SUSPENDED}
TERMINAL = {DENIED, FILLED, CANCELED, REJECTED, EXPIRED}
AFTER: dict[int, set[int]] = {
    0: set(range(1, 12)),
    INTENT: {DENIED, PENDING_NEW},
    DENIED: {PARTIAL, FILLED},  # a fill against the record: disputed
    PENDING_NEW: set(range(2, 12)),
    NEW: {PARTIAL, FILLED, DONE, CANCELED, SUSPENDED, EXPIRED},
    PARTIAL: {NEW, FILLED, DONE, CANCELED, SUSPENDED, EXPIRED},
    DONE: {NEW, PARTIAL, FILLED, CANCELED, EXPIRED, SUSPENDED},
    SUSPENDED: {NEW, PARTIAL, FILLED, DONE, CANCELED, EXPIRED},
    FILLED: {PARTIAL, NEW, CANCELED, EXPIRED},  # only by a bust or a correction
    CANCELED: {PARTIAL, FILLED},  # a fill that came late
    EXPIRED: {PARTIAL, FILLED, CANCELED},
    REJECTED: {NEW, PARTIAL, FILLED, CANCELED},  # an absence or a reject that facts overruled
}
EVIDENCE = {
    EventType.DENIED,
    EventType.REJECT,
    EventType.FILL,
    EventType.CANCELED,
    EventType.REPLACED,
    EventType.EXPIRED,
    EventType.DONE_FOR_DAY,
    EventType.TRADE_BUST,
    EventType.TRADE_CORRECTION,
    EventType.ABSENT,
    EventType.RESOLVED,
    EventType.STATUS,
    EventType.ACK,
    EventType.CANCEL_REJECTED,
    EventType.REPLACE_REJECTED,
}
NO_EVIDENCE = {EventType.UNKNOWN, EventType.CANCEL_REQUESTED, EventType.REPLACE_REQUESTED}


class Differences:
    """What is wrong: the first LIMIT in full, all by number."""

    def __init__(self) -> None:
        self.found: list[Difference] = []
        self.count = 0

    def add(self, invariant: str, what: str, **values: Any) -> None:
        self.count += 1
        if len(self.found) < LIMIT:
            self.found.append({"invariant": invariant, "what": what} | values)


class Chain:
    """I1: every event once, in order, each row's hash following from the one before."""

    def __init__(self, db: apsw.Connection, out: Differences) -> None:
        row = db.execute("SELECT value FROM meta WHERE key = 'genesis'").fetchone()
        self.hash = bytes.fromhex(row[0]) if row else b""
        self.id = 0
        self.positions: dict[int, int] = {}
        self.out = out

    def take(self, e: Event) -> None:
        h = e.header
        if e.id != self.id + 1:
            self.out.add("I1", "rows are missing", after=self.id, next=e.id)
        if chain(self.hash, e.id, e.schema, raw_of(e)) != e.hash:
            self.out.add("I1", "the hash of a row is wrong", event=e.id)
        before = self.positions.get(h.source)
        if before is not None and h.position <= before:
            self.out.add("I1", "positions go back", event=e.id, source=h.source)
        elif before is not None and before + 1 < h.position < before + RESTART_JUMP:
            self.out.add("I1", "positions are missing", event=e.id, source=h.source)
        self.id, self.hash = e.id, e.hash
        self.positions[h.source] = h.position

    def end(self, db: apsw.Connection) -> None:
        cursors = dict(db.execute("SELECT source, position FROM cursor"))
        if cursors != self.positions:
            sources = sorted(cursors.keys() | self.positions.keys())
            for source in sources:
                if cursors.get(source) == self.positions.get(source):
                    continue
                self.out.add(
                    "I1",
                    "a cursor is not where its events end",
                    source=source,
                    cursor=cursors.get(source),
                    last=self.positions.get(source),
                )


class OrderLife:
    """I2 to I6 of the events, one pass; holds one small entry an order and a trade."""

    def __init__(self, instance: int, out: Differences) -> None:
        self.instance = instance
        self.out = out
        self.deadlines: dict[str, int] = {}
        self.status: dict[str, int] = {}
        self.refused: set[str] = set()
        self.placed: dict[tuple[int, int, int], set[int]] = {}
        self.ended: dict[str, bool] = {}
        self.trades: dict[tuple[int, int, int], str] = {}
        self.positions: dict[tuple[int, int], dict[str, Any]] = {}
        self.check: dict[int, Callable[[Event, Any], None]] = {
            Kind.INTENT: self.intent,
            Kind.APPROVED: self.approved,
            Kind.REFUSED: self.refusal,
            Kind.ORDER_EVENT: self.order_event,
            Kind.FILL: self.fill,
        }

    def take(self, e: Event) -> None:
        check = self.check.get(e.header.kind)
        if check is not None:
            check(e, e.record)

    def intent(self, e: Event, r: Any) -> None:
        h = e.header
        made = pack_order_id(self.instance, h.source, h.position, r.leg, r.attempt)
        self.deadlines[spell(made)] = r.deadline
        self.step(spell(made), INTENT, e, None)

    def approved(self, e: Event, r: Any) -> None:
        order = spell(r.id)
        if order not in self.deadlines:
            self.out.add("I2", "approved without an intent", event=e.id, order=order)
        elif self.deadlines[order] and e.header.time > self.deadlines[order]:
            self.out.add("I5", "approved past the intent's deadline", event=e.id, order=order)
        if order in self.refused:
            self.out.add("I5", "approved after it was refused", event=e.id, order=order)
        if r.op in (Op.PLACE, Op.REPLACE):
            _, source, position, leg, attempt = unpack_order_id(r.id)
            attempts = self.placed.setdefault((source, position, leg), set())
            if attempt in attempts:
                self.out.add("I2", "placed twice", event=e.id, order=order)
            elif attempts and not self.ended.get(self.sibling(r.id, max(attempts)), False):
                self.out.add("I2", "a next attempt before the last was absent", order=order)
            attempts.add(attempt)
            self.step(order, PENDING_NEW, e, None)

    def sibling(self, order_id: int, attempt: int) -> str:
        return spell(order_id >> 16 << 16 | attempt)

    def refusal(self, e: Event, r: Any) -> None:
        if r.op in (Op.PLACE, Op.REPLACE):
            self.refused.add(spell(r.id))
            if self.status.get(spell(r.id), 0) in (0, INTENT):
                self.step(spell(r.id), DENIED, e, EventType.DENIED)

    def order_event(self, e: Event, r: Any) -> None:
        if not r.id or r.effect & OUTCOME not in (0, 1) or not r.status:
            return
        order = spell(r.id)
        if r.type in (EventType.ABSENT, EventType.REJECT, EventType.DENIED):
            self.ended[order] = True
        self.step(order, r.status, e, r.type)

    def step(self, order: str, status: int, e: Event, why: int | None) -> None:
        before = self.status.get(order, 0)
        if status != before:
            if status not in AFTER.get(before, set()):
                self.out.add(
                    "I4",
                    "a step no order may take",
                    event=e.id,
                    order=order,
                    was=before,
                    now=status,
                )
            if status in TERMINAL and why in NO_EVIDENCE:
                self.out.add("I6", "terminal without evidence", event=e.id, order=order, now=status)
        self.status[order] = status

    def fill(self, e: Event, r: Any) -> None:
        order = spell(r.id)
        if r.id >> 88 == self.instance and order not in self.status:
            self.out.add("I2", "a fill of an order without an intent", event=e.id, order=order)
        if r.status:
            self.step(order, r.status, e, EventType.FILL)
        if not r.effect & MOVES or r.effect & COMPENSATED:
            return
        trade = (r.venue, e.header.instrument, r.trade_id)
        if trade in self.trades:
            self.out.add("I3", "a trade was counted twice", event=e.id, trade=str(r.trade_id))
        self.trades[trade] = order


def positions_from_fills(db: apsw.Connection, out: Differences) -> None:
    """I3: signed positions, summed anew from the fills that stand, equal the view's."""
    sums: dict[tuple[int, int], list[int]] = {}
    orders: dict[str, int] = {}
    sql = "SELECT venue, instrument, side, quantity, order_id FROM fills"
    for venue, instrument, side, quantity, order in db.execute(sql):
        total = sums.setdefault((venue, instrument), [0, 0])
        total[0 if side == Side.BUY else 1] += quantity
        orders[order] = orders.get(order, 0) + quantity
    sql = "SELECT venue, instrument, quantity, bought, sold FROM positions"
    for venue, instrument, quantity, bought, sold in db.execute(sql):
        b, s = sums.pop((venue, instrument), [0, 0])
        if (int(bought), int(sold)) != (b, s):
            out.add("I3", "bought and sold are not the fills'", venue=venue, instrument=instrument)
        if int(quantity) != int(bought) - int(sold):
            out.add("I3", "a position is not its fills", venue=venue, instrument=instrument)
    for venue, instrument in sums:
        out.add("I3", "fills without a position", venue=venue, instrument=instrument)
    for order, cumulative in db.execute("SELECT id, cumulative FROM orders"):
        if cumulative != orders.get(order, 0):
            out.add("I3", "an order's cumulative quantity is not its fills'", order=order)


def rebuild(db: apsw.Connection) -> apsw.Connection:
    """The views made anew from the events of `db`, in a database in memory."""
    fresh = apsw.Connection(":memory:")
    apply_schema(fresh, 0)
    row = db.execute("SELECT value FROM meta WHERE key = 'instance'").fetchone()
    views = Views(fresh, int(row[0]) if row else 0, db)
    for n, event in enumerate(events(db)):
        views.apply(event)
        if n % 10_000 == 9_999:
            views.flush()
    views.flush()
    return fresh


def rows_of(db: apsw.Connection, table: str) -> Iterator[tuple[Any, ...]]:
    keys = ", ".join(TABLES[table])
    return iter(db.execute(f"SELECT * FROM {table} ORDER BY {keys}"))


def snapshot_hash(db: apsw.Connection) -> str:
    """sha256 over every row of every view, in the order of their keys."""
    digest = sha256()
    for table in TABLES:
        digest.update(table.encode())
        for row in rows_of(db, table):
            digest.update(msgspec.json.encode(row))
    return digest.hexdigest()


def views_equal_rebuild(db: apsw.Connection, out: Differences) -> tuple[str, str]:
    """I7. Returns both snapshot hashes."""
    fresh = rebuild(db)
    stored_hash, rebuilt_hash = snapshot_hash(db), snapshot_hash(fresh)
    if stored_hash != rebuilt_hash:
        for table in TABLES:
            width = len(TABLES[table])
            names = [n for (n,) in db.execute("SELECT name FROM pragma_table_info(?)", (table,))]
            at = [names.index(k) for k in TABLES[table]]
            stored = {tuple(r[i] for i in at): r for r in rows_of(db, table)}
            rebuilt = {tuple(r[i] for i in at): r for r in rows_of(fresh, table)}
            for key in sorted(stored.keys() | rebuilt.keys(), key=repr):
                a, b = stored.get(key), rebuilt.get(key)
                if a != b:
                    fields = [n for n, x, y in zip(names, a or (), b or (), strict=False) if x != y]
                    out.add(
                        "I7",
                        "a view is not what its events give",
                        table=table,
                        key=[str(k) for k in key[:width]],
                        fields=fields or ["stored" if a else "rebuilt"],
                    )
    return stored_hash, rebuilt_hash


def exchange_differences(state: Path, db: apsw.Connection) -> list[dict[str, Any]]:
    """Against the ledgers of the simulated exchanges that a demo keeps beside its state."""
    from engine.demo_world import ACCOUNT, EXCHANGES
    from engine.journal.names import Names

    found: list[dict[str, Any]] = []
    for name in EXCHANGES:
        path = state / "exchanges" / f"{name}.ledger.jsonl"
        if path.is_file():
            ours = ledgers.journal_trades(db, Names(state, db), name)
            theirs = ledgers.ledger_trades(path, ACCOUNT)
            found += [{"venue": name, **d} for d in ledgers.differences(ours, theirs)]
    return found


def check(state: Path) -> dict[str, Any]:
    """{ok, events, differences, ...} of a state directory's journal; reads only."""
    db = open_reader(state)
    out = Differences()
    db.execute("BEGIN")  # one snapshot, whatever a live journal writes meanwhile
    count, stored, rebuilt = 0, "", ""
    damage: list[str] = []
    try:
        damage = [str(r) for (r,) in db.execute("PRAGMA integrity_check(5)") if r != "ok"]
        for text in damage:
            out.add("I1", "the database file is damaged", detail=text)
        for text in schema_differences(db):
            out.add("I1", "the database's schema was changed", detail=text)
        row = db.execute("SELECT value FROM meta WHERE key = 'instance'").fetchone()
        links, life = Chain(db, out), OrderLife(int(row[0]) if row else 0, out)
        for event in events(db):
            count += 1
            try:
                links.take(event)
                life.take(event)
            except DAMAGE as e:
                out.add("I1", "a payload is not one of its kind", event=event.id, detail=str(e))
        links.end(db)
        positions_from_fills(db, out)
        stored, rebuilt = views_equal_rebuild(db, out)
        if not damage and not is_running(state):
            for difference in exchange_differences(state, db):
                out.add("I3", "our trades and the exchange's ledger differ", **difference)
    except DAMAGE as e:
        out.add("I1", "the store cannot be read to its end", detail=f"{type(e).__name__}: {e}")
    finally:
        with contextlib.suppress(apsw.Error):
            db.close()
    return {
        "ok": out.count == 0,
        "events": count,
        "differences": out.found,
        "difference_count": out.count,
        "snapshot": stored,
        "rebuilt": rebuilt,
    }
