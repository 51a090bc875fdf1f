"""Binance spot: orders, cancels, queries and user data on one WebSocket API connection.

Sans-I/O: frames, timers and links come in, texts go out. A request's id says what it was for and for
which order (`p` and 22 digits: the placement of that order), so a reply finds its order without a
table. After a logon (Ed25519) a placement is a prepared text completed in place; with an HMAC key
every request is signed on its own, on the cold side of the language.

The gate opens only when the venue and we agree (reliability.md 8.1): subscribed first, then open
orders, trades and balances, then a query for each order of ours that is not among them. Reports that
arrive meanwhile are applied at once: an order's state does not depend on their order, so buffering
them would change nothing. A connection that ends closes the gate and makes every command without an
answer UNKNOWN; nothing is ever sent a second time but cancels.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset

import orjson

from hotpath.gate cimport gate_adopt, gate_instrument, tc_gate_instrument
from hotpath.instrument cimport Instrument, instrument_price, instrument_quantity
from hotpath.order cimport (
    TC_EFFECT_APPLIED,
    TC_EFFECT_FILL_QUERY,
    TC_EFFECT_MASK,
    TC_FACT_UNKNOWN_PLACE,
    TC_PENDING_CANCEL,
    TC_STATUS_CANCELED,
    TC_STATUS_INTENT,
    TC_STATUS_NEW,
    TC_STATUS_PENDING_NEW,
    TC_UNKNOWN,
    order_id_attempt,
    order_id_instance,
    order_id_none,
    order_id_read,
    order_id_same,
    order_id_source,
    order_id_write,
    orders_by_id,
    orders_by_venue,
    orders_new,
    status_is_live,
    status_is_terminal,
    tc_order,
    tc_report,
)
from hotpath.records cimport (
    TC_ASK_QUERY,
    TC_ASK_RECONCILE,
    TC_BUY,
    TC_DOCUMENT,
    TC_EV_ABSENT,
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
    TC_FOK,
    TC_GTC,
    TC_IOC,
    TC_LIMIT,
    TC_LINK_CLOSED,
    TC_LINK_OPEN,
    TC_MARKET,
    TC_OP_PLACE,
    TC_POST_ONLY,
    TC_REASON_DISCONNECT,
    TC_REASON_TIMEOUT,
    TC_REASON_UNKNOWN_CODE,
    TC_REQUEST,
    tc_balance,
    tc_header,
    tc_intent,
    tc_order_id,
    tc_request,
)
from hotpath.scan cimport TC_JSON_STRING, tc_value, value_scaled
from hotpath.template cimport lay_out, template_write
from hotpath.venue cimport Venue
from venues.binance.codec cimport (
    BN_BALANCE,
    BN_CHANGE,
    BN_ERROR,
    BN_EVENT,
    BN_ORDER,
    BN_REJECTED,
    BN_REPLY,
    BN_SESSION,
    BN_SHUTDOWN,
    BN_STREAM_ENDED,
    BN_SUBSCRIBED,
    BN_TRADE,
    Codec,
    bn_is_definite,
    bn_item,
    bn_message,
)

from hotpath.order import read_id, spell_id
from hotpath.template import ID, REQUEST, TIME
from venues.binance import profile as rules
from venues.binance.request import WINDOW_MS, placement
from venues.binance.settings import Settings
from venues.binance.sign import signed_params, signer

DEF ORDERS = 0                             # the only connection
DEF TICK_NS = 50_000_000
DEF SECOND = 1_000_000_000
DEF TICK = 1
DEF PAGE = 1000
GUESS_AFTER_NS = 30 * SECOND
ASK_AGAIN_NS = 3 * SECOND
SECOND_LOOK_NS = 2 * SECOND
SECOND_LOOK_BACK_NS = 60 * SECOND
WEIGHTS = {"order.status": 4, "openOrders.status": 6, "myTrades": 20, "allOrders": 20,
           "account.status": 20, "exchangeInfo": 20, "openOrders.cancelAll": 1,
           "order.cancel": 1, "order.place": 1, "order.cancelReplace": 1}
BACKOFF_FIRST_NS, BACKOFF_LAST_NS = 100_000_000, 30_000_000_000
DUPLICATE = b"Duplicate order sent."
KEY_ERRORS = (-1022, -2008, -2014, -2015)  # signature, key id, key's form, key or its rights
KIND_WORDS = (("LIMIT", "GTC"), ("LIMIT", "IOC"), ("LIMIT", "FOK"), ("LIMIT_MAKER", None),
              ("MARKET", None))


cdef int kind_of(int type, int time_in_force) noexcept:
    """Which of an instrument's texts; -1: the venue has no such order."""
    if type == TC_POST_ONLY:
        return 3
    if type == TC_MARKET:
        return 4
    if type != TC_LIMIT:
        return -1
    return 0 if time_in_force == TC_GTC else 1 if time_in_force == TC_IOC else 2


cdef str spelled(tc_order_id id):
    cdef char room[22]
    order_id_write(id, room)
    return room[:22].decode()


cdef class BinanceVenue(Venue):
    """One account on one connection; `settings` are the folder's."""

    def __cinit__(self):
        self.texts = NULL
        self.watch_room = 8192
        self.watch = <int*>calloc(self.watch_room, sizeof(int))
        if self.watch == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.texts)
        free(self.watch)

    def __init__(self, lane, name, outbox, *, room=4096):
        super().__init__(lane, name, outbox, room=room)
        self.codec = Codec()
        self.state = "closed"
        self.outstanding, self.symbols, self.last_trade = set(), {}, {}
        self.orphans, self.asked_at, self.missing = {}, {}, {}
        self.latest, self.balance_time = {}, {}
        self.profile = rules.SPOT
        self.backoff_ns = BACKOFF_FIRST_NS
        self.wants |= 1 << TC_DOCUMENT

    # ---- configuration

    def set_up(self, setup):
        """Listings, limits, key and address from the application."""
        from engine import slots
        from engine.limits import configure

        configure(self, setup)
        spec = setup.venue
        key, endpoints = spec.settings.key, spec.settings.endpoints
        self.connect_as(
            url=endpoints.orders if endpoints is not None else "",
            api_key=key.api_key.reveal() if key is not None else "",
            signer=signer(key.kind, key.secret, key.label) if key is not None else None,
            assets=setup.lane.assets,
            settings=setup.settings or Settings(),
        )
        self.own_slot = setup.slots.get(slots.venue(setup.actor.name), -1)
        self.has_rest = any(name.endswith("_rest") or name.endswith("rest")
                            for name in setup.actor.follows)
        if key is None or endpoints is None:
            self.agreed = False

    def connect_as(self, *, str url, str api_key, signer, assets, settings=None):
        """Where orders go and who signs; asset names to their numbers. Lays out the texts."""
        cdef int k = 0, side
        cdef Instrument spec
        self.url, self.api_key, self.signer = url, api_key, signer
        self.settings = settings if settings is not None else Settings()
        self.timeout_ns = self.settings.reply_timeout_ms * 1_000_000
        for name, number in assets.items():
            raw = name.encode()
            if self.asset_count == 512 or len(raw) > 24:
                raise ValueError(f"asset {name}: too many assets, or too long a name")
            memcpy(self.assets[self.asset_count].name, PyBytes_AS_STRING(raw), len(raw))
            self.assets[self.asset_count].n = len(raw)
            self.assets[self.asset_count].number = number
            self.asset_count += 1
        free(self.texts)
        self.texts = <tc_texts*>calloc(max(1, self.listing_count), sizeof(tc_texts))
        if self.texts == NULL:
            raise MemoryError
        for k in range(self.listing_count):
            spec = self.instruments[self.listings[k].instrument]
            self.symbols[spec.symbol] = spec.c.id
            for side in range(2):
                self.lay_out_kinds(k, spec.symbol, side)

    cdef lay_out_kinds(self, int k, str symbol, int side):
        cdef int kind
        for kind in range(5):
            word, force = KIND_WORDS[kind]
            params = {"symbol": symbol, "side": ("BUY", "SELL")[side], "type": word}
            if force is not None:
                params["timeInForce"] = force
            params["newOrderRespType"] = "ACK"
            params["selfTradePreventionMode"] = self.settings.self_trade_prevention
            text = orjson.dumps(params).removesuffix(b"}")
            lay_out(&self.texts[k].place[side][kind],
                    b'{"id":"p' + REQUEST + b'","method":"order.place","params":' + text
                    + b',"newClientOrderId":"' + ID + b'","timestamp":' + TIME)

    # ---- life of the connection

    def on_start(self):
        """Connect; the gate stays closed until reconciled."""
        if self.recalled:
            self.since = self.last_fill_time if self.last_fill_time else self.lane.now
            self.end_recall()
        self.lane.arm(self, self.lane.now + TICK_NS, TICK)
        self.dial()

    def dial(self):
        if not self.url:
            return
        self.state = "opening"
        self.opened_at = self.lane.now
        self.open(ORDERS, {"url": self.url})

    def on_stop(self):
        """Nothing new; cancels first."""
        self.stopping = True
        self.cancel_all()

    def is_ready(self):
        """Reconciled: the gate is open."""
        return self.state == "ready"

    def is_idle(self):
        """No order of ours may still trade."""
        return self.orders.t.live == 0

    cdef int take_link(self, uint16_t channel, uint32_t event, int64_t code) except -1:
        if event == TC_LINK_OPEN:
            self.unsubscribed = False
            self.greet()
        elif event == TC_LINK_CLOSED:
            self.lost(TC_REASON_DISCONNECT)
        return 0

    cdef greet(self):
        """The first words on a connection; during a ban `take_timer` says them later."""
        if self.signer is not None and self.signer.scheme.startswith("Ed25519"):
            self.state = "logon"
            self.ask("l", "session.logon", {}, sign=True)
        elif self.signer is not None:
            self.state = "subscribing"
            self.ask("u", "userDataStream.subscribe.signature", {})

    cdef int lost(self, int reason) except -1:
        """The connection is gone: the gate closes, what has no answer is UNKNOWN."""
        cdef uint32_t k
        cdef tc_order* o
        self.set_reconciled(False)
        self.logged_on = False
        self.state = "closed"
        self.outstanding.clear()
        self.asked_at.clear()
        self.latest.clear()
        for k in range(self.orders.t.room):
            o = &self.orders.t.orders[k]
            if o.used and status_is_live(o.status) and o.evidence == 0 and (
                    o.status == TC_STATUS_PENDING_NEW or o.pending):
                self.unknown(o, reason)
        self.next_open = self.lane.now + <int64_t>(self.backoff_ns * (0.5 + 0.5 * self.uniform()))
        self.backoff_ns = min(self.backoff_ns * 2, BACKOFF_LAST_NS)
        return 0

    # ---- asking

    def inquire(self, str key, str method, dict params):
        """Ask what the venue knows. Each question has an id of its own, because its answer is judged
        by when it was asked: a late answer to an older question under the same key is as old as that
        question, and a second answer to one question is no answer."""
        id = f"{key}-{self.asks}"
        if not self.ask(id, method, params):
            return False
        self.latest[key] = id
        return True

    def ask(self, str id, str method, dict params, bint sign=False):
        """Send a request; False when it could not leave. Only cancels pass a ban or a full budget."""
        cdef bint is_cancel = method in ("order.cancel", "openOrders.cancelAll")
        cdef int weight = WEIGHTS.get(method, 2)
        if self.lane.now < self.silent_until and not is_cancel:
            return False
        if self.lane.now // (60 * SECOND) != self.minute:
            self.minute = self.lane.now // (60 * SECOND)
            self.weight = 0
        if self.weight + weight > self.profile.weight_per_minute and not is_cancel:
            return False
        self.weight += weight
        self.asks += 1
        self.asked_at[id] = self.lane.now
        return self.send_text(ORDERS, self.compose(id, method, params, sign))

    def compose(self, str id, str method, dict params, bint sign=False):
        """The text of a request: signed unless the session is logged on."""
        whole = dict(params)
        whole["timestamp"] = self.lane.now // 1_000_000
        if sign or (not self.logged_on and self.signer is not None):
            whole["apiKey"] = self.api_key
            whole["recvWindow"] = WINDOW_MS
            whole, _, _ = signed_params(whole, self.signer)
        return orjson.dumps({"id": id, "method": method, "params": whole})

    # ---- the protocol, downstream

    cdef int write_place(self, tc_order* o, char* to) except -1:
        cdef int at = self.listing_of[o.instrument], kind = kind_of(o.type, o.time_in_force)
        cdef tc_gate_instrument* t = gate_instrument(&self.gate.g, o.instrument)
        if at < 0 or kind < 0 or t == NULL or self.lane.now < self.silent_until:
            return 0
        self.weight += 1
        if self.logged_on:
            return template_write(&self.texts[at].place[0 if o.side == TC_BUY else 1][kind], o.id,
                                  self.lane.now, &t.spec, 0 if kind == 4 else o.price, o.quantity,
                                  to)
        spec = self.instruments[o.instrument]
        id = spelled(o.id)
        word, force = KIND_WORDS[kind]
        params = placement(
            spec.symbol, "BUY" if o.side == TC_BUY else "SELL",
            "market" if kind == 4 else "limit", spec.quantity_text(o.quantity),
            None if kind == 4 else spec.price_text(o.price), id, force or "GTC", kind == 3, "ACK")
        params["selfTradePreventionMode"] = self.settings.self_trade_prevention
        return self.put(self.compose("p" + id, "order.place", params), to)

    cdef int put(self, bytes text, char* to) except -1:
        cdef Py_ssize_t n = PyBytes_GET_SIZE(text)
        if n > 4000:
            return 0
        memcpy(to, PyBytes_AS_STRING(text), n)
        return <int>n

    cdef int write_cancel(self, tc_order* o, char* to) except -1:
        id = spelled(o.id)
        params = {"symbol": self.instruments[o.instrument].symbol, "origClientOrderId": id}
        self.weight += 1
        return self.put(self.compose("c" + id, "order.cancel", params), to)

    cdef int write_replace(self, tc_order* o, char* to) except -1:
        """Cancel-replace: the new order is for what is left of the new quantity."""
        cdef int64_t left = o.new_quantity - o.cumulative
        cdef int kind = kind_of(o.type, o.time_in_force)
        if left <= 0 or kind < 0 or kind == 4 or self.lane.now < self.silent_until:
            return 0
        spec = self.instruments[o.instrument]
        id = spelled(o.replacement)
        params = placement(
            spec.symbol, "BUY" if o.side == TC_BUY else "SELL", "limit", spec.quantity_text(left),
            spec.price_text(o.new_price), id, KIND_WORDS[kind][1] or "GTC", kind == 3, "ACK")
        params["selfTradePreventionMode"] = self.settings.self_trade_prevention
        params["cancelOrigClientOrderId"] = spelled(o.id)
        params["cancelReplaceMode"] = "STOP_ON_FAILURE"
        self.weight += 1
        return self.put(self.compose("r" + id, "order.cancelReplace", params), to)

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

    # ---- frames

    cdef int take_bytes(self, uint16_t channel, const char* p, size_t n, bint last) except -1:
        cdef int kind = self.codec.scan(p, n), k
        cdef bn_message* m = &self.codec.message
        self.raw, self.raw_bytes = p, n
        if kind == BN_REPLY or kind == BN_ERROR:
            if m.id.type != TC_JSON_STRING:
                self.foreign += 1
                return 0
            return self.take_answer(m.id.p[:m.id.n].decode())
        if kind == BN_EVENT:
            for k in range(m.count):
                self.take_item(&self.codec.items[k], 0)
            return 0
        if kind == BN_REJECTED:
            self.rejected += 1             # a stateful stream: what was in it is not known
            if self.state == "ready":
                self.reconcile()
            return 0
        self.foreign += 1
        return 0

    cdef int take_item(self, const bn_item* i, int64_t collected) except -1:
        cdef tc_order* o
        if i.kind == BN_ORDER or i.kind == BN_TRADE:
            o = self.order_of(i)
            if o == NULL:
                self.external += 1
                return 0
            return self.take_order(i, o, collected)
        if i.kind == BN_BALANCE:
            return self.take_balance_item(i)
        if i.kind == BN_CHANGE:
            self.balances_due = 0          # a deposit or withdrawal: read the whole
        elif i.kind == BN_STREAM_ENDED:
            self.unsubscribed = True
            self.set_reconciled(False)
            self.subscribe()
        elif i.kind == BN_SHUTDOWN:
            self.close(ORDERS)
        return 0

    cdef tc_order* order_of(self, const bn_item* i) except? NULL:
        """The order an item speaks of: by client id, else by the venue's number. NULL: not ours."""
        cdef tc_order_id id
        cdef tc_order* o = NULL
        if i.client_id.type == TC_JSON_STRING and order_id_read(i.client_id.p, i.client_id.n, &id):
            o = orders_by_id(&self.orders.t, id)
            if o == NULL and order_id_instance(id) == self.instance:
                # our scheme, but no such intent here: it was sent before a restart (8.4)
                self.adopt(i, id)
                o = orders_by_id(&self.orders.t, id)
            if o != NULL:
                return o
        if i.order_id and i.symbol.type == TC_JSON_STRING:
            number = self.symbols.get(i.symbol.p[:i.symbol.n].decode())
            if number is not None:
                o = orders_by_venue(&self.orders.t, number, i.order_id)
        return o

    cdef int adopt(self, const bn_item* i, tc_order_id id) except -1:
        """An order of ours that this process did not send: counted and followed from now on."""
        cdef tc_intent intent
        cdef tc_report r
        cdef tc_order* o
        cdef tc_gate_instrument* t
        if i.symbol.type != TC_JSON_STRING or not i.side:
            return 0
        number = self.symbols.get(i.symbol.p[:i.symbol.n].decode())
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
        memset(&r, 0, sizeof(r))
        r.type, r.cumulative = TC_EV_APPROVED, -1
        self.report(o, &r, 0, 0, 0, False)
        gate_adopt(&self.gate.g, o)
        self.adopted += 1
        return 0

    cdef int take_order(self, const bn_item* i, tc_order* o, int64_t collected) except -1:
        """One thing said about a known order."""
        cdef tc_report r
        cdef tc_gate_instrument* t = gate_instrument(&self.gate.g, o.instrument)
        cdef int64_t lots = -1
        cdef tc_order_id id
        cdef bint own = True
        if i.kind == BN_TRADE:
            return self.fill_from(i, o)
        memset(&r, 0, sizeof(r))
        r.id = o.id
        if i.client_id.type == TC_JSON_STRING and order_id_read(i.client_id.p, i.client_id.n, &id):
            r.id = id
            own = order_id_same(id, o.id)
        r.type, r.status, r.venue_time = i.event, i.status, i.time
        r.venue_order_id = i.order_id if own else 0
        r.reason, r.collected = i.code, collected
        r.cumulative = -1
        if t != NULL and i.cumulative.type == TC_JSON_STRING and instrument_quantity(
                &t.spec, i.cumulative.p, i.cumulative.p + i.cumulative.n, &lots):
            # the venue counts each order of a chain from zero, we count the chain
            r.cumulative = lots + o.cumulative - o.here if own else -1
        if not order_id_none(o.replacement) and i.event in (TC_EV_CANCELED, TC_EV_STATUS):
            if order_id_same(r.id, o.replacement):
                self.move_on(o, i)         # the new one is there: the replace has happened
                return self.take_order(i, o, collected)
            if own and i.status == TC_STATUS_CANCELED:
                # half of a replace; its reply, or a query for the new one, tells the other half
                return self.ask_replacement(o) if i.event == TC_EV_STATUS else 0
            if own and i.status == TC_STATUS_NEW and \
                    collected - o.sent > <int64_t>rules.absent_after_ns(self.profile):
                self.drop_replacement(o, 0)
        if not own and i.event in (TC_EV_CANCELED, TC_EV_STATUS):
            return 0                       # an id of the chain's past
        if i.event == TC_EV_UNKNOWN:       # a word we do not know: halt, and ask
            if t != NULL:
                t.halted = 1
            return self.ask_order(o)
        if i.event == TC_EV_REPLACED:
            return self.ask_order(o)       # amended by someone: the query says to what
        effect = self.report(o, &r, 0, 0, 0, False)
        if r.cumulative > o.cumulative:
            self.miss(o, r.cumulative)
        elif effect & TC_EFFECT_FILL_QUERY:
            self.ask_fills(o.instrument, spelled(o.id), o.venue_order_id)
        return 0

    cdef int move_on(self, tc_order* o, const bn_item* i) except -1:
        cdef tc_report r
        memset(&r, 0, sizeof(r))
        r.type, r.successor, r.cumulative = TC_EV_REPLACED, o.replacement, -1
        r.venue_order_id, r.venue_time = i.order_id, i.time
        self.report(o, &r, 0, 0, 0, False)
        return 0

    cdef int drop_replacement(self, tc_order* o, int32_t reason) except -1:
        cdef tc_report r
        memset(&r, 0, sizeof(r))
        r.type, r.reason, r.cumulative, r.definite = TC_EV_REPLACE_REJECTED, reason, -1, 1
        self.report(o, &r, 0, 0, 0, False)
        return 0

    cdef int ask_replacement(self, tc_order* o) except -1:
        id = spelled(o.replacement)
        return self.inquire("q" + id, "order.status", {
            "symbol": self.instruments[o.instrument].symbol, "origClientOrderId": id})

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
            if not order_id_same(id, o.id) and not order_id_same(id, o.replacement):
                r.venue_order_id = 0
        if t == NULL or not instrument_price(
                &t.spec, i.last_price.p, i.last_price.p + i.last_price.n, &r.price) or \
                not instrument_quantity(&t.spec, i.last_quantity.p,
                                        i.last_quantity.p + i.last_quantity.n, &r.quantity):
            if t != NULL:
                t.halted = 1               # money moved in a way we cannot count
            self.rejected += 1
            return 0
        if i.fee.type == TC_JSON_STRING:
            value_scaled(&i.fee, 8, &fee)
        if i.trade_id > <uint64_t>self.last_trade.get(o.instrument, 0):
            self.last_trade[o.instrument] = i.trade_id
        self.report(o, &r, 0, fee, self.asset_of(i.asset.p, i.asset.n) if i.asset.type else 0,
                    i.maker)
        if i.cumulative.type == TC_JSON_STRING and instrument_quantity(
                &t.spec, i.cumulative.p, i.cumulative.p + i.cumulative.n, &lots) and \
                lots + o.cumulative - o.here > o.cumulative and order_id_same(r.id, o.id):
            self.miss(o, lots + o.cumulative - o.here)
        return 0

    cdef int miss(self, tc_order* o, int64_t cumulative) except -1:
        """The venue counts more than its trades have told: ask for them, and remember since when."""
        key = (o.id.hi, o.id.lo)
        most, since, due = self.missing.get(key, (0, self.lane.now, 0))
        self.missing[key] = (max(cumulative, most), since, self.lane.now + ASK_AGAIN_NS)
        self.ask_fills(o.instrument, spelled(o.id), o.venue_order_id)
        return 0

    cdef int find_missing(self) except -1:
        """Ask again for trades that are missing; after GUESS_AFTER_NS count them without (5.6)."""
        cdef tc_order* o
        cdef tc_order_id of
        cdef tc_gate_instrument* t
        cdef int64_t price
        for key, (cumulative, since, due) in list(self.missing.items()):
            of.hi, of.lo = key
            o = orders_by_id(&self.orders.t, of)
            if o == NULL or o.cumulative >= cumulative:
                del self.missing[key]
            elif self.lane.now - since >= GUESS_AFTER_NS:
                del self.missing[key]
                t = gate_instrument(&self.gate.g, o.instrument)
                # a market order has no price of its own: the middle that the gate saw last
                self.guesses += 1
                price = o.price
                if price <= 0 and t != NULL:
                    price = t.high_now // 2
                self.book_guess(o, cumulative, price)
            elif self.lane.now >= due and self.state in ("reconciling", "ready"):
                self.missing[key] = (cumulative, since, self.lane.now + ASK_AGAIN_NS)
                self.latest.pop("f" + spelled(o.id), None)   # that answer was lost
                self.ask_fills(o.instrument, spelled(o.id), o.venue_order_id)
        return 0

    cdef uint32_t asset_of(self, const char* p, uint32_t n) noexcept:
        cdef int k
        for k in range(self.asset_count):
            if self.assets[k].n == n and memcmp(self.assets[k].name, p, n) == 0:
                return self.assets[k].number
        return 0

    cdef int take_balance_item(self, const bn_item* i) except -1:
        cdef tc_balance b
        cdef int64_t free_ = 0, locked = 0
        memset(&b, 0, sizeof(b))
        b.asset = self.asset_of(i.asset.p, i.asset.n)
        if b.asset == 0:
            return 0                       # an asset this application does not trade
        if i.time and i.time < <int64_t>self.balance_time.get(b.asset, 0):
            return 0                       # what was true before what we know
        if not value_scaled(&i.last_price, 8, &free_) or \
                not value_scaled(&i.last_quantity, 8, &locked):
            self.rejected += 1
            return 0
        b.free_lo, b.locked_lo = <uint64_t>free_, <uint64_t>locked
        if i.time:
            self.balance_time[b.asset] = i.time
        b.venue, b.venue_time = self.source, i.time
        return self.take_balance(&b)

    # ---- replies

    cdef int take_answer(self, str id) except -1:
        """A reply on this connection. Without a question that waits for it (it was answered already)
        it is older than everything; asked before a comparison began, it tells nothing to that."""
        cdef int64_t asked = self.asked_at.pop(id, 0)
        key = id.rpartition("-")[0] or id
        if self.latest.get(key) == id:
            del self.latest[key]
        return self.take_reply(key, asked, asked >= self.began and key in self.outstanding)

    cdef int take_reply(self, str id, int64_t asked, bint waited) except -1:
        """The answer to the question `id`, asked at engine time `asked` (0: not known)."""
        cdef bn_message* m = &self.codec.message
        cdef tc_order* o = NULL
        cdef tc_order_id of
        cdef int k
        if m.status == 429 or m.status == 418:
            self.banned += 1
            until = m.retry_after if m.retry_after else self.lane.now + 60 * SECOND
            self.silent_until = max(self.silent_until, until)
            if m.status == 418:
                self.trouble = {"kind": "ban", "number": 418, "until": self.silent_until}
        what = id[:1]
        if len(id) == 23:
            raw = id.encode()
            if order_id_read(PyBytes_AS_STRING(raw) + 1, 22, &of):
                o = orders_by_id(&self.orders.t, of)
        if m.kind == BN_ERROR:
            if what in ("l", "u") and asked:
                self.take_error()
            if o != NULL:
                if what == "p":
                    return self.refused_place(o)
                if what == "r":
                    return self.refused_replace(of)
                if what == "c":
                    return self.refused_cancel(of)
                if what == "q" and m.code == -2013:
                    self.not_found(o, of, asked)
                    if waited:
                        self.outstanding.discard(id)
            if what == "x" and m.code == -2011:
                return 0                   # nothing to cancel there
            if waited and id in self.outstanding:
                self.retry_at(id)
            self.finish()
            return 0
        if what == "r" and o != NULL:
            return self.replaced(of)
        if what == "t" or what == "f":
            self.take_trades(id, asked, waited)
            return 0
        if what == "h" and o != NULL:
            return self.take_history(of, asked)
        if what == "e":
            if asked:
                self.read_metadata()
            if waited:
                self.outstanding.discard(id)
                self.finish()
            return 0
        for k in range(m.count):
            if self.codec.items[k].kind in (BN_SESSION, BN_SUBSCRIBED) and not asked:
                return 0
            if self.codec.items[k].kind == BN_SESSION:
                self.clock_difference = self.codec.items[k].time - self.lane.now
                self.logged_on = True
                self.trouble = None
                self.subscribe()
            elif self.codec.items[k].kind == BN_SUBSCRIBED:
                self.trouble = None
                self.reconcile()
                return 0
            else:
                self.take_item(&self.codec.items[k], asked)
        if what == "o":
            self.compare_open(id, asked)
        if what == "i":
            self.place_orphans(id)
        if waited:
            self.outstanding.discard(id)
            self.finish()
        return 0

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

    cdef take_error(self):
        """No logon, or no stream: a connection without either is of no use."""
        if self.codec.message.code in KEY_ERRORS:
            said = self.codec.message.text
            self.trouble = {"kind": "key", "number": self.codec.message.code,
                            "message": said.p[:said.n].decode(errors="replace")}
        self.set_reconciled(False)
        self.close(ORDERS)                 # and again after the back-off

    cdef int refused_place(self, tc_order* o) except -1:
        """An error to a placement: rejected where that is certain, UNKNOWN where it is not (4.3)."""
        cdef bn_message* m = &self.codec.message
        cdef tc_report r
        cdef bint again = m.text.n == <uint32_t>len(DUPLICATE) and m.text.p[:m.text.n] == DUPLICATE
        if bn_is_definite(m.status, m.code) and not again:
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
        memset(&r, 0, sizeof(r))
        r.type, r.successor, r.cumulative = TC_EV_REPLACED, new_id, -1
        for k in range(self.codec.message.count):
            if self.codec.items[k].half == 2:
                r.venue_order_id, r.venue_time = self.codec.items[k].order_id, self.codec.items[k].time
        self.report(o, &r, 0, 0, 0, False)
        return 0

    cdef int refused_replace(self, tc_order_id new_id) except -1:
        """Neither half, or only the cancel."""
        cdef bn_message* m = &self.codec.message
        cdef tc_order* o = orders_by_id(&self.orders.t, new_id)
        cdef tc_report r
        cdef bint cancelled = False
        cdef int k
        if not bn_is_definite(m.status, m.code):
            if o.pending:
                self.unknown(o, TC_REASON_UNKNOWN_CODE)
            return 0
        for k in range(m.count):
            if self.codec.items[k].half == 1 and self.codec.items[k].event == TC_EV_CANCELED:
                cancelled = True
        memset(&r, 0, sizeof(r))
        r.type, r.reason, r.cumulative, r.definite = (
            TC_EV_REPLACE_REJECTED, <int32_t>m.code, -1, m.code != -2022)
        self.report(o, &r, 0, 0, 0, False)
        if cancelled:
            memset(&r, 0, sizeof(r))
            r.type, r.cumulative = TC_EV_CANCELED, -1
            self.report(o, &r, 0, 0, 0, False)
        return 0

    # ---- queries

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

    cdef int ask_rest(self, tc_order* o) except -1:
        """The same question to the venue's HTTP side, which has a connection of its own."""
        cdef tc_request q
        memset(&q, 0, sizeof(q))
        q.id, q.type = o.id, TC_ASK_QUERY
        self.emit(TC_REQUEST, o.instrument, o.cause, &q, sizeof(q))
        return 1

    cdef int take_record(self, const tc_header* r) except -1:
        """Intents and commands as every venue; and the answers of the HTTP side."""
        cdef const char* payload = <const char*>r + sizeof(tc_header)
        if r.kind != TC_DOCUMENT or r.source == self.source:
            return Venue.take_record(self, r)
        try:
            document = orjson.loads(payload[:r.length - sizeof(tc_header)])
            reply, asked = document.get("reply"), document.get("asked", 0)
        except (orjson.JSONDecodeError, AttributeError):
            return 0
        if isinstance(reply, str):
            raw = reply.encode()
            self.raw, self.raw_bytes = PyBytes_AS_STRING(raw), len(raw)
            if self.codec.scan(PyBytes_AS_STRING(raw), len(raw)) in (BN_REPLY, BN_ERROR) and \
                    self.codec.message.id.type == TC_JSON_STRING:
                # as old as its own question; what waits, waits for this connection's word
                self.take_reply(self.codec.message.id.p[:self.codec.message.id.n].decode(), asked,
                                False)
        return 0

    cdef int ask_second(self) except -1:
        """A second source beside the socket (8.6): orders, trades and balances by HTTP."""
        cdef tc_request q
        memset(&q, 0, sizeof(q))
        q.type, q.since = TC_ASK_RECONCILE, max(0, self.lane.now - SECOND_LOOK_BACK_NS)
        self.emit(TC_REQUEST, 0, 0, &q, sizeof(q))
        return 0

    def ask_fills(self, int instrument, str id, order_id):
        """The trades of one order (5.6); without the venue's number, of its instrument."""
        params = {"symbol": self.instruments[instrument].symbol}
        if order_id:
            params["orderId"] = order_id
        else:
            params["startTime"] = max(0, self.lane.now // 1_000_000 - 600_000)
        if "f" + id not in self.latest:
            self.inquire("f" + id, "myTrades", params)

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

    cdef take_trades(self, str id, int64_t asked, bint waited):
        """A page of myTrades: of a listing (`t`) or of an order (`f`)."""
        cdef int k
        cdef bn_item* i
        cdef tc_order* o
        cdef uint64_t highest = 0
        for k in range(self.codec.message.count):
            i = &self.codec.items[k]
            if i.kind != BN_TRADE:
                continue
            highest = max(highest, i.trade_id)
            o = self.order_of(i)
            if o != NULL:
                self.fill_from(i, o)
            elif id[:1] == "t":
                self.remember_orphan(i)
        if asked and id[:1] == "t" and self.codec.message.listed >= PAGE:
            if self.inquire(id, "myTrades", {
                    "symbol": self.instruments[int(id[1:])].symbol, "fromId": highest + 1,
                    "limit": PAGE}) and waited:
                return                     # the whole is there when its last page is
        if waited:
            self.outstanding.discard(id)
            self.finish()

    cdef remember_orphan(self, const bn_item* i):
        """A trade of an order we do not know: ask whose it is."""
        number = self.symbols.get(i.symbol.p[:i.symbol.n].decode())
        if number is None:
            return
        key = f"i{number}n{i.order_id}"
        if key in self.orphans or len(self.orphans) > 10_000:
            return
        self.orphans[key] = (number, i.order_id)
        if self.inquire(key, "order.status", {"symbol": self.instruments[number].symbol,
                                              "orderId": i.order_id}) and self.state == "reconciling":
            self.outstanding.add(key)

    cdef place_orphans(self, str id):
        """The order of a trade is known now: ours are adopted, and their trades asked for."""
        found = self.orphans.get(id)
        if found is None:
            return
        number, order_id = found
        if orders_by_venue(&self.orders.t, number, order_id) != NULL:
            self.ask_fills(number, f"o{number}n{order_id}", order_id)

    # ---- reconciliation (8.1, 8.5, 8.6)

    def subscribe(self):
        """User data on this connection."""
        self.state = "subscribing"
        if self.logged_on:
            self.ask("u", "userDataStream.subscribe", {})
        else:
            self.ask("u", "userDataStream.subscribe.signature", {})

    def reconcile(self):
        """Compare everything; the gate is closed until it agrees."""
        cdef int k
        self.set_reconciled(False)
        self.state = "reconciling"
        self.outstanding.clear()
        self.unasked = False
        self.began = self.lane.now
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
            self.expect(f"t{number}", "myTrades", {"symbol": symbol, "startTime": start_ms,
                                                   "limit": PAGE})
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
            if not o.used or o.instrument != number or not status_is_live(o.status):
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
        self.backoff_ns = BACKOFF_FIRST_NS
        self.plan()
        self.set_reconciled(True)

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
            if now - self.began > (SECOND if self.unasked else 10 * SECOND) \
                    and now >= self.silent_until:
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
                self.inquire(f"t{number}", "myTrades", {
                    "symbol": self.instruments[number].symbol, "startTime": start_ms,
                    "limit": PAGE})
        if now >= self.balances_due:
            self.balances_due = now + self.settings.balances_s * SECOND
            self.inquire("b", "account.status", {"omitZeroBalances": False})

    # ---- time

    cdef int take_timer(self, uint64_t token, int64_t due) except -1:
        self.lane.arm(self, self.lane.now + TICK_NS, TICK)
        if self.trouble is not None and self.trouble["kind"] == "ban" and \
                self.lane.now >= self.silent_until:
            self.trouble = None
        if self.state == "closed":
            if self.lane.now >= max(self.next_open, self.silent_until):
                self.dial()                # no connection is tried during a ban either
        elif self.state == "opening":
            if self.lane.now - self.opened_at > 10 * SECOND:
                self.lost(TC_REASON_DISCONNECT)
        elif self.state in ("logon", "subscribing"):
            if self.lane.now - self.opened_at > 20 * SECOND:
                self.opened_at = self.lane.now
                self.close(ORDERS)
            elif "l" not in self.asked_at and "u" not in self.asked_at:
                if self.logged_on:         # a ban was on when it was due
                    self.subscribe()
                else:
                    self.greet()
        elif self.lane.now - self.opened_at > self.profile.connection_life_ns - 600 * SECOND:
            self.close(ORDERS)             # before the venue does
        self.retry_cancels()
        self.sweep()
        if self.missing:
            self.find_missing()
        self.enforce_kill()
        self.compare()
        self.show()
        return 0

    cdef show(self):
        """What the board shows of this venue: that it lives, its live orders, whether it trades."""
        cdef uint64_t shown[3]
        self.beats += 1
        if self.own_slot >= 0:
            shown[0], shown[1], shown[2] = self.beats, self.orders.t.live, self.reconciled
            self.lane.write_slot(self.own_slot, shown, sizeof(shown))

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

    # ---- kill (7.2)

    cdef bint is_killed(self, tc_order* o) noexcept:
        return self.kill_word(o.strategy, self.listing_of[o.instrument]) != 0

    cdef int enforce_kill(self) except -1:
        """While a scope is closed: cancel in bulk, then by id, again each second until none lives."""
        cdef bint all_of_us = (self.read_word(self.kill_slot) != 0
                               or self.read_word(self.venue_kill_slot) != 0)
        cdef uint32_t k
        cdef tc_order* o
        if self.orders.t.live == 0 or self.state not in ("reconciling", "ready"):
            self.killed = all_of_us
            return 0
        if all_of_us and not self.killed:
            for k in range(<uint32_t>self.listing_count):
                number = self.listings[k].instrument
                self.ask(f"x{number}", "openOrders.cancelAll",
                         {"symbol": self.instruments[number].symbol})
        self.killed = all_of_us
        for k in range(self.orders.t.room):
            o = &self.orders.t.orders[k]
            if not o.used or not status_is_live(o.status) or o.status == TC_STATUS_INTENT:
                continue
            if (o.pending == 0 or self.lane.now - o.sent > SECOND) and self.is_killed(o):
                self.cancel_order(o, 0)
        return 0
