"""Binance spot: orders, cancels, queries and user data on one WebSocket API connection.

Sans-I/O: frames, timers and links come in, texts go out. What each part says stands in a file of its
own, one class on top of the other: session (the connection, budgets, bans), entry (texts of orders),
queries (questions about orders), reports (what the venue says of them), absence (the proof that one
never arrived), reconcile (comparing everything). Here they meet: which word goes to whom.
"""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

import orjson

from hotpath.lane cimport TC_LAP_DECODE
from hotpath.order cimport TC_STATUS_INTENT, order_id_read, orders_by_id, status_is_live, tc_order
from hotpath.records cimport TC_DOCUMENT, tc_balance, tc_header, tc_order_id
from hotpath.scan cimport TC_JSON_STRING
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
    bn_item,
    bn_message,
)
from venues.binance.entry cimport spelled
from venues.binance.reconcile cimport Reconciliation, number_of

from venues.binance.reconcile import ANSWER_PATIENCE_NS, EVERY, NO_SUCH_SYMBOL
from venues.binance.settings import Settings
from venues.binance.sign import signer

DEF TICK_NS = 50_000_000
DEF SECOND = 1_000_000_000
DEF TICK = 1


cdef class BinanceVenue(Reconciliation):
    """One account on one connection; `settings` are the folder's."""

    def __init__(self, lane, name, outbox, *, room=4096):
        super().__init__(lane, name, outbox, room=room)
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
        self.silent_slot = setup.slots.get(slots.silent(spec.name), -1)
        self.has_rest = any(name.endswith("_rest") or name.endswith("rest")
                            for name in setup.actor.follows)
        if key is None or endpoints is None:
            self.agreed = False

    def connect_as(self, *, str url, str api_key, signer, assets, settings=None):
        """Where orders go and who signs; asset names to their numbers. Lays out the texts."""
        cdef int k
        self.url, self.api_key, self.signer = url, api_key, signer
        self.settings = settings if settings is not None else Settings()
        self.timeout_ns = self.settings.reply_timeout_ms * 1_000_000
        for name, number in assets.items():
            self.assets.add(name, number)
        for k in range(self.listing_count):
            number = self.listings[k].instrument
            self.symbols[self.instruments[number].symbol] = number
        self.lay_out_texts()

    # ---- life

    def on_start(self):
        """Connect; the gate stays closed until reconciled."""
        if self.recalled:
            self.since = self.last_fill_time if self.last_fill_time else self.last_told
            self.end_recall()
        self.lane.arm(self, self.lane.now + TICK_NS, TICK)
        self.dial()

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

    # ---- what comes in

    cdef int take_bytes(self, uint16_t channel, const char* p, size_t n, bint last) except -1:
        cdef int kind = self.codec.scan(p, n), k
        cdef bn_message* m = &self.codec.message
        self.raw, self.raw_bytes = p, n
        if self.lane.sampled:
            self.lane.lap(TC_LAP_DECODE)
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
            if m.id.type == TC_JSON_STRING and m.id.p[:m.id.n].startswith(b"o*-"):
                self.narrow()
            if self.state == "ready":
                self.reconcile()
            elif self.state == "reconciling" and m.id.type == 0:
                self.is_spoiled = True
            return 0
        self.foreign += 1
        return 0

    cdef int take_item(self, const bn_item* i, int64_t collected) except -1:
        cdef tc_order* o
        cdef tc_balance b
        cdef int said
        if i.kind == BN_ORDER or i.kind == BN_TRADE:
            o = self.order_of(i)
            if o == NULL:
                return self.take_external(i, collected)
            if self.others.open:
                self.others.drop(&self.gate.g, o.instrument, i.order_id)
            return self.take_order(i, o, collected)
        if i.kind == BN_BALANCE:
            said = self.assets.read(i, &b)
            b.venue = self.source
            if said > 0:
                self.take_balance(&b)
            elif said < 0:
                self.rejected += 1
        elif i.kind == BN_CHANGE:
            self.balances_due = 0          # a deposit or withdrawal: read the whole
        elif i.kind == BN_STREAM_ENDED:
            self.unsubscribed = True
            self.set_reconciled(False)
            self.subscribe()
        elif i.kind == BN_SHUTDOWN:
            self.close(self.order_channel)
        return 0

    cdef int take_answer(self, str id) except -1:
        """A reply on this connection. Without a question that waits for it (it was answered already)
        it is older than everything; asked before a comparison began, it tells nothing to that."""
        cdef int64_t asked = self.asked_at.pop(id, 0)
        key = id.rpartition("-")[0] or id
        cdef bint latest = self.latest.get(key) == id, waited
        if latest:
            del self.latest[key]
        waited = asked >= self.began and key in self.outstanding
        return self.take_reply(key, asked, waited, latest)

    cdef int take_reply(self, str id, int64_t asked, bint waited, bint latest) except -1:
        """The answer to the question `id`, asked at engine time `asked` (0: not known); `latest`:
        no later question of that name is under way."""
        cdef bn_message* m = &self.codec.message
        cdef tc_order* o = NULL
        cdef tc_order_id of
        cdef int k
        self.take_ban()
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
                if what == "q" and m.code in (-2013, -2026):
                    if m.code == -2013:
                        self.not_found(o, of, asked)
                    else:
                        self.put_away(o, of, asked)
                    if waited:
                        self.outstanding.discard(id)
            if what == "x" and m.code == -2011:
                return 0                   # nothing to cancel there
            if m.code == NO_SUCH_SYMBOL and asked:
                self.unlist(id, waited)
            if waited and id in self.outstanding:
                self.retry_at(id)
            self.finish()
            return 0
        if what == "r" and o != NULL:
            return self.replaced(of)
        if what in ("o", "t", "a") and id != EVERY and not self.is_listed(number_of(id)):
            self.foreign += 1
            return 0
        if what != "o" and not self.is_answer(what):
            return self.failed(id, waited)
        if what == "t" or what == "f":
            self.take_trades(id, asked, waited, latest)
            return 0
        if what == "h" and o != NULL:
            return self.take_history(id, of, asked, latest)
        if what == "e":
            if asked and not self.read_metadata():
                return self.failed(id, waited)
            if waited:
                self.outstanding.discard(id)
                self.finish()
            return 0
        for k in range(m.count):
            if self.codec.items[k].kind in (BN_SESSION, BN_SUBSCRIBED) and not asked:
                return 0
            if self.codec.items[k].kind == BN_SESSION:
                self.take_session(&self.codec.items[k])
            elif self.codec.items[k].kind == BN_SUBSCRIBED:
                self.trouble = None
                self.begin_comparison()
                return 0
            else:
                self.take_item(&self.codec.items[k], asked)
        if what == "o":
            if not self.is_answer(what):   # what stands there counts, not what does not
                return self.failed(id, waited)
            self.compare_open(id, asked)
        if what == "a":
            self.take_listed(id, asked, latest)
        if what == "b":
            denied = self.trouble is not None
            if not self.may_trade():
                if self.state == "ready":
                    self.state = "reconciling"
                if self.state == "reconciling":
                    # it is asked again, and the gate is closed until then
                    self.outstanding.add("b")
                    self.queue["b"] = self.lane.now + ANSWER_PATIENCE_NS
                return 0
            if denied and self.trouble is None and self.state == "reconciling":
                self.begin_comparison()    # it may trade again: nothing was compared meanwhile
                return 0
        if what == "i":
            self.place_orphans(id)
        if waited:
            self.outstanding.discard(id)
            self.finish()
        return 0

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
                                False, False)
        return 0

    # ---- time

    cdef int take_timer(self, uint64_t token, int64_t due) except -1:
        self.lane.arm(self, self.lane.now + TICK_NS, TICK)
        self.tend()
        self.retry_cancels()
        if self.state in ("reconciling", "ready"):
            self.repeat_cancels(self.began)
        self.go_on()
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
