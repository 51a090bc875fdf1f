"""A venue: owns one order-entry connection; its gate is the only way a placement leaves.

The base class holds what every venue does alike: intent to order, `reserve`, the `approved` record
before the first byte, `execute`, refusals. A subclass writes the protocol: it overrides the
`write_*` methods (order text into a buffer with 64 bytes of headroom) and `take_bytes` (what came
back, told to the base with `report_event`, `report_fill`, `report_balance`).
"""

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

from hotpath.lane cimport Actor
from hotpath.records cimport tc_header


cdef class Venue(Actor):
    cdef int reserve(self, const tc_header* intent) except -1       # 0, or the refusing control
    cdef int release(self, const tc_header* intent, int reason) except -1
    cdef int deny(self, const tc_header* intent, int reason) except -1
    cdef int execute(self, const tc_header* intent) except -1       # 1 sent, 0 not
