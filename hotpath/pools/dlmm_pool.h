/* Meteora DLMM: the walk over the bins of dlmm_state.h, as the official SDK and its Rust commons do it.
 *
 * A fill that does not empty a bin needs no division by the price when x comes in: left * price is
 * compared with out * 2^64 instead.
 */
#ifndef TIERCEL_DLMM_POOL_H
#define TIERCEL_DLMM_POOL_H
#include "hotpath/pools/dlmm_state.h"

static inline void dlmm_update_reference(const dlmm_pool *p, dlmm_head *h) {
    int64_t elapsed;
    if (__builtin_sub_overflow(p->now, h->last_update, &elapsed)) elapsed = INT64_MAX; /* `now` is not negative */
    if (elapsed < (int64_t)p->filter_period) return;
    h->index_reference = h->active;
    h->volatility_reference = elapsed < (int64_t)p->decay_period
        ? (uint32_t)((uint64_t)h->volatility * p->reduction / DLMM_BPS) : 0;
}
static inline void dlmm_update_volatility(const dlmm_pool *p, dlmm_head *h) {
    const int64_t apart = (int64_t)h->index_reference - h->active;
    const uint64_t grown = h->volatility_reference + (uint64_t)(apart < 0 ? -apart : apart) * DLMM_BPS;
    h->volatility = grown < p->max_volatility ? (uint32_t)grown : p->max_volatility;
}
/* the fee of 10^9: base and variable, at most 10 % */
static inline uint32_t dlmm_rate(const dlmm_pool *p, const dlmm_head *h) {
    uint64_t rate = p->base_rate;
    if (p->control) {
        const uint64_t moved = (uint64_t)h->volatility * (uint32_t)p->step; /* below 2^48 */
        const u128 scaled = (u128)p->control * ((u128)moved * moved);       /* below 2^128 */
        const uint64_t unit = 100000000000ull;
        uint64_t rest, q;
        if ((uint64_t)(scaled >> 64) >= unit) return DLMM_MAX_RATE;
        q = u256_div_128_64((uint64_t)(scaled >> 64), (uint64_t)scaled, unit, &rest);
        if (q >= DLMM_MAX_RATE) return DLMM_MAX_RATE;
        rate += q + (rest != 0);
    }
    return rate > DLMM_MAX_RATE ? DLMM_MAX_RATE : (uint32_t)rate;
}

static inline uint64_t dlmm_transfer_of(const dlmm_transfer_fee *f, uint64_t amount) {
    uint64_t fee;
    if (!f->bps || !amount) return 0;
    q64_muldiv(amount, f->bps, DLMM_BPS, 1, &fee);
    return fee < f->most ? fee : f->most;
}
/* what must be sent for `amount` to arrive, as spl-token's inverse fee says; 1 beyond u64 */
static inline int dlmm_transfer_before(const dlmm_transfer_fee *f, uint64_t amount, uint64_t *out) {
    u128 sent = amount;
    if (f->bps && amount) {
        u128 fee = f->most;
        if (f->bps != DLMM_BPS) {
            const uint32_t net = DLMM_BPS - f->bps;
            u128 before = ((u128)amount * DLMM_BPS + net - 1) / net;
            if (before - amount >= f->most) before = (u128)amount + f->most;
            fee = (before * f->bps + DLMM_BPS - 1) / DLMM_BPS;
            if (fee > f->most) fee = f->most;
        }
        sent += fee;
    }
    *out = (uint64_t)sent;
    return sent >> 64 != 0;
}

/* what `out` of the coin that is taken costs, rounded up: at most 128 bits */
static inline u128 dlmm_required(u128 price, uint64_t out, int for_y) {
    if (for_y) {
        u128 n = (u128)out << 64, q;
        if (price >> 64) { /* below 2^64: one digit */
            int rest;
            return (u128)q64_digit(u256_from_u64(out), u256_from_u128(price), &rest) + rest;
        }
        q = n / price;
        return q + (q * price != n);
    }
    const u128 low = (u128)out * (uint64_t)price, high = (u128)out * (uint64_t)(price >> 64);
    return high + (low >> 64) + ((uint64_t)low != 0);
}
/* One layer of a bin: `most` of the coin taken is there and `left` may be paid. */
static inline void dlmm_fill_layer(u128 price, uint64_t most, int for_y, uint64_t left, uint64_t *paid, uint64_t *given) {
    if (for_y) {
        const u128 low = (u128)left * (uint64_t)price, high = (u128)left * (uint64_t)(price >> 64) + (low >> 64);
        if (high < most) { /* left * price < most * 2^64 */
            *paid = left;
            *given = (uint64_t)high;
            return;
        }
        *paid = (uint64_t)dlmm_required(price, most, 1);
    } else {
        const u128 need = dlmm_required(price, most, 0);
        if (left < need) {
            int rest;
            *paid = left;
            *given = q64_digit(u256_from_u64(left), u256_from_u128(price), &rest);
            return;
        }
        *paid = (uint64_t)need;
    }
    *given = most;
}

typedef struct {
    uint64_t paid, given, fee, user_fee, protocol_fee;
    uint64_t layer_paid[3], layer_given[3]; /* the makers' liquidity, orders being filled, open orders */
} dlmm_filled;

static inline int dlmm_sided(const dlmm_pool *p, const dlmm_bin *b, int for_y) { return p->orders && for_y == !b->ask; }
static inline u128 dlmm_most(const dlmm_pool *p, const dlmm_bin *b, int for_y) {
    u128 most = for_y ? b->y : b->x;
    if (dlmm_sided(p, b, for_y)) most += (u128)b->open + b->done;
    return most;
}

/* swapExactInQuoteAtBin; a status */
static inline int dlmm_exact_in_at(const dlmm_pool *p, const dlmm_bin *b, uint64_t amount, int for_y, uint32_t rate,
                                   int fee_in, dlmm_filled *f) {
    uint64_t fee = 0, used = 0, given = 0, left, gross, maker_fee, share;
    const uint64_t most[3] = {for_y ? b->y : b->x, b->done, b->open};
    const int layers = dlmm_sided(p, b, for_y) ? 3 : 1;
    if (fee_in) q64_muldiv(amount, rate, DLMM_PRECISION, 1, &fee);
    left = amount - fee;
    for (int i = 0; i < 3; i++) {
        f->layer_paid[i] = f->layer_given[i] = 0;
        if (i >= layers || !most[i] || (i && !left)) continue;
        dlmm_fill_layer(b->price, most[i], for_y, left, &f->layer_paid[i], &f->layer_given[i]);
        left -= f->layer_paid[i];
        used += f->layer_paid[i];
        if (__builtin_add_overflow(given, f->layer_given[i], &given)) return Q64_OVERFLOW;
    }
    f->paid = amount;
    if (left) {
        f->paid = used;
        if (fee_in) {
            if (q64_muldiv(used, DLMM_PRECISION, DLMM_PRECISION - rate, 1, &gross)) return Q64_OVERFLOW;
            f->paid = gross;
            fee = gross - used;
        }
    }
    if (!fee_in) {
        q64_muldiv(given, rate, DLMM_PRECISION, 1, &fee);
        given -= fee;
    }
    f->given = given;
    f->fee = fee;
    f->user_fee = f->protocol_fee = 0;
    if (used) {
        maker_fee = fee;
        if (f->layer_paid[0] != used) q64_muldiv(fee, f->layer_paid[0], used, 1, &maker_fee);
        share = (fee - maker_fee) - (fee - maker_fee) / 2;
        f->protocol_fee = share + (uint64_t)((u128)maker_fee * p->share / DLMM_BPS);
        f->user_fee = fee - f->protocol_fee;
    }
    return Q64_OK;
}
/* swapExactOutQuoteAtBin; a status */
static inline int dlmm_exact_out_at(const dlmm_pool *p, const dlmm_bin *b, uint64_t amount, int for_y, uint32_t rate,
                                    int fee_in, dlmm_filled *f) {
    const uint32_t net = DLMM_PRECISION - rate;
    u128 gross = amount, need = 0;
    if (!fee_in) gross = ((u128)amount * DLMM_PRECISION + net - 1) / net;
    if (gross >= dlmm_most(p, b, for_y)) return dlmm_exact_in_at(p, b, ~0ull, for_y, rate, fee_in, f);
    const uint64_t most[3] = {for_y ? b->y : b->x, b->done, b->open};
    u128 left = gross;
    for (int i = 0; i < 3 && left; i++) {
        const uint64_t take = left < most[i] ? (uint64_t)left : most[i];
        if (!take) continue;
        need += dlmm_required(b->price, take, for_y);
        if (need >> 64) return Q64_OVERFLOW;
        left -= take;
    }
    if (fee_in) need = (need * DLMM_PRECISION + net - 1) / net;
    if (need >> 64) return Q64_OVERFLOW;
    int status = dlmm_exact_in_at(p, b, (uint64_t)need, for_y, rate, fee_in, f);
    if (status) return status;
    if (f->given > amount && f->given - amount > 1) f->protocol_fee += f->given - amount; /* the rounding is the protocol's */
    f->given = amount;
    return Q64_OK;
}
/* what a fill does to the bin: open orders that are touched are being filled from then on */
static inline void dlmm_move_bin(dlmm_bin *b, const dlmm_filled *f, int for_y) {
    if (for_y) {
        b->x += f->layer_paid[0];
        b->y -= f->layer_given[0];
    } else {
        b->y += f->layer_paid[0];
        b->x -= f->layer_given[0];
    }
    b->done -= f->layer_given[1];
    if (f->layer_given[2]) {
        b->done = b->open - f->layer_given[2];
        b->open = 0;
    }
}

/* The ids that the walk can reach in its direction, from the bitmaps and what is known of the arrays. */
static inline int dlmm_reach(const dlmm_pool *p, int for_y, int32_t *edge) {
    const int32_t here = dlmm_array_of(p->head.active);
    uint32_t at = dlmm_rank_of(p->arrays, p->n_arrays, for_y ? here : here - 1);
    *edge = for_y ? -DLMM_MAX_ID : DLMM_MAX_ID;
    if (!p->has_extension && !dlmm_in_bitmap(here)) return 1;
    if (for_y) {
        while (at && !dlmm_is_wall(p, at - 1)) at--;
        if (at) *edge = (p->arrays[at - 1] + 1) * DLMM_BINS;
    } else {
        while (at < p->n_arrays && !dlmm_is_wall(p, at)) at++;
        if (at < p->n_arrays) *edge = p->arrays[at] * DLMM_BINS - 1;
    }
    return 0;
}
/* how many arrays the walk loads from the active bin to `last`, or (ended) to where the known ones end */
static inline uint32_t dlmm_arrays_walked(const dlmm_pool *p, int for_y, int32_t last, int ended) {
    const int32_t here = dlmm_array_of(p->head.active), there = dlmm_array_of(last);
    uint32_t n = 0;
    if (for_y) {
        for (uint32_t at = dlmm_rank_of(p->arrays, p->n_arrays, here); at-- && !dlmm_is_wall(p, at) && (ended || p->arrays[at] >= there);)
            n += (p->flags[at] & DLMM_SET) != 0;
    } else {
        for (uint32_t at = dlmm_rank_of(p->arrays, p->n_arrays, here - 1);
             at < p->n_arrays && !dlmm_is_wall(p, at) && (ended || p->arrays[at] <= there); at++)
            n += (p->flags[at] & DLMM_SET) != 0;
    }
    return n;
}

/* The walk for amounts of the vaults; `limit` 0: no price limit. With `move` the bins change (run it only
 * after the same walk without it was whole). The head moves only in *w. */
static inline void dlmm_walk_bins(const dlmm_pool *p, uint64_t amount, u128 limit, int for_y, int exact_in, int move, dlmm_walk *w) {
    dlmm_head *h = &w->head;
    const int fee_in = !(p->fee_mode == 1 && for_y);
    uint64_t left = amount;
    int32_t edge;
    *h = p->head;
    w->paid = w->given = 0;
    w->fee = w->user_fee = w->protocol_fee = 0;
    w->left = amount;
    w->steps = 0;
    w->limited = w->beyond = 0;
    w->price = 0;
    w->status = Q64_REFUSED;
    if (!amount || p->closed || p->now < p->opens_at) return;
    w->status = Q64_NO_LIQUIDITY;
    if (dlmm_reach(p, for_y, &edge)) return;
    dlmm_update_reference(p, h);
    /* for_y goes down from the active bin, the other way up from it; `at` is one past the next going down */
    uint32_t at = for_y ? dlmm_rank(p, h->active) : dlmm_rank(p, h->active - 1);
    while (left) {
        dlmm_filled f;
        uint32_t i;
        int status;
        if (for_y) {
            while (at && !dlmm_most(p, p->bins + at - 1, 1)) at--;
            if (!at || p->keys[at - 1] < edge) break;
            i = --at;
        } else {
            while (at < p->count && !dlmm_most(p, p->bins + at, 0)) at++;
            if (at >= p->count || p->keys[at] > edge) break;
            i = at++;
        }
        if (p->hidden && !dlmm_is_seen(p, p->keys[i])) continue;
        dlmm_bin *b = p->bins + i;
        if (limit && (for_y ? b->price < limit : b->price > limit)) {
            w->limited = 1;
            break;
        }
        if (!b->price) {
            w->status = Q64_REFUSED;
            return;
        }
        if (++w->steps > Q64_MAX_STEPS) {
            w->status = Q64_TOO_MANY_STEPS;
            return;
        }
        h->active = p->keys[i];
        dlmm_update_volatility(p, h);
        const uint32_t rate = dlmm_rate(p, h);
        status = exact_in ? dlmm_exact_in_at(p, b, left, for_y, rate, fee_in, &f)
                          : dlmm_exact_out_at(p, b, left, for_y, rate, fee_in, &f);
        if (status) {
            w->status = status;
            return;
        }
        w->price = b->price;
        if (!(exact_in ? f.paid : f.given)) continue;
        left -= exact_in ? f.paid : f.given;
        w->paid += f.paid;
        w->given += f.given;
        w->fee += f.fee;
        w->user_fee += f.user_fee;
        w->protocol_fee += f.protocol_fee;
        w->beyond |= (for_y ? b->x : b->y) > ~f.layer_paid[0];
        if (move) dlmm_move_bin(b, &f, for_y);
    }
    w->left = left;
    h->last_update = p->now;
    if ((w->paid | w->given) >> 64) w->status = Q64_OVERFLOW;
    else if (!left) w->status = Q64_OK;
    else if (w->paid || w->given) w->status = Q64_PARTIAL;
}

/* A swap as its payer and receiver see it: with the transfer fees of both mints. */
static inline void dlmm_swap(const dlmm_pool *p, uint64_t amount, u128 limit, int for_y, int exact_in, int move, dlmm_walk *w) {
    const dlmm_transfer_fee *in = &p->transfer[for_y ? 0 : 1], *out = &p->transfer[for_y ? 1 : 0];
    uint64_t raw = amount;
    w->sent = w->got = 0;
    if (exact_in) {
        raw -= dlmm_transfer_of(in, amount);
    } else if (dlmm_transfer_before(out, amount, &raw)) {
        w->status = Q64_OVERFLOW;
        return;
    }
    dlmm_walk_bins(p, raw, limit, for_y, exact_in, move, w);
    if (amount && !raw) w->status = Q64_NO_LIQUIDITY;
    if (w->status != Q64_OK && w->status != Q64_PARTIAL) return;
    if (dlmm_transfer_before(in, (uint64_t)w->paid, &w->sent) && !exact_in) {
        w->status = Q64_OVERFLOW;
        return;
    }
    if (exact_in && w->sent > amount) w->sent = amount;
    w->got = (uint64_t)w->given - dlmm_transfer_of(out, (uint64_t)w->given);
    if (!exact_in && w->status == Q64_OK) w->got = amount;
}

/* compute units: fitted to executed swaps */
static inline int64_t dlmm_cost(const dlmm_walk *w) { return 35000 + 5300 * (int64_t)w->steps; }
#endif
