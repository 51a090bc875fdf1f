"""What venues and strategies did in earlier lives, read back before the lane starts.

A venue gets the records it wrote, so that it knows its orders; a strategy gets what they came to,
so that it can go on with a group that its death has cut in half.

The journal holds it, once it has taken what the outbox still had: a lane that starts beside a
living journal waits for that, and one that starts after the whole engine died finds it drained.
The records reach the venue as inputs of its lane, so that a replay meets them too.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from engine.errors import TiercelError
from hotpath.records import Document, Header, Kind, join, pack, unpack

if TYPE_CHECKING:
    import apsw

    from hotpath.ring import Outbox

KINDS = (Kind.APPROVED, Kind.ORDER_EVENT, Kind.FILL)
LIMIT = 50_000
"""At most so many of the newest records: ten thousand orders' lives and their trades. What is
older comes as totals, and records of orders that may still trade come whatever their age."""
REMNANTS, TRADES = 4096, 16_384
"""Of so many orders that traded in part, the newest, what they traded is told with the totals; and
so many of their trades."""
IN_PART = (
    "SELECT id, cumulative, cost, status FROM orders WHERE venue = ? AND cumulative > 0"
    " AND cumulative != quantity ORDER BY last_event DESC LIMIT ?"
)
THEIR_TRADES = (
    "SELECT f.instrument, CAST(f.trade_id AS INTEGER), f.price, f.quantity"
    f" FROM ({IN_PART}) o CROSS JOIN fills f INDEXED BY fills_order ON f.order_id = o.id"
    " WHERE f.venue = ? AND f.guess = 0 ORDER BY f.event DESC LIMIT ?"
)
LIVE = "(status IN (3, 4, 5, 7, 10) OR (evidence = 1 AND approved > 0))"
GUESSED = (
    "guess_trade IN (SELECT trade_id FROM fills"
    " WHERE guess = 1 AND quantity > 0 AND order_id = orders.id)"
)
PATIENCE_S = 5.0
STEP_S = 0.01


class HistoryNotStored(TiercelError):
    """A venue cannot know its own orders yet."""

    code: ClassVar[str] = "TCL-2091"
    what = "The journal has not taken what {actor} wrote before it died"
    why = "It is at record {stored} of {written} after {seconds} s"
    do = "See why the journal's lane does not run; the venue starts again by itself"


def of_venue(state: Path, outbox: Outbox, first: int, actor: str) -> list[bytes]:
    """The newest records of a venue about orders, oldest first, then what all its trades come to.

    Before them stand those of older orders that may still trade. Empty where no journal is.
    `first` is the position of the first record of this outbox: below it nothing is waited for.
    Raises HistoryNotStored when the journal does not catch up with the outbox.
    """
    from engine.journal import store
    from engine.journal.conditions import NoJournal

    try:
        db = store.open_reader(state)
    except NoJournal:
        return []
    try:
        if outbox.position >= first:
            wait_for(db, outbox.source, outbox.position, actor)
        marks = ", ".join("?" * len(KINDS))
        sql = (
            f"SELECT {store.COLUMNS} FROM event WHERE source = ? AND kind IN ({marks}) "
            "ORDER BY position DESC LIMIT ?"
        )
        db.execute("BEGIN")  # one view of records and totals
        rows = db.execute(sql, (outbox.source, *map(int, KINDS), LIMIT)).fetchall()[::-1]
        document = totals(db, outbox.source, int(str(rows[0][0]))) if rows else None
        if len(rows) == LIMIT:
            rows = older(db, outbox.source, int(str(rows[0][2]))) + rows
    finally:
        db.close()
    found = [store.raw_of(store.row_event(row)) for row in rows]
    if document is not None:
        header = Header(0, Kind.DOCUMENT, outbox.source, outbox.position, 0, 0, 0, 0)
        found.append(join(header, pack(Document(document=document))))
    return found


def older(db: apsw.Connection, venue: int, before: int) -> list[Any]:
    """Rows below a position that speak of a venue's unfinished orders, oldest first.

    Unfinished: it may still trade, is disputed, or has a guess in the place of a trade. With an
    order that replaced others come those.
    """
    from engine.journal import store

    columns = ", ".join("e." + c.strip() for c in store.COLUMNS.split(","))
    marks = ", ".join("?" * len(KINDS))
    sql = (
        "WITH RECURSIVE chain(id) AS ("
        f" SELECT id FROM orders WHERE venue = ? AND ({LIVE} OR evidence = 2 OR {GUESSED})"
        " UNION SELECT o.target FROM chain CROSS JOIN orders o ON o.id = chain.id"
        " WHERE o.target != '')"
        f" SELECT DISTINCT {columns} FROM chain CROSS JOIN order_events x ON x.order_id = chain.id"
        " CROSS JOIN event e ON e.id = x.event"  # in this order: few orders of many events
        f" WHERE e.source = ? AND e.position < ? AND e.kind IN ({marks}) ORDER BY e.position"
    )
    return db.execute(sql, (venue, venue, before, *map(int, KINDS))).fetchall()


def totals(db: apsw.Connection, venue: int, first: int) -> dict[str, Any]:
    """{positions: [[instrument, lots, last price]], costs: [[strategy, instrument, ticks times
    lots]], last_fill: time}, bought minus sold, of all trades a venue ever told.

    `through`: [[instrument, the highest number of a trade told before the event `first`]], as what
    is older is not read back. `remnants`: [[order, lots, ticks times lots, status]], what orders
    traded that did not fill, so that what comes late is added to it; `trades` are theirs:
    [[instrument, number, price, lots]].
    """
    positions = db.execute(
        "SELECT instrument, quantity, mark FROM positions WHERE venue = ? ORDER BY instrument",
        (venue,),
    )
    costs = db.execute(
        "SELECT strategy, instrument, sum(price * quantity * (CASE side WHEN 1 THEN 1 ELSE -1 END))"
        " FROM fills WHERE venue = ? GROUP BY strategy, instrument ORDER BY strategy, instrument",
        (venue,),
    )
    through = db.execute(
        "SELECT instrument, max(CAST(trade_id AS INTEGER)) FROM fills"
        " WHERE venue = ? AND guess = 0 AND event < ? GROUP BY instrument ORDER BY instrument",
        (venue, first),
    )
    remnants = db.execute(IN_PART, (venue, REMNANTS)).fetchall()
    trades = db.execute(THEIR_TRADES, (venue, REMNANTS, venue, TRADES)).fetchall()
    last = db.execute("SELECT coalesce(max(time), 0) FROM fills WHERE venue = ?", (venue,))
    return {
        "positions": [[i, int(lots), mark] for i, lots, mark in positions],
        "costs": [list(row) for row in costs],
        "last_fill": next(iter(last))[0],
        "through": [list(row) for row in through],
        "remnants": [list(row) for row in remnants],
        "trades": [list(row) for row in reversed(trades)],
    }


MAY_TRADE = (
    "SELECT id, instrument, side, quantity, cumulative FROM orders"
    f" WHERE strategy = ? AND op != 2 AND {LIVE} ORDER BY intent_position, id"
)


def of_strategy(state: Path, outbox: Outbox, first: int, actor: str) -> bytes | None:
    """What came of a strategy's orders, as a document record; None where it had no earlier life.

    For Strategy.restore (hotpath/strategy.pyx says what is in it). Ask after of_venue of the venues
    in its lane: that waits for what they have written. HistoryNotStored as there.
    """
    from engine.journal import store
    from engine.journal.conditions import NoJournal

    try:
        db = store.open_reader(state)
    except NoJournal:
        return None
    try:
        if outbox.position >= first:
            wait_for(db, outbox.source, outbox.position, actor)
        last = db.execute(
            "SELECT payload FROM event WHERE source = ? AND kind = ?"
            " ORDER BY position DESC LIMIT 1",
            (outbox.source, int(Kind.INTENT)),
        ).fetchone()
        if last is None:
            return None
        net: dict[int, int] = {}
        for instrument, side, quantity in db.execute(
            "SELECT instrument, side, quantity FROM fills WHERE strategy = ?", (outbox.source,)
        ):
            net[instrument] = net.get(instrument, 0) + (quantity if side == 1 else -quantity)
        orders = [
            {"id": id_, "instrument": i, "side": side, "quantity": q, "cumulative": c}
            for id_, i, side, q, c in db.execute(MAY_TRADE, (outbox.source,))
        ]
    finally:
        db.close()
    document = {
        "net": {str(i): lots for i, lots in sorted(net.items())},
        "group": unpack(int(Kind.INTENT), last[0]).group,
        "orders": orders,
    }
    payload = pack(Document(document=document))
    header = Header(0, Kind.DOCUMENT, outbox.source, outbox.position, 0, 0, 0, 0)
    return join(header, payload)


def wait_for(db: apsw.Connection, source: int, position: int, actor: str) -> None:
    """Until the journal's cursor has reached a position of a source."""
    until = time.monotonic() + PATIENCE_S
    while True:
        row = db.execute("SELECT position FROM cursor WHERE source = ?", (source,)).fetchone()
        stored = row[0] if row is not None else 0
        if stored >= position:
            return
        if time.monotonic() > until:
            raise HistoryNotStored(actor=actor, stored=stored, written=position, seconds=PATIENCE_S)
        time.sleep(STEP_S)
