"""The compiled actors of the wire bench."""

from libc.stdint cimport int64_t

from hotpath.strategy cimport Strategy
from hotpath.venue cimport Venue


cdef class Taker(Strategy):
    cdef readonly int64_t lots


cdef class Ender(Strategy):
    cdef Venue venue
    cdef Strategy taker
    cdef readonly int64_t ended
