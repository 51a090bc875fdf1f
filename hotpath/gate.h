/* The gate: what stands between an intent and the wire (reliability.md section 6).
 *
 * Two steps. `gate_reserve` asks every control and, when all agree, books the order at its worst
 * case: quantity, notional, balance, message. `gate_send_check` is the last thing before the write:
 * kill, deadline, freshness. A refusal says which control, what it found and what it allows.
 *
 * Integers only; notional in 128 bits of 1e-8 quote units, rounded away from zero. A limit of 0
 * allows nothing, and an input that is not there refuses: the gate fails closed.
 *
 * Layout: one struct a venue actor, preallocated, single-threaded. Instruments are found by a table
 * over registry numbers; each keeps its own orders in a short list, because duplicates (R12) and
 * crossing oneself (R15) are asked of exactly these. Throttles are rings of times: "the L-th message
 * before this one is older than the window" is exact and costs one load. Tried and rejected:
 * buckets (inexact at their edges, so the twin could not be plain) and token buckets (allow twice
 * the limit across a window's edge). */
#ifndef TIERCEL_GATE_H
#define TIERCEL_GATE_H
#include "hotpath/fetch.h"
#include "hotpath/instrument.h"
#include "hotpath/order.h"

typedef __int128 gate_wide;

enum tc_control {
    TC_R01_MODE = 1,
    TC_R02_INSTRUMENT = 2,
    TC_R03_QUANTITY = 3,
    TC_R04_NOTIONAL = 4,
    TC_R05_COLLAR = 5,
    TC_R06_STALE = 6,
    TC_R07_POSITION = 7,
    TC_R08_OPEN = 8,
    TC_R09_CREDIT = 9,
    TC_R11_THROTTLE = 11,
    TC_R12_DUPLICATE = 12,
    TC_R14_REPEATED = 14,
    TC_R15_SELF_TRADE = 15,
    TC_R16_REJECTS = 16,
    TC_R19_CLOCK = 19,
    TC_R21_KILL = 21,
    TC_CONTROL_DEADLINE = 30, /* the intent's own */
    TC_CONTROL_GROUP = 31,    /* another leg was refused */
    TC_CONTROL_OUTBOX = 32,   /* below the reserve for reports */
    TC_CONTROL_ROOM = 33,     /* no place for another order */
    TC_CONTROL_LEASE = 34,    /* the strategy's share */
    TC_CONTROL_TARGET = 35,   /* cancel or replace of an order that is not live */
    TC_CONTROL_SHAPE = 36,    /* an intent that says nothing a venue could do */
    TC_CONTROL_LINK = 37      /* no connection to send it on */
};

enum tc_gate_mode { TC_MODE_NONE = 0, TC_MODE_REPLAY = 1, TC_MODE_SIMULATION = 2, TC_MODE_TESTNET = 3, TC_MODE_LIVE = 4 };

typedef struct {
    uint32_t version;
    uint32_t mode; /* enum tc_gate_mode */
    int64_t open_orders, open_notional;                               /* of the venue */
    int64_t gross_notional, net_notional, long_notional, short_notional; /* potential, venue */
    int64_t per_second, per_minute; /* messages */
    int64_t cancel_share_ppm, minute_share_ppm; /* of each the share kept for cancels */
    int64_t executions, executions_window_ns;          /* R14, per rule */
    int64_t rejects, rejects_window_ns;                /* R16: more than that many */
    int64_t request_window_ns, status_age_ns;
    int64_t fee_ppm; /* reserved on top of a buy's notional */
} tc_limits;

typedef struct {
    int64_t quantity;           /* lots, R03 */
    int64_t notional;           /* 1e-8 quote, R04 */
    int64_t longest, shortest, gross; /* lots, potential, R07 */
    int64_t open_orders, open_notional;
    int64_t collar_bps, window_bps, window_ns;
    int64_t feed_age_ns, reference_age_ns;
} tc_instrument_limits;

typedef struct { /* what the gate must be told with each intent */
    tc_top view; /* the feed's board slot, in this instrument's ticks */
    int64_t view_received;
    int64_t reference_bid, reference_ask, reference_received; /* independent, in these ticks */
    int64_t uncertainty; /* of the clock, ns; -1 = not known */
    int64_t status_time; /* engine time at which the instrument's metadata were last confirmed */
    uint16_t view_feed;
    uint8_t view_known, view_alive, reference_known;
    uint8_t agreed;     /* mode, endpoint, key label and account agree */
    uint8_t reconciled; /* and connected */
    uint8_t kill;       /* any scope that holds this order */
    uint8_t retry;      /* attempt > 0: the attempt before was rejected for certain */
    uint8_t room;       /* the outbox has more than its reserve */
    uint8_t pad[6];
} tc_gate_inputs;

typedef struct {
    uint32_t asset;
    uint8_t known; /* a balance was told */
    uint8_t pad[3];
    gate_wide free, locked, reserved;   /* 1e-8 units */
    gate_wide spent; /* what fills took of the reserved since the balance was told last */
    gate_wide held, buying, selling;    /* as a base asset: position and open, 1e-8 units */
    gate_wide longest, shortest;        /* limits of held at worst, 1e-8 units */
    gate_wide external;                 /* of what is locked: for orders that are not ours */
} tc_gate_asset;

enum { GATE_REJECTS = 32 };

typedef struct {
    uint16_t source;
    uint8_t halted;
    uint8_t any; /* `last` was set */
    uint32_t pad;
    tc_order_id last; /* of its causes: they come in order, each once */
    gate_wide lease;  /* 1e-8 quote */
    gate_wide net, buying, selling;
    int64_t rejects[GATE_REJECTS];
    uint64_t rejected;
} tc_gate_strategy;

typedef struct {
    uint16_t strategy, rule;
    uint8_t disabled;
    uint8_t pad[3];
    uint64_t count;
    int64_t *times;
} tc_gate_rule;

typedef struct {
    tc_order_id id;
    int64_t price, quantity, leaves; /* price: the worst one */
    gate_wide reserved, notional;
    int32_t instrument, asset, strategy, rule;
    int32_t next, before;
    uint8_t side, sent, market, pad[5];
} tc_gate_order;

typedef struct { /* potential notional of an instrument, 1e-8 quote: all that is open counted as done */
    gate_wide high, low;           /* signed: every buy filled, every sell filled */
    gate_wide longs, shorts, gross; /* its parts of the venue's sums: none is negative */
} tc_gate_reach;

typedef struct { /* orders on the account that are not ours (reliability.md 8.4) */
    int64_t orders, buying, selling; /* lots */
    gate_wide paid, open;            /* 1e-8 quote: of the buys, of all */
    gate_wide bought, sold;          /* 1e-8 base */
} tc_gate_external;

typedef struct {
    tc_instrument spec;
    tc_instrument_limits limits;
    uint64_t worth_unit, base_unit; /* one tick of one lot in 1e-8 quote, one lot in 1e-8 base; 0: not whole, or too large */
    int32_t base, quote, first;     /* first: of its orders, -1 = none */
    uint32_t halted;
    int64_t position, buying, selling, orders; /* lots; what is open: of others too */
    gate_wide open;
    tc_gate_reach reach; /* at the last reference */
    int64_t window_start, low_now, high_now, low_before, high_before; /* bid + ask */
    tc_gate_external external; /* its part of what is open */
} tc_gate_instrument;

typedef struct {
    tc_limits limits;
    tc_gate_instrument *instruments;
    tc_gate_asset *assets;
    tc_gate_strategy *strategies;
    tc_gate_rule *rules;
    tc_gate_order *orders;
    tc_index_entry *by_id;
    uint16_t *place; /* registry number to instrument + 1 */
    int64_t *messages;
    uint32_t room, index_mask, message_mask;
    int32_t instrument_count, asset_count, strategy_count, rule_count, vacant;
    int32_t booked; /* the order reserved last: it is asked for again in the same turn */
    int32_t rule_room;
    uint64_t sent;
    int64_t live, external; /* orders; how many of them are not ours */
    int starved; /* there was no memory for a rule's times: no answer of a gate without memory is one */
    int told_first; /* this venue tells a balance before the fill that moved it */
    gate_wide open, longs, shorts, gross, net_high, net_low;
    uint64_t refusals[40];
} tc_gate;

enum { GATE_PLACES = 65536, GATE_INSTRUMENTS = 1024, GATE_ASSETS = 1024, GATE_STRATEGIES = 64, GATE_RULES = 128,
       GATE_SPARE = 64 /* places of a ring of times that a release may have overwritten */ };

/* ---- arithmetic ---------------------------------------------------------------------------- */

/* `lots` of the base asset in 1e-8 units, away from zero. */
static inline gate_wide gate_base(const tc_instrument *i, int64_t lots) {
    gate_wide v = (gate_wide)lots * i->lot;
    int d = i->quantity_scale;
    if (d <= 8) return v * SCAN_POW10[8 - d];
    gate_wide q = v / SCAN_POW10[d - 8];
    return q * SCAN_POW10[d - 8] == v ? q : q + (v < 0 ? -1 : 1);
}

/* Notional in 1e-8 quote; values that fit 64 bits are divided in 64. */
static inline gate_wide gate_notional(const tc_instrument *i, int64_t ticks, int64_t lots, int *overflow) {
    int d = i->price_scale + i->quantity_scale - 8;
    uint64_t a, b, v;
    if (ticks >= 0 && lots >= 0 && d >= 0 && d <= 18 && !__builtin_mul_overflow((uint64_t)ticks, (uint64_t)i->tick, &a) &&
        !__builtin_mul_overflow((uint64_t)lots, (uint64_t)i->lot, &b) && !__builtin_mul_overflow(a, b, &v)) {
        uint64_t unit = (uint64_t)SCAN_POW10[d];
        return (gate_wide)(v / unit + (v % unit != 0));
    }
    int over = 0;
    gate_wide w = instrument_notional(i, ticks, lots, &over);
    *overflow |= over;
    return w;
}

/* The fee reserved on top of a buy, rounded up; divided in 64 bits where it fits. */
static inline gate_wide gate_fee(gate_wide notional, int64_t ppm) {
    if (notional >= 0 && notional <= (1ll << 40) && ppm >= 0 && ppm <= 1000000)
        return (int64_t)((uint64_t)((int64_t)notional * ppm + 999999) / 1000000u);
    return (notional * ppm + 999999) / 1000000;
}

static inline uint64_t gate_worth_unit(const tc_instrument *i) {
    int d = 8 - i->price_scale - i->quantity_scale;
    int64_t unit = 0;
    if (d < 0 || __builtin_mul_overflow(i->tick, i->lot, &unit) || __builtin_mul_overflow(unit, SCAN_POW10[d], &unit)) return 0;
    return unit > 0 ? (uint64_t)unit : 0;
}

static inline uint64_t gate_base_unit(const tc_instrument *i) {
    int64_t unit = 0;
    if (i->quantity_scale > 8 || __builtin_mul_overflow(i->lot, SCAN_POW10[8 - i->quantity_scale], &unit)) return 0;
    return unit > 0 ? (uint64_t)unit : 0;
}

/* A sum of lots; held at the end of its range where it would wrap, and *over set then. */
static inline int64_t gate_plus(int64_t a, int64_t b, int *over) {
    int64_t v;
    if (__builtin_add_overflow(a, b, &v)) *over = 1, v = a < 0 ? -INT64_MAX : INT64_MAX;
    return v == INT64_MIN ? -INT64_MAX : v;
}

static inline int64_t gate_narrow(gate_wide v) {
    return v > INT64_MAX ? INT64_MAX : v < INT64_MIN ? INT64_MIN : (int64_t)v;
}

static __attribute__((cold, noinline, unused)) int gate_refuse(tc_gate *g, tc_refused *out, int control, int64_t value,
                                                               int64_t limit, int64_t a, int64_t b, int64_t c, int64_t d) {
    g->refusals[control]++;
    out->control = (uint16_t)control;
    out->limit_version = g->limits.version;
    out->value = value;
    out->limit = limit;
    out->input[0] = a;
    out->input[1] = b;
    out->input[2] = c;
    out->input[3] = d;
    return control;
}

/* ---- setting up ---------------------------------------------------------------------------- */

static inline void gate_free(tc_gate *g) {
    if (g->rules)
        for (int i = 0; i < g->rule_count; i++) free(g->rules[i].times);
    free(g->instruments), free(g->assets), free(g->strategies), free(g->rules);
    free(g->orders), free(g->by_id), free(g->place), free(g->messages);
    memset(g, 0, sizeof *g);
}

static inline int gate_init(tc_gate *g, uint32_t room, uint32_t messages) {
    memset(g, 0, sizeof *g);
    g->room = room;
    g->index_mask = room * 4 - 1;
    g->message_mask = messages - 1;
    g->booked = -1;
    g->instruments = (tc_gate_instrument *)tc_room(GATE_INSTRUMENTS, sizeof *g->instruments);
    g->assets = (tc_gate_asset *)tc_room(GATE_ASSETS, sizeof *g->assets);
    g->strategies = (tc_gate_strategy *)tc_room(GATE_STRATEGIES, sizeof *g->strategies);
    g->rules = (tc_gate_rule *)tc_room(GATE_RULES, sizeof *g->rules);
    g->orders = (tc_gate_order *)tc_room(room, sizeof *g->orders);
    g->by_id = (tc_index_entry *)tc_room((size_t)room * 4, sizeof *g->by_id);
    g->place = (uint16_t *)tc_room(GATE_PLACES, sizeof *g->place);
    g->messages = (int64_t *)tc_room(messages, sizeof *g->messages);
    if (!g->instruments || !g->assets || !g->strategies || !g->rules || !g->orders || !g->by_id || !g->place ||
        !g->messages) {
        gate_free(g);
        return 0;
    }
    for (uint32_t i = 0; i < room * 4; i++) g->by_id[i].slot = -1;
    for (uint32_t i = 0; i < room; i++) g->orders[i].next = i + 1 < room ? (int32_t)i + 1 : -1;
    return 1;
}

static inline int32_t gate_asset_index(tc_gate *g, uint32_t asset) {
    for (int32_t i = 0; i < g->asset_count; i++)
        if (g->assets[i].asset == asset) return i;
    if (g->asset_count == GATE_ASSETS) return -1;
    g->assets[g->asset_count].asset = asset;
    g->assets[g->asset_count].longest = g->assets[g->asset_count].shortest = (gate_wide)INT64_MAX << 32;
    return g->asset_count++;
}

/* 1; 0: no place, or a registry number out of range. Metadata may be given again at any time. */
static inline int gate_add_instrument(tc_gate *g, const tc_instrument *spec, const tc_instrument_limits *limits) {
    if (!spec->id || spec->id >= GATE_PLACES) return 0;
    tc_gate_instrument *i;
    if (g->place[spec->id]) {
        i = &g->instruments[g->place[spec->id] - 1];
    } else {
        if (g->instrument_count == GATE_INSTRUMENTS) return 0;
        i = &g->instruments[g->instrument_count];
        i->base = gate_asset_index(g, spec->base_asset);
        i->quote = gate_asset_index(g, spec->quote_asset);
        i->first = -1;
        if (i->base < 0 || i->quote < 0) return 0;
        g->place[spec->id] = (uint16_t)++g->instrument_count;
    }
    i->spec = *spec;
    i->worth_unit = gate_worth_unit(spec);
    i->base_unit = gate_base_unit(spec);
    if (limits) i->limits = *limits;
    return 1;
}

static inline tc_gate_instrument *gate_instrument(const tc_gate *g, uint32_t id) {
    return id < GATE_PLACES && g->place[id] ? &g->instruments[g->place[id] - 1] : NULL;
}

/* Of a reserved order; -1: there is none. The one reserved last is found without the index. */
static inline int32_t gate_order_index(const tc_gate *g, tc_order_id id) {
    if (g->booked >= 0 && order_id_same(g->orders[g->booked].id, id)) return g->booked;
    return g->by_id[index_find(g->by_id, g->index_mask, id.hi, id.lo)].slot;
}

/* Between two orders, off the path: asks for the lines that the next one of `id`'s source will book in. */
static inline __attribute__((always_inline)) void gate_warm(const tc_gate *g, tc_order_id id) {
    index_warm(g->by_id, g->index_mask, id);
    __builtin_prefetch(&g->messages[g->sent & g->message_mask], 1);
    if (g->vacant < 0) return;
    const char *next = (const char *)&g->orders[g->vacant];
    __builtin_prefetch(next, 1);
    __builtin_prefetch(next + 64, 1);
}

/* Before the first order after a sleep: asks for the lines of a venue with few instruments. */
static inline void gate_wake(const tc_gate *g) {
    tc_fetch(g, offsetof(tc_gate, refusals));
    tc_fetch(g->instruments, sizeof *g->instruments * (g->instrument_count < 4 ? g->instrument_count : 4));
    tc_fetch(g->assets, sizeof *g->assets * (g->asset_count < 4 ? g->asset_count : 4));
    for (int32_t i = 0; i < g->strategy_count && i < 4; i++)
        tc_fetch(&g->strategies[i], offsetof(tc_gate_strategy, rejects));
    tc_fetch(g->rules, sizeof *g->rules * (g->rule_count < 4 ? g->rule_count : 4));
    tc_fetch(&g->messages[g->sent & g->message_mask], 8);
    if (g->vacant >= 0) tc_fetch(&g->orders[g->vacant], sizeof *g->orders);
}

static inline int32_t gate_strategy_index(const tc_gate *g, uint16_t source) {
    for (int32_t i = 0; i < g->strategy_count; i++)
        if (g->strategies[i].source == source) return i;
    return -1;
}

/* Its fixed share, 1e-8 quote. */
static inline int gate_lease(tc_gate *g, uint16_t source, int64_t lease) {
    int32_t i = gate_strategy_index(g, source);
    if (i < 0) {
        if (g->strategy_count == GATE_STRATEGIES) return 0;
        i = g->strategy_count++;
        g->strategies[i].source = source;
    }
    g->strategies[i].lease = lease;
    return 1;
}

/* -1: there is no place for another rule. */
static inline int32_t gate_rule_index(tc_gate *g, uint16_t strategy, uint16_t rule) {
    for (int32_t i = 0; i < g->rule_count; i++)
        if (g->rules[i].strategy == strategy && g->rules[i].rule == rule) return i;
    if (g->rule_count == GATE_RULES || g->limits.executions <= 0) return -1;
    if (!g->rule_room) /* a power of two */
        for (g->rule_room = 2 * GATE_SPARE; g->rule_room < 65536 && g->rule_room - GATE_SPARE < g->limits.executions;)
            g->rule_room *= 2;
    tc_gate_rule *r = &g->rules[g->rule_count];
    r->times = (int64_t *)tc_room((size_t)g->rule_room, sizeof *r->times); /* once a rule, never again */
    if (!r->times) return g->starved = 1, -1;
    r->strategy = strategy;
    r->rule = rule;
    return g->rule_count++;
}

/* gate_notional and gate_base of a listed instrument: one product where its unit is whole. */
static inline gate_wide gate_worth(const tc_gate_instrument *t, int64_t ticks, int64_t lots, int *overflow) {
    uint64_t v;
    if (t->worth_unit && (ticks | lots) >= 0 && !__builtin_mul_overflow((uint64_t)ticks, (uint64_t)lots, &v))
        return (gate_wide)((unsigned __int128)v * t->worth_unit);
    return gate_notional(&t->spec, ticks, lots, overflow);
}

static inline gate_wide gate_amount(const tc_gate_instrument *t, int64_t lots) {
    return t->base_unit && lots >= 0 ? (gate_wide)((unsigned __int128)(uint64_t)lots * t->base_unit) : gate_base(&t->spec, lots);
}

/* A price in another market's ticks in this instrument's; 0: not a number that fits. */
static inline int64_t gate_rescale(int64_t ticks, int64_t mul, int64_t div, int up) {
    int64_t v;
    if (ticks <= 0 || __builtin_mul_overflow(ticks, mul, &v)) return 0;
    return v / div + (up && v % div != 0);
}

/* The reference of another market, where its ticks are `mul` / `div` of ours: rounded outwards, for
 * both sides rounded alike may meet, and a reference without a spread refuses. */
static inline void gate_refer(tc_gate_inputs *in, int64_t bid, int64_t ask, int64_t mul, int64_t div) {
    int same = mul == div;
    in->reference_bid = same ? bid : gate_rescale(bid, mul, div, 0);
    in->reference_ask = same ? ask : gate_rescale(ask, mul, div, 1);
}

/* ---- controls that need more than a comparison ---------------------------------------------- */

/* 0, or what makes the view unfit: input[0] of R06. */
enum { GATE_VIEW_MISSING = 1, GATE_VIEW_DEAD = 2, GATE_VIEW_EPOCH = 3, GATE_VIEW_INVALID = 4, GATE_VIEW_BEHIND = 5, GATE_VIEW_OLD = 6 };

static inline int gate_check_view(tc_gate *g, const tc_gate_instrument *t, const tc_intent *i, const tc_gate_inputs *in,
                                  int64_t now, tc_refused *out) {
    int64_t age = now - in->view_received, limit = t->limits.feed_age_ns;
    if (in->view.venue_time && now - in->view.venue_time > age) age = now - in->view.venue_time;
    int why = !in->view_known || in->view_feed != i->feed || !i->feed ? GATE_VIEW_MISSING
              : !in->view_alive                                        ? GATE_VIEW_DEAD
              : in->view.epoch != i->feed_epoch                        ? GATE_VIEW_EPOCH
              : in->view.reason != 0                                   ? GATE_VIEW_INVALID
              : in->view.update_id < i->feed_update_id                 ? GATE_VIEW_BEHIND
              : age > limit                                            ? GATE_VIEW_OLD
                                                                       : 0;
    if (!why) return 0;
    return gate_refuse(g, out, TC_R06_STALE, age, limit, why, in->view.epoch, in->view.reason,
                       (int64_t)in->view.update_id);
}

/* The reference enters its rolling window: two halves, so the window is between half and all of
 * window_ns. Sums of bid and ask, to stay in integers. */
static inline void gate_roll(tc_gate_instrument *t, int64_t sum, int64_t now) {
    int64_t half = t->limits.window_ns / 2, passed = now - t->window_start;
    if (!t->low_now || passed >= half) {
        int both = t->low_now && passed < 2 * half;
        t->low_before = both ? t->low_now : sum;
        t->high_before = both ? t->high_now : sum;
        t->low_now = t->high_now = sum;
        t->window_start = now;
        return;
    }
    if (sum < t->low_now) t->low_now = sum;
    if (sum > t->high_now) t->high_now = sum;
}

enum { GATE_REFERENCE_MISSING = 1, GATE_REFERENCE_OLD = 2, GATE_REFERENCE_CROSSED = 3, GATE_PRICE_OUTSIDE = 4, GATE_WINDOW_OUTSIDE = 5 };

static inline int gate_check_collar(tc_gate *g, tc_gate_instrument *t, const tc_intent *i, const tc_gate_inputs *in,
                                    int64_t now, int64_t *worst, tc_refused *out) {
    const tc_instrument_limits *l = &t->limits;
    int64_t bid = in->reference_bid, ask = in->reference_ask, age = now - in->reference_received;
    int why = !in->reference_known || bid <= 0 || ask <= 0 ? GATE_REFERENCE_MISSING
              : age > l->reference_age_ns                  ? GATE_REFERENCE_OLD
              : bid >= ask || ask > INT64_MAX / 4          ? GATE_REFERENCE_CROSSED
                                                           : 0;
    if (why) return gate_refuse(g, out, TC_R05_COLLAR, age, l->reference_age_ns, why, bid, ask, i->price);
    int64_t sum = bid + ask;
    gate_roll(t, sum, now);
    if (i->type == TC_MARKET) { /* it may trade anywhere inside the collar */
        gate_wide top = (gate_wide)sum * (10000 + l->collar_bps);
        gate_wide w = (top + 19999) / 20000;
        if (l->collar_bps < 0 || w > INT64_MAX) return gate_refuse(g, out, TC_R05_COLLAR, 0, l->collar_bps, GATE_PRICE_OUTSIDE, bid, ask, 0);
        *worst = (int64_t)w;
    } else {
        *worst = i->price;
    }
    int64_t low = t->low_now < t->low_before ? t->low_now : t->low_before;
    int64_t high = t->high_now > t->high_before ? t->high_now : t->high_before;
    int64_t from = i->side == TC_BUY ? low : high;
    /* of a market order the touch: where a limit order there would be refused for the window, so is it */
    uint64_t twice = 2 * (uint64_t)(i->type != TC_MARKET ? i->price : i->side == TC_BUY ? ask : bid);
    uint64_t off = twice > (uint64_t)sum ? twice - (uint64_t)sum : (uint64_t)sum - twice;
    if (i->type != TC_MARKET && (gate_wide)off * 10000 > (gate_wide)l->collar_bps * sum)
        return gate_refuse(g, out, TC_R05_COLLAR, gate_narrow((gate_wide)off * 10000 / sum), l->collar_bps,
                           GATE_PRICE_OUTSIDE, bid, ask, i->price);
    gate_wide away = i->side == TC_BUY ? (gate_wide)twice - low : high - (gate_wide)twice;
    if (away * 10000 > (gate_wide)l->window_bps * from)
        return gate_refuse(g, out, TC_R05_COLLAR, gate_narrow(away * 10000 / from), l->window_bps,
                           GATE_WINDOW_OUTSIDE, low, high, i->price);
    return 0;
}

/* 1 when `allowed` messages lie within `window` before now. */
static inline int gate_window_full(const int64_t *times, uint64_t count, uint64_t mask, int64_t allowed,
                                   int64_t window, int64_t now) {
    if (allowed <= 0) return 1;
    if (count < (uint64_t)allowed) return 0;
    return now - times[(count - (uint64_t)allowed) & mask] < window;
}

static inline int gate_check_throttle(tc_gate *g, int is_cancel, int64_t now, tc_refused *out) {
    const tc_limits *l = &g->limits;
    int64_t most = (int64_t)g->message_mask + 1 - GATE_SPARE;
    for (int minute = 0; minute < 2; minute++) {
        int64_t all = minute ? l->per_minute : l->per_second, window = minute ? 60000000000ll : 1000000000ll;
        if (all > most) all = most;
        int64_t share = minute ? l->minute_share_ppm : l->cancel_share_ppm;
        int64_t allowed = is_cancel ? all : all - all * share / 1000000;
        if (gate_window_full(g->messages, g->sent, g->message_mask, allowed, window, now))
            return gate_refuse(g, out, TC_R11_THROTTLE, allowed, all, minute, is_cancel, (int64_t)g->sent, 0);
    }
    return 0;
}

static inline void gate_count_message(tc_gate *g, int64_t now) { g->messages[g->sent++ & g->message_mask] = now; }

/* R07 on the potential position: everything open or unknown counted as done. */
enum { GATE_SCOPE_INSTRUMENT = 1, GATE_SCOPE_ASSET = 2, GATE_SCOPE_VENUE = 3 };

/* `up` and `down` lots at a price. */
static inline void gate_reach(const tc_gate_instrument *t, int64_t price, int64_t up, int64_t down, tc_gate_reach *reach,
                              int *overflow) {
    gate_wide most = gate_worth(t, price, up < 0 ? -up : up, overflow);
    gate_wide least = gate_worth(t, price, down < 0 ? -down : down, overflow);
    reach->gross = most > least ? most : least;
    reach->high = up < 0 ? -most : most;
    reach->low = down < 0 ? -least : least;
    reach->longs = up < 0 ? 0 : most;
    reach->shorts = down < 0 ? least : 0;
}

static inline int gate_check_position(tc_gate *g, tc_gate_instrument *t, const tc_intent *i, const tc_gate_inputs *in,
                                      gate_wide base, tc_refused *out, tc_gate_reach *reach) {
    const tc_instrument_limits *l = &t->limits;
    const tc_limits *v = &g->limits;
    int buy = i->side == TC_BUY, overflow = 0;
    int64_t up, down, buying = t->buying, selling = t->selling;
    if ((buy ? __builtin_add_overflow(buying, i->quantity, &buying) : __builtin_add_overflow(selling, i->quantity, &selling)) ||
        __builtin_add_overflow(t->position, buying, &up) || __builtin_sub_overflow(t->position, selling, &down) ||
        down == INT64_MIN)
        return gate_refuse(g, out, TC_R07_POSITION, INT64_MAX, 0, GATE_SCOPE_INSTRUMENT, t->position, t->buying, t->selling);
    gate_reach(t, in->reference_ask, up, down, reach, &overflow);
    if (overflow) return gate_refuse(g, out, TC_R07_POSITION, INT64_MAX, 0, GATE_SCOPE_VENUE, t->position, t->buying, t->selling);
    if (buy ? up <= 0 : down >= 0) return 0; /* it can only reduce */
    int64_t far = buy ? up : -down, limit = buy ? l->longest : l->shortest;
    if (limit > l->gross) limit = l->gross;
    if (far > limit)
        return gate_refuse(g, out, TC_R07_POSITION, far, limit, GATE_SCOPE_INSTRUMENT, t->position, t->buying, t->selling);
    const tc_gate_asset *a = &g->assets[t->base];
    gate_wide held = buy ? a->held + a->buying + base : a->selling + base - a->held;
    if (held > (buy ? a->longest : a->shortest))
        return gate_refuse(g, out, TC_R07_POSITION, gate_narrow(held), gate_narrow(buy ? a->longest : a->shortest),
                           GATE_SCOPE_ASSET, gate_narrow(a->held), gate_narrow(a->buying), gate_narrow(a->selling));
    const tc_gate_reach *was = &t->reach;
    gate_wide one = buy ? g->longs - was->longs + reach->longs : g->shorts - was->shorts + reach->shorts;
    gate_wide gross = g->gross - was->gross + reach->gross;
    gate_wide net = buy ? g->net_high - was->high + reach->high : -(g->net_low - was->low + reach->low);
    int64_t side_limit = buy ? v->long_notional : v->short_notional;
    if (one > side_limit || gross > v->gross_notional || net > v->net_notional) {
        int which = one > side_limit ? 1 : gross > v->gross_notional ? 2 : 3;
        return gate_refuse(g, out, TC_R07_POSITION, gate_narrow(which == 1 ? one : which == 2 ? gross : net),
                           which == 1 ? side_limit : which == 2 ? v->gross_notional : v->net_notional, GATE_SCOPE_VENUE,
                           which, gate_narrow(reach->high), gate_narrow(reach->low));
    }
    return 0;
}

static inline void gate_set_reach(tc_gate *g, tc_gate_instrument *t, const tc_gate_reach *reach) {
    tc_gate_reach *was = &t->reach;
    g->longs += reach->longs - was->longs;
    g->shorts += reach->shorts - was->shorts;
    g->gross += reach->gross - was->gross;
    g->net_high += reach->high - was->high;
    g->net_low += reach->low - was->low;
    *was = *reach;
}

/* What is left to use of an asset: what the venue calls free, less what we have promised or spent
 * since, beyond what the venue has locked for us already. */
static inline gate_wide gate_available(const tc_gate_asset *a) {
    gate_wide promised = a->reserved + a->spent, locked = a->locked > a->external ? a->locked - a->external : 0;
    return promised > locked ? a->free - (promised - locked) : a->free;
}

/* ---- step one ------------------------------------------------------------------------------- */

/* Whom a refusal is about; the control has said what it found. */
static __attribute__((cold, noinline, unused)) int gate_sign(tc_refused *out, const tc_intent *i, tc_order_id id, int control) {
    out->id = id;
    out->venue = i->venue;
    out->strategy = i->strategy;
    out->op = i->op;
    out->side = i->side;
    out->pad = 0;
    return control;
}

static inline int gate_ask(tc_gate *g, const tc_intent *i, uint32_t instrument, tc_order_id id, int64_t now,
                               const tc_gate_inputs *in, tc_refused *out) {
    const tc_limits *v = &g->limits;
    if ((i->op != TC_OP_PLACE && i->op != TC_OP_REPLACE) || (i->side != TC_BUY && i->side != TC_SELL) || i->quantity <= 0 ||
        i->type < TC_LIMIT || i->type > TC_POST_ONLY || (i->type != TC_MARKET && i->price <= 0) || order_id_none(id))
        return gate_refuse(g, out, TC_CONTROL_SHAPE, i->op, 0, i->side, i->type, i->price, i->quantity);

    /* R12, first half: each cause once. Burnt whatever follows. */
    int32_t si = gate_strategy_index(g, i->strategy);
    if (si < 0) return gate_refuse(g, out, TC_CONTROL_LEASE, 0, 0, i->strategy, 0, 0, 0);
    tc_gate_strategy *s = &g->strategies[si];
    if (order_id_attempt(id)) {
        if (!in->retry || g->by_id[index_find(g->by_id, g->index_mask, id.hi, id.lo)].slot >= 0)
            return gate_refuse(g, out, TC_R12_DUPLICATE, order_id_attempt(id), 0, 1, (int64_t)id.hi, (int64_t)id.lo, 0);
    } else if (s->any && (id.hi < s->last.hi || (id.hi == s->last.hi && id.lo <= s->last.lo))) {
        return gate_refuse(g, out, TC_R12_DUPLICATE, (int64_t)order_id_position(id), (int64_t)order_id_position(s->last), 2,
                           (int64_t)id.hi, (int64_t)id.lo, 0);
    } else {
        order_id_copy(&s->last, id);
        s->any = 1;
    }

    if (in->kill) return gate_refuse(g, out, TC_R21_KILL, in->kill, 0, 0, 0, 0, 0);
    if (now > i->deadline) return gate_refuse(g, out, TC_CONTROL_DEADLINE, now, i->deadline, 0, 0, 0, 0);
    if (v->mode == TC_MODE_NONE || v->mode >= TC_MODE_LIVE || !in->agreed || !in->reconciled) /* live: until arming exists */
        return gate_refuse(g, out, TC_R01_MODE, v->mode, TC_MODE_TESTNET, in->agreed, in->reconciled, 0, 0);
    if (!in->room) return gate_refuse(g, out, TC_CONTROL_OUTBOX, 0, 0, 0, 0, 0, 0);

    tc_gate_instrument *t = gate_instrument(g, instrument);
    if (!t) return gate_refuse(g, out, TC_R02_INSTRUMENT, instrument, 0, 1, 0, 0, 0);
    const tc_instrument *spec = &t->spec;
    if (spec->status != TC_INSTRUMENT_TRADING || t->halted)
        return gate_refuse(g, out, TC_R02_INSTRUMENT, spec->status, TC_INSTRUMENT_TRADING, 2, t->halted, 0, 0);
    if (now - in->status_time > v->status_age_ns)
        return gate_refuse(g, out, TC_R02_INSTRUMENT, now - in->status_time, v->status_age_ns, 3, 0, 0, 0);
    if (i->quantity < spec->min_quantity)
        return gate_refuse(g, out, TC_R02_INSTRUMENT, i->quantity, spec->min_quantity, 4, 0, 0, 0);
    if (spec->max_quantity && i->quantity > spec->max_quantity)
        return gate_refuse(g, out, TC_R02_INSTRUMENT, i->quantity, spec->max_quantity, 5, 0, 0, 0);

    int control = gate_check_view(g, t, i, in, now, out);
    if (control) return control;
    int64_t worst = 0;
    control = gate_check_collar(g, t, i, in, now, &worst, out);
    if (control) return control;
    if (i->quantity > t->limits.quantity)
        return gate_refuse(g, out, TC_R03_QUANTITY, i->quantity, t->limits.quantity, 0, 0, 0, 0);
    int overflow = 0;
    gate_wide notional = gate_worth(t, worst, i->quantity, &overflow);
    if (overflow || notional > t->limits.notional)
        return gate_refuse(g, out, TC_R04_NOTIONAL, overflow ? INT64_MAX : gate_narrow(notional), t->limits.notional, worst,
                           i->quantity, 0, 0);
    if (notional < spec->min_notional)
        return gate_refuse(g, out, TC_R02_INSTRUMENT, gate_narrow(notional), spec->min_notional, 6, worst, i->quantity, 0);

    /* its own orders: duplicates and crossing */
    int buy = i->side == TC_BUY;
    for (int32_t at = t->first; at >= 0; at = g->orders[at].next) {
        const tc_gate_order *o = &g->orders[at];
        if (i->op == TC_OP_REPLACE && order_id_same(o->id, i->target)) continue;
        if (o->side == i->side) {
            if (o->price == worst && o->quantity == i->quantity)
                return gate_refuse(g, out, TC_R12_DUPLICATE, worst, i->quantity, 3, (int64_t)o->id.hi, (int64_t)o->id.lo, 0);
        } else if (o->market || i->type == TC_MARKET || (buy ? worst >= o->price : worst <= o->price)) {
            return gate_refuse(g, out, TC_R15_SELF_TRADE, worst, o->price, 0, (int64_t)o->id.hi, (int64_t)o->id.lo, 0);
        }
    }
    if (s->halted) return gate_refuse(g, out, TC_R16_REJECTS, (int64_t)s->rejected, v->rejects, i->strategy, 0, 0, 0);
    int32_t ri = gate_rule_index(g, i->strategy, i->rule);
    if (ri < 0) return gate_refuse(g, out, TC_R14_REPEATED, 0, v->executions, i->rule, 1, 0, 0);
    tc_gate_rule *r = &g->rules[ri];
    if (!r->disabled && gate_window_full(r->times, r->count, (uint64_t)g->rule_room - 1,
                                         v->executions < g->rule_room - GATE_SPARE ? v->executions : g->rule_room - GATE_SPARE,
                                         v->executions_window_ns, now))
        r->disabled = 1;
    if (r->disabled) return gate_refuse(g, out, TC_R14_REPEATED, (int64_t)r->count, v->executions, i->rule, 2, 0, 0);

    if (t->orders >= t->limits.open_orders)
        return gate_refuse(g, out, TC_R08_OPEN, t->orders, t->limits.open_orders, GATE_SCOPE_INSTRUMENT, 0, t->external.orders, 0);
    if (g->live >= v->open_orders)
        return gate_refuse(g, out, TC_R08_OPEN, g->live, v->open_orders, GATE_SCOPE_VENUE, 0, g->external, 0);
    if (t->open + notional > t->limits.open_notional)
        return gate_refuse(g, out, TC_R08_OPEN, gate_narrow(t->open + notional), t->limits.open_notional, GATE_SCOPE_INSTRUMENT, 1,
                           t->external.orders, 0);
    if (g->open + notional > v->open_notional)
        return gate_refuse(g, out, TC_R08_OPEN, gate_narrow(g->open + notional), v->open_notional, GATE_SCOPE_VENUE, 1, g->external, 0);

    gate_wide base = gate_amount(t, i->quantity);
    tc_gate_reach potential;
    control = gate_check_position(g, t, i, in, base, out, &potential);
    if (control) return control;

    gate_wide reach = buy ? s->net + s->buying + notional : s->selling + notional - s->net;
    int reduces = buy ? s->net + s->buying + notional <= 0 : s->net - s->selling - notional >= 0;
    if (!reduces && reach > s->lease)
        return gate_refuse(g, out, TC_CONTROL_LEASE, gate_narrow(reach), gate_narrow(s->lease), i->strategy, gate_narrow(s->net),
                           gate_narrow(s->buying), gate_narrow(s->selling));

    int32_t asset = buy ? t->quote : t->base;
    tc_gate_asset *a = &g->assets[asset];
    gate_wide need = buy ? notional + gate_fee(notional, v->fee_ppm) : base;
    gate_wide available = gate_available(a);
    if (!a->known || need > available)
        return gate_refuse(g, out, TC_R09_CREDIT, gate_narrow(need), a->known ? gate_narrow(available) : -1, a->asset,
                           gate_narrow(a->free), gate_narrow(a->locked), gate_narrow(a->reserved));
    if (in->uncertainty < 0 || in->uncertainty > v->request_window_ns / 4)
        return gate_refuse(g, out, TC_R19_CLOCK, in->uncertainty, v->request_window_ns / 4, 0, 0, 0, 0);
    control = gate_check_throttle(g, 0, now, out);
    if (control) return control;
    if (g->vacant < 0) return gate_refuse(g, out, TC_CONTROL_ROOM, g->live - g->external, g->room, 0, 0, 0, 0);

    /* all agree: book it */
    int32_t at = g->vacant;
    tc_gate_order *o = &g->orders[at];
    g->vacant = o->next;
    order_id_copy(&o->id, id);
    o->price = worst;
    o->quantity = o->leaves = i->quantity;
    o->reserved = need;
    o->notional = notional;
    o->instrument = g->place[instrument] - 1;
    o->asset = asset;
    o->strategy = si;
    o->rule = ri;
    o->side = i->side;
    o->sent = 0;
    o->market = i->type == TC_MARKET;
    o->before = -1;
    o->next = t->first;
    if (t->first >= 0) g->orders[t->first].before = at;
    t->first = at;
    index_put(g->by_id, g->index_mask, id.hi, id.lo, at);
    g->booked = at;
    t->orders++;
    g->live++;
    t->open += notional;
    g->open += notional;
    a->reserved += need;
    if (buy) t->buying += i->quantity, s->buying += notional, g->assets[t->base].buying += base;
    else t->selling += i->quantity, s->selling += notional, g->assets[t->base].selling += base;
    gate_set_reach(g, t, &potential);
    r->times[r->count++ & ((uint64_t)g->rule_room - 1)] = now;
    gate_count_message(g, now);
    return 0;
}

/* 0, or the control that refuses; `out` is written then, and only then. */
static inline int gate_reserve(tc_gate *g, const tc_intent *i, uint32_t instrument, tc_order_id id, int64_t now,
                               const tc_gate_inputs *in, tc_refused *out) {
    int control = gate_ask(g, i, instrument, id, now, in, out);
    return __builtin_expect(control, 0) ? gate_sign(out, i, id, control) : 0;
}

/* ---- step two ------------------------------------------------------------------------------- */

static inline int gate_ask_send(tc_gate *g, const tc_intent *i, uint32_t instrument, tc_order_id id, int64_t now,
                                const tc_gate_inputs *in, tc_refused *out) {
    int32_t at = gate_order_index(g, id);
    tc_gate_instrument *t = gate_instrument(g, instrument);
    if (at < 0 || !t) return gate_refuse(g, out, TC_CONTROL_SHAPE, 0, 0, 0, 0, 0, 0);
    if (g->orders[at].sent) return gate_refuse(g, out, TC_R12_DUPLICATE, 1, 0, 4, (int64_t)id.hi, (int64_t)id.lo, 0);
    if (in->kill) return gate_refuse(g, out, TC_R21_KILL, in->kill, 0, 1, 0, 0, 0);
    if (now > i->deadline) return gate_refuse(g, out, TC_CONTROL_DEADLINE, now, i->deadline, 1, 0, 0, 0);
    if (!in->reconciled || t->halted) return gate_refuse(g, out, TC_R01_MODE, g->limits.mode, 0, in->agreed, in->reconciled, 1, 0);
    int control = gate_check_view(g, t, i, in, now, out);
    if (!control) g->orders[at].sent = 1;
    return control;
}

/* The last thing before the write: 0, or the control that refuses; `out` is written then. */
static inline int gate_send_check(tc_gate *g, const tc_intent *i, uint32_t instrument, tc_order_id id, int64_t now,
                                  const tc_gate_inputs *in, tc_refused *out) {
    int control = gate_ask_send(g, i, instrument, id, now, in, out);
    return __builtin_expect(control, 0) ? gate_sign(out, i, id, control) : 0;
}

/* A cancel: only the throttle can make it wait. */
static inline int gate_cancel(tc_gate *g, const tc_intent *i, tc_order_id id, int64_t now, tc_refused *out) {
    memset(out, 0, sizeof *out);
    out->id = id;
    out->venue = i->venue;
    out->strategy = i->strategy;
    out->op = i->op;
    int control = gate_check_throttle(g, 1, now, out);
    if (!control) gate_count_message(g, now);
    return control;
}

/* ---- what comes back ------------------------------------------------------------------------ */

static inline void gate_refresh(tc_gate *g, tc_gate_instrument *t, int64_t price) {
    int overflow = 0, over = 0;
    tc_gate_reach potential;
    gate_reach(t, price, gate_plus(t->position, t->buying, &over), gate_plus(t->position, -t->selling, &over), &potential,
               &overflow);
    if (!overflow) gate_set_reach(g, t, &potential);
}

/* `lots` of an order are no longer open. */
static inline void gate_shrink(tc_gate *g, tc_gate_order *o, int64_t lots) {
    tc_gate_instrument *t = &g->instruments[o->instrument];
    tc_gate_strategy *s = &g->strategies[o->strategy];
    int overflow = 0;
    if (lots > o->leaves) lots = o->leaves;
    int64_t left = o->leaves - lots;
    gate_wide notional = gate_worth(t, o->price, left, &overflow);
    gate_wide base = gate_amount(t, o->leaves) - gate_amount(t, left);
    gate_wide need = o->side == TC_BUY ? notional + gate_fee(notional, g->limits.fee_ppm) : gate_amount(t, left);
    gate_wide freed = o->notional - notional;
    g->assets[o->asset].reserved -= o->reserved - need;
    t->open -= freed;
    g->open -= freed;
    if (o->side == TC_BUY) t->buying -= lots, s->buying -= freed, g->assets[t->base].buying -= base;
    else t->selling -= lots, s->selling -= freed, g->assets[t->base].selling -= base;
    o->leaves = left;
    o->notional = notional;
    o->reserved = need;
}

/* A position that its number cannot hold is not known: it stays at the end, and the instrument halts. */
static inline void gate_move(tc_gate *g, tc_gate_instrument *t, int32_t strategy, int buy, int64_t price, int64_t lots) {
    int overflow = 0, over = 0;
    gate_wide n = gate_worth(t, price, lots, &overflow), base = gate_amount(t, lots);
    t->position = gate_plus(t->position, buy ? lots : -lots, &over);
    if (over) t->halted = 1;
    g->assets[t->base].held += buy ? base : -base;
    if (strategy >= 0) g->strategies[strategy].net += buy ? n : -n;
}

/* The position is known from elsewhere (the journal's view): it replaces what was counted so far. */
static inline void gate_restore(tc_gate *g, uint32_t instrument, int64_t lots, int64_t price) {
    tc_gate_instrument *t = gate_instrument(g, instrument);
    if (!t) return;
    int64_t more;
    if (__builtin_sub_overflow(lots, t->position, &more) || more == INT64_MIN) { /* by way of none */
        gate_move(g, t, -1, t->position < 0, 0, t->position < 0 ? -t->position : t->position);
        more = lots == INT64_MIN ? -INT64_MAX : lots;
    }
    gate_move(g, t, -1, more > 0, 0, more < 0 ? -more : more);
    gate_refresh(g, t, price);
}

/* The same for what a strategy has bought more than sold: by instrument, in ticks times lots. */
static inline void gate_restore_strategy(tc_gate *g, uint16_t source, uint32_t instrument, int64_t cost, int first) {
    int32_t at = gate_strategy_index(g, source);
    tc_gate_instrument *t = gate_instrument(g, instrument);
    int overflow = 0;
    if (at < 0 || !t) return;
    if (first) g->strategies[at].net = 0;
    gate_wide n = gate_worth(t, 1, cost < 0 ? -cost : cost, &overflow);
    g->strategies[at].net += cost < 0 ? -n : n;
}

/* A trade of `lots` at `price`, of whatever order; a negative quantity takes one back. */
static inline void gate_fill(tc_gate *g, uint32_t instrument, tc_order_id id, uint16_t strategy, uint8_t side,
                             int64_t price, int64_t lots) {
    tc_gate_instrument *t = gate_instrument(g, instrument);
    int32_t at = gate_order_index(g, id);
    int buy = side == TC_BUY;
    if (!t) return;
    if (at >= 0 && lots > 0) {
        gate_wide held = g->orders[at].reserved; /* gone, though the balance does not say so yet */
        gate_shrink(g, &g->orders[at], lots);
        if (!g->told_first) g->assets[g->orders[at].asset].spent += held - g->orders[at].reserved;
    }
    gate_move(g, t, gate_strategy_index(g, strategy), lots < 0 ? !buy : buy, price, lots < 0 ? -lots : lots);
    gate_refresh(g, t, price);
}

/* It is sent for fewer lots than were asked about: the old order of a replace has traded the rest. */
static inline void gate_trim(tc_gate *g, tc_order_id id, int64_t lots) {
    int32_t at = gate_order_index(g, id);
    if (at < 0 || g->orders[at].leaves <= lots) return;
    tc_gate_order *o = &g->orders[at];
    gate_shrink(g, o, o->leaves - (lots > 0 ? lots : 0));
    gate_refresh(g, &g->instruments[o->instrument], o->price);
}

/* The order can no longer trade: what it still holds is free again. */
static inline int gate_close(tc_gate *g, tc_order_id id) {
    int32_t at = gate_order_index(g, id);
    if (at < 0) return 0;
    tc_gate_order *o = &g->orders[at];
    tc_gate_instrument *t = &g->instruments[o->instrument];
    gate_shrink(g, o, o->leaves);
    g->assets[o->asset].reserved -= o->reserved;
    t->orders--;
    g->live--;
    if (o->before >= 0) g->orders[o->before].next = o->next;
    else t->first = o->next;
    if (o->next >= 0) g->orders[o->next].before = o->before;
    index_remove(g->by_id, g->index_mask, id.hi, id.lo);
    if (g->booked == at) g->booked = -1;
    o->next = g->vacant;
    g->vacant = at;
    gate_refresh(g, t, o->price);
    return 1;
}

/* Not sent after all (another leg was refused): the message and the execution did not happen. */
static inline int gate_release(tc_gate *g, tc_order_id id) {
    int32_t at = gate_order_index(g, id);
    if (at < 0 || g->orders[at].sent) return 0;
    if (g->sent) g->sent--;
    if (g->rules[g->orders[at].rule].count) g->rules[g->orders[at].rule].count--;
    return gate_close(g, id);
}

static inline void gate_note_reject(tc_gate *g, uint16_t strategy, int64_t now) {
    int32_t si = gate_strategy_index(g, strategy);
    if (si < 0) return;
    tc_gate_strategy *s = &g->strategies[si];
    int64_t more = g->limits.rejects < GATE_REJECTS - 1 ? g->limits.rejects : GATE_REJECTS - 1;
    s->rejects[s->rejected++ % GATE_REJECTS] = now;
    if (more < 0 || (s->rejected > (uint64_t)more &&
                     now - s->rejects[(s->rejected - 1 - (uint64_t)more) % GATE_REJECTS] < g->limits.rejects_window_ns))
        s->halted = 1;
}

static inline int gate_set_balance(tc_gate *g, uint32_t asset, gate_wide free_, gate_wide locked) {
    int32_t i = gate_asset_index(g, asset);
    if (i < 0) return 0;
    g->assets[i].free = free_;
    g->assets[i].locked = locked;
    g->assets[i].spent = 0;
    g->assets[i].known = 1;
    return 1;
}

static inline gate_wide gate_join(int64_t hi, uint64_t lo) {
    return (gate_wide)((unsigned __int128)(uint64_t)hi << 64 | lo);
}

static inline int gate_take_balance(tc_gate *g, const tc_balance *b) {
    return gate_set_balance(g, b->asset, gate_join(b->free_hi, b->free_lo), gate_join(b->locked_hi, b->locked_lo));
}

/* Limits of an asset's potential holding, 1e-8 units. */
static inline int gate_limit_asset(tc_gate *g, uint32_t asset, int64_t longest_hi, uint64_t longest_lo, int64_t shortest_hi,
                                   uint64_t shortest_lo) {
    int32_t i = gate_asset_index(g, asset);
    if (i < 0) return 0;
    g->assets[i].longest = gate_join(longest_hi, longest_lo);
    g->assets[i].shortest = gate_join(shortest_hi, shortest_lo);
    return 1;
}

/* What an order holds reserved: amount in 1e-8 units and its asset, for its `approved` record. */
static inline int gate_reserved(const tc_gate *g, tc_order_id id, int64_t *hi, uint64_t *lo, uint32_t *asset) {
    int32_t at = gate_order_index(g, id);
    if (at < 0) return 0;
    *hi = (int64_t)(g->orders[at].reserved >> 64);
    *lo = (uint64_t)g->orders[at].reserved;
    *asset = g->assets[g->orders[at].asset].asset;
    return 1;
}

static inline void gate_forget_balances(tc_gate *g) { /* unknown until told again */
    for (int32_t i = 0; i < g->asset_count; i++) g->assets[i].known = 0;
}

static inline int64_t gate_open_notional(const tc_gate *g) { return gate_narrow(g->open); }

/* The worst price at which an order was reserved, in ticks; 0: it holds nothing. */
static inline int64_t gate_worst(const tc_gate *g, tc_order_id id) {
    int32_t at = gate_order_index(g, id);
    if (at < 0) return 0;
    return g->orders[at].price;
}

/* What orders that are not ours have open at an instrument, in place of what was told before: lots,
 * and ticks times lots of the buys and of the sells. It counts for R07 and R08, and tells whose a locked
 * balance is. `price` in ticks values it, 0: at the next order. 0: too much to be counted, the instrument
 * halts. */
static inline int gate_set_external(tc_gate *g, uint32_t instrument, int64_t orders, int64_t buying, int64_t selling, int64_t cost,
                                    int64_t worth, int64_t price) {
    tc_gate_instrument *t = gate_instrument(g, instrument);
    int overflow = 0;
    int64_t up, down;
    if (!t) return 0;
    tc_gate_external *was = &t->external, now = {orders, buying, selling, gate_worth(t, 1, cost, &overflow), 0, 0, 0};
    now.open = now.paid + gate_worth(t, 1, worth, &overflow);
    now.bought = gate_amount(t, buying);
    now.sold = gate_amount(t, selling);
    if (overflow || __builtin_add_overflow(t->buying - was->buying, buying, &up) ||
        __builtin_add_overflow(t->selling - was->selling, selling, &down))
        return t->halted = 1, 0;
    tc_gate_asset *base = &g->assets[t->base];
    t->buying = up;
    t->selling = down;
    t->orders += orders - was->orders;
    g->live += orders - was->orders;
    g->external += orders - was->orders;
    t->open += now.open - was->open;
    g->open += now.open - was->open;
    base->buying += now.bought - was->bought;
    base->selling += now.sold - was->sold;
    base->external += now.sold - was->sold;
    g->assets[t->quote].external += now.paid - was->paid;
    *was = now;
    if (price > 0) gate_refresh(g, t, price);
    return 1;
}

/* An order of ours found at the venue: counted at its worst case, without asking. 0: no room.
 * `worst`: the price for one that names none itself, a market order. */
static inline int gate_adopt(tc_gate *g, const tc_order *o, int64_t worst) {
    int64_t price = o->type == TC_MARKET ? worst : o->price;
    tc_gate_instrument *t = gate_instrument(g, o->instrument);
    int32_t si = gate_strategy_index(g, o->strategy), at = g->vacant;
    int64_t left = o->asked - o->here;
    int overflow = 0;
    if (g->by_id[index_find(g->by_id, g->index_mask, o->id.hi, o->id.lo)].slot >= 0) return 1;
    if (!t || at < 0) return 0;
    if (si < 0 && (!gate_lease(g, o->strategy, 0) || (si = gate_strategy_index(g, o->strategy)) < 0)) return 0;
    int32_t ri = gate_rule_index(g, o->strategy, o->rule);
    if (ri < 0 || left < 0) return 0;
    tc_gate_order *e = &g->orders[at];
    int buy = o->side == TC_BUY;
    gate_wide notional = gate_worth(t, price, left, &overflow), base = gate_amount(t, left);
    if (overflow) return 0;
    g->vacant = e->next;
    e->id = o->id;
    e->price = price;
    e->quantity = o->quantity;
    e->leaves = left;
    e->notional = notional;
    e->reserved = buy ? notional + gate_fee(notional, g->limits.fee_ppm) : base;
    e->instrument = (int32_t)(t - g->instruments);
    e->asset = buy ? t->quote : t->base;
    e->strategy = si;
    e->rule = ri;
    e->side = o->side;
    e->sent = 1;
    e->market = o->type == TC_MARKET;
    e->before = -1;
    e->next = t->first;
    if (t->first >= 0) g->orders[t->first].before = at;
    t->first = at;
    index_put(g->by_id, g->index_mask, o->id.hi, o->id.lo, at);
    t->orders++;
    g->live++;
    t->open += notional;
    g->open += notional;
    g->assets[e->asset].reserved += e->reserved;
    if (buy) t->buying += left, g->strategies[si].buying += notional, g->assets[t->base].buying += base;
    else t->selling += left, g->strategies[si].selling += notional, g->assets[t->base].selling += base;
    gate_refresh(g, t, price > 0 ? price : 1);
    return 1;
}

#endif
