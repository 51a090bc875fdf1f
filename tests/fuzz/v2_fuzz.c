/* V2 pairs and swaps made from bytes, to be built with -fsanitize=address,undefined (bytes.h). */
#include "tests/fuzz/bytes.h"
#include "hotpath/pools/v2_math.h"

/* at the edges of what a pair holds and of what the products of its library hold, as often as elsewhere */
static u256 number(source *s, unsigned bits) {
    static const uint8_t edges[] = {0, 1, 10, 32, 63, 64, 65, 111, 112, 113, 128, 144, 192, 245, 246, 255};
    if (one_of(s, 3)) return take256(s, bits);
    const unsigned at = edges[take(s, 1) % sizeof edges] % (bits + 1);
    const u256 edge = at == 256 ? U256_ZERO : u256_shl(U256_ONE, at);
    switch (take(s, 1) % 3) {
    case 0: return edge;
    case 1: return u256_sub(edge, U256_ONE, 0);
    default: return u256_add(edge, u256_from_u64(take(s, 1)), 0);
    }
}
static void swap_once(source *s, const u256 *in, const u256 *out, uint32_t bps, int library, int first) {
    const v2_fee fee = v2_fee_of(bps);
    const int exact_in = coin(s);
    const u256 amount = number(s, coin(s) ? 112 : 256);
    u256 paid = amount, given = amount, quick, kept;
    int status = exact_in ? v2_amount_out(amount, *in, *out, fee, &given) : v2_amount_in(amount, *in, *out, fee, &paid);
    if (!status && !library) status = v2_pair_refuses(paid, given, *in, *out);
    const int short_way = exact_in ? v2_quick_out(&amount, in, out, fee, library, &quick, &kept)
                                   : v2_quick_in(&amount, in, out, fee, library, &quick, &kept);
    HOLDS(short_way < 0 || short_way == status);
    HOLDS(short_way || u256_eq(quick, exact_in ? given : paid));
    say("%s{\"exact_in\":%d,\"amount\":\"%s\",\"status\":%d,\"paid\":\"%s\",\"given\":\"%s\",\"kept\":\"%s\"}", first ? "" : ",", exact_in, text(amount),
        status, text(paid), text(given), short_way ? "" : text(kept));
}
static void one_input(source *s) {
    const int library = one_of(s, 3);
    const u256 in = number(s, library ? 256 : 112), out = number(s, library ? 256 : 112);
    const uint32_t bps = coin(s) ? 30 : below(s, 10000);
    u256 reserve[2] = {in, out};
    uint8_t topics[4 * 32], data[64];
    say("{\"reserve_in\":\"%s\",\"reserve_out\":\"%s\",\"fee_bps\":%u,\"library\":%d,\"swaps\":[", text(in), text(out), bps, library);
    for (int i = 0; i < 6; i++) swap_once(s, &in, &out, bps, library, !i);
    say("]}\n");
    for (int limb = 0; limb < 4; limb++)
        for (int i = 0; i < 8; i++) topics[8 * (3 - limb) + i] = (uint8_t)(V2_SYNC.w[limb] >> (56 - 8 * i));
    for (int i = 32; i < 128; i++) topics[i] = (uint8_t)take(s, 1);
    for (int i = 0; i < 64; i++) data[i] = (i & 31) < 18 ? 0 : (uint8_t)take(s, 1);
    if (one_of(s, 4)) data[take(s, 1) & 63] = (uint8_t)take(s, 1);
    if (v2_apply_log(reserve, topics, 1, data, 64)) HOLDS(u256_eq(reserve[0], in) && u256_eq(reserve[1], out));
    else HOLDS(u256_bits(reserve[0]) <= 112 && u256_bits(reserve[1]) <= 112);
    v2_apply_log(reserve, topics, 1 + (int)below(s, 4), data, below(s, 65));
}
