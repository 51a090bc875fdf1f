"""Tapes: normalised market data of a recording or capture, as a flat array in mapped memory."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from hotpath.book cimport Book


cdef extern from "hotpath/tape.h" nogil:
    enum tc_tape_kind:
        TC_TAPE_LEVEL
        TC_TAPE_TRADE
        TC_TAPE_TOP
        TC_TAPE_CLEAR
        TC_TAPE_JOINED
        TC_TAPE_DOUBT

    enum tc_tape_flag:
        TC_TAPE_ENDS_UPDATE
        TC_TAPE_ENDS_READ

    ctypedef struct tc_tape_event:
        int64_t time, venue_time
        int64_t price, quantity
        int64_t ask_price, ask_quantity
        uint64_t id
        uint16_t listing
        uint8_t kind, side, flags, reason
        uint16_t pad


cdef class Tape:
    cdef tc_tape_event* events
    cdef readonly size_t count
    cdef size_t room
    cdef int64_t last_time
    cdef int grow(self, size_t need) except -1
    # the place of one more event, zeroed but for its time, which never falls
    cdef tc_tape_event* add(self, int64_t time) except NULL
    cdef void forget(self, size_t n) noexcept nogil    # the first n events have been played


cdef void play(Book book, const tc_tape_event* e) noexcept nogil
