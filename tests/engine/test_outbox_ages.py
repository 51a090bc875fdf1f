"""How long records wait in an outbox for a hot lane: of each batch the oldest tells."""

from __future__ import annotations

import asyncio
import os

import pytest
import uvloop

from engine.kept_latencies import STAGES
from engine.lane_uvloop import Follow, HotLane
from hotpath.histogram import Stages
from hotpath.lane import Actor, Lane
from hotpath.records import Kind
from hotpath.ring import Outbox, Reader

WAITED_NS = 7_000_000
DOCUMENT = int(Kind.DOCUMENT)


class Hearing(Actor):
    """Counts what it hears."""

    heard = 0

    def on_record(self, kind: int, record: bytes) -> None:
        self.heard += 1


@pytest.mark.parametrize("spin", [True, False])
def test_the_oldest_record_of_each_batch_tells_its_age(spin: bool) -> None:
    lane = Lane("hot")
    lane.set_stages(Stages.private(STAGES))
    actor = Hearing(lane, "hearing", Outbox.private(1 << 16, 1))
    actor.wants = 1 << DOCUMENT
    afar = Outbox.private(1 << 16, 2)
    reader = Reader.of(afar, lossy=True)
    ages = lane.stages["age"]

    async def main() -> None:
        hot = HotLane(lane, [Follow(reader, [actor])], spin=spin, heartbeat_ns=2_000_000)
        hot.on_heartbeat = lambda _: None
        hot.on_failure = pytest.fail
        hot.run(os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC))
        for batch in (1, 2):
            now = lane.read_clock()
            for age in (WAITED_NS, WAITED_NS // 2, 0):
                afar.append(DOCUMENT, b"{}", time=now - age)
            for _ in range(2000):
                if actor.heard == 3 * batch:
                    break
                await asyncio.sleep(0.001)
            assert actor.heard == 3 * batch and ages.count == batch
        hot.stop()

    uvloop.run(main())
    assert ages.min * 1.001 >= WAITED_NS and ages.max < WAITED_NS + 2_000_000_000
