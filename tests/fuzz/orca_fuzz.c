/* Whirlpools, swaps and accounts made from bytes, to be built with -fsanitize=address,undefined (bytes.h). */
#include "tests/fuzz/bytes.h"
#include "hotpath/pools/orca_accounts.h"
#include "hotpath/pools/orca_pool.h"

enum { TWIN_STEPS = 400 }; /* what a twin in Python walks in good time: longer swaps are tried, and left */

static void make_oracle(source *s, orca_pool *p) {
    orca_adaptive *c = &p->fee;
    orca_head *h = &p->head;
    p->has_oracle = 1;
    p->fee_tier = 1024 + below(s, 9);
    c->group = (uint32_t)p->spacing;
    if (coin(s)) c->group = 1;
    c->filter_period = 1 + below(s, 60);
    c->decay_period = c->filter_period + 1 + below(s, 600);
    c->reduction = below(s, 10000);
    c->control = one_of(s, 4) ? 0 : below(s, 100000);
    c->max_volatility = (uint32_t)(take64(s, 32) % (0xffffffffu / c->group + 1ull));
    c->major_ticks = 1 + below(s, 2000);
    p->trade_enable = one_of(s, 8) ? p->now + below(s, 2) : 0;
    h->last_reference = p->now - (coin(s) ? below(s, 1000) : below(s, 100000));
    h->last_major = one_of(s, 16) ? p->now + 1 : p->now - below(s, 5000);
    h->volatility_reference = (uint32_t)(take64(s, 32) % (c->max_volatility + 1ull));
    h->volatility = (uint32_t)(take64(s, 32) % (c->max_volatility + 1ull));
    h->group_reference = around(s, q64_floor(h->tick, (int32_t)c->group), one_of(s, 8) ? 20000 : 40);
}

static void make_pool(source *s, orca_pool *p) {
    static const int32_t spacings[8] = {1, 2, 4, 8, 16, 64, 128, 32896};
    static const int windows[6][5] = {{0, 1, 2, -1, -2}, {0, 1, 2, -1, -2}, {0, 1, -1, 9, 9}, {0, 9, 9, 9, 9}, {-3, -2, -1, 0, 1}, {1, 2, -1, 9, 9}};
    orca_head *h = &p->head;
    p->spacing = spacings[take(s, 1) & 7];
    p->fee_rate = coin(s) ? below(s, 10001) : below(s, 65536);
    p->fee_tier = (uint32_t)p->spacing;
    p->now = 1760000000 + below(s, 10000000);
    h->tick = around(s, 0, 443635);
    if (coin(s)) h->tick /= 20;
    h->price = orca_price_at_tick(h->tick);
    const int32_t edge = ORCA_MAX_TICK / p->spacing, middle = q64_floor(h->tick, p->spacing);
    const int32_t reach = coin(s) ? 12 : 250;
    const unsigned bits = (unsigned)take(s, 1) % 111;
    for (int n = (int)below(s, 12); n > 0; n--) {
        int32_t a = around(s, middle, reach), b = around(s, middle, reach);
        if (a > b) { int32_t t = a; a = b; b = t; }
        if (a < -edge) a = -edge;
        if (b > edge) b = edge;
        orca_modify(p, a * p->spacing, b * p->spacing, take128(s, bits), 1);
    }
    const u128 span = orca_price_at_tick(h->tick + 1) - h->price, extra = take128(s, 128) % span;
    h->price += extra;
    if (!extra && coin(s) && h->price > ORCA_MIN_PRICE) { /* as a trade leaves it that ended on the tick from above */
        const uint32_t at = orca_rank(p, h->tick);
        if (at && p->keys[at - 1] == h->tick) h->liquidity -= p->ticks[at - 1].net;
        h->tick--;
    }
    h->here = orca_rank(p, h->tick);
    const int32_t size = ORCA_ARRAY * p->spacing, start = q64_floor(h->tick, size) * size;
    const int *window = windows[below(s, 6)];
    p->starts_known = 1;
    p->starts = malloc(5 * sizeof *p->starts);
    HOLDS(p->starts);
    for (int64_t k = -3; k <= 2; k++)
        for (int i = 0; i < 5; i++)
            if (window[i] == k && p->n_starts < 5) p->starts[p->n_starts++] = (int32_t)(start + k * size);
    if (coin(s)) make_oracle(s, p);
    for (int k = 0; k < 2; k++) {
        if (take(s, 1) % 3) continue;
        p->transfer[k].bps = one_of(s, 8) ? 10000 : below(s, 10001);
        p->transfer[k].most = take64(s, 64);
    }
}

static void say_head(const orca_head *h) {
    say("\"price\":\"%s\",\"liquidity\":\"%s\",\"tick\":%d,\"last_reference\":%llu,\"last_major\":%llu,\"volatility_reference\":%u,"
        "\"group_reference\":%d,\"volatility\":%u", text128(h->price), text128(h->liquidity), h->tick, (unsigned long long)h->last_reference,
        (unsigned long long)h->last_major, h->volatility_reference, h->group_reference, h->volatility);
}
static void say_pool(const orca_pool *p) {
    const orca_adaptive *c = &p->fee;
    const orca_head *h = &p->head;
    say("{\"pool\":{\"tick_spacing\":%d,\"fee_rate\":%u,\"protocol_fee_rate\":0,\"liquidity\":\"%s\",\"sqrt_price\":\"%s\","
        "\"tick_current_index\":%d,\"fee_tier_index\":%u},\"timestamp\":%llu,\"oracle\":", p->spacing, p->fee_rate, text128(h->liquidity),
        text128(h->price), h->tick, p->fee_tier, (unsigned long long)p->now);
    if (p->has_oracle)
        say("{\"tradeEnableTimestamp\":%llu,\"adaptiveFeeConstants\":{\"filterPeriod\":%u,\"decayPeriod\":%u,\"reductionFactor\":%u,"
            "\"adaptiveFeeControlFactor\":%u,\"maxVolatilityAccumulator\":%u,\"tickGroupSize\":%u,\"majorSwapThresholdTicks\":%u},"
            "\"adaptiveFeeVariables\":{\"lastReferenceUpdateTimestamp\":%llu,\"lastMajorSwapTimestamp\":%llu,\"volatilityReference\":%u,"
            "\"tickGroupIndexReference\":%d,\"volatilityAccumulator\":%u}}", (unsigned long long)p->trade_enable, c->filter_period,
            c->decay_period, c->reduction, c->control, c->max_volatility, c->group, c->major_ticks, (unsigned long long)h->last_reference,
            (unsigned long long)h->last_major, h->volatility_reference, h->group_reference, h->volatility);
    else
        say("null");
    for (int k = 0; k < 2; k++)
        say(",\"transfer_fee_%c\":{\"feeBps\":%u,\"maxFee\":\"%s\"}", 'a' + k, p->transfer[k].bps, text128(p->transfer[k].most));
    say(",\"tick_array_starts\":[");
    for (uint32_t i = 0; i < p->n_starts; i++) say("%s%d", i ? "," : "", p->starts[i]);
    say("],\"ticks\":[");
    for (uint32_t i = 0; i < p->count; i++)
        say("%s[%d,\"%s%s\",\"%s\"]", i ? "," : "", p->keys[i], sign_of(p->ticks[i].net), text128(size_of(p->ticks[i].net)), text128(p->ticks[i].gross));
    say("]}");
}

static void swap_once(source *s, orca_pool *p, int first) {
    const int a_to_b = coin(s), exact_in = coin(s);
    const uint64_t amount = take64(s, 64);
    u128 limit = 0;
    orca_walk w;
    if (one_of(s, 3)) {
        const int32_t away = 1 + (int32_t)below(s, 3000), to = p->head.tick + (a_to_b ? -away : away);
        limit = orca_price_at_tick(to < ORCA_MIN_TICK ? ORCA_MIN_TICK : to > ORCA_MAX_TICK ? ORCA_MAX_TICK : to);
        if (one_of(s, 4)) limit += take64(s, 64);
        if (one_of(s, 16)) limit = take128(s, 128);
    }
    memset(&w, 0, sizeof w);
    orca_swap(p, amount, limit, a_to_b, exact_in, &w);
    const int done = w.status == Q64_OK || w.status == Q64_PARTIAL, skipped = w.steps > TWIN_STEPS;
    HOLDS(w.steps <= Q64_MAX_STEPS + 1);
    HOLDS(!done || (exact_in ? w.paid <= amount : w.out <= amount || p->transfer[!!a_to_b].bps));
    /* the program takes no partial exact output that no limit asked for */
    if (!skipped && (w.status == Q64_OK || (w.status == Q64_PARTIAL && (exact_in || limit)))) p->head = w.head;
    say("%s{\"a_to_b\":%d,\"exact_in\":%d,\"amount\":\"%s\",\"limit\":\"%s\",\"skipped\":%d,\"status\":%d,\"paid\":\"%s\",\"given\":\"%s\","
        "\"fee\":\"%s\",\"left\":\"%s\",", first ? "" : ",", a_to_b, exact_in, text128(amount), text128(limit), skipped, w.status, text128(w.paid), text128(w.given),
        text128(w.fee), text128(w.left));
    say("\"rate_min\":%u,\"rate_max\":%u,\"crossed\":%u,\"after\":{", w.rate_min, w.rate_max, w.crossed);
    say_head(&p->head);
    say("}}");
}
/* bytes as an account: whatever they say, the pool can be asked afterwards */
static void upset(source *s, orca_pool *p) {
    static const uint64_t heads[5] = {0x096380e10cd1953full, 0xbb42076ebebd6145ull, 0x38dac7e18ef6d811ull, 0xf4e5b38cb383c28bull, 0};
    const size_t whole = 60 + ORCA_ARRAY * 113;
    const int which = (int)below(s, 5), dense = coin(s);
    const size_t n = one_of(s, 4) ? below(s, (uint32_t)whole) : which == 0 ? 653 : which == 3 ? 254 : whole;
    uint8_t *data = take_account(s, n, heads[which], dense);
    if (n > 84 && which == 0 && coin(s)) {
        const u128 price = orca_price_at_tick(around(s, 0, ORCA_MAX_TICK));
        memcpy(data + 65, &price, 16);
        data[41] = (uint8_t)p->spacing;
        data[42] = (uint8_t)(p->spacing >> 8);
    }
    if (n > 12 && (which == 1 || which == 2) && coin(s)) {
        const int32_t size = ORCA_ARRAY * p->spacing, start = q64_floor(around(s, 0, ORCA_MAX_TICK), size) * size;
        memcpy(data + 8, &start, 4);
        for (size_t i = which == 1 ? 12 : 60; i < n; i += 113) data[i] &= 1;
    }
    orca_apply_account(p, data, n);
    free(data);
    orca_modify(p, around(s, 0, 443700), around(s, 0, 443700), take128(s, 128), coin(s));
    orca_rate_now(p);
}

ONE_INPUT_OF(orca_pool, orca_free)
