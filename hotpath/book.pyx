"""An order book of one instrument; book.pxd says what it offers, book.h how it lies in memory."""

cimport cython
from libc.string cimport memset

from hotpath.instrument cimport Instrument
from hotpath.records cimport (
    TC_DOUBT_NEVER_JOINED,
    TC_DOUBT_OVERFLOW,
    TC_DOUBT_REJECTED_FRAME,
    TC_VALID,
)

from hashlib import sha256

cdef extern from "hotpath/book.h" nogil:
    void book_fill_cost(const tc_ladder* side, int64_t sign, int64_t quantity, tc_fill_cost* out)
    int64_t book_depth_within(const tc_ladder* side, int64_t sign, int64_t twice_mid, int64_t bps)
    int64_t book_depth_levels(const tc_ladder* side, int levels)
    int64_t book_micro(const tc_top* top)
    int64_t book_imbalance(int64_t bid, int64_t ask)
    void book_notional(const tc_fill_cost* cost, int64_t* high, uint64_t* low)


@cython.final
cdef class Book:
    """An order book; see book.pxd. `window` ticks a side lie in the ladder (a power of two from
    64), `room` levels a side are kept at all: one more puts the book in doubt (overflow)."""

    def __cinit__(self, uint32_t window=8192, uint32_t room=32768):
        if window < 64 or window & (window - 1):
            raise ValueError(f"window {window} is not a power of two from 64")
        if room < 1:
            raise ValueError("room must be at least 1")
        if not ladder_make(&self.bids, window, room) or not ladder_make(&self.asks, window, room):
            raise MemoryError(f"a book of {window} ticks and {room} levels")
        self.top.reason = TC_DOUBT_NEVER_JOINED

    def __dealloc__(self):
        ladder_free(&self.bids)
        ladder_free(&self.asks)

    # ---- writing

    cdef void clear(self) noexcept nogil:
        """No levels; validity and epoch stay as they are."""
        ladder_clear(&self.bids)
        ladder_clear(&self.asks)
        self.lead_id = 0
        book_read_top(&self.bids, &self.asks, &self.top)

    cdef int set(self, int side, int64_t price, int64_t quantity) noexcept nogil:
        """Set one level, 0 removes it; enum tc_set, and what is not DONE is a doubt."""
        cdef int did
        if side == TC_BUY:
            did = book_set(&self.bids, 1, price, quantity)
        else:
            did = book_set(&self.asks, -1, price, quantity)
        if did != TC_SET_DONE:
            self.note(did)
        if self.lead_id <= self.last_id:
            book_read_top(&self.bids, &self.asks, &self.top)
        return did

    cdef void note(self, int did) noexcept nogil:
        if did == TC_SET_OVERFLOW:
            self.doubt(TC_DOUBT_OVERFLOW)
        elif did == TC_SET_REJECTED:
            self.doubt(TC_DOUBT_REJECTED_FRAME)

    cdef int apply_delta(self, const tc_level* bids, int bid_count, const tc_level* asks,
                         int ask_count, uint64_t last_id, int64_t venue_time) noexcept nogil:
        """Set the levels of one update of the venue; the worst enum tc_set of them."""
        cdef int did = book_apply(&self.bids, 1, bids, bid_count)
        cdef int other = book_apply(&self.asks, -1, asks, ask_count)
        did = did if did < other else other
        self.note(did)
        self.last_id = last_id
        if self.lead_id <= last_id:
            book_read_top(&self.bids, &self.asks, &self.top)
            self.top.update_id = last_id
            self.top.venue_time = venue_time
        return did

    cdef int apply_snapshot(self, const tc_level* bids, int bid_count, const tc_level* asks,
                            int ask_count, uint64_t last_id, int64_t venue_time) noexcept nogil:
        """Replace all levels: a new epoch, valid unless a level was refused (enum tc_set)."""
        cdef int did, other
        self.clear()
        self.top.epoch = self.top.epoch + 1  # += needs the lock where None is checked for
        self.top.reason = TC_VALID
        did = book_apply_snapshot(&self.bids, 1, bids, bid_count)
        other = book_apply_snapshot(&self.asks, -1, asks, ask_count)
        did = did if did < other else other
        self.note(did)
        self.last_id = last_id
        book_read_top(&self.bids, &self.asks, &self.top)
        self.top.update_id = last_id
        self.top.venue_time = venue_time
        return did

    cdef void lead(self, const tc_top* top) noexcept nogil:
        """The venue's own best bid and ask, numbered like the levels' updates: where it is newer
        than them it is the top until they have caught up. Epoch and reason are not taken."""
        if top.update_id <= self.last_id or top.update_id < self.lead_id:
            return
        self.lead_id = top.update_id
        self.top.bid_price = top.bid_price
        self.top.bid_quantity = top.bid_quantity
        self.top.ask_price = top.ask_price
        self.top.ask_quantity = top.ask_quantity
        self.top.update_id = top.update_id
        self.top.venue_time = top.venue_time

    cdef void doubt(self, uint32_t reason) noexcept nogil:
        """Not valid from now until the next snapshot; the first reason is kept."""
        if self.top.reason == TC_VALID:
            self.top.reason = reason

    cdef bint crossed(self) noexcept nogil:
        """The best bid is at or above the best ask, in the levels or in the top."""
        if (self.top.bid_quantity and self.top.ask_quantity
                and self.top.bid_price >= self.top.ask_price):
            return True
        return (ladder_count(&self.bids) and ladder_count(&self.asks)
                and self.bids.best >= -self.asks.best)

    # ---- reading

    cdef int64_t mid(self) noexcept nogil:
        """Best bid plus best ask, that is the mid in half ticks; 0 when a side is empty."""
        if not self.top.bid_quantity or not self.top.ask_quantity:
            return 0
        return self.top.bid_price + self.top.ask_price

    cdef int64_t micro(self) noexcept nogil:
        """Mid weighted by the opposite quantities, in 1/1000 ticks rounded down; 0 when a side is
        empty. (Gatheral and Oomen 2010, zero-intelligence microprice.)"""
        if not self.top.bid_quantity or not self.top.ask_quantity:
            return 0
        return book_micro(&self.top)

    cdef int64_t imbalance(self, int levels) noexcept nogil:
        """(bid - ask) / (bid + ask) of the quantities of the best `levels`, in 1e-6 rounded toward
        zero: 1,000,000 is all bids; 0 when both are empty."""
        if levels == 1:
            return book_imbalance(self.top.bid_quantity, self.top.ask_quantity)
        return book_imbalance(book_depth_levels(&self.bids, levels),
                              book_depth_levels(&self.asks, levels))

    cdef int64_t depth_within(self, int side, int64_t bps) noexcept nogil:
        """Lots on a side at most `bps` 1/10,000 away from the mid; 0 without a mid."""
        cdef int64_t twice = self.mid()
        if not self.top.bid_quantity or not self.top.ask_quantity:
            return 0
        if side == TC_BUY:
            return book_depth_within(&self.bids, 1, twice, bps)
        return book_depth_within(&self.asks, -1, twice, bps)

    cdef void cost_to_fill(self, int taker, int64_t quantity, tc_fill_cost* out) noexcept nogil:
        """What a taker (TC_BUY takes asks) pays for `quantity` lots by the levels held."""
        if taker == TC_BUY:
            book_fill_cost(&self.asks, -1, quantity, out)
        else:
            book_fill_cost(&self.bids, 1, quantity, out)

    cdef int levels(self, int side, tc_level* out, int room) noexcept nogil:
        """The best levels of a side, best first: how many were written. What checksums read."""
        cdef tc_walk w = walk_from_best(&self.bids if side == TC_BUY else &self.asks)
        cdef int64_t sign = 1 if side == TC_BUY else -1
        cdef int n = 0
        while n < room and walk_step(&w):
            out[n].price = sign * w.key
            out[n].quantity = w.quantity
            n += 1
        return n

    # ---- for Python: strategies, tests, commands

    @property
    def epoch(self):
        """Number of snapshots joined so far."""
        return self.top.epoch

    @property
    def reason(self):
        """0 = valid, else enum tc_doubt."""
        return self.top.reason

    @property
    def valid(self):
        return self.top.reason == TC_VALID

    @property
    def update_id(self):
        """Of `best_bid` and `best_ask`; at least `last_id`."""
        return self.top.update_id

    @property
    def venue_time(self):
        return self.top.venue_time

    @property
    def best_bid(self):
        """(ticks, lots), or None when there is no bid."""
        return (self.top.bid_price, self.top.bid_quantity) if self.top.bid_quantity else None

    @property
    def best_ask(self):
        return (self.top.ask_price, self.top.ask_quantity) if self.top.ask_quantity else None

    @property
    def counts(self):
        """(bid levels, ask levels)."""
        return ladder_count(&self.bids), ladder_count(&self.asks)

    @property
    def moves(self):
        """How often the windows were moved: (bids, asks)."""
        return self.bids.moves, self.asks.moves

    @property
    def spread(self):
        """Best ask minus best bid, ticks; None when a side is empty."""
        if not self.top.bid_quantity or not self.top.ask_quantity:
            return None
        return self.top.ask_price - self.top.bid_price

    def side_levels(self, int side, int depth=10):
        """[(ticks, lots)] of a side (1 bids, 2 asks), best first, at most `depth`."""
        cdef tc_walk w = walk_from_best(&self.bids if side == TC_BUY else &self.asks)
        cdef int64_t sign = 1 if side == TC_BUY else -1
        found = []
        while len(found) < depth and walk_step(&w):
            found.append((sign * w.key, w.quantity))
        return found

    def change(self, int side, int64_t price, int64_t quantity):
        """`set` for Python: 0 done, -1 rejected, -2 overflow."""
        return self.set(side, price, quantity)

    def join(self, list bids, list asks, uint64_t last_id=0, int64_t venue_time=0):
        """`apply_snapshot` for Python: lists of (ticks, lots)."""
        return self.apply_lists(bids, asks, last_id, venue_time, True)

    def update(self, list bids, list asks, uint64_t last_id=0, int64_t venue_time=0):
        """`apply_delta` for Python."""
        return self.apply_lists(bids, asks, last_id, venue_time, False)

    cdef int apply_lists(self, list bids, list asks, uint64_t last_id, int64_t venue_time,
                         bint is_snapshot) except -99:
        cdef Py_ssize_t n = len(bids), m = len(asks), i
        room = bytearray((n + m + 1) * sizeof(tc_level))
        cdef char* raw = room
        cdef tc_level* levels = <tc_level*>raw
        for i, (price, quantity) in enumerate(bids + asks):
            levels[i].price = price
            levels[i].quantity = quantity
        if is_snapshot:
            return self.apply_snapshot(levels, <int>n, levels + n, <int>m, last_id, venue_time)
        return self.apply_delta(levels, <int>n, levels + n, <int>m, last_id, venue_time)

    def lead_with(self, tuple bid, tuple ask, uint64_t update_id, int64_t venue_time=0):
        """`lead` for Python; a side is (ticks, lots)."""
        cdef tc_top top
        memset(&top, 0, sizeof(top))
        top.bid_price, top.bid_quantity = bid
        top.ask_price, top.ask_quantity = ask
        top.update_id = update_id
        top.venue_time = venue_time
        self.lead(&top)

    def distrust(self, uint32_t reason):
        """`doubt` for Python."""
        self.doubt(reason)

    def empty(self):
        """`clear` for Python."""
        self.clear()

    @property
    def is_crossed(self):
        return self.crossed()

    def twice_mid(self):
        """Best bid plus best ask; 0 when a side is empty."""
        return self.mid()

    def microprice(self):
        """In 1/1000 ticks, rounded down; 0 when a side is empty."""
        return self.micro()

    def imbalance_ppm(self, int levels=1):
        """Quantity imbalance of the best `levels` in 1e-6."""
        return self.imbalance(levels)

    def depth(self, int side, int64_t bps):
        """Lots of a side (1 bids, 2 asks) within `bps` of the mid."""
        return self.depth_within(side, bps)

    def fill_cost(self, int taker, int64_t quantity):
        """(filled lots, average rounded down, average rounded up, worst, sum of ticks * lots)."""
        cdef tc_fill_cost cost
        cdef int64_t high
        cdef uint64_t low
        self.cost_to_fill(taker, quantity, &cost)
        book_notional(&cost, &high, &low)
        notional = (<object>high << 64) | <object>low
        return cost.filled, cost.average_low, cost.average_high, cost.worst, notional

    def digest10(self, Instrument instrument):
        """First 32 hex digits of SHA-256 of "p:q|p:q|...#p:q|...": ten best bids, ten best asks, as
        plain decimals without trailing zeros."""
        def side_text(side):
            return "|".join(
                f"{instrument.price_plain(p)}:{instrument.quantity_plain(q)}"
                for p, q in self.side_levels(side, 10)
            )

        return sha256(f"{side_text(TC_BUY)}#{side_text(2)}".encode()).hexdigest()[:32]
