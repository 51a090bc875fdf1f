"""Orders of an earlier configuration that nothing of this one answers for: no start with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from engine.errors import TiercelError

if TYPE_CHECKING:
    from engine.assembly import Assembly


class OrdersWithoutInstrument(TiercelError):
    """An order of an earlier run may still trade, and nothing of this one would know it."""

    code: ClassVar[str] = "TCL-2153"
    what = "{listing} is not configured any more and an order of it may still trade"
    why = (
        "The journal has {count} such orders; the first is {client_order_id}, to {side} {quantity}"
        " on {venue}"
    )
    do = (
        "Put the instrument and its venue back, start, let `tiercel kill` cancel what works, stop,"
        " and then take it out; where the venue is gone for good, begin a new --state directory"
    )


def refuse_without_venue(assembly: Assembly) -> None:
    """OrdersWithoutInstrument where the journal has an order that may trade and no venue for it."""
    configured = {
        (assembly.sources[actor.name], listing.number)
        for lane in assembly.app.lanes
        for actor in lane.actors
        for listing in assembly.listings.values()
        if assembly.roles[actor.name] == "venue" and actor.venue == listing.venue
    }
    found = [order for of, order in may_trade(assembly.state) if of not in configured]
    if found:
        raise OrdersWithoutInstrument(count=len(found), **found[0])


def may_trade(state: Path) -> list[tuple[tuple[int, int], dict[str, str]]]:
    """((venue, instrument), {client_order_id, venue, listing, side, quantity}) of every order that,
    as far as the journal knows, may still trade or has traded something that is not told yet."""
    from engine.history import GUESSED, LIVE
    from engine.journal.conditions import NoJournal
    from engine.journal.names import Names
    from engine.journal.store import open_reader
    from engine.left_open import terms_of

    sql = (
        "SELECT id, venue, instrument, side, quantity FROM orders"
        f" WHERE {LIVE} OR {GUESSED} ORDER BY last_event"
    )
    try:
        db = open_reader(state)
    except NoJournal:
        return []
    try:
        names = Names(state, db)
        rows: list[Any] = db.execute(sql).fetchall()
    finally:
        db.close()
    return [((row[1], row[2]), terms_of(names, *row)) for row in rows]
