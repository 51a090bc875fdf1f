/* When a stream was heard last, and what silence is too long for it: no I/O, no allocation. */
#ifndef TIERCEL_BINANCE_SILENCE_H
#define TIERCEL_BINANCE_SILENCE_H
#include <stdint.h>

enum { SILENCE_BUCKETS = 160, SILENCE_KNOWN = 100 /* gaps, before which nothing is usual */ };

typedef struct {
    int64_t heard;  /* engine time of the last frame, 0 = none */
    uint64_t count; /* of gaps */
    uint32_t gaps[SILENCE_BUCKETS]; /* by a quarter of an octave of the gap's microseconds */
} channel_watch;

static inline int silence_bucket(int64_t ns) {
    uint64_t us = ns <= 0 ? 1 : (uint64_t)ns / 1000 + 1;
    int e = 63 - __builtin_clzll(us);
    int b = 4 * e + (e >= 2 ? (int)(us >> (e - 2) & 3) : 0);
    return b < SILENCE_BUCKETS ? b : SILENCE_BUCKETS - 1;
}

static inline int64_t silence_bucket_end(int b) { /* ns, upper end */
    int e = b >> 2;
    uint64_t us = e >= 2 ? (4ull + (b & 3) + 1) << (e - 2) : 2ull << e;
    return (int64_t)us * 1000;
}

/* A frame of the channel: note the gap since the one before. */
static inline void watch_hear(channel_watch *w, int64_t now) {
    if (w->heard) {
        w->gaps[silence_bucket(now - w->heard)]++;
        w->count++;
    }
    w->heard = now;
}

/* Silence that is too long: 3 x p99.9 of the gaps, in the bounds; the upper one until enough gaps
 * are known. */
static inline int64_t watch_limit(const channel_watch *w, int64_t least, int64_t most) {
    uint64_t beyond = 0;
    int b = SILENCE_BUCKETS - 1;
    if (w->count < SILENCE_KNOWN) return most;
    for (; b > 0 && (beyond + w->gaps[b]) * 1000 <= w->count; b--) beyond += w->gaps[b];
    int64_t limit = 3 * silence_bucket_end(b);
    return limit < least ? least : limit > most ? most : limit;
}
#endif
