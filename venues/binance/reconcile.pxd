"""Comparing everything with the venue: at the start, after each reconnect, and periodically."""

from libc.stdint cimport int64_t

from venues.binance.absence cimport Absence
from venues.binance.codec cimport bn_item


cdef class Reconciliation(Absence):
    cdef readonly set outstanding          # what the comparison waits for
    cdef int64_t began, since
    cdef int64_t heard                     # when an answer came that the comparison waits for
    cdef int64_t orders_due, fills_due, balances_due, full_due, second_due
    cdef bint unasked                      # a question of the comparison did not leave

    cdef retry_at(self, str id)
    cdef compare_open(self, str id, int64_t asked)
    cdef finish(self)
    cdef int take_trade(self, str id, const bn_item* i) except -1
    cdef take_trades(self, str id, int64_t asked, bint waited, bint latest)
    cdef begin_again(self)
    cdef take_listed(self, str id, int64_t asked, bint latest)
    cdef remember_orphan(self, const bn_item* i)
    cdef place_orphans(self, str id)
    cdef read_metadata(self)
    cdef plan(self)
    cdef compare(self)
