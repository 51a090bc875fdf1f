"""`python -m tests.chaos.crash.demo demo STATE SEED` and `... root ARGUMENTS`: the brisk demo whose
root and lanes have points to die at."""

from __future__ import annotations

import sys
from pathlib import Path
from subprocess import Popen
from typing import Any

from engine import demo, lane_process, leftovers, root, state
from engine.main import main as command_line
from tests.chaos.brisk_demo import start_brisk
from tests.chaos.crash.points import before_and_after

POINTS: list[tuple[Any, str, str, str]] = [
    (leftovers, "into_journal", "outboxes found", "outboxes drained"),
    (leftovers, "take", "", "outboxes removed"),
    (state.StateDirectory, "store_epochs", "epoch to store", "epoch stored"),
    (root, "write_run", "memory made", "run written"),
    (lane_process.LaneProcess, "spawn", "lane to spawn", "lane spawned"),
    (lane_process.LaneProcess, "become", "", "descriptors handed over"),
]
ROOT_DEATHS = 1000
spawn = demo.spawn


def spawn_crashing(argv: list[str], log: Path, env: Any) -> Popen[bytes]:
    """The root with its points; everything else as it is."""
    if "engine.main" in argv:
        argv = [argv[0], "-m", "tests.chaos.crash.demo", "root", *argv[3:]]
    return spawn(argv, log, env)


def main() -> int:
    part, *rest = sys.argv[1:]
    if part == "root":
        for owner, name, before, after in POINTS:
            before_and_after(owner, name, before, after)
        lane_process.python = lambda: [sys.executable, "-m", "tests.chaos.crash.lane"]
        sys.argv = ["tiercel", *rest]
        command_line()
        return 0
    where = Path(rest[0])
    where.mkdir(parents=True, exist_ok=True, mode=0o700)
    demo.start_exchange = start_brisk
    demo.spawn = spawn_crashing
    demo.ROOT_RESTARTS = ROOT_DEATHS
    return demo.run_demo(where, for_s=None, seed=int(rest[1]), as_json=True)


if __name__ == "__main__":
    raise SystemExit(main())
