"""What Python sees of the lane: see lane.pxd for the seam and lane.pyx for the turn."""

from collections.abc import Callable, Iterable
from typing import Any

from hotpath.board import Board
from hotpath.ring import Outbox

OPCODE_RESPONSE: int

class OutboxFull(Exception): ...
class DeferredOverflow(Exception): ...

class Connection:
    channel: int
    is_open: bool
    sends: int
    def __init__(self, channel: int = 0) -> None: ...
    def close(self) -> None: ...

class ScriptedConnection(Connection):
    failures: dict[int, int]
    sent: list[bytes] | None
    on_send: Callable[[bytes], object] | None
    def __init__(
        self,
        channel: int = 0,
        *,
        failures: dict[int, int] | None = None,
        sent: list[bytes] | None = None,
        on_send: Callable[[bytes], object] | None = None,
    ) -> None: ...

class Actor:
    lane: Lane
    outbox: Outbox
    source: int
    name: str
    index: int
    wants: int
    cause: int
    reserved: bool
    def __init__(self, lane: Lane, name: str, outbox: Outbox) -> None: ...
    def set_up(self, setup: Any) -> None: ...
    def on_start(self) -> None: ...
    def on_stop(self) -> None: ...
    def is_ready(self) -> bool: ...
    def is_idle(self) -> bool: ...
    def on_bytes(self, channel: int, data: bytes, last: bool) -> None: ...
    def on_record(self, kind: int, record: bytes) -> None: ...
    def on_timer(self, token: int) -> None: ...
    def on_link(self, channel: int, event: int, code: int) -> None: ...
    def on_response(
        self, token: int, status: int, headers: dict[str, str], body: bytes
    ) -> None: ...
    def attach(self, connection: Connection) -> None: ...
    def listen(self, other: Actor) -> None: ...
    def write(
        self, kind: int, instrument: int, payload: bytes, cause: int | None = None
    ) -> int: ...
    def arm(self, due: int, token: int) -> None: ...
    def open(self, channel: int, target: dict[str, Any]) -> None: ...
    def close(self, channel: int) -> None: ...
    def send_text(self, channel: int, text: bytes) -> bool: ...
    def request(
        self,
        token: int,
        method: str,
        target: str,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> None: ...
    @property
    def now(self) -> int: ...
    def uniform(self) -> float: ...

class Lane:
    now: int
    offset: int
    stamp: int
    is_virtual: bool
    turns: int
    frames: int
    recording_lost: int
    name: str
    board: Board | None
    transport: Any
    inputs: Outbox | None
    stages: Any
    slot_feed: dict[int, list[bytes]] | None
    actors: list[Actor]
    max_restarts: int
    restart_window_ns: int
    on_restart: Callable[[Actor, BaseException], object] | None
    restarts: list[int]
    def __init__(
        self,
        name: str,
        board: Board | None = None,
        *,
        seed: int = 1,
        offset: int = 0,
        is_virtual: bool = False,
    ) -> None: ...
    def rescue(self, actor: Actor, error: BaseException) -> None: ...
    def set_offset(self, offset: int) -> None: ...
    def read_clock(self) -> int: ...
    def take_frame(
        self,
        actor: Actor,
        channel: int,
        data: bytes,
        last: bool = True,
        now: int | None = None,
        opcode: int = 1,
    ) -> None: ...
    def take_response(
        self,
        actor: Actor,
        token: int,
        status: int,
        headers: dict[str, str],
        body: bytes,
        now: int | None = None,
    ) -> None: ...
    def take_record(self, actor: Actor, record: bytes, now: int | None = None) -> None: ...
    def take_link(
        self, actor: Actor, channel: int, event: int, code: int = 0, now: int | None = None
    ) -> None: ...
    def take_timer(self, actor: Actor, token: int, due: int, now: int) -> None: ...
    def take_timers(self, now: int | None = None) -> int: ...
    def start(self, now: int | None = None) -> None: ...
    def stop(self, now: int | None = None) -> None: ...
    @property
    def due(self) -> int | None: ...
    def actor_of(self, source: int) -> Actor | None: ...
    def own_slot(self, slot: int) -> None: ...
