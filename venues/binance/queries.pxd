"""Questions about orders: whose reply did not come, whose state is not known, whose trades lack."""

from libc.stdint cimport int64_t, uint64_t

from hotpath.order cimport tc_order
from venues.binance.entry cimport Entry


cdef class Queries(Entry):
    cdef readonly uint64_t queries_sent
    cdef public bint has_rest              # follows the venue's HTTP side
    cdef int* watch                        # places of orders that wait for a word
    cdef int watched, watch_room
    cdef int64_t timeout_ns
    cdef dict walks                        # key -> the listing read under it (pages.py)
    cdef set stalled                       # keys whose next page could not be asked

    cdef int turn_page(self, str key) except -1
    cdef int go_on(self) except -1
    cdef int sweep(self) except -1
    cdef int ask_order(self, tc_order* o) except -1
    cdef int ask_replacement(self, tc_order* o) except -1
    cdef int ask_rest(self, tc_order* o) except -1
    cdef int ask_second(self) except -1
