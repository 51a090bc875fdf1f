"""What is told of an error that comes out of several tasks at once."""

from __future__ import annotations

import pytest
import trio

from engine.errors import cause_of
from engine.recording import RecordingNotWritten
from engine.whole import append_whole

FULL = RecordingNotWritten(path="x.tcr", detail="No space left on device")


def test_the_condition_is_told_and_not_the_group_around_it() -> None:
    other = ValueError("another task")
    inner = BaseExceptionGroup("inner", [other, FULL])
    assert cause_of(BaseExceptionGroup("outer", [other, inner])) is FULL
    assert cause_of(BaseExceptionGroup("outer", [inner, MemoryError()])).__class__ is MemoryError
    assert cause_of(BaseExceptionGroup("outer", [other, KeyError("x")])) is other
    assert cause_of(other) is other


def test_a_task_of_a_lane_that_fails_ends_it_in_a_group() -> None:
    """What `cause_of` is for: trio wraps whatever a task raises."""

    async def lane() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 10)
            append_whole(-1, b"")

    with pytest.raises(BaseExceptionGroup) as told:
        trio.run(lane)
    assert isinstance(cause_of(told.value), OSError)
