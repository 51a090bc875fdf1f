/* 64-bit amounts of Solana's constant-product pools: products in 128 bits, one hardware division.
 *
 * Functions return a status of hotpath/pools/pool.pxd (SOL_OK or why not) and write through the
 * pointer only with SOL_OK. A quotient past 64 bits is SOL_OVERFLOW, a zero divisor SOL_NO_LIQUIDITY.
 */
#ifndef TIERCEL_SOL_AMOUNTS_H
#define TIERCEL_SOL_AMOUNTS_H
#include <stdint.h>
#include <string.h>
#include "hotpath/u256.h"

enum {
    SOL_OK = 0, SOL_PARTIAL = 1, SOL_REFUSED = 2, SOL_OVERFLOW = 3, SOL_NO_LIQUIDITY = 4, SOL_BAD_FIELD = 6
};
#define SOL_TRY(call) do { int sol_status = (call); if (sol_status) return sol_status; } while (0)

static inline uint64_t sol_read_u64(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}
static inline u128 sol_read_u128(const uint8_t *p) {
    return (u128)sol_read_u64(p + 8) << 64 | sol_read_u64(p);
}

static inline int sol_add(uint64_t a, uint64_t b, uint64_t *sum) {
    return __builtin_add_overflow(a, b, sum) ? SOL_OVERFLOW : SOL_OK;
}
/* n / d with the remainder */
static inline int sol_div(u128 n, uint64_t d, uint64_t *q, uint64_t *rest) {
    uint64_t hi = (uint64_t)(n >> 64);
    if (!hi && d) {
        *q = (uint64_t)n / d;
        *rest = (uint64_t)n % d;
        return SOL_OK;
    }
    if (hi >= d) return d ? SOL_OVERFLOW : SOL_NO_LIQUIDITY;
    *q = u256_div_128_64(hi, (uint64_t)n, d, rest);
    return SOL_OK;
}
static inline int sol_div_up(u128 n, uint64_t d, uint64_t *q) {
    uint64_t rest;
    SOL_TRY(sol_div(n, d, q, &rest));
    return rest ? sol_add(*q, 1, q) : SOL_OK;
}
static inline int sol_mul_div(uint64_t a, uint64_t b, uint64_t d, uint64_t *q) {
    uint64_t rest;
    return sol_div((u128)a * b, d, q, &rest);
}
static inline int sol_mul_div_up(uint64_t a, uint64_t b, uint64_t d, uint64_t *q) {
    return sol_div_up((u128)a * b, d, q);
}
/* amount * rate / scale for a rate up to scale, so that it always fits; `scale` is a constant where
 * this is called, and most products fit 64 bits: then the division is a multiplication */
static inline uint64_t sol_part(uint64_t amount, uint64_t rate, uint64_t scale) {
    u128 n = (u128)amount * rate;
    uint64_t rest;
    if (!(uint64_t)(n >> 64)) return (uint64_t)n / scale;
    return u256_div_128_64((uint64_t)(n >> 64), (uint64_t)n, scale, &rest);
}
static inline uint64_t sol_part_up(uint64_t amount, uint64_t rate, uint64_t scale) {
    u128 n = (u128)amount * rate;
    uint64_t rest, q;
    if (!(uint64_t)(n >> 64)) return ((uint64_t)n + (scale - 1) < scale - 1) ? (uint64_t)n / scale + 1
                                                                            : ((uint64_t)n + (scale - 1)) / scale;
    q = u256_div_128_64((uint64_t)(n >> 64), (uint64_t)n, scale, &rest);
    return q + (rest != 0);
}

/* y * dx / (x + dx), rounded down: what a constant product gives for dx. The sum may have 65 bits. */
static inline int sol_product_out(uint64_t dx, uint64_t x, uint64_t y, uint64_t *dy) {
    uint64_t sum, rest;
    if (!__builtin_add_overflow(x, dx, &sum)) return sol_div((u128)dx * y, sum, dy, &rest);
    *dy = (uint64_t)((u128)dx * y / ((u128)x + dx));
    return SOL_OK;
}
/* x * dy / (y - dy), rounded up: what a constant product asks for dy */
static inline int sol_product_in(uint64_t dy, uint64_t x, uint64_t y, uint64_t *dx) {
    if (dy >= y) return SOL_NO_LIQUIDITY;
    return sol_mul_div_up(x, dy, y - dy, dx);
}
/* y / x in Q64, 0 for x = 0: coin 1 for one of coin 0 */
static inline u128 sol_price_x64(uint64_t x, uint64_t y) {
    uint64_t high, low, rest;
    if (!x) return 0;
    high = y / x;
    low = u256_div_128_64(y % x, 0, x, &rest);
    return (u128)high << 64 | low;
}
#endif
