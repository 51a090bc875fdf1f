"""What the root does all the time: beats, the clock, logs, and latencies as they grow."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import trio

from engine import slots
from engine.engine_clock import measure
from engine.kept_latencies import interval_s
from engine.supervision.policy import SECOND
from hotpath.clock import monotonic_ns
from hotpath.records import Kind

if TYPE_CHECKING:
    from engine.root import Root

LOOK_S = 0.02
MEASURE_S = 1.0
CLOCK_RECORD = struct.Struct("<qq")


async def watch(root: Root) -> None:
    """Beat, read the lanes' beats, and have the silent ones killed."""
    board, index = root.assembly.board, root.assembly.slots
    own, count = index[slots.ROOT_HEARTBEAT], 0
    while True:
        now = monotonic_ns()
        count += 1
        board.write(own, slots.BEAT.pack(count, now, root.epoch & 0xFFFFFFFF, root.pid))
        beats = {}
        for name in root.processes:
            version, data = board.read(index[slots.heartbeat(name)], slots.BEAT.size)
            if version:
                beats[name] = slots.BEAT.unpack(data)[0]
        for name, silence in root.liveness.look(beats, now).items():
            root.liveness.forget(name)
            why = f"its heartbeat stood still for {silence / 1e6:.0f} ms"
            root.carry_out(root.supervisor.hung(name, why, now))
        root.cancel_only.look(now)
        root.recorder_watch.look(now)
        root.spare.look(now)
        if root.is_calm:
            root.spare.keep(now)
        if root.clock.advance(int(LOOK_S * SECOND)):
            publish_clock(root)
        root.log.flush()
        root.lane_logs.look()
        root.notice.alive(now)
        await trio.sleep(LOOK_S)


async def measure_clock(root: Root) -> None:
    """Measure the wall clock against the monotonic one, over and over."""
    while True:
        await trio.sleep(MEASURE_S)
        root.clock.take(*measure())


async def keep_latencies(root: Root) -> None:
    """Write the lanes' histograms interval by interval, one stage between two beats at most."""
    began = trio.current_time()
    while True:
        await trio.sleep(interval_s(trio.current_time() - began))
        for _ in root.latencies.append(root.now()):
            await trio.sleep(0)


def publish_clock(root: Root) -> None:
    """The offset on the board, and as a record: a change of it is an event."""
    words = (root.clock.offset, root.clock.uncertainty)
    root.assembly.board.write(root.assembly.slots[slots.CLOCK], slots.CLOCK_WORDS.pack(*words))
    root.record(Kind.CLOCK, CLOCK_RECORD.pack(*words))
