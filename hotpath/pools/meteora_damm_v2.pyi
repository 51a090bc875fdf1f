from typing import Any

from hotpath.pools.pool import Quoted
from hotpath.pools.solana_pool import SolanaPool

class MeteoraDammV2(SolanaPool):
    def quote_partial(self, direction: int, amount: int) -> Quoted: ...
    def set_clock(self, point: int, now: int) -> None: ...

def answer(state: dict[str, Any], swap: dict[str, Any] | None) -> dict[str, Any]: ...
