"""Execution quality of one execution: parts clipped to [0, 1], costs in bps. See score.pyx."""

from libc.math cimport fabs, sqrt


cdef inline double clip(double x) noexcept nogil:
    return 0.0 if x < 0.0 else 1.0 if x > 1.0 else x


cdef inline double signed_slippage_bps(int side, double price, double benchmark) noexcept nogil:
    # F-2: positive = cost; side 1 buys, 2 sells
    return (1.0 if side == 1 else -1.0) * (price - benchmark) / benchmark * 1e4


cdef inline double slippage_part(double slippage_bps, double most_bps) noexcept nogil:
    return clip((slippage_bps if slippage_bps > 0.0 else 0.0) / most_bps)


cdef inline double latency_part(double latency_ms, double most_ms) noexcept nogil:
    return clip(latency_ms / most_ms)


cdef inline double latency_part_grace(double latency_ms, double most_ms) noexcept nogil:
    return clip((latency_ms - most_ms) / most_ms)


cdef inline double adherence_part(double filled, double intended) noexcept nogil:
    return clip(1.0 - fabs(filled - intended) / intended)


cdef inline double square_root_impact(double y, double sigma, double quantity,
                                      double volume) noexcept nogil:
    return y * sigma * sqrt(quantity / volume)
