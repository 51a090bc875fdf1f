/* What events and account bytes do to a whirlpool. Offsets after the accounts of the whirlpool program. */
#ifndef TIERCEL_ORCA_ACCOUNTS_H
#define TIERCEL_ORCA_ACCOUNTS_H
#include "hotpath/pools/orca_state.h"

/* an array of ticks that is known to exist from now on; 1 without memory */
static inline int orca_note_array(orca_pool *p, int32_t start) {
    if (!p->starts_known || orca_has_array(p, start)) return 0;
    int32_t *starts = realloc(p->starts, (p->n_starts + 1) * sizeof *starts);
    if (!starts) return 1;
    p->starts = starts;
    uint32_t k = p->n_starts++;
    for (; k && starts[k - 1] > start; k--) starts[k] = starts[k - 1];
    starts[k] = start;
    return 0;
}
/* Liquidity between two ticks, more or less: what the liquidity events say. 0, or a status. */
static inline int orca_modify(orca_pool *p, int32_t lower, int32_t upper, u128 amount, int add) {
    if (lower >= upper || lower < ORCA_MIN_TICK || upper > ORCA_MAX_TICK || lower % p->spacing || upper % p->spacing)
        return Q64_BAD_FIELD;
    const int here = lower <= p->head.tick && p->head.tick < upper;
    const u128 change = add ? amount : -amount, liquidity = p->head.liquidity + (here ? change : 0);
    const int32_t ends[2] = {lower, upper};
    u128 net[2] = {0, 0}, gross[2] = {0, 0};
    if (here && amount && (add ? liquidity < amount : p->head.liquidity < amount)) return Q64_REFUSED;
    for (int k = 0; k < 2; k++) {
        uint32_t at = orca_rank(p, ends[k]);
        if (at && p->keys[at - 1] == ends[k]) {
            net[k] = p->ticks[at - 1].net;
            gross[k] = p->ticks[at - 1].gross;
        }
        if (!add && gross[k] < amount) return Q64_REFUSED;
        net[k] += k ? -change : change;
        gross[k] += change;
    }
    if (orca_reserve(p, p->count + 2)) return Q64_BAD_FIELD;
    for (int k = 0; k < 2; k++) { /* a position's ticks lie in arrays that exist */
        const int32_t size = ORCA_ARRAY * p->spacing;
        if (orca_note_array(p, q64_floor(ends[k], size) * size)) return Q64_BAD_FIELD;
    }
    for (int k = 0; k < 2; k++) orca_put(p, ends[k], net[k], gross[k]);
    p->head.liquidity = liquidity;
    return Q64_OK;
}

/* The ticks of one array, as its account has them: 88 fixed entries, or a byte and an entry where set.
 * Nothing moves unless the bytes are whole. */
static inline int orca_apply_ticks(orca_pool *p, const uint8_t *data, size_t n, int fixed) {
    const int32_t start = le_i32(data + 8), span = ORCA_ARRAY * p->spacing;
    size_t at = fixed ? 12 : 60;
    u128 net[ORCA_ARRAY], gross[ORCA_ARRAY];
    if (start % span || start < ORCA_MIN_TICK - span || start > ORCA_MAX_TICK) return Q64_BAD_FIELD;
    for (int i = 0; i < ORCA_ARRAY; i++) {
        net[i] = gross[i] = 0;
        if (at >= n) return Q64_BAD_FIELD;
        const int set = data[at++];
        if (set > 1) return Q64_BAD_FIELD;
        if (!set && !fixed) continue;
        if (at + 112 > n) return Q64_BAD_FIELD;
        if (set) {
            const int32_t tick = start + i * p->spacing;
            net[i] = le_u128(data + at);
            gross[i] = le_u128(data + at + 16);
            if (!gross[i] || net[i] == (u128)1 << 127 || tick < ORCA_MIN_TICK || tick > ORCA_MAX_TICK) return Q64_BAD_FIELD;
        }
        at += 112;
    }
    if (orca_reserve(p, p->count + ORCA_ARRAY)) return Q64_BAD_FIELD;
    for (int i = 0; i < ORCA_ARRAY; i++) orca_put(p, start + i * p->spacing, net[i], gross[i]);
    return orca_note_array(p, start) ? Q64_BAD_FIELD : Q64_OK;
}

/* One account's bytes: the pool, one of the two forms of a tick array, or the oracle. */
static inline int orca_apply_account(orca_pool *p, const uint8_t *data, size_t n) {
    orca_head *h = &p->head;
    if (n < 8) return Q64_BAD_FIELD;
    switch (le_u64(data)) {
    case 0x096380e10cd1953full: { /* Whirlpool */
        if (n < 85) return Q64_BAD_FIELD;
        const u128 price = le_u128(data + 65);
        const int32_t tick = le_i32(data + 81);
        if (le_u16(data + 41) != (uint32_t)p->spacing || price < ORCA_MIN_PRICE || price > ORCA_MAX_PRICE) return Q64_BAD_FIELD;
        if (tick < ORCA_MIN_TICK - 1 || tick > ORCA_MAX_TICK) return Q64_BAD_FIELD;
        p->fee_tier = le_u16(data + 43);
        p->fee_rate = le_u16(data + 45);
        p->protocol_rate = le_u16(data + 47);
        h->liquidity = le_u128(data + 49);
        h->price = price;
        h->tick = tick;
        h->here = orca_rank(p, tick);
        return Q64_OK;
    }
    case 0xbb42076ebebd6145ull: return n < 12 ? Q64_BAD_FIELD : orca_apply_ticks(p, data, n, 1); /* TickArray, fixed */
    case 0x38dac7e18ef6d811ull: return n < 60 ? Q64_BAD_FIELD : orca_apply_ticks(p, data, n, 0); /* DynamicTickArray */
    case 0xf4e5b38cb383c28bull: { /* Oracle */
        if (n < 110) return Q64_BAD_FIELD;
        const orca_adaptive c = {le_u16(data + 48), le_u16(data + 50), le_u16(data + 52), le_u32(data + 54),
                                 le_u32(data + 58), le_u16(data + 62), le_u16(data + 64)};
        if (!c.group || (uint64_t)c.max_volatility * c.group > 0xffffffffull || le_u32(data + 98) > c.max_volatility)
            return Q64_BAD_FIELD;
        p->has_oracle = 1;
        p->trade_enable = le_u64(data + 40);
        p->fee = c;
        h->last_reference = le_u64(data + 82);
        h->last_major = le_u64(data + 90);
        h->volatility_reference = le_u32(data + 98);
        h->group_reference = le_i32(data + 102);
        h->volatility = le_u32(data + 106);
        return Q64_OK;
    }
    default: return Q64_BAD_FIELD;
    }
}
#endif
