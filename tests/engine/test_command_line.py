"""The command line answers fast, refuses clearly and never shows a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

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


@pytest.mark.parametrize("group", ["config", "journal", "new"])
@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_a_command_without_the_word_that_follows_it_is_told_which_there_are(
    group: str, as_json: tuple[str, ...]
) -> None:
    done = call(group, *as_json)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    if not as_json:
        assert {"config": "check, schema, show", "journal": "check, show", "new": "strategy"}[
            group
        ] in done.stderr


def shell(command: str, where: Path) -> subprocess.CompletedProcess[str]:
    """A line of bash in which `$T` is the command."""
    words = ["bash", "-c", f"set -o pipefail; {command}"]
    env = os.environ | {"T": " ".join(TIERCEL), "PYTHONPATH": str(Path.cwd())}
    return subprocess.run(words, capture_output=True, text=True, timeout=60, cwd=where, env=env)


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("$T config schema | head -c 1 >/dev/null", 0, ""),
        ("$T drill --json >/dev/full", 2, "TCL-1003"),
        ("$T drill >&-", 0, ""),
        ("$T ps --state none --json 2>&- >&- <&-", 3, ""),
        ("$T config check $'\\xff' --json", 2, "TCL-1002"),
        ("$T config check /dev/zero", 2, "TCL-1002"),
        ("$T doctor --state $'a\\xff' --json", 2, "TCL-1001"),
        ("$T demo --for 1s --state $'a\\xff' --json", 2, "TCL-1001"),
        ("echo 'include: [\"\\0\"]' >a; $T config check a --json", 2, "TCL-1014"),
        ("LC_ALL=C $T config check \u00e9", 2, "TCL-1002"),
        ("$T ps --state $(printf 'x%.0s' {1..300})", 3, "TCL-1050"),
        ("$T journal check --state $(printf 'x%.0s' {1..300})", 2, "TCL-1003"),
        ("$T replay /proc/self/mem --json", 2, "TCL-1003"),
        ("$T book /dev/null --venue binance --symbol ''", 2, "TCL-1001"),
    ],
)
def test_odd_streams_and_paths_are_survived(
    tmp_path: Path, command: str, code: int, said: str
) -> None:
    """Closed pipes and streams, full devices, names that are no text or too long."""
    done = shell(command, tmp_path)
    assert done.returncode == code, done
    assert done.stderr == "" if not said else said in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
    if "--json" in command and "<" not in command and "/dev/full" not in command:
        assert json.loads(done.stdout)["error"]["code"] == said


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("book", "f", "--venue", "binance", "--symbol", "BTCUSDT", "--tick", ""), "--tick"),
        (("book", "f", "--venue", "binance", "--symbol", "BTCUSDT", "--lot="), "--lot"),
        (("book", "", "--venue", "binance", "--symbol", "BTCUSDT"), "FILE"),
        (("config", "check", ""), "FILE"),
        (("codec", "--batch", ""), "--batch"),
        (("quote", "--pool", "", "--in", "0", "--exact-in", "1"), "--pool"),
        (("journal", "check", "--state", ""), "--state"),
        (("kill", "--reason", ""), "--reason"),
        (("demo", "--state", ""), "--state"),
    ],
)
def test_an_empty_value_is_no_default_and_no_directory(words: tuple[str, ...], named: str) -> None:
    done = call(*words, "--json")
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["code"]) == (2, "TCL-1001"), done
    assert named in error["why"] and "empty" in error["why"]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("doctor", "--state", "--json"), "--state"),
        (("demo", "--state", "--json"), "--state"),
        (("latency", "--html", "--json"), "--html"),
        (("latency", "--compare", "--json"), "--compare"),
        (("run", "app.yaml", "--record", "--json"), "--record"),
        (("codec", "--json", "--batch", "--debugging"), "--batch"),
        (("new", "strategy", "mine", "--in", "--json"), "--in"),
        (("clean", "--state=--json", "--json"), "--state"),
    ],
)
def test_an_option_is_not_taken_for_the_value_of_another(
    tmp_path: Path, words: tuple[str, ...], named: str
) -> None:
    done = shell("$T " + " ".join(words), tmp_path)
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["code"]) == (2, "TCL-1001"), done
    assert named in error["why"] and "./--" in error["why"]
    assert not list(tmp_path.iterdir())
