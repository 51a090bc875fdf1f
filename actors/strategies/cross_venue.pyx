"""Two venues, one instrument: when one book crosses the other by more than fees and a margin, buy
on one and sell on the other in one group, and hedge what was filled on one side only.

All arithmetic is in integers: prices in 1e-8 quote, quantities in 1e-8 base, fees in parts per
million, edges in 128 bits. One pair is in flight at a time, so a decision needs no search.
"""

from math import gcd
from typing import Annotated

import msgspec
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memset

from engine.settings import DECIMAL, setting

from hotpath.book cimport Book
from hotpath.instrument cimport Instrument
from hotpath.market cimport Market
from hotpath.order cimport (
    TC_EFFECT_APPLIED,
    TC_EFFECT_COMPENSATED,
    TC_EFFECT_MASK,
    TC_UNKNOWN,
    status_is_terminal,
)
from hotpath.records cimport (
    TC_BALANCE,
    TC_BUY,
    TC_HEDGE,
    TC_IOC,
    TC_LIMIT,
    TC_SELL,
    tc_balance,
    tc_fill,
    tc_header,
    tc_intent,
    tc_level,
    tc_order_event,
    tc_order_id,
    tc_refused,
)
from hotpath.strategy cimport TC_WHY_NOT, Strategy

cdef extern from *:
    ctypedef long long int128 "__int128"

DEF DEPTH = 16
DEF RULE_PAIR = 1
DEF RULE_HEDGE = 2
DEF TIMER_HEDGE_DUE = 1
DEF TIMER_RETRY = 2
DEF RETRY_NS = 50_000_000


def units(text):
    """Plain decimal text in units of 1e-8; what is finer is cut off."""
    whole, _, part = text.partition(".")
    return int(whole + part[:8].ljust(8, "0"))


def text_of(int64_t value):
    """Units of 1e-8 as plain decimal text."""
    sign, whole = ("-", -value) if value < 0 else ("", value)
    return f"{sign}{whole // 100000000}.{whole % 100000000:08d}".rstrip("0").rstrip(".")


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of cross_venue."""

    margin_ppm: Annotated[int, setting(
        "ppm of the price", "Gain demanded beyond both taker fees.", ge=0, le=100_000)] = 50
    max_quantity: Annotated[str, setting(
        "base", "Largest size of one pair.", pattern=DECIMAL)] = "0.01"
    hedge_deadline_ms: Annotated[int, setting(
        "ms", "Time after which a half-filled pair counts as unhedged.", ge=10, le=600_000)] = 2000
    hedge_slippage_ppm: Annotated[int, setting(
        "ppm of the price", "How far through the best price a hedge may trade.",
        ge=0, le=100_000)] = 2000
    pause_ms: Annotated[int, setting(
        "ms", "Rest after a pair, so that both books show it before the next.",
        ge=0, le=60_000)] = 20
    intent_life_ms: Annotated[int, setting(
        "ms", "Deadline of an intent after its decision.", ge=1, le=60_000)] = 100


cdef class CrossVenue(Strategy):
    """Follows exactly two markets (one per venue) of the same instrument."""

    def set_up(self, setup):
        """Units and fees; needs exactly two markets."""
        cdef int i
        if len(self.markets) != 2:
            raise ValueError(f"{self.name} needs two markets, got {len(self.markets)}")
        s = setup.settings
        listings = list(setup.listings.values())
        for i in range(2):
            spec = (<Market>self.markets[i]).spec
            self.price_unit[i] = units(spec.tick)
            self.lot_unit[i] = units(spec.lot)
            venue = setup.lane.venues[listings[i].spec.venue]
            self.fee_ppm[i] = venue.settings.taker_fee_ppm
        a, b = self.lot_unit[0], self.lot_unit[1]
        self.step = a * b // gcd(a, b)
        self.max_quantity = units(s.max_quantity)
        self.margin_ppm = s.margin_ppm
        self.hedge_slippage_ppm = s.hedge_slippage_ppm
        self.hedge_ns = s.hedge_deadline_ms * 1_000_000
        self.pause_ns = s.pause_ms * 1_000_000
        self.intent_life_ns = s.intent_life_ms * 1_000_000
        self.wants |= 1 << TC_BALANCE

    # ---- an earlier life

    def restore(self, document):
        """Go on with what a death has cut in half: wait for its orders, hedge what is left."""
        cdef leg* l
        cdef int market
        for instrument, lots in document["net"].items():
            market = self.market_of(int(instrument))
            if market >= 0:
                self.residual += <int64_t>lots * self.lot_unit[market]
        for order in document["orders"]:
            market = self.market_of(order["instrument"])
            if market < 0 or self.leg_count == 8:
                continue                   # its fills count when they come, known or not
            l = &self.legs[self.leg_count]
            memset(l, 0, sizeof(leg))
            id = int(order["id"], 16)
            l.id.hi, l.id.lo = id >> 64, id & 0xffffffffffffffff
            l.quantity, l.filled, l.told = order["quantity"], order["cumulative"], -1
            l.market, l.side, l.is_open = market, order["side"], True
            self.residual += (-1 if l.side == TC_BUY else 1) * l.filled * self.lot_unit[market]
            self.leg_count += 1
        self.group = document["group"] or 1

    def on_start(self):
        """What an earlier life left is looked at before the first pair."""
        if self.leg_count or self.residual:
            self.unfinished()

    cdef int market_of(self, uint32_t instrument) noexcept:
        cdef int i
        for i in range(2):
            if (<Market>self.markets[i]).instrument == instrument:
                return i
        return -1

    # ---- decide

    cdef int on_top(self, Market market) except -1:
        if self.state != IDLE or self.lane.now < self.not_before:
            self.skipped_busy += 1
            return 0
        if (<Market>self.markets[0]).top.reason or (<Market>self.markets[1]).top.reason:
            self.skipped_invalid += 1
            self.doubtful = 0 if (<Market>self.markets[0]).top.reason else 1
            self.doubt = (<Market>self.markets[self.doubtful]).top.reason
            return 0
        if not self.has_balance[0] or not self.has_balance[1]:
            self.skipped_balance += 1
            return 0
        if self.seek(0, 1):
            return 0
        self.seek(1, 0)
        return 0

    cdef bint seek(self, int buy, int sell) except -1:
        """Buy on one, sell on the other, as far as both books pay for it; True when sent."""
        cdef Market bm = <Market>self.markets[buy]
        cdef Market sm = <Market>self.markets[sell]
        cdef tc_level asks[DEPTH]
        cdef tc_level bids[DEPTH]
        cdef int na, nb, i = 0, j = 0
        cdef int64_t ask, bid, left_a, left_b, take, room, quantity = 0
        cdef int64_t buy_price = 0, sell_price = 0
        cdef int128 edge, need, gain = 0
        ask = bm.top.ask_price * self.price_unit[buy]
        bid = sm.top.bid_price * self.price_unit[sell]
        if bid - ask > self.best_gap or self.best_ask == 0:
            self.best_gap, self.best_ask, self.best_bid, self.best_buy = bid - ask, ask, bid, buy
        if bid <= ask or bm.top.ask_quantity == 0 or sm.top.bid_quantity == 0:
            return False
        na = bm.book.levels(TC_SELL, asks, DEPTH)
        nb = sm.book.levels(TC_BUY, bids, DEPTH)
        # the venue's own best may be newer than the levels: what lies before it is gone
        while i < na and asks[i].price < bm.top.ask_price:
            i += 1
        while j < nb and bids[j].price > sm.top.bid_price:
            j += 1
        if i < na and asks[i].price == bm.top.ask_price:
            asks[i].quantity = bm.top.ask_quantity
        if j < nb and bids[j].price == sm.top.bid_price:
            bids[j].quantity = sm.top.bid_quantity
        room = min(self.max_quantity, self.free_base[sell])
        left_a = asks[i].quantity * self.lot_unit[buy] if i < na else 0
        left_b = bids[j].quantity * self.lot_unit[sell] if j < nb else 0
        while i < na and j < nb and room > 0:
            ask = asks[i].price * self.price_unit[buy]
            bid = bids[j].price * self.price_unit[sell]
            edge = (<int128>bid * (1000000 - self.fee_ppm[sell])
                    - <int128>ask * (1000000 + self.fee_ppm[buy]))
            need = <int128>ask * self.margin_ppm
            if edge <= need:
                break
            take = min(min(left_a, left_b), room)
            gain += edge * take
            quantity += take
            room -= take
            left_a -= take
            left_b -= take
            buy_price, sell_price = asks[i].price, bids[j].price
            if left_a == 0:
                i += 1
                left_a = asks[i].quantity * self.lot_unit[buy] if i < na else 0
            if left_b == 0:
                j += 1
                left_b = bids[j].quantity * self.lot_unit[sell] if j < nb else 0
        if quantity == 0:
            self.skipped_edge += 1
            return False
        # the quote balance must pay for all of it at the limit price, fee included
        need = <int128>buy_price * self.price_unit[buy] * (1000000 + self.fee_ppm[buy])
        need = <int128>self.free_quote[buy] * 1000000 * 100000000 // need
        if need < quantity:
            quantity = <int64_t>need
        quantity -= quantity % self.step
        self.last_edge = <int64_t>(gain // (<int128>1000000 * 100000000))
        self.last_quantity = quantity
        if quantity <= 0 or not self.tradable(buy, quantity, buy_price) \
                or not self.tradable(sell, quantity, sell_price):
            self.skipped_size += 1
            return False
        self.start_pair(buy, sell, quantity, buy_price, sell_price)
        return True

    def why_not(self):
        """What kept it from trading since the last call, with the numbers (hotpath/strategy.pyx).

        The edge is that of the best moment: what the books offered and what fees and margin take.
        """
        cdef int64_t cost
        found = {}
        if self.skipped_invalid:
            market = <Market>self.markets[self.doubtful]
            found["book invalid"] = {"count": self.skipped_invalid, "market": market.name,
                                     "doubt": self.doubt}
        if self.skipped_balance:
            found["balance not known"] = {"count": self.skipped_balance}
        if self.skipped_busy:
            found["pair at work or resting"] = {"count": self.skipped_busy}
        if self.best_ask:
            cost = <int64_t>((<int128>self.best_ask * (self.fee_ppm[self.best_buy] + self.margin_ppm)
                              + <int128>self.best_bid * self.fee_ppm[1 - self.best_buy]) // 1000000)
            if self.best_gap <= cost:
                found["edge below cost"] = {
                    "count": self.skipped_edge,
                    "ask": text_of(self.best_ask), "bid": text_of(self.best_bid),
                    "edge": text_of(self.best_gap), "cost": text_of(cost),
                    "buy": (<Market>self.markets[self.best_buy]).name,
                }
        if self.skipped_size:
            found["size too small"] = {"count": self.skipped_size,
                                       "quantity": text_of(self.last_quantity)}
        self.skipped_busy = self.skipped_invalid = self.skipped_balance = 0
        self.skipped_edge = self.skipped_size = 0
        self.best_ask = self.best_gap = 0
        return found

    cdef bint tradable(self, int market, int64_t quantity, int64_t price):
        """Not below the venue's smallest quantity and notional."""
        cdef Instrument spec = <Instrument>(<Market>self.markets[market]).spec
        if quantity // self.lot_unit[market] < spec.c.min_quantity:
            return False
        # quantity and price, each an int64 in units of 1e-8: their product fits 128 bits
        return (<int128>quantity * price * self.price_unit[market]
                >= <int128>spec.c.min_notional * 100000000)

    cdef int start_pair(self, int buy, int sell, int64_t quantity, int64_t buy_price,
                        int64_t sell_price) except -1:
        cdef uint64_t position = self.outbox.writer.position
        self.state = WORKING
        self.leg_count = 0
        self.group = position + 1
        self.generation += 1
        self.hedge_due = 0
        self.pairs += 1
        self.add_leg(buy, TC_BUY, quantity, buy_price, RULE_PAIR, 0)
        self.add_leg(sell, TC_SELL, quantity, sell_price, RULE_PAIR, 0)
        if self.submit() == 0 and self.leg_count == 2:
            self.finish()
        return 0

    cdef add_leg(self, int market, int side, int64_t quantity, int64_t price, int rule, int flags):
        cdef Market m = <Market>self.markets[market]
        cdef tc_intent* t = self.draft(m)
        cdef leg* l = &self.legs[self.leg_count]
        memset(l, 0, sizeof(leg))
        l.id = self.id_of(self.outbox.writer.position + self.drafted, self.drafted - 1, 0)
        l.quantity = quantity // self.lot_unit[market]
        l.told = -1
        l.side, l.market, l.is_open = side, market, True
        self.leg_count += 1
        t.side, t.price, t.quantity = side, price, l.quantity
        t.type, t.time_in_force, t.rule, t.flags = TC_LIMIT, TC_IOC, rule, flags
        t.expected_price = m.top.ask_price if side == TC_BUY else m.top.bid_price
        t.edge = self.last_edge
        t.group = self.group

    # ---- what came of it

    cdef leg* leg_of(self, const tc_order_id* order) noexcept:
        cdef int i
        for i in range(self.leg_count):
            if self.legs[i].id.hi == order.hi and self.legs[i].id.lo == order.lo:
                return &self.legs[i]
        return NULL

    cdef int take_order(self, const tc_header* r, const tc_order_event* e) except -1:
        cdef leg* l = self.leg_of(&e.id)
        if l == NULL:
            return 0
        l.is_unknown = e.evidence == TC_UNKNOWN
        if e.cumulative >= 0:
            l.told = e.cumulative
        l.is_open = not status_is_terminal(e.status)
        return self.check()

    cdef int take_fill(self, const tc_header* r, const tc_fill* f) except -1:
        cdef leg* l = self.leg_of(&f.id)
        cdef int market
        if l == NULL:
            market = self.market_of(r.instrument)
            if market >= 0 and f.effect & TC_EFFECT_MASK == TC_EFFECT_APPLIED \
                    and not f.effect & TC_EFFECT_COMPENSATED:   # a guess of it was counted
                # of a pair that was over, or of an earlier life: it is in nobody's sum yet
                self.residual += (1 if f.side == TC_BUY else -1) * f.quantity * self.lot_unit[market]
                if self.state == IDLE:
                    self.unfinished()
            return 0
        if f.effect & TC_EFFECT_MASK == TC_EFFECT_APPLIED:
            l.filled = f.cumulative        # not a sum: a trade may take the place of a guess
        l.is_open = not status_is_terminal(f.status)
        if not l.is_open:
            l.is_unknown = False           # a fill that ends an order is the answer to any doubt
        if not self.hedge_due and self.imbalance() != 0:
            self.hedge_due = self.lane.now + self.hedge_ns
            self.lane.arm(self, self.hedge_due, self.generation << 8 | TIMER_HEDGE_DUE)
        return self.check()

    cdef int take_refused(self, const tc_header* r, const tc_refused* x) except -1:
        cdef leg* l = self.leg_of(&x.id)
        if l == NULL:
            return 0
        l.is_open = False
        return self.check()

    cdef int take_record_balance(self, const tc_header* r) except -1:
        cdef const tc_balance* b = <const tc_balance*>(<const char*>r + sizeof(tc_header))
        cdef int i
        cdef int64_t free = <int64_t>b.free_lo if b.free_hi == 0 and b.free_lo < (1 << 62) else 1 << 62
        for i in range(2):
            if (<Market>self.markets[i]).venue != b.venue:
                continue
            spec = (<Market>self.markets[i]).spec
            if b.asset == spec.base_asset:
                self.free_base[i] = free
                self.has_balance[i] = True
            elif b.asset == spec.quote_asset:
                self.free_quote[i] = free
        return 0

    cdef int take_market(self, const tc_header* r) except -1:
        if r.kind == TC_BALANCE:
            return self.take_record_balance(r)
        return Strategy.take_market(self, r)

    cdef int64_t imbalance(self) noexcept:
        """Bought minus sold in this group, 1e-8 base."""
        cdef int i
        cdef int64_t total = 0, amount
        for i in range(self.leg_count):
            amount = self.legs[i].filled * self.lot_unit[self.legs[i].market]
            total += amount if self.legs[i].side == TC_BUY else -amount
        return total

    cdef int check(self) except -1:
        """When every leg's end is known: done, or hedge what one side has more."""
        cdef int i
        cdef leg* l
        cdef int64_t net
        if self.state == IDLE:
            return 0
        for i in range(self.leg_count):
            l = &self.legs[i]
            if l.is_open or l.is_unknown or l.told > l.filled:
                return 0
        net = self.imbalance() + self.residual
        if net == 0:
            self.residual = 0
            self.finish()
            return 0
        if not self.sees():
            self.state = HEDGING
            return self.later()            # whether it can be hedged is not known
        if not self.hedgeable(net):
            self.residual = net
            self.finish()
            return 0
        if self.lane.now < self.retry_at:
            return 0                       # a timer comes
        return self.hedge(net)

    cdef unfinished(self):
        """Something stands open that no pair here has begun: no new pair until it is looked at."""
        self.state = HEDGING
        self.generation += 1
        self.hedge_due = 0
        self.later()

    cdef bint sees(self) noexcept:
        """Is one of the books valid?"""
        return (<Market>self.markets[0]).top.reason == 0 or (<Market>self.markets[1]).top.reason == 0

    cdef int later(self) except -1:
        """Look again after a while, and not before."""
        self.retry_at = self.lane.now + RETRY_NS
        self.lane.arm(self, self.retry_at, self.generation << 8 | TIMER_RETRY)
        return 0

    cdef bint hedgeable(self, int64_t net):
        """May a venue take it? A market in doubt, or with nobody on the side that would be met, has
        no price to tell by: there only the smallest quantity says no, and it is looked at again."""
        cdef int i
        cdef int64_t amount = net if net > 0 else -net
        cdef int64_t size, price
        cdef Market m
        for i in range(2):
            m = <Market>self.markets[i]
            size = amount - amount % self.lot_unit[i]
            price = m.top.bid_price if net > 0 else m.top.ask_price
            if m.top.reason or (m.top.bid_quantity if net > 0 else m.top.ask_quantity) == 0:
                if size > 0 and size // self.lot_unit[i] >= (<Instrument>m.spec).c.min_quantity:
                    return True
            elif self.tradable(i, size, price):
                return True
        return False

    cdef int hedge(self, int64_t imbalance) except -1:
        """Trade the difference away where it costs least, through the best by at most a limit."""
        cdef int side = TC_SELL if imbalance > 0 else TC_BUY
        cdef int64_t amount = imbalance if imbalance > 0 else -imbalance
        cdef int64_t best = 0, price, worst, size, chosen_worst = 0, chosen_size = 0
        cdef int i, chosen = -1
        cdef Market m
        self.state = HEDGING
        if not self.hedge_due:
            self.hedge_due = self.lane.now + self.hedge_ns
            self.lane.arm(self, self.hedge_due, self.generation << 8 | TIMER_HEDGE_DUE)
        for i in range(2):
            m = <Market>self.markets[i]
            if m.top.reason or (m.top.bid_quantity if side == TC_SELL else m.top.ask_quantity) == 0:
                continue
            price = (m.top.bid_price if side == TC_SELL else m.top.ask_price) * self.price_unit[i]
            worst = <int64_t>(<int128>price * self.hedge_slippage_ppm // 1000000)
            worst = (price - worst if side == TC_SELL else price + worst) // self.price_unit[i]
            size = min(amount, self.can_trade(i, side, worst))
            size -= size % self.lot_unit[i]
            if not self.tradable(i, size, price // self.price_unit[i]):
                continue
            if chosen < 0 or (price > best if side == TC_SELL else price < best):
                chosen, best, chosen_worst, chosen_size = i, price, worst, size
        if chosen < 0 or self.leg_count == 8:
            self.compact()
            return self.later()
        self.hedges += 1
        self.add_leg(chosen, side, chosen_size, chosen_worst, RULE_HEDGE, TC_HEDGE)
        if self.submit() == 0:
            return self.later()            # the refusal is delivered after this
        return 0

    cdef int64_t can_trade(self, int market, int side, int64_t price) noexcept:
        """What the account there has for one order at this price, fee included; 1e-8 base."""
        cdef int128 cost, amount
        if side == TC_SELL:
            return self.free_base[market]
        cost = <int128>price * self.price_unit[market] * (1000000 + self.fee_ppm[market])
        if cost <= 0:
            return 0
        amount = <int128>self.free_quote[market] * 1000000 * 100000000 // cost
        return <int64_t>min(amount, <int128>1 << 62)

    cdef compact(self):
        """Fold ended legs into one entry per side, so that retries never run out of room."""
        cdef int i, kept = 0
        cdef int64_t net = self.imbalance()
        for i in range(self.leg_count):
            if self.legs[i].is_open or self.legs[i].is_unknown or self.legs[i].told > self.legs[i].filled:
                self.legs[kept] = self.legs[i]
                kept += 1
        self.leg_count = kept
        self.residual += net - self.imbalance()

    cdef finish(self):
        self.state = IDLE
        self.leg_count = 0
        self.retry_at = 0                  # of this pair: the next one's timers are its own
        self.not_before = self.lane.now + self.pause_ns

    cdef int take_timer(self, uint64_t token, int64_t due) except -1:
        if token == TC_WHY_NOT:
            return self.tell_why_not()
        if token >> 8 != self.generation or self.state == IDLE:
            return 0
        return self.check()
