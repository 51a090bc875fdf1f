"""Comparing everything with the venue: at the start, after each reconnect, and periodically.

The gate opens only when the venue and we agree (reliability.md 8.1): subscribed first, then open
orders, trades and balances, then a query for each order of ours that is not among them. Reports that
arrive meanwhile are applied at once: an order's state does not depend on their order, so buffering
them would change nothing. An answer counts only if its question was asked after the comparison began.

Each question has a name that says all of it (`t100`: the trades of instrument 100), so one that the
budget kept back, that failed or whose answer was lost is asked for by its name alone, and the
comparison goes on with what it lacks. Many instruments take more than one minute's weight.

A symbol that the venue does not know (any more) is left out, and its instrument halted: the others
trade on.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from cpython.bytes cimport PyBytes_AS_STRING

import orjson

from hotpath.order cimport (
    TC_STATUS_INTENT,
    order_id_none,
    order_id_read,
    order_id_same,
    order_traded,
    orders_by_id,
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
ANSWER_PATIENCE_NS = 10 * SECOND           # a question without an answer for so long is asked again
RETRY_NS = SECOND                          # after an answer that tells nothing
LAST_MINUTE_NS = 60 * SECOND
NO_SUCH_SYMBOL = -1121
EVERY = "o*"                               # the open orders of all symbols, in one list
FEW = 13                                   # symbols whose lists weigh less than the one of all


cdef int number_of(str key):
    """The instrument of a question about one; -1: the key names none."""
    digits = key[1:]
    return int(digits) if 0 < len(digits) < 10 and digits.isascii() and digits.isdigit() else -1


cdef class Reconciliation(Absence):
    """All that is compared with the venue, at first and from time to time."""

    def __init__(self, lane, name, outbox, *, room=4096):
        super().__init__(lane, name, outbox, room=room)
        self.outstanding, self.gone = set(), set()
        self.queue, self.named, self.starts, self.read_at, self.to_read = {}, {}, {}, {}, {}

    cdef int lost(self, int reason) except -1:
        self.outstanding.clear()
        self.queue.clear()
        self.to_read.clear()
        # whose orders were asked for and not told
        self.orphans = {key: found for key, found in self.orphans.items() if not found[2]}
        return Queries.lost(self, reason)

    cdef int end_recall(self) except -1:
        """What a life before left untold: what the venue counted and no trade told is looked for by
        its order; and the trades of an order that ended at its end are read from the order's
        beginning on, those of one that lives as at each comparison."""
        cdef uint32_t k
        cdef tc_order* o
        cdef tc_order_id of
        for key, (lots, number) in self.told.items():
            of.hi, of.lo = key
            o = orders_by_id(&self.orders.t, of)
            if o != NULL and lots > order_traded(&self.orders.t, o, of):
                self.missing[key] = (lots, self.lane.now, self.lane.now, 0, number)
        self.told.clear()
        for k in range(self.orders.t.room):
            o = &self.orders.t.orders[k]
            if o.used and o.touched >= self.last_told - <int64_t>LAST_MINUTE_NS:
                self.starts[o.instrument] = min(self.starts.get(o.instrument, o.created), o.created)
        return Absence.end_recall(self)

    def reconcile(self):
        """Compare everything anew. Without a connection that tells our orders there is nothing to do
        now: each begins with a comparison."""
        if self.state in ("reconciling", "ready"):
            self.begin_comparison()

    def begin_comparison(self):
        """Compare everything; the gate is closed until it agrees."""
        cdef int k
        cdef tc_order_id of
        self.set_reconciled(False)
        self.state = "reconciling"
        self.outstanding.clear()
        self.queue.clear()
        self.to_read.clear()
        self.gone.clear()
        self.is_spoiled = False
        self.began = self.lane.now
        for k in range(<int>self.orders.t.room):
            if self.orders.t.orders[k].used and self.orders.t.orders[k].guessed > 0:
                self.keep_looking(&self.orders.t.orders[k])
        self.find_starts()
        if self.listing_count > FEW and not self.is_narrow:
            self.want(EVERY)
        for k in range(self.listing_count):
            number = self.listings[k].instrument
            if EVERY not in self.outstanding:
                self.want(f"o{number}")
            self.walks.pop(f"t{number}", None)
            self.stalled.discard(f"t{number}")
            self.want(f"t{number}")
        if self.listing_count:
            self.want("e")
        self.want("b")
        for key in self.missing:
            of.hi, of.lo = key
            self.want("f" + spelled(of))
        self.put_questions()

    cdef find_starts(self):
        """From when on each instrument's trades are read: what was compared last, and the beginning of
        each order that may still trade."""
        cdef int k
        cdef tc_order* o
        since = self.lane.now if self.since == 0 else self.since
        self.read_at = {}
        for k in range(self.listing_count):
            number = self.listings[k].instrument
            self.read_at[number] = min(since, self.starts.get(number, since))
        for k in range(<int>self.orders.t.room):
            o = &self.orders.t.orders[k]
            if o.used and status_is_live(o.status) and o.instrument in self.read_at:
                self.read_at[o.instrument] = min(self.read_at[o.instrument], o.created)

    # ---- the questions of a comparison

    cdef want(self, str key):
        """The comparison waits for this answer; it is asked for when its turn comes."""
        self.outstanding.add(key)
        self.queue[key] = 0

    cdef narrow(self):
        """The list of all open orders is too long to be read: one of each symbol from now on."""
        cdef int k
        self.is_narrow = True
        if EVERY not in self.outstanding:
            return
        self.outstanding.discard(EVERY)
        self.queue.pop(EVERY, None)
        for k in range(self.listing_count):
            if self.listings[k].instrument not in self.gone:
                self.want(f"o{self.listings[k].instrument}")

    cdef int put_questions(self) except -1:
        """Ask what is due of what the comparison lacks, as far as the budget goes."""
        for key, due in list(self.queue.items()):
            if due > self.lane.now:
                continue
            if not self.ask_named(key):
                break                      # a ban or a full budget: the next would not leave either
            self.queue.pop(key, None)
        return 0

    cdef bint ask_named(self, str key) except *:
        """Ask the question of this name; False: it could not leave."""
        cdef tc_order_id of
        cdef tc_order* o
        what = key[:1]
        if key == EVERY:
            return self.inquire(key, "openOrders.status", {})
        if what == "o":
            return self.inquire(key, "openOrders.status",
                                {"symbol": self.instruments[number_of(key)].symbol})
        if what == "t":
            return self.read_trades(number_of(key))
        if what == "b":
            return self.inquire(key, "account.status", {"omitZeroBalances": False})
        if what == "e":
            return self.ask_metadata(key)
        if what == "i" and key in self.orphans:
            return self.ask_whose(key)
        raw = key.encode()
        if what == "q" or what == "f":
            if order_id_read(PyBytes_AS_STRING(raw) + 1, 22, &of):
                o = orders_by_id(&self.orders.t, of)
                if o != NULL and what == "f":
                    return self.ask_missing(key, of, o.instrument)
                if o != NULL and order_id_same(of, o.replacement):
                    return self.ask_replacement(o)
                if o != NULL and status_is_live(o.status) and order_id_same(of, o.id):
                    return self.ask_order(o)
        self.outstanding.discard(key)      # it is answered by what came meanwhile
        self.finish()
        return True

    cdef bint ask_missing(self, str key, tc_order_id of, int instrument) except *:
        """The trades of an order that the venue counts and has not told."""
        found = self.missing.get((of.hi, of.lo))
        if found is None:                  # told meanwhile
            self.outstanding.discard(key)
            self.finish()
            return True
        self.latest.pop(key, None)
        self.ask_fills(instrument, key[1:], found[4])
        return key in self.latest

    cdef bint read_trades(self, int number) except *:
        """The trades of an instrument since they were read last; where a listing of them is under way,
        its page that lacks."""
        key = f"t{number}"
        way = self.walks.get(key)
        if way is None:
            start = self.read_at.get(number, self.lane.now) // 1_000_000 - 60_000
            way = self.walks[key] = Walk("myTrades", self.instruments[number].symbol, self.lane.now,
                                         start_ms=max(0, start))
            self.stalled.discard(key)
        if self.inquire(key, way.method, way.question(self.lane.now)):
            return True
        way.turned = 0                     # it is not under way
        return False

    cdef ask_again(self):
        """What was asked for and got no answer."""
        for key in sorted(self.outstanding):
            if key in self.queue or key in self.stalled:
                continue
            asked = self.asked_at.get(self.latest.get(key), 0)
            if self.lane.now - asked > ANSWER_PATIENCE_NS:
                self.queue[key] = 0

    cdef retry_at(self, str id):
        """A failed lookup is no information (8.7): it is asked again after a while."""
        if id in self.outstanding:
            self.queue[id] = self.lane.now + RETRY_NS

    cdef int failed(self, str id, bint waited) except -1:
        """An answer that is none: nothing is known by it, and the question is asked again."""
        self.rejected += 1
        if waited:
            self.retry_at(id)
        elif id == "b":
            self.balances_due = min(self.balances_due, self.lane.now + RETRY_NS)
        return 0

    cdef bint is_answer(self, str what) except *:
        """Whether the reply in the codec has the form that its question asks for. A 200 with anything
        else in it says nothing, and nothing is absent because it does not stand there."""
        cdef bn_message* m = &self.codec.message
        cdef int k, orders = 0
        if what in ("t", "f", "h", "a"):
            return m.is_list == 1
        if what == "b":
            return m.is_list == 2
        if what == "o":
            for k in range(m.count):
                orders += self.codec.items[k].kind == BN_ORDER
            return m.is_list == 1 and orders == m.listed
        if what == "q" or what == "i":
            return m.count > 0 and self.codec.items[0].kind == BN_ORDER
        return True

    cdef compare_open(self, str id, int64_t asked):
        """Live orders of ours that the list does not show are asked for one by one; those of others
        are over."""
        cdef uint32_t k
        cdef tc_order* o
        cdef tc_order_id shown
        cdef bn_item* i
        cdef int j
        cdef int64_t number = -1 if id == EVERY else number_of(id)
        there, listed = bytearray(self.orders.t.room), set()
        for j in range(self.codec.message.count):
            i = &self.codec.items[j]
            if self.others.open and i.kind == BN_ORDER:
                listed.add((self.number_at(i), i.order_id))
            if i.kind == BN_ORDER and order_id_read(i.client_id.p, i.client_id.n, &shown):
                o = orders_by_id(&self.orders.t, shown)
                if o != NULL and order_id_same(shown, o.id):
                    there[o - self.orders.t.orders] = 1
        for k in range(self.orders.t.room):
            o = &self.orders.t.orders[k]
            if not o.used or (number >= 0 and o.instrument != number) or o.instrument in self.gone:
                continue
            if not status_is_live(o.status):
                if not order_id_none(o.replacement):   # it ended before the answer to its replace came
                    self.look_up("q" + spelled(o.replacement))
                continue
            if o.touched >= asked or o.sent >= asked or o.status == TC_STATUS_INTENT or there[k]:
                continue                   # it changed after the list was asked for, or is there
            self.look_up("q" + spelled(o.id))
        for instrument, order_id in self.others.leave(&self.gate.g, number, listed, asked):
            self.tell_external(instrument, {"order": order_id, "status": "GONE"})

    cdef look_up(self, str key):
        """Ask for one order; a comparison waits for it."""
        if self.state == "reconciling":
            self.want(key)
            self.put_questions()
        else:
            self.ask_named(key)

    cdef finish(self):
        """All answers are here: the gate opens, unless something was said meanwhile that could not be
        read."""
        if self.state != "reconciling" or self.outstanding:
            return
        self.since = self.began
        self.starts.clear()
        if self.is_spoiled:
            self.begin_comparison()
            return
        self.state = "ready"
        self.connected_well()
        self.plan()
        if self.lane.now - self.began > LAST_MINUTE_NS:   # the first answers are old: look again
            self.orders_due = self.fills_due = self.balances_due = self.lane.now
        self.set_reconciled(True)

    cdef take_trades(self, str id, int64_t asked, bint waited, bint latest):
        """A page of myTrades: of a listing (`t`) or of an order (`f`). A comparison waits for the
        last page, and reads it anew when one does not continue the other."""
        cdef int k, n = self.codec.message.count, more
        cdef bn_item* i
        cdef uint64_t highest = 0
        for k in range(n):
            i = &self.codec.items[k]
            if i.kind == BN_TRADE:
                highest = max(highest, i.trade_id)
                if not self.is_past(self.listed_at(i), i.trade_id):
                    self.take_trade(id, i)
        if self.codec.message.listed < PAGE:
            # what is still missing after the new ones is the latest of the old ones
            for k in range(n - 1, -1, -1):
                i = &self.codec.items[k]
                if i.kind == BN_TRADE and self.is_past(self.listed_at(i), i.trade_id):
                    self.take_trade(id, i)
        way = self.walks.get(id)
        more = self.turn_page(id) if latest else 0
        if more == 2:
            self.read_anew(id)
        elif latest and not more and way is not None and way.start_ms is not None and id[:1] == "t":
            self.read_at[number_of(id)] = way.asked
        elif not latest and asked and id[:1] == "t" and self.codec.message.listed >= PAGE \
                and id not in self.walks and id not in self.outstanding:
            # a full page of the HTTP side: the rest of it by this connection
            self.walk(id, Walk("myTrades", self.instruments[number_of(id)].symbol, self.lane.now,
                               last=highest))
        if waited and latest and not more:
            self.outstanding.discard(id)
            self.finish()

    cdef uint32_t listed_at(self, const bn_item* i) except *:
        number = self.number_at(i)
        return 0 if number is None else number

    cdef int take_trade(self, str id, const bn_item* i) except -1:
        cdef tc_order* o = self.order_of(i)
        if o != NULL:
            self.fill_from(i, o)
        elif id[:1] == "t":
            self.remember_orphan(i)
        return 0

    cdef read_anew(self, str id):
        """Pages that are no whole prove nothing (8.2): all of them once more, soon."""
        if self.state == "reconciling":
            self.retry_at(id)
        elif id[:1] == "t":
            self.to_read[number_of(id)] = self.lane.now + RETRY_NS

    cdef take_listed(self, str id, int64_t asked, bint latest):
        """A page of allOrders that the HTTP side began; its orders are taken already."""
        cdef bn_message* m = &self.codec.message
        if latest:
            self.turn_page(id)
        elif asked and m.listed >= PAGE and id not in self.walks and \
                self.codec.items[m.count - 1].kind == BN_ORDER:
            self.walk(id, Walk("allOrders", self.instruments[number_of(id)].symbol, self.lane.now,
                               last=self.codec.items[m.count - 1].order_id))

    cdef remember_orphan(self, const bn_item* i):
        """A trade that is not known, of an order we do not know: ask whose it is, until it is told."""
        number = self.number_at(i)
        if number is None:
            self.rejected += 1             # of a symbol that was not asked for
            return
        if trade_find(&self.orders.t, number, i.trade_id) != NULL or self.is_past(number, i.trade_id):
            return
        key = f"i{number}n{i.order_id}"
        found = self.orphans.get(key)
        if found is not None and (not found[2] or self.lane.now - found[2] < ORPHAN_PATIENCE_NS):
            return
        self.orphans[key] = (number, i.order_id, self.lane.now)
        if len(self.orphans) > ORPHANS:
            del self.orphans[next(iter(self.orphans))]
        if self.state == "reconciling":
            self.want(key)
            self.put_questions()
        elif not self.ask_whose(key):
            del self.orphans[key]          # the next listing shows its trade again

    cdef bint ask_whose(self, str key) except *:
        number, order_id, _ = self.orphans[key]
        if not self.inquire(key, "order.status", {"symbol": self.instruments[number].symbol,
                                                  "orderId": order_id}):
            return False
        self.orphans[key] = (number, order_id, self.lane.now)
        return True

    cdef place_orphans(self, str id):
        """The order of a trade is known now: ours are adopted, and their trades asked for."""
        found = self.orphans.get(id)
        if found is None:
            return
        number, order_id, _ = found
        self.orphans[id] = (number, order_id, 0)
        if self.order_by_number(number, order_id) != NULL:
            self.ask_fills(number, f"o{number}n{order_id}", order_id)

    # ---- the instruments themselves

    cdef list names_of(self, str key):
        """The symbols that a question about metadata names: of all listings (`e`), or of those from
        one place to another (`e0:256`); of more than one, those that the venue knows."""
        cdef int k
        first, _, end = key[1:].partition(":")
        places = range(int(first), int(end)) if end else range(self.listing_count)
        return [self.instruments[self.listings[k].instrument].symbol for k in places
                if len(places) == 1 or self.listings[k].instrument not in self.gone]

    cdef bint ask_metadata(self, str key) except *:
        names = self.names_of(key)
        if not names:
            self.outstanding.discard(key)
            self.finish()
            return True
        if not self.inquire(key, "exchangeInfo", {"symbols": names}):
            return False
        self.named[key] = names
        return True

    cdef int unlist(self, str key, bint waited) except -1:
        """A question that names a symbol the venue does not know. Of many it does not say which: they
        are asked for in halves."""
        cdef tc_order_id of
        cdef tc_order* o
        what, parts = key[:1], []
        raw = key.encode()
        if what == "e":
            named = self.named.pop(key, None)
            if named is None:
                return 0                   # no question of ours
            first, _, end = key[1:].partition(":")
            low, high = (int(first), int(end)) if end else (0, self.listing_count)
            if high - low == 1:
                self.outstanding.discard(key)
                self.leave_out(self.listings[<int>low].instrument)
                return 0
            parts = [key] if named != self.names_of(key) else [
                f"e{low}:{(low + high) // 2}", f"e{(low + high) // 2}:{high}"]
            if waited:
                self.outstanding.discard(key)
                for part in parts:
                    self.want(part)
                self.put_questions()
                return 0
            for part in parts:
                self.ask_metadata(part)
            return 0
        if what in ("o", "t", "a"):
            if self.is_listed(number_of(key)):
                self.leave_out(number_of(key))
        elif what == "i" and key in self.orphans:
            self.leave_out(self.orphans[key][0])
        elif order_id_read(PyBytes_AS_STRING(raw) + 1, 22 if len(raw) == 23 else 0, &of):
            o = orders_by_id(&self.orders.t, of)
            if o != NULL:
                self.leave_out(o.instrument)
        return 0

    cdef bint is_listed(self, int number) noexcept:
        return 0 <= number < 65536 and self.listing_of[number] >= 0

    cdef int leave_out(self, int number) except -1:
        """The venue does not know this instrument: it is halted, and nothing waits for it."""
        self.gone.add(number)
        self.confirm_status(number, False)
        self.to_read.pop(number, None)
        for key in sorted(self.outstanding):
            if self.is_about(key, number):
                self.outstanding.discard(key)
                self.queue.pop(key, None)
                self.walks.pop(key, None)
                self.stalled.discard(key)
        self.finish()
        return 0

    cdef bint is_about(self, str key, int number) except *:
        cdef tc_order_id of
        cdef tc_order* o
        what, raw = key[:1], key.encode()
        if what == "o" or what == "t":
            return number_of(key) == number
        if what == "i":
            return key.startswith(f"i{number}n")
        if len(raw) == 23 and order_id_read(PyBytes_AS_STRING(raw) + 1, 22, &of):
            o = orders_by_id(&self.orders.t, of)
            return o != NULL and <int>o.instrument == number
        return False

    cdef show_gone(self):
        """What stands in `trouble` while nothing worse does."""
        if self.trouble is not None and self.trouble["kind"] != "instruments":
            return
        names = [self.instruments[n].symbol for n in sorted(self.gone)]
        if [one["symbol"] for one in self.trouble["unlike"]] != names if self.trouble else names:
            self.trouble = {"kind": "instruments", "unlike": [
                {"symbol": name, "number": NO_SUCH_SYMBOL, "message": "Invalid symbol."}
                for name in names]} if names else None

    cdef bint read_metadata(self) except *:
        """exchangeInfo: which instruments trade, and whether their tick and lot are still ours. False:
        it is none.

        One that trades in other steps than ours is halted: its orders would be refused or, worse,
        mean something else; so is one whose steps cannot be read.
        """
        cdef bint back = False
        try:
            listed = self.content()["symbols"]
        except (KeyError, TypeError):
            return False
        if not isinstance(listed, list):
            return False
        for found in listed:
            name = found.get("symbol") if isinstance(found, dict) else None
            number = self.symbols.get(name) if isinstance(name, str) else None
            if number is None:
                self.rejected += not isinstance(name, str)
                continue
            spec = self.instruments[number]
            try:
                steps = {f["filterType"]: f for f in found["filters"]}
                same = (spec.price(steps["PRICE_FILTER"]["tickSize"]) == 1
                        and spec.quantity(steps["LOT_SIZE"]["stepSize"]) == 1)
            except (KeyError, ValueError, TypeError, AttributeError, ArithmeticError):
                self.rejected += 1
                same = False
            self.confirm_status(number, found.get("status") == "TRADING" and same)
            if number in self.gone:
                self.gone.discard(number)
                back = True
        if back and self.state == "ready":
            self.begin_comparison()        # nothing of it was read meanwhile
        return True

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
        self.show_gone()
        if self.state == "reconciling":
            if now >= self.silent_until:
                if now >= self.look_again:
                    self.look_again = now + SECOND
                    self.ask_again()
                self.put_questions()
            return
        if self.state != "ready" or now < self.silent_until:
            return
        if now >= self.full_due:
            self.full_due = now + self.settings.full_s * SECOND
            self.fills_due = self.balances_due = 0
            self.ask_metadata("e")
            for k in range(self.listing_count):
                if self.listings[k].instrument in self.gone:   # is it there again?
                    self.ask_metadata(f"e{k}:{k + 1}")
        if self.has_rest and now >= self.second_due:
            self.second_due = now + self.settings.full_s * SECOND
            self.ask_second()
        if now >= self.orders_due:
            self.orders_due = now + self.settings.reconcile_s * SECOND
            if self.listing_count > FEW and not self.is_narrow:
                self.ask_named(EVERY)
            else:
                for k in range(self.listing_count):
                    if self.listings[k].instrument not in self.gone:
                        self.ask_named(f"o{self.listings[k].instrument}")
        if now >= self.balances_due:
            self.balances_due = now + self.settings.balances_s * SECOND
            self.ask_named("b")
        if now >= self.fills_due:
            self.fills_due = now + self.settings.fills_s * SECOND
            for k in range(self.listing_count):
                if self.listings[k].instrument not in self.gone:
                    self.to_read.setdefault(self.listings[k].instrument, 0)
        if self.to_read:
            self.read_on()

    cdef read_on(self):
        """The trades of the instruments whose turn it is, those first that the budget kept back
        longest; each from where it was read last, so a later turn loses nothing."""
        for number, due in list(self.to_read.items()):
            if due > self.lane.now:
                continue
            key = f"t{number}"
            way = self.walks.get(key)
            if key not in self.stalled and (
                    way is None or self.lane.now - way.turned > ANSWER_PATIENCE_NS):
                if not self.read_trades(number):
                    break
            del self.to_read[number]
