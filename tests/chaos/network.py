"""The demo behind fault proxies: what the network does to its connections (X14, X15, X17, X23)."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from random import Random

from tests.chaos.table import Row
from tests.engine.drill import VENUES, Drill, agrees, sent_once

FOUND_MS = 20_000.0  # a dead connection is noticed within this (X15)
AGAIN_S = 60.0
FAULTS = ("rst", "fin", "split", "delay", "duplicate", "reorder", "garbage", "half_open",
          "stall_down", "stall_up")  # fmt: skip
SILENT = ("half_open", "stall_down", "stall_up")


class Proxied(Drill):
    """A demo whose lanes reach the exchanges through proxies."""

    def __init__(self, where: Path, seed: int = 1) -> None:
        self.state = where
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.proxied_demo", str(where), str(seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def say(self, **words: object) -> None:
        """One line to the proxies."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()

    def acted(self, venue: str, fault: str) -> int:
        """How often a fault acted on a venue's WebSocket connections."""
        path = self.state / "proxies.json"
        try:
            found = json.loads(path.read_bytes())
        except (OSError, json.JSONDecodeError):
            return 0
        return int(found.get(f"{venue}.ws", {}).get(fault, 0))


def inject(drill: Proxied, venue: str, fault: str, row: Row) -> None:
    """One fault on a venue's connections, and the time until it trades there again."""
    before = drill.acted(venue, fault)
    began = time.monotonic()
    if fault in ("rst", "fin"):
        drill.say(venue=venue, port="ws", act=fault)
    else:
        drill.say(venue=venue, port="ws", mode=fault, count=3)
    drill.until(lambda: drill.acted(venue, fault) > before, AGAIN_S)
    if fault in SILENT:
        # the lane must end the dead connection by itself: new ones pass again after that
        time.sleep(12.0)
    elif fault in ("split", "delay"):
        time.sleep(1.0)
    drill.say(venue=venue, port="ws", mode="none")
    drill.wait_trading(2, venue)
    row.injected += 1
    row.times_ms.append((time.monotonic() - began) * 1000)


def network(folder: Path, rounds: int = 1, seed: int = 1) -> list[Row]:
    """Every fault of the proxy, `rounds` times, on either venue; one demo."""
    rows = {
        name: Row(
            "X15" if name in SILENT else "X17", f"proxy: {name}", "trades again, ledgers agree"
        )
        for name in FAULTS
    }
    draw = Random(f"network/{seed}")
    drill = Proxied(folder / "network", seed)
    now = ""
    try:
        drill.wait_ready()
        drill.wait_trading()
        for _ in range(rounds):
            for now in draw.sample(FAULTS, len(FAULTS)):
                inject(drill, draw.choice(VENUES), now, rows[now])
        drill.wait_ready()
        now = FAULTS[0]
        agrees(drill.end(), drill.state)
        sent_once(drill)
    except AssertionError as wrong:
        rows[now or FAULTS[0]].broken.append(str(wrong)[:2000])
    finally:
        drill.kill()
    return list(rows.values())
