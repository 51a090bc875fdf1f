"""Each place that an engine writes to, full on its own while it runs: nobody stops for it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from engine import control
from engine.recording import Reading
from tests.engine.drill import Drill
from tests.engine.running import lane, running, until
from tests.engine.small_disk import clear, fill, small_disk
from tests.engine.test_recorder_watch import RETIRED, flows
from tests.engine.test_root import drill


@pytest.mark.long
@pytest.mark.waits
def test_no_room_for_the_recording_of_a_demo(tmp_path: Path) -> None:
    """The recorder is let go, by name, trading goes on, and its file is not called whole."""
    where = tmp_path / "state"
    where.mkdir(mode=0o700)
    with small_disk(where / "recordings", 4) as disk:
        demo = Drill(where)
        try:
            demo.wait_ready()
            demo.wait_trading()
            fill(disk, 0)
            demo.until(
                lambda: RETIRED in [a["code"] for a in control.call(where, "ps").get("alerts", [])]
            )
            demo.wait_trading(4)
            found = demo.end()
        finally:
            demo.kill()
        assert found["ledger_matches"] and found["code"] == 0, found
        clear(disk)
        errors = (where / "log" / "root.errors.jsonl").read_text()
        assert "TCL-7009" in errors, errors
        reading = Reading(next(iter(disk.glob("*.tcr"))))
        assert sum(1 for _ in reading.records()) > 0
        assert not reading.is_complete
        reading.close()


@pytest.mark.parametrize("place", ["log", "latency"])
def test_no_room_for_logs_or_latencies(tmp_path: Path, place: str) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    lanes = drill(lane("journal", kind="engine/journal"), lane("b", settings={"write": 40}))
    with small_disk(state / place, 1) as disk, running(tmp_path, lanes) as e:
        e.wait_ready()
        fill(disk, 0)
        pid = e.lane("b")["pid"]
        os.kill(pid, signal.SIGKILL)  # there is something to log, and a lane to start again
        until(lambda: e.lane("b")["state"] == "ready" and e.lane("b")["pid"] != pid)
        flows(e)
        clear(disk)
        assert e.end() == (0, "")


def test_no_room_in_the_memory_that_lanes_share(tmp_path: Path) -> None:
    """All of it was taken at the start: a lane's next life needs no more."""
    lanes = drill(lane("journal", kind="engine/journal"), lane("b", settings={"write": 40}))
    with small_disk(tmp_path / "memory", 64) as disk, running(tmp_path, lanes) as e:
        e.wait_ready()
        fill(disk, 0)
        for name in ("b", "journal"):
            pid = e.lane(name)["pid"]
            os.kill(pid, signal.SIGKILL)
            until(lambda n=name, old=pid: e.lane(n)["pid"] not in (old, None))
            until(lambda n=name: e.lane(n)["state"] == "ready")
        flows(e)
        assert e.end() == (0, "")
