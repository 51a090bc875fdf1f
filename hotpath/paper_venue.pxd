"""A venue without a wire: the real gate and order life, and Paper in place of an exchange.

What leaves the gate reaches `Paper` (paper.pxd states the queue model and the latencies), and what
Paper tells comes back as reports when it is visible. Fees are in the quote asset, ppm of the
notional, rounded up. Balances are an account of its own: what a fill moves, told after the fill.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from hotpath.order cimport tc_order
from hotpath.paper cimport Paper, tc_paper_event
from hotpath.venue cimport Venue


cdef struct tc_paper_asset:
    uint32_t asset, pad
    int64_t free                       # 1e-8 units; what own orders hold is the gate's to know


cdef class PaperVenue(Venue):
    cdef readonly list papers          # by listing index
    cdef public int64_t maker_ppm, taker_ppm
    cdef tc_paper_asset assets[512]
    cdef int asset_count
    cdef uint64_t last_number          # of the orders given to Paper
    cdef uint64_t last_trade
    cdef uint64_t ticks
    cdef uint64_t number_of[4096]      # by place in the order table: as Paper knows it
    cdef uint64_t next_of[4096]        # its replacement on the way, 0 = none
    cdef bint moved                    # something was given to a Paper

    cdef int take_event(self, int at, const tc_paper_event* e) except -1
    cdef int filled(self, tc_order* o, const tc_paper_event* e) except -1
    cdef uint64_t new_number(self, tc_order* o) noexcept
    cdef int move(self, uint32_t asset, int64_t amount) except -1
