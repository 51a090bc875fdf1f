"""Price-time priority matching of one instrument: exact integers, no I/O, no clock.

Prices are ticks and quantities lots. An order has a number (`order`, unique while it lives) and an
owner (for self-trade prevention). What happens is appended to `matches` in the order in which it
happened; levels whose quantity changed are appended to `changed` (possibly more than once).
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef enum tc_prevention:              # self-trade prevention, named by what expires
    TC_STP_NONE = 0
    TC_STP_MAKER = 1
    TC_STP_TAKER = 2
    TC_STP_BOTH = 3

cdef enum tc_match_kind:
    TC_MATCH_TRADE = 1                # order took `quantity` from maker at the maker's price
    TC_MATCH_RESTED = 2               # order stands in the book with `leaves`
    TC_MATCH_EXPIRED = 3              # rest of an IOC, FOK or market order: `quantity` did not trade
    TC_MATCH_CANCELED = 4             # by request; `quantity` was open
    TC_MATCH_PREVENTED = 5            # self-trade prevention took `quantity` of order out
    TC_MATCH_REDUCED = 6              # by request, priority kept; `leaves` remain

cdef enum tc_match_result:
    TC_PLACED = 0
    TC_DUPLICATE = 1                  # an order of this number is in the book
    TC_WOULD_TAKE = 2                 # post-only, and it would have traded
    TC_INVALID = 3                    # a price or quantity that is not positive, an unknown enum
    TC_NOT_FOUND = 4                  # no order of this number is in the book
    TC_NO_MEMORY = 5

cdef struct tc_match:
    uint64_t order                    # TRADE: the taker
    uint64_t maker                    # TRADE, PREVENTED: the resting order, else 0
    int64_t price, quantity
    int64_t leaves, maker_leaves      # after this match
    uint32_t owner, maker_owner
    uint8_t kind, side                # side of `order`
    uint16_t pad0
    uint32_t pad

cdef struct tc_resting:
    uint64_t order
    int64_t price, leaves
    int32_t before, after             # in the queue of its level; `after` chains the free list
    uint32_t owner
    uint8_t side
    uint8_t pad[3]

cdef struct tc_queue:                 # one price level
    int64_t key                       # price for bids, -price for asks: the best is the greatest
    int64_t total
    int32_t first, last
    int32_t count, pad

cdef struct tc_touched:
    int64_t price
    int64_t side


cdef class Matching:
    cdef tc_match* matches
    cdef int match_count, match_room
    cdef tc_touched* changed
    cdef int changed_count, changed_room
    cdef tc_resting* pool
    cdef int32_t room, free, live
    cdef int32_t* table               # open addressing: pool index + 1, 0 = empty
    cdef uint32_t mask
    cdef tc_queue* queues[2]          # bids, asks; sorted, best last
    cdef int queue_count[2]
    cdef int queue_room[2]

    cdef int place(self, uint64_t order, uint32_t owner, int side, int type, int time_in_force,
                   int64_t price, int64_t quantity, int prevention) noexcept nogil
    cdef int cancel(self, uint64_t order) noexcept nogil
    cdef int reduce(self, uint64_t order, int64_t leaves) noexcept nogil
    cdef int replace(self, uint64_t order, int type, int64_t price, int64_t quantity,
                     int prevention) noexcept nogil
    cdef void forget(self) noexcept nogil          # empties `matches` and `changed`
    cdef bint best(self, int side, int64_t* price, int64_t* quantity) noexcept nogil
    cdef int64_t total(self, int side, int64_t price) noexcept nogil
    cdef int64_t fillable(self, uint32_t owner, int side, int64_t price, int64_t quantity,
                          int prevention) noexcept nogil

    cdef int32_t find(self, uint64_t order) noexcept nogil
    cdef int enter(self, uint64_t order, int32_t at) noexcept nogil
    cdef void leave(self, uint64_t order) noexcept nogil
    cdef int grow(self) noexcept nogil
    cdef int locate(self, int s, int64_t key) noexcept nogil
    cdef int rest(self, uint64_t order, uint32_t owner, int side, int64_t price,
                  int64_t leaves) noexcept nogil
    cdef void remove(self, int32_t at) noexcept nogil
    cdef tc_match* note(self, int kind, uint64_t order, uint32_t owner, int side, int64_t price,
                        int64_t quantity, int64_t leaves) noexcept nogil
    cdef void touch(self, int side, int64_t price) noexcept nogil
    cdef bint reserve(self) noexcept nogil
