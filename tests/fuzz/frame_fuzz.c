/* Frames from a seed under the sanitizers: each is copied to memory of exactly its size, read by the
 * quick layer and by the general one (which must agree), and its levels are set in a book of a small
 * window whose invariants are counted anew after each frame.
 *
 * frame_fuzz SEED COUNT: prints how many frames of each kind there were. */
#include <assert.h>
#include <stdio.h>

#include "feeds/binance/frames.h"
#include "hotpath/book.h"

static const char *const SEEDS[] = {
    "{\"stream\":\"ab@depth@100ms\",\"data\":{\"e\":\"depthUpdate\",\"E\":1700000000000,\"s\":\"AB\",\"U\":157,"
    "\"u\":160,\"b\":[[\"61837.63000000\",\"3.78826000\"],[\"61837.62000000\",\"0.00000000\"]],"
    "\"a\":[[\"61837.64000000\",\"1.54698000\"],[\"200000.00000000\",\"25.42618900\"]]}}",
    "{\"e\":\"depthUpdate\",\"E\":1700000000000,\"T\":1700000000000,\"s\":\"AB\",\"ps\":\"A\",\"U\":7,\"u\":9,\"pu\":6,"
    "\"b\":[[\"1.5\",\"2\"],[\"1.4\",\"0.000\"]],\"a\":[]}",
    "{\"stream\":\"ab@bookTicker\",\"data\":{\"u\":400900217,\"s\":\"AB\",\"b\":\"25.35190000\",\"B\":\"31.21000000\","
    "\"a\":\"25.36520000\",\"A\":\"40.66000000\"}}",
    "{\"u\":12345678901234567890,\"s\":\"AB\",\"b\":\"0.1\",\"B\":\"1.0\",\"a\":\"0.2\",\"A\":\"99999999.99999999\"}",
    "{\"e\":\"bookTicker\",\"u\":512310783,\"s\":\"AB\",\"b\":\"61800.20\",\"B\":\"2.507\",\"a\":\"61800.30\","
    "\"A\":\"2.510\",\"T\":1723161256313,\"E\":1723161256313}",
    "{\"stream\":\"ab@trade\",\"data\":{\"e\":\"trade\",\"E\":1700000000000,\"s\":\"AB\",\"t\":3735683259,"
    "\"p\":\"61837.63000000\",\"q\":\"0.02000000\",\"T\":1700000000000,\"m\":true,\"M\":true}}",
    "{\"lastUpdateId\":160,\"bids\":[[\"0.24\",\"10\"],[\"1e-2\",5]],\"asks\":[[\"0.26\",\"100\",[]]]}",
    " {\"id\" : 1 , \"result\" : null , \"x\":[1.5e3,-0,{\"y\":\"\\u00e9\\ud83d\\ude00\\n\"}] } ",
    "{\"error\":{\"code\":-2,\"msg\":\"\xc3\xa9\"},\"id\":1}",
};
enum { SEED_COUNT = sizeof SEEDS / sizeof *SEEDS, MOST = 4096, ROOM = 64 };

static uint64_t state;

static uint64_t draw(uint64_t below) { /* splitmix64 */
    uint64_t z = state += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return (z ^ z >> 31) % below;
}

static size_t mutated(char *out) {
    static const char alphabet[] = "{}[],:\"\\0123456789.-eE \n\x01\x7f\x80\xc3\xff\x75";
    const char *seed = SEEDS[draw(SEED_COUNT)];
    size_t n = strlen(seed);
    memcpy(out, seed, n);
    for (uint64_t changes = draw(4); changes && n; changes--) {
        size_t at = draw(n), length = 1 + draw(20);
        if (length > n - at) length = n - at;
        switch (draw(6)) {
        case 0: out[at] = (char)(out[at] ^ (char)(1 << draw(8))); break;
        case 1: out[at] = alphabet[draw(sizeof alphabet - 1)]; break;
        case 2: memmove(out + at, out + at + length, n - at - length); n -= length; break;
        case 3:
            if (n + length < MOST) {
                memmove(out + at + length, out + at, n - at);
                n += length;
            }
            break;
        case 4: n = at; break;
        default: { /* a piece of another seed */
            const char *other = SEEDS[draw(SEED_COUNT)];
            size_t from = draw(strlen(other));
            for (size_t i = 0; i < length && other[from + i]; i++) out[at + i] = other[from + i];
        }
        }
    }
    return n;
}

static void same(const binance_message *a, const tc_level *x, const binance_message *b, const tc_level *y) {
    assert(a->kind == b->kind);
    if (a->kind == BINANCE_DEPTH || a->kind == BINANCE_SNAPSHOT) {
        assert(a->bids == b->bids && a->asks == b->asks && a->last_id == b->last_id);
        assert(a->venue_time == b->venue_time && a->has_previous == b->has_previous);
        assert(!memcmp(x, y, sizeof *x * (size_t)(a->bids + a->asks)));
    }
    if (a->kind == BINANCE_TICKER) assert(!memcmp(&a->top, &b->top, sizeof a->top));
    if (a->kind == BINANCE_TRADE) assert(!memcmp(&a->trade, &b->trade, sizeof a->trade));
}

/* What must hold of a side at all times. */
static void sound(const tc_ladder *l) {
    uint32_t near = 0;
    int64_t best = INT64_MIN;
    for (uint64_t i = 0; i <= l->mask; i++) {
        int is_marked = l->bits[i >> 6] >> (i & 63) & 1;
        assert(is_marked == (l->quantity[i] != 0));
        assert((l->words[i >> 12] >> (i >> 6 & 63) & 1) == (l->bits[i >> 6] != 0));
        near += (uint32_t)is_marked;
    }
    assert(near == l->near && near + l->far <= l->room && (near || !l->far));
    for (uint32_t i = 0; i < l->far; i++) {
        assert(l->far_key[i] < l->low && l->far_quantity[i] > 0);
        assert(!i || l->far_key[i - 1] < l->far_key[i]);
    }
    tc_walk w = walk_from_best(l);
    uint32_t walked = 0;
    for (int64_t last = INT64_MAX; walk_step(&w); last = w.key, walked++) {
        assert(w.key < last && w.quantity > 0);
        if (!walked) best = w.key;
    }
    assert(walked == l->near + l->far && (!walked || best == l->best));
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    state = strtoull(argv[1], NULL, 10);
    long count = strtol(argv[2], NULL, 10), kinds[BINANCE_KINDS] = {0};
    binance_symbol any = {.rounds = 1};
    tc_ladder bids, asks;
    int made = tc_unit_make(1, 2, &any.price) && tc_unit_make(1, 5, &any.quantity) &&
               ladder_make(&bids, 64, 20) && ladder_make(&asks, 128, 200);
    if (!made) return 2;
    for (long i = 0; i < count; i++) {
        char text[MOST];
        size_t n = mutated(text);
        char *frame = malloc(n ? n : 1); /* exactly: a byte past either end is reported */
        if (!frame) return 2;
        memcpy(frame, text, n);
        tc_level levels[2][ROOM];
        binance_message m[2];
        memset(levels, 0, sizeof levels);
        memset(m, 0, sizeof m);
        any.rounds = i & 1;
        for (int quick = 0; quick < 2; quick++) {
            binance_symbols table = {.quick = (uint32_t)quick, .any = &any};
            binance_scan(frame, frame + n, &table, &any, levels[quick], ROOM, &m[quick]);
        }
        same(&m[0], levels[0], &m[1], levels[1]);
        kinds[m[0].kind]++;
        if (m[0].kind == BINANCE_DEPTH) {
            book_apply(&bids, 1, levels[0], m[0].bids);
            book_apply(&asks, -1, levels[0] + m[0].bids, m[0].asks);
        } else if (m[0].kind == BINANCE_SNAPSHOT && draw(4) == 0) {
            ladder_clear(&bids);
            ladder_clear(&asks);
            book_apply_snapshot(&bids, 1, levels[0], m[0].bids);
            book_apply_snapshot(&asks, -1, levels[0] + m[0].bids, m[0].asks);
        } else { /* prices of any size, also those that are refused */
            int64_t price = (int64_t)draw(UINT64_MAX) >> draw(64);
            int64_t quantity = draw(3) ? (int64_t)draw(UINT64_MAX) >> draw(64) : 0;
            tc_level level = {price, quantity};
            book_apply(draw(2) ? &bids : &asks, draw(2) ? 1 : -1, &level, 1);
            book_set(&bids, 1, price / 2, quantity);
        }
        sound(&bids);
        sound(&asks);
        free(frame);
    }
    printf("{\"rejected\": %ld, \"depth\": %ld, \"ticker\": %ld, \"trade\": %ld, \"snapshot\": %ld}\n",
           kinds[BINANCE_REJECTED], kinds[BINANCE_DEPTH], kinds[BINANCE_TICKER], kinds[BINANCE_TRADE],
           kinds[BINANCE_SNAPSHOT]);
    ladder_free(&bids);
    ladder_free(&asks);
    return 0;
}
