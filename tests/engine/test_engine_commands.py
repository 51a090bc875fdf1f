"""ps, stop, kill, resume, top, clean: on the engine of --state, with the contract's exit codes."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest

from engine import control
from tests.engine.running import ROOT, Engine, lane, running


def tiercel(*args: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "engine.main", *args]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, cwd=cwd, env=env)


def code_of(done: subprocess.CompletedProcess[str]) -> str:
    assert "Traceback" not in done.stderr
    return str(json.loads(done.stdout)["error"]["code"])


@pytest.mark.parametrize("command", ["ps", "stop", "kill", "resume", "top"])
def test_without_an_engine_it_is_exit_3(tmp_path: Path, command: str) -> None:
    for args in ([], ["--state", str(tmp_path)], ["--state", str(tmp_path / "none")]):
        done = tiercel(command, *args, "--json", cwd=tmp_path)
        assert (done.returncode, code_of(done)) == (3, "TCL-1050")


def test_the_life_of_an_engine_by_command(tmp_path: Path) -> None:
    home = tmp_path / "var"
    home.mkdir()
    tree = {"application": "t", "lanes": [lane("venue")]}
    with running(home, tree) as e:
        e.wait_ready()
        # the only one running under ./var is meant without --state
        ps = json.loads(tiercel("ps", "--json", cwd=tmp_path).stdout)
        assert ps["root"] == e.process.pid
        plain = tiercel("ps", cwd=tmp_path).stdout
        assert "of_venue" in plain and "alpha" in plain
        kill = json.loads(tiercel("kill", "--json", "--state", str(e.state)).stdout)
        assert kill["cause"]["source"] == 1 and kill["canceled"]["venue"]["open"] == 0
        assert json.loads(tiercel("top", "--json", cwd=tmp_path).stdout)["killed"] == ["all"]
        wrong = tiercel("kill", "--scope", "nothing", "--json", cwd=tmp_path)
        assert (wrong.returncode, code_of(wrong)) == (2, "TCL-1052")
        assert "all, of_venue" in wrong.stderr, "the scopes there are"
        assert tiercel("resume", cwd=tmp_path).returncode == 2  # no terminal, no --yes
        resumed = json.loads(tiercel("resume", "--yes", "--json", cwd=tmp_path).stdout)
        assert resumed["opened"] == ["all"]
        busy = tiercel("clean", "--state", str(e.state), "--json")
        assert (busy.returncode, code_of(busy)) == (2, "TCL-3001")
        stopped = json.loads(tiercel("stop", "--json", cwd=tmp_path).stdout)
        assert stopped["orders_unknown"] == [] == stopped["open_legs"]
        assert stopped["stopped"] is True
        assert e.wait() == (0, "")


def at_a_terminal(state: Path, answer: bytes) -> tuple[int, str]:
    """`tiercel resume` at a terminal, its question answered; exit code and output.

    Ctrl-C as the prompt appears may be lost (Python's readline looks for it, then waits): whoever
    gets no answer presses it again.
    """
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        argv = [sys.executable, "-m", "engine.main", "resume", "--state", str(state)]
        os.execv(sys.executable, argv)
    output = b""
    with contextlib.suppress(OSError):  # the process at the terminal has ended
        while True:
            if b"to resume: " in output:
                os.write(terminal, answer)
            while select.select([terminal], [], [], 0.5)[0]:
                if not (data := os.read(terminal, 4096)):
                    break
                output += data
                if output.endswith(b"to resume: "):
                    break
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), output.decode()


def test_the_kill_switch_is_opened_by_the_name_typed_and_by_nothing_else(tmp_path: Path) -> None:
    with running(tmp_path, {"application": "t", "lanes": [lane("venue")]}) as e:
        e.wait_ready()
        assert tiercel("kill", "--state", str(e.state)).returncode == 0
        for answer in (b"u\n", b"\x03", b"yes\n"):
            code, output = at_a_terminal(e.state, answer)
            assert code == 2 and "TCL-1001" in output and "(t)" in output, output
            assert control.call(e.state, "top")["killed"] == ["all"]
        code, output = at_a_terminal(e.state, b"t\n")
        assert code == 0 and "opened: all" in output, output
        assert control.call(e.state, "top")["killed"] == []


def test_several_engines_are_listed(tmp_path: Path) -> None:
    tree = {"application": "t", "lanes": [lane("a")]}
    engines = []
    try:
        for name in ("one", "two"):
            folder = tmp_path / name
            folder.mkdir()
            engine = Engine(folder, tree)
            engines.append(engine)
            engine.wait_ready()
        (tmp_path / "var").mkdir()
        for name in ("one", "two"):
            (tmp_path / "var" / name).symlink_to(tmp_path / name / "state")
        done = tiercel("ps", "--json", cwd=tmp_path)
        assert (done.returncode, code_of(done)) == (3, "TCL-1051")
        assert "var/one" in done.stdout and "var/two" in done.stdout
    finally:
        for engine in engines:
            engine.end()


def test_clean_removes_a_state_directory_and_nothing_else(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "precious").write_text("x")
    assert tiercel("clean", "--state", str(other), "--json").returncode == 2
    assert (other / "precious").exists()
    with running(tmp_path, {"application": "t", "lanes": [lane("a")]}) as e:
        e.wait_ready()
        e.end()
        done = tiercel("clean", "--state", str(e.state), "--json")
        assert json.loads(done.stdout) == {"removed": str(e.state)}
        assert not e.state.exists() and other.exists()
