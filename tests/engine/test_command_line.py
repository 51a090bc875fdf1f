"""The command line answers fast, refuses clearly and never shows a traceback."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

import pytest

TIERCEL = [sys.executable, "-m", "engine.main"]


def call(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*TIERCEL, *args], capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("flag", ["--version", "--help"])
def test_answers_within_150_ms(flag: str) -> None:
    times = []
    for _ in range(7):
        start = time.perf_counter()
        assert call(flag).returncode == 0
        times.append(time.perf_counter() - start)
    assert statistics.median(times) < 0.150, times


def test_an_unknown_command_names_the_nearest() -> None:
    done = call("--json", "versoin")
    assert done.returncode == 2
    assert "TCL-1001" in done.stderr and "Traceback" not in done.stderr


def test_an_error_is_one_json_object_on_stdout() -> None:
    done = call("nonsense", "--json")
    assert done.returncode == 2
    error = json.loads(done.stdout)["error"]
    assert set(error) == {"code", "what", "why", "do"}
    assert error["code"] == "TCL-1001"
