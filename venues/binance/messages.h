/* Binance spot: what the order socket says, as items that lie where the text lies.
 *
 * One frame becomes one message (a reply, an error, an event) and its items: what it says of orders,
 * trades and balances, in its order. Nothing is copied or converted here: prices stay text, because
 * only the caller knows the instrument's tick. Any valid JSON is read, members in any order; what is
 * not JSON, or not whole, is BN_REJECTED and leaves no item.
 *
 * Which of a report's two ids is the order's: `C` (original) when it is there, else `c`: on a cancel
 * `c` names the cancel. Results of the WebSocket API say origClientOrderId for the same. */
#ifndef TIERCEL_BINANCE_MESSAGES_H
#define TIERCEL_BINANCE_MESSAGES_H
#include "hotpath/order.h"
#include "hotpath/scan.h"

enum bn_kind {
    BN_REJECTED = 0,
    BN_REPLY = 1,   /* status 2xx */
    BN_ERROR = 2,   /* status and error; items where a cancel-replace did half */
    BN_EVENT = 3,   /* user data */
    BN_REQUEST = 4, /* one of our own kind: it has a method */
    BN_FOREIGN = 5  /* valid, and not of this socket: market data, futures */
};

enum bn_item_kind {
    BN_ORDER = 1,   /* says something about an order: event, status, cumulative */
    BN_TRADE = 2,   /* one trade */
    BN_BALANCE = 3, /* an asset's free and locked */
    BN_CHANGE = 4,  /* an asset's balance changed by */
    BN_SESSION = 5, /* logon */
    BN_SUBSCRIBED = 6,
    BN_STREAM_ENDED = 7,
    BN_SHUTDOWN = 8,
    BN_TIME = 9,
    BN_NOT_MINE = 10
};

typedef struct {
    uint8_t kind;   /* enum bn_item_kind */
    uint8_t event;  /* enum tc_order_event_type */
    uint8_t status; /* enum tc_status as the venue says, 0 = it did not or we do not know the word */
    uint8_t side, type, time_in_force, maker;
    uint8_t half; /* of a cancel-replace: 1 the cancel, 2 the new order */
    int32_t code; /* REJECT: the venue's */
    uint32_t pad;
    uint64_t order_id, trade_id;
    int64_t time; /* UTC ns, 0 = not said */
    tc_value symbol, client_id, price, quantity, cumulative, quote; /* of the order; quote: cumulative */
    tc_value last_price, last_quantity, fee;                 /* of the trade; balances: free, locked, change */
    tc_value asset, what, kind_word; /* kind_word: the type of the order as the venue spells it */
} bn_item;

typedef struct {
    int kind;
    int status; /* HTTP-like */
    int count;  /* items */
    int listed; /* elements of the result, when it is a list */
    int is_list; /* 1: the result is one; 2: it holds one of balances */
    int64_t code;
    int64_t retry_after; /* UTC ns until which we are told to be silent, 0 = not said */
    tc_value id, text, what;
} bn_message;

static inline int bn_word(const tc_value *v, const char *w) {
    if (__builtin_expect(v->escaped, 0)) return value_is(v, w, (uint32_t)strlen(w));
    return v->type == TC_JSON_STRING && v->n == strlen(w) && !memcmp(v->p, w, v->n);
}

static inline int64_t bn_time(const tc_value *v) {
    int64_t t = 0;
    if (v->type != TC_JSON_NUMBER || !value_i64(v, &t) || t <= 0) return 0;
    return t >= 9000000000000000ll ? 0 : t >= 1000000000000000ll ? t * 1000 : t < 9000000000000ll ? t * 1000000 : 0;
}

static inline uint8_t bn_status(const tc_value *v) {
    if (bn_word(v, "NEW") || bn_word(v, "PENDING_NEW") || bn_word(v, "PENDING_CANCEL")) return TC_STATUS_NEW; /* it lives */
    if (bn_word(v, "PARTIALLY_FILLED")) return TC_STATUS_PARTIALLY_FILLED;
    if (bn_word(v, "FILLED")) return TC_STATUS_FILLED;
    if (bn_word(v, "CANCELED")) return TC_STATUS_CANCELED;
    if (bn_word(v, "REJECTED")) return TC_STATUS_REJECTED;
    if (bn_word(v, "EXPIRED") || bn_word(v, "EXPIRED_IN_MATCH")) return TC_STATUS_EXPIRED;
    return 0;
}

static inline uint8_t bn_side(const tc_value *v) {
    return bn_word(v, "BUY") ? TC_BUY : bn_word(v, "SELL") ? TC_SELL : 0;
}

static inline uint8_t bn_type(const tc_value *v) {
    return bn_word(v, "LIMIT") ? TC_LIMIT : bn_word(v, "MARKET") ? TC_MARKET : bn_word(v, "LIMIT_MAKER") ? TC_POST_ONLY : 0;
}

static inline uint8_t bn_force(const tc_value *v) {
    return bn_word(v, "GTC") ? TC_GTC : bn_word(v, "IOC") ? TC_IOC : bn_word(v, "FOK") ? TC_FOK : 0;
}

static inline bn_item *bn_new(bn_message *m, bn_item *items, int room, int kind) {
    if (m->count >= room) return NULL;
    bn_item *i = &items[m->count++];
    memset(i, 0, sizeof *i);
    i->kind = (uint8_t)kind;
    return i;
}

/* Digits from p on; *any gathers whether one of them is not 0. */
static inline const char *bn_digits(const char *p, const char *end, int *any) {
    for (; p < end && *p >= '0' && *p <= '9'; p++) *any |= *p != '0';
    return p;
}

/* A text as a quantity, digits[.digits][e[+-]digits] and no longer than any there is: 1 when it is more
 * than nothing, 0 when it is nothing, -1 when it is none. */
static inline int bn_quantity(const tc_value *v) {
    char room[128];
    uint32_t n = 0;
    const char *p = value_text(v, room, sizeof room, &n), *from = p;
    int any = 0, other = 0;
    if (!p || n > 120) return -1;
    const char *end = p + n;
    if ((p = bn_digits(p, end, &any)) == from) return -1;
    if (p < end && *p == '.') {
        from = ++p;
        if ((p = bn_digits(p, end, &any)) == from) return -1;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-')) p++;
        from = p;
        if ((p = bn_digits(p, end, &other)) == from) return -1;
    }
    return p == end ? any : -1;
}

/* A balance in units of 1e-8, of as many as 96 bits hold; 1, or 0 when it is none or finer. */
static inline int bn_balance(const tc_value *v, int64_t *hi, uint64_t *lo) {
    char room[128];
    uint32_t n = 0;
    int64_t few = 0;
    if (value_scaled(v, 8, &few)) {
        *hi = few < 0 ? -1 : 0;
        *lo = (uint64_t)few;
        return 1;
    }
    if (v->type != TC_JSON_STRING) return 0;
    const char *p = value_text(v, room, sizeof room, &n), *end = p + n;
    unsigned __int128 many = 0;
    int places = -1; /* behind the point, -1: before it */
    if (!p || !n || *p == '.') return 0;
    for (; p < end; p++) {
        if (*p == '.' && places < 0 && p + 1 < end) {
            places = 0;
            continue;
        }
        if (*p < '0' || *p > '9') return 0;
        if (places == 8) {
            if (*p != '0') return 0;
            continue;
        }
        many = many * 10 + (uint64_t)(*p - '0');
        if (many >> 96) return 0;
        places += places >= 0;
    }
    for (places = places < 0 ? 0 : places; places < 8; places++) {
        many *= 10;
        if (many >> 96) return 0;
    }
    *hi = (int64_t)(many >> 64);
    *lo = (uint64_t)many;
    return 1;
}

/* A code of the venue's: 1, or 0 when it is none that 32 bits hold. */
static inline int bn_code(const tc_value *v, int64_t *code) {
    return v->type == TC_JSON_NUMBER && value_i64(v, code) && *code >= -INT32_MAX && *code <= INT32_MAX;
}

static inline int bn_not_mine(bn_message *m, bn_item *items, int room, const tc_value *what) {
    bn_item *i = bn_new(m, items, room, BN_NOT_MINE);
    if (!i) return 0;
    if (what) i->what = *what;
    return 1;
}

/* An order as results and lists show it; `event` is what the frame says happened, 0 = its status. */
static inline int bn_order(const tc_value *v, bn_message *m, bn_item *items, int room, uint8_t half) {
    static const tc_key keys[] = {
        TC_KEY("symbol"), TC_KEY("orderId"), TC_KEY("clientOrderId"), TC_KEY("transactTime"), TC_KEY("price"),
        TC_KEY("origQty"), TC_KEY("executedQty"), TC_KEY("status"), TC_KEY("timeInForce"), TC_KEY("type"),
        TC_KEY("side"), TC_KEY("fills"), TC_KEY("origClientOrderId"), TC_KEY("time"), TC_KEY("updateTime"), TC_KEY("qty"),
        TC_KEY("cummulativeQuoteQty")};
    tc_value f[17];
    if (!scan_object(v->p, v->p + v->n, keys, 17, f)) return 0;
    if (f[1].type != TC_JSON_NUMBER || f[2].type != TC_JSON_STRING || f[0].type != TC_JSON_STRING) return 2; /* none */
    bn_item *i = bn_new(m, items, room, BN_ORDER);
    if (!i) return 0;
    i->symbol = f[0];
    if (!value_u64(&f[1], &i->order_id)) return 0;
    i->client_id = f[12].type == TC_JSON_STRING && f[12].n ? f[12] : f[2];
    i->time = bn_time(f[3].type ? &f[3] : f[14].type ? &f[14] : &f[13]);
    i->price = f[4];
    i->quantity = f[5].type ? f[5] : f[15];
    i->cumulative = f[6];
    i->quote = f[16];
    i->status = bn_status(&f[7]);
    i->time_in_force = bn_force(&f[8]);
    i->type = bn_type(&f[9]);
    i->kind_word = f[9];
    i->side = bn_side(&f[10]);
    i->half = half;
    if (f[13].type || f[14].type) i->event = TC_EV_STATUS; /* a query's answer */
    else if (f[15].type) i->event = TC_EV_REPLACED;         /* amended in place */
    else if (f[12].type == TC_JSON_STRING && i->status == TC_STATUS_CANCELED) i->event = TC_EV_CANCELED;
    else i->event = f[7].type && i->status != TC_STATUS_NEW ? TC_EV_STATUS : TC_EV_ACK;
    if (i->event == TC_EV_REPLACED) i->client_id = f[2];
    if (f[11].type == TC_JSON_ARRAY) {
        static const tc_key fill[] = {TC_KEY("price"), TC_KEY("qty"), TC_KEY("commission"), TC_KEY("commissionAsset"), TC_KEY("tradeId")};
        const char *at = NULL;
        tc_value one, g[5];
        bn_item order = *i;
        while (value_next(&f[11], &at, &one)) {
            if (one.type != TC_JSON_OBJECT || !scan_object(one.p, one.p + one.n, fill, 5, g)) return 0;
            if (g[4].type == TC_JSON_NUMBER && g[4].n && g[4].p[0] == '-') { /* an allocation: it has no trade id */
                if (!bn_not_mine(m, items, room, NULL)) return 0;
                continue;
            }
            if (g[0].type != TC_JSON_STRING || bn_quantity(&g[1]) <= 0) return 0;
            bn_item *t = bn_new(m, items, room, BN_TRADE);
            if (!t) return 0;
            *t = order;
            t->kind = BN_TRADE;
            t->event = TC_EV_FILL;
            t->last_price = g[0];
            t->last_quantity = g[1];
            t->fee = g[2];
            t->asset = g[3];
            if (g[4].type != TC_JSON_NUMBER || !value_u64(&g[4], &t->trade_id)) return 0;
        }
    }
    return 1;
}

/* One of myTrades. 2: it is none. */
static inline int bn_my_trade(const tc_value *v, bn_message *m, bn_item *items, int room) {
    static const tc_key keys[] = {TC_KEY("symbol"), TC_KEY("id"), TC_KEY("orderId"), TC_KEY("price"), TC_KEY("qty"),
                                  TC_KEY("commission"), TC_KEY("commissionAsset"), TC_KEY("time"), TC_KEY("isBuyer"), TC_KEY("isMaker")};
    tc_value f[10];
    int flag = 0;
    if (!scan_object(v->p, v->p + v->n, keys, 10, f)) return 0;
    if (!f[1].type || !f[2].type || !f[5].type || !f[8].type) return 2;
    if (f[3].type != TC_JSON_STRING || bn_quantity(&f[4]) <= 0) return 0;
    bn_item *i = bn_new(m, items, room, BN_TRADE);
    if (!i || f[1].type != TC_JSON_NUMBER || !value_u64(&f[1], &i->trade_id) || f[2].type != TC_JSON_NUMBER ||
        !value_u64(&f[2], &i->order_id))
        return 0;
    i->event = TC_EV_FILL;
    i->symbol = f[0];
    i->last_price = f[3];
    i->last_quantity = f[4];
    i->fee = f[5];
    i->asset = f[6];
    i->time = bn_time(&f[7]);
    if (!value_bool(&f[8], &flag)) return 0; /* a side is not guessed */
    i->side = flag ? TC_BUY : TC_SELL;
    i->maker = (uint8_t)(value_bool(&f[9], &flag) && flag);
    return 1;
}

static inline int bn_balances(const tc_value *array, const char *asset, const char *free_, const char *locked, int64_t time,
                              bn_message *m, bn_item *items, int room) {
    tc_key keys[3] = {{asset, (uint32_t)strlen(asset), 0}, {free_, (uint32_t)strlen(free_), 0}, {locked, (uint32_t)strlen(locked), 0}};
    const char *at = NULL;
    tc_value one, f[3];
    while (value_next(array, &at, &one)) {
        if (one.type != TC_JSON_OBJECT || !scan_object(one.p, one.p + one.n, keys, 3, f) || f[0].type != TC_JSON_STRING) return 0;
        bn_item *i = bn_new(m, items, room, BN_BALANCE);
        if (!i) return 0;
        i->asset = f[0];
        i->last_price = f[1];
        i->last_quantity = f[2];
        i->time = time;
    }
    return 1;
}

/* The error of one half of a cancel-replace. */
static inline int bn_half_error(const tc_value *v, bn_message *m, bn_item *items, int room, uint8_t half) {
    static const tc_key keys[] = {TC_KEY("code"), TC_KEY("msg")};
    tc_value f[2];
    int64_t code = 0;
    if (!scan_object(v->p, v->p + v->n, keys, 2, f)) return 0;
    bn_item *i = bn_new(m, items, room, BN_ORDER);
    if (!i || !bn_code(&f[0], &code)) return 0;
    i->event = half == 1 ? TC_EV_CANCEL_REJECTED : TC_EV_REJECT;
    i->half = half;
    i->code = (int32_t)code;
    i->what = f[1];
    return 1;
}

/* cancelReplace's result, or the data of its error. 2: it is none. */
static inline int bn_cancel_replace(const tc_value *v, bn_message *m, bn_item *items, int room) {
    static const tc_key keys[] = {TC_KEY("cancelResult"), TC_KEY("newOrderResult"), TC_KEY("cancelResponse"), TC_KEY("newOrderResponse")};
    tc_value f[4];
    if (!scan_object(v->p, v->p + v->n, keys, 4, f)) return 0;
    if (!f[0].type) return 2;
    for (uint8_t half = 1; half <= 2; half++) {
        const tc_value *said = &f[half - 1], *body = &f[half + 1];
        if (body->type != TC_JSON_OBJECT) continue; /* not attempted */
        if (!(bn_word(said, "SUCCESS") ? bn_order(body, m, items, room, half) : bn_half_error(body, m, items, room, half))) return 0;
    }
    return 1;
}

static inline int bn_result(const tc_value *v, bn_message *m, bn_item *items, int room) {
    static const tc_key keys[] = {TC_KEY("balances"), TC_KEY("authorizedSince"), TC_KEY("subscriptionId"), TC_KEY("amendedOrder"),
                                  TC_KEY("serverTime"), TC_KEY("updateTime"), TC_KEY("apiKey"), TC_KEY("orderReports"), TC_KEY("symbols")};
    tc_value f[9];
    int said;
    if (v->type == TC_JSON_ARRAY) {
        const char *at = NULL;
        tc_value one;
        int strange = 0;
        m->is_list = 1;
        while (value_next(v, &at, &one)) {
            m->listed++;
            said = one.type == TC_JSON_OBJECT ? bn_order(&one, m, items, room, 0) : 2;
            if (said == 2 && one.type == TC_JSON_OBJECT) said = bn_my_trade(&one, m, items, room);
            if (!said) return 0;
            strange |= said == 2;
        }
        return strange ? bn_not_mine(m, items, room, NULL) : 1;
    }
    if (v->type != TC_JSON_OBJECT) return bn_not_mine(m, items, room, NULL);
    if (!scan_object(v->p, v->p + v->n, keys, 9, f)) return 0;
    if (f[0].type == TC_JSON_ARRAY && f[5].type) m->is_list = 2;
    if (m->is_list) return bn_balances(&f[0], "asset", "free", "locked", bn_time(&f[5]), m, items, room);
    if (f[1].type && f[6].type) {
        bn_item *i = bn_new(m, items, room, BN_SESSION);
        if (!i) return 0;
        i->time = bn_time(&f[4]);
        i->what = f[1];
        return 1;
    }
    if (f[2].type == TC_JSON_NUMBER) {
        bn_item *i = bn_new(m, items, room, BN_SUBSCRIBED);
        return i && value_u64(&f[2], &i->order_id);
    }
    if (f[3].type == TC_JSON_OBJECT) return bn_order(&f[3], m, items, room, 0) == 1;
    if (f[7].type == TC_JSON_ARRAY) { /* an order list: each of its orders */
        const char *at = NULL;
        tc_value one;
        while (value_next(&f[7], &at, &one))
            if (one.type != TC_JSON_OBJECT || !bn_order(&one, m, items, room, 0)) return 0;
        return 1;
    }
    said = bn_cancel_replace(v, m, items, room);
    if (said == 2) said = bn_order(v, m, items, room, 0);
    if (said == 2 && f[4].type && !f[8].type) {
        bn_item *i = bn_new(m, items, room, BN_TIME);
        if (!i) return 0;
        i->time = bn_time(&f[4]);
        return 1;
    }
    return said == 2 ? bn_not_mine(m, items, room, NULL) : said;
}

static inline int bn_execution(const tc_value *v, bn_message *m, bn_item *items, int room) {
    static const tc_key keys[] = {TC_KEY("s"), TC_KEY("c"), TC_KEY("S"), TC_KEY("o"), TC_KEY("f"), TC_KEY("q"), TC_KEY("p"),
                                  TC_KEY("C"), TC_KEY("x"), TC_KEY("X"), TC_KEY("r"), TC_KEY("i"), TC_KEY("l"), TC_KEY("z"),
                                  TC_KEY("L"), TC_KEY("n"), TC_KEY("N"), TC_KEY("T"), TC_KEY("t"), TC_KEY("m"), TC_KEY("Z")};
    tc_value f[21];
    int64_t number = 0;
    int flag = 0;
    if (!scan_object(v->p, v->p + v->n, keys, 21, f)) return 0;
    if (f[0].type != TC_JSON_STRING || f[1].type != TC_JSON_STRING || f[8].type != TC_JSON_STRING || f[11].type != TC_JSON_NUMBER) return 0;
    bn_item *i = bn_new(m, items, room, BN_ORDER);
    if (!i || !value_u64(&f[11], &i->order_id)) return 0;
    i->symbol = f[0];
    i->client_id = f[7].type == TC_JSON_STRING && f[7].n ? f[7] : f[1];
    i->side = bn_side(&f[2]);
    i->type = bn_type(&f[3]);
    i->kind_word = f[3];
    i->time_in_force = bn_force(&f[4]);
    i->quantity = f[5];
    i->price = f[6];
    i->status = bn_status(&f[9]);
    i->what = f[10];
    i->cumulative = f[13];
    i->quote = f[20];
    i->time = bn_time(&f[17]);
    const tc_value *x = &f[8];
    if (bn_word(x, "NEW")) i->event = TC_EV_ACK;
    else if (bn_word(x, "CANCELED")) i->event = TC_EV_CANCELED;
    else if (bn_word(x, "EXPIRED")) i->event = TC_EV_EXPIRED;
    else if (bn_word(x, "REJECTED")) i->event = TC_EV_REJECT;
    else if (bn_word(x, "REPLACED")) i->event = TC_EV_REPLACED, i->client_id = f[1];
    else if (bn_word(x, "TRADE_PREVENTION")) i->event = i->status == TC_STATUS_EXPIRED ? TC_EV_EXPIRED : TC_EV_STATUS;
    else if (bn_word(x, "TRADE")) {
        const int any = bn_quantity(&f[12]); /* a trade of nothing is a status */
        i->event = TC_EV_STATUS;
        if (any < 0) return 0;
        if (any && f[14].type != TC_JSON_STRING) return 0;
        if (any && f[18].type == TC_JSON_NUMBER && value_i64(&f[18], &number) && number > 0) {
            i->kind = BN_TRADE;
            i->event = TC_EV_FILL;
            i->trade_id = (uint64_t)number;
            i->last_price = f[14];
            i->last_quantity = f[12];
            i->fee = f[15];
            i->asset = f[16];
            i->maker = (uint8_t)(value_bool(&f[19], &flag) && flag);
        }
    } else i->event = TC_EV_UNKNOWN; /* a word we do not know: the order path must look */
    return 1;
}

static inline int bn_event(const tc_value *v, const tc_value *name, bn_message *m, bn_item *items, int room) {
    m->kind = BN_EVENT;
    m->what = *name;
    if (bn_word(name, "executionReport")) return bn_execution(v, m, items, room);
    if (bn_word(name, "outboundAccountPosition")) {
        static const tc_key keys[] = {TC_KEY("E"), TC_KEY("B"), TC_KEY("u")};
        tc_value f[3];
        if (!scan_object(v->p, v->p + v->n, keys, 3, f) || f[1].type != TC_JSON_ARRAY) return 0;
        return bn_balances(&f[1], "a", "f", "l", bn_time(f[2].type ? &f[2] : &f[0]), m, items, room);
    }
    if (bn_word(name, "balanceUpdate")) {
        static const tc_key keys[] = {TC_KEY("a"), TC_KEY("d"), TC_KEY("T")};
        tc_value f[3];
        bn_item *i = bn_new(m, items, room, BN_CHANGE);
        if (!i || !scan_object(v->p, v->p + v->n, keys, 3, f) || f[0].type != TC_JSON_STRING) return 0;
        i->asset = f[0];
        i->last_quantity = f[1];
        i->time = bn_time(&f[2]);
        return 1;
    }
    if (bn_word(name, "eventStreamTerminated") || bn_word(name, "listenKeyExpired")) return bn_new(m, items, room, BN_STREAM_ENDED) != NULL;
    if (bn_word(name, "serverShutdown")) return bn_new(m, items, room, BN_SHUTDOWN) != NULL;
    m->kind = BN_FOREIGN;
    return bn_not_mine(m, items, room, name);
}

/* The kind of the frame [p, end), its items in items[0..m->count). */
static inline int bn_scan(const char *p, const char *end, bn_message *m, bn_item *items, int room) {
    static const tc_key keys[] = {TC_KEY("id"), TC_KEY("status"), TC_KEY("result"), TC_KEY("error"), TC_KEY("event"),
                                  TC_KEY("e"), TC_KEY("data"), TC_KEY("method"), TC_KEY("stream")};
    static const tc_key event[] = {TC_KEY("e")};
    static const tc_key error[] = {TC_KEY("code"), TC_KEY("msg"), TC_KEY("data")};
    static const tc_key late[] = {TC_KEY("retryAfter")};
    tc_value whole, f[9], name, g[3], retry;
    int64_t number = 0;
    memset(m, 0, sizeof *m);
    if (!scan_document(p, end, &whole)) return BN_REJECTED;
    if (whole.type != TC_JSON_OBJECT) {
        bn_not_mine(m, items, room, NULL);
        return m->kind = BN_FOREIGN;
    }
    if (!scan_object(whole.p, whole.p + whole.n, keys, 9, f)) return BN_REJECTED;
    m->id = f[0];
    const tc_value *inside = f[4].type == TC_JSON_OBJECT ? &f[4] : f[6].type == TC_JSON_OBJECT && f[8].type ? &f[6] : f[5].type == TC_JSON_STRING ? &whole : NULL;
    if (inside) {
        if (!scan_object(inside->p, inside->p + inside->n, event, 1, &name)) return BN_REJECTED;
        if (name.type != TC_JSON_STRING) {
            bn_not_mine(m, items, room, &f[8]);
            return m->kind = BN_FOREIGN;
        }
        if (bn_event(inside, &name, m, items, room)) return m->kind;
        m->count = 0;
        return m->kind = BN_REJECTED;
    }
    if (f[7].type) {
        m->what = f[7];
        bn_not_mine(m, items, room, &f[7]);
        return m->kind = BN_REQUEST;
    }
    if (f[1].type != TC_JSON_NUMBER || !value_i64(&f[1], &number) || number < 0 || number > 999) {
        bn_not_mine(m, items, room, NULL);
        return m->kind = BN_FOREIGN;
    }
    m->status = (int)number;
    if (f[3].type == TC_JSON_OBJECT) {
        if (!scan_object(f[3].p, f[3].p + f[3].n, error, 3, g) || !bn_code(&g[0], &m->code)) return m->kind = BN_REJECTED;
        m->text = g[1];
        m->kind = BN_ERROR;
        if (g[2].type == TC_JSON_OBJECT) {
            if (!scan_object(g[2].p, g[2].p + g[2].n, late, 1, &retry)) return m->kind = BN_REJECTED;
            m->retry_after = bn_time(&retry);
            if (!bn_cancel_replace(&g[2], m, items, room)) {
                m->count = 0;
                return m->kind = BN_REJECTED;
            }
        }
        return m->kind;
    }
    m->kind = BN_REPLY;
    if (f[2].type && !bn_result(&f[2], m, items, room)) {
        m->count = 0;
        return m->kind = BN_REJECTED;
    }
    if (!f[2].type) bn_not_mine(m, items, room, NULL);
    return m->kind;
}

/* 4.3: 1 when this answer to a placement says for certain that the order does not live. */
static inline int bn_is_definite(int status, int64_t code) {
    if (status == 429 || status == 418 || status == 403 || status >= 500 || status < 400) return 0;
    switch (code) {
    case -1000: /* unknown error */
    case -1001: /* disconnected */
    case -1003: /* too many requests */
    case -1006: /* unexpected response: execution status unknown */
    case -1007: /* timeout: execution status unknown */
    case -1008: /* overloaded */
    case -1016: /* shutting down */
        return 0;
    case -1002: /* not authorised */
    case -1013: /* filter */
    case -1014: /* unsupported combination */
    case -1015: /* too many orders */
    case -1020: case -1021: case -1022: case -1034:
    case -2010: case -2011: case -2014: case -2015: case -2016: case -2021: case -2022: case -2026: case -2038:
        return 1;
    default: return code <= -1099 && code >= -1199; /* malformed parameters */
    }
}

#endif
