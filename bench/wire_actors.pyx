"""What the wire bench runs: a strategy that answers every top, and who ends its orders.

`Ender` stands for the exchange's reports: the bench server says nothing about an order, and a gate
with thousands of open ones measures something else. It follows the same market behind the strategy:
when it is called the order has left (a submitted order is sent before `submit` returns), so it never
lies between a tick and its order; nor does a copy of the record of the order for it.
`Echo` is the floor over TLS: a compiled client that parses nothing.
"""

from libc.string cimport memcpy, memset
from picows.picows cimport WSFrame, WSListener, WSMsgType, WSTransport

from hotpath.market cimport Market
from hotpath.order cimport order_id_pack, orders_by_id, tc_order, tc_report
from hotpath.records cimport TC_BUY, TC_EV_EXPIRED, tc_intent
from hotpath.strategy cimport Strategy
from hotpath.venue cimport Venue


cdef class Taker(Strategy):
    """One IOC order at the best ask for each change of a valid top."""

    def __init__(self, lane, name, outbox, *, int64_t lots=100, instance=0):
        super().__init__(lane, name, outbox, instance=instance)
        self.lots = lots
        self.wants = 0

    cdef int on_top(self, Market market) except -1:
        cdef tc_intent* i
        if market.top.reason:
            return 0
        i = self.draft(market)
        i.side, i.price, i.quantity = TC_BUY, market.top.ask_price, self.lots
        i.expected_price = i.price
        return 0 if self.submit() >= 0 else -1


cdef class Ender(Strategy):
    """Ends the order made last as expired, once it has left."""

    def __init__(self, lane, name, outbox, *, Venue venue, Strategy taker):
        super().__init__(lane, name, outbox)
        self.venue, self.taker = venue, taker
        self.wants = 0

    cdef int on_top(self, Market market) except -1:
        cdef tc_order* o = orders_by_id(
            &self.venue.orders.t,
            order_id_pack(self.venue.instance, self.taker.source,
                          self.taker.outbox.writer.position, 0, 0))
        cdef tc_report end
        if o == NULL:
            return 0
        memset(&end, 0, sizeof(end))
        end.id, end.type, end.cumulative = o.id, TC_EV_EXPIRED, 0
        self.venue.report(o, &end, 0, 0, 0, False)
        self.ended += 1
        return 0


cdef class Echo(WSListener):
    """Answers every frame with one constant text."""

    cdef char room[1024]
    cdef bytes text
    cdef object on_end

    def __init__(self, bytes text, on_end):
        self.text = text
        self.on_end = on_end

    cpdef on_ws_frame(self, WSTransport transport, WSFrame frame):
        cdef size_t n = len(self.text)
        memcpy(self.room + 64, <const char*>self.text, n)
        transport.send_reuse_external_buffer(WSMsgType.TEXT, self.room + 64, n)

    cpdef on_ws_disconnected(self, WSTransport transport):
        self.on_end()
