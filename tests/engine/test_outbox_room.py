"""A snapshot has room in its outbox, or the configuration is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine import config
from feeds.binance.settings import RestSettings
from hotpath.records import Kind, Snapshot, pack
from hotpath.ring import Outbox
from tests.engine.test_config import refused as refused_by_check
from tests.engine.test_config import small, write

SIZES = (64, 128, 256, 512, 1024)


def with_snapshots(outbox_kib: int, levels: int) -> dict[str, Any]:
    tree = small()
    rest = {
        "name": "rest",
        "kind": "feeds/binance/rest",
        "venue": "alpha",
        "instruments": ["alpha.X"],
        "settings": {"snapshot_levels": levels},
    }
    tree["venues"]["alpha"]["endpoints"] = {
        "streams": "ws://127.0.0.1:1",
        "orders": "ws://127.0.0.1:1",
        "rest": "http://127.0.0.1:1",
    }
    lane = {"name": "control", "runtime": "trio", "outbox_kib": outbox_kib, "actors": [rest]}
    tree["lanes"].append(lane)
    return tree


def snapshot(levels: int) -> bytes:
    side = tuple((k + 1, 1) for k in range(levels))
    return pack(Snapshot(last_id=1, venue_time=0, epoch=1, bids=side, asks=side))


@pytest.mark.parametrize("kib", SIZES)
@pytest.mark.parametrize("levels", [100, 500, 1000, 5000])
def test_a_snapshot_is_refused_by_the_check_or_fits(tmp_path: Path, kib: int, levels: int) -> None:
    """5,000 levels in the smallest outbox passed the check, and ended their lane at each start."""
    outbox = Outbox.private(kib * 1024, 3)
    payload = snapshot(levels)
    try:
        fits = outbox.append(Kind.SNAPSHOT, payload) > 0
    except ValueError:
        fits = False
    tree = with_snapshots(kib, levels)
    if fits:
        config.read(write(tmp_path, tree), {})
    else:
        said = refused_by_check(tmp_path, tree)
        assert (said.code, "lane control" in str(said)) == ("TCL-1032", True)
        near = next(
            k for k in SIZES if k * 256 >= RestSettings(snapshot_levels=levels).largest_record
        )
        assert f"to {near}," in str(said)
        config.read(write(tmp_path, with_snapshots(near, levels)), {})
    if (kib, levels) in ((64, 5000), (64, 1000), (512, 5000)):
        assert not fits


@pytest.mark.parametrize("levels", [5, 500, 5000])
def test_the_size_that_is_checked_is_the_records(levels: int) -> None:
    record = RestSettings(snapshot_levels=levels).largest_record
    assert record == 40 + len(snapshot(levels))
