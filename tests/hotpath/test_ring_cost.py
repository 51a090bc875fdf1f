"""Costs of ring and histogram as benchmark cases, and that the rows of the bench are whole."""

from __future__ import annotations

from typing import Any

import pytest

from bench import ring as bench
from hotpath.histogram import Histogram
from hotpath.ring import Outbox, Reader


def test_rows_have_the_form_of_the_contract() -> None:
    from bench.ring_loops import local

    outbox = Outbox.private(1 << 16, 1)
    assert local(outbox, Reader.of(outbox), 10_000) > 0
    row = bench.row("ring_cross", [3.0, 1.0, 2.0], [2.0, 1.0, 2.0], must=2, aim=1.2, by_ratio=True)
    assert row == {
        "id": "ring_cross",
        "value": 2.0,
        "unit": "ns",
        "floor": 2.0,
        "ratio": 1.0,
        "must": 2,
        "aim": 1.2,
        "ok": True,
        "runs": [3.0, 1.0, 2.0],
    }
    assert not bench.row("ring_local", [30.0], [1.0], must=25, aim=15)["ok"]


@pytest.mark.bench
def test_cost_from_python(benchmark: Any) -> None:
    outbox = Outbox.private(1 << 16, 1)
    reader, payload = Reader.of(outbox), bytes(64)

    def pair() -> None:
        outbox.append(21, payload)
        reader.take(1)
        reader.store()

    benchmark(pair)


@pytest.mark.bench
def test_cost_of_a_histogram_record_from_python(benchmark: Any) -> None:
    histogram = Histogram.private()
    benchmark(histogram.add, 1234)
