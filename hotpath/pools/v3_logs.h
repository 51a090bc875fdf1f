/* The logs of a Uniswap V3 pool (and PancakeSwap V3's, whose Swap and SetFeeProtocol are shaped
 * otherwise) applied to a v3_pool. topics: 32 bytes each, as the chain has them; data: ABI words.
 *
 * Each log is checked against what this pool would have done; V3_DIVERGED says it could not have, and
 * then nothing was changed. Logs that move nothing a quote depends on (Collect, observations, what
 * is unknown) answer V3_OK. `undo` receives what takes the log back, and may be NULL.
 */
#ifndef TIERCEL_V3_LOGS_H
#define TIERCEL_V3_LOGS_H
#include "hotpath/pools/abi.h"
#include "hotpath/pools/v3_pool.h"

/* topic 0: keccak-256 of the signature, as u256 limbs */
/* Swap(address,address,int256,int256,uint160,uint128,int24) */
static const u256 V3_SWAP =
    {{0xd8004e115fbcca67ull, 0x28cc2ac818eb64feull, 0xe6235f29174924f9ull, 0xc42079f94a6350d7ull}};
/* Swap(address,address,int256,int256,uint160,uint128,int24,uint128,uint128) */
static const u256 V3_SWAP_PANCAKE =
    {{0x8d26497a3577dc83ull, 0x758940ee09377d4full, 0xa1665c810c8d55a1ull, 0x19b47279256b2a23ull}};
/* Mint(address,address,int24,int24,uint128,uint256,uint256) */
static const u256 V3_MINT =
    {{0x0853ae16239d0bdeull, 0x07dee101fe85488full, 0xe7ec69b987b5fb7dull, 0x7a53080ba414158bull}};
/* Burn(address,int24,int24,uint128,uint256,uint256) */
static const u256 V3_BURN =
    {{0x028cd568da98982cull, 0xcdbc45908acfd67eull, 0x59b5fa1aed6a9a8dull, 0x0c396cd989a39f44ull}};
/* Flash(address,address,uint256,uint256,uint256,uint256) */
static const u256 V3_FLASH =
    {{0xcfb86bb1f2dca633ull, 0x3581364a40522f6bull, 0xa52b25a5028beea2ull, 0xbdbdb71d7860376bull}};
/* Initialize(uint160,int24) */
static const u256 V3_INITIALIZE =
    {{0xbdba3f2990dd4c95ull, 0x2190214e8abeb821ull, 0x9a37435efc1e9014ull, 0x98636036cb66a9c1ull}};
/* CollectProtocol(address,address,uint128,uint128) */
static const u256 V3_COLLECT_PROTOCOL =
    {{0x6263f86d50b8b151ull, 0xc4522fdb43d2d238ull, 0x11850b26a6b437d6ull, 0x596b573906218d34ull}};
/* SetFeeProtocol(uint8,uint8,uint8,uint8) */
static const u256 V3_SET_FEE_PROTOCOL =
    {{0x06ac77401237b133ull, 0xae46b9f214c4c4fcull, 0xf6ce49b52a8adb85ull, 0x973d8d92bb299f4aull}};
/* SetFeeProtocol(uint32,uint32,uint32,uint32) */
static const u256 V3_SET_FEE_PROTOCOL_PANCAKE =
    {{0xb87d33154b6e05aaull, 0xec98c08bb38e0e5full, 0xbae294599eafe2d0ull, 0xb3159fed3ddfba67ull}};

static inline int v3_log_swap(v3_pool *p, const uint8_t *data, int pancake) {
    int bad = 0;
    u256 amount0 = abi_u256(data), amount1 = abi_u256(data + 32), price = abi_u256(data + 64), out, given;
    u128 liquidity = abi_u128(data + 96, 128, &bad);
    int32_t tick = abi_i24(data + 128, &bad);
    int minus0 = u256_is_negative(amount0), minus1 = u256_is_negative(amount1);
    int paid0 = !minus0 && !u256_is_zero(amount0), paid1 = !minus1 && !u256_is_zero(amount1);
    if (bad || (paid0 && paid1) || (minus0 && !paid1) || (minus1 && !paid0)) return V3_BAD_FIELD;
    int zero_for_one = paid0 || (!paid1 && u256_lt(price, p->head.price));
    v3_head after;
    if (v3_follow(p, zero_for_one, zero_for_one ? amount0 : amount1, price, &after, &out)) return V3_DIVERGED;
    given = u256_neg(zero_for_one ? amount1 : amount0); /* an exact output may take less than the price gives */
    if (after.tick != tick || after.liquidity != liquidity || u256_lt(out, given)) return V3_DIVERGED;
    if (pancake) {
        u128 share0 = abi_u128(data + 160, 128, &bad), share1 = abi_u128(data + 192, 128, &bad);
        if (bad || (u128)(after.owed0 - p->head.owed0) != share0 || (u128)(after.owed1 - p->head.owed1) != share1)
            return V3_DIVERGED;
    }
    p->head = after;
    return V3_OK;
}

static inline int v3_log_position(v3_pool *p, const uint8_t *topics, const uint8_t *amount_word, int sign, v3_undo *undo) {
    int bad = 0;
    int32_t lower = abi_i24(topics + 64, &bad), upper = abi_i24(topics + 96, &bad);
    u128 amount = abi_u128(amount_word, 127, &bad);
    if (bad) return V3_BAD_FIELD;
    if (u256_is_zero(p->head.price)) return V3_DIVERGED;
    int status = v3_modify(p, lower, upper, sign * (i128)amount);
    if (undo && !status && amount) {
        undo->lower = lower;
        undo->upper = upper;
        undo->amount = sign * (i128)amount;
    }
    return status;
}

static inline int v3_log_flash(v3_pool *p, const uint8_t *data) {
    v3_head h = p->head;
    for (int token = 0; token < 2; token++) {
        u256 paid = abi_u256(data + 64 + 32 * token);
        if (u256_is_zero(paid)) continue;
        if (!h.liquidity || v3_take_fee(p, &h, paid, token)) return V3_DIVERGED;
    }
    p->head = h;
    return V3_OK;
}

static inline int v3_log_fee_protocol(v3_pool *p, const uint8_t *data, int pancake) {
    int bad = 0, bits = pancake ? 16 : 4;
    uint32_t old0 = (uint32_t)abi_u128(data, bits, &bad), old1 = (uint32_t)abi_u128(data + 32, bits, &bad);
    uint32_t new0 = (uint32_t)abi_u128(data + 64, bits, &bad), new1 = (uint32_t)abi_u128(data + 96, bits, &bad);
    if (bad || pancake != (p->denominator != 0)) return V3_BAD_FIELD;
    if ((old0 | old1 << bits) != p->fee_protocol) return V3_DIVERGED;
    p->fee_protocol = new0 | new1 << bits;
    return V3_OK;
}

static inline int v3_log_collect_protocol(v3_pool *p, const uint8_t *data) {
    int bad = 0;
    u128 amount0 = abi_u128(data, 128, &bad), amount1 = abi_u128(data + 32, 128, &bad);
    if (bad) return V3_BAD_FIELD;
    if (amount0 > p->head.owed0 || amount1 > p->head.owed1) return V3_DIVERGED;
    p->head.owed0 -= amount0;
    p->head.owed1 -= amount1;
    return V3_OK;
}

static inline int v3_log_initialize(v3_pool *p, const uint8_t *data) {
    int bad = 0;
    u256 price = abi_u256(data);
    int32_t tick = abi_i24(data + 32, &bad);
    if (bad || u256_lt(price, V3_MIN_PRICE) || !u256_lt(price, V3_MAX_PRICE)) return V3_BAD_FIELD;
    if (!u256_is_zero(p->head.price) || v3_tick_at_price(price) != tick) return V3_DIVERGED;
    p->head.price = price;
    p->head.tick = tick;
    p->head.here = v3_rank(p, tick);
    if (p->denominator) { /* PancakeV3Pool.initialize: the protocol's share follows from the fee tier */
        uint32_t share = p->fee == 100 ? 3300 : p->fee == 500 ? 3400 : p->fee == 2500 || p->fee == 10000 ? 3200 : 0;
        p->fee_protocol = share | share << 16;
    }
    return V3_OK;
}

static inline int v3_apply_log(v3_pool *p, const uint8_t *topics, int n_topics, const uint8_t *data, size_t n, v3_undo *undo) {
    if (undo) *undo = (v3_undo){p->head, p->fee_protocol, 0, 0, 0};
    if (n_topics < 1) return V3_OK;
    const u256 topic = abi_u256(topics);
    if (u256_eq(topic, V3_SWAP)) return n_topics == 3 && n == 160 ? v3_log_swap(p, data, 0) : V3_BAD_FIELD;
    if (u256_eq(topic, V3_SWAP_PANCAKE)) return n_topics == 3 && n == 224 ? v3_log_swap(p, data, 1) : V3_BAD_FIELD;
    if (u256_eq(topic, V3_MINT)) return n_topics == 4 && n == 128 ? v3_log_position(p, topics, data + 32, 1, undo) : V3_BAD_FIELD;
    if (u256_eq(topic, V3_BURN)) return n_topics == 4 && n == 96 ? v3_log_position(p, topics, data, -1, undo) : V3_BAD_FIELD;
    if (u256_eq(topic, V3_FLASH)) return n_topics == 3 && n == 128 ? v3_log_flash(p, data) : V3_BAD_FIELD;
    if (u256_eq(topic, V3_SET_FEE_PROTOCOL)) return n == 128 ? v3_log_fee_protocol(p, data, 0) : V3_BAD_FIELD;
    if (u256_eq(topic, V3_SET_FEE_PROTOCOL_PANCAKE)) return n == 128 ? v3_log_fee_protocol(p, data, 1) : V3_BAD_FIELD;
    if (u256_eq(topic, V3_COLLECT_PROTOCOL)) return n == 64 ? v3_log_collect_protocol(p, data) : V3_BAD_FIELD;
    if (u256_eq(topic, V3_INITIALIZE)) return n == 64 ? v3_log_initialize(p, data) : V3_BAD_FIELD;
    return V3_OK;
}
#endif
