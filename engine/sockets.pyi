"""What Python sees of the socket adapter: see sockets.pyx."""

from typing import Any

from hotpath.lane import Actor, Connection, Lane

FRAME_LIMIT: int
PING_EVERY_NS: int
PONG_WITHIN_NS: int

def split_frames(data: bytes, most: int) -> tuple[int, int, list[tuple[int, bool, bytes]]]: ...

class Runtime: ...

class Socket(Connection):
    frames_sent: int
    bytes_sent: int
    def __init__(self, transport: Any, channel: int, mask_seed: int) -> None: ...
    def drop(self) -> None: ...
    def control_frame(self, opcode: int, payload: bytes) -> bool: ...

class Listener:
    heard: int
    pinged: int
    answered: int
    is_direct: bool
    def __init__(self, lane: Lane, actor: Actor, channel: int, runtime: Runtime) -> None: ...
    def abandon(self) -> bool: ...
    def keep_alive(self, now: int) -> None: ...
