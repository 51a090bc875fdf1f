"""The life of an order and the table of orders; see order.h for layout and rules."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from hotpath.records cimport tc_intent, tc_order_id


cdef extern from "hotpath/order.h" nogil:
    enum tc_status:
        TC_STATUS_NONE
        TC_STATUS_INTENT
        TC_STATUS_DENIED
        TC_STATUS_PENDING_NEW
        TC_STATUS_NEW
        TC_STATUS_PARTIALLY_FILLED
        TC_STATUS_FILLED
        TC_STATUS_DONE_FOR_DAY
        TC_STATUS_CANCELED
        TC_STATUS_REJECTED
        TC_STATUS_SUSPENDED
        TC_STATUS_EXPIRED

    enum tc_pending:
        TC_PENDING_NONE
        TC_PENDING_CANCEL
        TC_PENDING_REPLACE

    enum tc_evidence:
        TC_CONFIRMED
        TC_UNKNOWN
        TC_DISPUTED

    enum tc_effect:
        TC_EFFECT_APPLIED
        TC_EFFECT_IGNORED
        TC_EFFECT_ILLEGAL
        TC_EFFECT_MASK
        TC_EFFECT_POSITION
        TC_EFFECT_TERMINAL
        TC_EFFECT_QUERY
        TC_EFFECT_FILL_QUERY
        TC_EFFECT_DISPUTED
        TC_EFFECT_HALT
        TC_EFFECT_OVERFILL
        TC_EFFECT_COMPENSATED

    enum tc_fact:
        TC_FACT_APPROVED
        TC_FACT_ACKED
        TC_FACT_CANCELED
        TC_FACT_EXPIRED
        TC_FACT_UNKNOWN_PLACE
        TC_FACT_UNKNOWN_CHANGE
        TC_FACT_ABSENT

    ctypedef struct tc_order:
        tc_order_id id, first, replacement
        uint64_t venue_order_id
        int64_t price, quantity, cumulative
        int64_t new_price, new_quantity
        int64_t guessed, guessed_price
        int64_t created, deadline, touched, sent
        int64_t query_due, first_query, first_absent
        int64_t here, asked, new_asked
        uint64_t cause
        uint32_t instrument, facts, flags
        int32_t reason
        uint32_t queries, absences
        uint16_t strategy, rule
        uint8_t op, side, type, time_in_force
        uint8_t status, pending, evidence, leg
        uint32_t used
        uint16_t moves

    ctypedef struct tc_report:
        tc_order_id id, successor
        uint64_t venue_order_id, trade_id
        int64_t price, quantity, cumulative
        int64_t venue_time, collected
        int32_t reason
        uint8_t type, status, definite, guess

    int TC_TRADE_BUSTED

    ctypedef struct tc_known_trade:
        uint64_t trade_id
        int64_t price, quantity
        uint32_t instrument, flags

    ctypedef struct tc_remnant:
        uint64_t cost_lo
        int64_t cost_hi

    ctypedef struct tc_orders:
        tc_order* orders
        uint32_t room, used, live
        uint64_t known_trades, illegal, trades_seen
        uint32_t trade_mask
        tc_known_trade* trades

    int TC_BASE62
    tc_order_id order_id_pack(uint64_t instance, uint16_t source, uint64_t position, uint8_t leg,
                              uint16_t attempt)
    uint64_t order_id_instance(tc_order_id id)
    uint16_t order_id_source(tc_order_id id)
    uint64_t order_id_position(tc_order_id id)
    uint8_t order_id_leg(tc_order_id id)
    uint16_t order_id_attempt(tc_order_id id)
    void order_id_copy(tc_order_id* to, tc_order_id id)
    bint order_id_same(tc_order_id a, tc_order_id b)
    bint order_id_none(tc_order_id a)
    void order_id_write(tc_order_id id, char* to)
    void order_half_twice(uint64_t v, char* to, char* also)
    void order_half_write(uint64_t v, char* to)
    bint order_id_read(const char* p, uint32_t n, tc_order_id* out)

    bint status_is_live(uint8_t s)
    bint status_is_terminal(uint8_t s)
    int64_t order_leaves(const tc_order* o)
    bint order_is_surplus(const tc_order* o)
    int64_t order_traded(const tc_orders* t, const tc_order* o, tc_order_id id)
    int64_t order_average(const tc_order* o)

    bint orders_init(tc_orders* t, uint32_t room, uint32_t trades)
    void orders_free(tc_orders* t)
    tc_order* orders_new(tc_orders* t, const tc_intent* i, tc_order_id id, uint32_t instrument,
                         uint64_t cause, int64_t now)
    bint orders_recover(tc_orders* t, tc_order* o)
    tc_remnant* remnant_keep(tc_orders* t, tc_order_id id, int64_t filled, int64_t cost,
                             uint32_t facts)
    void remnant_add(tc_orders* t, tc_order_id id, int64_t price, int64_t lots)
    void orders_wake(const tc_orders* t)
    void orders_prepare(tc_orders* t, tc_order_id id)
    tc_order* orders_by_id(const tc_orders* t, tc_order_id id)
    tc_order* orders_by_venue(const tc_orders* t, uint32_t instrument, uint64_t venue_order_id)
    const tc_known_trade* trade_find(const tc_orders* t, uint32_t instrument, uint64_t trade_id)
    tc_known_trade* trade_keep(tc_orders* t, uint32_t instrument, uint64_t trade_id, int64_t price,
                               int64_t quantity, uint32_t flags)
    uint32_t order_apply(tc_orders* t, tc_order* o, const tc_report* r, int64_t now)
    void order_approve(tc_orders* t, tc_order* o, int64_t now)


cdef class Orders:
    """The orders of one venue actor; the hot path uses `t` with the functions above."""

    cdef tc_orders t
