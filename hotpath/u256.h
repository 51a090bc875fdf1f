/* Exact 256-bit unsigned integers on 64-bit limbs, with 512-bit intermediates.
 *
 * A u256 is four limbs, least significant first, passed by value: every function is static inline,
 * so after inlining the limbs live in registers. Products are built limb by limb and divided with
 * Knuth's algorithm D on the hardware's 128/64 division; sizes are taken from the operands, so that
 * small numbers cost what small numbers should. Nothing here allocates, branches to Python, or has
 * undefined behaviour for any input: a result that does not fit is reported, never truncated
 * silently (the functions whose names say `wrapping` are the exception, for arithmetic modulo 2^256).
 */
#ifndef TIERCEL_U256_H
#define TIERCEL_U256_H
#include <stdint.h>

typedef unsigned __int128 u128;
typedef __int128 i128;
typedef struct { uint64_t w[4]; } u256;

static const u256 U256_ZERO = {{0, 0, 0, 0}};
static const u256 U256_ONE = {{1, 0, 0, 0}};
static const u256 U256_MAX = {{~0ull, ~0ull, ~0ull, ~0ull}};

static inline u256 u256_from_u64(uint64_t v) { return (u256){{v, 0, 0, 0}}; }
static inline u256 u256_from_u128(u128 v) { return (u256){{(uint64_t)v, (uint64_t)(v >> 64), 0, 0}}; }
static inline u256 u256_from_limbs(uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3) {
    return (u256){{w0, w1, w2, w3}};
}
static inline int u256_fits_u64(u256 a) { return !(a.w[1] | a.w[2] | a.w[3]); }
static inline int u256_fits_u128(u256 a) { return !(a.w[2] | a.w[3]); }
/* the low 128 bits; *ok becomes 0 when the value does not fit (and stays as it is when it does) */
static inline u128 u256_to_u128(u256 a, int *ok) {
    if (!u256_fits_u128(a)) *ok = 0;
    return (u128)a.w[1] << 64 | a.w[0];
}
static inline uint64_t u256_to_u64(u256 a, int *ok) {
    if (!u256_fits_u64(a)) *ok = 0;
    return a.w[0];
}
static inline u128 u256_low128(u256 a) { return (u128)a.w[1] << 64 | a.w[0]; }
static inline double u256_to_double(u256 a) {
    return (double)a.w[0] + 0x1p64 * ((double)a.w[1] + 0x1p64 * ((double)a.w[2] + 0x1p64 * (double)a.w[3]));
}

static inline int u256_is_zero(u256 a) { return !(a.w[0] | a.w[1] | a.w[2] | a.w[3]); }
static inline int u256_eq(u256 a, u256 b) {
    return !((a.w[0] ^ b.w[0]) | (a.w[1] ^ b.w[1]) | (a.w[2] ^ b.w[2]) | (a.w[3] ^ b.w[3]));
}
/* -1, 0 or 1 */
static inline int u256_cmp(u256 a, u256 b) {
    for (int i = 3; i >= 0; i--)
        if (a.w[i] != b.w[i]) return a.w[i] < b.w[i] ? -1 : 1;
    return 0;
}
static inline int u256_lt(u256 a, u256 b) {
    unsigned char c = 0;
    for (int i = 0; i < 4; i++) c = (unsigned char)(((u128)a.w[i] - b.w[i] - c) >> 64) & 1;
    return c;
}
static inline int u256_bits(u256 a) {
    for (int i = 3; i >= 0; i--)
        if (a.w[i]) return 64 * i + 64 - __builtin_clzll(a.w[i]);
    return 0;
}

/* a + b modulo 2^256; the carry out in *carry (may be NULL) */
static inline u256 u256_add(u256 a, u256 b, int *carry) {
    u128 c = 0;
    u256 r;
    for (int i = 0; i < 4; i++) {
        c += (u128)a.w[i] + b.w[i];
        r.w[i] = (uint64_t)c;
        c >>= 64;
    }
    if (carry) *carry = (int)c;
    return r;
}
/* a - b modulo 2^256; the borrow in *borrow (may be NULL) */
static inline u256 u256_sub(u256 a, u256 b, int *borrow) {
    unsigned char c = 0;
    u256 r;
    for (int i = 0; i < 4; i++) {
        u128 d = (u128)a.w[i] - b.w[i] - c;
        r.w[i] = (uint64_t)d;
        c = (unsigned char)(d >> 64) & 1;
    }
    if (borrow) *borrow = c;
    return r;
}
static inline u256 u256_wrapping_add(u256 a, u256 b) { return u256_add(a, b, 0); }
static inline u256 u256_wrapping_sub(u256 a, u256 b) { return u256_sub(a, b, 0); }
static inline u256 u256_neg(u256 a) { return u256_sub(U256_ZERO, a, 0); }
static inline int u256_is_negative(u256 a) { return (int)(a.w[3] >> 63); } /* read as int256 */

/* shifts by 0..255 bits; more gives 0 */
static inline u256 u256_shl(u256 a, unsigned n) {
    u256 r = U256_ZERO;
    unsigned k = n >> 6, s = n & 63;
    if (n > 255) return r;
    for (int i = 3; i >= (int)k; i--) {
        r.w[i] = a.w[i - k] << s;
        if (s && i > (int)k) r.w[i] |= a.w[i - k - 1] >> (64 - s);
    }
    return r;
}
static inline u256 u256_shr(u256 a, unsigned n) {
    u256 r = U256_ZERO;
    unsigned k = n >> 6, s = n & 63;
    if (n > 255) return r;
    for (unsigned i = 0; i + k < 4; i++) {
        r.w[i] = a.w[i + k] >> s;
        if (s && i + k < 3) r.w[i] |= a.w[i + k + 1] << (64 - s);
    }
    return r;
}

static inline int u256_limbs(const uint64_t *w, int n) {
    while (n && !w[n - 1]) n--;
    return n;
}
/* the whole 512-bit product */
static inline void u256_mul_full(u256 a, u256 b, uint64_t out[8]) {
    int na = u256_limbs(a.w, 4), nb = u256_limbs(b.w, 4);
    for (int i = 0; i < 8; i++) out[i] = 0;
    for (int i = 0; i < na; i++) {
        u128 c = 0;
        for (int j = 0; j < nb; j++) {
            c += (u128)a.w[i] * b.w[j] + out[i + j];
            out[i + j] = (uint64_t)c;
            c >>= 64;
        }
        out[i + nb] = (uint64_t)c;
    }
}
/* a * b modulo 2^256; *carry becomes 1 when the product does not fit (may be NULL) */
static inline u256 u256_mul(u256 a, u256 b, int *carry) {
    uint64_t p[8];
    u256_mul_full(a, b, p);
    if (carry) *carry = (p[4] | p[5] | p[6] | p[7]) != 0;
    return (u256){{p[0], p[1], p[2], p[3]}};
}

/* (hi:lo) / d with hi < d: one hardware division */
static inline uint64_t u256_div_128_64(uint64_t hi, uint64_t lo, uint64_t d, uint64_t *rem) {
#if defined(__x86_64__)
    uint64_t q;
    __asm__("divq %4" : "=a"(q), "=d"(*rem) : "a"(lo), "d"(hi), "r"(d) : "cc");
    return q;
#else
    u128 n = (u128)hi << 64 | lo;
    *rem = (uint64_t)(n % d);
    return (uint64_t)(n / d);
#endif
}

/* a * b modulo 2^256; *carry is what lies above (may be NULL) */
static inline u256 u256_mul_u64(u256 a, uint64_t b, uint64_t *carry) {
    u128 c = 0;
    u256 r;
    for (int i = 0; i < 4; i++) {
        c += (u128)a.w[i] * b;
        r.w[i] = (uint64_t)c;
        c >>= 64;
    }
    if (carry) *carry = (uint64_t)c;
    return r;
}
/* floor or (up) ceil of a * b / d for b and d of one limb: 0, or 1 when d is zero or it does not fit */
static inline int u256_muldiv_u64(u256 a, uint64_t b, uint64_t d, int up, u256 *q) {
    uint64_t top, r;
    u256 p = u256_mul_u64(a, b, &top);
    *q = U256_ZERO;
    if (top >= d) return 1; /* also d = 0 */
    if (!(top | p.w[3] | p.w[2])) {
        q->w[1] = p.w[1] / d;
        q->w[0] = u256_div_128_64(p.w[1] % d, p.w[0], d, &r);
    } else {
        r = top;
        for (int i = 3; i >= 0; i--) q->w[i] = u256_div_128_64(r, p.w[i], d, &r);
    }
    int carry = 0;
    if (up && r) *q = u256_add(*q, U256_ONE, &carry);
    return carry;
}

/* the digit (rest:in) / (d1:d0), d1's top bit set, rest < d; rest becomes the remainder */
static inline uint64_t u256_digit_two(u128 *rest, uint64_t in, uint64_t d1, uint64_t d0) {
    uint64_t h1 = (uint64_t)(*rest >> 64), qh, r;
    u128 left;
    if (h1 >= d1) {
        qh = ~0ull;
        left = *rest - (u128)qh * d1;
    } else {
        qh = u256_div_128_64(h1, (uint64_t)*rest, d1, &r);
        left = r;
    }
    while (!(uint64_t)(left >> 64) && (u128)qh * d0 > (left << 64 | in)) {
        qh--;
        left += d1;
    }
    *rest = (left << 64 | in) - (u128)qh * d0; /* exact modulo 2^128: the remainder is below d */
    return qh;
}
/* u256_div_full for a divisor of two limbs, the usual size of a price: the remainder stays in one u128 */
static inline int u256_div_two(const uint64_t *n8, int nn, u256 d, u256 *q, u256 *rem) {
    int s = __builtin_clzll(d.w[1]);
    u128 v = u256_low128(d) << s, rest;
    const uint64_t d1 = (uint64_t)(v >> 64), d0 = (uint64_t)v;
    int i = nn - 1; /* the first digit would be zero where the top limb is smaller: begin one lower */
    if (n8[i] < d.w[1]) {
        rest = ((u128)n8[i] << 64 | n8[i - 1]) << s;
        i--;
    } else {
        rest = (u128)(s ? n8[i] >> (64 - s) : 0) << 64 | n8[i] << s;
    }
    if (s && i) rest |= n8[i - 1] >> (64 - s);
    uint64_t q3 = 0, q2 = 0, q1 = 0, q0 = 0, over = 0;
    for (i--; i >= 0; i--) { /* digits pass through registers: storing them by index would stall the reader */
        uint64_t in = n8[i] << s | (s && i ? n8[i - 1] >> (64 - s) : 0);
        over |= q3;
        q3 = q2;
        q2 = q1;
        q1 = q0;
        q0 = u256_digit_two(&rest, in, d1, d0);
    }
    if (over) return 1;
    *q = u256_from_limbs(q0, q1, q2, q3);
    if (rem) *rem = u256_from_u128(rest >> s);
    return 0;
}

/* n (nn limbs, the top one not zero) / d (nd >= 3 limbs, the top one not zero, nn >= nd): the quotient's
 * in *q, the remainder's nd limbs in rem. 1 when the quotient does not fit. nd is a constant where
 * this is inlined. Knuth, The Art of Computer Programming 2, 4.3.1, algorithm D. */
static inline __attribute__((always_inline)) int u256_div_limbs(
    const uint64_t *n8, int nn, const uint64_t *d, const int nd, u256 *q, uint64_t *rem) {
    uint64_t n[9], v[6];
    int s = __builtin_clzll(d[nd - 1]);
    if (s) {
        for (int i = nd - 1; i > 0; i--) v[i] = d[i] << s | d[i - 1] >> (64 - s);
        v[0] = d[0] << s;
        n[nn] = n8[nn - 1] >> (64 - s);
        for (int i = nn - 1; i > 0; i--) n[i] = n8[i] << s | n8[i - 1] >> (64 - s);
        n[0] = n8[0] << s;
    } else {
        for (int i = 0; i < nd; i++) v[i] = d[i];
        for (int i = 0; i < nn; i++) n[i] = n8[i];
        n[nn] = 0;
    }
    const uint64_t top = v[nd - 1], next = v[nd - 2];
    uint64_t q3 = 0, q2 = 0, q1 = 0, q0 = 0, over = 0;
    int j = nn - nd;
    if (n8[nn - 1] < d[nd - 1]) j--; /* the first digit would be zero */
    for (; j >= 0; j--) {
        uint64_t qh, rh;
        int exact = 1;
        if (n[j + nd] >= top) {
            qh = ~0ull;
            rh = n[j + nd - 1] + top;
            exact = rh >= top; /* no carry: the estimate may still be too large */
        } else {
            qh = u256_div_128_64(n[j + nd], n[j + nd - 1], top, &rh);
        }
        while (exact && (u128)qh * next > ((u128)rh << 64 | n[j + nd - 2])) {
            qh--;
            rh += top;
            exact = rh >= top;
        }
        u128 c = 0;
        unsigned char br = 0;
        for (int i = 0; i < nd; i++) {
            c += (u128)qh * v[i];
            u128 t = (u128)n[i + j] - (uint64_t)c - br;
            n[i + j] = (uint64_t)t;
            br = (unsigned char)(t >> 64) & 1;
            c >>= 64;
        }
        u128 t = (u128)n[j + nd] - (uint64_t)c - br;
        n[j + nd] = (uint64_t)t;
        if ((unsigned char)(t >> 64) & 1) {
            qh--;
            u128 a = 0;
            for (int i = 0; i < nd; i++) {
                a += (u128)n[i + j] + v[i];
                n[i + j] = (uint64_t)a;
                a >>= 64;
            }
            n[j + nd] += (uint64_t)a;
        }
        over |= q3;
        q3 = q2;
        q2 = q1;
        q1 = q0;
        q0 = qh;
    }
    if (over) return 1;
    *q = u256_from_limbs(q0, q1, q2, q3);
    for (int i = 0; i < nd; i++) {
        rem[i] = n[i] >> s;
        if (s && i + 1 < nd) rem[i] |= n[i + 1] << (64 - s);
    }
    return 0;
}
/* n (8 limbs) / d: the quotient, and the remainder in *rem (may be NULL).
 * Returns 0, or 1 when d is zero or the quotient does not fit 256 bits (then *q and *rem are 0).
 * Knuth, The Art of Computer Programming 2, 4.3.1, algorithm D. */
static inline int u256_div_full(const uint64_t n8[8], u256 d, u256 *q, u256 *rem) {
    int nn = u256_limbs(n8, 8), nd = u256_limbs(d.w, 4);
    *q = U256_ZERO;
    if (rem) *rem = U256_ZERO;
    if (!nd) return 1;
    if (nn < nd) {
        if (rem)
            for (int i = 0; i < nn; i++) rem->w[i] = n8[i];
        return 0;
    }
    if (nd == 1) {
        uint64_t r = 0, q3 = 0, q2 = 0, q1 = 0, q0 = 0, over = 0;
        for (int i = nn - 1; i >= 0; i--) {
            over |= q3;
            q3 = q2;
            q2 = q1;
            q1 = q0;
            q0 = u256_div_128_64(r, n8[i], d.w[0], &r);
        }
        if (over) return 1;
        *q = u256_from_limbs(q0, q1, q2, q3);
        if (rem) rem->w[0] = r;
        return 0;
    }
    if (nd == 2) return u256_div_two(n8, nn, d, q, rem);
    uint64_t rest[4] = {0, 0, 0, 0};
    int failed = nd == 3 ? u256_div_limbs(n8, nn, d.w, 3, q, rest) : u256_div_limbs(n8, nn, d.w, 4, q, rest);
    if (failed) *q = U256_ZERO;
    else if (rem) *rem = u256_from_limbs(rest[0], rest[1], rest[2], rest[3]);
    return failed;
}

/* floor(a * b / d). Returns 0, or 1 when d is zero or the quotient does not fit. */
static inline int u256_muldiv(u256 a, u256 b, u256 d, u256 *q) {
    uint64_t p[8];
    u256_mul_full(a, b, p);
    return u256_div_full(p, d, q, 0);
}
/* ceil(a * b / d). Returns 0, or 1 when d is zero or the result does not fit. */
static inline int u256_muldiv_up(u256 a, u256 b, u256 d, u256 *q) {
    uint64_t p[8];
    u256 r;
    int carry = 0;
    u256_mul_full(a, b, p);
    if (u256_div_full(p, d, q, &r)) return 1;
    if (!u256_is_zero(r)) *q = u256_add(*q, U256_ONE, &carry);
    return carry;
}
/* floor(a / d) and a mod d; 1 when d is zero */
static inline int u256_divmod(u256 a, u256 d, u256 *q, u256 *rem) {
    uint64_t n[8] = {a.w[0], a.w[1], a.w[2], a.w[3], 0, 0, 0, 0};
    return u256_div_full(n, d, q, rem);
}
/* floor(a / d), a mod d, ceil(a / d); 0 for d = 0 (test the divisor where it can be zero) */
static inline u256 u256_div(u256 a, u256 d) {
    u256 q;
    u256_divmod(a, d, &q, 0);
    return q;
}
static inline u256 u256_mod(u256 a, u256 d) {
    u256 q, r;
    u256_divmod(a, d, &q, &r);
    return r;
}
static inline u256 u256_div_up(u256 a, u256 d) {
    u256 q, r;
    u256_divmod(a, d, &q, &r);
    return u256_is_zero(r) ? q : u256_add(q, U256_ONE, 0); /* q is the maximum only for d = 1 */
}
/* floor of the square root (Newton from above; at most a dozen divisions) */
static inline u256 u256_isqrt(u256 a) {
    if (u256_is_zero(a)) return a;
    u256 x = u256_shl(U256_ONE, (unsigned)(u256_bits(a) + 1) / 2);
    if (u256_is_zero(x)) x = U256_MAX;
    for (;;) {
        int carry;
        u256 sum = u256_add(x, u256_div(a, x), &carry);
        u256 y = u256_shr(sum, 1);
        if (carry) y.w[3] |= 1ull << 63;
        if (u256_cmp(y, x) >= 0) return x;
        x = y;
    }
}

/* floor(a * b / d) of 128-bit numbers by one 256-bit product; *ok becomes 0 when d is zero or the
 * quotient does not fit 128 bits. The work-horse of constant-product pools and of Solana's u128. */
static inline u128 u128_muldiv_rem(u128 a, u128 b, u128 d, u128 *rem, int *ok) {
    uint64_t a0 = (uint64_t)a, a1 = (uint64_t)(a >> 64), b0 = (uint64_t)b, b1 = (uint64_t)(b >> 64);
    u128 p00 = (u128)a0 * b0, p01 = (u128)a0 * b1, p10 = (u128)a1 * b0, p11 = (u128)a1 * b1;
    u128 mid = (p00 >> 64) + (uint64_t)p01 + (uint64_t)p10;
    u128 lo = mid << 64 | (uint64_t)p00;
    u128 hi = p11 + (p01 >> 64) + (p10 >> 64) + (mid >> 64);
    if (hi >= d) { *ok = 0; *rem = 0; return 0; } /* also d = 0 */
    uint64_t r;
    if (!(uint64_t)(d >> 64)) { /* hi < d < 2^64 */
        uint64_t q1 = u256_div_128_64((uint64_t)hi, (uint64_t)(lo >> 64), (uint64_t)d, &r);
        uint64_t q0 = u256_div_128_64(r, (uint64_t)lo, (uint64_t)d, &r);
        *rem = r;
        return (u128)q1 << 64 | q0;
    }
    int s = __builtin_clzll((uint64_t)(d >> 64));
    if (s) {
        d <<= s;
        hi = hi << s | lo >> (128 - s);
        lo <<= s;
    }
    const uint64_t d1 = (uint64_t)(d >> 64), d0 = (uint64_t)d;
    uint64_t q1 = u256_digit_two(&hi, (uint64_t)(lo >> 64), d1, d0);
    uint64_t q0 = u256_digit_two(&hi, (uint64_t)lo, d1, d0);
    *rem = hi >> s;
    return (u128)q1 << 64 | q0;
}
/* floor(r * 2^128 / d) for r < d */
static inline u128 u128_fraction(u128 r, u128 d) {
    uint64_t rest;
    if (!(uint64_t)(d >> 64)) {
        uint64_t q1 = u256_div_128_64((uint64_t)r, 0, (uint64_t)d, &rest);
        return (u128)q1 << 64 | u256_div_128_64(rest, 0, (uint64_t)d, &rest);
    }
    const int s = __builtin_clzll((uint64_t)(d >> 64));
    d <<= s;
    r <<= s;
    uint64_t q1 = u256_digit_two(&r, 0, (uint64_t)(d >> 64), (uint64_t)d);
    return (u128)q1 << 64 | u256_digit_two(&r, 0, (uint64_t)(d >> 64), (uint64_t)d);
}
static inline u128 u128_muldiv(u128 a, u128 b, u128 d, int *ok) {
    u128 rem;
    return u128_muldiv_rem(a, b, d, &rem, ok);
}
static inline u128 u128_muldiv_up(u128 a, u128 b, u128 d, int *ok) {
    u128 rem, q = u128_muldiv_rem(a, b, d, &rem, ok);
    if (rem && q == ~(u128)0) *ok = 0;
    return rem ? q + 1 : q;
}
#endif
