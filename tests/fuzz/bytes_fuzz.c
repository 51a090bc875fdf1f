/* Bytes from a coverage-guided fuzzer (libFuzzer) against what reads bytes of others; a target each:
 *
 *     -DFUZZ_FRAMES   hotpath/scan.h and feeds/binance/frames.h: both readers of a frame agree
 *     -DFUZZ_ORDERS   venues/binance/messages.h: items point into the frame
 *     -DFUZZ_OUTBOX   hotpath/ring.h: a reader, and a writer that takes over, on any memory
 *
 * The input is copied to memory of exactly its size, so that ASan reports a byte past either end. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef FUZZ_FRAMES
#include "feeds/binance/frames.h"
enum { ROOM = 64 };

static void one(const char *p, size_t n) {
    tc_value document;
    (void)scan_document(p, p + n, &document);
    binance_symbol any = {.rounds = 0};
    tc_level levels[2][ROOM];
    binance_message m[2];
    if (!tc_unit_make(1, 8, &any.price) || !tc_unit_make(1, 8, &any.quantity)) abort();
    memset(levels, 0, sizeof levels);
    memset(m, 0, sizeof m);
    for (uint32_t quick = 0; quick < 2; quick++) {
        binance_symbols table = {.quick = quick, .any = &any};
        binance_scan(p, p + n, &table, &any, levels[quick], ROOM, &m[quick]);
    }
    assert(m[0].kind == m[1].kind);
    if (m[0].kind == BINANCE_DEPTH || m[0].kind == BINANCE_SNAPSHOT) {
        assert(m[0].bids == m[1].bids && m[0].asks == m[1].asks && m[0].last_id == m[1].last_id);
        assert(m[0].bids >= 0 && m[0].asks >= 0 && m[0].bids + m[0].asks <= ROOM);
        assert(!memcmp(levels[0], levels[1], sizeof *levels[0] * (size_t)(m[0].bids + m[0].asks)));
    }
    if (m[0].kind == BINANCE_TICKER) assert(!memcmp(&m[0].top, &m[1].top, sizeof m[0].top));
    if (m[0].kind == BINANCE_TRADE) assert(!memcmp(&m[0].trade, &m[1].trade, sizeof m[0].trade));
}
#endif

#ifdef FUZZ_ORDERS
#include "venues/binance/messages.h"
enum { ROOM = 16 };

static void inside(const tc_value *v, const char *p, const char *end) {
    if (v->type != TC_JSON_MISSING) assert(v->p >= p && v->p <= end && (size_t)(end - v->p) >= v->n);
}

static void one(const char *p, size_t n) {
    bn_message m;
    bn_item items[ROOM];
    char room[64];
    memset(&m, 0, sizeof m);
    memset(items, 0, sizeof items);
    bn_scan(p, p + n, &m, items, ROOM);
    assert(m.count <= ROOM);
    for (int i = 0; m.kind != BN_REJECTED && i < m.count; i++) {
        uint32_t length;
        inside(&items[i].symbol, p, p + n);
        inside(&items[i].client_id, p, p + n);
        inside(&items[i].price, p, p + n);
        inside(&items[i].quantity, p, p + n);
        if (items[i].symbol.type == TC_JSON_STRING) (void)value_text(&items[i].symbol, room, sizeof room, &length);
    }
}
#endif

#ifdef FUZZ_OUTBOX
#include "hotpath/ring.h"
enum { CAPACITY = 4096, READS = 300 };
static _Alignas(4096) struct {
    tc_ring head;
    uint8_t data[2 * CAPACITY];
} memory;

/* Little of an outbox is free: the header's moving words, then the data from its start. */
static void one(const char *p, size_t n) {
    uint64_t words[5] = {0};
    size_t head = n < sizeof words ? n : sizeof words;
    memcpy(words, p, head);
    memset(&memory, 0, sizeof memory);
    size_t rest = n - head < CAPACITY ? n - head : CAPACITY;
    memcpy(memory.data, p + head, rest);
    memcpy(memory.data + CAPACITY, memory.data, CAPACITY); /* mapped twice; what is written is lost there */
    memory.head.capacity = CAPACITY;
    memory.head.first_position = 1;
    memory.head.head = words[0] & 0xffff8;
    memory.head.announced = words[1] & 0xfffff;
    memory.head.slots[0].cursor = words[2] & 0xffff8;
    memory.head.slots[0].reader_class = TC_READER_GATING;
    for (int lossy = 0; lossy < 2; lossy++) {
        tc_reader r = {.shared = &memory.head, .data = memory.data, .mask = CAPACITY - 1, .largest = CAPACITY / 4,
                       .source = 9, .kinds = TC_KINDS, .index = 0, .lossy = (uint8_t)lossy, .resumed = 1,
                       .at = words[2] & 0xffff8};
        for (uint32_t k = 0; k < r.kinds; k++) r.least[k] = sizeof(tc_header) + k % 64;
        if (lossy) r.copy = malloc(CAPACITY / 4 + 8);
        for (int i = 0; i < READS; i++) {
            const tc_header *h = tc_peek(&r);
            if (!h) break;
            assert(h->length >= sizeof(tc_header) && h->length <= CAPACITY / 4);
            volatile uint8_t last = ((const uint8_t *)h)[h->length - 1];
            (void)last;
            tc_done(&r);
            tc_publish(&r);
        }
        free(r.copy);
    }
    tc_writer w = {.shared = &memory.head, .data = memory.data, .mask = CAPACITY - 1, .step = CAPACITY / 16,
                   .largest = CAPACITY / 4, .source = 9};
    if (tc_writer_attach(&w) != TC_SOUND) return;
    uint64_t payload = 7;
    for (int i = 0; i < 5; i++) tc_write(&w, TC_DOCUMENT, 1, 2, 3, 4, &payload, 8, 0);
}
#endif

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    char *exact = malloc(n ? n : 1);
    if (!exact) return 0;
    memcpy(exact, bytes, n);
    one(exact, n);
    free(exact);
    return 0;
}
