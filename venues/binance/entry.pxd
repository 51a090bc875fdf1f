"""Orders on their way out: placements, cancels and cancel-replaces as texts."""

from hotpath.records cimport tc_order_id
from hotpath.template cimport tc_template
from venues.binance.session cimport Session


cdef struct tc_texts:
    # of one instrument: side (buy, sell) by kind (GTC, IOC, FOK, post-only, market)
    tc_template place[2][5]


cdef str spelled(tc_order_id id)


cdef class Entry(Session):
    cdef tc_texts* texts

    cdef lay_out_kinds(self, int k, str symbol, int side)
    cdef int put(self, bytes text, char* to) except -1
