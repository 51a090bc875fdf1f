from typing import Any

LEVEL: int
TRADE: int
TOP: int
CLEAR: int
JOINED: int
DOUBT: int
ENDS_UPDATE: int
ENDS_READ: int
EVENT_BYTES: int

class Tape:
    count: int
    def __init__(self, room: int = ...) -> None: ...
    def append(
        self,
        time: int,
        listing: int,
        kind: int,
        *,
        side: int = 0,
        price: int = 0,
        quantity: int = 0,
        ask_price: int = 0,
        ask_quantity: int = 0,
        id: int = 0,
        venue_time: int = 0,
        flags: int = ...,
        reason: int = 0,
    ) -> None: ...
    @staticmethod
    def merged(tapes: list[Tape]) -> Tape: ...
    def each_alone(self) -> Tape: ...
    def event(self, at: int) -> dict[str, Any]: ...
    @property
    def span(self) -> tuple[int, int] | None: ...
