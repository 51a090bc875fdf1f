"""One file without a Python around it: it runs, dies whole, and takes over what it left behind."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from engine import binary
from tests.engine.running import ROOT, until

HAS_PYINSTALLER = find_spec("PyInstaller") is not None


def folder(place: Path, name: str, text: str) -> Path:
    made = place / name
    made.mkdir()
    (made / binary.MARK).write_text(text)
    (made / "library.so").write_bytes(b"x")
    return made


def test_only_what_nobody_uses_is_removed(tmp_path: Path) -> None:
    own = folder(tmp_path, "_MEIown", "1")
    dead, used = folder(tmp_path, "_MEIdead", "77"), folder(tmp_path, "_MEIused", "78")
    fresh, old = folder(tmp_path, "_MEIfresh", ""), folder(tmp_path, "_MEIold", "")
    os.utime(old / binary.MARK, (1, 1))
    (tmp_path / "_MEIforeign").mkdir()  # another program's: it has no mark
    (tmp_path / "_MEIlink").symlink_to(dead)
    fd = binary.occupy(used)
    try:
        assert binary.remove_abandoned(own, tmp_path) == [dead, old]
    finally:
        os.close(fd)
    left = {p.name for p in tmp_path.iterdir()}
    assert left == {"_MEIown", "_MEIused", "_MEIfresh", "_MEIforeign", "_MEIlink"}
    assert fresh.exists() and binary.remove_abandoned(own, tmp_path) == [used]


def test_a_folder_is_held_until_the_process_ends(tmp_path: Path) -> None:
    held = binary.occupy(tmp_path)
    other = os.open(tmp_path / binary.MARK, os.O_RDWR)
    with pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(held)
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)


def test_it_starts_its_own_modules_only() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "engine.binary", "-m", "http.server"],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 2 and "http.server" in done.stderr


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as `make binary` does, into a folder of its own."""
    if not HAS_PYINSTALLER:
        pytest.skip("PyInstaller is not installed: `.ci/prepare test` brings it")
    place = tmp_path_factory.mktemp("binary")
    words = ["--noconfirm", "--log-level", "WARN", "--distpath", str(place / "dist")]
    subprocess.run(
        [
            *(sys.executable, "-m", "PyInstaller", *words),
            *("--workpath", str(place / "work"), str(ROOT / ".ci" / "tiercel.spec")),
        ],
        check=True,
        cwd=ROOT,
        timeout=600,
        capture_output=True,
    )
    return place / "dist" / "tiercel"


def of_us(tmp: Path) -> list[int]:
    """Every process whose environment names our temporary directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            environment = (process / "environ").read_bytes().split(b"\0")
            if f"TMPDIR={tmp}".encode() in environment:
                found.append(int(process.name))
    return found


def said(program: Path, tmp: Path, *words: str) -> tuple[int, dict[str, Any]]:
    """What the binary says in an environment that is empty but for the temporary directory."""
    done = subprocess.run(
        [str(program), *words, "--json"],
        env={"TMPDIR": str(tmp)},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.stdout.strip(), done.stderr
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


def trades(state: Path) -> bool:
    path = state / "exchanges" / "alpha.ledger.jsonl"
    return path.exists() and path.read_bytes().count(b'"account":"tiercel"') > 10


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("victim", ["bootloader", "program", "both", "all"])
def test_killed_it_leaves_nobody_and_the_next_start_goes_on(
    program: Path, tmp_path: Path, victim: str
) -> None:
    state, tmp = tmp_path / "state", tmp_path / "tmp"
    tmp.mkdir()
    process = subprocess.Popen(
        [str(program), "demo", "--state", str(state), "--json"],
        env={"TMPDIR": str(tmp)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: trades(state), 120)
        began = time.monotonic()
        while time.monotonic() < began + 5 and process.poll() is None:
            time.sleep(0.1)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
        program_pid = int(children.split()[0])
        victims = {
            "bootloader": [process.pid],
            "program": [program_pid],
            "both": [process.pid, program_pid],
            "all": of_us(tmp),
        }[victim]
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        process.wait(60)
        until(lambda: not of_us(tmp), 60)
    finally:
        process.kill()
        process.wait()
    left = [p.name for p in tmp.iterdir() if p.name.startswith("_MEI")]
    assert bool(left) == (victim != "program"), left
    code, found = said(program, tmp, "demo", "--for", "15s", "--state", str(state))
    assert code == 0 and found["ledger_matches"] and found["replay_identical"], found
    assert found["orders_unknown"] == 0 and found["unhedged"] == "0"
    assert [p for p in tmp.iterdir() if p.name.startswith("_MEI")] == []
    if victim == "all":
        code, found = said(program, tmp, "replay", found["recording"])
        assert code == 0 and found["identical"]
        code, found = said(program, tmp, "latency", "--state", str(state))
        assert code == 0 and found["latency"]
        code, found = said(program, tmp, "doctor", "--state", str(state))
        assert len(found["checks"]) >= 20
        code, found = said(program, tmp, "run", str(state / "demo.yaml"), "--for", "1s")
        assert code != 0 and found["error"]["code"].startswith("TCL-"), "it needs the keys"
