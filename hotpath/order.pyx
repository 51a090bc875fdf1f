"""The life of an order and the table of orders; see order.h for layout and rules."""

cimport cython
from libc.string cimport memset

STATUS = ("NONE", "INTENT", "DENIED", "PENDING_NEW", "NEW", "PARTIALLY_FILLED", "FILLED",
          "DONE_FOR_DAY", "CANCELED", "REJECTED", "SUSPENDED", "EXPIRED")
PENDING = ("NONE", "CANCEL", "REPLACE")
EVIDENCE = ("CONFIRMED", "UNKNOWN", "DISPUTED")
EVENTS = ("", "INTENT", "DENIED", "APPROVED", "UNKNOWN", "ACK", "REJECT", "FILL",
          "CANCEL_REQUESTED", "CANCELED", "CANCEL_REJECTED", "REPLACE_REQUESTED", "REPLACED",
          "REPLACE_REJECTED", "EXPIRED", "DONE_FOR_DAY", "SUSPENDED", "RESUMED", "TRADE_BUST",
          "TRADE_CORRECTION", "ABSENT", "RESOLVED", "STATUS")
OUTCOMES = ("", "APPLIED", "IGNORED", "ILLEGAL")
EFFECTS = {16: "POSITION", 32: "TERMINAL", 64: "QUERY", 128: "FILL_QUERY", 256: "DISPUTED",
           512: "HALT", 1024: "OVERFILL", 2048: "COMPENSATED"}


cdef tc_order_id split_id(object whole) except *:
    cdef tc_order_id id
    id.hi = whole >> 64
    id.lo = whole & 0xFFFFFFFFFFFFFFFF
    return id


cdef object whole_id(tc_order_id id):
    return (<object>id.hi << 64) | <object>id.lo


def pack_id(uint64_t instance, uint16_t source, uint64_t position, uint8_t leg, uint16_t attempt):
    """The client order id of a cause as one integer of at most 128 bits."""
    if instance >> 40 or position >> 48:
        raise ValueError("instance has 40 bits, position 48")
    return whole_id(order_id_pack(instance, source, position, leg, attempt))


def unpack_id(whole):
    """(instance, source, position, leg, attempt) of a client order id."""
    cdef tc_order_id id = split_id(whole)
    return (order_id_instance(id), order_id_source(id), order_id_position(id), order_id_leg(id),
            order_id_attempt(id))


def spell_id(whole):
    """The id in 22 digits of base 62: 11 for each half of its 128 bits."""
    cdef char room[22]
    order_id_write(split_id(whole), room)
    return room[:22].decode()


def spell_twice(whole):
    """The id as an order's text has it, written to two places in one pass: both."""
    cdef tc_order_id id = split_id(whole)
    cdef char room[44]
    order_half_twice(id.hi, room, room + 22)
    order_half_twice(id.lo, room + 11, room + 33)
    return room[:22].decode(), room[22:44].decode()


def read_id(str text):
    """The id that `spell_id` spelled so, or None when the text is no id of ours."""
    cdef tc_order_id id
    raw = text.encode()
    if not order_id_read(raw, <uint32_t>len(raw), &id):
        return None
    return whole_id(id)


def effect_names(uint32_t effect):
    """An effect as a set of names: the outcome and what follows from it."""
    return {OUTCOMES[effect & 15]} | {name for bit, name in EFFECTS.items() if effect & bit}


@cython.final
cdef class Orders:
    """The orders of one venue: `room` places, `trades` remembered trade ids (powers of two).

    Raises MemoryError when there is no memory for them. Terminal orders are forgotten, oldest
    first, only when their place is needed.
    """

    def __cinit__(self, uint32_t room=4096, uint32_t trades=1 << 16):
        if room < 2 or trades < 2 or room & (room - 1) or trades & (trades - 1):
            raise ValueError("room and trades are powers of two")
        if not orders_init(&self.t, room, trades):
            raise MemoryError

    def __dealloc__(self):
        orders_free(&self.t)

    @property
    def used(self):
        """Places taken, by live and by remembered orders."""
        return self.t.used

    @property
    def live(self):
        """Orders that may still trade."""
        return self.t.live

    def new(self, id, *, int64_t quantity, int64_t price=0, uint8_t side=1, uint32_t instrument=1,
            uint16_t strategy=0, int64_t now=0):
        """A new order in status INTENT; False when the id is known or there is no room."""
        cdef tc_intent i
        memset(&i, 0, sizeof(i))
        i.price, i.quantity, i.side, i.strategy, i.op = price, quantity, side, strategy, 1
        return orders_new(&self.t, &i, split_id(id), instrument, 0, now) != NULL

    def prepare(self, id=0):
        """Make the next order's place ready, and fetch the lines of the ids that follow `id`.

        The oldest terminal order is forgotten when there is no other place.
        """
        orders_wake(&self.t)
        orders_prepare(&self.t, split_id(id))

    def approve(self, id, int64_t now=0):
        """What the report APPROVED does, in one step where nothing else was said. KeyError as there."""
        cdef tc_order* o = orders_by_id(&self.t, split_id(id))
        if o == NULL:
            raise KeyError(id)
        order_approve(&self.t, o, now)

    def report(self, id, str event, *, int64_t now=0, own=None, successor=0,
               uint64_t venue_order_id=0, uint64_t trade_id=0, int64_t price=0,
               int64_t quantity=0, int64_t cumulative=-1, int64_t venue_time=0,
               int64_t collected=0, int32_t reason=0, str status="NONE", bint definite=False,
               bint guess=False):
        """Apply one report to the order known as `id`; the effect. KeyError: no such order.

        `own` is the id that the report carries, when it names another one of the chain.
        """
        cdef tc_order* o = orders_by_id(&self.t, split_id(id))
        cdef tc_report r
        if o == NULL:
            raise KeyError(id)
        memset(&r, 0, sizeof(r))
        r.id = split_id(0 if own is None else own)
        r.successor = split_id(successor)
        r.venue_order_id, r.trade_id = venue_order_id, trade_id
        r.price, r.quantity, r.cumulative = price, quantity, cumulative
        r.venue_time, r.collected, r.reason = venue_time, collected, reason
        r.type, r.status = EVENTS.index(event), STATUS.index(status)
        r.definite, r.guess = definite, guess
        return order_apply(&self.t, o, &r, now)

    def count(self, id, int64_t price, int64_t lots):
        """A trade under an id of which no order is known."""
        remnant_add(&self.t, split_id(id), price, lots)

    def recover(self, id):
        """Let a new order go on where the one of its id was let go of; is anything known of that?

        KeyError: no such order.
        """
        cdef tc_order* o = orders_by_id(&self.t, split_id(id))
        if o == NULL:
            raise KeyError(id)
        return bool(orders_recover(&self.t, o))

    def traded(self, id):
        """Lots traded under this very id of an order's chain. KeyError: no such order."""
        cdef tc_order* o = orders_by_id(&self.t, split_id(id))
        if o == NULL:
            raise KeyError(id)
        return order_traded(&self.t, o, split_id(id))

    def state(self, id):
        """What is known of an order, as a dict; None when the table has no such id."""
        cdef tc_order* o = orders_by_id(&self.t, split_id(id))
        if o == NULL:
            return None
        return {
            "id": whole_id(o.id),
            "first": whole_id(o.first),
            "venue_order_id": o.venue_order_id,
            "status": STATUS[o.status],
            "pending": PENDING[o.pending],
            "evidence": EVIDENCE[o.evidence],
            "price": o.price,
            "quantity": o.quantity,
            "cumulative": o.cumulative,
            "leaves": order_leaves(o),
            "average": order_average(o),
            "guessed": o.guessed,
            "overfilled": bool(o.facts & 4096),
            "surplus": bool(order_is_surplus(o)),
        }

    def by_venue_id(self, uint32_t instrument, uint64_t venue_order_id):
        """The client id of the order that the venue knows under this number, or None."""
        cdef tc_order* o = orders_by_venue(&self.t, instrument, venue_order_id)
        return None if o == NULL else whole_id(o.id)
