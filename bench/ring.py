"""What an outbox and a histogram cost, beside bench/floor/spsc.c in the same run.

Rows: `ring_local` (write of 64 bytes and one reader, one process), `ring_cross` (from the write to
its sight in another process, both spinning, p50), `histogram` (one record). Floor and ours take
turns in bursts of tens of milliseconds, in real-time priority where that is allowed, so that
neighbours stay out; a value is the median of its runs, a ratio that of its pairs.
"""

from __future__ import annotations

import contextlib
import os
import random
from array import array
from collections.abc import Iterator
from statistics import median
from typing import Any

import orjson

from bench import floors
from bench.ring_loops import consume, local, produce, record
from hotpath.histogram import Histogram
from hotpath.ring import Outbox, Reader, file_bytes

Row = dict[str, Any]
CAPACITY = 1 << 20
GAP_NS = 2000


def row(
    name: str,
    runs: list[float],
    floor_runs: list[float],
    must: float,
    aim: float,
    by_ratio: bool = False,
) -> Row:
    """One row of `tiercel bench --json`; `must` and `aim` are ns, or ratios to the floor."""
    value = median(runs)
    floor = median(floor_runs) if floor_runs else None
    pairs = [a / b for a, b in zip(runs, floor_runs, strict=True)] if floor_runs else []
    ratio = median(pairs) if pairs else None
    ok = (ratio if by_ratio and ratio is not None else value) <= must
    return {
        "id": name,
        "value": round(value, 2),
        "unit": "ns",
        "floor": None if floor is None else round(floor, 2),
        "ratio": None if ratio is None else round(ratio, 3),
        "must": must,
        "aim": aim,
        "ok": ok,
        "runs": [round(r, 2) for r in runs],
    }


@contextlib.contextmanager
def burst() -> Iterator[None]:
    """Real-time priority for a short measurement, where the system allows it."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(5))
    except PermissionError:
        yield
        return
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def ring_local(quick: bool) -> Row:
    count, repeats = (200_000, 5) if quick else (1_000_000, 21)
    runs, floor_runs = [], []
    outbox = Outbox.private(CAPACITY, 1)
    reader = Reader.of(outbox)
    for _ in range(repeats):
        with burst():
            floor_runs.append(orjson.loads(floors.run("spsc", "local", str(count)))["ns"])
            runs.append(local(outbox, reader, count))
    return row("ring_local", runs, floor_runs, must=25, aim=15)


def cores() -> tuple[int, int]:
    """Two cores for the two sides, -1 (not pinned) where only one may be used."""
    usable = sorted(os.sched_getaffinity(0))
    return (usable[-1], usable[0]) if len(usable) > 1 else (-1, -1)


def cross_once(count: int, writer_core: int, reader_core: int) -> float:
    fd = os.memfd_create("bench")
    before = os.sched_getaffinity(0)
    try:
        os.ftruncate(fd, file_bytes(CAPACITY))
        Outbox.create(fd, CAPACITY, 1, 0, gating=("reader",))
        reader = Reader.attach(fd, "reader")
        delays = array("q", bytes(8 * count))
        if writer_core >= 0:  # before the fork: a spinning parent would starve a child on its core
            os.sched_setaffinity(0, {writer_core})
        pid = os.fork()
        if not pid:
            try:
                produce(Outbox.attach(fd, 1), count, GAP_NS)
            finally:
                os._exit(0)
        if reader_core >= 0:
            os.sched_setaffinity(0, {reader_core})
        consume(reader, delays)
        os.waitpid(pid, 0)
        return float(median(delays))
    finally:
        os.sched_setaffinity(0, before)
        os.close(fd)


def ring_cross(quick: bool) -> Row:
    count, repeats = (10_000, 7) if quick else (20_000, 21)
    writer, reader = cores()
    runs, floor_runs = [], []
    arguments = ("cross", str(writer), str(reader), str(count), str(GAP_NS))
    for _ in range(repeats):
        with burst():
            floor_runs.append(float(orjson.loads(floors.run("spsc", *arguments))["p50_ns"]))
            runs.append(cross_once(count, writer, reader))
    return row("ring_cross", runs, floor_runs, must=2, aim=1.2, by_ratio=True)


def histogram(quick: bool) -> Row:
    draw = random.Random(1)
    values = array("q", [int(draw.lognormvariate(8, 1.5)) for _ in range(2000)])
    rounds, repeats = (50, 7) if quick else (500, 21)
    into, runs = Histogram.private(), []
    for _ in range(repeats):
        with burst():
            runs.append(record(into, values, rounds))
    return row("histogram", runs, [], must=4, aim=2)


def rows(quick: bool) -> list[Row]:
    return [ring_local(quick), ring_cross(quick), histogram(quick)]
