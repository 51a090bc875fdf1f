"""Board: fixed slots of latest values in shared memory; board.h says how they lie.

For what is only interesting when fresh (tops, heartbeats, the kill word, leases, gauges). One
writer a slot. What must not be missed is read from an outbox.
"""

cimport cython
from libc.stdint cimport uint32_t, uint64_t


cdef extern from "hotpath/board.h" nogil:
    ctypedef struct tc_board_slot:
        uint64_t version
        uint64_t words[14]
    void tc_board_put(tc_board_slot*, const void*, uint32_t)
    uint64_t tc_board_get(const tc_board_slot*, void*, uint32_t)
    uint64_t tc_board_version(const tc_board_slot*)


@cython.final
cdef class Board:
    cdef tc_board_slot* slots
    cdef void* base
    cdef size_t bytes
    cdef readonly uint32_t count
    cdef readonly tuple names
    cdef dict by_name

    # n <= 112 bytes; an index out of range does nothing
    cdef void put(self, int index, const void* data, uint32_t n) noexcept nogil
    # the even version of what was copied; 0: never written, or its writer died while writing
    cdef uint64_t get(self, int index, void* data, uint32_t n) noexcept nogil
    # the version alone, 0 like get
    cdef uint64_t version(self, int index) noexcept nogil
