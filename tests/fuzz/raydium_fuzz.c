/* CLMM pools, swaps and accounts made from bytes, to be built with -fsanitize=address,undefined (bytes.h). */
#include "tests/fuzz/bytes.h"
#include "hotpath/pools/raydium_accounts.h"
#include "hotpath/pools/raydium_pool.h"

enum { TWIN_STEPS = 400 }; /* what a twin in Python walks in good time: longer swaps are tried, and left */

static void make_dynamic(source *s, raydium_pool *p) {
    raydium_dynamic *c = &p->fee;
    raydium_head *h = &p->head;
    p->has_dynamic = 1;
    c->filter_period = 1 + below(s, 60);
    c->decay_period = c->filter_period + 1 + below(s, 600);
    c->reduction = below(s, 10000);
    c->control = one_of(s, 4) ? 0 : below(s, 100000);
    c->max_volatility = (uint32_t)(take64(s, 32) % (0xffffffffu / (uint32_t)p->spacing + 1ull));
    h->last_update = one_of(s, 16) ? p->now + 1 : p->now - below(s, coin(s) ? 700 : 100000);
    h->volatility_reference = (uint32_t)(take64(s, 32) % (c->max_volatility + 1ull));
    h->volatility = (uint32_t)(take64(s, 32) % (c->max_volatility + 1ull));
    h->index_reference = around(s, q64_floor(h->tick, p->spacing), one_of(s, 8) ? 20000 : 40);
}

static void make_pool(source *s, raydium_pool *p) {
    static const int32_t spacings[8] = {1, 1, 5, 10, 60, 120, 500, 30000};
    raydium_head *h = &p->head;
    p->spacing = spacings[take(s, 1) & 7];
    p->trade_rate = coin(s) ? below(s, 10001) : below(s, 1000000);
    p->protocol_rate = below(s, 500001);
    p->fund_rate = below(s, 500001);
    p->fee_on = below(s, 3);
    p->now = 1780000000 + below(s, 10000000);
    h->tick = around(s, 0, 443634);
    if (coin(s)) h->tick /= 20;
    h->price = raydium_price_at_tick(h->tick);
    const int32_t edge = RAYDIUM_MAX_TICK / p->spacing, middle = q64_floor(h->tick, p->spacing);
    const int32_t reach = coin(s) ? 12 : 250;
    const unsigned bits = (unsigned)take(s, 1) % 111;
    for (int n = (int)below(s, 12); n > 0; n--) {
        int32_t a = around(s, middle, reach), b = around(s, middle, reach);
        if (a > b) { int32_t t = a; a = b; b = t; }
        if (a < -edge) a = -edge;
        if (b > edge) b = edge;
        raydium_modify(p, a * p->spacing, b * p->spacing, take128(s, bits), 1);
    }
    const u128 span = raydium_price_at_tick(h->tick + 1) - h->price, extra = take128(s, 128) % span;
    h->price += extra;
    if (!extra && coin(s) && h->price > RAYDIUM_MIN_PRICE) { /* as a trade leaves it that ended on the tick from above */
        const uint32_t at = raydium_rank(p, h->tick);
        if (at && p->keys[at - 1] == h->tick) h->liquidity -= p->ticks[at - 1].net;
        h->tick--;
    }
    for (int n = coin(s) ? (int)below(s, 8) : 0; n > 0; n--) { /* limit orders, on ticks with liquidity and without */
        raydium_orders o = {below(s, 20), take64(s, 62), take64(s, 62), take128(s, 64)};
        int32_t tick = around(s, middle, reach) * p->spacing;
        if (p->count && coin(s)) tick = p->keys[below(s, p->count)];
        if (tick < RAYDIUM_MIN_TICK || tick > RAYDIUM_MAX_TICK) continue;
        if (one_of(s, 3)) o.open = 0;
        if (one_of(s, 3)) o.part = 0;
        if (!o.part) o.ratio = 0;
        const uint32_t at = raydium_rank(p, tick);
        const int known = at && p->keys[at - 1] == tick;
        raydium_put(p, tick, known ? p->ticks[at - 1].net : 0, known ? p->ticks[at - 1].gross : 0, &o);
    }
    h->here = raydium_rank(p, h->tick);
    if (coin(s)) make_dynamic(s, p);
}

static void say_ticks(const raydium_pool *p) {
    say("[");
    for (uint32_t i = 0; i < p->count; i++) {
        const raydium_tick *t = p->ticks + i;
        say("%s[%d,\"%s%s\",\"%s\",\"%s\",\"%s\",\"%s\",\"%s\"]", i ? "," : "", p->keys[i], sign_of(t->net), text128(size_of(t->net)),
            text128(t->gross), text128(t->orders.phase), text128(t->orders.open), text128(t->orders.part), text128(t->orders.ratio));
    }
    say("]");
}
static void say_pool(const raydium_pool *p) {
    const raydium_dynamic *c = &p->fee;
    const raydium_head *h = &p->head;
    say("{\"pool\":{\"tick_spacing\":%d,\"liquidity\":\"%s\",\"sqrt_price_x64\":\"%s\",\"tick_current\":%d,\"fee_on\":%u,\"dynamic_fee_info\":",
        p->spacing, text128(h->liquidity), text128(h->price), h->tick, p->fee_on);
    if (p->has_dynamic)
        say("{\"filterPeriod\":%u,\"decayPeriod\":%u,\"reductionFactor\":%u,\"dynamicFeeControl\":%u,\"maxVolatilityAccumulator\":%u,"
            "\"tickSpacingIndexReference\":%d,\"volatilityReference\":%u,\"volatilityAccumulator\":%u,\"lastUpdateTimestamp\":%llu}",
            c->filter_period, c->decay_period, c->reduction, c->control, c->max_volatility, h->index_reference, h->volatility_reference,
            h->volatility, (unsigned long long)h->last_update);
    else
        say("null");
    say("},\"amm_config\":{\"tradeFeeRate\":%u,\"protocolFeeRate\":%u,\"fundFeeRate\":%u},\"block_timestamp\":%llu,\"ticks\":",
        p->trade_rate, p->protocol_rate, p->fund_rate, (unsigned long long)p->now);
    say_ticks(p);
    say("}");
}

static void swap_once(source *s, raydium_pool *p, int first) {
    const int zfo = coin(s), exact_in = coin(s);
    const uint64_t amount = take64(s, 64);
    u128 limit = 0;
    raydium_walk w;
    if (one_of(s, 3)) {
        const int32_t away = 1 + (int32_t)below(s, 3000), to = p->head.tick + (zfo ? -away : away);
        limit = raydium_price_at_tick(to < RAYDIUM_MIN_TICK ? RAYDIUM_MIN_TICK : to > RAYDIUM_MAX_TICK ? RAYDIUM_MAX_TICK : to);
        if (one_of(s, 4)) limit += take64(s, 64);
        if (one_of(s, 16)) limit = take128(s, 128);
    }
    memset(&w, 0, sizeof w);
    raydium_swap(p, amount, limit, zfo, exact_in, &w);
    const int done = w.status == Q64_OK || w.status == Q64_PARTIAL, skipped = w.steps > TWIN_STEPS, kept = !done || w.ended;
    HOLDS(w.steps <= Q64_MAX_STEPS + 1);
    HOLDS(!done || (exact_in ? w.in <= amount : w.out <= amount));
    if (!skipped && !kept) raydium_settle(p, &w); /* out of ticks the program fails */
    say("%s{\"zero_for_one\":%d,\"exact_in\":%d,\"amount\":\"%s\",\"limit\":\"%s\",\"skipped\":%d,\"kept\":%d,\"status\":%d,", first ? "" : ",", zfo,
        exact_in, text128(amount), text128(limit), skipped, kept, w.status);
    say("\"ended\":%d,\"in\":\"%s\",\"out\":\"%s\",\"fee\":\"%s\",\"unowned\":\"%s\",\"left\":\"%s\",\"crossed\":%u,", w.ended, text128(w.in), text128(w.out),
        text128(w.fee), text128(w.unowned), text128(w.left), w.crossed);
    say("\"after\":{\"price\":\"%s\",\"liquidity\":\"%s\",\"tick\":%d,\"index_reference\":%d,\"volatility_reference\":%u,\"volatility\":%u,"
        "\"last_update\":%llu,\"ticks\":", text128(w.head.price), text128(w.head.liquidity), w.head.tick, w.head.index_reference,
        w.head.volatility_reference, w.head.volatility, (unsigned long long)w.head.last_update);
    say_ticks(p);
    say("}}");
}
/* bytes as an account: whatever they say, the pool can be asked afterwards */
static void upset(source *s, raydium_pool *p) {
    static const uint64_t heads[4] = {0x46dec3d7f5e3edf7ull, 0x2a81f931cd559bc0ull, 0x6f2bcbcb6821f4daull, 0};
    const int which = (int)below(s, 4), dense = coin(s);
    const size_t whole = 44 + RAYDIUM_ARRAY * 168;
    const size_t n = one_of(s, 4) ? below(s, (uint32_t)whole) : which == 0 ? 1544 : which == 2 ? 117 : whole;
    uint8_t *data = take_account(s, n, heads[which], dense);
    if (n > 273 && which == 0 && coin(s)) {
        const int32_t tick = around(s, 0, RAYDIUM_MAX_TICK);
        const u128 price = raydium_price_at_tick(tick);
        memcpy(data + 253, &price, 16);
        memcpy(data + 269, &tick, 4);
        data[235] = (uint8_t)p->spacing;
        data[236] = (uint8_t)(p->spacing >> 8);
        if (n > 1130 && coin(s)) memset(data + 1107, 0, 3);
    }
    if (n >= whole && which == 1 && coin(s)) {
        const int32_t size = RAYDIUM_ARRAY * p->spacing, start = q64_floor(around(s, 0, RAYDIUM_MAX_TICK), size) * size;
        memcpy(data + 40, &start, 4);
    }
    raydium_apply_account(p, data, n);
    free(data);
    raydium_modify(p, around(s, 0, 443700), around(s, 0, 443700), take128(s, 128), coin(s));
    raydium_rate_now(p);
}

ONE_INPUT_OF(raydium_pool, raydium_free)
