"""WebSocket connections of a hot lane, over picows.

picows shakes hands, reads and parses; a frame reaches the actor as a borrowed pointer inside its
callback. A spinning lane reads for itself: at the first read that ends with a whole frame the
library is told to pause, and from then on the loop asks the socket (`read`, one recv(2) that does
not wait) and finds the frames in a buffer of its own: epoll, the loop's callbacks and their objects
no longer lie between the wire and the actor. TLS stays with the library.

Sending does not go through picows: a frame whose socket does not take it whole must not wait in
user space (the order's outcome would be unknown for as long as a buffer likes), so the header is
written into the headroom in front of the text, the text is masked in place, and one send(2) takes
all of it or the connection is over. Pings and pongs go the same way, so nothing else ever writes
to the socket after the handshake. Over TLS the transport is asked to write, and the connection is
over when it kept anything back.
"""

import os

from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memmove
from picows.picows cimport WSFrame, WSListener, WSMsgType, WSTransport

from hotpath.lane cimport Actor, Connection, Lane
from hotpath.records cimport TC_LINK_CLOSED, TC_LINK_OPEN

cdef extern from "<sys/socket.h>" nogil:
    ssize_t c_send "send"(int fd, const void* p, size_t n, int flags)
    ssize_t c_recv "recv"(int fd, void* p, size_t n, int flags)
    int c_setsockopt "setsockopt"(int fd, int level, int name, const void* value, unsigned int n)
    int MSG_DONTWAIT
    int MSG_NOSIGNAL

cdef extern from "<netinet/in.h>" nogil:
    int IPPROTO_TCP

cdef extern from "<netinet/tcp.h>" nogil:
    int TCP_QUICKACK

FRAME_LIMIT = 16 * 1024 * 1024
# A dead route is found within 20 s of its last word, one way or both: the sum of the two and of
# two looks, a second apart, is below that.
PING_EVERY_NS = 8_000_000_000
PONG_WITHIN_NS = 8_000_000_000
DEF FIRST_ROOM = 64 * 1024
DEF LARGEST = 16 * 1024 * 1024


cdef class Runtime:
    def __cinit__(self):
        self.direct = []

    cdef int after_turn(self) except -1:
        return 0

    cdef int fail_with(self, error) except -1:
        raise error


def split_frames(bytes data, size_t most):
    """(state of what is left: 0 partial, -1 broken, -2 too large; bytes used; the whole frames as
    (opcode, fin, payload)); for tests of the reader."""
    cdef ws_frame f
    cdef size_t whole = 0, used = 0, n = len(data)
    cdef const uint8_t* p = <const uint8_t*><const char*>data
    cdef int state = ws_next(p, n, most, &f, &whole)
    found = []
    while state == WS_WHOLE:
        found.append((f.opcode, bool(f.fin), (<const char*>p)[used + f.payload : used + whole]))
        used += whole
        state = ws_next(p + used, n - used, most, &f, &whole)
    return state, used, found


cdef class Socket(Connection):
    """An open client connection."""

    def __init__(self, WSTransport transport, int channel, uint64_t mask_seed):
        super().__init__(channel)
        self.transport = transport
        self.descriptor = transport.underlying_transport.get_extra_info("socket").fileno()
        self.is_secure = transport.is_secure
        self.mask_state = mask_seed
        self.is_open = True

    cdef int64_t send(self, char* p, size_t n) noexcept:
        return self.write_frame(1, p, n)

    cdef int64_t write_frame(self, int opcode, char* p, size_t n) noexcept:
        """One client frame; p has 14 writable bytes in front. n, or what was taken, or -1."""
        cdef uint64_t z
        cdef size_t whole
        cdef uint8_t* h
        cdef ssize_t took
        if not self.is_open:
            return -1
        if self.is_secure:
            return self.write_secure(opcode, p, n)
        self.mask_state += <uint64_t>0x9e3779b97f4a7c15
        z = (self.mask_state ^ (self.mask_state >> 30)) * <uint64_t>0xbf58476d1ce4e5b9
        h = ws_wrap(opcode, p, n, <uint32_t>(z >> 32))
        whole = n + <size_t>(<uint8_t*>p - h)
        took = c_send(self.descriptor, h, whole, MSG_DONTWAIT | MSG_NOSIGNAL)
        if took == <ssize_t>whole:
            self.frames_sent += 1
            self.bytes_sent += <uint64_t>took
            return <int64_t>n
        self.is_open = False
        self.drop()
        # less than all of it, whatever the bytes of the frame's head come to
        return took if took <= 0 else min(<int64_t>took, <int64_t>n - 1) if n > 1 else 1

    cdef void acknowledge(self) noexcept:
        """Acknowledge what was read, now that its order has left, and again not before the next.

        Left to itself the kernel does it inside the read of a connection that only listens, 1.5 us
        before the frame is in hand.
        """
        cdef int now = 2, later = 0        # 2: at once, and back to waiting if there was one due
        if self.is_open:
            c_setsockopt(self.descriptor, IPPROTO_TCP, TCP_QUICKACK, &now, sizeof(int))
            c_setsockopt(self.descriptor, IPPROTO_TCP, TCP_QUICKACK, &later, sizeof(int))

    cdef int64_t write_secure(self, int opcode, char* p, size_t n) noexcept:
        try:
            self.transport.send_reuse_external_buffer(<WSMsgType>opcode, p, n)
            if self.transport.underlying_transport.get_write_buffer_size() == 0:
                self.frames_sent += 1
                self.bytes_sent += n
                return <int64_t>n
        except Exception:
            pass                       # the transport is going down
        self.is_open = False
        self.drop()
        return 1 if n > 1 else 0       # the library had it: a part may have left, which is no proof

    def drop(self):
        """End the connection at once, without a closing handshake."""
        self.transport.disconnect(False)

    cpdef close(self):
        if self.is_open:
            self.is_open = False
            self.transport.disconnect(True)

    def control_frame(self, int opcode, bytes payload):
        """A ping or a pong (payload at most 125 bytes)."""
        cdef char room[192]
        cdef Py_ssize_t n = min(len(payload), 125)
        memcpy(room + 32, <const char*>payload, n)
        return self.write_frame(opcode, room + 32, n) == n


cdef class Listener(WSListener):
    """Hands the frames of one connection to one actor, a turn each."""

    def __init__(self, Lane lane, Actor actor, int channel, Runtime runtime):
        self.lane = lane
        self.actor = actor
        self.channel = channel
        self.runtime = runtime
        self.fragments = bytearray()

    def __dealloc__(self):
        free(self.buffer)

    def abandon(self):
        """The handshakes took too long or failed. True when the actor never heard of it as open."""
        self.is_abandoned = True
        if self.socket is None:
            return True
        self.socket.drop()                 # opened in the last moment: it hears of the end
        return False

    cpdef on_ws_connected(self, WSTransport transport):
        try:
            if self.is_abandoned:
                transport.disconnect(False)
                return
            self.heard = self.answered = self.lane.clock()
            # the mask is no decision: it may not touch the lane's seeded generator
            seed = int.from_bytes(os.urandom(8), "little")
            self.socket = Socket(transport, self.channel, seed)
            self.actor.attach(self.socket)
            self.lane.link(self.actor, self.channel, TC_LINK_OPEN, 0, self.heard)
            self.runtime.after_turn()
        except BaseException as error:
            self.runtime.fail_with(error)

    cpdef on_ws_frame(self, WSTransport transport, WSFrame frame):
        cdef int64_t now = self.lane.clock()
        cdef bint last = not (frame.tail_size and ws_message_follows(
            <const uint8_t*>frame.payload_ptr + frame.payload_size, frame.tail_size, LARGEST))
        self.heard = now
        if not self.runtime.spinning:
            self.lane.warm()
        try:
            self.take(frame.msg_type, frame.fin, frame.payload_ptr, frame.payload_size, last, now)
            if (self.runtime.spinning and frame.last_in_buffer and not frame.tail_size
                    and self.socket.is_open and not self.socket.is_secure):
                self.go_direct()
            elif frame.last_in_buffer:
                self.socket.acknowledge()
        except BaseException as error:
            self.runtime.fail_with(error)

    cdef int take(self, int opcode, bint fin, const char* p, size_t n, bint last,
                  int64_t now) except -1:
        """One frame to the actor; `last`: what is behind it in that read ends no message."""
        if opcode == WS_TEXT or opcode == WS_BINARY:
            if not fin:
                return self.fragment(fin, p, n, last, now)
            self.lane.frame(self.actor, self.channel, p, n, opcode, last, now)
            return self.runtime.after_turn()
        if opcode == WS_CONTINUATION:
            return self.fragment(fin, p, n, last, now)
        return self.control(opcode, p, n)

    cdef int fragment(self, bint fin, const char* p, size_t n, bint last, int64_t now) except -1:
        """A message in several frames is put together before the actor sees it."""
        cdef bytes whole
        self.fragments += p[:n]
        if len(self.fragments) > FRAME_LIMIT:
            self.socket.close()
        elif fin:
            whole = bytes(self.fragments)
            self.fragments.clear()
            self.lane.frame(self.actor, self.channel, whole, len(whole), WS_TEXT, last, now)
            self.runtime.after_turn()
        return 0

    cdef int control(self, int opcode, const char* p, size_t n) except -1:
        if opcode == WS_PING:
            self.socket.control_frame(WS_PONG, p[:n])
        elif opcode == WS_PONG:
            self.pinged = 0
            self.answered = self.lane.clock()
        elif opcode == WS_CLOSE:
            self.socket.close()
        return 0

    # ---- reading without the library

    cdef int go_direct(self) except -1:
        """The library holds nothing of a frame: from here on the lane's loop reads."""
        self.make_room(FIRST_ROOM)
        self.socket.transport.underlying_transport.pause_reading()
        self.is_direct = True
        self.runtime.direct.append(self)
        return 0

    cdef int make_room(self, size_t need) except -1:
        """Room for `need` bytes from `head` on; what is there moves to the front."""
        cdef uint8_t* larger
        if self.head:
            memmove(self.buffer, self.buffer + self.head, self.tail - self.head)
            self.tail -= self.head
            self.head = 0
        if need > self.room:
            need = max(need, 2 * self.room)
            larger = <uint8_t*>realloc(self.buffer, need)
            if larger == NULL:
                raise MemoryError
            self.buffer, self.room = larger, need
        return 0

    cdef int read(self) except -1:
        """One look at the socket; a turn for each whole frame. 1: something was there."""
        cdef ws_frame f, following
        cdef size_t whole = 0, next = 0
        cdef const uint8_t* at
        cdef int found, then
        cdef bint last
        cdef int64_t now
        cdef ssize_t took = c_recv(self.socket.descriptor, self.buffer + self.tail,
                                   self.room - self.tail, MSG_DONTWAIT)
        if took <= 0:
            if took < 0 and (errno == EAGAIN or errno == EINTR):
                return 0
            return self.end_direct()
        now = self.heard = self.lane.clock()
        self.tail += <size_t>took
        found = ws_next(self.buffer + self.head, self.tail - self.head, LARGEST, &f, &whole)
        while found == WS_WHOLE:
            at = self.buffer + self.head
            self.head += whole
            then = ws_next(self.buffer + self.head, self.tail - self.head, LARGEST, &following,
                           &next)
            last = then != WS_WHOLE or not ws_message_follows(
                self.buffer + self.head, self.tail - self.head, LARGEST)
            self.take(f.opcode, f.fin, <const char*>at + f.payload, f.n, last, now)
            f, found, whole = following, then, next
            if found == WS_WHOLE:
                now = self.heard = self.lane.clock()
        if found < 0 and self.socket.is_open:
            self.socket.control_frame(WS_CLOSE, b"\x03\xea" if found == -1 else b"\x03\xf1")
            self.socket.close()                # 1002, 1009
        self.socket.acknowledge()
        if self.head == self.tail:
            self.head = self.tail = 0
        elif self.head + whole > self.room or self.room - self.tail < 4096:
            self.make_room(max(whole, <size_t>FIRST_ROOM))
        return 1

    cdef int end_direct(self) except -1:
        """The peer is gone; the library tells it, as for any other connection."""
        self.socket.is_open = False
        self.socket.drop()
        return 1

    cpdef on_ws_disconnected(self, WSTransport transport):
        try:
            if self.socket is None:
                return                     # never told as open
            self.socket.is_open = False
            if self.is_direct:
                self.is_direct = False
                self.runtime.direct.remove(self)
            self.lane.link(self.actor, self.channel, TC_LINK_CLOSED, 0, self.lane.clock())
            self.runtime.after_turn()
        except BaseException as error:
            self.runtime.fail_with(error)

    def keep_alive(self, int64_t now):
        """Ping; end a connection that does not answer, though it may still talk or listen."""
        if self.socket is None or not self.socket.is_open:
            return
        if self.pinged:
            if now - self.pinged > PONG_WITHIN_NS:
                self.socket.is_open = False
                self.socket.drop()
        elif now - self.answered > PING_EVERY_NS:
            self.pinged = now
            self.socket.control_frame(WS_PING, b"tiercel")
