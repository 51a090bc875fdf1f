"""Orders on the account that are not ours, and what of them is open."""

from libc.stdint cimport int64_t, uint32_t

from hotpath.gate cimport tc_gate
from venues.binance.codec cimport bn_item


cdef class Others:
    cdef dict open                         # (instrument, venue's number) -> One
    cdef dict ended                        # (instrument, venue's number): it never lives again

    cdef bint take(self, tc_gate* g, uint32_t instrument, const bn_item* i, int64_t collected,
                   int64_t now) except *
    cdef int drop(self, tc_gate* g, uint32_t instrument, object order_id) except -1
    cdef list leave(self, tc_gate* g, int64_t instrument, set shown, int64_t asked)
    cdef int count(self, tc_gate* g, uint32_t instrument) except -1
