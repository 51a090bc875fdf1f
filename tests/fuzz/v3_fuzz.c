/* Uniswap V3 pools, swaps and logs made from bytes, to be built with -fsanitize=address,undefined (bytes.h).
 * Every walk is bounded by the pool's own bound on steps. */
#include "tests/fuzz/bytes.h"
#include "hotpath/pools/v2_math.h"
#include "hotpath/pools/v3_logs.h"

static void say_head(const v3_head *h) {
    say("\"sqrtPriceX96\":\"%s\",\"tick\":\"%d\",\"liquidity\":\"%s\",", text(h->price), h->tick, text128(h->liquidity));
    say("\"feeGrowthGlobal0X128\":\"%s\",\"feeGrowthGlobal1X128\":\"%s\",", text(h->growth0), text(h->growth1));
    say("\"protocolFees0\":\"%s\",\"protocolFees1\":\"%s\"", text128(h->owed0), text128(h->owed1));
}
static void say_pool(const v3_pool *p) {
    say("{\"fee\":\"%u\",\"tickSpacing\":\"%d\",\"feeProtocol\":\"%u\",", p->fee, p->spacing, p->fee_protocol);
    if (p->denominator) say("\"feeProtocolDenominator\":\"%u\",", p->denominator);
    say_head(&p->head);
    say(",\"ticks\":[");
    for (uint32_t i = 0; i < p->count; i++) {
        const v3_tick *t = p->ticks + p->slots[i];
        const u128 net = v3_net(t);
        say("%s[\"%d\",\"%s%s\",\"%s\"]", i ? "," : "", t->tick, sign_of(net), text128(size_of(net)), text128(v3_gross(t)));
    }
    say("]}");
}

static void make_pool(source *s, v3_pool *p) {
    static const int32_t spacings[8] = {1, 1, 10, 50, 60, 200, 2500, 16383};
    static const uint32_t fees[8] = {0, 1, 100, 500, 3000, 10000, 500000, 999999};
    if (!v3_word_start[V3_WORDS].w[0] && !v3_word_start[V3_WORDS].w[1]) v3_load_words();
    p->head.price = V3_Q96; /* so that positions can be made before the price is drawn */
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
        v3_modify(p, a * p->spacing, b * p->spacing, (i128)take128(s, 110));
    }
    u256 low = v3_price_at_tick(p->head.tick), high = v3_price_at_tick(p->head.tick + 1);
    u256 span = u256_sub(high, low, 0), extra = take256(s, 160);
    p->head.price = u256_add(low, u256_mod(extra, span), 0);
    if (u256_eq(p->head.price, low) && take(s, 1) & 1 && p->head.tick > V3_MIN_TICK) {
        u128 net = 0; /* as after a swap down that stopped on the tick */
        uint32_t at = v3_rank(p, p->head.tick);
        if (at && p->keys[at - 1] == p->head.tick) net = v3_net(p->ticks + p->slots[at - 1]);
        p->head.liquidity -= net;
        p->head.tick--;
        p->head.here = v3_rank(p, p->head.tick);
    }
    p->head.growth0 = take256(s, 256);
    p->head.growth1 = take256(s, 256);
    p->head.owed0 = take128(s, 128);
    p->head.owed1 = take128(s, 128);
}

static void swap_once(source *s, v3_pool *p, int first) {
    v3_walk w;
    int down = (int)take(s, 1) & 1, exact_in = (int)take(s, 1) & 1;
    u256 amount = take256(s, 256);
    int32_t away = 1 + (int32_t)(take(s, 2) % 4000), to = p->head.tick + (down ? -away : away);
    if (to < V3_MIN_TICK) to = V3_MIN_TICK;
    if (to > V3_MAX_TICK) to = V3_MAX_TICK;
    u256 limit = v3_price_at_tick(to);
    switch (take(s, 1) & 15) {
    case 0: limit = u256_shr(take256(s, 256), 96); break;
    case 1: limit = u256_add(limit, U256_ONE, 0); break;
    case 2: limit = u256_sub(limit, U256_ONE, 0); break;
    }
    v3_swap(p, amount, limit, down, exact_in, 1, &w);
    if (w.status == V3_OK || w.status == V3_PARTIAL || w.status == V3_NO_LIQUIDITY) p->head = w.head;
    say("%s{\"down\":%s,\"exact_in\":%s,\"status\":%d,\"crossed\":%d,", first ? "" : ",", down ? "true" : "false", exact_in ? "true" : "false",
        w.status, w.crossed);
    say("\"amount\":\"%s\",\"limit\":\"%s\",\"paid\":\"%s\",\"given\":\"%s\",\"after\":{", text(amount), text(limit), text(w.in), text(w.out));
    say_head(&p->head);
    say("}}");
}
/* a log whose words are bytes: it may be refused, it may not be wrong */
static void upset(source *s, v3_pool *p) {
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
        u256 v = take256(s, 256);
        for (int i = 0; i < 32; i++) data[32 * k + i] = (uint8_t)(v.w[3 - i / 8] >> (56 - 8 * (i % 8)));
    }
    static const uint64_t sizes[] = {160, 224, 128, 96, 128, 64, 64, 128, 128, 64};
    const size_t n = take(s, 1) & 7 ? sizes[take(s, 1) % 10] : take(s, 1) % 225;
    v3_head before = p->head;
    int status = v3_apply_log(p, words, 1 + (int)(take(s, 1) & 3), data, n, &undo);
    if (status == V3_OK) v3_take_back(p, &undo);
    HOLDS(u256_eq(before.price, p->head.price) && before.liquidity == p->head.liquidity && before.here == p->head.here);
    u256 reserve[2] = {U256_ZERO, U256_ZERO};
    v2_apply_log(reserve, words, 1, data, n);
    curve_row row;
    v3_curve(p, 0, &row);
    v3_curve(p, 1, &row);
}

ONE_INPUT_OF(v3_pool, v3_free)
