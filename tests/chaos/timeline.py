"""Where the time goes between the death of the trading lane and its next order.

`python -m tests.chaos.timeline --kills 20` prints each step's p50 and maximum, in milliseconds
since the kill. The times come from what the engine keeps anyway: the root's log (reaped, spawned,
heard, up, ready), the recording of the lane's inputs (built, connected, joined, approved), and the
exchanges' ledgers (the first order).
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import tempfile
import time
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.recording import Reading
from hotpath.records import Kind, split, unpack
from tests.chaos.brisk_demo import Brisk
from tests.chaos.table import percentile

LANE = "trade"
STEPS = (
    "reaped", "spawned", "heard", "built", "recalled", "up", "feeds open", "venues open",
    "first frame", "books joined", "lane ready", "approved", "order at exchange",
)  # fmt: skip
LINK_OPEN = 1


def logged(state: Path) -> Iterator[tuple[str, int]]:
    """What the root's log says of the lane, with its time."""
    words = {"lane ended": "reaped", "lane started": "spawned", "lane heard": "heard",
             "lane up": "up", "lane ready": "lane ready"}  # fmt: skip
    for raw in (state / "log" / "root.main.jsonl").read_text().splitlines():
        line = json.loads(raw)
        if line["event"] in words and line.get("name") == LANE:
            yield words[line["event"]], line["time"]


def recorded(path: Path) -> Iterator[tuple[str, int]]:
    """What the recording says of the lane's lives, with its time; the last of two is the step."""
    reading = Reading(path)
    sources: dict[str, int] = reading.header["sources"]
    feeds = {n for name, n in sources.items() if name in ("feed_alpha", "feed_beta")}
    venues = {n for name, n in sources.items() if name in ("venue_alpha", "venue_beta")}
    inputs = recalled = 0
    try:
        for raw in reading.records():
            header, payload = split(raw)
            kind = header.kind
            if kind == Kind.APPROVED and header.source in venues:
                yield "approved", header.time
            if kind == Kind.DOCUMENT and header.source not in sources.values():
                start = unpack(kind, payload).document.get("start", {})
                if start.get("lane") == LANE:
                    yield "built", header.time
                    inputs, recalled = header.source, 1
                continue
            if header.source != inputs:
                continue
            found: Any = unpack(kind, payload)
            if kind == Kind.INPUT_RECORD:
                if recalled:
                    yield "recalled", header.time
                inner, _ = split(found.data)
                if inner.kind == Kind.SNAPSHOT:
                    yield "books joined", header.time
            else:
                recalled = 0
            if kind == Kind.INPUT_LINK and found.event == LINK_OPEN:
                yield "feeds open" if found.actor in feeds else "venues open", header.time
            elif kind == Kind.INPUT_FRAME and found.actor in feeds:
                yield "first frame", header.time
    finally:
        reading.close()


LAST_OF = {"feeds open": 2, "venues open": 2, "books joined": 2}
"""Steps of which the second counts: there are two venues."""


def timelines(kills: int, folder: Path, seed: int = 1) -> list[dict[str, float]]:
    """Milliseconds since each kill, by step."""
    drill = Brisk(folder / "timeline", seed)
    at: list[int] = []
    try:
        drill.wait_ready()
        drill.wait_trading(1)
        for _ in range(kills):
            pid = drill.until(lambda: drill.pid(LANE))
            at.append(time.time_ns())
            os.kill(pid, signal.SIGKILL)
            drill.until(lambda old=pid: drill.pid(LANE) not in (None, old), 60.0)
            lives = time.time_ns()
            drill.until(lambda since=lives: [t for t in drill.fresh_orders() if t > since], 60.0)
            drill.wait_ready()
            time.sleep(0.5)
        report = drill.end()
        orders = [("order at exchange", o["time"]) for o in drill.ledger("order")]
    finally:
        drill.kill()
    found: dict[str, list[int]] = {}
    steps = [*logged(drill.state), *recorded(Path(report["recording"])), *orders]
    for name, when in sorted(steps, key=lambda s: s[1]):
        found.setdefault(name, []).append(when)
    lines = []
    for killed in at:
        line: dict[str, float] = {}
        for name in STEPS:
            times = found.get(name, [])
            k = bisect_left(times, killed) + LAST_OF.get(name, 1) - 1
            if k < len(times):
                line[name] = (times[k] - killed) / 1e6
        lines.append(line)
    return lines


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.timeline", description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--each", action="store_true", help="every kill's own line too")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="tiercel-timeline-") as folder:
        lines = timelines(options.kills, Path(folder))
    if options.each:
        for line in lines:
            print("  ".join(f"{name} {ms:.0f}" for name, ms in line.items()))
    print(f"{'ms since the kill':24} {'p50':>8} {'max':>8}   of {len(lines)} kills")
    for name in STEPS:
        times = [line[name] for line in lines if name in line]
        if times:
            print(f"{name:24} {percentile(times, 0.5):8.0f} {max(times):8.0f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
