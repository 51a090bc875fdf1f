"""A lane replayed beside its recording: inputs become turns, what is written is compared."""

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

from hotpath.lane cimport Lane
from hotpath.records cimport tc_header


cdef class Waiting:
    """Records, first in first out, whole and padded to 8 bytes."""

    cdef char* data
    cdef size_t room, head, tail
    cdef int add(self, const tc_header* r) except -1
    cdef const tc_header* first(self) noexcept nogil
    cdef void drop(self) noexcept nogil


cdef class Lockstep:
    cdef readonly Lane lane
    cdef readonly uint64_t compared
    cdef dict actors                   # source -> Actor
    cdef dict places                   # source -> place in the lists
    cdef list sources, readers, ours, theirs
    cdef object slow                   # called (kind, record, now) for links and documents
    cdef object failed                 # called with the failed sends of the turn in hand
    cdef list failures
    cdef bytes pending
    cdef uint32_t stamps[64][16]       # by kind: how many ranges, then from and to of each
    cdef bint same(self, const tc_header* a, const tc_header* b) noexcept
    cdef int meet(self, int place) except -1
    cdef int collect(self) except -1
    cdef int turn(self) except -1
