"""What the venue says of orders: states, trades, and the answers to commands."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from hotpath.order cimport tc_order, tc_report
from hotpath.records cimport tc_order_id
from venues.binance.assets cimport Assets
from venues.binance.codec cimport bn_item
from venues.binance.others cimport Others
from venues.binance.queries cimport Queries


cdef class Reports(Queries):
    cdef readonly uint64_t adopted, rejected
    cdef readonly uint64_t external        # times that the venue spoke of orders that are not ours
    cdef readonly uint64_t guesses         # fills booked without their trade
    cdef Assets assets
    cdef Others others
    cdef dict symbols                      # symbol text -> instrument number
    cdef dict last_trade                   # instrument -> highest trade id seen
    cdef dict missing                      # id -> (told, since, when to ask again, money, number)
    cdef dict former                       # (instrument, venue id) of a replaced order -> its id
    cdef dict orphans                      # name of a question -> (instrument, venue order id, when
                                           # asked, 0: answered), of a trade without an order

    cdef tc_order* order_of(self, const bn_item* i) except? NULL
    cdef tc_order* order_by_number(self, uint32_t instrument, uint64_t order_id) except? NULL
    cdef object number_at(self, const bn_item* i)
    cdef bint is_told(self, const bn_item* i, uint32_t instrument) except *
    cdef int leave(self, tc_order* o) except -1
    cdef int remember(self, uint32_t instrument, uint64_t order_id, tc_order_id id) except -1
    cdef int adopt(self, const bn_item* i, tc_order_id id) except -1
    cdef int take_external(self, const bn_item* i, int64_t collected) except -1
    cdef int tell_external(self, uint32_t instrument, dict order) except -1
    cdef int take_order(self, const bn_item* i, tc_order* o, int64_t collected) except -1
    cdef int move_on(self, tc_order* o, const bn_item* i) except -1
    cdef int drop_replacement(self, tc_order* o, int32_t reason) except -1
    cdef bint is_missing(self, tc_order* o, const tc_report* r, const bn_item* i) except *
    cdef int fill_from(self, const bn_item* i, tc_order* o) except -1
    cdef int refused_place(self, tc_order* o) except -1
    cdef int refused_cancel(self, tc_order_id of) except -1
    cdef int replaced(self, tc_order_id new_id) except -1
    cdef int refused_replace(self, tc_order_id new_id) except -1
    cdef int miss(self, tc_order* o, tc_order_id of, int64_t lots, const bn_item* i) except -1
    cdef int keep_looking(self, tc_order* o) except -1
    cdef int guess(self, tc_order* o, tc_order_id of, int64_t lack, money) except -1
    cdef int find_missing(self) except -1
