/* Scanner: JSON text to scaled integers, exact or rejected, never a byte past `end`.
 *
 * Two layers. The general one reads any valid JSON text: `scan_document`, `scan_value`,
 * `scan_object` (members in any order, with any white space and escapes) and the typed readers
 * `value_*`. It checks the whole grammar (RFC 8259, UTF-8 included), so that what it accepts
 * orjson accepts with equal values; where it is stricter is listed in scan.pyx. The quick one reads
 * the one compact shape that a venue really sends (`scan_expect`, `scan_digits`, `scan_levels8`);
 * a codec tries it first and falls back to the general one for the same text, so the quick layer
 * may say no to anything but never yes to what the general one rejects.
 *
 * Every function takes the text as [p, end) and returns the first byte behind what it took, or
 * NULL: not this shape. Nothing is written through `out` pointers that the caller may use after NULL.
 * Nothing allocates, nothing is static but constants.
 *
 * Quick numbers: one 16-byte load finds the point and the closing quote (SSE2, in the x86-64
 * baseline), the digits then come from 8-byte loads that END at the point and at the quote, so that
 * no load passes `end`; it needs 8 readable bytes in front of the number and 16 in front of `end`,
 * which any frame with a member in front of its numbers has. Price and quantity of a level are
 * converted together (five multiplications for both). Tried: finding the end of each number before
 * the next is looked for, 1,240 ns for a depth frame of 40 levels with everything (18 ns a level here:
 * it waits for load, compare and bit scan of each number in turn); with the shape of the number
 * before taken as a guess (scan_groups), 600 ns, against 800 ns of the floor (bench/book.py). */
#ifndef TIERCEL_SCAN_H
#define TIERCEL_SCAN_H
#include <emmintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "hotpath/records.h"

enum { SCAN_DEPTH = 64, SCAN_EXPONENT = 400 };

enum tc_json {
    TC_JSON_MISSING = 0, /* the member was not there; never the type of a scanned value */
    TC_JSON_NULL = 1,
    TC_JSON_FALSE = 2,
    TC_JSON_TRUE = 3,
    TC_JSON_NUMBER = 4,
    TC_JSON_STRING = 5,
    TC_JSON_ARRAY = 6,
    TC_JSON_OBJECT = 7
};

/* A value where it lies in the text. Strings without their quotes, containers with brackets. */
typedef struct {
    const char *p;
    uint32_t n;
    uint8_t type;    /* enum tc_json */
    uint8_t escaped; /* STRING: has a backslash, see value_text */
    uint16_t pad;
} tc_value;

/* A member name to look for. */
typedef struct {
    const char *name;
    uint32_t n;
    uint32_t pad;
} tc_key;

#define TC_KEY(literal) {(literal), sizeof(literal) - 1, 0}

/* Text in decimals to units of `tick` * 10^-scale: exact or rejected. See tc_unit_make. */
typedef struct {
    uint64_t inverse; /* of the odd part of the unit at 1e-8, modulo 2^64 */
    uint64_t limit;   /* largest quotient that is a true one */
    int64_t tick;
    uint8_t shift; /* power of two in the unit */
    uint8_t scale; /* decimals of the text's unit, 0..18 */
    uint8_t quick; /* 1: scale <= 8, so that 1e-8 units can be divided exactly */
    uint8_t pad[5];
} tc_unit;

static const int64_t SCAN_POW10[19] = {1ll,
                                       10ll,
                                       100ll,
                                       1000ll,
                                       10000ll,
                                       100000ll,
                                       1000000ll,
                                       10000000ll,
                                       100000000ll,
                                       1000000000ll,
                                       10000000000ll,
                                       100000000000ll,
                                       1000000000000ll,
                                       10000000000000ll,
                                       100000000000000ll,
                                       1000000000000000ll,
                                       10000000000000000ll,
                                       100000000000000000ll,
                                       1000000000000000000ll};

/* ---- the general layer: grammar ----------------------------------------------------------- */

static inline const char *scan_space(const char *p, const char *end) {
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
    return p;
}

static inline int scan_hex4(const char *p, const char *end, uint32_t *out) {
    if (end - p < 4) return 0;
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) {
        unsigned c = (unsigned char)p[i], d = c - '0';
        if (d > 9) {
            d = (c | 32) - 'a';
            if (d > 5) return 0;
            d += 10;
        }
        v = v << 4 | d;
    }
    *out = v;
    return 1;
}

/* One UTF-8 sequence of two to four bytes: no overlong form, no surrogate, at most U+10FFFF. */
static inline const char *scan_utf8(const char *p, const char *end) {
    const unsigned char *s = (const unsigned char *)p;
    unsigned c = s[0];
    int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
    if (c < 0xc2 || c > 0xf4 || end - p <= more) return NULL;
    unsigned low = 0x80, high = 0xbf;
    if (c == 0xe0) low = 0xa0;
    if (c == 0xed) high = 0x9f;
    if (c == 0xf0) low = 0x90;
    if (c == 0xf4) high = 0x8f;
    if (s[1] < low || s[1] > high) return NULL;
    for (int i = 2; i <= more; i++)
        if ((s[i] & 0xc0) != 0x80) return NULL;
    return p + more + 1;
}

/* What follows a backslash; `p` at the backslash. A surrogate needs its other half. */
static inline const char *scan_escape(const char *p, const char *end) {
    if (end - p < 2) return NULL;
    switch (p[1]) {
    case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
        return p + 2;
    case 'u': {
        uint32_t high, low;
        if (!scan_hex4(p + 2, end, &high)) return NULL;
        p += 6;
        if (high < 0xd800 || high > 0xdfff) return p;
        if (high > 0xdbff || end - p < 6 || p[0] != '\\' || p[1] != 'u') return NULL;
        if (!scan_hex4(p + 2, end, &low) || low < 0xdc00 || low > 0xdfff) return NULL;
        return p + 6;
    }
    default:
        return NULL;
    }
}

/* A string; `p` at its opening quote, the value is what stands between the quotes. */
static inline const char *scan_string(const char *p, const char *end, tc_value *out) {
    if (p >= end || *p != '"') return NULL;
    const char *start = ++p;
    uint8_t escaped = 0;
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    const __m128i control = _mm_set1_epi8(0x1f);
    for (;;) {
        while (end - p >= 16) { /* plain ASCII, 16 bytes at a time */
            __m128i x = _mm_loadu_si128((const __m128i *)p);
            __m128i stop = _mm_or_si128(_mm_cmpeq_epi8(x, quote), _mm_cmpeq_epi8(x, slash));
            stop = _mm_or_si128(stop, _mm_cmpeq_epi8(_mm_min_epu8(x, control), x));
            unsigned m = (unsigned)_mm_movemask_epi8(_mm_or_si128(stop, x)); /* x: bytes >= 0x80 */
            if (m) {
                p += __builtin_ctz(m);
                break;
            }
            p += 16;
        }
        while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 && *p != '"' &&
               *p != '\\')
            p++;
        if (p >= end) return NULL;
        if (*p == '"') break;
        if (*p == '\\') {
            escaped = 1;
            p = scan_escape(p, end);
        } else if ((unsigned char)*p >= 0x80) {
            p = scan_utf8(p, end);
        } else {
            return NULL; /* a control character */
        }
        if (!p) return NULL;
    }
    if (p - start > UINT32_MAX) return NULL;
    out->p = start;
    out->n = (uint32_t)(p - start);
    out->type = TC_JSON_STRING;
    out->escaped = escaped;
    out->pad = 0;
    return p + 1;
}

/* A number by JSON's grammar: no leading zero, no bare point, no plus. */
static inline const char *scan_number(const char *p, const char *end, tc_value *out) {
    const char *start = p;
    if (p < end && *p == '-') p++;
    if (p >= end) return NULL;
    if (*p == '0')
        p++;
    else if (*p >= '1' && *p <= '9')
        while (p < end && *p >= '0' && *p <= '9') p++;
    else
        return NULL;
    if (p < end && *p == '.') {
        const char *fraction = ++p;
        while (p < end && *p >= '0' && *p <= '9') p++;
        if (p == fraction) return NULL;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-')) p++;
        const char *exponent = p;
        while (p < end && *p >= '0' && *p <= '9') p++;
        if (p == exponent) return NULL;
    }
    if (p - start > UINT32_MAX) return NULL;
    out->p = start;
    out->n = (uint32_t)(p - start);
    out->type = TC_JSON_NUMBER;
    out->escaped = 0;
    out->pad = 0;
    return p;
}

/* null, true, false, a number or a string; `p` at its first byte. */
static inline const char *scan_plain(const char *p, const char *end, tc_value *out) {
    if (p >= end) return NULL;
    if (*p == '"') return scan_string(p, end, out);
    out->p = p;
    out->escaped = 0;
    out->pad = 0;
    if (*p == 't' && end - p >= 4 && !memcmp(p, "true", 4)) {
        out->type = TC_JSON_TRUE;
        out->n = 4;
        return p + 4;
    }
    if (*p == 'n' && end - p >= 4 && !memcmp(p, "null", 4)) {
        out->type = TC_JSON_NULL;
        out->n = 4;
        return p + 4;
    }
    if (*p == 'f' && end - p >= 5 && !memcmp(p, "false", 5)) {
        out->type = TC_JSON_FALSE;
        out->n = 5;
        return p + 5;
    }
    return scan_number(p, end, out);
}

/* Any value; `p` at its first byte. Containers are checked to their end, at most SCAN_DEPTH deep. */
static inline const char *scan_value(const char *p, const char *end, tc_value *out) {
    if (p >= end) return NULL;
    if (*p != '{' && *p != '[') return scan_plain(p, end, out);
    const char *start = p;
    uint64_t objects = 0; /* bit i: the container at depth i is an object */
    int depth = 0;
    tc_value inner;
    for (;;) { /* p at the first byte of a value */
        int opened = 0;
        if (p < end && (*p == '{' || *p == '[')) {
            if (depth == SCAN_DEPTH) return NULL;
            objects = (objects & ~(1ull << depth)) | ((uint64_t)(*p == '{') << depth);
            depth++;
            p = scan_space(p + 1, end);
            opened = 1;
        } else {
            p = scan_plain(p, end, &inner);
            if (!p) return NULL;
            p = scan_space(p, end);
        }
        for (;;) { /* behind a value, or just inside a container */
            int is_object = objects >> (depth - 1) & 1;
            if (p >= end) return NULL;
            if (*p == (is_object ? '}' : ']')) {
                p++;
                opened = 0;
                if (--depth == 0) {
                    if (p - start > UINT32_MAX) return NULL;
                    out->p = start;
                    out->n = (uint32_t)(p - start);
                    out->type = *start == '{' ? TC_JSON_OBJECT : TC_JSON_ARRAY;
                    out->escaped = 0;
                    out->pad = 0;
                    return p;
                }
                p = scan_space(p, end);
                continue;
            }
            if (!opened) {
                if (*p != ',') return NULL;
                p = scan_space(p + 1, end);
            }
            if (is_object) {
                p = scan_string(p, end, &inner);
                if (!p) return NULL;
                p = scan_space(p, end);
                if (p >= end || *p != ':') return NULL;
                p = scan_space(p + 1, end);
            }
            break;
        }
    }
}

/* The whole text is one JSON value: 1, else 0. */
static inline int scan_document(const char *p, const char *end, tc_value *out) {
    p = scan_value(scan_space(p, end), end, out);
    return p && scan_space(p, end) == end;
}

/* ---- the general layer: text and members -------------------------------------------------- */

static inline uint32_t scan_put_utf8(uint32_t c, char *to) {
    if (c < 0x80) {
        to[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        to[0] = (char)(0xc0 | c >> 6);
        to[1] = (char)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        to[0] = (char)(0xe0 | c >> 12);
        to[1] = (char)(0x80 | (c >> 6 & 63));
        to[2] = (char)(0x80 | (c & 63));
        return 3;
    }
    to[0] = (char)(0xf0 | c >> 18);
    to[1] = (char)(0x80 | (c >> 12 & 63));
    to[2] = (char)(0x80 | (c >> 6 & 63));
    to[3] = (char)(0x80 | (c & 63));
    return 4;
}

/* The characters of a scanned string: in place, or unescaped into `room` (at most `space` bytes).
 * Returns where they are and sets `n`; NULL when not a string or `space` is too small. */
static inline const char *value_text(const tc_value *v, char *room, uint32_t space, uint32_t *n) {
    if (v->type != TC_JSON_STRING) return NULL;
    if (!v->escaped) {
        *n = v->n;
        return v->p;
    }
    uint32_t k = 0;
    for (const char *p = v->p, *end = p + v->n; p < end;) {
        if (k + 4 > space) return NULL;
        if (*p != '\\') {
            room[k++] = *p++;
            continue;
        }
        uint32_t c = 0, low = 0;
        switch (p[1]) {
        case 'b': c = '\b'; break;
        case 'f': c = '\f'; break;
        case 'n': c = '\n'; break;
        case 'r': c = '\r'; break;
        case 't': c = '\t'; break;
        case 'u':
            scan_hex4(p + 2, end, &c);
            p += 4;
            if (c >= 0xd800 && c <= 0xdbff) { /* the scan has seen the other half */
                scan_hex4(p + 4, end, &low);
                c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
                p += 6;
            }
            break;
        default: c = (unsigned char)p[1];
        }
        p += 2;
        k += scan_put_utf8(c, room + k);
    }
    *n = k;
    return room;
}

/* 1 when the scanned string is `name`. */
static inline int value_is(const tc_value *v, const char *name, uint32_t n) {
    char room[128];
    uint32_t have;
    const char *p = value_text(v, room, sizeof room, &have);
    return p && have == n && !memcmp(p, name, n);
}

/* An object: the values of the members named in `keys`, wherever they stand; `p` at its brace.
 * A member that is missing has type TC_JSON_MISSING. A name of `keys` that stands there twice is
 * ambiguous: NULL. Other members are checked and skipped. */
static inline const char *scan_object(const char *p, const char *end, const tc_key *keys, int count,
                                      tc_value *out) {
    for (int i = 0; i < count; i++) out[i].type = TC_JSON_MISSING;
    if (p >= end || *p != '{') return NULL;
    p = scan_space(p + 1, end);
    if (p < end && *p == '}') return p + 1;
    for (int guess = 0;;) {
        tc_value name, skipped;
        p = scan_string(p, end, &name);
        if (!p) return NULL;
        int at = -1;
        for (int i = 0; i < count; i++) { /* members mostly stand in the order of the keys */
            int k = guess + i < count ? guess + i : guess + i - count;
            if (name.escaped ? value_is(&name, keys[k].name, keys[k].n)
                             : name.n == keys[k].n && !memcmp(name.p, keys[k].name, name.n)) {
                at = k;
                guess = k + 1;
                break;
            }
        }
        if (at >= 0 && out[at].type != TC_JSON_MISSING) return NULL;
        p = scan_space(p, end);
        if (p >= end || *p != ':') return NULL;
        p = scan_value(scan_space(p + 1, end), end, at < 0 ? &skipped : &out[at]);
        if (!p) return NULL;
        p = scan_space(p, end);
        if (p >= end) return NULL;
        if (*p == '}') return p + 1;
        if (*p != ',') return NULL;
        p = scan_space(p + 1, end);
    }
}

/* The elements of a scanned array one by one: start with *at = NULL; 1 = one in `out`, 0 = no more.
 * The array was checked when it was scanned. */
static inline int value_next(const tc_value *array, const char **at, tc_value *out) {
    const char *end = array->p + array->n, *p = *at;
    if (array->type != TC_JSON_ARRAY) return 0;
    p = scan_space(p ? p : array->p + 1, end);
    if (p >= end || *p == ']') return 0;
    if (*p == ',') p = scan_space(p + 1, end);
    *at = p = scan_value(p, end, out);
    return p != NULL;
}

/* ---- the general layer: numbers ------------------------------------------------------------ */

/* Decimal text (all of [p, end)) times 10^scale, exact or rejected: 1 or 0. The text is
 * -?digits[.digits][e[+-]digits]; leading zeros are allowed, because venues take them in text. */
static inline int text_scaled(const char *p, const char *end, int scale, int64_t *out) {
    int negative = 0;
    if (p < end && *p == '-') {
        negative = 1;
        p++;
    }
    const char *whole = p;
    while (p < end && *p >= '0' && *p <= '9') p++;
    const char *point = p, *last = p;
    if (p == whole) return 0;
    if (p < end && *p == '.') {
        const char *fraction = ++p;
        while (p < end && *p >= '0' && *p <= '9') p++;
        if (p == fraction) return 0;
        last = p;
    }
    int64_t exponent = 0;
    if (p < end && (*p == 'e' || *p == 'E')) {
        int minus = 0;
        p++;
        if (p < end && (*p == '+' || *p == '-')) minus = *p++ == '-';
        const char *digits = p;
        while (p < end && *p >= '0' && *p <= '9') {
            exponent = exponent * 10 + (*p++ - '0');
            if (exponent > SCAN_EXPONENT) return 0;
        }
        if (p == digits) return 0;
        if (minus) exponent = -exponent;
    }
    if (p != end) return 0;
    int64_t decimals = last > point ? last - point - 1 : 0;
    int64_t power = exponent + scale - decimals; /* of the digits read as one integer */
    int64_t keep = (point - whole) + decimals + (power < 0 ? power : 0); /* the rest must be 0 */
    uint64_t v = 0;
    for (const char *d = whole; d < last; d++) {
        if (d == point) continue;
        if (keep-- > 0) {
            if (v > (UINT64_MAX - 9) / 10) return 0;
            v = v * 10 + (uint64_t)(*d - '0');
        } else if (*d != '0') {
            return 0;
        }
    }
    if (v && power > 0) {
        if (power > 18 || v > (uint64_t)INT64_MAX / (uint64_t)SCAN_POW10[power]) return 0;
        v *= (uint64_t)SCAN_POW10[power];
    }
    if (v > (uint64_t)INT64_MAX) return 0;
    *out = negative ? -(int64_t)v : (int64_t)v;
    return 1;
}

/* Digits only (all of [p, end)), at most UINT64_MAX: 1 or 0. */
static inline int text_u64(const char *p, const char *end, uint64_t *out) {
    uint64_t v = 0;
    if (p >= end) return 0;
    for (; p < end; p++) {
        unsigned d = (unsigned)(unsigned char)*p - '0';
        if (d > 9 || v > UINT64_MAX / 10 || (v == UINT64_MAX / 10 && d > 5)) return 0;
        v = v * 10 + d;
    }
    *out = v;
    return 1;
}

static inline int text_i64(const char *p, const char *end, int64_t *out) {
    int negative = p < end && *p == '-';
    uint64_t v;
    if (!text_u64(p + negative, end, &v) || v > (uint64_t)INT64_MAX) return 0;
    *out = negative ? -(int64_t)v : (int64_t)v;
    return 1;
}

/* A string or a number as a scaled integer. */
static inline int value_scaled(const tc_value *v, int scale, int64_t *out) {
    char room[128];
    uint32_t n;
    const char *p;
    if (v->type == TC_JSON_NUMBER) return text_scaled(v->p, v->p + v->n, scale, out);
    p = value_text(v, room, sizeof room, &n);
    return p && text_scaled(p, p + n, scale, out);
}

/* A whole number that stands there as a number (not as a string). */
static inline int value_u64(const tc_value *v, uint64_t *out) {
    return v->type == TC_JSON_NUMBER && text_u64(v->p, v->p + v->n, out);
}

static inline int value_i64(const tc_value *v, int64_t *out) {
    return v->type == TC_JSON_NUMBER && text_i64(v->p, v->p + v->n, out);
}

/* true or false: 1 and the truth in `out`, else 0. */
static inline int value_bool(const tc_value *v, int *out) {
    *out = v->type == TC_JSON_TRUE;
    return v->type == TC_JSON_TRUE || v->type == TC_JSON_FALSE;
}

/* ---- units: scaled integers to ticks and lots ------------------------------------------------ */

/* A unit of `tick` * 10^-scale (tick >= 1, 0 <= scale <= 18): 1, else 0.
 * Exact division without a division: for an odd d, v is a multiple of d iff v * d^-1 (mod 2^64) is
 * at most (2^64-1)/d, and then that is the quotient (Granlund and Montgomery 1994, section 9);
 * the power of two in the unit is rotated out and must have been zero bits. */
static inline int tc_unit_make(int64_t tick, int scale, tc_unit *out) {
    if (tick < 1 || scale < 0 || scale > 18) return 0;
    memset(out, 0, sizeof *out);
    out->tick = tick;
    out->scale = (uint8_t)scale;
    if (scale <= 8 && tick <= INT64_MAX / SCAN_POW10[8 - scale]) {
        uint64_t d = (uint64_t)tick * (uint64_t)SCAN_POW10[8 - scale];
        out->shift = (uint8_t)__builtin_ctzll(d);
        out->limit = UINT64_MAX / d;
        d >>= out->shift;
        uint64_t inverse = d; /* 3 bits right; each step doubles them */
        for (int i = 0; i < 5; i++) inverse *= 2 - d * inverse;
        out->inverse = inverse;
        out->quick = 1;
    }
    return 1;
}

/* A value in 1e-8 to units, exact or 0. The unit must be quick. */
static inline int tc_unit_divide(const tc_unit *unit, uint64_t v, int64_t *out) {
    uint64_t q = v * unit->inverse;
    q = q >> unit->shift | q << (-unit->shift & 63);
    *out = (int64_t)q;
    return q <= unit->limit;
}

/* Decimal text to units, exact or 0. */
static inline int text_units(const char *p, const char *end, const tc_unit *unit, int64_t *out) {
    int64_t v;
    if (!text_scaled(p, end, unit->scale, &v) || v % unit->tick) return 0;
    *out = v / unit->tick;
    return 1;
}

/* A string or a number to units, exact or 0. */
static inline int value_units(const tc_value *v, const tc_unit *unit, int64_t *out) {
    int64_t scaled;
    if (!value_scaled(v, unit->scale, &scaled) || scaled % unit->tick) return 0;
    *out = scaled / unit->tick;
    return 1;
}

/* A scanned array of levels, each an array whose first two elements are price and quantity
 * (further ones are the venue's): the number of levels, or -1: a level is not exact, negative, or
 * there are more than `room`. */
static inline int value_levels(const tc_value *array, const tc_unit *price, const tc_unit *quantity,
                               tc_level *out, int room) {
    const char *at = NULL;
    tc_value level, number;
    int n = 0;
    if (array->type != TC_JSON_ARRAY) return -1;
    while (value_next(array, &at, &level)) {
        const char *in = NULL;
        if (n == room || level.type != TC_JSON_ARRAY) return -1;
        if (!value_next(&level, &in, &number) || !value_units(&number, price, &out[n].price))
            return -1;
        if (!value_next(&level, &in, &number) || !value_units(&number, quantity, &out[n].quantity))
            return -1;
        if (out[n].price < 0 || out[n].quantity < 0) return -1;
        n++;
    }
    return n;
}

/* ---- the quick layer ------------------------------------------------------------------------ */

/* Ask for all cache lines of [p, end) at once: a frame that is not in the nearest cache costs one
 * wait for memory and not one a line. */
static inline void scan_prefetch(const char *p, const char *end) {
    for (; p < end; p += 64) __builtin_prefetch(p);
}

/* The literal stands here. */
#define SCAN_EXPECT(p, end, literal)                                                             \
    ((size_t)((end) - (p)) >= sizeof(literal) - 1 && !memcmp((p), (literal), sizeof(literal) - 1)  \
         ? (p) + sizeof(literal) - 1                                                               \
         : NULL)

/* Which of the 16 bytes from p are not digits; bytes from `end` on count as digits. */
static inline unsigned scan_nondigits(const char *p, const char *end) {
    const char *q = end - p >= 16 ? p : end - 16;
    __m128i t = _mm_sub_epi8(_mm_loadu_si128((const __m128i *)q), _mm_set1_epi8('0'));
    __m128i digit = _mm_cmpeq_epi8(_mm_min_epu8(t, _mm_set1_epi8(9)), t);
    return (~(unsigned)_mm_movemask_epi8(digit) & 0xffff) >> (p - q);
}

static inline uint64_t scan_load8(const char *p) {
    uint64_t x;
    memcpy(&x, p, 8);
    return x;
}

/* Four groups of eight digits (first digit in the lowest byte; a zero byte is a digit 0) to
 * two numbers whole * 1e8 + fraction. */
static inline void scan_convert(uint64_t whole0, uint64_t fraction0, uint64_t whole1,
                                uint64_t fraction1, uint64_t *v0, uint64_t *v1) {
    const __m128i nibbles = _mm_set1_epi8(0x0f), low = _mm_set1_epi16(0x00ff);
    const __m128i tens = _mm_set1_epi16(10), hundreds = _mm_set1_epi32(100 | 1 << 16);
    const __m128i myriads = _mm_set1_epi32(10000 | 1 << 16);
    __m128i a = _mm_and_si128(_mm_set_epi64x((int64_t)fraction0, (int64_t)whole0), nibbles);
    __m128i b = _mm_and_si128(_mm_set_epi64x((int64_t)fraction1, (int64_t)whole1), nibbles);
    a = _mm_add_epi16(_mm_mullo_epi16(_mm_and_si128(a, low), tens), _mm_srli_epi16(a, 8));
    b = _mm_add_epi16(_mm_mullo_epi16(_mm_and_si128(b, low), tens), _mm_srli_epi16(b, 8));
    a = _mm_packs_epi32(_mm_madd_epi16(a, hundreds), _mm_madd_epi16(b, hundreds));
    a = _mm_madd_epi16(a, myriads);
    uint64_t x = (uint64_t)_mm_cvtsi128_si64(a);
    uint64_t y = (uint64_t)_mm_cvtsi128_si64(_mm_unpackhi_epi64(a, a));
    *v0 = (x & 0xffffffff) * 100000000u + (x >> 32);
    *v1 = (y & 0xffffffff) * 100000000u + (y >> 32);
}

/* Where the point and the closing quote of a number stand, and which bits of the mask say so. */
typedef struct {
    unsigned mask, care, point, quote;
} scan_shape;

/* The digit groups of a number d{1,8}.d{1,8}" at p (8 bytes in front are readable, `end` is at
 * least 16 bytes behind the frame's first byte).
 *
 * `shape` is that of the number before in the same place, and mostly this one's too: then the next
 * position is known without waiting for this number's bytes (a well predicted branch instead of a
 * chain of 24 cycles through load, compare, mask and bit scan). */
static inline __attribute__((always_inline)) const char *
scan_groups(const char *p, const char *end, uint64_t *whole, uint64_t *fraction,
            scan_shape *shape) {
    unsigned m = scan_nondigits(p, end);
    if (__builtin_expect(((m ^ shape->mask) & shape->care) != 0, 0)) {
        unsigned rest = m & (m - 1);
        unsigned point = (unsigned)__builtin_ctz(m | 1u << 16);
        unsigned quote = (unsigned)__builtin_ctz(rest | 1u << 16), decimals = quote - point - 1;
        /* unsigned: a count of 0 wraps and fails as well */
        if (point - 1u > 7u || decimals - 1u > 7u || quote > 15u) return NULL;
        shape->mask = m;
        shape->care = (2u << quote) - 1;
        shape->point = point;
        shape->quote = quote;
    }
    unsigned point = shape->point, quote = shape->quote;
    if (p[point] != '.' || p[quote] != '"') return NULL;
    unsigned gap = 64 - 8 * point;
    *whole = scan_load8(p + point - 8) >> gap << gap; /* right-justified: leading zeros */
    /* left-justified: trailing zeros */
    *fraction = scan_load8(p + quote - 8) >> (64 - 8 * (quote - point - 1));
    return p + quote + 1;
}

/* No number seen yet: no mask of 16 bits fits. */
#define SCAN_NO_SHAPE {1u << 31, ~0u, 0, 0}

/* Digits as a whole number, at most 19 of them; stops at the first byte that is not one. */
static inline const char *scan_digits(const char *p, const char *end, uint64_t *out) {
    uint64_t v = 0;
    const char *start = p, *stop = end - p > 19 ? p + 19 : end;
    for (; p < stop; p++) {
        unsigned d = (unsigned)(unsigned char)*p - '0';
        if (d > 9) break;
        v = v * 10 + d;
    }
    *out = v;
    if (p == start || (p < end && (unsigned)(unsigned char)*p - '0' <= 9)) return NULL;
    if (*start == '0' && p - start > 1) return NULL; /* JSON has no leading zeros */
    return p;
}

/* Whole number of 1 to 16 digits; `start` is the first byte of the frame. Longer ones, and those
 * nearer to the start than 16 bytes, digit by digit. */
static inline const char *scan_whole(const char *p, const char *start, const char *end,
                                     uint64_t *out) {
    unsigned n = 16;
    uint64_t none;
    if (p - start >= 16) n = (unsigned)__builtin_ctz(scan_nondigits(p, end) | 1u << 16);
    if (n == 16) return scan_digits(p, end, out);
    if (n == 0 || (*p == '0' && n > 1)) return NULL;
    uint64_t high = 0, low = scan_load8(p + n - 8);
    if (n > 8)
        high = scan_load8(p + n - 16) >> (128 - 8 * n) << (128 - 8 * n);
    else
        low = low >> (64 - 8 * n) << (64 - 8 * n);
    scan_convert(high, low, 0, 0, out, &none);
    return p + n;
}

/* Text without escapes, control characters or bytes above 0x7f, up to its closing quote: the byte
 * behind the quote, or NULL. `p` behind the opening quote. */
static inline const char *scan_plain_text(const char *p, const char *end) {
    while (p < end && *p != '"') {
        if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7f || *p == '\\') return NULL;
        p++;
    }
    return p < end ? p + 1 : NULL;
}

/* A number in quotes to units; `p` behind the opening quote. */
static inline const char *scan_quoted(const char *p, const char *end, const tc_unit *unit,
                                      int64_t *out) {
    uint64_t whole, fraction, v, none;
    scan_shape shape = SCAN_NO_SHAPE;
    const char *q = unit->quick ? scan_groups(p, end, &whole, &fraction, &shape) : NULL;
    if (q) {
        scan_convert(whole, fraction, 0, 0, &v, &none);
        return tc_unit_divide(unit, v, out) ? q : NULL;
    }
    for (q = p; q < end && *q != '"'; q++) {}
    return q < end && text_units(p, q, unit, out) ? q + 1 : NULL;
}

/* Levels [["p","q"],...] in compact form; `p` at the outer bracket; see scan_groups for what must
 * be readable. The byte behind the array and the number of levels, or NULL. */
static inline const char *scan_levels(const char *p, const char *end, const tc_unit *price,
                                      const tc_unit *quantity, tc_level *out, int room,
                                      int *count) {
    int n = 0;
    if (end - p < 2 || *p++ != '[') return NULL;
    if (*p == ']') {
        *count = 0;
        return p + 1;
    }
    int quick = price->quick & quantity->quick;
    scan_shape prices = SCAN_NO_SHAPE, quantities = SCAN_NO_SHAPE;
    const tc_unit price_unit = *price, quantity_unit = *quantity; /* in registers */
    for (;; n++) {
        uint64_t w0, f0, w1, f1, v0, v1;
        const char *q;
        if (n == room || end - p < 10 || p[0] != '[' || p[1] != '"') return NULL;
        q = quick ? scan_groups(p + 2, end, &w0, &f0, &prices) : NULL;
        if (q && end - q > 2 && q[0] == ',' && q[1] == '"' &&
            (q = scan_groups(q + 2, end, &w1, &f1, &quantities))) {
            scan_convert(w0, f0, w1, f1, &v0, &v1);
            if (!(tc_unit_divide(&price_unit, v0, &out[n].price) &
                  tc_unit_divide(&quantity_unit, v1, &out[n].quantity)))
                return NULL;
        } else {
            q = scan_quoted(p + 2, end, price, &out[n].price);
            if (!q || end - q < 3 || q[0] != ',' || q[1] != '"') return NULL;
            q = scan_quoted(q + 2, end, quantity, &out[n].quantity);
            if (!q || out[n].price < 0 || out[n].quantity < 0) return NULL;
        }
        if (end - q < 2 || q[0] != ']') return NULL;
        p = q + 2;
        if (q[1] == ']') break;
        if (q[1] != ',') return NULL;
    }
    *count = n + 1;
    return p;
}

#endif
