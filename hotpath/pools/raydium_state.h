/* Raydium CLMM: the state that decides a swap.
 *
 * Laid out as orca_state.h: sorted tick indices, and beside them what crossing a tick reads. A tick also
 * carries its limit orders (an open cohort and the rest of the one being filled). Quotes only read;
 * filling orders writes to the tick that is left last, which the walk copies: every earlier tick is
 * empty of orders afterwards, and `settle` applies that when a swap is executed.
 */
#ifndef TIERCEL_RAYDIUM_STATE_H
#define TIERCEL_RAYDIUM_STATE_H
#include <stdlib.h>
#include <string.h>
#include "hotpath/pools/raydium_tick.h"
#include "hotpath/pools/solana_state.h"

#define RAYDIUM_ARRAY 60
#define RAYDIUM_MAX_RATE 100000u
#define RAYDIUM_SCALE 10000u

typedef struct {
    uint64_t phase, open, part; /* the open cohort's amount, and what is left of the one being filled */
    u128 ratio;                 /* unfilled_ratio_x64 of the latter */
} raydium_orders;

typedef struct {
    u128 price, net, gross; /* net is signed */
    raydium_orders orders;
} raydium_tick;

typedef struct {
    u128 price, liquidity;
    uint64_t last_update;
    int32_t tick, index_reference;
    uint32_t volatility_reference, volatility;
    uint32_t here; /* ticks at or below `tick` */
} raydium_head;

typedef struct {
    uint32_t filter_period, decay_period, reduction, control, max_volatility;
} raydium_dynamic;

typedef struct {
    raydium_head head;
    raydium_dynamic fee;
    uint64_t now;
    int32_t spacing;
    uint32_t trade_rate, protocol_rate, fund_rate, fee_on;
    int has_dynamic;
    uint32_t count, capacity;
    int32_t *keys;
    raydium_tick *ticks;
} raydium_pool;

typedef struct {
    raydium_head head;
    uint64_t in, out, fee, left;
    uint64_t unowned; /* of the fee: the liquidity's share where there was none, which the SDK leaves out */
    uint32_t crossed, steps, touched; /* touched: one past the place of a tick whose orders were filled */
    raydium_orders orders;            /* the last such tick's orders afterwards */
    int ended;                        /* out of ticks, not at the limit */
    int status;
} raydium_walk;

static inline void raydium_free(raydium_pool *p) {
    free(p->keys);
    free(p->ticks);
    p->keys = 0;
    p->ticks = 0;
    p->count = p->capacity = 0;
}
static inline int raydium_reserve(raydium_pool *p, uint32_t n) {
    if (n <= p->capacity) return 0;
    int32_t *keys = realloc(p->keys, n * sizeof *keys);
    if (!keys) return 1;
    p->keys = keys;
    raydium_tick *ticks = realloc(p->ticks, n * sizeof *ticks);
    if (!ticks) return 1;
    p->ticks = ticks;
    p->capacity = n;
    return 0;
}
static inline uint32_t raydium_rank(const raydium_pool *p, int32_t tick) {
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
static inline int raydium_has_orders(const raydium_orders *o) { return o->open || o->part; }
/* set, change or remove a tick (one without liquidity and orders); 1 without memory */
static inline int raydium_put(raydium_pool *p, int32_t tick, u128 net, u128 gross, const raydium_orders *o) {
    uint32_t at = raydium_rank(p, tick);
    const int known = at && p->keys[at - 1] == tick, live = gross || raydium_has_orders(o);
    if (known && live) {
        raydium_tick *t = p->ticks + at - 1;
        t->net = net;
        t->gross = gross;
        t->orders = *o;
    } else if (known) {
        at--;
        memmove(p->keys + at, p->keys + at + 1, (p->count - at - 1) * sizeof *p->keys);
        memmove(p->ticks + at, p->ticks + at + 1, (p->count - at - 1) * sizeof *p->ticks);
        p->count--;
    } else if (live) {
        if (p->count == p->capacity && raydium_reserve(p, p->count + p->count / 4 + 8)) return 1;
        memmove(p->keys + at + 1, p->keys + at, (p->count - at) * sizeof *p->keys);
        memmove(p->ticks + at + 1, p->ticks + at, (p->count - at) * sizeof *p->ticks);
        p->keys[at] = tick;
        p->ticks[at] = (raydium_tick){raydium_price_at_tick(tick), net, gross, *o};
        p->count++;
    }
    p->head.here = raydium_rank(p, p->head.tick);
    return 0;
}
#endif
