/* Uniswap V3's exact arithmetic: ticks and prices, amounts between prices, one swap step.
 *
 * Source of each formula: @uniswap/v3-core 1.0.1, libraries TickMath, SqrtPriceMath, SwapMath,
 * LiquidityMath; results are equal to the last unit, reverts included (a return of 1). Prices are
 * sqrt(token1 / token0) in Q64.96, 160 bits; liquidity 128 bits; amounts 256 bits.
 *
 * What makes it fast, and was measured: a token-1 amount is one product and a shift, never a
 * division; a price of two limbs (below 2^128, the usual case) divides in u256_div_two; whether a
 * step reaches its target is decided by two products instead of a division by a million; and the
 * tick of a price is a double-precision logarithm wherever that is provably on the right side.
 */
#ifndef TIERCEL_V3_MATH_H
#define TIERCEL_V3_MATH_H
#include <math.h>
#include "hotpath/u256.h"

#define V3_MIN_TICK (-887272)
#define V3_MAX_TICK 887272
static const u256 V3_MIN_PRICE = {{4295128739ull, 0, 0, 0}};
static const u256 V3_MAX_PRICE = {{0x5d951d5263988d26ull, 0xefd1fc6a50648849ull, 0xfffd8963ull, 0}};
static const u256 V3_Q96 = {{0, 1ull << 32, 0, 0}};
static const u256 V3_Q128 = {{0, 0, 1, 0}};
#define V3_MILLION 1000000u

static inline int v3_fits160(u256 a) { return !(a.w[3] | (a.w[2] >> 32)); }

/* sqrt(1.0001)^-(2^i) in Q128, i from 0 to 19 */
static const uint64_t V3_FACTOR[20][2] = {
    {0xfffcb933bd6fad37, 0xaa2d162d1a594001}, {0xfff97272373d4132, 0x59a46990580e213a},
    {0xfff2e50f5f656932, 0xef12357cf3c7fdcc}, {0xffe5caca7e10e4e6, 0x1c3624eaa0941cd0},
    {0xffcb9843d60f6159, 0xc9db58835c926644}, {0xff973b41fa98c081, 0x472e6896dfb254c0},
    {0xff2ea16466c96a38, 0x43ec78b326b52861}, {0xfe5dee046a99a2a8, 0x11c461f1969c3053},
    {0xfcbe86c7900a88ae, 0xdcffc83b479aa3a4}, {0xf987a7253ac41317, 0x6f2b074cf7815e54},
    {0xf3392b0822b70005, 0x940c7a398e4b70f3}, {0xe7159475a2c29b74, 0x43b29c7fa6e889d9},
    {0xd097f3bdfd2022b8, 0x845ad8f792aa5825}, {0xa9f746462d870fdf, 0x8a65dc1f90e061e5},
    {0x70d869a156d2a1b8, 0x90bb3df62baf32f7}, {0x31be135f97d08fd9, 0x81231505542fcfa6},
    {0x09aa508b5b7a84e1, 0xc677de54f3e99bc9}, {0x005d6af8dedb8119, 0x6699c329225ee604},
    {0x00002216e584f5fa, 0x1ea926041bedfe98}, {0x00000000048a1703, 0x91f7dc42444e8fa2}};

/* TickMath.getSqrtRatioAtTick; |tick| <= 887272 */
static inline u256 v3_price_at_tick(int32_t tick) {
    uint32_t a = (uint32_t)(tick < 0 ? -tick : tick);
    if (!a) return V3_Q96;
    int i = __builtin_ctz(a); /* the first factor multiplies 2^128: it is itself */
    u128 r = (u128)V3_FACTOR[i][0] << 64 | V3_FACTOR[i][1];
    for (a &= a - 1; a; a &= a - 1) {
        i = __builtin_ctz(a);
        const uint64_t k1 = V3_FACTOR[i][0], k0 = V3_FACTOR[i][1];
        const uint64_t r1 = (uint64_t)(r >> 64), r0 = (uint64_t)r;
        u128 low = (u128)r0 * k0, m1 = (u128)r1 * k0, m2 = (u128)r0 * k1;
        u128 mid = (low >> 64) + (uint64_t)m1 + (uint64_t)m2;
        r = (u128)r1 * k1 + (m1 >> 64) + (m2 >> 64) + (mid >> 64);
    }
    u256 ratio;
    if (tick > 0) {
        static const uint64_t max[8] = {~0ull, ~0ull, ~0ull, ~0ull, 0, 0, 0, 0};
        u256_div_full(max, u256_from_u128(r), &ratio, 0);
    } else {
        ratio = u256_from_u128(r);
    }
    u256 price = u256_shr(ratio, 32); /* Q128 to Q96, rounded up */
    return (uint32_t)ratio.w[0] ? u256_add(price, U256_ONE, 0) : price;
}

/* TickMath.getTickAtSqrtRatio for V3_MIN_PRICE <= price < V3_MAX_PRICE: the greatest tick whose price
 * is not above. The logarithm's error is below 1e-9 ticks, and prices of ticks are rounded by less
 * than 5e-6 ticks (one unit of the smallest, 2^32); nearer than 1e-4 to a tick the prices decide. */
static inline int32_t v3_tick_at_price(u256 price) {
    const double per_tick = 4.999750016665417e-05; /* ln(1.0001) / 2 */
    double x = log(u256_to_double(price) * 0x1p-96) / per_tick, whole = floor(x + 0.5);
    int32_t tick = (int32_t)whole;
    if (fabs(x - whole) > 1e-4) return (int32_t)floor(x);
    if (tick > V3_MAX_TICK) tick = V3_MAX_TICK;
    if (tick < V3_MIN_TICK) return V3_MIN_TICK;
    return u256_lt(price, v3_price_at_tick(tick)) ? tick - 1 : tick;
}

/* liquidity times a price difference of 160 bits: 288 bits in five limbs, shifted up by `up` limbs */
static inline void v3_liquidity_times(u128 liquidity, u256 diff, uint64_t p[8], int up) {
    for (int i = 0; i < 8; i++) p[i] = 0;
    const uint64_t l[2] = {(uint64_t)liquidity, (uint64_t)(liquidity >> 64)};
    for (int i = 0; i < 2; i++) {
        u128 c = 0;
        for (int j = 0; j < 3; j++) {
            c += (u128)l[i] * diff.w[j] + p[i + j + up];
            p[i + j + up] = (uint64_t)c;
            c >>= 64;
        }
        p[i + 3 + up] = (uint64_t)c;
    }
}
/* one digit of (r4 r3 r2 r1 : in) / (v4 v3 v2 v1), v4 with its top bit set; the r become the remainder */
typedef struct { uint64_t r1, r2, r3, r4; } v3_rest;
static inline __attribute__((always_inline)) uint64_t v3_digit_four(
    v3_rest *r, uint64_t in, uint64_t v4, uint64_t v3, uint64_t v2, uint64_t v1) {
    uint64_t qh, rh;
    int exact = 1;
    if (r->r4 >= v4) {
        qh = ~0ull;
        rh = r->r3 + v4;
        exact = rh >= v4;
    } else {
        qh = u256_div_128_64(r->r4, r->r3, v4, &rh);
    }
    while (exact && (u128)qh * v3 > ((u128)rh << 64 | r->r2)) {
        qh--;
        rh += v4;
        exact = rh >= v4;
    }
    u128 p1 = (u128)qh * v1, p2 = (u128)qh * v2 + (uint64_t)(p1 >> 64), p3 = (u128)qh * v3 + (uint64_t)(p2 >> 64);
    u128 p4 = (u128)qh * v4 + (uint64_t)(p3 >> 64), t;
    t = (u128)in - (uint64_t)p1;
    uint64_t n1 = (uint64_t)t;
    t = (u128)r->r1 - (uint64_t)p2 - ((uint64_t)(t >> 64) & 1);
    uint64_t n2 = (uint64_t)t;
    t = (u128)r->r2 - (uint64_t)p3 - ((uint64_t)(t >> 64) & 1);
    uint64_t n3 = (uint64_t)t;
    t = (u128)r->r3 - (uint64_t)p4 - ((uint64_t)(t >> 64) & 1);
    uint64_t n4 = (uint64_t)t;
    if (r->r4 - (uint64_t)(p4 >> 64) - ((uint64_t)(t >> 64) & 1)) { /* borrowed: one too large */
        qh--;
        t = (u128)n1 + v1;
        n1 = (uint64_t)t;
        t = (u128)n2 + v2 + (uint64_t)(t >> 64);
        n2 = (uint64_t)t;
        t = (u128)n3 + v3 + (uint64_t)(t >> 64);
        n3 = (uint64_t)t;
        n4 += v4 + (uint64_t)(t >> 64);
    }
    *r = (v3_rest){n1, n2, n3, n4};
    return qh;
}
/* v3_amount0 for prices of two limbs whose product has three or four, the usual case: everything in
 * registers. The quotient is below 2^192; leading zero digits are skipped; a product of three limbs
 * is moved up by one, and so is what it divides: one digit more, from a zero limb. */
static inline u256 v3_amount0_middle(u128 low, u128 high, u128 liquidity, int up) {
    const uint64_t a0 = (uint64_t)low, a1 = (uint64_t)(low >> 64), b0 = (uint64_t)high, b1 = (uint64_t)(high >> 64);
    const u128 diff = high - low;
    const uint64_t l0 = (uint64_t)liquidity, l1 = (uint64_t)(liquidity >> 64), x0 = (uint64_t)diff, x1 = (uint64_t)(diff >> 64);
    /* d = low * high */
    u128 m00 = (u128)a0 * b0, m01 = (u128)a0 * b1, m10 = (u128)a1 * b0, m11 = (u128)a1 * b1;
    u128 mid = (m00 >> 64) + (uint64_t)m01 + (uint64_t)m10;
    u128 dl = mid << 64 | (uint64_t)m00, dh = m11 + (m01 >> 64) + (m10 >> 64) + (mid >> 64);
    const int three = !(uint64_t)(dh >> 64);
    if (three) {
        dh = dh << 64 | dl >> 64;
        dl <<= 64;
    }
    /* n = liquidity * (high - low) */
    m00 = (u128)l0 * x0;
    m01 = (u128)l0 * x1;
    m10 = (u128)l1 * x0;
    mid = (m00 >> 64) + (uint64_t)m01 + (uint64_t)m10;
    const u128 nl = mid << 64 | (uint64_t)m00, nh = (u128)l1 * x1 + (m01 >> 64) + (m10 >> 64) + (mid >> 64);
    /* d normalised by s bits, n by 96 + s: limbs v4..v1 and m7..m1 (m1 = 0 or the low half of n's first) */
    const int s = __builtin_clzll((uint64_t)(dh >> 64));
    const u128 vh = s ? dh << s | dl >> (128 - s) : dh, vl = dl << s;
    const int k = 32 + s; /* 64 of the 96 bits are whole limbs */
    uint64_t w0 = (uint64_t)nl, w1 = (uint64_t)(nl >> 64), w2 = (uint64_t)nh, w3 = (uint64_t)(nh >> 64);
    uint64_t m7 = 0, m6, m5, m4, m3, m2;
    if (k < 64) {
        m6 = w3 >> (64 - k);
        m5 = w3 << k | w2 >> (64 - k);
        m4 = w2 << k | w1 >> (64 - k);
        m3 = w1 << k | w0 >> (64 - k);
        m2 = w0 << k;
    } else {
        const int t = k - 64;
        m7 = t ? w3 >> (64 - t) : 0;
        m6 = t ? w3 << t | w2 >> (64 - t) : w3;
        m5 = t ? w2 << t | w1 >> (64 - t) : w2;
        m4 = t ? w1 << t | w0 >> (64 - t) : w1;
        m3 = w0 << t;
        m2 = 0;
    }
    const uint64_t v4 = (uint64_t)(vh >> 64), v3 = (uint64_t)vh, v2 = (uint64_t)(vl >> 64), v1 = (uint64_t)vl;
    /* value = m7..m2 and one zero limb m1; the rest starts as m7..m4, digits come with m3, m2, m1 */
    v3_rest r = {m4, m5, m6, m7};
    uint64_t q2 = 0, q1 = 0, q0;
    if (m7 | (m6 >= v4)) q2 = v3_digit_four(&r, m3, v4, v3, v2, v1);
    else r = (v3_rest){m3, m4, m5, m6};
    if (r.r4 | (r.r3 >= v4)) q1 = v3_digit_four(&r, m2, v4, v3, v2, v1);
    else r = (v3_rest){m2, r.r1, r.r2, r.r3};
    q0 = v3_digit_four(&r, 0, v4, v3, v2, v1);
    u256 q = {{q0, q1, q2, 0}};
    if (three) q = u256_from_limbs(v3_digit_four(&r, 0, v4, v3, v2, v1), q0, q1, q2);
    return up && (r.r1 | r.r2 | r.r3 | r.r4) ? u256_add(q, U256_ONE, 0) : q;
}
/* SqrtPriceMath.getAmount0Delta, low <= high, low > 0: liquidity * 2^96 * (high - low) / high / low, each
 * division rounded. ceil(ceil(x / a) / b) = ceil(x / (a b)), and so for floors: one division by the
 * product of the prices, whose quotient has few limbs, instead of two with many. Never an overflow. */
static inline u256 v3_amount0(u256 low, u256 high, u128 liquidity, int up) {
    if (!(low.w[2] | high.w[2] | low.w[3] | high.w[3]) && u256_bits(low) + u256_bits(high) > 130)
        return v3_amount0_middle(u256_low128(low), u256_low128(high), liquidity, up);
    uint64_t p[8], d[6] = {0, 0, 0, 0, 0, 0}, rest[5] = {0, 0, 0, 0, 0};
    u256 q = U256_ZERO, r;
    v3_liquidity_times(liquidity, u256_sub(high, low, 0), p, 1); /* times 2^64 ... */
    for (int i = 6; i > 0; i--) p[i] = p[i] << 32 | p[i - 1] >> 32; /* ... times 2^32 */
    for (int i = 0; i < 3; i++) {
        u128 c = 0;
        for (int j = 0; j < 3; j++) {
            c += (u128)low.w[i] * high.w[j] + d[i + j];
            d[i + j] = (uint64_t)c;
            c >>= 64;
        }
        if (i + 3 < 6) d[i + 3] = (uint64_t)c;
    }
    const int nn = u256_limbs(p, 7), nd = u256_limbs(d, 5);
    if (nd < 3) { /* prices at the lower end */
        u256_div_full(p, u256_from_limbs(d[0], d[1], 0, 0), &q, &r);
        return up && !u256_is_zero(r) ? u256_add(q, U256_ONE, 0) : q;
    }
    if (nn < nd) return up && nn ? U256_ONE : q;
    if (nd == 3) u256_div_limbs(p, nn, d, 3, &q, rest);
    else if (nd == 4) u256_div_limbs(p, nn, d, 4, &q, rest);
    else u256_div_limbs(p, nn, d, 5, &q, rest);
    return up && (rest[0] | rest[1] | rest[2] | rest[3] | rest[4]) ? u256_add(q, U256_ONE, 0) : q;
}
/* SqrtPriceMath.getAmount1Delta, low <= high: liquidity * (high - low) / 2^96 */
static inline u256 v3_amount1(u256 low, u256 high, u128 liquidity, int up) {
    uint64_t p[8];
    v3_liquidity_times(liquidity, u256_sub(high, low, 0), p, 0);
    u256 q = {{p[1] >> 32 | p[2] << 32, p[2] >> 32 | p[3] << 32, p[3] >> 32 | p[4] << 32, p[4] >> 32}};
    return up && (p[0] || (uint32_t)p[1]) ? u256_add(q, U256_ONE, 0) : q;
}

/* SqrtPriceMath.getNextSqrtPriceFromInput; 1 where it reverts */
static inline int v3_next_from_input(u256 price, u128 liquidity, u256 amount, int zero_for_one, u256 *next) {
    if (u256_is_zero(price) || !liquidity) return 1;
    u256 l = u256_from_u128(liquidity);
    if (zero_for_one) {
        *next = price;
        if (u256_is_zero(amount)) return 0;
        u256 numerator = u256_shl(l, 96);
        int over, carry;
        u256 product = u256_mul(amount, price, &over);
        if (!over) {
            u256 denominator = u256_add(numerator, product, &carry);
            if (!carry) {
                u256_muldiv_up(numerator, price, denominator, next);
                return 0;
            }
        }
        u256 denominator = u256_add(u256_div(numerator, price), amount, &carry);
        if (carry) return 1;
        *next = u256_div_up(numerator, denominator);
        return 0; /* at most the price: it fits 160 bits */
    }
    u256 quotient;
    int carry;
    if (u256_muldiv(amount, V3_Q96, l, &quotient)) return 1;
    *next = u256_add(price, quotient, &carry);
    return carry || !v3_fits160(*next);
}
/* SqrtPriceMath.getNextSqrtPriceFromOutput; 1 where it reverts */
static inline int v3_next_from_output(u256 price, u128 liquidity, u256 amount, int zero_for_one, u256 *next) {
    if (u256_is_zero(price) || !liquidity) return 1;
    u256 l = u256_from_u128(liquidity);
    if (zero_for_one) { /* token 1 goes out */
        u256 quotient;
        if (u256_muldiv_up(amount, V3_Q96, l, &quotient) || !u256_lt(quotient, price)) return 1;
        *next = u256_sub(price, quotient, 0);
        return 0;
    }
    *next = price;
    if (u256_is_zero(amount)) return 0;
    u256 numerator = u256_shl(l, 96);
    int over;
    u256 product = u256_mul(amount, price, &over);
    if (over || !u256_lt(product, numerator)) return 1;
    return u256_muldiv_up(numerator, price, u256_sub(numerator, product, 0), next) || !v3_fits160(*next);
}

typedef struct { u256 next, in, out, fee; } v3_step;

/* a double within 2^-52 of `a`, from its two highest limbs */
static inline double v3_approx(u256 a) {
    if (a.w[3]) return 0x1p128 * ((double)a.w[2] + 0x1p64 * (double)a.w[3]);
    if (a.w[2]) return 0x1p64 * ((double)a.w[1] + 0x1p64 * (double)a.w[2]);
    return (double)a.w[0] + 0x1p64 * (double)a.w[1];
}
/* Whether `amount` of token 0 is certainly below what takes the price from high to low, that is
 * amount * high * low < liquidity * 2^96 * (high - low). In double precision: where the prices differ by
 * more than a millionth the difference is known to 1e-9 (cancellation times 2^-52), and the margin is
 * 1e-6. A yes is proven, a no leaves it to the exact way; it spares a swap's last step two divisions. */
static inline int v3_surely_short0(double amount, u256 low, u256 high, u128 liquidity) {
    const double h = v3_approx(high), l = v3_approx(low);
    if (h - l < h * 1e-6) return 0;
    return amount * h * l < (double)liquidity * 0x1p96 * (h - l) * (1 - 1e-6);
}

/* whether floor(amount * (10^6 - fee) / 10^6) >= need, without dividing where the products fit (need is below 2^224) */
static inline int v3_reaches(u256 amount, uint32_t fee, u256 need) {
    u256 less_fee;
    if (amount.w[3]) { /* at least 2^192, and a millionth of it is above 2^172 */
        if (!need.w[3] && need.w[2] < 1ull << 44) return 1;
        u256_muldiv_u64(amount, V3_MILLION - fee, V3_MILLION, 0, &less_fee);
        return !u256_lt(less_fee, need);
    }
    u256 have = u256_mul_u64(amount, V3_MILLION - fee, 0);
    return !u256_lt(have, u256_mul_u64(need, V3_MILLION, 0));
}

/* Whether the amount that the price moved by is all of `amount`: rounding the next price keeps back less
 * than what one unit of price is worth, liquidity * 2^96 / (next * (next - 1)) of token 0 or liquidity / 2^96
 * of token 1; where that is below 1, rounding the amount up gives `amount` again. No: not known. */
static inline int v3_takes_all(u256 next, u128 liquidity, u256 amount, int zero_for_one) {
    int bits = u256_bits(u256_from_u128(liquidity));
    if (!zero_for_one) return bits <= 96;
    /* next >= 2^(n-1), so next * (next - 1) > 2^(2n-3); the exact quotient needs amount * price within 256 bits */
    return bits + 96 <= 2 * u256_bits(next) - 3 && u256_bits(amount) + 160 <= 255;
}

/* SwapMath.computeSwapStep: from `price` towards `target` with `amount` left (exact in: to pay, fee
 * included; else: to receive). fee is in millionths and below a million. 1 where it reverts.
 * `maybe_short` (a guess: the result is the same) tries first whether the target is out of reach. */
static inline __attribute__((always_inline)) int v3_compute_step(
    u256 price, u256 target, u128 liquidity, u256 amount, int zero_for_one, int exact_in, uint32_t fee,
    int maybe_short, v3_step *s) {
    const u256 low = zero_for_one ? target : price, high = zero_for_one ? price : target;
    int reached, whole = 0;
    if ((exact_in || !zero_for_one) && u256_is_zero(low)) return 1;
    if (exact_in) {
        if (maybe_short && zero_for_one && v3_surely_short0(v3_approx(amount), low, high, liquidity)) {
            reached = 0;
        } else {
            s->in = zero_for_one ? v3_amount0(low, high, liquidity, 1) : v3_amount1(low, high, liquidity, 1);
            reached = v3_reaches(amount, fee, s->in);
        }
        if (!reached) {
            u256 less_fee;
            u256_muldiv_u64(amount, V3_MILLION - fee, V3_MILLION, 0, &less_fee);
            if (v3_next_from_input(price, liquidity, less_fee, zero_for_one, &s->next)) return 1;
            reached = u256_eq(s->next, target);
            whole = v3_takes_all(s->next, liquidity, less_fee, zero_for_one);
            if (whole) s->in = less_fee;
        }
    } else {
        if (maybe_short && !zero_for_one && v3_surely_short0(v3_approx(amount) + 1.0, low, high, liquidity)) {
            reached = 0;
        } else {
            s->out = zero_for_one ? v3_amount1(low, high, liquidity, 0) : v3_amount0(low, high, liquidity, 0);
            reached = !u256_lt(amount, s->out);
        }
        if (!reached) {
            if (v3_next_from_output(price, liquidity, amount, zero_for_one, &s->next)) return 1;
            reached = u256_eq(s->next, target);
        }
    }
    if (reached) {
        s->next = target;
        if (u256_is_zero(low)) return 1;
        if (exact_in) s->out = zero_for_one ? v3_amount1(low, high, liquidity, 0) : v3_amount0(low, high, liquidity, 0);
        else s->in = zero_for_one ? v3_amount0(low, high, liquidity, 1) : v3_amount1(low, high, liquidity, 1);
    } else {
        const u256 a = zero_for_one ? s->next : price, b = zero_for_one ? price : s->next;
        if (!whole) s->in = zero_for_one ? v3_amount0(a, b, liquidity, 1) : v3_amount1(a, b, liquidity, 1);
        s->out = zero_for_one ? v3_amount1(a, b, liquidity, 0) : v3_amount0(a, b, liquidity, 0);
    }
    if (!exact_in && u256_lt(amount, s->out)) s->out = amount;
    if (exact_in && !reached) {
        s->fee = u256_sub(amount, s->in, 0);
        return 0;
    }
    return u256_muldiv_u64(s->in, fee, V3_MILLION - fee, 1, &s->fee);
}

/* LiquidityMath.addDelta: x + y with y a signed 128-bit number; 1 where it reverts */
static inline int v3_add_delta(u128 x, i128 y, u128 *z) {
    *z = x + (u128)y;
    return y < 0 ? *z >= x : *z < x;
}
#endif
