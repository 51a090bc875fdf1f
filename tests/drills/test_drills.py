"""Drills run to their end: what the demo's configuration does under each fault, and the verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.demo import SHIPPED
from engine.drill import Drill, run_drill
from engine.drill_faults import Fault
from engine.drill_verdict import broken, ledger_lines
from tests.engine.small_disk import small_disk
from tests.engine.test_drill import drill


def run(fault: str, state: Path) -> dict[str, Any]:
    code, found = drill(fault, "--for", "12s", "--state", str(state))
    assert found.get("broken") == [] and code == 0, found
    assert found["trades"]["before"] >= 2 and found["trades"]["after"] >= 1, found
    return found


def words(found: dict[str, Any]) -> str:
    """What happened, as one text."""
    return "\n".join(s["what"] for s in found["what_happened"])


@pytest.mark.long
def test_a_killed_lane(tmp_path: Path) -> None:
    found = run("kill-lane", tmp_path / "state")
    assert found["restarts"] >= 1
    assert "ended by SIGKILL" in words(found) and "life 2 of it" in words(found)


@pytest.mark.long
def test_a_lane_that_stands_still_is_replaced(tmp_path: Path) -> None:
    found = run("stop-lane", tmp_path / "state")
    assert found["restarts"] >= 1 and found["fault_s"] >= 3
    assert "the root kills lane trade: its heartbeat stood still" in words(found)
    assert found["first_trade_after_s"] < 3, "it waited for the stopped process"


@pytest.mark.long
def test_a_killed_root_is_started_again_and_trades(tmp_path: Path) -> None:
    found = run("kill-root", tmp_path / "state")
    assert "the root is killed" in words(found) and "the root says: ready" in words(found)


@pytest.mark.long
def test_a_full_disk(tmp_path: Path) -> None:
    found = run("full-disk", tmp_path / "state")
    assert found["fault_s"] >= 3


@pytest.mark.long
def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 600) as place:
        found = run("full-disk", place / "state")
        assert "no free byte" in words(found)
        assert "TCL-" in words(found), "the full disk is said"


@pytest.mark.long
@pytest.mark.parametrize(
    ("fault", "acts"),
    [
        ("lost-reply", {"lost_reply": 3}),
        ("silent-feed", {"silence": 1}),
        ("disconnect", {"disconnect": 1}),
        ("unknown", {"unknown": 2}),
        ("late-ack", {"late_ack": 5}),
        ("duplicate", {"duplicate": 20}),
        ("gap", {"gap": 1}),
    ],
)
def test_an_exchange_that_misbehaves(tmp_path: Path, fault: str, acts: dict[str, int]) -> None:
    assert run(fault, tmp_path / "state")["faults_acted"] == acts


@pytest.mark.long
def test_a_half_open_connection_is_found_within_20_s(tmp_path: Path) -> None:
    found = run("half-open", tmp_path / "state")
    assert found["faults_acted"] == {"half_open": 1}
    # found after at most 20 s; connected, reconciled and traded in what is more
    assert found["first_trade_after_s"] < 25


@pytest.mark.long
def test_no_order_leaves_before_the_time_that_a_429_asks_for(tmp_path: Path) -> None:
    found = run("rate-limit", tmp_path / "state")
    assert found["faults_acted"] == {"rate_limit": 1}
    assert taken_while_refused(tmp_path / "state", found, 2.0) == []


# the pipes of its processes are left to the end of the command that a drill is
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.long
def test_an_order_lost_on_its_way_is_settled_before_the_engine_is_stopped(tmp_path: Path) -> None:
    """Its absence takes ten seconds to prove, longer than this drill goes on after the fault."""
    lost = Fault(
        sentence="a placement is answered 429 and never executed",
        at="exchange",
        words={"fault": "rate_limit", "target": "replies", "match": '"p', "count": 1},
    )
    drill = Drill(SHIPPED, tmp_path / "state", 7, {})
    found = run_drill(drill, "lost", lost, 6.0, None)
    assert found["broken"] == [], found


@pytest.mark.long
def test_a_ban_is_said_and_waited_out(tmp_path: Path) -> None:
    found = run("ban", tmp_path / "state")
    assert found["faults_acted"]["ban"] == 1
    assert "TCL-5211: venue_alpha is banned" in words(found)
    assert taken_while_refused(tmp_path / "state", found, 4.0) == []


def taken_while_refused(state: Path, found: dict[str, Any], seconds: float) -> list[int]:
    """Times (ns after the fault began) of the orders that left while none was to leave; those of
    the first 100 ms had not heard of it."""
    ledger = state / "exchanges" / "alpha.ledger.jsonl"
    after = [int(x["time"]) - found["fault_at_ns"] for x in ledger_lines(ledger, "order")]
    return [t for t in after if 100_000_000 < t < seconds * 1e9]


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
