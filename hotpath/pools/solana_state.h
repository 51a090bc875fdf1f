/* Little-endian numbers out of account bytes; the reader has checked the length. */
#ifndef TIERCEL_SOLANA_STATE_H
#define TIERCEL_SOLANA_STATE_H
#include <string.h>
#include "hotpath/u256.h"

static inline uint16_t le_u16(const uint8_t *b) { return (uint16_t)(b[0] | b[1] << 8); }
static inline uint32_t le_u32(const uint8_t *b) { return (uint32_t)le_u16(b) | (uint32_t)le_u16(b + 2) << 16; }
static inline int32_t le_i32(const uint8_t *b) { return (int32_t)le_u32(b); }
static inline uint64_t le_u64(const uint8_t *b) { return (uint64_t)le_u32(b) | (uint64_t)le_u32(b + 4) << 32; }
static inline u128 le_u128(const uint8_t *b) { return (u128)le_u64(b) | (u128)le_u64(b + 8) << 64; }
/* the eight bytes that begin an account of a program made with Anchor, as one number */
static inline int le_is(const uint8_t *b, uint64_t discriminator) { return le_u64(b) == discriminator; }
/* a u128 that is read as signed, widened */
static inline u256 wide_i128(u128 v) {
    const uint64_t sign = (uint64_t)(v >> 127) ? ~0ull : 0;
    return u256_from_limbs((uint64_t)v, (uint64_t)(v >> 64), sign, sign);
}
#endif
