"""The connection to Binance spot's order socket, and what may be asked on it when.

Logged on with an Ed25519 key, or each request signed with any other; then subscribed to the user
data. Every request goes through here, so weights, bans and the ids of questions are in one place.
Only cancels pass a ban or a full budget.
"""

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

import orjson

from hotpath.order cimport TC_STATUS_PENDING_NEW, status_is_live, tc_order
from hotpath.records cimport TC_LINK_CLOSED, TC_LINK_OPEN, TC_REASON_DISCONNECT
from hotpath.venue cimport Venue
from venues.binance.codec cimport Codec, bn_item, bn_message

from engine.budget import silence_of
from venues.binance import profile as rules
from venues.binance.request import WINDOW_MS
from venues.binance.sign import signed_params

DEF ORDERS = 0                             # the only connection
DEF SECOND = 1_000_000_000
WEIGHTS = {"order.status": 4, "openOrders.status": 6, "myTrades": 20, "allOrders": 20,
           "account.status": 20, "exchangeInfo": 20, "openOrders.cancelAll": 1,
           "order.cancel": 1, "order.place": 1, "order.cancelReplace": 1}
OF_ALL = {"openOrders.status": 80}         # the same of all symbols
# Of a minute's weight, in percent: what comparisons may take, and reading trades from time to time;
# the rest is for orders whose outcome is not known. Cancels pass even a full budget.
COMPARISON, READING = 80, 60
BACKOFF_FIRST_NS, BACKOFF_LAST_NS = 100_000_000, 30_000_000_000
READS_ONLY = "canTrade false"
KEY_ERRORS = (-1022, -2008, -2014, -2015)  # signature, key id, key's form, key or its rights


cdef class Session(Venue):
    """The connection of an account: dialled, logged on, subscribed; requests with their budget."""

    def __init__(self, lane, name, outbox, *, room=4096):
        super().__init__(lane, name, outbox, room=room)
        self.codec = Codec()
        self.state = "closed"
        self.silent_slot = -1
        self.asked_at, self.latest = {}, {}
        self.profile = rules.SPOT
        self.backoff_ns = BACKOFF_FIRST_NS

    def dial(self):
        self.hear_silence()
        if not self.url or self.lane.now < self.silent_until:
            return
        self.state = "opening"
        self.opened_at = self.lane.now
        self.open(ORDERS, {"url": self.url})

    cdef int take_link(self, uint16_t channel, uint32_t event, int64_t code) except -1:
        if event == TC_LINK_OPEN:
            self.unsubscribed = False
            self.greet()
        elif event == TC_LINK_CLOSED:
            self.refused_with(code)
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

    def subscribe(self):
        """User data on this connection."""
        self.state = "subscribing"
        if self.logged_on:
            self.ask("u", "userDataStream.subscribe", {})
        else:
            self.ask("u", "userDataStream.subscribe.signature", {})

    cdef int lost(self, int reason) except -1:
        """The connection is gone: the gate closes, what has no answer is UNKNOWN."""
        cdef uint32_t k
        cdef tc_order* o
        self.set_reconciled(False)
        self.logged_on = False
        self.state = "closed"
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

    cdef int take_session(self, const bn_item* i) except -1:
        """The logon's answer."""
        self.clock_difference = i.time - self.lane.now
        self.logged_on = True
        self.trouble = None
        self.subscribe()
        return 0

    cdef take_error(self):
        """No logon, or no stream: a connection without either is of no use."""
        if self.codec.message.code in KEY_ERRORS:
            said = self.codec.message.text
            self.trouble = {"kind": "key", "number": self.codec.message.code,
                            "message": said.p[:said.n].decode(errors="replace")}
        self.set_reconciled(False)
        self.close(ORDERS)                 # and again after the back-off

    cdef int take_ban(self) except -1:
        """Told to be silent, and until when."""
        cdef bn_message* m = &self.codec.message
        if m.status != 429 and m.status != 418:
            return 0
        self.banned += 1
        until = m.retry_after if m.retry_after else self.lane.now + 60 * SECOND
        return self.be_silent(until, m.status)

    cdef int refused_with(self, int64_t code) except -1:
        """A handshake that was answered with a ban is one told; no connection is there without it."""
        told = silence_of(code)
        if told is None:
            return 0
        self.banned += 1
        until = self.lane.now + told[1]
        self.be_silent(until, told[0])
        if until == self.silent_until:
            self.trouble = {"kind": "ban", "number": told[0], "until": until}
        return 0

    cdef int be_silent(self, int64_t until, int status) except -1:
        """The venue wants no request of this address until then; the longer of two holds."""
        if until <= self.silent_until:
            return 0
        self.silent_until, self.silenced_by = until, status
        if status == 418:
            self.trouble = {"kind": "ban", "number": 418, "until": until}
        return 0

    cdef int hear_silence(self) except -1:
        """What the venue told to other lanes of this address holds here too."""
        cdef uint64_t told[2]
        if self.silent_slot >= 0 and self.lane.read_slot(self.silent_slot, told, sizeof(told)):
            self.be_silent(<int64_t>told[0], <int>told[1])
        return 0

    cdef object content(self):
        """The result in the frame in hand, as objects; None: there is none, or it is no text."""
        try:
            return orjson.loads(self.raw[:self.raw_bytes]).get("result")
        except (orjson.JSONDecodeError, AttributeError):
            return None

    cdef bint may_trade(self) except -1:
        """account.status says what the key may do: one that only reads is told, not tried."""
        found = self.content()
        may = not isinstance(found, dict) or found.get("canTrade", True) is not False
        if not may:
            self.trouble = {"kind": "key", "number": READS_ONLY,
                            "message": "this key may read and not trade"}
            self.set_reconciled(False)
        elif self.trouble is not None and self.trouble.get("number") == READS_ONLY:
            self.trouble = None
        return may

    cdef connected_well(self):
        """The connection has served its purpose: the next failure is a first one again."""
        self.backoff_ns = BACKOFF_FIRST_NS

    cdef int tend(self) except -1:
        """By the clock: dial again, log on again, and leave before the venue ends the connection."""
        self.hear_silence()
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
            asked = "u" if self.state == "subscribing" else "l"
            if asked not in self.asked_at:     # a ban was on when it was due
                if self.logged_on:
                    self.subscribe()
                else:
                    self.greet()
            elif self.lane.now - <int64_t>self.asked_at[asked] > 20 * SECOND:
                self.asked_at[asked] = self.lane.now
                self.close(ORDERS)
        elif self.lane.now - self.opened_at > self.profile.connection_life_ns - 600 * SECOND:
            self.close(ORDERS)             # before the venue does
        return 0

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
        if method in OF_ALL and "symbol" not in params:
            weight = OF_ALL[method]
        if self.lane.now < self.silent_until and not is_cancel:
            return False
        if self.lane.now // (60 * SECOND) != self.minute:
            self.minute = self.lane.now // (60 * SECOND)
            self.weight = 0
        if self.weight + weight > self.share_of(id) and not is_cancel:
            return False
        self.weight += weight
        self.asks += 1
        self.asked_at[id] = self.lane.now
        return self.send_text(ORDERS, self.compose(id, method, params, sign))

    cdef int64_t share_of(self, str id) except -1:
        """The weight of a minute up to which this question may go."""
        cdef int percent = 100
        if id[:1] in ("o", "t", "a", "b", "e"):
            percent = READING if id[:1] == "t" and self.state == "ready" else COMPARISON
        return <int64_t>self.profile.weight_per_minute * percent // 100

    def compose(self, str id, str method, dict params, bint sign=False):
        """The text of a request: signed unless the session is logged on."""
        whole = dict(params)
        whole["timestamp"] = self.lane.now // 1_000_000
        if sign or (not self.logged_on and self.signer is not None):
            whole["apiKey"] = self.api_key
            whole["recvWindow"] = WINDOW_MS
            whole, _, _ = signed_params(whole, self.signer)
        return orjson.dumps({"id": id, "method": method, "params": whole})
