/* pump's bonding curve. Source: the official SDK (bondingCurve, fees), which states the program's rules. */
#ifndef TIERCEL_PUMP_CURVE_H
#define TIERCEL_PUMP_CURVE_H
#include "hotpath/pools/pump_fees.h"

#define PUMP_SUPPLY 1000000000000000ull /* one billion tokens of six decimals */

typedef struct {
    uint64_t virtual_token, virtual_quote, real_token, real_quote, total_supply, mint_supply;
    int32_t complete, mayhem, no_creator, has_schedule, configurable;
    uint32_t creator_bps;    /* the coin's own, in place of the schedule's while configurable and not 0 */
    pump_rates global_rates; /* where there is no schedule */
    pump_schedule schedule;
    /* derived from the above whenever it moves: buying with an exact amount of quote prices the tier with
     * the mint's supply, every other trade with a billion tokens unless the coin is in mayhem mode */
    pump_rates buy, trade;
} curve_pool;

typedef struct { uint64_t paid, given, fee, tokens, cost; int32_t capped; } curve_result;

static inline pump_rates curve_rates(const curve_pool *p, uint64_t supply) {
    pump_rates r = p->global_rates;
    if (p->has_schedule)
        r = pump_rates_at(&p->schedule, p->virtual_token ? (u128)p->virtual_quote * supply / p->virtual_token : 0);
    if (p->configurable && p->creator_bps) r.creator = p->creator_bps;
    if (p->no_creator) r.creator = 0;
    r.lp = 0;
    return r;
}
static inline void curve_refresh(curve_pool *p) {
    p->buy = curve_rates(p, p->mint_supply);
    p->trade = p->mayhem || p->mint_supply == PUMP_SUPPLY ? p->buy : curve_rates(p, PUMP_SUPPLY);
}

/* the quote that `tokens` cost, without fees */
static inline int curve_cost(const curve_pool *p, uint64_t tokens, uint64_t *cost) {
    if (tokens >= p->virtual_token) return SOL_NO_LIQUIDITY;
    SOL_TRY(sol_mul_div(tokens, p->virtual_quote, p->virtual_token - tokens, cost));
    return sol_add(*cost, 1, cost);
}
static inline int curve_buy_at(const curve_pool *p, uint64_t tokens, pump_rates rates, curve_result *r) {
    r->capped = tokens > p->real_token;
    r->given = r->tokens = r->capped ? p->real_token : tokens;
    SOL_TRY(curve_cost(p, r->tokens, &r->cost));
    SOL_TRY(pump_with_fees(r->cost, rates, &r->paid));
    r->fee = r->paid - r->cost;
    return SOL_OK;
}
static inline int curve_buy_tokens(const curve_pool *p, uint64_t tokens, curve_result *r) {
    return curve_buy_at(p, tokens, p->trade, r);
}
/* the tokens for an exact amount of quote: one unit and the fees first */
static inline int curve_tokens_for(const curve_pool *p, uint64_t quote, curve_result *r) {
    uint64_t rates = PUMP_SCALE + p->buy.protocol + p->buy.creator, net;
    SOL_TRY(sol_mul_div(quote - 1, PUMP_SCALE, rates, &net)); /* rates >= the scale: it fits */
    SOL_TRY(sol_product_out(net, p->virtual_quote, p->virtual_token, &r->tokens));
    r->capped = r->tokens > p->real_token;
    if (r->capped) r->tokens = p->real_token;
    return SOL_OK;
}
static inline int curve_sell(const curve_pool *p, uint64_t tokens, curve_result *r) {
    r->paid = r->tokens = tokens;
    r->capped = 0;
    SOL_TRY(sol_product_out(tokens, p->virtual_token, p->virtual_quote, &r->cost));
    SOL_TRY(pump_less_fees(r->cost, p->trade, &r->given));
    r->fee = r->cost - r->given;
    return SOL_OK;
}

/* a trade that moves the curve; direction 0 sells tokens, 1 buys them */
static inline int curve_swap(const curve_pool *p, int direction, int exact_in, uint64_t amount, curve_result *r) {
    uint64_t cost;
    if (p->complete || !amount) return SOL_REFUSED;
    if (!p->virtual_token || !p->virtual_quote) return SOL_NO_LIQUIDITY;
    if (direction) {
        if (exact_in) {
            SOL_TRY(curve_tokens_for(p, amount, r));
            if (!r->tokens) return p->real_token ? SOL_REFUSED : SOL_NO_LIQUIDITY;
            int capped = r->capped;
            SOL_TRY(curve_buy_at(p, r->tokens, p->buy, r)); /* what is bought is paid at its cost */
            r->capped = capped;
            if (r->paid > amount) { /* by the roundings up, three units at most */
                r->paid = amount;
                r->fee = amount - r->cost;
            }
        } else {
            if (!p->real_token) return SOL_NO_LIQUIDITY;
            SOL_TRY(curve_buy_tokens(p, amount, r));
        }
        SOL_TRY(sol_add(p->virtual_quote, r->cost, &cost));
        SOL_TRY(sol_add(p->real_quote, r->cost, &cost));
        return r->capped ? SOL_PARTIAL : SOL_OK;
    }
    if (!exact_in) {
        SOL_TRY(pump_before_fees(amount, p->trade, &cost));
        SOL_TRY(sol_product_in(cost, p->virtual_token, p->virtual_quote, &amount));
    }
    SOL_TRY(sol_add(p->virtual_token, amount, &cost));
    SOL_TRY(sol_add(p->real_token, amount, &cost));
    if (curve_sell(p, amount, r) || !r->given) return SOL_REFUSED;
    return r->cost > p->real_quote ? SOL_NO_LIQUIDITY : SOL_OK;
}
static inline u128 curve_price_after(const curve_pool *p, int direction, const curve_result *r) {
    return direction ? sol_price_x64(p->virtual_token - r->tokens, p->virtual_quote + r->cost)
                     : sol_price_x64(p->virtual_token + r->tokens, p->virtual_quote - r->cost);
}
static inline void curve_move(curve_pool *p, int direction, const curve_result *r) {
    uint64_t tokens = direction ? 0 - r->tokens : r->tokens, quote = direction ? r->cost : 0 - r->cost;
    p->virtual_token += tokens;
    p->real_token += tokens;
    p->virtual_quote += quote;
    p->real_quote += quote;
    if (!p->real_token) p->complete = 1;
    curve_refresh(p);
}

/* a BondingCurve account: its reserves and whether it is complete (the first 49 bytes) */
static inline int curve_apply_account(curve_pool *p, const uint8_t *data, size_t n) {
    static const uint8_t lead[8] = {0x17, 0xb7, 0xf8, 0x37, 0x60, 0xd8, 0xac, 0x60};
    if (n < 49 || memcmp(data, lead, 8) || data[48] > 1) return SOL_BAD_FIELD;
    p->virtual_token = sol_read_u64(data + 8);
    p->virtual_quote = sol_read_u64(data + 16);
    p->real_token = sol_read_u64(data + 24);
    p->real_quote = sol_read_u64(data + 32);
    p->total_supply = sol_read_u64(data + 40);
    p->complete = data[48];
    curve_refresh(p);
    return SOL_OK;
}
#endif
