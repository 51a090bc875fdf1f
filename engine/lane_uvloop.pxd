"""The hot runtime: one uvloop, spinning or sleeping, that turns what arrives into turns."""

from libc.stdint cimport int64_t, uint64_t

from engine.sockets cimport Runtime
from hotpath.lane cimport Lane
from hotpath.ring cimport Reader


cdef class Follow:
    cdef readonly Reader reader
    cdef readonly list actors
    cdef uint64_t wanted


cdef class HotLane(Runtime):
    cdef readonly Lane lane
    cdef readonly list follows
    cdef public object loop, on_heartbeat, on_failure
    cdef public int64_t heartbeat_ns
    cdef readonly bint stopping
    cdef public list doorbells             # Outbox of this lane with its readers' eventfds
    cdef int64_t beat_due, scheduled_due, last_poll, polled
    cdef bint unrung                       # frames were taken since the bells were rung
    cdef object again, timer_handle
    cdef readonly list listeners
    cdef readonly uint64_t late_turns
    cdef readonly str last_error
    cdef public object refused             # by actor: why it has no connection (engine/trust.py)
    cdef object context                    # of secure connections, made at the first
    cdef int age_stage                     # histogram of outbox ages, -1: none
    cdef ring(self)
    cdef int poll(self) except -1
    cdef int read_sockets(self) except -1
    cdef bint reads_all(self)
    cdef int drain(self, Follow follow, int limit) except -1
