/* Raydium AMM v4 without an order book: constant product over vaults less what the protocol has yet to
 * take. Source: the rules of raydium-amm (process_swap_base_in and _out, Calculator, checked_ceil_div,
 * which rounds up always since August 2025). */
#ifndef TIERCEL_RAYDIUM_AMM_V4_H
#define TIERCEL_RAYDIUM_AMM_V4_H
#include "hotpath/pools/sol_amounts.h"

typedef struct {
    uint64_t vault[2], pnl[2]; /* coin, pc */
    uint64_t fee_part, fee_scale;
} amm4_pool;
typedef struct { uint64_t paid, given, fee; } amm4_result;

static inline uint64_t amm4_reserve(const amm4_pool *p, int side) { return p->vault[side] - p->pnl[side]; }

/* by the curve alone: zero amounts answered */
static inline int amm4_exact_in(const amm4_pool *p, int direction, uint64_t amount, amm4_result *r) {
    r->paid = amount;
    SOL_TRY(sol_mul_div_up(amount, p->fee_part, p->fee_scale, &r->fee));
    return sol_product_out(amount - r->fee, amm4_reserve(p, direction), amm4_reserve(p, 1 - direction), &r->given);
}
static inline int amm4_exact_out(const amm4_pool *p, int direction, uint64_t amount, amm4_result *r) {
    uint64_t before_fee;
    r->given = amount;
    SOL_TRY(sol_product_in(amount, amm4_reserve(p, direction), amm4_reserve(p, 1 - direction), &before_fee));
    SOL_TRY(sol_mul_div_up(before_fee, p->fee_scale, p->fee_scale - p->fee_part, &r->paid));
    r->fee = r->paid - before_fee;
    return SOL_OK;
}
/* as the program executes it */
static inline int amm4_swap(const amm4_pool *p, int direction, int exact_in, uint64_t amount, amm4_result *r) {
    uint64_t vault;
    if (!amount) return SOL_REFUSED;
    if (!amm4_reserve(p, 0) || !amm4_reserve(p, 1)) return SOL_NO_LIQUIDITY;
    SOL_TRY(exact_in ? amm4_exact_in(p, direction, amount, r) : amm4_exact_out(p, direction, amount, r));
    if (!r->paid || !r->given) return SOL_REFUSED;
    return sol_add(p->vault[direction], r->paid, &vault);
}
static inline u128 amm4_price_after(const amm4_pool *p, int direction, const amm4_result *r) {
    uint64_t in = amm4_reserve(p, direction) + r->paid, out = amm4_reserve(p, 1 - direction) - r->given;
    return direction ? sol_price_x64(out, in) : sol_price_x64(in, out);
}
static inline void amm4_move(amm4_pool *p, int direction, const amm4_result *r) {
    p->vault[direction] += r->paid;
    p->vault[1 - direction] -= r->given;
}

/* an AmmInfo account: exactly 752 bytes, as the program demands */
enum { AMM4_SIZE = 752, AMM4_AT_FEE = 176, AMM4_AT_PNL = 192 };
static inline int amm4_apply_info(amm4_pool *p, const uint8_t *data, size_t n) {
    uint64_t part, scale, pnl[2];
    if (n != AMM4_SIZE) return SOL_BAD_FIELD;
    part = sol_read_u64(data + AMM4_AT_FEE);
    scale = sol_read_u64(data + AMM4_AT_FEE + 8);
    if (part >= scale) return SOL_BAD_FIELD;
    for (int i = 0; i < 2; i++) {
        pnl[i] = sol_read_u64(data + AMM4_AT_PNL + 8 * i);
        if (pnl[i] > p->vault[i]) return SOL_BAD_FIELD;
    }
    p->fee_part = part;
    p->fee_scale = scale;
    p->pnl[0] = pnl[0];
    p->pnl[1] = pnl[1];
    return SOL_OK;
}
#endif
