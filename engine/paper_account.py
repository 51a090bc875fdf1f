"""The account of a back-test's venue: fees, limits and what it holds at first."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from engine.application import Backtest
from engine.config import Configuration
from engine.errors import TiercelError
from engine.lane_spec import ActorSpec
from engine.limits import configure, units
from engine.setup import Setup
from hotpath.paper_venue import PaperVenue

AS_TRADED = ("received", "quote")


class FeeNotPriced(TiercelError):
    """Fees in an asset of its own, and nobody said what that is worth."""

    code: ClassVar[str] = "TCL-7017"
    what = "{path} cannot be back-tested: fees of {venue} are paid in {asset}"
    why = "Its price in {quote}, the quote asset of {listing}, is not stated"
    do = "State it under `prices` of these fees, or let them be paid in `received`"


class PaperActor(PaperVenue):
    """Takes limits, fees and balances from the configuration."""

    def set_up(self, setup: Setup) -> None:
        configure(self, setup)
        assert setup.venue is not None
        self.maker_ppm = setup.venue.settings.maker_fee_ppm
        self.taker_ppm = setup.venue.settings.taker_fee_ppm


def fee_assets(settings: Backtest) -> list[str]:
    """The assets of their own that fees are paid in."""
    all_fees = (settings.fees, *settings.venue_fees.values())
    return [fees.paid_in for fees in all_fees if fees.paid_in not in AS_TRADED]


def open_account(
    venue: PaperVenue, actor: ActorSpec, configuration: Configuration, assets: dict[str, int]
) -> dict[tuple[int, int], Decimal]:
    """Give a venue what it holds at first of each asset that it trades or pays fees in, and how
    fees are paid; returns the prices stated of (fee asset, quote asset). FeeNotPriced."""
    app = configuration.application
    settings = app.backtest
    stated = settings.balances.get(actor.venue or "", {})
    listings = {name: app.instruments[name] for name in actor.instruments}
    held = [asset for x in listings.values() for asset in (x.base, x.quote)]
    fees = settings.venue_fees.get(actor.venue or "", settings.fees)
    found: dict[tuple[int, int], Decimal] = {}
    if fees.paid_in in AS_TRADED:
        venue.charge_in(fees.paid_in)
    else:
        held.append(fees.paid_in)
        for name, listing in listings.items():
            if listing.quote != fees.paid_in and listing.quote not in fees.prices:
                raise FeeNotPriced(
                    path=configuration.path,
                    venue=actor.venue,
                    asset=fees.paid_in,
                    quote=listing.quote,
                    listing=name,
                )
        number = assets[fees.paid_in]
        prices = {assets[q]: units(p) for q, p in fees.prices.items() if q in assets}
        venue.charge_in("asset", number, prices, fees.discount_ppm)
        found = {(number, q): Decimal(p).scaleb(-8) for q, p in prices.items()}
    for asset in dict.fromkeys(held):
        amount = Decimal(stated.get(asset, settings.balance)).scaleb(8)
        venue.deposit(assets[asset], int(amount))
    return found
