from collections.abc import Mapping
from typing import Any

from hotpath.lane import Lane
from hotpath.ring import Outbox
from hotpath.venue import Venue
from venues.binance.codec import Codec
from venues.binance.profile import Profile

class Session(Venue):
    codec: Codec
    state: str
    logged_on: bool
    banned: int
    silent_until: int
    silenced_by: int
    silent_slot: int
    clock_difference: int
    latest: dict[str, str]
    profile: Profile
    trouble: dict[str, Any] | None
    def __init__(self, lane: Lane, name: str, outbox: Outbox, *, room: int = 4096) -> None: ...
    def dial(self) -> None: ...
    def subscribe(self) -> None: ...
    def inquire(self, key: str, method: str, params: Mapping[str, Any]) -> bool: ...
    def ask(self, id: str, method: str, params: Mapping[str, Any], sign: bool = False) -> bool: ...
    def compose(
        self, id: str, method: str, params: Mapping[str, Any], sign: bool = False
    ) -> bytes: ...
