"""Paper matching; the model is stated in paper.pxd.

Layout: own orders are few, so they stand in one array by priority and are walked; requests and
events are rings in due order, so the usual market event with nothing due costs two compares
and one walk over the own orders. Nothing is allocated after __cinit__.
"""

from typing import NamedTuple

cimport cython
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memmove

from hotpath.book cimport Book, tc_ladder, tc_walk, walk_from_best, walk_step
from hotpath.matching cimport (TC_DUPLICATE, TC_INVALID, TC_NO_MEMORY, TC_NOT_FOUND, TC_PLACED,
                               TC_WOULD_TAKE)
from hotpath.records cimport (TC_BUY, TC_DOUBT_NEVER_JOINED, TC_FOK, TC_GTC, TC_IOC, TC_LIMIT,
                              TC_MARKET, TC_POST_ONLY, TC_SELL, TC_VALID)

cdef enum: CANCEL = 1
cdef enum: PLACE = 2
cdef enum: REDUCE = 3
cdef enum: REPLACE = 4
cdef int64_t EXPLAIN_NS = 100000000   # a trade told this long after a fall still explains it

ACCEPTED, TRADE, EXPIRED = TC_PAPER_ACCEPTED, TC_PAPER_TRADE, TC_PAPER_EXPIRED
CANCELED, REDUCED, REJECTED = TC_PAPER_CANCELED, TC_PAPER_REDUCED, TC_PAPER_REJECTED
CANCEL_REJECTED = TC_PAPER_CANCEL_REJECTED


class PaperEvent(NamedTuple):
    """What became of an own order; times in ns, prices in ticks, quantities in lots."""

    happened: int
    visible: int
    kind: int
    order: int
    side: int
    price: int
    quantity: int
    leaves: int
    maker: bool
    reason: int


@cython.final
cdef class Paper:
    """Own orders of one instrument on the market that `book` shows."""

    def __cinit__(self, Book book not None, int64_t request_ns=0, int64_t reply_ns=0,
                  int64_t jitter_ns=0, bint conservative=False, uint64_t seed=1, int room=256,
                  cancel_ns=None):
        cdef uint32_t size = 1
        if room < 1 or room > 65536:
            raise ValueError("room is 1 to 65536 orders")
        if request_ns < 0 or reply_ns < 0 or jitter_ns < 0 or (cancel_ns or 0) < 0:
            raise ValueError("latencies are not negative")
        while size < <uint32_t>room * 8:
            size *= 2
        self.book = book
        self.request_ns, self.reply_ns, self.jitter_ns = request_ns, reply_ns, jitter_ns
        self.cancel_ns = request_ns if cancel_ns is None else cancel_ns
        self.conservative = conservative
        self.random_state = seed * 2 + 1
        self.room = room
        self.mask = size - 1
        self.resting = <tc_paper_order*>calloc(room + 1, sizeof(tc_paper_order))
        self.requests = <tc_paper_request*>calloc(size, sizeof(tc_paper_request))
        self.events = <tc_paper_event*>calloc(size, sizeof(tc_paper_event))
        if self.resting == NULL or self.requests == NULL or self.events == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.resting)
        free(self.requests)
        free(self.events)

    # ---- requests and events ------------------------------------------------------------

    cdef int64_t jitter(self) noexcept nogil:
        cdef uint64_t x
        if self.jitter_ns == 0:
            return 0
        self.random_state += <uint64_t>0x9E3779B97F4A7C15u
        x = self.random_state
        x = (x ^ (x >> 30)) * <uint64_t>0xBF58476D1CE4E5B9u
        x = (x ^ (x >> 27)) * <uint64_t>0x94D049BB133111EBu
        return <int64_t>((x ^ (x >> 31)) % <uint64_t>(self.jitter_ns + 1))

    cdef bint request(self, int64_t now, tc_paper_request* r) noexcept nogil:
        cdef tc_paper_request* before
        if self.request_tail - self.request_head > self.mask:
            return False
        r.due = now + (self.cancel_ns if r.what == CANCEL else self.request_ns) + self.jitter()
        if self.request_tail != self.request_head:
            before = &self.requests[(self.request_tail - 1) & self.mask]
            if r.due < before.due:
                r.due = before.due
        self.requests[self.request_tail & self.mask] = r[0]
        self.request_tail += 1
        return True

    cdef bint place(self, int64_t now, uint64_t order, int side, int type, int time_in_force,
                    int64_t price, int64_t quantity) noexcept nogil:
        cdef tc_paper_request r
        r.what = PLACE
        r.order = order
        r.target = 0
        r.side = <uint8_t>side
        r.type = <uint8_t>type
        r.time_in_force = <uint8_t>time_in_force
        r.price = 0 if type == TC_MARKET else price
        r.quantity = quantity
        r.pad = 0
        return self.request(now, &r)

    cdef bint cancel(self, int64_t now, uint64_t order) noexcept nogil:
        cdef tc_paper_request r
        r.what = CANCEL
        r.order = order
        r.target = 0
        r.side = r.type = r.time_in_force = 0
        r.price = r.quantity = 0
        r.pad = 0
        return self.request(now, &r)

    cdef bint replace(self, int64_t now, uint64_t target, uint64_t order, int side, int type,
                      int time_in_force, int64_t price, int64_t quantity) noexcept nogil:
        cdef tc_paper_request r
        r.what = REPLACE
        r.order = order
        r.target = target
        r.side = <uint8_t>side
        r.type = <uint8_t>type
        r.time_in_force = <uint8_t>time_in_force
        r.price = price
        r.quantity = quantity
        r.pad = 0
        return self.request(now, &r)

    cdef bint reduce(self, int64_t now, uint64_t order, int64_t leaves) noexcept nogil:
        cdef tc_paper_request r
        r.what = REDUCE
        r.order = order
        r.target = 0
        r.side = r.type = r.time_in_force = 0
        r.price = 0
        r.quantity = leaves
        r.pad = 0
        return self.request(now, &r)

    cdef void tell(self, int64_t now, int kind, uint64_t order, int side, int64_t price,
                   int64_t quantity, int64_t leaves, bint maker, int reason) noexcept nogil:
        cdef tc_paper_event* e
        cdef int64_t visible = now + self.reply_ns + self.jitter()
        if self.event_tail - self.event_head > self.mask:
            self.lost += 1
            return
        if self.event_tail != self.event_head:
            e = &self.events[(self.event_tail - 1) & self.mask]
            if visible < e.visible:
                visible = e.visible
        e = &self.events[self.event_tail & self.mask]
        self.event_tail += 1
        e.happened = now
        e.visible = visible
        e.order = order
        e.kind = <uint8_t>kind
        e.side = <uint8_t>side
        e.price = price
        e.quantity = quantity
        e.leaves = leaves
        e.maker = maker
        e.reason = <uint8_t>reason
        e.pad = 0

    cdef bint next_event(self, int64_t now, tc_paper_event* out) noexcept nogil:
        """The next event that is visible by now; False when there is none."""
        cdef tc_paper_event* e
        if self.event_head == self.event_tail:
            return False
        e = &self.events[self.event_head & self.mask]
        if e.visible > now:
            return False
        out[0] = e[0]
        self.event_head += 1
        return True

    cdef int64_t next_due(self) noexcept nogil:
        cdef int64_t due = INT64_MAX
        if self.request_head != self.request_tail:
            due = self.requests[self.request_head & self.mask].due
        if self.event_head != self.event_tail:
            due = min(due, self.events[self.event_head & self.mask].visible)
        return due

    cdef void advance(self, int64_t now) noexcept nogil:
        """Let the requests that have reached the market by now meet the book as it is."""
        cdef tc_paper_request r
        while self.request_head != self.request_tail:
            r = self.requests[self.request_head & self.mask]
            if r.due > now:
                return
            self.request_head += 1
            self.execute(&r)

    # ---- what is displayed --------------------------------------------------------------

    cdef int64_t best_of(self, int side, int64_t* quantity) noexcept nogil:
        """Best price of a side; quantity 0: the side is empty, or the book is in doubt."""
        if self.in_doubt():
            quantity[0] = 0
            return 0
        if side == TC_BUY:
            quantity[0] = self.book.top.bid_quantity
            return self.book.top.bid_price
        quantity[0] = self.book.top.ask_quantity
        return self.book.top.ask_price

    cdef bint in_doubt(self) noexcept nogil:
        """The book was joined and is not to be trusted now: nothing is known of what is displayed."""
        return (self.book.top.reason != TC_VALID
                and self.book.top.reason != TC_DOUBT_NEVER_JOINED)

    cdef int64_t displayed(self, int side, int64_t price) noexcept nogil:
        """Quantity displayed at a price, -1 when only the best price is known and this is worse."""
        cdef int64_t quantity = 0
        cdef int64_t best = self.best_of(side, &quantity)
        cdef tc_ladder* ladder = &self.book.bids if side == TC_BUY else &self.book.asks
        if self.in_doubt():
            return -1
        if quantity == 0:
            return 0
        if price == best:
            return quantity
        if (price > best) == (side == TC_BUY):
            return 0
        if ladder.near + ladder.far == 0:
            return -1
        return ladder_quantity(ladder, price if side == TC_BUY else -price)

    cdef tc_taken* taken_of(self, int side, int64_t price, int64_t displayed) noexcept nogil:
        """What was taken of a level that has not changed since; NULL: nothing."""
        cdef int i
        for i in range(64):
            if (self.taken[i].taken and self.taken[i].price == price
                    and self.taken[i].side == side):
                if self.taken[i].displayed == displayed:
                    return &self.taken[i]
                self.taken[i].taken = 0       # the market has changed this level since
                return NULL
        return NULL

    cdef void remember(self, tc_taken* t, int side, int64_t price, int64_t displayed,
                       int64_t quantity) noexcept nogil:
        if t == NULL:
            t = &self.taken[self.taken_next & 63]
            self.taken_next += 1
            t.price = price
            t.side = side
            t.displayed = displayed
            t.taken = 0
        t.taken += quantity

    cdef int64_t take_level(self, tc_paper_request* r, int64_t price, int64_t displayed,
                            int64_t left, bint real) noexcept nogil:
        """How much of `left` this level gives; told and remembered when real."""
        cdef tc_taken* t = self.taken_of(3 - r.side, price, displayed)
        cdef int64_t got = displayed - (t.taken if t != NULL else 0)
        if got > left:
            got = left
        if got > 0 and real:
            self.remember(t, 3 - r.side, price, displayed, got)
            self.tell(r.due, TC_PAPER_TRADE, r.order, r.side, price, got, left - got, False, 0)
        return got

    cdef int64_t take(self, tc_paper_request* r, int64_t left, bint real) noexcept nogil:
        """Walk the other side within the limit; returns what is left (nothing is told unless real)."""
        cdef int other = 3 - r.side
        cdef int64_t quantity = 0
        cdef int64_t best = self.best_of(other, &quantity)
        cdef int64_t price
        cdef int64_t sign = 1 if other == TC_BUY else -1
        cdef tc_walk w
        if quantity == 0:
            return left
        if r.price and (best > r.price if r.side == TC_BUY else best < r.price):
            return left
        left -= self.take_level(r, best, quantity, left, real)
        w = walk_from_best(&self.book.bids if other == TC_BUY else &self.book.asks)
        while left > 0 and walk_step(&w):
            price = sign * w.key
            if r.price and (price > r.price if r.side == TC_BUY else price < r.price):
                break
            if (price > best) if other == TC_SELL else (price < best):
                left -= self.take_level(r, price, w.quantity, left, real)
        return left

    # ---- requests at the market ---------------------------------------------------------

    cdef tc_paper_order* find(self, uint64_t order) noexcept nogil:
        cdef int i
        for i in range(self.resting_count):
            if self.resting[i].order == order:
                return &self.resting[i]
        return NULL

    cdef void drop_order(self, tc_paper_order* o) noexcept nogil:
        cdef int at = <int>(o - self.resting)
        self.resting_count -= 1
        memmove(o, o + 1, (self.resting_count - at) * sizeof(tc_paper_order))

    cdef void execute(self, tc_paper_request* r) noexcept nogil:
        cdef tc_paper_order* o = self.find(r.target if r.what == REPLACE else r.order)
        if r.what == PLACE:
            if o != NULL:
                self.tell(r.due, TC_PAPER_REJECTED, r.order, r.side, r.price, r.quantity, 0, False,
                          TC_DUPLICATE)
            else:
                self.arrive(r)
        elif o == NULL:
            self.tell(r.due, TC_PAPER_CANCEL_REJECTED, r.order, 0, 0, 0, 0, False, TC_NOT_FOUND)
        elif r.what == CANCEL:
            self.tell(r.due, TC_PAPER_CANCELED, o.order, o.side, o.price, o.leaves, 0, False, 0)
            self.drop_order(o)
        elif r.what == REPLACE:
            self.tell(r.due, TC_PAPER_CANCELED, o.order, o.side, o.price, o.leaves, 0, False, 1)
            self.drop_order(o)
            self.arrive(r)
        elif r.quantity <= 0 or r.quantity > o.leaves:
            self.tell(r.due, TC_PAPER_CANCEL_REJECTED, o.order, o.side, o.price, o.leaves,
                      o.leaves, False, TC_INVALID)
        else:
            o.leaves = r.quantity
            self.tell(r.due, TC_PAPER_REDUCED, o.order, o.side, o.price, o.leaves, o.leaves,
                      False, 0)

    cdef void arrive(self, tc_paper_request* r) noexcept nogil:
        cdef int reason = 0
        cdef int64_t quantity = 0
        cdef int64_t best, left
        cdef int at
        cdef tc_paper_order* o
        if (r.quantity <= 0 or (r.type != TC_MARKET and r.price <= 0)
                or (r.side != TC_BUY and r.side != TC_SELL)
                or r.type < TC_LIMIT or r.type > TC_POST_ONLY
                or r.time_in_force < TC_GTC or r.time_in_force > TC_FOK):
            reason = TC_INVALID
        elif self.resting_count == self.room:
            reason = TC_NO_MEMORY
        elif r.type == TC_POST_ONLY:
            best = self.best_of(3 - r.side, &quantity)
            if quantity and (best <= r.price if r.side == TC_BUY else best >= r.price):
                reason = TC_WOULD_TAKE
        if reason:
            self.tell(r.due, TC_PAPER_REJECTED, r.order, r.side, r.price, r.quantity, 0, False,
                      reason)
            return
        self.tell(r.due, TC_PAPER_ACCEPTED, r.order, r.side, r.price, r.quantity, r.quantity,
                  False, 0)
        left = r.quantity
        if r.type != TC_POST_ONLY:
            if r.time_in_force != TC_FOK or self.take(r, left, False) == 0:
                left = self.take(r, left, True)
            if left == 0:
                return
            if r.type == TC_MARKET or r.time_in_force != TC_GTC:
                self.tell(r.due, TC_PAPER_EXPIRED, r.order, r.side, r.price, left, 0, False, 0)
                return
        at = self.resting_count           # bids before asks, best price first, then by arrival
        while at > 0:
            o = &self.resting[at - 1]
            if o.side < r.side or (o.side == r.side and (
                    o.price >= r.price if r.side == TC_BUY else o.price <= r.price)):
                break
            at -= 1
        o = &self.resting[at]
        memmove(o + 1, o, (self.resting_count - at) * sizeof(tc_paper_order))
        self.resting_count += 1
        o.order = r.order
        o.side = r.side
        o.price = r.price
        o.leaves = left
        o.ahead = self.displayed(r.side, r.price)
        o.seen = o.ahead if o.ahead > 0 else 0
        o.traded = o.cut = o.drop = o.cut_time = 0

    # ---- the market ---------------------------------------------------------------------

    cdef void fill(self, int64_t now, tc_paper_order* o, int64_t quantity) noexcept nogil:
        """A maker's fill at its own price; a filled order stays in the array until `sweep`."""
        o.leaves -= quantity
        self.tell(now, TC_PAPER_TRADE, o.order, o.side, o.price, quantity, o.leaves, True, 0)

    cdef void sweep(self) noexcept nogil:
        cdef int i = 0
        while i < self.resting_count:
            if self.resting[i].leaves == 0:
                self.drop_order(&self.resting[i])
            else:
                i += 1

    cdef void look(self, int64_t now, tc_paper_order* o) noexcept nogil:
        """What is displayed at the order's price has perhaps changed."""
        cdef int64_t shown = self.displayed(o.side, o.price)
        cdef int64_t fell, cut
        if shown < 0:
            return
        if o.ahead < 0:
            o.ahead = shown
        elif shown < o.seen:
            fell = o.seen - shown
            cut = o.traded if o.traded < fell else fell
            o.traded -= cut
            fell -= cut
            if fell:
                cut = 0 if self.conservative else share_of(fell, o.ahead, o.seen)
                if o.ahead - cut > shown:
                    cut = o.ahead - shown
                if now - o.cut_time > EXPLAIN_NS:
                    o.cut = o.drop = 0
                o.cut += cut
                o.drop += fell
                o.cut_time = now
                o.ahead -= cut
            elif o.ahead > shown:
                o.ahead = shown
        elif shown > o.seen:
            o.traded = 0
        o.seen = shown

    cdef void book_changed(self, int64_t now) noexcept nogil:
        """The book shows something new as of now."""
        cdef int i, side
        cdef int64_t shown = 0
        cdef int64_t best, take
        cdef tc_paper_order* o
        cdef tc_taken* t
        cdef bint swept = False
        if self.resting_count == 0:
            return
        for i in range(self.resting_count):
            self.look(now, &self.resting[i])
        for side in range(1, 3):          # the other side's best reaches our price
            best = self.best_of(3 - side, &shown)
            for i in range(self.resting_count):
                o = &self.resting[i]
                if (shown == 0 or o.side != side
                        or (best > o.price if side == TC_BUY else best < o.price)):
                    continue
                t = self.taken_of(3 - side, best, shown)
                take = shown - (t.taken if t != NULL else 0)
                if take > o.leaves:
                    take = o.leaves
                if take > 0:
                    self.remember(t, 3 - side, best, shown, take)
                    self.fill(now, o, take)
                    swept = True
        if swept:
            self.sweep()

    cdef void traded(self, int64_t now, int64_t price, int64_t quantity, int taker) noexcept nogil:
        """The market printed a trade; `taker` is the taker's side."""
        cdef int side = 3 - taker
        cdef int i
        cdef int64_t left = quantity
        cdef int64_t given = 0
        cdef int64_t known, room, before
        cdef tc_paper_order* o
        cdef bint swept = False
        if self.resting_count == 0:
            return
        for i in range(self.resting_count):       # those it went through: our price was better
            o = &self.resting[i]
            if o.side == side and (o.price > price if side == TC_BUY else o.price < price):
                if left > 0:
                    room = o.leaves if o.leaves < left else left
                    left -= room
                    self.fill(now, o, room)
                    swept = True
        for i in range(self.resting_count):
            o = &self.resting[i]
            if o.side != side or o.price != price or o.ahead < 0:
                continue
            known = 0
            if o.drop and now - o.cut_time <= EXPLAIN_NS:
                known = o.drop if o.drop < quantity else quantity
                before = share_of(o.cut, known, o.drop)
                o.ahead += before
                o.cut -= before
                o.drop -= known
            o.traded += quantity - known
            room = left - given - o.ahead
            o.ahead -= left if left < o.ahead else o.ahead
            if room > 0:
                room = o.leaves if o.leaves < room else room
                given += room
                self.fill(now, o, room)
                swept = True
        if swept:
            self.sweep()

    # ---- for Python ---------------------------------------------------------------------

    def submit(self, int64_t now, uint64_t order, int side, int64_t price, int64_t quantity,
               int type=TC_LIMIT, int time_in_force=TC_GTC) -> bool:
        """Send an order; False when too many requests are under way."""
        return self.place(now, order, side, type, time_in_force, price, quantity)

    def withdraw(self, int64_t now, uint64_t order) -> bool:
        """Send a cancel."""
        return self.cancel(now, order)

    def amend(self, int64_t now, uint64_t target, uint64_t order, int side, int64_t price,
              int64_t quantity, int type=TC_LIMIT, int time_in_force=TC_GTC) -> bool:
        """Send a replacement of `target` by `order`."""
        return self.replace(now, target, order, side, type, time_in_force, price, quantity)

    def shrink(self, int64_t now, uint64_t order, int64_t leaves) -> bool:
        """Send a reduction that keeps priority."""
        return self.reduce(now, order, leaves)

    def before_change(self, int64_t now) -> None:
        """To be called before the book is changed: requests that arrived meet the old book."""
        self.advance(now)

    def after_change(self, int64_t now) -> None:
        """To be called after the book was changed."""
        self.book_changed(now)

    def print_trade(self, int64_t now, int64_t price, int64_t quantity, int taker) -> None:
        """The market printed a trade by a taker of this side."""
        self.traded(now, price, quantity, taker)

    def take_events(self, int64_t now) -> list:
        """What has become visible by now, in order."""
        cdef tc_paper_event e
        found = []
        while self.next_event(now, &e):
            found.append(PaperEvent(e.happened, e.visible, e.kind, e.order, e.side, e.price,
                                    e.quantity, e.leaves, bool(e.maker), e.reason))
        return found

    def due(self):
        """When the next request arrives or the next event becomes visible; None: nothing is."""
        cdef int64_t due = self.next_due()
        return None if due == INT64_MAX else due

    def orders(self) -> list:
        """[(order, side, price, leaves, ahead)] by priority; ahead -1: not known yet."""
        cdef int i
        return [(self.resting[i].order, self.resting[i].side, self.resting[i].price,
                 self.resting[i].leaves, self.resting[i].ahead)
                for i in range(self.resting_count)]

    def _spin(self, int count) -> int:
        """`count` changes of the top with own orders as they stand: for the benchmark."""
        cdef int i
        cdef int64_t bid = self.book.top.bid_price
        cdef tc_paper_event e
        with nogil:
            for i in range(count):
                self.advance(i)
                self.book.set(TC_BUY, bid, 1000 + i % 7)
                self.book_changed(i)
                if i % 8 == 0:
                    self.traded(i, bid, 1, TC_SELL)
                while self.next_event(i, &e):
                    pass
        return count
