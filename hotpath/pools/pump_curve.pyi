from typing import Any

from hotpath.pools.solana_pool import SolanaPool

class PumpCurve(SolanaPool): ...

def answer(state: dict[str, Any], swap: dict[str, Any] | None) -> str: ...
