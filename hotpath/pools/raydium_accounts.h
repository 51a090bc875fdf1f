/* What events and account bytes do to a CLMM pool. Offsets after the accounts of the raydium-clmm program. */
#ifndef TIERCEL_RAYDIUM_ACCOUNTS_H
#define TIERCEL_RAYDIUM_ACCOUNTS_H
#include "hotpath/pools/raydium_state.h"

/* Liquidity between two ticks, more or less. 0, or a status. */
static inline int raydium_modify(raydium_pool *p, int32_t lower, int32_t upper, u128 amount, int add) {
    if (lower >= upper || lower < RAYDIUM_MIN_TICK || upper > RAYDIUM_MAX_TICK || lower % p->spacing || upper % p->spacing)
        return Q64_BAD_FIELD;
    const int here = lower <= p->head.tick && p->head.tick < upper;
    const u128 change = add ? amount : -amount, liquidity = p->head.liquidity + (here ? change : 0);
    const int32_t ends[2] = {lower, upper};
    u128 net[2] = {0, 0}, gross[2] = {0, 0};
    raydium_orders orders[2];
    memset(orders, 0, sizeof orders);
    if (here && amount && (add ? liquidity < amount : p->head.liquidity < amount)) return Q64_REFUSED;
    for (int k = 0; k < 2; k++) {
        uint32_t at = raydium_rank(p, ends[k]);
        if (at && p->keys[at - 1] == ends[k]) {
            net[k] = p->ticks[at - 1].net;
            gross[k] = p->ticks[at - 1].gross;
            orders[k] = p->ticks[at - 1].orders;
        }
        if (!add && gross[k] < amount) return Q64_REFUSED;
        net[k] += k ? -change : change;
        gross[k] += change;
    }
    if (raydium_reserve(p, p->count + 2)) return Q64_BAD_FIELD;
    for (int k = 0; k < 2; k++) raydium_put(p, ends[k], net[k], gross[k], orders + k);
    p->head.liquidity = liquidity;
    return Q64_OK;
}

/* One account's bytes: the pool, one array of ticks, or the fee configuration. */
static inline int raydium_apply_account(raydium_pool *p, const uint8_t *data, size_t n) {
    raydium_head *h = &p->head;
    if (n < 8) return Q64_BAD_FIELD;
    switch (le_u64(data)) {
    case 0x46dec3d7f5e3edf7ull: { /* PoolState */
        if (n < 273) return Q64_BAD_FIELD;
        const u128 price = le_u128(data + 253);
        const int32_t tick = le_i32(data + 269);
        if (le_u16(data + 235) != (uint32_t)p->spacing || price < RAYDIUM_MIN_PRICE || price > RAYDIUM_MAX_PRICE) return Q64_BAD_FIELD;
        if (tick < RAYDIUM_MIN_TICK - 1 || tick > RAYDIUM_MAX_TICK) return Q64_BAD_FIELD;
        h->liquidity = le_u128(data + 237);
        h->price = price;
        h->tick = tick;
        h->here = raydium_rank(p, tick);
        if (n > 390 && data[390] <= 2) p->fee_on = data[390];
        if (n >= 1130) { /* the dynamic fee stands in what was padding: all zero is none */
            const raydium_dynamic c = {le_u16(data + 1096), le_u16(data + 1098), le_u16(data + 1100), le_u32(data + 1102),
                                       le_u32(data + 1106)};
            int any = 0;
            for (int i = 1096; i < 1130; i++) any |= data[i];
            if (any && (uint64_t)c.max_volatility * (uint32_t)p->spacing > 0xffffffffull) return Q64_BAD_FIELD;
            p->has_dynamic = any != 0;
            p->fee = c;
            h->index_reference = le_i32(data + 1110);
            h->volatility_reference = le_u32(data + 1114);
            h->volatility = le_u32(data + 1118);
            h->last_update = le_u64(data + 1122);
        }
        return Q64_OK;
    }
    case 0x2a81f931cd559bc0ull: { /* TickArrayState */
        if (n < 44 + RAYDIUM_ARRAY * 168) return Q64_BAD_FIELD;
        const int32_t start = le_i32(data + 40);
        if (start % (RAYDIUM_ARRAY * p->spacing) || start < 2 * RAYDIUM_MIN_TICK || start > RAYDIUM_MAX_TICK) return Q64_BAD_FIELD;
        if (raydium_reserve(p, p->count + RAYDIUM_ARRAY)) return Q64_BAD_FIELD;
        for (int pass = 0; pass < 2; pass++)
            for (int i = 0; i < RAYDIUM_ARRAY; i++) {
                const uint8_t *t = data + 44 + 168 * i;
                const raydium_orders o = {le_u64(t + 116), le_u64(t + 124), le_u64(t + 132), le_u128(t + 140)};
                const u128 net = le_u128(t + 4), gross = le_u128(t + 20);
                const int32_t tick = start + i * p->spacing;
                if (pass) {
                    raydium_put(p, tick, net, gross, &o);
                } else if (gross || raydium_has_orders(&o)) {
                    if (tick < RAYDIUM_MIN_TICK || tick > RAYDIUM_MAX_TICK || net == (u128)1 << 127) return Q64_BAD_FIELD;
                }
            }
        return Q64_OK;
    }
    case 0x6f2bcbcb6821f4daull: /* AmmConfig */
        if (n < 57 || le_u32(data + 47) >= Q64_MILLION) return Q64_BAD_FIELD;
        p->protocol_rate = le_u32(data + 43);
        p->trade_rate = le_u32(data + 47);
        p->fund_rate = le_u32(data + 53);
        return Q64_OK;
    default: return Q64_BAD_FIELD;
    }
}
#endif
