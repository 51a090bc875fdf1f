/* Uniswap V2's exact arithmetic and its one log that matters.
 *
 * Source: UniswapV2Library (@uniswap/v2-periphery 1.1.0-beta.0) and UniswapV2Pair.swap (@uniswap/v2-core
 * 1.0.1). Of an amount paid in the pool counts keep / scale: 997/1000, or 9975/10000 at 25 bps.
 * Amounts and reserves of at most 112 bits (all that a pair can hold) take one 128 x 128 product and one
 * division by two limbs; everything else takes the general way and reports SafeMath's overflow.
 */
#ifndef TIERCEL_V2_MATH_H
#define TIERCEL_V2_MATH_H
#include "hotpath/pools/abi.h"
#include "hotpath/u256.h"

/* the numbers of QuoteStatus in hotpath/pools/pool.pxd */
enum { V2_OK = 0, V2_REFUSED = 2, V2_OVERFLOW = 3, V2_NO_LIQUIDITY = 4, V2_BAD_FIELD = 6 };

typedef struct { uint32_t keep, scale; } v2_fee;

/* the fraction as the routers of each kin write it: thousandths where they are enough */
static inline v2_fee v2_fee_of(uint32_t bps) {
    return bps % 10 ? (v2_fee){10000 - bps, 10000} : (v2_fee){1000 - bps / 10, 1000};
}
/* no more than 112 bits in all three */
static inline int v2_small(u256 a, u256 b, u256 c) {
    return !((a.w[1] | b.w[1] | c.w[1]) >> 48 | a.w[2] | b.w[2] | c.w[2] | a.w[3] | b.w[3] | c.w[3]);
}
/* amount * keep * reserve_out / (reserve_in * scale + amount * keep), all of at most 112 bits, not zero */
static inline u128 v2_out_small(u128 amount, u128 reserve_in, u128 reserve_out, v2_fee fee) {
    int ok = 1;
    u128 counted = amount * fee.keep;
    return u128_muldiv(counted, reserve_out, reserve_in * fee.scale + counted, &ok);
}
/* ceil(amount * (scale - keep) / scale) of at most 112 bits: one hardware division, as the scale is one of two constants */
static inline u256 v2_fee_small(u128 amount, v2_fee fee) {
    uint64_t rest, high = 0;
    u128 n;
    if (!(uint64_t)(amount >> 64)) { /* the high limb is below the scale */
        n = (u128)(uint64_t)amount * (fee.scale - fee.keep) + (fee.scale - 1);
    } else {
        n = amount * (fee.scale - fee.keep) + (fee.scale - 1);
        high = fee.scale == 1000 ? (uint64_t)(n >> 64) / 1000 : (uint64_t)(n >> 64) / 10000;
        n -= (u128)(high * fee.scale) << 64;
    }
    return u256_from_limbs(u256_div_128_64((uint64_t)(n >> 64), (uint64_t)n, fee.scale, &rest), high, 0, 0);
}
/* getAmountOut */
static inline int v2_amount_out(u256 amount, u256 reserve_in, u256 reserve_out, v2_fee fee, u256 *out) {
    if (u256_is_zero(amount)) return V2_REFUSED;
    if (u256_is_zero(reserve_in) || u256_is_zero(reserve_out)) return V2_NO_LIQUIDITY;
    if (v2_small(amount, reserve_in, reserve_out)) {
        *out = u256_from_u128(v2_out_small(u256_low128(amount), u256_low128(reserve_in), u256_low128(reserve_out), fee));
        return V2_OK;
    }
    int c1, c2, c3, c4;
    u256 counted = u256_mul(amount, u256_from_u64(fee.keep), &c1);
    u256 numerator = u256_mul(counted, reserve_out, &c2);
    u256 denominator = u256_add(u256_mul(reserve_in, u256_from_u64(fee.scale), &c3), counted, &c4);
    if (c1 | c2 | c3 | c4) return V2_OVERFLOW;
    *out = u256_div(numerator, denominator); /* not zero: reserve_in is not */
    return V2_OK;
}
/* getAmountIn */
static inline int v2_amount_in(u256 amount, u256 reserve_in, u256 reserve_out, v2_fee fee, u256 *in) {
    if (u256_is_zero(amount)) return V2_REFUSED;
    if (u256_is_zero(reserve_in) || u256_is_zero(reserve_out)) return V2_NO_LIQUIDITY;
    if (v2_small(amount, reserve_in, reserve_out) && u256_lt(amount, reserve_out)) {
        int ok = 1;
        u128 left = u256_low128(reserve_out) - u256_low128(amount);
        u128 q = u128_muldiv(u256_low128(reserve_in) * fee.scale, u256_low128(amount), left * fee.keep, &ok);
        if (ok) {
            *in = u256_add(u256_from_u128(q), U256_ONE, 0);
            return V2_OK;
        }
    }
    int c1, c2, c3, borrow, carry;
    u256 numerator = u256_mul(u256_mul(reserve_in, amount, &c1), u256_from_u64(fee.scale), &c2);
    if (c1 | c2) return V2_OVERFLOW;
    u256 left = u256_sub(reserve_out, amount, &borrow);
    if (borrow) return V2_NO_LIQUIDITY;
    u256 denominator = u256_mul(left, u256_from_u64(fee.keep), &c3), quotient;
    if (c3) return V2_OVERFLOW;
    if (u256_divmod(numerator, denominator, &quotient, 0)) return V2_NO_LIQUIDITY;
    *in = u256_add(quotient, U256_ONE, &carry);
    return carry ? V2_OVERFLOW : V2_OK;
}
/* UniswapV2Pair.swap's own refusals; its K rule holds for amounts by the two functions above */
static inline int v2_pair_refuses(u256 paid, u256 given, u256 reserve_in, u256 reserve_out) {
    int carry;
    u256 after = u256_add(reserve_in, paid, &carry);
    if (u256_is_zero(given)) return V2_REFUSED;
    if (!u256_lt(given, reserve_out)) return V2_NO_LIQUIDITY;
    return carry || u256_bits(after) > 112 ? V2_OVERFLOW : V2_OK;
}
/* The quote of a pair for an exact input of at most 112 bits, refusals included: the path that matters.
 * -1 when the numbers are larger and the general functions have to answer. */
static inline int v2_quick_out(const u256 *amount, const u256 *in, const u256 *out, v2_fee fee, int library, u256 *given, u256 *kept) {
    if (!v2_small(*amount, *in, *out)) return -1;
    const u128 a = u256_low128(*amount), r = u256_low128(*in);
    if (!a) return V2_REFUSED;
    if (!r || u256_is_zero(*out)) return V2_NO_LIQUIDITY;
    const u128 g = v2_out_small(a, r, u256_low128(*out), fee);
    if (!library) {
        if (!g) return V2_REFUSED;
        if ((r + a) >> 112) return V2_OVERFLOW;
    }
    *given = u256_from_u128(g);
    *kept = v2_fee_small(a, fee);
    return V2_OK;
}
/* The same for an exact output: what is asked is below the reserve, and what it costs is what a pair can hold. */
static inline int v2_quick_in(const u256 *amount, const u256 *in, const u256 *out, v2_fee fee, int library, u256 *paid, u256 *kept) {
    int ok = 1;
    if (!v2_small(*amount, *in, *out)) return -1;
    const u128 g = u256_low128(*amount), r = u256_low128(*in), o = u256_low128(*out);
    if (!g || !r || g >= o) return -1;
    const u128 a = u128_muldiv(r * fee.scale, g, (o - g) * fee.keep, &ok) + 1;
    if (!ok || a >> 112) return -1;
    if (!library && (r + a) >> 112) return V2_OVERFLOW;
    *paid = u256_from_u128(a);
    *kept = v2_fee_small(a, fee);
    return V2_OK;
}

/* Sync(uint112,uint112) as u256 limbs */
static const u256 V2_SYNC =
    {{0x062b03a9fffbbad1ull, 0x89e3cab4c78be50eull, 0x1c2f21f7726b17aeull, 0x1c411e9a96e07124ull}};
/* A log of a pair: Sync carries both reserves, all others move nothing by themselves. `reserve` is
 * token 0's and token 1's. V2_OK, or V2_BAD_FIELD for a malformed Sync. */
static inline int v2_apply_log(u256 reserve[2], const uint8_t *topics, int n_topics, const uint8_t *data, size_t n) {
    int bad = 0;
    if (n_topics < 1 || !u256_eq(abi_u256(topics), V2_SYNC)) return V2_OK;
    if (n_topics != 1 || n != 64) return V2_BAD_FIELD;
    u128 reserve0 = abi_u128(data, 112, &bad), reserve1 = abi_u128(data + 32, 112, &bad);
    if (bad) return V2_BAD_FIELD;
    reserve[0] = u256_from_u128(reserve0);
    reserve[1] = u256_from_u128(reserve1);
    return V2_OK;
}
#endif
