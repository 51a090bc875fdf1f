/* DAMM v2's fees: the five base-fee modes, the dynamic fee, and how a fee is split.
 * Source: the rules of Meteora's damm-v2 (base_fee, fee_math, PoolFeesStruct) and of its official SDK. */
#ifndef TIERCEL_METEORA_DAMM_V2_FEES_H
#define TIERCEL_METEORA_DAMM_V2_FEES_H
#include "hotpath/pools/sol_amounts.h"

#define DAMM_SCALE 1000000000ull /* of fee numerators */
enum { DAMM_TIME_LINEAR, DAMM_TIME_EXPONENTIAL, DAMM_RATE_LIMITER, DAMM_CAP_LINEAR, DAMM_CAP_EXPONENTIAL };
enum { DAMM_FEE_BOTH, DAMM_FEE_ONLY_B, DAMM_COMPOUNDING };

typedef struct {
    uint64_t cliff;
    uint64_t reduction;         /* schedulers: numerator (linear) or basis points (exponential) a period */
    uint64_t frequency;         /* time scheduler: points a period */
    uint64_t reference;         /* rate limiter: the amount that pays the cliff fee */
    uint32_t periods, increment_bps, duration, max_bps, step_bps;
    int32_t mode;
} damm_base_fee;
typedef struct {
    u128 accumulator, reference, price_reference, bin_step_x64;
    uint64_t last_update;
    uint32_t control, most, bin_step, filter, decay, reduction;
    int32_t on, tracked;        /* tracked: the members that a swap moves are known */
} damm_dynamic_fee;
typedef struct { uint64_t claiming, compounding, protocol, referral; } damm_split;

static inline u256 damm_u256(u128 v) { return u256_from_u128(v); }
static inline u256 damm_mul(u256 a, u256 b) { return u256_mul(a, b, 0); } /* where the product is known to fit */

/* the 32 bytes of BaseFeeInfo */
static inline int damm_read_base_fee(const uint8_t *data, damm_base_fee *f) {
    uint16_t first = (uint16_t)(data[14] | data[15] << 8);
    uint64_t middle = sol_read_u64(data + 16);
    memset(f, 0, sizeof *f);
    f->cliff = sol_read_u64(data);
    f->mode = data[8];
    if (f->mode > DAMM_CAP_EXPONENTIAL) return SOL_BAD_FIELD;
    if (f->mode == DAMM_RATE_LIMITER) {
        f->increment_bps = first;
        f->duration = (uint32_t)middle;
        f->max_bps = (uint32_t)(middle >> 32);
        f->reference = sol_read_u64(data + 24);
        return SOL_OK;
    }
    f->periods = first;
    f->reduction = sol_read_u64(data + 24);
    if (f->mode <= DAMM_TIME_EXPONENTIAL) f->frequency = middle;
    else {
        f->step_bps = (uint32_t)middle;
        f->duration = (uint32_t)(middle >> 32);
    }
    return SOL_OK;
}

/* base^exponent in Q64 for a base below one */
static inline u128 damm_power(u128 base, uint32_t exponent) {
    u128 result = (u128)1 << 64;
    for (; exponent; exponent >>= 1) {
        if (exponent & 1) result = result >> 64 ? base : (uint64_t)result * base >> 64;
        base = base >> 64 ? base : base * base >> 64;
    }
    return result;
}
static inline int damm_scheduled(const damm_base_fee *f, uint32_t period, uint64_t *fee) {
    u128 cut;
    if (period > f->periods) period = f->periods;
    if (f->mode == DAMM_TIME_LINEAR || f->mode == DAMM_CAP_LINEAR) {
        cut = (u128)f->reduction * period;
        if (cut > f->cliff) return SOL_OVERFLOW;
        *fee = f->cliff - (uint64_t)cut;
        return SOL_OK;
    }
    *fee = f->cliff;
    if (!period || !f->reduction) return SOL_OK;
    if (f->reduction > 10000) return SOL_OVERFLOW;
    *fee = (uint64_t)((u128)f->cliff * (uint64_t)damm_power(((u128)1 << 64) - ((u128)f->reduction << 64) / 10000, period) >> 64);
    return SOL_OK;
}
static inline int damm_time_fee(const damm_base_fee *f, uint64_t point, uint64_t activation, uint64_t *fee) {
    uint64_t period = f->periods;
    if (!f->frequency) { *fee = f->cliff; return SOL_OK; }
    if (point >= activation && (point - activation) / f->frequency < period) period = (point - activation) / f->frequency;
    return damm_scheduled(f, (uint32_t)period, fee);
}
static inline int damm_cap_fee(const damm_base_fee *f, uint64_t point, uint64_t activation, u128 start, u128 price, uint64_t *fee) {
    uint32_t period = f->periods;
    if (point >= activation && (u128)point <= (u128)activation + f->duration) {
        if (price <= start) period = 0;
        else {
            u256 q;
            if (!f->step_bps || u256_muldiv(damm_u256(price - start), u256_from_u64(10000), damm_u256(start), &q)) return SOL_OVERFLOW;
            q = u256_div(q, u256_from_u64(f->step_bps));
            if (u256_fits_u64(q) && q.w[0] < period) period = (uint32_t)q.w[0];
        }
    }
    return damm_scheduled(f, period, fee);
}

static inline uint64_t damm_numerator(uint32_t bps) { return (uint64_t)bps * (DAMM_SCALE / 10000); }
static inline int damm_limited(const damm_base_fee *f, uint64_t point, uint64_t activation, int direction) {
    if (!f->reference && !f->duration && !f->max_bps && !f->increment_bps) return 0;
    return direction == 1 && point >= activation && (u128)point <= (u128)activation + f->duration;
}
static inline int damm_max_index(const damm_base_fee *f, uint64_t *index) {
    uint64_t most = damm_numerator(f->max_bps), step = damm_numerator(f->increment_bps);
    if (f->cliff > most || !step || !f->reference) return SOL_REFUSED;
    *index = (most - f->cliff) / step;
    return SOL_OK;
}
/* the rate limiter's numerator for an amount that includes the fee: each further reference amount pays
 * one increment more, up to the most; the sum as one rate */
static inline int damm_limiter_included(const damm_base_fee *f, uint64_t amount, uint64_t *fee) {
    uint64_t index, a, b, last, most;
    u128 steps;
    u256 first, second;
    *fee = f->cliff;
    if (amount <= f->reference) return SOL_OK;
    SOL_TRY(damm_max_index(f, &index));
    a = (amount - f->reference) / f->reference;
    b = (amount - f->reference) % f->reference;
    most = damm_numerator(f->max_bps);
    last = a < index ? a : index;
    steps = (u128)last * ((u128)last + 1) / 2; /* an index is below 2^43: it fits */
    first = u256_add(damm_u256((u128)f->cliff * ((u128)last + 1)), damm_mul(damm_u256(steps), u256_from_u64(damm_numerator(f->increment_bps))), 0);
    first = damm_mul(first, u256_from_u64(f->reference));
    second = a < index
        ? damm_mul(u256_from_u64(b), damm_u256((u128)f->cliff + (u128)damm_numerator(f->increment_bps) * (a + 1)))
        : damm_mul(damm_u256((u128)(a - index) * f->reference + b), u256_from_u64(most));
    first = u256_div_up(u256_add(first, second, 0), u256_from_u64(DAMM_SCALE));
    if (u256_muldiv_up(first, u256_from_u64(DAMM_SCALE), u256_from_u64(amount), &second) || !u256_fits_u64(second)) return SOL_OVERFLOW;
    *fee = second.w[0];
    return SOL_OK;
}

static inline int damm_fee_of(uint64_t numerator, uint64_t amount, uint64_t *fee) {
    return sol_mul_div_up(amount, numerator, DAMM_SCALE, fee);
}
static inline int damm_without_fee(uint64_t numerator, uint64_t amount, uint64_t *rest) {
    uint64_t fee;
    SOL_TRY(damm_fee_of(numerator, amount, &fee));
    if (fee > amount) return SOL_OVERFLOW;
    *rest = amount - fee;
    return SOL_OK;
}
static inline int damm_with_fee(uint64_t numerator, uint64_t amount, uint64_t *whole) {
    if (numerator >= DAMM_SCALE) return SOL_OVERFLOW;
    return sol_mul_div_up(amount, DAMM_SCALE, DAMM_SCALE - numerator, whole);
}
/* the limiter's numerator for an amount after the fee: the quadratic below the last step, then linear */
static inline int damm_limiter_excluded(const damm_base_fee *f, uint64_t amount, uint64_t *fee) {
    uint64_t at_reference, index, rest, whole, knee, after_knee, numerator;
    SOL_TRY(damm_without_fee(f->cliff, f->reference, &at_reference));
    *fee = f->cliff;
    if (amount <= at_reference) return SOL_OK;
    SOL_TRY(damm_max_index(f, &index));
    u128 last = ((u128)index + 1) * f->reference;
    knee = last >> 64 ? ~0ull : (uint64_t)last;
    SOL_TRY(damm_limiter_included(f, knee, &numerator));
    SOL_TRY(damm_without_fee(numerator, knee, &after_knee));
    if (amount == after_knee) {
        *fee = numerator;
        return SOL_OK;
    }
    if (amount > after_knee) {
        if (last >> 64) return SOL_OVERFLOW;
        SOL_TRY(damm_with_fee(damm_numerator(f->max_bps), amount - after_knee, &rest));
        SOL_TRY(sol_add(knee, rest, &whole));
    } else {
        /* i x^2 - y x + z = 0 with y = x0 (2 d + i - 2 c), z = 2 ex d x0; i and c are below d */
        const uint64_t i = damm_numerator(f->increment_bps), c = f->cliff;
        int borrow;
        u256 x0 = u256_from_u64(f->reference), q, root;
        if (2 * DAMM_SCALE + i < 2 * c) return SOL_OVERFLOW;
        u256 y = damm_mul(x0, u256_from_u64(2 * DAMM_SCALE + i - 2 * c));
        u256 z = damm_mul(damm_mul(u256_from_u64(2 * DAMM_SCALE), u256_from_u64(amount)), x0);
        root = u256_sub(damm_mul(y, y), damm_mul(damm_mul(u256_from_u64(4), u256_from_u64(i)), z), &borrow);
        if (borrow) return SOL_OVERFLOW;
        q = u256_div(u256_sub(y, u256_isqrt(root), 0), u256_from_u64(2 * i));
        if (!u256_fits_u64(q)) return SOL_OVERFLOW;
        whole = q.w[0];
        SOL_TRY(damm_limiter_included(f, whole, &numerator));
        SOL_TRY(damm_without_fee(numerator, whole, &rest));
        if (rest > amount) return SOL_OVERFLOW;
        u128 next = (u128)c + (u128)i * (whole / f->reference);
        if (next >= DAMM_SCALE) return SOL_OVERFLOW;
        SOL_TRY(damm_with_fee((uint64_t)next, amount - rest, &rest));
        SOL_TRY(sol_add(whole, rest, &whole));
    }
    if (whole < amount) return SOL_OVERFLOW;
    SOL_TRY(sol_mul_div_up(whole - amount, DAMM_SCALE, whole, fee));
    return *fee < f->cliff ? SOL_REFUSED : SOL_OK;
}

/* ceil(control * (accumulator * bin_step)^2 / 10^11), at most `most`. The stored accumulator holds: the
 * program decays only its reference before a swap and moves the accumulator after it. */
static inline uint64_t damm_dynamic(const damm_dynamic_fee *d, uint64_t most) {
    if (!d->on) return 0;
    if (d->accumulator >> 80) return most; /* squared past anything below */
    u256 v = damm_u256(d->accumulator * d->bin_step);
    v = u256_div_up(damm_mul(damm_mul(v, v), u256_from_u64(d->control)), u256_from_u64(100000000000ull));
    return u256_fits_u64(v) && v.w[0] < most ? v.w[0] : most;
}

/* |price a - price b| in bins, twice, as the program approximates it */
static inline int damm_bins(u128 bin_step_x64, u128 a, u128 b, u128 *bins) {
    u128 low = a < b ? a : b, high = a < b ? b : a;
    u256 q;
    if (!low || !bin_step_x64) return SOL_OVERFLOW;
    q = u256_div(u256_shl(damm_u256(high), 64), damm_u256(low));
    if (!u256_fits_u128(q)) return SOL_OVERFLOW;
    *bins = (u256_low128(q) - ((u128)1 << 64)) / bin_step_x64 * 2;
    return SOL_OK;
}
static inline int damm_dynamic_move(damm_dynamic_fee *d, u128 old_price, u128 price, uint64_t now) {
    u128 bins, moved;
    uint64_t elapsed = now > d->last_update ? now - d->last_update : 0;
    if (!d->on || !d->tracked) return SOL_OK;
    if (elapsed >= d->filter) {
        d->price_reference = old_price;
        d->reference = elapsed < d->decay ? d->accumulator * d->reduction / 10000 : 0;
    }
    SOL_TRY(damm_bins(d->bin_step_x64, price, d->price_reference, &bins));
    if (bins >> 96) return SOL_OVERFLOW;
    d->accumulator = d->reference + bins * 10000;
    if (d->accumulator > d->most) d->accumulator = d->most;
    SOL_TRY(damm_bins(d->bin_step_x64, old_price, price, &moved));
    if (moved) d->last_update = now;
    return SOL_OK;
}

static inline void damm_split_fee(uint64_t fee, uint32_t protocol_percent, uint32_t referral_percent, uint32_t compounding_bps,
                                  int referred, damm_split *s) {
    uint64_t protocol = sol_part(fee, protocol_percent, 100), trading = fee - protocol;
    s->compounding = sol_part(trading, compounding_bps, 10000);
    s->claiming = trading - s->compounding;
    s->referral = referred ? sol_part(protocol, referral_percent, 100) : 0;
    s->protocol = protocol - s->referral;
}
#endif
