"""The turn: one input in, everything it causes downstream done, effects that come back after it.

Layout: one Lane a process, touched by one thread. Timers are a binary heap of plain structs, the
records to deliver after a turn lie in one growing byte queue; nothing is allocated per message in
the steady state. Written and read by the lane's thread only, so there is no lock and no atomic.

A turn's order is fixed: the input is written to the recording first (when there is one), then the
actor takes it, then what it queued is delivered first in, first out, until nothing is left. Equal
inputs in equal order therefore give equal records; a replay is nothing else.

One turn in each 64 tells what its stages took (`lap`): the clock is read once at each boundary, a
stage that comes twice in the turn (two legs, two books) counts once with the sum, so that the
stages of a turn add up to it. Which of the 64 moves on, so that no rhythm of turns is missed or
counted double. In every other turn a boundary is one read and a branch that is not taken.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memset

from hotpath.board cimport Board, tc_board_get
from hotpath.clock cimport tc_monotonic_ns, tc_ticks
from hotpath.records cimport (
    TC_DOCUMENT,
    TC_DOUBT_OVERFLOW,
    TC_GAP,
    TC_INPUT_FRAME,
    TC_INPUT_LINK,
    TC_INPUT_RECORD,
    TC_INPUT_SLOT,
    TC_INPUT_TIMER,
    TC_LINK_SEND_FAILED,
    tc_gap,
    tc_header,
    tc_input_frame,
    tc_input_link,
    tc_input_record,
    tc_input_slot,
    tc_input_timer,
)
from hotpath.ring cimport Outbox, tc_claim, tc_commit, tc_warm, tc_write

DEF DEFERRED_LIMIT = 64 * 1024 * 1024
DEF SAMPLED_TURNS = 64
DEF SAMPLE_STEP = 37                   # odd, so that every place of the 64 comes up
OPCODE_RESPONSE = 256
NO_ROOM_SLOT = 0xffffffff

cdef enum:
    NO_ROOM = 0xffffffff

LAPS = ("record", "decode", "apply", "decide", "risk", "encode", "send")
"""The stages of a sampled turn, as the histograms name them; in the order of TC_LAP_RECORD on."""


class OutboxFull(Exception):
    """An outbox has no room left, its reserve included: the lane must stop (fail-stop)."""


class DeferredOverflow(Exception):
    """One turn queued more than 64 MiB of records for its own lane."""


cdef class Connection:
    def __init__(self, int channel=0):
        self.channel = channel

    cdef int64_t send(self, char* p, size_t n) noexcept:
        return -1

    cpdef close(self):
        self.is_open = False


cdef class ScriptedConnection(Connection):
    def __init__(self, int channel=0, *, failures=None, sent=None, on_send=None):
        super().__init__(channel)
        self.is_open = True
        self.failures = failures or {}
        self.sent = sent
        self.on_send = on_send

    cdef int64_t send(self, char* p, size_t n) noexcept:
        if self.failures and self.sends in self.failures:
            self.is_open = False
            return self.failures[self.sends]
        if self.sent is not None:
            self.sent.append(p[:n])
        if self.on_send is not None:
            self.on_send(p[:n])
        return <int64_t>n


cdef class Actor:
    def __init__(self, Lane lane, str name, Outbox outbox):
        self.lane = lane
        self.name = name
        self.outbox = outbox
        self.source = outbox.writer.source
        self.listeners = []
        self.connections = []
        self.index = len(lane.actors)
        lane.actors.append(self)
        lane.by_source[self.source] = self

    # ---- inputs: compiled actors override these

    cdef int take_bytes(self, uint16_t channel, const char* p, size_t n, bint last) except -1:
        try:
            self.on_bytes(channel, PyBytes_FromStringAndSize(p, n), last)
        except Exception as error:
            self.lane.rescue(self, error)
        return 0

    cdef int take_record(self, const tc_header* r) except -1:
        try:
            self.on_record(r.kind, PyBytes_FromStringAndSize(<const char*>r, r.length))
        except Exception as error:
            self.lane.rescue(self, error)
        return 0

    cdef int take_timer(self, uint64_t token, int64_t due) except -1:
        try:
            self.on_timer(token)
        except Exception as error:
            self.lane.rescue(self, error)
        return 0

    cdef int take_link(self, uint16_t channel, uint32_t event, int64_t code) except -1:
        try:
            self.on_link(channel, event, code)
        except Exception as error:
            self.lane.rescue(self, error)
        return 0

    # ---- inputs: Python actors override these

    def set_up(self, setup):
        """Its part of the configuration (engine.setup.Setup), once, before the lane starts."""

    def on_start(self):
        """Called once when the lane starts, and again after a restart in place."""

    def begin(self):
        """After the first on_start: what a kind of actor does besides, whoever overrides that."""

    def on_stop(self):
        """An orderly stop was asked for; the lane ends when `is_idle` or at its deadline."""

    def on_gate_closed(self):
        """Nothing new may leave; an actor that sends orders obeys."""

    def is_ready(self):
        """True when it can do its work: connected, subscribed, reconciled."""
        return True

    def is_idle(self):
        """True when a stop would leave nothing behind."""
        return True

    def on_bytes(self, channel, data, last):
        """One message of a connection; `last`: no further message ended in that read."""

    def on_record(self, kind, record):
        """One record (header and payload, as bytes) of an actor that this one follows."""

    def on_timer(self, token):
        """A timer armed with `token` is due."""

    def on_link(self, channel, event, code):
        """A connection opened, closed, or did not take a frame (enum tc_link)."""

    def on_response(self, token, status, headers, body):
        """The answer to `request(token, ...)`; status 0: none came, body says why."""

    # ---- outputs

    cdef uint64_t emit(self, uint16_t kind, uint32_t instrument, uint64_t cause,
                       const void* payload, uint32_t n) except? 0:
        """Write a record; returns its position. Raises OutboxFull when nothing is left."""
        cdef uint64_t position = tc_write(
            &self.outbox.writer, kind, instrument, self.lane.now, cause, 0, payload, n,
            self.reserved)
        if position == 0:
            raise OutboxFull(self.name)
        tc_warm(&self.outbox.writer)
        if self.listeners:
            self.tell(kind)
        return position

    cdef const tc_header* last_emitted(self) noexcept:
        return self.outbox.last_record()

    cdef tell(self, uint16_t kind):
        cdef int k
        for k in range(<int>len(self.listeners)):    # by index: a typed loop asks each for its type
            if (<Actor>self.listeners[k]).wants >> kind & 1:
                self.lane.defer(<Actor>self.listeners[k], self.outbox.last_record())

    cdef int64_t send(self, uint16_t channel, char* p, size_t n) noexcept:
        """Send on a connection: n, what was taken, or -1 when there is none."""
        cdef Connection c
        if channel >= len(self.connections):
            return -1
        c = <Connection>self.connections[channel]
        if c is None:
            return -1
        c.sends += 1
        cdef int64_t took = c.send(p, n) if c.is_open else -1
        if took != <int64_t>n:
            self.lane.note_failed_send(self, channel, c.sends, took)
        return took

    cdef void warm(self) noexcept:
        pass

    def attach(self, Connection connection):
        """The transport made `connection` for its channel; the old one is replaced."""
        while len(self.connections) <= connection.channel:
            self.connections.append(None)
        self.connections[connection.channel] = connection

    def listen(self, Actor other):
        """Follow an actor of the same lane: its records come after the turn that wrote them."""
        if self not in other.listeners:
            other.listeners.append(self)

    # ---- Python doors of the outputs

    def write(self, int kind, int instrument, bytes payload, cause=None):
        """emit() for Python actors; returns the position."""
        cdef uint64_t c = self.cause if cause is None else cause
        return self.emit(kind, instrument, c, PyBytes_AS_STRING(payload), PyBytes_GET_SIZE(payload))

    def arm(self, int64_t due, uint64_t token):
        """A timer at engine time `due` (ns), delivered as on_timer(token)."""
        self.lane.arm(self, due, token)

    def open(self, int channel, target):
        """Ask for a connection; the answer is on_link."""
        self.lane.transport.open(self, channel, target)

    def close(self, int channel):
        """Close a connection; on_link tells when it is gone."""
        if channel < len(self.connections) and self.connections[channel] is not None:
            (<Connection>self.connections[channel]).close()

    def send_text(self, int channel, bytes text):
        """send() for the cold side: a copy with headroom; True when the whole frame was taken."""
        cdef Py_ssize_t n = PyBytes_GET_SIZE(text)
        cdef char* room = <char*>malloc(n + 128)
        if room == NULL:
            raise MemoryError
        memcpy(room + 64, PyBytes_AS_STRING(text), n)
        cdef int64_t took = self.send(channel, room + 64, n)
        free(room)
        return took == n

    def request(self, uint64_t token, str method, str target, headers=(), bytes body=b""):
        """An HTTP request (control lanes only); the answer is on_response(token, ...)."""
        self.lane.transport.request(self, token, method, target, headers, body)

    @property
    def now(self):
        """Engine time of this turn, UTC ns."""
        return self.lane.now

    def uniform(self):
        """The next number of the lane's seeded generator, in [0, 1)."""
        return (self.lane.draw() >> 11) * (1.0 / 9007199254740992.0)


cdef class Lane:
    def __cinit__(self):
        self.timer_room = 256
        self.heap = <timer*>malloc(self.timer_room * sizeof(timer))
        self.queue_room = 1 << 16
        self.queue = <uint8_t*>malloc(self.queue_room)
        if self.heap == NULL or self.queue == NULL:
            raise MemoryError

    def __init__(self, str name, Board board=None, *, uint64_t seed=1, int64_t offset=0,
                 bint is_virtual=False):
        self.name = name
        self.board = board
        self.actors = []
        self.by_source = {}
        self.offset = offset
        self.is_virtual = is_virtual
        self.random_state = seed
        self.restarts = []
        self.max_restarts, self.restart_window_ns = 3, 60_000_000_000
        if board is not None:
            self.slot_count = board.count
            self.slot_versions = <uint64_t*>calloc(self.slot_count, sizeof(uint64_t))
            self.slot_owned = <uint8_t*>calloc(self.slot_count, 1)
            if self.slot_versions == NULL or self.slot_owned == NULL:
                raise MemoryError

    def __dealloc__(self):
        free(self.heap)
        free(self.queue)
        while self.retired_count:
            self.retired_count -= 1
            free(self.retired[self.retired_count])
        free(self.slot_versions)
        free(self.slot_owned)

    # ---- the clock

    cdef int64_t clock(self) noexcept nogil:
        """Engine time now; in a virtual lane the time of the turn."""
        if self.is_virtual:
            return self.now
        return tc_monotonic_ns() + self.offset

    cdef int64_t mark(self) noexcept nogil:
        """Engine time for a stamp within a turn: its input's time and the ticks since then."""
        if self.tick_ns == 0.0 or self.is_virtual:
            return self.clock()
        return self.stamp + <int64_t>(<double>(tc_ticks() - self.turn_ticks) * self.tick_ns)

    cdef void measure_ticks(self) noexcept:
        """The length of a tick, from the clock, over the first tenth of a second of turns."""
        cdef int64_t now = tc_monotonic_ns()
        cdef uint64_t ticks = tc_ticks()
        if self.first_ns == 0:
            self.first_ns, self.first_ticks = now, ticks
        elif now - self.first_ns > 100_000_000 and ticks > self.first_ticks:
            self.tick_ns = <double>(now - self.first_ns) / <double>(ticks - self.first_ticks)

    def set_offset(self, int64_t offset):
        """A new clock offset, published by the root; time never goes back (the turn clamps)."""
        self.offset = offset

    def read_clock(self):
        """Engine time now, UTC ns (the cold side)."""
        return self.clock()

    # ---- stages

    def set_stages(self, stages):
        """Where latencies are recorded (hotpath.histogram.Stages), or None; from the next turn."""
        cdef uint64_t block = (self.turns + SAMPLED_TURNS - 1) // SAMPLED_TURNS
        cdef int k
        self.stages = stages
        self.sampled, self.next_sample, self.turn_stage = False, 0, -1
        if stages is None:
            return
        for k in range(TC_LAPS):
            self.lap_stage[k] = stages.index(LAPS[k]) if LAPS[k] in stages.names else -1
        if "turn" in stages.names:
            self.turn_stage = stages.index("turn")
        self.next_sample = block * SAMPLED_TURNS + 1 + block * SAMPLE_STEP % SAMPLED_TURNS

    cdef void begin_laps(self) noexcept:
        cdef uint64_t block = (self.turns - 1) // SAMPLED_TURNS + 1
        self.next_sample = block * SAMPLED_TURNS + 1 + block * SAMPLE_STEP % SAMPLED_TURNS
        memset(self.lap_ns, 0, sizeof(self.lap_ns))
        self.lapped = 0
        self.lap_at = self.stamp
        self.sampled = True

    cdef void lap(self, int stage) noexcept nogil:
        """A stage of a sampled turn ends here; the next one begins."""
        cdef int64_t now = self.mark()
        self.lap_ns[stage] += now - self.lap_at
        self.lapped |= <uint32_t>1 << stage
        self.lap_at = now

    cdef void end_input(self) noexcept:
        """The actor has done all with its input: what follows its decoding and is not split."""
        if self.lapped >> TC_LAP_DECODE & 1 and not self.lapped >> TC_LAP_APPLY:
            self.lap(TC_LAP_APPLY)

    cdef void end_laps(self) noexcept:
        cdef int k
        self.sampled = False
        for k in range(TC_LAPS):
            if self.lapped >> k & 1 and self.lap_stage[k] >= 0:
                self.stages.record(self.lap_stage[k], self.lap_ns[k])
        if self.turn_stage >= 0:
            self.stages.record(self.turn_stage, self.mark() - self.stamp)

    # ---- the turn

    cdef void warm(self) noexcept:
        """A lane that slept begins a turn: its actors ask for the memory that an order would need,
        all at once and while the frame is decoded, instead of missing it line by line later."""
        cdef Actor actor
        for actor in self.actors:
            actor.warm()

    cdef void open_turn(self, int64_t now) noexcept:
        if now > self.now:
            self.now = now
        self.stamp = now
        if self.by_ticks:
            if self.tick_ns == 0.0:
                self.measure_ticks()
            self.turn_ticks = tc_ticks()
        self.turns += 1
        self.in_turn = True
        if self.turns == self.next_sample:
            self.begin_laps()

    cdef int close_turn(self) except -1:
        """Deliver what this turn queued, first in first out, until nothing is left."""
        cdef deferred* d
        cdef const tc_header* r
        cdef Actor actor
        if self.sampled:
            self.end_input()
        while self.queue_head < self.queue_tail:
            d = <deferred*>(self.queue + self.queue_head)
            self.queue_head += sizeof(deferred) + d.bytes
            actor = <Actor>self.actors[d.actor]
            r = <const tc_header*>(<uint8_t*>d + sizeof(deferred))
            if self.sampled:
                self.lap_at = self.mark()
            self.deliver(actor, r)
        self.queue_head = self.queue_tail = 0
        while self.retired_count:
            self.retired_count -= 1
            free(self.retired[self.retired_count])
        self.in_turn = False
        if self.sampled:
            self.end_laps()
        return 0

    cdef int deliver(self, Actor actor, const tc_header* r) except -1:
        cdef uint64_t cause = (<uint64_t>r.source << 48) | r.position
        actor.cause = cause
        actor.take_record(r)
        return 0

    cdef int frame(self, Actor actor, uint16_t channel, const char* p, size_t n,
                   uint32_t opcode, bint last, int64_t now) except -1:
        cdef tc_input_frame head
        self.open_turn(now)
        self.frames += 1
        actor.cause = 0
        if self.inputs is not None:
            memset(&head, 0, sizeof(head))
            head.actor, head.channel, head.opcode, head.last = actor.source, channel, opcode, last
            head.stamp_in_hand = now
            self.record_input(TC_INPUT_FRAME, &head, sizeof(head), p, n)
            if self.sampled:
                self.lap(TC_LAP_RECORD)
        if opcode == 256:
            self.respond(actor, p, n)
        else:
            actor.take_bytes(channel, p, n, last)
        return self.close_turn()

    cdef int record(self, Actor actor, const tc_header* r, int64_t now) except -1:
        cdef tc_input_record head
        self.open_turn(now)
        if self.inputs is not None:
            memset(&head, 0, sizeof(head))
            head.actor = actor.source
            self.record_input(TC_INPUT_RECORD, &head, sizeof(head), r, r.length)
            if self.sampled:
                self.lap(TC_LAP_RECORD)
        self.deliver(actor, r)
        return self.close_turn()

    cdef int link(self, Actor actor, uint16_t channel, uint32_t event, int64_t code,
                  int64_t now) except -1:
        cdef tc_input_link head
        self.open_turn(now)
        actor.cause = 0
        if self.inputs is not None:
            memset(&head, 0, sizeof(head))
            head.actor, head.channel, head.event, head.code = actor.source, channel, event, code
            self.record_input(TC_INPUT_LINK, &head, sizeof(head), NULL, 0)
            if self.sampled:
                self.lap(TC_LAP_RECORD)
        actor.take_link(channel, event, code)
        return self.close_turn()

    cdef int fire(self, int64_t now) except -1:
        """Fire every timer due at `now`, each as a turn of its own; returns how many."""
        cdef timer t
        cdef int fired = 0
        while self.timers and self.heap[0].due <= now:
            t = self.pop_timer()
            self.fire_one(<Actor>self.actors[t.actor], t.token, t.due, now)
            fired += 1
        return fired

    cdef int fire_one(self, Actor actor, uint64_t token, int64_t due, int64_t now) except -1:
        cdef tc_input_timer head
        self.open_turn(now)
        actor.cause = 0
        if self.inputs is not None:
            memset(&head, 0, sizeof(head))
            head.actor, head.token, head.due = actor.source, token, due
            self.record_input(TC_INPUT_TIMER, &head, sizeof(head), NULL, 0)
            if self.sampled:
                self.lap(TC_LAP_RECORD)
        actor.take_timer(token, due)
        return self.close_turn()

    cdef respond(self, Actor actor, const char* p, size_t n):
        """An HTTP answer, as one line of JSON about it, a newline, and the body."""
        import orjson

        data = PyBytes_FromStringAndSize(p, n)
        line, _, body = data.partition(b"\n")
        head = orjson.loads(line)
        try:
            actor.on_response(head["token"], head["status"], head["headers"], body)
        except Exception as error:
            self.rescue(actor, error)

    # ---- restart in place

    def rescue(self, Actor actor, error):
        """A Python actor failed: it starts again in place; too many failures end the lane.

        Compiled actors never come here: their state is not trusted after an exception. Nor is a
        process that has no memory: what failed then was not the actor.
        """
        cdef int64_t since = self.now - self.restart_window_ns
        if isinstance(error, (OutboxFull, DeferredOverflow, MemoryError)):
            raise error
        self.restarts = [t for t in self.restarts if t > since]
        self.restarts.append(self.now)
        if len(self.restarts) > self.max_restarts:
            raise error
        if self.on_restart is not None:
            self.on_restart(actor, error)
        actor.on_start()

    # ---- Python doors of the turn (cold lanes, simulation, replay)

    def take_frame(self, Actor actor, int channel, bytes data, bint last=True, now=None,
                   int opcode=1):
        """One turn with a frame."""
        cdef int64_t t = self.clock() if now is None else now
        self.frame(actor, channel, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), opcode, last, t)

    def take_response(self, Actor actor, token, status, headers, bytes body, now=None):
        """One turn with the answer to an HTTP request."""
        import orjson

        head = orjson.dumps({"token": token, "status": status, "headers": dict(headers)})
        self.take_frame(actor, 0, head + b"\n" + body, True, now, OPCODE_RESPONSE)

    def take_record(self, Actor actor, bytes record, now=None):
        """One turn with a record (header and payload) of an actor it follows."""
        cdef int64_t t = self.clock() if now is None else now
        self.record(actor, <const tc_header*>PyBytes_AS_STRING(record), t)

    def take_link(self, Actor actor, int channel, int event, code=0, now=None):
        """One turn with a change of a connection."""
        cdef int64_t t = self.clock() if now is None else now
        self.link(actor, channel, event, code, t)

    def take_timer(self, Actor actor, token, due, now):
        """One turn with a timer, as a recording has it: the armed one is taken off the heap."""
        cdef int i
        for i in range(self.timers):
            if (self.heap[i].actor == actor.index and self.heap[i].token == <uint64_t>token
                    and self.heap[i].due == <int64_t>due):
                self.remove_timer(i)
                break
        self.fire_one(actor, token, due, now)

    def take_timers(self, now=None):
        """Every timer due; returns how many fired."""
        cdef int64_t t = self.clock() if now is None else now
        return self.fire(t)

    def start(self, now=None):
        """Tell every actor that the lane starts, in the order of the configuration."""
        cdef int64_t t = self.clock() if now is None else now
        cdef Actor actor
        self.note_turn(b'{"turn":"start"}', t)
        for actor in list(self.actors):
            self.open_turn(t)
            actor.cause = 0
            actor.on_start()
            actor.begin()
            self.close_turn()

    def stop(self, now=None):
        """Tell every actor that a stop was asked for."""
        cdef int64_t t = self.clock() if now is None else now
        cdef Actor actor
        self.note_turn(b'{"turn":"stop"}', t)
        for actor in list(self.actors):
            self.open_turn(t)
            actor.cause = 0
            actor.on_stop()
            self.close_turn()

    def close_gates(self, now=None):
        """Nothing new may leave this lane any more: the root is gone, or asked for a stop."""
        cdef int64_t t = self.clock() if now is None else now
        cdef Actor actor
        self.note_turn(b'{"turn":"close_gates"}', t)
        for actor in list(self.actors):
            actor.on_gate_closed()

    cdef note_turn(self, bytes document, int64_t now):
        """What the runtime does to all actors at once is an input too."""
        if now > self.now:
            self.now = now
        if self.inputs is not None:
            self.record_input(TC_DOCUMENT, PyBytes_AS_STRING(document),
                              <uint32_t>PyBytes_GET_SIZE(document), NULL, 0)

    @property
    def due(self):
        """Engine time of the earliest timer, or None."""
        return self.heap[0].due if self.timers else None

    def actor_of(self, int source):
        """The actor of this lane with that source, or None."""
        return self.by_source.get(source)

    # ---- timers: a binary heap by (due, order of arming)

    cdef bint earlier(self, timer* a, timer* b) noexcept nogil:
        return a.due < b.due or (a.due == b.due and a.order < b.order)

    cdef void arm(self, Actor actor, int64_t due, uint64_t token) noexcept:
        cdef timer t
        cdef int i, parent
        if self.timers == self.timer_room:
            self.timer_room *= 2
            self.heap = <timer*>realloc(self.heap, self.timer_room * sizeof(timer))
        self.armed += 1
        t.due, t.order, t.token, t.actor = due, self.armed, token, actor.index
        i = self.timers
        self.timers += 1
        while i > 0:
            parent = (i - 1) >> 1
            if not self.earlier(&t, &self.heap[parent]):
                break
            self.heap[i] = self.heap[parent]
            i = parent
        self.heap[i] = t

    cdef timer pop_timer(self) noexcept:
        cdef timer first = self.heap[0]
        self.remove_timer(0)
        return first

    cdef void remove_timer(self, int at) noexcept:
        cdef timer moved
        cdef int i = at, child, parent
        self.timers -= 1
        if at == self.timers:
            return
        moved = self.heap[self.timers]
        while True:                                  # down
            child = 2 * i + 1
            if child >= self.timers:
                break
            if child + 1 < self.timers and self.earlier(&self.heap[child + 1], &self.heap[child]):
                child += 1
            if not self.earlier(&self.heap[child], &moved):
                break
            self.heap[i] = self.heap[child]
            i = child
        while i > 0:                                 # or up
            parent = (i - 1) >> 1
            if not self.earlier(&moved, &self.heap[parent]):
                break
            self.heap[i] = self.heap[parent]
            i = parent
        self.heap[i] = moved

    cdef int64_t next_due(self) noexcept nogil:
        """Engine time of the earliest timer; INT64_MAX when there is none."""
        return self.heap[0].due if self.timers else 0x7fffffffffffffff

    # ---- randomness: splitmix64, seeded per lane

    cdef uint64_t draw(self) noexcept:
        cdef uint64_t z
        self.random_state += <uint64_t>0x9e3779b97f4a7c15
        z = self.random_state
        z = (z ^ (z >> 30)) * <uint64_t>0xbf58476d1ce4e5b9
        z = (z ^ (z >> 27)) * <uint64_t>0x94d049bb133111eb
        return z ^ (z >> 31)

    # ---- delivery inside the lane

    cdef Actor find(self, uint16_t source):
        return <Actor>self.by_source.get(source)

    cdef int defer(self, Actor actor, const tc_header* r) except -1:
        cdef uint32_t padded = (r.length + 7) & ~<uint32_t>7
        cdef size_t need = self.queue_tail + sizeof(deferred) + padded
        cdef deferred* d
        if need > self.queue_room:
            if need > DEFERRED_LIMIT:
                raise DeferredOverflow(self.name)
            self.grow_queue(need)
        d = <deferred*>(self.queue + self.queue_tail)
        d.actor, d.bytes = actor.index, padded
        memcpy(<uint8_t*>d + sizeof(deferred), r, r.length)
        self.queue_tail = need
        return 0

    cdef int grow_queue(self, size_t need) except -1:
        """A larger queue; the old one lives to the turn's end, a record of it may be in use."""
        cdef uint8_t* larger
        if self.retired_count == 32:
            raise DeferredOverflow(self.name)
        while self.queue_room < need:
            self.queue_room *= 2
        larger = <uint8_t*>malloc(self.queue_room)
        if larger == NULL:
            raise MemoryError
        memcpy(larger, self.queue, self.queue_tail)
        self.retired[self.retired_count] = self.queue
        self.retired_count += 1
        self.queue = larger
        return 0

    # ---- board slots

    def own_slot(self, int slot):
        """This lane's actors write `slot`: a replay reproduces it, so reads are not recorded."""
        self.slot_owned[slot] = 1

    def slot(self, int index, int n):
        """(version, bytes) of a board slot as an input of this lane; version 0: nothing there."""
        cdef char room[112]
        cdef uint64_t version
        memset(room, 0, 112)
        version = self.read_slot(index, room, n)
        return version, room[:n]

    cdef uint64_t read_slot(self, int slot, void* to, uint32_t n) noexcept:
        """A consistent copy of a slot; returns its version (0: never written)."""
        cdef tc_input_slot head
        cdef uint64_t version
        if self.slot_feed is not None and not self.slot_owned[slot]:
            self.feed_slot(slot)
        if slot < 0 or <size_t>slot >= self.slot_count or n > 112:
            return 0
        version = tc_board_get(&self.board.slots[slot], to, n)
        if self.inputs is not None and not self.slot_owned[slot]:
            if version != self.slot_versions[slot]:
                self.slot_versions[slot] = version
                head.slot, head.bytes, head.version = slot, n, version
                self.record_input(TC_INPUT_SLOT, &head, sizeof(head), to, n)
        return version

    cdef bint has_room(self, Outbox outbox, uint32_t n) noexcept:
        """Has the outbox more than its reserve left? Depends on its readers, so it is an input."""
        cdef tc_input_slot head
        if self.slot_feed is not None and self.slot_feed.get(NO_ROOM):
            self.slot_feed[NO_ROOM].pop(0)
            return False
        if outbox.claim(n, False) != NULL:
            return True
        if self.inputs is not None:
            head.slot, head.bytes, head.version = NO_ROOM, 0, 0
            self.record_input(TC_INPUT_SLOT, &head, sizeof(head), NULL, 0)
        return False

    cdef feed_slot(self, int slot):
        """Replay: the next recorded value of a slot, if this turn read a new one."""
        cdef bytes value
        values = self.slot_feed.get(slot)
        if values:
            value = values.pop(0)
            self.board.put(slot, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))

    cdef void write_slot(self, int slot, const void* data, uint32_t n) noexcept:
        self.board.put(slot, data, n)

    # ---- recording

    cdef void record_input(self, uint16_t kind, const void* head, uint32_t head_bytes,
                           const void* tail, uint32_t tail_bytes) noexcept:
        """Write an input; one that finds no room is lost and counted, trading goes on."""
        cdef uint8_t* to
        if self.recording_lost != self.recording_told:
            self.tell_lost(head_bytes + tail_bytes)
        to = <uint8_t*>tc_claim(&self.inputs.writer, head_bytes + tail_bytes, False)
        if to == NULL:
            self.recording_lost += 1
            return
        memcpy(to, head, head_bytes)
        if tail_bytes:
            memcpy(to + head_bytes, tail, tail_bytes)
        tc_commit(&self.inputs.writer, kind, 0, self.now, 0, 0)
        tc_warm(&self.inputs.writer)

    cdef void tell_lost(self, uint32_t n) noexcept:
        """Before the first input that is not lost again (n bytes): how many stand missing here."""
        cdef tc_gap gap
        if self.inputs.claim(n + sizeof(tc_gap) + sizeof(tc_header) + 16, False) == NULL:
            return                         # no room for both
        memset(&gap, 0, sizeof(gap))
        gap.from_, gap.to = self.recording_told + 1, self.recording_lost
        gap.reason = TC_DOUBT_OVERFLOW
        if self.inputs.write(TC_GAP, 0, self.now, 0, 0, &gap, sizeof(gap), False):
            self.recording_told = self.recording_lost

    cdef void note_failed_send(self, Actor actor, uint16_t channel, uint64_t ordinal,
                               int64_t took) noexcept:
        """What a socket took is an input too: a replay must hear the same answer."""
        cdef tc_input_link head
        if self.inputs is None:
            return
        memset(&head, 0, sizeof(head))
        head.actor, head.channel = actor.source, channel
        head.event = TC_LINK_SEND_FAILED
        head.code = <int64_t>(ordinal << 32 | (<uint64_t>took & 0xffffffff))
        self.record_input(TC_INPUT_LINK, &head, sizeof(head), NULL, 0)
