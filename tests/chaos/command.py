"""`tiercel kill` on a demo that trades with 500 orders at work, over and over (X35, 7.2).

From the word's fall, which kill.json dates, to the last order that a gate approved and to the turn
in which the last of 500 cancels left, as the journal has them: the venue's look at the word, every
50 ms, is in that. What such a turn takes of the machine is tests/chaos/switch.py's to measure. A
round ends with `tiercel resume`; the last one with a root that is killed, whose next life must stay
closed until then.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import orjson

from engine.journal.store import open_reader
from hotpath.order import EVENTS
from hotpath.records import Kind, unpack
from tests.chaos.ladder_demo import ORDERS, Laddered
from tests.chaos.switch import GATE_MS, LAST_MS
from tests.chaos.table import Row
from tests.engine.drill import TIERCEL, VENUES, agrees, sent_once

COMMAND_S = 90.0
CLOSED_S = 1.0
CANCEL_REQUESTED = EVENTS.index("CANCEL_REQUESTED")
ENDED_MS = 1_000.0
"""Cancelled at the exchange: with the exchange's own work on 500 cancels, in Python."""
LATE_MS = 250.0
"""What left before the word may still lie in the socket of an exchange that has no core."""


def tiercel(state: Path, *words: str) -> dict[str, Any]:
    """A command as a user types it; AssertionError when it says no."""
    argv = [*TIERCEL, *words, "--state", str(state), "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=COMMAND_S)
    assert done.returncode == 0, done
    found: dict[str, Any] = json.loads(done.stdout)
    return found


class Ledgers:
    """Our orders as both ledgers tell them, read as they grow."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self._read = dict.fromkeys(VENUES, 0)
        self.open: dict[tuple[str, int], int] = {}  # resting orders, and when they were taken
        self.last_order = self.last_end = 0

    def look(self) -> int:
        """How many orders rest now."""
        for venue in VENUES:
            with (self.state / "exchanges" / f"{venue}.ledger.jsonl").open("rb") as file:
                file.seek(self._read[venue])
                whole = file.read().rpartition(b"\n")[0]
            self._read[venue] += len(whole) + bool(whole)
            for raw in whole.split(b"\n"):
                if b'"order"' in raw or b'"done"' in raw:
                    self.take(venue, orjson.loads(raw))
        return len(self.open)

    def take(self, venue: str, line: dict[str, Any]) -> None:
        if line["t"] not in ("order", "done"):
            return
        key = venue, line["order_id"]
        if line["t"] == "order" and line["account"] == "tiercel":
            self.last_order = max(self.last_order, line["time"])
            if line["time_in_force"] == "GTC":
                self.open[key] = line["time"]
        elif line["t"] == "done" and self.open.pop(key, 0):
            self.last_end = max(self.last_end, line["time"])


def newest(state: Path, kind: Kind, event: int = 0) -> int:
    """When a venue wrote a record of a kind last (engine time, which is UTC)."""
    db = open_reader(state)
    try:
        sql = "SELECT time, payload FROM event WHERE kind = ? ORDER BY id DESC LIMIT 20000"
        for at, payload in db.execute(sql, (int(kind),)):
            found: Any = unpack(int(kind), payload)
            if not event or found.type == event:
                return int(at)
    finally:
        db.close()
    raise AssertionError(f"the journal has no {kind.name}")


def a_round(drill: Laddered, ledgers: Ledgers, gate: Row, last: Row) -> None:
    """One `tiercel kill`: how long orders still came, and how long until the last was cancelled."""
    drill.until(lambda: ledgers.look() >= ORDERS)
    answer = tiercel(drill.state, "kill")
    assert answer["kept"], answer
    fell = json.loads((drill.state / "kill.json").read_bytes())["closed"]["all"]["time"]
    drill.until(lambda: ledgers.look() == 0)
    time.sleep(CLOSED_S)
    ledgers.look()
    gate.injected += 1
    last.injected += 1
    gate.times_ms.append(max(0.0, (newest(drill.state, Kind.APPROVED) - fell) / 1e6))
    late = (ledgers.last_order - fell) / 1e6
    gate.holds(late < LATE_MS, f"an exchange took an order {late:.0f} ms after the word")
    last.times_ms.append((newest(drill.state, Kind.ORDER_EVENT, CANCEL_REQUESTED) - fell) / 1e6)
    ended = (ledgers.last_end - fell) / 1e6
    last.holds(ended < ENDED_MS, f"the last order ended at its exchange after {ended:.0f} ms")
    last.holds(not ledgers.open, f"{len(ledgers.open)} orders work after the kill")


def commands(folder: Path, rounds: int, seed: int = 1) -> list[Row]:
    """So many kills by command, then one that outlives the root."""
    gate = Row("X35", "tiercel kill: last approval after the word", "p99 <= 5 ms")
    last = Row("X35", f"tiercel kill: last of {ORDERS} cancels", "p99 <= 250 ms, none works on")
    drill = Laddered(folder / "commands", seed)
    try:
        drill.wait_ready()
        ledgers = Ledgers(drill.state)
        for _ in range(rounds):
            a_round(drill, ledgers, gate, last)
            opened = tiercel(drill.state, "resume", "--yes")["opened"]
            gate.holds(opened == ["all"], f"resume opened {opened}")
        a_round(drill, ledgers, gate, last)
        os.kill(drill.root(), signal.SIGKILL)
        drill.wait_ready()
        time.sleep(CLOSED_S)
        before = ledgers.last_order
        ledgers.look()
        gate.holds(ledgers.last_order == before, "an order after a restart that must stay killed")
        gate.holds(tiercel(drill.state, "top")["killed"] == ["all"], "a restart has opened it")
        tiercel(drill.state, "resume", "--yes")
        drill.until(lambda: ledgers.look() >= ORDERS)
        agrees(drill.end(), drill.state)
        sent_once(drill)
    except AssertionError as wrong:
        gate.broken.append(str(wrong)[:2000])
    finally:
        drill.kill()
    gate.within(GATE_MS, "an approval after the word")
    last.within(LAST_MS, f"last of {ORDERS} cancels")
    return [gate, last]
