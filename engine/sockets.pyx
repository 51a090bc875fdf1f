"""WebSocket connections of a hot lane, over picows.

picows reads and parses; a frame reaches the actor as a borrowed pointer inside its callback.
Sending does not go through picows: a frame whose socket does not take it whole must not wait in
user space (the order's outcome would be unknown for as long as a buffer likes), so the header is
written into the headroom in front of the text, the text is masked in place, and one send(2) takes
all of it or the connection is over. Pings and pongs go the same way, so nothing else ever writes
to the socket after the handshake. Over TLS the transport is asked to write, and the connection is
over when it kept anything back.
"""

import os

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy
from picows.picows cimport WSFrame, WSListener, WSMsgType, WSTransport

from hotpath.lane cimport Actor, Connection, Lane
from hotpath.records cimport TC_LINK_CLOSED, TC_LINK_OPEN

cdef extern from "<sys/socket.h>" nogil:
    ssize_t c_send "send"(int fd, const void* p, size_t n, int flags)
    int MSG_DONTWAIT
    int MSG_NOSIGNAL

FRAME_LIMIT = 16 * 1024 * 1024
PING_AFTER_NS = 15_000_000_000
SILENCE_LIMIT_NS = 20_000_000_000


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
        cdef uint64_t z, word
        cdef uint32_t mask
        cdef uint8_t* h
        cdef size_t head, i
        cdef ssize_t took
        if not self.is_open:
            return -1
        if self.is_secure:
            return self.write_secure(opcode, p, n)
        self.mask_state += <uint64_t>0x9e3779b97f4a7c15
        z = (self.mask_state ^ (self.mask_state >> 30)) * <uint64_t>0xbf58476d1ce4e5b9
        mask = <uint32_t>(z >> 32)
        if n < 126:
            head = 6
            h = <uint8_t*>p - head
            h[1] = 0x80 | <uint8_t>n
        elif n < 65536:
            head = 8
            h = <uint8_t*>p - head
            h[1] = 0x80 | 126
            h[2], h[3] = <uint8_t>(n >> 8), <uint8_t>n
        else:
            head = 14
            h = <uint8_t*>p - head
            h[1] = 0x80 | 127
            for i in range(8):
                h[2 + i] = <uint8_t>(<uint64_t>n >> (56 - 8 * i))
        h[0] = 0x80 | <uint8_t>opcode
        memcpy(h + head - 4, &mask, 4)
        word = (<uint64_t>mask << 32) | mask
        i = 0
        while i + 8 <= n:
            memcpy(&z, p + i, 8)
            z ^= word
            memcpy(p + i, &z, 8)
            i += 8
        while i < n:
            (<uint8_t*>p)[i] ^= (<uint8_t*>&mask)[i & 3]
            i += 1
        took = c_send(self.descriptor, h, head + n, MSG_DONTWAIT | MSG_NOSIGNAL)
        if took == <ssize_t>(head + n):
            self.frames_sent += 1
            self.bytes_sent += <uint64_t>took
            return <int64_t>n
        self.is_open = False
        self.drop()
        return took

    cdef int64_t write_secure(self, int opcode, char* p, size_t n) noexcept:
        try:
            self.transport.send_reuse_external_buffer(<WSMsgType>opcode, p, n)
            if self.transport.underlying_transport.get_write_buffer_size() == 0:
                self.frames_sent += 1
                self.bytes_sent += n
                return <int64_t>n
        except Exception:
            pass                       # the transport is going down; the caller hears it as -1
        self.is_open = False
        self.drop()
        return -1

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

    def __init__(self, Lane lane, Actor actor, int channel, runtime):
        self.lane = lane
        self.actor = actor
        self.channel = channel
        self.runtime = runtime
        self.fragments = bytearray()

    cpdef on_ws_connected(self, WSTransport transport):
        try:
            self.heard = self.lane.clock()
            # the mask is no decision: it may not touch the lane's seeded generator
            seed = int.from_bytes(os.urandom(8), "little")
            self.socket = Socket(transport, self.channel, seed)
            self.actor.attach(self.socket)
            self.lane.link(self.actor, self.channel, TC_LINK_OPEN, 0, self.heard)
            self.after()
        except BaseException as error:
            self.runtime.fail(error)

    cpdef on_ws_frame(self, WSTransport transport, WSFrame frame):
        cdef int64_t now = self.lane.clock()
        self.heard = now
        try:
            if frame.msg_type == WSMsgType.TEXT or frame.msg_type == WSMsgType.BINARY:
                if frame.fin:
                    self.lane.frame(self.actor, self.channel, frame.payload_ptr,
                                    frame.payload_size, frame.msg_type, frame.last_in_buffer, now)
                    self.after()
                else:
                    self.fragment(frame)
            elif frame.msg_type == WSMsgType.CONTINUATION:
                self.fragment(frame)
            else:
                self.control(transport, frame)
        except BaseException as error:
            self.runtime.fail(error)

    cdef after(self):
        self.runtime.after_turn()

    cdef fragment(self, WSFrame frame):
        """A message in several frames is put together before the actor sees it."""
        cdef bytes whole
        self.fragments += frame.get_payload_as_bytes()
        if len(self.fragments) > FRAME_LIMIT:
            self.socket.close()
        elif frame.fin:
            whole = bytes(self.fragments)
            self.fragments.clear()
            self.lane.frame(self.actor, self.channel, whole, len(whole), 1,
                            frame.last_in_buffer, self.heard)
            self.after()

    cdef control(self, WSTransport transport, WSFrame frame):
        if frame.msg_type == WSMsgType.PING:
            self.socket.control_frame(0xA, frame.get_payload_as_bytes())
        elif frame.msg_type == WSMsgType.PONG:
            self.pinged = 0
        elif frame.msg_type == WSMsgType.CLOSE:
            self.socket.close()

    cpdef on_ws_disconnected(self, WSTransport transport):
        try:
            if self.socket is not None:
                self.socket.is_open = False
            self.lane.link(self.actor, self.channel, TC_LINK_CLOSED, 0, self.lane.clock())
            self.after()
        except BaseException as error:
            self.runtime.fail(error)

    def keep_alive(self, int64_t now):
        """Ping a connection that has been silent; end one that does not answer."""
        if self.socket is None or not self.socket.is_open:
            return
        if now - self.heard > SILENCE_LIMIT_NS or (self.pinged and now - self.pinged > SILENCE_LIMIT_NS):
            self.socket.is_open = False
            self.socket.drop()
        elif now - self.heard > PING_AFTER_NS and not self.pinged:
            self.pinged = now
            self.socket.control_frame(0x9, b"tiercel")
