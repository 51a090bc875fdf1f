"""`tiercel bench WHAT`: every part the command names exists, and prints rows of one shape."""

from __future__ import annotations

import subprocess
import sys

import orjson
import pytest

from bench import parts

ROW = {"id", "value", "unit", "floor", "ratio", "must", "aim", "ok", "runs"}
ROWS = {
    "frame": {"depth_floor", "depth_python", "top_frame"},
    "book": {"book_change"},
    "ring": {"ring_local", "ring_cross"},
    "histogram": {"histogram"},
    "gate": {"gate"},
}


def bench(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "engine.main", "bench", *arguments, "--json"]
    return subprocess.run(command, capture_output=True, timeout=300, check=False)


@pytest.mark.parametrize("what", sorted(ROWS))
def test_a_part_prints_its_rows(what: str) -> None:
    done = bench(what, "--quick")
    found = orjson.loads(done.stdout)["rows"]
    assert {r["id"] for r in found} == ROWS[what]
    assert all(set(r) == ROW and r["value"] > 0 and r["runs"] for r in found)
    assert done.returncode == (0 if all(r["ok"] for r in found) else 1)


def test_every_part_has_its_way_to_be_measured() -> None:
    assert all(parts.main_of(what) is not None for what in parts.NAMES)
    assert set(parts.ALL) <= set(parts.NAMES)


def test_a_part_that_is_none_is_named_with_those_there_are() -> None:
    done = bench("nothing")
    assert done.returncode == 2
    error = orjson.loads(done.stdout)["error"]
    assert error["code"] == "TCL-1001" and "frame" in error["why"]
