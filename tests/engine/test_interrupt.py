"""Ctrl-C at any moment of a command's start: it ends without a word, with the contract's code."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing

from engine import control
from engine.errors import TiercelError
from engine.lane_process import LaneProcess
from engine.memory import Memory
from engine.state import is_running, read_run
from tests.engine.running import until

ROOT = Path(__file__).resolve().parent.parent.parent
LAUNCHER = ROOT / "engine" / "launch" / "tiercel"
HELD_MS = (0, 2, 5, 9, 14, 20, 27, 35, 45, 60, 90)


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """The launcher as an installation has it, beside its interpreter."""
    if subprocess.run(["env", "--block-signal=INT", "true"], capture_output=True).returncode:
        pytest.skip("this host's env cannot hold a signal back (coreutils 8.31 can)")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "tiercel").write_bytes(LAUNCHER.read_bytes())
    (tmp_path / "bin" / "tiercel").chmod(0o755)
    (tmp_path / "bin" / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (tmp_path / "bin" / "python").chmod(0o755)
    return [str(tmp_path / "bin" / "tiercel")]


def interrupted(argv: list[str], after_ms: float, where: Path) -> tuple[int, str]:
    """The exit code and all that was said by a command interrupted so soon."""
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=where,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    try:
        process.wait(timeout=after_ms / 1000)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    return process.returncode, said


@pytest.mark.parametrize(
    ("words", "code"),
    [(("doctor",), 130), (("demo", "--for", "9s"), 0), (("run", "no.yaml"), 0)],
)
def test_ctrl_c_while_a_command_starts_ends_it_quietly(
    command: list[str], tmp_path: Path, words: tuple[str, ...], code: int
) -> None:
    for after_ms in HELD_MS:
        found, said = interrupted([*command, *words], after_ms, tmp_path)
        assert "Traceback" not in said and "Exception ignored" not in said, (after_ms, said)
        is_over = words[0] == "run" and found == 2  # it had read its file already
        assert found in (code, -signal.SIGINT) or is_over, (after_ms, found, said)


def has_lanes(state: Path) -> bool:
    with contextlib.suppress(TiercelError):
        return is_running(state) and bool(control.call(state, "ps")["lanes"])
    return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_has_begun_something_ends_it(
    command: list[str], tmp_path: Path, number: signal.Signals
) -> None:
    """As installed: a drill stops engine and exchanges in order, and says its document."""
    state = tmp_path / "state"
    argv = [*command, "drill", "lost-reply", "--for", "60s", "--json", "--state", str(state)]
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    try:
        until(partial(has_lanes, state))
        run_of = read_run(state)
        assert run_of is not None
        process.send_signal(number)
        said, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert json.loads(said)["error"]["code"] == "TCL-2112"
    assert process.returncode == 1
    assert not is_running(state)
    last = (state / "log" / "root.main.jsonl").read_text().splitlines()[-1]
    assert '"event":"lane ended"' in last and '"code":0' in last, "the engine stopped in order"
    Memory.of_instance(run_of.instance).remove_all()


def test_a_signal_held_back_from_the_first_moment_is_heard(tmp_path: Path) -> None:
    """Pending before the interpreter's first instruction: what the launcher makes of Ctrl-C."""
    held = (
        "import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT});"
        " os.kill(os.getpid(), signal.SIGINT); os.execv(sys.argv[1], sys.argv[1:])"
    )
    for words, code in ((("doctor",), 130), (("run", "a.yaml"), 0), (("--json", "demo"), 0)):
        argv = [sys.executable, "-c", held, sys.executable, "-m", "engine.entry", *words]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=30, cwd=ROOT)
        assert (done.returncode, done.stdout, done.stderr) == (code, "", ""), words


def test_without_an_interpreter_beside_it_that_of_the_path_is_taken(tmp_path: Path) -> None:
    """As `pip install --user` and a distribution's Python lay it out."""
    for name, lines in (
        ("bin/tiercel", LAUNCHER.read_text()),
        ("path/python3", f'#!/bin/sh\nexec {sys.executable} "$@"\n'),
    ):
        place = tmp_path / name
        place.parent.mkdir()
        place.write_text(lines)
        place.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{tmp_path / 'path'}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    (tmp_path / "tiercel").symlink_to(tmp_path / "bin" / "tiercel")
    done = subprocess.run(
        [tmp_path / "tiercel", "--version"],
        capture_output=True,
        text=True,
        timeout=30,
        env=environment,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stderr) == (0, "") and "tiercel" in done.stdout


def test_a_stop_while_the_specification_is_being_sent_waits_its_turn() -> None:
    """A lane that still imports reads nothing: what it is told meanwhile comes whole, in order."""

    async def main() -> list[bytes]:
        ours, theirs = socket.socketpair()
        lane = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        process = LaneProcess(lane, ours)
        heard = b""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(process.tell, do="be", much="x" * 1_000_000))
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(partial(process.tell, do="stop"))
            await trio.testing.wait_all_tasks_blocked()
            stream = trio.SocketStream(trio.socket.from_stdlib_socket(theirs))
            while heard.count(b"\n") < 2:
                heard += await stream.receive_some(1 << 20)
            await stream.aclose()
        process.kill()
        lane.communicate()
        process.close()
        return heard.splitlines()

    found = [json.loads(line)["do"] for line in trio.run(main)]
    assert found == ["be", "stop"]
