"""What the replay bench runs: a quoter that keeps one post-only order on each side of the best.

It is asked at every change of the top, and looks at its quotes at most every 100 ms of market time,
as the published benchmarks of back-testers do.
"""

from libc.stdint cimport int64_t, uint64_t

from hotpath.market cimport Market
from hotpath.order cimport status_is_terminal
from hotpath.records cimport (
    TC_BUY,
    TC_GTC,
    TC_OP_CANCEL,
    TC_POST_ONLY,
    TC_SELL,
    tc_fill,
    tc_header,
    tc_intent,
    tc_order_event,
    tc_order_id,
    tc_refused,
)
from hotpath.strategy cimport Strategy


cdef class Quoter(Strategy):
    """`every_ns` of market time between two looks, `lots` a quote."""

    def __init__(self, lane, name, outbox, *, int64_t every_ns=100_000_000, int64_t lots=100,
                 instance=0):
        super().__init__(lane, name, outbox, instance=instance)
        self.every_ns, self.lots = every_ns, lots

    cdef int on_top(self, Market market) except -1:
        self.asked += 1
        if market.top.reason or self.lane.now < self.next_at:
            return 0
        self.next_at = self.lane.now + self.every_ns
        self.aim(market, TC_BUY, market.top.bid_price)
        self.aim(market, TC_SELL, market.top.ask_price)
        return 0

    cdef int aim(self, Market market, int side, int64_t price) except -1:
        cdef quote* q = &self.quotes[side]
        cdef tc_intent* i
        if q.working:
            if q.price != price and not q.ending:
                i = self.draft(market)
                i.op, i.deadline, i.target = TC_OP_CANCEL, 0, q.id
                q.ending = True
                self.submit()
            return 0
        i = self.draft(market)
        i.side, i.price, i.quantity, i.expected_price = side, price, self.lots, price
        i.type, i.time_in_force = TC_POST_ONLY, TC_GTC
        q.id = self.id_of(self.outbox.writer.position + 1, 0, 0)
        q.price, q.working, q.ending = price, True, False
        self.submit()
        return 0

    cdef quote* of(self, const tc_order_id* id) noexcept:
        cdef int side
        for side in range(1, 3):
            if self.quotes[side].id.hi == id.hi and self.quotes[side].id.lo == id.lo:
                return &self.quotes[side]
        return NULL

    cdef int take_order(self, const tc_header* r, const tc_order_event* e) except -1:
        cdef quote* q = self.of(&e.id)
        if q != NULL and status_is_terminal(e.status):
            q.working = False
        return 0

    cdef int take_fill(self, const tc_header* r, const tc_fill* f) except -1:
        cdef quote* q = self.of(&f.id)
        if q != NULL and status_is_terminal(f.status):
            q.working = False
        return 0

    cdef int take_refused(self, const tc_header* r, const tc_refused* x) except -1:
        cdef quote* q = self.of(&x.id)
        if q != NULL and not q.ending:
            q.working = False
        return 0
