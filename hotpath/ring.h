/* An outbox: a ring of records in shared memory with one writer and up to 16 readers.
 *
 * Why it lies in memory as it does. The file is two pages of header and a power of two of data
 * bytes, which are mapped twice back to back, so that no record wraps and a reader can use it in
 * place. The first page never changes after creation (it names the layout, the kinds and the
 * builds); the second holds what moves. The writer's words, the announcement, the sleepers' mask
 * and each reader's cursor lie 128 bytes apart, because processors fetch lines in pairs.
 *
 * Who writes what. `head`, `epoch` and `announced`: the writer. A slot's cursor: that reader.
 * `sleepers`: readers set their bit, the writer takes the whole mask.
 *
 * Publishing. The first 8 bytes of a record are its commit word; 0 means "nothing yet". The writer
 *   1. announces (in steps, so that it is rare) the bytes it is about to overwrite,
 *   2. writes the record behind its commit word,
 *   3. clears the commit word that follows,
 *   4. stores this commit word with release,
 *   5. stores `head`, the place of this record.
 * Killed before 4 it leaves a 0 there and nobody sees the bytes. Killed before 5, `head` names the
 * record before: a restarted writer walks from there to the first 0.
 *
 * Reading. A gating reader holds the writer back, so it reads in place. A lossy reader copies and
 * then asks whether the announcement has passed what it copied (the seqlock's order: bytes first,
 * announcement after an acquire fence); if so the bytes may be torn and it goes to `head`.
 *
 * Tried and rejected: publishing by `head` alone costs one more line between the cores (85 ns a hop
 * instead of 60); an announcement a record costs lossy readers a miss a record; a sleeping flag a
 * reader makes the writer look at as many lines as there are readers, one mask is one line. */
#ifndef TIERCEL_RING_H
#define TIERCEL_RING_H
#include "hotpath/records.h"
#include "hotpath/ring_order.h"
#include <string.h>

#define TC_RING_MAGIC 0x314c435243524954ull /* "TIRCRCL1", little-endian */
#define TC_RING_LAYOUT 1
#define TC_RING_HEADER 8192
#define TC_RING_READERS 16
#define TC_RING_KINDS 192

enum tc_reader_class { TC_READER_FREE = 0, TC_READER_GATING = 1, TC_READER_LOSSY = 2, TC_READER_RETIRED = 3 };
enum tc_fault { TC_SOUND = 0, TC_FAULT_LENGTH = 1, TC_FAULT_KIND = 2, TC_FAULT_SOURCE = 3, TC_FAULT_POSITION = 4 };

typedef struct {
    uint16_t kind, flags;
    uint32_t bytes; /* of the fixed part of the payload */
    uint64_t hash;  /* of the names, offsets and types of its fields */
} tc_ring_kind;

typedef struct {
    _Alignas(64) uint64_t cursor; /* bytes; moves when the effect of what lies before it is safe */
    uint64_t position;            /* of the record at `cursor`; stored before it, so only a hint */
    _Alignas(64) uint32_t reader_class;
    uint32_t epoch;
    char name[32];
} tc_ring_slot;

typedef struct {
    uint64_t magic;
    uint32_t layout, header_bytes;
    uint64_t capacity;
    uint64_t first_position; /* of the first record ever written here */
    uint64_t build_hash, schema_hash;
    uint32_t source, kinds;
    uint64_t reserve; /* bytes that only reports and cancels may use */
    uint8_t gap0[1024 - 64];
    tc_ring_kind table[TC_RING_KINDS];
    _Alignas(4096) uint64_t head; /* where the record committed last begins */
    uint32_t epoch;               /* a writer of a lower one writes nothing */
    _Alignas(128) uint64_t announced;
    _Alignas(128) uint64_t sleepers; /* bit i: reader i sleeps and must be rung */
    uint8_t gap1[1024 - 264];
    _Alignas(128) tc_ring_slot slots[TC_RING_READERS];
} tc_ring;

typedef struct { /* the writer's private view */
    tc_ring *shared;
    uint8_t *data;
    uint64_t mask;
    uint64_t at;        /* where the next record begins */
    uint64_t last;      /* where the last one began */
    uint64_t soft;      /* up to here a record may end without a further look */
    uint64_t step;      /* of the announcement */
    uint64_t position;  /* of the last record */
    uint64_t largest;   /* bytes of the largest record, header included */
    uint64_t reserve;
    uint64_t refused;   /* claims that found no room */
    uint32_t epoch;
    uint32_t claimed;   /* length of the record being written, 0 = none */
    uint16_t source;
} tc_writer;

typedef struct { /* a reader's private view */
    tc_ring *shared;
    uint8_t *data;
    uint64_t mask;
    uint64_t at;       /* where the next record begins */
    uint64_t largest;  /* (keeps `at` and `expected` apart: as neighbours gcc makes one vector of */
    uint64_t expected; /* them, which waits for both stores) position of the record at `at`, 0 = ? */
    uint64_t resumed;  /* what the slot said of it when we attached */
    uint64_t lost_from, lost_to;
    uint64_t lost;     /* records lost in all */
    uint64_t span;     /* of the record peeked, 0 = none */
    uint64_t peeked;   /* its position */
    uint8_t *copy;     /* lossy: the verified copy */
    uint32_t kinds;
    uint32_t fault;    /* enum tc_fault: what is wrong with the bytes at `at` */
    uint32_t epoch;
    int32_t index;     /* of its slot, -1 = none */
    uint16_t source;
    uint8_t lossy, in_gap;
    uint32_t least[TC_RING_KINDS]; /* bytes of header and fixed payload of each kind */
} tc_reader;

_Static_assert(sizeof(tc_ring_slot) == 128, "a slot is two lines");
_Static_assert(sizeof(tc_ring) == TC_RING_HEADER, "two pages of header");

static inline uint64_t tc_span(uint64_t length) { return (length + 7) & ~7ull; }

static inline uint64_t *tc_word(uint8_t *data, uint64_t mask, uint64_t at) {
    return (uint64_t *)(data + (at & mask));
}

/* ---- the writer --------------------------------------------------------------------------- */

/* The end of what may be overwritten: the slowest gating reader's cursor and one capacity. */
static inline uint64_t tc_ring_limit(const tc_ring *shared) {
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < TC_RING_READERS; i++) {
        if (TC_LOAD_RELAXED(&shared->slots[i].reader_class) != TC_READER_GATING) continue;
        uint64_t cursor = TC_ATOMIC_LOAD(&shared->slots[i].cursor, TC_ORDER_LIMIT);
        if (cursor < least) least = cursor;
    }
    return least == UINT64_MAX ? UINT64_MAX : least + shared->capacity;
}

/* Room up to `end`? Looks at the cursors and announces further; 0 when full. */
static __attribute__((noinline, unused)) int tc_writer_extend(tc_writer *w, uint64_t end, int reserve) {
    uint64_t limit = tc_ring_limit(w->shared);
    uint64_t open = limit == UINT64_MAX ? limit : limit > w->reserve ? limit - w->reserve : 0;
    if (end > (reserve ? limit : open)) {
        w->refused++;
        return 0;
    }
    uint64_t announced = TC_LOAD_RELAXED(&w->shared->announced);
    if (end > announced) {
        announced = (end + w->step - 1) & ~(w->step - 1);
        TC_STORE_RELAXED(&w->shared->announced, announced);
        TC_ATOMIC_FENCE(TC_ORDER_ANNOUNCE); /* before any byte that it announces */
    }
    w->soft = announced < open ? announced : open;
    return 1;
}

/* The payload's place, or NULL: full (or the epoch is past, or the record is too large). */
static inline void *tc_claim(tc_writer *w, uint32_t payload_bytes, int reserve) {
    uint64_t length = sizeof(tc_header) + (uint64_t)payload_bytes;
    uint64_t end = w->at + tc_span(length) + 8;
    if (__builtin_expect(length > w->largest, 0)) return 0;
    if (__builtin_expect(TC_LOAD_RELAXED(&w->shared->epoch) != w->epoch, 0)) return 0;
    if (__builtin_expect(end > w->soft, 0) && !tc_writer_extend(w, end, reserve)) return 0;
    w->claimed = (uint32_t)length;
    return (uint8_t *)tc_word(w->data, w->mask, w->at) + sizeof(tc_header);
}

/* Publishes the claimed record; its position, or 0 when the epoch is past or nothing is claimed. */
static inline uint64_t tc_commit(tc_writer *w, uint16_t kind, uint32_t instrument, int64_t time,
                                 uint64_t cause, uint32_t flags) {
    uint64_t at = w->at, *word = tc_word(w->data, w->mask, at);
    uint32_t length = w->claimed;
    if (__builtin_expect(!length, 0)) return 0;
    if (__builtin_expect(TC_LOAD_RELAXED(&w->shared->epoch) != w->epoch, 0)) return 0;
    TC_STORE_RELAXED(word + 1, w->position + 1);
    TC_STORE_RELAXED(word + 2, (uint64_t)time);
    TC_STORE_RELAXED(word + 3, cause);
    TC_STORE_RELAXED(word + 4, (uint64_t)instrument | (uint64_t)flags << 32);
    w->claimed = 0;
    w->last = at;
    w->at = at + tc_span(length);
    TC_STORE_RELAXED(tc_word(w->data, w->mask, w->at), 0);
    uint64_t commit = (uint64_t)length | (uint64_t)kind << 32 | (uint64_t)w->source << 48;
    TC_ATOMIC_STORE(word, commit, TC_ORDER_COMMIT);
    TC_ATOMIC_STORE(&w->shared->head, at, TC_ORDER_HEAD);
    return ++w->position;
}

/* A struct filled field by field and copied at once: words, because a wide load would wait for the
 * narrow stores before it (4 ns of 64 bytes); memcpy beyond a few lines. */
static inline void tc_copy(void *to, const void *from, uint32_t n) {
    if (n & 7 || n > 256) {
        memcpy(to, from, n);
        return;
    }
    for (uint32_t i = 0; i < n; i += 8) {
        uint64_t word;
        memcpy(&word, (const char *)from + i, 8);
        TC_STORE_RELAXED((uint64_t *)((char *)to + i), word);
    }
}

static inline uint64_t tc_write(tc_writer *w, uint16_t kind, uint32_t instrument, int64_t time,
                                uint64_t cause, uint32_t flags, const void *payload, uint32_t n,
                                int reserve) {
    void *to = tc_claim(w, n, reserve);
    if (__builtin_expect(!to, 0)) return 0;
    tc_copy(to, payload, n);
    return tc_commit(w, kind, instrument, time, cause, flags);
}

/* Asks for the lines of the next records, so that writing them waits for none. The first is left to
 * readers, who look at it for the next commit word. */
static inline void tc_warm(const tc_writer *w) {
    const uint8_t *next = w->data + (w->at & w->mask);
    for (int i = 64; i <= 320; i += 64) __builtin_prefetch(next + i, 1);
}

/* The mask of readers that sleep and must be rung, taken; call after a commit. */
static inline uint64_t tc_must_ring(tc_writer *w) {
    TC_ATOMIC_FENCE(TC_ORDER_RING); /* the commit before the look; doze() has its twin */
    if (__builtin_expect(!TC_LOAD_RELAXED(&w->shared->sleepers), 1)) return 0;
    return TC_ATOMIC_EXCHANGE(&w->shared->sleepers, 0);
}

/* Take over as the writer: walk from `head` to the first clear word. 0, or enum tc_fault. The
 * predecessor has ended and was waited for, so what it wrote is there: relaxed loads. */
static inline int tc_writer_attach(tc_writer *w) {
    uint64_t at = TC_LOAD_RELAXED(&w->shared->head), position = w->shared->first_position - 1, walked = 0;
    w->last = at;
    for (;;) {
        uint64_t *word = tc_word(w->data, w->mask, at), v = TC_LOAD_RELAXED(word);
        if (!v) break;
        uint32_t length = (uint32_t)v;
        if (length < sizeof(tc_header) || length > w->largest) return TC_FAULT_LENGTH;
        if ((uint16_t)(v >> 48) != w->source) return TC_FAULT_SOURCE;
        uint64_t found = TC_LOAD_RELAXED(word + 1);
        if (walked && found != position + 1) return TC_FAULT_POSITION;
        position = found;
        w->last = at;
        at += tc_span(length);
        walked += tc_span(length);
        if (walked > w->mask) return TC_FAULT_LENGTH;
    }
    w->at = at;
    w->position = position;
    w->claimed = 0;
    w->soft = 0;
    TC_ATOMIC_STORE(&w->shared->head, w->last, TC_ORDER_TAKEOVER);
    return TC_SOUND;
}

/* ---- a reader ------------------------------------------------------------------------------ */

static inline int tc_lapped(const tc_reader *r, uint64_t at) {
    TC_ATOMIC_FENCE(TC_ORDER_LAPPED);
    return TC_LOAD_RELAXED(&r->shared->announced) > at + r->mask + 1;
}

static inline int tc_reader_check(tc_reader *r, uint64_t v, uint64_t position) {
    uint32_t length = (uint32_t)v, kind = (uint16_t)(v >> 32);
    if (__builtin_expect(kind == TC_NONE || kind >= r->kinds, 0)) return TC_FAULT_KIND;
    if (__builtin_expect(length < r->least[kind] || length > r->largest, 0)) return TC_FAULT_LENGTH;
    if (__builtin_expect((uint16_t)(v >> 48) != r->source, 0)) return TC_FAULT_SOURCE;
    if (__builtin_expect(r->expected && position != r->expected, 0)) return TC_FAULT_POSITION;
    return TC_SOUND;
}

/* Lapped: go to the record committed last and say what was lost, as a record of kind TC_GAP. */
static __attribute__((noinline, unused)) const tc_header *tc_reader_gap(tc_reader *r) {
    for (int tries = 0; tries < 64; tries++) {
        uint64_t at = TC_ATOMIC_LOAD(&r->shared->head, TC_ORDER_GAP);
        uint64_t *word = tc_word(r->data, r->mask, at);
        uint64_t v = TC_LOAD_RELAXED(word), position = TC_LOAD_RELAXED(word + 1);
        if (tc_lapped(r, at) || !v) continue;
        r->lost_from = r->expected ? r->expected : r->resumed;
        r->lost_to = position - 1;
        r->lost += r->lost_to - r->lost_from + 1;
        r->at = at;
        r->expected = position;
        r->in_gap = 1;
        tc_header *h = (tc_header *)r->copy;
        tc_gap *gap = (tc_gap *)(h + 1);
        memset(h, 0, sizeof *h + sizeof *gap);
        h->length = sizeof *h + sizeof *gap;
        h->kind = TC_GAP;
        h->source = r->source;
        h->position = r->lost_to;
        h->cause = TC_CAUSE(r->source, r->lost_to);
        gap->from = r->lost_from;
        gap->to = r->lost_to;
        gap->reason = TC_DOUBT_LAPPED;
        r->span = 0;
        return h;
    }
    return 0; /* the writer went round us each time; the next peek tries again */
}

static __attribute__((noinline, unused)) const tc_header *tc_peek_lossy(tc_reader *r) {
    if (r->in_gap) return (const tc_header *)r->copy;
    uint64_t *word = tc_word(r->data, r->mask, r->at), v = TC_ATOMIC_LOAD(word, TC_ORDER_COPY);
    if (!v) return tc_lapped(r, r->at) ? tc_reader_gap(r) : 0;
    uint64_t position = TC_LOAD_RELAXED(word + 1);
    if (tc_lapped(r, r->at)) return tc_reader_gap(r);
    if ((r->fault = (uint32_t)tc_reader_check(r, v, position))) return 0;
    uint64_t words = tc_span((uint32_t)v) / 8, *to = (uint64_t *)r->copy;
    to[0] = v;
    for (uint64_t i = 1; i < words; i++) to[i] = TC_LOAD_RELAXED(word + i);
    if (tc_lapped(r, r->at)) return tc_reader_gap(r);
    r->span = words * 8;
    r->peeked = position;
    return (const tc_header *)r->copy;
}

/* The next record, or NULL (nothing there, or `fault` says what is wrong with it). */
static inline const tc_header *tc_peek(tc_reader *r) {
    if (r->lossy) return tc_peek_lossy(r);
    uint64_t *word = tc_word(r->data, r->mask, r->at), v = TC_ATOMIC_LOAD(word, TC_ORDER_PEEK);
    if (!v) return 0;
    uint64_t position = TC_RECORD_WORD(word + 1);
    int fault = tc_reader_check(r, v, position);
    if (__builtin_expect(fault, 0)) {
        r->fault = (uint32_t)fault;
        return 0;
    }
    r->span = tc_span((uint32_t)v);
    r->peeked = position;
    return (const tc_header *)word;
}

/* Step over the record peeked. */
static inline void tc_done(tc_reader *r) {
    if (__builtin_expect(r->in_gap, 0)) {
        r->in_gap = 0;
        return;
    }
    if (__builtin_expect(!r->span, 0)) return;
    r->at += r->span;
    r->expected = r->peeked + 1;
    r->span = 0;
}

/* Store the cursor: the effects of everything stepped over are safe. */
static inline void tc_publish(tc_reader *r) {
    if (__builtin_expect(r->index < 0, 0)) return;
    tc_ring_slot *slot = &r->shared->slots[r->index];
    if (__builtin_expect(TC_LOAD_RELAXED(&slot->epoch) != r->epoch, 0)) return;
    if (r->expected) TC_STORE_RELAXED(&slot->position, r->expected);
    TC_ATOMIC_STORE(&slot->cursor, r->at, TC_ORDER_PUBLISH);
}

/* 1: nothing to read, and the writer will ring; 0: a record is there, or it has no slot. */
static inline int tc_doze(tc_reader *r) {
    if (r->index < 0) return 0;
    uint64_t bit = 1ull << r->index;
    TC_ATOMIC_OR(&r->shared->sleepers, bit);
    TC_ATOMIC_FENCE(TC_ORDER_DOZE);
    int empty = !r->in_gap && !TC_LOAD_RELAXED(tc_word(r->data, r->mask, r->at));
    if (empty && !(r->lossy && tc_lapped(r, r->at))) return 1;
    TC_ATOMIC_AND(&r->shared->sleepers, ~bit);
    return 0;
}

static inline void tc_rouse(tc_reader *r) {
    if (r->index < 0) return;
    uint64_t bit = 1ull << r->index;
    if (TC_LOAD_RELAXED(&r->shared->sleepers) & bit)
        TC_ATOMIC_AND(&r->shared->sleepers, ~bit);
}
#endif
