/* The memory orders of ring.h, each by name: what it orders, and against what.
 *
 * None may be weaker, none needs to be stronger: tests/proofs weakens them one at a time, and each
 * weakening fails in a model (ring.pml) and under a checker of the C memory model (ring_relacy.cpp)
 * or under ThreadSanitizer (ring_threads.c). What is not named here is relaxed. A harness gives a
 * weaker order by a macro, and its own operations in place of the compiler's. */
#ifndef TIERCEL_RING_ORDER_H
#define TIERCEL_RING_ORDER_H

/* The writer reads a gating reader's cursor before it writes over what lies behind it. */
#ifndef TC_ORDER_LIMIT
#define TC_ORDER_LIMIT __ATOMIC_ACQUIRE
#endif
/* A fence: what will be overwritten is announced before any byte of it changes. */
#ifndef TC_ORDER_ANNOUNCE
#define TC_ORDER_ANNOUNCE __ATOMIC_RELEASE
#endif
/* The record and the cleared word behind it come before its commit word. */
#ifndef TC_ORDER_COMMIT
#define TC_ORDER_COMMIT __ATOMIC_RELEASE
#endif
/* A commit word comes before the `head` that names it. */
#ifndef TC_ORDER_HEAD
#define TC_ORDER_HEAD __ATOMIC_RELEASE
#endif
/* The same for a writer that takes over and names its predecessor's last record. */
#ifndef TC_ORDER_TAKEOVER
#define TC_ORDER_TAKEOVER __ATOMIC_RELEASE
#endif
/* A fence: the commit comes before the look at who sleeps. */
#ifndef TC_ORDER_RING
#define TC_ORDER_RING __ATOMIC_SEQ_CST
#endif
/* A fence: the bit of a sleeper comes before its last look for a record. */
#ifndef TC_ORDER_DOZE
#define TC_ORDER_DOZE __ATOMIC_SEQ_CST
#endif
/* A gating reader reads the commit word before the record. */
#ifndef TC_ORDER_PEEK
#define TC_ORDER_PEEK __ATOMIC_ACQUIRE
#endif
/* The same for a lossy reader. */
#ifndef TC_ORDER_COPY
#define TC_ORDER_COPY __ATOMIC_ACQUIRE
#endif
/* A fence: the copy comes before the look at what has been announced. */
#ifndef TC_ORDER_LAPPED
#define TC_ORDER_LAPPED __ATOMIC_ACQUIRE
#endif
/* A lapped reader reads `head` before the record that it names. */
#ifndef TC_ORDER_GAP
#define TC_ORDER_GAP __ATOMIC_ACQUIRE
#endif
/* What was read is no longer needed before the cursor says so. */
#ifndef TC_ORDER_PUBLISH
#define TC_ORDER_PUBLISH __ATOMIC_RELEASE
#endif

#ifndef TC_ATOMIC_LOAD
#define TC_ATOMIC_LOAD(p, order) __atomic_load_n((p), (order))
#define TC_ATOMIC_STORE(p, v, order) __atomic_store_n((p), (v), (order))
#define TC_ATOMIC_EXCHANGE(p, v) __atomic_exchange_n((p), (v), __ATOMIC_RELAXED)
#define TC_ATOMIC_OR(p, v) __atomic_fetch_or((p), (v), __ATOMIC_RELAXED)
#define TC_ATOMIC_AND(p, v) __atomic_fetch_and((p), (v), __ATOMIC_RELAXED)
#define TC_ATOMIC_FENCE(order) __atomic_thread_fence(order)
#define TC_RECORD_WORD(p) (*(p)) /* a gating reader's: nobody writes there while it reads */
#endif

#define TC_LOAD_RELAXED(p) TC_ATOMIC_LOAD(p, __ATOMIC_RELAXED)
#define TC_STORE_RELAXED(p, v) TC_ATOMIC_STORE(p, v, __ATOMIC_RELAXED)
/* for those that look at a file from outside (ring.pyx) */
#define TC_LOAD(p) TC_ATOMIC_LOAD(p, __ATOMIC_ACQUIRE)
#define TC_STORE(p, v) TC_ATOMIC_STORE(p, v, __ATOMIC_RELEASE)
#endif
