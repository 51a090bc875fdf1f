from collections.abc import Mapping
from typing import Any

from hotpath.lane import Lane
from hotpath.ring import Outbox
from hotpath.venue import Venue
from venues.binance.codec import Codec
from venues.binance.sign import Signer

class BinanceVenue(Venue):
    codec: Codec
    state: str
    logged_on: bool
    external: int
    adopted: int
    foreign: int
    rejected: int
    banned: int
    queries_sent: int
    trouble: dict[str, Any] | None
    guesses: int
    silent_until: int
    clock_difference: int
    outstanding: set[str]
    has_rest: bool
    def __init__(self, lane: Lane, name: str, outbox: Outbox, *, room: int = 4096) -> None: ...
    def connect_as(
        self,
        *,
        url: str,
        api_key: str,
        signer: Signer | None,
        assets: Mapping[str, int],
        settings: Any = None,
    ) -> None: ...
    def dial(self) -> None: ...
    def ask(self, id: str, method: str, params: Mapping[str, Any], sign: bool = False) -> bool: ...
    def inquire(self, key: str, method: str, params: Mapping[str, Any]) -> bool: ...
    def compose(
        self, id: str, method: str, params: Mapping[str, Any], sign: bool = False
    ) -> bytes: ...
    def ask_fills(self, instrument: int, id: str, order_id: int) -> None: ...
    def subscribe(self) -> None: ...
    def reconcile(self) -> None: ...
    def expect(self, key: str, method: str, params: Mapping[str, Any]) -> None: ...
