/* The two clocks of the machine, as integers of nanoseconds.
 *
 * monotonic_ns is clock_gettime(CLOCK_MONOTONIC) through the vDSO, 24 ns where measured. Reading
 * the tick counter ourselves costs 10 ns there, but every process would calibrate (and drift) by
 * itself, and stamps of two lanes are subtracted from each other: not worth 14 ns a stamp.
 * `ticks` is for differences inside one process that are sampled often. */
#ifndef TIERCEL_CLOCK_H
#define TIERCEL_CLOCK_H
#include <stdint.h>
#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

static inline int64_t tc_clock_ns(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000000LL + t.tv_nsec;
}
static inline int64_t tc_monotonic_ns(void) { return tc_clock_ns(CLOCK_MONOTONIC); }
static inline int64_t tc_wall_ns(void) { return tc_clock_ns(CLOCK_REALTIME); }

static inline uint64_t tc_ticks(void) {
#if defined(__x86_64__)
    return __rdtsc();
#elif defined(__aarch64__)
    uint64_t v;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(v));
    return v;
#else
    return (uint64_t)tc_monotonic_ns();
#endif
}

static inline void tc_pause(void) {
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}
#endif
