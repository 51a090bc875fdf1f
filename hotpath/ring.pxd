"""Outbox and Reader: the two ends of a ring of records in shared memory; ring.h says how it lies.

An outbox has one writer. A gating reader holds it back and reads in place; a lossy reader gets a
verified copy and is told what it missed. Delivery is at-least-once: peek, do the work, `done`, and
`publish` when the effect is safe. Nothing here makes a system call but `wake`.
"""

cimport cython
from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

from hotpath.records cimport tc_header


cdef extern from "hotpath/ring.h" nogil:
    ctypedef struct tc_ring:
        uint64_t capacity
        uint64_t head
        uint32_t epoch
    ctypedef struct tc_writer:
        tc_ring* shared
        unsigned char* data
        uint64_t mask, at, last, soft, step, position, largest, reserve, refused
        uint32_t epoch, claimed
        uint16_t source
    ctypedef struct tc_reader:
        tc_ring* shared
        unsigned char* data
        unsigned char* copy
        uint64_t mask, at, expected, resumed, lost_from, lost_to, lost, largest, span, peeked
        uint32_t kinds, fault, epoch
        int index
        uint16_t source
        unsigned char lossy, in_gap
        uint32_t* least
    void* tc_claim(tc_writer*, uint32_t, int)
    uint64_t tc_commit(tc_writer*, uint16_t, uint32_t, int64_t, uint64_t, uint32_t)
    uint64_t tc_write(tc_writer*, uint16_t, uint32_t, int64_t, uint64_t, uint32_t, const void*,
                      uint32_t, int)
    void tc_warm(const tc_writer*)
    uint64_t tc_must_ring(tc_writer*)
    const tc_header* tc_peek(tc_reader*)
    void tc_done(tc_reader*)
    void tc_publish(tc_reader*)
    int tc_doze(tc_reader*)
    void tc_rouse(tc_reader*)


@cython.final
cdef class Mapping:
    """An outbox's file in memory, its data mapped twice; unmapped with the last of its users."""

    cdef tc_ring* shared
    cdef unsigned char* data
    cdef size_t bytes
    cdef readonly bint locked              # in memory, not to be swapped
    cdef readonly bint writable


@cython.final
cdef class Outbox:
    """The one writer. Inlined calls: `tc_write(&outbox.writer, ...)`; the methods do the same.
    `outbox.writer.position` is the position of the last record, `.source` and `.epoch` its own."""


    cdef tc_writer writer
    cdef readonly Mapping mapping
    cdef int bells[16]                     # eventfd of each reader's lane, -1 = it polls

    # the payload's place, NULL when full; reserve=True may use the reserve
    cdef void* claim(self, uint32_t payload_bytes, bint reserve) noexcept nogil
    # publishes what was claimed; its position, 0 when a later epoch has taken over
    cdef uint64_t commit(self, uint16_t kind, uint32_t instrument, int64_t time, uint64_t cause,
                         uint32_t flags) noexcept nogil
    # claim, copy and commit; the position, or 0
    cdef uint64_t write(self, uint16_t kind, uint32_t instrument, int64_t time, uint64_t cause,
                        uint32_t flags, const void* payload, uint32_t n,
                        bint reserve) noexcept nogil
    # the record committed last, NULL when there is none; valid until the next claim
    cdef const tc_header* last_record(self) noexcept nogil
    # the mask of readers that sleep, taken: `wake` them
    cdef uint64_t must_ring(self) noexcept nogil
    cdef void wake(self, uint64_t sleepers) noexcept nogil


@cython.final
cdef class Reader:
    """One reader. `fault` is not 0 when the bytes in the ring are not a record of this outbox."""

    cdef tc_reader reader
    cdef readonly Mapping mapping
    cdef readonly str name

    # the next record or NULL. Gating: in place. Lossy: a verified copy; lapped, a record of kind
    # TC_GAP whose payload names the positions lost, and lost_from, lost_to
    cdef const tc_header* peek(self) noexcept nogil
    cdef void done(self) noexcept nogil      # step over the record peeked
    cdef void publish(self) noexcept nogil   # store the cursor: effects are safe up to here
    cdef bint doze(self) noexcept nogil      # True: nothing there, the writer will ring
    cdef void rouse(self) noexcept nogil     # awake again: do not ring

    cdef const tc_header* sound(self) except? NULL   # peek that raises CorruptRing
