"""The proof that an order never arrived (reliability.md 4.6): answers, time, and the history.

"No such order" counts once for each question, and only when it was asked after the last word about
the order. Five such answers over ten seconds or more, and a history of the venue in which the order
does not stand, end it as REJECTED(absent); nothing less does.
"""

from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memset

from hotpath.gate cimport gate_instrument
from hotpath.order cimport (
    TC_FACT_UNKNOWN_PLACE,
    TC_STATUS_PENDING_NEW,
    order_id_none,
    order_id_read,
    order_id_same,
    orders_by_id,
    status_is_live,
    tc_order,
    tc_report,
)
from hotpath.records cimport TC_EV_ABSENT, TC_EV_CANCELED, tc_order_id
from hotpath.scan cimport TC_JSON_STRING
from venues.binance.codec cimport BN_ORDER, bn_item
from venues.binance.entry cimport spelled
from venues.binance.reports cimport Reports

from venues.binance import profile as rules

DEF PAGE = 1000


cdef class Absence(Reports):
    """The proof that an order never arrived."""

    cdef int not_found(self, tc_order* o, tc_order_id of, int64_t asked) except -1:
        """The venue knows no such order: one answer of the several that absence needs (4.6)."""
        cdef int64_t least = rules.absent_after_ns(self.profile)
        cdef tc_report r
        if asked <= o.touched:
            return 0                       # asked before the last word about it: no information
        if not order_id_none(o.replacement) and order_id_same(of, o.replacement):
            # asked for only once the old one was seen cancelled: then nothing is left
            if o.absences == 0:
                o.first_absent = self.lane.now
            o.absences += 1
            if o.absences >= <uint32_t>rules.ABSENT_QUERIES and \
                    self.lane.now - o.first_absent >= least:
                self.drop_replacement(o, 0)
                memset(&r, 0, sizeof(r))
                r.type, r.cumulative = TC_EV_CANCELED, -1
                self.report(o, &r, 0, 0, 0, False)
            return 0
        if o.status != TC_STATUS_PENDING_NEW or not o.facts & TC_FACT_UNKNOWN_PLACE:
            if status_is_live(o.status) and o.pending == 0 and o.evidence == 0:
                gate_instrument(&self.gate.g, o.instrument).halted = 1   # it was there before
            return 0
        if o.absences == 0:
            o.first_absent = self.lane.now
        o.absences += 1
        if o.absences >= <uint32_t>rules.ABSENT_QUERIES and self.lane.now - o.first_absent >= least:
            id = spelled(o.id)
            self.inquire("h" + id, "allOrders", {
                "symbol": self.instruments[o.instrument].symbol, "limit": PAGE,
                "startTime": max(0, o.created // 1_000_000 - 60_000)})
        return 0

    cdef int take_history(self, tc_order_id of, int64_t asked) except -1:
        """The last class of endpoint: when the order is not here either, it is absent."""
        cdef tc_order* o = orders_by_id(&self.orders.t, of)
        cdef tc_report r
        cdef tc_order_id id
        cdef bn_item* i
        cdef int k
        if asked <= o.touched:
            return 0
        for k in range(self.codec.message.count):
            i = &self.codec.items[k]
            if i.kind == BN_ORDER and i.client_id.type == TC_JSON_STRING and order_id_read(
                    i.client_id.p, i.client_id.n, &id) and order_id_same(id, of):
                return self.take_order(i, o, asked)
        if self.codec.message.listed >= PAGE:
            return 0                       # a full page proves nothing
        memset(&r, 0, sizeof(r))
        r.id, r.type, r.cumulative = of, TC_EV_ABSENT, -1
        self.report(o, &r, 0, 0, 0, False)
        return 0
