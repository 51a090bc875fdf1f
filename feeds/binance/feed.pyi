from typing import Any

from feeds.binance.codec import Codec
from feeds.binance.join import Join
from feeds.binance.settings import Settings
from hotpath.feed import Feed

CHECK: int
CONNECT: int
CONTROL: int

class BinanceFeed(Feed):
    codec: Codec
    joins: list[Join]
    config: Settings
    address: str
    active: int
    coming: int
    ahead: list[bytes]
    connecting: bool
    held: bool
    silent_until: int
    silenced_by: int
    trouble: dict[str, Any] | None
    failures: int
    opened_at: int
    coming_at: int
    to_send: list[dict[str, Any]]
    gaps: int
    reconnects: int
    rollovers: int
    resubscribes: int
    duplicates: int
    refused: int
    trades_taken: int
    snapshots_asked: int
    stale_seen: int
    def configure(
        self, address: str, config: Settings | None = None, silent_slot: int = -1
    ) -> None: ...
    def streams(self, market: Any = None) -> list[str]: ...
    def stale_after_ns(self, index: int, ticker: bool = False) -> int: ...
