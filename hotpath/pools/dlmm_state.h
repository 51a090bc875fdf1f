/* Meteora DLMM: the state that decides a swap.
 *
 * Bins are two parallel arrays sorted by id, holding only bins that an account or a state listed: ids to
 * search, and 64 bytes a bin (price, both amounts, limit orders), one cache line each, so a walk of k bins
 * reads k lines. Prices are computed when a bin comes in (60 ns each), never on a quote. Which bin arrays
 * exist decides only where the walk must end: `walls` are arrays whose bit is set but whose bytes are not
 * known.
 */
#ifndef TIERCEL_DLMM_STATE_H
#define TIERCEL_DLMM_STATE_H
#include <stdlib.h>
#include <string.h>
#include "hotpath/pools/q64_range.h"
#include "hotpath/pools/solana_state.h"

#define DLMM_BINS 70
#define DLMM_BITMAP 512
#define DLMM_MAX_ID 443636
#define DLMM_KNOWN 1 /* the array's bins are in the state */
#define DLMM_SET 2   /* its bit is set in a bitmap */
#define DLMM_BPS 10000u
#define DLMM_PRECISION 1000000000u
#define DLMM_MAX_RATE 100000000u

typedef struct {
    u128 price;
    uint64_t x, y, open, done; /* done: what is left of the orders being filled */
    uint64_t ask;              /* whether the orders sell x */
} dlmm_bin;

typedef struct {
    int64_t last_update;
    int32_t active, index_reference;
    uint32_t volatility, volatility_reference;
} dlmm_head;

typedef struct {
    uint32_t bps;
    uint64_t most;
} dlmm_transfer_fee;

typedef struct {
    dlmm_head head;
    int64_t now, opens_at; /* seconds */
    uint64_t base_rate; /* of 10^9, before the cap */
    uint32_t base_factor, base_power, filter_period, decay_period, reduction, control, max_volatility, share;
    int32_t step, min_id, max_id;
    uint32_t function_type, fee_mode;
    int has_rewards, orders, has_extension, closed;
    dlmm_transfer_fee transfer[2]; /* of coin x and y */
    uint64_t bits[16];             /* arrays -512 to 511: the pair's bitmap */
    uint32_t n_arrays, arrays_capacity;
    int32_t *arrays; /* ascending: arrays that are known or whose bit is set */
    uint8_t *flags;  /* beside each: DLMM_KNOWN, DLMM_SET */
    uint32_t hidden; /* how many are known but not set: the program does not see their bins */
    uint32_t count, capacity;
    int32_t *keys;
    dlmm_bin *bins;
} dlmm_pool;

typedef struct {
    dlmm_head head;
    u128 paid, given;  /* as the vaults see them; they must fit u64 when the status is OK */
    uint64_t left, fee, user_fee, protocol_fee;
    uint64_t sent, got; /* as payer and receiver see them, after transfer fees */
    u128 price;
    uint32_t steps;
    int limited; /* the price limit ended it, not the bins */
    int beyond;  /* a bin would hold more than 64 bits: the SDK quotes that, the program does not do it */
    int status;
} dlmm_walk;

static inline void dlmm_free(dlmm_pool *p) {
    free(p->arrays);
    free(p->flags);
    free(p->keys);
    free(p->bins);
    p->arrays = p->keys = 0;
    p->flags = 0;
    p->bins = 0;
    p->count = p->capacity = p->n_arrays = p->arrays_capacity = 0;
}

/* (1 + step / 10000)^id in Q64.64, truncated after each product as the program does; 0 where it has none */
static inline u128 dlmm_price(int32_t id, uint32_t step) {
    const u128 one = (u128)1 << 64;
    uint32_t power = (uint32_t)(id < 0 ? -(int64_t)id : id);
    int invert = id < 0;
    if (!id) return one;
    if (power >= 0x80000) return 0;
    u128 base = one + ((u128)step << 64) / DLMM_BPS, result = one;
    base = ~(u128)0 / base; /* base >= 1 always: the inverse is below 1 and stays there */
    invert = !invert;
    uint64_t square = (uint64_t)base;
    for (; power; power >>= 1) {
        if (power & 1) result = result >> 64 ? square : result * square >> 64;
        square = (uint64_t)((u128)square * square >> 64);
    }
    if (!result || !invert) return result;
    uint64_t rest = ~0ull % (uint64_t)result, high = ~0ull / (uint64_t)result;
    return (u128)high << 64 | u256_div_128_64(rest, ~0ull, (uint64_t)result, &rest);
}

static inline uint32_t dlmm_rank_of(const int32_t *keys, uint32_t n, int32_t key) {
    uint32_t low = 0;
    while (n) {
        uint32_t half = n / 2;
        if (keys[low + half] <= key) {
            low += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return low;
}
/* how many bins have an id of at most `id` */
static inline uint32_t dlmm_rank(const dlmm_pool *p, int32_t id) { return dlmm_rank_of(p->keys, p->count, id); }

static inline int dlmm_reserve(dlmm_pool *p, uint32_t n) {
    if (n <= p->capacity) return 0;
    int32_t *keys = realloc(p->keys, n * sizeof *keys);
    if (!keys) return 1;
    p->keys = keys;
    dlmm_bin *bins = realloc(p->bins, n * sizeof *bins);
    if (!bins) return 1;
    p->bins = bins;
    p->capacity = n;
    return 0;
}
/* set or add a bin; its price is computed when it is new. 1 without memory */
static inline int dlmm_put(dlmm_pool *p, int32_t id, const dlmm_bin *b) {
    uint32_t at = dlmm_rank(p, id);
    u128 price;
    if (at && p->keys[at - 1] == id) {
        price = p->bins[at - 1].price;
        p->bins[at - 1] = *b;
        p->bins[at - 1].price = price;
        return 0;
    }
    if (p->count == p->capacity && dlmm_reserve(p, p->count + p->count / 4 + DLMM_BINS)) return 1;
    memmove(p->keys + at + 1, p->keys + at, (p->count - at) * sizeof *p->keys);
    memmove(p->bins + at + 1, p->bins + at, (p->count - at) * sizeof *p->bins);
    p->keys[at] = id;
    p->bins[at] = *b;
    p->bins[at].price = dlmm_price(id, (uint32_t)p->step);
    p->count++;
    return 0;
}
static inline int32_t dlmm_array_of(int32_t id) { return q64_floor(id, DLMM_BINS); }
static inline int dlmm_in_bitmap(int32_t array) { return array >= -DLMM_BITMAP && array < DLMM_BITMAP; }

/* add flags to an array, and take others away; it goes when none is left. 1 without memory */
static inline int dlmm_note_array(dlmm_pool *p, int32_t index, int add, int take) {
    uint32_t at = dlmm_rank_of(p->arrays, p->n_arrays, index);
    const int there = at && p->arrays[at - 1] == index;
    const int before = there ? p->flags[at - 1] : 0, after = (before | add) & ~take;
    p->hidden += (after == DLMM_KNOWN) - (before == DLMM_KNOWN);
    if (there && after) {
        p->flags[at - 1] = (uint8_t)after;
        return 0;
    }
    if (there) {
        at--;
        memmove(p->arrays + at, p->arrays + at + 1, (p->n_arrays - at - 1) * sizeof *p->arrays);
        memmove(p->flags + at, p->flags + at + 1, p->n_arrays - at - 1);
        p->n_arrays--;
        return 0;
    }
    if (!after) return 0;
    if (p->n_arrays == p->arrays_capacity) {
        uint32_t n = p->arrays_capacity + p->arrays_capacity / 2 + 8;
        int32_t *arrays = realloc(p->arrays, n * sizeof *arrays);
        if (!arrays) return 1;
        p->arrays = arrays;
        uint8_t *flags = realloc(p->flags, n);
        if (!flags) return 1;
        p->flags = flags;
        p->arrays_capacity = n;
    }
    memmove(p->arrays + at + 1, p->arrays + at, (p->n_arrays - at) * sizeof *p->arrays);
    memmove(p->flags + at + 1, p->flags + at, p->n_arrays - at);
    p->arrays[at] = index;
    p->flags[at] = (uint8_t)after;
    p->n_arrays++;
    return 0;
}
/* Does the walk end at this array? Its bit is set, but its bins are not known or no bitmap holds it. */
static inline int dlmm_is_wall(const dlmm_pool *p, uint32_t at) {
    return (p->flags[at] & DLMM_SET) && (!(p->flags[at] & DLMM_KNOWN) || (!p->has_extension && !dlmm_in_bitmap(p->arrays[at])));
}
/* does the program see this bin? */
static inline int dlmm_is_seen(const dlmm_pool *p, int32_t id) {
    const int32_t index = dlmm_array_of(id);
    uint32_t at = dlmm_rank_of(p->arrays, p->n_arrays, index);
    return at && p->arrays[at - 1] == index && (p->flags[at - 1] & DLMM_SET);
}

static inline void dlmm_set_rates(dlmm_pool *p) {
    uint64_t rate = (uint64_t)p->base_factor * (uint32_t)p->step * 10;
    for (uint32_t i = 0; i < p->base_power && rate < DLMM_MAX_RATE; i++) rate *= 10;
    p->base_rate = rate;
    p->orders = p->function_type == 2 || (p->function_type == 0 && !p->has_rewards);
}
#endif
