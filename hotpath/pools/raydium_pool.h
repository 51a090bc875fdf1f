/* Raydium CLMM: the program's swap (swap.rs, swap_math.rs, tick_array.rs) over the state of raydium_state.h. */
#ifndef TIERCEL_RAYDIUM_POOL_H
#define TIERCEL_RAYDIUM_POOL_H
#include "hotpath/pools/raydium_state.h"

static inline void raydium_update_reference(const raydium_dynamic *c, raydium_head *h, int32_t index, uint64_t now) {
    const uint64_t elapsed = now > h->last_update ? now - h->last_update : 0;
    if (elapsed < c->filter_period) return;
    h->volatility_reference =
        elapsed < c->decay_period ? (uint32_t)((uint64_t)h->volatility * c->reduction / RAYDIUM_SCALE) : 0;
    h->index_reference = index;
    h->last_update = now;
}
static inline void raydium_update_volatility(const raydium_dynamic *c, raydium_head *h, int32_t index) {
    const int64_t apart = (int64_t)h->index_reference - index;
    const uint64_t grown = h->volatility_reference + (uint64_t)(apart < 0 ? -apart : apart) * RAYDIUM_SCALE;
    h->volatility = grown < c->max_volatility ? (uint32_t)grown : c->max_volatility;
}
static inline uint32_t raydium_dynamic_rate(const raydium_pool *p, const raydium_head *h) {
    const uint64_t crossed = (uint64_t)h->volatility * (uint32_t)p->spacing; /* below 2^32, as the program checks */
    const u128 scaled = (u128)p->fee.control * (crossed * crossed), unit = 10000000000000ull;
    const u128 rate = (scaled + unit - 1) / unit;
    return rate > RAYDIUM_MAX_RATE ? RAYDIUM_MAX_RATE : (uint32_t)rate;
}

typedef struct {
    u128 next;
    uint64_t in, out, fee;
} raydium_step;

/* swap_math's compute_swap; a status other than Q64_OK where the program fails */
static inline __attribute__((always_inline)) int raydium_compute_step(
    u128 price, u128 target, u128 liquidity, uint64_t left, uint32_t rate, const int zfo, const int exact_in,
    const int fee_in, raydium_step *s) {
    const uint32_t net = Q64_MILLION - rate;
    const u128 apart = price < target ? target - price : price - target; /* whatever a stale index made of the bound */
    u128 usable = left;
    uint64_t needed, half;
    int beyond, moved;
    if (exact_in && fee_in) {
        q64_muldiv(left, net, Q64_MILLION, 0, &half);
        usable = half;
    } else if (!exact_in && !fee_in) {
        usable = ((u128)left * Q64_MILLION + net - 1) / net; /* may pass 64 bits: the SDK goes on, and so do we */
    }
    /* x is the coin that the target is measured in for (zfo, exact in) and for neither */
    beyond = zfo == exact_in ? q64_amount_x(price, target, liquidity, exact_in, 0, &needed)
                             : q64_amount_y(liquidity, apart, exact_in, &needed);
    s->next = target;
    if (beyond || needed > usable) {
        if (!liquidity) return Q64_NO_LIQUIDITY;
        if (!usable) s->next = price;
        else if (zfo == exact_in ? q64_price_after_x(price, liquidity, usable, exact_in, 0, &s->next)
                                 : q64_price_after_y(price, liquidity, usable, exact_in, &s->next))
            return Q64_NO_LIQUIDITY;
        beyond = 1;
    }
    if (zfo ? s->next < target : s->next > target) return Q64_REFUSED;
    const int reached = s->next == target;
    const u128 way = s->next < price ? price - s->next : s->next - price;
    s->in = s->out = needed;
    moved = beyond || !exact_in;
    if (moved && (zfo ? q64_amount_x(price, s->next, liquidity, 1, 0, &s->in) : q64_amount_y(liquidity, way, 1, &s->in)))
        return Q64_OVERFLOW;
    moved = beyond || exact_in;
    if (moved && (zfo ? q64_amount_y(liquidity, way, 0, &s->out) : q64_amount_x(price, s->next, liquidity, 0, 0, &s->out)))
        return Q64_OVERFLOW;
    if (fee_in) {
        if (exact_in && !reached) {
            if (left < s->in) return Q64_REFUSED;
            s->fee = left - s->in;
            return Q64_OK;
        }
        if (!exact_in && s->out > left) s->out = left;
        return q64_muldiv(s->in, rate, net, 1, &s->fee) ? Q64_OVERFLOW : Q64_OK;
    }
    q64_muldiv(s->out, rate, Q64_MILLION, 1, &s->fee);
    if (exact_in) {
        s->out -= s->fee;
        if (!reached) s->in = left;
    } else if (s->out - s->fee > left) {
        s->fee = s->out - left;
        s->out = left;
    } else {
        s->out -= s->fee;
    }
    return Q64_OK;
}

/* what an order for `out` costs at the price `unit` (token 1 per token 0, Q64.64 in 256 bits); 1 beyond u64 */
static inline int raydium_order_input(uint64_t out, u256 unit, int zfo, uint64_t *in) {
    u256 q;
    int bad = zfo ? u256_muldiv_up(u256_from_u64(out), u256_from_limbs(0, 1, 0, 0), unit, &q)
                  : u256_muldiv_up(u256_from_u64(out), unit, u256_from_limbs(0, 1, 0, 0), &q);
    *in = q.w[0];
    return bad || !u256_fits_u64(q);
}
/* match_limit_order: the swap takes from the orders of one tick, whose sqrt price is `price` */
static inline int raydium_match(raydium_orders *o, u128 price, uint64_t left, uint32_t rate, int zfo, int exact_in,
                                int fee_in, raydium_step *s) {
    const u128 both = (u128)o->open + o->part;
    const uint64_t total = (uint64_t)both;
    const uint32_t net = Q64_MILLION - rate;
    const u256 square = q64_product(price, price);
    u256 unit = u256_shr(square, 64), out;
    uint64_t from_part, rest;
    s->in = s->out = s->fee = 0;
    if (both >> 64) return Q64_OVERFLOW;
    if (!left || !total) return Q64_OK;
    if (!zfo && square.w[0]) unit = u256_add(unit, U256_ONE, 0);
    if (exact_in) {
        if (fee_in) q64_muldiv(left, rate, Q64_MILLION, 1, &s->fee);
        s->in = left - s->fee;
        if (zfo) u256_muldiv(u256_from_u64(s->in), unit, u256_from_limbs(0, 1, 0, 0), &out);
        else u256_muldiv(u256_from_u64(s->in), u256_from_limbs(0, 1, 0, 0), unit, &out);
        s->out = out.w[0];
        if (u256_lt(u256_from_u64(total), out)) {
            s->out = total;
            if (raydium_order_input(total, unit, zfo, &s->in)) return Q64_OVERFLOW;
            if (fee_in && q64_muldiv(s->in, rate, net, 1, &s->fee)) return Q64_OVERFLOW;
        }
    } else {
        s->out = left < total ? left : total;
        if (!fee_in) {
            const u128 gross = ((u128)s->out * Q64_MILLION + net - 1) / net;
            s->out = gross < total ? (uint64_t)gross : total;
        }
        if (raydium_order_input(s->out, unit, zfo, &s->in)) return Q64_OVERFLOW;
        if (fee_in && q64_muldiv(s->in, rate, net, 1, &s->fee)) return Q64_OVERFLOW;
    }
    from_part = o->part < s->out ? o->part : s->out;
    if (from_part) {
        u256 ratio;
        u256_muldiv(u256_from_u128(o->ratio), u256_from_u64(o->part - from_part), u256_from_u64(o->part), &ratio);
        o->ratio = u256_low128(ratio);
        o->part -= from_part;
    }
    rest = s->out - from_part;
    if (rest) {
        if (o->part || o->open < rest) return Q64_REFUSED;
        if (o->phase != ~0ull) o->phase++;
        o->ratio = ((u128)(o->open - rest) << 64) / o->open;
        o->part = o->open - rest;
        o->open = 0;
    }
    if (!fee_in) {
        q64_muldiv(s->out, rate, Q64_MILLION, 1, &s->fee);
        s->out -= s->fee;
    }
    return Q64_OK;
}

/* take a step's amounts into the totals; a status */
static inline __attribute__((always_inline)) int raydium_take(
    const raydium_step *s, const int exact_in, const int fee_in, uint64_t *left, uint64_t *sum, uint64_t *fee) {
    const u128 paid = fee_in ? (u128)s->in + s->fee : s->in;
    const u128 used = exact_in ? paid : s->out, got = (u128)*sum + (exact_in ? s->out : paid);
    const u128 charged = (u128)*fee + s->fee;
    if (used > *left) return Q64_REFUSED;
    if (got >> 64 || charged >> 64) return Q64_OVERFLOW;
    *left -= (uint64_t)used;
    *sum = (uint64_t)got;
    *fee = (uint64_t)charged;
    return Q64_OK;
}

/* swap_internal without its transfers. `limit` 0: none. Nothing moves but *w. */
static inline __attribute__((always_inline)) void raydium_swap_body(
    const raydium_pool *p, uint64_t amount, u128 limit, const int zfo, const int exact_in, const int fee_in,
    raydium_walk *w) {
    raydium_head *h = &w->head;
    const u128 stop = limit ? limit : zfo ? RAYDIUM_MIN_PRICE + 1 : RAYDIUM_MAX_PRICE - 1;
    uint64_t left = amount, sum = 0, fee = 0;
    uint32_t rate = p->trade_rate;
    int32_t index = 0;
    int status = Q64_OK;
    *h = p->head;
    w->in = w->out = w->fee = 0;
    w->left = amount;
    w->crossed = w->steps = w->touched = 0;
    w->ended = 0;
    w->unowned = 0;
    w->status = Q64_REFUSED;
    if (!amount) return;
    if (zfo ? !(RAYDIUM_MIN_PRICE < stop && stop < h->price) : !(h->price < stop && stop < RAYDIUM_MAX_PRICE)) return;
    if (p->has_dynamic) {
        index = q64_floor(h->tick, p->spacing);
        raydium_update_reference(&p->fee, h, index, p->now);
    }
    while (left && h->price != stop) {
        const uint32_t at = zfo ? h->here - 1 : h->here;
        if (zfo ? !h->here : at >= p->count) {
            w->ended = 1;
            break;
        }
        const raydium_tick *t = p->ticks + at;
        const u128 edge = t->price;
        const u128 target = zfo ? (edge > stop ? edge : stop) : (edge < stop ? edge : stop);
        u128 liquidity = h->liquidity;
        raydium_orders orders = t->orders;
        if (zfo ? h->price < target : h->price > target) {
            w->status = Q64_REFUSED;
            return;
        }
        do {
            u128 bound = target, after;
            int skip = 1;
            const u128 unfilled = (u128)orders.open + orders.part;
            raydium_step s;
            if (++w->steps > Q64_MAX_STEPS) {
                w->status = Q64_TOO_MANY_STEPS;
                return;
            }
            if (p->has_dynamic) {
                raydium_update_volatility(&p->fee, h, index);
                rate = p->trade_rate + raydium_dynamic_rate(p, h);
                if (rate > RAYDIUM_MAX_RATE) rate = RAYDIUM_MAX_RATE;
                if (h->liquidity && h->volatility != p->fee.max_volatility) {
                    int64_t to = (zfo ? index : index + (int64_t)1) * p->spacing;
                    if (to < RAYDIUM_MIN_TICK) to = RAYDIUM_MIN_TICK;
                    if (to > RAYDIUM_MAX_TICK) to = RAYDIUM_MAX_TICK;
                    const u128 limit_price = raydium_price_at_tick((int32_t)to);
                    skip = 0;
                    bound = zfo ? (limit_price > target ? limit_price : target) : (limit_price < target ? limit_price : target);
                }
            }
            after = bound;
            if (h->price != bound) {
                status = raydium_compute_step(h->price, bound, h->liquidity, left, rate, zfo, exact_in, fee_in, &s);
                if (!status) status = raydium_take(&s, exact_in, fee_in, &left, &sum, &fee);
                if (status) {
                    w->status = status;
                    return;
                }
                after = s.next;
            }
            if (after == edge) {
                if (unfilled) {
                    status = raydium_match(&orders, edge, left, rate, zfo, exact_in, fee_in, &s);
                    if (!status) status = raydium_take(&s, exact_in, fee_in, &left, &sum, &fee);
                    if (status) {
                        w->status = status;
                        return;
                    }
                    if (!h->liquidity) /* a fee of orders alone */
                        w->unowned += s.fee - (uint64_t)((u128)s.fee * p->protocol_rate / Q64_MILLION)
                                      - (uint64_t)((u128)s.fee * p->fund_rate / Q64_MILLION);
                    w->touched = at + 1;
                    w->orders = orders;
                }
                const int open = raydium_has_orders(&orders);
                if (t->gross && !open) {
                    const u128 net = zfo ? -t->net : t->net;
                    liquidity = h->liquidity + net;
                    if ((i128)net < 0 ? liquidity > h->liquidity : liquidity < h->liquidity) {
                        w->status = Q64_REFUSED;
                        return;
                    }
                    w->crossed++;
                }
                h->tick = zfo == !open ? p->keys[at] - 1 : p->keys[at];
                h->here = zfo == !open ? at : at + 1;
            } else if (after != h->price) {
                h->tick = raydium_tick_at_price(after);
            }
            h->price = after;
            if (p->has_dynamic) {
                if (skip) {
                    const int32_t where = after == edge ? p->keys[at] : h->tick;
                    index = q64_floor(where, p->spacing) - (!zfo && where % p->spacing == 0);
                    if (h->volatility != p->fee.max_volatility) raydium_update_volatility(&p->fee, h, index);
                }
                index += zfo ? -1 : 1;
            }
            if (left && h->price == target) {
                const u128 now = (u128)orders.open + orders.part;
                if (now && now != unfilled) {
                    w->status = Q64_REFUSED;
                    return;
                }
            }
        } while (left && h->price != target);
        h->liquidity = liquidity;
    }
    w->in = exact_in ? amount - left : sum;
    w->out = exact_in ? sum : amount - left;
    w->fee = fee;
    w->left = left;
    w->status = left ? Q64_PARTIAL : Q64_OK;
}

static inline void raydium_swap(const raydium_pool *p, uint64_t amount, u128 limit, int zfo, int exact_in, raydium_walk *w) {
    const int fee_in = p->fee_on == 0 || (p->fee_on == 1) == (zfo != 0);
    switch ((zfo != 0) << 2 | (exact_in != 0) << 1 | fee_in) {
    case 0: raydium_swap_body(p, amount, limit, 0, 0, 0, w); break;
    case 1: raydium_swap_body(p, amount, limit, 0, 0, 1, w); break;
    case 2: raydium_swap_body(p, amount, limit, 0, 1, 0, w); break;
    case 3: raydium_swap_body(p, amount, limit, 0, 1, 1, w); break;
    case 4: raydium_swap_body(p, amount, limit, 1, 0, 0, w); break;
    case 5: raydium_swap_body(p, amount, limit, 1, 0, 1, w); break;
    case 6: raydium_swap_body(p, amount, limit, 1, 1, 0, w); break;
    default: raydium_swap_body(p, amount, limit, 1, 1, 1, w);
    }
}

/* Make a walk true: the head moves, orders that were passed are gone and ticks left bare go with them. */
static inline void raydium_settle(raydium_pool *p, const raydium_walk *w) {
    if (w->touched) {
        const uint32_t last = w->touched - 1;
        /* the walk began beside `here` and passed every tick up to the last one it filled */
        const int down = last < p->head.here;
        const uint32_t from = down ? last : p->head.here, to = down ? p->head.here : last + 1;
        for (uint32_t i = from; i < to; i++) {
            raydium_orders *o = &p->ticks[i].orders;
            if (i == last) {
                *o = w->orders;
            } else if (raydium_has_orders(o)) {
                if (o->open && o->phase != ~0ull) o->phase++;
                o->ratio = 0;
                o->open = o->part = 0;
            }
        }
    }
    p->head = w->head;
    uint32_t kept = 0;
    for (uint32_t i = 0; w->touched && i < p->count; i++) {
        if (!p->ticks[i].gross && !raydium_has_orders(&p->ticks[i].orders)) continue;
        p->keys[kept] = p->keys[i];
        p->ticks[kept++] = p->ticks[i];
    }
    if (w->touched) p->count = kept;
    p->head.here = raydium_rank(p, p->head.tick);
}

/* the fee in millionths that a swap at this moment would begin with: for ranking */
static inline uint32_t raydium_rate_now(const raydium_pool *p) {
    raydium_head h = p->head;
    uint32_t rate = p->trade_rate;
    if (!p->has_dynamic) return rate;
    const int32_t index = q64_floor(h.tick, p->spacing);
    raydium_update_reference(&p->fee, &h, index, p->now);
    raydium_update_volatility(&p->fee, &h, index);
    rate += raydium_dynamic_rate(p, &h);
    return rate > RAYDIUM_MAX_RATE ? RAYDIUM_MAX_RATE : rate;
}

/* compute units: fitted to executed swaps */
static inline int64_t raydium_cost(const raydium_walk *w) { return 65000 + 14500 * (int64_t)w->crossed; }
#endif
