"""What a whole session costs: `memory`, the resident memory of a running demo.

PSS of every process of the engine (root and lanes; the exchanges are the other side), in MB: pages
that processes share count once.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import orjson

MEGABYTE = 1_000_000
PATIENCE = 40.0


def pss(pid: int) -> int:
    """Proportional set size of a process, bytes."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Pss:\s+(\d+) kB$", text, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"the kernel tells no PSS of process {pid}")
    return int(found[1]) * 1024


def processes(state: Path) -> list[int]:
    """Root, lanes and spare of the engine at `state`; empty while not every lane runs."""
    command = [sys.executable, "-m", "engine.main", "ps", "--state", str(state), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    if done.returncode:
        return []
    shown = orjson.loads(done.stdout)
    lanes = shown["lanes"]
    if not lanes or any(not lane["pid"] or lane["state"] != "ready" for lane in lanes):
        return []
    root = shown["root"]
    children = Path(f"/proc/{root}/task/{root}/children").read_text().split()
    return [root, *map(int, children)]


def memory(quick: bool) -> dict[str, Any]:
    """The row `memory`: MB of a demo that has been ready for a while."""
    looks = 3 if quick else 10
    runs: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        command = [sys.executable, "-m", "engine.main", "demo", "--for", "60s", "--json"]
        demo = subprocess.Popen(
            [*command, "--state", str(state)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        try:
            deadline = time.monotonic() + PATIENCE
            while not (pids := processes(state)):
                if demo.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("the demo did not become ready")
                time.sleep(0.5)
            time.sleep(2)  # the spare is made last
            pids = processes(state) or pids
            for _ in range(looks):
                time.sleep(1)
                runs.append(sum(pss(pid) for pid in pids) / MEGABYTE)
        finally:
            demo.terminate()
            demo.wait(PATIENCE)
    value = median(runs)
    return {
        "id": "memory", "value": round(value, 1), "unit": "MB", "floor": None, "ratio": None,
        "must": 300, "aim": 200, "ok": value <= 300, "runs": [round(r, 1) for r in runs],
    }  # fmt: skip


def rows(quick: bool) -> list[dict[str, Any]]:
    return [memory(quick)]
