"""An instrument: decimal text to ticks and lots and back, exact or rejected; see instrument.h."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from hotpath.scan cimport tc_unit


cdef extern from *:
    """
    typedef __int128 tc_int128;
    """
    ctypedef long long tc_int128      # really 128 bits: only pass it on in C


cdef extern from "hotpath/instrument.h" nogil:
    enum tc_instrument_status:
        TC_INSTRUMENT_UNKNOWN
        TC_INSTRUMENT_TRADING
        TC_INSTRUMENT_HALTED

    ctypedef struct tc_instrument:
        tc_unit price_unit
        tc_unit quantity_unit
        uint32_t id
        uint32_t base_asset, quote_asset
        uint32_t status
        int64_t tick, lot
        int64_t min_quantity
        int64_t max_quantity
        int64_t min_notional
        uint8_t price_scale, quantity_scale

    bint instrument_make(tc_instrument* out, uint32_t id, int64_t tick, int price_scale,
                         int64_t lot, int quantity_scale)
    bint instrument_price(const tc_instrument* i, const char* p, const char* end, int64_t* ticks)
    bint instrument_quantity(const tc_instrument* i, const char* p, const char* end, int64_t* lots)
    int instrument_write_price(const tc_instrument* i, int64_t ticks, char* to)
    int instrument_write_quantity(const tc_instrument* i, int64_t lots, char* to)
    tc_int128 instrument_notional(const tc_instrument* i, int64_t ticks, int64_t lots,
                                  int* overflow)


cdef class Instrument:
    """One instrument of one venue; `c` is the struct the hot path uses."""

    cdef tc_instrument c
    cdef readonly str symbol           # as the venue spells it
    cdef readonly str base, quote      # asset names
