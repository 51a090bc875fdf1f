"""What Python sees of the hot runtime: see lane_uvloop.pyx."""

from collections.abc import Callable
from typing import Any

from engine.trust import Refusals
from hotpath.lane import Actor, Lane
from hotpath.ring import Outbox, Reader

LATE_TURN_NS: int
TCP_USER_TIMEOUT_MS: int
CONNECT_S: int

def ticks_are_time() -> bool: ...

class Follow:
    reader: Reader
    actors: list[Actor]
    def __init__(self, reader: Reader, actors: list[Actor]) -> None: ...

class HotLane:
    lane: Lane
    follows: list[Follow]
    loop: Any
    on_heartbeat: Callable[[HotLane], object]
    on_failure: Callable[[BaseException], object] | None
    heartbeat_ns: int
    spinning: bool
    stopping: bool
    doorbells: list[Outbox]
    late_turns: int
    last_error: str | None
    refused: Refusals
    def __init__(
        self, lane: Lane, follows: list[Follow], *, spin: bool, heartbeat_ns: int = 20_000_000
    ) -> None: ...
    def run(self, bell: int) -> None: ...
    def wake(self) -> None: ...
    @property
    def direct_reads(self) -> int: ...
    def stop(self) -> None: ...
    def collect(self) -> int: ...
    def open(self, actor: Actor, channel: int, target: dict[str, Any]) -> None: ...
    def keep_alive(self) -> None: ...
