"""The root with real processes: who starts, who dies, who is replaced, and what is left."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from engine import control, leftovers, state
from engine.memory import Memory
from tests.engine.lanes.of_another import OTHER
from tests.engine.running import Engine, lane, running, until

DRILL = {
    "drill": True,
    "supervision": {"max_restarts": 300, "max_seconds": 300, "backoff": {"cap_ms": 20}},
}


def app(*lanes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"application": "t", "lanes": list(lanes), **more}


def drill(*lanes: dict[str, Any]) -> dict[str, Any]:
    quick = {"backoff": {"cap_ms": 20}, "max_restarts": 30}
    return app(*({**one, "supervision": quick} for one in lanes), **DRILL)


def test_starts_in_order_and_stops_in_reverse_with_nothing_left(tmp_path: Path) -> None:
    with running(tmp_path, app(lane("a"), lane("b"), lane("c"))) as e:
        e.wait_ready()
        ps = e.ps()
        assert set(ps) == {"root", "lanes", "exchanges"}
        assert ps["root"] == e.process.pid and ps["exchanges"] == [{"name": "alpha", "pid": 1}]
        assert ps["lanes"][1] == {
            "name": "b",
            "pid": e.seen("b")[0]["pid"],
            "runtime": "trio",
            "core": None,
            "state": "ready",
            "restarts": 0,
            "actors": ["of_b"],
        }
        assert e.end(signal.SIGINT) == (0, "")
        log = [
            json.loads(x)
            for x in (e.state / "log" / "root.main.jsonl").read_text().split("\n")[:-1]
        ]
        told = ("lane started", "lane ended")
        order = [(x["event"], x["name"]) for x in log if x["event"] in told]
        starts = [("lane started", n) for n in "abc"]
        assert order == starts + [("lane ended", n) for n in "cba"]
        assert not e.alive() and not (e.state / "root.sock").exists()


def test_a_killed_lane_is_replaced_with_a_later_epoch(tmp_path: Path) -> None:
    names = ["journalish", "rest", "trade"]
    r = random.Random(7)
    with running(tmp_path, drill(*(lane(n, settings={"write": 3}) for n in names))) as e:
        e.wait_ready()
        for kills in range(1, 13):
            name = r.choice(names)
            pid = until(lambda n=name: e.lane(n)["state"] == "ready" and e.lane(n)["pid"])
            os.kill(pid, r.choice([signal.SIGKILL, signal.SIGSEGV]))
            until(lambda n=name, p=pid: e.lane(n)["pid"] not in (None, p))
            assert sum(x["restarts"] for x in e.ps()["lanes"]) == kills
        until(lambda: all(x["state"] == "ready" for x in e.ps()["lanes"]))
        for name in names:
            epochs = [x["epoch"] for x in e.seen(name)]
            assert epochs == list(range(1, len(epochs) + 1))
        assert len(e.alive()) == len(names)
        assert e.end()[0] == 0


def test_the_end_of_the_root_is_the_end_of_its_lanes(tmp_path: Path) -> None:
    with running(tmp_path, app(lane("a"), lane("deaf", settings={"deaf": True}))) as e:
        e.wait_ready()
        began = time.monotonic()
        e.end(signal.SIGKILL)
        until(lambda: not e.alive())
        assert time.monotonic() - began < 7  # a lane that does not obey ends by its own deadline


def test_a_start_after_any_death_drains_and_goes_on(tmp_path: Path) -> None:
    tree = app(lane("a", settings={"write": 1}), lane("b", settings={"write": 1}))
    last: dict[int, int] = {}
    for run in range(1, 4):
        with running(tmp_path, tree) as e:
            e.wait_ready()
            assert (e.state / "drained").exists() is (run > 1)
            memory = Memory.of_instance(json_of(e.state / "run.json")["instance"], e.memory)
            firsts = {}
            for name in memory.names(".outbox"):
                fd = memory.open(name)
                about = leftovers.ring.inspect(fd)
                firsts[about["source"]] = about["first_position"]
                os.close(fd)
            # positions go on where the run before had come to: a cause never means two things
            assert all(firsts[s] == last.get(s, 0) + 1 for s in firsts), (firsts, last)
            time.sleep(0.1)
            # every process at one instant, the root first: it would start a lane that it saw die
            for pid in [e.process.pid, *e.alive()]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            e.wait()
            until(lambda: not e.alive())
            for name in memory.names(".outbox"):
                fd = memory.open(name)
                last[leftovers.ring.inspect(fd)["source"]] = leftovers.last_position(fd)
                os.close(fd)
            assert [x["epoch"] for x in e.seen("a")] == list(range(1, run + 1))


def json_of(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def seconds_of(stat: Path) -> float:
    """Processor time of a process so far, user and system."""
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_lanes_outlive_an_idle_root_thread_for_15_s(tmp_path: Path) -> None:
    """The death signal follows the spawning thread: one that retires would take the lanes along."""
    with running(tmp_path, app(lane("a"), lane("b"))) as e:
        e.wait_ready()
        pids = sorted(e.alive())
        busy = Path(f"/proc/{e.process.pid}/stat")
        end, before = time.monotonic() + 15, seconds_of(busy)
        while time.monotonic() < end:
            assert sorted(e.alive()) == pids, "a lane died while nothing happened"
            time.sleep(0.5)
        used = seconds_of(busy) - before
        assert used < 2.25, f"an idle root used {used} s of a core in 15 s: it turns in circles"
        assert all(x["restarts"] == 0 for x in e.ps()["lanes"])
        assert e.end()[0] == 0


def test_a_stopped_lane_misses_its_beats_and_is_replaced(tmp_path: Path) -> None:
    with running(tmp_path, drill(lane("a", hang_ms=300), lane("b"))) as e:
        e.wait_ready()
        old = e.lane("a")["pid"]
        os.kill(old, signal.SIGSTOP)
        until(lambda: len(e.seen("a")) == 2)
        assert state.start_time(old) is None  # reaped before the next epoch started
        with pytest.raises(ProcessLookupError):
            os.kill(old, signal.SIGCONT)
        assert any("heartbeat stood still" in x.get("why", "") for x in e.errors())
        assert e.lane("b")["restarts"] == 0
        assert e.end()[0] == 0


def test_a_root_that_was_stopped_blames_nobody(tmp_path: Path) -> None:
    with running(tmp_path, app(lane("a", hang_ms=300), lane("b", hang_ms=300))) as e:
        e.wait_ready()
        e.process.send_signal(signal.SIGSTOP)
        time.sleep(1.0)
        e.process.send_signal(signal.SIGCONT)
        time.sleep(0.4)
        assert all(x["restarts"] == 0 for x in e.ps()["lanes"])
        assert e.end()[0] == 0


def test_a_busy_state_directory_is_refused(tmp_path: Path) -> None:
    with running(tmp_path, app(lane("a"))) as e:
        e.wait_ready()
        second = Engine(tmp_path, app(lane("a")))
        code, err = second.wait()
        assert code == 2 and err.startswith("TCL-3001") and str(e.process.pid) in err
        assert e.lane("a")["state"] == "ready"
        assert e.end()[0] == 0


def test_a_restart_storm_escalates_and_the_next_start_stays_closed(tmp_path: Path) -> None:
    stormy = lane("stormy", settings={"after_ms": 20, "words": "it had enough"})
    stormy["supervision"] = {"backoff": {"initial_ms": 1, "cap_ms": 1000}}
    tree = app(lane("venue"), lane("deaf_venue", shutdown_ms=200, settings={"deaf": True}), stormy)
    tree["supervision"] = {"backoff": {"initial_ms": 1, "cap_ms": 1000}}
    with running(tmp_path, tree) as e:
        code, err = e.wait()
        assert code == 70 and err.startswith("TCL-2151"), err
        assert (
            "4 restarts within 300 s, the last of stormy (exit 73): RuntimeError: it had enough"
            in err
        )
        assert len(e.seen("stormy")) == 4  # the first start and three restarts
        assert (e.state / "seen" / "venue.canceled").exists()
        assert json_of(e.state / "kill.json")["escalated"] is True
        assert not e.alive()
    calm = app(lane("venue", settings={"unclean": True}))
    with running(tmp_path, calm) as e:
        e.wait_ready()
        assert control.call(e.state, "top")["killed"] == ["all"]
        with pytest.raises(control.Refusal) as caught:
            control.call(e.state, "resume")
        assert "venue" in str(caught.value)
        assert control.call(e.state, "top")["killed"] == ["all"]
        assert e.end()[0] == 0
    with running(tmp_path, app(lane("venue"))) as e:
        e.wait_ready()
        answer = control.call(e.state, "resume")
        assert answer["opened"] == ["all"] and answer["cause"]["source"] == 1
        assert control.call(e.state, "top")["killed"] == []
        assert json_of(e.state / "kill.json") == {"closed": {}, "escalated": False}
        assert e.end()[0] == 0


def test_a_lane_that_fails_its_first_start_ends_the_engine_in_its_words(tmp_path: Path) -> None:
    with running(tmp_path, app(lane("a"), lane("b", settings={"fail_start": True}))) as e:
        code, err = e.wait()
        assert code == 1 and err.startswith("TCL-2150"), err
        assert "RuntimeError: told to fail" in err
        assert not e.alive()
    slow = lane("slow", init_timeout_s=1, settings={"slow_ms": 60_000})
    with running(tmp_path, app(lane("a"), slow)) as e:
        code, err = e.wait()
        assert code == 1 and "slow failed at its first start" in err


def test_a_core_that_is_not_there_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with running(tmp_path, app(lane("a", core=4095))) as e:
        code, err = e.wait()
        assert code == 2 and err.startswith("TCL-2152") and "4095" in err
        assert not (e.state / "lock").exists()


def test_a_lane_is_pinned_to_its_core(tmp_path: Path) -> None:
    core = max(os.sched_getaffinity(0))
    with running(tmp_path, app(lane("a", core=core))) as e:
        e.wait_ready()
        assert e.lane("a")["core"] == core
        assert os.sched_getaffinity(e.lane("a")["pid"]) == {core}
        assert e.end()[0] == 0


def test_a_deaf_lane_is_killed_at_its_time(tmp_path: Path) -> None:
    tree = app(lane("a"), lane("deaf", shutdown_ms=300, settings={"deaf": True}))
    with running(tmp_path, tree) as e:
        e.wait_ready()
        began = time.monotonic()
        assert e.end()[0] == 0
        assert 0.3 <= time.monotonic() - began < 3 and not e.alive()


def test_who_is_not_to_be_restarted_is_not(tmp_path: Path) -> None:
    done = lane("done", restart="transient", settings={"after_ms": 200, "exit_code": 0})
    once = lane("once", restart="temporary", settings={"after_ms": 200})
    with running(tmp_path, app(lane("a"), done, once)) as e:
        e.wait_ready()
        until(lambda: e.lane("done")["pid"] is None and e.lane("once")["pid"] is None)
        assert (e.lane("done")["state"], e.lane("once")["state"]) == ("gone", "gone")
        assert e.end()[0] == 0


def test_the_control_socket_is_private_and_answers_nonsense_with_a_code(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)  # longer than a socket's path may be
    deep.mkdir()
    with running(deep, app(lane("a"))) as e:
        e.wait_ready()
        assert stat.S_IMODE((e.state / "root.sock").stat().st_mode) == 0o600
        with pytest.raises(control.Refusal) as caught:
            control.call(e.state, "dance")
        assert "TCL-1053" in str(caught.value) and "resume" in str(caught.value)
        with pytest.raises(control.Refusal) as caught:
            control.call(e.state, "kill", scope="nothing")
        assert "TCL-1052" in str(caught.value)
        kill = control.call(e.state, "kill", scope="all", reason="test")
        assert kill["cause"]["position"] > 0
        stop = control.call(e.state, "stop")
        assert stop["cause"]["position"] > kill["cause"]["position"]
        assert e.wait()[0] == 0


def test_a_secret_is_nowhere_to_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    canary = "canary-5a1f77c09e"
    monkeypatch.setenv("CANARY", canary)
    tree = app(lane("a"))
    key = {"label": "test", "api_key": "${CANARY}", "secret": "${CANARY}"}
    tree["venues"] = {"alpha": {"kind": "venues/binance", "key": key}}
    with running(tmp_path, tree) as e:
        e.wait_ready()
        control.call(e.state, "kill", reason=f"because of {canary}")
        for pid in [e.process.pid, *e.alive()]:
            assert canary.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
            limits = Path(f"/proc/{pid}/limits").read_text()
            assert e.seen("a")[0]["dumpable"] == 0
            assert re.search(r"Max core file size\s+0\s+0", limits)
        for pid in e.alive():  # keys come to those that need them, not to all by inheritance
            assert canary.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
        assert e.end()[0] == 0
    places = [p for p in tmp_path.rglob("*") if p.is_file() and "memory" not in p.parts]
    assert not [p for p in places if canary.encode() in p.read_bytes()]


def test_a_state_directory_that_takes_nothing_more_escalates_and_still_kills(
    tmp_path: Path,
) -> None:
    with running(tmp_path, app(lane("venue"), lane("b"))) as e:
        e.wait_ready()
        for name in ("epochs.json.new", "kill.json.new"):  # writing there fails from now on
            (e.state / name).mkdir()
        kill = control.call(e.state, "kill")
        assert kill["kept"] is False and kill["canceled"]["venue"]["open"] == 0
        assert control.call(e.state, "top")["killed"] == ["all"]
        os.kill(e.lane("b")["pid"], signal.SIGKILL)  # its next epoch cannot be stored
        code, err = e.wait()
        assert code == 70 and err.startswith("TCL-2151"), err
        assert "IsADirectoryError" in err, "the cause"
        assert not e.alive()
        assert [x["epoch"] for x in e.seen("b")] == [1]


@pytest.mark.long
def test_hundreds_of_kills(tmp_path: Path) -> None:
    r = random.Random(11)
    names = ["a", "b", "c", "d"]
    with running(tmp_path, drill(*(lane(n) for n in names))) as e:
        e.wait_ready()
        for _ in range(200):
            alive = e.alive()
            for pid in r.sample(alive, min(len(alive), r.choice([1, 1, 2, 4]))):
                with contextlib.suppress(ProcessLookupError):  # the root was as quick to reap it
                    os.kill(pid, r.choice([signal.SIGKILL, signal.SIGABRT]))
            time.sleep(r.random() * 0.2)
            if e.process.poll() is not None:
                break
        # 300 in 300 s is the drill's limit: either it held, or it escalated as it says
        if e.process.poll() is None:
            until(lambda: all(x["state"] == "ready" for x in e.ps()["lanes"]))
            assert len(e.alive()) == len(names)
            assert e.end()[0] == 0
        else:
            assert e.process.returncode == 70


@pytest.mark.parametrize("field", ["config_hash", "build_hash", "schema_hash", "mode"])
def test_a_lane_of_another_kind_is_refused(
    tmp_path: Path, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another build, schema, configuration or mode (1.12) is told by its field; nothing runs."""
    monkeypatch.setenv(OTHER, field)
    tree = app(lane("a"), lane("b"))
    with running(tmp_path, tree, "tests.engine.lanes.of_another") as e:
        code, err = e.wait()
        assert code == 1 and "TCL-2160" in err and f"Its {field} is" in err, err
        said = [x for x in e.errors() if x["event"] in ("lane refused", "lane failed")]
        assert said and "TCL-2160" in (said[0].get("code") or said[0]["words"])
        assert not e.alive()
