"""The pre-trade gate; see gate.h for its controls, units and layout."""

cimport cython
from libc.string cimport memset

from hotpath.instrument cimport Instrument
from hotpath.records cimport tc_intent

CONTROLS = {1: "R01", 2: "R02", 3: "R03", 4: "R04", 5: "R05", 6: "R06", 7: "R07", 8: "R08",
            9: "R09", 11: "R11", 12: "R12", 14: "R14", 15: "R15", 16: "R16", 19: "R19", 21: "R21",
            30: "deadline", 31: "group", 32: "outbox", 33: "room", 34: "lease", 35: "target",
            36: "shape", 37: "link"}
MODES = ("none", "replay", "simulation", "testnet", "live")
LARGEST = 2**63 - 1


cdef tc_order_id split_id(object whole) except *:
    cdef tc_order_id id
    id.hi = whole >> 64
    id.lo = whole & 0xFFFFFFFFFFFFFFFF
    return id


cdef int fill_intent(tc_intent* i, dict d) except -1:
    memset(i, 0, sizeof(tc_intent))
    i.op, i.side, i.type = d.get("op", 1), d["side"], d.get("type", 1)
    i.price, i.quantity, i.deadline = d.get("price", 0), d["quantity"], d.get("deadline", 0)
    i.feed, i.feed_epoch = d.get("feed", 0), d.get("feed_epoch", 0)
    i.feed_update_id = d.get("feed_update_id", 0)
    i.strategy, i.rule, i.venue = d.get("strategy", 0), d.get("rule", 0), d.get("venue", 0)
    i.target = split_id(d.get("target", 0))
    return 0


cdef int fill_inputs(tc_gate_inputs* n, dict d) except -1:
    memset(n, 0, sizeof(tc_gate_inputs))
    view = d.get("view")
    if view is not None:
        n.view_known = 1
        n.view.epoch, n.view.reason = view["epoch"], view.get("reason", 0)
        n.view.update_id, n.view.venue_time = view["update_id"], view.get("venue_time", 0)
        n.view_received, n.view_feed = view["received"], view["feed"]
        n.view_alive = view.get("alive", True)
    reference = d.get("reference")
    if reference is not None:
        n.reference_known = 1
        mul = div = 1
        if len(reference) > 3:                 # of the ticks of another market
            mul, div = reference[3:]
        n.reference_received = reference[2]
        gate_refer(n, reference[0], reference[1], mul, div)
    n.uncertainty, n.status_time = d.get("uncertainty", -1), d.get("status_time", 0)
    n.agreed, n.reconciled = d.get("agreed", False), d.get("reconciled", False)
    n.kill, n.retry, n.room = d.get("kill", 0), d.get("retry", False), d.get("room", False)
    return 0


@cython.final
cdef class Gate:
    """The gate of one venue: `room` orders at a time, `messages` remembered for the throttle.

    Both are powers of two; MemoryError when there is no memory. Every limit starts at 0, which
    allows nothing. Limits are int64: lots for quantities, 1e-8 quote units for notionals.
    """

    def __cinit__(self, uint32_t room=4096, uint32_t messages=1 << 14):
        if room < 2 or messages < 2 or room & (room - 1) or messages & (messages - 1):
            raise ValueError("room and messages are powers of two")
        if not gate_init(&self.g, room, messages):
            raise MemoryError

    def __dealloc__(self):
        gate_free(&self.g)

    def set_limits(self, *, uint32_t version, str mode, int64_t open_orders=0,
                   int64_t open_notional=0, int64_t gross_notional=0, int64_t net_notional=0,
                   int64_t long_notional=0, int64_t short_notional=0, int64_t per_second=0,
                   int64_t per_minute=0, int64_t cancel_share_ppm=0, minute_share_ppm=None,
                   int64_t executions=0,
                   int64_t executions_window_ns=0, int64_t rejects=0,
                   int64_t rejects_window_ns=0, int64_t request_window_ns=0,
                   int64_t status_age_ns=0, int64_t fee_ppm=0):
        """The venue's limits; `version` goes into every refusal. `minute_share_ppm`: the share of
        the minute's messages that is kept for cancels, None: as of the second's."""
        cdef tc_limits* l = &self.g.limits
        l.version, l.mode = version, MODES.index(mode)
        l.open_orders, l.open_notional = open_orders, open_notional
        l.gross_notional, l.net_notional = gross_notional, net_notional
        l.long_notional, l.short_notional = long_notional, short_notional
        l.per_second, l.per_minute, l.cancel_share_ppm = per_second, per_minute, cancel_share_ppm
        l.minute_share_ppm = cancel_share_ppm if minute_share_ppm is None else minute_share_ppm
        l.executions, l.executions_window_ns = executions, executions_window_ns
        l.rejects, l.rejects_window_ns = rejects, rejects_window_ns
        l.request_window_ns, l.status_age_ns, l.fee_ppm = request_window_ns, status_age_ns, fee_ppm

    def add_instrument(self, Instrument spec, *, int64_t quantity=0, int64_t notional=0,
                       int64_t longest=0, int64_t shortest=0, int64_t gross=0,
                       int64_t open_orders=0, int64_t open_notional=0, int64_t collar_bps=0,
                       int64_t window_bps=0, int64_t window_ns=0, int64_t feed_age_ns=0,
                       int64_t reference_age_ns=0):
        """An instrument and its limits; ValueError when there is no place for it."""
        cdef tc_instrument_limits l
        l.quantity, l.notional, l.longest, l.shortest = quantity, notional, longest, shortest
        l.gross, l.open_orders, l.open_notional = gross, open_orders, open_notional
        l.collar_bps, l.window_bps, l.window_ns = collar_bps, window_bps, window_ns
        l.feed_age_ns, l.reference_age_ns = feed_age_ns, reference_age_ns
        if not gate_add_instrument(&self.g, &spec.c, &l):
            raise ValueError(f"no place for instrument {spec.id}")

    def update_instrument(self, Instrument spec):
        """New metadata for an instrument; its limits stay."""
        if not gate_add_instrument(&self.g, &spec.c, NULL):
            raise ValueError(f"no place for instrument {spec.id}")

    def limit_asset(self, uint32_t asset, longest, shortest):
        """Limits of an asset's potential holding over all instruments, 1e-8 units."""
        if not gate_limit_asset(&self.g, asset, longest >> 64, longest & 0xFFFFFFFFFFFFFFFF,
                                shortest >> 64, shortest & 0xFFFFFFFFFFFFFFFF):
            raise ValueError(f"no place for asset {asset}")

    def lease(self, uint16_t strategy, int64_t share):
        """The fixed share of a strategy, 1e-8 quote units of potential exposure."""
        if not gate_lease(&self.g, strategy, share):
            raise ValueError(f"no place for strategy {strategy}")

    def balance(self, uint32_t asset, free, locked=0):
        """What the venue says we have of an asset, 1e-8 units."""
        cdef tc_balance b
        memset(&b, 0, sizeof(b))
        b.asset = asset
        b.free_hi, b.free_lo = free >> 64, free & 0xFFFFFFFFFFFFFFFF
        b.locked_hi, b.locked_lo = locked >> 64, locked & 0xFFFFFFFFFFFFFFFF
        if not gate_take_balance(&self.g, &b):
            raise ValueError(f"no place for asset {asset}")

    def halt(self, uint32_t instrument, bint on=True):
        """Halt or free an instrument; KeyError when it is not known."""
        cdef tc_gate_instrument* t = gate_instrument(&self.g, instrument)
        if t == NULL:
            raise KeyError(instrument)
        t.halted = on

    def enable(self, uint16_t strategy):
        """An operator lets a strategy and its rules go on after R14 or R16."""
        cdef int i
        for i in range(self.g.strategy_count):
            if self.g.strategies[i].source == strategy:
                self.g.strategies[i].halted = 0
        for i in range(self.g.rule_count):
            if self.g.rules[i].strategy == strategy:
                self.g.rules[i].disabled = 0
                self.g.rules[i].count = 0

    # ---- the two steps, for tests and cold venues

    def ask(self, dict intent, uint32_t instrument, id, int64_t now, dict inputs):
        """Reserve: None when it may go on, else the refusal as a dict."""
        cdef tc_intent i
        cdef tc_gate_inputs n
        cdef tc_refused out
        fill_intent(&i, intent)
        fill_inputs(&n, inputs)
        if gate_reserve(&self.g, &i, instrument, split_id(id), now, &n, &out) == 0:
            return None
        return self.refusal(&out)

    def ask_send(self, dict intent, uint32_t instrument, id, int64_t now, dict inputs):
        """The check before the write: None, or the refusal."""
        cdef tc_intent i
        cdef tc_gate_inputs n
        cdef tc_refused out
        memset(&out, 0, sizeof(out))
        fill_intent(&i, intent)
        fill_inputs(&n, inputs)
        if gate_send_check(&self.g, &i, instrument, split_id(id), now, &n, &out) == 0:
            return None
        return self.refusal(&out)

    def ask_cancel(self, id, int64_t now):
        """A cancel's only control; None or the refusal."""
        cdef tc_intent i
        cdef tc_refused out
        memset(&i, 0, sizeof(i))
        if gate_cancel(&self.g, &i, split_id(id), now, &out) == 0:
            return None
        return self.refusal(&out)

    cdef refusal(self, const tc_refused* out):
        return {"control": CONTROLS[out.control], "value": out.value, "limit": out.limit,
                "limit_version": out.limit_version, "venue": out.venue, "strategy": out.strategy,
                "op": out.op, "side": out.side, "input": (out.input[0], out.input[1], out.input[2], out.input[3])}

    def fill(self, uint32_t instrument, id, uint16_t strategy, uint8_t side, int64_t price,
             int64_t lots):
        """A trade; negative `lots` take one back."""
        gate_fill(&self.g, instrument, split_id(id), strategy, side, price, lots)

    def trim(self, id, int64_t lots):
        """The order is sent for at most `lots` of what was reserved for it."""
        gate_trim(&self.g, split_id(id), lots)

    def close(self, id):
        """The order can no longer trade; False when it holds nothing."""
        return gate_close(&self.g, split_id(id))

    def release(self, id):
        """The order was not sent after all; False when it holds nothing or was sent."""
        return gate_release(&self.g, split_id(id))

    def adopt(self, id, uint32_t instrument, uint16_t strategy, uint8_t side, int64_t price,
              int64_t quantity, *, int64_t cumulative=0, uint16_t rule=0, uint8_t type=1):
        """Count an order of an earlier life at its worst case; False when there is no room."""
        cdef tc_order o
        memset(&o, 0, sizeof(o))
        o.id, o.instrument, o.strategy, o.rule = split_id(id), instrument, strategy, rule
        o.side, o.type, o.price, o.quantity, o.cumulative = side, type, price, quantity, cumulative
        o.asked, o.here = quantity, cumulative
        return gate_adopt(&self.g, &o, price)

    def set_external(self, uint32_t instrument, int64_t orders, int64_t buying, int64_t selling,
                     int64_t cost, int64_t worth, int64_t price):
        """What orders that are not ours have open: lots, and ticks times lots of the buys (`cost`)
        and of the sells (`worth`), valued at a price in ticks (0: at the next order). It replaces
        what was told; False when it cannot be counted."""
        return gate_set_external(&self.g, instrument, orders, buying, selling, cost, worth, price)

    def worst(self, id):
        """The worst price at which an order was reserved, in ticks; 0: it holds nothing."""
        return gate_worst(&self.g, split_id(id))

    def reserved(self, id):
        """(asset, amount in 1e-8 units) that an order holds reserved; None when it holds nothing."""
        cdef int64_t hi
        cdef uint64_t lo
        cdef uint32_t asset
        if not gate_reserved(&self.g, split_id(id), &hi, &lo, &asset):
            return None
        return asset, (<object>hi << 64) | <object>lo

    def forget_balances(self):
        """What the venue said we have is not known until it says it again."""
        gate_forget_balances(&self.g)

    def warm(self, id):
        """Fetch the lines in which the next orders of `id`'s source will be booked; changes nothing."""
        gate_wake(&self.g)
        gate_warm(&self.g, split_id(id))

    def restore(self, uint32_t instrument, int64_t lots, int64_t price):
        """The position as the journal has it, valued at a price: it replaces what was counted."""
        gate_restore(&self.g, instrument, lots, price)

    def restore_strategy(self, uint16_t strategy, uint32_t instrument, int64_t cost, bint first):
        """What a strategy bought more than it sold, in ticks times lots; `first` of its instruments."""
        gate_restore_strategy(&self.g, strategy, instrument, cost, first)

    def note_reject(self, uint16_t strategy, int64_t now):
        """The venue rejected an order of this strategy (R16)."""
        gate_note_reject(&self.g, strategy, now)

    def exposure(self, uint32_t instrument):
        """(position, open buys, open sells) in lots, and open orders; None when not known."""
        cdef tc_gate_instrument* t = gate_instrument(&self.g, instrument)
        return None if t == NULL else (t.position, t.buying, t.selling, t.orders)

    @property
    def open_notional(self):
        """What all that is open may come to at worst, 1e-8 quote units, of 64 bits at most."""
        return gate_open_notional(&self.g)

    @property
    def refusals(self):
        """Refusals by control."""
        return {name: self.g.refusals[n] for n, name in CONTROLS.items() if self.g.refusals[n]}
