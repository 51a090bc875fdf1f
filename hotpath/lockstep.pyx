"""One lane's inputs replayed, and every record it writes compared with what it had written.

Layout: what only one side has so far waits in a growing buffer, one a source and side; the usual
record meets its twin in place and is never copied. Bytes outside the stamps must be equal; the
stamps, measured times, are told by kind in `stamps`. Links and documents are rare: Python does them.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcmp, memcpy, memmove

from hotpath.lane cimport Actor, Lane
from hotpath.records cimport (
    TC_INPUT_FRAME,
    TC_INPUT_LINK,
    TC_INPUT_RECORD,
    TC_INPUT_SLOT,
    TC_INPUT_TIMER,
    TC_LINK_SEND_FAILED,
    tc_header,
    tc_input_frame,
    tc_input_link,
    tc_input_record,
    tc_input_slot,
    tc_input_timer,
)
from hotpath.ring cimport Reader

DEF HEADER = 40


class Differs(Exception):
    """`args` are source, the record as it was recorded and as it is now; None: one side has none."""


class TornBlock(ValueError):
    """A length in a block is none."""


cdef bytes whole(const tc_header* r):
    return PyBytes_FromStringAndSize(<const char*>r, r.length)


def records_of(bytes block):
    """The records of a recording's block, header and payload each, without padding."""
    cdef const char* p = PyBytes_AS_STRING(block)
    cdef Py_ssize_t at = 0, n = PyBytes_GET_SIZE(block)
    cdef uint32_t length
    cdef list found = []
    while at + 4 <= n:
        memcpy(&length, p + at, 4)
        if length < HEADER or at + length > n:
            raise TornBlock(f"{length} at {at} of {n}")
        found.append(PyBytes_FromStringAndSize(p + at, length))
        at += (length + 7) & ~7
    return found


cdef class Waiting:
    def __dealloc__(self):
        free(self.data)

    cdef int add(self, const tc_header* r) except -1:
        cdef size_t padded = (r.length + 7) & ~<size_t>7
        cdef size_t room
        cdef char* data
        if self.tail + padded > self.room:
            if self.head:
                memmove(self.data, self.data + self.head, self.tail - self.head)
                self.tail -= self.head
                self.head = 0
            if self.tail + padded > self.room:
                room = max(self.room * 2, self.tail + padded, <size_t>4096)
                data = <char*>realloc(self.data, room)
                if data == NULL:
                    raise MemoryError
                self.data, self.room = data, room
        memcpy(self.data + self.tail, r, r.length)
        self.tail += padded
        return 0

    cdef const tc_header* first(self) noexcept nogil:
        return NULL if self.head == self.tail else <const tc_header*>(self.data + self.head)

    cdef void drop(self) noexcept nogil:
        self.head += ((<const tc_header*>(self.data + self.head)).length + 7) & ~<size_t>7
        if self.head == self.tail:
            self.head = self.tail = 0


cdef class Lockstep:
    """`readers` follow the outboxes of `sources`; `stamps` maps kinds to byte ranges of a record."""

    def __init__(self, Lane lane not None, dict actors, dict readers, dict stamps, slow, failed):
        cdef int i
        self.lane, self.actors, self.slow, self.failed = lane, actors, slow, failed
        self.sources = sorted(readers)
        self.readers = [readers[s] for s in self.sources]
        self.places = {s: i for i, s in enumerate(self.sources)}
        self.ours = [Waiting() for _ in self.sources]
        self.theirs = [Waiting() for _ in self.sources]
        self.failures = []
        for kind, ranges in stamps.items():
            if kind >= 64 or len(ranges) > 7:
                raise ValueError(f"kind {kind} has more stamps than there is room for")
            self.stamps[<int>kind][0] = <uint32_t>len(ranges)
            for i in range(<int>len(ranges)):
                self.stamps[<int>kind][1 + 2 * i] = ranges[i][0]
                self.stamps[<int>kind][2 + 2 * i] = ranges[i][1]

    # ---- inputs

    def take(self, bytes record not None):
        """An input, or what belongs to the one before it (slots read, sends that failed)."""
        cdef const tc_header* r = <const tc_header*>PyBytes_AS_STRING(record)
        cdef const char* payload = <const char*>r + HEADER
        cdef const tc_input_slot* slot
        if r.kind == TC_INPUT_SLOT:
            slot = <const tc_input_slot*>payload
            if self.lane.slot_feed is None:
                self.lane.slot_feed = {}
            self.lane.slot_feed.setdefault(slot.slot, []).append(
                record[HEADER + sizeof(tc_input_slot):])
            return
        if (r.kind == TC_INPUT_LINK
                and (<const tc_input_link*>payload).event == TC_LINK_SEND_FAILED):
            self.failures.append(record)
            return
        self.flush()
        self.pending = record

    def flush(self):
        """Do the turn in hand, now that all that belongs to it was read; Differs."""
        if self.pending is None:
            return
        if self.failures:
            self.failed(self.failures)
            self.failures = []
        self.turn()
        if self.lane.slot_feed:
            self.lane.slot_feed.clear()
        self.collect()

    def settle(self):
        """After a turn that an exception has ended: compare what it had written before; Differs."""
        self.pending = None
        self.failures = []
        if self.lane.slot_feed:
            self.lane.slot_feed.clear()
        self.collect()

    cdef int turn(self) except -1:
        cdef bytes record = self.pending
        cdef const tc_header* r = <const tc_header*>PyBytes_AS_STRING(record)
        cdef const char* payload = <const char*>r + HEADER
        cdef size_t n = r.length - HEADER
        cdef const tc_input_frame* f
        cdef const tc_input_timer* t
        self.pending = None
        if r.kind == TC_INPUT_FRAME:
            f = <const tc_input_frame*>payload
            self.lane.frame(<Actor>self.actors[f.actor], f.channel, payload + sizeof(tc_input_frame),
                            n - sizeof(tc_input_frame), f.opcode, f.last, r.time)
        elif r.kind == TC_INPUT_RECORD:
            self.lane.record(
                <Actor>self.actors[(<const tc_input_record*>payload).actor],
                <const tc_header*>(payload + sizeof(tc_input_record)), r.time)
        elif r.kind == TC_INPUT_TIMER:
            t = <const tc_input_timer*>payload
            self.lane.take_timer(<Actor>self.actors[t.actor], t.token, t.due, r.time)
        else:
            self.slow(r.kind, record, r.time)
        return 0

    # ---- outputs

    def add(self, int source, bytes record not None):
        """A record that an actor of this life had written; Differs."""
        cdef int place = self.places[source]
        (<Waiting>self.theirs[place]).add(<const tc_header*>PyBytes_AS_STRING(record))
        self.meet(place)

    cdef int collect(self) except -1:
        """What the actors have written since: each record meets its twin, or waits for it."""
        cdef int place
        cdef Reader reader
        cdef Waiting ours, theirs
        cdef const tc_header* r
        cdef const tc_header* twin
        for place in range(<int>len(self.readers)):
            reader = <Reader>self.readers[place]
            r = reader.peek()
            if r == NULL:
                continue
            ours, theirs = <Waiting>self.ours[place], <Waiting>self.theirs[place]
            while r != NULL:
                twin = theirs.first() if ours.head == ours.tail else NULL
                if twin == NULL:
                    ours.add(r)
                else:
                    self.compared += 1
                    if not self.same(r, twin):
                        raise Differs(self.sources[place], whole(twin), whole(r))
                    theirs.drop()
                reader.done()
                r = reader.peek()
            reader.publish()
        return 0

    cdef int meet(self, int place) except -1:
        cdef Waiting ours = <Waiting>self.ours[place], theirs = <Waiting>self.theirs[place]
        cdef const tc_header* a = ours.first()
        cdef const tc_header* b = theirs.first()
        while a != NULL and b != NULL:
            self.compared += 1
            if not self.same(a, b):
                raise Differs(self.sources[place], whole(b), whole(a))
            ours.drop()
            theirs.drop()
            a, b = ours.first(), theirs.first()
        return 0

    cdef bint same(self, const tc_header* a, const tc_header* b) noexcept:
        """Equal but for the measured stamps."""
        cdef const char* p = <const char*>a
        cdef const char* q = <const char*>b
        cdef uint32_t i, k, n
        cdef uint32_t* ranges
        if a.length != b.length or a.kind != b.kind:
            return False
        if memcmp(p, q, a.length) == 0:
            return True
        if a.kind >= 64:
            return False
        ranges = self.stamps[a.kind]
        n = ranges[0]
        for i in range(a.length):
            if p[i] != q[i]:
                for k in range(n):
                    if ranges[1 + 2 * k] <= i < ranges[2 + 2 * k]:
                        break
                else:
                    return False
        return True

    # ---- what is left

    def left(self, int source):
        """(first record only the recording has, first only we have), None where there is none."""
        cdef int place = self.places[source]
        cdef const tc_header* theirs = (<Waiting>self.theirs[place]).first()
        cdef const tc_header* ours = (<Waiting>self.ours[place]).first()
        return (None if theirs == NULL else whole(theirs), None if ours == NULL else whole(ours))

    def take_after(self, int source, uint64_t position):
        """The recorded records behind a position: of the next life, they are given to it."""
        cdef int place = self.places[source]
        cdef Waiting theirs = <Waiting>self.theirs[place], kept = Waiting()
        cdef const tc_header* r = theirs.first()
        cdef list found = []
        while r != NULL:
            if r.position > position:
                found.append(whole(r))
            else:
                kept.add(r)
            theirs.drop()
            r = theirs.first()
        self.theirs[place] = kept
        return found
