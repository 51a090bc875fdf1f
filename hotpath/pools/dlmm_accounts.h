/* The bytes of a DLMM pair's accounts: the pair, its arrays of bins, the bitmap's extension, the mints.
 * Offsets after the IDL of the lb_clmm program. Nothing moves unless the bytes are whole. */
#ifndef TIERCEL_DLMM_ACCOUNTS_H
#define TIERCEL_DLMM_ACCOUNTS_H
#include "hotpath/pools/dlmm_state.h"

/* bits of the pair's own bitmap to the list of arrays: a changed bit hides or shows an array */
static inline int dlmm_apply_bits(dlmm_pool *p, const uint8_t *bits) {
    for (int i = 0; i < 16; i++) {
        const uint64_t now = le_u64(bits + 8 * i), changed = now ^ p->bits[i];
        for (int j = 0; j < 64; j++) {
            const int32_t index = 64 * i + j - DLMM_BITMAP;
            if (!(changed >> j & 1)) continue;
            if (dlmm_note_array(p, index, now >> j & 1 ? DLMM_SET : 0, now >> j & 1 ? 0 : DLMM_SET)) return Q64_BAD_FIELD;
        }
        p->bits[i] = now;
    }
    return Q64_OK;
}
/* LbPair. Activation by slot cannot be judged here; by time it is, and a disabled pair is closed. */
static inline int dlmm_apply_pair(dlmm_pool *p, const uint8_t *d, size_t n) {
    dlmm_head *h = &p->head;
    int rewards = 0;
    if (n < 712) return Q64_BAD_FIELD;
    if (le_u16(d + 80) == 0 || le_u16(d + 80) > DLMM_BPS || d[35] > 2 || d[36] > 1) return Q64_BAD_FIELD;
    if (le_i32(d + 76) < -DLMM_MAX_ID || le_i32(d + 76) > DLMM_MAX_ID || le_u16(d + 14) > DLMM_BPS) return Q64_BAD_FIELD;
    if (p->count && p->step != (int32_t)le_u16(d + 80)) return Q64_BAD_FIELD;
    p->base_factor = le_u16(d + 8);
    p->filter_period = le_u16(d + 10);
    p->decay_period = le_u16(d + 12);
    p->reduction = le_u16(d + 14);
    p->control = le_u32(d + 16);
    p->max_volatility = le_u32(d + 20);
    p->min_id = le_i32(d + 24);
    p->max_id = le_i32(d + 28);
    p->share = le_u16(d + 32) < DLMM_BPS ? le_u16(d + 32) : DLMM_BPS;
    p->base_power = d[34];
    p->function_type = d[35];
    p->fee_mode = d[36];
    h->volatility = le_u32(d + 40);
    h->volatility_reference = le_u32(d + 44);
    h->index_reference = le_i32(d + 48);
    h->last_update = (int64_t)le_u64(d + 56);
    h->active = le_i32(d + 76);
    p->step = le_u16(d + 80);
    p->closed = d[82] != 0;
    /* pair types 1 and 2 open at a point; activation type 1 counts seconds */
    p->opens_at = 0;
    if (n >= 824 && (d[75] == 1 || d[75] == 2) && d[86] == 1) p->opens_at = (int64_t)(le_u64(d + 816) & ~(1ull << 63));
    for (int i = 0; i < 32; i++) rewards |= d[264 + i] | d[408 + i];
    p->has_rewards = rewards != 0;
    dlmm_set_rates(p);
    return dlmm_apply_bits(p, d + 584);
}
/* BinArray: 70 bins of 144 bytes */
static inline int dlmm_apply_bins(dlmm_pool *p, const uint8_t *d, size_t n) {
    if (n < 56 + DLMM_BINS * 144) return Q64_BAD_FIELD;
    const int64_t index = (int64_t)le_u64(d + 8);
    if (index < -(DLMM_MAX_ID / DLMM_BINS) - 1 || index > DLMM_MAX_ID / DLMM_BINS) return Q64_BAD_FIELD;
    if (dlmm_reserve(p, p->count + DLMM_BINS)) return Q64_BAD_FIELD;
    for (int i = 0; i < DLMM_BINS; i++) {
        const uint8_t *b = d + 56 + 144 * i;
        const int32_t id = (int32_t)index * DLMM_BINS + i;
        const dlmm_bin bin = {0, le_u64(b), le_u64(b + 8), le_u64(b + 112), le_u64(b + 128), b[140] != 0};
        uint32_t at = dlmm_rank(p, id);
        const int known = at && p->keys[at - 1] == id;
        if (id < -DLMM_MAX_ID || id > DLMM_MAX_ID) continue;
        /* bins that hold nothing need no place unless they had one */
        if (known || (bin.x | bin.y | bin.open | bin.done)) dlmm_put(p, id, &bin);
    }
    return dlmm_note_array(p, (int32_t)index, DLMM_KNOWN, 0) ? Q64_BAD_FIELD : Q64_OK;
}
/* BinArrayBitmapExtension: 12 words of 512 bits upwards from array 512, and downwards from -513 */
static inline int dlmm_apply_extension(dlmm_pool *p, const uint8_t *d, size_t n) {
    if (n < 40 + 2 * 12 * 64) return Q64_BAD_FIELD;
    for (int side = 0; side < 2; side++)
        for (int i = 0; i < 12 * 512; i++) {
            const uint8_t *word = d + 40 + side * 12 * 64 + i / 64 * 8;
            const int32_t index = side ? -DLMM_BITMAP - 1 - i : DLMM_BITMAP + i;
            const int set = le_u64(word) >> (i % 64) & 1;
            if (dlmm_note_array(p, index, set ? DLMM_SET : 0, set ? 0 : DLMM_SET)) return Q64_BAD_FIELD;
        }
    p->has_extension = 1;
    return Q64_OK;
}
static inline int dlmm_apply_account(dlmm_pool *p, const uint8_t *d, size_t n) {
    if (n < 8) return Q64_BAD_FIELD;
    switch (le_u64(d)) {
    case 0x0db165b562310b21ull: return dlmm_apply_pair(p, d, n);
    case 0xb5469405dc5c8e5cull: return dlmm_apply_bins(p, d, n);
    case 0x0512ed37717c6f50ull: return dlmm_apply_extension(p, d, n);
    default: return Q64_BAD_FIELD;
    }
}
/* The transfer fee of a Token-2022 mint at an epoch: TransferFeeConfig is extension 1 of the list that
 * begins after the account type at byte 165. A plain mint has none. */
static inline int dlmm_mint_fee(const uint8_t *d, size_t n, uint64_t epoch, dlmm_transfer_fee *f) {
    size_t at = 166;
    f->bps = 0;
    f->most = 0;
    while (n >= 170 && at + 4 <= n) {
        const uint32_t kind = le_u16(d + at), size = le_u16(d + at + 2);
        if (!kind) break;
        if (kind == 1) {
            if (size < 108 || at + 4 + size > n) return Q64_BAD_FIELD;
            const uint8_t *older = d + at + 4 + 72, *newer = older + 18;
            const uint8_t *now = epoch >= le_u64(newer) ? newer : older;
            f->most = le_u64(now + 8);
            f->bps = le_u16(now + 16);
            return f->bps > DLMM_BPS ? Q64_BAD_FIELD : Q64_OK;
        }
        at += 4 + size;
    }
    return Q64_OK;
}
#endif
