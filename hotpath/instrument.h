/* An instrument: what turns a venue's decimal text into ticks and lots and back.
 *
 * A price is `ticks` * tick * 10^-price_scale, a quantity `lots` * lot * 10^-quantity_scale, exactly;
 * what does not fit is rejected by the conversions. One 128-byte struct, written when the metadata
 * arrives and read on the path; the two units come first because the scanner uses only them. */
#ifndef TIERCEL_INSTRUMENT_H
#define TIERCEL_INSTRUMENT_H
#include "hotpath/scan.h"

enum tc_instrument_status { TC_INSTRUMENT_UNKNOWN = 0, TC_INSTRUMENT_TRADING = 1, TC_INSTRUMENT_HALTED = 2 };

typedef struct {
    tc_unit price_unit;
    tc_unit quantity_unit;
    uint32_t id; /* registry number, 0 = none */
    uint32_t base_asset, quote_asset;
    uint32_t status;      /* enum tc_instrument_status */
    int64_t tick, lot;    /* in 10^-scale */
    int64_t min_quantity; /* lots */
    int64_t max_quantity; /* lots, 0 = no limit */
    int64_t min_notional; /* 1e-8 quote units */
    uint8_t price_scale, quantity_scale; /* decimals, 0..18 */
    uint8_t pad[6];
} tc_instrument;

/* 1, or 0 when tick, lot or a scale is out of range. */
static inline int instrument_make(tc_instrument *out, uint32_t id, int64_t tick, int price_scale,
                                  int64_t lot, int quantity_scale) {
    memset(out, 0, sizeof *out);
    out->id = id;
    out->tick = tick;
    out->lot = lot;
    out->price_scale = (uint8_t)price_scale;
    out->quantity_scale = (uint8_t)quantity_scale;
    return tc_unit_make(tick, price_scale, &out->price_unit) &&
           tc_unit_make(lot, quantity_scale, &out->quantity_unit);
}

/* Text (all of [p, end)) to ticks or lots, exact or 0. */
static inline int instrument_price(const tc_instrument *i, const char *p, const char *end, int64_t *ticks) {
    return text_units(p, end, &i->price_unit, ticks);
}

static inline int instrument_quantity(const tc_instrument *i, const char *p, const char *end, int64_t *lots) {
    return text_units(p, end, &i->quantity_unit, lots);
}

/* `v` * 10^-scale as a plain decimal with `scale` decimals; at most 32 bytes; the length. */
static inline int text_write(__int128 v, int scale, char *to) {
    char digits[48];
    int n = 0, k = 0;
    unsigned __int128 u = v < 0 ? -(unsigned __int128)v : (unsigned __int128)v;
    uint64_t w = (uint64_t)u;
    if (u >> 64 == 0) /* a division of 128 bits is a call */
        do digits[n++] = (char)('0' + (int)(w % 10)), w /= 10;
        while (w || n <= scale);
    else
        do digits[n++] = (char)('0' + (int)(u % 10)), u /= 10;
        while (u || n <= scale);
    if (v < 0) to[k++] = '-';
    while (n) {
        if (n == scale) to[k++] = '.';
        to[k++] = digits[--n];
    }
    return k;
}

/* Ticks or lots as plain decimal text (never an exponent) in the instrument's scale; at most 48
 * bytes; the length. */
static inline int instrument_write_price(const tc_instrument *i, int64_t ticks, char *to) {
    return text_write((__int128)ticks * i->tick, i->price_scale, to);
}

static inline int instrument_write_quantity(const tc_instrument *i, int64_t lots, char *to) {
    return text_write((__int128)lots * i->lot, i->quantity_scale, to);
}

/* Notional in 1e-8 quote units, rounded away from zero (the side of safety for a limit); 0 and
 * *overflow = 1 when it does not fit in 128 bits. */
static inline __int128 instrument_notional(const tc_instrument *i, int64_t ticks, int64_t lots, int *overflow) {
    __int128 v;
    int decimals = i->price_scale + i->quantity_scale;
    *overflow = __builtin_mul_overflow((__int128)ticks * i->tick, (__int128)lots * i->lot, &v);
    for (; !*overflow && decimals < 8; decimals++) *overflow = __builtin_mul_overflow(v, (__int128)10, &v);
    if (*overflow) return 0;
    int inexact = 0, negative = v < 0;
    while (decimals > 8) { /* at most 28 decimals to drop: two steps */
        int step = decimals - 8 > 18 ? 18 : decimals - 8;
        inexact |= v % SCAN_POW10[step] != 0;
        v /= SCAN_POW10[step];
        decimals -= step;
    }
    return inexact ? v + (negative ? -1 : 1) : v;
}

#endif
