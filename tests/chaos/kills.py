"""kill -9 of every role of the demo at random times; then the exchanges' ledgers are asked (X01).

A session is bounded: after its share of kills the demo is ended in order, the journal is checked,
the ledgers are compared, every recording is replayed, and nobody may be left behind.
"""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from random import Random

from tests.chaos.brisk_demo import Brisk
from tests.chaos.session import session
from tests.chaos.table import Row
from tests.engine.drill import LANES, Drill

A_SESSION = 60  # kills of one demo
ROOT_KILLS = 2  # of one demo: it starts its root again three times
PAUSES_S = (0.05, 1.0)
TIMED = 12
"""Timed kills of one demo. A way back costs about 330 of the venue's request weight (snapshots, and
orders, trades and balances from two sources), and feeds stop at 4,800 a minute: the next kill would
time how books wait for the minute's end, as they must."""
READY_MS = 1_500.0
TRADE = "trade"


def trading_again(drill: Brisk, row: Row) -> None:
    """Kill the trading lane and take the time until its next life's first order is at an exchange
    and the lane says that it is ready."""
    drill.wait_ready()
    drill.until(drill.fresh_orders)
    pid = drill.until(lambda: drill.pid(TRADE))
    began = time.time_ns()
    os.kill(pid, signal.SIGKILL)
    drill.until(lambda: drill.pid(TRADE) not in (None, pid), 30.0)
    lives = time.time_ns()  # what was on its way when it died is not of this life
    orders = drill.until(lambda: [t for t in drill.fresh_orders() if t > lives], 30.0)
    drill.until(lambda: drill.lanes()[TRADE]["state"] == "ready", 30.0)
    said = drill.until(lambda: [t for t in ready_times(drill.state) if t > began], 30.0)
    row.times_ms.append((max(orders[0], said[0]) - began) / 1e6)
    row.injected += 1


def ready_times(state: Path) -> list[int]:
    """When the trading lane said that it is ready (the root's log)."""
    lines = (state / "log" / "root.main.jsonl").read_bytes().splitlines()
    said = [json.loads(raw) for raw in lines if b'"lane ready"' in raw]
    return [line["time"] for line in said if line["name"] == TRADE]


def recoveries(folder: Path, count: int, seed: int = 1) -> Row:
    """The trading lane's way back, so many times, in a market that always offers a trade."""
    row = Row("X01", "trade lane killed: trading again", "p99 <= 1.5 s")
    draw = Random(f"recoveries/{seed}")
    number = 0
    while row.injected < count and not row.broken:
        drill = Brisk(folder / f"recoveries-{number}", seed + number)
        with session(drill, row, f"session {number}"):
            for _ in range(min(TIMED, count - row.injected)):
                trading_again(drill, row)
                time.sleep(draw.uniform(*PAUSES_S))
            drill.wait_ready()
        number += 1
    row.within(READY_MS, "killed to trading again")
    return row


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


def kills(folder: Path, count: int, seed: int = 1) -> Row:
    """X01: kills of all roles at random."""
    row = Row("X01", "kill -9, all roles, at random", "0 lost, 0 twice, replay identical")
    number = 0
    while row.injected < count:
        draw = Random(f"kills/{seed}/{number}")
        drill = Drill(folder / f"kills-{number}", seed + number)
        with session(drill, row, f"session {number}"):
            drill.wait_ready()
            drill.wait_trading()
            kill_at_random(drill, min(A_SESSION, count - row.injected), draw, row)
            drill.wait_ready()
            drill.wait_trading()
        number += 1
        if len(row.broken) > 3:
            break
    return row
