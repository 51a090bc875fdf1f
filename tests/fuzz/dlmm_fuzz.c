/* DLMM pairs, swaps and accounts made from bytes, to be built with -fsanitize=address,undefined (bytes.h). */
#include "tests/fuzz/bytes.h"
#include "hotpath/pools/dlmm_accounts.h"
#include "hotpath/pools/dlmm_pool.h"

static void make_pool(source *s, dlmm_pool *p) {
    static const int32_t steps[8] = {1, 2, 10, 25, 80, 100, 400, 10000};
    p->step = steps[take(s, 1) & 7];
    p->head.active = around(s, 0, coin(s) ? 443000 / p->step : 40000);
    p->now = 1780000000 + below(s, 10000000);
    p->base_factor = coin(s) ? below(s, 20001) : below(s, 65536);
    p->base_power = one_of(s, 4) ? below(s, 256) : 0;
    p->filter_period = 1 + below(s, 300);
    p->decay_period = p->filter_period + 1 + below(s, 600);
    p->reduction = below(s, 10001);
    p->control = (uint32_t)take64(s, 32);
    p->max_volatility = (uint32_t)take64(s, 32);
    p->share = below(s, 10001);
    p->min_id = -DLMM_MAX_ID;
    p->max_id = DLMM_MAX_ID;
    p->function_type = below(s, 3);
    p->fee_mode = below(s, 2);
    p->head.volatility = (uint32_t)take64(s, 32);
    p->head.volatility_reference = (uint32_t)take64(s, 32);
    p->head.index_reference = around(s, p->head.active, 40);
    p->head.last_update = p->now - below(s, coin(s) ? 1000 : 100000);
    p->has_extension = coin(s);
    dlmm_set_rates(p);
    const int32_t wide = coin(s) ? 4 : 200;
    const unsigned bits = (unsigned)take(s, 1) % 65;
    for (int n = (int)below(s, 24); n > 0; n--) {
        const int32_t id = around(s, p->head.active, wide);
        dlmm_bin b = {0, take64(s, bits), take64(s, bits), 0, 0, (uint64_t)coin(s)};
        if (id > p->head.active && one_of(s, 4) == 0) b.y = 0;
        if (id < p->head.active && one_of(s, 4) == 0) b.x = 0;
        if (coin(s)) {
            b.open = take64(s, bits);
            b.done = take64(s, bits);
        }
        if (id < -DLMM_MAX_ID || id > DLMM_MAX_ID) continue;
        dlmm_put(p, id, &b);
        /* as a rule the account is there and its bit is set; else the walk must end, or not see it */
        dlmm_note_array(p, dlmm_array_of(id), one_of(s, 24) ? DLMM_KNOWN : DLMM_KNOWN | DLMM_SET, 0);
    }
    if (one_of(s, 8)) dlmm_note_array(p, around(s, dlmm_array_of(p->head.active), 3), DLMM_SET, 0);
    for (int k = 0; k < 2; k++) {
        if (take(s, 1) % 3) continue;
        p->transfer[k].bps = one_of(s, 8) ? 10000 : below(s, 10001);
        p->transfer[k].most = take64(s, 64);
    }
}

static void say_bins(const dlmm_pool *p) {
    say("[");
    for (uint32_t i = 0; i < p->count; i++) {
        const dlmm_bin *b = p->bins + i;
        say("%s[%d,\"%s\",\"%s\",\"%s\",\"%s\",%d]", i ? "," : "", p->keys[i], text128(b->x), text128(b->y), text128(b->open), text128(b->done), b->ask != 0);
    }
    say("]");
}
static void say_pool(const dlmm_pool *p) {
    const dlmm_head *h = &p->head;
    say("{\"lb_pair\":{\"active_id\":%d,\"bin_step\":%d,\"parameters\":{\"baseFactor\":%u,\"filterPeriod\":%u,\"decayPeriod\":%u,"
        "\"reductionFactor\":%u,\"variableFeeControl\":%u,\"maxVolatilityAccumulator\":%u,\"minBinId\":%d,\"maxBinId\":%d,\"protocolShare\":%u,"
        "\"baseFeePowerFactor\":%u,\"functionType\":%u,\"collectFeeMode\":%u},", h->active, p->step, p->base_factor, p->filter_period,
        p->decay_period, p->reduction, p->control, p->max_volatility, p->min_id, p->max_id, p->share, p->base_power, p->function_type, p->fee_mode);
    say("\"v_parameters\":{\"volatilityAccumulator\":%u,\"volatilityReference\":%u,\"indexReference\":%d,\"lastUpdateTimestamp\":%lld}},"
        "\"timestamp\":%lld,\"bins\":", h->volatility, h->volatility_reference, h->index_reference, (long long)h->last_update, (long long)p->now);
    say_bins(p);
    say(",\"bin_arrays\":[");
    for (uint32_t i = 0, n = 0; i < p->n_arrays; i++)
        if (p->flags[i] & DLMM_SET) say("%s[%d,%s]", n++ ? "," : "", p->arrays[i], p->flags[i] & DLMM_KNOWN ? "true" : "false");
    say("],\"bitmap_extension\":%s", p->has_extension ? "true" : "false");
    for (int k = 0; k < 2; k++)
        say(",\"transfer_fee_%c\":{\"feeBps\":%u,\"maxFee\":\"%s\"}", 'x' + k, p->transfer[k].bps, text128(p->transfer[k].most));
    say("}");
}

static void swap_once(source *s, dlmm_pool *p, int first) {
    const int for_y = coin(s), exact_in = coin(s);
    const uint64_t amount = take64(s, 64);
    u128 limit = 0;
    dlmm_walk w, moved;
    if (one_of(s, 4)) limit = dlmm_price(around(s, p->head.active, 40), (uint32_t)p->step) + below(s, 3);
    memset(&w, 0, sizeof w);
    memset(&moved, 0, sizeof moved);
    dlmm_swap(p, amount, limit, for_y, exact_in, 0, &w);
    const int done = w.status == Q64_OK || w.status == Q64_PARTIAL;
    /* out of bins the program fails; a limit makes it the swap of what was filled */
    const int moves = !w.beyond && (w.status == Q64_OK || (w.status == Q64_PARTIAL && w.limited));
    HOLDS(w.steps <= Q64_MAX_STEPS + 1);
    HOLDS(!done || (exact_in ? w.sent <= amount : w.got <= amount));
    if (moves) {
        dlmm_swap(p, amount, limit, for_y, exact_in, 1, &moved);
        HOLDS(moved.status == w.status && moved.paid == w.paid && moved.given == w.given && moved.head.active == w.head.active);
        p->head = w.head;
    }
    say("%s{\"for_y\":%d,\"exact_in\":%d,\"amount\":\"%s\",\"limit\":\"%s\",\"skipped\":0,\"kept\":%d,\"status\":%d,\"beyond\":%d,", first ? "" : ",", for_y,
        exact_in, text128(amount), text128(limit), !moves, w.status, w.beyond);
    say("\"sent\":\"%s\",\"got\":\"%s\",\"left\":\"%s\",\"user_fee\":\"%s\",\"protocol_fee\":\"%s\",", text128(w.sent), text128(w.got), text128(w.left),
        text128(w.user_fee), text128(w.protocol_fee));
    say("\"after\":{\"active\":%d,\"volatility\":%u,\"volatility_reference\":%u,\"index_reference\":%d,\"last_update\":%lld,\"bins\":", w.head.active,
        w.head.volatility, w.head.volatility_reference, w.head.index_reference, (long long)w.head.last_update);
    say_bins(p);
    say("}}");
}
/* bytes as an account: whatever they say, the pool can be asked afterwards */
static void upset(source *s, dlmm_pool *p) {
    static const uint64_t heads[4] = {0x0db165b562310b21ull, 0xb5469405dc5c8e5cull, 0x0512ed37717c6f50ull, 0};
    const int which = (int)below(s, 4), dense = coin(s) && (which != 2 || one_of(s, 64));
    const size_t whole = 56 + DLMM_BINS * 144;
    const size_t n = one_of(s, 4) ? below(s, (uint32_t)whole) : which == 0 ? 904 : which == 2 ? 1576 : whole;
    uint8_t *data = take_account(s, n, heads[which], dense);
    if (n > 90 && which == 0 && coin(s)) {
        const int32_t active = around(s, 0, DLMM_MAX_ID);
        memcpy(data + 76, &active, 4);
        data[80] = (uint8_t)p->step;
        data[81] = (uint8_t)(p->step >> 8);
        data[14] = data[35] = data[36] = data[82] = 0;
        data[15] &= 31;
    }
    if (n > 16 && which == 1 && coin(s)) {
        const int64_t index = around(s, dlmm_array_of(p->head.active), 2);
        memcpy(data + 8, &index, 8);
    }
    dlmm_apply_account(p, data, n);
    dlmm_transfer_fee fee;
    dlmm_mint_fee(data, n, take(s, 2), &fee);
    free(data);
    dlmm_arrays_walked(p, coin(s), around(s, 0, DLMM_MAX_ID), coin(s));
    dlmm_price(around(s, 0, 0x90000), 1 + below(s, 10000));
}

ONE_INPUT_OF(dlmm_pool, dlmm_free)
