"""Clocks of the machine, for the runtime and for measuring; see clock.h for the cost of each."""


cpdef int64_t monotonic_ns() noexcept nogil:
    return tc_monotonic_ns()


cpdef int64_t wall_ns() noexcept nogil:
    return tc_wall_ns()


cpdef uint64_t ticks() noexcept nogil:
    return tc_ticks()


def ticks_per_ns(int64_t for_ns=20_000_000):
    """Rate of `ticks`, measured against the monotonic clock over `for_ns` (spins)."""
    cdef int64_t start = tc_monotonic_ns(), now = start
    cdef uint64_t first = tc_ticks()
    while now - start < for_ns:
        now = tc_monotonic_ns()
    return (tc_ticks() - first) / <double>(now - start)
