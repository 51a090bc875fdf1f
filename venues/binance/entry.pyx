"""Orders on their way out: placements, cancels and cancel-replaces as texts.

A request's id says what it was for and for which order (`p` and 22 digits: the placement of that
order), so a reply finds its order without a table. After a logon a placement is a prepared text
completed in place; with any other key each request is signed on its own, on the cold side.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

import orjson

from hotpath.gate cimport gate_instrument, tc_gate_instrument
from hotpath.instrument cimport Instrument
from hotpath.order cimport order_id_write, tc_order
from hotpath.records cimport TC_BUY, TC_GTC, TC_IOC, TC_LIMIT, TC_MARKET, TC_POST_ONLY, tc_order_id
from hotpath.template cimport lay_out, template_write
from venues.binance.session cimport Session

from hotpath.template import ID, REQUEST, TIME
from venues.binance.request import placement

KIND_WORDS = (("LIMIT", "GTC"), ("LIMIT", "IOC"), ("LIMIT", "FOK"), ("LIMIT_MAKER", None),
              ("MARKET", None))


cdef int kind_of(int type, int time_in_force) noexcept:
    """Which of an instrument's texts; -1: the venue has no such order."""
    if type == TC_POST_ONLY:
        return 3
    if type == TC_MARKET:
        return 4
    if type != TC_LIMIT:
        return -1
    return 0 if time_in_force == TC_GTC else 1 if time_in_force == TC_IOC else 2


cdef str spelled(tc_order_id id):
    cdef char room[22]
    order_id_write(id, room)
    return room[:22].decode()



cdef class Entry(Session):
    """Orders on their way to the venue."""

    def __dealloc__(self):
        free(self.texts)

    def lay_out_texts(self):
        """A prepared text of every listing, side and kind of order."""
        cdef int k
        cdef Instrument spec
        free(self.texts)
        self.texts = <tc_texts*>calloc(max(1, self.listing_count), sizeof(tc_texts))
        if self.texts == NULL:
            raise MemoryError
        for k in range(self.listing_count):
            spec = self.instruments[self.listings[k].instrument]
            for side in range(2):
                self.lay_out_kinds(k, spec.symbol, side)

    cdef lay_out_kinds(self, int k, str symbol, int side):
        cdef int kind
        for kind in range(5):
            word, force = KIND_WORDS[kind]
            params = {"symbol": symbol, "side": ("BUY", "SELL")[side], "type": word}
            if force is not None:
                params["timeInForce"] = force
            params["newOrderRespType"] = "ACK"
            params["selfTradePreventionMode"] = self.settings.self_trade_prevention
            text = orjson.dumps(params).removesuffix(b"}")
            lay_out(&self.texts[k].place[side][kind],
                    b'{"id":"p' + REQUEST + b'","method":"order.place","params":' + text
                    + b',"newClientOrderId":"' + ID + b'","timestamp":' + TIME)

    cdef int write_place(self, tc_order* o, char* to) except -1:
        cdef int at = self.listing_of[o.instrument], kind = kind_of(o.type, o.time_in_force)
        cdef tc_gate_instrument* t = gate_instrument(&self.gate.g, o.instrument)
        if at < 0 or kind < 0 or t == NULL or self.lane.now < self.silent_until:
            return 0
        self.weight += 1
        if self.logged_on:
            return template_write(&self.texts[at].place[0 if o.side == TC_BUY else 1][kind], o.id,
                                  &self.next_half, self.lane.now, &t.spec,
                                  0 if kind == 4 else o.price, o.quantity, to)
        spec = self.instruments[o.instrument]
        id = spelled(o.id)
        word, force = KIND_WORDS[kind]
        params = placement(
            spec.symbol, "BUY" if o.side == TC_BUY else "SELL",
            "market" if kind == 4 else "limit", spec.quantity_text(o.quantity),
            None if kind == 4 else spec.price_text(o.price), id, force or "GTC", kind == 3, "ACK")
        params["selfTradePreventionMode"] = self.settings.self_trade_prevention
        return self.put(self.compose("p" + id, "order.place", params), to)

    cdef int put(self, bytes text, char* to) except -1:
        cdef Py_ssize_t n = PyBytes_GET_SIZE(text)
        if n > 4000:
            return 0
        memcpy(to, PyBytes_AS_STRING(text), n)
        return <int>n

    cdef int write_cancel(self, tc_order* o, char* to) except -1:
        id = spelled(o.id)
        params = {"symbol": self.instruments[o.instrument].symbol, "origClientOrderId": id}
        self.weight += 1
        return self.put(self.compose("c" + id, "order.cancel", params), to)

    cdef int write_replace(self, tc_order* o, char* to) except -1:
        """Cancel-replace: the new order is for what is left of the new quantity."""
        cdef int64_t left = o.new_asked
        cdef int kind = kind_of(o.type, o.time_in_force)
        if left <= 0 or kind < 0 or kind == 4 or self.lane.now < self.silent_until:
            return 0
        spec = self.instruments[o.instrument]
        id = spelled(o.replacement)
        params = placement(
            spec.symbol, "BUY" if o.side == TC_BUY else "SELL", "limit", spec.quantity_text(left),
            spec.price_text(o.new_price), id, KIND_WORDS[kind][1] or "GTC", kind == 3, "ACK")
        params["selfTradePreventionMode"] = self.settings.self_trade_prevention
        params["cancelOrigClientOrderId"] = spelled(o.id)
        params["cancelReplaceMode"] = "STOP_ON_FAILURE"
        self.weight += 1
        return self.put(self.compose("r" + id, "order.cancelReplace", params), to)
