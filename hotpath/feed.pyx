"""What every feed does alike: publish the top, tell the lane's strategies, spread doubt.

A strategy decides on the last frame of a read, not on each frame of a backlog, so a frame only
touches markets and `settle` publishes each touched market once. The board slot is written before
the strategies are called: the gate reads it in the same turn.
"""

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from hotpath.lane cimport Actor
from hotpath.market cimport Market, tc_top_slot
from hotpath.records cimport (
    TC_BOOK_STATE,
    TC_DOUBT_CROSSED,
    TC_TOP,
    tc_book_state,
    tc_top,
)
from hotpath.strategy cimport Strategy


cdef class Feed(Actor):
    def __init__(self, lane, name, outbox):
        super().__init__(lane, name, outbox)
        self.markets = []
        self.touched = []

    def add_market(self, Market market):
        """A market this feed keeps; its board slot is this lane's."""
        self.markets.append(market)
        self.touched.append(None)
        if market.slot >= 0:
            self.lane.own_slot(market.slot)

    cdef int touch(self, Market market) except -1:
        """The market's book changed in this frame."""
        if not market.touched:
            market.touched = True
            self.touched[self.touched_count] = market
            self.touched_count += 1
        return 0

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
        cdef tc_top* top = &market.book.top
        market.received = self.lane.stamp
        if (top.bid_price == market.top.bid_price and top.bid_quantity == market.top.bid_quantity
                and top.ask_price == market.top.ask_price
                and top.ask_quantity == market.top.ask_quantity
                and top.reason == market.top.reason and top.epoch == market.top.epoch):
            market.top = top[0]
            if market.slot >= 0:               # fresh all the same: the gate measures age
                self.write_top(market)
            return 0
        market.top = top[0]
        market.cause = (<uint64_t>self.source << 48) | self.emit(
            TC_TOP, market.instrument, 0, top, sizeof(tc_top))
        if market.slot >= 0:
            self.write_top(market)
        for strategy in market.followers:
            strategy.cause = market.cause
            strategy.on_top(market)
        return 0

    cdef void write_top(self, Market market) noexcept:
        cdef tc_top_slot slot
        slot.top = market.top
        slot.received = market.received
        slot.position = market.cause & 0xffffffffffff
        slot.instrument = market.instrument
        slot.feed = self.source
        slot.pad = 0
        self.lane.write_slot(market.slot, &slot, sizeof(slot))
