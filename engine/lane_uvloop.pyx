"""The hot runtime: one uvloop, spinning or sleeping, that turns what arrives into turns.

A frame needs nothing of this file: picows calls the listener, the listener calls the lane, and
the order has left before this loop goes round again. What this file adds is the rest: timers,
records of other lanes, the heartbeat, doorbells of far readers (rung after the turn, never on the
path), connections, and the choice between spinning and sleeping. A spinning lane asks its sockets
itself, round after round, and lets uvloop look at the rest every SPIN_NS (and after every round
while a connection is being made or is read by the library). A sleeping one waits in uvloop, and an
eventfd and one timer wake it.
"""

import asyncio
import contextlib
import gc
import socket as sockets

from engine.budget import refused_code, silence_of
from engine.trust import Refusals, trusted

from libc.stdint cimport int64_t, uint64_t

from engine.sockets cimport Listener, Runtime
from hotpath.feed cimport Feed
from hotpath.lane cimport Actor, Lane
from hotpath.records cimport TC_LINK_CLOSED, TC_LINK_LATE, tc_header
from hotpath.ring cimport Outbox, Reader

LATE_TURN_NS = 50_000_000
TCP_USER_TIMEOUT_MS = 10_000
CONNECT_S = 5
DEF SPIN_NS = 1_000_000


def ticks_are_time():
    """The kernel itself tells the time from the tick counter: it runs evenly on all cores."""
    try:
        with open("/sys/devices/system/clocksource/clocksource0/current_clocksource") as f:
            return f.read().strip() == "tsc"
    except OSError:
        return False


def link_code(error):
    """The code of the link event of a connection that could not be made: 1, or what the other side
    answered instead of a handshake (engine/budget.py)."""
    response = getattr(error, "response", None)
    return 1 if response is None else refused_code(int(response.status), response.headers)


cdef class Follow:
    """One outbox of another lane and the actors here that want records of it."""

    def __init__(self, Reader reader, list actors):
        cdef Actor actor
        self.reader = reader
        self.actors = actors
        for actor in actors:
            self.wanted |= actor.wants


cdef class HotLane(Runtime):
    """Runs a Lane on the running asyncio (uvloop) loop."""

    def __init__(self, Lane lane, list follows, *, bint spin, int64_t heartbeat_ns=20_000_000):
        self.lane = lane
        self.follows = follows
        self.spinning = spin
        self.heartbeat_ns = heartbeat_ns
        self.doorbells = []
        self.listeners = []
        self.refused = Refusals()
        self.again = self.spin
        self.scheduled_due = 0x7fffffffffffffff
        self.age_stage = -1
        if lane.stages is not None and "age" in lane.stages.names:
            self.age_stage = lane.stages.index("age")

    # ---- the loop

    def spin(self):
        """Rounds of a spinning lane; re-arms itself, so the loop never sleeps."""
        cdef int64_t until
        if self.stopping:
            return
        try:
            self.read_sockets()
            self.poll()
            until = self.polled + SPIN_NS if self.reads_all() else 0
            while self.polled < until and not self.stopping:
                self.read_sockets()
                self.poll()
        except BaseException as error:
            self.fail(error)
            return
        self.loop.call_soon(self.again)

    cdef int read_sockets(self) except -1:
        """Frames of the sockets that this loop reads itself; bells once nothing more is there."""
        cdef Listener listener
        cdef int k = 0, taken = 0
        while k < len(self.direct):            # a turn may end a connection
            listener = <Listener>self.direct[k]
            if listener.socket.is_open:
                taken += listener.read()
            k += 1
        if taken:
            self.unrung = True
        elif self.unrung:
            self.unrung = False
            self.ring()
        return taken

    cdef bint reads_all(self):
        """Nothing is left to uvloop: every connection is made, and read here."""
        return self.direct and len(self.direct) == len(self.listeners)

    def wake(self):
        """A sleeping lane was woken: a doorbell, a timer or the heartbeat."""
        cdef Follow follow
        for follow in self.follows:
            follow.reader.rouse()
        try:
            self.poll()
        except BaseException as error:
            self.fail(error)
            return
        self.plan()

    cdef int poll(self) except -1:
        """Timers, records of other lanes, the heartbeat; in this order, each bounded."""
        cdef int64_t now = self.lane.clock()
        cdef Follow follow
        cdef int taken = 0
        self.polled = now
        if self.lane.next_due() <= now:
            self.lane.fire(now)
            taken = 1
        for follow in self.follows:
            taken += self.drain(follow, 64)
        if now >= self.beat_due:
            if self.last_poll and now - self.last_poll > LATE_TURN_NS + self.heartbeat_ns:
                self.late_turns += 1
                self.late(now - self.last_poll)
            self.last_poll = now
            self.beat_due = now + self.heartbeat_ns
            self.on_heartbeat(self)
        if taken:
            self.ring()
        return taken

    cdef int drain(self, Follow follow, int limit) except -1:
        """Take what an outbox has, at most `limit`, then tell how long the oldest had waited."""
        cdef const tc_header* r
        cdef Actor actor
        cdef int taken = 0
        cdef int64_t written = 0, now = 0
        while taken < limit:
            r = follow.reader.peek()
            if r == NULL:
                break
            if not taken:
                written, now = r.time, self.lane.clock()
            if follow.wanted >> r.kind & 1:
                for actor in follow.actors:
                    if actor.wants >> r.kind & 1:
                        self.lane.record(actor, r, self.lane.clock())
            follow.reader.done()
            taken += 1
        if taken:
            follow.reader.publish()
            if written and self.age_stage >= 0:   # a gap that stands for lost ones has no time
                self.lane.stages.record(self.age_stage, max(0, now - written))
        return taken

    def late(self, int64_t by_ns):
        """The loop stood still for too long: books of this lane are older than they look."""
        cdef Actor actor
        for actor in self.lane.actors:
            if isinstance(actor, Feed):
                self.lane.link(actor, 0, TC_LINK_LATE, by_ns, self.lane.clock())

    cdef int after_turn(self) except -1:
        """Called by a listener when a frame's turn is over: bells and timers, off the path."""
        if not self.spinning:
            self.ring()
            if self.lane.next_due() < self.scheduled_due:
                self.plan()
        return 0

    cdef int fail_with(self, error) except -1:
        self.fail(error)
        return 0

    cdef ring(self):
        cdef Outbox outbox
        cdef uint64_t sleepers
        for outbox in self.doorbells:
            sleepers = outbox.must_ring()
            if sleepers:
                outbox.wake(sleepers)

    def plan(self):
        """Before sleeping: readers say so, and one timer is set for whatever is due first."""
        cdef Follow follow
        cdef int64_t due
        if self.stopping:
            return
        for follow in self.follows:
            if not follow.reader.doze():
                self.loop.call_soon(self.wake)
                return
        due = min(self.lane.next_due(), self.beat_due)
        if self.timer_handle is not None:
            self.timer_handle.cancel()
        self.scheduled_due = due
        delay = (due - self.lane.clock()) / 1e9
        self.timer_handle = self.loop.call_later(max(0.0, delay), self.wake)

    def run(self, bell):
        """Start on the running loop; `bell` is this lane's eventfd (an int)."""
        self.loop = asyncio.get_running_loop()
        self.lane.by_ticks = ticks_are_time()
        try:
            self.lane.start()
        except BaseException as error:
            self.fail(error)
            return
        if self.spinning:
            self.loop.call_soon(self.again)
        else:
            self.loop.add_reader(bell, self.on_bell, bell)
            self.wake()

    def on_bell(self, bell):
        """The doorbell rang: somebody wrote to an outbox that this lane follows."""
        import os

        try:
            os.eventfd_read(bell)
        except BlockingIOError:
            pass
        self.wake()

    @property
    def direct_reads(self):
        """Connections that this loop reads itself."""
        return len(self.direct)

    def stop(self):
        """No further round."""
        self.stopping = True
        if self.timer_handle is not None:
            self.timer_handle.cancel()

    def fail(self, error):
        """An exception in a compiled actor ends the lane: its state is not trusted after it."""
        self.stop()
        if self.on_failure is not None:
            self.on_failure(error)

    def collect(self):
        """Collect garbage; returns its duration in ns. Only called when no frame is pending."""
        cdef int64_t start = self.lane.clock()
        gc.collect(0)
        return self.lane.clock() - start

    # ---- transport: what actors ask the lane for

    def open(self, Actor actor, int channel, dict target):
        """Open a WebSocket for an actor; the answer is a link event, also when it fails."""
        listener = Listener(self.lane, actor, channel, self)
        self.listeners.append(listener)
        task = self.loop.create_task(self.connect(actor, channel, target, listener))
        task.add_done_callback(self.connected)

    async def connect(self, Actor actor, int channel, dict target, listener):
        """All handshakes within one time; a failure is an ordinary event of the actor, not a death.

        A redirect is a failure too: it would carry what we sign to an address nobody configured.
        """
        from picows import ws_connect

        url, limit_s = target["url"], target.get("timeout_s", CONNECT_S)
        try:
            async with asyncio.timeout(limit_s):
                transport, _ = await ws_connect(
                    lambda: listener, url,
                    websocket_handshake_timeout=limit_s,
                    extra_headers=target.get("headers"),
                    ssl_context=target.get("ssl_context") or self.trust(url),
                    enable_auto_ping=False, enable_auto_pong=False,
                    disconnect_on_exception=True, use_aiofastnet=False, max_redirects=0,
                    max_frame_size=16 * 1024 * 1024,
                )
        except Exception as error:
            self.listeners.remove(listener)
            code = link_code(error)
            if silence_of(code) is None:       # a ban is the actor's to tell of
                self.refused.failed(actor.name, error, url.partition("://")[2].partition("/")[0])
            if listener.abandon():
                self.on_unreachable(actor, channel, error, code)
            return
        self.refused.made(actor.name)
        sock = transport.underlying_transport.get_extra_info("socket")
        if sock is not None and sock.fileno() >= 0:   # else it was lost at the first word sent on it
            with contextlib.suppress(OSError):
                sock.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_NODELAY, 1)
                sock.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_USER_TIMEOUT, TCP_USER_TIMEOUT_MS)
        await transport.wait_disconnected()
        self.listeners.remove(listener)

    def trust(self, str url):
        """The context of a secure address, read once (it takes milliseconds); None for another."""
        if not url.startswith("wss:"):
            return None
        if self.context is None:
            self.context = trusted()
        return self.context

    def on_unreachable(self, Actor actor, int channel, error, int64_t code):
        """The connection could not be made."""
        self.last_error = f"{type(error).__name__}: {error}"
        try:
            self.lane.link(actor, channel, TC_LINK_CLOSED, code, self.lane.clock())
            self.after_turn()
        except BaseException as failure:
            self.fail(failure)

    def connected(self, task):
        """A connection's task is over; an unexpected error ends the lane."""
        if not task.cancelled() and task.exception() is not None:
            self.fail(task.exception())

    def request(self, actor, token, method, target, headers, body):
        """A hot lane does no HTTP."""
        raise RuntimeError(f"{actor.name}: a hot lane does no HTTP; place its rest actor elsewhere")

    def keep_alive(self):
        """Ping silent connections, end dead ones; called about once a second."""
        cdef int64_t now = self.lane.clock()
        for listener in list(self.listeners):
            listener.keep_alive(now)
