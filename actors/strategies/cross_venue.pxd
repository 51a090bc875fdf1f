"""Two venues, one instrument: both sides at once when one book crosses the other."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from hotpath.market cimport Market
from hotpath.records cimport tc_header, tc_order_id
from hotpath.strategy cimport Strategy


cdef struct leg:
    tc_order_id id
    int64_t quantity, filled, told     # lots; told = the venue's own cumulative, -1 = not said
    int side, market
    bint is_open, is_unknown


cdef enum pair_state:
    IDLE = 0
    WORKING = 1
    HEDGING = 2


cdef class CrossVenue(Strategy):
    cdef leg legs[8]
    cdef int leg_count
    cdef pair_state state
    cdef uint64_t group, generation
    cdef int64_t not_before, hedge_due, retry_at
    cdef int64_t price_unit[2]         # 1e-8 quote a tick
    cdef int64_t lot_unit[2]           # 1e-8 base a lot
    cdef int64_t step                  # smallest quantity both venues can trade, 1e-8 base
    cdef int64_t fee_ppm[2]
    cdef int64_t free_base[2]
    cdef int64_t free_quote[2]
    cdef bint has_balance[2]
    cdef int64_t residual              # bought minus sold that is too small to hedge, 1e-8 base
    cdef int64_t margin_ppm, max_quantity, hedge_slippage_ppm, hedge_ns, pause_ns
    cdef readonly uint64_t pairs, hedges, skipped_invalid, skipped_edge, skipped_size
    cdef readonly uint64_t skipped_busy, skipped_balance
    cdef int64_t best_gap, best_ask, best_bid, last_quantity   # since why_not was last asked
    cdef int best_buy, doubtful
    cdef uint32_t doubt
    cdef readonly int64_t last_edge    # 1e-8 quote, of the last opportunity looked at
    cdef bint seek(self, int buy, int sell) except -1
    cdef int start_pair(self, int buy, int sell, int64_t quantity, int64_t buy_price,
                        int64_t sell_price) except -1
    cdef leg* leg_of(self, const tc_order_id* order) noexcept
    cdef int check(self) except -1
    cdef int hedge(self, int64_t imbalance) except -1
    cdef int64_t imbalance(self) noexcept
    cdef bint tradable(self, int market, int64_t quantity, int64_t price)
    cdef add_leg(self, int market, int side, int64_t quantity, int64_t price, int rule, int flags)
    cdef int take_record_balance(self, const tc_header* r) except -1
    cdef int64_t can_trade(self, int market, int side, int64_t price) noexcept
    cdef bint hedgeable(self, int64_t net)
    cdef bint sees(self) noexcept
    cdef int later(self) except -1
    cdef int market_of(self, uint32_t instrument) noexcept
    cdef compact(self)
    cdef unfinished(self)
    cdef finish(self)
