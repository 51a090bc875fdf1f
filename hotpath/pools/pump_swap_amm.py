"""The kind `pump_swap` under the name that the vectors' protocol has for it."""

from hotpath.pools.pump_swap import PumpSwap, answer

__all__ = ["PumpSwap", "answer"]
