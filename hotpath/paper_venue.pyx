"""Paper orders behind the real gate; see paper_venue.pxd.

An order's number at Paper is its place in the order table and a count, so that a report finds its
order by an index, and one of an order whose place is taken by another is dropped.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
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

cdef extern from *:
    ctypedef long long int128 "__int128"

DEF ROOM = 4096                            # orders at once, and the bits of a place in a number
DEF TICK = 1
DEF TICK_NS = 50_000_000                   # cancels that the throttle held back wait for it
DEF CONFIRM_TICKS = 1200                   # metadata count as confirmed once a minute


class BalanceTooLarge(ValueError):
    """An amount beyond 64 bits of 1e-8 units."""


cdef class PaperVenue(Venue):
    """`papers` by listing, in the order of `add_listing`; `deposit` before the lane starts."""

    def __init__(self, lane, name, outbox):
        super().__init__(lane, name, outbox, room=ROOM)
        self.papers = []
        self.attach(ScriptedConnection(0))

    def add_paper(self, Paper paper not None):
        """Where the orders of the next listing go."""
        self.papers.append(paper)

    def deposit(self, uint32_t asset, amount):
        """What the account holds at first, 1e-8 units."""
        if not 0 <= amount < 1 << 62:
            raise BalanceTooLarge(f"{amount} of asset {asset}")
        self.assets[self.asset_count].asset = asset
        self.assets[self.asset_count].free = amount
        self.asset_count += 1

    def balance(self, uint32_t asset):
        """What the account holds, 1e-8 units; None: it does not know this asset."""
        cdef int i
        for i in range(self.asset_count):
            if self.assets[i].asset == asset:
                return self.assets[i].free
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
        return 1 if o.new_quantity > o.cumulative else 0

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
                                  o.time_in_force, o.new_price, o.new_quantity - o.cumulative)
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
            return self.filled(o, e)
        if e.kind == TC_PAPER_ACCEPTED:
            r.type, r.venue_order_id = TC_EV_ACK, e.order
            if is_next:
                r.type, r.successor = TC_EV_REPLACED, o.replacement
                self.number_of[place], self.next_of[place] = e.order, 0
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

    cdef int filled(self, tc_order* o, const tc_paper_event* e) except -1:
        cdef Instrument spec = <Instrument>self.instruments[o.instrument]
        cdef int64_t notional, base, fee
        cdef int128 product
        cdef int overflow = 0
        cdef uint32_t base_asset = spec.c.base_asset, quote_asset = spec.c.quote_asset
        cdef int side = o.side
        cdef tc_report r
        notional = <int64_t>instrument_notional(&spec.c, e.price, e.quantity, &overflow)
        base = base_units(spec, e.quantity)
        product = <int128>notional * (self.maker_ppm if e.maker else self.taker_ppm)
        fee = <int64_t>((product + 999999) // 1000000) if product > 0 else -<int64_t>(-product // 1000000)
        memset(&r, 0, sizeof(r))
        self.last_trade += 1
        r.id, r.type, r.cumulative, r.venue_time = o.id, TC_EV_FILL, -1, e.happened
        r.price, r.quantity, r.trade_id, r.venue_order_id = (
            e.price, e.quantity, self.last_trade, e.order)
        self.report(o, &r, 0, fee, quote_asset, e.maker)
        self.move(base_asset, base if side == TC_BUY else -base)
        self.move(quote_asset, -notional - fee if side == TC_BUY else notional - fee)
        return 0

    cdef int move(self, uint32_t asset, int64_t amount) except -1:
        """Change a balance and tell it."""
        cdef tc_balance b
        cdef int i
        for i in range(self.asset_count):
            if self.assets[i].asset == asset:
                self.assets[i].free += amount
                memset(&b, 0, sizeof(b))
                b.free_lo = <uint64_t>self.assets[i].free
                b.free_hi = -1 if self.assets[i].free < 0 else 0
                b.asset, b.venue, b.venue_time = asset, self.source, self.lane.now
                return self.take_balance(&b)
        return 0


cdef int64_t base_units(Instrument spec, int64_t lots) noexcept:
    """Lots in 1e-8 of the base asset, what is finer cut off."""
    cdef int128 v = <int128>lots * spec.c.lot
    cdef int d = spec.c.quantity_scale
    while d < 8:
        v *= 10
        d += 1
    while d > 8:
        v //= 10
        d -= 1
    return <int64_t>v
