"""`python -m tests.chaos.brisk_demo STATE SEED`: the demo in a market that always offers a trade.

The shipped demo's books cross as they like, sometimes for seconds not at all; whoever times the way
back to the first order would time the market. Here the exchanges' prices part several times a
second by more than a pair costs, and pairs are so small that no position comes near its limit.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import yaml

from engine import demo
from engine.demo_world import ACCOUNT, Exchange, start_exchange
from tests.engine.drill import VENUES, Drill

PAIR = "0.001"
FLOW = {"wobble_ms": 100, "wobble_ppm": 2_400}


def start_brisk(spec: dict[str, Any], directory: Path) -> Exchange:
    """An exchange whose own wobble is quick and wide."""
    return start_exchange(spec | {"flow": FLOW}, directory)


class BriskDemo(demo.Demo):
    """The shipped configuration with smaller pairs."""

    def document(self) -> dict[str, Any]:
        tree: dict[str, Any] = yaml.safe_load(demo.SHIPPED.read_text(encoding="utf-8"))
        for actor in tree["lanes"][-1]["actors"]:
            if actor["name"] == "cross":
                actor["settings"]["max_quantity"] = PAIR
        over = {"lanes": tree["lanes"], "seed": self.seed}
        return {"include": [str(demo.SHIPPED)], **over}


class Brisk(Drill):
    """Such a demo, and its orders as the exchanges' ledgers grow."""

    MODULE = "tests.chaos.brisk_demo"

    def __init__(self, where: Path, seed: int = 1) -> None:
        self.state = where
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", self.MODULE, str(where), str(seed)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._read: dict[str, int] = {}
        self._board, self._slots = None, {}

    def fresh_orders(self) -> list[int]:
        """When the exchanges took our orders, of those in their ledgers since the last call."""
        found = []
        for name in VENUES:
            with (self.state / "exchanges" / f"{name}.ledger.jsonl").open("rb") as file:
                file.seek(self._read.get(name, 0))
                whole = file.read().rpartition(b"\n")[0]
            self._read[name] = self._read.get(name, 0) + len(whole) + bool(whole)
            for raw in whole.split(b"\n"):
                if b'"order"' in raw:
                    line = orjson.loads(raw)
                    if line["t"] == "order" and line["account"] == ACCOUNT:
                        found.append(line["time"])
        return sorted(found)


def run(made: type[demo.Demo]) -> int:
    """The program STATE SEED: that demo with these exchanges, until it is stopped."""
    state, seed = Path(sys.argv[1]), int(sys.argv[2])
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    demo.start_exchange = start_brisk
    return demo.run_demo(state, for_s=None, seed=seed, as_json=True, made=made)


if __name__ == "__main__":
    raise SystemExit(run(BriskDemo))
