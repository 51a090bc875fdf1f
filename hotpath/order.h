/* The life of an order, as reliability.md section 5 has it, and the table that holds all of them.
 *
 * Layout: one preallocated array of tc_order; two open-addressing indexes (client id, venue id) of
 * 24-byte entries with linear probing and backward-shift deletion; one set of trades in arrival
 * order (a ring) with its own index. Nothing allocates after orders_init. One writer and reader:
 * the venue actor that owns the table.
 *
 * The status is no variable that events overwrite: an order keeps the set of facts that venue and
 * engine have stated (`facts`) and its trades, and the status is a function of both (status_of).
 * So the final state cannot depend on the order in which reports arrive (5.5); what table 5.2
 * forbids is refused before any fact is added. Where the letter of 5.2 would make the result depend
 * on arrival, 5.5 and the precedence of 5.1 decide: an acknowledgement that comes after a reject
 * says the order had lived (CANCELED with the venue's reason, as in the other order); a fill beside
 * a reject is PARTIALLY_FILLED or FILLED, and DISPUTED; suspensions and fills are ordered by venue
 * time where it is given.
 *
 * A replace moves the order on to a new id in place: one struct, one cumulative quantity, the old
 * id stays an alias, so a late fill under the old id finds the same order. What each id was sent for
 * and has traded is kept for each: a new id is sent for what the wish leaves as far as we know, so a
 * fill of the old one that was on its way makes the chain trade more than was wished, and no id more
 * than its own. Only the latter is an overfill. A chain ends when the id it has is over at the venue
 * and no replace is open: as long as one is, the end of the id before it is kept for the case that
 * the replace is refused. What works on beyond the wish is a surplus, to be cancelled. */
#ifndef TIERCEL_ORDER_H
#define TIERCEL_ORDER_H
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hotpath/fetch.h"
#include "hotpath/records.h"
#include "hotpath/room.h"

enum tc_status {
    TC_STATUS_NONE = 0,
    TC_STATUS_INTENT = 1,
    TC_STATUS_DENIED = 2,
    TC_STATUS_PENDING_NEW = 3,
    TC_STATUS_NEW = 4,
    TC_STATUS_PARTIALLY_FILLED = 5,
    TC_STATUS_FILLED = 6,
    TC_STATUS_DONE_FOR_DAY = 7,
    TC_STATUS_CANCELED = 8,
    TC_STATUS_REJECTED = 9,
    TC_STATUS_SUSPENDED = 10,
    TC_STATUS_EXPIRED = 11,
    TC_STATUSES = 12
};

enum tc_pending { TC_PENDING_NONE = 0, TC_PENDING_CANCEL = 1, TC_PENDING_REPLACE = 2 };
enum tc_evidence { TC_CONFIRMED = 0, TC_UNKNOWN = 1, TC_DISPUTED = 2 };

enum tc_effect { /* low 4 bits: what became of the report; the rest: what follows from it */
    TC_EFFECT_APPLIED = 1,
    TC_EFFECT_IGNORED = 2, /* known already, or too late to matter; nothing is published */
    TC_EFFECT_ILLEGAL = 3, /* refused before any change (5.3) */
    TC_EFFECT_MASK = 15,
    TC_EFFECT_POSITION = 16,     /* the position moves by the report's quantity */
    TC_EFFECT_TERMINAL = 32,     /* the order has just become terminal */
    TC_EFFECT_QUERY = 64,        /* ask the venue for the order */
    TC_EFFECT_FILL_QUERY = 128,  /* the venue counts more than we have trades for (5.6) */
    TC_EFFECT_DISPUTED = 256,
    TC_EFFECT_HALT = 512,        /* halt the instrument */
    TC_EFFECT_OVERFILL = 1024,
    TC_EFFECT_COMPENSATED = 2048 /* a booked guess or a busted trade was taken back */
};

enum tc_fact {
    TC_FACT_APPROVED = 1,
    TC_FACT_ACKED = 2,
    TC_FACT_REJECTED = 4,
    TC_FACT_CANCELED = 8,
    TC_FACT_EXPIRED = 16,
    TC_FACT_DONE_FOR_DAY = 32,
    TC_FACT_SUSPENDED = 64,
    TC_FACT_DENIED = 128,
    TC_FACT_STAYS_FILLED = 256, /* a bust does not reopen it */
    TC_FACT_DISPUTED = 512,
    TC_FACT_UNKNOWN_PLACE = 1024,
    TC_FACT_UNKNOWN_CHANGE = 2048,
    TC_FACT_OVERFILLED = 4096,
    TC_FACT_ABSENT = 8192 /* proven by 4.6; not a venue's word */
};

typedef struct {
    tc_order_id id; /* the one it has now, after replaces */
    tc_order_id first;
    tc_order_id replacement; /* 0: no replace is open */
    uint64_t venue_order_id;
    int64_t price, quantity, cumulative; /* ticks, lots, lots */
    int64_t here;                        /* filled under the id it has now */
    int64_t asked;                       /* what the id it has now was sent for */
    int64_t new_price, new_quantity;     /* of the open replace */
    int64_t guessed, guessed_price;      /* booked without a trade (5.6) */
    uint64_t cost_lo;
    int64_t cost_hi; /* sum of price * quantity of its trades, ticks * lots */
    int64_t created, deadline;
    int64_t touched;    /* engine time of the last report that changed it */
    int64_t state_time; /* newest venue time among fills, suspensions, resumptions and ends */
    int64_t sent;       /* engine time of the last command sent for it */
    int64_t query_due, first_query, first_absent;
    uint64_t cause; /* the intent's record */
    uint32_t instrument, facts, flags;
    int32_t reason;
    uint32_t queries, absences; /* asked, and answered "no such order" */
    uint16_t strategy, rule;
    uint8_t op, side, type, time_in_force;
    uint8_t status, pending, evidence, leg;
    int32_t alias;        /* first node of its other ids, -1 = none */
    int32_t before, after; /* neighbours among the terminal orders */
    uint16_t used;
    uint16_t moves; /* replaces so far: which of its ids it has now */
    int64_t new_asked; /* what the open replace was sent for */
    uint32_t guess_mark; /* the id under which the last guess was booked */
    uint32_t over; /* of its older ids: how many traded more than they were sent for */
} tc_order;

typedef struct { /* one thing said about an order */
    tc_order_id id;        /* as the report carries it; 0 = the one the order has */
    tc_order_id successor; /* REPLACE_REQUESTED, REPLACED */
    uint64_t venue_order_id, trade_id;
    int64_t price, quantity;
    int64_t cumulative; /* STATUS: as the venue counts, -1 = not said */
    int64_t venue_time;
    int64_t collected; /* STATUS: engine time at which its collection began */
    int32_t reason;
    uint8_t type;     /* enum tc_order_event_type */
    uint8_t status;   /* STATUS, RESOLVED */
    uint8_t definite; /* DENIED: proof that no byte left; *_REJECTED, TRADE_BUST: the order lives */
    uint8_t guess;    /* FILL: booked from a status, without a trade */
} tc_report;

typedef struct {
    uint64_t hi, lo;
    int32_t slot; /* -1 = empty */
    int32_t pad;
} tc_index_entry;

typedef struct {
    tc_order_id id;
    int32_t next;
    int32_t pad;
    int64_t asked, filled; /* what it was sent for, and traded */
} tc_alias;

/* Above these bits: `order_mark` of the trade, so that what is taken back is taken from the id it was done under. */
enum { TC_TRADE_BUSTED = 1, TC_TRADE_CORRECTED = 2, TC_TRADE_STATED = 3 };

typedef struct {
    uint64_t trade_id;
    int64_t price, quantity;
    uint32_t instrument;
    uint32_t flags;
} tc_known_trade;

/* What an id had traded when its order was let go of, less than it was sent for: more of it may be told late,
 * and an order that begins again at nothing would take what it had counted for missing. */
typedef struct {
    tc_order_id id;
    int64_t filled;
    uint64_t cost_lo;
    int64_t cost_hi;
    uint32_t facts, pad;
} tc_remnant;

typedef struct {
    tc_order *orders;
    tc_index_entry *by_id, *by_venue, *by_trade, *by_remnant;
    tc_remnant *remnants; /* a ring of as many as there are places */
    tc_alias *aliases;
    tc_known_trade *trades;
    int32_t *vacant;
    uint32_t room, index_mask, trade_mask, trade_index_mask;
    int32_t vacancies, alias_vacant;
    int32_t prepared; /* a vacant place that is zeroed already, plus 1; 0 = none */
    int32_t recent;   /* the order made last: it is asked for again in the same turn */
    int32_t oldest, newest; /* terminal orders, in the order in which they became so */
    uint64_t trades_seen, remnants_seen;
    uint32_t used, live;
    uint64_t known_trades, illegal; /* counters */
} tc_orders;

/* ---- identity ----------------------------------------------------------------------------- */

static inline tc_order_id order_id_pack(uint64_t instance, uint16_t source, uint64_t position, uint8_t leg,
                                        uint16_t attempt) {
    tc_order_id id;
    id.hi = (instance & 0xffffffffffull) << 24 | (uint64_t)source << 8 | (position >> 40 & 0xff);
    id.lo = position << 24 | (uint64_t)leg << 16 | attempt;
    return id;
}

static inline uint64_t order_id_instance(tc_order_id id) { return id.hi >> 24; }
static inline uint16_t order_id_source(tc_order_id id) { return (uint16_t)(id.hi >> 8); }
static inline uint64_t order_id_position(tc_order_id id) { return (id.hi & 0xff) << 40 | id.lo >> 24; }
static inline uint8_t order_id_leg(tc_order_id id) { return (uint8_t)(id.lo >> 16); }
static inline uint16_t order_id_attempt(tc_order_id id) { return (uint16_t)id.lo; }
static inline int order_id_same(tc_order_id a, tc_order_id b) { return a.hi == b.hi && a.lo == b.lo; }
static inline void order_id_copy(tc_order_id *to, tc_order_id id) { /* two words: as one it waits for both stores */
    __atomic_store_n(&to->hi, id.hi, __ATOMIC_RELAXED);
    __atomic_store_n(&to->lo, id.lo, __ATOMIC_RELAXED);
}
static inline int order_id_none(tc_order_id a) { return !(a.hi | a.lo); }

enum { TC_BASE62 = 22 }; /* 11 digits for each half: the upper half rarely changes */

static const char ORDER_DIGITS[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

enum { ORDER_SIXTH = 916132832 }; /* 62 to the fifth */

/* Five digits, each by a division of its own: one after the other each would wait for the last. */
static inline void order_five_twice(uint32_t v, char *to, char *also) {
    to[0] = also[0] = ORDER_DIGITS[v / (62 * 62 * 62 * 62)];
    to[1] = also[1] = ORDER_DIGITS[v / (62 * 62 * 62) % 62];
    to[2] = also[2] = ORDER_DIGITS[v / (62 * 62) % 62];
    to[3] = also[3] = ORDER_DIGITS[v / 62 % 62];
    to[4] = also[4] = ORDER_DIGITS[v % 62];
}

static inline void order_half_twice(uint64_t v, char *to, char *also) { /* a copy would wait for the stores */
    uint64_t upper = v / ORDER_SIXTH, top = upper / ORDER_SIXTH;
    order_five_twice((uint32_t)(v - upper * ORDER_SIXTH), to + 6, also + 6);
    order_five_twice((uint32_t)(upper - top * ORDER_SIXTH), to + 1, also + 1);
    to[0] = also[0] = ORDER_DIGITS[top];
}

static inline void order_half_write(uint64_t v, char *to) {
    char unused[11];
    order_half_twice(v, to, unused);
}

static inline int order_half_read(const char *p, uint64_t *out) {
    uint64_t v = 0;
    for (int i = 0; i < 11; i++) {
        unsigned char c = (unsigned char)p[i];
        unsigned d;
        if (c >= '0' && c <= '9') d = c - '0';
        else if (c >= 'A' && c <= 'Z') d = c - 'A' + 10;
        else if (c >= 'a' && c <= 'z') d = c - 'a' + 36;
        else return 0;
        if (__builtin_mul_overflow(v, (uint64_t)62, &v) || __builtin_add_overflow(v, (uint64_t)d, &v)) return 0;
    }
    *out = v;
    return 1;
}

static inline void order_id_write(tc_order_id id, char *to) {
    order_half_write(id.hi, to);
    order_half_write(id.lo, to + 11);
}

/* 1 when [p, p + n) is an id in our spelling (of whatever instance). */
static inline int order_id_read(const char *p, uint32_t n, tc_order_id *out) {
    return n == TC_BASE62 && order_half_read(p, &out->hi) && order_half_read(p + 11, &out->lo);
}

/* ---- indexes ------------------------------------------------------------------------------ */

/* Positions of eight neighbours share a block of places: the next order of a strategy finds its line
 * in the cache, where a hash of the whole id cost a miss in every table it was looked up in. */
static inline uint64_t order_mix(uint64_t hi, uint64_t lo) {
    uint64_t v = hi ^ lo >> 24 ^ lo << 40, x = (v >> 3) * 0x9e3779b97f4a7c15ull;
    return (x ^ x >> 29) << 3 | (v & 7);
}

static inline uint32_t index_find(const tc_index_entry *t, uint32_t mask, uint64_t hi, uint64_t lo) {
    uint32_t i = (uint32_t)order_mix(hi, lo) & mask;
    while (t[i].slot >= 0 && (t[i].hi != hi || t[i].lo != lo)) i = (i + 1) & mask;
    return i;
}

/* Asks for the lines in which the ids of the next positions of `id`'s source will lie. Inlined by force:
 * gcc takes a function that only prefetches for one without effect and drops its calls. */
static inline __attribute__((always_inline)) void index_warm(const tc_index_entry *t, uint32_t mask, tc_order_id id) {
    for (uint64_t ahead = 1; ahead <= 4; ahead++) { /* the near ones are there already, unless the source skipped some */
        const tc_index_entry *next = &t[(uint32_t)order_mix(id.hi, id.lo + (ahead << 24)) & mask];
        __builtin_prefetch(next, 1);
        __builtin_prefetch((const char *)(next + 1) - 1, 1);
    }
}

static inline void index_put(tc_index_entry *t, uint32_t mask, uint64_t hi, uint64_t lo, int32_t slot) {
    uint32_t i = index_find(t, mask, hi, lo);
    t[i].hi = hi;
    t[i].lo = lo;
    t[i].slot = slot;
}

static inline void index_remove(tc_index_entry *t, uint32_t mask, uint64_t hi, uint64_t lo) {
    uint32_t i = index_find(t, mask, hi, lo), j = i;
    if (t[i].slot < 0) return;
    for (;;) { /* close the hole: what probed past it moves back */
        j = (j + 1) & mask;
        if (t[j].slot < 0) break;
        uint32_t home = (uint32_t)order_mix(t[j].hi, t[j].lo) & mask;
        if (((j - home) & mask) >= ((j - i) & mask)) {
            t[i] = t[j];
            i = j;
        }
    }
    t[i].slot = -1;
}

/* ---- the table ---------------------------------------------------------------------------- */

static inline void orders_free(tc_orders *t) {
    free(t->orders), free(t->by_id), free(t->by_venue), free(t->by_trade);
    free(t->aliases), free(t->trades), free(t->vacant), free(t->remnants), free(t->by_remnant);
    memset(t, 0, sizeof *t);
}

/* room and trades: powers of two. 0 when there is no memory. */
static inline int orders_init(tc_orders *t, uint32_t room, uint32_t trades) {
    memset(t, 0, sizeof *t);
    t->room = room;
    t->index_mask = room * 8 - 1;
    t->trade_mask = trades - 1;
    t->trade_index_mask = trades * 4 - 1;
    t->orders = (tc_order *)tc_room(room, sizeof *t->orders);
    t->vacant = (int32_t *)tc_room(room, sizeof *t->vacant);
    t->aliases = (tc_alias *)tc_room((size_t)room * 2, sizeof *t->aliases);
    t->by_id = (tc_index_entry *)tc_room((size_t)room * 8, sizeof *t->by_id);
    t->by_venue = (tc_index_entry *)tc_room((size_t)room * 8, sizeof *t->by_venue);
    t->trades = (tc_known_trade *)tc_room(trades, sizeof *t->trades);
    t->by_trade = (tc_index_entry *)tc_room((size_t)trades * 4, sizeof *t->by_trade);
    t->remnants = (tc_remnant *)tc_room(room, sizeof *t->remnants);
    t->by_remnant = (tc_index_entry *)tc_room((size_t)room * 4, sizeof *t->by_remnant);
    if (!t->orders || !t->vacant || !t->aliases || !t->by_id || !t->by_venue || !t->trades || !t->by_trade ||
        !t->remnants || !t->by_remnant) {
        orders_free(t);
        return 0;
    }
    for (uint32_t i = 0; i < room * 8; i++) t->by_id[i].slot = t->by_venue[i].slot = -1;
    for (uint32_t i = 0; i < trades * 4; i++) t->by_trade[i].slot = -1;
    for (uint32_t i = 0; i < room * 4; i++) t->by_remnant[i].slot = -1;
    for (uint32_t i = 0; i < room; i++) t->vacant[i] = (int32_t)(room - 1 - i);
    for (uint32_t i = 0; i < room * 2; i++) t->aliases[i].next = (int32_t)i + 1 < (int32_t)(room * 2) ? (int32_t)i + 1 : -1;
    t->vacancies = (int32_t)room;
    t->oldest = t->newest = -1;
    return 1;
}

static inline tc_order *orders_by_id(const tc_orders *t, tc_order_id id) {
    tc_order *recent = &t->orders[t->recent];
    if (recent->used && order_id_same(recent->id, id)) return recent;
    int32_t s = t->by_id[index_find(t->by_id, t->index_mask, id.hi, id.lo)].slot;
    return s < 0 ? NULL : &t->orders[s];
}

static inline tc_order *orders_by_venue(const tc_orders *t, uint32_t instrument, uint64_t venue_order_id) {
    int32_t s = t->by_venue[index_find(t->by_venue, t->index_mask, instrument, venue_order_id)].slot;
    return s < 0 ? NULL : &t->orders[s];
}

static inline void orders_unlink(tc_orders *t, tc_order *o) {
    int32_t at = (int32_t)(o - t->orders);
    if (o->before >= 0) t->orders[o->before].after = o->after;
    else if (t->oldest == at) t->oldest = o->after;
    else return; /* not in the list */
    if (o->after >= 0) t->orders[o->after].before = o->before;
    else t->newest = o->before;
    o->before = o->after = -1;
}

static inline void orders_retire(tc_orders *t, tc_order *o) {
    int32_t at = (int32_t)(o - t->orders);
    orders_unlink(t, o);
    o->before = t->newest;
    o->after = -1;
    if (t->newest >= 0) t->orders[t->newest].after = at;
    else t->oldest = at;
    t->newest = at;
}

static inline tc_remnant *remnant_find(const tc_orders *t, tc_order_id id) {
    int32_t s = t->by_remnant[index_find(t->by_remnant, t->room * 4 - 1, id.hi, id.lo)].slot;
    return s < 0 ? NULL : &t->remnants[s];
}

static inline void remnant_drop(tc_orders *t, tc_remnant *m) {
    index_remove(t->by_remnant, t->room * 4 - 1, m->id.hi, m->id.lo);
    m->id.hi = m->id.lo = 0;
}

/* That `filled` lots of an id are counted, whatever was kept of it before. */
static inline tc_remnant *remnant_keep(tc_orders *t, tc_order_id id, int64_t filled, __int128 cost, uint32_t facts) {
    tc_remnant *m = remnant_find(t, id);
    if (!m) {
        uint32_t at = (uint32_t)(t->remnants_seen++ & (t->room - 1));
        m = &t->remnants[at];
        if (!order_id_none(m->id)) remnant_drop(t, m);
        m->id = id;
        index_put(t->by_remnant, t->room * 4 - 1, id.hi, id.lo, (int32_t)at);
    }
    m->filled = filled;
    m->cost_lo = (uint64_t)cost;
    m->cost_hi = (int64_t)(cost >> 64);
    m->facts = facts;
    return m;
}

/* `lots` counted under an id of which no order is known. */
static inline void remnant_add(tc_orders *t, tc_order_id id, int64_t price, int64_t lots) {
    tc_remnant *m = remnant_find(t, id);
    __int128 cost = (__int128)price * lots;
    if (m) cost += (__int128)((unsigned __int128)(uint64_t)m->cost_hi << 64 | m->cost_lo);
    remnant_keep(t, id, (m ? m->filled : 0) + lots, cost, m ? m->facts : TC_FACT_APPROVED | TC_FACT_ACKED);
}

/* Of a chain each id has its share of the cost. */
static inline void orders_leave_remnants(tc_orders *t, const tc_order *o) {
    __int128 cost = (__int128)((unsigned __int128)(uint64_t)o->cost_hi << 64 | o->cost_lo);
    uint32_t replaced = TC_FACT_APPROVED | TC_FACT_ACKED | TC_FACT_CANCELED;
    if (o->here > 0 && o->here != o->asked)
        remnant_keep(t, o->id, o->here, o->moves && o->cumulative ? cost / o->cumulative * o->here : cost, o->facts);
    for (int32_t n = o->alias; n >= 0; n = t->aliases[n].next)
        if (t->aliases[n].filled > 0 && t->aliases[n].filled != t->aliases[n].asked)
            remnant_keep(t, t->aliases[n].id, t->aliases[n].filled,
                         o->cumulative ? cost / o->cumulative * t->aliases[n].filled : 0, replaced);
}

/* A new order goes on where the one of its id was let go of: 1 when something is known of that. */
static inline int orders_recover(tc_orders *t, tc_order *o) {
    tc_remnant *m = remnant_find(t, o->id);
    if (!m) return 0;
    o->here = o->cumulative = m->filled;
    o->cost_lo = m->cost_lo;
    o->cost_hi = m->cost_hi;
    o->facts |= m->facts & ~(uint32_t)TC_FACT_APPROVED;
    remnant_drop(t, m);
    return 1;
}

static inline void orders_forget(tc_orders *t, tc_order *o) {
    orders_leave_remnants(t, o);
    orders_unlink(t, o);
    index_remove(t->by_id, t->index_mask, o->id.hi, o->id.lo);
    if (!order_id_none(o->replacement)) index_remove(t->by_id, t->index_mask, o->replacement.hi, o->replacement.lo);
    if (o->venue_order_id) index_remove(t->by_venue, t->index_mask, o->instrument, o->venue_order_id);
    while (o->alias >= 0) {
        tc_alias *a = &t->aliases[o->alias];
        int32_t at = o->alias;
        index_remove(t->by_id, t->index_mask, a->id.hi, a->id.lo);
        o->alias = a->next;
        a->next = t->alias_vacant;
        t->alias_vacant = at;
    }
    o->used = 0;
    t->used--;
    t->vacant[t->vacancies++] = (int32_t)(o - t->orders);
}

/* Between two orders, off the path: the next one's place is vacant, zeroed and near, and so are the
 * places of the ids that follow `id`. For it the oldest terminal order is forgotten, one order before
 * its place is needed. */
static inline void orders_prepare(tc_orders *t, tc_order_id id) {
    index_warm(t->by_id, t->index_mask, id);
    if (!t->vacancies) {
        if (t->oldest < 0) return;
        orders_forget(t, &t->orders[t->oldest]);
    }
    int32_t at = t->vacant[t->vacancies - 1];
    if (t->prepared == at + 1) return;
    memset(&t->orders[at], 0, sizeof *t->orders);
    t->prepared = at + 1;
}

/* Before the first order after a sleep: asks for the lines that it will lie in. */
static inline void orders_wake(const tc_orders *t) {
    tc_fetch(t, sizeof *t);
    if (!t->prepared) return;
    tc_fetch(&t->vacant[t->vacancies > 0 ? t->vacancies - 1 : 0], 4);
    tc_fetch(&t->orders[t->prepared - 1], sizeof *t->orders);
}

/* A new order in status INTENT, or NULL: the id is known, or all places hold orders that live or
 * whose state is not known. Terminal orders are forgotten only when their place is needed. */
static inline __attribute__((always_inline)) tc_order *orders_new(tc_orders *t, const tc_intent *i, tc_order_id id,
                                                                  uint32_t instrument, uint64_t cause, int64_t now) {
    uint32_t entry = index_find(t->by_id, t->index_mask, id.hi, id.lo);
    if (order_id_none(id) || t->by_id[entry].slot >= 0) return NULL;
    if (!t->vacancies) {
        if (t->oldest < 0) return NULL;
        orders_forget(t, &t->orders[t->oldest]);
        entry = index_find(t->by_id, t->index_mask, id.hi, id.lo);
    }
    int32_t at = t->vacant[--t->vacancies];
    tc_order *o = &t->orders[at];
    if (t->prepared != at + 1) memset(o, 0, sizeof *o);
    t->prepared = 0;
    order_id_copy(&o->id, id);
    order_id_copy(&o->first, id);
    o->price = i->price;
    o->quantity = o->asked = i->quantity;
    o->deadline = i->deadline;
    o->created = o->touched = now;
    o->cause = cause;
    o->instrument = instrument;
    o->flags = i->flags;
    o->strategy = i->strategy;
    o->rule = i->rule;
    o->op = i->op;
    o->side = i->side;
    o->type = i->type;
    o->time_in_force = i->time_in_force;
    o->leg = i->leg;
    o->status = TC_STATUS_INTENT;
    o->alias = o->before = o->after = -1;
    o->used = 1;
    t->used++;
    t->recent = at;
    t->by_id[entry].hi = id.hi;
    t->by_id[entry].lo = id.lo;
    t->by_id[entry].slot = at;
    return o;
}

/* ---- state -------------------------------------------------------------------------------- */

static inline int status_is_live(uint8_t s) {
    return s == TC_STATUS_PENDING_NEW || s == TC_STATUS_NEW || s == TC_STATUS_PARTIALLY_FILLED ||
           s == TC_STATUS_DONE_FOR_DAY || s == TC_STATUS_SUSPENDED;
}

static inline int status_is_terminal(uint8_t s) {
    return s == TC_STATUS_DENIED || s == TC_STATUS_FILLED || s == TC_STATUS_CANCELED || s == TC_STATUS_REJECTED ||
           s == TC_STATUS_EXPIRED;
}

/* What the id it has now may still trade. */
static inline int64_t order_leaves(const tc_order *o) {
    return status_is_live(o->status) && o->asked > o->here ? o->asked - o->here : 0;
}

/* 1: nothing more is wished for, and it works on: the old id of a replace traded while it was sent. */
static inline int order_is_surplus(const tc_order *o) {
    return o->cumulative >= o->quantity && o->cumulative > 0 && o->asked > o->here && status_is_live(o->status) &&
           order_id_none(o->replacement);
}

/* 5.1's precedence over what has been stated. */
static inline uint8_t status_of(const tc_order *o) {
    uint32_t f = o->facts;
    int alone = order_id_none(o->replacement); /* else a younger id may work, whatever became of this one */
    if (alone) {
        if (o->cumulative > 0 && o->cumulative >= o->quantity &&
            (o->here >= o->asked || f & (TC_FACT_CANCELED | TC_FACT_EXPIRED | TC_FACT_REJECTED)))
            return TC_STATUS_FILLED;
        if (f & TC_FACT_STAYS_FILLED) return TC_STATUS_FILLED;
        if (f & TC_FACT_CANCELED) return TC_STATUS_CANCELED;
        if (f & TC_FACT_EXPIRED) return TC_STATUS_EXPIRED;
    }
    if (f & TC_FACT_SUSPENDED) return TC_STATUS_SUSPENDED;
    if (f & TC_FACT_DONE_FOR_DAY) return TC_STATUS_DONE_FOR_DAY;
    if (o->cumulative > 0) return TC_STATUS_PARTIALLY_FILLED;
    if (f & TC_FACT_DENIED && !(f & TC_FACT_ACKED)) return TC_STATUS_DENIED;
    if (f & TC_FACT_ABSENT && !(f & TC_FACT_ACKED)) return TC_STATUS_REJECTED;
    if (f & TC_FACT_REJECTED && !(f & TC_FACT_ACKED)) return TC_STATUS_REJECTED;
    if (f & TC_FACT_REJECTED && alone) return TC_STATUS_CANCELED;
    if (f & TC_FACT_ACKED) return TC_STATUS_NEW;
    return f & TC_FACT_APPROVED ? TC_STATUS_PENDING_NEW : TC_STATUS_INTENT;
}

static inline void order_add_cost(tc_order *o, int64_t price, int64_t quantity) {
    __int128 c = (__int128)((unsigned __int128)(uint64_t)o->cost_hi << 64 | o->cost_lo);
    c += (__int128)price * quantity;
    o->cost_lo = (uint64_t)c;
    o->cost_hi = (int64_t)(c >> 64);
}

/* Average price of its trades in ticks * 10^8, rounded half away from zero; 0 when there are none. */
static inline int64_t order_average(const tc_order *o) {
    if (o->cumulative <= 0) return 0;
    __int128 c = (__int128)((unsigned __int128)(uint64_t)o->cost_hi << 64 | o->cost_lo), v;
    if (__builtin_mul_overflow(c, (__int128)100000000, &v)) return 0;
    __int128 half = o->cumulative / 2;
    v = (v + (v < 0 ? -half : half)) / o->cumulative;
    return v > INT64_MAX || v < -INT64_MAX ? 0 : (int64_t)v;
}

static inline void order_learn_venue_id(tc_orders *t, tc_order *o, uint64_t venue_order_id) {
    if (!venue_order_id || venue_order_id == o->venue_order_id) return;
    if (o->venue_order_id) index_remove(t->by_venue, t->index_mask, o->instrument, o->venue_order_id);
    o->venue_order_id = venue_order_id;
    index_put(t->by_venue, t->index_mask, o->instrument, venue_order_id, (int32_t)(o - t->orders));
}

static inline uint32_t order_dispute(tc_order *o) {
    o->facts |= TC_FACT_DISPUTED;
    return TC_EFFECT_DISPUTED | TC_EFFECT_HALT;
}

/* The open replace becomes the order. */
static inline void order_move_on(tc_orders *t, tc_order *o) {
    int32_t node = t->alias_vacant; /* there is one: REPLACE_REQUESTED took care */
    t->alias_vacant = t->aliases[node].next;
    t->aliases[node].id = o->id;
    t->aliases[node].next = o->alias;
    t->aliases[node].asked = o->asked;
    t->aliases[node].filled = o->here;
    o->over += o->here > o->asked;
    o->alias = node;
    o->id = o->replacement;
    o->price = o->new_price;
    o->quantity = o->new_quantity;
    o->replacement.hi = o->replacement.lo = 0;
    o->here = 0;
    o->asked = o->new_asked;
    o->moves++;
    o->facts &= ~(uint32_t)(TC_FACT_UNKNOWN_CHANGE | TC_FACT_CANCELED | TC_FACT_EXPIRED | TC_FACT_REJECTED);
    if (o->pending == TC_PENDING_REPLACE) o->pending = TC_PENDING_NONE;
}

static inline void order_drop_replacement(tc_orders *t, tc_order *o) {
    index_remove(t->by_id, t->index_mask, o->replacement.hi, o->replacement.lo);
    o->replacement.hi = o->replacement.lo = 0;
    if (o->pending == TC_PENDING_REPLACE) o->pending = TC_PENDING_NONE;
}

static inline int order_newer(tc_order *o, int64_t venue_time) {
    if (venue_time && venue_time < o->state_time) return 0;
    if (venue_time) o->state_time = venue_time;
    return 1;
}

static inline tc_known_trade *trade_find(const tc_orders *t, uint32_t instrument, uint64_t trade_id) {
    int32_t s = t->by_trade[index_find(t->by_trade, t->trade_index_mask, instrument, trade_id)].slot;
    return s < 0 ? NULL : &t->trades[s];
}

static inline tc_known_trade *trade_keep(tc_orders *t, uint32_t instrument, uint64_t trade_id, int64_t price,
                                         int64_t quantity, uint32_t flags) {
    uint32_t at = (uint32_t)(t->trades_seen & t->trade_mask);
    tc_known_trade *k = &t->trades[at];
    if (t->trades_seen++ > t->trade_mask) index_remove(t->by_trade, t->trade_index_mask, k->instrument, k->trade_id);
    k->trade_id = trade_id;
    k->price = price;
    k->quantity = quantity;
    k->instrument = instrument;
    k->flags = flags;
    index_put(t->by_trade, t->trade_index_mask, instrument, trade_id, (int32_t)at);
    return k;
}

/* Which of an order's ids, counted from 1; one that is none of them is taken for the one it has now. */
static inline uint32_t order_mark(const tc_orders *t, const tc_order *o, tc_order_id id) {
    uint32_t mark = (uint32_t)o->moves + 1;
    if (order_id_none(id) || order_id_same(id, o->id)) return mark;
    for (int32_t n = o->alias; n >= 0; n = t->aliases[n].next) {
        mark--;
        if (order_id_same(t->aliases[n].id, id)) return mark;
    }
    return (uint32_t)o->moves + 1;
}

static inline int order_is_now(const tc_order *o, uint32_t mark) { return mark == (uint32_t)o->moves + 1; }

static inline tc_alias *order_alias(const tc_orders *t, const tc_order *o, uint32_t mark) {
    int32_t n = o->alias;
    for (uint32_t at = o->moves; at > mark; at--) n = t->aliases[n].next;
    return &t->aliases[n];
}

/* What an id of the order has traded. */
static inline int64_t order_traded(const tc_orders *t, const tc_order *o, tc_order_id id) {
    uint32_t mark = order_mark(t, o, id);
    return order_is_now(o, mark) ? o->here : order_alias(t, o, mark)->filled;
}

/* `lots` traded under an id, or, below zero, taken back: of what it has at most. */
static inline void order_count(const tc_orders *t, tc_order *o, uint32_t mark, int64_t lots) {
    if (order_is_now(o, mark)) {
        o->here = o->here + lots > 0 ? o->here + lots : 0;
        return;
    }
    if (mark > o->moves) return; /* a trade that another order had counted */
    tc_alias *a = order_alias(t, o, mark);
    o->over -= a->filled > a->asked;
    a->filled = a->filled + lots > 0 ? a->filled + lots : 0;
    o->over += a->filled > a->asked;
}

/* A trade that is new: cumulative, cost, doubts. */
static inline uint32_t order_fill(tc_orders *t, tc_order *o, const tc_report *r) {
    uint32_t effect = TC_EFFECT_APPLIED | TC_EFFECT_POSITION, mark = order_mark(t, o, r->id);
    if (r->guess) {
        o->guessed += r->quantity;
        o->guessed_price = r->price;
        o->guess_mark = mark;
    } else if (o->guessed) { /* the real trade takes the place of the guess */
        int64_t back = o->guessed < r->quantity ? o->guessed : r->quantity;
        o->guessed -= back;
        o->cumulative -= back;
        order_count(t, o, o->guess_mark, -back);
        order_add_cost(o, o->guessed_price, -back);
        effect |= TC_EFFECT_COMPENSATED;
    }
    o->cumulative += r->quantity;
    order_count(t, o, mark, r->quantity);
    order_add_cost(o, r->price, r->quantity);
    o->facts &= ~(uint32_t)TC_FACT_UNKNOWN_PLACE;
    if (o->facts & (TC_FACT_DENIED | TC_FACT_REJECTED | TC_FACT_ABSENT)) effect |= order_dispute(o);
    if (order_newer(o, r->venue_time)) o->facts &= ~(uint32_t)(TC_FACT_SUSPENDED | TC_FACT_DONE_FOR_DAY);
    return effect;
}

/* 1: one of its ids traded more than it was sent for. */
static inline int order_is_over(const tc_order *o) { return o->here > o->asked || o->over; }

static inline uint32_t order_take_back(tc_orders *t, tc_order *o, const tc_report *r) {
    tc_known_trade *k = trade_find(t, o->instrument, r->trade_id);
    int correction = r->type == TC_EV_TRADE_CORRECTION;
    if (!r->trade_id || (correction && r->quantity <= 0) || o->status == TC_STATUS_INTENT) return TC_EFFECT_ILLEGAL;
    if (!k) { /* it came before its trade: the trade, when it comes, changes nothing more */
        trade_keep(t, o->instrument, r->trade_id, r->price, correction ? r->quantity : 0,
                   correction ? TC_TRADE_CORRECTED | order_mark(t, o, r->id) << 2 : TC_TRADE_BUSTED);
        return correction ? order_fill(t, o, r) : TC_EFFECT_APPLIED;
    }
    if (k->flags & TC_TRADE_BUSTED || (correction && k->flags & TC_TRADE_CORRECTED && k->price == r->price &&
                                       k->quantity == r->quantity))
        return TC_EFFECT_IGNORED;
    o->cumulative -= k->quantity;
    if (k->flags >> 2) order_count(t, o, k->flags >> 2, -k->quantity);
    order_add_cost(o, k->price, -k->quantity);
    if (correction) {
        o->cumulative += r->quantity;
        order_count(t, o, order_mark(t, o, r->id), r->quantity);
        order_add_cost(o, r->price, r->quantity);
        k->price = r->price;
        k->quantity = r->quantity;
        k->flags = TC_TRADE_CORRECTED | order_mark(t, o, r->id) << 2;
    } else {
        k->flags |= TC_TRADE_BUSTED;
    }
    if (r->definite) o->facts &= ~(uint32_t)TC_FACT_STAYS_FILLED;
    else if (o->status == TC_STATUS_FILLED && o->cumulative < o->quantity) o->facts |= TC_FACT_STAYS_FILLED;
    return TC_EFFECT_APPLIED | TC_EFFECT_POSITION | TC_EFFECT_COMPENSATED;
}

static inline uint32_t order_reject(tc_orders *t, tc_order *o, const tc_report *r) {
    if (!order_id_none(o->replacement) && order_id_same(r->id, o->replacement)) { /* that was refused, not this */
        order_drop_replacement(t, o);
        if (!status_is_live(o->status)) return TC_EFFECT_IGNORED;
        o->reason = r->reason;
        return TC_EFFECT_APPLIED;
    }
    if (o->status == TC_STATUS_INTENT || o->status == TC_STATUS_DENIED) return TC_EFFECT_ILLEGAL;
    if (o->facts & (TC_FACT_REJECTED | TC_FACT_ABSENT)) return TC_EFFECT_IGNORED;
    if (o->cumulative > 0) {
        o->facts |= TC_FACT_REJECTED;
        o->reason = r->reason;
        order_newer(o, r->venue_time);
        return TC_EFFECT_APPLIED | order_dispute(o);
    }
    if (o->status != TC_STATUS_PENDING_NEW && o->status != TC_STATUS_NEW) return TC_EFFECT_ILLEGAL;
    o->facts |= TC_FACT_REJECTED;
    o->reason = r->reason;
    order_newer(o, r->venue_time);
    return TC_EFFECT_APPLIED;
}

/* CANCELED and EXPIRED. */
static inline uint32_t order_end(tc_order *o, const tc_report *r, uint32_t fact) {
    if (o->facts & fact) return TC_EFFECT_IGNORED;
    if (o->status == TC_STATUS_FILLED) { /* kept for the case of a bust; not published again */
        o->facts |= fact;
        o->reason = r->reason;
        order_newer(o, r->venue_time);
        return TC_EFFECT_IGNORED;
    }
    if (!status_is_live(o->status)) return TC_EFFECT_ILLEGAL;
    o->facts |= fact;
    o->reason = r->reason;
    order_newer(o, r->venue_time);
    return TC_EFFECT_APPLIED;
}

static inline uint32_t order_ack(tc_order *o) {
    if (o->status == TC_STATUS_INTENT) return TC_EFFECT_ILLEGAL;
    if (o->facts & TC_FACT_ACKED) return TC_EFFECT_IGNORED;
    o->facts |= TC_FACT_ACKED;
    /* it was sent, or arrived, after all: it lives, whatever we had concluded */
    if (o->facts & (TC_FACT_DENIED | TC_FACT_ABSENT)) return TC_EFFECT_APPLIED | order_dispute(o);
    return TC_EFFECT_APPLIED;
}

static inline uint32_t order_pause(tc_order *o, const tc_report *r) {
    uint32_t fact = r->type == TC_EV_DONE_FOR_DAY ? TC_FACT_DONE_FOR_DAY : TC_FACT_SUSPENDED;
    int resume = r->type == TC_EV_RESUMED;
    if (!status_is_live(o->status))
        return o->status == TC_STATUS_INTENT || o->status == TC_STATUS_DENIED || o->status == TC_STATUS_REJECTED
                   ? TC_EFFECT_ILLEGAL
                   : TC_EFFECT_IGNORED;
    if (resume && !(o->facts & fact) && !r->venue_time) return TC_EFFECT_ILLEGAL;
    if (!order_newer(o, r->venue_time)) return TC_EFFECT_IGNORED;
    if (resume == !(o->facts & fact)) return TC_EFFECT_IGNORED;
    if (resume) o->facts &= ~fact;
    else o->facts |= fact;
    return TC_EFFECT_APPLIED;
}

static inline uint32_t order_status_report(tc_orders *t, tc_order *o, const tc_report *r) {
    uint32_t effect;
    if (o->status == TC_STATUS_INTENT) return TC_EFFECT_ILLEGAL;
    uint32_t more = r->cumulative > o->cumulative ? TC_EFFECT_FILL_QUERY : 0;
    switch (r->status) {
    case TC_STATUS_PENDING_NEW:
    case TC_STATUS_NEW:
    case TC_STATUS_PARTIALLY_FILLED:
        if (status_is_terminal(o->status)) {
            /* 8.7: only what was asked for later can contradict, and what the venue itself dates later:
             * a question may be answered by a copy that has not caught up */
            if (r->collected <= o->touched || (r->venue_time && r->venue_time <= o->state_time))
                return TC_EFFECT_IGNORED;
            return TC_EFFECT_APPLIED | order_dispute(o) | more;
        }
        effect = order_ack(o);
        if (r->collected > o->sent && o->facts & TC_FACT_UNKNOWN_CHANGE) {
            o->facts &= ~(uint32_t)TC_FACT_UNKNOWN_CHANGE;
            if (o->pending == TC_PENDING_CANCEL) o->pending = TC_PENDING_NONE;
            effect = TC_EFFECT_APPLIED;
        }
        return effect | more;
    case TC_STATUS_FILLED:
        if (o->status == TC_STATUS_FILLED) return TC_EFFECT_IGNORED;
        o->facts |= TC_FACT_ACKED | TC_FACT_UNKNOWN_CHANGE;
        return TC_EFFECT_APPLIED | TC_EFFECT_FILL_QUERY;
    case TC_STATUS_CANCELED: return order_end(o, r, TC_FACT_CANCELED) | more;
    case TC_STATUS_EXPIRED: return order_end(o, r, TC_FACT_EXPIRED) | more;
    case TC_STATUS_REJECTED: return order_reject(t, o, r) | more;
    default: return TC_EFFECT_ILLEGAL;
    }
}

static inline uint32_t order_resolve(tc_orders *t, tc_order *o, const tc_report *r) {
    if (o->evidence == TC_CONFIRMED) return TC_EFFECT_ILLEGAL;
    uint32_t ends = TC_FACT_CANCELED | TC_FACT_EXPIRED | TC_FACT_REJECTED | TC_FACT_DENIED | TC_FACT_STAYS_FILLED |
                    TC_FACT_ABSENT | TC_FACT_SUSPENDED | TC_FACT_DONE_FOR_DAY;
    uint32_t stated;
    switch (r->status) {
    case TC_STATUS_NEW:
    case TC_STATUS_PARTIALLY_FILLED: stated = TC_FACT_ACKED; break;
    case TC_STATUS_FILLED: stated = TC_FACT_STAYS_FILLED; break;
    case TC_STATUS_CANCELED: stated = TC_FACT_CANCELED; break;
    case TC_STATUS_EXPIRED: stated = TC_FACT_EXPIRED; break;
    case TC_STATUS_REJECTED:
        if (o->cumulative > 0 || o->facts & TC_FACT_ACKED) return TC_EFFECT_ILLEGAL;
        stated = TC_FACT_REJECTED;
        break;
    default: return TC_EFFECT_ILLEGAL;
    }
    if (stated != TC_FACT_ACKED && !order_id_none(o->replacement)) order_drop_replacement(t, o);
    o->facts = (o->facts & ~(ends | TC_FACT_DISPUTED | TC_FACT_UNKNOWN_PLACE | TC_FACT_UNKNOWN_CHANGE)) | stated;
    o->reason = r->reason;
    return TC_EFFECT_APPLIED;
}

static inline uint32_t order_step(tc_orders *t, tc_order *o, const tc_report *r) {
    int alive = status_is_live(o->status);
    switch (r->type) {
    case TC_EV_DENIED:
        if (o->status != TC_STATUS_INTENT && !(o->status == TC_STATUS_PENDING_NEW && r->definite)) break;
        o->facts |= TC_FACT_DENIED;
        o->reason = r->reason;
        return TC_EFFECT_APPLIED;
    case TC_EV_APPROVED:
        if (o->status != TC_STATUS_INTENT) break;
        o->facts |= TC_FACT_APPROVED;
        return TC_EFFECT_APPLIED;
    case TC_EV_UNKNOWN:
        if (o->status != TC_STATUS_PENDING_NEW && !(alive && o->pending)) break;
        if (o->status == TC_STATUS_PENDING_NEW) o->facts |= TC_FACT_UNKNOWN_PLACE;
        if (o->pending) o->facts |= TC_FACT_UNKNOWN_CHANGE;
        o->reason = r->reason;
        return TC_EFFECT_APPLIED | TC_EFFECT_QUERY;
    case TC_EV_ACK: return order_ack(o);
    case TC_EV_REJECT: return order_reject(t, o, r);
    case TC_EV_FILL: {
        tc_known_trade *k;
        int64_t sum;
        if (o->status == TC_STATUS_INTENT || r->quantity <= 0 || !r->trade_id) break;
        if (__builtin_add_overflow(o->cumulative, r->quantity, &sum)) break;
        if ((k = trade_find(t, o->instrument, r->trade_id))) {
            t->known_trades++;
            if (k->flags & TC_TRADE_STATED || (k->price == r->price && k->quantity == r->quantity)) return TC_EFFECT_IGNORED;
            return TC_EFFECT_APPLIED | order_dispute(o);
        }
        trade_keep(t, o->instrument, r->trade_id, r->price, r->quantity, order_mark(t, o, r->id) << 2);
        return order_fill(t, o, r);
    }
    case TC_EV_CANCEL_REQUESTED:
        if (!alive) break;
        if (o->pending == TC_PENDING_CANCEL) return TC_EFFECT_IGNORED;
        o->pending = TC_PENDING_CANCEL;
        return TC_EFFECT_APPLIED;
    case TC_EV_CANCELED: return order_end(o, r, TC_FACT_CANCELED);
    case TC_EV_EXPIRED: return order_end(o, r, TC_FACT_EXPIRED);
    case TC_EV_CANCEL_REJECTED:
        if (status_is_terminal(o->status) && o->status != TC_STATUS_DENIED) return TC_EFFECT_IGNORED;
        if (o->pending != TC_PENDING_CANCEL) break;
        o->pending = order_id_none(o->replacement) ? TC_PENDING_NONE : TC_PENDING_REPLACE;
        if (r->definite) return TC_EFFECT_APPLIED;
        o->facts |= TC_FACT_UNKNOWN_CHANGE;
        return TC_EFFECT_APPLIED | TC_EFFECT_QUERY;
    case TC_EV_REPLACE_REQUESTED:
        if ((o->status != TC_STATUS_NEW && o->status != TC_STATUS_PARTIALLY_FILLED) || o->pending ||
            !order_id_none(o->replacement) || order_id_none(r->successor) || r->quantity <= 0 ||
            orders_by_id(t, r->successor) || t->alias_vacant < 0)
            break;
        o->pending = TC_PENDING_REPLACE;
        o->replacement = r->successor;
        o->new_price = r->price;
        o->new_quantity = r->quantity;
        o->new_asked = r->quantity > o->cumulative ? r->quantity - o->cumulative : 0;
        index_put(t->by_id, t->index_mask, r->successor.hi, r->successor.lo, (int32_t)(o - t->orders));
        return TC_EFFECT_APPLIED;
    case TC_EV_REPLACED:
        if (!order_id_none(r->successor) && order_id_same(r->successor, o->id)) return TC_EFFECT_IGNORED;
        if (order_id_none(o->replacement) || o->status == TC_STATUS_REJECTED || o->status == TC_STATUS_DENIED ||
            (!order_id_none(r->successor) && !order_id_same(r->successor, o->replacement)))
            break;
        order_move_on(t, o);
        return TC_EFFECT_APPLIED;
    case TC_EV_REPLACE_REJECTED:
        if (order_id_none(o->replacement)) {
            if (status_is_terminal(o->status) && o->status != TC_STATUS_DENIED) return TC_EFFECT_IGNORED;
            break;
        }
        order_drop_replacement(t, o);
        if (!alive) return TC_EFFECT_IGNORED;
        if (r->definite) return TC_EFFECT_APPLIED;
        o->facts |= TC_FACT_UNKNOWN_CHANGE;
        return TC_EFFECT_APPLIED | TC_EFFECT_QUERY;
    case TC_EV_DONE_FOR_DAY:
    case TC_EV_SUSPENDED:
    case TC_EV_RESUMED: return order_pause(o, r);
    case TC_EV_TRADE_BUST:
    case TC_EV_TRADE_CORRECTION: return order_take_back(t, o, r);
    case TC_EV_ABSENT:
        if (o->status != TC_STATUS_PENDING_NEW || !(o->facts & TC_FACT_UNKNOWN_PLACE)) break;
        o->facts |= TC_FACT_ABSENT;
        o->reason = r->reason;
        return TC_EFFECT_APPLIED;
    case TC_EV_RESOLVED: return order_resolve(t, o, r);
    case TC_EV_STATUS: return order_status_report(t, o, r);
    default: break;
    }
    return TC_EFFECT_ILLEGAL;
}

/* What is said of one id and not of the chain: of an older one it is said too late to matter. */
static inline int order_is_of_one_id(uint8_t type) {
    return type == TC_EV_ACK || type == TC_EV_REJECT || type == TC_EV_CANCELED || type == TC_EV_EXPIRED ||
           type == TC_EV_DONE_FOR_DAY || type == TC_EV_SUSPENDED || type == TC_EV_RESUMED || type == TC_EV_STATUS;
}

/* One report: what became of it. The only way an order changes. */
static inline uint32_t order_apply(tc_orders *t, tc_order *o, const tc_report *r, int64_t now) {
    uint8_t was = o->status;
    uint32_t moved = 0;
    /* of an older id, or of a replacement that was refused */
    int past = !order_id_same(r->id, o->id) && !order_id_same(r->id, o->replacement) && !order_id_none(r->id);
    if (past && order_is_of_one_id(r->type)) return TC_EFFECT_IGNORED;
    /* what speaks of the new id says that the replace has happened */
    if (!order_id_none(o->replacement) && order_id_same(r->id, o->replacement) &&
        (r->type == TC_EV_ACK || r->type == TC_EV_FILL || r->type == TC_EV_CANCELED || r->type == TC_EV_EXPIRED ||
         r->type == TC_EV_TRADE_CORRECTION)) {
        order_move_on(t, o);
        moved = 1;
    }
    uint32_t effect = order_step(t, o, r);
    uint32_t what = effect & TC_EFFECT_MASK;
    if (what == TC_EFFECT_ILLEGAL) {
        t->illegal++;
        if (r->type == TC_EV_FILL) effect |= TC_EFFECT_HALT; /* money may have moved that we cannot place */
        if (!moved) return effect;
    }
    if (moved && what == TC_EFFECT_IGNORED) effect = (effect & ~(uint32_t)TC_EFFECT_MASK) | TC_EFFECT_APPLIED;
    if (r->type != TC_EV_DENIED && what != TC_EFFECT_ILLEGAL && !past) order_learn_venue_id(t, o, r->venue_order_id);
    if (order_is_over(o)) {
        if (!(o->facts & TC_FACT_OVERFILLED)) effect |= TC_EFFECT_OVERFILL | TC_EFFECT_HALT;
        o->facts |= TC_FACT_OVERFILLED;
    } else {
        o->facts &= ~(uint32_t)TC_FACT_OVERFILLED;
    }
    uint8_t status = status_of(o);
    if (status != TC_STATUS_PENDING_NEW) o->facts &= ~(uint32_t)TC_FACT_UNKNOWN_PLACE;
    if (status_is_terminal(status)) {
        o->facts &= ~(uint32_t)(TC_FACT_UNKNOWN_PLACE | TC_FACT_UNKNOWN_CHANGE);
        o->pending = TC_PENDING_NONE;
        effect &= ~(uint32_t)TC_EFFECT_QUERY;
    }
    o->status = status;
    o->evidence = o->facts & TC_FACT_DISPUTED                                      ? TC_DISPUTED
                  : o->facts & (TC_FACT_UNKNOWN_PLACE | TC_FACT_UNKNOWN_CHANGE) ? TC_UNKNOWN
                                                                                   : TC_CONFIRMED;
    if (status != was) {
        t->live += (uint32_t)status_is_live(status) - (uint32_t)status_is_live(was);
        if (status_is_terminal(status) && !status_is_terminal(was)) effect |= TC_EFFECT_TERMINAL;
    }
    /* a disputed order keeps its place until an operator has settled it, a guess until its trades are told */
    if (status_is_terminal(status) && o->evidence == TC_CONFIRMED && o->guessed <= 0) {
        if (status != was || o->before < 0) {
            int32_t at = (int32_t)(o - t->orders);
            if (t->oldest != at && o->before < 0) orders_retire(t, o);
        }
    } else {
        orders_unlink(t, o);
    }
    if ((effect & TC_EFFECT_MASK) == TC_EFFECT_APPLIED) o->touched = now;
    return effect;
}

/* APPROVED, of an order that was just made: what order_apply comes to where nothing was said before. */
static inline void order_approve(tc_orders *t, tc_order *o, int64_t now) {
    if (o->status != TC_STATUS_INTENT || o->facts || o->cumulative) {
        tc_report step;
        memset(&step, 0, sizeof step);
        step.id = o->id;
        step.type = TC_EV_APPROVED;
        step.cumulative = -1;
        order_apply(t, o, &step, now);
        return;
    }
    o->facts = TC_FACT_APPROVED;
    o->status = TC_STATUS_PENDING_NEW;
    o->evidence = TC_CONFIRMED;
    o->touched = now;
    t->live++;
}

#endif
