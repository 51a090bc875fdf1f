/* Orca Whirlpools: the state that decides a swap.
 *
 * Initialised ticks are two parallel sorted arrays: their indices (4 bytes each, what a search touches)
 * and, per tick, price and net liquidity (what crossing touches), so that a walk of k ticks reads k
 * consecutive entries. `here` counts the ticks at or below the pool's tick: the neighbours need no
 * search. Prices of ticks are computed once, when a tick comes in. One writer; quotes only read.
 */
#ifndef TIERCEL_ORCA_STATE_H
#define TIERCEL_ORCA_STATE_H
#include <stdlib.h>
#include <string.h>
#include "hotpath/pools/orca_tick.h"
#include "hotpath/pools/solana_state.h"

#define ORCA_ARRAY 88
#define ORCA_FEE_LIMIT 100000u
#define ORCA_SCALE 10000u
#define ORCA_MAX_AGE 3600u

typedef struct {
    u128 price, net, gross; /* net is signed */
} orca_tick;

/* what a swap moves */
typedef struct {
    u128 price, liquidity;
    uint64_t last_reference, last_major; /* adaptive fee, seconds */
    int32_t tick, group_reference;
    uint32_t volatility_reference, volatility;
    uint32_t here;
} orca_head;

typedef struct {
    uint32_t filter_period, decay_period, reduction, control, max_volatility, group, major_ticks;
} orca_adaptive;

typedef struct {
    uint32_t bps;
    uint64_t most;
} orca_transfer_fee;

typedef struct {
    orca_head head;
    orca_adaptive fee;
    orca_transfer_fee transfer[2]; /* of coin A and B */
    uint64_t trade_enable, now;
    int32_t spacing;
    uint32_t fee_rate, protocol_rate, fee_tier;
    int has_oracle, starts_known;
    int32_t *starts; /* ascending: the tick arrays that exist; unused unless starts_known */
    uint32_t n_starts, count, capacity;
    int32_t *keys;
    orca_tick *ticks;
} orca_pool;

typedef struct {
    orca_head head;
    uint64_t in, out, fee, left; /* in and out as the pool's vaults see them */
    uint64_t paid, given;        /* and as the payer and the receiver do, after transfer fees */
    uint32_t rate_min, rate_max, crossed, steps;
    int status;
} orca_walk;

static inline void orca_free(orca_pool *p) {
    free(p->starts);
    free(p->keys);
    free(p->ticks);
    p->starts = 0;
    p->keys = 0;
    p->ticks = 0;
    p->count = p->capacity = p->n_starts = 0;
}
/* room for n ticks; 1 without memory */
static inline int orca_reserve(orca_pool *p, uint32_t n) {
    if (n <= p->capacity) return 0;
    int32_t *keys = realloc(p->keys, n * sizeof *keys);
    if (!keys) return 1;
    p->keys = keys;
    orca_tick *ticks = realloc(p->ticks, n * sizeof *ticks);
    if (!ticks) return 1;
    p->ticks = ticks;
    p->capacity = n;
    return 0;
}
/* how many ticks lie at or below `tick` */
static inline uint32_t orca_rank(const orca_pool *p, int32_t tick) {
    uint32_t low = 0, n = p->count;
    while (n) {
        uint32_t half = n / 2;
        if (p->keys[low + half] <= tick) {
            low += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return low;
}
/* set, change or (gross 0) remove a tick; 1 without memory */
static inline int orca_put(orca_pool *p, int32_t tick, u128 net, u128 gross) {
    uint32_t at = orca_rank(p, tick);
    const int known = at && p->keys[at - 1] == tick;
    if (known && gross) {
        p->ticks[at - 1].net = net;
        p->ticks[at - 1].gross = gross;
    } else if (known) {
        at--;
        memmove(p->keys + at, p->keys + at + 1, (p->count - at - 1) * sizeof *p->keys);
        memmove(p->ticks + at, p->ticks + at + 1, (p->count - at - 1) * sizeof *p->ticks);
        p->count--;
    } else if (gross) {
        if (p->count == p->capacity && orca_reserve(p, p->count + p->count / 4 + 8)) return 1;
        memmove(p->keys + at + 1, p->keys + at, (p->count - at) * sizeof *p->keys);
        memmove(p->ticks + at + 1, p->ticks + at, (p->count - at) * sizeof *p->ticks);
        p->keys[at] = tick;
        p->ticks[at] = (orca_tick){orca_price_at_tick(tick), net, gross};
        p->count++;
    }
    p->head.here = orca_rank(p, p->head.tick);
    return 0;
}

static inline int orca_has_array(const orca_pool *p, int32_t start) {
    if (!p->starts_known) return 1;
    uint32_t low = 0, high = p->n_starts;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (p->starts[middle] < start) low = middle + 1;
        else high = middle;
    }
    return low < p->n_starts && p->starts[low] == start;
}
/* The first and the last tick that the program can reach: its three arrays in the direction of the
 * trade, one further when b comes in and the next tick lies in the next array. 1 where there is none. */
static inline int orca_window(const orca_pool *p, int a_to_b, int32_t *first, int32_t *last) {
    const int32_t span = ORCA_ARRAY * p->spacing;
    int32_t start = q64_floor(a_to_b ? p->head.tick : p->head.tick + p->spacing, span) * span, end;
    int n = 0;
    for (end = start; n < 3 && orca_has_array(p, end); n++) end += a_to_b ? -span : span;
    if (!n) return 1;
    end += a_to_b ? span : -span;
    *first = a_to_b ? end : start;
    *last = (a_to_b ? start : end) + span - 1;
    if (*first < ORCA_MIN_TICK) *first = ORCA_MIN_TICK;
    if (*last > ORCA_MAX_TICK) *last = ORCA_MAX_TICK;
    return 0;
}

static inline uint64_t orca_transfer_of(const orca_transfer_fee *f, uint64_t amount) {
    uint64_t fee;
    if (!f->bps || !amount) return 0;
    q64_muldiv(amount, f->bps, ORCA_SCALE, 1, &fee); /* bps <= 10000: fits */
    return fee < f->most ? fee : f->most;
}
/* what must be sent for `amount` to arrive; 1 beyond u64 */
static inline int orca_transfer_before(const orca_transfer_fee *f, uint64_t amount, uint64_t *out) {
    u128 sent;
    if (!f->bps || !amount) {
        *out = amount;
        return 0;
    }
    if (f->bps == ORCA_SCALE) {
        sent = (u128)amount + f->most;
    } else {
        const uint32_t net = ORCA_SCALE - f->bps;
        sent = ((u128)amount * ORCA_SCALE + net - 1) / net;
        if (sent - amount >= f->most) sent = (u128)amount + f->most;
    }
    *out = (uint64_t)sent;
    return sent >> 64 != 0;
}
#endif
