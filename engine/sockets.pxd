"""WebSocket connections of a hot lane, over picows: one adapter between a socket and an actor."""

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

from picows.picows cimport WSFrame, WSListener, WSTransport

from hotpath.lane cimport Actor, Connection, Lane


cdef class Socket(Connection):
    cdef WSTransport transport
    cdef int descriptor
    cdef bint is_secure
    cdef uint64_t mask_state
    cdef readonly uint64_t frames_sent, bytes_sent
    cdef int64_t write_frame(self, int opcode, char* p, size_t n) noexcept
    cdef int64_t write_secure(self, int opcode, char* p, size_t n) noexcept


cdef class Listener(WSListener):
    cdef Lane lane
    cdef Actor actor
    cdef uint16_t channel
    cdef Socket socket
    cdef object runtime
    cdef bytearray fragments
    cdef readonly int64_t heard          # engine time of the last frame of any kind
    cdef readonly int64_t pinged         # engine time of the ping that is not answered yet, 0 none
    cdef fragment(self, WSFrame frame)
    cdef control(self, WSTransport transport, WSFrame frame)
    cdef after(self)
