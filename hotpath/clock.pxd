"""Clocks of the machine. Actors never read these: their time is the lane's."""

from libc.stdint cimport int64_t, uint64_t


cdef extern from "hotpath/clock.h" nogil:
    int64_t tc_monotonic_ns()          # the same as below, inlined into the caller
    int64_t tc_wall_ns()
    uint64_t tc_ticks()
    void tc_pause()


cpdef int64_t monotonic_ns() noexcept nogil
cpdef int64_t wall_ns() noexcept nogil
cpdef uint64_t ticks() noexcept nogil
