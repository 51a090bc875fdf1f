/* The shipped hotpath/ring.h under Relacy, a checker of the C memory model: every load may give any
 * value that the model allows, threads switch at every access, and the writer dies at any access and
 * starts again. A ring of 128 bytes holds records of 48, so that laps do not fall on each other.
 *
 *     ring_relacy gating|lossy ITERATIONS [ORDER]
 *
 * ORDER is the name of one order of ring_order.h that is weakened (an acquire or a release to
 * relaxed, a full fence to acquire and release). Exit 0: nothing found, 1: a failure, printed.
 *
 * What lies in the ring's memory is kept beside it, a checked atomic for each word; the header's
 * operations are given by the macros below. A data race of plain accesses is ThreadSanitizer's to
 * find (ring_threads.c): a gating reader's plain reads are relaxed loads here. */
#include <relacy/relacy.hpp>
#include <stdint.h>
#include <string.h>

namespace ring {
enum order_name { LIMIT, ANNOUNCE, COMMIT, HEAD, TAKEOVER, RING, DOZE, PEEK, COPY, LAPPED, GAP, PUBLISH, ORDERS };
const char *const NAMES[ORDERS] = {"LIMIT", "ANNOUNCE", "COMMIT", "HEAD",   "TAKEOVER", "RING",
                                   "DOZE",  "PEEK",     "COPY",   "LAPPED", "GAP",      "PUBLISH"};
int weak = -1;

inline int order(int name, int strong) {
    if (name != weak) return strong;
    return strong == __ATOMIC_SEQ_CST ? __ATOMIC_ACQ_REL : __ATOMIC_RELAXED;
}
rl::memory_order checked(int order) {
    switch (order) {
    case __ATOMIC_RELAXED: return rl::mo_relaxed;
    case __ATOMIC_ACQUIRE: return rl::mo_acquire;
    case __ATOMIC_RELEASE: return rl::mo_release;
    case __ATOMIC_ACQ_REL: return rl::mo_acq_rel;
    default: return rl::mo_seq_cst;
    }
}
struct death {};

uint64_t load(const void *p, int order);
void store(void *p, uint64_t v, int order);
uint64_t exchange(void *p, uint64_t v);
uint64_t fetch_or(void *p, uint64_t v);
uint64_t fetch_and(void *p, uint64_t v);
inline void fence(int order) {
    if (order != __ATOMIC_RELAXED) rl::atomic_thread_fence(checked(order), $);
}
} // namespace ring

#define TC_ORDER_LIMIT ring::order(ring::LIMIT, __ATOMIC_ACQUIRE)
#define TC_ORDER_ANNOUNCE ring::order(ring::ANNOUNCE, __ATOMIC_RELEASE)
#define TC_ORDER_COMMIT ring::order(ring::COMMIT, __ATOMIC_RELEASE)
#define TC_ORDER_HEAD ring::order(ring::HEAD, __ATOMIC_RELEASE)
#define TC_ORDER_TAKEOVER ring::order(ring::TAKEOVER, __ATOMIC_RELEASE)
#define TC_ORDER_RING ring::order(ring::RING, __ATOMIC_SEQ_CST)
#define TC_ORDER_DOZE ring::order(ring::DOZE, __ATOMIC_SEQ_CST)
#define TC_ORDER_PEEK ring::order(ring::PEEK, __ATOMIC_ACQUIRE)
#define TC_ORDER_COPY ring::order(ring::COPY, __ATOMIC_ACQUIRE)
#define TC_ORDER_LAPPED ring::order(ring::LAPPED, __ATOMIC_ACQUIRE)
#define TC_ORDER_GAP ring::order(ring::GAP, __ATOMIC_ACQUIRE)
#define TC_ORDER_PUBLISH ring::order(ring::PUBLISH, __ATOMIC_RELEASE)
#define TC_ATOMIC_LOAD(p, order) ring::load((p), (order))
#define TC_ATOMIC_STORE(p, v, order) ring::store((p), (v), (order))
#define TC_ATOMIC_EXCHANGE(p, v) ring::exchange((p), (v))
#define TC_ATOMIC_OR(p, v) ring::fetch_or((p), (v))
#define TC_ATOMIC_AND(p, v) ring::fetch_and((p), (v))
#define TC_ATOMIC_FENCE(order) ring::fence(order)
#define TC_RECORD_WORD(p) ring::load((p), __ATOMIC_RELAXED)
#define _Alignas alignas
#define _Static_assert static_assert
#include "hotpath/ring.h"

namespace {
constexpr uint64_t CAPACITY = 128, WORDS = CAPACITY / 8, SPAN = 48, RECORDS = 7, SOURCE = 9;
constexpr int FIELDS = 9, TRIES = 40;

uint64_t payload_of(uint64_t position) { return position * 0x9e3779b97f4a7c15ull | 1; }
uint64_t cause_of(uint64_t position) { return position + 1000; }

alignas(4096) tc_ring head;                      /* only its addresses are used */
alignas(8) uint8_t data[2 * CAPACITY];

struct memory {                                  /* what lies there */
    rl::atomic<uint64_t> words[WORDS], fields[FIELDS];
    int alive = -1;                              /* accesses of the writer before it dies, -1 = lives */
    int heads = -1;                              /* stores of `head` before it dies in front of one */

    rl::atomic<uint64_t> &at(const void *p) {
        const uint8_t *place = static_cast<const uint8_t *>(p);
        if (place >= data && place < data + 2 * CAPACITY) return words[size_t(place - data) / 8 % WORDS];
        const void *known[] = {&head.head, &head.epoch, &head.announced, &head.sleepers, &head.slots[0].cursor,
                               &head.slots[0].position, &head.slots[0].epoch, &head.slots[0].reader_class};
        for (int i = 0; i < 8; i++)
            if (known[i] == p) return fields[i];
        return fields[8];                        /* the class of a slot nobody has */
    }
    void step(const void *p, bool stores) {
        if (rl::ctx().threadx_->index_ != 0) return; /* the reader's */
        if (alive >= 0 && !alive--) throw ring::death();
        if (stores && p == &head.head && heads >= 0 && !heads--) throw ring::death();
    }
    void clear(int reader_class) {
        for (auto &word : words) word.store(0, rl::mo_relaxed, $);
        for (auto &field : fields) field.store(0, rl::mo_relaxed, $);
        at(&head.epoch).store(1, rl::mo_relaxed, $);
        at(&head.slots[0].reader_class).store(uint64_t(reader_class), rl::mo_relaxed, $);
        at(&head.slots[0].epoch).store(1, rl::mo_relaxed, $);
        head.capacity = CAPACITY;
        head.first_position = 1;
    }
};
memory *now;

struct writing {
    tc_writer w;
    uint64_t committed = 0;
    bool rang = false;

    void start(uint32_t epoch) {
        w = tc_writer();
        w.shared = &head;
        w.data = data;
        w.mask = CAPACITY - 1;
        w.step = 8;
        w.largest = SPAN;
        w.source = SOURCE;
        w.epoch = epoch;
        RL_ASSERT(tc_writer_attach(&w) == TC_SOUND);
        RL_ASSERT(w.at == w.position * SPAN);
        if (tc_must_ring(&w)) rang = true;       /* its first turn rings */
    }
    void run() {
        int deaths = int(rl::rand(3));
        uint32_t epoch = 1;
        for (int tries = 0; tries < TRIES;) {
            try {
                bool at_head = rl::rand(2);
                now->alive = deaths && !at_head ? int(rl::rand(60)) : -1;
                now->heads = deaths && at_head ? int(rl::rand(RECORDS)) : -1;
                start(epoch);
                for (; tries < TRIES && w.position < RECORDS; tries++) {
                    uint64_t next = w.position + 1, payload = payload_of(next);
                    if (tc_write(&w, TC_DOCUMENT, 7, int64_t(next), cause_of(next), 3, &payload, 8, 0)) {
                        if (tc_must_ring(&w)) rang = true;
                    }
                }
                break;
            } catch (const ring::death &) {
                deaths--;
                now->at(&head.epoch).store(++epoch, rl::mo_relaxed, $);
            }
        }
        now->alive = now->heads = -1;
        committed = w.position;
    }
};

struct reading {
    tc_reader r;
    alignas(8) uint8_t copy[SPAN + 64];
    bool asleep = false;

    void start(bool lossy) {
        memset(&r, 0, sizeof r);
        r.shared = &head;
        r.data = data;
        r.mask = CAPACITY - 1;
        r.largest = SPAN;
        r.source = SOURCE;
        r.kinds = TC_KINDS;
        r.epoch = 1;
        r.lossy = lossy;
        r.resumed = 1;
        r.copy = copy;
        for (uint32_t k = 0; k < r.kinds; k++) r.least[k] = sizeof(tc_header);
    }
    uint64_t word(const tc_header *h, int i) {
        if (r.lossy) {
            uint64_t v;
            memcpy(&v, reinterpret_cast<const uint8_t *>(h) + 8 * i, 8);
            return v;
        }
        return ring::load(reinterpret_cast<const uint64_t *>(h) + i, __ATOMIC_RELAXED);
    }
    void whole(const tc_header *h) {
        uint64_t position = r.at / SPAN + 1;
        RL_ASSERT(word(h, 0) == (SPAN | uint64_t(TC_DOCUMENT) << 32 | SOURCE << 48));
        RL_ASSERT(word(h, 1) == position && word(h, 2) == position && word(h, 3) == cause_of(position));
        RL_ASSERT(word(h, 4) == (7 | 3ull << 32) && word(h, 5) == payload_of(position));
    }
    void run() {
        for (int tries = 0; tries < TRIES && r.at < RECORDS * SPAN; tries++) {
            if (r.lossy && !rl::rand(3)) /* fall behind: look elsewhere */
                for (uint64_t n = rl::rand(60); n; n--) now->fields[8].load(rl::mo_relaxed, $);
            const tc_header *h = tc_peek(&r);
            RL_ASSERT(r.fault == TC_SOUND);
            if (h && r.in_gap) {
                RL_ASSERT(r.expected == r.at / SPAN + 1 && r.lost_to + 1 == r.expected);
                RL_ASSERT(r.lost_from <= r.lost_to);
                tc_done(&r);
            } else if (h) {
                whole(h);
                tc_done(&r);
                if (rl::rand(2)) tc_publish(&r);
            } else {
                tc_publish(&r);
                if (!rl::rand(r.lossy ? 12 : 3) && tc_doze(&r)) {
                    asleep = true;
                    return;
                }
            }
        }
        tc_publish(&r);
    }
};

template <int CLASS>
struct proof : rl::test_suite<proof<CLASS>, 2> {
    memory m;
    writing writer;
    reading reader;

    void before() {
        now = &m;
        m.clear(CLASS);
        reader.start(CLASS == TC_READER_LOSSY);
    }
    void thread(unsigned index) {
        if (index == 0) writer.run();
        else reader.run();
    }
    void after() { /* nobody sleeps beside a record */
        if (reader.asleep && !writer.rang) RL_ASSERT(reader.r.at == writer.committed * SPAN);
    }
};
} // namespace

namespace ring {
uint64_t load(const void *p, int order) {
    now->step(p, false);
    return now->at(p).load(checked(order), $);
}
void store(void *p, uint64_t v, int order) {
    now->step(p, true);
    now->at(p).store(v, checked(order), $);
}
uint64_t exchange(void *p, uint64_t v) {
    now->step(p, true);
    return now->at(p).exchange(v, rl::mo_relaxed, $);
}
uint64_t fetch_or(void *p, uint64_t v) {
    now->step(p, true);
    return now->at(p).fetch_or(v, rl::mo_relaxed, $);
}
uint64_t fetch_and(void *p, uint64_t v) {
    now->step(p, true);
    return now->at(p).fetch_and(v, rl::mo_relaxed, $);
}
} // namespace ring

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    if (argc > 3) {
        for (int i = 0; i < ring::ORDERS; i++)
            if (!strcmp(argv[3], ring::NAMES[i])) ring::weak = i;
        if (ring::weak < 0) return 2;
    }
    rl::test_params params;
    params.iteration_count = strtoull(argv[2], nullptr, 10);
    params.execution_depth_limit = 20000;
    params.progress_output_period = 1000000;
    bool sound = !strcmp(argv[1], "lossy") ? rl::simulate<proof<TC_READER_LOSSY>>(params)
                                           : rl::simulate<proof<TC_READER_GATING>>(params);
    return sound ? 0 : 1;
}
