/* A board: latest values in shared memory, one writer a slot, read under a sequence lock.
 *
 * A slot is two lines of 64 bytes, so neighbours never share one: 8 bytes of version and 112 of
 * payload (14 words) in the first 120. The version is odd while the writer is inside. Words are
 * copied as relaxed atomics: what a reader saw torn it throws away, and no compiler may guess.
 * A writer killed inside leaves the version odd: readers get 0 (nothing to trust) until the next
 * writer, which steps from any version to the next even one. */
#ifndef TIERCEL_BOARD_H
#define TIERCEL_BOARD_H
#include <stdint.h>
#include <string.h>

#define TC_BOARD_MAGIC 0x3144414f42524954ull /* "TIRBOAD1" */
#define TC_BOARD_LAYOUT 1
#define TC_BOARD_PAYLOAD 112
#define TC_BOARD_TRIES 4096

typedef struct {
    _Alignas(128) uint64_t version;
    uint64_t words[TC_BOARD_PAYLOAD / 8];
    uint64_t spare;
} tc_board_slot;

_Static_assert(sizeof(tc_board_slot) == 128, "a slot is two lines");

static inline void tc_board_put(tc_board_slot *slot, const void *from, uint32_t n) {
    uint64_t version = __atomic_load_n(&slot->version, __ATOMIC_RELAXED), word;
    uint32_t whole = n / 8, rest = n % 8;
    version |= 1; /* a version left odd by a killed writer stays odd */
    __atomic_store_n(&slot->version, version, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    for (uint32_t i = 0; i < whole; i++) {
        memcpy(&word, (const char *)from + 8 * i, 8);
        __atomic_store_n(&slot->words[i], word, __ATOMIC_RELAXED);
    }
    if (rest) {
        word = 0;
        memcpy(&word, (const char *)from + 8 * whole, rest);
        __atomic_store_n(&slot->words[whole], word, __ATOMIC_RELAXED);
    }
    __atomic_store_n(&slot->version, version + 1, __ATOMIC_RELEASE);
}

/* The version of what was copied, 0: never written, or its writer is (or died) inside. */
static inline uint64_t tc_board_get(const tc_board_slot *slot, void *to, uint32_t n) {
    uint32_t whole = n / 8, rest = n % 8;
    for (int tries = 0; tries < TC_BOARD_TRIES; tries++) {
        uint64_t version = __atomic_load_n(&slot->version, __ATOMIC_ACQUIRE), word;
        if (version & 1) continue;
        for (uint32_t i = 0; i < whole; i++) {
            word = __atomic_load_n(&slot->words[i], __ATOMIC_RELAXED);
            memcpy((char *)to + 8 * i, &word, 8);
        }
        if (rest) {
            word = __atomic_load_n(&slot->words[whole], __ATOMIC_RELAXED);
            memcpy((char *)to + 8 * whole, &word, rest);
        }
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (__atomic_load_n(&slot->version, __ATOMIC_RELAXED) == version) return version;
    }
    return 0;
}
/* The version as it is, odd while its writer is (or died) inside. What a slot held at an even version it
 * holds as long as it has that version: who kept that needs nothing else of the slot, so the load is
 * relaxed. */
static inline uint64_t tc_board_version(const tc_board_slot *slot) {
    return __atomic_load_n(&slot->version, __ATOMIC_RELAXED);
}
#endif
