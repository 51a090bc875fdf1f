"""From a configuration to a venue's gate: numbers for names, lots and 1e-8 units for text."""

from __future__ import annotations

from fractions import Fraction

from engine import slots
from engine.application import InstrumentLimits
from engine.setup import Listing, Setup
from hotpath.venue import Venue

UNBOUNDED = 2**62
STATUS_AGE_NS = 15 * 60 * 1_000_000_000
MS, S = 1_000_000, 1_000_000_000
LIMIT_VERSION = 1


def units(text: str | None) -> int:
    """Plain decimal text in units of 1e-8, capped; None: no bound."""
    if text is None:
        return UNBOUNDED
    whole, _, part = text.partition(".")
    return min(int(whole + part[:8].ljust(8, "0")), UNBOUNDED)


def lots(listing: Listing, text: str | None) -> int:
    """A quantity in lots, rounded down and capped; None: no bound."""
    if text is None:
        return UNBOUNDED
    return min(int(Fraction(text) / Fraction(listing.instrument.lot)), UNBOUNDED)


def share_ppm(part: int, whole: int) -> int:
    """The share of `part`, rounded up: what is left over never grows by the rounding."""
    return -(-part * 1_000_000 // whole)


def instrument_limits(listing: Listing, limits: InstrumentLimits | None) -> dict[str, int]:
    """What `Gate.add_instrument` takes; without limits everything is refused."""
    if limits is None:
        return {}
    longest, shortest = lots(listing, limits.max_long), lots(listing, limits.max_short)
    return {
        "quantity": lots(listing, limits.max_order_quantity),
        "notional": units(limits.max_order_notional),
        "longest": longest,
        "shortest": shortest,
        "gross": min(longest + shortest, UNBOUNDED),
        "open_orders": limits.max_open_orders,
        "open_notional": units(limits.max_open_notional),
        "collar_bps": limits.collar_bps,
        "window_bps": limits.collar_window_bps,
        "window_ns": limits.collar_window_ms * MS,
        "feed_age_ns": limits.max_data_age_ms * MS,
        "reference_age_ns": limits.max_data_age_ms * MS,
    }


def reference_of(name: str, setup: Setup) -> tuple[int, int, int]:
    """Slot of an independent top of the same pair, and its ticks in this listing's (mul, div).

    Another venue's market is independent; where there is none, the venue's own feed has to do.
    -1: none, and R05 refuses.
    """
    mine = setup.lane.listings[name]
    others = [
        listing
        for listing in setup.lane.listings.values()
        if listing.venue != mine.venue
        and listing.top
        and (listing.base_asset, listing.quote_asset) == (mine.base_asset, mine.quote_asset)
    ]
    chosen = others[0] if others else mine
    ratio = Fraction(chosen.settings.tick) / Fraction(mine.settings.tick)
    if not chosen.top or max(ratio.numerator, ratio.denominator) > UNBOUNDED:
        return -1, 1, 1
    return next(iter(chosen.top.values())), ratio.numerator, ratio.denominator


def configure(venue: Venue, setup: Setup) -> None:
    """Give a venue its listings, strategies, slots and limits."""
    spec = setup.venue
    if spec is None:
        raise TypeError(f"{setup.actor.name} is a venue actor without a venue")
    board = setup.slots
    venue.set_slots(
        clock=board[slots.CLOCK],
        kill=board.get(slots.KILL, -1),
        venue_kill=board.get(slots.kill(spec.name), -1),
        hold=board.get(slots.CANCEL_ONLY, -1),
        instance=setup.instance,
    )
    for name, listing in setup.listings.items():
        slot, mul, div = reference_of(name, setup)
        venue.add_listing(
            listing.instrument,
            views=listing.top,
            reference=slot,
            reference_mul=mul,
            reference_div=div,
            kill=board.get(slots.kill(name), -1),
            limits=instrument_limits(listing, listing.spec.limits),
        )
    leases = [lease for lease in setup.lane.leases if lease.venue == spec.name]
    for lease in leases:
        venue.add_strategy(
            setup.sources[lease.strategy],
            share=units(lease.gross_notional),
            kill=board.get(slots.kill(lease.strategy), -1),
        )
    strategies = [
        setup.lane.strategies[lease.strategy]
        for lease in leases
        if lease.strategy in setup.lane.strategies
    ]
    v = spec.limits
    if v is None:
        return
    messages = v.submits_per_s + v.cancels_per_s
    per_minute = v.submits_per_minute + 60 * v.cancels_per_s
    venue.gate.set_limits(
        version=LIMIT_VERSION,
        mode=spec.settings.mode,
        open_orders=v.max_open_orders,
        open_notional=units(v.max_open_notional),
        gross_notional=units(v.max_gross_notional),
        net_notional=UNBOUNDED,
        long_notional=UNBOUNDED,
        short_notional=UNBOUNDED,
        per_second=messages,
        per_minute=per_minute,
        cancel_share_ppm=share_ppm(v.cancels_per_s, messages),
        minute_share_ppm=share_ppm(60 * v.cancels_per_s, per_minute),
        executions=min((s.max_executions for s in strategies), default=100),
        executions_window_ns=min((s.max_executions_window_s for s in strategies), default=600) * S,
        rejects=min((s.max_rejects for s in strategies), default=5),
        rejects_window_ns=min((s.max_rejects_window_s for s in strategies), default=10) * S,
        request_window_ns=v.request_window_ms * MS,
        status_age_ns=STATUS_AGE_NS,
        fee_ppm=max(0, spec.settings.taker_fee_ppm),
    )
    venue.agreed = spec.settings.mode != "live"
