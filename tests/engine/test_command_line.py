"""The command line answers fast, refuses clearly and never shows a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

TIERCEL = [sys.executable, "-m", "engine.main"]


def call(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*TIERCEL, *args], capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("flag", ["--version", "--help"])
def test_answers_within_150_ms(flag: str) -> None:
    """In processor time of the process: what a person waits on a machine that is not busy."""
    times = []
    for _ in range(5):
        process = subprocess.Popen([*TIERCEL, flag], stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        times.append(used.ru_utime + used.ru_stime)
    assert min(times) < 0.150, times


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
