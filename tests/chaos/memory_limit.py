"""A lane that meets its memory limit: only it dies, and it comes back (X06).

The limit is RLIMIT_DATA, set from outside at what the process has just now, so that its next
growth fails wherever that happens to be; a cut connection makes a trading lane, which allocates
nothing while it trades, need some. A lane that lives on with what it has meets it in its next life.
"""

from __future__ import annotations

import resource
import signal
import time
from pathlib import Path
from random import Random

from tests.chaos.session import session
from tests.chaos.table import Row
from tests.engine.drill import LANES, VENUES, Drill

DEATH_S = 30.0
PUSHES, PUSH_S = 5, 2.0
AT_START = 1 << 20
"""Less than the imports of any lane, and than the books of a trading one, need."""


def data_bytes(pid: int) -> int:
    """What counts against RLIMIT_DATA."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"the kernel does not tell the data of process {pid}")


def give_no_more(pid: int, room: int = 0) -> None:
    """What the process has now, and `room` bytes, is all it gets."""
    most = data_bytes(pid) + room
    resource.prlimit(pid, resource.RLIMIT_DATA, (most, most))


def replaced(drill: Drill, lane: str, pid: int, seconds: float) -> bool:
    """Does another process hold the lane's place within so long?"""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if drill.pid(lane) not in (None, pid):
            return True
        time.sleep(0.02)
    return False


def starve(drill: Drill, lane: str) -> str:
    """Have a lane meet its limit: at its work, or, when that needs nothing more, as it starts."""
    pid = drill.until(lambda: drill.pid(lane))
    others = {n: x["pid"] for n, x in drill.lanes().items() if n != lane}
    give_no_more(pid)
    for _ in range(PUSHES):
        for venue in VENUES:
            drill.fault(venue, "disconnect", target="all", count=1)
        if replaced(drill, lane, pid, PUSH_S):
            where = "at work"
            break
    else:
        where = "as it started"
        drill.send(lane, signal.SIGKILL)
        next_life = drill.until(lambda: (p := drill.pid(lane)) not in (None, pid) and p)
        give_no_more(next_life, AT_START)
        assert replaced(drill, lane, next_life, DEATH_S), f"{lane} started without memory"
    drill.wait_ready()
    now = {n: x["pid"] for n, x in drill.lanes().items() if n != lane}
    assert now == others, f"{lane} met its limit, and others died: {others} became {now}"
    return where


def memory_limits(folder: Path, rounds: int, seed: int = 1) -> Row:
    """Every lane meets its limit so many times."""
    row = Row("X06", "memory limit of a lane hit", "only that lane dies, and it trades again")
    draw = Random(f"memory/{seed}")
    drill = Drill(folder / "memory", seed)
    at = ""
    with session(drill, row, lambda: at):
        drill.wait_ready()
        drill.wait_trading()
        for _ in range(rounds):
            for at in draw.sample(LANES, len(LANES)):
                began = time.monotonic()
                where = starve(drill, at)
                row.times_ms.append((time.monotonic() - began) * 1000)
                row.injected += 1
                print(f"{drill.seconds:7.3f} s  {at} met its memory limit {where}", flush=True)
                drill.wait_trading(1)
    return row
