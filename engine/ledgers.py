"""Is our journal what the exchange's ledger says, trade by trade? The ledger is the judge."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from hotpath.order import spell_id

if TYPE_CHECKING:
    import apsw

    from engine.journal.names import Names


class Trade(NamedTuple):
    """A trade as both sides must agree on it; numbers are exact decimals."""

    client_id: str
    side: str
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    maker: bool


def ledger_trades(path: Path, account: str) -> dict[tuple[str, str], Trade]:
    """(symbol, trade id) to trade of one customer's account, from a ledger's `fill` lines."""
    found = {}
    for raw in path.read_bytes().split(b"\n"):
        if not raw:
            continue
        try:
            line = orjson.loads(raw)
        except orjson.JSONDecodeError:
            continue  # a torn last line: what it told of was never told to anyone
        if line.get("t") != "fill" or line["account"] != account:
            continue
        found[line["symbol"], str(line["trade_id"])] = Trade(
            line["client_id"],
            line["side"].upper(),
            Decimal(line["price"]),
            Decimal(line["quantity"]),
            Decimal(line["fee"]),
            line["fee_asset"],
            bool(line["maker"]),
        )
    return found


def journal_trades(db: apsw.Connection, names: Names, venue: str) -> dict[tuple[str, str], Trade]:
    """The same of our journal, for the listings of one venue.

    Trades of a listing that the store does not know are under its number, in ticks and lots: no
    ledger has them.
    """
    found = {}
    sql = (
        "SELECT instrument, trade_id, order_id, side, price, quantity, fee, fee_asset, maker"
        " FROM fills WHERE quantity > 0"
    )
    for instrument, trade, order, side, price, quantity, fee, asset, maker in db.execute(sql):
        listing = names.listings.get(instrument) or unknown(instrument, venue)
        if listing["venue"] != venue:
            continue
        found[listing["symbol"], trade] = Trade(
            spell_id(int(order, 16)),
            "BUY" if side == 1 else "SELL",
            price * Decimal(listing["tick"]),
            quantity * Decimal(listing["lot"]),
            Decimal(fee).scaleb(-8),
            names.asset(asset),
            bool(maker),
        )
    return found


def unknown(instrument: int, venue: str) -> dict[str, str]:
    """What stands in for a listing that the store does not know."""
    return {"venue": venue, "symbol": f"instrument {instrument}", "tick": "1", "lot": "1"}


def differences(
    ours: dict[tuple[str, str], Trade], theirs: dict[tuple[str, str], Trade]
) -> list[dict[str, Any]]:
    """What one side has and the other has not, or has otherwise."""
    found: list[dict[str, Any]] = []
    for key in sorted(ours.keys() | theirs.keys()):
        a, b = ours.get(key), theirs.get(key)
        if a != b:
            found.append(
                {
                    "symbol": key[0],
                    "trade_id": key[1],
                    "journal": None if a is None else [str(x) for x in a],
                    "ledger": None if b is None else [str(x) for x in b],
                }
            )
    return found
