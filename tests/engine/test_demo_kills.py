"""kill -9 of every lane of the demo at random times, over and over: nothing lost, nothing twice."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.drill import LANES, Drill, agrees, sent_once

ROUNDS = 8
PAUSES_S = (0.05, 1.2)


@pytest.fixture
def drill(tmp_path: Path) -> Iterator[Drill]:
    running = Drill(tmp_path / "state")
    try:
        yield running
    finally:
        running.kill()


def kill_lanes(drill: Drill, rounds: int, seed: int) -> Counter[str]:
    """Every lane once a round, in a random order at random times; how often each was killed."""
    random_ = random.Random(seed)
    killed: Counter[str] = Counter()
    for _ in range(rounds):
        for lane in random_.sample(LANES, len(LANES)):
            time.sleep(random_.uniform(*PAUSES_S))
            pid = drill.until(lambda lane=lane: drill.pid(lane))
            live = drill.live_orders()
            if drill.send(lane, signal.SIGKILL) is None:
                continue
            killed[lane] += 1
            orders = f"{live} orders open" if live else "no order open"
            print(f"{drill.seconds:7.3f} s  kill -9 {lane} ({pid}), {orders}", flush=True)
    return killed


def test_lanes_are_killed_and_nothing_is_lost(drill: Drill) -> None:
    """At least thirty kills, every lane at least three times; it trades again after the last."""
    drill.wait_ready()
    drill.wait_trading()
    killed = kill_lanes(drill, ROUNDS, seed=20)
    assert killed.total() >= 30 and min(killed[lane] for lane in LANES) >= 3, killed
    drill.wait_ready()
    drill.wait_trading()
    report = drill.end()
    print({k: v for k, v in report.items() if k != "latency"})
    agrees(report, drill.state)
    assert report["restarts"] >= killed.total()
    sent_once(drill)
