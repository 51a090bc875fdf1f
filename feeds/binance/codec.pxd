"""Binance's market-data frames to numbers; see frames.h."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from hotpath.instrument cimport Instrument
from hotpath.records cimport tc_level, tc_top, tc_trade
from hotpath.scan cimport tc_unit


cdef extern from "feeds/binance/frames.h" nogil:
    int BINANCE_SYMBOL_BYTES

    enum binance_kind:
        BINANCE_REJECTED
        BINANCE_DEPTH
        BINANCE_TICKER
        BINANCE_TRADE
        BINANCE_SNAPSHOT
        BINANCE_REPLY
        BINANCE_ERROR
        BINANCE_SHUTDOWN
        BINANCE_NOT_MINE
        BINANCE_UNKNOWN_SYMBOL
        BINANCE_KINDS

    ctypedef struct binance_symbol:
        tc_unit price
        tc_unit quantity
        uint32_t index
        uint32_t n
        uint32_t rounds
        char name[32]

    ctypedef struct binance_symbols:
        binance_symbol* entries
        uint32_t mask
        uint32_t quick
        binance_symbol* any
        const binance_symbol* last

    ctypedef struct binance_message:
        int kind
        int has_previous
        const binance_symbol* symbol
        const char* symbol_text
        uint32_t symbol_n
        uint32_t what_n
        const char* what
        uint64_t first_id, last_id, previous_id
        int64_t venue_time
        int bids, asks
        tc_top top
        tc_trade trade
        uint64_t reply_id
        int64_t code
        int rounded

    uint32_t binance_hash(const char* name, uint32_t n)
    const binance_symbol* binance_find(binance_symbols* t, const char* name, uint32_t n)
    int binance_scan(const char* p, const char* end, binance_symbols* t,
                     const binance_symbol* asked, tc_level* levels, int room, binance_message* m)


cdef class Codec:
    """The symbols of one connection, and the message scanned last with its levels."""

    cdef binance_symbols symbols
    cdef binance_symbol every          # what `symbols.any` points at
    cdef binance_message message
    cdef tc_level* levels              # of the message: bids first
    cdef int room
    cdef uint64_t counted[16]
    cdef readonly uint64_t rounded     # quantities that were no whole lots

    cdef add(self, Instrument instrument, uint32_t index, bint rounds)
    cdef const binance_symbol* symbol_at(self, uint32_t index) noexcept nogil
    cdef int scan(self, const char* p, size_t n, const binance_symbol* asked) noexcept
