/* Floor of a Uniswap V2 quote: the products and the one division that exactness needs, on numbers that
 * lie in two arrays, nothing around them. Calls depend on each other. Prints the median of the repetitions
 * in ns a quote, and a digest of the results so that they can be compared. Argument: repetitions. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef unsigned __int128 u128;
enum { PAIRS = 1024, ROUNDS = 10, MOST = 999 };

static inline uint64_t divide(uint64_t hi, uint64_t lo, uint64_t d, uint64_t *rest) {
    uint64_t q;
    __asm__("divq %4" : "=a"(q), "=d"(*rest) : "a"(lo), "d"(hi), "r"(d) : "cc");
    return q;
}
/* one digit of (rest : in) / (d1 : d0), d1 with its top bit set */
static inline uint64_t digit(u128 *rest, uint64_t in, uint64_t d1, uint64_t d0) {
    uint64_t q, r;
    u128 left;
    if ((uint64_t)(*rest >> 64) >= d1) {
        q = ~0ull;
        left = *rest - (u128)q * d1;
    } else {
        q = divide((uint64_t)(*rest >> 64), (uint64_t)*rest, d1, &r);
        left = r;
    }
    while (!(uint64_t)(left >> 64) && (u128)q * d0 > (left << 64 | in)) {
        q--;
        left += d1;
    }
    *rest = (left << 64 | in) - (u128)q * d0;
    return q;
}
static inline u128 quote(u128 x, u128 in, u128 out) {
    u128 a = x * 997, d = in * 1000 + a;
    uint64_t a0 = (uint64_t)a, a1 = (uint64_t)(a >> 64), b0 = (uint64_t)out, b1 = (uint64_t)(out >> 64);
    u128 p00 = (u128)a0 * b0, p01 = (u128)a0 * b1, p10 = (u128)a1 * b0;
    u128 mid = (p00 >> 64) + (uint64_t)p01 + (uint64_t)p10;
    u128 lo = mid << 64 | (uint64_t)p00, hi = (u128)a1 * b1 + (p01 >> 64) + (p10 >> 64) + (mid >> 64);
    if (!hi) return lo / d;
    if (!(uint64_t)(d >> 64)) {
        uint64_t r, q1 = divide((uint64_t)hi, (uint64_t)(lo >> 64), (uint64_t)d, &r);
        return (u128)q1 << 64 | divide(r, (uint64_t)lo, (uint64_t)d, &r);
    }
    int s = __builtin_clzll((uint64_t)(d >> 64));
    if (s) {
        d <<= s;
        hi = hi << s | lo >> (128 - s);
        lo <<= s;
    }
    uint64_t q1 = digit(&hi, (uint64_t)(lo >> 64), (uint64_t)(d >> 64), (uint64_t)d);
    return (u128)q1 << 64 | digit(&hi, (uint64_t)lo, (uint64_t)(d >> 64), (uint64_t)d);
}
static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}
static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}
/* splitmix64: the same numbers in any language */
static uint64_t seed = 1;
static uint64_t next(void) {
    uint64_t z = seed += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}
int main(int argc, char **argv) {
    static u128 x[PAIRS], in[PAIRS], out[PAIRS];
    double ns[MOST];
    int repetitions = argc > 1 ? atoi(argv[1]) : 101;
    uint64_t digest = 0;
    if (repetitions < 1 || repetitions > MOST) return 2;
    for (int i = 0; i < PAIRS; i++) {
        x[i] = (next() >> 2) + 1;
        in[i] = ((u128)(next() >> 2) << 14) + 1;
        out[i] = ((u128)(next() >> 2) << 6) + 1;
    }
    for (int i = 0; i < PAIRS; i++) digest = digest * 31 + (uint64_t)quote(x[i], in[i], out[i]);
    for (int r = 0; r < repetitions; r++) {
        uint64_t z = 0;
        int64_t start = now();
        for (int j = 0; j < ROUNDS; j++)
            for (int i = 0; i < PAIRS; i++) z += (uint64_t)quote(x[i] + (z & 1), in[i], out[i]);
        ns[r] = (double)(now() - start) / ((double)ROUNDS * PAIRS);
        if (z == 42) digest++;
    }
    qsort(ns, (size_t)repetitions, sizeof *ns, by_size);
    printf("{\"ns\":%.3f,\"digest\":\"%llu\"}\n", ns[repetitions / 2], (unsigned long long)digest);
    return 0;
}
