"""Drills run to their end: what the demo's configuration does under each fault, and the verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.demo import SHIPPED
from engine.drill import Drill, broken, ledger_lines
from tests.engine.test_drill import drill


def run(fault: str, state: Path) -> dict[str, Any]:
    code, found = drill(fault, "--for", "12s", "--state", str(state))
    assert found.get("broken") == [] and code == 0, found
    assert found["trades"]["before"] >= 2 and found["trades"]["after"] >= 1, found
    return found


@pytest.mark.long
def test_a_killed_lane(tmp_path: Path) -> None:
    found = run("kill-lane", tmp_path / "state")
    assert found["restarts"] >= 1
    assert any("SIGKILL" in s["what"] for s in found["what_happened"])


@pytest.mark.long
def test_a_full_disk(tmp_path: Path) -> None:
    found = run("full-disk", tmp_path / "state")
    assert found["fault_s"] >= 3


@pytest.mark.long
@pytest.mark.parametrize(
    ("fault", "acts"), [("lost-reply", "lost_reply"), ("silent-feed", "silence")]
)
def test_an_exchange_that_misbehaves(tmp_path: Path, fault: str, acts: str) -> None:
    assert run(fault, tmp_path / "state")["faults_acted"].get(acts)


@pytest.mark.long
def test_what_does_not_hold_is_said(tmp_path: Path) -> None:
    """A ledger that has an order twice, and numbers that are not right, are each named."""
    found = run("reject", tmp_path / "state")
    assert found["rejected"] >= 1
    again = Drill(SHIPPED, tmp_path / "state", 7, {})
    ledger = tmp_path / "state" / "exchanges" / "alpha.ledger.jsonl"

    class Party:
        pass

    party: Any = Party()
    party.ledger = ledger
    again.exchanges = [party]
    good = {
        "ledger_matches": True,
        "orders_unknown": 0,
        "unhedged": "0",
        "replays": [{}],
        "replay_identical": True,
    }
    assert broken(again, good, 0, True, False) == []
    client = ledger_lines(ledger, "order")[0]["client_id"].encode()
    lines = ledger.read_bytes().splitlines()
    line = next(x for x in lines if client in x and b'"t":"order"' in x)
    with ledger.open("ab") as f:
        f.write(line + b"\n")
    assert "no order reached an exchange twice" in broken(again, good, 0, True, False)
    bad = {
        "ledger_matches": False,
        "orders_unknown": 1,
        "unhedged": "0.1",
        "replays": [{}],
        "replay_identical": False,
    }
    assert len(broken(again, bad, 1, False, True)) == 8
