"""What a frame costs the book, beside bench/floor/book_floor.c and the best Python in the same run.

Rows: `depth_floor` (depth frame of 20 + 20 levels scanned, checked, joined, applied, best read;
ratio to the floor), `depth_python` (how often that goes into orjson + dict + bisect), `top_frame`
(bookTicker), `book_change` (one level set and the best read, 1,000 levels). Medians; floor, ours
and Python take turns in short bursts.
"""

from __future__ import annotations

import random
import tempfile
from bisect import bisect_left, insort
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Any

import orjson

from bench import floors
from bench.book_loops import change, depth, top
from bench.depth_frames import Stream, make, write
from bench.ring import burst
from hotpath.instrument import Instrument

Row = dict[str, Any]
FRAMES = 300
BTC = Instrument("BTCUSDT", "0.01", "0.00001")


class PythonBook:
    """The fastest book that plain Python allows here: a dict of text to text and a sorted list of
    prices a side, best last. Prices become numbers only where a level comes or goes, and a removal
    is told by the venue's own spelling of zero."""

    def __init__(self) -> None:
        self.sizes: tuple[dict[str, str], dict[str, str]] = ({}, {})
        self.prices: tuple[list[float], list[float]] = ([], [])  # asks negated: best last too

    def apply(self, side: int, levels: list[list[str]]) -> None:
        sizes, prices = self.sizes[side], self.prices[side]
        for text, size in levels:
            if size == "0.00000000":
                if sizes.pop(text, None) is not None:
                    del prices[bisect_left(prices, -float(text) if side else float(text))]
            else:
                if text not in sizes:
                    insort(prices, -float(text) if side else float(text))
                sizes[text] = size


def python_depth(stream: Stream) -> float:
    """ns a depth frame in Python; the best after each frame is checked against the truth."""
    book = PythonBook()
    first = orjson.loads(stream.snapshot)
    book.apply(0, first["bids"])
    book.apply(1, first["asks"])
    loads, apply, prices = orjson.loads, book.apply, book.prices
    best = []
    began = perf_counter_ns()
    for frame in stream.depth:
        m = loads(frame)
        apply(0, m["b"])
        apply(1, m["a"])
        best.append((prices[0][-1], -prices[1][-1]))
    spent = perf_counter_ns() - began
    if [(round(b * 100), round(a * 100)) for b, a in best] != stream.best:
        raise AssertionError("the Python book is wrong")
    return spent / len(best)


def row(
    name: str,
    runs: list[float],
    floor_runs: list[float],
    must: float,
    aim: float,
    *,
    ratios: list[float] | None = None,
    is_least: bool = False,
) -> Row:
    """One row; with `ratios` they are what `must` is about, and `is_least` asks for at least it."""
    value, ratio = median(runs), median(ratios) if ratios else None
    judged = value if ratio is None else ratio
    return {
        "id": name,
        "value": round(value, 2),
        "unit": "ns",
        "floor": round(median(floor_runs), 2) if floor_runs else None,
        "ratio": None if ratio is None else round(ratio, 3),
        "must": must,
        "aim": aim,
        "ok": judged >= must if is_least else judged <= must,
        "runs": [round(r, 2) for r in runs],
    }


def depth_rows(quick: bool) -> list[Row]:
    """A few hundred frames, so that they lie in the second cache like one that just came in."""
    repeats = 11 if quick else 41
    stream = make(FRAMES)
    depth(BTC, stream.snapshot, stream.depth, stream.best)  # right first, then fast
    runs, floor_runs, python_runs = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        write(stream, Path(folder))
        for _ in range(repeats):
            with burst():
                floor_runs.append(float(orjson.loads(floors.run("book_floor", folder, "15"))["ns"]))
                ours = [depth(BTC, stream.snapshot, stream.depth, []) for _ in range(15)]
                runs.append(median(ours))
                python_runs.append(median(python_depth(stream) for _ in range(3)))
    return [
        row(
            "depth_floor",
            runs,
            floor_runs,
            1.3,
            0.8,
            ratios=[a / b for a, b in zip(runs, floor_runs, strict=True)],
        ),
        row(
            "depth_python",
            runs,
            python_runs,
            15,
            30,
            ratios=[b / a for a, b in zip(runs, python_runs, strict=True)],
            is_least=True,
        ),
    ]


def top_row(quick: bool) -> Row:
    repeats, rounds = (15, 20) if quick else (41, 50)
    frames = make(FRAMES).ticker
    runs = []
    for _ in range(repeats):
        with burst():
            runs.append(top(BTC, frames, rounds))
    return row("top_frame", runs, [], 150, 60)


def change_row(quick: bool) -> Row:
    """Distances from the top as in captures (mean five ticks), a quarter of them deletions."""
    repeats, rounds = (15, 10) if quick else (41, 20)
    draw = random.Random(7)
    prices = [6_400_000 - min(999, int(draw.expovariate(1 / 5))) for _ in range(20_000)]
    sizes = [0 if draw.random() < 0.25 else draw.randrange(1, 10**9) for _ in prices]
    runs = []
    for _ in range(repeats):
        with burst():
            runs.append(change(prices, sizes, rounds))
    return row("book_change", runs, [], 6, 3)


def rows(quick: bool) -> list[Row]:
    """The rows depth_floor, depth_python, top_frame and book_change."""
    return [*depth_rows(quick), top_row(quick), change_row(quick)]
