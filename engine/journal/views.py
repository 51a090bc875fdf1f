"""Projections: orders, fills, positions, fees, balances and strands, from the events alone.

The same code runs live, event by event, and in a rebuild over the whole store; nothing but the
events and their order may matter, so that both give the same rows to the byte.

Positions are signed (FIX position keeping, netting): a trade on the same side adds to the cost of
the open part; one on the other side closes min(|q|, |d|) of it and realises the difference, and
what is left opens on the other side. Everything is in whole ticks times lots: the closed part takes
floor(cost * closed / |q|) of the cost, so that realised + quantity * mark - cost equals the cash
flow + quantity * mark exactly, whatever the order of the trades.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import apsw
import msgspec

from engine.journal.rows import Row, Rows
from engine.journal.store import Event, event_at
from hotpath.records import EventType, Flag, Kind, Op, Side, pack_order_id, unpack_order_id

TABLES: dict[str, tuple[str, ...]] = {
    "orders": ("id",),
    "order_events": ("order_id", "event"),
    "fills": ("venue", "instrument", "trade_id"),
    "positions": ("venue", "instrument"),
    "fees": ("venue", "instrument", "asset"),
    "balances": ("venue", "asset"),
    "strands": ("source", "position"),
    "listings": ("instrument",),
}
# hotpath/order.h: enum tc_status and enum tc_effect
INTENT, DENIED, PENDING_NEW, FILLED, CANCELED, REJECTED = 1, 2, 3, 6, 8, 9
APPLIED, OUTCOME, MOVES, COMPENSATED = 1, 15, 16, 2048
MASK64 = (1 << 64) - 1


def spell(order_id: int) -> str:
    """An order id as its 32 hexadecimal digits, "" for none."""
    return f"{order_id:032x}" if order_id else ""


def move(row: Row, delta: int, price: int) -> None:
    """A trade of `delta` lots (negative: sold) at `price` ticks, into a position's row (F-12)."""
    quantity, cost, realised = int(row["quantity"]), int(row["cost"]), int(row["realised"])
    if quantity * delta < 0:
        closed = min(abs(quantity), abs(delta))
        part = cost * closed // abs(quantity)
        side = 1 if quantity > 0 else -1
        realised += side * closed * price - part
        cost -= part
        left = delta + side * closed
        cost += left * price
    else:
        cost += delta * price
    quantity += delta
    row["quantity"], row["cost"], row["realised"] = str(quantity), str(cost), str(realised)


def take_back(row: Row, delta: int, price: int) -> None:
    """Undo a trade of `delta` lots at `price`: a bust, a correction, a guess that was replaced.

    Where it only added to the open part, quantity and cost go back exactly; else (it had closed
    something, or trades after it did) the opposite trade is booked: cash and position are right.
    """
    quantity, cost = int(row["quantity"]), int(row["cost"])
    if quantity * delta <= 0 or abs(quantity) < abs(delta):
        move(row, -delta, price)
        return
    quantity, cost = quantity - delta, cost - delta * price
    if not quantity:
        row["realised"], cost = str(int(row["realised"]) - cost), 0
    row["quantity"], row["cost"] = str(quantity), str(cost)


class Views:
    """All projections over one database."""

    def __init__(self, db: apsw.Connection, instance: int, store: apsw.Connection) -> None:
        self.instance = instance
        self.store = store
        self.tables = {name: Rows(db, name, key) for name, key in TABLES.items()}
        self._by_kind: dict[int, Callable[[Event, Any], None]] = {
            Kind.INTENT: self._intent,
            Kind.APPROVED: self._approved,
            Kind.ORDER_EVENT: self._order_event,
            Kind.FILL: self._fill,
            Kind.REFUSED: self._refused,
            Kind.BALANCE: self._balance,
            Kind.DOCUMENT: self._document,
        }

    def apply(self, event: Event) -> None:
        """Bring every view up to an event; the events before it are in the store."""
        project = self._by_kind.get(event.header.kind)
        if project is not None:
            project(event, event.record)

    def flush(self) -> None:
        for table in self.tables.values():
            table.flush()

    # ---- orders

    def _order(self, order_id: int, event: Event, venue: int, strategy: int) -> Row:
        """The row of an order; a new one says only what its id says."""
        table = self.tables["orders"]
        row = table.get(spell(order_id))
        if row is not None:
            table.touch(row)
            return row
        _, source, position, _, _ = unpack_order_id(order_id)
        return table.put(
            dict.fromkeys(table.columns, 0)
            | {
                "id": spell(order_id),
                "venue": venue,
                "strategy": strategy,
                "instrument": event.header.instrument,
                "cost": "0",
                "venue_order_id": "",
                "guess_trade": "",
                "target": "",
                "successor": "",
                "intent_source": source,
                "intent_position": position,
                "strand_source": source,
                "strand_position": position,
                "created": event.header.time,
            }
        )

    def _tell(self, order: str, event: Event) -> None:
        self.tables["order_events"].put({"order_id": order, "event": event.id})

    def _stamp(self, row: Row, event: Event) -> None:
        self._tell(row["id"], event)
        row["updated"] = event.header.time
        row["last_event"] = event.id

    def _intent(self, event: Event, r: Any) -> None:
        h = event.header
        root = self._root(event)
        strand = self._strand(root, event)
        strand["intents"] += 1
        if r.op not in (Op.PLACE, Op.REPLACE):
            if r.target:
                self._tell(spell(r.target), event)
            return
        made = pack_order_id(self.instance, h.source, h.position, r.leg, r.attempt)
        row = self._order(made, event, r.venue, r.strategy)
        row |= {
            "op": r.op,
            "side": r.side,
            "type": r.type,
            "time_in_force": r.time_in_force,
            "price": r.price,
            "quantity": r.quantity,
            "target": spell(r.target),
            "status": INTENT,
            "strand_source": root[0],
            "strand_position": root[1],
        }
        self._stamp(row, event)

    def _approved(self, event: Event, r: Any) -> None:
        if r.op in (Op.PLACE, Op.REPLACE):
            row = self._order(r.id, event, r.venue, r.strategy)
            row |= {
                "op": r.op,
                "side": r.side,
                "type": r.type,
                "time_in_force": r.time_in_force,
                "price": r.price,
                "quantity": r.quantity,
                "target": spell(r.target),
                "approved": event.header.time,
            }
            if row["status"] in (0, INTENT):
                row["status"] = PENDING_NEW
            self._stamp(row, event)
        self._strand(self._root_of_order(r.id), event)["approved"] += 1

    def _refused(self, event: Event, r: Any) -> None:
        if r.op in (Op.PLACE, Op.REPLACE):
            row = self._order(r.id, event, r.venue, r.strategy)
            row["control"] = r.control
            if row["status"] in (0, INTENT):
                row["status"] = DENIED
            self._stamp(row, event)
        self._strand(self._root_of_order(r.id), event)["refused"] += 1

    def _order_event(self, event: Event, r: Any) -> None:
        if not r.id:
            return
        row = self._order(r.id, event, r.venue, r.strategy)
        if r.effect & OUTCOME in (0, APPLIED):
            if r.status and not row["successor"]:
                row["status"] = r.status
            row["pending"], row["evidence"] = r.pending, r.evidence
            refused = r.type in (EventType.REJECT, EventType.REPLACE_REJECTED) and r.successor
            if refused:
                self._not_replaced(r.successor, r.reason, event)
            elif r.reason:
                row["reason"] = r.reason
            if r.type == EventType.REPLACED and r.successor not in (0, r.id):
                row["successor"] = spell(r.successor)
        if r.venue_order_id and not row["venue_order_id"]:
            row["venue_order_id"] = str(r.venue_order_id)
        self._stamp(row, event)
        self._replaced(row)

    def _replaced(self, row: Row) -> None:
        """An order that the venue has shown took the place of its target: that one is finished."""
        if not row["target"] or row["status"] in (0, INTENT, DENIED, PENDING_NEW, REJECTED):
            return
        old = self.tables["orders"].get(row["target"])
        if old is None or old["successor"]:
            return
        old |= {"successor": row["id"], "pending": 0, "evidence": 0}
        self._finish_replaced(old)

    def _finish_replaced(self, old: Row) -> None:
        whole = old["cumulative"] >= old["quantity"] > 0
        old["status"] = FILLED if whole else CANCELED
        self.tables["orders"].touch(old)

    def _not_replaced(self, order_id: int, reason: int, event: Event) -> None:
        """The order that was to take another's place never came to be; the other one lives."""
        row = self.tables["orders"].get(spell(order_id))
        if row is not None and row["status"] in (INTENT, PENDING_NEW):
            row |= {"status": REJECTED, "reason": reason}
            self._stamp(row, event)
            self.tables["orders"].touch(row)

    # ---- fills and what follows from them

    def _fill(self, event: Event, r: Any) -> None:
        guess = int(bool(event.header.flags & Flag.GUESS))
        row = self._order(r.id, event, r.venue, r.strategy)
        if r.status and not row["successor"]:
            row["status"], row["evidence"] = r.status, r.evidence
        if r.venue_order_id and not row["venue_order_id"]:
            row["venue_order_id"] = str(r.venue_order_id)
        self._stamp(row, event)
        self._replaced(row)
        table = self.tables["fills"]
        known = table.get(r.venue, event.header.instrument, str(r.trade_id))
        if known is not None:
            known["seen"] += 1
            table.touch(known)
        if not r.effect & MOVES or (known is not None and not r.effect & COMPENSATED):
            return
        if known is not None:  # busted or corrected: what was counted goes back first
            self._count(row, known, -1, event)
        elif r.effect & COMPENSATED and row["guess_trade"]:
            guessed = table.get(r.venue, event.header.instrument, row["guess_trade"])
            if guessed is not None:  # the real trade takes the place of what was booked
                back = min(guessed["quantity"], r.quantity)
                self._count(row, guessed | {"quantity": back}, -1, event)
                guessed["quantity"] -= back
                table.touch(guessed)
        now = {
            "venue": r.venue,
            "instrument": event.header.instrument,
            "trade_id": str(r.trade_id),
            "order_id": spell(r.id),
            "strategy": r.strategy,
            "side": r.side,
            "price": r.price,
            "quantity": r.quantity,
            "fee": r.fee,
            "fee_asset": r.fee_asset,
            "maker": r.maker,
            "guess": guess,
            "time": event.header.time,
            "venue_time": r.venue_time,
            "seen": known["seen"] if known is not None else 1,
            "event": event.id,
        }
        table.put(now)
        if guess:
            row["guess_trade"] = str(r.trade_id)
        self._count(row, now, 1, event)
        if known is None:
            row["fills"] += 1
            self._strand((row["strand_source"], row["strand_position"]), event)["fills"] += 1

    def _count(self, order: Row, fill: Row, sign: int, event: Event) -> None:
        """Add a fill to its order, position and fees (sign 1), or take it back (-1)."""
        quantity, price = sign * fill["quantity"], fill["price"]
        order["cumulative"] += quantity
        order["cost"] = str(int(order["cost"]) + quantity * price)
        if order["successor"]:
            self._finish_replaced(order)
        table = self.tables["positions"]
        row = table.get(fill["venue"], fill["instrument"])
        if row is None:
            row = table.put(
                dict.fromkeys(table.columns, "0")
                | {"venue": fill["venue"], "instrument": fill["instrument"], "mark": 0, "fills": 0}
            )
        buys = fill["side"] == Side.BUY
        delta = fill["quantity"] if buys else -fill["quantity"]
        (move if sign > 0 else take_back)(row, delta, price)
        total = "bought" if buys else "sold"
        row[total] = str(int(row[total]) + quantity)
        if sign > 0:
            row["mark"] = price
        row["fills"] += sign
        row["updated"] = event.header.time
        table.touch(row)
        if fill["fee"]:
            fees = self.tables["fees"]
            key = (fill["venue"], fill["instrument"], fill["fee_asset"])
            paid = fees.get(*key)
            if paid is None:
                paid = fees.put(dict(zip(fees.columns, (*key, "0"), strict=True)))
            paid["amount"] = str(int(paid["amount"]) + sign * fill["fee"])
            fees.touch(paid)

    def _balance(self, event: Event, r: Any) -> None:
        self.tables["balances"].put(
            {
                "venue": r.venue,
                "asset": r.asset,
                "free": str((r.free_hi << 64) + r.free_lo),
                "locked": str((r.locked_hi << 64) + r.locked_lo),
                "updated": event.header.time,
            }
        )

    def _document(self, event: Event, r: Any) -> None:
        """The journal's own documents: listings, so that the store explains its own numbers."""
        d = r.document
        if not isinstance(d, dict) or d.get("journal") != "listing":
            return
        if isinstance(d.get("listing"), dict):
            text = msgspec.json.encode(d["listing"], order="sorted").decode()
            self.tables["listings"].put({"instrument": event.header.instrument, "document": text})

    # ---- strands

    def _strand(self, root: tuple[int, int], event: Event) -> Row:
        table = self.tables["strands"]
        row = table.get(*root)
        if row is None:
            row = table.put(
                dict.fromkeys(table.columns, 0)
                | {"source": root[0], "position": root[1], "started": event.header.time}
            )
        row["ended"] = max(row["ended"], event.header.time)
        table.touch(row)
        return row

    def _root(self, event: Event) -> tuple[int, int]:
        """The root of an intent: its cause, or its cause's order's root (a hedge of a fill).

        A cause that was stored later counts as not stored: a rebuild finds what was found live.
        """
        h = event.header
        if not h.cause:
            return h.source, h.position
        source, position = h.cause >> 48, h.cause & ((1 << 48) - 1)
        before = event_at(self.store, source, position)
        if before is None or before.id >= event.id:
            return source, position
        if before.header.kind in (Kind.FILL, Kind.ORDER_EVENT, Kind.APPROVED, Kind.REFUSED):
            found = before.record.id
            if found:
                return self._root_of_order(found)
        return source, position

    def _root_of_order(self, order_id: int) -> tuple[int, int]:
        row = self.tables["orders"].get(spell(order_id))
        if row is not None:
            return row["strand_source"], row["strand_position"]
        _, source, position, _, _ = unpack_order_id(order_id)
        return source, position
