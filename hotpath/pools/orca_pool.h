/* Orca Whirlpools: the state that decides a swap, and the program's swap over it.
 *
 * Initialised ticks are two parallel sorted arrays: their indices (4 bytes each, what a search touches)
 * and, per tick, price and net liquidity (what crossing touches), so that a walk of k ticks reads k
 * consecutive entries. `here` counts the ticks at or below the pool's tick: the neighbours need no
 * search. Prices of ticks are computed once, when a tick comes in. One writer; quotes only read.
 */
#ifndef TIERCEL_ORCA_POOL_H
#define TIERCEL_ORCA_POOL_H
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

/* OracleFacade's update_reference, once at the start of a swap; 1 when the clock is behind the oracle */
static inline int orca_update_reference(const orca_adaptive *c, orca_head *h, int32_t group, uint64_t now) {
    const uint64_t last = h->last_reference > h->last_major ? h->last_reference : h->last_major;
    if (now < last) return 1;
    if (now - h->last_reference <= ORCA_MAX_AGE) {
        if (now - last < c->filter_period) return 0;
        h->volatility_reference =
            now - last < c->decay_period ? (uint32_t)((uint64_t)h->volatility * c->reduction / ORCA_SCALE) : 0;
    } else {
        h->volatility_reference = 0;
    }
    h->group_reference = group;
    h->last_reference = now;
    return 0;
}
static inline void orca_update_volatility(const orca_adaptive *c, orca_head *h, int32_t group) {
    const int64_t apart = (int64_t)h->group_reference - group;
    const uint64_t grown = h->volatility_reference + (uint64_t)(apart < 0 ? -apart : apart) * ORCA_SCALE;
    h->volatility = grown < c->max_volatility ? (uint32_t)grown : c->max_volatility;
}
static inline uint32_t orca_adaptive_rate(const orca_adaptive *c, const orca_head *h) {
    const uint64_t crossed = (uint64_t)h->volatility * c->group; /* below 2^32 for constants the program takes */
    const u128 scaled = (u128)c->control * (crossed * crossed), unit = 10000000000000ull;
    const u128 rate = (scaled + unit - 1) / unit;
    return rate > ORCA_FEE_LIMIT ? ORCA_FEE_LIMIT : (uint32_t)rate;
}

typedef struct {
    uint64_t in, out, fee;
    u128 next;
} orca_step;

/* swap_math's compute_swap; a status other than Q64_OK where the program fails */
static inline __attribute__((always_inline)) int orca_compute_step(
    uint64_t left, uint32_t rate, u128 liquidity, u128 price, u128 target, const int a_to_b, const int exact_in,
    orca_step *s) {
    const uint32_t net = Q64_MILLION - rate;
    const u128 apart = a_to_b ? price - target : target - price;
    uint64_t fixed = 0, other, usable = left, gross;
    int beyond = a_to_b == exact_in ? q64_amount_x(price, target, liquidity, exact_in, 1, &fixed)
                                    : q64_amount_y(liquidity, apart, exact_in, &fixed);
    if (beyond == 2) return Q64_OVERFLOW;
    if (exact_in) q64_muldiv(left, net, Q64_MILLION, 0, &usable);
    s->next = target;
    if (beyond || fixed > usable) {
        int bad = a_to_b == exact_in ? q64_price_after_x(price, liquidity, usable, exact_in, 1, &s->next)
                                     : q64_price_after_y(price, liquidity, usable, exact_in, &s->next);
        if (usable == 0) s->next = price;
        else if (bad == 2) return Q64_OVERFLOW;
        else if (bad || s->next < ORCA_MIN_PRICE || s->next > ORCA_MAX_PRICE) return Q64_REFUSED;
    }
    const int reached = s->next == target;
    const u128 moved = s->next < price ? price - s->next : s->next - price;
    if (a_to_b == exact_in) {
        if (q64_amount_y(liquidity, moved, !exact_in, &other)) return Q64_OVERFLOW;
        if ((!reached || beyond) && q64_amount_x(price, s->next, liquidity, exact_in, 1, &fixed)) return Q64_OVERFLOW;
    } else {
        if (q64_amount_x(price, s->next, liquidity, !exact_in, 1, &other)) return Q64_OVERFLOW;
        if ((!reached || beyond) && q64_amount_y(liquidity, moved, exact_in, &fixed)) return Q64_OVERFLOW;
    }
    s->in = exact_in ? fixed : other;
    s->out = exact_in ? other : fixed < left ? fixed : left;
    if (exact_in && !reached) {
        if (left < s->in) return Q64_REFUSED;
        s->fee = left - s->in;
    } else {
        if (q64_muldiv(s->in, Q64_MILLION, net, 1, &gross)) return Q64_OVERFLOW;
        s->fee = gross - s->in;
    }
    return Q64_OK;
}

typedef struct { /* the adaptive fee's view of one swap */
    int32_t group, low, high;
    int has_low, has_high; /* whether the core range has such an end */
    u128 low_price, high_price;
} orca_groups;

static inline void orca_groups_of(const orca_pool *p, const orca_head *h, int32_t group, orca_groups *g) {
    const orca_adaptive *c = &p->fee;
    const int64_t reach = (c->max_volatility - h->volatility_reference + ORCA_SCALE - 1) / ORCA_SCALE;
    const int64_t low = h->group_reference - reach, high = h->group_reference + reach, size = c->group;
    g->group = group;
    g->low = (int32_t)low;
    g->high = (int32_t)high;
    /* the program asks no more of these ticks: a stale reference may lie beyond the range of prices */
    g->has_low = low * size > ORCA_MIN_TICK && low * size < 1 << 30;
    g->has_high = (high + 1) * size < ORCA_MAX_TICK && (high + 1) * size > -(1 << 30);
    g->low_price = g->has_low ? orca_price_at_tick((int32_t)(low * size)) : 0;
    g->high_price = g->has_high ? orca_price_at_tick((int32_t)((high + 1) * size)) : 0;
}
/* where this step must stop for the fee to change; *skip when the fee does not change on the way */
static inline u128 orca_bound(const orca_pool *p, const orca_head *h, const orca_groups *g, u128 target, int a_to_b, int *skip) {
    const int64_t size = p->fee.group;
    *skip = 1;
    if (!p->fee.control || !h->liquidity) return target;
    if (g->has_low && g->group < g->low) return a_to_b || target < g->low_price ? target : g->low_price;
    if (g->has_high && g->group > g->high) return !a_to_b || target > g->high_price ? target : g->high_price;
    int64_t edge = (a_to_b ? g->group : g->group + (int64_t)1) * size;
    if (edge < ORCA_MIN_TICK) edge = ORCA_MIN_TICK;
    if (edge > ORCA_MAX_TICK) edge = ORCA_MAX_TICK;
    const u128 price = orca_price_at_tick((int32_t)edge);
    *skip = 0;
    return a_to_b ? (price > target ? price : target) : (price < target ? price : target);
}
/* advance_tick_group and advance_tick_group_after_skip */
static inline void orca_advance(const orca_pool *p, orca_head *h, orca_groups *g, u128 edge, int32_t next, int a_to_b, int skip) {
    const int32_t size = (int32_t)p->fee.group;
    if (skip) {
        int32_t tick = next;
        int boundary;
        if (h->price == edge) {
            boundary = next % size == 0;
        } else {
            tick = orca_tick_at_price(h->price);
            boundary = tick % size == 0 && h->price == orca_price_at_tick(tick);
        }
        const int32_t last = q64_floor(tick, size) - (boundary && !a_to_b);
        if (a_to_b ? last < g->group : last > g->group) {
            g->group = last;
            orca_update_volatility(&p->fee, h, last);
        }
    }
    g->group += a_to_b ? -1 : 1;
}

/* swap_manager's swap for amounts of the pool. `limit` 0: none. The head moves only in *w. */
static inline __attribute__((always_inline)) void orca_swap_body(
    const orca_pool *p, uint64_t amount, u128 limit, const int a_to_b, const int exact_in, orca_walk *w) {
    orca_head *h = &w->head;
    const u128 stop = limit ? limit : a_to_b ? ORCA_MIN_PRICE : ORCA_MAX_PRICE;
    uint64_t left = amount, sum = 0, fee = 0;
    uint32_t rate = p->fee_rate;
    int32_t first, last;
    orca_groups groups;
    *h = p->head;
    w->in = w->out = w->fee = 0;
    w->left = amount;
    w->crossed = w->steps = 0;
    w->rate_min = w->rate_max = rate;
    w->status = Q64_REFUSED;
    if (!amount || stop < ORCA_MIN_PRICE || stop > ORCA_MAX_PRICE) return;
    if (a_to_b ? stop >= h->price : stop <= h->price) return;
    if ((p->fee_tier != (uint32_t)p->spacing) != p->has_oracle) return;
    w->status = Q64_NO_LIQUIDITY;
    if (orca_window(p, a_to_b, &first, &last)) return;
    if (p->has_oracle) {
        int32_t group = q64_floor(h->tick, (int32_t)p->fee.group);
        w->status = Q64_REFUSED;
        if (p->now < p->trade_enable || orca_update_reference(&p->fee, h, group, p->now)) return;
        orca_groups_of(p, h, group, &groups);
        w->rate_min = ~0u;
        w->rate_max = 0;
    }
    while (left && h->price != stop) {
        const int32_t *keys = p->keys;
        const uint32_t at = a_to_b ? h->here - 1 : h->here;
        int32_t next;
        if (a_to_b ? h->tick < first : h->tick >= last) {
            w->status = Q64_NO_LIQUIDITY;
            return;
        }
        const int found = a_to_b ? h->here && keys[at] >= first : at < p->count && keys[at] <= last;
        next = found ? keys[at] : a_to_b ? first : last;
        const u128 edge = found ? p->ticks[at].price : orca_price_at_tick(next);
        const u128 target = a_to_b ? (edge > stop ? edge : stop) : (edge < stop ? edge : stop);
        do {
            u128 bound = target;
            int skip = 0, status;
            orca_step s;
            if (++w->steps > Q64_MAX_STEPS) {
                w->status = Q64_TOO_MANY_STEPS;
                return;
            }
            if (p->has_oracle) {
                orca_update_volatility(&p->fee, h, groups.group);
                rate = p->fee_rate + orca_adaptive_rate(&p->fee, h);
                if (rate > ORCA_FEE_LIMIT) rate = ORCA_FEE_LIMIT;
                if (rate < w->rate_min) w->rate_min = rate;
                if (rate > w->rate_max) w->rate_max = rate;
                bound = orca_bound(p, h, &groups, target, a_to_b, &skip);
            }
            status = orca_compute_step(left, rate, h->liquidity, h->price, bound, a_to_b, exact_in, &s);
            if (status) {
                w->status = status;
                return;
            }
            const u128 paid = (u128)s.in + s.fee;
            const u128 used = exact_in ? paid : s.out, got = (u128)sum + (exact_in ? s.out : paid);
            if (used > left) {
                w->status = Q64_REFUSED;
                return;
            }
            if (got >> 64 || ((u128)fee + s.fee) >> 64) {
                w->status = Q64_OVERFLOW;
                return;
            }
            left -= (uint64_t)used;
            sum = (uint64_t)got;
            fee += s.fee;
            if (s.next == edge) {
                if (found) {
                    const u128 net = a_to_b ? -p->ticks[at].net : p->ticks[at].net;
                    const u128 liquidity = h->liquidity + net;
                    if ((i128)net < 0 ? liquidity > h->liquidity : liquidity < h->liquidity) {
                        w->status = Q64_REFUSED;
                        return;
                    }
                    h->liquidity = liquidity;
                    h->here = a_to_b ? at : at + 1;
                    w->crossed++;
                }
                h->tick = a_to_b ? next - 1 : next;
            } else if (s.next != h->price) {
                h->tick = orca_tick_at_price(s.next);
            }
            h->price = s.next;
            if (p->has_oracle) orca_advance(p, h, &groups, edge, next, a_to_b, skip);
        } while (left && h->price != target);
    }
    if (p->has_oracle) {
        const u128 before = p->head.price, low = before < h->price ? before : h->price;
        const u128 high = before < h->price ? h->price : before;
        u256 major = u256_shr(q64_product(low, orca_price_at_tick((int32_t)p->fee.major_ticks)), 64);
        if (!u256_lt(u256_from_u128(high), major)) h->last_major = p->now;
    }
    w->in = exact_in ? amount - left : sum;
    w->out = exact_in ? sum : amount - left;
    w->fee = fee;
    w->left = left;
    w->status = left ? Q64_PARTIAL : Q64_OK;
}

/* A swap as its payer and receiver see it: with the transfer fees of both coins. An exact amount out
 * that cannot be had whole is PARTIAL here and an error of the program (unless a limit asked for it). */
static inline void orca_swap(const orca_pool *p, uint64_t amount, u128 limit, int a_to_b, int exact_in, orca_walk *w) {
    const orca_transfer_fee *in = &p->transfer[a_to_b ? 0 : 1], *out = &p->transfer[a_to_b ? 1 : 0];
    w->paid = w->given = 0;
    if (exact_in) {
        amount -= orca_transfer_of(in, amount);
    } else if (orca_transfer_before(out, amount, &amount)) {
        w->status = Q64_OVERFLOW;
        return;
    }
    if (a_to_b) {
        if (exact_in) orca_swap_body(p, amount, limit, 1, 1, w);
        else orca_swap_body(p, amount, limit, 1, 0, w);
    } else {
        if (exact_in) orca_swap_body(p, amount, limit, 0, 1, w);
        else orca_swap_body(p, amount, limit, 0, 0, w);
    }
    if (w->status != Q64_OK && w->status != Q64_PARTIAL) return;
    if (orca_transfer_before(in, w->in, &w->paid)) { /* a partial exact-out is refused before that */
        if (w->status == Q64_OK || exact_in || limit) w->status = Q64_OVERFLOW;
    }
    w->given = w->out - orca_transfer_of(out, w->out);
}
/* Liquidity between two ticks, more or less: what the two liquidity events say. 0, or a status. */
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
    if (p->starts_known && !orca_has_array(p, start)) {
        int32_t *starts = realloc(p->starts, (p->n_starts + 1) * sizeof *starts);
        if (!starts) return Q64_BAD_FIELD;
        p->starts = starts;
        uint32_t k = p->n_starts++;
        for (; k && starts[k - 1] > start; k--) starts[k] = starts[k - 1];
        starts[k] = start;
    }
    return Q64_OK;
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

/* compute units: fitted to executed swaps */
static inline int64_t orca_cost(const orca_walk *w, int adaptive) {
    return (adaptive ? 38000 + 5000 * (int64_t)w->steps : 33000) + 7700 * (int64_t)w->crossed;
}
#endif
