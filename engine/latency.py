"""`.hlog` files: the histograms of a lane, as HdrHistogram's tools read them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from hdrh.codec import HdrCookieException, HdrLengthException
from hdrh.histogram import HdrHistogram

from hotpath.histogram import TOP_NS, Histogram, Stages, highest_equivalent, lowest_equivalent


def to_hdr(histogram: Histogram) -> HdrHistogram:
    """A copy of the counts as the package's object (1 ns to 60 s, 3 digits)."""
    out = HdrHistogram(1, TOP_NS, 3)
    counts = histogram.counts()
    out.encoder.payload.counts[:] = counts
    out.total_count = sum(counts)
    out.min_value, out.max_value = max(1, histogram.min), histogram.max
    return out


class HistogramLog:
    """A lane's .hlog as it grows: what each stage counted since its line before.

    One line an interval and stage, tagged with the stage's name, so that a reader sees how it went
    over time and adds all up for the whole. The lines are written here: the package's writer knows
    no tags, and its start time raises.
    """

    def __init__(self, path: Path, stages: Stages, start_ns: int) -> None:
        self.path, self.stages = path, stages
        self._told: dict[str, tuple[int, list[int]]] = {}
        self._since = dict.fromkeys(stages.names, start_ns)
        lines = [
            "#[Histogram log format version 1.2]",
            f"#[StartTime: {start_ns / 1e9:.3f} (seconds since epoch)]",
            '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
        ]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def append(self, end_ns: int) -> Iterator[str]:
        """Write a line for each stage that counted something, up to `end_ns` (UTC); its names.

        One step a stage, some milliseconds each: whoever has something else to do does it between.
        """
        for name in self.stages.names:
            histogram = self.stages[name]
            total, before = self._told.get(name, (0, []))
            if histogram.count == total:
                continue
            counts = histogram.counts()
            grown = [a - b for a, b in zip(counts, before, strict=True)] if before else counts
            added = sum(grown)
            self._told[name] = histogram.count, counts
            start_ns, self._since[name] = self._since[name], end_ns
            if added <= 0:
                continue
            hdr = HdrHistogram(1, TOP_NS, 3)
            hdr.encoder.payload.counts[:] = grown
            hdr.total_count = added
            filled = [i for i, n in enumerate(grown) if n]
            hdr.min_value = max(1, lowest_equivalent(filled[0]))
            hdr.max_value = min(highest_equivalent(filled[-1]), histogram.max)
            start, seconds = start_ns / 1e9, (end_ns - start_ns) / 1e9
            blob = hdr.encode().decode("ascii")
            with self.path.open("a", encoding="utf-8") as f:
                highest_ms = hdr.max_value / 1e6
                f.write(f"Tag={name},{start:.3f},{seconds:.3f},{highest_ms:.3f},{blob}\n")
            yield name


def write_hlog(path: Path, stages: Stages, start_ns: int, end_ns: int) -> None:
    """A whole .hlog of one interval; times are UTC ns, empty stages left out."""
    for _ in HistogramLog(path, stages, start_ns).append(end_ns):
        pass


class Interval(NamedTuple):
    """One line of an .hlog: a stage between two times (UTC, seconds)."""

    stage: str
    start_s: float
    seconds: float
    histogram: HdrHistogram


def read_intervals(path: Path) -> list[Interval]:
    """Every interval of an .hlog in order; a line cut short by a death is left out."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("Tag="):
            continue
        parts = line.removeprefix("Tag=").split(",")
        try:
            stage, start, seconds, _, blob = parts
            histogram = HdrHistogram.decode(blob)
            found.append(Interval(stage, float(start), float(seconds), histogram))
        except (ValueError, zlib.error, HdrCookieException, HdrLengthException):
            continue
    return found


def read_hlog(path: Path) -> dict[str, HdrHistogram]:
    """{stage: histogram}, intervals of the same stage added up."""
    found: dict[str, HdrHistogram] = {}
    for one in read_intervals(path):
        if one.stage in found:
            found[one.stage].add(one.histogram)
        else:
            found[one.stage] = one.histogram
    return found
