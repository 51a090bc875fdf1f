/* Raydium CPMM: constant product over what the vaults hold net of accrued fees.
 * Source: the rules of raydium-cp-swap (swap_base_input, swap_base_output, curve, fees). */
#ifndef TIERCEL_RAYDIUM_CPMM_H
#define TIERCEL_RAYDIUM_CPMM_H
#include "hotpath/pools/sol_amounts.h"

#define CPMM_SCALE 1000000ull /* of the four rates */

enum { CPMM_FEE_ON_BOTH = 0, CPMM_FEE_ON_0 = 1, CPMM_FEE_ON_1 = 2 };

typedef struct {
    uint64_t reserve[2];                       /* vault less accrued fees */
    uint64_t protocol[2], fund[2], creator[2]; /* accrued, still in the vaults */
    uint32_t trade_rate, protocol_rate, fund_rate;
    uint32_t creator_rate, creator_config;     /* the rate in force, and the configuration's if enabled */
    int32_t fee_on;
    int32_t apart;  /* exact in: trade and creator fee each rounded up (the SDK), not their sum */
    int32_t splits; /* with both rates 0 the split divides by zero: programs with creator fees refuse it */
} cpmm_pool;

typedef struct {
    uint64_t paid, given;         /* what the user pays and gets */
    uint64_t moved_in, moved_out; /* through the curve: less fees in, before a fee out */
    uint64_t trade_fee, protocol_fee, fund_fee, creator_fee;
    int creator_on_input;
} cpmm_result;

/* BothToken: always of what is paid in; OnlyToken0/1: of that coin, on whichever side it is */
static inline int cpmm_creator_on_input(const cpmm_pool *p, int direction) {
    return p->fee_on == CPMM_FEE_ON_BOTH || (p->fee_on == CPMM_FEE_ON_0) == (direction == 0);
}
/* the least amount that leaves `net` after `rate` of it */
static inline int cpmm_before_fee(uint64_t net, uint32_t rate, uint64_t *gross) {
    *gross = net;
    return rate ? sol_mul_div_up(net, CPMM_SCALE, CPMM_SCALE - rate, gross) : SOL_OK;
}
static inline int cpmm_split(uint64_t total, const cpmm_pool *p, uint64_t *creator) {
    uint64_t rates = (uint64_t)p->trade_rate + p->creator_rate;
    *creator = 0;
    return rates ? sol_mul_div(total, p->creator_rate, rates, creator) : p->splits ? SOL_REFUSED : SOL_OK;
}

static inline int cpmm_exact_in(const cpmm_pool *p, int direction, uint64_t amount, cpmm_result *r) {
    uint64_t fees;
    r->creator_on_input = cpmm_creator_on_input(p, direction);
    r->paid = amount;
    r->creator_fee = 0;
    if (!r->creator_on_input || (!p->creator_rate && (p->apart || p->trade_rate || !p->splits))) {
        fees = r->trade_fee = sol_part_up(amount, p->trade_rate, CPMM_SCALE);
    } else if (p->apart) {
        r->trade_fee = sol_part_up(amount, p->trade_rate, CPMM_SCALE);
        r->creator_fee = sol_part_up(amount, p->creator_rate, CPMM_SCALE);
        if (__builtin_add_overflow(r->trade_fee, r->creator_fee, &fees)) return SOL_REFUSED;
    } else {
        fees = sol_part_up(amount, (uint64_t)p->trade_rate + p->creator_rate, CPMM_SCALE);
        SOL_TRY(cpmm_split(fees, p, &r->creator_fee));
        r->trade_fee = fees - r->creator_fee;
    }
    r->moved_in = amount - fees;
    if (fees > amount) { /* two fees rounded up take one unit more than there is: the SDK goes on */
        uint64_t in = p->reserve[direction], out = p->reserve[1 - direction];
        if (in < 2) return SOL_NO_LIQUIDITY;
        r->given = r->moved_out = 0;
        return out / (in - 1) ? SOL_OVERFLOW : SOL_OK; /* it would take from the user on both sides */
    }
    SOL_TRY(sol_product_out(r->moved_in, p->reserve[direction], p->reserve[1 - direction], &r->moved_out));
    if (!r->creator_on_input) r->creator_fee = sol_part_up(r->moved_out, p->creator_rate, CPMM_SCALE);
    r->given = r->creator_on_input ? r->moved_out : r->moved_out - r->creator_fee;
    return SOL_OK;
}

static inline int cpmm_exact_out(const cpmm_pool *p, int direction, uint64_t amount, cpmm_result *r) {
    r->creator_on_input = cpmm_creator_on_input(p, direction);
    r->given = r->moved_out = amount;
    r->creator_fee = 0;
    if (!r->creator_on_input) {
        SOL_TRY(cpmm_before_fee(amount, p->creator_rate, &r->moved_out));
        r->creator_fee = r->moved_out - amount;
    }
    SOL_TRY(sol_product_in(r->moved_out, p->reserve[direction], p->reserve[1 - direction], &r->moved_in));
    SOL_TRY(cpmm_before_fee(r->moved_in, p->trade_rate + (r->creator_on_input ? p->creator_rate : 0), &r->paid));
    r->trade_fee = r->paid - r->moved_in;
    if (r->creator_on_input) {
        SOL_TRY(cpmm_split(r->trade_fee, p, &r->creator_fee));
        r->trade_fee -= r->creator_fee;
    }
    return SOL_OK;
}

/* One swap by the curve alone, no refusals of the program: what the SDK's calculator answers.
 * A vault that would pass 64 bits is SOL_OVERFLOW. */
static inline int cpmm_curve(const cpmm_pool *p, int direction, int exact_in, uint64_t amount, cpmm_result *r) {
    uint64_t vault;
    SOL_TRY(exact_in ? cpmm_exact_in(p, direction, amount, r) : cpmm_exact_out(p, direction, amount, r));
    r->protocol_fee = sol_part(r->trade_fee, p->protocol_rate, CPMM_SCALE);
    r->fund_fee = sol_part(r->trade_fee, p->fund_rate, CPMM_SCALE);
    if (exact_in && r->moved_in > amount) return SOL_OK; /* minus one */
    return sol_add(p->reserve[direction], r->moved_in, &vault);
}

/* The swap as the program executes it: zero amounts refused, the vault's balance in 64 bits too. */
static inline int cpmm_swap(const cpmm_pool *p, int direction, int exact_in, uint64_t amount, cpmm_result *r) {
    uint64_t held;
    if (!amount) return SOL_REFUSED;
    if (!p->reserve[0] || !p->reserve[1]) return SOL_NO_LIQUIDITY;
    SOL_TRY(cpmm_curve(p, direction, exact_in, amount, r));
    if (!r->paid || !r->given) return SOL_REFUSED;
    held = p->reserve[direction] + p->protocol[direction] + p->fund[direction] + p->creator[direction];
    return sol_add(held, r->paid, &held);
}
static inline void cpmm_move(cpmm_pool *p, int direction, const cpmm_result *r) {
    int in = direction, out = 1 - direction;
    p->reserve[in] += r->paid - r->protocol_fee - r->fund_fee - (r->creator_on_input ? r->creator_fee : 0);
    p->reserve[out] -= r->moved_out;
    p->protocol[in] += r->protocol_fee;
    p->fund[in] += r->fund_fee;
    p->creator[r->creator_on_input ? in : out] += r->creator_fee;
}
static inline u128 cpmm_price_after(const cpmm_pool *p, int direction, const cpmm_result *r) {
    uint64_t in = p->reserve[direction] + r->paid - r->protocol_fee - r->fund_fee
                - (r->creator_on_input ? r->creator_fee : 0);
    uint64_t out = p->reserve[1 - direction] - r->moved_out;
    return direction ? sol_price_x64(out, in) : sol_price_x64(in, out);
}

/* A PoolState account's bytes: the accrued fees and the creator's mode. The vaults come by `cpmm_vault`. */
enum { CPMM_AT_FEES = 341, CPMM_AT_FEE_ON = 389, CPMM_AT_CREATOR = 397, CPMM_LEAST = 637 };
static inline int cpmm_apply_state(cpmm_pool *p, const uint8_t *data, size_t n) {
    uint64_t vault[2], kept[2], fee[6];
    if (n < CPMM_LEAST || data[CPMM_AT_FEE_ON] > CPMM_FEE_ON_1 || data[CPMM_AT_FEE_ON + 1] > 1) return SOL_BAD_FIELD;
    for (int i = 0; i < 4; i++) fee[i] = sol_read_u64(data + CPMM_AT_FEES + 8 * i);
    for (int i = 0; i < 2; i++) fee[4 + i] = sol_read_u64(data + CPMM_AT_CREATOR + 8 * i);
    for (int i = 0; i < 2; i++) {
        vault[i] = p->reserve[i] + p->protocol[i] + p->fund[i] + p->creator[i];
        SOL_TRY(sol_add(fee[i], fee[2 + i], &kept[i]));
        SOL_TRY(sol_add(kept[i], fee[4 + i], &kept[i]));
        if (kept[i] > vault[i]) return SOL_BAD_FIELD;
    }
    for (int i = 0; i < 2; i++) {
        p->protocol[i] = fee[i];
        p->fund[i] = fee[2 + i];
        p->creator[i] = fee[4 + i];
        p->reserve[i] = vault[i] - kept[i];
    }
    p->fee_on = data[CPMM_AT_FEE_ON];
    p->creator_rate = data[CPMM_AT_FEE_ON + 1] ? p->creator_config : 0;
    return SOL_OK;
}
/* What a vault's token account holds, net of what has accrued. */
static inline int cpmm_vault(cpmm_pool *p, int side, uint64_t amount) {
    uint64_t kept = p->protocol[side] + p->fund[side] + p->creator[side];
    if (kept > amount) return SOL_BAD_FIELD;
    p->reserve[side] = amount - kept;
    return SOL_OK;
}
#endif
