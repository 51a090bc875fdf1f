/* Asking the memory for lines that will be needed: many misses at once cost what one costs. */
#ifndef TIERCEL_FETCH_H
#define TIERCEL_FETCH_H
#include <stddef.h>

static inline void tc_fetch(const void *p, size_t n) {
    for (size_t i = 0; i < n; i += 64) __builtin_prefetch((const char *)p + i, 1);
}
#endif
