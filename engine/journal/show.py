"""`show`: rows of the store for people and programs, numbers given their names and scales."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw

from engine.journal.names import Names, kind_name
from engine.journal.profit import profit
from engine.journal.reading import reading
from engine.journal.store import COLUMNS, row_event
from hotpath.order import EVIDENCE, PENDING, STATUS, spell_id
from hotpath.records import RecordError, Side, as_dict

Answer = dict[str, Any]


def show(state: Path, what: str, limit: int) -> Answer:
    """{what: rows, the latest first}; `positions` is the whole of `profit` too."""
    with reading(state) as db:
        names = Names(state, db)
        if what == "positions":
            found = profit(state, db)
            return {"positions": found["listings"]} | found
        rows = {"orders": orders, "fills": fills, "strands": strands, "events": events}[what]
        return {what: rows(names, db, limit)}


def orders(names: Names, db: apsw.Connection, limit: int) -> list[Answer]:
    sql = (
        "SELECT id, venue, strategy, instrument, side, price, quantity, cumulative, status, "
        "pending, evidence, reason, control, venue_order_id, created, updated "
        "FROM orders ORDER BY last_event DESC LIMIT ?"
    )
    out = []
    for row in db.execute(sql, (limit,)):
        order, venue, strategy, instrument, side, price, quantity, done, *rest = row
        status, pending, evidence, reason, control, venue_id, created, updated = rest
        out.append(
            {
                "order": order,
                "client_order_id": spell_id(int(order, 16)),
                "venue_order_id": venue_id or None,
                "venue": names.source(venue),
                "strategy": names.source(strategy),
                "listing": names.instrument(instrument),
                "side": "sell" if side == Side.SELL else "buy",
                "price": names.price(instrument, price),
                "quantity": names.quantity(instrument, quantity),
                "filled": names.quantity(instrument, done),
                "status": STATUS[status],
                "pending": PENDING[pending],
                "evidence": EVIDENCE[evidence],
                "reason": reason,
                "control": f"R{control:02d}" if control else None,
                "created": created,
                "updated": updated,
            }
        )
    return out


def fills(names: Names, db: apsw.Connection, limit: int) -> list[Answer]:
    sql = (
        "SELECT venue, instrument, trade_id, order_id, side, price, quantity, fee, fee_asset, "
        "maker, time FROM fills ORDER BY event DESC LIMIT ?"
    )
    return [
        {
            "trade_id": trade,
            "order": order,
            "venue": names.source(venue),
            "listing": names.instrument(instrument),
            "side": "sell" if side == Side.SELL else "buy",
            "price": names.price(instrument, price),
            "quantity": names.quantity(instrument, quantity),
            "fee_e8": fee,
            "fee_asset": names.asset(asset),
            "maker": bool(maker),
            "time": time,
        }
        for (
            venue,
            instrument,
            trade,
            order,
            side,
            price,
            quantity,
            fee,
            asset,
            maker,
            time,
        ) in db.execute(sql, (limit,))
    ]


def strands(names: Names, db: apsw.Connection, limit: int) -> list[Answer]:
    sql = "SELECT * FROM strands ORDER BY started DESC, source, position LIMIT ?"
    return [
        {
            "root": f"{names.source(source)}/{position}",
            "started": started,
            "took_ns": ended - started,
            "intents": intents,
            "approved": approved,
            "refused": refused,
            "fills": count,
        }
        for source, position, started, ended, intents, approved, refused, count in db.execute(
            sql, (limit,)
        )
    ]


def events(names: Names, db: apsw.Connection, limit: int) -> list[Answer]:
    sql = f"SELECT {COLUMNS} FROM event ORDER BY id DESC LIMIT ?"
    out = []
    for row in db.execute(sql, (limit,)):
        e = row_event(row)
        h = e.header
        try:
            fields = {k: _plain(v) for k, v in as_dict(e.record).items()}
        except RecordError as error:
            fields = {"unreadable": str(error)}
        out.append(
            {
                "event": e.id,
                "source": names.source(h.source),
                "position": h.position,
                "kind": kind_name(h.kind),
                "time": h.time,
                "cause": f"{names.source(h.cause >> 48)}/{h.cause & ((1 << 48) - 1)}"
                if h.cause
                else None,
                "instrument": names.instrument(h.instrument) if h.instrument else None,
                "fields": fields,
            }
        )
    return out


def _plain(value: Any) -> Any:
    """A field as JSON holds it: whole numbers beyond 64 bits and bytes as text."""
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        return f"{value:032x}"
    if isinstance(value, bytes):
        return value.hex()
    return value
