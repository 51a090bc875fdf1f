/* The quantity of one level of a ladder, 0 when there is none. */
#ifndef TIERCEL_PAPER_H
#define TIERCEL_PAPER_H
#include "hotpath/book.h"

static inline int64_t ladder_quantity(const tc_ladder *l, int64_t key) {
    if ((uint64_t)(key - l->low) <= l->mask) return l->quantity[(uint64_t)key & l->mask];
    uint32_t at = ladder_find_far(l, key);
    return at < l->far && l->far_key[at] == key ? l->far_quantity[at] : 0;
}

/* a * b / c without overflow, rounded down; all >= 0, c > 0. */
static inline int64_t share_of(int64_t a, int64_t b, int64_t c) {
    return (int64_t)((__int128)a * b / c);
}

#endif
