"""From a LaneSpec to a lane with its actors wired: the same for live, simulation and replay.

Only the outboxes and the board differ: shared memory when live, private memory otherwise. Actors
are made in the configuration's order, so sources, markets and followers are met in the same order
in every run.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from engine import wiring
from engine.lane_spec import ActorSpec, LaneSpec, ListingSpec
from engine.secret import decode_hook
from engine.setup import Listing, Setup
from hotpath.board import Board
from hotpath.book import Book
from hotpath.feed import Feed
from hotpath.instrument import Instrument
from hotpath.lane import Actor, Lane
from hotpath.market import Market
from hotpath.ring import Outbox
from hotpath.strategy import Strategy
from hotpath.venue import Venue

SLOT_BYTES = 112


class Built(msgspec.Struct):
    """A lane and its actors by name; sinks (journal, recorder) are not actors of the lane."""

    lane: Lane
    actors: dict[str, Actor]
    sinks: dict[str, Any]


def instrument_of(listing: ListingSpec) -> Instrument:
    """The listing as compiled code works with it."""
    s = listing.settings
    return Instrument(
        listing.symbol,
        s.tick,
        s.lot,
        id=listing.number,
        base=s.base,
        quote=s.quote,
        base_asset=listing.base_asset,
        quote_asset=listing.quote_asset,
        min_quantity=s.min_quantity,
        max_quantity=s.max_quantity,
        min_notional=s.min_notional,
    )


def build(
    spec: LaneSpec,
    board: Board,
    outbox_of: Callable[[ActorSpec], Outbox],
    *,
    is_virtual: bool = False,
    offset: int = 0,
    seed: int | None = None,
    class_of: Callable[[str, Path], type[Any]] = wiring.actor_class,
    book_of: Callable[[], Book] = Book,
) -> Built:
    """Make the lane and every actor, and connect those that live together.

    `class_of` is the class of a kind (and the folder of the configuration); a back-test puts others
    in the place of feeds and venues. `book_of` makes the books of the feeds' markets.
    """
    lane = Lane(
        spec.lane,
        board,
        seed=spec.seed if seed is None else seed,
        offset=offset,
        is_virtual=is_virtual,
    )
    beside = Path(spec.beside)
    listings = {
        name: Listing(
            spec=listing,
            instrument=instrument_of(listing),
            top={spec.sources[feed]: slot for feed, slot in listing.top.items()},
        )
        for name, listing in spec.listings.items()
    }
    built = Built(lane=lane, actors={}, sinks={})
    markets: dict[tuple[str, str], Market] = {}
    for actor_spec in spec.actors:
        cls = class_of(actor_spec.kind, beside)
        setup = Setup(
            actor=actor_spec,
            lane=spec,
            settings=settings_for(actor_spec, beside),
            venue=spec.venues.get(actor_spec.venue) if actor_spec.venue else None,
            listings={name: listings[name] for name in actor_spec.instruments},
        )
        if not issubclass(cls, Actor):
            built.sinks[actor_spec.name] = cls(setup)
            continue
        actor = cls(lane, actor_spec.name, outbox_of(actor_spec))
        built.actors[actor_spec.name] = actor
        if isinstance(actor, Feed):
            add_markets(actor, setup, spec, markets, book_of)
        elif isinstance(actor, Strategy):
            follow_markets(actor, setup, spec, markets)
        actor.set_up(setup)
    for actor_spec in spec.actors:
        connect(actor_spec, built)
    for name in spec.board.own:
        slot = spec.board.slots[name]
        lane.own_slot(slot)
        board.write(slot, bytes(SLOT_BYTES))  # what an earlier life showed is nobody's price now
    return built


def settings_for(spec: ActorSpec, beside: Path) -> Any:
    """The actor's settings as its folder or file declares them."""
    struct = wiring.settings_of(spec.kind, beside)
    if struct is None:
        return None
    return msgspec.convert(spec.settings, struct, dec_hook=decode_hook)


def add_markets(
    feed: Feed,
    setup: Setup,
    spec: LaneSpec,
    markets: dict[tuple[str, str], Market],
    book_of: Callable[[], Book],
) -> None:
    """The markets a feed keeps: one for each of its listings, with a book."""
    for index, (name, listing) in enumerate(setup.listings.items()):
        market = make_market(name, listing, feed.source, index, setup.actor.name, spec)
        market.told = setup.actor.told
        markets[setup.actor.name, name] = market
        feed.add_market(market)


def make_market(
    name: str,
    listing: Listing,
    feed: int,
    index: int,
    feed_name: str,
    spec: LaneSpec,
    book: Book | None = None,
) -> Market:
    """One listing as one feed shows it."""
    return Market(
        instrument=listing.spec.number,
        spec=listing.instrument,
        name=f"{feed_name}:{name}",
        feed=feed,
        venue=spec.venues[listing.spec.venue].source,
        index=index,
        slot=listing.spec.top.get(feed_name, -1),
        book=Book() if book is None else book,
    )


def follow_markets(
    strategy: Strategy, setup: Setup, spec: LaneSpec, markets: dict[tuple[str, str], Market]
) -> None:
    """The markets a strategy decides on: the feed's own in this lane, else one of its own."""
    strategy.settings = setup.settings
    strategy.instance = spec.instance
    for name, listing in setup.listings.items():
        for feed_name in setup.actor.follows:
            if feed_name not in listing.spec.top:
                continue
            market = markets.get((feed_name, name))
            if market is not None:
                market.follow(strategy, bool(getattr(strategy, "every_change", False)))
            else:
                index = len(strategy.markets)
                source = spec.sources[feed_name]
                market = make_market(name, listing, source, index, feed_name, spec)
            strategy.add_market(market)


def connect(spec: ActorSpec, built: Built) -> None:
    """Actors of one lane that follow each other: direct calls downstream, records back."""
    actor = built.actors.get(spec.name)
    if actor is None:
        return
    for name in spec.follows:
        other = built.actors.get(name)
        if other is None:
            continue
        if isinstance(actor, Strategy) and isinstance(other, Venue):
            actor.add_venue(other)
        # a feed calls its followers itself, and a strategy hands its intents to its venues
        calls = (isinstance(actor, Strategy) and isinstance(other, Feed)) or (
            isinstance(actor, Venue) and isinstance(other, Strategy)
        )
        if not calls:
            actor.listen(other)
