"""kill -9 of every role of the demo at random times; then the exchanges' ledgers are asked (X01).

A session is bounded: after its share of kills the demo is ended in order, the journal is checked,
the ledgers are compared, every recording is replayed, and nobody may be left behind.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from random import Random

from tests.chaos.table import Row
from tests.engine.drill import LANES, Drill, agrees, sent_once

A_SESSION = 60  # kills of one demo
ROOT_KILLS = 2  # of one demo: it starts its root again three times
PAUSES_S = (0.05, 1.0)
READY_MS = 1_500.0
LOOK_S = 0.01


def ready_again(drill: Drill, lane: str, killed: int) -> bool:
    """Another process holds the lane and reports ready."""
    found = drill.lanes().get(lane)
    return bool(found and found["pid"] not in (None, killed) and found["state"] == "ready")


def trading_again(drill: Drill, row: Row) -> None:
    """Kill the trading lane and take the time until the next order reaches an exchange."""
    drill.wait_ready()
    drill.wait_trading(1)
    pid = drill.until(lambda: drill.pid("trade"))
    os.kill(pid, signal.SIGKILL)
    began, wall = time.monotonic(), time.time_ns()
    drill.until(lambda: ready_again(drill, "trade", pid), 30.0)
    row.times_ms.append((time.monotonic() - began) * 1000)
    row.injected += 1
    drill.until(lambda: any(o["time"] > wall for o in drill.ledger("order")), 30.0)
    after = min(o["time"] for o in drill.ledger("order") if o["time"] > wall)
    row.times_ms[-1] = max(row.times_ms[-1], (after - wall) / 1e6)


def kill_at_random(drill: Drill, kills: int, draw: Random, row: Row) -> None:
    """So many kills, at any moment of a lane's life; the root is one of the roles."""
    roots = ROOT_KILLS
    done = 0
    while done < kills:
        time.sleep(draw.uniform(*PAUSES_S))
        role = draw.choice([*LANES, "root"] if roots else LANES)
        if role == "root":
            pid = drill.root()
            os.kill(pid, signal.SIGKILL)
            drill.until(lambda pid=pid: drill.lanes() and drill.root() != pid)
            drill.wait_ready()  # a child that dies in its first start ends the engine (1.1)
            roots -= 1
        else:
            drill.until(lambda role=role: drill.pid(role))
            if drill.send(role, signal.SIGKILL) is None:
                continue
        done += 1
        row.injected += 1


def kills(folder: Path, count: int, recoveries: int = 10, seed: int = 1) -> list[Row]:
    """Rows of X01: kills of all roles, and the trading lane's way back."""
    row = Row("X01", "kill -9, all roles, at random", "0 lost, 0 twice, replay identical")
    back = Row("X01", "trade lane killed: trading again", "p99 <= 1.5 s")
    session = 0
    while row.injected < count or back.injected < recoveries:
        state = folder / f"kills-{session}"
        draw = Random(f"kills/{seed}/{session}")
        drill = Drill(state, seed + session)
        try:
            drill.wait_ready()
            drill.wait_trading()
            for _ in range(min(10, recoveries - back.injected)):
                trading_again(drill, back)
            kill_at_random(drill, min(A_SESSION, count - row.injected), draw, row)
            drill.wait_ready()
            drill.wait_trading()
            agrees(drill.end(), state)
            sent_once(drill)
        except AssertionError as wrong:
            row.broken.append(f"session {session}: {str(wrong)[:2000]}")
        finally:
            drill.kill()
        session += 1
        if len(row.broken) > 3:
            break
    if recoveries:
        back.within(READY_MS, "killed to trading again")
    return [row, back] if recoveries else [row]
