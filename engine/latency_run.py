"""The latencies of one run as they were kept: by lane and stage, whole and over time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from hdrh.histogram import HdrHistogram

from engine.latency import Interval, read_intervals
from engine.report import NoLatencies, newest, summary
from engine.state import DEFAULT_PARENT, is_running, resolve

BY_LANE = ("collect", "age", "turn")
"""Stages that every lane has of its own: they are told lane by lane."""


class Kept(msgspec.Struct):
    """{(stage, lane or ""): intervals} of one run; a stage of one path is summed over lanes."""

    run: str
    state: str
    series: dict[tuple[str, str], list[Interval]]

    def whole(self, key: tuple[str, str]) -> HdrHistogram:
        """All intervals of a series added up."""
        first, *rest = self.series[key]
        total = HdrHistogram.decode(first.histogram.encode())
        for one in rest:
            total.add(one.histogram)
        return total

    def rows(self) -> dict[str, dict[str, int]]:
        """{"stage" or "stage lane": counts and percentiles}."""
        return {" ".join(k).strip(): summary(self.whole(k)) for k in sorted(self.series)}


def directory_of(state: Path | None) -> Path:
    """The state directory meant: the one named, the one running, else the one used last."""
    if state is not None:
        return state
    running = [d for d in sorted(DEFAULT_PARENT.glob("*")) if is_running(d)]
    return resolve(None) if running else newest(DEFAULT_PARENT)


def last_run(state: Path) -> Kept:
    """The run of a state directory whose files were written last. NoLatencies."""
    files = sorted((state / "latency").glob("*.hlog"), key=lambda p: p.stat().st_mtime)
    if not files:
        raise NoLatencies(state=state)
    run = run_of(files[-1])
    kept = Kept(run=run, state=str(state), series={})
    for path in sorted((state / "latency").glob(f"{run}-*.hlog")):
        if run_of(path) != run:
            continue
        lane = path.stem.removeprefix(f"{run}-")
        for one in read_intervals(path):
            key = (one.stage, lane if one.stage in BY_LANE else "")
            kept.series.setdefault(key, []).append(one)
    if not kept.series:
        raise NoLatencies(state=state)
    for intervals in kept.series.values():
        intervals.sort(key=lambda i: i.start_s)
    return kept


def run_of(path: Path) -> str:
    """The run a file belongs to: `<time>-<number>-<lane>.hlog`."""
    return "-".join(path.stem.split("-")[:2])


def compared(kept: Kept, other: Kept) -> dict[str, dict[str, float]]:
    """{stage: how many times the other run's p50, p99, p99.9}, where both have the stage."""
    ours, theirs = kept.rows(), other.rows()
    found = {}
    for name in ours.keys() & theirs.keys():
        a, b = ours[name], theirs[name]
        ratios: dict[str, float] = {}
        for field in ("p50_ns", "p99_ns", "p999_ns"):
            if b[field]:
                ratios[field.replace("_ns", "_ratio")] = round(a[field] / b[field], 3)
        found[name] = ratios
    return dict(sorted(found.items()))


def document(kept: Kept, other: Kept | None) -> dict[str, Any]:
    """What `tiercel latency --json` says of kept files."""
    found: dict[str, Any] = {"run": kept.run, "state": kept.state, "latency": kept.rows()}
    if other is not None:
        baseline = {"run": other.run, "state": other.state, "latency": other.rows()}
        found |= {"baseline": baseline, "ratios": compared(kept, other)}
    return found
