"""The benchmark measures what it says: right books, a floor that checks itself, whole rows."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from bench import floors
from bench.book import BTC, PythonBook, python_depth, row
from bench.book_loops import change, depth, top
from bench.depth_frames import Stream, make, write


@pytest.fixture(scope="module")
def stream() -> Stream:
    return make(120)


def test_ours_is_checked_after_every_frame(stream: Stream) -> None:
    assert depth(BTC, stream.snapshot, stream.depth, stream.best) > 0
    wrong = [*stream.best[:-1], (1, 2)]
    with pytest.raises(AssertionError, match="the best is wrong"):
        depth(BTC, stream.snapshot, stream.depth, wrong)
    with pytest.raises(AssertionError, match="not applied"):
        depth(BTC, stream.snapshot, [stream.depth[0], stream.depth[2]], [])


def test_python_is_checked_too(stream: Stream) -> None:
    assert python_depth(stream) > 0
    with pytest.raises(AssertionError, match="Python book is wrong"):
        python_depth(stream._replace(best=[(1, 2), *stream.best[1:]]))


def test_the_python_book_keeps_its_sides_sorted(stream: Stream) -> None:
    book = PythonBook()
    book.apply(1, [["3.0", "1"], ["2.0", "1"], ["2.5", "1"]])
    book.apply(1, [["2.0", "0.00000000"], ["9.0", "0.00000000"]])
    assert book.prices[1] == [-3.0, -2.5] and book.sizes[1] == {"3.0": "1", "2.5": "1"}


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc builds the floor programs")
def test_the_floor_checks_itself(stream: Stream, tmp_path: Path) -> None:
    write(stream, tmp_path)
    found = orjson.loads(floors.run("book_floor", str(tmp_path), "3"))
    assert found["frames"] == len(stream.depth) and found["ns"] > 0
    (tmp_path / "truth.txt").write_text("1 2\n" * len(stream.depth))
    with pytest.raises(Exception, match="returned non-zero"):
        floors.run("book_floor", str(tmp_path), "3")


def test_rows_judge_by_ratio_where_there_is_one() -> None:
    assert row("a", [5.0, 7.0, 6.0], [], 6, 3)["ok"]
    assert not row("a", [50.0], [10.0], 1.3, 0.8, ratios=[5.0])["ok"]
    found = row("a", [50.0], [2000.0], 15, 30, ratios=[40.0], is_least=True)
    assert found["ok"] and found["ratio"] == 40 and found["floor"] == 2000
    assert not row("a", [50.0], [500.0], 15, 30, ratios=[10.0], is_least=True)["ok"]


@pytest.mark.bench
def test_depth_frame(benchmark: Callable[..., Any], stream: Stream) -> None:
    benchmark(depth, BTC, stream.snapshot, stream.depth, [])


@pytest.mark.bench
def test_ticker_frame(benchmark: Callable[..., Any], stream: Stream) -> None:
    benchmark(top, BTC, stream.ticker, 10)


@pytest.mark.bench
def test_book_change(benchmark: Callable[..., Any]) -> None:
    benchmark(change, [6_400_000 - i % 7 for i in range(1000)], [i % 4 for i in range(1000)], 10)
