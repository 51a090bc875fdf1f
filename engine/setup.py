"""What an actor is given once, before its lane starts; everything else reaches it as inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from engine.lane_spec import ActorSpec, LaneSpec, ListingSpec, VenueSpec
    from hotpath.instrument import Instrument


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """An instrument as an actor works with it.

    `top` maps each feed's source to the board slot of its top; the gate reads those.
    """

    spec: ListingSpec
    instrument: Instrument
    top: dict[int, int]


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """Given to `actor.set_up(setup)`: its part of the configuration, with numbers for names.

    `settings` is the actor's own settings, decoded by its folder's or file's struct (None where it
    declares none); `listings` are the ones it works with, by name; `sources` maps every actor of
    the application to its number, `slots` every board slot to its index.
    """

    actor: ActorSpec
    lane: LaneSpec
    settings: Any
    venue: VenueSpec | None
    listings: dict[str, Listing]

    @property
    def sources(self) -> dict[str, int]:
        return self.lane.sources

    @property
    def slots(self) -> dict[str, int]:
        return self.lane.board.slots

    @property
    def instance(self) -> int:
        return self.lane.instance
