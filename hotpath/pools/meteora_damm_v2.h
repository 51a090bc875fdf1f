/* DAMM v2: one range of concentrated liquidity between two square-root prices (Q64), or a compounding
 * constant product. Source: the rules of Meteora's damm-v2 (pool, liquidity_handler) and its SDK. */
#ifndef TIERCEL_METEORA_DAMM_V2_H
#define TIERCEL_METEORA_DAMM_V2_H
#include "hotpath/pools/meteora_damm_v2_fees.h"

enum { DAMM_EXACT_IN, DAMM_PARTIAL_IN, DAMM_EXACT_OUT };

typedef struct {
    u128 price, low, high, start, liquidity;    /* square-root prices in Q64; start: at the pool's birth */
    uint64_t amount[2];                         /* token a and b, as the program keeps count of them */
    uint64_t activation, point, now;            /* points: slots or seconds; now: seconds */
    damm_base_fee base;
    damm_dynamic_fee dynamic;
    uint32_t protocol_percent, referral_percent, compounding_bps;
    int32_t collect, version, point_is_time, referred;
} damm_pool;
typedef struct {
    uint64_t paid, paid_net, left, given, given_gross; /* net and gross of the fee */
    u128 price;
    damm_split fees;
    int32_t fee_on_input;
} damm_result;

/* L (high - low) / 2^128 */
static inline int damm_amount_b(u128 low, u128 high, u128 liquidity, int up, u256 *amount) {
    u256 product;
    if (low > high) return SOL_OVERFLOW;
    product = damm_mul(damm_u256(liquidity), damm_u256(high - low));
    *amount = u256_shr(product, 128);
    if (up && (product.w[0] | product.w[1])) *amount = u256_add(*amount, U256_ONE, 0);
    return SOL_OK;
}
/* L (high - low) / (low high) */
static inline int damm_amount_a(u128 low, u128 high, u128 liquidity, int up, u256 *amount) {
    u256 product = damm_mul(damm_u256(low), damm_u256(high)), delta = damm_u256(high - low);
    if (low > high) return SOL_OVERFLOW;
    if (up ? u256_muldiv_up(damm_u256(liquidity), delta, product, amount)
           : u256_muldiv(damm_u256(liquidity), delta, product, amount)) return SOL_OVERFLOW;
    return SOL_OK;
}
static inline int damm_narrow(u256 v, uint64_t *out) {
    if (!u256_fits_u64(v)) return SOL_OVERFLOW;
    *out = v.w[0];
    return SOL_OK;
}
/* the price after `amount` of a (a_side) or b comes in (adds) or goes out; not yet held to the range */
static inline int damm_next_price(const damm_pool *p, uint64_t amount, int a_side, int adds, u128 *next) {
    u256 q, denominator;
    int borrow = 0;
    if (!p->price || !p->liquidity) return SOL_NO_LIQUIDITY;
    *next = p->price;
    if (!amount) return SOL_OK;
    if (a_side) {
        denominator = damm_mul(u256_from_u64(amount), damm_u256(p->price));
        denominator = adds ? u256_add(damm_u256(p->liquidity), denominator, 0)
                           : u256_sub(damm_u256(p->liquidity), denominator, &borrow);
        if (borrow || u256_is_zero(denominator)) return SOL_NO_LIQUIDITY;
        if (u256_muldiv_up(damm_u256(p->liquidity), damm_u256(p->price), denominator, &q)) return SOL_OVERFLOW;
    } else {
        q = u256_shl(u256_from_u64(amount), 128);
        q = adds ? u256_div(q, damm_u256(p->liquidity)) : u256_div_up(q, damm_u256(p->liquidity));
        q = adds ? u256_add(damm_u256(p->price), q, 0) : u256_sub(damm_u256(p->price), q, &borrow);
        if (borrow) return SOL_NO_LIQUIDITY;
    }
    if (!u256_fits_u128(q)) return SOL_NO_LIQUIDITY; /* past any range */
    *next = u256_low128(q);
    return SOL_OK;
}
static inline int damm_in_range(const damm_pool *p, u128 price) {
    return price < p->low || price > p->high ? SOL_NO_LIQUIDITY : SOL_OK;
}

/* through the curve, fees aside: out for in (`left` is what a partial fill leaves), and in for out */
static inline int damm_curve_in(const damm_pool *p, int direction, int partial, uint64_t in, damm_result *r, uint64_t *out) {
    u256 most, amount;
    r->left = 0;
    if (p->collect == DAMM_COMPOUNDING) return sol_product_out(in, p->amount[direction], p->amount[1 - direction], out);
    SOL_TRY(damm_in_range(p, p->price));
    if (partial) {
        SOL_TRY(direction ? damm_amount_b(p->price, p->high, p->liquidity, 1, &most)
                          : damm_amount_a(p->low, p->price, p->liquidity, 1, &most));
        if (u256_fits_u64(most) && in >= most.w[0]) {
            r->left = in - most.w[0];
            r->price = direction ? p->high : p->low;
        } else SOL_TRY(damm_next_price(p, in, !direction, 1, &r->price));
    } else {
        SOL_TRY(damm_next_price(p, in, !direction, 1, &r->price));
        SOL_TRY(damm_in_range(p, r->price));
    }
    SOL_TRY(direction ? damm_amount_a(p->price, r->price, p->liquidity, 0, &amount)
                      : damm_amount_b(r->price, p->price, p->liquidity, 0, &amount));
    return damm_narrow(amount, out);
}
static inline int damm_curve_out(const damm_pool *p, int direction, uint64_t out, damm_result *r, uint64_t *in) {
    u256 amount;
    r->left = 0;
    if (p->collect == DAMM_COMPOUNDING) return sol_product_in(out, p->amount[direction], p->amount[1 - direction], in);
    SOL_TRY(damm_in_range(p, p->price));
    SOL_TRY(damm_next_price(p, out, direction, 0, &r->price));
    SOL_TRY(damm_in_range(p, r->price));
    SOL_TRY(direction ? damm_amount_b(p->price, r->price, p->liquidity, 1, &amount)
                      : damm_amount_a(r->price, p->price, p->liquidity, 1, &amount));
    return damm_narrow(amount, in);
}

/* the fee numerator for an amount with (included) or without the fee, base and dynamic, capped */
static inline int damm_numerator_for(const damm_pool *p, int direction, int included, uint64_t amount, uint64_t *numerator) {
    const uint64_t most = p->version ? 990000000ull : 500000000ull;
    const damm_base_fee *f = &p->base;
    uint64_t base = f->cliff;
    u128 sum;
    if (f->mode <= DAMM_TIME_EXPONENTIAL) SOL_TRY(damm_time_fee(f, p->point, p->activation, &base));
    else if (f->mode >= DAMM_CAP_LINEAR) SOL_TRY(damm_cap_fee(f, p->point, p->activation, p->start, p->price, &base));
    else if (damm_limited(f, p->point, p->activation, direction))
        SOL_TRY(included ? damm_limiter_included(f, amount, &base) : damm_limiter_excluded(f, amount, &base));
    sum = (u128)base + damm_dynamic(&p->dynamic, most);
    *numerator = sum > most ? most : (uint64_t)sum;
    return SOL_OK;
}
static inline void damm_split_of(const damm_pool *p, uint64_t fee, damm_result *r) {
    damm_split_fee(fee, p->protocol_percent, p->referral_percent, p->compounding_bps, p->referred, &r->fees);
}

static inline int damm_forward(const damm_pool *p, int direction, int partial, uint64_t amount, damm_result *r) {
    uint64_t numerator, fee = 0, out;
    SOL_TRY(damm_numerator_for(p, direction, 1, amount, &numerator));
    r->paid = r->paid_net = amount;
    if (r->fee_on_input) {
        SOL_TRY(damm_fee_of(numerator, amount, &fee));
        r->paid_net = amount - fee;
    }
    SOL_TRY(damm_curve_in(p, direction, partial, r->paid_net, r, &out));
    if (r->left) {
        r->paid = r->paid_net -= r->left;
        if (r->fee_on_input) { /* the rate anew, for what was used */
            SOL_TRY(damm_numerator_for(p, direction, 0, r->paid_net, &numerator));
            SOL_TRY(damm_with_fee(numerator, r->paid_net, &r->paid));
            fee = r->paid - r->paid_net;
        }
    }
    if (!r->fee_on_input) SOL_TRY(damm_fee_of(numerator, out, &fee));
    r->given_gross = out;
    r->given = r->fee_on_input ? out : out - fee;
    damm_split_of(p, fee, r);
    return SOL_OK;
}
static inline int damm_backward(const damm_pool *p, int direction, uint64_t amount, damm_result *r) {
    uint64_t numerator;
    r->given = r->given_gross = amount;
    if (!r->fee_on_input) {
        SOL_TRY(damm_numerator_for(p, direction, 0, amount, &numerator));
        SOL_TRY(damm_with_fee(numerator, amount, &r->given_gross));
    }
    SOL_TRY(damm_curve_out(p, direction, r->given_gross, r, &r->paid_net));
    r->paid = r->paid_net;
    if (r->fee_on_input) {
        SOL_TRY(damm_numerator_for(p, direction, 0, r->paid_net, &numerator));
        SOL_TRY(damm_with_fee(numerator, r->paid_net, &r->paid));
    }
    damm_split_of(p, r->fee_on_input ? r->paid - r->paid_net : r->given_gross - amount, r);
    return SOL_OK;
}
/* One swap as the SDK answers it: zero amounts too. Direction 0 pays in a. */
static inline int damm_answer(const damm_pool *p, int direction, int how, uint64_t amount, damm_result *r) {
    r->fee_on_input = direction == 1 && p->collect != DAMM_FEE_BOTH;
    SOL_TRY(how == DAMM_EXACT_OUT ? damm_backward(p, direction, amount, r)
                                  : damm_forward(p, direction, how == DAMM_PARTIAL_IN, amount, r));
    if (p->collect == DAMM_COMPOUNDING) { /* the price is that of the amounts afterwards */
        u128 in = (u128)p->amount[direction] + r->paid_net, out = p->amount[1 - direction] - r->given_gross;
        u128 a = direction ? out : in, b = (direction ? in : out) + r->fees.compounding;
        u256 q;
        if (!a) return SOL_OVERFLOW;
        if (u256_divmod(u256_shl(damm_u256(b), 128), damm_u256(a), &q, 0)) return SOL_OVERFLOW;
        r->price = u256_low128(u256_isqrt(q));
    }
    return SOL_OK;
}
/* the amounts after a swap; SOL_OVERFLOW where the program's counters would refuse it */
static inline int damm_amounts_after(const damm_pool *p, int direction, const damm_result *r, uint64_t after[2]) {
    SOL_TRY(sol_add(p->amount[direction], r->paid_net, &after[direction]));
    if (r->given_gross > p->amount[1 - direction]) return SOL_NO_LIQUIDITY;
    after[1 - direction] = p->amount[1 - direction] - r->given_gross;
    return sol_add(after[1], r->fees.compounding, &after[1]);
}
/* one swap as the program executes it, and the state after it if `move` */
static inline int damm_swap(damm_pool *p, int direction, int how, uint64_t amount, int move, damm_result *r) {
    uint64_t after[2];
    damm_dynamic_fee dynamic = p->dynamic;
    if (!amount) return SOL_REFUSED;
    SOL_TRY(damm_answer(p, direction, how, amount, r));
    if (!r->paid || !r->given) return SOL_REFUSED;
    SOL_TRY(damm_amounts_after(p, direction, r, after));
    if (!move) return SOL_OK;
    SOL_TRY(damm_dynamic_move(&dynamic, p->price, r->price, p->now));
    p->amount[0] = after[0];
    p->amount[1] = after[1];
    p->price = r->price;
    p->dynamic = dynamic;
    return SOL_OK;
}

static inline uint32_t damm_u16(const uint8_t *p) { return p[0] | (uint32_t)p[1] << 8; }
static inline uint32_t damm_u32(const uint8_t *p) { return damm_u16(p) | damm_u16(p + 2) << 16; }
/* a Pool account: the whole state but the clock */
static inline int damm_apply_account(damm_pool *p, const uint8_t *data, size_t n) {
    static const uint8_t lead[8] = {0xf1, 0x9a, 0x6d, 0x04, 0x11, 0xb1, 0x6d, 0xbc};
    damm_pool next = *p;
    damm_dynamic_fee *d = &next.dynamic;
    if (n < 1112 || memcmp(data, lead, 8)) return SOL_BAD_FIELD;
    if (data[484] > DAMM_COMPOUNDING || data[486] > 1 || data[48] > 100 || data[50] > 100 || damm_u16(data + 54) > 10000)
        return SOL_BAD_FIELD;
    SOL_TRY(damm_read_base_fee(data + 8, &next.base));
    next.protocol_percent = data[48];
    next.referral_percent = data[50];
    next.compounding_bps = damm_u16(data + 54);
    d->on = data[56] != 0;
    d->tracked = 1;
    d->most = damm_u32(data + 64);
    d->control = damm_u32(data + 68);
    d->bin_step = damm_u16(data + 72);
    d->filter = damm_u16(data + 74);
    d->decay = damm_u16(data + 76);
    d->reduction = damm_u16(data + 78);
    d->last_update = sol_read_u64(data + 80);
    d->bin_step_x64 = sol_read_u128(data + 88);
    d->price_reference = sol_read_u128(data + 104);
    d->accumulator = sol_read_u128(data + 120);
    d->reference = sol_read_u128(data + 136);
    if (d->accumulator >> 96 || d->reference >> 96) return SOL_BAD_FIELD;
    next.start = sol_read_u128(data + 152);
    next.liquidity = sol_read_u128(data + 360);
    next.low = sol_read_u128(data + 424);
    next.high = sol_read_u128(data + 440);
    next.price = sol_read_u128(data + 456);
    next.activation = sol_read_u64(data + 472);
    next.point_is_time = data[480] == 1;
    next.collect = data[484];
    next.version = data[486];
    next.amount[0] = sol_read_u64(data + 680);
    next.amount[1] = sol_read_u64(data + 688);
    *p = next;
    return SOL_OK;
}
#endif
