"""`.hlog` files: the histograms of a lane, as HdrHistogram's tools read them."""

from __future__ import annotations

from pathlib import Path

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from hotpath.histogram import TOP_NS, Histogram, Stages


def to_hdr(histogram: Histogram) -> HdrHistogram:
    """A copy of the counts as the package's object (1 ns to 60 s, 3 digits)."""
    out = HdrHistogram(1, TOP_NS, 3)
    counts = histogram.counts()
    out.encoder.payload.counts[:] = counts
    out.total_count = sum(counts)
    out.min_value, out.max_value = max(1, histogram.min), histogram.max
    return out


def write_hlog(path: Path, stages: Stages, start_ns: int, end_ns: int) -> None:
    """Write one interval a stage, tagged with its name; times are UTC ns, empty stages left out.

    The lines are written here: the package's writer knows no tags, and its start time raises.
    """
    start_s, seconds = start_ns / 1e9, (end_ns - start_ns) / 1e9
    lines = [
        "#[Histogram log format version 1.2]",
        f"#[StartTime: {start_s:.3f} (seconds since epoch)]",
        '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
    ]
    for name in stages.names:
        hdr = to_hdr(stages[name])
        if hdr.total_count:
            blob = hdr.encode().decode("ascii")
            max_ms = hdr.get_max_value() / 1e6
            lines.append(f"Tag={name},{start_s:.3f},{seconds:.3f},{max_ms:.3f},{blob}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_hlog(path: Path) -> dict[str, HdrHistogram]:
    """{stage: histogram}, intervals of the same stage added up."""
    found: dict[str, HdrHistogram] = {}
    reader = HistogramLogReader(str(path), HdrHistogram(1, TOP_NS, 3))
    while True:
        one = reader.get_next_interval_histogram()
        if one is None:
            reader.close()
            return found
        name = one.get_tag() or ""
        if name in found:
            found[name].add(one)
        else:
            found[name] = one
