"""Profit and loss from the views: realised, unrealised at the last trade, fees, by listing."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Context, Decimal, localcontext
from pathlib import Path
from typing import Any

import apsw

from engine.decimals import plain
from engine.journal.names import Names

EXACT = Context(prec=120)


def profit(
    state: Path,
    db: apsw.Connection,
    *,
    marks: Mapping[tuple[int, int], int] | None = None,
    prices: Mapping[tuple[int, int], Decimal] | None = None,
) -> dict[str, Any]:
    """{pnl, realised, unrealised, fees, fees_unconverted, listings}: plain decimals, quote asset.

    A position is worth its `marks` in ticks by (instrument, 1 long or -1 short), else its last
    trade's price. A fee in the quote asset counts as it is, one in the base asset at that price,
    one in another asset at `prices` of (that asset, quote asset); others stand in
    `fees_unconverted`, since no price of theirs is in the store. Listings whose scale the store
    does not know are left out and named in `unknown`.
    """
    names = Names(state, db)
    with localcontext(EXACT):
        return _profit(names, db, marks or {}, prices or {})


def _profit(
    names: Names,
    db: apsw.Connection,
    marks: Mapping[tuple[int, int], int],
    prices: Mapping[tuple[int, int], Decimal],
) -> dict[str, Any]:
    fees: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for venue, instrument, asset, amount in db.execute("SELECT * FROM fees"):
        fees.setdefault((venue, instrument), []).append((asset, int(amount)))
    rows: list[dict[str, Any]] = []
    unknown: list[int] = []
    other: dict[str, Decimal] = {}
    total = {"realised": Decimal(0), "unrealised": Decimal(0), "fees": Decimal(0)}
    sql = "SELECT venue, instrument, quantity, cost, realised, mark, fills FROM positions"
    for venue, instrument, quantity, cost, realised, mark, count in db.execute(sql):
        listing = names.listings.get(instrument)
        if listing is None:
            unknown.append(instrument)
            continue
        mark = marks.get((instrument, -1 if int(quantity) < 0 else 1), mark)
        won = names.value(instrument, int(realised))
        open_value = names.value(instrument, int(quantity) * mark - int(cost))
        assert won is not None and open_value is not None
        paid = Decimal(0)
        for asset, amount in fees.get((venue, instrument), []):
            money = Decimal(amount).scaleb(-8)
            if asset == listing["quote_asset"]:
                paid += money
            elif asset == listing["base_asset"]:
                paid += money * mark * Decimal(listing["tick"])
            elif (asset, listing["quote_asset"]) in prices:
                paid += money * prices[asset, listing["quote_asset"]]
            else:
                other[names.asset(asset)] = other.get(names.asset(asset), Decimal(0)) + money
        total["realised"] += won
        total["unrealised"] += open_value
        total["fees"] += paid
        rows.append(
            {
                "venue": names.source(venue),
                "listing": names.instrument(instrument),
                "position": names.quantity(instrument, int(quantity)),
                "mark": names.price(instrument, mark),
                "realised": plain(won),
                "unrealised": plain(open_value),
                "fees": plain(paid),
                "fills": count,
            }
        )
    return {
        "pnl": plain(total["realised"] + total["unrealised"] - total["fees"]),
        **{name: plain(value) for name, value in total.items()},
        "fees_unconverted": {asset: plain(value) for asset, value in sorted(other.items())},
        "listings": rows,
        "unknown": unknown,
    }
