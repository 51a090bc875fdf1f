"""Orders on the account that are not ours: set by hand or by another program (reliability.md 8.4).

What of them is open takes its part of the limits on open orders and positions (R07, R08), so that we
do not add to what the account risks already, and what the venue has locked for them is not taken for
what it has locked for us (R09). They are followed by the venue's numbers from its reports
and lists of open orders, and never cancelled one by one.
"""

from libc.stdint cimport int64_t, uint32_t

from hotpath.gate cimport gate_instrument, gate_set_external, tc_gate, tc_gate_instrument
from hotpath.instrument cimport instrument_price, instrument_quantity
from hotpath.order cimport status_is_terminal
from hotpath.records cimport TC_BUY
from hotpath.scan cimport TC_JSON_STRING
from venues.binance.codec cimport bn_item

from typing import NamedTuple

DEF ENDED = 10_000                         # as many ends are remembered
DEF MOST = 1 << 60                         # lots, and ticks times lots: more is held to be this much


class One(NamedTuple):
    """An open order of somebody else: `told` when by us, `time` when by the venue, ns."""

    side: int
    ticks: int
    lots: int
    told: int
    time: int


cdef class Others:
    """They are counted by the gate; nothing here is ours to trade."""

    def __init__(self):
        self.open, self.ended = {}, {}

    cdef bint take(self, tc_gate* g, uint32_t instrument, const bn_item* i, int64_t collected,
                   int64_t now) except *:
        """What is said of an order that is not ours; `collected`: when its list was asked for, 0: it
        comes by the stream. Whether something changed."""
        cdef tc_gate_instrument* t = gate_instrument(g, instrument)
        cdef int64_t ticks = 0, lots = 0, done = 0
        key = (instrument, i.order_id)
        was = self.open.get(key)
        if t == NULL or not i.order_id or not i.side or i.quantity.type != TC_JSON_STRING or \
                key in self.ended:
            return False
        if was is not None and (was.told >= collected > 0 or 0 < i.time < was.time):
            return False                   # older than what is known
        if status_is_terminal(i.status):
            self.end(key)
            self.count(g, instrument)
            return was is not None
        instrument_price(&t.spec, i.price.p, i.price.p + i.price.n, &ticks)
        instrument_quantity(&t.spec, i.quantity.p, i.quantity.p + i.quantity.n, &lots)
        if i.cumulative.type == TC_JSON_STRING:
            instrument_quantity(&t.spec, i.cumulative.p, i.cumulative.p + i.cumulative.n, &done)
        one = One(i.side, ticks if ticks else (t.high_now + 1) // 2, max(0, lots - done), now, i.time)
        self.open[key] = one
        self.count(g, instrument)
        return was is None or one[:3] != was[:3]

    cdef int drop(self, tc_gate* g, uint32_t instrument, object order_id) except -1:
        """The order of this number is ours after all."""
        if self.open.pop((instrument, order_id), None) is not None:
            self.count(g, instrument)
        return 0

    cdef list leave(self, tc_gate* g, int64_t instrument, set shown, int64_t asked):
        """A list of all that is open (of an instrument; -1: of all) shows these: the others are over,
        unless they were told of after the list was asked for. The numbers of those."""
        over = [key for key, one in self.open.items()
                if (instrument < 0 or key[0] == instrument) and key not in shown and one.told < asked]
        for key in over:
            del self.open[key]
            self.count(g, key[0])
        return over

    def end(self, key):
        """It is over, whatever an older list says."""
        self.open.pop(key, None)
        self.ended[key] = None
        if len(self.ended) > ENDED:
            del self.ended[next(iter(self.ended))]

    cdef int count(self, tc_gate* g, uint32_t instrument) except -1:
        """All that is open of them at an instrument, told to the gate."""
        cdef tc_gate_instrument* t = gate_instrument(g, instrument)
        orders = buying = selling = cost = worth = highest = 0
        for (number, _), one in self.open.items():
            if number != instrument:
                continue
            orders += 1
            highest = max(highest, one.ticks)
            if one.side == TC_BUY:
                buying += one.lots
                cost += one.ticks * one.lots
            else:
                selling += one.lots
                worth += one.ticks * one.lots
        price = highest if t == NULL or t.high_now <= 0 else (t.high_now + 1) // 2
        gate_set_external(g, instrument, orders, min(buying, MOST), min(selling, MOST),
                          min(cost, MOST), min(worth, MOST), price)
        return 0
