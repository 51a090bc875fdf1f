"""What every venue does alike: from an intent to bytes on the wire, and from a report to records.

The order of things is the safety of this file. The gate reserves before anything is written; the
`approved` record is in the outbox before the first byte leaves; the gate looks once more (kill,
deadline, freshness) right before the send; a frame that the socket does not take whole is never
kept: its order is UNKNOWN and the connection is over. Nothing here decides that an order does not
exist: only the venue's word, proof that no byte left, or proven absence (the subclass) ends one.

Texts are written into one buffer per actor, anew for each order, because the transport masks in
place. No Python object is made on the way down.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from hotpath.gate cimport (
    TC_CONTROL_ROOM,
    TC_CONTROL_TARGET,
    Gate,
    gate_adopt,
    gate_cancel,
    gate_close,
    gate_fill,
    gate_instrument,
    gate_note_reject,
    gate_refer,
    gate_refuse,
    gate_release,
    gate_reserve,
    gate_reserved,
    gate_restore,
    gate_restore_strategy,
    gate_send_check,
    gate_take_balance,
    gate_trim,
    gate_wake,
    gate_warm,
    gate_worst,
    tc_gate_inputs,
)
from hotpath.board cimport tc_board_get, tc_board_slot, tc_board_version
from hotpath.histogram cimport Stages
from hotpath.instrument cimport TC_INSTRUMENT_HALTED, TC_INSTRUMENT_TRADING, Instrument
from hotpath.lane cimport TC_LAP_ENCODE, TC_LAP_RISK, TC_LAP_SEND, Actor, Lane
from hotpath.market cimport tc_top_slot
from hotpath.order cimport (
    TC_EFFECT_APPLIED,
    TC_EFFECT_FILL_QUERY,
    TC_EFFECT_HALT,
    TC_EFFECT_IGNORED,
    TC_EFFECT_ILLEGAL,
    TC_EFFECT_MASK,
    TC_EFFECT_POSITION,
    TC_EFFECT_COMPENSATED,
    TC_EFFECT_QUERY,
    TC_EFFECT_TERMINAL,
    TC_FACT_ACKED,
    TC_FACT_APPROVED,
    TC_FACT_CANCELED,
    TC_FACT_EXPIRED,
    TC_PENDING_CANCEL,
    TC_STATUS_CANCELED,
    TC_STATUS_DENIED,
    TC_STATUS_EXPIRED,
    TC_STATUS_NEW,
    TC_STATUS_PARTIALLY_FILLED,
    TC_STATUS_PENDING_NEW,
    TC_TRADE_BUSTED,
    TC_UNKNOWN,
    Orders,
    order_apply,
    order_approve,
    order_id_copy,
    order_id_none,
    order_id_pack,
    order_id_same,
    order_is_surplus,
    orders_by_id,
    orders_new,
    orders_prepare,
    orders_wake,
    remnant_add,
    remnant_keep,
    status_is_live,
    status_is_terminal,
    trade_find,
    trade_keep,
    tc_known_trade,
    tc_order,
    tc_remnant,
    tc_report,
)
from hotpath.records cimport (
    TC_APPROVED,
    TC_BALANCE,
    TC_COMMAND,
    TC_DOCUMENT,
    TC_EV_ACK,
    TC_EV_APPROVED,
    TC_EV_CANCEL_REJECTED,
    TC_EV_CANCEL_REQUESTED,
    TC_EV_DENIED,
    TC_EV_FILL,
    TC_EV_REJECT,
    TC_EV_REPLACED,
    TC_EV_REPLACE_REJECTED,
    TC_EV_REPLACE_REQUESTED,
    TC_EV_TRADE_BUST,
    TC_EV_TRADE_CORRECTION,
    TC_EV_UNKNOWN,
    TC_FILL,
    TC_FLAG_GUESS,
    TC_INTENT,
    TC_MARKET,
    TC_OP_CANCEL,
    TC_OP_CANCEL_ALL,
    TC_OP_REPLACE,
    TC_ORDER_EVENT,
    TC_REASON_GROUP,
    TC_REASON_NOT_SENT,
    TC_REASON_RESTART,
    TC_REASON_SEND_PARTIAL,
    TC_REFUSED,
    tc_approved,
    tc_balance,
    tc_fill,
    tc_header,
    tc_intent,
    tc_order_event,
    tc_order_id,
    tc_refused,
)

from hotpath.ring cimport Outbox, tc_claim, tc_commit, tc_warm, tc_writer
from hotpath.template cimport template_spell

from hotpath.lane import OutboxFull
from hotpath.records import unpack

cdef extern from "hotpath/fetch.h" nogil:
    void tc_fetch(const void* p, size_t n)

DEF TEXT_ROOM = 4096
DEF HEADROOM = 64
DEF CANCEL_ONLY = 2                        # as the refusal of R21 tells it; 1: killed
COMMAND_BIT = 1 << TC_COMMAND


class NoProtocol(TypeError):
    """A venue class that does not say how its orders leave."""


class TooMuch(ValueError):
    """More instruments or strategies than one venue actor holds."""


cdef inline tc_order_id id_of(Venue venue, const tc_header* r, const tc_intent* i) noexcept nogil:
    return order_id_pack(venue.instance, r.source, r.position, i.leg, i.attempt)


# ---- the board, read with each order. A slot whose version is the one of the last reading has not
# changed; what has is read through the lane, which records it. In a replay the lane says what was read.


cdef inline bint unchanged(Lane lane, const tc_word* w) noexcept:
    return w.at != NULL and tc_board_version(w.at) == w.version and lane.slot_feed is None


cdef inline const tc_board_slot* slot_at(Lane lane, int slot) noexcept:
    return &lane.board.slots[slot] if <size_t>slot < lane.slot_count else NULL


cdef inline uint64_t word_now(Lane lane, tc_word* w) noexcept:
    if w.slot < 0 or unchanged(lane, w):
        return w.word
    w.word = 0
    w.version = lane.read_slot(w.slot, &w.word, 8)
    w.at = slot_at(lane, w.slot)
    return w.word


cdef inline uint64_t top_now(Lane lane, int slot, tc_top_slot* to) noexcept:
    if <size_t>slot < lane.slot_count and lane.slot_owned[slot]:   # never recorded, so never fed
        return tc_board_get(&lane.board.slots[slot], to, sizeof(tc_top_slot))
    return lane.read_slot(slot, to, sizeof(tc_top_slot))


cdef inline bint has_room(Lane lane, Outbox outbox, uint32_t n) noexcept:
    if lane.slot_feed is None and tc_claim(&outbox.writer, n, False) != NULL:
        return True
    return lane.has_room(outbox, n)


cdef class Venue(Actor):
    def __cinit__(self):
        cdef int i
        self.text = <char*>malloc(TEXT_ROOM + HEADROOM)
        if self.text == NULL:
            raise MemoryError
        for i in range(65536):
            self.listing_of[i] = -1
        self.clock_slot = self.kill_slot = self.venue_kill_slot = self.own_slot = -1
        self.hold_slot = -1
        self.kill_all.slot = self.kill_venue.slot = self.hold_all.slot = -1
        self.clock.word = <uint64_t>-1

    def __dealloc__(self):
        free(self.text)
        free(self.cancels_next)
        free(self.wishes)

    def __init__(self, lane, name, outbox, *, room=4096):
        super().__init__(lane, name, outbox)
        self.gate = Gate(room)
        self.orders = Orders(room)
        self.cancels_next = <uint8_t*>calloc(room, 1)
        self.wishes = <uint8_t*>calloc(room, 1)
        if self.cancels_next == NULL or self.wishes == NULL:
            raise MemoryError
        self.instruments, self.told = {}, {}
        self.reserved = True           # reports and cancels may use the outbox's reserve
        self.wants = 1 << TC_INTENT | 1 << TC_COMMAND
        self.stage_own = -1
        self.stage_tick_to_order = self.stage_ack = self.stage_fill = self.stage_risk = -1

    def on_gate_closed(self):
        """Nothing new leaves from here on; cancels may."""
        self.stopping = True

    # ---- configuration

    def add_listing(self, Instrument spec, *, views, int reference=-1, int64_t reference_mul=1,
                    int64_t reference_div=1, int kill=-1, limits=None):
        """An instrument: `views` maps a feed's source to the board slot of its top."""
        cdef tc_listing* l
        cdef int n = 0
        if self.listing_count == 512 or len(views) > 4 or spec.c.id >= 65536:
            raise TooMuch(spec.symbol)
        l = &self.listings[self.listing_count]
        memset(l, 0, sizeof(tc_listing))
        l.instrument = spec.c.id
        for feed, slot in views.items():
            l.view[n].feed, l.view[n].slot = feed, slot
            n += 1
        l.views = n
        l.reference, l.reference_mul, l.reference_div = reference, reference_mul, reference_div
        l.kill.slot = kill
        self.listing_of[spec.c.id] = self.listing_count
        self.listing_count += 1
        self.instruments[spec.c.id] = spec
        self.gate.add_instrument(spec, **(limits or {}))

    def add_strategy(self, int source, *, int64_t share, int kill=-1):
        """A strategy that may send orders here, with its share of the limits (1e-8 quote)."""
        if self.strategy_kills == 32:
            raise TooMuch(f"strategy {source}")
        self.strategy_kill[self.strategy_kills].strategy = source
        self.strategy_kill[self.strategy_kills].kill.slot = kill
        self.strategy_kills += 1
        self.gate.lease(source, share)

    def set_slots(self, *, int clock, int kill=-1, int venue_kill=-1, int hold=-1, instance=0):
        """The board slots it reads besides tops, and the number of the state directory."""
        self.clock_slot, self.kill_slot, self.venue_kill_slot = clock, kill, venue_kill
        self.hold_slot = hold
        self.kill_all.slot, self.kill_venue.slot, self.hold_all.slot = kill, venue_kill, hold
        self.kill_all.at = self.kill_venue.at = self.hold_all.at = self.clock.at = NULL
        self.instance = instance

    def set_stages(self, stages):
        """Where latencies are recorded: the lane's histograms, or None."""
        cdef Stages s = stages
        self.stages = stages
        self.stage_own = self.stage_tick_to_order = self.stage_ack = self.stage_fill = -1
        if stages is not self.lane.stages:
            self.lane.set_stages(stages)
        if stages is None:
            return
        self.stage_own = s.index("own")
        self.stage_tick_to_order = s.index("tick_to_order")
        self.stage_ack = s.index("ack")
        self.stage_fill = s.index("fill")

    def confirm_status(self, int instrument, bint trading=True):
        """The instrument's metadata were read from the venue just now.

        A halt of ours (dispute, overfill) is another thing and stays until an operator ends it.
        """
        cdef int at = self.listing_of[instrument]
        if at >= 0:
            self.listings[at].status_time = self.lane.now
            gate_instrument(&self.gate.g, instrument).spec.status = (
                TC_INSTRUMENT_TRADING if trading else TC_INSTRUMENT_HALTED)

    # ---- downstream: an intent

    cdef uint64_t read_word(self, int slot) noexcept:
        cdef uint64_t word = 0
        if slot >= 0:
            self.lane.read_slot(slot, &word, 8)
        return word

    cdef uint8_t kill_word(self, uint16_t strategy, int listing) noexcept:
        """1 when any scope that holds this order is closed."""
        cdef int i
        if word_now(self.lane, &self.kill_all) or word_now(self.lane, &self.kill_venue):
            return 1
        if listing >= 0 and word_now(self.lane, &self.listings[listing].kill):
            return 1
        for i in range(self.strategy_kills):
            if self.strategy_kill[i].strategy == strategy:
                return 1 if word_now(self.lane, &self.strategy_kill[i].kill) else 0
        return 0

    cdef uint64_t read_clock(self) noexcept:
        """The clock's slot has changed: its uncertainty, -1 when it is not known."""
        cdef int64_t clock[2]
        self.clock.word = <uint64_t>-1
        if self.clock_slot >= 0:
            self.clock.version = self.lane.read_slot(self.clock_slot, clock, 16)
            self.clock.at = slot_at(self.lane, self.clock_slot)
            if self.clock.version:
                self.clock.word = <uint64_t>clock[1]
        return self.clock.word

    cdef int gather(self, const tc_header* r, const tc_intent* i) except -1:
        """Everything the gate must be told with this intent; returns the listing's index."""
        cdef tc_gate_inputs* n = &self.inputs
        cdef int at = self.listing_of[r.instrument & 0xffff]
        cdef tc_listing* l
        cdef tc_top_slot slot
        cdef int k, read = -1              # the slot that is in hand, of this lane's own
        n.kill = self.kill_word(i.strategy, at)
        if n.kill == 0 and word_now(self.lane, &self.hold_all):
            n.kill = CANCEL_ONLY
        n.agreed = self.agreed
        n.reconciled = self.reconciled and not self.stopping
        n.room = has_room(self.lane, self.outbox, sizeof(tc_approved))
        n.uncertainty = <int64_t>(self.clock.word if unchanged(self.lane, &self.clock)
                                  else self.read_clock())
        n.retry = self.is_retry(r, i) if i.attempt else 0
        n.view_known = n.view_alive = n.reference_known = 0
        n.status_time = 0
        if at < 0:
            return at
        l = &self.listings[at]
        n.status_time = l.status_time
        for k in range(l.views):
            if l.view[k].feed == i.feed:
                if top_now(self.lane, l.view[k].slot, &slot):
                    n.view_known = n.view_alive = 1
                    n.view.epoch, n.view.reason = slot.top.epoch, slot.top.reason
                    n.view.update_id, n.view.venue_time = slot.top.update_id, slot.top.venue_time
                    n.view_received = slot.received
                    n.view_feed = slot.feed
                    if self.lane.slot_owned[l.view[k].slot]:
                        read = l.view[k].slot
                break
        if l.reference >= 0 and (l.reference == read or top_now(self.lane, l.reference, &slot)):
            if slot.top.reason == 0 and slot.top.bid_quantity and slot.top.ask_quantity:
                n.reference_known = 1
                gate_refer(n, slot.top.bid_price, slot.top.ask_price, l.reference_mul,
                           l.reference_div)
                n.reference_received = slot.received
        return at

    cdef bint is_retry(self, const tc_header* r, const tc_intent* i):
        """The attempt before was rejected for certain (4.6)."""
        cdef tc_order* o = orders_by_id(&self.orders.t, order_id_pack(
            self.instance, r.source, r.position, i.leg, i.attempt - 1))
        return o != NULL and not status_is_live(o.status)

    cdef int reserve(self, const tc_header* r) except -1:
        """The gate's first step: an order in status INTENT and its worst case booked, or refused."""
        cdef const tc_intent* i = <const tc_intent*>(<const char*>r + sizeof(tc_header))
        cdef tc_refused out
        cdef tc_order_id id
        cdef int control
        if i.op == TC_OP_CANCEL or i.op == TC_OP_CANCEL_ALL:
            return 0
        self.gather(r, i)
        id = id_of(self, r, i)
        control = gate_reserve(&self.gate.g, i, r.instrument, id, self.lane.now, &self.inputs, &out)
        if control:
            if self.gate.g.starved:        # a replay, which has memory, would decide otherwise
                raise MemoryError(f"{self.name}: no memory for a rule of the gate")
            self.refuse(r, &out)
            if i.op != TC_OP_REPLACE:
                self.tell_denied(r, id, control)
            return control
        if i.op == TC_OP_REPLACE:
            return self.reserve_replace(r, i, id)
        if orders_new(&self.orders.t, i, id, r.instrument, (<uint64_t>r.source << 48) | r.position,
                      self.lane.now) == NULL:
            gate_release(&self.gate.g, id)
            memset(&out, 0, sizeof(out))
            out.id, out.venue, out.strategy = id, i.venue, i.strategy
            out.op, out.side = i.op, i.side
            control = gate_refuse(&self.gate.g, &out, TC_CONTROL_ROOM, 0, 0, 0, 0, 0, 0)
            self.refuse(r, &out)
            self.tell_denied(r, id, control)
            return control
        return 0

    cdef int reserve_replace(self, const tc_header* r, const tc_intent* i, tc_order_id id):
        """A replace needs an order that the venue has acknowledged and that nothing else changes."""
        cdef tc_order* o = orders_by_id(&self.orders.t, i.target)
        cdef tc_refused out
        if o != NULL and o.status in (TC_STATUS_NEW, TC_STATUS_PARTIALLY_FILLED) and \
                o.pending == 0 and order_id_none(o.replacement):
            gate_trim(&self.gate.g, id, i.quantity - o.cumulative)
            return 0
        gate_release(&self.gate.g, id)
        memset(&out, 0, sizeof(out))
        out.id, out.venue, out.strategy, out.op = id, self.source, i.strategy, i.op
        gate_refuse(&self.gate.g, &out, TC_CONTROL_TARGET, 0 if o == NULL else o.status, 0, 0, 0, 0, 0)
        self.refuse(r, &out)
        return TC_CONTROL_TARGET

    cdef int refuse(self, const tc_header* r, const tc_refused* out) except -1:
        """A refusal is a record with the control and what it found."""
        self.refused += 1
        self.emit(TC_REFUSED, r.instrument, (<uint64_t>r.source << 48) | r.position, out,
                  sizeof(tc_refused))
        return 0

    cdef int tell_denied(self, const tc_header* r, tc_order_id id, int control) except -1:
        """And the end of the order's life as every other end is told; the control is its reason."""
        cdef const tc_intent* i = <const tc_intent*>(<const char*>r + sizeof(tc_header))
        cdef tc_order_event e
        memset(&e, 0, sizeof(e))
        e.id, e.cumulative = id, -1
        e.reason, e.type, e.status, e.effect = (
            control, TC_EV_DENIED, TC_STATUS_DENIED, TC_EFFECT_APPLIED | TC_EFFECT_TERMINAL)
        e.venue, e.strategy = self.source, i.strategy
        self.emit(TC_ORDER_EVENT, r.instrument, (<uint64_t>r.source << 48) | r.position, &e,
                  sizeof(e))
        return 0

    cdef int release(self, const tc_header* r, int reason) except -1:
        """Another leg was refused: nothing of this one is sent."""
        cdef const tc_intent* i = <const tc_intent*>(<const char*>r + sizeof(tc_header))
        cdef tc_order* o = orders_by_id(&self.orders.t, id_of(self, r, i))
        gate_release(&self.gate.g, id_of(self, r, i))
        if o != NULL:
            self.end_unsent(o, reason)
        return 0

    cdef int deny(self, const tc_header* r, int reason) except -1:
        """A leg that was never asked for, because one before it was refused."""
        cdef const tc_intent* i = <const tc_intent*>(<const char*>r + sizeof(tc_header))
        cdef tc_order* o = orders_new(
            &self.orders.t, i, id_of(self, r, i), r.instrument,
            (<uint64_t>r.source << 48) | r.position, self.lane.now)
        if o != NULL:
            self.end_unsent(o, reason)
        return 0

    cdef int end_unsent(self, tc_order* o, int reason) except -1:
        cdef tc_report denied
        memset(&denied, 0, sizeof(denied))
        denied.id, denied.type, denied.reason, denied.definite = o.id, TC_EV_DENIED, reason, 1
        denied.cumulative = -1
        if not order_id_none(o.replacement):       # a replace that never left: the order lives
            denied.type, denied.successor = TC_EV_REPLACE_REJECTED, o.replacement
            gate_release(&self.gate.g, o.replacement)
        else:
            gate_release(&self.gate.g, o.id)
        self.report(o, &denied, o.cause, 0, 0, False)
        return 0

    cdef int execute(self, const tc_header* r) except -1:
        """The gate's second step: approved, written, looked at once more, sent. 1: it left."""
        cdef const tc_intent* i = <const tc_intent*>(<const char*>r + sizeof(tc_header))
        cdef tc_order_id id = id_of(self, r, i)
        cdef tc_order* o
        cdef tc_report step
        cdef tc_refused out
        cdef int n
        if i.op == TC_OP_CANCEL:
            return self.execute_cancel(r, i)
        if i.op == TC_OP_CANCEL_ALL:
            return self.cancel_all((<uint64_t>r.source << 48) | r.position)
        o = orders_by_id(&self.orders.t, i.target if i.op == TC_OP_REPLACE else id)
        if o == NULL:
            return 0
        if i.legs > 1:
            self.gather(r, i)              # what was gathered last was another leg's
        self.approve(r, i, id)
        if i.op == TC_OP_REPLACE:
            memset(&step, 0, sizeof(step))
            step.id, step.cumulative = o.id, -1
            step.type, step.successor = TC_EV_REPLACE_REQUESTED, id
            step.price, step.quantity = i.price, i.quantity
            if order_apply(&self.orders.t, o, &step, self.lane.now) & TC_EFFECT_MASK != \
                    TC_EFFECT_APPLIED:     # no place for another id of its chain
                gate_release(&self.gate.g, id)
                memset(&out, 0, sizeof(out))
                out.id, out.venue, out.strategy, out.op = id, self.source, i.strategy, i.op
                gate_refuse(&self.gate.g, &out, TC_CONTROL_ROOM, 0, 0, 0, 0, 0, 0)
                return self.refuse(r, &out)
        else:
            order_approve(&self.orders.t, o, self.lane.now)
        if self.lane.sampled:
            self.lane.lap(TC_LAP_RISK)
        if i.op == TC_OP_REPLACE:
            n = self.write_replace(o, self.text + HEADROOM)
        else:
            n = self.write_place(o, self.text + HEADROOM)
        if self.lane.sampled:
            self.lane.lap(TC_LAP_ENCODE)
        self.inputs.kill = self.kill_word(i.strategy, self.listing_of[r.instrument & 0xffff])
        if gate_send_check(&self.gate.g, i, r.instrument, id, self.lane.now, &self.inputs, &out):
            self.refuse(r, &out)
            self.end_unsent(o, TC_REASON_NOT_SENT)
            return 0
        if self.lane.sampled:
            self.lane.lap(TC_LAP_RISK)
        if self.stage_own >= 0:
            self.stages.record(self.stage_own, self.lane.mark() - i.stamp_in_hand)
        if not self.send_order(o, n):
            return 0
        if self.stage_tick_to_order >= 0:
            self.stages.record(
                self.stage_tick_to_order, self.lane.mark() - i.stamp_in_hand)
        orders_prepare(&self.orders.t, id)
        gate_warm(&self.gate.g, id)
        template_spell(&self.next_half, id.lo + (1 << 24))
        return 1

    cdef int approve(self, const tc_header* r, const tc_intent* i, tc_order_id id) except -1:
        """The `approved` record, written where it will lie."""
        cdef tc_approved* a = <tc_approved*>tc_claim(
            &self.outbox.writer, sizeof(tc_approved), self.reserved)
        if a == NULL:
            raise OutboxFull(self.name)
        order_id_copy(&a.id, id)
        a.target.hi, a.target.lo = i.target.hi, i.target.lo
        a.price, a.quantity, a.deadline = i.price, i.quantity, i.deadline
        if i.type == TC_MARKET:            # what a next life must hold for it
            a.price = gate_worst(&self.gate.g, id)
        a.reserved_hi, a.reserved_lo, a.reserved_asset = 0, 0, 0
        gate_reserved(&self.gate.g, id, &a.reserved_hi, &a.reserved_lo, &a.reserved_asset)
        a.limit_version = self.gate.g.limits.version
        a.venue, a.strategy, a.op, a.side = self.source, i.strategy, i.op, i.side
        a.type, a.time_in_force, a.flags, a.pad = i.type, i.time_in_force, i.flags, 0
        a.stamp_approved = self.lane.mark()
        if tc_commit(&self.outbox.writer, TC_APPROVED, r.instrument, self.lane.now,
                     (<uint64_t>r.source << 48) | r.position, 0) == 0:
            raise OutboxFull(self.name)
        tc_warm(&self.outbox.writer)
        if self.listeners:
            self.tell(TC_APPROVED)
        return 0

    cdef int send_order(self, tc_order* o, int n) except -1:
        """One send of the text in the buffer. 1: the socket took all of it."""
        cdef int64_t took
        if n <= 0:
            self.end_unsent(o, TC_REASON_NOT_SENT)
            return 0
        took = self.send(self.order_channel, self.text + HEADROOM, n)
        if self.lane.sampled:
            self.lane.lap(TC_LAP_SEND)
        o.sent = self.lane.now         # the turn's time, not the clock's: a replay decides alike
        if took == n:
            self.sent += 1
            self.want_query(o)
            return 1
        if took <= 0:
            self.end_unsent(o, TC_REASON_NOT_SENT)   # the kernel took nothing: that is proof
        else:
            self.unknown(o, TC_REASON_SEND_PARTIAL)
            self.close(self.order_channel)           # half a frame: the connection is over
        return 0

    cdef int execute_cancel(self, const tc_header* r, const tc_intent* i) except -1:
        """A cancel needs no reservation: only the throttle can hold it back."""
        cdef tc_order* o = orders_by_id(&self.orders.t, i.target)
        cdef tc_refused out
        if o == NULL or not status_is_live(o.status):
            memset(&out, 0, sizeof(out))
            out.id, out.venue, out.strategy, out.op = i.target, self.source, i.strategy, i.op
            gate_refuse(&self.gate.g, &out, TC_CONTROL_TARGET, 0 if o == NULL else o.status,
                        0, 0, 0, 0, 0)
            self.refuse(r, &out)
            return 0
        if gate_cancel(&self.gate.g, i, i.target, self.lane.now, &out):
            if self.waiting == 256:
                self.refuse(r, &out)
                return 0
            self.wait_id[self.waiting] = i.target
            self.wait_cause[self.waiting] = (<uint64_t>r.source << 48) | r.position
            self.waiting += 1
            return 0
        return self.cancel_order(o, (<uint64_t>r.source << 48) | r.position)

    cdef int retry_cancels(self) except -1:
        """Cancels that the throttle made wait (R11: only cancels do); a subclass's timer calls it."""
        cdef tc_intent i
        cdef tc_refused out
        cdef tc_order* o
        cdef int k, done = 0
        if not self.waiting:
            return 0
        memset(&i, 0, sizeof(i))
        while done < self.waiting:
            o = orders_by_id(&self.orders.t, self.wait_id[done])
            if o != NULL and status_is_live(o.status):
                if gate_cancel(&self.gate.g, &i, o.id, self.lane.now, &out):
                    break
                self.cancel_order(o, self.wait_cause[done])
            done += 1
        for k in range(done, self.waiting):
            self.wait_id[k - done], self.wait_cause[k - done] = self.wait_id[k], self.wait_cause[k]
        self.waiting -= done
        return 0

    cdef int cancel_order(self, tc_order* o, uint64_t cause) except -1:
        """Ask the venue to cancel; repeating it is allowed (4.4). 1: it left. What did not, or was
        lost on its way, leaves later (`repeat_cancels`).

        While a replace is open the cancel names the order that it ends: if that is gone when the
        cancel comes, the one in its place is asked for as soon as it is known (`report`).
        """
        cdef tc_report step
        cdef int n
        self.wish(o, True)
        self.cancels_next[o - self.orders.t.orders] = not order_id_none(o.replacement)
        if o.pending == 0:
            memset(&step, 0, sizeof(step))
            step.id, step.type, step.cumulative = o.id, TC_EV_CANCEL_REQUESTED, -1
            self.report(o, &step, cause, 0, 0, False)
        if self.lane.sampled:
            self.lane.lap(TC_LAP_RISK)
        n = self.write_cancel(o, self.text + HEADROOM)
        if self.lane.sampled:
            self.lane.lap(TC_LAP_ENCODE)
        if n <= 0 or self.send(self.order_channel, self.text + HEADROOM, n) != n:
            return 0
        if self.lane.sampled:
            self.lane.lap(TC_LAP_SEND)
        o.sent = self.lane.now
        self.sent += 1
        self.want_query(o)
        return 1

    cdef int wish(self, const tc_order* o, bint on) noexcept:
        """Note that this order is not wanted any more, or that it is over."""
        cdef uint8_t* w = &self.wishes[o - self.orders.t.orders]
        self.wished += on - <int>w[0]
        w[0] = on
        return 0

    cdef int end_wish(self, const tc_order* o, uint8_t said) noexcept:
        """After a report: it is over; or the venue would not, and whoever asked hears it.

        Of an order that the venue has not shown yet "no such order" says only that it is not there
        yet: its placement may still come. And a stop asks until the end.
        """
        if self.wishes[o - self.orders.t.orders] and (not status_is_live(o.status) or (
                said == TC_EV_CANCEL_REJECTED and o.status != TC_STATUS_PENDING_NEW
                and not self.stopping)):
            self.wish(o, False)
        return 0

    cdef int repeat_cancels(self, int64_t since) except -1:
        """A cancel stands until its order is over or the venue refuses it: one that no connection
        took, that was lost with one (`since`: engine time of the beginning of this one), or of an
        order that was seen alive afterwards is asked for again. One that was refused waits for the
        next word about its order. A subclass's timer calls it."""
        cdef uint32_t k
        cdef tc_order* o
        cdef tc_intent i
        cdef tc_refused out
        if not self.wished:
            return 0
        memset(&i, 0, sizeof(i))
        for k in range(self.orders.t.room):
            o = &self.orders.t.orders[k]
            if not self.wishes[k] or not status_is_live(o.status):
                continue
            if (o.pending == 0 and o.evidence != TC_UNKNOWN) or (
                    o.pending == TC_PENDING_CANCEL and o.sent < since):
                if gate_cancel(&self.gate.g, &i, o.id, self.lane.now, &out):
                    break
                self.cancel_order(o, 0)
        return 0

    def cancel_all(self, cause=0):
        """Ask for the cancel of every order that may still trade; returns how many were asked."""
        cdef uint32_t k
        cdef int asked = 0
        cdef tc_order* o
        for k in range(self.orders.t.room):
            o = &self.orders.t.orders[k]
            if o.used and status_is_live(o.status) and o.status != 1:
                asked += self.cancel_order(o, cause)
        return asked

    cdef void warm(self) noexcept:
        cdef tc_listing* l
        cdef int k, v
        cdef tc_board_slot* slots = self.lane.board.slots if self.lane.board is not None else NULL
        gate_wake(&self.gate.g)
        orders_wake(&self.orders.t)
        tc_fetch(&self.outbox.writer, sizeof(tc_writer))
        tc_warm(&self.outbox.writer)
        tc_fetch(&self.outbox.writer.shared.head, 16)
        tc_fetch(self.text, HEADROOM + 384)
        tc_fetch(&self.inputs, sizeof(self.inputs))
        tc_fetch(self.strategy_kill, sizeof(tc_kill_of))
        tc_fetch(&self.clock_slot, 128)
        for k in range(min(self.listing_count, 4)):
            l = &self.listings[k]
            tc_fetch(l, sizeof(tc_listing))
            tc_fetch(&self.listing_of[l.instrument], 4)
            if slots != NULL:
                for v in range(l.views):
                    tc_fetch(&slots[l.view[v].slot], 128)
                if l.kill.slot >= 0:
                    tc_fetch(&slots[l.kill.slot], 64)
                if l.reference >= 0:
                    tc_fetch(&slots[l.reference], 128)
        if slots != NULL:
            for v in (self.clock_slot, self.kill_slot, self.venue_kill_slot, self.hold_slot):
                if v >= 0:
                    tc_fetch(&slots[v], 64)

    # ---- upstream: what the venue says

    cdef uint32_t report(self, tc_order* o, tc_report* r, uint64_t cause, int64_t fee,
                         uint32_t fee_asset, bint maker) except *:
        """Apply one thing said about an order; emits its record and settles the gate."""
        cdef tc_order_id was = o.id, open_replace = o.replacement
        cdef int64_t guessed = o.guessed, guessed_price = o.guessed_price
        cdef bint ended = status_is_terminal(o.status)
        cdef bint amends = r.type == TC_EV_TRADE_BUST or r.type == TC_EV_TRADE_CORRECTION
        cdef tc_known_trade taken
        cdef uint32_t effect, what
        taken.quantity = 0
        if amends or r.type == TC_EV_FILL:
            self.make_room_for_trade()
        if amends:
            taken = self.taken_back(o, r)
        effect = order_apply(&self.orders.t, o, r, self.lane.now)
        what = effect & TC_EFFECT_MASK
        if r.type == TC_EV_TRADE_BUST:
            r.price, r.quantity = taken.price, 0   # what stands of it
        if not order_id_same(was, o.id):
            gate_close(&self.gate.g, was)          # the chain goes on under the new id
        elif not order_id_none(open_replace) and order_id_none(o.replacement):
            gate_close(&self.gate.g, open_replace)
            self.cancels_next[o - self.orders.t.orders] = 0
        if what == TC_EFFECT_IGNORED:
            self.duplicates += 1
        else:
            if what == TC_EFFECT_ILLEGAL:
                self.illegal += 1
            if (amends or r.type == TC_EV_FILL) and what == TC_EFFECT_APPLIED:
                self.emit_fill(o, r, effect, cause, fee, fee_asset, maker)
            else:
                self.emit_event(o, r, effect, cause)
        self.settle(o, r, effect, &taken, guessed - o.guessed, guessed_price)
        if ended and status_is_live(o.status):
            gate_adopt(&self.gate.g, o, self.worst_now(o))   # it lives after all, and may fill
        self.end_wish(o, r.type)
        if self.cancels_next[o - self.orders.t.orders]:
            if not status_is_live(o.status):
                self.cancels_next[o - self.orders.t.orders] = 0
            elif not order_id_same(was, o.id):
                self.cancel_order(o, cause)
        if o.moves and order_is_surplus(o) and o.pending == 0 and o.evidence != TC_UNKNOWN and \
                r.type != TC_EV_CANCEL_REJECTED:
            self.cancel_order(o, cause)            # nobody wants what it may still trade
        return effect

    cdef tc_known_trade taken_back(self, tc_order* o, const tc_report* r) noexcept:
        """The trade that a bust or a correction is of, as it was counted; of no lots when it is not."""
        cdef tc_known_trade* k = trade_find(&self.orders.t, o.instrument, r.trade_id)
        cdef tc_known_trade none
        memset(&none, 0, sizeof(none))
        return none if k == NULL or k.flags & TC_TRADE_BUSTED else k[0]

    def amend_trade(self, id, uint64_t trade_id, *, int64_t quantity, int64_t price=0,
                    bint lives=False, int64_t venue_time=0):
        """A trade as its venue tells it anew: busted (quantity 0), or corrected.

        `lives`: the venue says that the order, if it was filled, works again. Nothing happens when
        it is known so already. KeyError: there is no such order.
        """
        cdef tc_report r
        cdef tc_order* o
        memset(&r, 0, sizeof(r))
        r.id.hi, r.id.lo = id >> 64, id & 0xFFFFFFFFFFFFFFFF
        o = orders_by_id(&self.orders.t, r.id)
        if o == NULL:
            raise KeyError(id)
        r.type = TC_EV_TRADE_CORRECTION if quantity else TC_EV_TRADE_BUST
        r.trade_id, r.price, r.quantity, r.cumulative = trade_id, price, quantity, -1
        r.definite, r.venue_time = lives, venue_time
        self.report(o, &r, 0, 0, 0, False)

    cdef int64_t worst_now(self, tc_order* o) noexcept:
        """The worst price an order may trade at; of a market order by the book as it stands, else 0."""
        cdef int at = self.listing_of[o.instrument & 0xffff]
        cdef tc_top_slot seen
        cdef int64_t collar
        if o.type != TC_MARKET or at < 0 or not self.listings[at].views or not self.lane.read_slot(
                self.listings[at].view[0].slot, &seen, sizeof(seen)) or seen.top.ask_price <= 0:
            return o.price
        collar = max(<int64_t>0, gate_instrument(&self.gate.g, o.instrument).limits.collar_bps)
        if seen.top.ask_price > (1 << 62) // (10000 + collar):
            return seen.top.ask_price
        return (seen.top.ask_price * (10000 + collar) + 9999) // 10000

    cdef void make_room_for_trade(self) noexcept:
        """The trade whose place the next one takes is known by its number alone from here on."""
        cdef tc_known_trade* k
        cdef int at
        if self.orders.t.trades_seen <= self.orders.t.trade_mask:
            return
        k = &self.orders.t.trades[self.orders.t.trades_seen & self.orders.t.trade_mask]
        at = self.listing_of[k.instrument & 0xffff]
        if at >= 0 and k.trade_id >> 63 == 0:     # a guess's number is ours, not the venue's
            self.listings[at].forgotten = max(self.listings[at].forgotten, k.trade_id)

    cdef bint is_past(self, uint32_t instrument, uint64_t trade_id) noexcept:
        """A trade so old that whether it was counted is not known by its number alone."""
        cdef int at = self.listing_of[instrument & 0xffff]
        return at >= 0 and trade_id <= self.listings[at].forgotten and \
            trade_find(&self.orders.t, instrument, trade_id) == NULL

    cdef int emit_event(self, tc_order* o, const tc_report* r, uint32_t effect,
                        uint64_t cause) except -1:
        cdef tc_order_event e
        memset(&e, 0, sizeof(e))
        e.id, e.successor = o.id, r.successor
        e.venue_order_id = o.venue_order_id
        e.price, e.quantity, e.cumulative = r.price, r.quantity, r.cumulative
        e.venue_time, e.reason, e.type = r.venue_time, r.reason, r.type
        e.status, e.pending, e.evidence = o.status, o.pending, o.evidence
        e.venue, e.strategy, e.effect = self.source, o.strategy, effect
        e.stamp_sent, e.stamp_received = o.sent, self.lane.stamp
        self.emit(TC_ORDER_EVENT, o.instrument, cause if cause else o.cause, &e, sizeof(e))
        if r.type == TC_EV_ACK and self.stage_ack >= 0 and o.sent:
            self.stages.record(self.stage_ack, self.lane.stamp - o.sent)
        return 0

    cdef int emit_fill(self, tc_order* o, const tc_report* r, uint32_t effect, uint64_t cause,
                       int64_t fee, uint32_t fee_asset, bint maker) except -1:
        cdef tc_fill f
        memset(&f, 0, sizeof(f))
        f.id = o.id if order_id_none(r.id) else r.id   # a trade is of the id it was done under
        f.trade_id, f.venue_order_id = r.trade_id, o.venue_order_id
        f.price, f.quantity, f.cumulative = r.price, r.quantity, o.cumulative
        f.fee, f.fee_asset, f.venue_time = fee, fee_asset, r.venue_time
        f.venue, f.strategy, f.side, f.maker = self.source, o.strategy, o.side, maker
        f.status, f.evidence, f.effect = o.status, o.evidence, effect
        f.stamp_received = self.lane.stamp
        if not self.outbox.write(TC_FILL, o.instrument, self.lane.now, cause if cause else o.cause,
                                 TC_FLAG_GUESS if r.guess else 0, &f, sizeof(f), self.reserved):
            raise OutboxFull(self.name)
        if self.listeners:
            self.tell(TC_FILL)
        if self.stage_fill >= 0 and o.sent:
            self.stages.record(self.stage_fill, self.lane.stamp - o.sent)
        return 0

    cdef int move_position(self, tc_order* o, const tc_report* r, const tc_known_trade* taken,
                           int64_t guessed, int64_t guessed_price) noexcept:
        """The position after a trade. `guessed`: lots that it takes the place of, booked before;
        `taken`: the trade that it corrects or busts, of no lots when it is one of its own."""
        cdef tc_order_id none, id = o.id if order_id_none(r.id) else r.id
        none.hi = none.lo = 0              # what is open shrank with what was booked already
        if taken.quantity:
            gate_fill(&self.gate.g, o.instrument, none, o.strategy, o.side, taken.price,
                      -taken.quantity)
            if r.quantity:
                gate_fill(&self.gate.g, o.instrument, none, o.strategy, o.side, r.price, r.quantity)
            gate_close(&self.gate.g, o.id)
            if status_is_live(o.status):   # what is open of it is another quantity now
                gate_adopt(&self.gate.g, o, self.worst_now(o))
            return 0
        if guessed <= 0:
            gate_fill(&self.gate.g, o.instrument, id, o.strategy, o.side, r.price, r.quantity)
            return 0
        gate_fill(&self.gate.g, o.instrument, none, o.strategy, o.side, guessed_price, -guessed)
        gate_fill(&self.gate.g, o.instrument, none, o.strategy, o.side, r.price, guessed)
        if r.quantity > guessed:
            gate_fill(&self.gate.g, o.instrument, id, o.strategy, o.side, r.price,
                      r.quantity - guessed)
        return 0

    cdef int book_guess(self, tc_order* o, tc_order_id of, int64_t cumulative,
                        int64_t price) except -1:
        """Count what the venue says was filled and no trade tells (5.6): a fill marked as a guess,
        of the id `of` of the order.

        Its id follows from the order and the quantity, so that booking it twice changes nothing.
        """
        cdef tc_report r
        memset(&r, 0, sizeof(r))
        r.id, r.type, r.guess, r.cumulative = of, TC_EV_FILL, 1, -1
        r.price, r.quantity = price, cumulative - o.cumulative
        r.trade_id = (1 << 63) | ((of.hi * 31 + of.lo) * 31 + <uint64_t>cumulative) >> 1
        self.report(o, &r, 0, 0, 0, False)
        return 0

    cdef int settle(self, tc_order* o, const tc_report* r, uint32_t effect,
                    const tc_known_trade* taken, int64_t guessed, int64_t guessed_price) except -1:
        """What a report means for the gate and for what must be asked."""
        if effect & TC_EFFECT_POSITION:
            self.move_position(o, r, taken, 0 if r.guess else guessed, guessed_price)
        if effect & TC_EFFECT_TERMINAL:
            gate_close(&self.gate.g, o.id)
        if effect & TC_EFFECT_HALT and gate_instrument(&self.gate.g, o.instrument) != NULL:
            gate_instrument(&self.gate.g, o.instrument).halted = 1
        if r.type == TC_EV_REJECT and effect & TC_EFFECT_MASK == TC_EFFECT_APPLIED:
            gate_note_reject(&self.gate.g, o.strategy, self.lane.now)
        if effect & (TC_EFFECT_QUERY | TC_EFFECT_FILL_QUERY):
            self.want_query(o)
        return 0

    cdef int unknown(self, tc_order* o, int reason) except -1:
        """The outcome of the last command is not known; its worst case stays reserved."""
        cdef tc_report r
        memset(&r, 0, sizeof(r))
        r.id, r.type, r.reason, r.cumulative = o.id, TC_EV_UNKNOWN, reason, -1
        self.report(o, &r, 0, 0, 0, False)
        self.want_query(o)
        return 0

    cdef int take_balance(self, const tc_balance* b) except -1:
        """A balance as the venue tells it: to the gate and to whoever follows."""
        gate_take_balance(&self.gate.g, b)
        self.emit(TC_BALANCE, 0, 0, b, sizeof(tc_balance))
        return 0

    cdef int set_reconciled(self, bint on) except -1:
        """Open the gate when reconciled and connected, close it when either is no longer so."""
        self.reconciled = on
        return 0

    # ---- inputs

    cdef int take_record(self, const tc_header* r) except -1:
        """An intent of a strategy in another lane, a command, or what we wrote in an earlier life."""
        cdef const tc_intent* i
        if r.source == self.source:
            self.recall(r)
        elif r.kind == TC_INTENT:
            i = <const tc_intent*>(<const char*>r + sizeof(tc_header))
            if i.legs > 1:
                self.hold(r, i)
            elif i.venue == self.source and not self.reserve(r):
                self.execute(r)
        elif r.kind == TC_COMMAND:
            self.take_command(r)
        return 0

    # ---- groups of another lane

    cdef int hold(self, const tc_header* r, const tc_intent* i) except -1:
        """A leg of a group: ours wait until the last leg was seen, then all reserve before any
        leaves. A group that is not whole is denied."""
        if self.held_source != r.source or self.held_group != i.group:
            if self.held:
                self.end_group(0)
            self.held_source, self.held_group, self.held_seen = r.source, i.group, 0
        if self.held_seen >= 0:            # -1: a leg is missing
            self.held_seen = i.leg + 1 if i.leg == self.held_seen else -1
        if i.venue == self.source and self.held < 8:
            memcpy(&self.legs[self.held], r, sizeof(tc_leg))
            self.held += 1
        if i.leg + 1 == i.legs:
            self.end_group(self.held if self.held_seen >= 0 else 0)
        return 0

    cdef int end_group(self, int whole) except -1:
        """Reserve every leg held, then send all; or none. `whole` 0: deny them."""
        cdef int n = self.held, k, reserved = 0
        self.held = 0
        while reserved < whole and not self.reserve(&self.legs[reserved].header):
            reserved += 1
        if reserved == n:
            for k in range(n):
                self.execute(&self.legs[k].header)
            return 0
        for k in range(reserved):
            self.release(&self.legs[k].header, TC_REASON_GROUP)
        for k in range(reserved + 1 if whole else 0, n):
            self.deny(&self.legs[k].header, TC_REASON_GROUP)
        return 0

    # ---- an earlier life

    cdef int recall(self, const tc_header* r) except -1:
        """A record this venue wrote before a restart: applied again, and nothing is written."""
        cdef const void* payload = <const char*>r + sizeof(tc_header)
        cdef const tc_fill* f
        cdef tc_report p
        memset(&p, 0, sizeof(p))
        p.cumulative = -1
        self.recalled += 1
        self.last_told = max(self.last_told, r.time)
        if r.kind == TC_APPROVED:
            return self.recall_approved(r, <const tc_approved*>payload)
        if r.kind == TC_ORDER_EVENT:
            return self.recall_event(r, <const tc_order_event*>payload)
        if r.kind == TC_DOCUMENT:
            return self.recall_totals(r)
        if r.kind != TC_FILL:
            return 0
        f = <const tc_fill*>payload
        p.id, p.type, p.trade_id, p.venue_order_id = f.id, TC_EV_FILL, f.trade_id, f.venue_order_id
        p.price, p.quantity, p.venue_time = f.price, f.quantity, f.venue_time
        p.guess = (r.flags & TC_FLAG_GUESS) != 0
        if not f.quantity:
            p.type = TC_EV_TRADE_BUST
        elif f.effect & TC_EFFECT_COMPENSATED and \
                trade_find(&self.orders.t, r.instrument, f.trade_id) != NULL:
            p.type = TC_EV_TRADE_CORRECTION
        p.definite = p.type != TC_EV_FILL and status_is_live(f.status)
        self.last_fill_time = r.time
        return self.recall_report(orders_by_id(&self.orders.t, f.id), &p, r, f)

    cdef int recall_totals(self, const tc_header* r) except -1:
        """What all trades of all lives come to (engine/history.py): more than was read back."""
        told = unpack(r.kind, PyBytes_FromStringAndSize(
            <const char*>r + sizeof(tc_header), r.length - sizeof(tc_header))).document
        if "positions" not in told:
            return 0                       # what the venue told of itself
        for instrument, lots, mark in told["positions"]:
            gate_restore(&self.gate.g, instrument, lots, mark)
        known = set()
        for strategy, instrument, cost in told["costs"]:
            gate_restore_strategy(&self.gate.g, strategy, instrument, cost, strategy not in known)
            known.add(strategy)
        self.last_fill_time = max(self.last_fill_time, told["last_fill"])
        for instrument, trade in told["through"]:
            if self.listing_of[instrument & 0xffff] >= 0:
                self.listings[self.listing_of[instrument & 0xffff]].forgotten = trade
        for id, filled, cost, status in told["remnants"]:
            self.recall_remnant(id, filled, cost, status)
        for instrument, trade, price, lots in told["trades"]:
            if trade_find(&self.orders.t, instrument, trade) == NULL:
                self.make_room_for_trade()
                trade_keep(&self.orders.t, instrument, trade, price, lots,
                           0 if lots else TC_TRADE_BUSTED)
        return 0

    cdef int recall_remnant(self, id, int64_t filled, cost, uint8_t status) except -1:
        """What an order that is not read back had traded: more of it may be told late."""
        cdef tc_order_id of
        cdef tc_remnant* m
        cdef uint32_t facts = TC_FACT_APPROVED | TC_FACT_ACKED
        of.hi, of.lo = int(id[:16], 16), int(id[16:], 16)
        if orders_by_id(&self.orders.t, of) != NULL:
            return 0
        if status == TC_STATUS_CANCELED:
            facts |= TC_FACT_CANCELED
        elif status == TC_STATUS_EXPIRED:
            facts |= TC_FACT_EXPIRED
        m = remnant_keep(&self.orders.t, of, filled, 0, facts)
        m.cost_hi, m.cost_lo = int(cost) >> 64, int(cost) & 0xFFFFFFFFFFFFFFFF
        return 0

    cdef int recall_approved(self, const tc_header* r, const tc_approved* a) except -1:
        cdef tc_intent i
        cdef tc_report p
        cdef tc_order booked
        cdef tc_order* o
        memset(&i, 0, sizeof(i))
        memset(&p, 0, sizeof(p))
        p.cumulative = -1
        if a.op == TC_OP_REPLACE:
            o = orders_by_id(&self.orders.t, a.target)
            p.type, p.successor, p.price, p.quantity = (
                TC_EV_REPLACE_REQUESTED, a.id, a.price, a.quantity)
            self.recall_report(o, &p, r, NULL)
            if o != NULL and order_id_same(o.replacement, a.id):
                booked = o[0]
                booked.id, booked.price, booked.quantity = a.id, a.price, a.quantity
                booked.asked, booked.here = o.new_asked, 0
                gate_adopt(&self.gate.g, &booked, a.price)
            return 0
        if self.listing_of[r.instrument & 0xffff] < 0:
            self.unknown_orders += 1       # over: with one that lives no engine starts (TCL-2153)
            return 0
        i.op, i.side, i.type, i.time_in_force = a.op, a.side, a.type, a.time_in_force
        i.price, i.quantity, i.deadline, i.flags = a.price, a.quantity, a.deadline, a.flags
        if a.type == TC_MARKET:
            i.price = 0
        i.strategy, i.venue = a.strategy, a.venue
        o = orders_new(&self.orders.t, &i, a.id, r.instrument, r.cause, r.time)
        if o == NULL:
            return 0
        p.type = TC_EV_APPROVED
        order_apply(&self.orders.t, o, &p, r.time)
        o.sent = r.time
        gate_adopt(&self.gate.g, o, a.price)
        return 0

    cdef int recall_event(self, const tc_header* r, const tc_order_event* e) except -1:
        cdef tc_report p
        cdef tc_order* o = orders_by_id(&self.orders.t, e.id)
        memset(&p, 0, sizeof(p))
        if e.effect & TC_EFFECT_MASK == TC_EFFECT_ILLEGAL:
            return 0
        p.id, p.successor, p.venue_order_id = e.id, e.successor, e.venue_order_id
        p.type, p.reason, p.price, p.quantity = e.type, e.reason, e.price, e.quantity
        p.cumulative, p.venue_time, p.status, p.definite = e.cumulative, e.venue_time, e.status, 1
        if e.type == TC_EV_REPLACED:       # written under the id it has since
            p.id.hi = p.id.lo = 0
            p.successor = e.id
        elif e.type == TC_EV_REJECT and not order_id_none(e.successor):
            p.id = e.successor             # that one was refused, the order lives
        elif e.type == TC_EV_CANCEL_REJECTED or e.type == TC_EV_REPLACE_REJECTED:
            p.definite = e.evidence != TC_UNKNOWN
        if o != NULL and order_id_same(e.id, o.id) and e.cumulative > o.cumulative:
            self.told[e.id.hi, e.id.lo] = (e.cumulative - o.cumulative + o.here, e.venue_order_id)
        return self.recall_report(o, &p, r, NULL)

    cdef int recall_report(self, tc_order* o, tc_report* p, const tc_header* r,
                           const tc_fill* f) except -1:
        cdef uint32_t effect
        cdef tc_order_id was, open_replace
        cdef int64_t guessed, guessed_price
        cdef tc_known_trade taken
        cdef bint ended
        taken.quantity = 0
        if f != NULL:
            self.make_room_for_trade()
        if o == NULL:
            if f != NULL and f.quantity and trade_find(&self.orders.t, r.instrument, f.trade_id) == NULL:
                # its order's beginning is older than what was read back: the trade counts all the same
                trade_keep(&self.orders.t, r.instrument, f.trade_id, f.price, f.quantity, 0)
                remnant_add(&self.orders.t, f.id, f.price, f.quantity)
                gate_fill(&self.gate.g, r.instrument, f.id, f.strategy, f.side, f.price, f.quantity)
            return 0
        was, open_replace = o.id, o.replacement
        guessed, guessed_price = o.guessed, o.guessed_price
        ended = status_is_terminal(o.status)
        if p.type == TC_EV_TRADE_BUST or p.type == TC_EV_TRADE_CORRECTION:
            taken = self.taken_back(o, p)
        effect = order_apply(&self.orders.t, o, p, r.time)
        if p.type == TC_EV_CANCEL_REQUESTED:
            self.wish(o, True)
        self.end_wish(o, p.type)
        if not order_id_same(was, o.id):
            gate_close(&self.gate.g, was)
        elif not order_id_none(open_replace) and order_id_none(o.replacement):
            gate_close(&self.gate.g, open_replace)
        if effect & TC_EFFECT_POSITION:
            self.move_position(o, p, &taken, 0 if p.guess else guessed - o.guessed, guessed_price)
        if effect & TC_EFFECT_TERMINAL:
            gate_close(&self.gate.g, o.id)
        elif ended and status_is_live(o.status):
            gate_adopt(&self.gate.g, o, self.worst_now(o))
        if effect & TC_EFFECT_HALT and gate_instrument(&self.gate.g, o.instrument) != NULL:
            gate_instrument(&self.gate.g, o.instrument).halted = 1
        return 0

    cdef int end_recall(self) except -1:
        """What was asked before the restart and has no answer is UNKNOWN (8.1)."""
        cdef uint32_t k
        cdef tc_order* o
        for k in range(self.orders.t.room):
            o = &self.orders.t.orders[k]
            if o.used and status_is_live(o.status) and (
                    o.status == 3 or o.pending) and o.evidence == 0:
                if o.pending == TC_PENDING_CANCEL:
                    self.wish(o, True)
                self.unknown(o, TC_REASON_RESTART)
            elif o.used and status_is_live(o.status) and o.evidence == TC_UNKNOWN:
                self.want_query(o)
        return 0

    # ---- the protocol

    cdef int write_place(self, tc_order* o, char* to) except -1:
        raise NoProtocol(self.name)

    cdef int write_cancel(self, tc_order* o, char* to) except -1:
        raise NoProtocol(self.name)

    cdef int write_replace(self, tc_order* o, char* to) except -1:
        raise NoProtocol(self.name)

    cdef int want_query(self, tc_order* o) except -1:
        return 0

    cdef int take_command(self, const tc_header* r) except -1:
        """What the root has asked (docs/supervision.md): cancel a killed scope, compare anew."""
        cdef uint32_t k
        cdef tc_order* o
        cdef uint64_t cause = (<uint64_t>r.source << 48) | r.position
        asked = unpack(r.kind, PyBytes_FromStringAndSize(
            <const char*>r + sizeof(tc_header), r.length - sizeof(tc_header))).document
        command = asked.get("command")
        if command == "reconcile":
            self.reconcile()
        elif command in ("kill", "escalate") and asked.get("venue", 0) in (0, self.source):
            strategy, instrument = asked.get("strategy", 0), asked.get("instrument", 0)
            for k in range(self.orders.t.room):
                o = &self.orders.t.orders[k]
                if not o.used or not status_is_live(o.status) or o.status == 1:
                    continue
                if strategy in (0, o.strategy) and instrument in (0, o.instrument):
                    self.cancel_order(o, cause)
        return 0

    def reconcile(self):
        """Compare orders, fills and balances with the venue; the gate is closed meanwhile."""
