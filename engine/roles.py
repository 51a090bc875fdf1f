"""What an actor of a configuration is, by its kind; and all actors with their places."""

from __future__ import annotations

from collections.abc import Iterator

from engine.application import ActorSettings, Application, LaneSettings
from engine.document import At


def role_of(kind: str) -> str:
    """feed, venue, rest, strategy, journal, recorder or actor, from an actor's kind."""
    parts = kind.strip("./").split("/")
    if parts[-1] == "rest" and len(parts) > 2:
        return "rest"
    if parts[0] in ("feeds", "venues"):
        return parts[0][:-1]
    if "strategies" in parts or kind.endswith(".py"):
        return "strategy"
    return parts[-1] if parts[-1] in ("journal", "recorder") else "actor"


def each_actor(app: Application) -> Iterator[tuple[At, LaneSettings, ActorSettings]]:
    for i, lane in enumerate(app.lanes):
        for j, actor in enumerate(lane.actors):
            yield ("lanes", i, "actors", j), lane, actor
