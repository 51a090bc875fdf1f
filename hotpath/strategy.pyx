"""Intents: drafted in place, written as records, handed to the venues of the lane in the turn.

Drafts lie in the actor (at most eight legs), so deciding allocates nothing. `submit` is the only
way out: it writes every leg as a record first (what was decided is known whatever happens next),
then asks each venue to reserve, and only when all have reserved lets them send.
"""

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t
from cpython.bytes cimport PyBytes_AS_STRING
from libc.string cimport memset

from hotpath.lane cimport TC_LAP_APPLY, TC_LAP_DECIDE, TC_LAP_RISK, Actor
from hotpath.market cimport Market
from hotpath.order cimport TC_EFFECT_ILLEGAL, TC_EFFECT_MASK
from hotpath.records cimport (
    TC_BOOK_STATE,
    TC_BUY,
    TC_CAUSE,
    TC_DEPTH,
    TC_DOCUMENT,
    TC_DOUBT_LAPPED,
    TC_DOUBT_NEVER_JOINED,
    TC_DOUBT_OVERFLOW,
    TC_FILL,
    TC_GAP,
    TC_GTC,
    TC_INTENT,
    TC_IOC,
    TC_LIMIT,
    TC_OP_CANCEL,
    TC_OP_PLACE,
    TC_OP_REPLACE,
    TC_ORDER_EVENT,
    TC_REASON_GROUP,
    TC_REFUSED,
    TC_SELL,
    TC_SNAPSHOT,
    TC_TOP,
    TC_VALID,
    tc_book_state,
    tc_depth,
    tc_fill,
    tc_header,
    tc_intent,
    tc_level,
    tc_order_event,
    tc_order_id,
    tc_refused,
    tc_snapshot,
    tc_top,
    tc_trade,
)
from hotpath.ring cimport tc_warm, tc_writer
from hotpath.venue cimport Venue

from hotpath.records import Document, pack, unpack


cdef extern from "hotpath/fetch.h" nogil:
    void tc_fetch(const void* p, size_t n)

WHY_NOT_NS = 5_000_000_000
"""Every so often a strategy tells why it did not trade."""


class TooManyLegs(ValueError):
    """More than eight intents drafted before submit()."""


cdef bytes payload_of(const tc_header* r):
    return (<const char*>r + sizeof(tc_header))[:r.length - sizeof(tc_header)]


cdef inline Venue venue_of(Strategy strategy, uint16_t source):
    """The venue of this lane with that number, or None."""
    cdef int k
    for k in range(strategy.venue_count):
        if strategy.venue_sources[k] == source:
            return <Venue>strategy.venue_list[k]
    return strategy.venues.get(source)


cdef class Strategy(Actor):
    def __init__(self, lane, name, outbox, *, uint64_t instance=0, settings=None):
        super().__init__(lane, name, outbox)
        self.markets = []
        self.venues, self.venue_list = {}, []
        self.settings = settings
        self.instance = instance
        self.intent_life_ns = 1_000_000_000
        self.skipped = {}
        self.wants = (1 << TC_ORDER_EVENT | 1 << TC_FILL | 1 << TC_REFUSED | 1 << TC_TOP
                      | 1 << TC_GAP | 1 << TC_BOOK_STATE | 1 << TC_DEPTH | 1 << TC_SNAPSHOT)

    def add_market(self, Market market):
        """A market to decide on, in the configuration's order."""
        self.markets.append(market)

    def add_venue(self, Venue venue):
        """A venue of this lane: intents go to it by a direct call within the turn."""
        if venue.source in self.venues:
            return
        self.venues[venue.source] = venue
        if self.venue_count < 16:
            self.venue_list.append(venue)
            self.venue_sources[self.venue_count] = venue.source
            self.venue_count += 1

    # ---- why not

    def begin(self):
        """The first telling is due one interval from now."""
        self.told_at = self.lane.now
        self.intents_told = self.intents_written
        self.lane.arm(self, self.lane.now + WHY_NOT_NS, TC_WHY_NOT)

    cdef int take_timer(self, uint64_t token, int64_t due) except -1:
        if token == TC_WHY_NOT:
            return self.tell_why_not()
        return Actor.take_timer(self, token, due)

    cdef int tell_why_not(self) except -1:
        """One document an interval, by a timer and so the same in a replay; off any frame's path."""
        try:
            reasons = self.why_not()
        except Exception as error:
            reasons = {}
            self.lane.rescue(self, error)
        told = {
            "why_not": {
                "from": self.told_at,
                "to": self.lane.now,
                "intents": self.intents_written - self.intents_told,
                "reasons": reasons,
            }
        }
        payload = pack(Document(document=told))
        self.emit(TC_DOCUMENT, 0, 0, PyBytes_AS_STRING(payload), <uint32_t>len(payload))
        self.begin()
        return 0

    def skip(self, str reason, **numbers):
        """Count that it did not trade, and keep the numbers of the last time (text or integers)."""
        entry = self.skipped.get(reason)
        if entry is None:
            self.skipped[reason] = {"count": 1, **numbers}
        else:
            entry.update(numbers)
            entry["count"] += 1

    def why_not(self):
        """{reason: {"count": n, numbers of the last time}} since the last call; then counts anew."""
        found, self.skipped = self.skipped, {}
        return found

    # ---- inputs

    cdef int on_top(self, Market market) except -1:
        try:
            self.on_book(market)
        except Exception as error:
            self.lane.rescue(self, error)
        return 0

    cdef int on_print(self, Market market, const tc_trade* trade) except -1:
        try:
            self.on_trade(market, trade.price, trade.quantity, trade.side)
        except Exception as error:
            self.lane.rescue(self, error)
        return 0

    cdef int take_record(self, const tc_header* r) except -1:
        cdef const void* payload = <const char*>r + sizeof(tc_header)
        cdef const tc_order_event* e
        if r.kind == TC_ORDER_EVENT:
            e = <const tc_order_event*>payload
            if e.strategy == self.source and e.effect & TC_EFFECT_MASK != TC_EFFECT_ILLEGAL:
                return self.take_order(r, <const tc_order_event*>payload)
        elif r.kind == TC_FILL:
            if (<const tc_fill*>payload).strategy == self.source:
                return self.take_fill(r, <const tc_fill*>payload)
        elif r.kind == TC_REFUSED:
            if (<const tc_refused*>payload).strategy == self.source:
                return self.take_refused(r, <const tc_refused*>payload)
        elif r.kind == TC_DOCUMENT and r.source == self.source:
            self.restore(unpack(r.kind, payload_of(r)).document)
        else:
            return self.take_market(r)
        return 0

    cdef int take_order(self, const tc_header* r, const tc_order_event* e) except -1:
        try:
            self.on_order(unpack(r.kind, payload_of(r)))
        except Exception as error:
            self.lane.rescue(self, error)
        return 0

    cdef int take_fill(self, const tc_header* r, const tc_fill* f) except -1:
        try:
            self.on_fill(unpack(r.kind, payload_of(r)))
        except Exception as error:
            self.lane.rescue(self, error)
        return 0

    cdef int take_refused(self, const tc_header* r, const tc_refused* x) except -1:
        try:
            self.on_refused(unpack(r.kind, payload_of(r)))
        except Exception as error:
            self.lane.rescue(self, error)
        return 0

    cdef int take_market(self, const tc_header* r) except -1:
        """A feed of another lane: its records write this strategy's own Market."""
        cdef Market market
        cdef const void* payload = <const char*>r + sizeof(tc_header)
        for market in self.markets:
            if market.feed != r.source:
                continue
            if market.instrument == r.instrument:
                self.follow(market, r, payload)
                return 0
            if r.kind == TC_GAP and not r.instrument:      # lapped: every market of this feed
                market.book.doubt(TC_DOUBT_LAPPED)
                self.follow_doubt(market, r)
        return 0

    cdef int follow(self, Market market, const tc_header* r, const void* payload) except -1:
        """One record of the feed that keeps this market."""
        cdef const tc_depth* d
        cdef const tc_snapshot* s
        cdef const tc_level* levels
        if r.kind == TC_TOP:
            market.top = (<const tc_top*>payload)[0]
            if market.deep and market.top.reason == TC_VALID:
                if market.book.top.reason == TC_VALID and market.book.top.epoch == market.top.epoch:
                    market.book.lead(&market.top)
                else:                       # the levels are not there yet: nobody sizes by them
                    market.top.reason = market.book.top.reason or TC_DOUBT_NEVER_JOINED
            self.tell_top(market, r)
        elif r.kind == TC_DEPTH:
            d = <const tc_depth*>payload
            market.deep = True
            if (market.book.top.reason == TC_VALID and d.epoch == market.book.top.epoch
                    and d.last_id > market.book.last_id):
                levels = <const tc_level*>(<const char*>d + sizeof(tc_depth))
                if market.book.apply_delta(levels, d.bids, levels + d.bids, d.asks, d.last_id,
                                           d.venue_time):
                    market.book.doubt(TC_DOUBT_OVERFLOW)
                    self.follow_doubt(market, r)
        elif r.kind == TC_SNAPSHOT:
            s = <const tc_snapshot*>payload
            market.deep = True
            if market.book.top.reason == TC_VALID and s.epoch == market.book.top.epoch:
                return 0                    # told again, for those who came later
            levels = <const tc_level*>(<const char*>s + sizeof(tc_snapshot))
            if market.book.apply_snapshot(levels, <int>s.bids, levels + s.bids, <int>s.asks,
                                          s.last_id, s.venue_time):
                market.book.doubt(TC_DOUBT_OVERFLOW)
            market.book.top.epoch = s.epoch
            market.top = market.book.top
            self.tell_top(market, r)
        elif r.kind == TC_BOOK_STATE:
            market.book.doubt((<const tc_book_state*>payload).reason)
        return 0

    cdef int follow_doubt(self, Market market, const tc_header* r) except -1:
        """The follower's own book is in doubt: its top says so at once."""
        if market.deep and market.top.reason == TC_VALID:
            market.top.reason = market.book.top.reason
            self.tell_top(market, r)
        return 0

    cdef int tell_top(self, Market market, const tc_header* r) except -1:
        market.received = self.lane.stamp
        market.cause = TC_CAUSE(r.source, r.position)
        self.cause = market.cause
        if self.lane.sampled:
            self.lane.lap(TC_LAP_APPLY)
        self.on_top(market)
        if self.lane.sampled:
            self.lane.lap(TC_LAP_DECIDE)
        return 0

    def restore(self, document):
        """What the journal has of an earlier life, before `on_start`; see engine/history.py.

        Called only where there was one. `{"net": {instrument: lots}, "group": number, "orders":
        [{"id", "instrument", "side", "quantity", "cumulative"}]}`: what all of its orders have
        bought more than sold, the group of its last intent, and the orders that may still trade.
        """

    def on_book(self, market):
        """The top of a market changed."""

    def on_trade(self, market, price, quantity, side):
        """The market printed a trade by a taker of that side (where `every_change` is True)."""

    def on_order(self, event):
        """An order of this strategy changed (hotpath.records.OrderEvent)."""

    def on_fill(self, fill):
        """An order of this strategy traded (hotpath.records.Fill)."""

    def on_refused(self, refusal):
        """The gate refused an intent of this strategy (hotpath.records.Refused)."""

    # ---- intents

    cdef tc_order_id id_of(self, uint64_t position, int leg, int attempt) noexcept:
        """instance(40) source(16) position(48) leg(8) attempt(16)."""
        cdef tc_order_id order
        order.hi = (self.instance << 24) | (<uint64_t>self.source << 8) | (position >> 40)
        order.lo = (position << 24) | (<uint64_t>leg << 16) | <uint64_t>attempt
        return order

    cdef void warm(self) noexcept:
        tc_fetch(&self.outbox.writer, sizeof(tc_writer))
        tc_warm(&self.outbox.writer)
        tc_fetch(&self.outbox.writer.shared.head, 16)
        tc_fetch(self.drafts, 2 * sizeof(tc_intent))

    cdef tc_intent* draft(self, Market market) noexcept:
        """A zeroed intent priced from `market` as it is now; NULL when eight are drafted."""
        cdef tc_intent* i
        if self.drafted == 8:
            return NULL
        i = &self.drafts[self.drafted]
        self.draft_instruments[self.drafted] = market.instrument
        self.drafted += 1
        memset(i, 0, sizeof(tc_intent))
        i.op, i.type, i.time_in_force = TC_OP_PLACE, TC_LIMIT, TC_IOC
        i.strategy, i.venue, i.feed = self.source, market.venue, market.feed
        i.feed_update_id = market.top.update_id
        i.feed_epoch = market.top.epoch
        i.feed_bid, i.feed_ask = market.top.bid_price, market.top.ask_price
        i.deadline = self.lane.now + self.intent_life_ns
        i.stamp_in_hand = self.lane.stamp
        return i

    cdef int submit(self) except -1:
        """Write the drafts, reserve all, then send all; returns how many legs were sent, here or
        to a venue of another lane (which asks its own gate: what comes of it comes as records)."""
        cdef int n = self.drafted, i, k, control, sent = 0
        cdef uint64_t first = self.outbox.writer.position + 1
        cdef int64_t decided
        cdef const tc_header* records[8]
        cdef Venue venue
        if n == 0:
            return 0
        self.drafted = 0
        self.intents_written += n
        decided = self.lane.mark()
        if self.lane.sampled:
            self.lane.lap(TC_LAP_DECIDE)
        for i in range(n):
            self.drafts[i].stamp_decided = decided
            if n > 1:
                self.drafts[i].group = first
            self.drafts[i].leg, self.drafts[i].legs = i, n
            self.positions_written[i] = self.emit(
                TC_INTENT, self.draft_instruments[i], self.cause, &self.drafts[i],
                sizeof(tc_intent))
            records[i] = self.outbox.last_record()
        for i in range(n):
            venue = venue_of(self, self.drafts[i].venue)
            if venue is None:
                continue                   # another lane's venue follows this outbox
            control = venue.reserve(records[i])
            if control:
                for k in range(n):
                    venue = <Venue>self.venues.get(self.drafts[k].venue)
                    if venue is not None and k < i:
                        venue.release(records[k], TC_REASON_GROUP)
                    elif venue is not None and k > i:
                        venue.deny(records[k], TC_REASON_GROUP)
                if self.lane.sampled:
                    self.lane.lap(TC_LAP_RISK)
                return 0
        for i in range(n):
            venue = venue_of(self, self.drafts[i].venue)
            sent += 1 if venue is None else venue.execute(records[i])
        return sent

    # ---- Python doors of the intents

    def place(self, Market market, int side, int64_t price, int64_t quantity, *, int type=TC_LIMIT,
              int time_in_force=TC_GTC, int rule=0, int flags=0, int64_t expected_price=0,
              submit=True):
        """Draft a placement (ticks, lots) and, unless told not to, submit; returns the order id."""
        cdef tc_intent* i = self.draft(market)
        if i == NULL:
            raise TooManyLegs(self.name)
        i.side, i.price, i.quantity = side, price, quantity
        i.type, i.time_in_force, i.rule, i.flags = type, time_in_force, rule, flags
        i.expected_price = expected_price or price
        cdef uint64_t position = self.outbox.writer.position + self.drafted
        cdef tc_order_id order = self.id_of(position, self.drafted - 1, 0)
        if submit:
            self.submit()
        return (<object>order.hi << 64) | order.lo

    def replace(self, Market market, order_id, *, int side, int64_t price, int64_t quantity,
                int type=TC_LIMIT, int time_in_force=TC_GTC, int rule=0):
        """Another price and total quantity in place of an order of this strategy; the new id."""
        cdef tc_intent* i = self.draft(market)
        if i == NULL:
            raise TooManyLegs(self.name)
        i.op, i.side, i.price, i.quantity, i.rule = TC_OP_REPLACE, side, price, quantity, rule
        i.type, i.time_in_force, i.expected_price = type, time_in_force, price
        i.target.hi = order_id >> 64
        i.target.lo = order_id & 0xffffffffffffffff
        cdef uint64_t position = self.outbox.writer.position + self.drafted
        cdef tc_order_id order = self.id_of(position, self.drafted - 1, 0)
        self.submit()
        return (<object>order.hi << 64) | order.lo

    def cancel(self, Market market, order_id, *, int rule=0):
        """Cancel an order of this strategy (cancels have no deadline)."""
        cdef tc_intent* i = self.draft(market)
        if i == NULL:
            raise TooManyLegs(self.name)
        i.op, i.rule, i.deadline = TC_OP_CANCEL, rule, 0
        i.target.hi = order_id >> 64
        i.target.lo = order_id & 0xffffffffffffffff
        self.submit()
