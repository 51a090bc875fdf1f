"""WebSocket connections of a hot lane, over picows: one adapter between a socket and an actor."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from picows.picows cimport WSFrame, WSListener, WSTransport

from hotpath.lane cimport Actor, Connection, Lane


cdef extern from "hotpath/websocket.h" nogil:
    enum:
        WS_CONTINUATION
        WS_TEXT
        WS_BINARY
        WS_CLOSE
        WS_PING
        WS_PONG
        WS_PARTIAL
        WS_WHOLE
        WS_HEAD
    ctypedef struct ws_frame:
        size_t payload, n
        uint8_t opcode, fin
    int ws_next(const uint8_t* p, size_t n, size_t most, ws_frame* f, size_t* whole)
    int ws_message_follows(const uint8_t* p, size_t n, size_t most)
    uint8_t* ws_wrap(int opcode, char* text, size_t n, uint32_t mask)


cdef class Runtime:
    """What a connection needs of the lane's loop."""

    cdef readonly bint spinning
    cdef list direct                     # listeners whose sockets the loop reads itself
    cdef int after_turn(self) except -1
    cdef int fail_with(self, error) except -1


cdef class Socket(Connection):
    cdef WSTransport transport
    cdef int descriptor
    cdef bint is_secure
    cdef uint64_t mask_state
    cdef readonly uint64_t frames_sent, bytes_sent
    cdef int64_t write_frame(self, int opcode, char* p, size_t n) noexcept
    cdef void acknowledge(self) noexcept
    cdef int64_t write_secure(self, int opcode, char* p, size_t n) noexcept


cdef class Listener(WSListener):
    cdef Lane lane
    cdef Actor actor
    cdef uint16_t channel
    cdef Socket socket
    cdef Runtime runtime
    cdef bytearray fragments
    cdef uint8_t* buffer                 # what was read and not yet taken: [head, tail)
    cdef size_t room, head, tail
    cdef readonly bint is_direct         # read by the lane, not by the library
    cdef readonly int64_t heard          # engine time of the last frame of any kind
    cdef readonly int64_t pinged         # engine time of the ping that is not answered yet, 0 none
    cdef readonly int64_t answered       # engine time of the last pong, or of the opening
    cdef bint is_abandoned               # nobody waits for its handshake any more
    cdef int take(self, int opcode, bint fin, const char* p, size_t n, bint last,
                  int64_t now) except -1
    cdef int fragment(self, bint fin, const char* p, size_t n, bint last, int64_t now) except -1
    cdef int control(self, int opcode, const char* p, size_t n) except -1
    cdef int go_direct(self) except -1
    cdef int read(self) except -1
    cdef int make_room(self, size_t need) except -1
    cdef int end_direct(self) except -1
