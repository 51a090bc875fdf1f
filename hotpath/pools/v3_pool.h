/* A Uniswap V3 pool in plain C: its ticks, the walk of a swap, and the logs that move it.
 *
 * Plain C and not Cython so that one compilation unit holds the whole walk (the four variants of a
 * swap are one body inlined with constants), and so that it can be fuzzed without an interpreter.
 *
 * Layout: the initialised ticks are sorted keys (int32) beside slot numbers (uint32), and a tick's
 * numbers (56 bytes) lie in the slot. Minting at a new tick then moves 8 bytes a tick instead of 64.
 * Both arrays have room before and behind, and of the stretches between new or removed ticks the longest
 * stays where it is: with 2,000 ticks a Mint at two new ones near the price takes 0.1 us, where moving all that
 * lies above each took 0.25. 64 bytes a tick in all, 125 KiB for 2,000. The contract's
 * bitmap is not stored: the next initialised tick is a neighbour in `keys`, and where the contract
 * would stop at the end of a bitmap word (each stop rounds once more) follows from the tick's number.
 * A tick's price is computed when first needed and kept. One writer; a quote writes nothing but
 * those prices.
 */
#ifndef TIERCEL_V3_POOL_H
#define TIERCEL_V3_POOL_H
#include <stdlib.h>
#include <string.h>
#include "hotpath/pools/curve.h"
#include "hotpath/pools/v3_math.h"

/* the numbers of QuoteStatus in hotpath/pools/pool.pxd */
enum { V3_OK, V3_PARTIAL, V3_REFUSED, V3_OVERFLOW, V3_NO_LIQUIDITY, V3_TOO_MANY_STEPS, V3_BAD_FIELD, V3_DIVERGED };
#define V3_MAX_TICKS 1774545u   /* every tick there is */
#define V3_MAX_STEPS 2000000u   /* more than ticks and bitmap words together: a bound, never met by a real state */

typedef struct {
    uint64_t price[2];          /* low limbs; all zero until first needed */
    uint64_t net[2], gross[2];  /* liquidityNet (signed), liquidityGross */
    uint32_t price_high;
    int32_t tick;
} v3_tick;

/* what a swap moves */
typedef struct {
    u256 price, growth0, growth1;    /* growth: fees a unit of liquidity, Q128, modulo 2^256 */
    u128 liquidity, owed0, owed1;    /* owed: protocol fees */
    int32_t tick;
    uint32_t here;                   /* how many keys are <= tick */
} v3_head;

typedef struct {
    v3_head head;
    uint32_t fee;                    /* millionths */
    int32_t spacing;
    uint32_t fee_protocol;           /* slot0: nibbles, or 16-bit halves where denominator is set */
    uint32_t denominator;            /* 0: the protocol takes fee / n; else fee * n / denominator */
    uint32_t count, capacity, freed; /* freed: first free slot + 1, chained through .tick; 0 none */
    uint32_t front;                  /* of the room for keys and slots, what lies before them */
    int32_t *keys;
    uint32_t *slots;
    v3_tick *ticks;
} v3_pool;

typedef struct {
    v3_head head;                    /* afterwards */
    u256 in, out, fee;
    int32_t crossed, status;
    uint32_t steps;
    uint32_t loud;                   /* of the steps, those with liquidity */
} v3_walk;

static inline void v3_free(v3_pool *p) {
    if (p->keys) free(p->keys - p->front);
    if (p->slots) free(p->slots - p->front);
    free(p->ticks);
    p->keys = 0;
    p->slots = 0;
    p->ticks = 0;
}
/* keys and slots [from, from + n) to places `by` further, or less far */
static inline void v3_shift(v3_pool *p, uint32_t from, uint32_t n, int32_t by) {
    memmove(p->keys + from + by, p->keys + from, n * sizeof *p->keys);
    memmove(p->slots + from + by, p->slots + from, n * sizeof *p->slots);
}
/* as much room before as behind; halving what is there, so that few inserts pay for it */
static inline void v3_centre(v3_pool *p) {
    const int32_t by = (int32_t)((p->capacity - p->count) / 2) - (int32_t)p->front;
    v3_shift(p, 0, p->count, by);
    p->keys += by;
    p->slots += by;
    p->front += (uint32_t)by;
}
/* room for `capacity` ticks; 1 when there is no memory or it is more than there are ticks */
static inline int v3_reserve(v3_pool *p, uint32_t capacity) {
    if (capacity <= p->capacity) return 0;
    if (capacity > V3_MAX_TICKS) return 1;
    int32_t *keys = (int32_t *)realloc(p->keys ? p->keys - p->front : 0, capacity * sizeof *keys);
    if (!keys) return 1;
    p->keys = keys + p->front;
    uint32_t *slots = (uint32_t *)realloc(p->slots ? p->slots - p->front : 0, capacity * sizeof *slots);
    if (!slots) return 1;
    p->slots = slots + p->front;
    v3_tick *ticks = (v3_tick *)realloc(p->ticks, capacity * sizeof *ticks);
    if (!ticks) return 1;
    p->ticks = ticks;
    for (uint32_t i = p->capacity; i < capacity; i++) { /* chain the new slots, lowest first */
        ticks[i].tick = i + 1 < capacity ? (int32_t)(i + 2) : (int32_t)p->freed;
    }
    p->freed = p->capacity + 1;
    p->capacity = capacity;
    v3_centre(p);
    return 0;
}
/* Prices at which words of the bitmap end: going down at ticks divisible by 256 whatever the spacing, going
 * up with spacing 1 at those that leave 255. Constants, computed once when the module that walks is loaded
 * (1 ms, 330 KiB), because a walk through a stretch without ticks stops at each of them. */
#define V3_WORDS 3466
static u256 v3_word_start[2 * V3_WORDS], v3_word_end[2 * V3_WORDS];
static inline void v3_load_words(void) {
    for (int i = 0; i < 2 * V3_WORDS; i++) {
        const int32_t start = (i - V3_WORDS) * 256, end = start + 255;
        if (start >= V3_MIN_TICK) v3_word_start[i] = v3_price_at_tick(start);
        if (end <= V3_MAX_TICK) v3_word_end[i] = v3_price_at_tick(end);
    }
}
static inline u256 v3_price_of_edge(int32_t tick) {
    const int32_t i = (tick >> 8) + V3_WORDS, low = tick & 255;
    if (!low && v3_word_start[i].w[0]) return v3_word_start[i];
    if (low == 255 && v3_word_end[i].w[0]) return v3_word_end[i];
    return v3_price_at_tick(tick);
}
/* how many keys are <= tick */
static inline uint32_t v3_rank(const v3_pool *p, int32_t tick) {
    uint32_t low = 0, n = p->count;
    while (n) {
        uint32_t half = n >> 1;
        if (p->keys[low + half] <= tick) {
            low += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return low;
}
/* the longest of the n + 1 stretches that n places (ascending) leave of the keys */
static inline uint32_t v3_longest(const v3_pool *p, const uint32_t *at, uint32_t n) {
    uint32_t stays = 0, most = 0, from = 0;
    for (uint32_t i = 0; i <= n; i++) {
        const uint32_t to = i < n ? at[i] : p->count;
        if (to - from > most) {
            most = to - from;
            stays = i;
        }
        from = to;
    }
    return stays;
}
/* Gaps for n (1 or 2) new ticks before the keys at `at` (ascending); capacity is there. Gap i is at at[i] + i. */
static inline void v3_open(v3_pool *p, const uint32_t *at, uint32_t n) {
    uint32_t stays = v3_longest(p, at, n);
    if (p->front < stays || p->capacity - p->front - p->count < n - stays) v3_centre(p);
    const uint32_t behind = p->capacity - p->front - p->count;
    if (stays > p->front) stays = p->front;
    if (n - stays > behind) stays = n - behind;
    for (uint32_t i = 0; i < stays; i++) {
        const uint32_t from = i ? at[i - 1] : 0;
        v3_shift(p, from, at[i] - from, (int32_t)i - (int32_t)stays);
    }
    for (uint32_t i = n; i > stays; i--) v3_shift(p, at[i - 1], (i < n ? at[i] : p->count) - at[i - 1], (int32_t)(i - stays));
    p->keys -= stays;
    p->slots -= stays;
    p->front -= stays;
    p->count += n;
}
/* the reverse, for the n keys at `at` */
static inline void v3_close(v3_pool *p, const uint32_t *at, uint32_t n) {
    const uint32_t stays = v3_longest(p, at, n);
    for (uint32_t i = stays; i-- > 0;) {
        const uint32_t from = i ? at[i - 1] + 1 : 0;
        v3_shift(p, from, at[i] - from, (int32_t)(stays - i));
    }
    for (uint32_t i = stays + 1; i <= n; i++) {
        const uint32_t from = at[i - 1] + 1;
        v3_shift(p, from, (i < n ? at[i] : p->count) - from, (int32_t)stays - (int32_t)i);
    }
    p->keys += stays;
    p->slots += stays;
    p->front += stays;
    p->count -= n;
}
/* a tick into a gap */
static inline void v3_fill(v3_pool *p, uint32_t at, int32_t tick, u128 net, u128 gross) {
    const uint32_t slot = p->freed - 1;
    v3_tick *t = p->ticks + slot;
    p->freed = (uint32_t)t->tick;
    *t = (v3_tick){{0, 0}, {(uint64_t)net, (uint64_t)(net >> 64)}, {(uint64_t)gross, (uint64_t)(gross >> 64)}, 0, tick};
    p->keys[at] = tick;
    p->slots[at] = slot;
    if (tick <= p->head.tick) p->head.here++;
}
/* a new tick at position `at` of the keys; 1 when there is no room */
static inline int v3_insert(v3_pool *p, uint32_t at, int32_t tick, u128 net, u128 gross) {
    if (!p->freed && v3_reserve(p, p->capacity + p->capacity / 8 + 8)) return 1;
    v3_open(p, &at, 1);
    v3_fill(p, at, tick, net, gross);
    return 0;
}
/* a tick leaves its slot; its key is still there */
static inline void v3_vacate(v3_pool *p, uint32_t at) {
    const uint32_t slot = p->slots[at];
    if (p->keys[at] <= p->head.tick) p->head.here--;
    p->ticks[slot].tick = (int32_t)p->freed;
    p->freed = slot + 1;
}
static inline u128 v3_net(const v3_tick *t) { return (u128)t->net[1] << 64 | t->net[0]; }
static inline u128 v3_gross(const v3_tick *t) { return (u128)t->gross[1] << 64 | t->gross[0]; }
/* the price of the tick at position i */
static inline u256 v3_price_of(v3_pool *p, uint32_t i) {
    v3_tick *t = p->ticks + p->slots[i];
    if (!(t->price[0] | t->price[1] | t->price_high)) {
        u256 price = v3_price_at_tick(t->tick);
        t->price[0] = price.w[0];
        t->price[1] = price.w[1];
        t->price_high = (uint32_t)price.w[2];
    }
    return (u256){{t->price[0], t->price[1], t->price_high, 0}};
}

static inline int32_t v3_floor_div(int32_t a, int32_t b) { return a / b - (a % b < 0); }

/* Where the contract's loop would look next from `tick`: a neighbour among the initialised ticks, or
 * the end of its bitmap word (TickBitmap.nextInitializedTickWithinOneWord), inside the range. */
static inline __attribute__((always_inline)) int v3_next(
    const v3_pool *p, uint32_t here, int32_t tick, int zero_for_one, int32_t *next) {
    const int32_t compressed = v3_floor_div(tick, p->spacing);
    if (zero_for_one) {
        int32_t edge = (compressed >> 8) * 256 * p->spacing;
        if (here && p->keys[here - 1] >= edge) {
            *next = p->keys[here - 1];
            return 1;
        }
        *next = edge < V3_MIN_TICK ? V3_MIN_TICK : edge;
        return 0;
    }
    int32_t edge = ((compressed + 1) | 255) * p->spacing;
    if (here < p->count && p->keys[here] <= edge) {
        *next = p->keys[here];
        return 1;
    }
    *next = edge > V3_MAX_TICK ? V3_MAX_TICK : edge;
    return 0;
}
/* without liquidity nothing is rounded on the way: go straight to the next tick, counting the words */
static inline __attribute__((always_inline)) int v3_next_far(
    const v3_pool *p, uint32_t here, int32_t tick, int zero_for_one, int32_t *next, uint32_t *words) {
    const int found = zero_for_one ? here > 0 : here < p->count;
    if (zero_for_one) *next = found ? p->keys[here - 1] : V3_MIN_TICK;
    else *next = found ? p->keys[here] : V3_MAX_TICK;
    int32_t from = v3_floor_div(tick, p->spacing) + !zero_for_one, to = v3_floor_div(*next, p->spacing);
    int32_t apart = (from >> 8) - (to >> 8);
    *words = (uint32_t)(apart < 0 ? -apart : apart);
    return found;
}
/* the tick after a stop at `limit` inside a stretch without liquidity: on the edge of a bitmap word the
 * contract has come to the end of a step and stands below it */
static inline int32_t v3_stopped_tick(const v3_pool *p, u256 limit, int zero_for_one) {
    int32_t tick = v3_tick_at_price(limit);
    if (zero_for_one && tick % p->spacing == 0 && !(v3_floor_div(tick, p->spacing) & 255) &&
        u256_eq(v3_price_at_tick(tick), limit))
        return tick - 1;
    return tick;
}
/* the share of the protocol in a fee; the rest in *rest */
static inline u256 v3_protocol_share(const v3_pool *p, u256 fee, int token, u256 *rest) {
    uint32_t n = p->denominator ? (token ? p->fee_protocol >> 16 : p->fee_protocol & 0xffff)
                                : (token ? p->fee_protocol >> 4 & 15 : p->fee_protocol & 15);
    u256 share = U256_ZERO;
    if (n) {
        if (!p->denominator) share = u256_div(fee, u256_from_u64(n));
        else u256_muldiv_u64(fee, n, p->denominator, 0, &share);
    }
    *rest = u256_sub(fee, share, 0);
    return share;
}
/* a fee of `token` reaches the liquidity and the protocol; 1 where the contract reverts */
static inline int v3_take_fee(const v3_pool *p, v3_head *h, u256 fee, int token) {
    u256 rest, growth, share = U256_ZERO;
    rest = fee;
    if (p->fee_protocol) share = v3_protocol_share(p, fee, token, &rest);
    if (token) h->owed1 += u256_low128(share);
    else h->owed0 += u256_low128(share);
    if (!h->liquidity) return 0;
    if (u256_fits_u128(rest) && u256_low128(rest) < h->liquidity) /* less than one a unit: as good as always */
        growth = u256_from_u128(u128_fraction(u256_low128(rest), h->liquidity));
    else if (u256_muldiv(rest, V3_Q128, u256_from_u128(h->liquidity), &growth)) return 1;
    if (token) h->growth1 = u256_add(h->growth1, growth, 0);
    else h->growth0 = u256_add(h->growth0, growth, 0);
    return 0;
}
/* over the tick at the neighbour of `here`; 1 where the contract reverts */
static inline __attribute__((always_inline)) int v3_cross(const v3_pool *p, v3_head *h, int zero_for_one) {
    uint32_t at = zero_for_one ? h->here - 1 : h->here;
    u128 net = v3_net(p->ticks + p->slots[at]);
    h->here = zero_for_one ? at : at + 1;
    return v3_add_delta(h->liquidity, (i128)(zero_for_one ? -net : net), &h->liquidity);
}

/* UniswapV3Pool.swap without its transfers. `fees`: also move the growth and the protocol's share. */
static inline __attribute__((always_inline)) void v3_swap_body(
    v3_pool *p, u256 amount, u256 limit, int zero_for_one, int exact_in, int fees, v3_walk *w) {
    v3_head *h = &w->head;
    u256 left = amount, sum = U256_ZERO, fee = U256_ZERO, last = U256_MAX;
    *h = p->head;
    w->in = w->out = w->fee = U256_ZERO;
    w->crossed = 0;
    w->steps = w->loud = 0;
    w->status = V3_REFUSED;
    if (u256_is_zero(amount) || u256_is_zero(h->price)) return;
    if (u256_is_negative(exact_in ? amount : u256_sub(amount, U256_ONE, 0))) return; /* no int256 */
    if (zero_for_one ? !(u256_lt(limit, h->price) && u256_lt(V3_MIN_PRICE, limit))
                     : !(u256_lt(h->price, limit) && u256_lt(limit, V3_MAX_PRICE)))
        return;
    while (!u256_is_zero(left) && !u256_eq(h->price, limit)) {
        int32_t next;
        uint32_t words = 0;
        const int quiet = !h->liquidity;
        int found = quiet ? v3_next_far(p, h->here, h->tick, zero_for_one, &next, &words)
                          : v3_next(p, h->here, h->tick, zero_for_one, &next);
        w->steps += 1 + words;
        w->loud += !quiet;
        if (w->steps > V3_MAX_STEPS) {
            w->status = V3_TOO_MANY_STEPS;
            return;
        }
        u256 edge = found ? v3_price_of(p, zero_for_one ? h->here - 1 : h->here) : v3_price_of_edge(next);
        int beyond = zero_for_one ? u256_lt(edge, limit) : u256_lt(limit, edge);
        if (quiet) {
            if (beyond) {
                h->tick = v3_stopped_tick(p, limit, zero_for_one);
                h->price = limit;
                break;
            }
        } else {
            v3_step s;
            if (v3_compute_step(h->price, beyond ? limit : edge, h->liquidity, left, zero_for_one, exact_in, p->fee,
                                u256_lt(left, last), &s)) {
                w->status = V3_OVERFLOW;
                return;
            }
            u256 paid = u256_add(s.in, s.fee, 0);
            last = exact_in ? paid : s.out;
            fee = u256_add(fee, s.fee, 0);
            left = u256_sub(left, exact_in ? paid : s.out, 0);
            sum = u256_add(sum, exact_in ? s.out : paid, 0);
            if (fees && v3_take_fee(p, h, s.fee, !zero_for_one)) {
                w->status = V3_OVERFLOW;
                return;
            }
            int moved = !u256_eq(s.next, h->price);
            h->price = s.next;
            if (!u256_eq(s.next, edge)) {
                if (moved) h->tick = v3_tick_at_price(s.next);
                continue;
            }
        }
        h->price = edge;
        if (found) {
            if (v3_cross(p, h, zero_for_one)) return;
            w->crossed++;
        }
        h->tick = zero_for_one ? next - 1 : next;
    }
    u256 used = u256_sub(amount, left, 0);
    w->in = exact_in ? used : sum;
    w->out = exact_in ? sum : used;
    w->fee = fee;
    if (u256_is_zero(left)) w->status = V3_OK;
    else w->status = u256_is_zero(w->in) && u256_is_zero(w->out) ? V3_NO_LIQUIDITY : V3_PARTIAL;
}

/* One of the eight bodies: pure (`fees` 0) or with what `execute` moves. */
static inline void v3_swap(v3_pool *p, u256 amount, u256 limit, int zero_for_one, int exact_in, int fees, v3_walk *w) {
    switch ((zero_for_one != 0) << 2 | (exact_in != 0) << 1 | (fees != 0)) {
    case 0: v3_swap_body(p, amount, limit, 0, 0, 0, w); break;
    case 1: v3_swap_body(p, amount, limit, 0, 0, 1, w); break;
    case 2: v3_swap_body(p, amount, limit, 0, 1, 0, w); break;
    case 3: v3_swap_body(p, amount, limit, 0, 1, 1, w); break;
    case 4: v3_swap_body(p, amount, limit, 1, 0, 0, w); break;
    case 5: v3_swap_body(p, amount, limit, 1, 0, 1, w); break;
    case 6: v3_swap_body(p, amount, limit, 1, 1, 0, w); break;
    default: v3_swap_body(p, amount, limit, 1, 1, 1, w);
    }
}

/* Gas of pool.swap with the callback's two plain ERC-20 transfers: an estimate, fitted to executed
 * swaps (5 % off in the mean, 20 % at most: what a crossed tick costs hangs on numbers kept outside this
 * state). Writing a storage word that was zero is what makes the first swaps of a pool dear. */
static inline int64_t v3_gas(const v3_pool *before, const v3_walk *w, int zero_for_one) {
    const int charged = !u256_is_zero(w->fee);
    const int was_zero = u256_is_zero(zero_for_one ? before->head.growth0 : before->head.growth1);
    const int other_zero = u256_is_zero(zero_for_one ? before->head.growth1 : before->head.growth0);
    int64_t tick = 11300 + (other_zero ? 0 : 5900), gas = 31000 + 5950 * (int64_t)w->steps + 1750 * (int64_t)w->loud;
    if (charged) {
        gas += was_zero ? 26000 : 6900;
        tick += was_zero ? 21800 : 17900;
        if (before->fee_protocol) gas += 9800;
    }
    if (!u256_is_zero(w->out)) gas += 17900;
    if (w->head.tick != before->head.tick) gas += 2300;
    return gas + tick * w->crossed;
}

/* The curve in doubles: a piece between ticks, up to CURVE_PIECES of them; stretches without liquidity
 * have none, what lies behind them follows at once. */
static inline void v3_curve(v3_pool *p, int zero_for_one, curve_row *row) {
    const double keep = 1 - p->fee * 1e-6;
    double price = u256_to_double(p->head.price) * 0x1p-96, gas = 110000;
    u128 liquidity = p->head.liquidity;
    uint32_t here = p->head.here;
    row->n = 0;
    if (price == 0) return;
    while (row->n < CURVE_PIECES) {
        const int found = zero_for_one ? here > 0 : here < p->count;
        const uint32_t at = zero_for_one ? here - 1 : here;
        u256 edge = found ? v3_price_of(p, at) : zero_for_one ? V3_MIN_PRICE : V3_MAX_PRICE;
        double next = u256_to_double(edge) * 0x1p-96, l = (double)liquidity;
        double cap = zero_for_one ? l * (price - next) / (next * price) : l * (next - price);
        if (cap > 0) {
            curve_piece *piece = &row->pieces[row->n++];
            piece->a = zero_for_one ? l * price : l / price;
            piece->b = (zero_for_one ? l / price : l * price) / keep;
            piece->cap = cap / keep;
            piece->gas = gas;
            gas = 0;
        }
        if (!found) return;
        u128 net = v3_net(p->ticks + p->slots[at]);
        if (v3_add_delta(liquidity, (i128)(zero_for_one ? -net : net), &liquidity)) return;
        here = zero_for_one ? at : at + 1;
        price = next;
        gas += 35000;
    }
}

/* Follow a swap that happened: `paid` came in and the pool ended at `price`. The path between two
 * prices is one path, each step but the last charges a known fee, and so the last step's fee is what
 * is left of `paid`: the growth and the protocol's share come out as the contract's, whatever the
 * swap asked for. V3_DIVERGED when this state cannot have done that. */
static inline int v3_follow(v3_pool *p, int zero_for_one, u256 paid, u256 price, v3_head *h, u256 *out) {
    u256 left = paid;
    *h = p->head;
    *out = U256_ZERO;
    if (u256_is_zero(h->price) || !v3_fits160(price)) return V3_DIVERGED;
    if (zero_for_one ? u256_lt(h->price, price) : u256_lt(price, h->price)) return V3_DIVERGED;
    for (uint32_t steps = 0; !u256_is_zero(left) || !u256_eq(h->price, price); steps++) {
        int32_t next;
        uint32_t words;
        if (steps > V3_MAX_STEPS) return V3_DIVERGED;
        const int quiet = !h->liquidity;
        int found = quiet ? v3_next_far(p, h->here, h->tick, zero_for_one, &next, &words)
                          : v3_next(p, h->here, h->tick, zero_for_one, &next);
        u256 edge = found ? v3_price_of(p, zero_for_one ? h->here - 1 : h->here) : v3_price_of_edge(next);
        int beyond = zero_for_one ? u256_lt(edge, price) : u256_lt(price, edge);
        u256 target = beyond ? price : edge;
        if (quiet) {
            if (beyond) {
                if (!u256_is_zero(left)) return V3_DIVERGED;
                h->tick = v3_stopped_tick(p, price, zero_for_one);
                h->price = price;
                return V3_OK;
            }
            if (!found) return V3_DIVERGED;
        } else {
            const u256 low = zero_for_one ? target : h->price, high = zero_for_one ? h->price : target;
            u256 in = zero_for_one ? v3_amount0(low, high, h->liquidity, 1) : v3_amount1(low, high, h->liquidity, 1);
            u256 given = zero_for_one ? v3_amount1(low, high, h->liquidity, 0) : v3_amount0(low, high, h->liquidity, 0);
            u256 fee;
            int last = beyond;
            if (!last) {
                if (u256_muldiv_u64(in, p->fee, V3_MILLION - p->fee, 1, &fee)) return V3_DIVERGED;
                last = u256_lt(left, u256_add(in, fee, 0));
            }
            if (last) {
                if (u256_lt(left, in) || !u256_eq(target, price)) return V3_DIVERGED;
                fee = u256_sub(left, in, 0);
            }
            left = u256_sub(left, u256_add(in, fee, 0), 0);
            *out = u256_add(*out, given, 0);
            if (v3_take_fee(p, h, fee, !zero_for_one)) return V3_DIVERGED;
            if (last) {
                if (!u256_eq(h->price, price)) h->tick = v3_tick_at_price(price);
                h->price = price;
                return V3_OK;
            }
        }
        h->price = edge;
        if (found && v3_cross(p, h, zero_for_one)) return V3_DIVERGED;
        h->tick = zero_for_one ? next - 1 : next;
    }
    return V3_OK;
}

/* `amount` (signed) of liquidity between two ticks: what Mint and Burn do. Nothing moves unless all can. */
static inline int v3_modify(v3_pool *p, int32_t lower, int32_t upper, i128 amount) {
    if (lower >= upper || lower < V3_MIN_TICK || upper > V3_MAX_TICK || lower % p->spacing || upper % p->spacing)
        return V3_BAD_FIELD;
    if (!amount) return V3_OK;
    u128 liquidity = p->head.liquidity;
    const int here = lower <= p->head.tick && p->head.tick < upper;
    if (here && v3_add_delta(liquidity, amount, &liquidity)) return V3_DIVERGED;
    const int32_t ends[2] = {lower, upper};
    for (int k = 0; k < 2 && amount < 0; k++) {
        uint32_t at = v3_rank(p, ends[k]);
        if (!at || p->keys[at - 1] != ends[k] || v3_gross(p->ticks + p->slots[at - 1]) < -(u128)amount) return V3_DIVERGED;
    }
    if (amount > 0 && v3_reserve(p, p->count + 2 > p->capacity ? p->count + p->count / 8 + 8 : p->capacity)) return V3_BAD_FIELD;
    uint32_t changed[2], n = 0; /* places that come or go */
    int32_t came[2];
    u128 nets[2];
    int goes = 0;
    for (int k = 0; k < 2; k++) {
        u128 net = k ? -(u128)amount : (u128)amount;
        uint32_t at = v3_rank(p, ends[k]);
        if (at && p->keys[at - 1] == ends[k]) {
            v3_tick *t = p->ticks + p->slots[at - 1];
            u128 gross = v3_gross(t) + (u128)amount;
            if (!gross) {
                v3_vacate(p, at - 1);
                changed[n++] = at - 1;
                goes = 1;
                continue;
            }
            net += v3_net(t);
            t->net[0] = (uint64_t)net;
            t->net[1] = (uint64_t)(net >> 64);
            t->gross[0] = (uint64_t)gross;
            t->gross[1] = (uint64_t)(gross >> 64);
        } else {
            came[n] = ends[k];
            nets[n] = net;
            changed[n++] = at;
        }
    }
    if (n && goes) {
        v3_close(p, changed, n);
    } else if (n) {
        v3_open(p, changed, n);
        for (uint32_t i = 0; i < n; i++) v3_fill(p, changed[i] + i, came[i], nets[i], (u128)amount);
    }
    p->head.liquidity = liquidity;
    return V3_OK;
}

/* what a log changed, so that a reorganisation can take it back */
typedef struct {
    v3_head head;
    uint32_t fee_protocol;
    int32_t lower, upper; /* equal when no position changed */
    i128 amount;
} v3_undo;

static inline void v3_take_back(v3_pool *p, const v3_undo *u) {
    if (u->lower != u->upper) v3_modify(p, u->lower, u->upper, -u->amount);
    p->head = u->head;
    p->fee_protocol = u->fee_protocol;
    p->head.here = v3_rank(p, p->head.tick);
}

#endif
