"""The kind `pump_curve` under the name that the vectors' file has for it."""

from hotpath.pools.pump_curve import PumpCurve, answer

__all__ = ["PumpCurve", "answer"]
