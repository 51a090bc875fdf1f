from collections.abc import Iterable, Mapping, Sequence

import msgspec

BUY: int
SELL: int
BENCHMARKS: tuple[str, ...]
HOPS: tuple[str, ...]

class Undefined(ValueError): ...

class Weights(msgspec.Struct, frozen=True):
    slippage: float = 0.3
    latency: float = 0.2
    adherence: float = 0.3
    venue: float = 0.2

class Score(msgspec.Struct, frozen=True):
    total: float
    slippage: float
    latency: float
    adherence: float
    venue: float

def slippage_bps(side: int, average: float, benchmark: float) -> float: ...
def slippage_penalty(slippage: float, max_slippage_bps: float = 100.0) -> float: ...
def slippage_penalty_unsigned(actual: float, expected: float) -> float: ...
def latency_penalty(latency_ms: float, max_latency_ms: float = 1000.0) -> float: ...
def latency_penalty_grace(latency_ms: float, max_latency_ms: float = 1000.0) -> float: ...
def adherence(filled: float, intended: float) -> float: ...
def is_overfilled(filled: float, intended: float) -> bool: ...
def execution_score(
    *,
    slippage: float,
    latency_ms: float,
    filled: float,
    intended: float,
    venue_score: float,
    weights: Weights | None = None,
    max_slippage_bps: float = 100.0,
    max_latency_ms: float = 1000.0,
    grace: bool = False,
) -> Score: ...
def walk_cost_bps(
    side: int, levels: Iterable[tuple[int, int]], quantity: int, benchmark: float
) -> tuple[float, int]: ...
def impact_square_root(quantity: float, volume: float, sigma: float, y: float = 1.0) -> float: ...
def impact_linear(order_size: float, market_depth: float, volatility: float) -> float: ...
def almgren_chriss_holdings(
    quantity: float,
    steps: int,
    horizon: float,
    sigma: float,
    eta: float,
    gamma: float,
    risk_aversion: float,
) -> list[float]: ...
def almgren_chriss_cost(
    holdings: Sequence[float], horizon: float, eta: float, gamma: float, epsilon: float = 0.0
) -> float: ...
def implementation_shortfall(
    side: int,
    fills: Iterable[tuple[float, float]],
    quantity: float,
    arrival: float,
    last: float,
    fees: float = 0.0,
) -> float: ...
def hop_latencies_ns(stamps: Mapping[str, int | None]) -> dict[str, int]: ...
