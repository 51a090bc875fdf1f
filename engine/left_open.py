"""What an engine that ended has left open: orders in doubt, and pairs that stand on one leg."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.decimals import plain
from engine.journal.conditions import NoJournal
from engine.journal.names import Names
from engine.journal.store import open_reader
from engine.report import UNKNOWN, open_legs
from hotpath.order import spell_id
from hotpath.records import Side

Left = dict[str, list[dict[str, Any]]]


def left_open(state: Path) -> Left:
    """{orders_unknown: [{order, client_order_id, venue, listing, side, quantity, filled}],
    open_legs: [{strategy, asset, quantity}]}, by what the journal holds.

    A leg's quantity is what was bought less what was sold; what no venue would take is none. Both
    are empty where no journal is.
    """
    try:
        db = open_reader(state)
    except NoJournal:
        return {"orders_unknown": [], "open_legs": []}
    try:
        names = Names(state, db)
        rows: list[Any] = db.execute(
            "SELECT id, venue, instrument, side, quantity, cumulative FROM orders"
            " WHERE evidence = ? ORDER BY last_event",
            (UNKNOWN,),
        ).fetchall()
        legs = open_legs(db, names, -1)
    finally:
        db.close()
    return {
        "orders_unknown": [
            {
                "order": order,
                **terms_of(names, order, venue, instrument, side, quantity),
                "filled": names.quantity(instrument, done),
            }
            for order, venue, instrument, side, quantity, done in rows
        ],
        "open_legs": [
            {"strategy": names.source(source), "asset": names.asset(asset), "quantity": plain(lots)}
            for (source, asset), lots in sorted(legs.items())
        ],
    }


def terms_of(
    names: Names, order: str, venue: int, instrument: int, side: int, quantity: int
) -> dict[str, str]:
    """{client_order_id, venue, listing, side, quantity} of a row of the journal's orders."""
    return {
        "client_order_id": spell_id(int(str(order), 16)),
        "venue": names.source(venue),
        "listing": names.instrument(instrument),
        "side": "sell" if side == Side.SELL else "buy",
        "quantity": names.quantity(instrument, quantity),
    }


def left_in_words(left: Left) -> list[str]:
    """A line for each order in doubt and each open leg, and what becomes of it."""
    said = [
        "in doubt: order {order} to {side} {quantity} of {listing} on {venue}, {filled} of it"
        " filled as far as is known; the next start asks the venue".format(**order)
        for order in left["orders_unknown"]
    ]
    for leg in left["open_legs"]:
        more, less = ("sold", "bought") if leg["quantity"].startswith("-") else ("bought", "sold")
        said.append(
            f"open leg: {leg['strategy']} has {more} {leg['quantity'].lstrip('-')} {leg['asset']}"
            f" more than it {less}; the next start hedges it where the strategy's policy allows"
        )
    return said
