/* PumpSwap: constant product with the quote side lifted by virtual reserves, fees on the quote coin.
 * Source: the official SDK (buy, sell, fees), which states the program's rules. */
#ifndef TIERCEL_PUMP_SWAP_H
#define TIERCEL_PUMP_SWAP_H
#include "hotpath/pools/pump_fees.h"

#define PUMP_SWAP_SUPPLY 1000000000000000ull

typedef struct {
    uint64_t base, quote, effective; /* effective: quote and the virtual reserves, what the curve sees */
    uint64_t supply;                 /* of the base coin's mint */
    i128 lift;                       /* the virtual quote reserves */
    int32_t mayhem, no_creator, has_schedule, configurable;
    uint32_t creator_bps;
    pump_rates global_rates;
    pump_schedule schedule;
    pump_rates rates;                /* in force; derived whenever the above moves */
} pswap_pool;

/* raw: what passes through the curve on the quote side; kept: raw less (or with) the LP fee, what the
 * pool's quote account moves by */
typedef struct { uint64_t base, raw, user, kept; } pswap_result;

static inline int pswap_refresh(pswap_pool *p) {
    i128 effective = (i128)p->quote + p->lift;
    pump_rates r = p->global_rates;
    if (effective < 0 || effective >> 64) return SOL_OVERFLOW;
    p->effective = (uint64_t)effective;
    if (p->has_schedule) {
        u128 cap = p->base ? (u128)p->effective * (p->mayhem ? PUMP_SWAP_SUPPLY : p->supply) / p->base : 0;
        r = pump_rates_at(&p->schedule, cap);
        if (p->configurable && p->creator_bps) r.creator = p->creator_bps;
    }
    if (p->no_creator) r.creator = 0;
    p->rates = r;
    return SOL_OK;
}

static inline int pswap_buy_base(const pswap_pool *p, uint64_t base, pswap_result *r) {
    if (!p->base || !p->quote) return SOL_NO_LIQUIDITY;
    r->base = base;
    SOL_TRY(sol_product_in(base, p->effective, p->base, &r->raw));
    SOL_TRY(pump_with_fees(r->raw, p->rates, &r->user));
    r->kept = r->raw + pump_fee(r->raw, p->rates.lp);
    return SOL_OK;
}
/* the base for an exact amount of quote; raw is what is left of it for the curve */
static inline int pswap_base_for(const pswap_pool *p, uint64_t quote, pswap_result *r) {
    uint64_t rates = PUMP_SCALE + p->rates.lp + p->rates.protocol + p->rates.creator, total;
    if (!p->base || !p->quote) return SOL_NO_LIQUIDITY;
    SOL_TRY(sol_mul_div(quote, PUMP_SCALE, rates, &r->raw));
    SOL_TRY(pump_with_fees(r->raw, p->rates, &total));
    if (total > quote) r->raw -= total - quote;
    if (!r->raw || r->raw > quote) { /* minus one goes through the curve: the SDK answers the quotient */
        if (p->effective < 2) return SOL_NO_LIQUIDITY;
        r->base = 0;
        return r->raw || p->base / (p->effective - 1) ? SOL_OVERFLOW : SOL_OK;
    }
    return sol_product_out(r->raw - 1, p->effective, p->base, &r->base);
}
static inline int pswap_sell_base(const pswap_pool *p, uint64_t base, pswap_result *r) {
    if (!p->base || !p->quote) return SOL_NO_LIQUIDITY;
    r->base = base;
    SOL_TRY(sol_product_out(base, p->base, p->effective, &r->raw));
    uint64_t lp = pump_fee(r->raw, p->rates.lp);
    r->kept = lp > r->raw ? 0 : r->raw - lp;
    if (p->quote < r->kept) return SOL_NO_LIQUIDITY;
    return pump_less_fees(r->raw, p->rates, &r->user) ? SOL_REFUSED : SOL_OK;
}
/* the base that must be sold for the user to get `quote`, by the SDK's inversion (rates summed first) */
static inline int pswap_base_to_get(const pswap_pool *p, uint64_t quote, pswap_result *r) {
    uint64_t rates = (uint64_t)p->rates.lp + p->rates.protocol + p->rates.creator;
    if (!p->base || !p->quote || quote > p->quote) return SOL_NO_LIQUIDITY;
    if (rates >= PUMP_SCALE) return SOL_REFUSED;
    SOL_TRY(sol_mul_div_up(quote, PUMP_SCALE, PUMP_SCALE - rates, &r->raw));
    r->user = quote;
    return sol_product_in(r->raw, p->base, p->effective, &r->base);
}

/* a trade that moves the pool; direction 0 sells base, 1 buys it */
static inline int pswap_swap(const pswap_pool *p, int direction, int exact_in, uint64_t amount, pswap_result *r) {
    uint64_t sum;
    if (!amount) return SOL_REFUSED;
    if (direction) {
        if (exact_in) {
            SOL_TRY(pswap_base_for(p, amount, r));
            if (!r->base) return SOL_REFUSED;
            amount = r->base; /* and is paid at its cost, which is no more */
        }
        SOL_TRY(pswap_buy_base(p, amount, r));
        SOL_TRY(sol_add(p->effective, r->kept, &sum));
        return sol_add(p->quote, r->kept, &sum);
    }
    if (!exact_in) {
        uint64_t raw;
        if (amount > p->quote) return SOL_NO_LIQUIDITY;
        SOL_TRY(pump_before_fees(amount, p->rates, &raw));
        SOL_TRY(sol_product_in(raw, p->base, p->effective, &amount));
    }
    SOL_TRY(sol_add(p->base, amount, &sum));
    SOL_TRY(pswap_sell_base(p, amount, r));
    return r->user ? SOL_OK : SOL_REFUSED;
}
static inline u128 pswap_price_after(const pswap_pool *p, int direction, const pswap_result *r) {
    return direction ? sol_price_x64(p->base - r->base, p->effective + r->kept)
                     : sol_price_x64(p->base + r->base, p->effective - r->kept);
}
static inline void pswap_move(pswap_pool *p, int direction, const pswap_result *r) {
    p->base += direction ? 0 - r->base : r->base;
    p->quote += direction ? r->kept : 0 - r->kept;
    pswap_refresh(p); /* what moved was checked to fit */
}
#endif
