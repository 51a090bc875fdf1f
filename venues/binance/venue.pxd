"""Binance spot: orders, cancels, queries and user data on one WebSocket API connection."""

from libc.stdint cimport int64_t, uint64_t

from hotpath.order cimport tc_order
from venues.binance.codec cimport bn_item
from venues.binance.reconcile cimport Reconciliation


cdef class BinanceVenue(Reconciliation):
    cdef readonly uint64_t foreign
    cdef bint killed
    cdef uint64_t beats

    cdef int take_item(self, const bn_item* i, int64_t collected) except -1
    cdef int take_answer(self, str id) except -1
    cdef int take_reply(self, str id, int64_t asked, bint waited, bint latest) except -1
    cdef show(self)
    cdef bint is_killed(self, tc_order* o) noexcept
    cdef int enforce_kill(self) except -1
