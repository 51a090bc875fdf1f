/* What the programs that fuzz pools share: numbers out of bytes, one JSON line an input, and a main.
 *
 * A program includes this, defines `one_input` (a state and swaps from a source; ONE_INPUT_OF writes it for
 * a pool that has make_pool, say_pool, swap_once and upset), and is then both a fuzzer's target (LLVMFuzzerTestOneInput; -DFUZZER leaves main out) and a command: `PROGRAM SEED COUNT`
 * prints COUNT inputs, so that a twin can be asked the same; with a third argument it prints nothing.
 * Bytes that run out are zeros, so every input ends.
 */
#ifndef TIERCEL_FUZZ_BYTES_H
#define TIERCEL_FUZZ_BYTES_H
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hotpath/u256.h"

#define HOLDS(what) do { if (!(what)) { fprintf(stderr, "broken: %s, %s:%d\n", #what, __FILE__, __LINE__); abort(); } } while (0)

typedef struct { const uint8_t *at; size_t left; } source;

static void one_input(source *s);

static inline uint64_t take(source *s, int bytes) {
    uint64_t v = 0;
    for (int i = 0; i < bytes; i++) {
        v = v << 8 | (s->left ? *s->at : 0);
        if (s->left) { s->at++; s->left--; }
    }
    return v;
}
static inline uint32_t below(source *s, uint32_t bound) { return (uint32_t)(take(s, 4) % bound); }
static inline int coin(source *s) { return (int)take(s, 1) & 1; }
static inline int one_of(source *s, int n) { return take(s, 1) % (unsigned)n == 0; }
/* of up to `bits` bits, small ones as likely as large ones */
static inline u256 take256(source *s, unsigned bits) {
    const u256 v = u256_from_limbs(take(s, 8), take(s, 8), take(s, 8), take(s, 8));
    const unsigned keep = (unsigned)take(s, 2) % (bits + 1);
    return keep ? u256_shr(v, 256 - keep) : U256_ZERO;
}
static inline u128 take128(source *s, unsigned bits) { return u256_low128(take256(s, bits)); }
static inline uint64_t take64(source *s, unsigned bits) { return (uint64_t)take128(s, bits); }
static inline int32_t around(source *s, int32_t centre, int32_t reach) {
    return centre + (int32_t)below(s, 2 * (uint32_t)reach + 1) - reach;
}

/* the bytes of an account, in memory of exactly that size so that a read past it is found: all drawn, or
 * zeros but for a hundred places; the eight first are `head` */
static inline uint8_t *take_account(source *s, size_t n, uint64_t head, int dense) {
    uint8_t *data = calloc(n ? n : 1, 1);
    HOLDS(data);
    for (size_t i = 0; dense && i < n && s->left; i++) data[i] = (uint8_t)take(s, 1);
    for (int i = 0; !dense && n && i < 100; i++) {
        const size_t at = take(s, 2) % n;
        data[at] = (uint8_t)take(s, 1);
    }
    for (size_t i = 0; i < 8 && i < n; i++) data[i] = (uint8_t)(head >> 8 * i);
    return data;
}

static int quiet;
static inline void say(const char *format, ...) {
    va_list arguments;
    if (quiet) return;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
}
/* decimal text; eight answers stay readable at a time */
static inline const char *text(u256 v) {
    static char room[8][80];
    static int next;
    char *at = room[next++ & 7] + 79;
    do {
        u256 rest;
        u256_divmod(v, u256_from_u64(10), &v, &rest);
        *--at = (char)('0' + rest.w[0]);
    } while (!u256_is_zero(v));
    return at;
}
static inline const char *text128(u128 v) { return text(u256_from_u128(v)); }
/* a signed number: its sign, for "%s%s" before its size */
static inline const char *sign_of(u128 v) { return v >> 127 ? "-" : ""; }
static inline u128 size_of(u128 v) { return v >> 127 ? -v : v; }

/* What a program does whose pool has a state: it is made and told, with four swaps that move it; then, of
 * which nothing is told, four times something of any bytes comes (`upset`) and the pool is asked again. */
#define ONE_INPUT_OF(pool, release)                                                                            \
    static void one_input(source *s) {                                                                         \
        pool p;                                                                                                \
        memset(&p, 0, sizeof p);                                                                               \
        make_pool(s, &p);                                                                                      \
        say("{\"state\":");                                                                                    \
        say_pool(&p);                                                                                          \
        say(",\"swaps\":[");                                                                                   \
        for (int i = 0; i < 4; i++) swap_once(s, &p, !i);                                                      \
        say("]}\n");                                                                                           \
        const int was = quiet;                                                                                 \
        quiet = 1;                                                                                             \
        for (int i = 0; i < 4; i++) {                                                                          \
            upset(s, &p);                                                                                      \
            swap_once(s, &p, 0);                                                                               \
        }                                                                                                      \
        quiet = was;                                                                                           \
        release(&p);                                                                                           \
    }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    source s = {data, size};
    one_input(&s);
    return 0;
}
#ifndef FUZZER
int main(int argc, char **argv) {
    if (argc < 3) return 2;
    uint64_t seed = strtoull(argv[1], 0, 10), count = strtoull(argv[2], 0, 10);
    static uint8_t data[1 << 15];
    quiet = argc > 3;
    for (uint64_t n = 0; n < count; n++) {
        for (size_t i = 0; i < sizeof data; i += 8) { /* splitmix64 */
            uint64_t z = seed += 0x9e3779b97f4a7c15ull;
            z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
            z = (z ^ z >> 27) * 0x94d049bb133111ebull;
            z ^= z >> 31;
            memcpy(data + i, &z, 8);
        }
        LLVMFuzzerTestOneInput(data, sizeof data);
    }
    return 0;
}
#endif
#endif
