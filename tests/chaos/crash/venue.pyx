# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""The Binance venue, with a named point between each two steps of an order's way.

Built by tests/chaos/crash/build.py into a folder of the test's own; the engine's code holds no such
points and cannot be told to crash. `point` is set by the lane that runs it.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from hotpath.order cimport tc_order, tc_report
from hotpath.records cimport TC_EV_ACK, TC_EV_FILL, tc_header
from venues.binance.venue cimport BinanceVenue

point = None


cdef class CrashingVenue(BinanceVenue):
    """Every step calls `point` with the name of what lies before it, or behind it."""

    # ---- down: an intent to the bytes of its order

    cdef int reserve(self, const tc_header* intent) except -1:
        cdef int control
        point("intent written")
        control = BinanceVenue.reserve(self, intent)
        point("risk reserved")
        return control

    cdef int execute(self, const tc_header* intent) except -1:
        cdef int sent
        point("group reserved")
        sent = BinanceVenue.execute(self, intent)
        point("order left")
        return sent

    cdef int write_place(self, tc_order* o, char* to) except -1:
        cdef int n
        point("approved written")
        n = BinanceVenue.write_place(self, o, to)
        point("text written")
        return n

    cdef int send_order(self, tc_order* o, int n) except -1:
        point("gate passed")
        return BinanceVenue.send_order(self, o, n)

    cdef int want_query(self, tc_order* o) except -1:
        point("bytes handed to the socket")
        return BinanceVenue.want_query(self, o)

    # ---- up: a report to its record

    cdef uint32_t report(self, tc_order* o, tc_report* r, uint64_t cause, int64_t fee,
                         uint32_t fee_asset, bint maker) except *:
        cdef uint32_t effect
        cdef uint32_t type = r.type
        if type == TC_EV_ACK:
            point("ack in hand")
        elif type == TC_EV_FILL:
            point("fill in hand")
        effect = BinanceVenue.report(self, o, r, cause, fee, fee_asset, maker)
        if type == TC_EV_ACK:
            point("ack settled")
        elif type == TC_EV_FILL:
            point("fill settled")
        return effect

    cdef int emit_event(self, tc_order* o, const tc_report* r, uint32_t effect,
                        uint64_t cause) except -1:
        cdef bint is_ack = r.type == TC_EV_ACK
        if is_ack:
            point("ack applied")
        BinanceVenue.emit_event(self, o, r, effect, cause)
        if is_ack:
            point("ack written")
        return 0

    cdef int emit_fill(self, tc_order* o, const tc_report* r, uint32_t effect, uint64_t cause,
                       int64_t fee, uint32_t fee_asset, bint maker) except -1:
        point("fill applied")
        BinanceVenue.emit_fill(self, o, r, effect, cause, fee, fee_asset, maker)
        point("fill written")
        return 0

    # ---- reconciliation

    def subscribe(self):
        point("logged on")
        BinanceVenue.subscribe(self)

    def begin_comparison(self):
        point("subscribed")
        BinanceVenue.begin_comparison(self)
        point("reconciliation asked")

    cdef int set_reconciled(self, bint on) except -1:
        if on:
            point("reconciled, gate closed")
        BinanceVenue.set_reconciled(self, on)
        if on:
            point("gate open")
        return 0
