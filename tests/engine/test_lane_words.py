"""What a lane says before it ends: the condition, not what trio wrapped it in."""

from __future__ import annotations

import json
import socket
from typing import cast

import pytest

from engine.child import Child
from engine.journal.conditions import JournalGap
from engine.lane_spec import LaneSpec

GAP = JournalGap(source=1, expected=11, got=21)


@pytest.mark.parametrize(
    "error",
    [
        GAP,
        ExceptionGroup("Exceptions from Trio nursery", [GAP]),
        BaseExceptionGroup("outer", [ExceptionGroup("inner", [GAP]), KeyboardInterrupt()]),
    ],
)
def test_the_condition_that_ends_a_lane_is_told_by_its_code(error: BaseException) -> None:
    ours, roots = socket.socketpair()
    with ours, roots:
        Child(ours, cast(LaneSpec, None), b"").failed(error)
        assert json.loads(roots.recv(4096)) == {"event": "failed", **GAP.sentences()}
