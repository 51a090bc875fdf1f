/* Binance's market-data frames to numbers: one message from one frame, exact or rejected.
 *
 * `binance_scan` tries the shapes that the venue really sends, member by member in the order in which
 * it sends them and without white space (the quick layer of hotpath/scan.h), and reads any other
 * text with the general layer: what it accepts and the numbers it gives do not depend on which of
 * the two read it (a test compares them on every captured frame and on mutations).
 *
 * A message of one of our kinds that lacks a member, or has one that is not an exact number of ticks
 * or lots, or an id beyond 63 bits, is BINANCE_REJECTED; on a stateful channel that is a gap. Kinds of other channels are
 * BINANCE_NOT_MINE and name themselves in `what`.
 *
 * One exception, where the symbol asks for it (live feeds do, captures and `codec` do not): venues show
 * quantities that are no whole lots, of orders that are older than the lot (the shared spot capture
 * has one: 25.426189 BTC at 200,000, in lots of 0.00001). A book that doubts itself for that is never
 * valid; such a quantity is rounded down to whole lots, which is the side of safety for who takes it,
 * and `rounded` counts it. Prices are never rounded. */
#ifndef TIERCEL_BINANCE_FRAMES_H
#define TIERCEL_BINANCE_FRAMES_H
#include "hotpath/scan.h"

enum { BINANCE_SYMBOL_BYTES = 32 };

enum binance_kind {
    BINANCE_REJECTED = 0,
    BINANCE_DEPTH = 1,    /* diff of the levels */
    BINANCE_TICKER = 2,   /* best bid and ask */
    BINANCE_TRADE = 3,
    BINANCE_SNAPSHOT = 4, /* of the REST side, or of a capture: may come without a symbol */
    BINANCE_REPLY = 5,    /* to a SUBSCRIBE and its like */
    BINANCE_ERROR = 6,    /* the same, refused: `code` */
    BINANCE_SHUTDOWN = 7, /* the server will close this connection */
    BINANCE_NOT_MINE = 8,
    BINANCE_UNKNOWN_SYMBOL = 9, /* one of our kinds for a symbol that is not in the table */
    BINANCE_KINDS = 10
};

typedef struct {
    tc_unit price, quantity;
    uint32_t index;
    uint32_t n;
    uint32_t rounds; /* 1: quantities that are no whole lots are rounded down */
    uint32_t pad;
    char name[BINANCE_SYMBOL_BYTES]; /* as the venue spells it, upper case */
} binance_symbol;

/* Open addressing; `any` stands for every symbol when it is set (captures, `codec`). */
typedef struct {
    binance_symbol *entries;
    uint32_t mask;
    uint32_t quick; /* 0: only the general layer, for tests */
    binance_symbol *any;
    const binance_symbol *last; /* of the frame before: mostly the same again */
} binance_symbols;

typedef struct {
    int kind;
    int has_previous; /* futures: `previous_id` is given */
    const binance_symbol *symbol; /* NULL: none */
    const char *symbol_text;      /* in the frame, or `name`; NULL: none */
    uint32_t symbol_n;
    uint32_t what_n;
    const char *what; /* NOT_MINE: the event's name, in the frame */
    uint64_t first_id, last_id, previous_id;
    int64_t venue_time; /* UTC ns, 0 = not given */
    int bids, asks;     /* levels, bids first, in the room given */
    tc_top top;
    tc_trade trade;
    uint64_t reply_id;
    int64_t code;
    int rounded; /* quantities that were */
    char name[BINANCE_SYMBOL_BYTES + 8]; /* a symbol's text that is not in the frame as it is */
} binance_message;

static inline uint32_t binance_hash(const char *name, uint32_t n) {
    uint64_t h = n;
    for (uint32_t i = 0; i < n; i++) h = (h ^ (unsigned char)name[i]) * 0x9e3779b97f4a7c15ull;
    return (uint32_t)(h >> 32);
}

static inline const binance_symbol *binance_find(binance_symbols *t, const char *name, uint32_t n) {
    const binance_symbol *s = t->last;
    if (s && s->n == n && !memcmp(s->name, name, n)) return s;
    if (n && n <= BINANCE_SYMBOL_BYTES && t->entries)
        for (uint32_t i = binance_hash(name, n);; i++) {
            s = &t->entries[i & t->mask];
            if (!s->n) break;
            if (s->n == n && !memcmp(s->name, name, n)) return t->last = s;
        }
    return t->any;
}

/* Venue times are milliseconds, or microseconds where the connection asked for them; 0 when it is
 * neither of this epoch. */
static inline int binance_time(uint64_t v, int64_t *ns) {
    if (v < 9000000000000ull)
        *ns = (int64_t)v * 1000000;
    else if (v >= 100000000000000ull && v < 9000000000000000ull)
        *ns = (int64_t)v * 1000;
    else
        return 0;
    return 1;
}

/* ---- the shapes as sent ---------------------------------------------------------------------- */

#define BINANCE_TAKE(literal)                                                                      \
    do {                                                                                           \
        if (!(p = SCAN_EXPECT(p, end, literal))) return 0;                                         \
    } while (0)
#define BINANCE_WHOLE(out)                                                                         \
    do {                                                                                           \
        if (!(p = scan_whole(p, start, end, (out)))) return 0;                                     \
    } while (0)

/* Ids are exact as signed 64-bit numbers; a greater one is no id of the venue, and would make every
 * later one look old. */
#define BINANCE_ID(out)                                                                            \
    do {                                                                                           \
        BINANCE_WHOLE(out);                                                                        \
        if (*(out) >> 63) return 0;                                                                \
    } while (0)

/* The symbol's text up to and with its closing quote. */
static inline const char *binance_symbol_here(const char *p, const char *end, binance_symbols *t,
                                              binance_message *m) {
    const binance_symbol *s = t->last;
    if (s && end - p > (long)s->n && p[s->n] == '"' && !memcmp(p, s->name, s->n)) {
        m->symbol = s;
        m->symbol_text = p;
        m->symbol_n = s->n;
        return p + s->n + 1;
    }
    const char *q = scan_plain_text(p, end);
    if (!q) return NULL;
    m->symbol_text = p;
    m->symbol_n = (uint32_t)(q - 1 - p);
    if (!m->symbol_n || m->symbol_n > BINANCE_SYMBOL_BYTES) return NULL;
    m->symbol = binance_find(t, p, m->symbol_n);
    return m->symbol ? q : NULL;
}

/* Four quoted numbers "b":"..","B":"..","a":"..","A":".." of a top. */
static inline const char *binance_top_here(const char *p, const char *end, binance_message *m) {
    const binance_symbol *s = m->symbol;
    uint64_t w[4], f[4], v[4];
    const char *start = p;
    scan_shape price = SCAN_NO_SHAPE, size = SCAN_NO_SHAPE;
    if (s->price.quick & s->quantity.quick) {
        if ((p = SCAN_EXPECT(p, end, "\"b\":\"")) && (p = scan_groups(p, end, &w[0], &f[0], &price)) &&
            (p = SCAN_EXPECT(p, end, ",\"B\":\"")) && (p = scan_groups(p, end, &w[1], &f[1], &size)) &&
            (p = SCAN_EXPECT(p, end, ",\"a\":\"")) && (p = scan_groups(p, end, &w[2], &f[2], &price)) &&
            (p = SCAN_EXPECT(p, end, ",\"A\":\"")) && (p = scan_groups(p, end, &w[3], &f[3], &size))) {
            scan_convert(w[0], f[0], w[1], f[1], &v[0], &v[1]);
            scan_convert(w[2], f[2], w[3], f[3], &v[2], &v[3]);
            if (tc_unit_divide(&s->price, v[0], &m->top.bid_price) &
                tc_unit_divide(&s->quantity, v[1], &m->top.bid_quantity) &
                tc_unit_divide(&s->price, v[2], &m->top.ask_price) &
                tc_unit_divide(&s->quantity, v[3], &m->top.ask_quantity))
                return p;
            return NULL;
        }
        p = start;
    }
    if (!(p = SCAN_EXPECT(p, end, "\"b\":\"")) || !(p = scan_quoted(p, end, &s->price, &m->top.bid_price)) ||
        !(p = SCAN_EXPECT(p, end, ",\"B\":\"")) || !(p = scan_quoted(p, end, &s->quantity, &m->top.bid_quantity)) ||
        !(p = SCAN_EXPECT(p, end, ",\"a\":\"")) || !(p = scan_quoted(p, end, &s->price, &m->top.ask_price)) ||
        !(p = SCAN_EXPECT(p, end, ",\"A\":\"")) || !(p = scan_quoted(p, end, &s->quantity, &m->top.ask_quantity)))
        return NULL;
    if (m->top.bid_price < 0 || m->top.bid_quantity < 0 || m->top.ask_price < 0 || m->top.ask_quantity < 0)
        return NULL;
    return p;
}

static inline int binance_quick_depth(const char *p, const char *start, const char *end,
                                      binance_symbols *t, tc_level *levels, int room,
                                      binance_message *m) {
    uint64_t time, other;
    const char *q;
    scan_prefetch(p, end);
    BINANCE_WHOLE(&time);
    if ((q = SCAN_EXPECT(p, end, ",\"T\":"))) { /* futures: transaction time */
        p = q;
        BINANCE_WHOLE(&other);
    }
    BINANCE_TAKE(",\"s\":\"");
    if (!(p = binance_symbol_here(p, end, t, m))) return 0;
    if ((q = SCAN_EXPECT(p, end, ",\"ps\":\"")) && !(p = scan_plain_text(q, end))) return 0;
    BINANCE_TAKE(",\"U\":");
    BINANCE_ID(&m->first_id);
    BINANCE_TAKE(",\"u\":");
    BINANCE_ID(&m->last_id);
    m->has_previous = 0;
    if ((q = SCAN_EXPECT(p, end, ",\"pu\":"))) {
        p = q;
        BINANCE_ID(&m->previous_id);
        m->has_previous = 1;
    }
    BINANCE_TAKE(",\"b\":");
    if (!(p = scan_levels(p, end, &m->symbol->price, &m->symbol->quantity, levels, room, &m->bids))) return 0;
    BINANCE_TAKE(",\"a\":");
    if (!(p = scan_levels(p, end, &m->symbol->price, &m->symbol->quantity, levels + m->bids, room - m->bids,
                          &m->asks)))
        return 0;
    m->kind = BINANCE_DEPTH;
    return binance_time(time, &m->venue_time) && end - p == 1 && *p == '}';
}

/* `p` behind the update id. */
static inline int binance_quick_ticker(const char *p, const char *start, const char *end,
                                       binance_symbols *t, binance_message *m) {
    uint64_t time = 0;
    const char *q;
    BINANCE_TAKE(",\"s\":\"");
    if (!(p = binance_symbol_here(p, end, t, m))) return 0;
    if ((q = SCAN_EXPECT(p, end, ",\"ps\":\"")) && !(p = scan_plain_text(q, end))) return 0;
    BINANCE_TAKE(",");
    if (!(p = binance_top_here(p, end, m))) return 0;
    if ((q = SCAN_EXPECT(p, end, ",\"T\":"))) {
        p = q;
        BINANCE_WHOLE(&time);
        BINANCE_TAKE(",\"E\":");
        BINANCE_WHOLE(&time);
    }
    m->top.update_id = m->last_id;
    if (!binance_time(time, &m->venue_time)) return 0;
    m->top.venue_time = m->venue_time;
    m->top.epoch = m->top.reason = 0;
    m->kind = BINANCE_TICKER;
    return end - p == 1 && *p == '}';
}

static inline int binance_quick_trade(const char *p, const char *start, const char *end,
                                      binance_symbols *t, binance_message *m) {
    uint64_t time, other;
    const char *q;
    BINANCE_WHOLE(&time);
    BINANCE_TAKE(",\"s\":\"");
    if (!(p = binance_symbol_here(p, end, t, m))) return 0;
    BINANCE_TAKE(",\"t\":");
    BINANCE_ID(&m->trade.trade_id);
    BINANCE_TAKE(",\"p\":\"");
    if (!(p = scan_quoted(p, end, &m->symbol->price, &m->trade.price)) || m->trade.price < 0) return 0;
    BINANCE_TAKE(",\"q\":\"");
    if (!(p = scan_quoted(p, end, &m->symbol->quantity, &m->trade.quantity)) || m->trade.quantity < 0) return 0;
    if ((q = SCAN_EXPECT(p, end, ",\"b\":"))) { /* order ids, until 2023 */
        p = q;
        BINANCE_WHOLE(&other);
        BINANCE_TAKE(",\"a\":");
        BINANCE_WHOLE(&other);
    }
    BINANCE_TAKE(",\"T\":");
    BINANCE_WHOLE(&other);
    if ((q = SCAN_EXPECT(p, end, ",\"m\":true")))
        m->trade.side = TC_SELL; /* the buyer is the maker */
    else if ((q = SCAN_EXPECT(p, end, ",\"m\":false")))
        m->trade.side = TC_BUY;
    else
        return 0;
    p = q;
    if ((q = SCAN_EXPECT(p, end, ",\"M\":true")) || (q = SCAN_EXPECT(p, end, ",\"M\":false"))) p = q;
    if (!binance_time(time, &m->venue_time) || !binance_time(other, &m->trade.venue_time)) return 0;
    m->trade.pad = 0;
    m->kind = BINANCE_TRADE;
    return end - p == 1 && *p == '}';
}

/* 1 when the frame has a shape as sent and was read to its last byte. */
static inline int binance_quick(const char *p, const char *end, binance_symbols *t, tc_level *levels,
                                int room, binance_message *m) {
    const char *start = p, *q;
    if (end - p < 40) return 0;
    if ((q = SCAN_EXPECT(p, end, "{\"stream\":\""))) {
        if (!(p = scan_plain_text(q, end))) return 0;
        BINANCE_TAKE(",\"data\":{");
        if (*--end != '}') return 0;
    } else if (*p++ != '{') {
        return 0;
    }
    if ((q = SCAN_EXPECT(p, end, "\"u\":"))) {
        p = q;
        BINANCE_ID(&m->last_id);
        if ((q = SCAN_EXPECT(p, end, ",\"e\":\"bookTicker\""))) p = q; /* COIN-M */
        return binance_quick_ticker(p, start, end, t, m);
    }
    if ((q = SCAN_EXPECT(p, end, "\"e\":\"depthUpdate\",\"E\":")))
        return binance_quick_depth(q, start, end, t, levels, room, m);
    if ((q = SCAN_EXPECT(p, end, "\"e\":\"trade\",\"E\":"))) return binance_quick_trade(q, start, end, t, m);
    if ((q = SCAN_EXPECT(p, end, "\"e\":\"bookTicker\",\"u\":"))) {
        p = q;
        BINANCE_ID(&m->last_id);
        return binance_quick_ticker(p, start, end, t, m);
    }
    return 0;
}

/* ---- any text -------------------------------------------------------------------------------- */

enum binance_member {
    B_STREAM, B_DATA, B_e, B_E, B_s, B_U, B_u, B_pu, B_b, B_B, B_a, B_A, B_t, B_p, B_q, B_T, B_m,
    B_LAST_UPDATE_ID, B_BIDS, B_ASKS, B_SYMBOL, B_RESULT, B_ID, B_ERROR, B_CODE, B_STATUS, B_MEMBERS
};

static const tc_key BINANCE_KEYS[B_MEMBERS] = {
    TC_KEY("stream"), TC_KEY("data"), TC_KEY("e"), TC_KEY("E"), TC_KEY("s"), TC_KEY("U"), TC_KEY("u"),
    TC_KEY("pu"), TC_KEY("b"), TC_KEY("B"), TC_KEY("a"), TC_KEY("A"), TC_KEY("t"), TC_KEY("p"),
    TC_KEY("q"), TC_KEY("T"), TC_KEY("m"), TC_KEY("lastUpdateId"), TC_KEY("bids"), TC_KEY("asks"),
    TC_KEY("symbol"), TC_KEY("result"), TC_KEY("id"), TC_KEY("error"), TC_KEY("code"), TC_KEY("status")};

static inline int binance_unsigned_units(const tc_value *v, const tc_unit *unit, int64_t *out) {
    return v->type == TC_JSON_STRING && value_units(v, unit, out) && *out >= 0;
}

/* A quantity that is no whole number of lots, rounded down where the symbol asks for it. */
static inline int binance_round(const tc_value *v, const binance_symbol *s, int64_t *out, binance_message *m) {
    int64_t fine, lot;
    if (!s->rounds || s->quantity.scale > 8 || !value_scaled(v, 8, &fine) || fine < 0) return 0;
    lot = s->quantity.tick * SCAN_POW10[8 - s->quantity.scale];
    *out = fine / lot;
    m->rounded++;
    return 1;
}

static inline int binance_quantity(const tc_value *v, const binance_symbol *s, int64_t *out, binance_message *m) {
    return binance_unsigned_units(v, &s->quantity, out) ||
           (v->type == TC_JSON_STRING && binance_round(v, s, out, m));
}

/* A side's levels: the compact form first, then any, then with rounding. */
static inline int binance_levels(const tc_value *v, const binance_symbol *s, tc_level *out, int room,
                                 binance_message *m) {
    int n = 0;
    if (v->type == TC_JSON_ARRAY && v->n >= 16) {
        const char *q = scan_levels(v->p, v->p + v->n, &s->price, &s->quantity, out, room, &n);
        if (q == v->p + v->n) return n;
    }
    n = value_levels(v, &s->price, &s->quantity, out, room);
    if (n >= 0 || !s->rounds || v->type != TC_JSON_ARRAY) return n;
    const char *at = NULL;
    tc_value level, price, quantity;
    for (n = 0; value_next(v, &at, &level); n++) {
        const char *in = NULL;
        if (n == room || level.type != TC_JSON_ARRAY) return -1;
        if (!value_next(&level, &in, &price) || !value_next(&level, &in, &quantity)) return -1;
        if (!value_units(&price, &s->price, &out[n].price) || out[n].price < 0) return -1;
        if (value_units(&quantity, &s->quantity, &out[n].quantity) && out[n].quantity >= 0) continue;
        if (!binance_round(&quantity, s, &out[n].quantity, m)) return -1;
    }
    return n;
}

/* The venue's time where it is given (0 where not): 0 when it is no whole number. */
static inline int binance_time_member(const tc_value *v, int64_t *out) {
    uint64_t time;
    *out = 0;
    if (v->type == TC_JSON_MISSING) return 1;
    return value_u64(v, &time) && binance_time(time, out);
}

static inline int binance_id(const tc_value *v, uint64_t *out) {
    return value_u64(v, out) && !(*out >> 63);
}

static inline int binance_read_depth(const tc_value *v, tc_level *levels, int room, binance_message *m) {
    m->has_previous = v[B_pu].type != TC_JSON_MISSING;
    if (m->has_previous && !binance_id(&v[B_pu], &m->previous_id)) return BINANCE_REJECTED;
    if (!binance_id(&v[B_U], &m->first_id) || !binance_id(&v[B_u], &m->last_id)) return BINANCE_REJECTED;
    if (v[B_E].type == TC_JSON_MISSING || !binance_time_member(&v[B_E], &m->venue_time)) return BINANCE_REJECTED;
    if ((m->bids = binance_levels(&v[B_b], m->symbol, levels, room, m)) < 0) return BINANCE_REJECTED;
    m->asks = binance_levels(&v[B_a], m->symbol, levels + m->bids, room - m->bids, m);
    return m->asks < 0 ? BINANCE_REJECTED : BINANCE_DEPTH;
}

static inline int binance_read_ticker(const tc_value *v, binance_message *m) {
    const binance_symbol *s = m->symbol;
    if (!binance_id(&v[B_u], &m->last_id) || !binance_time_member(&v[B_E], &m->venue_time) ||
        !binance_unsigned_units(&v[B_b], &s->price, &m->top.bid_price) ||
        !binance_quantity(&v[B_B], s, &m->top.bid_quantity, m) ||
        !binance_unsigned_units(&v[B_a], &s->price, &m->top.ask_price) ||
        !binance_quantity(&v[B_A], s, &m->top.ask_quantity, m))
        return BINANCE_REJECTED;
    m->top.update_id = m->last_id;
    m->top.venue_time = m->venue_time;
    m->top.epoch = m->top.reason = 0;
    return BINANCE_TICKER;
}

static inline int binance_read_trade(const tc_value *v, binance_message *m) {
    int buyer_is_maker;
    if (!binance_id(&v[B_t], &m->trade.trade_id) || !binance_time_member(&v[B_E], &m->venue_time) ||
        !binance_time_member(&v[B_T], &m->trade.venue_time) || v[B_T].type == TC_JSON_MISSING ||
        !value_bool(&v[B_m], &buyer_is_maker) ||
        !binance_unsigned_units(&v[B_p], &m->symbol->price, &m->trade.price) ||
        !binance_quantity(&v[B_q], m->symbol, &m->trade.quantity, m))
        return BINANCE_REJECTED;
    m->trade.side = buyer_is_maker ? TC_SELL : TC_BUY;
    m->trade.pad = 0;
    return BINANCE_TRADE;
}

static inline int binance_read_snapshot(const tc_value *v, tc_level *levels, int room, binance_message *m) {
    if (!m->symbol) return BINANCE_UNKNOWN_SYMBOL;
    if (!binance_id(&v[B_LAST_UPDATE_ID], &m->last_id) || !binance_time_member(&v[B_E], &m->venue_time))
        return BINANCE_REJECTED;
    if ((m->bids = binance_levels(&v[B_BIDS], m->symbol, levels, room, m)) < 0) return BINANCE_REJECTED;
    m->asks = binance_levels(&v[B_ASKS], m->symbol, levels + m->bids, room - m->bids, m);
    return m->asks < 0 ? BINANCE_REJECTED : BINANCE_SNAPSHOT;
}

/* Set the symbol from a value; 0: it is not one. */
static inline int binance_symbol_of(const tc_value *v, binance_symbols *t, binance_message *m) {
    const char *text = value_text(v, m->name, sizeof m->name, &m->symbol_n);
    if (!text || !m->symbol_n || m->symbol_n > BINANCE_SYMBOL_BYTES) return 0;
    m->symbol_text = text;
    m->symbol = binance_find(t, text, m->symbol_n);
    return 1;
}

/* The symbol that a stream is named by, in lower case: its text up to the '@'. */
static inline void binance_symbol_of_stream(const tc_value *v, binance_symbols *t, binance_message *m) {
    char room[256];
    uint32_t have = 0, n = 0;
    const char *text = value_text(v, room, sizeof room, &have);
    if (!text) return;
    for (; n < have && n < BINANCE_SYMBOL_BYTES && text[n] != '@'; n++)
        m->name[n] = text[n] >= 'a' && text[n] <= 'z' ? (char)(text[n] - 'a' + 'A') : text[n];
    m->symbol_text = m->name;
    m->symbol_n = n;
    m->symbol = binance_find(t, m->name, n);
}

static inline int binance_any(const char *p, const char *end, binance_symbols *t, const binance_symbol *asked,
                              tc_level *levels, int room, binance_message *m) {
    tc_value v[B_MEMBERS], stream;
    p = scan_space(p, end);
    if (p < end && *p != '{') { /* arrays and plain values: nothing of ours, but JSON it must be */
        if (!scan_document(p, end, v)) return BINANCE_REJECTED;
        m->what = NULL;
        return BINANCE_NOT_MINE;
    }
    p = scan_object(p, end, BINANCE_KEYS, B_MEMBERS, v);
    if (!p || scan_space(p, end) != end) return BINANCE_REJECTED;
    stream = v[B_STREAM];
    if (stream.type == TC_JSON_STRING && v[B_DATA].type != TC_JSON_MISSING) {
        tc_value data = v[B_DATA];
        m->what = stream.p;
        m->what_n = stream.n;
        if (data.type != TC_JSON_OBJECT) return BINANCE_NOT_MINE;
        if (!scan_object(data.p, data.p + data.n, BINANCE_KEYS, B_MEMBERS, v)) return BINANCE_REJECTED;
    }
    if (v[B_e].type == TC_JSON_STRING) {
        int kind = value_is(&v[B_e], "depthUpdate", 11)  ? BINANCE_DEPTH
                   : value_is(&v[B_e], "bookTicker", 10) ? BINANCE_TICKER
                   : value_is(&v[B_e], "trade", 5)       ? BINANCE_TRADE
                                                         : BINANCE_NOT_MINE;
        if (value_is(&v[B_e], "serverShutdown", 14))
            return binance_time_member(&v[B_E], &m->venue_time) ? BINANCE_SHUTDOWN : BINANCE_REJECTED;
        if (kind == BINANCE_NOT_MINE) {
            m->what = v[B_e].p;
            m->what_n = v[B_e].n;
            return kind;
        }
        if (!binance_symbol_of(&v[B_s], t, m)) return BINANCE_REJECTED;
        if (!m->symbol) return BINANCE_UNKNOWN_SYMBOL;
        if (kind == BINANCE_DEPTH) return binance_read_depth(v, levels, room, m);
        return kind == BINANCE_TICKER ? binance_read_ticker(v, m) : binance_read_trade(v, m);
    }
    if (v[B_e].type != TC_JSON_MISSING) return BINANCE_REJECTED;
    if (v[B_LAST_UPDATE_ID].type != TC_JSON_MISSING) { /* the symbol: in the text, or who asked */
        if (v[B_SYMBOL].type != TC_JSON_MISSING) {
            if (!binance_symbol_of(&v[B_SYMBOL], t, m)) return BINANCE_REJECTED;
        } else if (stream.type == TC_JSON_STRING) {
            binance_symbol_of_stream(&stream, t, m);
        } else {
            m->symbol = asked;
        }
        return binance_read_snapshot(v, levels, room, m);
    }
    if (v[B_u].type != TC_JSON_MISSING && v[B_s].type != TC_JSON_MISSING && v[B_B].type != TC_JSON_MISSING &&
        v[B_A].type != TC_JSON_MISSING) {
        if (!binance_symbol_of(&v[B_s], t, m)) return BINANCE_REJECTED;
        return m->symbol ? binance_read_ticker(v, m) : BINANCE_UNKNOWN_SYMBOL;
    }
    if (v[B_STATUS].type == TC_JSON_MISSING && v[B_ID].type != TC_JSON_MISSING) {
        if (!value_u64(&v[B_ID], &m->reply_id)) m->reply_id = 0;
        if (v[B_RESULT].type != TC_JSON_MISSING) return BINANCE_REPLY;
    }
    if (v[B_STATUS].type == TC_JSON_MISSING &&
        (v[B_ERROR].type == TC_JSON_OBJECT || v[B_CODE].type == TC_JSON_NUMBER)) {
        if (v[B_ERROR].type == TC_JSON_OBJECT &&
            !scan_object(v[B_ERROR].p, v[B_ERROR].p + v[B_ERROR].n, BINANCE_KEYS, B_MEMBERS, v))
            return BINANCE_REJECTED;
        if (!value_i64(&v[B_CODE], &m->code)) m->code = 0;
        return BINANCE_ERROR;
    }
    return BINANCE_NOT_MINE;
}

/* One frame [p, end) to a message: enum binance_kind, also in m->kind. `asked` names the symbol of a
 * snapshot whose text does not (NULL: none). Levels are written to `levels`, at most `room`. */
static inline int binance_scan(const char *p, const char *end, binance_symbols *t, const binance_symbol *asked,
                               tc_level *levels, int room, binance_message *m) {
    m->symbol = NULL;
    m->symbol_text = m->what = NULL;
    m->symbol_n = m->what_n = 0;
    m->bids = m->asks = m->rounded = 0;
    if (t->quick && binance_quick(p, end, t, levels, room, m)) return m->kind;
    m->symbol = NULL;
    m->symbol_text = m->what = NULL;
    m->symbol_n = m->what_n = 0;
    m->has_previous = 0;
    m->bids = m->asks = 0;
    return m->kind = binance_any(p, end, t, asked, levels, room, m);
}

#endif
