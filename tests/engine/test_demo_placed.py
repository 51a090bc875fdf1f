"""Placement is configuration: the demo's feeds in a lane of their own, its strategy in another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from engine.demo import SHIPPED

RUN = """
import sys
from pathlib import Path
import engine.demo
from engine.main import main
engine.demo.SHIPPED = Path(sys.argv.pop(1))
main()
"""


def feeds_apart(document: Any) -> Any:
    """The same application with a lane `market` before `trade` that holds the feeds."""
    at = next(i for i, lane in enumerate(document["lanes"]) if lane["name"] == "trade")
    trade = document["lanes"][at]
    feeds = [a for a in trade["actors"] if a["kind"] == "feeds/binance"]
    assert feeds, "the demo's feeds are not where this test looks for them"
    trade["actors"] = [a for a in trade["actors"] if a not in feeds]
    document["lanes"].insert(at, {**trade, "name": "market", "actors": feeds})
    return document


@pytest.mark.long
def test_a_strategy_trades_on_books_of_another_lane(tmp_path: Path) -> None:
    config = tmp_path / "apart.yaml"
    document = feeds_apart(msgspec.yaml.decode(SHIPPED.read_bytes()))
    config.write_bytes(orjson.dumps(document))
    state = tmp_path / "state"
    done = subprocess.run(
        [sys.executable, "-c", RUN, config, "demo", "--for", "10s", "--json", "--state", state],
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    report = orjson.loads(done.stdout)
    assert report["fills"] >= 10
    assert report["ledger_matches"] and report["replay_identical"] and report["unhedged"] == "0"
    assert report["restarts"] == 0 and report["orders_unknown"] == 0
