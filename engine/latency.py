"""`.hlog` files: the histograms of a lane, as HdrHistogram's tools read them."""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from hdrh.codec import HdrCookieException, HdrLengthException
from hdrh.histogram import HdrHistogram

from engine.whole import append_whole
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
        self._head = "\n".join(lines) + "\n"
        with contextlib.suppress(OSError):  # then it is begun with its first line
            path.unlink(missing_ok=True)
            self._add("")

    def _add(self, line: str) -> None:
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        try:
            begun = os.fstat(fd).st_size > 0
            append_whole(fd, (("" if begun else self._head) + line).encode())
        finally:
            os.close(fd)

    def append(self, end_ns: int) -> Iterator[str]:
        """Write a line for each stage that counted something, up to `end_ns` (UTC); its names.

        One step a stage, some milliseconds each: whoever has something else to do does it between.
        OSError on a full disk: that stage's counts wait for the next line that can be written.
        """
        for name in self.stages.names:
            histogram = self.stages[name]
            total, before = self._told.get(name, (0, []))
            if histogram.count == total:
                continue
            counts = histogram.counts()
            grown = [a - b for a, b in zip(counts, before, strict=True)] if before else counts
            added = sum(grown)
            told = histogram.count, counts
            if added <= 0:
                self._told[name], self._since[name] = told, end_ns
                continue
            hdr = HdrHistogram(1, TOP_NS, 3)
            hdr.encoder.payload.counts[:] = grown
            hdr.total_count = added
            filled = [i for i, n in enumerate(grown) if n]
            hdr.min_value = max(1, lowest_equivalent(filled[0]))
            hdr.max_value = min(highest_equivalent(filled[-1]), histogram.max)
            start_ns = self._since[name]
            start, seconds = start_ns / 1e9, (end_ns - start_ns) / 1e9
            blob, highest_ms = hdr.encode().decode("ascii"), hdr.max_value / 1e6
            self._add(f"Tag={name},{start:.3f},{seconds:.3f},{highest_ms:.3f},{blob}\n")
            self._told[name], self._since[name] = told, end_ns
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
