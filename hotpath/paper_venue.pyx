"""Paper orders behind the real gate; see paper_venue.pxd.

An order's number at Paper is its place in the order table and a count, so that a report finds its
order by an index, and one of an order whose place is taken by another is dropped.
"""

from libc.stdint cimport INT64_MAX, int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memset

from hotpath.instrument cimport Instrument, instrument_notional
from hotpath.lane cimport ScriptedConnection
from hotpath.order cimport (
    TC_PENDING_REPLACE,
    order_id_none,
    tc_order,
    tc_report,
)
from hotpath.paper cimport (
    TC_PAPER_ACCEPTED,
    TC_PAPER_CANCELED,
    TC_PAPER_CANCEL_REJECTED,
    TC_PAPER_EXPIRED,
    TC_PAPER_REJECTED,
    TC_PAPER_TRADE,
    Paper,
    tc_paper_event,
)
from hotpath.records cimport (
    TC_BUY,
    TC_EV_ACK,
    TC_EV_CANCELED,
    TC_EV_CANCEL_REJECTED,
    TC_EV_EXPIRED,
    TC_EV_FILL,
    TC_EV_REJECT,
    TC_EV_REPLACED,
    TC_EV_REPLACE_REJECTED,
    TC_REASON_NOT_SENT,
    tc_balance,
)
from hotpath.venue cimport Venue

DEF ROOM = 4096                            # orders at once, and the bits of a place in a number
DEF TICK = 1
DEF TICK_NS = 50_000_000                   # cancels that the throttle held back wait for it
DEF CONFIRM_TICKS = 1200                   # metadata count as confirmed once a minute


class BalanceTooLarge(ValueError):
    """An amount beyond 100 bits of 1e-8 units, or one asset too many."""


class FeeUnknown(ValueError):
    """A fee in an asset whose price in the quote asset nobody stated, or beyond 64 bits."""


cdef class PaperVenue(Venue):
    """`papers` by listing, in the order of `add_listing`; `deposit` before the lane starts."""

    def __init__(self, lane, name, outbox):
        super().__init__(lane, name, outbox, room=ROOM)
        self.papers = []
        self.gate.g.told_first = 1
        self.attach(ScriptedConnection(0))

    def add_paper(self, Paper paper not None):
        """Where the orders of the next listing go."""
        self.papers.append(paper)

    def deposit(self, uint32_t asset, amount):
        """What the account holds at first, 1e-8 units."""
        if not 0 <= amount < 1 << 100 or self.asset_count == 512:
            raise BalanceTooLarge(f"{amount} of asset {asset}")
        self.assets[self.asset_count].asset = asset
        self.assets[self.asset_count].free_hi = amount >> 64
        self.assets[self.asset_count].free_lo = amount & 0xffffffffffffffff
        self.asset_count += 1

    def charge_in(self, what, uint32_t asset=0, prices=None, int64_t discount_ppm=0):
        """What fees are paid in: "quote", "received", or "asset": `asset`, whose `prices` are 1e-8
        units by quote asset, `discount_ppm` of the fee let off. Of everything a fill moves, ppm."""
        kinds = {"quote": TC_FEE_QUOTE, "received": TC_FEE_RECEIVED, "asset": TC_FEE_ASSET}
        self.fee_in, self.fee_asset, self.fee_discount_ppm = kinds[what], asset, discount_ppm
        self.fee_price_count = 0
        if not 0 <= discount_ppm <= 1000000 or len(prices or {}) > 64:
            raise ValueError("a discount is at most all of the fee; 64 prices at most")
        for quote, price in (prices or {}).items():
            if price <= 0:
                raise ValueError("a price is above zero")
            self.fee_prices[self.fee_price_count].quote = quote
            self.fee_prices[self.fee_price_count].price = price
            self.fee_price_count += 1

    def balance(self, uint32_t asset):
        """What the account holds, 1e-8 units; None: it does not know this asset."""
        cdef int i
        for i in range(self.asset_count):
            if self.assets[i].asset == asset:
                return (<object>self.assets[i].free_hi << 64) + self.assets[i].free_lo
        return None

    # ---- life

    def on_start(self):
        """Open the gate: there is nothing to reconcile with."""
        cdef int i
        self.confirm()
        self.lane.arm(self, self.lane.now + TICK_NS, TICK)
        for i in range(self.asset_count):
            self.move(self.assets[i].asset, 0)
        self.set_reconciled(True)

    def confirm(self):
        """The metadata are what the configuration says, for as long as the back-test runs."""
        for number in self.instruments:
            self.confirm_status(number)

    def on_stop(self):
        """Nothing new; cancels first."""
        self.stopping = True
        self.cancel_all()

    def is_idle(self):
        """No order may still trade."""
        return self.orders.t.live == 0

    cdef int take_timer(self, uint64_t token, int64_t due) except -1:
        self.ticks += 1
        if self.ticks % CONFIRM_TICKS == 0:
            self.confirm()
        if self.waiting:
            self.retry_cancels()
        self.lane.arm(self, due + TICK_NS, TICK)
        return 0

    # ---- downstream

    cdef uint64_t new_number(self, tc_order* o) noexcept:
        self.last_number += 1
        return self.last_number * ROOM + <uint64_t>(o - self.orders.t.orders)

    cdef int write_place(self, tc_order* o, char* to) except -1:
        return 1                           # no text: `send_order` gives it to Paper

    cdef int write_replace(self, tc_order* o, char* to) except -1:
        return 1 if o.new_asked > 0 else 0

    cdef int send_order(self, tc_order* o, int n) except -1:
        """To Paper, now that the gate has looked a last time. 1: it is on its way."""
        cdef Paper paper = <Paper>self.papers[self.listing_of[o.instrument]]
        cdef uint64_t at = <uint64_t>(o - self.orders.t.orders)
        cdef uint64_t number
        cdef bint taken
        if n <= 0:
            self.end_unsent(o, TC_REASON_NOT_SENT)
            return 0
        number = self.new_number(o)
        if o.pending == TC_PENDING_REPLACE:
            taken = paper.replace(self.lane.now, self.number_of[at], number, o.side, o.type,
                                  o.time_in_force, o.new_price, o.new_asked)
            self.next_of[at] = number
        else:
            taken = paper.place(self.lane.now, number, o.side, o.type, o.time_in_force, o.price,
                                o.quantity)
            self.number_of[at], self.next_of[at] = number, 0
        o.sent = self.lane.now
        self.moved = True
        if not taken:
            self.end_unsent(o, TC_REASON_NOT_SENT)
            return 0
        self.sent += 1
        return 1

    cdef int write_cancel(self, tc_order* o, char* to) except -1:
        """By the id it has: while a replacement is under way that is the old one's, as live."""
        cdef Paper paper = <Paper>self.papers[self.listing_of[o.instrument]]
        self.moved = True
        return paper.cancel(self.lane.now, self.number_of[<uint64_t>(o - self.orders.t.orders)])

    # ---- upstream

    cdef int take_event(self, int at, const tc_paper_event* e) except -1:
        """What Paper tells of an order, now that it is visible."""
        cdef uint64_t place = e.order % ROOM
        cdef tc_order* o = &self.orders.t.orders[place]
        cdef bint is_next = self.next_of[place] == e.order
        cdef tc_report r
        if not o.used or not (is_next or self.number_of[place] == e.order):
            return 0
        memset(&r, 0, sizeof(r))
        r.id, r.cumulative, r.venue_time, r.definite = o.id, -1, e.happened, 1
        r.price, r.quantity = e.price, e.quantity
        if e.kind == TC_PAPER_TRADE:
            return self.filled(o, e, is_next)
        if e.kind == TC_PAPER_ACCEPTED:
            r.type, r.venue_order_id = TC_EV_ACK, e.order
            if is_next:
                r.type, r.successor = TC_EV_REPLACED, o.replacement
                self.number_of[place], self.next_of[place] = e.order, 0
                self.report(o, &r, 0, 0, 0, False)
                return 0
        elif e.kind == TC_PAPER_EXPIRED:
            r.type = TC_EV_EXPIRED
        elif e.kind == TC_PAPER_CANCELED:
            if e.reason:
                return 0                   # replaced: the next event says by what
            r.type = TC_EV_CANCELED
        elif e.kind == TC_PAPER_CANCEL_REJECTED:
            r.type, r.reason = TC_EV_CANCEL_REJECTED, -<int32_t>e.reason
            if is_next:
                self.next_of[place] = 0
                if order_id_none(o.replacement):
                    return 0               # the order ended first, and its replacement with it
                r.type = TC_EV_REPLACE_REJECTED
        elif e.kind == TC_PAPER_REJECTED:
            r.type, r.reason = TC_EV_REJECT, -<int32_t>e.reason
            if is_next:                    # the cancel was done, the placement refused
                self.next_of[place] = 0
                r.type = TC_EV_REPLACE_REJECTED
                self.report(o, &r, 0, 0, 0, False)
                r.type = TC_EV_CANCELED
        else:
            return 0
        self.report(o, &r, 0, 0, 0, False)
        return 0

    cdef int filled(self, tc_order* o, const tc_paper_event* e, bint is_next) except -1:
        cdef Instrument spec = <Instrument>self.instruments[o.instrument]
        cdef int128 notional, base, received, fee
        cdef int64_t rate = self.maker_ppm if e.maker else self.taker_ppm
        cdef int64_t price
        cdef int overflow = 0
        cdef uint32_t base_asset = spec.c.base_asset, quote_asset = spec.c.quote_asset
        cdef uint32_t fee_asset
        cdef bint buys = o.side == TC_BUY
        cdef tc_report r
        notional = instrument_notional(&spec.c, e.price, e.quantity, &overflow)
        if overflow:
            raise BalanceTooLarge(f"{e.quantity} lots at {e.price} ticks")
        base = base_units(spec, e.quantity, buys)
        received = base if buys else notional
        fee_asset = base_asset if buys else quote_asset
        if self.fee_in == TC_FEE_QUOTE:
            received, fee_asset = notional, quote_asset
        fee = fee_of(received, rate)
        if self.fee_in == TC_FEE_ASSET:
            price = self.price_of_fee(quote_asset)
            if price == 0:
                raise FeeUnknown(f"asset {self.fee_asset} in quote asset {quote_asset}")
            received = up(notional * rate * (1000000 - self.fee_discount_ppm), <int128>price * 10000)
            if received <= self.free_of(self.fee_asset):
                fee, fee_asset = received, self.fee_asset
        if fee > INT64_MAX or fee < -INT64_MAX:
            raise FeeUnknown(f"of {e.quantity} lots at {e.price} ticks: beyond 64 bits")
        memset(&r, 0, sizeof(r))
        self.last_trade += 1
        r.id = o.replacement if is_next and not order_id_none(o.replacement) else o.id
        r.type, r.cumulative, r.venue_time = TC_EV_FILL, -1, e.happened
        r.price, r.quantity, r.trade_id, r.venue_order_id = (
            e.price, e.quantity, self.last_trade, e.order)
        self.move(base_asset, (base if buys else -base) - (fee if fee_asset == base_asset else 0))
        self.move(quote_asset,
                  (-notional if buys else notional) - (fee if fee_asset == quote_asset else 0))
        if fee_asset != base_asset and fee_asset != quote_asset:
            self.move(fee_asset, -fee)
        self.report(o, &r, 0, <int64_t>fee, fee_asset, e.maker)
        return 0

    cdef int64_t price_of_fee(self, uint32_t quote) noexcept:
        """1e-8 of a quote asset for one of the fee's asset; 0: nobody stated it."""
        cdef int i
        if quote == self.fee_asset:
            return 100000000
        for i in range(self.fee_price_count):
            if self.fee_prices[i].quote == quote:
                return self.fee_prices[i].price
        return 0

    cdef int128 free_of(self, uint32_t asset) noexcept:
        cdef int i
        for i in range(self.asset_count):
            if self.assets[i].asset == asset:
                return (<int128>self.assets[i].free_hi << 64) + self.assets[i].free_lo
        return 0

    cdef int move(self, uint32_t asset, int128 amount) except -1:
        """Change a balance and tell it."""
        cdef tc_balance b
        cdef int i
        for i in range(self.asset_count):
            if self.assets[i].asset == asset:
                amount += (<int128>self.assets[i].free_hi << 64) + self.assets[i].free_lo
                memset(&b, 0, sizeof(b))
                b.free_lo = <uint64_t>amount
                b.free_hi = <int64_t>(amount >> 64)
                self.assets[i].free_lo, self.assets[i].free_hi = b.free_lo, b.free_hi
                b.asset, b.venue, b.venue_time = asset, self.source, self.lane.now
                return self.take_balance(&b)
        return 0


cdef int128 up(int128 a, int128 b) noexcept:
    """a / b, rounded up; b > 0. Divisions here are C's, towards zero."""
    return a // b + (1 if a % b > 0 else 0)


cdef int128 fee_of(int128 amount, int64_t ppm) noexcept:
    """ppm of an amount, rounded towards the venue; a rebate is below zero."""
    return up(amount * ppm, 1000000)


cdef int128 base_units(Instrument spec, int64_t lots, bint buys) noexcept:
    """Lots in 1e-8 of the base asset; what is finer is cut off from a buyer, asked of a seller."""
    cdef int128 v = <int128>lots * spec.c.lot
    cdef int128 unit = 1
    cdef int d = spec.c.quantity_scale
    while d < 8:
        v *= 10
        d += 1
    while d > 8:
        unit *= 10
        d -= 1
    return v // unit if buys else up(v, unit)
