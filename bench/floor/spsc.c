/* The floor for outboxes: the least a queue of 64-byte messages can be.
 *
 *   spsc local N                 nanoseconds of a push and a pop, one thread
 *   spsc cross P C N GAP         two processes pinned to cores P and C (-1: not pinned), N messages
 *                                one every GAP ns, stamped before the push and after the pop;
 *                                prints p50 and p99 in ns
 *   spsc flood P C N             messages per second
 *
 * A fixed array of messages, two indices on lines of their own, each side caching the other's; no
 * record lengths, no readers' table, nothing that survives a crash. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS = 4096 };

typedef struct {
    int64_t stamp, number, rest[6];
} message;

typedef struct {
    _Alignas(128) uint64_t written;
    _Alignas(128) uint64_t read;
    _Alignas(128) uint32_t ready;
    _Alignas(128) message slots[SLOTS];
} queue;

static inline int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void pin(int core) {
    if (core < 0) return;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    sched_setaffinity(0, sizeof set, &set);
}

/* Where the next message goes, NULL while the queue is full. It is written in place: a copy of one
 * just made in registers waits for its own narrow stores. */
static inline message *claim(queue *q, uint64_t at, uint64_t *seen) {
    if (at - *seen >= SLOTS) {
        *seen = __atomic_load_n(&q->read, __ATOMIC_ACQUIRE);
        if (at - *seen >= SLOTS) return 0;
    }
    return &q->slots[at % SLOTS];
}

static inline const message *peek(queue *q, uint64_t at, uint64_t *seen) {
    if (at == *seen) {
        *seen = __atomic_load_n(&q->written, __ATOMIC_ACQUIRE);
        if (at == *seen) return 0;
    }
    return &q->slots[at % SLOTS];
}

static int ascending(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void produce(queue *q, long count, long gap) {
    while (!__atomic_load_n(&q->ready, __ATOMIC_ACQUIRE)) __builtin_ia32_pause();
    uint64_t at = 0, seen = 0;
    message *m;
    int64_t due = now_ns();
    for (long i = 0; i < count; i++) {
        if (gap) {
            due += gap;
            while (now_ns() < due) __builtin_ia32_pause();
        }
        while (!(m = claim(q, at, &seen))) {
        }
        m->number = i;
        if (gap) m->stamp = now_ns();
        __atomic_store_n(&q->written, ++at, __ATOMIC_RELEASE);
    }
}

int main(int argc, char **argv) {
    queue *q = mmap(0, sizeof *q, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (argc < 3 || q == MAP_FAILED) return 2;
    uint64_t at = 0, seen = 0, sum = 0;
    if (!strcmp(argv[1], "local")) {
        long count = atol(argv[2]);
        uint64_t w = 0, limit = 0;
        int64_t start = now_ns();
        for (long i = 0; i < count; i++) {
            message *m = claim(q, w, &limit);
            *m = (message){.number = i};
            __atomic_store_n(&q->written, ++w, __ATOMIC_RELEASE);
            sum += (uint64_t)peek(q, at, &seen)->number;
            __atomic_store_n(&q->read, ++at, __ATOMIC_RELEASE);
        }
        printf("{\"ns\":%.3f,\"sum\":%llu}\n", (double)(now_ns() - start) / count, (unsigned long long)sum);
        return 0;
    }
    if (argc < 5) return 2;
    int cross = !strcmp(argv[1], "cross");
    long count = atol(argv[4]), gap = cross && argc > 5 ? atol(argv[5]) : 0;
    int64_t *delay = malloc(sizeof *delay * (size_t)count);
    pin(atoi(argv[2])); /* before the fork: a spinning parent would starve a child on its core */
    pid_t child = fork();
    if (!child) {
        produce(q, count, gap);
        _exit(0);
    }
    pin(atoi(argv[3]));
    __atomic_store_n(&q->ready, 1, __ATOMIC_RELEASE);
    int64_t start = now_ns();
    for (long i = 0; i < count; i++) {
        const message *m;
        while (!(m = peek(q, at, &seen))) {
        }
        if (cross) delay[i] = now_ns() - m->stamp;
        sum += (uint64_t)m->number;
        __atomic_store_n(&q->read, ++at, __ATOMIC_RELEASE);
    }
    int64_t end = now_ns();
    waitpid(child, 0, 0);
    if (cross) {
        qsort(delay, (size_t)count, sizeof *delay, ascending);
        printf("{\"p50_ns\":%lld,\"p99_ns\":%lld,\"sum\":%llu}\n", (long long)delay[count / 2],
               (long long)delay[count * 99 / 100], (unsigned long long)sum);
    } else {
        printf("{\"per_s\":%.0f,\"sum\":%llu}\n", count / ((end - start) / 1e9), (unsigned long long)sum);
    }
    return 0;
}
