"""An order book of one instrument: levels by price, the best of each side, and whether to trust it.

Prices are ticks, quantities lots. `top` is current after every method that changes the book, so a
strategy reads it without a call: `top.reason` is 0 while the book is valid and otherwise why it is
not (enum tc_doubt), `top.epoch` rises with every snapshot that is joined. See book.h for the layout.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from hotpath.records cimport TC_BUY, TC_SELL, tc_level, tc_top


cdef extern from "hotpath/book.h" nogil:
    enum tc_set:
        TC_SET_DONE
        TC_SET_REJECTED
        TC_SET_OVERFLOW

    ctypedef struct tc_ladder:
        int64_t low, best
        uint64_t mask
        uint32_t near, far, room, moves

    ctypedef struct tc_walk:
        int64_t key, quantity

    ctypedef struct tc_fill_cost:
        int64_t filled                 # lots, less than asked when the side has no more
        int64_t worst                  # ticks
        int64_t average_low, average_high

    bint ladder_make(tc_ladder* l, uint32_t window, uint32_t room)
    void ladder_free(tc_ladder* l)
    void ladder_clear(tc_ladder* l)
    uint32_t ladder_count(const tc_ladder* l)
    int ladder_set(tc_ladder* l, int64_t key, int64_t quantity)
    tc_walk walk_from_best(const tc_ladder* l)
    bint walk_step(tc_walk* w)
    int book_set(tc_ladder* side, int64_t sign, int64_t price, int64_t quantity)
    int book_apply(tc_ladder* side, int64_t sign, const tc_level* levels, int n)
    int book_apply_snapshot(tc_ladder* side, int64_t sign, const tc_level* levels, int n)
    void book_read_top(const tc_ladder* bids, const tc_ladder* asks, tc_top* top)


cdef class Book:
    cdef tc_top top
    cdef public uint64_t last_id       # update id of the last change applied to the levels
    cdef uint64_t lead_id              # of the venue's own top, when it is ahead of the levels
    cdef tc_ladder bids
    cdef tc_ladder asks

    # writing: the feed
    cdef void clear(self) noexcept nogil
    cdef int set(self, int side, int64_t price, int64_t quantity) noexcept nogil
    cdef int apply_delta(self, const tc_level* bids, int bid_count, const tc_level* asks,
                         int ask_count, uint64_t last_id, int64_t venue_time) noexcept nogil
    cdef int apply_snapshot(self, const tc_level* bids, int bid_count, const tc_level* asks,
                            int ask_count, uint64_t last_id, int64_t venue_time) noexcept nogil
    cdef void lead(self, const tc_top* top) noexcept nogil
    cdef void doubt(self, uint32_t reason) noexcept nogil
    cdef bint crossed(self) noexcept nogil
    cdef void note(self, int did) noexcept nogil
    cdef int apply_lists(self, list bids, list asks, uint64_t last_id, int64_t venue_time,
                         bint is_snapshot) except -99

    # reading: strategies, in the same turn
    cdef int64_t mid(self) noexcept nogil              # half ticks
    cdef int64_t micro(self) noexcept nogil            # 1/1000 ticks
    cdef int64_t imbalance(self, int levels) noexcept nogil            # -1,000,000 .. 1,000,000
    cdef int64_t depth_within(self, int side, int64_t bps) noexcept nogil  # lots
    cdef void cost_to_fill(self, int taker, int64_t quantity, tc_fill_cost* out) noexcept nogil
    cdef int levels(self, int side, tc_level* out, int room) noexcept nogil  # best first
