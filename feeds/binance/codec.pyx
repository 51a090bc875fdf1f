"""Binance's market-data frames to numbers, and to records as objects for the cold side.

`Codec` is what the feed and the replay of captures use; `decode` is for `tiercel codec` and tests.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from hotpath.instrument cimport Instrument
from hotpath.records cimport TC_BUY
from hotpath.scan cimport tc_unit_make

from hotpath.instrument import plain
from hotpath.scan import loads

KINDS = (
    "rejected",
    "depth",
    "ticker",
    "trade",
    "snapshot",
    "reply",
    "error",
    "shutdown",
    "not_mine",
    "unknown_symbol",
)


@cython.final
cdef class Codec:
    """Scans frames of the given instruments; `any_symbol`: of every other one too, in 1e-8 units.

    `room` is how many levels a frame may have, both sides together; `quick=False` reads with the
    general layer only (tests); `rounds`: quantities that are no whole lots are rounded down and
    counted in `rounded` (see frames.h). `counts` has the frames by kind since the start.
    """

    def __cinit__(self, list instruments, *, bint any_symbol=False, int room=32768, bint quick=True,
                  bint rounds=False):
        cdef Instrument instrument
        cdef uint32_t size = 4
        cdef Py_ssize_t i
        while size < 2 * len(instruments) + 2:
            size *= 2
        self.room = room
        self.levels = <tc_level*>malloc(room * sizeof(tc_level))
        self.symbols.entries = <binance_symbol*>calloc(size, sizeof(binance_symbol))
        if self.levels == NULL or self.symbols.entries == NULL:
            raise MemoryError(f"a codec of {room} levels")
        self.symbols.mask = size - 1
        self.symbols.quick = quick
        if any_symbol:
            tc_unit_make(1, 8, &self.every.price)
            tc_unit_make(1, 8, &self.every.quantity)
            self.every.index = <uint32_t>len(instruments)
            self.symbols.any = &self.every
        for i in range(len(instruments)):
            instrument = instruments[i]
            self.add(instrument, <uint32_t>i, rounds)

    def __dealloc__(self):
        free(self.levels)
        free(self.symbols.entries)

    cdef add(self, Instrument instrument, uint32_t index, bint rounds):
        cdef binance_symbol* s
        name = instrument.symbol.encode()
        if not 0 < len(name) <= BINANCE_SYMBOL_BYTES:
            raise ValueError(f"symbol {instrument.symbol!r}: 1 to {BINANCE_SYMBOL_BYTES} bytes")
        cdef uint32_t at = binance_hash(name, <uint32_t>len(name))
        while self.symbols.entries[at & self.symbols.mask].n:
            s = &self.symbols.entries[at & self.symbols.mask]
            if s.name[: s.n] == name:
                raise ValueError(f"symbol {instrument.symbol!r} stands twice")
            at += 1
        s = &self.symbols.entries[at & self.symbols.mask]
        memcpy(s.name, PyBytes_AS_STRING(name), len(name))
        s.n = <uint32_t>len(name)
        s.price = instrument.c.price_unit
        s.quantity = instrument.c.quantity_unit
        s.index = index
        s.rounds = rounds

    cdef const binance_symbol* symbol_at(self, uint32_t index) noexcept nogil:
        """The symbol of an instrument by its place in the list; NULL: there is none."""
        cdef uint32_t i
        for i in range(self.symbols.mask + 1):
            if self.symbols.entries[i].n and self.symbols.entries[i].index == index:
                return &self.symbols.entries[i]
        return NULL

    cdef int scan(self, const char* p, size_t n, const binance_symbol* asked) noexcept:
        """One frame to `message` and `levels`: enum binance_kind."""
        cdef int kind = binance_scan(p, p + n, &self.symbols, asked, self.levels, self.room,
                                     &self.message)
        self.counted[kind] += 1
        self.rounded += self.message.rounded
        return kind

    @property
    def counts(self):
        return {name: self.counted[i] for i, name in enumerate(KINDS) if self.counted[i]}

    def read(self, const unsigned char[::1] frame, bint any_asked=False):
        """One frame as a plain dict of what the path sees: ticks and lots; the `symbol` as text.
        `any_asked`: a snapshot without a symbol belongs to the symbol that stands for all."""
        cdef binance_message* m = &self.message
        cdef const char* p = <const char*>&frame[0] if frame.shape[0] else NULL
        cdef int kind = self.scan(p, frame.shape[0], &self.every if any_asked else NULL)
        found = {"kind": KINDS[kind]}
        if m.symbol_text != NULL and kind != BINANCE_REJECTED:
            found["symbol"] = m.symbol_text[: m.symbol_n].decode(errors="replace")
        if kind == BINANCE_DEPTH or kind == BINANCE_SNAPSHOT:
            found["bids"] = [(self.levels[i].price, self.levels[i].quantity) for i in range(m.bids)]
            found["asks"] = [
                (self.levels[i].price, self.levels[i].quantity)
                for i in range(m.bids, m.bids + m.asks)
            ]
            found |= {"last_id": m.last_id, "venue_time": m.venue_time}
        if kind == BINANCE_DEPTH:
            found["first_id"] = m.first_id
            if m.has_previous:
                found["previous_id"] = m.previous_id
        elif kind == BINANCE_TICKER:
            found["bid"] = (m.top.bid_price, m.top.bid_quantity)
            found["ask"] = (m.top.ask_price, m.top.ask_quantity)
            found |= {"last_id": m.top.update_id, "venue_time": m.top.venue_time}
        elif kind == BINANCE_TRADE:
            found |= {
                "trade_id": m.trade.trade_id,
                "price": m.trade.price,
                "quantity": m.trade.quantity,
                "side": "buy" if m.trade.side == TC_BUY else "sell",
                "venue_time": m.trade.venue_time,
                "event_time": m.venue_time,
            }
        elif kind == BINANCE_REPLY:
            found["reply_id"] = m.reply_id
        elif kind == BINANCE_ERROR:
            found["code"] = m.code
        elif kind == BINANCE_SHUTDOWN:
            found["venue_time"] = m.venue_time
        elif kind == BINANCE_NOT_MINE and m.what != NULL:
            found["what"] = loads(b'"' + m.what[: m.what_n] + b'"')
        return found

    def read_snapshot(self, const unsigned char[::1] body):
        """The body of a REST depth answer for the first instrument: (bids, asks, last id) in ticks
        and lots, or None when it is none that is exact."""
        cdef const char* p = <const char*>&body[0] if body.shape[0] else NULL
        if self.scan(p, body.shape[0], self.symbol_at(0)) != BINANCE_SNAPSHOT:
            return None
        cdef int n = self.message.bids
        pairs = [(self.levels[i].price, self.levels[i].quantity)
                 for i in range(n + self.message.asks)]
        return pairs[:n], pairs[n:], self.message.last_id


def timestamp(int64_t ns):
    """UTC nanoseconds as an ISO 8601 text with milliseconds; None for 0 (not given)."""
    from datetime import UTC, datetime

    if not ns:
        return None
    seconds, rest = divmod(ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 10**6:03d}Z"


def decode(frame):
    """The records of one frame, as objects; numbers are plain decimal strings, exact.

    {"type": "trade", symbol, id, price, amount, side (of the taker), timestamp}
    {"type": "book_change", symbol, isSnapshot, bids, asks ([{price, amount}], 0 removes), first_id
    and last_id (update ids), timestamp}
    {"type": "book_ticker", symbol, bidPrice, bidAmount, askPrice, askAmount, id, timestamp}
    {"type": "reply", id} | {"type": "error", code} | {"type": "shutdown", timestamp}
    {"type": "not_mine", what}: of a channel that this feed does not take
    {"type": "rejected"}: not JSON, or not a whole and exact message of its kind
    """
    raw = frame.encode() if isinstance(frame, str) else bytes(frame)
    found = Codec([], any_symbol=True, room=65536).read(raw, any_asked=True)
    kind = found["kind"]
    if kind == "snapshot" or kind == "depth":
        record = {"type": "book_change", "symbol": found.get("symbol")}
        record["isSnapshot"] = kind == "snapshot"
        for side in ("bids", "asks"):
            record[side] = [{"price": plain(p, 8), "amount": plain(q, 8)} for p, q in found[side]]
        if "first_id" in found:
            record["first_id"] = found["first_id"]
        record["last_id"] = found["last_id"]
        record["timestamp"] = timestamp(found["venue_time"])
        return [record]
    if kind == "trade":
        return [
            {
                "type": "trade",
                "symbol": found["symbol"],
                "id": str(found["trade_id"]),
                "price": plain(found["price"], 8),
                "amount": plain(found["quantity"], 8),
                "side": found["side"],
                "timestamp": timestamp(found["venue_time"]),
            }
        ]
    if kind == "ticker":
        return [
            {
                "type": "book_ticker",
                "symbol": found["symbol"],
                "bidPrice": plain(found["bid"][0], 8),
                "bidAmount": plain(found["bid"][1], 8),
                "askPrice": plain(found["ask"][0], 8),
                "askAmount": plain(found["ask"][1], 8),
                "id": found["last_id"],
                "timestamp": timestamp(found["venue_time"]),
            }
        ]
    if kind == "reply":
        return [{"type": "reply", "id": found["reply_id"]}]
    if kind == "error":
        return [{"type": "error", "code": found["code"]}]
    if kind == "shutdown":
        return [{"type": "shutdown", "timestamp": timestamp(found["venue_time"])}]
    if kind == "not_mine":
        return [{"type": "not_mine", "what": found.get("what")}]
    return [{"type": kind}]
