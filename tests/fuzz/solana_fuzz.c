/* Solana's one-step pools, swaps and accounts made from bytes, to be built with
 * -fsanitize=address,undefined.
 *
 * LLVMFuzzerTestOneInput is the entry for a fuzzer; main makes the bytes itself: `solana_fuzz SEED COUNT`
 * runs COUNT inputs and prints how many swaps were executed. What must hold of a swap is checked here:
 * no more paid than asked, a product that does not fall, counters in 64 bits. Bytes that run out are zeros.
 */
#include <stdio.h>
#include <stdlib.h>
#include "hotpath/pools/base58.h"
#include "hotpath/pools/meteora_damm_v2.h"
#include "hotpath/pools/pump_curve.h"
#include "hotpath/pools/pump_swap.h"
#include "hotpath/pools/raydium_amm_v4.h"
#include "hotpath/pools/raydium_cpmm.h"

#define HOLDS(what) do { if (!(what)) { fprintf(stderr, "broken: %s, line %d\n", #what, __LINE__); abort(); } } while (0)

typedef struct { const uint8_t *at; size_t left; } source;
static uint64_t executed;

static uint64_t take(source *s, int bytes) {
    uint64_t v = 0;
    for (int i = 0; i < bytes; i++) {
        v = v << 8 | (s->left ? *s->at : 0);
        if (s->left) { s->at++; s->left--; }
    }
    return v;
}
static uint64_t take64(source *s) {
    uint64_t v = take(s, 8);
    unsigned keep = (unsigned)take(s, 1) % 65;
    return keep ? v >> (64 - keep) : 0;
}
static u128 take128(source *s) { return (u128)take64(s) << 64 | take(s, 8); }
static uint32_t upto(source *s, uint32_t most) { return (uint32_t)(take(s, 4) % ((uint64_t)most + 1)); }
/* x y <= x' y' in 128 bits */
static void no_less(uint64_t x, uint64_t y, uint64_t x2, uint64_t y2) { HOLDS((u128)x * y <= (u128)x2 * y2); }

static void amm4(source *s) {
    amm4_pool p;
    memset(&p, 0, sizeof p);
    for (int i = 0; i < 2; i++) {
        p.vault[i] = take64(s);
        p.pnl[i] = p.vault[i] ? take64(s) % p.vault[i] : 0;
    }
    p.fee_scale = take64(s) | 1;
    p.fee_part = take64(s) % p.fee_scale;
    for (int i = 0; i < 8; i++) {
        int direction = (int)take(s, 1) & 1, exact_in = (int)take(s, 1) & 1;
        uint64_t amount = take64(s), before[2] = {amm4_reserve(&p, 0), amm4_reserve(&p, 1)};
        amm4_result r;
        if (amm4_swap(&p, direction, exact_in, amount, &r)) continue;
        HOLDS(exact_in ? r.paid == amount : r.given == amount);
        amm4_price_after(&p, direction, &r);
        amm4_move(&p, direction, &r);
        no_less(before[0], before[1], amm4_reserve(&p, 0), amm4_reserve(&p, 1));
        executed++;
    }
}
static void cpmm(source *s) {
    cpmm_pool p;
    memset(&p, 0, sizeof p);
    p.trade_rate = upto(s, 499999);
    p.creator_config = upto(s, 499999);
    p.creator_rate = take(s, 1) & 1 ? p.creator_config : 0;
    p.protocol_rate = upto(s, 500000);
    p.fund_rate = upto(s, 500000);
    p.fee_on = (int)upto(s, 2);
    p.apart = (int)upto(s, 1);
    p.splits = (int)upto(s, 1);
    for (int i = 0; i < 2; i++) {
        p.reserve[i] = take64(s) >> 1;
        p.protocol[i] = take64(s) >> 8;
        p.fund[i] = take64(s) >> 8;
        p.creator[i] = take64(s) >> 8;
    }
    for (int i = 0; i < 8; i++) {
        int direction = (int)take(s, 1) & 1, exact_in = (int)take(s, 1) & 1;
        uint64_t amount = take64(s), before[2] = {p.reserve[0], p.reserve[1]};
        cpmm_result r;
        cpmm_curve(&p, direction, exact_in, amount, &r);
        if (cpmm_swap(&p, direction, exact_in, amount, &r)) continue;
        HOLDS(exact_in ? r.paid == amount : r.given == amount);
        HOLDS(r.moved_out < before[1 - direction] && r.moved_in <= r.paid);
        cpmm_price_after(&p, direction, &r);
        cpmm_move(&p, direction, &r);
        no_less(before[0], before[1], p.reserve[0], p.reserve[1]);
        executed++;
    }
    uint8_t account[700];
    for (size_t i = 0; i < sizeof account; i++) account[i] = (uint8_t)take(s, 1);
    account[CPMM_AT_FEE_ON] %= 4;
    cpmm_apply_state(&p, account, 600 + upto(s, 100));
}
static void schedule(source *s, pump_schedule *t) {
    t->count = 1 + (int)upto(s, PUMP_TIERS - 1);
    for (int i = 0; i < t->count; i++) {
        t->tier[i].threshold = take128(s);
        t->tier[i].rates = (pump_rates){upto(s, 10000), upto(s, 10000), upto(s, 10000)};
    }
}
static void curve(source *s) {
    curve_pool p;
    memset(&p, 0, sizeof p);
    p.virtual_token = take64(s);
    p.virtual_quote = take64(s);
    p.real_token = take64(s);
    p.real_quote = take64(s);
    p.mint_supply = take64(s);
    p.mayhem = (int)upto(s, 1);
    p.no_creator = (int)upto(s, 1);
    p.configurable = (int)upto(s, 1);
    p.creator_bps = upto(s, 10000);
    p.global_rates = (pump_rates){0, upto(s, 10000), upto(s, 10000)};
    p.has_schedule = (int)upto(s, 1);
    if (p.has_schedule) schedule(s, &p.schedule);
    curve_refresh(&p);
    for (int i = 0; i < 8; i++) {
        int direction = (int)take(s, 1) & 1, exact_in = (int)take(s, 1) & 1;
        uint64_t amount = take64(s), token = p.virtual_token, quote = p.virtual_quote;
        curve_result r;
        int status = curve_swap(&p, direction, exact_in, amount, &r);
        if (status != SOL_OK && status != SOL_PARTIAL) continue;
        HOLDS(!exact_in || r.paid <= amount);
        HOLDS(direction || r.cost <= p.real_quote);
        curve_price_after(&p, direction, &r);
        curve_move(&p, direction, &r);
        no_less(token, quote, p.virtual_token, p.virtual_quote);
        executed++;
    }
    uint8_t account[64] = {0x17, 0xb7, 0xf8, 0x37, 0x60, 0xd8, 0xac, 0x60};
    for (int i = 8; i < 64; i++) account[i] = (uint8_t)take(s, 1);
    curve_apply_account(&p, account, upto(s, 64));
}
static void pswap(source *s) {
    pswap_pool p;
    memset(&p, 0, sizeof p);
    p.base = take64(s);
    p.quote = take64(s);
    p.lift = (int64_t)take64(s) >> 1;
    p.supply = take64(s);
    p.mayhem = (int)upto(s, 1);
    p.no_creator = (int)upto(s, 1);
    p.configurable = (int)upto(s, 1);
    p.creator_bps = upto(s, 10000);
    p.global_rates = (pump_rates){upto(s, 10000), upto(s, 10000), upto(s, 10000)};
    p.has_schedule = (int)upto(s, 1);
    if (p.has_schedule) schedule(s, &p.schedule);
    if (pswap_refresh(&p)) return;
    for (int i = 0; i < 8; i++) {
        int direction = (int)take(s, 1) & 1, exact_in = (int)take(s, 1) & 1;
        uint64_t amount = take64(s), base = p.base, quote = p.effective;
        pswap_result r;
        memset(&r, 0, sizeof r);
        pswap_base_to_get(&p, amount, &r);
        if (pswap_swap(&p, direction, exact_in, amount, &r)) continue;
        HOLDS(!exact_in || (direction ? r.user <= amount : r.base == amount));
        pswap_price_after(&p, direction, &r);
        pswap_move(&p, direction, &r);
        no_less(base, quote, p.base, p.effective);
        executed++;
    }
}
static void damm(source *s) {
    damm_pool p;
    uint8_t account[1200], text[44];
    for (size_t i = 0; i < sizeof account; i++) account[i] = (uint8_t)take(s, 1);
    memset(&p, 0, sizeof p);
    memcpy(account, "\xf1\x9a\x6d\x04\x11\xb1\x6d\xbc", 8);
    account[16] %= 6;
    account[48] %= 101;
    account[50] %= 101;
    account[54] = (uint8_t)upto(s, 16);
    account[55] = (uint8_t)upto(s, 39);
    account[484] %= 4;
    account[486] %= 3;
    memset(account + 132, 0, 4);
    memset(account + 148, 0, 4);
    base58_of_key(account, (char *)text);
    if (damm_apply_account(&p, account, 1100 + upto(s, 100))) return;
    if (take(s, 1) & 1) { /* a price inside a range, as a pool has it */
        p.price = ((u128)1 << (40 + upto(s, 50))) + take(s, 5);
        p.low = 4295048016u;
        p.high = ((u128)4294967295u << 64) - 1;
        p.liquidity = ((u128)1 << (64 + upto(s, 44))) + take(s, 8);
        p.start = p.price / (1 + upto(s, 3));
        p.base.cliff = upto(s, 990000000);
        p.amount[0] = take64(s);
        p.amount[1] = take64(s);
        p.dynamic.tracked = (int)upto(s, 1);
    }
    p.point = p.activation + upto(s, 100000);
    for (int i = 0; i < 8; i++) {
        int direction = (int)take(s, 1) & 1, how = (int)upto(s, 2);
        uint64_t amount = take64(s);
        damm_result r;
        memset(&r, 0, sizeof r);
        p.referred = (int)upto(s, 1);
        if (damm_swap(&p, direction, how, amount, 1, &r)) continue;
        HOLDS(how == DAMM_EXACT_OUT ? r.given == amount : r.paid <= amount);
        executed++;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    source s = {data, size};
    switch (take(&s, 1) % 5) {
        case 0: amm4(&s); break;
        case 1: cpmm(&s); break;
        case 2: curve(&s); break;
        case 3: pswap(&s); break;
        default: damm(&s);
    }
    return 0;
}

#ifndef TIERCEL_LIBFUZZER
int main(int argc, char **argv) {
    uint64_t seed = argc > 1 ? strtoull(argv[1], 0, 10) : 1, count = argc > 2 ? strtoull(argv[2], 0, 10) : 1000;
    uint8_t data[4096];
    for (uint64_t n = 0; n < count; n++) {
        for (size_t i = 0; i < sizeof data; i++) {
            seed = seed * 6364136223846793005ull + 1442695040888963407ull;
            data[i] = (uint8_t)(seed >> 56);
        }
        LLVMFuzzerTestOneInput(data, sizeof data - (seed >> 33) % 2048);
    }
    printf("%llu\n", (unsigned long long)executed);
    return 0;
}
#endif
