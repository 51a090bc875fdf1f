"""The pre-trade gate; see gate.h for its controls, units and layout."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from hotpath.instrument cimport tc_instrument
from hotpath.order cimport tc_order
from hotpath.records cimport tc_balance, tc_intent, tc_order_id, tc_refused, tc_top


cdef extern from "hotpath/gate.h" nogil:
    enum tc_control:
        TC_R01_MODE
        TC_R02_INSTRUMENT
        TC_R03_QUANTITY
        TC_R04_NOTIONAL
        TC_R05_COLLAR
        TC_R06_STALE
        TC_R07_POSITION
        TC_R08_OPEN
        TC_R09_CREDIT
        TC_R11_THROTTLE
        TC_R12_DUPLICATE
        TC_R14_REPEATED
        TC_R15_SELF_TRADE
        TC_R16_REJECTS
        TC_R19_CLOCK
        TC_R21_KILL
        TC_CONTROL_DEADLINE
        TC_CONTROL_GROUP
        TC_CONTROL_OUTBOX
        TC_CONTROL_ROOM
        TC_CONTROL_LEASE
        TC_CONTROL_TARGET
        TC_CONTROL_SHAPE
        TC_CONTROL_LINK

    enum tc_gate_mode:
        TC_MODE_REPLAY
        TC_MODE_SIMULATION
        TC_MODE_TESTNET
        TC_MODE_LIVE

    ctypedef struct tc_limits:
        uint32_t version, mode
        int64_t open_orders, open_notional
        int64_t gross_notional, net_notional, long_notional, short_notional
        int64_t per_second, per_minute, cancel_share_ppm, minute_share_ppm
        int64_t executions, executions_window_ns
        int64_t rejects, rejects_window_ns
        int64_t request_window_ns, status_age_ns
        int64_t fee_ppm

    ctypedef struct tc_instrument_limits:
        int64_t quantity, notional
        int64_t longest, shortest, gross
        int64_t open_orders, open_notional
        int64_t collar_bps, window_bps, window_ns
        int64_t feed_age_ns, reference_age_ns

    ctypedef struct tc_gate_inputs:
        tc_top view
        int64_t view_received
        int64_t reference_bid, reference_ask, reference_received
        int64_t uncertainty, status_time
        uint16_t view_feed
        uint8_t view_known, view_alive, reference_known
        uint8_t agreed, reconciled, kill, retry, room

    ctypedef struct tc_gate_strategy:
        uint16_t source
        uint8_t halted

    ctypedef struct tc_gate_rule:
        uint16_t strategy, rule
        uint8_t disabled
        uint64_t count

    ctypedef struct tc_gate_instrument:
        tc_instrument spec
        tc_instrument_limits limits
        uint32_t halted
        int64_t position, buying, selling, orders
        int64_t high_now                   # bid + ask at the last reference

    ctypedef struct tc_gate:
        tc_limits limits
        tc_gate_instrument* instruments
        tc_gate_strategy* strategies
        tc_gate_rule* rules
        int32_t instrument_count, strategy_count, rule_count
        int starved
        int64_t live
        int told_first
        uint64_t refusals[40]

    bint gate_init(tc_gate* g, uint32_t room, uint32_t messages)
    void gate_free(tc_gate* g)
    bint gate_add_instrument(tc_gate* g, const tc_instrument* spec,
                             const tc_instrument_limits* limits)
    tc_gate_instrument* gate_instrument(const tc_gate* g, uint32_t id)
    bint gate_lease(tc_gate* g, uint16_t source, int64_t lease)
    int gate_refuse(tc_gate* g, tc_refused* out, int control, int64_t value, int64_t limit,
                    int64_t a, int64_t b, int64_t c, int64_t d)
    int gate_reserve(tc_gate* g, const tc_intent* i, uint32_t instrument, tc_order_id id,
                     int64_t now, const tc_gate_inputs* inputs, tc_refused* out)
    int gate_send_check(tc_gate* g, const tc_intent* i, uint32_t instrument, tc_order_id id,
                        int64_t now, const tc_gate_inputs* inputs, tc_refused* out)
    int gate_cancel(tc_gate* g, const tc_intent* i, tc_order_id id, int64_t now, tc_refused* out)
    void gate_restore(tc_gate* g, uint32_t instrument, int64_t lots, int64_t price)
    void gate_restore_strategy(tc_gate* g, uint16_t source, uint32_t instrument, int64_t cost,
                               int first)
    void gate_fill(tc_gate* g, uint32_t instrument, tc_order_id id, uint16_t strategy, uint8_t side,
                   int64_t price, int64_t lots)
    void gate_refer(tc_gate_inputs* n, int64_t bid, int64_t ask, int64_t mul, int64_t div)
    void gate_trim(tc_gate* g, tc_order_id id, int64_t lots)
    bint gate_close(tc_gate* g, tc_order_id id)
    int32_t gate_order_index(const tc_gate* g, tc_order_id id)
    bint gate_release(tc_gate* g, tc_order_id id)
    void gate_note_reject(tc_gate* g, uint16_t strategy, int64_t now)
    void gate_wake(const tc_gate* g)
    void gate_warm(const tc_gate* g, tc_order_id id)
    bint gate_take_balance(tc_gate* g, const tc_balance* b)
    bint gate_limit_asset(tc_gate* g, uint32_t asset, int64_t longest_hi, uint64_t longest_lo,
                          int64_t shortest_hi, uint64_t shortest_lo)
    bint gate_reserved(const tc_gate* g, tc_order_id id, int64_t* hi, uint64_t* lo, uint32_t* asset)
    void gate_forget_balances(tc_gate* g)
    bint gate_set_external(tc_gate* g, uint32_t instrument, int64_t orders, int64_t buying,
                           int64_t selling, int64_t cost, int64_t worth, int64_t price)
    bint gate_adopt(tc_gate* g, const tc_order* o, int64_t worst)
    int64_t gate_open_notional(const tc_gate* g)
    int64_t gate_worst(const tc_gate* g, tc_order_id id)


cdef class Gate:
    """The gate of one venue actor; the hot path calls the functions above with `&gate.g`."""

    cdef tc_gate g
    cdef refusal(self, const tc_refused* out)
