"""An order book's levels as a pool: what taking them gives, exactly."""

from libc.stdint cimport uint32_t, uint64_t

from hotpath.pools.pool cimport Pool, Quote, curve_row
from hotpath.u256 cimport u128, u256

cdef struct Level:
    u256 price       # numerator over `scale`: coin 1 for one of coin 0, smallest units
    u256 quantity    # of coin 0

cdef class Ladder(Pool):
    cdef Level* levels[2]    # [0]: bids, paid in coin 0; [1]: asks, paid in coin 1; best first
    cdef uint32_t count[2]
    cdef u256 scale
    cdef uint32_t fee_bps    # the taker's, of what is received
    cdef u256 after_fee(self, u256 gross, u256* fee) noexcept nogil
    cdef void sell(self, const u256* amount, const u256* limit, Quote* out) noexcept nogil
    cdef void buy(self, const u256* amount, const u256* limit, Quote* out) noexcept nogil
