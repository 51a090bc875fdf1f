"""What the Solana kinds of two 64-bit coins share: the checks around one step, and depth by bisection."""

from libc.stdint cimport uint64_t

from hotpath.pools.pool cimport Pool, Quote
from hotpath.u256 cimport u128, u256

cdef extern from "hotpath/pools/sol_amounts.h" nogil:
    const int SOL_OK
    u128 sol_price_x64(uint64_t x, uint64_t y) noexcept

cdef class SolanaPool(Pool):
    # one swap of a 64-bit amount: fills a cleared quote with a status; moves the state if asked and done
    cdef void step(self, int direction, bint exact_in, uint64_t amount, bint move, Quote* out) noexcept nogil
    cdef void swap(self, int direction, bint exact_in, const u256* amount, const u256* limit, bint move, Quote* out) noexcept nogil

cdef uint64_t whole(dict source, str name) except? 0xffffffffffffffff
cdef uint64_t whole_or(dict source, str name, uint64_t absent) except? 0xffffffffffffffff
cdef uint64_t below(dict source, str name, uint64_t bound) except? 0xffffffffffffffff
cdef bint truth(dict source, str name, object absent) except -1
cdef dict part(object source, str name)
cdef dict members_of(dict event)
cdef object refuse(int status, dict why)
