"""The histograms of a run as they are kept: DIR/latency/<run>-<lane>.hlog, growing while it runs.

A reader gets them whole (all lines of a stage added up) and over time (line by line), also of a
run that was killed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from engine.latency import HistogramLog
from hotpath.histogram import Stages

STAGES = (
    "tick_to_order",
    "own",
    "record",
    "decode",
    "apply",
    "decide",
    "risk",
    "encode",
    "send",
    "ack",
    "fill",
    "exposure",
    "turn",
    "collect",
    "age",
)
"""What every lane has a histogram of; the last two are garbage collections and outbox ages."""
SHORTEST_S, LONGEST_S = 2.0, 60.0
SHARE = 30
"""An interval lasts this part of the run so far: short runs have points, long ones small files."""


def interval_s(age_s: float) -> float:
    """How long the next interval is to be, by the age of the run."""
    return min(LONGEST_S, max(SHORTEST_S, age_s / SHARE))


class KeptLatencies:
    """The .hlog files of one run, a file a lane."""

    def __init__(self, place: Path, run: str, stages: Mapping[str, int], start_ns: int) -> None:
        self.logs: list[HistogramLog] = []
        place.mkdir(exist_ok=True, mode=0o700)
        for lane, fd in stages.items():
            log = HistogramLog(place / f"{run}-{lane}.hlog", Stages.attach(fd), start_ns)
            self.logs.append(log)

    def append(self, end_ns: int) -> Iterator[None]:
        """Write what was counted since the last time, in short steps.

        What finds no room waits for the next time: a full disk costs a run no latency.
        """
        for log in self.logs:
            try:
                for _ in log.append(end_ns):
                    yield
            except OSError:
                continue
