"""The best size of a trade through two to four hops that ends in the coin it began with."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from hotpath.pools.pool cimport Pool
from hotpath.u256 cimport u256

cdef struct Costs:
    u256 fixed               # of the coin paid in, whatever the size
    u256 gas_price_e9        # of the coin paid in, for a billion of gas
    uint32_t tip_bps         # share of what is left that is given as a tip

cdef struct Trial:
    u256 paid, out           # of the first coin
    u256 middle              # what the first hop gives
    u256 net                 # out - paid - fixed - gas, two's complement, before the tip
    int64_t gas
    bint valid               # every hop took all it was given

# the best trial; paid is 0 where nothing gains
cdef void best_trial(void** pools, const int* directions, int n, u256 most, const Costs* costs, Trial* best) noexcept nogil

cdef class Sized:
    cdef Trial trial
    cdef Costs costs
    cdef readonly tuple amounts
