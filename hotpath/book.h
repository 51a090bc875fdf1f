/* One side of a book: a ladder of ticks near the top, sorted arrays beyond it.
 *
 * Both sides are one structure over a *key*: the price for bids, minus the price for asks, so that the
 * best level always has the highest key. The ladder is a window of `mask + 1` consecutive keys (a
 * power of two) that starts at `low`; the quantity of a key lies at `key & mask`, so moving the
 * window moves no memory: it only takes out the levels that leave and brings in those that enter.
 * A bitmap has one bit a key, a summary one bit a word of it, so the next best level is two bit
 * scans away. Levels below the window lie in two sorted arrays, best last, where an insertion near
 * the top moves little. Invariant: the best level is in the window whenever the side has a level.
 *
 * The window is moved when a better price leaves it upwards, and when the best falls into its
 * lowest eighth while there are levels beyond; it is then set so that the best has three quarters
 * of the window below it, which is where the levels are.
 *
 * Written by the feed that owns the book, read in the same turn by the strategies of its lane;
 * nobody else sees it. Tried: sorted arrays alone, in a sketch, 14-38 ns a change, growing with the
 * distance from the top (memmove); a branch on whether a level comes, changes or goes, the summary
 * written each time and both sides of the top read back, 7-9 ns; this 3.6 ns a change and best at 1,000
 * levels (bench/book.py). All arithmetic is on integers; the compiler's `-fwrapv` is not relied on:
 * what could wrap is computed unsigned, and keys in the book are below 2^52. */
#ifndef TIERCEL_BOOK_H
#define TIERCEL_BOOK_H
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hotpath/records.h"

#define BOOK_PRICE_LIMIT (1ll << 52)    /* ticks; keeps sums and milliticks in 64 bits */
#define BOOK_QUANTITY_LIMIT (1ll << 62) /* lots */
#define LADDER_NOWHERE (1ll << 60)      /* `low` of an empty side: no key is in that window */

enum tc_set { TC_SET_DONE = 0, TC_SET_REJECTED = -1, TC_SET_OVERFLOW = -2 };

typedef struct {
    int64_t low;  /* key of the window's lowest tick */
    int64_t best; /* key of the best level; only meaningful when there is one */
    uint64_t mask;
    int64_t *quantity; /* of the window, by key & mask */
    uint64_t *bits;    /* by (key & mask) / 64 */
    uint64_t *words;   /* summary: which words of `bits` are not zero */
    uint32_t near;     /* levels in the window */
    uint32_t far;      /* levels beyond it */
    uint32_t room;     /* levels the side may have */
    uint32_t moves;    /* of the window, for the curious */
    int64_t *far_key;  /* ascending: best last */
    int64_t *far_quantity;
} tc_ladder;

/* A side of at most `room` levels over a window of `window` ticks (a power of two, at least 64):
 * 1, or 0 without memory. */
static inline int ladder_make(tc_ladder *l, uint32_t window, uint32_t room) {
    memset(l, 0, sizeof *l);
    size_t words = window / 64, summary = (words + 63) / 64;
    l->low = LADDER_NOWHERE;
    l->mask = window - 1;
    l->room = room;
    l->quantity = calloc(window, 8);
    l->bits = calloc(words + summary, 8);
    l->far_key = calloc((size_t)room * 2, 8);
    if (!l->quantity || !l->bits || !l->far_key) return 0;
    l->words = l->bits + words;
    l->far_quantity = l->far_key + room;
    return 1;
}

static inline void ladder_free(tc_ladder *l) {
    free(l->quantity);
    free(l->bits);
    free(l->far_key);
    memset(l, 0, sizeof *l);
}

static inline uint32_t ladder_count(const tc_ladder *l) { return l->near + l->far; }

/* The filled index that comes first going down from `i` (included), around the window's end. The
 * window must not be empty. */
static inline uint64_t ladder_below(const tc_ladder *l, uint64_t i) {
    uint64_t w = i >> 6, m = l->bits[w] & (~0ull >> (63 - (i & 63)));
    if (!m) {
        uint64_t t = w >> 6, under = (1ull << (w & 63)) - 1;
        m = l->words[t] & under;
        if (!m) {
            uint64_t last = l->mask >> 12; /* of the summary */
            uint64_t s = t;
            do {
                s = s ? s - 1 : last;
                m = l->words[s];
            } while (!m && s != t);
            if (s == t) m = l->words[t] & ~under;
            t = s;
        }
        w = t << 6 | (uint64_t)(63 - __builtin_clzll(m));
        m = l->bits[w];
    }
    return w << 6 | (uint64_t)(63 - __builtin_clzll(m));
}

/* The key of the best level at or below `key` in the window; the window must not be empty and
 * hold nothing above `key`. */
static inline int64_t ladder_best_below(const tc_ladder *l, int64_t key) {
    uint64_t i = (uint64_t)key & l->mask;
    return key - (int64_t)((i - ladder_below(l, i)) & l->mask);
}

static inline void ladder_mark(tc_ladder *l, uint64_t i) {
    l->bits[i >> 6] |= 1ull << (i & 63);
    l->words[i >> 12] |= 1ull << (i >> 6 & 63);
}

static inline void ladder_unmark(tc_ladder *l, uint64_t i) {
    if (!(l->bits[i >> 6] &= ~(1ull << (i & 63)))) l->words[i >> 12] &= ~(1ull << (i >> 6 & 63));
}

/* First far level whose key is at least `key`. */
static inline uint32_t ladder_find_far(const tc_ladder *l, int64_t key) {
    uint32_t low = 0, n = l->far;
    while (n) {
        uint32_t half = n >> 1;
        int less = l->far_key[low + half] < key;
        low += less ? half + 1 : 0;
        n = less ? n - half - 1 : half;
    }
    return low;
}

/* Move the window so that `top` (at or above every level) has three quarters of it below. */
static void __attribute__((noinline)) ladder_move(tc_ladder *l, int64_t top) {
    int64_t low = top - (int64_t)(l->mask - l->mask / 4);
    l->moves++;
    if (low > l->low && l->near) { /* upwards: what leaves is above all far levels */
        int64_t stop = low < l->low + (int64_t)l->mask + 1 ? low : l->low + (int64_t)l->mask + 1;
        for (int64_t key = l->low; key < stop;) {
            uint64_t i = (uint64_t)key & l->mask;
            uint64_t m = l->bits[i >> 6] >> (i & 63);
            if (!m) { /* nothing up to the end of this word */
                key += 64 - (int64_t)(i & 63);
                continue;
            }
            key += __builtin_ctzll(m);
            if (key >= stop) break;
            i = (uint64_t)key & l->mask;
            l->far_key[l->far] = key;
            l->far_quantity[l->far++] = l->quantity[i];
            l->quantity[i] = 0;
            ladder_unmark(l, i);
            l->near--;
            key++;
        }
    }
    l->low = low;
    while (l->far && l->far_key[l->far - 1] >= low) { /* downwards: what enters is the far end */
        int64_t key = l->far_key[--l->far];
        uint64_t i = (uint64_t)key & l->mask;
        l->quantity[i] = l->far_quantity[l->far];
        ladder_mark(l, i);
        l->near++;
    }
}

/* A level outside the window. */
static int __attribute__((noinline)) ladder_set_outside(tc_ladder *l, int64_t key, int64_t quantity) {
    uint32_t count = ladder_count(l);
    if (key > l->low || !count) { /* above the window, or the side is empty */
        if (!quantity) return TC_SET_DONE;
        if (count == l->room) return TC_SET_OVERFLOW;
        ladder_move(l, key);
        uint64_t i = (uint64_t)key & l->mask;
        l->quantity[i] = quantity;
        ladder_mark(l, i);
        l->near++;
        l->best = key;
        return TC_SET_DONE;
    }
    uint32_t at = ladder_find_far(l, key);
    size_t behind = (size_t)(l->far - at) * 8;
    if (at < l->far && l->far_key[at] == key) {
        if (quantity) {
            l->far_quantity[at] = quantity;
        } else {
            memmove(l->far_key + at, l->far_key + at + 1, behind - 8);
            memmove(l->far_quantity + at, l->far_quantity + at + 1, behind - 8);
            l->far--;
        }
    } else if (quantity) {
        if (count == l->room) return TC_SET_OVERFLOW;
        memmove(l->far_key + at + 1, l->far_key + at, behind);
        memmove(l->far_quantity + at + 1, l->far_quantity + at, behind);
        l->far_key[at] = key;
        l->far_quantity[at] = quantity;
        l->far++;
    }
    return TC_SET_DONE;
}

/* The best level of the window was removed: find the next one, wherever it is. */
static inline void ladder_lost_best(tc_ladder *l) {
    if (l->near) l->best = ladder_best_below(l, l->best);
    if (!ladder_count(l)) l->low = LADDER_NOWHERE; /* the next level brings the window along */
    if (l->far && (!l->near || l->best < l->low + (int64_t)(l->mask >> 3))) {
        if (!l->near) l->best = l->far_key[l->far - 1];
        ladder_move(l, l->best);
    }
}

/* Set the quantity of a level, 0 removes; enum tc_set. Whether a level comes, changes or goes is as
 * good as random, so all that is computed without a branch; branches are for what is rare. */
static inline int ladder_set(tc_ladder *l, int64_t key, int64_t quantity) {
    if (__builtin_expect((uint64_t)key - (uint64_t)l->low > l->mask, 0))
        return ladder_set_outside(l, key, quantity);
    uint64_t i = (uint64_t)key & l->mask, bit = i & 63;
    uint64_t filled = quantity != 0, before = l->quantity[i] != 0;
    if (__builtin_expect((filled & ~before) & (ladder_count(l) == l->room), 0))
        return TC_SET_OVERFLOW;
    l->quantity[i] = quantity;
    uint64_t old = l->bits[i >> 6], word = (old & ~(1ull << bit)) | filled << bit;
    l->bits[i >> 6] = word;
    if (__builtin_expect((word != 0) != (old != 0), 0)) l->words[i >> 12] ^= 1ull << (i >> 6 & 63);
    l->near += (uint32_t)(filled - before);
    int64_t best = l->best, better = filled ? key : INT64_MIN;
    if (__builtin_expect((filled ^ 1) & (uint64_t)(key == best), 0)) {
        ladder_lost_best(l);
        return TC_SET_DONE;
    }
    l->best = better > best ? better : best;
    return TC_SET_DONE;
}

static inline void ladder_clear(tc_ladder *l) {
    for (uint64_t w = 0; l->near && w <= l->mask >> 6; w++)
        for (; l->bits[w]; l->bits[w] &= l->bits[w] - 1)
            l->quantity[w << 6 | (uint64_t)__builtin_ctzll(l->bits[w])] = 0;
    memset(l->words, 0, ((l->mask >> 12) + 1) * 8);
    l->near = l->far = 0;
    l->low = LADDER_NOWHERE;
}

/* Levels from the best on: `walk_step` is 1 and key and quantity are set, or 0: no more. */
typedef struct {
    const tc_ladder *side;
    int64_t key, quantity;
    uint32_t near, far; /* not walked yet */
} tc_walk;

static inline tc_walk walk_from_best(const tc_ladder *l) {
    tc_walk w = {l, l->best + 1, 0, l->near, l->far};
    return w;
}

static inline int walk_step(tc_walk *w) {
    if (w->near) {
        w->near--;
        w->key = ladder_best_below(w->side, w->key - 1);
        w->quantity = w->side->quantity[(uint64_t)w->key & w->side->mask];
        return 1;
    }
    if (!w->far) return 0;
    w->far--;
    w->key = w->side->far_key[w->far];
    w->quantity = w->side->far_quantity[w->far];
    return 1;
}

/* ---- both sides ------------------------------------------------------------------------------ */

/* What it takes to fill a quantity now. */
typedef struct {
    int64_t filled; /* lots, less than asked when the side has no more */
    int64_t worst;  /* ticks, the last price needed */
    int64_t average_low, average_high; /* ticks, the average rounded down and up */
    __int128 notional;                 /* sum of ticks * lots */
} tc_fill_cost;

/* Set a level of a side by its price: enum tc_set. */
static inline int book_set(tc_ladder *side, int64_t sign, int64_t price, int64_t quantity) {
    if (__builtin_expect((uint64_t)price + BOOK_PRICE_LIMIT - 1 >= 2 * BOOK_PRICE_LIMIT - 1 ||
                             (uint64_t)quantity >= BOOK_QUANTITY_LIMIT,
                         0))
        return TC_SET_REJECTED;
    return ladder_set(side, sign * price, quantity);
}

/* `book_set` of many levels: the worst enum tc_set. The same as ladder_set in a loop, with what
 * every level reads and writes held in registers; whatever is rare puts it back first. */
static inline int book_apply(tc_ladder *l, int64_t sign, const tc_level *levels, int n) {
    int worst = TC_SET_DONE;
    int64_t low = l->low, best = l->best, *const at = l->quantity;
    uint64_t mask = l->mask, *const bits = l->bits, *const words = l->words;
    uint32_t near = l->near, free = l->room - ladder_count(l);
    for (const tc_level *end = levels + n; levels < end; levels++) {
        int64_t quantity = levels->quantity;
        int64_t key = (int64_t)((uint64_t)sign * (uint64_t)levels->price); /* may wrap: refused */
        if (__builtin_expect((uint64_t)key - (uint64_t)low > mask ||
                                 (uint64_t)quantity >= BOOK_QUANTITY_LIMIT,
                             0)) {
            l->best = best;
            l->near = near;
            int did = book_set(l, sign, levels->price, quantity);
            worst = did < worst ? did : worst;
            low = l->low, best = l->best, near = l->near, free = l->room - ladder_count(l);
            continue;
        }
        uint64_t i = (uint64_t)key & mask, bit = i & 63;
        uint64_t filled = quantity != 0, before = at[i] != 0;
        if (__builtin_expect((filled & ~before) & (free == 0), 0)) {
            worst = TC_SET_OVERFLOW;
            continue;
        }
        at[i] = quantity;
        uint64_t old = bits[i >> 6], word = (old & ~(1ull << bit)) | filled << bit;
        bits[i >> 6] = word;
        if (__builtin_expect((word != 0) != (old != 0), 0))
            words[i >> 12] ^= 1ull << (i >> 6 & 63);
        near += (uint32_t)(filled - before);
        free -= (uint32_t)(filled - before);
        if (__builtin_expect((filled ^ 1) & (uint64_t)(key == best), 0)) {
            l->best = best;
            l->near = near;
            ladder_lost_best(l);
            low = l->low, best = l->best, near = l->near, free = l->room - ladder_count(l);
            continue;
        }
        int64_t better = filled ? key : INT64_MIN;
        best = better > best ? better : best;
    }
    l->best = best;
    l->near = near;
    return worst;
}

/* A snapshot's side. Best first, as venues send it, it goes in from the worst behind the best, so
 * that each far level is put behind the last; in any other order it goes in as it stands. */
static inline int book_apply_snapshot(tc_ladder *side, int64_t sign, const tc_level *levels, int n) {
    int ordered = (uint32_t)n <= side->room;
    for (int i = 1; i < n && ordered; i++)
        ordered = sign > 0 ? levels[i].price < levels[i - 1].price
                           : levels[i].price > levels[i - 1].price;
    if (!ordered || n < 2) return book_apply(side, sign, levels, n);
    int worst = book_apply(side, sign, levels, 1);
    for (int i = n - 1; i > 0; i--) {
        int did = book_set(side, sign, levels[i].price, levels[i].quantity);
        worst = did < worst ? did : worst;
    }
    return worst;
}

/* The best levels into the record the strategies read. */
static inline void book_read_top(const tc_ladder *bids, const tc_ladder *asks, tc_top *top) {
    int bid = ladder_count(bids) != 0, ask = ladder_count(asks) != 0;
    top->bid_price = bid ? bids->best : 0;
    top->bid_quantity = bid ? bids->quantity[(uint64_t)bids->best & bids->mask] : 0;
    top->ask_price = ask ? -asks->best : 0;
    top->ask_quantity = ask ? asks->quantity[(uint64_t)asks->best & asks->mask] : 0;
}

static inline void book_fill_cost(const tc_ladder *side, int64_t sign, int64_t quantity,
                                  tc_fill_cost *out) {
    tc_walk w = walk_from_best(side);
    memset(out, 0, sizeof *out);
    while (out->filled < quantity && walk_step(&w)) {
        int64_t left = quantity - out->filled, take = w.quantity < left ? w.quantity : left;
        out->filled += take;
        out->worst = sign * w.key;
        out->notional += (__int128)take * out->worst;
    }
    if (out->filled) { /* C truncates toward zero: correct it to a floor for negative prices */
        __int128 q = out->notional / out->filled, r = out->notional % out->filled;
        out->average_low = (int64_t)(q - (r < 0));
        out->average_high = (int64_t)(q + (r > 0));
    }
}

/* Quantity of the levels whose price is at most `bps` 1/10,000 of the mid away from the mid, which
 * is `twice_mid` / 2; saturates at INT64_MAX. */
static inline int64_t book_depth_within(const tc_ladder *side, int64_t sign, int64_t twice_mid,
                                        int64_t bps) {
    tc_walk w = walk_from_best(side);
    int64_t sum = 0;
    __int128 size = twice_mid < 0 ? -(__int128)twice_mid : twice_mid;
    __int128 bound = (__int128)twice_mid * sign * 10000 - size * bps; /* of key * 20000 */
    while (walk_step(&w) && (__int128)w.key * 20000 >= bound)
        if (__builtin_add_overflow(sum, w.quantity, &sum)) return INT64_MAX;
    return sum;
}

static inline int64_t book_depth_levels(const tc_ladder *side, int levels) {
    tc_walk w = walk_from_best(side);
    int64_t sum = 0;
    while (levels-- > 0 && walk_step(&w))
        if (__builtin_add_overflow(sum, w.quantity, &sum)) return INT64_MAX;
    return sum;
}

/* (bid * ask quantity + ask * bid quantity) / (both quantities) in 1/1000 ticks, rounded down. */
static inline int64_t book_micro(const tc_top *top) {
    __int128 weight = (__int128)top->bid_quantity + top->ask_quantity;
    __int128 sum = (__int128)top->bid_price * top->ask_quantity +
                   (__int128)top->ask_price * top->bid_quantity;
    __int128 whole = sum / weight, rest = sum % weight; /* in two steps: sum * 1000 may not fit */
    rest = rest * 1000;
    return (int64_t)(whole * 1000 + rest / weight - (rest % weight < 0));
}

/* (bid - ask) / (bid + ask) in 1e-6, rounded toward zero. */
static inline int64_t book_imbalance(int64_t bid, int64_t ask) {
    __int128 sum = (__int128)bid + ask;
    return sum ? (int64_t)(((__int128)bid - ask) * 1000000 / sum) : 0;
}

static inline void book_notional(const tc_fill_cost *cost, int64_t *high, uint64_t *low) {
    *high = (int64_t)(cost->notional >> 64);
    *low = (uint64_t)cost->notional;
}

#endif
