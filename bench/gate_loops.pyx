"""The loop that measures the gate, in C like the venue that asks it."""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

from hotpath.clock cimport tc_monotonic_ns
from hotpath.gate cimport Gate, gate_close, gate_reserve, gate_send_check, tc_gate_inputs
from hotpath.order cimport order_id_pack
from hotpath.records cimport TC_LIMIT, TC_OP_PLACE, tc_intent, tc_order_id, tc_refused


def both_steps(Gate gate, long rounds, uint64_t first):
    """ns of reserve and send check together, for orders 1 to 16 open at a time; closing is not timed.

    Raises AssertionError when the gate refuses one: nothing else was measured then.
    """
    cdef tc_intent i
    cdef tc_gate_inputs n
    cdef tc_refused out
    cdef tc_order_id ids[16]
    cdef long r, k
    cdef int64_t now = <int64_t>first * 1_000_000_000, spent = 0, start
    cdef int bad = 0
    memset(&i, 0, sizeof(i))
    memset(&n, 0, sizeof(n))
    i.op, i.type, i.feed, i.feed_epoch, i.strategy = TC_OP_PLACE, TC_LIMIT, 4, 1, 9
    n.view_known, n.view_alive, n.view_feed, n.view.epoch = 1, 1, 4, 1
    n.reference_known, n.reference_bid, n.reference_ask = 1, 4_999_900, 5_000_100
    n.agreed, n.reconciled, n.room = 1, 1, 1
    with nogil:
        for r in range(rounds):
            now += 1_000_000_000
            n.view_received = n.reference_received = n.status_time = now
            i.deadline = now + 1_000_000
            start = tc_monotonic_ns()
            for k in range(16):
                ids[k] = order_id_pack(5, 9, first + <uint64_t>(r * 16 + k), 0, 0)
                i.side = 1 + (k & 1)
                i.price = 4_990_000 + (k & 1) * 20_000 + k
                i.quantity = 10 + k
                bad |= gate_reserve(&gate.g, &i, 7, ids[k], now, &n, &out)
                bad |= gate_send_check(&gate.g, &i, 7, ids[k], now, &n, &out)
            spent += tc_monotonic_ns() - start
            for k in range(16):
                gate_close(&gate.g, ids[k])
    if bad:
        raise AssertionError(f"the gate refused (control {out.control})")
    return spent / <double>(rounds * 16)
