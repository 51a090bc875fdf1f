/* The fee schedules that pump's bonding curves and PumpSwap share: tiers by market capitalisation.
 * Source: pump-fees' rules as the official SDKs state them (calculate_fee_tier, fees_for_quote_mint). */
#ifndef TIERCEL_PUMP_FEES_H
#define TIERCEL_PUMP_FEES_H
#include "hotpath/pools/sol_amounts.h"

#define PUMP_SCALE 10000ull /* basis points in one */
enum { PUMP_TIERS = 64 };

typedef struct { uint32_t lp, protocol, creator; } pump_rates;
typedef struct { u128 threshold; pump_rates rates; } pump_tier;
/* one list of tiers, the one that the pool's quote coin selects; one tier of threshold 0 is a flat fee */
typedef struct { int32_t count; pump_tier tier[PUMP_TIERS]; } pump_schedule;

/* the last tier whose threshold the capitalisation reaches, else the first */
static inline pump_rates pump_rates_at(const pump_schedule *s, u128 capitalisation) {
    for (int i = s->count - 1; i > 0; i--)
        if (capitalisation >= s->tier[i].threshold) return s->tier[i].rates;
    return s->tier[0].rates;
}
static inline uint64_t pump_fee(uint64_t amount, uint32_t bps) { return sol_part_up(amount, bps, PUMP_SCALE); }
/* amount and the fees on top of it */
static inline int pump_with_fees(uint64_t amount, pump_rates r, uint64_t *total) {
    SOL_TRY(sol_add(amount, pump_fee(amount, r.lp), total));
    SOL_TRY(sol_add(*total, pump_fee(amount, r.protocol), total));
    return sol_add(*total, pump_fee(amount, r.creator), total);
}
/* amount less the fees taken out of it */
static inline int pump_less_fees(uint64_t amount, pump_rates r, uint64_t *net) {
    uint64_t left = amount, fee[3] = {pump_fee(amount, r.lp), pump_fee(amount, r.protocol), pump_fee(amount, r.creator)};
    for (int i = 0; i < 3; i++) {
        if (fee[i] > left) return SOL_OVERFLOW; /* below zero */
        left -= fee[i];
    }
    *net = left;
    return SOL_OK;
}
/* the least amount that leaves `net` after the fees taken out of it (rates below one in sum) */
static inline int pump_before_fees(uint64_t net, pump_rates r, uint64_t *amount) {
    uint64_t rates = (uint64_t)r.lp + r.protocol + r.creator, left;
    if (rates >= PUMP_SCALE) return SOL_REFUSED;
    SOL_TRY(sol_mul_div_up(net, PUMP_SCALE, PUMP_SCALE - rates, amount));
    for (int i = 0; i < 4; i++) { /* each of three fees is rounded up: at most three units short */
        int status = pump_less_fees(*amount, r, &left);
        if (!status && left >= net) return SOL_OK;
        SOL_TRY(sol_add(*amount, 1, amount));
    }
    return pump_less_fees(*amount, r, &left);
}
#endif
