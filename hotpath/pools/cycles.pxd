"""Tokens, pools and the cycles through them."""

from libc.stdint cimport int8_t, int32_t, uint32_t

from hotpath.pools.pool cimport Pool
from hotpath.pools.size cimport Costs, Trial
from hotpath.u256 cimport u256

cdef struct Cycle:
    int32_t pools[4]
    int8_t directions[4]
    int8_t hops
    int32_t start            # the token that it begins and ends with

cdef struct Ranked:
    double rate
    int32_t cycle

cdef class Graph:
    cdef list pools, ends    # Pool, (token 0, token 1)
    cdef void** raw          # the same pools, for C
    cdef double* ranks       # two for each pool, one a direction: natural logarithm of the rate after fees
    cdef Cycle* cycles
    cdef int32_t count
    cdef int32_t* through    # numbers of cycles, those of pool p at begins[p] to begins[p + 1]
    cdef int32_t* begins
    cdef Ranked* ranked      # room for the cycles of the busiest pool
    cdef object number       # token to int
    cdef void refresh(self, int32_t pool) noexcept nogil
    cdef int32_t rank_through(self, int32_t pool, int32_t top) noexcept nogil
    cdef void size(self, int32_t cycle, u256 most, const Costs* costs, Trial* best) noexcept nogil
    cdef void release(self) noexcept
    cdef int keep(self, list found) except -1
    cdef int look_up(self, int32_t pool) except -1
