/* A histogram in shared memory with the bucket layout of HdrHistogram(1, 60 s, 3 digits).
 *
 * 27,648 counts of 8 bytes (216 KiB; only the pages that are hit are ever touched). The index is
 * three instructions: the highest bit gives the bucket, a shift the place in it. One writer a
 * histogram (plain adds, no lock); anyone may read, and sees counts that are at most one behind. */
#ifndef TIERCEL_HISTOGRAM_H
#define TIERCEL_HISTOGRAM_H
#include <stdint.h>

#define TC_HISTOGRAM_COUNTS 27648
#define TC_HISTOGRAM_TOP 60000000000ll

typedef struct {
    _Alignas(64) int64_t total;
    int64_t max;
    int64_t clamped; /* values outside 0..60 s, counted at the nearest end */
    int64_t spare[5];
    int64_t counts[TC_HISTOGRAM_COUNTS];
} tc_histogram;

static inline int tc_histogram_index(int64_t value) {
    int bucket = 53 - __builtin_clzll((uint64_t)value | 2047);
    return (bucket << 10) + (int)(value >> bucket);
}

static inline void tc_histogram_record(tc_histogram *h, int64_t value) {
    if (__builtin_expect((uint64_t)value > TC_HISTOGRAM_TOP, 0)) {
        h->clamped++;
        value = value < 0 ? 0 : TC_HISTOGRAM_TOP;
    }
    h->counts[tc_histogram_index(value)]++;
    h->total++;
    if (value > h->max) h->max = value;
}
#endif
