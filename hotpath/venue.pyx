"""What every venue does alike is told in venue.pxd; a venue without a protocol refuses all."""

from hotpath.lane cimport Actor
from hotpath.records cimport tc_header


class NoProtocol(TypeError):
    """A venue class that does not say how its orders leave."""


cdef class Venue(Actor):
    cdef int reserve(self, const tc_header* intent) except -1:
        raise NoProtocol(self.name)

    cdef int release(self, const tc_header* intent, int reason) except -1:
        raise NoProtocol(self.name)

    cdef int deny(self, const tc_header* intent, int reason) except -1:
        raise NoProtocol(self.name)

    cdef int execute(self, const tc_header* intent) except -1:
        raise NoProtocol(self.name)
