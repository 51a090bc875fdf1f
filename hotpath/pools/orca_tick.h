/* Orca's ticks: price = 1.0001^(tick/2) in Q64.64, by two tables of powers (64 bits below 0, 96 above).
 * Source: whirlpool program, math/tick_math.rs. Raydium's table and bounds differ: never share them. */
#ifndef TIERCEL_ORCA_TICK_H
#define TIERCEL_ORCA_TICK_H
#include "hotpath/pools/q64_range.h"

#define ORCA_MIN_TICK (-443636)
#define ORCA_MAX_TICK 443636
#define ORCA_MIN_PRICE ((u128)4295048016ull)
#define ORCA_MAX_PRICE ((u128)0xfffec4b1ull << 64 | 0x35bb7f32a81b33afull)

static const uint64_t ORCA_BELOW[19] = {
    18445821805675392311ull, 18444899583751176498ull, 18443055278223354162ull, 18439367220385604838ull,
    18431993317065449817ull, 18417254355718160513ull, 18387811781193591352ull, 18329067761203520168ull,
    18212142134806087854ull, 17980523815641551639ull, 17526086738831147013ull, 16651378430235024244ull,
    15030750278693429944ull, 12247334978882834399ull, 8131365268884726200ull,  3584323654723342297ull,
    696457651847595233ull,   26294789957452057ull,    37481735321082ull};
/* high and low limb */
static const uint64_t ORCA_ABOVE[19][2] = {
    {0x00000001000346d6ull, 0xff11672ae55ad00full},
    {0x0000000100068db8ull, 0xbac710cb295e9e1bull},
    {0x00000001000d1b9cull, 0x68abe5f76b30fb75ull},
    {0x00000001001a37e4ull, 0xa234cb0830516e51ull},
    {0x0000000100347278ull, 0xab0e92ada25ab460ull},
    {0x000000010068efb0ull, 0x0a525480a5d7fdc2ull},
    {0x0000000100d20a63ull, 0xb4173839df9daaa5ull},
    {0x0000000101a4c11cull, 0x742dd7729738df5eull},
    {0x00000001034c35c3ull, 0x1f64cfa6dc0d6de4ull},
    {0x0000000106a34b78ull, 0xc8aaffbf81bed5a3ull},
    {0x000000010d72a6a4ull, 0x6ccd8bce9ae771b1ull},
    {0x000000011b9a258eull, 0x63928596dc757faaull},
    {0x000000013a2e2bdaull, 0x04f8379f3cd17be5ull},
    {0x0000000181954be6ull, 0x9e0da8fe77f2ab42ull},
    {0x0000000244c2655dull, 0x185a029080252877ull},
    {0x0000000525816eebull, 0x9f935b1c616779e8ull},
    {0x0000001a7c8d00b5ull, 0x51684ff4d31ae065ull},
    {0x000002bd893d0b2dull, 0xf7c97884590c66cdull},
    {0x00078278e1e19e44ull, 0x8cf8b95d2152dccfull}};

static inline u128 orca_price_at_tick(int32_t tick) {
    uint32_t bits = (uint32_t)(tick < 0 ? -tick : tick);
    if (tick < 0) {
        u128 ratio = (u128)1 << 64;
        for (int i = 0; i < 19; i++)
            if (bits >> i & 1) ratio = ratio == (u128)1 << 64 ? ORCA_BELOW[i] : ratio * ORCA_BELOW[i] >> 64;
        return ratio;
    }
    u128 ratio = (u128)1 << 96;
    for (int i = 0; i < 19; i++)
        if (bits >> i & 1) {
            u128 factor = (u128)ORCA_ABOVE[i][0] << 64 | ORCA_ABOVE[i][1];
            ratio = u256_low128(u256_shr(q64_product(ratio, factor), 96));
        }
    return ratio >> 32;
}
/* the greatest tick whose price is not above `price` > 0 */
static inline int32_t orca_tick_at_price(u128 price) {
    int32_t low, high;
    q64_tick_bracket(price, 14, &low, &high);
    return low == high || orca_price_at_tick(high) > price ? low : high;
}
#endif
