/* DAMM v2 pools, swaps and accounts made from bytes, to be built with -fsanitize=address,undefined (bytes.h). */
#include "tests/fuzz/bytes.h"
#include "hotpath/pools/meteora_damm_v2.h"

static uint8_t base_fee[32];

static void put(uint8_t *at, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) at[i] = (uint8_t)(value >> 8 * i);
}
static int make_pool(source *s, damm_pool *p) {
    memset(p, 0, sizeof *p);
    memset(base_fee, 0, sizeof base_fee);
    const int mode = (int)below(s, 5);
    put(base_fee, coin(s) ? below(s, 990000001) : below(s, 5000000), 8);
    base_fee[8] = (uint8_t)mode;
    for (int i = 14; i < 32; i++) base_fee[i] = one_of(s, 3) ? 0 : (uint8_t)take(s, 1);
    put(base_fee + 14, take64(s, 16), 2); /* periods, or the limiter's increment */
    if (mode <= 1) {
        put(base_fee + 16, take64(s, 24), 8);
        put(base_fee + 24, take64(s, coin(s) ? 14 : 64), 8);
    } else if (mode == 2) {
        put(base_fee + 16, take64(s, 32), 4);
        put(base_fee + 20, below(s, 9901), 4);
        put(base_fee + 24, take64(s, 64), 8);
    } else {
        put(base_fee + 16, take64(s, 20), 4);
        put(base_fee + 20, take64(s, 32), 4);
        put(base_fee + 24, take64(s, coin(s) ? 14 : 64), 8);
    }
    if (damm_read_base_fee(base_fee, &p->base)) return 1;
    p->collect = (int32_t)below(s, 3);
    p->version = coin(s);
    p->price = ((u128)1 << (40 + below(s, 50))) + take128(s, 40);
    p->low = 4295048016u;
    p->high = ((u128)4294886578u << 64) - 1;
    if (coin(s)) {
        p->low = p->price - p->price / (2 + below(s, 30));
        p->high = p->price + p->price / (2 + below(s, 30));
    }
    if (one_of(s, 16)) p->low = p->price + 1;
    p->start = coin(s) ? p->price / (1 + below(s, 4)) : take128(s, 96);
    p->liquidity = take128(s, 127);
    p->amount[0] = take64(s, 64);
    p->amount[1] = take64(s, 64);
    p->activation = 1770000000;
    p->point_is_time = 1;
    p->point = p->activation + take64(s, 30) - (one_of(s, 4) ? 50 : 0);
    p->now = p->point;
    p->protocol_percent = below(s, 101);
    p->referral_percent = below(s, 101);
    p->compounding_bps = p->collect == DAMM_COMPOUNDING ? below(s, 10001) : 0;
    p->dynamic.on = coin(s);
    p->dynamic.accumulator = take64(s, 24);
    p->dynamic.bin_step = 1 + below(s, 400);
    p->dynamic.control = (uint32_t)take64(s, 32);
    p->dynamic.tracked = 0;
    return 0;
}
static void say_pool(const damm_pool *p) {
    say("{\"collect_fee_mode\":%d,\"sqrt_min_price\":\"%s\",\"sqrt_max_price\":\"%s\",\"sqrt_price\":\"%s\",\"liquidity\":\"%s\",", p->collect,
        text128(p->low), text128(p->high), text128(p->price), text128(p->liquidity));
    say("\"token_a_amount\":\"%s\",\"token_b_amount\":\"%s\",\"fee_version\":\"%d\",\"activation_point\":\"%s\",\"init_sqrt_price\":\"%s\",",
        text128(p->amount[0]), text128(p->amount[1]), p->version, text128(p->activation), text128(p->start));
    say("\"protocol_fee_percent\":%u,\"referral_fee_percent\":%u,\"compounding_fee_bps\":%u,\"base_fee_data_hex\":\"", p->protocol_percent,
        p->referral_percent, p->compounding_bps);
    for (int i = 0; i < 32; i++) say("%02x", base_fee[i]);
    say("\",\"dynamic_fee\":{\"initialized\":%d,\"volatilityAccumulator\":\"%s\",\"binStep\":%u,\"variableFeeControl\":%u}}", p->dynamic.on,
        text128(p->dynamic.accumulator), p->dynamic.bin_step, p->dynamic.control);
}
static void swap_once(source *s, damm_pool *p, int first) {
    static const char *const names[3] = {"exact_in", "partial_in", "exact_out"};
    const int direction = coin(s), how = (int)below(s, 3);
    const uint64_t amount = take64(s, 64);
    damm_result r;
    memset(&r, 0, sizeof r);
    p->referred = coin(s);
    const int status = damm_answer(p, direction, how, amount, &r);
    say("%s{\"state\":{\"pool\":", first ? "" : ",");
    say_pool(p);
    say(",\"current_point\":\"%s\",\"a_to_b\":%s,\"has_referral\":%s,\"fn\":\"%s\",\"amount\":\"%s\"},\"status\":%d,", text128(p->point),
        direction ? "false" : "true", p->referred ? "true" : "false", names[how], text128(amount), status);
    say("\"result\":{\"included_fee_input_amount\":\"%s\",\"excluded_fee_input_amount\":\"%s\",\"amount_left\":\"%s\",\"output_amount\":\"%s\",",
        text128(r.paid), text128(r.paid_net), text128(r.left), text128(r.given));
    say("\"next_sqrt_price\":\"%s\",\"claiming_fee\":\"%s\",\"compounding_fee\":\"%s\",\"protocol_fee\":\"%s\",\"referral_fee\":\"%s\"}}",
        text128(r.price), text128(r.fees.claiming), text128(r.fees.compounding), text128(r.fees.protocol), text128(r.fees.referral));
    memset(&r, 0, sizeof r);
    damm_swap(p, direction, how, amount, 1, &r);
}

static void one_input(source *s) {
    damm_pool p;
    if (make_pool(s, &p)) {
        say("{\"swaps\":[]}\n");
        return;
    }
    say("{\"swaps\":[");
    for (int i = 0; i < 4; i++) swap_once(s, &p, !i);
    say("]}\n");
    const int was = quiet;
    quiet = 1;
    for (int i = 0; i < 3; i++) {
        const size_t n = one_of(s, 4) ? below(s, 1200) : 1112;
        uint8_t *data = take_account(s, n, 0xbc6db111046d9af1ull, coin(s));
        if (n > 486 && coin(s)) {
            data[484] &= 1;
            data[486] &= 1;
            data[48] &= 63;
            data[50] &= 63;
            data[55] &= 15;
            data[16] %= 5;
        }
        damm_apply_account(&p, data, n);
        free(data);
        swap_once(s, &p, 0);
    }
    quiet = was;
}
