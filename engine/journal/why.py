"""`why`: the causal chain of one order, from the inputs of its decision to its fills."""

from __future__ import annotations

import string
from decimal import Decimal
from pathlib import Path
from typing import Any

import apsw

from engine.decimals import plain
from engine.errors import TiercelError
from engine.journal.names import Names, kind_name
from engine.journal.reading import reading
from engine.journal.store import Event, caused_by, event_at, events_of
from engine.journal.views import spell
from hotpath.order import EFFECTS, EVENTS, EVIDENCE, PENDING, STATUS, read_id, spell_id
from hotpath.records import Kind, Op, OrderType, Side, TimeInForce, pack_order_id, unpack_order_id

CANCEL_ONLY = (21, 2)
"""Control and value of a refusal while only cancels may leave (engine/cancel_only.py)."""
SHOWN_DIGITS = 12
"""Of an order's 32, the last ones are what the screen has room for."""
DEEPEST = 20
"""Orders that caused this one, one through the other; more is a loop."""


class OrderNotFound(TiercelError):
    code = "TCL-3030"
    what = "No order {order} is in the journal"
    why = "It is neither a client order id nor a venue's order id of {state}"
    do = "List the orders with `tiercel journal show --orders --state {state}`"
    exit_code = 1


def find_orders(state: Path, db: apsw.Connection, text: str) -> list[str]:
    """The 32 digits of the orders that a name may mean, the newest first.

    A name is a client id (base-62 or hex), the hex's last digits as the screen shows them, or a
    venue's id; two venues may have given one number to two orders.
    """
    spelled = []
    if len(text) == 32 and set(text) <= set(string.hexdigits):
        spelled.append(text.lower())
    read = read_id(text)
    if read:
        spelled.append(spell(read))
    for order in spelled:
        if db.execute("SELECT 1 FROM orders WHERE id = ?", (order,)).fetchone():
            return [order]
    if not text:  # an order that no venue has numbered has none
        raise OrderNotFound(order=text, state=state)
    sql = "SELECT id FROM orders WHERE {} ORDER BY last_event DESC"
    found = db.execute(sql.format("venue_order_id = ?"), (text,)).fetchall()
    if not found and len(text) == SHOWN_DIGITS and set(text) <= set(string.hexdigits):
        found = db.execute(sql.format("id LIKE ?"), (f"%{text}",)).fetchall()
    if not found:
        raise OrderNotFound(order=text, state=state)
    return [str(row[0]) for row in found]


def why(state: Path, text: str) -> dict[str, Any]:
    """{order, venue_order_id, status, inputs, caused_by, steps, led_to, also}; times in ns.

    Each step says when (engine time, UTC ns), how long after the step before, and what. `also`
    are the client ids of older orders of the same name.
    """
    with reading(state) as db:
        db.execute("BEGIN")
        order, *others = find_orders(state, db, text)
        also = [spell_id(int(other, 16)) for other in others]
        return Teller(db, Names(state, db)).tell(order) | {"also": also}


class Teller:
    def __init__(self, db: apsw.Connection, names: Names) -> None:
        self.db, self.names = db, names

    def tell(self, order: str) -> dict[str, Any]:
        columns = "venue, instrument, status, evidence, venue_order_id, cumulative, quantity"
        row = self.db.execute(f"SELECT {columns} FROM orders WHERE id = ?", (order,)).fetchone()
        assert row is not None
        venue, instrument, status, evidence, venue_id, cumulative, quantity = row
        found = events_of(self.db, order)
        intent = self.intent_of(order)
        if intent is not None and all(e.id != intent.id for e in found):
            found.insert(0, intent)
        return {
            "order": order,
            "client_order_id": spell_id(int(order, 16)),
            "venue_order_id": venue_id or None,
            "venue": self.names.source(venue),
            "listing": self.names.instrument(instrument),
            "status": STATUS[status],
            "evidence": EVIDENCE[evidence],
            "filled": self.names.quantity(instrument, cumulative),
            "quantity": self.names.quantity(instrument, quantity),
            "caused_by": self.causes(intent),
            "inputs": self.inputs(intent) if intent is not None else None,
            "steps": self.steps(found),
            "led_to": self.led_to(found),
        }

    def intent_of(self, order: str) -> Event | None:
        _, source, position, _, _ = unpack_order_id(int(order, 16))
        found = event_at(self.db, source, position)
        return found if found is not None and found.header.kind == Kind.INTENT else None

    def inputs(self, e: Event) -> dict[str, Any]:
        """What the decision saw: the intent carries it, so no market record is needed."""
        r, instrument = e.record, e.header.instrument
        price = self.names.price
        return {
            "feed": self.names.source(r.feed),
            "epoch": r.feed_epoch,
            "update_id": r.feed_update_id,
            "bid": price(instrument, r.feed_bid),
            "ask": price(instrument, r.feed_ask),
            "expected_price": price(instrument, r.expected_price),
            "edge": r.edge,
            "strategy": self.names.source(r.strategy),
            "rule": r.rule,
            "record": {
                "source": self.names.source(e.header.cause >> 48),
                "position": e.header.cause & ((1 << 48) - 1),
            },
        }

    def causes(self, intent: Event | None) -> list[dict[str, Any]]:
        """The orders and commands before this one, the nearest first."""
        out: list[dict[str, Any]] = []
        while intent is not None and intent.header.cause and len(out) < DEEPEST:
            source, position = intent.header.cause >> 48, intent.header.cause & ((1 << 48) - 1)
            before = event_at(self.db, source, position)
            if before is None:
                break
            out.append(self.step(before))
            made = getattr(before.record, "id", 0)
            intent = self.intent_of(spell(made)) if made else None
        return out

    def led_to(self, found: list[Event]) -> list[dict[str, Any]]:
        """Intents that name an event of this order as their cause (a hedge, a next attempt)."""
        out = []
        for e in found:
            for after in caused_by(self.db, e.header.source, e.header.position):
                if after.header.kind == Kind.INTENT and e.header.kind != Kind.INTENT:
                    out.append(self.step(after))
        return out

    def steps(self, found: list[Event]) -> list[dict[str, Any]]:
        """Events and the stamps in them, by time; each with the time since the one before."""
        steps: list[dict[str, Any]] = []
        for e in found:
            r = e.record
            stamps = {
                "stamp_in_hand": "frame in hand",
                "stamp_decided": "decided",
                "stamp_approved": "approved",
                "stamp_received": "answer received",
            }
            for field, what in stamps.items():
                at = getattr(r, field, 0)
                if at:
                    steps.append({"at": at, "what": what, "event": e.id})
            steps.append(self.step(e))
        steps.sort(key=lambda s: (s["at"], s["event"]))
        before = None
        for s in steps:
            s["after_ns"] = 0 if before is None else s["at"] - before
            before = s["at"]
        return steps

    def step(self, e: Event) -> dict[str, Any]:
        h = e.header
        r = e.record  # its own stamp where it has one: the header's time is the turn's
        made = getattr(r, "stamp_decided", 0) or getattr(r, "stamp_approved", 0)
        return {
            "at": max(h.time, made),
            "event": e.id,
            "source": self.names.source(h.source),
            "position": h.position,
            "kind": kind_name(h.kind),
            "what": self.sentence(e),
        } | ({"order": self.order_of(e)} if self.order_of(e) else {})

    def order_of(self, e: Event) -> str:
        r = e.record
        if e.header.kind == Kind.INTENT and r.op in (Op.PLACE, Op.REPLACE):
            row = self.db.execute("SELECT value FROM meta WHERE key = 'instance'").fetchone()
            h, instance = e.header, int(row[0]) if row else 0
            return spell(pack_order_id(instance, h.source, h.position, r.leg, r.attempt))
        return spell(getattr(r, "id", 0))

    def sentence(self, e: Event) -> str:
        r, i, n = e.record, e.header.instrument, self.names
        if e.header.kind == Kind.INTENT:
            if r.op not in (Op.PLACE, Op.REPLACE):
                return f"intent: {_enum(Op, r.op)}"
            how = f"{_enum(OrderType, r.type)} {_enum(TimeInForce, r.time_in_force)}"
            return (
                f"intent: {_enum(Op, r.op)} {_enum(Side, r.side)} {n.quantity(i, r.quantity)} at "
                f"{n.price(i, r.price)} {how}, for {n.source(r.venue)}, leg {r.leg} of {r.legs}"
            )
        if e.header.kind == Kind.APPROVED:
            return f"approved by the gate: {_enum(Op, r.op)}, limits of version {r.limit_version}"
        if e.header.kind == Kind.REFUSED and (r.control, r.value) == CANCEL_ONLY:
            return "refused by R21: cancel only, the journal could not keep what comes of it"
        if e.header.kind == Kind.REFUSED:
            return f"refused by R{r.control:02d}: {r.value} against a limit of {r.limit}"
        if e.header.kind == Kind.ORDER_EVENT:
            effects = [name for bit, name in EFFECTS.items() if bit > 15 and r.effect & bit]
            extra = f" ({', '.join(effects)})" if effects else ""
            pending = f", pending {PENDING[r.pending]}" if r.pending else ""
            reason = f", reason {r.reason}" if r.reason else ""
            known = f", {EVIDENCE[r.evidence]}" if r.evidence else ""
            return f"{EVENTS[r.type]}: now {STATUS[r.status]}{pending}{known}{reason}{extra}"
        if e.header.kind == Kind.FILL:
            role = "maker" if r.maker else "taker"
            fee = plain(Decimal(r.fee).scaleb(-8))
            return (
                f"fill {r.trade_id}: {_enum(Side, r.side)} {n.quantity(i, r.quantity)} at "
                f"{n.price(i, r.price)} as {role}, fee {fee} {n.asset(r.fee_asset)}, "
                f"now {STATUS[r.status]}"
            )
        if e.header.kind == Kind.COMMAND:
            return f"command: {r.document}"
        return kind_name(e.header.kind)


def _enum(kind: Any, value: int) -> str:
    try:
        return str(kind(value).name.lower().replace("_", " "))
    except ValueError:
        return str(value)
