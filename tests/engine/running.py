"""Roots with fake lanes for tests: started, asked, killed; and what is left of them afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from engine import control, state

ROOT = Path(__file__).resolve().parent.parent.parent
KIND = ROOT / "tests" / "engine" / "lanes" / "kind.py"
DEADLINE_S = 20.0


def until(what: Callable[[], Any], deadline_s: float = DEADLINE_S) -> Any:
    """Wait for something to be true; returns it."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError("it did not come to be in time")


def lane(name: str, **more: Any) -> dict[str, Any]:
    """A fake lane; `settings` are its actor's."""
    settings = more.pop("settings", {})
    follows = more.pop("follows", [])
    actor = {"name": f"of_{name}", "kind": str(KIND), "settings": settings, "follows": follows}
    if (kind := more.pop("kind", None)) is not None:
        actor["kind"] = kind
    base = {"name": name, "runtime": "trio", "heartbeat_ms": 50, "hang_ms": 1000, **more}
    base["actors"] = [actor]
    return base


class Engine:
    """A root process and its state."""

    def __init__(self, folder: Path, tree: dict[str, Any], module: str | None = None) -> None:
        self.config = folder / "app.yaml"
        self.config.write_text(yaml.safe_dump(tree, sort_keys=False))
        self.state, self.memory = folder / "state", folder / "memory"
        self.memory.mkdir(exist_ok=True)
        argv = [sys.executable, "-m", "tests.engine.lanes.start_root"]
        argv += [str(self.config), str(self.state), str(self.memory)]
        self.process = subprocess.Popen(
            argv + ([module] if module else []),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )

    def wait_ready(self) -> Engine:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if line != b"ready\n":
            raise AssertionError(self.process.communicate(timeout=10)[1].decode())
        return self

    def ps(self) -> dict[str, Any]:
        return control.call(self.state, "ps")

    def lane(self, name: str) -> dict[str, Any]:
        return next(x for x in self.ps()["lanes"] if x["name"] == name)

    def seen(self, name: str) -> list[dict[str, Any]]:
        """Every start of a lane, as it noted it."""
        path = self.state / "seen" / f"{name}.jsonl"
        return [json.loads(x) for x in path.read_text().splitlines()] if path.exists() else []

    def pids(self) -> list[int]:
        """Every process any lane ever had."""
        files = (self.state / "seen").glob("*.jsonl")
        return [x["pid"] for f in files for x in self.seen(f.stem)]

    def alive(self) -> list[int]:
        return [p for p in self.pids() if state.start_time(p) is not None]

    def errors(self) -> list[dict[str, Any]]:
        text = (self.state / "log" / "root.errors.jsonl").read_text()
        return [json.loads(x) for x in text.splitlines()]

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Signal the root and wait: exit code and what it said on stderr."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        _, err = self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode, err.decode()

    def wait(self) -> tuple[int, str]:
        _, err = self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode, err.decode()


@contextlib.contextmanager
def running(folder: Path, tree: dict[str, Any], module: str | None = None) -> Iterator[Engine]:
    """An engine that is gone afterwards, whatever happened."""
    engine = Engine(folder, tree, module)
    try:
        yield engine
    finally:
        with contextlib.suppress(ProcessLookupError):
            engine.process.kill()
        engine.process.communicate()
        for pid in engine.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
