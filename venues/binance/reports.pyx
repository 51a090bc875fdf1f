"""What the venue says of orders: states, trades, and the answers to commands.

An item finds its order by client id, else by the venue's number; one with an id of our scheme and
no order here was sent before a restart and is adopted, unless it is over and all its trades are
known: then it is one that the table has let go of, and counted already. One that the table has let go
of and that trades late goes on from what it had traded. The venue counts each order of
a chain from zero, we count the chain, and each of its ids. More counted than trades told: they are
asked for, and after half a minute counted without.

A replacement is a cancel and a new order: it is refused when the old one is over. So one that the
venue calls filled or expired was not replaced, and one that it calls cancelled leaves the question
what became of the new one.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memset
from cpython.bytes cimport PyBytes_AS_STRING

from hotpath.gate cimport gate_adopt, gate_instrument, tc_gate_instrument
from hotpath.instrument cimport instrument_price, instrument_quantity
from hotpath.market cimport tc_top_slot
from hotpath.order cimport (
    TC_EFFECT_FILL_QUERY,
    TC_PENDING_CANCEL,
    TC_STATUS_CANCELED,
    TC_STATUS_EXPIRED,
    TC_STATUS_FILLED,
    TC_STATUS_NEW,
    TC_STATUS_PARTIALLY_FILLED,
    TC_STATUS_PENDING_NEW,
    order_id_instance,
    order_id_none,
    order_id_read,
    order_id_same,
    order_average,
    order_id_source,
    order_traded,
    orders_by_id,
    orders_by_venue,
    orders_new,
    orders_recover,
    tc_order,
    tc_report,
    status_is_live,
    status_is_terminal,
    trade_find,
)
from hotpath.records cimport (
    TC_BUY,
    TC_DOCUMENT,
    TC_EV_ACK,
    TC_EV_APPROVED,
    TC_EV_CANCELED,
    TC_EV_CANCEL_REJECTED,
    TC_EV_FILL,
    TC_EV_REJECT,
    TC_EV_REPLACED,
    TC_EV_REPLACE_REJECTED,
    TC_EV_STATUS,
    TC_EV_UNKNOWN,
    TC_GTC,
    TC_LIMIT,
    TC_OP_PLACE,
    TC_REASON_UNKNOWN_CODE,
    tc_intent,
    tc_order_id,
)
from hotpath.scan cimport TC_JSON_STRING, tc_value, value_scaled
from hotpath.venue cimport tc_listing
from venues.binance.assets cimport Assets
from venues.binance.codec cimport BN_TRADE, bn_is_definite, bn_item, bn_message, text
from venues.binance.entry cimport spelled
from venues.binance.others cimport Others
from venues.binance.queries cimport Queries

from hotpath.order import STATUS
from hotpath.records import Document, pack
from venues.binance import profile as rules

DEF SECOND = 1_000_000_000
FORMER = 4096
GUESS_AFTER_NS = 30 * SECOND
ASK_AGAIN_NS = 3 * SECOND
DUPLICATE = b"Duplicate order sent."


cdef bint is_duplicate(const tc_value* said):
    """The refusal of an id that is there already: the order under it lives."""
    return said.type == TC_JSON_STRING and said.p[:said.n] == DUPLICATE


cdef str spoken(const tc_value* v):
    """As the venue wrote it; "" for nothing."""
    return v.p[:v.n].decode("ascii", "replace") if v.n else ""


cdef class Reports(Queries):
    """What the venue says of orders and their trades, applied to ours."""

    def __init__(self, lane, name, outbox, *, room=4096):
        super().__init__(lane, name, outbox, room=room)
        self.symbols, self.last_trade, self.missing, self.former = {}, {}, {}, {}
        self.orphans = {}
        self.assets, self.others = Assets(), Others()

    cdef tc_order* order_of(self, const bn_item* i) except? NULL:
        """The order an item speaks of: by client id, else by the venue's number. NULL: not ours."""
        cdef tc_order_id id
        cdef tc_order* o = NULL
        number = self.number_at(i)
        if i.client_id.type == TC_JSON_STRING and order_id_read(i.client_id.p, i.client_id.n, &id):
            o = orders_by_id(&self.orders.t, id)
            if o == NULL and order_id_instance(id) == self.instance:
                # our scheme, but no such intent here: it was sent before a restart (8.4)
                if number is None or self.is_told(i, number):
                    return NULL
                self.adopt(i, id)
                o = orders_by_id(&self.orders.t, id)
            if o != NULL:
                return o
        if i.order_id and number is not None:
            o = self.order_by_number(number, i.order_id)
        return o

    cdef object number_at(self, const bn_item* i):
        """The instrument an item names, however its symbol is spelled; None: none of ours."""
        if i.symbol.type != TC_JSON_STRING:
            return None
        try:
            return self.symbols.get(text(&i.symbol))
        except ValueError:                 # no text
            return None

    cdef bint is_told(self, const bn_item* i, uint32_t instrument) except *:
        """All that the order of this item comes to is counted: it was let go of when its place was
        needed. Adopted again, its trades would be known and yet lack, and be guessed anew."""
        if i.kind == BN_TRADE:
            return trade_find(&self.orders.t, instrument, i.trade_id) != NULL or \
                self.is_past(instrument, i.trade_id)
        return status_is_terminal(i.status) and f"i{instrument}n{i.order_id}" not in self.orphans

    cdef tc_order* order_by_number(self, uint32_t instrument, uint64_t order_id) except? NULL:
        """By the venue's number, also by one that the order had before it was replaced."""
        cdef tc_order_id id
        cdef tc_order* o = orders_by_venue(&self.orders.t, instrument, order_id)
        if o == NULL and self.former:
            found = self.former.get((instrument, order_id))
            if found is not None:
                id.hi, id.lo = found
                o = orders_by_id(&self.orders.t, id)
        return o

    cdef int leave(self, tc_order* o) except -1:
        """The venue shows the replacement: from here on the order goes by its number."""
        return self.remember(o.instrument, o.venue_order_id, o.id)

    cdef int remember(self, uint32_t instrument, uint64_t order_id, tc_order_id id) except -1:
        """The number of a chain's earlier order: its trades may still be told, by number alone."""
        if order_id:
            self.former[instrument, order_id] = (id.hi, id.lo)
            if len(self.former) > FORMER:
                del self.former[next(iter(self.former))]
        return 0

    cdef int adopt(self, const bn_item* i, tc_order_id id) except -1:
        """An order of ours that this process did not send: counted and followed from now on."""
        cdef tc_intent intent
        cdef tc_report r
        cdef tc_order* o
        cdef tc_gate_instrument* t
        if i.symbol.type != TC_JSON_STRING or not i.side:
            return 0
        number = self.number_at(i)
        if number is None:
            return 0
        t = gate_instrument(&self.gate.g, number)
        memset(&intent, 0, sizeof(intent))
        if t == NULL or i.quantity.type != TC_JSON_STRING or not instrument_quantity(
                &t.spec, i.quantity.p, i.quantity.p + i.quantity.n, &intent.quantity):
            return 0
        if i.price.type == TC_JSON_STRING:
            instrument_price(&t.spec, i.price.p, i.price.p + i.price.n, &intent.price)
        intent.op, intent.side = TC_OP_PLACE, i.side
        intent.type = i.type if i.type else TC_LIMIT
        intent.time_in_force = i.time_in_force if i.time_in_force else TC_GTC
        intent.strategy, intent.venue = order_id_source(id), self.source
        o = orders_new(&self.orders.t, &intent, id, number, 0, self.lane.now)
        if o == NULL:
            return 0
        orders_recover(&self.orders.t, o)  # what it had traded before it was let go of
        memset(&r, 0, sizeof(r))
        r.type, r.cumulative = TC_EV_APPROVED, -1
        self.report(o, &r, 0, 0, 0, False)
        if status_is_live(o.status):
            gate_adopt(&self.gate.g, o, self.worst_now(o))
        self.adopted += 1
        return 0

    cdef int take_external(self, const bn_item* i, int64_t collected) except -1:
        """Said of an order that is not ours: what it has open is counted, each change is told (8.4)."""
        cdef tc_order_id id
        self.external += 1
        number = self.number_at(i)
        if number is None or (i.kind == BN_TRADE and order_id_read(i.client_id.p, i.client_id.n, &id)
                              and order_id_instance(id) == self.instance):
            return 0                       # a trade of ours once more, let go of meanwhile
        if self.others.take(&self.gate.g, number, i, collected, self.lane.now):
            self.tell_external(number, {
                "order": i.order_id, "client_id": spoken(&i.client_id),
                "side": "buy" if i.side == TC_BUY else "sell", "price": spoken(&i.price),
                "quantity": spoken(&i.quantity), "executed": spoken(&i.cumulative),
                "status": STATUS[i.status],
            })
        return 0

    cdef int tell_external(self, uint32_t instrument, dict order) except -1:
        payload = pack(Document(document={"external": order}))
        self.emit(TC_DOCUMENT, instrument, 0, PyBytes_AS_STRING(payload), <uint32_t>len(payload))
        return 0

    cdef int take_order(self, const bn_item* i, tc_order* o, int64_t collected) except -1:
        """One thing said about a known order."""
        cdef tc_report r
        cdef tc_gate_instrument* t = gate_instrument(&self.gate.g, o.instrument)
        cdef int64_t lots = -1
        cdef tc_order_id id
        cdef bint own = True, fresh        # of the id it has now; of its open replacement
        if i.kind == BN_TRADE:
            return self.fill_from(i, o)
        memset(&r, 0, sizeof(r))
        r.id = o.id
        if i.client_id.type == TC_JSON_STRING and order_id_read(i.client_id.p, i.client_id.n, &id):
            r.id = id
            own = order_id_same(id, o.id)
        fresh = not own and not order_id_none(o.replacement) and order_id_same(r.id, o.replacement)
        r.type, r.status, r.venue_time = i.event, i.status, i.time
        r.venue_order_id = i.order_id if own or (fresh and i.event == TC_EV_ACK) else 0
        r.reason, r.collected = i.code, collected
        r.cumulative = -1
        if t != NULL and i.cumulative.type == TC_JSON_STRING and not instrument_quantity(
                &t.spec, i.cumulative.p, i.cumulative.p + i.cumulative.n, &lots):
            lots = -1
        if own and lots >= 0:
            r.cumulative = lots + o.cumulative - o.here
        if fresh and i.event in (TC_EV_CANCELED, TC_EV_STATUS):
            self.move_on(o, i)             # the new one is there: the replace has happened
            return self.take_order(i, o, collected)
        if own and not order_id_none(o.replacement) and (
                i.status in (TC_STATUS_FILLED, TC_STATUS_EXPIRED) or (
                    i.event == TC_EV_STATUS and i.status in (TC_STATUS_NEW, TC_STATUS_PARTIALLY_FILLED)
                    and collected - o.sent > <int64_t>rules.absent_after_ns(self.profile))):
            self.drop_replacement(o, 0)
        if not own and not fresh:          # an id of the chain's past: only what it traded matters
            self.remember(o.instrument, i.order_id, r.id)
            return self.miss(o, r.id, lots, i)
        if i.event == TC_EV_UNKNOWN:       # a word we do not know: halt, and ask
            if t != NULL:
                t.halted = 1
            return self.ask_order(o)
        if i.event == TC_EV_REPLACED:
            return self.ask_order(o)       # amended by someone: the query says to what
        if fresh and i.event == TC_EV_ACK:
            self.leave(o)
        elif fresh and i.event == TC_EV_REJECT:
            r.successor = o.replacement    # whose end it is: the order itself lives
        effect = self.report(o, &r, 0, 0, 0, False)
        if i.status == TC_STATUS_CANCELED and i.event == TC_EV_STATUS and \
                not order_id_none(o.replacement):
            self.ask_replacement(o)        # half of a replace; what of the other half?
        if own and lots > order_traded(&self.orders.t, o, r.id):
            self.miss(o, r.id, lots, i)
        elif effect & TC_EFFECT_FILL_QUERY:
            self.ask_fills(o.instrument, spelled(o.id), o.venue_order_id)
        return 0

    cdef int move_on(self, tc_order* o, const bn_item* i) except -1:
        cdef tc_report r
        self.leave(o)
        memset(&r, 0, sizeof(r))
        r.type, r.successor, r.cumulative = TC_EV_REPLACED, o.replacement, -1
        r.venue_order_id, r.venue_time = i.order_id, i.time
        self.report(o, &r, 0, 0, 0, False)
        return 0

    cdef int drop_replacement(self, tc_order* o, int32_t reason) except -1:
        cdef tc_report r
        memset(&r, 0, sizeof(r))
        r.type, r.reason, r.cumulative, r.definite = TC_EV_REPLACE_REJECTED, reason, -1, 1
        r.successor = o.replacement        # whose end it is
        self.report(o, &r, 0, 0, 0, False)
        return 0

    cdef int fill_from(self, const bn_item* i, tc_order* o) except -1:
        cdef tc_report r
        cdef tc_gate_instrument* t = gate_instrument(&self.gate.g, o.instrument)
        cdef int64_t fee = 0, lots = 0
        cdef tc_order_id id
        memset(&r, 0, sizeof(r))
        r.type, r.trade_id, r.venue_time, r.cumulative = TC_EV_FILL, i.trade_id, i.time, -1
        r.venue_order_id = i.order_id
        if i.client_id.type == TC_JSON_STRING and order_id_read(i.client_id.p, i.client_id.n, &id):
            r.id = id
            if order_id_same(id, o.replacement):
                self.leave(o)
            if not order_id_same(id, o.id) and not order_id_same(id, o.replacement):
                r.venue_order_id = 0
        elif i.order_id != o.venue_order_id and (o.instrument, i.order_id) in self.former:
            r.id.hi, r.id.lo = self.former[o.instrument, i.order_id]
            r.venue_order_id = 0           # of the chain's past: it is not how the venue knows it now
        if t == NULL or not instrument_price(
                &t.spec, i.last_price.p, i.last_price.p + i.last_price.n, &r.price) or \
                not instrument_quantity(&t.spec, i.last_quantity.p,
                                        i.last_quantity.p + i.last_quantity.n, &r.quantity):
            if t != NULL:
                t.halted = 1               # money moved in a way we cannot count
            self.rejected += 1
            return 0
        if self.is_past(o.instrument, i.trade_id) and not self.is_missing(o, &r, i):
            self.duplicates += 1
            return 0
        if i.fee.type == TC_JSON_STRING:
            value_scaled(&i.fee, 8, &fee)
        if i.trade_id > <uint64_t>self.last_trade.get(o.instrument, 0):
            self.last_trade[o.instrument] = i.trade_id
        self.report(o, &r, 0, fee, self.assets.number(i.asset.p, i.asset.n) if i.asset.type else 0,
                    i.maker)
        if i.cumulative.type == TC_JSON_STRING and instrument_quantity(
                &t.spec, i.cumulative.p, i.cumulative.p + i.cumulative.n, &lots):
            self.miss(o, r.id if not order_id_none(r.id) else o.id, lots, i)
        if not order_id_none(o.replacement) and o.here >= o.asked:
            self.drop_replacement(o, 0)    # nothing was left of it to be cancelled
        return 0

    cdef bint is_missing(self, tc_order* o, const tc_report* r, const bn_item* i) except *:
        """The venue counts so much under the id of a trade that it cannot be among what we have."""
        cdef tc_order_id of = o.id if order_id_none(r.id) else r.id
        cdef tc_gate_instrument* t = gate_instrument(&self.gate.g, o.instrument)
        cdef int64_t lots = 0
        if i.cumulative.type != TC_JSON_STRING or not instrument_quantity(
                &t.spec, i.cumulative.p, i.cumulative.p + i.cumulative.n, &lots):
            lots = 0
        lots = max(lots, <int64_t>self.missing.get((of.hi, of.lo), (0,))[0])
        return lots - order_traded(&self.orders.t, o, of) + o.guessed >= r.quantity

    # ---- answers to commands

    cdef int refused_place(self, tc_order* o) except -1:
        """An error to a placement: rejected where that is certain, UNKNOWN where it is not (4.3)."""
        cdef bn_message* m = &self.codec.message
        cdef tc_report r
        if bn_is_definite(m.status, m.code) and not is_duplicate(&m.text):
            memset(&r, 0, sizeof(r))
            r.id, r.type, r.reason, r.cumulative = o.id, TC_EV_REJECT, <int32_t>m.code, -1
            self.report(o, &r, 0, 0, 0, False)
        elif o.status == TC_STATUS_PENDING_NEW:
            self.unknown(o, TC_REASON_UNKNOWN_CODE)
        return 0

    cdef int refused_cancel(self, tc_order_id of) except -1:
        cdef bn_message* m = &self.codec.message
        cdef tc_order* o = orders_by_id(&self.orders.t, of)
        cdef tc_report r
        if not bn_is_definite(m.status, m.code):
            if o.pending:
                self.unknown(o, TC_REASON_UNKNOWN_CODE)
            return 0
        if o.pending != TC_PENDING_CANCEL:
            return 0                       # of a cancel asked for twice: the first answer counted
        memset(&r, 0, sizeof(r))
        r.id, r.type, r.reason, r.cumulative = o.id, TC_EV_CANCEL_REJECTED, <int32_t>m.code, -1
        self.report(o, &r, 0, 0, 0, False)
        return 0

    cdef int replaced(self, tc_order_id new_id) except -1:
        """Both halves happened: the chain goes on under the new id."""
        cdef tc_order* o = orders_by_id(&self.orders.t, new_id)
        cdef tc_report r
        cdef int k
        if o != NULL and order_id_same(new_id, o.replacement):
            self.leave(o)
        memset(&r, 0, sizeof(r))
        r.type, r.successor, r.cumulative = TC_EV_REPLACED, new_id, -1
        for k in range(self.codec.message.count):
            if self.codec.items[k].half == 2:
                r.venue_order_id, r.venue_time = self.codec.items[k].order_id, self.codec.items[k].time
        self.report(o, &r, 0, 0, 0, False)
        for k in range(self.codec.message.count):
            if self.codec.items[k].half == 1 and self.codec.items[k].client_id.type:
                self.take_order(&self.codec.items[k], o, 0)   # what the old one had traded
        return 0

    cdef int refused_replace(self, tc_order_id new_id) except -1:
        """Neither half, or only the cancel."""
        cdef bn_message* m = &self.codec.message
        cdef tc_order* o = orders_by_id(&self.orders.t, new_id)
        cdef tc_report r
        cdef bint certain = bn_is_definite(m.status, m.code)
        cdef const bn_item* cancelled = NULL
        cdef const bn_item* i
        cdef int k
        for k in range(m.count):
            i = &self.codec.items[k]
            if i.half == 1 and i.event == TC_EV_CANCELED:
                cancelled = i
            elif i.half == 2:              # what became of the new order is said by its own half
                certain = certain and i.event == TC_EV_REJECT and bn_is_definite(400, i.code) \
                    and not is_duplicate(&i.what)
        if not certain:
            if o.pending:
                self.unknown(o, TC_REASON_UNKNOWN_CODE)
            return 0
        memset(&r, 0, sizeof(r))
        r.type, r.reason, r.cumulative, r.definite = (
            TC_EV_REPLACE_REJECTED, <int32_t>m.code, -1, m.code != -2022)
        r.successor = o.replacement
        self.report(o, &r, 0, 0, 0, False)
        if cancelled != NULL:
            self.take_order(cancelled, o, 0)
        return 0

    # ---- trades that are missing (5.6)

    cdef int miss(self, tc_order* o, tc_order_id of, int64_t lots, const bn_item* i) except -1:
        """The venue counts `lots` under an id; more than its trades have told: ask for them, and
        remember since when and what it says they came to in money."""
        cdef int64_t quote = 0
        cdef uint64_t number = i.order_id
        if lots <= order_traded(&self.orders.t, o, of):
            return 0
        if not number and order_id_same(of, o.id):
            number = o.venue_order_id
        key = (of.hi, of.lo)
        most, since, due, money, _ = self.missing.get(key, (0, self.lane.now, 0, 0, 0))
        if lots >= most:
            money = 0
            if i.quote.type == TC_JSON_STRING and value_scaled(&i.quote, 8, &quote) and quote > 0:
                money = quote
        self.missing[key] = (max(lots, most), since, self.lane.now + ASK_AGAIN_NS, money, number)
        self.ask_fills(o.instrument, spelled(of), number)
        return 0

    cdef int keep_looking(self, tc_order* o) except -1:
        """A guess of an earlier life: its trades are still to be found."""
        self.missing.setdefault((o.id.hi, o.id.lo),
                                (o.here, self.lane.now, self.lane.now, 0, o.venue_order_id))
        return 0

    cdef int find_missing(self) except -1:
        """Ask again for trades that are missing; after GUESS_AFTER_NS count them without (5.6), and
        go on asking until they have taken the guess's place."""
        cdef tc_order* o
        cdef tc_order_id of
        cdef int64_t lack
        for key, (lots, since, due, money, number) in list(self.missing.items()):
            of.hi, of.lo = key
            o = orders_by_id(&self.orders.t, of)
            lack = lots - order_traded(&self.orders.t, o, of) if o != NULL else 0
            if o == NULL or (lack <= 0 and o.guessed == 0):
                del self.missing[key]
            elif lack > 0 and self.lane.now - since >= GUESS_AFTER_NS:
                self.guess(o, of, lack, money)
                self.missing[key] = (lots, since, self.lane.now + GUESS_AFTER_NS, money, number)
            elif self.lane.now >= due and self.state in ("reconciling", "ready"):
                again = GUESS_AFTER_NS if o.guessed else ASK_AGAIN_NS
                self.missing[key] = (lots, since, self.lane.now + again, money, number)
                self.latest.pop("f" + spelled(of), None)   # that answer was lost
                self.ask_fills(o.instrument, spelled(of), number)
        return 0

    cdef int guess(self, tc_order* o, tc_order_id of, int64_t lack, money) except -1:
        """Book what is missing under an id: at the average of the money that the venue names, else at the
        order's own limit, else (a market order has none) at the middle of what the gate saw last.
        Without any of them its worth is not known, and the instrument is halted."""
        cdef tc_gate_instrument* t = gate_instrument(&self.gate.g, o.instrument)
        cdef int64_t price = o.guessed_price if o.guessed else 0
        cdef tc_top_slot seen
        cdef tc_listing* l = &self.listings[self.listing_of[o.instrument]]
        cdef object tick, lot, scale, known
        if price <= 0 and t != NULL and money and o.moves == 0:   # of a chain it counts each alone
            tick, lot, known = t.spec.tick, t.spec.lot, order_average(o)
            scale = t.spec.price_scale + t.spec.quantity_scale
            unit = tick * lot * 10**8                  # a tick times a lot is this / 10^scale
            left = money * 10**scale - known * o.cumulative * unit // 10**8
            lots = unit * lack
            found = (left + lots // 2) // lots
            if 0 < found < 2**62:
                price = found
        if price <= 0:
            price = o.price
        if price <= 0 and l.views and self.lane.read_slot(l.view[0].slot, &seen, sizeof(seen)) \
                and seen.top.reason == 0 and seen.top.bid_price > 0:
            price = (seen.top.bid_price + seen.top.ask_price) // 2
        if price <= 0 and t != NULL:
            t.halted = 1
        self.guesses += 1
        return self.book_guess(o, of, o.cumulative + lack, price)
