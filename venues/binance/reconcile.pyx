"""Comparing everything with the venue: at the start, after each reconnect, and periodically.

The gate opens only when the venue and we agree (reliability.md 8.1): subscribed first, then open
orders, trades and balances, then a query for each order of ours that is not among them. Reports that
arrive meanwhile are applied at once: an order's state does not depend on their order, so buffering
them would change nothing. An answer counts only if its question was asked after the comparison began.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

import orjson

from hotpath.order cimport (
    TC_STATUS_INTENT,
    order_id_none,
    order_id_read,
    order_id_same,
    status_is_live,
    tc_order,
    trade_find,
)
from hotpath.records cimport tc_order_id
from venues.binance.absence cimport Absence
from venues.binance.codec cimport BN_ORDER, BN_TRADE, bn_item, bn_message
from venues.binance.entry cimport spelled
from venues.binance.queries cimport Queries

from venues.binance.pages import PAGE, Walk

DEF SECOND = 1_000_000_000
SECOND_LOOK_NS = 2 * SECOND
ORPHANS = 10_000
ORPHAN_PATIENCE_NS = 10 * SECOND


cdef class Reconciliation(Absence):
    """All that is compared with the venue, at first and from time to time."""

    def __init__(self, lane, name, outbox, *, room=4096):
        super().__init__(lane, name, outbox, room=room)
        self.outstanding = set()

    cdef int lost(self, int reason) except -1:
        self.outstanding.clear()
        # whose orders were asked for and not told
        self.orphans = {key: found for key, found in self.orphans.items() if not found[2]}
        return Queries.lost(self, reason)

    cdef int go_on(self) except -1:
        if self.stalled:
            self.heard = self.lane.now     # it waits for the budget, not for a lost answer
        return Queries.go_on(self)

    def reconcile(self):
        """Compare everything anew. Without a connection that tells our orders there is nothing to do
        now: each begins with a comparison."""
        if self.state in ("reconciling", "ready"):
            self.begin_comparison()

    def begin_comparison(self):
        """Compare everything; the gate is closed until it agrees."""
        cdef int k
        self.set_reconciled(False)
        self.state = "reconciling"
        self.outstanding.clear()
        self.unasked = False
        self.began = self.heard = self.lane.now
        for k in range(<int>self.orders.t.room):
            if self.orders.t.orders[k].used and self.orders.t.orders[k].guessed > 0:
                self.keep_looking(&self.orders.t.orders[k])
        oldest = self.lane.now if self.since == 0 else self.since
        for k in range(<int>self.orders.t.room):
            if self.orders.t.orders[k].used and status_is_live(self.orders.t.orders[k].status):
                oldest = min(oldest, self.orders.t.orders[k].created)
        start_ms = max(0, oldest // 1_000_000 - 60_000)
        names = []
        for k in range(self.listing_count):
            number = self.listings[k].instrument
            symbol = self.instruments[number].symbol
            names.append(symbol)
            self.expect(f"o{number}", "openOrders.status", {"symbol": symbol})
            self.outstanding.add(f"t{number}")
            if not self.walk(f"t{number}", Walk("myTrades", symbol, self.lane.now,
                                                start_ms=start_ms)):
                self.unasked = True
        if names:
            self.expect("e", "exchangeInfo", {"symbols": names})
        self.expect("b", "account.status", {"omitZeroBalances": False})

    def expect(self, str key, str method, dict params):
        """Ask, and let the comparison wait for the answer."""
        self.outstanding.add(key)
        if not self.inquire(key, method, params):
            self.unasked = True

    cdef retry_at(self, str id):
        """A failed lookup is no information (8.7): all is asked again after a while."""
        self.full_due = min(self.full_due, self.lane.now + SECOND) if self.full_due else \
            self.lane.now + SECOND

    cdef compare_open(self, str id, int64_t asked):
        """Live orders of ours that the list does not show are asked for one by one."""
        cdef uint32_t k
        cdef tc_order* o
        cdef tc_order_id shown
        cdef int j
        cdef uint32_t number = int(id[1:])
        cdef bint there
        for k in range(self.orders.t.room):
            o = &self.orders.t.orders[k]
            if not o.used or o.instrument != number:
                continue
            if not status_is_live(o.status):
                if not order_id_none(o.replacement):
                    self.ask_replacement(o)    # it ended before the answer to its replace came
                continue
            if o.touched >= asked or o.sent >= asked or o.status == TC_STATUS_INTENT:
                continue                   # it changed after the list was asked for
            there = False
            for j in range(self.codec.message.count):
                if self.codec.items[j].kind == BN_ORDER and order_id_read(
                        self.codec.items[j].client_id.p, self.codec.items[j].client_id.n,
                        &shown) and order_id_same(shown, o.id):
                    there = True
                    break
            if not there and self.ask_order(o) and self.state == "reconciling":
                self.outstanding.add("q" + spelled(o.id))

    cdef finish(self):
        """All answers are here: the gate opens."""
        if self.state != "reconciling" or self.outstanding:
            return
        self.state = "ready"
        self.since = self.began
        self.connected_well()
        self.plan()
        self.set_reconciled(True)

    cdef take_trades(self, str id, int64_t asked, bint waited, bint latest):
        """A page of myTrades: of a listing (`t`) or of an order (`f`). A comparison waits for the
        last page, and starts again when one does not continue the other."""
        cdef int k, n = self.codec.message.count, more
        cdef bn_item* i
        cdef uint64_t highest = 0
        for k in range(n):
            i = &self.codec.items[k]
            if i.kind == BN_TRADE:
                highest = max(highest, i.trade_id)
                if not self.is_past(self.number_at(i) or 0, i.trade_id):
                    self.take_trade(id, i)
        if self.codec.message.listed < PAGE:
            # what is still missing after the new ones is the latest of the old ones
            for k in range(n - 1, -1, -1):
                i = &self.codec.items[k]
                if i.kind == BN_TRADE and self.is_past(self.number_at(i) or 0, i.trade_id):
                    self.take_trade(id, i)
        more = self.turn_page(id) if latest else 0
        if more == 2:
            self.begin_again()
        elif not latest and asked and id[:1] == "t" and self.codec.message.listed >= PAGE \
                and id not in self.walks:
            # a full page of the HTTP side: the rest of it by this connection
            self.walk(id, Walk("myTrades", self.instruments[int(id[1:])].symbol, self.lane.now,
                               last=highest))
        if waited and latest and not more:
            self.outstanding.discard(id)
            self.finish()

    cdef int take_trade(self, str id, const bn_item* i) except -1:
        cdef tc_order* o = self.order_of(i)
        if o != NULL:
            self.fill_from(i, o)
        elif id[:1] == "t":
            self.remember_orphan(i)
        return 0

    cdef begin_again(self):
        """Pages that are no whole prove nothing (8.2): all of it once more, soon."""
        self.unasked = True
        self.fills_due = min(self.fills_due, self.lane.now + SECOND)

    cdef take_listed(self, str id, int64_t asked, bint latest):
        """A page of allOrders that the HTTP side began; its orders are taken already."""
        cdef bn_message* m = &self.codec.message
        if latest:
            self.turn_page(id)
        elif asked and m.listed >= PAGE and id not in self.walks and \
                self.codec.items[m.count - 1].kind == BN_ORDER:
            self.walk(id, Walk("allOrders", self.instruments[int(id[1:])].symbol, self.lane.now,
                               last=self.codec.items[m.count - 1].order_id))

    cdef remember_orphan(self, const bn_item* i):
        """A trade that is not known, of an order we do not know: ask whose it is, until it is told."""
        number = self.number_at(i)
        if number is None or trade_find(&self.orders.t, number, i.trade_id) != NULL or \
                self.is_past(number, i.trade_id):
            return
        key = f"i{number}n{i.order_id}"
        found = self.orphans.get(key)
        if found is not None and (not found[2] or self.lane.now - found[2] < ORPHAN_PATIENCE_NS):
            return
        if not self.inquire(key, "order.status", {"symbol": self.instruments[number].symbol,
                                                  "orderId": i.order_id}):
            if self.state == "reconciling":
                self.unasked = True
            return
        self.orphans[key] = (number, i.order_id, self.lane.now)
        if len(self.orphans) > ORPHANS:
            del self.orphans[next(iter(self.orphans))]
        if self.state == "reconciling":
            self.outstanding.add(key)

    cdef place_orphans(self, str id):
        """The order of a trade is known now: ours are adopted, and their trades asked for."""
        found = self.orphans.get(id)
        if found is None:
            return
        number, order_id, _ = found
        self.orphans[id] = (number, order_id, 0)
        if self.order_by_number(number, order_id) != NULL:
            self.ask_fills(number, f"o{number}n{order_id}", order_id)

    cdef read_metadata(self):
        """exchangeInfo: which instruments trade, and whether their tick and lot are still ours.

        One that trades in other steps than ours is halted: its orders would be refused or, worse,
        mean something else.
        """
        listed = orjson.loads(self.raw[:self.raw_bytes])["result"].get("symbols", ())
        for found in listed:
            number = self.symbols.get(found.get("symbol"))
            if number is None:
                continue
            steps = {f.get("filterType"): f for f in found.get("filters", ())}
            spec = self.instruments[number]
            try:
                same = (spec.price(steps["PRICE_FILTER"]["tickSize"]) == 1
                        and spec.quantity(steps["LOT_SIZE"]["stepSize"]) == 1)
            except (KeyError, ValueError):
                same = False
            self.confirm_status(number, found.get("status") == "TRADING" and same)

    # ---- from time to time (8.6)

    cdef plan(self):
        s = self.settings
        self.orders_due = self.lane.now + s.reconcile_s * SECOND
        self.fills_due = self.lane.now + s.fills_s * SECOND
        self.balances_due = self.lane.now + s.balances_s * SECOND
        self.full_due = self.lane.now + s.full_s * SECOND
        self.second_due = self.lane.now + SECOND_LOOK_NS

    cdef compare(self):
        """What is due of the periodic comparisons."""
        cdef int k
        cdef int64_t now = self.lane.now
        if self.state == "reconciling":
            if now >= self.silent_until and not self.stalled and (
                    now - self.heard > 10 * SECOND or
                    (self.unasked and now - self.began > SECOND)):
                self.reconcile()           # a question did not leave, or its answer was lost
            return
        if self.state != "ready" or now < self.silent_until:
            return
        if now >= self.full_due:
            names = [self.instruments[self.listings[k].instrument].symbol
                     for k in range(self.listing_count)]
            if names:
                self.inquire("e", "exchangeInfo", {"symbols": names})
            self.full_due = now + self.settings.full_s * SECOND
            self.fills_due = self.balances_due = 0
        if self.has_rest and now >= self.second_due:
            self.second_due = now + self.settings.full_s * SECOND
            self.ask_second()
        if now >= self.orders_due:
            self.orders_due = now + self.settings.reconcile_s * SECOND
            for k in range(self.listing_count):
                number = self.listings[k].instrument
                self.inquire(f"o{number}", "openOrders.status",
                             {"symbol": self.instruments[number].symbol})
        if now >= self.fills_due:
            self.fills_due = now + self.settings.fills_s * SECOND
            start_ms = max(0, (now - 2 * self.settings.fills_s * SECOND) // 1_000_000)
            for k in range(self.listing_count):
                number = self.listings[k].instrument
                way = self.walks.get(f"t{number}")
                if way is None or now - way.turned > 10 * SECOND:   # else the last is under way
                    self.walk(f"t{number}", Walk(
                        "myTrades", self.instruments[number].symbol, now, start_ms=start_ms))
        if now >= self.balances_due:
            self.balances_due = now + self.settings.balances_s * SECOND
            self.inquire("b", "account.status", {"omitZeroBalances": False})
