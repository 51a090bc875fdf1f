"""A strict recorder that is slow or dies for good is retired, and nobody waits for it."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from engine import leftovers, state
from engine.memory import Memory
from engine.recording import Reading
from hotpath.records import Kind
from hotpath.ring import Outbox, Reader, retire
from tests.engine.running import Engine, lane, running, until
from tests.engine.test_root import drill

RETIRED = "TCL-7030"


def tree(outbox_kib: int = 64, **recorder: Any) -> dict[str, Any]:
    writer = lane("b", settings={"write": 40}, outbox_kib=outbox_kib)
    found = drill(lane("rec", kind="actors/recorder", **recorder), writer)
    return found | {"recording": {"enabled": True, "strict": True}}


def position(engine: Engine, name: str) -> int:
    """How far an outbox has come."""
    run = state.read_run(engine.state)
    assert run is not None
    fd = Memory.of_instance(run.instance, engine.memory).open(f"{name}.outbox")
    try:
        return leftovers.last_position(fd)
    finally:
        os.close(fd)


def alerts(engine: Engine) -> list[str]:
    return [a["code"] for a in engine.ps().get("alerts", [])]


def flows(engine: Engine) -> None:
    """The writer goes on for more than its whole outbox and was never refused."""
    begin = position(engine, "of_b")
    until(lambda: position(engine, "of_b") > begin + 3000)
    assert not list((engine.state / "seen").glob("b.*.refused")), "an outbox waited for it"


def test_a_slow_recorder_is_retired_before_anyone_waits(tmp_path: Path) -> None:
    with running(tmp_path, tree(hang_ms=8000)) as e:
        e.wait_ready()
        pid = e.lane("rec")["pid"]
        os.kill(pid, signal.SIGSTOP)
        until(lambda: alerts(e) == [RETIRED])
        flows(e)
        os.kill(pid, signal.SIGCONT)
        flows(e)
        assert [x["code"] for x in e.errors() if x["event"] == "recorder retired"] == [RETIRED]
        assert e.end()[0] == 0


def test_a_recorder_that_dies_again_and_again_is_let_go(tmp_path: Path) -> None:
    """It would use up the restarts that the whole engine has."""
    plain = tree(16384)  # room enough: it is not retired for being slow
    plain["supervision"] = {"max_restarts": 3, "max_seconds": 300, "backoff": {"cap_ms": 20}}
    with running(tmp_path, plain) as e:
        e.wait_ready()
        for _ in range(2):
            pid = until(lambda: e.lane("rec")["state"] == "ready" and e.lane("rec")["pid"])
            os.kill(pid, signal.SIGKILL)
            until(lambda old=pid: e.lane("rec")["pid"] != old)
        until(lambda: e.lane("rec")["state"] == "gone")
        assert alerts(e) == [RETIRED]
        flows(e)
        assert len(e.seen("rec")) == 2
        assert e.end()[0] == 0


def test_what_was_taken_before_the_retirement_is_kept_and_nothing_after(tmp_path: Path) -> None:
    """The recorder's own end: a lane's commit after the retirement writes nothing."""
    from engine.lane_trio import ColdLane, Follow
    from engine.recording import Writing
    from hotpath.board import Board
    from hotpath.lane import Lane

    class Sink:
        def __init__(self) -> None:
            self.batch: list[bytes] = []
            self.writing: Writing | None = Writing(tmp_path / "x.tcr", {})

        def take_batch(self, source: int, records: list[bytes]) -> None:
            self.batch += records

        from actors.recorder import Recorder

        commit, give_up, close = Recorder.commit, Recorder.give_up, Recorder.close

    outbox = Outbox.private(1 << 14, 7, gating=["recorder"])
    reader = Reader.of(outbox, name="recorder")
    sink = Sink()
    lane = Lane("cold", Board.private(["clock"]), is_virtual=True)
    cold = ColdLane(lane, [Follow(reader, [], sink)], bell=-1, on_heartbeat=lambda: None)  # type: ignore[arg-type]
    outbox.append(int(Kind.DOCUMENT), b"{}")
    cold.drain_sinks()
    cold.commit()
    outbox.append(int(Kind.DOCUMENT), b'{"n":2}')
    cold.drain_sinks()
    retire(outbox.mapping, "recorder")
    for _ in range(2000):  # far more than there is room for: it waits for nobody
        assert outbox.append(int(Kind.DOCUMENT), b'{"n":3}')
    cold.commit()
    assert cold.drain_sinks() == 0
    sink.close()  # type: ignore[call-arg]
    reading = Reading(tmp_path / "x.tcr")
    assert [len(raw) for raw in reading.records()] == [42]
    assert not reading.is_complete, "a recording with a hole must not look whole"
    reading.close()
