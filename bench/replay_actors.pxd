"""The compiled strategy of the replay bench."""

from libc.stdint cimport int64_t, uint64_t

from hotpath.market cimport Market
from hotpath.records cimport tc_order_id
from hotpath.strategy cimport Strategy


cdef struct quote:
    tc_order_id id
    int64_t price
    bint working, ending


cdef class Quoter(Strategy):
    cdef readonly uint64_t asked       # how often the market asked it
    cdef int64_t every_ns, lots, next_at
    cdef quote quotes[3]               # by side
    cdef int aim(self, Market market, int side, int64_t price) except -1
    cdef quote* of(self, const tc_order_id* id) noexcept
