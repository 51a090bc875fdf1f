/* The shipped hotpath/ring.h under ThreadSanitizer: a writer that is replaced now and then, a gating
 * reader that reads in place by plain loads, a lossy reader that copies; each a thread.
 *
 *     ring_threads RECORDS      prints what was read; a data race is a report and exit 66
 *
 * ThreadSanitizer knows no fences, so what a fence orders is left to ring_relacy.cpp; here are the
 * orders between a record's plain reads and its writing. An order is weakened by a macro of
 * ring_order.h, for example -DTC_ORDER_COMMIT=__ATOMIC_RELAXED. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hotpath/ring.h"

enum { CAPACITY = 4096, SOURCE = 9, ROUNDS_BEFORE_REPLACED = 5000, WORDS = 10 };
static tc_ring *shared;
static uint8_t *data;
static uint64_t records, read_gating, read_lossy, lost_lossy;
static int wrong;

static uint64_t payload_of(uint64_t position, uint64_t word) {
    return (position + word) * 0x9e3779b97f4a7c15ull;
}
static uint32_t words_of(uint64_t position) { return 1 + (uint32_t)(position * 7 % WORDS); }

static void *map(void) {
    int fd = memfd_create("ring", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, TC_RING_HEADER + CAPACITY)) exit(2);
    char *base = mmap(0, TC_RING_HEADER + 2 * CAPACITY, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mmap(base, TC_RING_HEADER + CAPACITY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED ||
        mmap(base + TC_RING_HEADER + CAPACITY, CAPACITY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
             TC_RING_HEADER) == MAP_FAILED)
        exit(2);
    return base;
}

static void attach(tc_writer *w, uint32_t epoch) {
    TC_STORE_RELAXED(&shared->epoch, epoch);
    *w = (tc_writer){.shared = shared, .data = data, .mask = CAPACITY - 1, .step = CAPACITY / 16,
                     .largest = CAPACITY / 4, .source = SOURCE, .epoch = epoch};
    if (tc_writer_attach(w)) exit(3);
}

static void *write_all(void *unused) {
    (void)unused;
    tc_writer w;
    uint32_t epoch = 1;
    attach(&w, epoch);
    while (w.position < records) {
        uint64_t next = w.position + 1, payload[WORDS];
        uint32_t n = words_of(next);
        for (uint32_t i = 0; i < n; i++) payload[i] = payload_of(next, i);
        if (!tc_write(&w, TC_DOCUMENT, 7, (int64_t)next, next + 1000, 3, payload, 8 * n, 0)) sched_yield();
        tc_must_ring(&w);
        if (next % ROUNDS_BEFORE_REPLACED == 0) attach(&w, ++epoch);
    }
    return 0;
}

static void start(tc_reader *r, int index, int lossy) {
    *r = (tc_reader){.shared = shared, .data = data, .mask = CAPACITY - 1, .largest = CAPACITY / 4, .source = SOURCE,
                     .kinds = TC_KINDS, .index = index, .lossy = (uint8_t)lossy, .resumed = 1};
    for (uint32_t k = 0; k < r->kinds; k++) r->least[k] = sizeof(tc_header);
    if (lossy) r->copy = malloc(CAPACITY / 4 + 8);
}

static int whole(const tc_header *h, uint64_t position) {
    const uint64_t *payload = (const uint64_t *)(h + 1);
    uint32_t n = words_of(position);
    int right = h->position == position && h->length == sizeof *h + 8 * n && h->cause == position + 1000 &&
                h->time == (int64_t)position && h->instrument == 7 && h->flags == 3;
    for (uint32_t i = 0; right && i < n; i++) right = payload[i] == payload_of(position, i);
    return right;
}

static void *read_all(void *lossy) {
    tc_reader r;
    uint64_t position = 0, seen = 0;
    start(&r, lossy ? 1 : 0, lossy != 0);
    while (position < records) {
        const tc_header *h = tc_peek(&r);
        if (!h) {
            if (r.fault) __atomic_store_n(&wrong, 1, __ATOMIC_RELAXED);
            if (r.fault) break;
            tc_publish(&r);
            if (!tc_doze(&r)) continue;
            sched_yield(); /* a bell would end the sleep; here it is short anyway */
            tc_rouse(&r);
            continue;
        }
        if (r.in_gap) {
            position = r.lost_to;
        } else {
            if (!whole(h, ++position)) __atomic_store_n(&wrong, 1, __ATOMIC_RELAXED);
            seen++;
        }
        tc_done(&r);
        if (position % 3 == 0) tc_publish(&r);
    }
    tc_publish(&r);
    if (lossy) read_lossy = seen, lost_lossy = r.lost;
    else read_gating = seen;
    if (lossy) free(r.copy);
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    records = strtoull(argv[1], 0, 10);
    shared = map();
    data = (uint8_t *)shared + TC_RING_HEADER;
    shared->capacity = CAPACITY;
    shared->first_position = 1;
    shared->slots[0].reader_class = TC_READER_GATING;
    shared->slots[1].reader_class = TC_READER_LOSSY;
    pthread_t threads[3];
    if (pthread_create(&threads[0], 0, write_all, 0) || pthread_create(&threads[1], 0, read_all, 0) ||
        pthread_create(&threads[2], 0, read_all, (void *)1))
        return 2;
    for (int i = 0; i < 3; i++) pthread_join(threads[i], 0);
    printf("{\"gating\": %lu, \"lossy\": %lu, \"lost\": %lu, \"wrong\": %d}\n", read_gating, read_lossy, lost_lossy,
           wrong);
    return wrong;
}
