"""systemd hears that the root is ready, alive and stopping; lanes do not know of it."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest

from engine.systemd import Notice
from tests.engine.running import lane, running


@pytest.fixture
def heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    path = tmp_path / "notify"
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(str(path))
    s.settimeout(10)
    monkeypatch.setenv("NOTIFY_SOCKET", str(path))
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    return s


def test_ready_alive_and_stopping(heard: socket.socket, tmp_path: Path) -> None:
    tree = {"application": "told", "lanes": [lane("one")]}
    with running(tmp_path, tree) as engine:
        engine.wait_ready()
        beats, ready = [], False
        until = time.monotonic() + 10
        while len(beats) < 5 and time.monotonic() < until:
            text = heard.recv(4096).decode()
            ready |= text.startswith("READY=1")
            beats += [time.monotonic()] if text == "WATCHDOG=1" else []
        assert ready and len(beats) == 5
        assert beats[-1] - beats[0] < 4 * 0.4, "slower than the limit"
        pid = engine.lane("one")["pid"]
        assert b"NOTIFY_SOCKET" not in Path(f"/proc/{pid}/environ").read_bytes()
        code, _ = engine.end()
        assert code == 0
        while (text := heard.recv(4096).decode()) != "STOPPING=1":
            assert text == "WATCHDOG=1"
    heard.close()


def test_without_systemd_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notice = Notice()
    notice.alive(1)
    notice.tell("READY=1")
    assert notice.address == "" and notice.every_ns == 0


def test_a_watchdog_of_another_process_is_not_ours(
    heard: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_PID", "1" if os.getppid() != 1 else "2")
    notice = Notice()
    assert notice.every_ns == 0 and "NOTIFY_SOCKET" not in os.environ
    notice.tell("READY=1")
    assert heard.recv(100) == b"READY=1"
    heard.close()
