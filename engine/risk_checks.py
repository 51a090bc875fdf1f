"""Cross-checks of a configuration's limits: nothing trades without, and they add up."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from engine.application import Application
from engine.document import Document
from engine.errors import TiercelError
from engine.roles import each_actor, role_of


class LeasesExceedLimit(TiercelError):
    code: ClassVar[str] = "TCL-1016"
    what = "{where}: the leases of {field} exceed the limit"
    why = "They sum to {total}, and the limit is {limit}"
    do = "Lower the shares under risk.leases or raise risk.total"


class LimitsMissing(TiercelError):
    code: ClassVar[str] = "TCL-1024"
    what = "{where}: {name} has no risk limits"
    why = "The gate refuses what no limit speaks of, so nothing could trade there"
    do = "Add {name} under {place}"


class QuotesMixed(TiercelError):
    """R07 and R08 would add up what is no one currency."""

    code: ClassVar[str] = "TCL-1029"
    what = "{where}: limits would add amounts of {quotes} as if they were one asset"
    why = "Limits on value are numbers of the quote asset, and the listings traded have several"
    do = "Trade one quote asset, or name those that are worth the same in risk.same_quotes"


def limits(app: Application, document: Document) -> None:
    risk = app.risk
    for at, _, actor in each_actor(app):
        if role_of(actor.kind) != "venue":
            continue
        where = document.where(at)
        if risk is None or actor.venue not in risk.venues:
            raise LimitsMissing(where=where, name=actor.venue, place="risk.venues")
        for listing in actor.instruments:
            if listing not in risk.instruments:
                raise LimitsMissing(where=where, name=listing, place="risk.instruments")


def quotes(app: Application, document: Document) -> None:
    """One quote asset in all that is traded, or several that the user has called the same."""
    if app.risk is None:
        return
    found: list[str] = []
    for at, _, actor in each_actor(app):
        if role_of(actor.kind) not in ("venue", "strategy"):
            continue
        for listing in actor.instruments:
            quote = app.instruments[listing].quote
            found += [quote] if quote not in found else []
            if len(found) > 1 and not set(found) <= set(app.risk.same_quotes):
                raise QuotesMixed(where=document.where(at), quotes=" and ".join(found))


def leases(app: Application, document: Document) -> None:
    if app.risk is None:
        return
    shares, total = app.risk.leases, app.risk.total
    sums: tuple[tuple[str, Decimal, Decimal], ...] = (
        (
            "gross_notional",
            sum((Decimal(x.gross_notional) for x in shares), Decimal(0)),
            Decimal(total.max_gross_notional),
        ),
        (
            "open_notional",
            sum((Decimal(x.open_notional) for x in shares), Decimal(0)),
            Decimal(total.max_open_notional),
        ),
        (
            "open_orders",
            Decimal(sum(x.open_orders for x in shares)),
            Decimal(total.max_open_orders),
        ),
    )
    for field, got, limit in sums:
        if got > limit:
            raise LeasesExceedLimit(
                where=document.where(("risk", "leases")), field=field, total=got, limit=limit
            )
