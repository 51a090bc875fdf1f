"""Tapes of market data; tape.h says what an event is.

Layout: one anonymous mapping that doubles, 64 bytes an event, written once and walked forward, so
the processor's prefetcher sees a stream. A tape of columns was not taken: an event's fields are all
read together. The kernel may swap a mapping out, which is what a file would do with it.
"""

cimport cython
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy, memmove, memset
from posix.mman cimport MAP_ANONYMOUS, MAP_FAILED, MAP_PRIVATE, PROT_READ, PROT_WRITE, mmap, munmap

from hotpath.book cimport (TC_SET_DONE, Book, book_read_top, book_set)
from hotpath.records cimport TC_BUY, TC_VALID, tc_top

LEVEL, TRADE, TOP = TC_TAPE_LEVEL, TC_TAPE_TRADE, TC_TAPE_TOP
CLEAR, JOINED, DOUBT = TC_TAPE_CLEAR, TC_TAPE_JOINED, TC_TAPE_DOUBT
ENDS_UPDATE, ENDS_READ = TC_TAPE_ENDS_UPDATE, TC_TAPE_ENDS_READ
EVENT_BYTES = sizeof(tc_tape_event)

cdef extern from "<sys/mman.h>" nogil:
    int MREMAP_MAYMOVE
    void* mremap(void* old, size_t old_size, size_t new_size, int flags)


cdef void play(Book book, const tc_tape_event* e) noexcept nogil:
    """What an event means for a book; trades mean nothing. DOUBT only marks it."""
    cdef tc_top top
    cdef int did
    if e.kind == TC_TAPE_LEVEL:
        if e.side == TC_BUY:
            did = book_set(&book.bids, 1, e.price, e.quantity)
        else:
            did = book_set(&book.asks, -1, e.price, e.quantity)
        if did != TC_SET_DONE:
            book.note(did)
        if e.flags & TC_TAPE_ENDS_UPDATE:
            book.last_id = e.id
            if book.lead_id <= e.id:
                book_read_top(&book.bids, &book.asks, &book.top)
                book.top.update_id = e.id
                book.top.venue_time = e.venue_time
    elif e.kind == TC_TAPE_TOP:
        top.bid_price, top.bid_quantity = e.price, e.quantity
        top.ask_price, top.ask_quantity = e.ask_price, e.ask_quantity
        top.update_id, top.venue_time = e.id, e.venue_time
        top.epoch = top.reason = 0
        book.lead(&top)
    elif e.kind == TC_TAPE_CLEAR:
        book.clear()
        book.top.reason = e.reason     # until it is joined
    elif e.kind == TC_TAPE_JOINED:
        book.top.epoch = book.top.epoch + 1
        book.top.reason = TC_VALID
        book.last_id = e.id
        book_read_top(&book.bids, &book.asks, &book.top)
        book.top.update_id = e.id
        book.top.venue_time = e.venue_time
    elif e.kind == TC_TAPE_DOUBT:
        book.doubt(e.reason)


@cython.final
cdef class Tape:
    """Events in the order of their times; `count` of them."""

    def __cinit__(self, size_t room=1 << 16):
        cdef void* p = mmap(NULL, room * sizeof(tc_tape_event), PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        if p == MAP_FAILED:
            raise MemoryError(f"a tape of {room} events")
        self.events = <tc_tape_event*>p
        self.room = room

    def __dealloc__(self):
        if self.events != NULL:
            munmap(self.events, self.room * sizeof(tc_tape_event))

    cdef int grow(self, size_t need) except -1:
        cdef size_t room = self.room
        cdef void* p
        while room < need:
            room *= 2
        p = mremap(self.events, self.room * sizeof(tc_tape_event), room * sizeof(tc_tape_event),
                   MREMAP_MAYMOVE)
        if p == MAP_FAILED:
            raise MemoryError(f"a tape of {room} events")
        self.events = <tc_tape_event*>p
        self.room = room
        return 0

    cdef tc_tape_event* add(self, int64_t time) except NULL:
        cdef tc_tape_event* e
        if self.count == self.room:
            self.grow(self.count + 1)
        if time > self.last_time:
            self.last_time = time
        e = &self.events[self.count]
        self.count += 1
        memset(e, 0, sizeof(tc_tape_event))
        e.time = self.last_time
        return e

    cdef void forget(self, size_t n) noexcept nogil:
        memmove(self.events, self.events + n, (self.count - n) * sizeof(tc_tape_event))
        self.count -= n

    def append(self, int64_t time, int listing, int kind, *, int side=0, int64_t price=0,
               int64_t quantity=0, int64_t ask_price=0, int64_t ask_quantity=0, uint64_t id=0,
               int64_t venue_time=0, int flags=TC_TAPE_ENDS_UPDATE | TC_TAPE_ENDS_READ,
               int reason=0):
        """One event at the end (a time before the last one's becomes that one's)."""
        cdef tc_tape_event* e = self.add(time)
        e.listing, e.kind, e.side, e.price, e.quantity = listing, kind, side, price, quantity
        e.ask_price, e.ask_quantity, e.id, e.venue_time = ask_price, ask_quantity, id, venue_time
        e.flags, e.reason = flags, reason

    @staticmethod
    def merged(list tapes):
        """One tape of several, read by read in the order of their times; equal ones as given."""
        cdef Tape tape, best, out
        cdef list at = [0] * len(tapes)
        cdef Py_ssize_t i, chosen
        cdef size_t k
        if len(tapes) == 1:
            return tapes[0]
        out = Tape()
        while True:
            best, chosen = None, 0
            for i in range(len(tapes)):
                tape = tapes[i]
                k = at[i]
                if k < tape.count and (
                        best is None or tape.events[k].time < best.events[<size_t>at[chosen]].time):
                    best, chosen = tape, i
            if best is None:
                return out
            k = at[chosen]
            while True:
                memcpy(out.add(best.events[k].time), &best.events[k], sizeof(tc_tape_event))
                k += 1
                if (best.events[k - 1].flags & TC_TAPE_ENDS_READ or k == best.count
                        or best.events[k].time != best.events[k - 1].time):
                    break                  # a read whose last frames were not for us ends by its time
            at[chosen] = k

    def each_alone(self):
        """A tape of the same events, each the end of a read: strategies are asked at every one."""
        cdef Tape out = Tape(self.count if self.count else 1)
        memcpy(out.events, self.events, self.count * sizeof(tc_tape_event))
        cdef size_t k
        for k in range(self.count):
            out.events[k].flags |= TC_TAPE_ENDS_READ
        out.count, out.last_time = self.count, self.last_time
        return out

    def event(self, size_t at):
        """One event as a dict, for tests and messages."""
        if at >= self.count:
            raise IndexError(at)
        return self.events[at]

    @property
    def span(self):
        """(first, last) time, UTC ns; None of an empty tape."""
        return (self.events[0].time, self.events[self.count - 1].time) if self.count else None
