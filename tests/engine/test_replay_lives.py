"""Lives of a lane in a replay: what a killed one and the next one wrote is told apart."""

from __future__ import annotations

from typing import Any

import pytest

from engine.replay import Difference, Segment
from hotpath.lockstep import Differs
from hotpath.records import Document, Header, Kind, join, pack

VENUE = 7


def record(position: int, says: str) -> bytes:
    header = Header(0, Kind.DOCUMENT, VENUE, position, position, 0, 0, 0)
    return join(header, pack(Document(document={"says": says})))


class Steps:
    """A lockstep whose turn in hand writes one record, at position 109."""

    def __init__(self, writes: bytes | None) -> None:
        self.writes, self.theirs = writes, list[bytes]()

    def add(self, source: int, raw: bytes) -> None:
        self.theirs.append(raw)

    def flush(self) -> None:
        if self.writes is not None and self.theirs and self.theirs[0] != self.writes:
            raise Differs(VENUE, self.theirs[0], self.writes)

    def take_after(self, source: int, position: int) -> list[bytes]:
        later = [r for r in self.theirs if int.from_bytes(r[8:16], "little") > position]
        self.theirs = [r for r in self.theirs if r not in later]
        return later


def life(until: int, writes: bytes | None = None) -> Any:
    """A life whose venue had written up to `until` when it began."""
    segment = Segment.__new__(Segment)
    segment.sources, segment.taken, segment.until = {VENUE}, {VENUE: until}, {}
    segment.died, segment.actors = None, {VENUE: type("Venue", (), {"name": "venue"})}
    segment.spec = type("Spec", (), {"lane": "trade"})  # type: ignore[assignment]
    segment.steps = Steps(writes)  # type: ignore[assignment]
    return segment


def test_a_turn_cut_short_does_not_meet_what_the_next_life_wrote() -> None:
    """Killed after its input was recorded and before it wrote: the next life wrote at its place,
    and a recorder read that before the next life's start."""
    old, new = life(100, record(109, "acknowledged")), life(108)
    for position in range(101, 109):
        old.add(VENUE, record(position, "before"))
    old.steps.theirs.clear()  # met, one by one
    unknown = record(109, "unknown")
    old.add(VENUE, unknown)
    old.leave(new)
    assert new.steps.theirs == [unknown] and old.is_whole


def test_a_turn_that_wrote_something_else_is_a_difference() -> None:
    old, new = life(100, record(109, "acknowledged")), life(109)
    old.add(VENUE, record(109, "unknown"))
    with pytest.raises(Difference) as found:
        old.leave(new)
    assert found.value.values["recorded"]["position"] == 109
