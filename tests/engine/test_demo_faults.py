"""The demo's exchanges misbehave on demand, its lanes are stopped: each with what was promised."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from engine.recording import Reading
from hotpath.records import Kind, split, unpack
from tests.engine.drill import TIERCEL, Drill, agrees, sent_once

DATA_AGE_NS = 500_000_000  # configs/demo.yaml: max_data_age_ms
SECOND_NS = 1_000_000_000


def approved_and_frames(report: dict[str, Any], venue: str) -> tuple[list[int], list[int]]:
    """Times of what a venue's actor approved, and of the frames that its feed received."""
    reading = Reading(Path(report["recording"]))
    sources = reading.header["sources"]
    approved, frames = [], []
    try:
        for raw in reading.records():
            header, payload = split(raw)
            if header.kind == Kind.APPROVED and header.source == sources[f"venue_{venue}"]:
                approved.append(header.time)
            elif header.kind == Kind.INPUT_FRAME:
                frame: Any = unpack(header.kind, payload)
                if frame.actor == sources[f"feed_{venue}"] and frame.opcode == 1:
                    frames.append(header.time)
    finally:
        reading.close()
    return approved, frames


def quietest(frames: list[int], begin: int) -> tuple[int, int]:
    """The longest time after `begin` without a frame."""
    later = [t for t in frames if t >= begin - 5 * SECOND_NS]
    return max(pairwise(later), key=lambda pair: pair[1] - pair[0])


def test_exchanges_misbehave(drill: Drill) -> None:
    """Lost replies, reports twice and late, cut connections, limits, silence, in one session."""
    for venue in ("alpha", "beta"):
        drill.fault(venue, "lost_reply", count=2, match='"p')
        drill.wait_trading(4)
        drill.fault(venue, "duplicate", target="user", count=10)
        drill.fault(venue, "delay", target="user", delay_ms=300, for_ms=1000)
        drill.wait_trading(4)
        drill.fault(venue, "disconnect", target="replies", count=1)
        drill.wait_trading(4, venue)
    drill.fault("beta", "unknown", count=1)
    drill.wait_trading(4, "beta")

    drill.fault("alpha", "rate_limit", target="replies", count=1, retry_after_s=2)
    drill.until(lambda: drill.tell("alpha", op="status")["faults_acted"].get("rate_limit"))
    limited = time.time_ns()
    drill.wait_trading(4, "alpha")
    early = [o["time"] for o in drill.ledger("order", "alpha") if o["time"] > limited]
    assert min(early) - limited > SECOND_NS, "an order within the time that a 429 asked for"

    began = time.time_ns()
    drill.fault("alpha", "silence", target="streams", for_ms=3000)
    time.sleep(4.0)  # it may trade on until its data are too old
    drill.wait_trading(4, "alpha")
    drill.wait_ready()
    report = drill.end()
    agrees(report, drill.state)
    sent_once(drill)
    approved, frames = approved_and_frames(report, "alpha")
    last, following = quietest(frames, began)
    assert following - last > 2 * DATA_AGE_NS, "the silence was not noticed"
    blind = [t for t in approved if last + DATA_AGE_NS < t < following]
    assert not blind, f"{len(blind)} orders were priced from a silent feed"


def test_a_ban_is_of_the_address_and_is_said(drill: Drill) -> None:
    """The HTTP side in one lane is told of a ban: the lane that trades is silent too, until it
    ends, and `ps` and `top` say so; the venue that banned nobody is not disturbed."""
    drill.fault("alpha", "ban", target="rest", count=1, retry_after_s=4)
    drill.fault("alpha", "gap", count=1)  # a snapshot is asked for, by HTTP
    drill.until(lambda: drill.tell("alpha", op="status")["faults_acted"].get("ban"))
    banned = time.time_ns()

    def alerts(command: str) -> list[str]:
        words = [*TIERCEL, command, "--state", str(drill.state), "--json"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=30)
        return [a["what"] for a in json.loads(done.stdout).get("alerts", [])]

    drill.until(lambda: any("venue_alpha is banned" in a for a in alerts("ps")), 4.0)
    assert any("venue_alpha is banned" in a for a in alerts("top"))
    assert not any("beta" in a for a in alerts("ps"))
    drill.until(lambda: not alerts("ps"), 20.0)
    drill.wait_trading(4, "alpha")
    late = [o["time"] - banned for o in drill.ledger("order", "alpha")]
    assert not [t for t in late if SECOND_NS // 10 < t < 3.5 * SECOND_NS], "an order during a ban"
    drill.wait_ready()
    agrees(drill.end(), drill.state)
    sent_once(drill)


def test_a_pair_cut_in_half_is_hedged(drill: Drill) -> None:
    """One leg filled, the other rejected, the lane dies before it knows: the next life hedges."""
    drill.fault("alpha", "lost_reply", count=1, match='"p')
    drill.fault("alpha", "drop", target="user", for_ms=3000)
    drill.fault("beta", "reject", count=1, code=-2010, msg="no")
    drill.until(lambda: drill.ledger("rejected", "beta"))
    killed = drill.send("trade", signal.SIGKILL)
    drill.until(lambda: drill.pid("trade") not in (None, killed))
    drill.wait_ready()
    drill.wait_trading(4)
    report = drill.end()
    agrees(report, drill.state)
    sent_once(drill)


def test_lanes_are_stopped_and_the_root_is_killed(drill: Drill) -> None:
    """A short stop is survived or replaced, a long one replaced; a root that dies comes back."""
    for lane, seconds in (("trade", 0.5), ("trade", 1.0), ("control", 1.0)):
        stopped = stop(drill, lane)
        time.sleep(seconds)
        resume(stopped)
        drill.wait_ready()
    for lane in ("trade", "control"):
        stopped = stop(drill, lane)
        drill.until(lambda lane=lane, old=stopped: drill.pid(lane) not in (None, old))
        drill.wait_ready()
    drill.wait_trading()
    live = drill.live_orders()
    os.kill(drill.root(), signal.SIGKILL)
    print(f"{drill.seconds:7.3f} s  kill -9 root, {live or 'no'} orders open", flush=True)
    drill.wait_ready()
    drill.wait_trading()
    report = drill.end()
    agrees(report, drill.state)
    assert report["restarts"] >= 2
    sent_once(drill)


def stop(drill: Drill, lane: str) -> int:
    """SIGSTOP; the process."""
    live = drill.live_orders()
    pid: int = drill.until(lambda: drill.send(lane, signal.SIGSTOP))
    orders = f"{live} orders open" if live else "no order open"
    print(f"{drill.seconds:7.3f} s  SIGSTOP {lane} ({pid}), {orders}", flush=True)
    return pid


def resume(pid: int) -> None:
    """Let a stopped process go on, if it was not killed meanwhile."""
    try:
        os.kill(pid, signal.SIGCONT)
    except ProcessLookupError:
        return


def refused(*words: str) -> str:
    """What a command that must fail says; never a traceback."""
    done = subprocess.run([*TIERCEL, *words], capture_output=True, text=True, timeout=120)
    assert done.returncode in (1, 2, 3), done
    assert "Traceback" not in done.stderr, done.stderr
    return done.stderr


def test_a_busy_state_directory_is_a_coded_refusal(drill: Drill) -> None:
    assert "TCL-2102" in refused("demo", "--for", "1s", "--state", str(drill.state))
    config = drill.state / "demo.yaml"
    assert "TCL-" in refused("run", str(config), "--for", "1s", "--state", str(drill.state))
    drill.wait_trading()
    agrees(drill.end(), drill.state)
