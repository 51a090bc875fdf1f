"""Histograms: every count where HdrHistogram has it, and files its tools can read."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from hdrh.histogram import HdrHistogram

from engine.latency import read_hlog, to_hdr, write_hlog
from hotpath import histogram as h

EDGES = [0, 1, 2, 1023, 1024, 2047, 2048, 2049, 4095, 4096, 4097, 10**9, h.TOP_NS - 1, h.TOP_NS]


def values(seed: int, n: int = 20_000) -> list[int]:
    draw = random.Random(seed)
    return [min(h.TOP_NS, int(draw.lognormvariate(8, 3))) for _ in range(n)] + EDGES


@pytest.mark.parametrize("seed", range(3))
def test_counts_equal_the_package_s_bucket_by_bucket(seed: int) -> None:
    ours, theirs = h.Histogram.private(), HdrHistogram(1, h.TOP_NS, 3)
    for v in values(seed):
        ours.add(v)
        theirs.record_value(v)
    assert theirs.counts_len == h.COUNTS
    assert ours.counts() == [theirs.get_count_at_index(i) for i in range(h.COUNTS)]
    quantiles = (0.0001, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0)
    wanted = [min(theirs.get_value_at_percentile(100 * q), ours.max) for q in quantiles]
    assert ours.percentiles(quantiles) == wanted
    assert (ours.count, ours.max) == (theirs.total_count, max(values(seed)))


def test_edges_of_every_bucket() -> None:
    """Each index holds exactly the values from its lowest to its highest equivalent."""
    theirs = HdrHistogram(1, h.TOP_NS, 3)
    previous = -1
    for index in range(h.COUNTS):
        low, high = h.lowest_equivalent(index), h.highest_equivalent(index)
        assert low == previous + 1
        previous = high
        if low <= h.TOP_NS:
            assert theirs._counts_index_for(low) == index == theirs._counts_index_for(high)


def test_values_outside_count_at_the_nearest_end() -> None:
    ours = h.Histogram.private()
    for v in (-1, -(1 << 62), h.TOP_NS + 1, (1 << 63) - 1):
        ours.add(v)
    assert (ours.count, ours.clamped, ours.min, ours.max) == (4, 4, 0, h.TOP_NS)
    ours.reset()
    assert ours.summary() == {"count": 0, "p50_ns": 0, "p99_ns": 0, "p999_ns": 0, "max_ns": 0}


def test_hlog_is_read_back_by_the_package(tmp_path: Path) -> None:
    stages = h.Stages.private(("tick_to_order", "ack", "never"))
    for v in values(1, 2000):
        stages["tick_to_order"].add(v)
        stages["ack"].add(v // 2)
    path = tmp_path / "run-lane.hlog"
    write_hlog(path, stages, 1_700_000_000 * 10**9, 1_700_000_007 * 10**9)
    back = read_hlog(path)
    assert list(back) == ["tick_to_order", "ack"]
    for name, theirs in back.items():
        got = [theirs.get_count_at_index(i) for i in range(h.COUNTS)]
        assert got == stages[name].counts()
    assert to_hdr(stages["ack"]).get_max_value() == back["ack"].get_max_value()


def test_touching_every_page_changes_no_count() -> None:
    fd = os.memfd_create("stages")
    os.ftruncate(fd, h.file_bytes(2))
    stages = h.Stages.create(fd, ("a", "b"))
    stages["b"].add(5)
    held = os.fstat(fd).st_blocks * 512
    stages.prefault()
    assert held < h.file_bytes(2) <= os.fstat(fd).st_blocks * 512, "a page is still to be made"
    assert stages["b"].counts()[:7] == [0, 0, 0, 0, 0, 1, 0] and stages["b"].count == 1
    os.close(fd)


def test_stages_are_shared_by_descriptor() -> None:
    fd = os.memfd_create("stages")
    os.ftruncate(fd, h.file_bytes(2))
    mine = h.Stages.create(fd, ("decode", "send"))
    theirs = h.Stages.attach(fd)
    mine["send"].add(777)
    assert theirs.names == ("decode", "send")
    assert theirs.summary()["send"] == mine["send"].summary()
    assert theirs["send"].percentiles([0.5]) == [777]
    with pytest.raises(KeyError):
        theirs["sent"]
    os.pwrite(fd, b"\0", 0)
    with pytest.raises(h.ForeignHistogram):
        h.Stages.attach(fd)
    os.close(fd)
