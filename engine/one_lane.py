"""An application reduced to what a back-test runs: one lane, and no network."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from engine.application import Application, LaneSettings, LaneSupervision, Recording, Venue
from engine.config import Configuration
from engine.errors import TiercelError
from engine.roles import role_of

LANE = "backtest"
PARTS = ("feed", "venue", "strategy", "actor")


class NothingToTest(TiercelError):
    """A configuration in which nothing could trade."""

    code: ClassVar[str] = "TCL-7014"
    what = "{path} cannot be back-tested"
    why = "{detail}"
    do = "Name a configuration with a feed, a venue and a strategy that follows both"


def supervision_of(app: Application) -> LaneSupervision:
    """Of the lanes that hold strategies: the one that lets them fail least often."""
    lanes = [lane for lane in app.lanes if any(role_of(a.kind) == "strategy" for a in lane.actors)]
    return min((lane.supervision for lane in lanes), key=lambda s: (s.max_restarts, -s.max_seconds))


def reduced(configuration: Configuration) -> Configuration:
    """The application with one lane that holds what a back-test runs; venues without a network."""
    app = configuration.application
    actors = [a for lane in app.lanes for a in lane.actors if role_of(a.kind) in PARTS]
    roles = {role_of(a.kind) for a in actors}
    missing = [r for r in ("feed", "venue", "strategy") if r not in roles]
    if missing:
        detail = f"It has no {missing[0]}"
        raise NothingToTest(path=configuration.path, detail=detail)
    if not any(a.instruments for a in actors if role_of(a.kind) == "feed"):
        raise NothingToTest(path=configuration.path, detail="No feed of it shows an instrument")
    names = {a.name for a in actors}
    actors = [
        msgspec.structs.replace(a, follows=[f for f in a.follows if f in names]) for a in actors
    ]

    def without_network(venue: Venue) -> Venue:
        return msgspec.structs.replace(venue, mode="simulation", endpoints=None, key=None)

    changed: Application = msgspec.structs.replace(
        app,
        mode="simulation",
        lanes=[
            LaneSettings(
                name=LANE, runtime="uvloop", actors=actors, supervision=supervision_of(app)
            )
        ],
        venues={n: without_network(v) for n, v in app.venues.items()},
        recording=Recording(),
    )
    return Configuration(configuration.source, changed)
