"""What every feed does alike: publish the top, tell the lane's strategies, spread doubt.

A strategy decides on the last frame of a read, not on each frame of a backlog, so a frame only
touches markets and `settle` publishes each touched market once. The board slot is written before
the strategies are called: the gate reads it in the same turn.
"""

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset

from hotpath.board cimport tc_board_put
from hotpath.lane cimport TC_LAP_APPLY, TC_LAP_DECIDE, Actor
from hotpath.market cimport Market, tc_top_slot
from hotpath.records cimport (
    TC_BOOK_STATE,
    TC_BUY,
    TC_DEPTH,
    TC_DOUBT_CROSSED,
    TC_SELL,
    TC_SNAPSHOT,
    TC_TOP,
    TC_TRADE,
    TC_VALID,
    tc_book_state,
    tc_depth,
    tc_level,
    tc_snapshot,
    tc_top,
    tc_trade,
)
from hotpath.strategy cimport Strategy

DEF LIFE = 20                          # bits of a book's epoch that count its joins in one life
DEF TOLD_LEVELS = 1000                 # of a side, in a whole book told to followers of other lanes
TOLD_EVERY_NS = 2_000_000_000


cdef class Feed(Actor):
    def __init__(self, lane, name, outbox):
        super().__init__(lane, name, outbox)
        self.markets = []
        self.touched = []

    def __dealloc__(self):
        free(self.words)

    def add_market(self, Market market):
        """A market this feed keeps; its board slot is this lane's."""
        self.markets.append(market)
        self.touched.append(None)
        if market.slot >= 0:
            self.lane.own_slot(market.slot)

    def begin(self):
        """Nothing of an earlier life holds any more: whoever followed it hears so at once, and no
        join of this life has the epoch of one before it."""
        cdef Market market
        cdef tc_book_state state
        for market in self.markets:
            market.book.top.epoch = (self.outbox.writer.epoch - 1) << LIFE
            market.top = market.book.top
            memset(&state, 0, sizeof(state))
            state.epoch, state.reason = market.top.epoch, market.top.reason
            self.emit(TC_BOOK_STATE, market.instrument, 0, &state, sizeof(state))
            market.received = self.lane.stamp
            market.cause = (<uint64_t>self.source << 48) | self.emit(
                TC_TOP, market.instrument, 0, &market.top, sizeof(tc_top))
            if market.slot >= 0:
                self.write_top(market)

    cdef int touch(self, Market market) except -1:
        """The market's book changed in this frame."""
        if not market.touched:
            market.touched = True
            self.touched[self.touched_count] = market
            self.touched_count += 1
        return 0

    # ---- the levels, for strategies of other lanes

    cdef char* room(self, size_t need) except NULL:
        cdef char* grown
        if need > self.words_bytes:
            grown = <char*>realloc(self.words, need)
            if grown == NULL:
                raise MemoryError
            self.words, self.words_bytes = grown, need
        return self.words

    cdef int tell_levels(self, Market market, const tc_level* levels, int bids, int asks,
                         uint64_t first_id, uint64_t last_id, int64_t venue_time) except -1:
        """An update that was applied to the book, bids before asks, as a record."""
        cdef tc_depth* d
        cdef size_t n = <size_t>(bids + asks) * sizeof(tc_level)
        if bids > 0xffff or asks > 0xffff:
            return self.tell_book(market)
        d = <tc_depth*>self.room(sizeof(tc_depth) + n)
        memset(d, 0, sizeof(tc_depth))
        d.first_id, d.last_id, d.venue_time = first_id, last_id, venue_time
        d.epoch, d.bids, d.asks = market.book.top.epoch, <uint16_t>bids, <uint16_t>asks
        memcpy(<char*>d + sizeof(tc_depth), levels, n)
        self.emit(TC_DEPTH, market.instrument, 0, d, <uint32_t>(sizeof(tc_depth) + n))
        return 0

    cdef int tell_book(self, Market market) except -1:
        """The book as it is (the best 1,000 levels a side); nothing while it is in doubt."""
        cdef tc_snapshot* s
        cdef tc_level* levels
        cdef int bids, asks
        if market.book.top.reason != TC_VALID:
            return 0
        s = <tc_snapshot*>self.room(sizeof(tc_snapshot) + 2 * TOLD_LEVELS * sizeof(tc_level))
        levels = <tc_level*>(<char*>s + sizeof(tc_snapshot))
        bids = market.book.levels(TC_BUY, levels, TOLD_LEVELS)
        asks = market.book.levels(TC_SELL, levels + bids, TOLD_LEVELS)
        memset(s, 0, sizeof(tc_snapshot))
        s.last_id, s.venue_time = market.book.last_id, market.book.top.venue_time
        s.epoch, s.bids, s.asks = market.book.top.epoch, bids, asks
        market.told_at = self.lane.now
        self.emit(TC_SNAPSHOT, market.instrument, 0, s,
                  <uint32_t>(sizeof(tc_snapshot) + <size_t>(bids + asks) * sizeof(tc_level)))
        return 0

    cdef int tell_books(self) except -1:
        """On a timer: each followed book whole, every two seconds."""
        cdef Market market
        for market in self.markets:
            if market.told and self.lane.now - market.told_at >= TOLD_EVERY_NS:
                self.tell_book(market)
        return 0

    # ---- tops

    cdef int settle(self) except -1:
        """The read is done: publish every touched market, crossed ones as doubtful."""
        cdef Market market
        cdef tc_top* top
        cdef int i, n = self.touched_count
        self.touched_count = 0
        for i in range(n):                     # one of three hundred costs what one of one does
            market = <Market>self.touched[i]
            market.touched = False
            top = &market.book.top
            if (top.reason == 0 and top.bid_quantity and top.ask_quantity
                    and top.bid_price >= top.ask_price):
                self.doubt(market, TC_DOUBT_CROSSED)
            else:
                self.publish(market)
        return 0

    cdef int doubt(self, Market market, uint32_t reason) except -1:
        """The book is not to be trusted from here on; readers see it before any further read."""
        cdef tc_book_state state
        market.book.doubt(reason)
        memset(&state, 0, sizeof(state))
        state.epoch, state.reason, state.last_id = market.book.top.epoch, reason, market.book.last_id
        self.emit(TC_BOOK_STATE, market.instrument, 0, &state, sizeof(state))
        return self.publish(market)

    cdef int publish(self, Market market) except -1:
        """Write the top as a record and a board slot when it changed, then call the followers."""
        cdef Strategy strategy
        cdef int k
        cdef tc_top* top = &market.book.top
        market.received = self.lane.stamp
        if (top.bid_price == market.top.bid_price and top.bid_quantity == market.top.bid_quantity
                and top.ask_price == market.top.ask_price
                and top.ask_quantity == market.top.ask_quantity
                and top.reason == market.top.reason and top.epoch == market.top.epoch):
            market.top = top[0]
            if market.slot >= 0:               # fresh all the same: the gate measures age
                self.write_top(market)
            if self.lane.sampled:
                self.lane.lap(TC_LAP_APPLY)
            for strategy in market.watchers:
                strategy.cause = market.cause
                strategy.on_top(market)
            if self.lane.sampled and market.watchers:
                self.lane.lap(TC_LAP_DECIDE)
            return 0
        market.top = top[0]
        market.cause = (<uint64_t>self.source << 48) | self.emit(
            TC_TOP, market.instrument, 0, top, sizeof(tc_top))
        if market.slot >= 0:
            self.write_top(market)
        if self.lane.sampled:
            self.lane.lap(TC_LAP_APPLY)
        for k in range(<int>len(market.followers)):    # by index: a typed loop asks each for its type
            strategy = <Strategy>market.followers[k]
            strategy.cause = market.cause
            strategy.on_top(market)
        if self.lane.sampled and market.followers:
            self.lane.lap(TC_LAP_DECIDE)
        return 0

    cdef int printed(self, Market market, const tc_trade* trade) except -1:
        """The market printed a trade: a record, then those that watch everything."""
        cdef Strategy strategy
        cdef uint64_t position = self.emit(TC_TRADE, market.instrument, 0, trade, sizeof(tc_trade))
        for strategy in market.watchers:
            strategy.cause = (<uint64_t>self.source << 48) | position
            strategy.on_print(market, trade)
        return 0

    cdef void write_top(self, Market market) noexcept:
        cdef tc_top_slot slot
        slot.top = market.top
        slot.received = market.received
        slot.position = market.cause & 0xffffffffffff
        slot.instrument = market.instrument
        slot.feed = self.source
        slot.pad = 0
        if <size_t>market.slot < self.lane.slot_count:
            tc_board_put(&self.lane.board.slots[market.slot], &slot, sizeof(slot))
