"""The demo left alone for a while: memory does not grow and descriptors do not gather (X37).

A lane's resident size settles as its tables and logs fill; the slope is taken over the second half,
by the median of all pairs' slopes (Theil-Sen), which one jump does not bend. A lane is judged by
what it holds alone (Private_Dirty): shared rings are the instance's, not its own. `python -m
tests.chaos.soak --seconds 900` runs one and prints what every process gained.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from contextlib import ExitStack
from itertools import combinations
from pathlib import Path
from statistics import median
from typing import TextIO

from tests.chaos.table import Row, render
from tests.engine.drill import END_S, LANES, Drill, agrees, sent_once

LOOK_S = 1.0
NOISE_BYTES = 3 << 20
"""What a lane may gain over the second half of a short soak: an allocator's steps."""
BYTES_PER_HOUR = 1 << 20
LONG_S = 3600.0
POOL = {"control": 20}
"""Idle HTTP connections that httpx keeps for its next request: how many are there says how many
questions met, now and then, and no more than these are ever kept. Nothing else may come or go."""


def private_bytes(pid: int) -> int:
    """Memory that only this process holds."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Private_Dirty:"):
            return int(line.split()[1]) * 1024
    return 0


def descriptors(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def level(counts: list[int]) -> int:
    """The most that three looks in a row show: a file that is open while it is written is not."""
    return max(
        (min(three) for three in zip(counts, counts[1:], counts[2:], strict=False)), default=0
    )


def slope(points: list[tuple[float, float]]) -> float:
    """Units per second: the median slope of all pairs; 0 for fewer than two points."""
    step = max(1, len(points) // 120)
    slopes = [(y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in combinations(points[::step], 2)]
    return median(slopes) if slopes else 0.0


def soak(folder: Path, seconds: float, seed: int = 1, looks: TextIO | None = None) -> Row:
    """One demo for so long, watched once a second, then judged like any other session.

    `looks`: where each look is written as it is made (CSV), so that it is kept whatever comes.
    """
    row = Row("X37", f"soak of {seconds:.0f} s (looks)", "memory and descriptors level")
    drill = Drill(folder / "soak", seed)
    memory: dict[str, list[tuple[float, float]]] = {}
    files: dict[str, list[int]] = {}
    try:
        drill.wait_ready()
        drill.wait_trading()
        pids = {lane: drill.until(lambda lane=lane: drill.pid(lane)) for lane in LANES}
        pids["root"] = drill.root()
        began = time.monotonic()
        while (at := time.monotonic() - began) < seconds:
            for name, pid in pids.items():
                memory.setdefault(name, []).append((at, private_bytes(pid)))
                files.setdefault(name, []).append(descriptors(pid))
                if looks is not None:
                    look = f"{at:.0f},{name},{memory[name][-1][1]},{files[name][-1]}"
                    print(look, file=looks, flush=True)
            row.injected += 1
            time.sleep(LOOK_S)
        drill.wait_trading()
        ends_s = END_S + seconds / 2  # what it recorded is replayed: the longer, the more
        agrees(drill.end(ends_s), drill.state, ends_s)
        sent_once(drill)
    except (AssertionError, OSError, subprocess.TimeoutExpired) as wrong:
        row.broken.append(str(wrong)[:2000])
    finally:
        drill.kill()
    for name, points in memory.items():
        if len(points) < 4:
            row.holds(False, f"{name} was looked at {len(points)} times")
            continue
        half = points[len(points) // 2 :]
        rate = slope(half)
        gained = rate * (half[-1][0] - half[0][0])
        print(
            f"{name}: {half[0][1] / 2**20:.1f} MiB at half time, {rate * 3600 / 2**20:+.2f} MiB/h,"
            f" descriptors {min(files[name])} to {max(files[name])}",
            flush=True,
        )
        row.holds(gained < NOISE_BYTES, f"{name} gained {gained / 1024:.0f} KiB in the second half")
        if seconds >= LONG_S:
            row.holds(rate * 3600 < BYTES_PER_HOUR, f"{name} grows {rate * 3600 / 1024:.0f} KiB/h")
    for name, counts in files.items():
        middle = len(counts) // 2
        before, after = level(counts[:middle]), level(counts[middle:])
        most = before + POOL.get(name, 0)
        row.holds(after <= most, f"{name} held {before} descriptors, then {after}")
    return row


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.soak")
    parser.add_argument("--seconds", type=int, default=900)
    parser.add_argument("--looks", type=Path, help="write every look to this CSV file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tiercel-soak-") as folder, ExitStack() as open_files:
        looks = open_files.enter_context(options.looks.open("w")) if options.looks else None
        row = soak(Path(folder), options.seconds, looks=looks)
    print(render([row]))
    return 1 if row.broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
