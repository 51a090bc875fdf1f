/* Orca Whirlpools: the program's swap (swap_manager, swap_math, fee_rate_manager) over the state of orca_state.h. */
#ifndef TIERCEL_ORCA_POOL_H
#define TIERCEL_ORCA_POOL_H
#include "hotpath/pools/orca_state.h"

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
    /* behind the price where a stale reference puts the fee's bound there: the program orders the two */
    const u128 apart = price < target ? target - price : price - target;
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
/* the fee in millionths that a swap at this moment would begin with: for ranking */
static inline uint32_t orca_rate_now(const orca_pool *p) {
    orca_head h = p->head;
    uint32_t rate = p->fee_rate;
    if (!p->has_oracle) return rate;
    const int32_t group = q64_floor(h.tick, (int32_t)p->fee.group);
    orca_update_reference(&p->fee, &h, group, p->now);
    orca_update_volatility(&p->fee, &h, group);
    rate += orca_adaptive_rate(&p->fee, &h);
    return rate > ORCA_FEE_LIMIT ? ORCA_FEE_LIMIT : rate;
}

/* compute units: fitted to executed swaps */
static inline int64_t orca_cost(const orca_walk *w, int adaptive) {
    return (adaptive ? 38000 + 5000 * (int64_t)w->steps : 33000) + 7700 * (int64_t)w->crossed;
}
#endif
