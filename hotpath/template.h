/* Order text: laid out once, copied and completed for each order.
 *
 * The constant part with its holes lies ready; an order copies it into the send buffer (the transport
 * masks in place, so a text is never sent twice) and fills the holes: two spellings of its id, the
 * time, and behind the constant part the numbers, which vary in length and therefore stand last.
 * What two orders in a row share (half of the id, the time's 1,000 seconds) stays in the text. */
#ifndef TIERCEL_TEMPLATE_H
#define TIERCEL_TEMPLATE_H
#include <stdint.h>
#include <string.h>

#include "hotpath/instrument.h"
#include "hotpath/order.h"

enum { TEMPLATE_ROOM = 480, TEMPLATE_TIME = 13 };

typedef struct {
    uint16_t n;                          /* 0: not laid out */
    uint16_t request_at, id_at, time_at; /* 22 characters, 22 characters, 13 digits */
    uint32_t time_high;                  /* the time's first seven digits as they stand in the text */
    uint64_t id_high;                    /* the id's first half, the same */
    char text[TEMPLATE_ROOM];
} tc_template;

/* Eight decimal digits of v below 10^8 as text, the first one in the lowest byte: halves, quarters and
 * single digits are taken apart side by side, where a division for each digit waits for the last. */
static inline uint64_t template_eight(uint32_t v) {
    uint64_t fours = v / 10000 | (uint64_t)(v % 10000) << 32;
    uint64_t top = (fours * 10486) >> 20 & 0x0000007f0000007full;
    uint64_t twos = top | (fours - top * 100) << 16;
    uint64_t tens = (twos * 103) >> 10 & 0x000f000f000f000full;
    return (tens | (twos - tens * 10) << 8) + 0x3030303030303030ull;
}

typedef struct { /* a half of an id and its digits, spelled before it is needed */
    uint64_t half;
    char digits[TC_BASE62 / 2];
} tc_spelled;

static inline void template_spell(tc_spelled *s, uint64_t half) {
    s->half = half;
    order_half_write(half, s->digits);
}

static inline void template_copy_half(const char *digits, char *to) {
    memcpy(to, digits, 8);
    memcpy(to + TC_BASE62 / 2 - 4, digits + TC_BASE62 / 2 - 4, 4);
}

static inline void template_digits(uint32_t v, char *to, int n) { /* n of at most 8 digits */
    uint64_t text = template_eight(v) >> 8 * (8 - n);
    memcpy(to, &text, (size_t)n);
}

/* v * 10^-scale as text_write has it; writes up to 33 bytes. The digits stay in two registers: what
 * is stored in pieces and loaded as one waits for the stores. */
static inline int template_decimal(int64_t v, int scale, char *to) {
    if (v < 0 || v >= 10000000000000000ll || scale > 15) return text_write(v, scale, to);
    if (v < 100000000 && scale <= 7) { /* what most prices and quantities are */
        uint64_t eight = template_eight((uint32_t)v);
        int zeros = eight != 0x3030303030303030ull ? __builtin_ctzll(eight ^ 0x3030303030303030ull) / 8 : 7;
        if (zeros > 7 - scale) zeros = 7 - scale;
        eight >>= 8 * zeros;
        memcpy(to, &eight, 8);
        if (!scale) return 8 - zeros;
        int whole = 8 - zeros - scale;
        eight >>= 8 * whole;
        to[whole] = '.';
        memcpy(to + whole + 1, &eight, 8);
        return 9 - zeros;
    }
    uint64_t upper = (uint64_t)v / 100000000;
    uint64_t first = template_eight((uint32_t)upper), last = template_eight((uint32_t)((uint64_t)v % 100000000));
    uint64_t zeros = 0x3030303030303030ull;
    int skip = first != zeros ? __builtin_ctzll(first ^ zeros) / 8 : last != zeros ? 8 + __builtin_ctzll(last ^ zeros) / 8 : 15;
    if (skip > 15 - scale) skip = 15 - scale;
    unsigned __int128 text = ((unsigned __int128)last << 64 | first) >> 8 * skip;
    int whole = 16 - skip - scale;
    memcpy(to, &text, 16);
    if (!scale) return whole;
    text >>= 8 * whole;
    to[whole] = '.';
    memcpy(to + whole + 1, &text, 16);
    return 16 - skip + 1;
}

static inline int template_amount(int64_t units, int64_t step, int scale, char *to) { /* units of step */
    int64_t v;
    if (__builtin_mul_overflow(units, step, &v)) return text_write((__int128)units * step, scale, to);
    return template_decimal(v, scale, to);
}

static inline int template_put(char *to, int at, const char *text, int n) {
    memcpy(to + at, text, (size_t)n);
    return at + n;
}

/* The order's text at `to`: constant part, id twice, time in ms, then `"quantity":"..` and, unless
 * it is 0, `","price":"..`, then the end. Plain decimals, exact. Returns the length; up to 32 bytes
 * behind it are written too. `ahead`: the digits of a half, which may be the id's second, or NULL. */
static inline int template_write(tc_template *t, tc_order_id id, const tc_spelled *ahead, int64_t time_ns,
                                 const tc_instrument *i, int64_t price, int64_t quantity, char *to) {
    uint64_t ms = (uint64_t)time_ns / 1000000;
    uint32_t high = (uint32_t)(ms / 1000000 % 10000000); /* 13 digits, the excess lost */
    int n = t->n;
    if (id.hi != t->id_high) {
        order_half_twice(id.hi, t->text + t->id_at, t->text + t->request_at);
        t->id_high = id.hi;
    }
    if (high != t->time_high) {
        template_digits(high, t->text + t->time_at, 7);
        t->time_high = high;
    }
    memcpy(to, t->text, (size_t)n);
    char *half = to + t->id_at + TC_BASE62 / 2, *again = to + t->request_at + TC_BASE62 / 2;
    if (ahead && ahead->half == id.lo) {
        template_copy_half(ahead->digits, half);
        template_copy_half(ahead->digits, again);
    } else {
        order_half_twice(id.lo, half, again);
    }
    template_digits((uint32_t)(ms % 1000000), to + t->time_at + 7, 6);
    n = template_put(to, n, ",\"quantity\":\"", 13);
    n += template_amount(quantity, i->lot, i->quantity_scale, to + n);
    if (price) {
        n = template_put(to, n, "\",\"price\":\"", 11);
        n += template_amount(price, i->tick, i->price_scale, to + n);
    }
    return template_put(to, n, "\"}}", 3);
}

/* Lays out a text of `length` bytes; each hole is 22 or 13 bytes of it at the given place. 0: it
 * does not fit, or a hole lies outside. */
static inline int template_make(tc_template *t, const char *text, uint32_t length, uint32_t request_at,
                                uint32_t id_at, uint32_t time_at) {
    if (length > TEMPLATE_ROOM || request_at + TC_BASE62 > length || id_at + TC_BASE62 > length ||
        time_at + TEMPLATE_TIME > length)
        return 0;
    memcpy(t->text, text, length);
    t->n = (uint16_t)length;
    t->id_high = UINT64_MAX; /* of no order: its source would be 65535 of the last instance */
    t->time_high = UINT32_MAX;
    t->request_at = (uint16_t)request_at;
    t->id_at = (uint16_t)id_at;
    t->time_at = (uint16_t)time_at;
    return 1;
}

/* A decimal price to ticks, rounded to safety by side when it is between two: a buy down, a sell up;
 * a quantity is rounded down. `v` at 10^-scale. */
static inline int64_t template_round(__int128 v, int scale, int64_t step, int step_scale, int up) {
    int s = scale > step_scale ? scale : step_scale;
    __int128 a = v, b = step;
    for (int i = scale; i < s; i++) a *= 10;
    for (int i = step_scale; i < s; i++) b *= 10;
    __int128 q = a / b, r = a % b;
    if (r && a > 0 && up) q++;
    if (r && a < 0 && !up) q--;
    return (int64_t)q;
}

#endif
