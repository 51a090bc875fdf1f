"""Binance spot's order socket: frames to items; see messages.h."""

import re

import orjson

cimport cython
from libc.stdlib cimport calloc, free

from hotpath.instrument import plain
from hotpath.order import EVENTS, STATUS

from hotpath.scan cimport SCAN_EXPONENT, TC_JSON_NULL, TC_JSON_NUMBER, TC_JSON_STRING, value_scaled, value_text

KINDS = ("rejected", "reply", "error", "event", "request", "foreign")
SIDES = (None, "buy", "sell")
TYPES = (None, "limit", "market", "post_only")
FORCES = (None, "GTC", "IOC", "FOK")
DECIMAL = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?")


@cython.final
cdef class Codec:
    """Reads frames of the order socket; at most `room` items a frame, else it is rejected."""

    def __cinit__(self, int room=8192):
        self.room = room
        self.items = <bn_item*>calloc(room, sizeof(bn_item))
        if self.items == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.items)

    cdef int scan(self, const char* p, size_t n) noexcept nogil:
        cdef int kind = bn_scan(p, p + n, &self.message, self.items, self.room)
        self.counted[kind] += 1
        return kind

    @property
    def counts(self):
        """Frames read, by kind."""
        return {name: self.counted[i] for i, name in enumerate(KINDS) if self.counted[i]}

    def read(self, frame):
        """The records of one frame, as objects: see `decode`."""
        raw = frame.encode() if isinstance(frame, str) else bytes(frame)
        cdef int i, kind = self.scan(raw, len(raw))
        cdef bn_message* m = &self.message
        if kind == BN_REJECTED:
            return [{"type": "rejected"}]
        found = []
        try:
            if kind == BN_ERROR:
                found.append({
                    "type": "error", "id": text(&m.id), "status": m.status, "code": m.code,
                    "message": text(&m.text),
                    "outcome": "definite" if bn_is_definite(m.status, m.code) else "unknown",
                })
            for i in range(m.count):
                found.append(record(m, &self.items[i]))
            if not found:
                found.append({"type": "reply", "id": text(&m.id), "status": m.status})
        except ValueError:
            return [{"type": "rejected"}]
        return found


cdef object text(const tc_value* v):
    cdef char room[512]
    cdef const char* p
    cdef uint32_t n = 0
    if v.type == TC_JSON_STRING:
        p = value_text(v, room, 512, &n)
        if p == NULL:                     # long and with escapes
            return orjson.loads(b'"' + v.p[:v.n] + b'"')
        return p[:n].decode()
    if v.type == TC_JSON_NUMBER:
        return int(v.p[:v.n])
    return None


cdef object amount(const tc_value* v):
    """A decimal as plain text, exact at 1e-8; None where it was not said."""
    cdef int64_t scaled = 0
    if v.type == 0 or v.type == TC_JSON_NULL:
        return None
    if value_scaled(v, 8, &scaled):
        return plain(scaled, 8)
    # wider than 64 bits: still exact, on the cold side
    raw = text(v) if v.type == TC_JSON_STRING else v.p[:v.n].decode()
    found = DECIMAL.fullmatch(raw)
    if found is None or abs(int(found[4] or "0")) > SCAN_EXPONENT:
        raise ValueError(raw)
    power = int(found[4] or "0") - len(found[3] or "") + 8
    digits = int(found[2] + (found[3] or ""))
    value, rest = divmod(digits * 10 ** max(power, 0), 10 ** max(-power, 0))
    if rest:
        raise ValueError(raw)
    return plain(-value if found[1] else value, 8)


cdef object lower(word):
    """An order's type that this engine does not send, in the venue's word: stop_loss_limit."""
    return word.lower() if isinstance(word, str) else None


cdef object moment(int64_t ns):
    return ns // 1_000_000 if ns else None


cdef dict record(const bn_message* m, const bn_item* i):
    if i.kind == BN_ORDER or i.kind == BN_TRADE:
        found = {
            "type": "fill" if i.kind == BN_TRADE else "order_event",
            "symbol": text(&i.symbol),
            "client_order_id": text(&i.client_id),
            "order_id": i.order_id or None,
            "side": SIDES[i.side],
        }
        if i.kind == BN_TRADE:
            found |= {
                "trade_id": i.trade_id,
                "price": amount(&i.last_price),
                "quantity": amount(&i.last_quantity),
                "cumulative": amount(&i.cumulative),
                "fee": amount(&i.fee),
                "fee_asset": text(&i.asset),
                "maker": bool(i.maker),
            }
        else:
            found |= {
                "event": EVENTS[i.event],
                "price": amount(&i.price),
                "quantity": amount(&i.quantity),
                "cumulative": amount(&i.cumulative),
                "order_type": TYPES[i.type] or lower(text(&i.kind_word)),
                "time_in_force": FORCES[i.time_in_force],
                "reason": i.code or text(&i.what),
            }
        found |= {"status": STATUS[i.status] if i.status else None, "time_ms": moment(i.time)}
        return found
    if i.kind == BN_BALANCE:
        return {"type": "balance", "asset": text(&i.asset), "free": amount(&i.last_price),
                "locked": amount(&i.last_quantity), "time_ms": moment(i.time)}
    if i.kind == BN_CHANGE:
        return {"type": "balance_change", "asset": text(&i.asset),
                "change": amount(&i.last_quantity), "time_ms": moment(i.time)}
    if i.kind == BN_SESSION:
        return {"type": "session", "authorised_ms": text(&i.what), "time_ms": moment(i.time)}
    if i.kind == BN_SUBSCRIBED:
        return {"type": "subscribed", "subscription": i.order_id}
    if i.kind == BN_STREAM_ENDED:
        return {"type": "stream_ended"}
    if i.kind == BN_SHUTDOWN:
        return {"type": "shutdown"}
    if i.kind == BN_TIME:
        return {"type": "time", "time_ms": moment(i.time)}
    return {"type": "not_mine", "what": text(&i.what) or KINDS[m.kind]}


def decode(frame):
    """The records of one frame of the order socket, as objects; decimals are plain text, exact.

    order_event (event, symbol, client_order_id, order_id, side, price, quantity, cumulative,
    order_type, time_in_force, reason, status, time_ms), fill (trade_id, price, quantity, cumulative,
    fee, fee_asset, maker ...), balance (asset, free, locked), balance_change, session, subscribed,
    stream_ended, shutdown, time, error (id, status, code, message, outcome: definite or unknown),
    reply (one without content), not_mine (what), rejected (not JSON, or not whole).
    """
    return Codec(8192).read(frame)


def is_definite(int status, int64_t code):
    """True when this answer to a placement says for certain that the order does not live."""
    return bn_is_definite(status, code)
