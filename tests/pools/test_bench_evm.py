"""`tiercel bench pools`: every row of the EVM part is there, and what is timed is right.

The rows compare the pools with the floor program and with Python's integers on the same numbers
before they time anything, so a wrong answer ends the benchmark.
"""

from __future__ import annotations

from typing import Any

import pytest

from bench.pools_evm import rows

MUST_NS = {
    "v3_in_0": 400,
    "v3_in_5": 2_500,
    "v3_in_50": 20_000,
    "tick_to_price": 150,
    "price_to_tick": 600,
    "python_call": 400,
    "apply_log": 300,
    "size_v2_v2": 1_000,
    "size_v3_v3": 60_000,
    "cycles": 400_000,
    "pool_memory": 256 * 1024,
}


@pytest.fixture(scope="module")
def measured() -> dict[str, dict[str, Any]]:
    return rows(True)


def test_every_row_is_measured(measured: dict[str, dict[str, Any]]) -> None:
    assert set(measured) == {*MUST_NS, "v2_in"}
    assert all(row["ns"] > 0 for name, row in measured.items() if name != "python_call")
    assert measured["v2_in"]["floor_ns"] > 0
    assert measured["v3_in_5"]["python_ns"] > 0
    assert measured["size_v3_v3"]["crossed"] >= [5, 5]
    cycles = measured["cycles"]
    assert (cycles["through"], cycles["verified"]) == (1000, 10)
    assert cycles["cycles"] >= 10_000
    assert cycles["gained"] > 0
    assert measured["pool_memory"]["ns"] <= MUST_NS["pool_memory"]


@pytest.mark.bench
def test_every_row_is_fast_enough(measured: dict[str, dict[str, Any]]) -> None:
    slow = {k: measured[k]["ns"] for k, most in MUST_NS.items() if measured[k]["ns"] > most}
    assert slow == {}
    assert measured["v2_in"]["ns"] <= 2 * measured["v2_in"]["floor_ns"]
    assert measured["v3_in_5"]["python_ns"] >= 8 * measured["v3_in_5"]["ns"]
