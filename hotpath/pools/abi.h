/* 32-byte words of the Ethereum ABI, as they stand in logs: big-endian, checked against their type. */
#ifndef TIERCEL_ABI_H
#define TIERCEL_ABI_H
#include <string.h>
#include "hotpath/u256.h"

static inline u256 abi_u256(const uint8_t *word) {
    u256 v;
    for (int i = 0; i < 4; i++) {
        uint64_t limb;
        memcpy(&limb, word + 8 * (3 - i), 8);
        v.w[i] = __builtin_bswap64(limb);
    }
    return v;
}
/* an unsigned number of at most 128 bits; *bad becomes 1 when the word holds more */
static inline u128 abi_u128(const uint8_t *word, int bits, int *bad) {
    u256 v = abi_u256(word);
    if (u256_bits(v) > bits) *bad = 1;
    return u256_low128(v);
}
/* a signed number of 24 bits; *bad becomes 1 when the word is none */
static inline int32_t abi_i24(const uint8_t *word, int *bad) {
    u256 v = abi_u256(word);
    int64_t low = (int64_t)v.w[0];
    uint64_t sign = low < 0 ? ~0ull : 0;
    if (v.w[1] != sign || v.w[2] != sign || v.w[3] != sign || low < -(1 << 23) || low >= 1 << 23) *bad = 1;
    return (int32_t)low;
}
#endif
