/* Raydium CLMM's ticks: price = 1.0001^(tick/2) in Q64.64, from one table of 19 factors below 1; prices
 * above 1 are 2^128 - 1 divided by those below. Source: raydium-clmm, libraries/tick_math.rs. */
#ifndef TIERCEL_RAYDIUM_TICK_H
#define TIERCEL_RAYDIUM_TICK_H
#include "hotpath/pools/q64_range.h"

#define RAYDIUM_MIN_TICK (-443636)
#define RAYDIUM_MAX_TICK 443636
#define RAYDIUM_MIN_PRICE ((u128)4295048016ull)
#define RAYDIUM_MAX_PRICE ((u128)0xfffec4b1ull << 64 | 0x845c1aa94e69579bull)

static const uint64_t RAYDIUM_FACTORS[19] = {
    0xfffcb933bd6fb800ull, 0xfff97272373d4000ull, 0xfff2e50f5f657000ull, 0xffe5caca7e10f000ull,
    0xffcb9843d60f7000ull, 0xff973b41fa98e800ull, 0xff2ea16466c9b000ull, 0xfe5dee046a9a3800ull,
    0xfcbe86c7900bb000ull, 0xf987a7253ac65800ull, 0xf3392b0822bb6000ull, 0xe7159475a2caf000ull,
    0xd097f3bdfd2f2000ull, 0xa9f746462d9f8000ull, 0x70d869a156f31c00ull, 0x31be135f97ed3200ull,
    0x09aa508b5b85a500ull, 0x005d6af8dedc582cull, 0x00002216e584f5faull};

static inline u128 raydium_price_at_tick(int32_t tick) {
    const uint32_t bits = (uint32_t)(tick < 0 ? -tick : tick);
    u128 ratio = (u128)1 << 64;
    for (int i = 0; i < 19; i++)
        if (bits >> i & 1) ratio = ratio >> 64 ? RAYDIUM_FACTORS[i] : ratio * RAYDIUM_FACTORS[i] >> 64;
    if (tick <= 0) return ratio;
    /* below 2^64 for tick > 0: two hardware divisions */
    uint64_t rest, high = ~0ull / (uint64_t)ratio, low;
    rest = ~0ull % (uint64_t)ratio;
    low = u256_div_128_64(rest, ~0ull, (uint64_t)ratio, &rest);
    return (u128)high << 64 | low;
}
/* the greatest tick whose price is not above `price` > 0 */
static inline int32_t raydium_tick_at_price(u128 price) {
    int32_t low, high;
    q64_tick_bracket(price, 16, &low, &high);
    return low == high || raydium_price_at_tick(high) > price ? low : high;
}
#endif
