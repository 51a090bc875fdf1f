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
    TC_STATUS_REJECTED,
    order_id_none,
    order_id_read,
    order_id_same,
    orders_by_id,
    status_is_live,
    tc_order,
    tc_report,
)
from hotpath.records cimport (
    TC_EV_ABSENT,
    TC_EV_CANCELED,
    TC_EV_REPLACED,
    TC_EV_STATUS,
    tc_order_id,
)
from hotpath.scan cimport TC_JSON_STRING
from venues.binance.codec cimport BN_ORDER, bn_item
from venues.binance.entry cimport spelled
from venues.binance.reports cimport Reports

from venues.binance import profile as rules
from venues.binance.pages import Walk

ARCHIVED = -2026
HISTORY_PATIENCE_NS = 10_000_000_000        # a page without an answer for so long is lost


cdef class Absence(Reports):
    """The proof that an order never arrived."""

    cdef int64_t last_word(self, tc_order* o) noexcept:
        """When the venue last said something of it; its sending, while nobody has seen it there.

        What we ask again and again meanwhile (a kill cancels each second) and its refusals say
        nothing of the placement: counted as words, they would keep its absence unproven for ever.
        """
        if o.status == TC_STATUS_PENDING_NEW and o.facts & TC_FACT_UNKNOWN_PLACE:
            return o.created
        return o.touched

    cdef int not_found(self, tc_order* o, tc_order_id of, int64_t asked) except -1:
        """The venue knows no such order: one answer of the several that absence needs (4.6)."""
        cdef int64_t least = rules.absent_after_ns(self.profile)
        cdef tc_report r
        if asked <= self.last_word(o):
            return 0                       # asked before the last word about it: no information
        if not order_id_none(o.replacement) and order_id_same(of, o.replacement):
            # asked for only once the old one was seen cancelled: then nothing is left
            if o.absences == 0:
                o.first_absent = self.lane.now
            o.absences += 1
            if o.absences >= <uint32_t>rules.ABSENT_QUERIES and \
                    self.lane.now - o.first_absent >= least:
                self.drop_replacement(o, 0)    # and with it the chain, unless we missed the cancel
                if status_is_live(o.status):
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
            self.read_history(o)
        return 0

    cdef int put_away(self, tc_order* o, tc_order_id of, int64_t asked) except -1:
        """The venue has archived it: cancelled or expired long ago, with nothing executed under that
        id. Where trades of it are counted here, one of the two is wrong."""
        cdef tc_report r
        if asked <= self.last_word(o):
            return 0                       # asked before the last word about it: no information
        memset(&r, 0, sizeof(r))
        r.cumulative = -1
        if not order_id_none(o.replacement) and order_id_same(of, o.replacement):
            r.type, r.successor = TC_EV_REPLACED, of   # it was there: the replace had happened
            self.report(o, &r, 0, 0, 0, False)
            memset(&r, 0, sizeof(r))
        if not status_is_live(o.status) or not order_id_same(of, o.id):
            return 0
        r.id, r.reason, r.collected = of, ARCHIVED, asked
        r.cumulative = o.cumulative - o.here
        r.type = TC_EV_CANCELED
        if o.here:
            r.type, r.status = TC_EV_STATUS, TC_STATUS_REJECTED
        self.report(o, &r, 0, 0, 0, False)
        return 0

    cdef int read_history(self, tc_order* o) except -1:
        """From a minute before the order was made to the end, unless that is under way already."""
        key = "h" + spelled(o.id)
        way = self.walks.get(key)
        if way is None or self.lane.now - way.turned > HISTORY_PATIENCE_NS:
            self.walk(key, Walk("allOrders", self.instruments[o.instrument].symbol, self.lane.now,
                                start_ms=max(0, o.created // 1_000_000 - 60_000)))
        return 0

    cdef int take_history(self, str key, tc_order_id of, int64_t asked, bint latest) except -1:
        """A page of the last class of endpoint: an order that stands on none of them is absent."""
        cdef tc_order* o = orders_by_id(&self.orders.t, of)
        cdef tc_report r
        cdef tc_order_id id
        cdef bn_item* i
        cdef int k
        way = self.walks.get(key)
        for k in range(self.codec.message.count):
            i = &self.codec.items[k]
            if i.kind == BN_ORDER and i.client_id.type == TC_JSON_STRING and order_id_read(
                    i.client_id.p, i.client_id.n, &id) and order_id_same(id, of):
                self.walks.pop(key, None)
                return self.take_order(i, o, asked)
        if way is None or not latest or self.turn_page(key):
            return 0                       # more to come, or pages that are no whole
        if way.asked <= self.last_word(o):
            return 0                       # the first of them was asked before the last word
        memset(&r, 0, sizeof(r))
        r.id, r.type, r.cumulative = of, TC_EV_ABSENT, -1
        self.report(o, &r, 0, 0, 0, False)
        return 0
