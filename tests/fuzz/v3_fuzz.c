/* Uniswap V3 pools, swaps and logs made from bytes, to be built with -fsanitize=address,undefined.
 *
 * LLVMFuzzerTestOneInput is the entry for a fuzzer; main makes the bytes itself: `v3_fuzz SEED COUNT` runs
 * COUNT inputs and prints each as one JSON line, states and swaps with their results, so that the twin can
 * be asked the same. Bytes that run out are zeros. Every walk is bounded by the pool's own bound on steps.
 */
#include <stdio.h>
#include "hotpath/pools/v2_math.h"
#include "hotpath/pools/v3_logs.h"
#include "hotpath/u256_door.h" /* for u256_format; nothing of Python is called */

typedef struct { const uint8_t *at; size_t left; } source;

static uint64_t take(source *s, int bytes) {
    uint64_t v = 0;
    for (int i = 0; i < bytes; i++) {
        v = v << 8 | (s->left ? *s->at : 0);
        if (s->left) {
            s->at++;
            s->left--;
        }
    }
    return v;
}
/* of up to `bits` bits, small ones as likely as large ones */
static u256 take_number(source *s, unsigned bits) {
    u256 v = u256_from_limbs(take(s, 8), take(s, 8), take(s, 8), take(s, 8));
    unsigned keep = (unsigned)take(s, 1) % (bits + 1);
    return keep ? u256_shr(v, 256 - keep) : U256_ZERO;
}

static int quiet;
static void print_number(const char *name, u256 v, const char *after) {
    char text[80];
    if (quiet) return;
    text[u256_format(v, text)] = 0;
    printf("\"%s\":\"%s\"%s", name, text, after);
}
static void print_head(const v3_head *h) {
    print_number("sqrtPriceX96", h->price, ",");
    if (!quiet) printf("\"tick\":\"%d\",", h->tick);
    print_number("liquidity", u256_from_u128(h->liquidity), ",");
    print_number("feeGrowthGlobal0X128", h->growth0, ",");
    print_number("feeGrowthGlobal1X128", h->growth1, ",");
    print_number("protocolFees0", u256_from_u128(h->owed0), ",");
    print_number("protocolFees1", u256_from_u128(h->owed1), "");
}
static void print_state(const v3_pool *p) {
    if (quiet) return;
    printf("{\"fee\":\"%u\",\"tickSpacing\":\"%d\",\"feeProtocol\":\"%u\",", p->fee, p->spacing, p->fee_protocol);
    if (p->denominator) printf("\"feeProtocolDenominator\":\"%u\",", p->denominator);
    print_head(&p->head);
    printf(",\"ticks\":[");
    for (uint32_t i = 0; i < p->count; i++) {
        const v3_tick *t = p->ticks + p->slots[i];
        char text[80];
        u128 net = v3_net(t);
        int minus = (int)(net >> 127);
        text[u256_format(u256_from_u128(minus ? -net : net), text)] = 0;
        printf("%s[\"%d\",\"%s%s\",", i ? "," : "", t->tick, minus ? "-" : "", text);
        text[u256_format(u256_from_u128(v3_gross(t)), text)] = 0;
        printf("\"%s\"]", text);
    }
    printf("]}");
}

static int make_pool(source *s, v3_pool *p) {
    static const int32_t spacings[8] = {1, 1, 10, 50, 60, 200, 2500, 16383};
    static const uint32_t fees[8] = {0, 1, 100, 500, 3000, 10000, 500000, 999999};
    p->spacing = spacings[take(s, 1) & 7];
    p->fee = fees[take(s, 1) & 7];
    const int32_t top = V3_MAX_TICK / p->spacing;
    int32_t middle = (int32_t)(take(s, 4) % (uint32_t)(2 * top + 1)) - top;
    if (take(s, 1) & 1) middle /= 50;
    const int32_t width = 1 + (int32_t)(take(s, 2) % 400);
    p->head.tick = middle * p->spacing;
    if (p->head.tick >= V3_MAX_TICK) p->head.tick = V3_MAX_TICK - 1;
    if (take(s, 1) & 1) {
        p->denominator = 10000;
        p->fee_protocol = (uint32_t)(take(s, 2) % 10001) | (uint32_t)(take(s, 2) % 10001) << 16;
    } else {
        p->fee_protocol = (uint32_t)take(s, 1);
    }
    for (int n = (int)(take(s, 1) % 12); n > 0; n--) {
        int32_t a = middle + (int32_t)(take(s, 2) % (uint32_t)(2 * width)) - width;
        int32_t b = middle + (int32_t)(take(s, 2) % (uint32_t)(2 * width)) - width;
        if (a > b) { int32_t t = a; a = b; b = t; }
        if (a < -top) a = -top;
        if (b > top) b = top;
        v3_modify(p, a * p->spacing, b * p->spacing, (i128)u256_low128(take_number(s, 110)));
    }
    u256 low = v3_price_at_tick(p->head.tick), high = v3_price_at_tick(p->head.tick + 1);
    u256 span = u256_sub(high, low, 0), extra = take_number(s, 160);
    p->head.price = u256_add(low, u256_mod(extra, span), 0);
    if (u256_eq(p->head.price, low) && take(s, 1) & 1 && p->head.tick > V3_MIN_TICK) {
        u128 net = 0; /* as after a swap down that stopped on the tick */
        uint32_t at = v3_rank(p, p->head.tick);
        if (at && p->keys[at - 1] == p->head.tick) net = v3_net(p->ticks + p->slots[at - 1]);
        p->head.liquidity -= net;
        p->head.tick--;
        p->head.here = v3_rank(p, p->head.tick);
    }
    p->head.growth0 = take_number(s, 256);
    p->head.growth1 = take_number(s, 256);
    p->head.owed0 = u256_low128(take_number(s, 128));
    p->head.owed1 = u256_low128(take_number(s, 128));
    return 0;
}

static void swap_once(source *s, v3_pool *p, int first) {
    v3_walk w;
    int down = (int)take(s, 1) & 1, exact_in = (int)take(s, 1) & 1;
    u256 amount = take_number(s, 256);
    int32_t away = 1 + (int32_t)(take(s, 2) % 4000), to = p->head.tick + (down ? -away : away);
    if (to < V3_MIN_TICK) to = V3_MIN_TICK;
    if (to > V3_MAX_TICK) to = V3_MAX_TICK;
    u256 limit = v3_price_at_tick(to);
    switch (take(s, 1) & 15) {
    case 0: limit = u256_shr(take_number(s, 256), 96); break;
    case 1: limit = u256_add(limit, U256_ONE, 0); break;
    case 2: limit = u256_sub(limit, U256_ONE, 0); break;
    }
    v3_swap(p, amount, limit, down, exact_in, 1, &w);
    if (!quiet) {
        printf("%s{\"down\":%s,\"exact_in\":%s,\"status\":%d,\"crossed\":%d,", first ? "" : ",", down ? "true" : "false",
               exact_in ? "true" : "false", w.status, w.crossed);
        print_number("amount", amount, ",");
        print_number("limit", limit, ",");
        print_number("paid", w.in, ",");
        print_number("given", w.out, ",");
    }
    if (w.status == V3_OK || w.status == V3_PARTIAL || w.status == V3_NO_LIQUIDITY) p->head = w.head;
    if (!quiet) printf("\"after\":{");
    print_head(&p->head);
    if (!quiet) printf("}}");
}
/* a log whose words are bytes: it may be refused, it may not be wrong */
static void log_once(source *s, v3_pool *p) {
    static const u256 *topics[] = {&V3_SWAP, &V3_SWAP_PANCAKE, &V3_MINT, &V3_BURN, &V3_FLASH, &V3_INITIALIZE,
                                   &V3_COLLECT_PROTOCOL, &V3_SET_FEE_PROTOCOL, &V3_SET_FEE_PROTOCOL_PANCAKE, &V2_SYNC};
    uint8_t words[4 * 32], data[7 * 32];
    v3_undo undo;
    const u256 *topic = topics[take(s, 1) % 10];
    for (int limb = 0; limb < 4; limb++)
        for (int i = 0; i < 8; i++) words[8 * (3 - limb) + i] = (uint8_t)(topic->w[limb] >> (56 - 8 * i));
    for (int k = 1; k < 4; k++) {
        int64_t v = (int64_t)(int32_t)take(s, 4) / 2048 / p->spacing * p->spacing;
        for (int i = 0; i < 32; i++) words[32 * k + i] = i < 24 ? (uint8_t)(v < 0 ? 255 : 0) : (uint8_t)((uint64_t)v >> (56 - 8 * (i - 24)));
    }
    for (int k = 0; k < 7; k++) {
        u256 v = take_number(s, 256);
        for (int i = 0; i < 32; i++) data[32 * k + i] = (uint8_t)(v.w[3 - i / 8] >> (56 - 8 * (i % 8)));
    }
    static const int sizes[] = {160, 224, 128, 96, 128, 64, 64, 128, 128, 64};
    size_t n = (size_t)(take(s, 1) & 7 ? sizes[take(s, 1) % 10] : take(s, 1) % 225);
    v3_head before = p->head;
    int status = v3_apply_log(p, words, 1 + (int)(take(s, 1) & 3), data, n, &undo);
    if (status == V3_OK) v3_take_back(p, &undo);
    if (!u256_eq(before.price, p->head.price) || before.liquidity != p->head.liquidity || before.here != p->head.here) __builtin_trap();
    u256 reserve[2] = {U256_ZERO, U256_ZERO};
    v2_apply_log(reserve, words, 1, data, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    source s = {data, size};
    v3_pool p;
    curve_row row;
    memset(&p, 0, sizeof p);
    p.head.price = V3_Q96; /* so that positions can be made before the price is drawn */
    make_pool(&s, &p);
    if (!quiet) printf("{\"state\":");
    print_state(&p);
    if (!quiet) printf(",\"swaps\":[");
    for (int i = 0; i < 4; i++) swap_once(&s, &p, !i);
    if (!quiet) printf("]}\n");
    for (int i = 0; i < 6; i++) log_once(&s, &p);
    v3_curve(&p, 0, &row);
    v3_curve(&p, 1, &row);
    v3_free(&p);
    return 0;
}

#ifndef FUZZER
int main(int argc, char **argv) {
    uint8_t bytes[4096];
    if (argc < 3) return 2;
    uint64_t seed = strtoull(argv[1], 0, 10), count = strtoull(argv[2], 0, 10);
    quiet = argc > 3;
    v3_load_words();
    for (uint64_t n = 0; n < count; n++) {
        for (size_t i = 0; i < sizeof bytes; i += 8) { /* splitmix64 */
            uint64_t z = seed += 0x9e3779b97f4a7c15ull;
            z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
            z = (z ^ z >> 27) * 0x94d049bb133111ebull;
            z ^= z >> 31;
            memcpy(bytes + i, &z, 8);
        }
        LLVMFuzzerTestOneInput(bytes, sizeof bytes);
    }
    return 0;
}
#endif
