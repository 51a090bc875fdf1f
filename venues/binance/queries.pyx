"""Questions about orders: whose reply did not come, whose state is not known, whose trades lack.

An order whose outcome is unknown is asked for at the times of reliability.md 4.5, on the socket and
on the venue's HTTP side in turn. Nothing is ever sent a second time but cancels.
"""

from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from hotpath.order cimport (
    TC_FACT_UNKNOWN_PLACE,
    TC_STATUS_PENDING_NEW,
    TC_UNKNOWN,
    status_is_live,
    tc_order,
)
from hotpath.records cimport (
    TC_ASK_QUERY,
    TC_ASK_RECONCILE,
    TC_REASON_TIMEOUT,
    TC_REQUEST,
    tc_request,
)
from venues.binance.codec cimport BN_ORDER, BN_TRADE, bn_message
from venues.binance.entry cimport Entry, spelled
from venues.binance.session cimport Session

from venues.binance import profile as rules
from venues.binance.pages import Walk

DEF TICK_NS = 50_000_000
SECOND_LOOK_BACK_NS = 60_000_000_000


cdef class Queries(Entry):
    """What is asked of the venue about an order, and when."""

    def __cinit__(self):
        self.watch_room = 8192
        self.watch = <int*>calloc(self.watch_room, sizeof(int))
        if self.watch == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.watch)

    def __init__(self, lane, name, outbox, *, room=4096):
        super().__init__(lane, name, outbox, room=room)
        self.walks, self.stalled = {}, set()

    cdef int lost(self, int reason) except -1:
        self.walks.clear()
        self.stalled.clear()
        return Session.lost(self, reason)

    # ---- listings, page by page

    def walk(self, str key, way):
        """Read a listing to its end under `key`; False when its first page could not be asked."""
        self.walks[key] = way
        self.stalled.discard(key)
        return self.inquire(key, way.method, way.question(self.lane.now))

    cdef int turn_page(self, str key) except -1:
        """The page in the codec belongs to `key`'s listing. 1: more is to come; 0: that was all,
        or no such listing is read; 2: it is no continuation, and the listing is given up."""
        cdef bn_message* m = &self.codec.message
        cdef int k
        way = self.walks.get(key)
        if way is None:
            return 0
        wanted = BN_TRADE if way.method == "myTrades" else BN_ORDER
        numbers = [self.codec.items[k].trade_id if wanted == BN_TRADE else
                   self.codec.items[k].order_id
                   for k in range(m.count) if self.codec.items[k].kind == wanted]
        said = way.take(numbers, m.listed)
        if said == "more":
            if not self.inquire(key, way.method, way.question(self.lane.now)):
                self.stalled.add(key)
            return 1
        del self.walks[key]
        return 0 if said == "end" else 2

    cdef int go_on(self) except -1:
        """Pages that a full budget or a ban kept back."""
        for key in sorted(self.stalled):
            way = self.walks[key]
            if not self.inquire(key, way.method, way.question(self.lane.now)):
                break
            self.stalled.discard(key)
        return 0

    # ---- orders

    cdef int want_query(self, tc_order* o) except -1:
        """Watch this order: for its reply, or, when its state is not known, to ask for it."""
        cdef int64_t due
        if o.evidence == TC_UNKNOWN:
            if o.first_query == 0:
                o.first_query = self.lane.now
                o.queries = 0
            due = o.first_query + <int64_t>rules.query_delay_ns(o.queries)
        else:
            o.first_query = 0
            due = self.lane.now + self.timeout_ns
        if o.query_due == 0:
            if self.watched == self.watch_room:
                return 0                   # the periodic comparison finds it
            self.watch[self.watched] = <int>(o - self.orders.t.orders)
            self.watched += 1
        o.query_due = due
        return 0

    cdef int sweep(self) except -1:
        """Orders that wait: replies that did not come, queries that are due."""
        cdef int k = 0
        cdef tc_order* o
        while k < self.watched:
            o = &self.orders.t.orders[self.watch[k]]
            if not o.used or o.query_due == 0 or not status_is_live(o.status) or (
                    o.evidence != TC_UNKNOWN and o.status != TC_STATUS_PENDING_NEW
                    and not o.pending):
                o.query_due = o.first_query = 0
                self.watched -= 1
                self.watch[k] = self.watch[self.watched]
                continue
            if o.query_due <= self.lane.now:
                # a refused cancel is a doubt of its own: whether the placement arrived is another
                if o.evidence != TC_UNKNOWN or (o.status == TC_STATUS_PENDING_NEW and
                                                not o.facts & TC_FACT_UNKNOWN_PLACE):
                    self.unknown(o, TC_REASON_TIMEOUT)
                else:
                    asked = self.ask_order(o)
                    if self.has_rest and (not asked or o.queries % 3 == 2):
                        asked = self.ask_rest(o)   # a second source, or the only one
                    if asked:
                        o.queries += 1
                    o.query_due = max(self.lane.now + TICK_NS,
                                      o.first_query + <int64_t>rules.query_delay_ns(o.queries))
            k += 1
        return 0

    cdef int ask_order(self, tc_order* o) except -1:
        """Ask for one order by its client id."""
        if self.state not in ("reconciling", "ready"):
            return 0
        id = spelled(o.id)
        symbol = self.instruments[o.instrument].symbol
        if self.inquire("q" + id, "order.status", {"symbol": symbol, "origClientOrderId": id}):
            self.queries_sent += 1
            return 1
        return 0

    cdef int ask_replacement(self, tc_order* o) except -1:
        id = spelled(o.replacement)
        return self.inquire("q" + id, "order.status", {
            "symbol": self.instruments[o.instrument].symbol, "origClientOrderId": id})

    cdef int ask_rest(self, tc_order* o) except -1:
        """The same question to the venue's HTTP side, which has a connection of its own."""
        cdef tc_request q
        memset(&q, 0, sizeof(q))
        q.id, q.type = o.id, TC_ASK_QUERY
        self.emit(TC_REQUEST, o.instrument, o.cause, &q, sizeof(q))
        return 1

    cdef int ask_second(self) except -1:
        """A second source beside the socket (8.6): orders, trades and balances by HTTP."""
        cdef tc_request q
        memset(&q, 0, sizeof(q))
        q.type, q.since = TC_ASK_RECONCILE, max(0, self.lane.now - SECOND_LOOK_BACK_NS)
        self.emit(TC_REQUEST, 0, 0, &q, sizeof(q))
        return 0

    def ask_fills(self, int instrument, str id, order_id):
        """The trades of one order (5.6); without the venue's number, of its instrument."""
        if "f" + id in self.latest:
            return
        symbol, now = self.instruments[instrument].symbol, self.lane.now
        if order_id:
            self.walk("f" + id, Walk("myTrades", symbol, now, order_id=order_id))
        else:
            self.walk("f" + id, Walk("myTrades", symbol, now,
                                     start_ms=max(0, now // 1_000_000 - 600_000)))
