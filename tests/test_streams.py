"""Tests in streams: each runs in one, all are shown, any failure counts, Ctrl-C ends all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.engine.running import until

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = "[pytest]\nmarkers =\n  long: l\n  waits: w\n  computes: c\n  alone: a\n"
HEAD = "import os, pathlib, time, pytest\n"


def started(place: Path, tests: str, **more: str) -> subprocess.Popen[str]:
    """Streams of a small suite of its own."""
    (place / "pytest.ini").write_text(SETTINGS)
    (place / "test_of_it.py").write_text(HEAD + tests)
    light = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # three starts a test: their time is imports
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(place)} | light | more
    for name in ("TIERCEL_RERUN", "TIERCEL_LONG_BUDGET_S", "TIERCEL_LONG_END"):  # of the run around
        if name not in more:
            environment.pop(name, None)
    return subprocess.Popen(
        [sys.executable, "-m", "tests.streams", "long", "-q"],
        cwd=place,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_every_test_runs_once_and_the_idle_ones_are_idle(tmp_path: Path) -> None:
    tests = """
def ran(name):
    with open("ran", "a") as f:
        f.write(f"{name} {os.sched_getscheduler(0) == os.SCHED_IDLE}\\n")
@pytest.mark.long
def test_front(): ran("front")
@pytest.mark.long
@pytest.mark.waits
def test_waits(): ran("waits")
@pytest.mark.long
@pytest.mark.computes
def test_computes(): ran("computes")
@pytest.mark.long
@pytest.mark.computes
@pytest.mark.waits
def test_both(): ran("both")
@pytest.mark.long
@pytest.mark.alone
def test_alone():
    time.sleep(1)
    assert os.environ["TIERCEL_LONG_BUDGET_S"] == "500"
    ran("alone")
@pytest.mark.long
def test_budget(): assert 400 < int(os.environ["TIERCEL_LONG_BUDGET_S"]) < 500
def test_short(): ran("short")
"""
    process = started(tmp_path, tests, TIERCEL_LONG_BUDGET_S="500")
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    first, *ran = (tmp_path / "ran").read_text().splitlines()
    assert first == "alone False"
    assert sorted(ran) == ["both True", "computes True", "front False", "waits False"]
    for end in ("1 passed, 6 deselected", "2 passed, 5 deselected"):
        assert end in said, said


@pytest.mark.parametrize(("budget", "most"), [({}, 100), ({"TIERCEL_LONG_BUDGET_S": "50"}, 50)])
def test_the_end_bounds_the_budget(tmp_path: Path, budget: dict[str, str], most: int) -> None:
    tests = f"""
@pytest.mark.long
def test_budget(): assert {most} - 30 < int(os.environ["TIERCEL_LONG_BUDGET_S"]) <= {most}
"""
    end = str(int(time.time()) + 100)
    process = started(tmp_path, tests, TIERCEL_LONG_END=end, **budget)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said


@pytest.mark.parametrize("mark", ["waits", "computes", "skipif(False, reason='')"])
def test_a_failure_in_any_stream_counts_and_is_shown(tmp_path: Path, mark: str) -> None:
    tests = f"@pytest.mark.long\n@pytest.mark.{mark}\ndef test_it(): assert 1 == 2\n"
    tests += "@pytest.mark.long\ndef test_other(): pass\n"
    process = started(tmp_path, tests)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 1, said
    assert "assert 1 == 2" in said and "1 failed" in said and "1 passed" in said


@pytest.mark.parametrize("again", ["pass", "fail"])
def test_what_failed_is_run_once_more_alone(tmp_path: Path, again: str) -> None:
    tests = f"""
def count(name):
    with open(name, "a") as f:
        f.write("x")
    return len(pathlib.Path(name).read_text())
@pytest.mark.long
@pytest.mark.computes
def test_computes(): assert count("computes") == 2
@pytest.mark.long
@pytest.mark.waits
def test_waits(): assert count("waits") == 2 and "{again}" == "pass"
@pytest.mark.long
def test_front(): assert count("front") == 1
"""
    process = started(tmp_path, tests, TIERCEL_RERUN="1")
    said, _ = process.communicate(timeout=60)
    assert process.returncode == (again == "fail"), said
    assert said.count("once more, what failed of") == 2
    times = {n: (tmp_path / n).read_text() for n in ("front", "waits", "computes")}
    assert times == {"front": "x", "waits": "xx", "computes": "xx"}


def test_ctrl_c_ends_every_stream(tmp_path: Path) -> None:
    tests = """
def sleeps(name):
    pathlib.Path(name).write_text(str(os.getpid()))
    time.sleep(60)
@pytest.mark.long
def test_front(): sleeps("front")
@pytest.mark.long
@pytest.mark.computes
def test_computes(): sleeps("computes")
"""
    process = started(tmp_path, tests)
    pids = [tmp_path / name for name in ("front", "computes")]
    until(lambda: all(p.exists() and p.read_text() for p in pids))
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert said.count("KeyboardInterrupt") >= 2, said
    for path in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(int(path.read_text()), 0)


def test_nothing_selected_is_no_success(tmp_path: Path) -> None:
    process = started(tmp_path, "def test_short(): pass\n")
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 5, said
