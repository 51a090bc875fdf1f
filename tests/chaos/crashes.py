"""A crash at every named point of the pipeline, twice, and what the exchanges' ledgers say (X03).

One demo in a market that always offers a trade. For each point a plan is laid down: the process
that passes it dies there, its next life dies there again at the next pass, and the life after that
must be ready and trade. At the end journal, ledgers and recordings are compared like after any
session (I1-I7), and no client id may have reached an exchange twice (I2).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import orjson

from tests.chaos.brisk_demo import Brisk
from tests.chaos.crash.build import build
from tests.chaos.crash.points import VARIABLE, fired
from tests.chaos.session import session
from tests.chaos.table import Row

ORDER = (
    "intent written", "risk reserved", "group reserved", "approved written", "text written",
    "gate passed", "bytes handed to the socket", "order left", "ack in hand", "ack applied",
    "ack written", "ack settled", "fill in hand", "fill applied", "fill written", "fill settled",
)  # fmt: skip
JOURNAL = (
    "batch taken", "batch in order", "events in the transaction", "views in the transaction",
    "before the commit", "committed, cursors not moved", "cursors moved", "block to write",
    "block written, cursors not moved",
)  # fmt: skip
START = (
    "memory attached", "history recalled", "built", "told that it started", "logged on",
    "subscribed", "reconciliation asked", "reconciled, gate closed", "gate open", "agreed",
    "told that it is ready",
)  # fmt: skip
CONTROL = (
    "question to ask", "question asked", "snapshot in hand", "snapshot written",
    "answer in hand", "answer written",
)  # fmt: skip
ROOT = (
    "outboxes found", "outboxes drained", "outboxes removed", "memory made", "run written",
    "epoch to store", "epoch stored", "lane to spawn", "lane spawned", "descriptors handed over",
)  # fmt: skip
EVERY = (*ORDER, *JOURNAL, *START, *CONTROL, *ROOT)
SECOND_LOOK_S = 4.0
FIRED_S, PATIENCE_S = 40.0, 60.0


class Crashing(Brisk):
    """The demo whose processes die at the point of the plan."""

    def __init__(self, where: Path, built: Path, seed: int = 1) -> None:
        self.state, self.folder = where, built.parent
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.crash.demo", "demo", str(where), str(seed)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {VARIABLE: str(self.folder)},
        )
        self._read, self._board, self._slots = {}, None, {}
        self.plans = 0

    def plan(self, point: str, passes: tuple[int, ...]) -> int:
        """Lay a plan down, whole at once; its number."""
        self.plans += 1
        new = self.folder / "plan.new"
        new.write_bytes(orjson.dumps({"id": self.plans, "point": point, "passes": passes}))
        new.replace(self.folder / "plan.json")
        return self.plans

    def deaths(self, plan: int) -> int:
        return sum(f["id"] == plan for f in fired(self.folder / "fired"))


def crash_at(drill: Crashing, point: str, row: Row) -> None:
    """Both deaths of one point, and the life after them."""
    passes = (1, 2) if point in ORDER else (1, 1)
    live = drill.live_orders()
    plan = drill.plan(point, passes)
    if point in START:  # only a lane that starts comes by
        drill.send("trade", signal.SIGKILL)
    elif point in ROOT:
        os.kill(drill.root(), signal.SIGKILL)
    elif point in CONTROL:
        drill.send("control", signal.SIGKILL)
    end = time.monotonic() + FIRED_S
    while drill.deaths(plan) < len(passes):
        assert time.monotonic() < end, f"died {drill.deaths(plan)} times"
        if point in CONTROL:  # what asks is a trading lane that starts: a snapshot, a second look
            drill.wait_ready()
            drill.send("trade", signal.SIGKILL)
        step = time.monotonic() + SECOND_LOOK_S
        while drill.deaths(plan) < len(passes) and time.monotonic() < step:
            time.sleep(0.02)
    orders = f"{live} orders open" if live else "no order open"
    print(f"{drill.seconds:7.3f} s  died twice at: {point} ({orders} before)", flush=True)
    row.injected += len(passes)
    drill.wait_ready()
    drill.fresh_orders()
    drill.until(drill.fresh_orders, PATIENCE_S)


def crashes(folder: Path, names: tuple[str, ...] = EVERY, seed: int = 1) -> Row:
    """X03 over these points."""
    row = Row("X03", "crash at every point, twice", "I2, I3, I6: ledgers agree, sent once")
    build(folder / "built")
    drill = Crashing(folder / "crashes", folder / "built", seed)
    at = ""
    with session(drill, row, lambda: at):
        drill.wait_ready()
        drill.until(drill.fresh_orders)
        for at in names:
            crash_at(drill, at, row)
        at = "the end"
    return row
