"""Settings of the Binance feed and of its REST actor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import msgspec

from engine.errors import TiercelError
from engine.settings import setting

if TYPE_CHECKING:
    from engine.application import Endpoints
    from engine.setup import Setup


class VenueWithoutEndpoints(TiercelError):
    """A feed whose venue has no address in the configuration."""

    code: ClassVar[str] = "TCL-4008"
    what = "The feed {feed} does not know where its venue {venue} is"
    why = "The venue has no `endpoints`, and only `tiercel demo` fills them in itself"
    do = "Give venues.{venue}.endpoints with streams, orders and rest"


def endpoints_of(setup: Setup) -> Endpoints:
    """The addresses of a feed's venue; VenueWithoutEndpoints when there are none."""
    if setup.venue is None or setup.venue.settings.endpoints is None:
        venue = setup.actor.venue or "(none)"
        raise VenueWithoutEndpoints(feed=setup.actor.name, venue=venue)
    return setup.venue.settings.endpoints


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of feeds/binance."""

    depth_interval_ms: Annotated[
        int,
        setting("ms", "How often the venue sends changed levels: 100 or 1000.", ge=100, le=1000),
    ] = 100
    trades: Annotated[bool, setting("", "Take the trades stream too.")] = True
    stale_least_ms: Annotated[
        int, setting("ms", "A channel is never called stale before this.", ge=100, le=60_000)
    ] = 1000
    stale_most_ms: Annotated[
        int,
        setting("ms", "A channel silent for this long is stale whatever is usual for it.", ge=1000),
    ] = 60_000
    lifetime_s: Annotated[
        int,
        setting(
            "s",
            "Age at which a new connection replaces this one (the venue ends it at 24 h).",
            ge=60,
            le=86_100,
        ),
    ] = 82_800
    overlap_s: Annotated[
        int, setting("s", "Longest time for which old and new connection are both read.", ge=1)
    ] = 10
    backoff_initial_ms: Annotated[
        int, setting("ms", "Bound of the first wait before connecting again.", ge=1)
    ] = 100
    backoff_cap_ms: Annotated[
        int, setting("ms", "Largest bound of that wait.", ge=1, le=600_000)
    ] = 15_000
    connects_per_5m: Annotated[
        int,
        setting(
            "connections",
            "Most of this feed in five minutes (the venue: 300 of an address).",
            ge=2,
            le=300,
        ),
    ] = 100
    snapshot_timeout_ms: Annotated[
        int, setting("ms", "A snapshot that has not come by then is asked for again.", ge=100)
    ] = 5_000

    def __post_init__(self) -> None:
        if self.depth_interval_ms not in (100, 1000):
            raise ValueError("depth_interval_ms must be 100 or 1000: the venue has no other stream")
        if self.stale_least_ms > self.stale_most_ms:
            raise ValueError("stale_least_ms must not be above stale_most_ms")


HEADER_BYTES, SNAPSHOT_BYTES, LEVEL_BYTES = 40, 32, 16  # hotpath/records.h; a test compares


class RestSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of feeds/binance/rest."""

    snapshot_levels: Annotated[
        int,
        setting(
            "levels a side", "Depth of a snapshot: 100, 500, 1000 or 5000.", 1000, ge=5, le=5000
        ),
    ] = 1000
    weight_per_minute: Annotated[
        int, setting("weight", "The venue's request budget of this address.", ge=1)
    ] = 6000
    share_percent: Annotated[
        int,
        setting(
            "%", "Part of the budget that is used; the rest is left to others.", 80, ge=1, le=100
        ),
    ] = 80
    metadata_refresh_s: Annotated[
        int, setting("s", "How often tick, lot and status of the instruments are read.", ge=10)
    ] = 3600
    retries: Annotated[
        int, setting("requests", "Repetitions of a request that failed at the venue.", ge=0, le=10)
    ] = 3

    @property
    def largest_record(self) -> int:
        """Bytes of a snapshot with all levels of both sides, header included."""
        return HEADER_BYTES + SNAPSHOT_BYTES + 2 * self.snapshot_levels * LEVEL_BYTES
