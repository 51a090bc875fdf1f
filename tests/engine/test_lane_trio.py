"""The control runtime's turns: after one that failed there is no other."""

from __future__ import annotations

import os
from typing import Any

import httpx
import pytest
import trio

from engine.child import EXIT_NO_MEMORY
from engine.lane_trio import ColdLane
from hotpath.lane import Actor, Lane
from hotpath.ring import Outbox


class Answers:
    """An HTTP client in whose answers there is nothing."""

    async def request(self, method: str, target: str, **more: Any) -> httpx.Response:
        return httpx.Response(200, content=target.encode())

    async def aclose(self) -> None:
        return


class Broken(Actor):
    """Fails at every answer, with what it was told to."""

    error: BaseException = ValueError("told to")

    def on_start(self) -> None:
        self.taken: list[int] = []

    def on_response(self, token: int, status: int, headers: dict[str, str], body: bytes) -> None:
        self.taken.append(token)
        raise self.error


def make(most: int) -> tuple[ColdLane, Broken]:
    lane = Lane("test")
    lane.max_restarts = most
    actor = Broken(lane, "broken", Outbox.private(1 << 16, 1))
    actor.on_start()
    cold = ColdLane(lane, [], bell=-1, on_heartbeat=lambda: None)
    cold._client = Answers()
    return cold, actor


def fetch(cold: ColdLane, actor: Broken, token: int) -> None:
    trio.run(cold._fetch, actor, token, "GET", "http://x", [], b"")


def test_after_a_turn_that_failed_nothing_else_is_taken() -> None:
    """Else tasks that are still being ended would write records that no replay comes to."""
    cold, actor = make(most=0)
    with pytest.raises(ValueError, match="told to"):
        fetch(cold, actor, 1)
    assert actor.taken == [1]
    fetch(cold, actor, 2)
    assert actor.taken == [1]


def test_without_memory_no_actor_is_restarted_and_the_process_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cold, actor = make(most=5)
    restarted: list[str] = []
    cold.lane.on_restart = lambda actor, error: restarted.append(actor.name)
    ends: list[int] = []

    def end(code: int) -> None:
        ends.append(code)
        raise SystemExit(code)

    monkeypatch.setattr(os, "_exit", end)
    actor.error = MemoryError()
    with pytest.raises(SystemExit):
        fetch(cold, actor, 1)
    assert (ends, restarted) == ([EXIT_NO_MEMORY], [])
    assert actor.taken == [1]
