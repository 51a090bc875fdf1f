"""A venue without a wire: the real gate and order life, and Paper in place of an exchange.

What leaves the gate reaches `Paper` (paper.pxd states the queue model and the latencies), and what
Paper tells comes back as reports when it is visible. Fees are ppm of what a fill moves, rounded up, in
the quote asset, in the asset received (a buyer's base, a seller's quote), or in an asset of its own
at a stated price of it; where the account has not enough of that, in the asset received. Balances
are an account of its own: what a fill moves, told before the fill, so that no strategy that answers
a fill sees money that is spent already.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from hotpath.order cimport tc_order
from hotpath.paper cimport Paper, tc_paper_event
from hotpath.venue cimport Venue


cdef extern from *:
    ctypedef long long int128 "__int128"

cdef enum tc_fee_in:
    TC_FEE_QUOTE = 0
    TC_FEE_RECEIVED = 1
    TC_FEE_ASSET = 2

cdef struct tc_paper_asset:
    uint32_t asset, pad
    uint64_t free_lo                   # 1e-8 units; what own orders hold is the gate's to know
    int64_t free_hi

cdef struct tc_fee_price:
    uint32_t quote, pad
    int64_t price                      # of the fee's asset, 1e-8 of this quote asset


cdef class PaperVenue(Venue):
    cdef readonly list papers          # by listing index
    cdef public int64_t maker_ppm, taker_ppm
    cdef int fee_in                    # enum tc_fee_in
    cdef uint32_t fee_asset            # of TC_FEE_ASSET
    cdef int64_t fee_discount_ppm      # of a fee paid in it
    cdef tc_fee_price fee_prices[64]
    cdef int fee_price_count
    cdef tc_paper_asset assets[512]
    cdef int asset_count
    cdef uint64_t last_number          # of the orders given to Paper
    cdef uint64_t last_trade
    cdef uint64_t ticks
    cdef uint64_t number_of[4096]      # by place in the order table: as Paper knows it
    cdef uint64_t next_of[4096]        # its replacement on the way, 0 = none
    cdef bint moved                    # something was given to a Paper

    cdef int take_event(self, int at, const tc_paper_event* e) except -1
    cdef int filled(self, tc_order* o, const tc_paper_event* e, bint is_next) except -1
    cdef uint64_t new_number(self, tc_order* o) noexcept
    cdef int128 free_of(self, uint32_t asset) noexcept
    cdef int64_t price_of_fee(self, uint32_t quote) noexcept
    cdef int move(self, uint32_t asset, int128 amount) except -1
