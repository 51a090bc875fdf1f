"""`python -m tests.chaos.crash.lane FD`: a lane of the engine with a point between its steps."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from engine import child, lane, lane_trio, recording
from engine.journal import actor, store, views
from feeds.binance import rest as feed_rest
from tests.chaos.crash.build import NAME
from tests.chaos.crash.points import VARIABLE, before_and_after, points
from venues.binance import rest as venue_rest
from venues.binance import venue

POINTS: list[tuple[Any, str, str, str]] = [
    # the journal: a batch, its transaction, its cursors
    (actor.Journal, "take_batch", "", "batch taken"),
    (store.Store, "begin", "batch in order", "events in the transaction"),
    (views.Views, "flush", "", "views in the transaction"),
    (store.Store, "commit", "before the commit", "committed, cursors not moved"),
    (lane_trio.ColdLane, "commit", "", "cursors moved"),
    # the recorder
    (recording.Writing, "write", "block to write", "block written, cursors not moved"),
    # the control lane
    (lane_trio.ColdLane, "request", "question to ask", "question asked"),
    (venue_rest.BinanceRest, "on_response", "answer in hand", "answer written"),
    (feed_rest.BinanceRest, "on_response", "snapshot in hand", "snapshot written"),
    # the start of any lane
    (lane.LaneProcess, "recall", "memory attached", "history recalled"),
    (child.Child, "started", "built", "told that it started"),
    (child.Child, "ready", "agreed", "told that it is ready"),
]


def main() -> None:
    """Put the points in, then be a lane like any other."""
    for owner, name, before, after in POINTS:
        before_and_after(owner, name, before, after)
    sys.path.insert(0, str(Path(os.environ[VARIABLE]) / "built"))
    crashing = import_module(NAME)
    crashing.point = points()
    venue.BinanceVenue = crashing.CrashingVenue  # type: ignore[misc]
    child.run_lane(sys.argv, lane.main, lane.prepare)


if __name__ == "__main__":
    main()
