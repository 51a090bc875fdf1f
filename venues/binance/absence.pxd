"""The proof that an order never arrived (reliability.md 4.6): answers, time, and the history."""

from libc.stdint cimport int64_t

from hotpath.order cimport tc_order
from hotpath.records cimport tc_order_id
from venues.binance.reports cimport Reports


cdef class Absence(Reports):
    cdef int64_t last_word(self, tc_order* o) noexcept
    cdef int not_found(self, tc_order* o, tc_order_id of, int64_t asked) except -1
    cdef int put_away(self, tc_order* o, tc_order_id of, int64_t asked) except -1
    cdef int read_history(self, tc_order* o) except -1
    cdef int take_history(self, str key, tc_order_id of, int64_t asked, bint latest) except -1
