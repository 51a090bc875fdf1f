"""From frames, as a capture or a recording has them, to the events of a tape.

Scanned by the feed's codec and joined by its rules; what reaches the tape is what was applied. Each
level of a depth update is an event, a trade is one, a best bid and ask is one. A snapshot is the
book as it is after the join, level by level. A hole in the stream is a doubt until the next snapshot;
one that comes while the stream is whole (the session had doubts of its own: silence, a late turn)
joins anew from the book that the stream has led to.

A live feed whose book is crossed asks for a snapshot at once and has one a moment later; a capture has
none there. The venue's own book is never crossed, so a level here is older than it should be: the
book is in doubt until an update has taken that level away, and then joined anew as it stands, or
until a snapshot that is not older than the stream, whichever comes first.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from feeds.binance.codec cimport (
    BINANCE_DEPTH,
    BINANCE_REJECTED,
    BINANCE_SNAPSHOT,
    BINANCE_TICKER,
    BINANCE_TRADE,
    Codec,
    binance_message,
    binance_symbol,
)
from feeds.binance.join cimport JOIN_APPLIED, JOIN_GAP, JOIN_JOINED, JOIN_NOT_NEEDED, JOIN_REFUSED, Join
from hotpath.book cimport Book, ladder_count, tc_ladder, tc_walk, walk_from_best, walk_step
from hotpath.instrument cimport Instrument
from hotpath.records cimport (
    TC_BUY,
    TC_DOUBT_CROSSED,
    TC_DOUBT_GAP,
    TC_DOUBT_NEVER_JOINED,
    TC_DOUBT_OVERFLOW,
    TC_DOUBT_REJECTED_FRAME,
    TC_SELL,
    TC_VALID,
    tc_level,
)
from hotpath.tape cimport (
    TC_TAPE_CLEAR,
    TC_TAPE_DOUBT,
    TC_TAPE_ENDS_READ,
    TC_TAPE_ENDS_UPDATE,
    TC_TAPE_JOINED,
    TC_TAPE_LEVEL,
    TC_TAPE_TOP,
    TC_TAPE_TRADE,
    Tape,
    tc_tape_event,
)


@cython.final
cdef class Normaliser:
    """`listings` are (instrument, its number on the tape) of one connection."""

    def __init__(self, Tape tape not None, list listings):
        cdef int i
        if len(listings) > 512:
            raise ValueError("512 listings of one connection at most")
        self.tape = tape
        self.count = <int>len(listings)
        self.codec = Codec([instrument for instrument, _ in listings], rounds=True)
        self.joins, self.ahead = [Join(Book(), 1 << 14, 1 << 21) for _ in listings], []
        for i in range(self.count):
            self.places[i] = listings[i][1]

    # ---- events

    cdef int levels(self, int at, int64_t time, const binance_message* m, int ends) except -1:
        cdef int i
        cdef tc_tape_event* e = NULL
        cdef const tc_level* l = self.codec.levels
        for i in range(m.bids + m.asks):
            e = self.tape.add(time)
            e.listing, e.kind = self.places[at], TC_TAPE_LEVEL
            e.side = TC_BUY if i < m.bids else TC_SELL
            e.price, e.quantity, e.id, e.venue_time = (
                l[i].price, l[i].quantity, m.last_id, m.venue_time)
        if e != NULL:
            e.flags = TC_TAPE_ENDS_UPDATE | ends
        return 0

    cdef int whole(self, int at, int64_t time, int ends) except -1:
        """The book as it is now, as a snapshot."""
        cdef Book book = (<Join>self.joins[at]).book
        cdef tc_tape_event* e = self.tape.add(time)
        cdef int side
        cdef uint32_t n, k
        cdef tc_walk w
        cdef tc_ladder* ladder
        cdef tc_level* room
        e.listing, e.kind, e.reason = self.places[at], TC_TAPE_CLEAR, TC_DOUBT_NEVER_JOINED
        for side in range(1, 3):
            ladder = &book.bids if side == TC_BUY else &book.asks
            n = ladder_count(ladder)
            room = <tc_level*>malloc((n + 1) * sizeof(tc_level))
            if room == NULL:
                raise MemoryError
            n = <uint32_t>book.levels(side, room, <int>n)
            for k in range(n):         # the best first, so that the ladder lies around it
                e = self.tape.add(time)
                e.listing, e.kind, e.side = self.places[at], TC_TAPE_LEVEL, side
                e.price, e.quantity, e.id = room[k].price, room[k].quantity, book.last_id
            free(room)
        e = self.tape.add(time)
        e.listing, e.kind, e.id, e.venue_time = (
            self.places[at], TC_TAPE_JOINED, book.last_id, book.top.venue_time)
        e.flags = TC_TAPE_ENDS_UPDATE | ends
        return 0

    cdef bint crosses(self, int at) noexcept:
        """Do the levels cross now?"""
        cdef Book book = (<Join>self.joins[at]).book
        return (ladder_count(&book.bids) and ladder_count(&book.asks)
                and book.bids.best >= -book.asks.best)

    cdef int look(self, int at, int64_t time, int ends) except -1:
        """Behind an update: the levels cross now, or no longer do."""
        cdef bint crossed = self.crosses(at)
        if crossed and not self.is_crossed[at]:
            self.crossed += 1
            self.mark(at, time, TC_DOUBT_CROSSED)
        elif self.is_crossed[at] and not crossed:
            self.is_crossed[at] = False
            self.whole(at, time, ends)
        return 0

    cdef int mark(self, int at, int64_t time, uint32_t reason) except -1:
        cdef tc_tape_event* e = self.tape.add(time)
        e.listing, e.kind, e.reason = self.places[at], TC_TAPE_DOUBT, reason
        self.is_crossed[at] = reason == TC_DOUBT_CROSSED
        e.flags = TC_TAPE_ENDS_UPDATE | TC_TAPE_ENDS_READ
        return 0

    cdef int take_one(self, int64_t time, const char* p, size_t n, const binance_symbol* asked,
                      int ends) except -1:
        cdef binance_message* m = &self.codec.message
        cdef int kind = self.codec.scan(p, n, asked)
        cdef int at, did
        cdef Join join
        cdef tc_tape_event* e
        self.frames += 1
        if kind == BINANCE_REJECTED:
            self.rejected += 1
        if m.symbol == NULL:
            if kind == BINANCE_REJECTED:
                self.doubt_all(time, TC_DOUBT_REJECTED_FRAME)  # whose it was cannot be told
            return 0
        at = m.symbol.index
        self.heard_of[at] += kind != BINANCE_SNAPSHOT
        join = <Join>self.joins[at]
        if kind == BINANCE_TICKER:
            self.named += 1
            if join.joined:
                e = self.tape.add(time)
                e.listing, e.kind = self.places[at], TC_TAPE_TOP
                e.price, e.quantity = m.top.bid_price, m.top.bid_quantity
                e.ask_price, e.ask_quantity = m.top.ask_price, m.top.ask_quantity
                e.id, e.venue_time = m.top.update_id, m.top.venue_time
                e.flags = TC_TAPE_ENDS_UPDATE | ends
        elif kind == BINANCE_TRADE:
            self.named += 1
            if self.spare and self.last_trade[at] and m.trade.trade_id > self.last_trade[at] + 1:
                self.ahead.append(p[:n])
                return 0               # what lies between comes with the other one, as live
            if m.trade.trade_id > self.last_trade[at]:
                self.last_trade[at] = m.trade.trade_id
                e = self.tape.add(time)
                e.listing, e.kind, e.side = self.places[at], TC_TAPE_TRADE, <int>m.trade.side
                e.price, e.quantity, e.id = m.trade.price, m.trade.quantity, m.trade.trade_id
                e.venue_time = m.trade.venue_time
                e.flags = TC_TAPE_ENDS_UPDATE | ends
        elif kind == BINANCE_DEPTH:
            self.named += 1
            if (self.spare and join.stream_started and m.last_id > join.stream_id
                    and not join.follows(m)):
                self.ahead.append(p[:n])
                return 0               # ahead of the connection it is to take over from, as live
            did = join.update(m, self.codec.levels)
            if did == JOIN_APPLIED:
                self.applied += 1
                if self.crosses(at) == self.is_crossed[at]:
                    self.levels(at, time, m, ends)
                else:
                    self.levels(at, time, m, 0)
                    self.look(at, time, ends)
            elif did == JOIN_GAP:
                self.gaps += 1
                self.mark(at, time, TC_DOUBT_GAP)
            elif did == JOIN_REFUSED:
                self.mark(at, time, TC_DOUBT_OVERFLOW)
        elif kind == BINANCE_SNAPSHOT:
            self.named += 1
            self.snapshots += 1
            self.joined(at, time, self.join_to(at, m, self.codec.levels))
        elif kind == BINANCE_REJECTED:
            self.named += 1
            join.restart(TC_DOUBT_REJECTED_FRAME)
            self.mark(at, time, TC_DOUBT_REJECTED_FRAME)
        return 0

    cdef int join_to(self, int at, const binance_message* m, const tc_level* levels) noexcept:
        """A snapshot; where the levels cross it takes their place, unless it is older than them."""
        cdef Join join = <Join>self.joins[at]
        if self.is_crossed[at] and m.last_id >= join.book.last_id:
            join.restart(TC_DOUBT_CROSSED)
        return join.snapshot(m, levels)

    def joined(self, int at, int64_t time, int did):
        """What a snapshot came to."""
        if did == JOIN_JOINED or (did == JOIN_NOT_NEEDED and not self.is_crossed[at]):
            self.is_crossed[at] = False
            self.whole(at, time, TC_TAPE_ENDS_READ)
            self.look(at, time, TC_TAPE_ENDS_READ)
        elif did == JOIN_REFUSED:
            self.mark(at, time, TC_DOUBT_OVERFLOW)

    # ---- what Python gives

    def take(self, list times, list frames, Py_ssize_t start=0, Py_ssize_t end=-1):
        """Frames (bytes) of a capture with their receive times, each a read of its own."""
        cdef Py_ssize_t i
        cdef bytes frame
        if end < 0:
            end = len(frames)
        for i in range(start, end):
            frame = <bytes?>frames[i]
            self.take_one(times[i], PyBytes_AS_STRING(frame), PyBytes_GET_SIZE(frame),
                          self.codec.symbol_at(0) if self.count == 1 else NULL, TC_TAPE_ENDS_READ)

    def frame(self, int64_t time, bytes data, bint last=True, int asked=-1, bint spare=False):
        """One frame; `last`: no other was in its read; `asked`: whose snapshot it is; `spare`: of a
        second connection, opened before the first is closed."""
        self.spare = spare
        self.take_one(time, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data),
                      self.codec.symbol_at(asked) if asked >= 0 else NULL,
                      TC_TAPE_ENDS_READ if last else 0)

    def snapshot(self, int64_t time, int at, list bids, list asks, uint64_t last_id,
                 int64_t venue_time=0):
        """A snapshot as a recording has it: ticks and lots."""
        cdef binance_message m
        cdef Py_ssize_t n = len(bids), i
        room = bytearray((n + len(asks) + 1) * sizeof(tc_level))
        cdef char* raw = room
        cdef tc_level* levels = <tc_level*>raw
        for i, (price, quantity) in enumerate(bids + asks):
            levels[i].price, levels[i].quantity = price, quantity
        memset(&m, 0, sizeof(m))
        m.last_id, m.venue_time, m.bids, m.asks = last_id, venue_time, <int>n, <int>len(asks)
        self.snapshots += 1
        self.joined(at, time, self.join_to(at, &m, levels))

    cdef int doubt_all(self, int64_t time, uint32_t reason) except -1:
        """Every book is in doubt until a snapshot; a doubt that stands is not told again."""
        cdef int at
        cdef Join join
        for at in range(self.count):
            join = self.joins[at]
            if join.book.top.reason == TC_VALID:
                self.mark(at, time, reason)
            self.is_crossed[at] = False
            join.restart(reason)
        return 0

    def takeover(self, int64_t time, bint happens):
        """The first connection is closed, and what the second said ahead of it follows; else it is
        the second one, and that is forgotten."""
        frames, self.ahead = self.ahead, []
        for data in frames if happens else []:
            self.frame(time, data, data is frames[-1])

    def restart(self, int64_t time, uint32_t reason):
        """The connection is a new one: every book is in doubt until a snapshot, and no trade comes a
        second time."""
        cdef int at
        self.ahead.clear()
        self.doubt_all(time, reason)
        for at in range(self.count):
            self.last_trade[at] = 0

    @property
    def heard(self):
        """How many frames named each instrument."""
        return [self.heard_of[i] for i in range(self.count)]

    @property
    def epochs(self):
        """How often each book was joined."""
        return [(<Join>join).book.epoch for join in self.joins]
