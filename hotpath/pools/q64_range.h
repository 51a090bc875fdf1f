/* Amounts of two coins between two square-root prices in Q64.64, as Solana's concentrated pools round.
 *
 * Orca and Raydium agree here: x (token A, 0) is liquidity * 2^64 * (high - low) / (low * high), y (token
 * B, 1) is liquidity * (high - low) / 2^64. Raydium's older source divides twice, by high and then by
 * low; floor(floor(n / a) / b) = floor(n / ab) and the same upwards, so one division gives its numbers.
 * A result must fit u64, so the division of x is one digit of Knuth's algorithm D: area / d with a 64-bit
 * quotient, where area = liquidity * (high - low) < d. The two kinds' tick tables differ and are not here.
 */
#ifndef TIERCEL_Q64_RANGE_H
#define TIERCEL_Q64_RANGE_H
#include "hotpath/u256.h"

#define Q64_MILLION 1000000u
/* a swap that walks further is refused: a thousand times what a Solana transaction can compute */
#define Q64_MAX_STEPS (1u << 17)

/* QuoteStatus of pool.pxd, by value */
enum {
    Q64_OK = 0, Q64_PARTIAL = 1, Q64_REFUSED = 2, Q64_OVERFLOW = 3, Q64_NO_LIQUIDITY = 4, Q64_TOO_MANY_STEPS = 5,
    Q64_BAD_FIELD = 6
};

/* the whole product of two 128-bit numbers */
static inline u256 q64_product(u128 a, u128 b) {
    uint64_t a0 = (uint64_t)a, a1 = (uint64_t)(a >> 64), b0 = (uint64_t)b, b1 = (uint64_t)(b >> 64);
    u128 p00 = (u128)a0 * b0, p01 = (u128)a0 * b1, p10 = (u128)a1 * b0, p11 = (u128)a1 * b1;
    u128 mid = (p00 >> 64) + (uint64_t)p01 + (uint64_t)p10;
    u128 high = p11 + (p01 >> 64) + (p10 >> 64) + (mid >> 64);
    return u256_from_limbs((uint64_t)p00, (uint64_t)mid, (uint64_t)high, (uint64_t)(high >> 64));
}

/* y between two prices that are `apart`; 1 when it is beyond u64 (then *out is 0) */
static inline int q64_amount_y(u128 liquidity, u128 apart, int up, uint64_t *out) {
    u256 area = q64_product(liquidity, apart);
    uint64_t q = area.w[1];
    int beyond = (area.w[2] | area.w[3]) != 0;
    if (up && area.w[0]) beyond |= ++q == 0;
    *out = beyond ? 0 : q;
    return beyond;
}

/* One digit: floor(area * 2^64 / d) for area < d; *rest tells whether anything is left. */
static inline uint64_t q64_digit(u256 area, u256 d, int *rest) {
    if (d.w[3]) { /* prices above 2^96: the ends of the range only */
        uint64_t n[8] = {0, area.w[0], area.w[1], area.w[2], area.w[3], 0, 0, 0};
        u256 q, r;
        u256_div_full(n, d, &q, &r);
        *rest = !u256_is_zero(r);
        return q.w[0];
    }
    if (d.w[2]) {
        const int s = __builtin_clzll(d.w[2]);
        u256 v = u256_shl(d, (unsigned)s), r = u256_shl(area, (unsigned)s);
        uint64_t q, left;
        int exact = 1;
        if (r.w[2] >= v.w[2]) {
            q = ~0ull;
            left = r.w[1] + v.w[2];
            exact = left >= v.w[2];
        } else {
            q = u256_div_128_64(r.w[2], r.w[1], v.w[2], &left);
        }
        while (exact && (u128)q * v.w[1] > ((u128)left << 64 | r.w[0])) {
            q--;
            left += v.w[2];
            exact = left >= v.w[2];
        }
        /* r * 2^64 - q * v, modulo 2^256: negative when q is one too large */
        u128 c = (u128)q * v.w[0];
        uint64_t t0 = 0 - (uint64_t)c, borrow = (uint64_t)c != 0;
        c = (c >> 64) + (u128)q * v.w[1];
        u128 t = (u128)r.w[0] - (uint64_t)c - borrow;
        uint64_t t1 = (uint64_t)t;
        borrow = (uint64_t)(t >> 64) & 1;
        c = (c >> 64) + (u128)q * v.w[2];
        t = (u128)r.w[1] - (uint64_t)c - borrow;
        uint64_t t2 = (uint64_t)t;
        borrow = (uint64_t)(t >> 64) & 1;
        if (r.w[2] < (uint64_t)(c >> 64) + borrow) {
            *rest = 1; /* the true remainder is what was added back, below d and above 0 or equal to 0 */
            u128 back = (u128)t0 + v.w[0];
            uint64_t b0 = (uint64_t)back;
            back = (back >> 64) + t1 + v.w[1];
            uint64_t b1 = (uint64_t)back;
            back = (back >> 64) + t2 + v.w[2];
            *rest = (b0 | b1 | (uint64_t)back) != 0;
            return q - 1;
        }
        *rest = (t0 | t1 | t2) != 0;
        return q;
    }
    if (d.w[1]) {
        const int s = __builtin_clzll(d.w[1]);
        u128 v = u256_low128(d) << s, r = u256_low128(area) << s;
        uint64_t q = u256_digit_two(&r, 0, (uint64_t)(v >> 64), (uint64_t)v);
        *rest = r != 0;
        return q;
    }
    uint64_t r, q = u256_div_128_64(area.w[0], 0, d.w[0], &r);
    *rest = r != 0;
    return q;
}

/* x between two prices; 1 when it is beyond u64 (then *out is 0) or a price is 0. `cap` refuses, as
 * Orca's u256 does, a numerator of more than 256 bits: then 2. */
static inline int q64_amount_x(u128 p, u128 q, u128 liquidity, int up, int cap, uint64_t *out) {
    const u128 low = p < q ? p : q, high = p < q ? q : p;
    u256 area = q64_product(liquidity, high - low), d = q64_product(low, high);
    int rest;
    *out = 0;
    if (cap && area.w[3]) return 2;
    if (!u256_lt(area, d)) return 1;
    uint64_t n = q64_digit(area, d, &rest);
    if (up && rest && ++n == 0) return 1;
    *out = n;
    return 0;
}

/* the price after x moved: ceil(liquidity * 2^64 * price / (liquidity * 2^64 +- amount * price)).
 * 0; 1 when the denominator is not positive or the price does not fit; 2 when `cap` and beyond 256 bits. */
static inline int q64_price_after_x(u128 price, u128 liquidity, u128 amount, int add, int cap, u128 *out) {
    const u256 wide = q64_product(liquidity, price), moved = q64_product(amount, price);
    const u256 base = u256_from_limbs(0, (uint64_t)liquidity, (uint64_t)(liquidity >> 64), 0);
    const uint64_t n[8] = {0, wide.w[0], wide.w[1], wide.w[2], wide.w[3], 0, 0, 0};
    u256 d, q, r;
    *out = 0;
    if (cap && wide.w[3]) return 2;
    if (!add && !u256_lt(moved, base)) return 1;
    d = add ? u256_add(base, moved, 0) : u256_sub(base, moved, 0);
    if (u256_div_full(n, d, &q, &r) || !u256_fits_u128(q)) return 1;
    *out = u256_low128(q);
    if (!u256_is_zero(r) && ++*out == 0) return 1;
    return 0;
}
/* the price after y moved; 0, or 1 when it would be negative, does not fit or there is no liquidity */
static inline int q64_price_after_y(u128 price, u128 liquidity, u128 amount, int add, u128 *out) {
    int ok = 1;
    u128 rem, q = u128_muldiv_rem(amount, (u128)1 << 64, liquidity, &rem, &ok);
    *out = 0;
    if (!ok) return 1;
    if (add) {
        *out = price + q;
        return *out < price;
    }
    if (rem && ++q == 0) return 1;
    if (q > price) return 1;
    *out = price - q;
    return 0;
}

/* floor(a * b / d) and up, for u64 with a quotient that must fit: 1 when it does not */
static inline int q64_muldiv(uint64_t a, uint64_t b, uint64_t d, int up, uint64_t *out) {
    u128 n = (u128)a * b;
    uint64_t rest, q;
    *out = 0;
    if ((uint64_t)(n >> 64) >= d) return 1;
    q = u256_div_128_64((uint64_t)(n >> 64), (uint64_t)n, d, &rest);
    if (up && rest && ++q == 0) return 1;
    *out = q;
    return 0;
}

/* the 14- or 16-bit logarithm of both programs: *low and *high bracket the tick of a price > 0 */
static inline void q64_tick_bracket(u128 price, int bits, int32_t *low, int32_t *high) {
    const uint64_t top = (uint64_t)(price >> 64);
    const int msb = top ? 127 - __builtin_clzll(top) : 63 - __builtin_clzll((uint64_t)price);
    uint64_t r = msb >= 64 ? (uint64_t)(price >> (msb - 63)) : (uint64_t)price << (63 - msb);
    int64_t log = (int64_t)(msb - 64) * ((int64_t)1 << 32);
    for (int i = 0; i < bits; i++) {
        const u128 square = (u128)r * r;
        const int two = (int)(square >> 127);
        r = (uint64_t)(square >> (63 + two));
        log += (int64_t)two << (31 - i);
    }
    const i128 scaled = (i128)log * 59543866431248ll;
    *low = (int32_t)((scaled - (i128)184467440737095516ll) >> 64);
    *high = (int32_t)((scaled + (i128)15793534762490258745ull) >> 64);
}

/* floor division for tick groups: C's division truncates, and cdivision is on in the .pyx files */
static inline int32_t q64_floor(int32_t a, int32_t b) {
    int32_t q = a / b;
    return a % b < 0 ? q - 1 : q;
}
#endif
