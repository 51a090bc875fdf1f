"""The loop of a back-test; backtest.pxd says what it models.

Layout: events are walked in place; a listing is a struct of borrowed pointers, so an event that
changes a level costs a few loads and stores on each side. Python is met only in the callbacks of
strategies written in it. With no latency of market data one book serves both sides.
"""

cimport cython
from cpython.ref cimport PyObject
from libc.stdint cimport INT64_MAX, int64_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from hotpath.book cimport Book
from hotpath.feed cimport Feed
from hotpath.lane cimport Lane
from hotpath.market cimport Market
from hotpath.paper cimport Paper, tc_paper_event
from hotpath.paper_venue cimport PaperVenue
from hotpath.records cimport tc_trade
from hotpath.ring cimport Outbox
from hotpath.tape cimport (
    TC_TAPE_DOUBT,
    TC_TAPE_ENDS_READ,
    TC_TAPE_ENDS_UPDATE,
    TC_TAPE_TRADE,
    Tape,
    play,
    tc_tape_event,
)

DEF LISTINGS = 1024
DEF VIEWS = 4


cdef class TapeFeed(Feed):
    pass


@cython.final
cdef class Backtest:
    """One run over one tape: `add_listing` in the order of the tape's numbers, `start`, `run`
    until it says that the tape is over, `stop`."""

    def __cinit__(self, Lane lane not None, Tape tape not None, *, int64_t view_ns=0,
                  int64_t jitter_ns=0, uint64_t seed=1, uint64_t full_at=1 << 62):
        if view_ns < 0 or jitter_ns < 0:
            raise ValueError("latencies are not negative")
        self.lane, self.tape = lane, tape
        self.view_ns, self.jitter_ns = view_ns, jitter_ns
        self.random_state = seed * 2 + 1
        self.full_at = full_at
        self.kept, self.venues, self.outboxes = [], [], []
        self.paper_due = INT64_MAX
        self.listings = <played*>calloc(LISTINGS, sizeof(played))
        if self.listings == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.listings)

    def add_listing(self, Book book not None, list views, PaperVenue venue=None, int place=0):
        """`views` are (feed, market) pairs; `book` is the market's own, or that of the only view.
        `place` is the listing's index in its venue."""
        cdef played* p
        cdef Feed feed
        cdef Market market
        if self.count == LISTINGS or len(views) > VIEWS:
            raise ValueError(f"{LISTINGS} listings of {VIEWS} views at most")
        p = &self.listings[self.count]
        self.kept.append((book, views, venue))
        p.book = <PyObject*>book
        for feed, market in views:
            p.feed[p.views], p.market[p.views] = <PyObject*>feed, <PyObject*>market
            p.shared = p.shared or market.book is book
            p.views += 1
        if p.shared and (p.views > 1 or self.view_ns or self.jitter_ns):
            raise ValueError("a book is shared by one view without latency only")
        if venue is not None:
            p.venue, p.paper = <PyObject*>venue, <PyObject*>(<Paper>venue.papers[place])
            if (<Paper>venue.papers[place]).book is not book:
                raise ValueError("the paper looks at another book")
            if venue not in self.venues:
                self.venues.append(venue)
        p.place = place
        p.due = INT64_MAX
        self.count += 1

    def watch(self, Outbox outbox not None):
        """`run` returns when this outbox has `full_at` bytes more than at `drained`."""
        self.outboxes.append([outbox, outbox.writer.at])

    def drained(self):
        """The watched outboxes were read."""
        cdef Outbox outbox
        for pair in self.outboxes:
            outbox = pair[0]
            pair[1] = outbox.writer.at

    cdef bint must_drain(self):
        cdef Outbox outbox
        for pair in self.outboxes:
            outbox = pair[0]
            if outbox.writer.at - <uint64_t>pair[1] > self.full_at:
                return True
        return False

    # ---- time

    cdef int64_t next_view(self) noexcept:
        """When the read at `view_at` reaches us: as late as the model says, never before another."""
        cdef int64_t due
        cdef uint64_t x
        if self.view_known:
            return self.view_due
        due = self.tape.events[self.view_at].time + self.view_ns
        if self.jitter_ns:
            self.random_state += <uint64_t>0x9E3779B97F4A7C15u
            x = self.random_state
            x = (x ^ (x >> 30)) * <uint64_t>0xBF58476D1CE4E5B9u
            x = (x ^ (x >> 27)) * <uint64_t>0x94D049BB133111EBu
            due += <int64_t>((x ^ (x >> 31)) % <uint64_t>(self.jitter_ns + 1))
        if due > self.view_due:
            self.view_due = due
        self.view_known = True
        return self.view_due

    cdef void look_again(self) noexcept:
        """Orders were given to papers: when is the next of them due?"""
        cdef int i
        self.paper_due = INT64_MAX
        for i in range(self.count):
            if self.listings[i].paper != NULL:
                self.listings[i].due = (<Paper>self.listings[i].paper).next_due()
                if self.listings[i].due < self.paper_due:
                    self.paper_due = self.listings[i].due

    # ---- one step each

    cdef int market_read(self) except -1:
        """The market's side of one read."""
        cdef tc_tape_event* e = &self.tape.events[self.market_at]
        cdef tc_tape_event* end = self.tape.events + self.tape.count
        cdef int64_t now = e.time
        cdef played* p
        cdef Paper paper
        cdef bint active = False
        cdef size_t first = self.market_at
        cdef bint shared = False, again = False
        while True:
            p = &self.listings[e.listing]
            if p.paper == NULL:
                if e.kind != TC_TAPE_TRADE:
                    play(<Book>p.book, e)
            else:
                paper = <Paper>p.paper
                if e.kind == TC_TAPE_TRADE:
                    if paper.resting_count:
                        paper.traded(now, e.price, e.quantity, e.side)
                        again = True
                else:
                    play(<Book>p.book, e)
                    if e.flags & TC_TAPE_ENDS_UPDATE and paper.resting_count:
                        paper.book_changed(now)
                        again = True
            shared = shared or p.shared
            e += 1
            if (e - 1).flags & TC_TAPE_ENDS_READ or e == end or e.time > now:
                break
        self.market_at = e - self.tape.events
        self.market_reads += 1
        self.now = now
        if again:
            self.look_again()
        if shared:
            self.view_read(first, self.market_at, now, False)
            self.view_at = self.market_at
        return 0

    cdef int view_read(self, size_t start, size_t end, int64_t now, bint apply) except -1:
        """One read as the feeds, and through them the strategies, are told it: one turn."""
        cdef size_t k
        cdef int v, touched = 0
        cdef tc_tape_event* e
        cdef played* p
        cdef tc_trade t
        cdef Feed feed = None
        cdef PaperVenue venue
        cdef Lane lane = self.lane
        lane.open_turn(now)
        lane.frames += 1
        for k in range(start, end):
            e = &self.tape.events[k]
            p = &self.listings[e.listing]
            for v in range(p.views):
                if apply or not p.shared:
                    if e.kind != TC_TAPE_TRADE and e.kind != TC_TAPE_DOUBT:
                        play((<Market>p.market[v]).book, e)
                if not e.flags & (TC_TAPE_ENDS_UPDATE | TC_TAPE_ENDS_READ):
                    continue
                if feed is not None and feed is not <Feed>p.feed[v]:
                    feed.settle()
                feed = <Feed>p.feed[v]
                feed.cause = 0
                if e.kind == TC_TAPE_TRADE:
                    memset(&t, 0, sizeof(t))
                    t.price, t.quantity, t.trade_id = e.price, e.quantity, e.id
                    t.venue_time, t.side = e.venue_time, e.side
                    feed.printed(<Market>p.market[v], &t)
                elif e.kind == TC_TAPE_DOUBT:
                    feed.doubt(<Market>p.market[v], e.reason)
                else:
                    feed.touch(<Market>p.market[v])
        if feed is not None:
            feed.settle()
        lane.close_turn()
        self.events += end - start
        self.view_reads += 1
        for venue in self.venues:
            if venue.moved:
                venue.moved = False
                touched = 1
        if touched:
            self.look_again()
        return 0

    cdef int papers(self, int64_t now) except -1:
        """Requests that have reached the market by now, and reports that are visible."""
        cdef played* p
        cdef int i
        cdef tc_paper_event e
        cdef PaperVenue venue
        for i in range(self.count):
            p = &self.listings[i]
            if p.due > now:
                continue
            (<Paper>p.paper).advance(now)
            venue = <PaperVenue>p.venue
            while (<Paper>p.paper).next_event(now, &e):
                self.lane.open_turn(now)
                venue.cause = 0
                venue.take_event(p.place, &e)
                self.lane.close_turn()
        for venue in self.venues:
            venue.moved = False
        self.look_again()
        return 0

    # ---- for Python

    def start(self, int64_t now):
        """The lane starts, before the first event."""
        cdef PaperVenue venue
        self.lane.start(now)
        self.now = now
        for venue in self.venues:
            venue.moved = False
        self.look_again()

    def run(self, int64_t until=INT64_MAX, bint more=False):
        """Let time pass until `until` or the tape's end has reached us (`more`: has reached the
        market, the tape goes on); False: the outboxes must be drained first, then call it again."""
        cdef int64_t market, view, timer
        cdef size_t end = self.tape.count
        cdef size_t k
        cdef uint64_t looks = 0
        cdef PaperVenue venue
        while self.market_at < end or (self.view_at < end and not more):
            market = self.tape.events[self.market_at].time if self.market_at < end else INT64_MAX
            view = self.next_view() if self.view_at < self.market_at else INT64_MAX
            timer = self.lane.next_due()
            if market <= view and market <= self.paper_due and market <= timer:
                if market > until:
                    return True
                self.market_read()
            elif self.paper_due <= view and self.paper_due <= timer:
                if self.paper_due > until:
                    return True
                self.now = self.paper_due
                self.papers(self.paper_due)
            elif view <= timer:
                if view > until:
                    return True
                self.now = view
                k = self.view_at + 1
                while (k < self.market_at and not self.tape.events[k - 1].flags & TC_TAPE_ENDS_READ
                        and self.tape.events[k].time == self.tape.events[k - 1].time):
                    k += 1
                self.view_known = False
                self.view_read(self.view_at, k, view, True)
                self.view_at = k
            else:
                if timer > until:
                    return True
                self.timers(timer)
            looks += 1
            if looks & 255 == 0 and self.outboxes and self.must_drain():
                return False
        return True

    def timers(self, int64_t now):
        """Fire what is due."""
        cdef PaperVenue venue
        self.now = now
        self.lane.fire(now)
        for venue in self.venues:
            venue.moved = False
        self.look_again()

    def wait(self, int64_t until):
        """No more market data: requests, reports and timers only, until then."""
        cdef int64_t due
        while True:
            due = min(self.paper_due, self.lane.next_due())
            if due > until:
                break
            if self.paper_due <= due:
                self.now = due
                self.papers(due)
            else:
                self.timers(due)
        self.now = until

    def stop(self, int64_t now):
        """An orderly stop: strategies and venues are told, cancels leave."""
        self.lane.stop(now)
        self.look_again()

    def forget(self):
        """Give back what both cursors have passed, so that a tape can be fed in pieces."""
        self.tape.forget(self.view_at)
        self.market_at -= self.view_at
        self.view_at = 0
