/* The base-58 text of 32-byte keys, as Solana spells them (alphabet without 0, O, I and l). */
#ifndef TIERCEL_BASE58_H
#define TIERCEL_BASE58_H
#include <stdint.h>
#include <string.h>

/* Writes the text of `key` (32 to 44 characters, no terminator) and returns its length. A leading
 * zero byte is a leading '1'. Eight limbs of 32 bits are divided by 58^5 until nothing is left. */
static inline int base58_of_key(const uint8_t key[32], char out[44]) {
    static const char digits[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    uint32_t limb[8];
    char text[48];
    int zeros = 0, at = 48;
    while (zeros < 32 && !key[zeros]) zeros++;
    for (int i = 0; i < 8; i++)
        limb[i] = (uint32_t)key[4 * i] << 24 | (uint32_t)key[4 * i + 1] << 16
                | (uint32_t)key[4 * i + 2] << 8 | key[4 * i + 3];
    for (int first = 0; at > 3;) {
        uint64_t rest = 0;
        while (first < 8 && !limb[first]) first++;
        if (first == 8) break;
        for (int i = first; i < 8; i++) {
            uint64_t n = rest << 32 | limb[i];
            limb[i] = (uint32_t)(n / 656356768u);
            rest = n % 656356768u;
        }
        for (int i = 0; i < 5; i++) {
            text[--at] = digits[rest % 58];
            rest /= 58;
        }
    }
    while (at < 48 && text[at] == '1') at++; /* zeros of the highest group of five */
    memset(out, '1', (size_t)zeros);
    memcpy(out + zeros, text + at, (size_t)(48 - at));
    return zeros + 48 - at;
}
#endif
