/* Records: what actors say to each other, as they lie in an outbox.
 *
 * A record is a 40-byte header and a payload. The first 8 bytes (length, kind, source) are the
 * commit word of the ring: 0 means "nothing here yet", so they are stored last, with release.
 * Kinds are append-only: a changed struct is a new kind (tests hold golden bytes of each). Hot
 * kinds are the structs below, all little-endian, naturally aligned, without padding bytes of
 * undefined content; cold kinds (DOCUMENT) carry JSON written by msgspec.
 *
 * `position` counts the records of one source from 1, without a hole, for ever. `cause` packs
 * (source, position) of the record that made this one necessary: source in the upper 16 bits.
 * Prices are int64 ticks, quantities int64 lots of the instrument; money is int128 in units of
 * 1e-8 of the quote asset, split in hi and lo. `stamp_*` fields are measured and are masked when
 * two recordings are compared; they always stand last in a payload. */
#ifndef TIERCEL_RECORDS_H
#define TIERCEL_RECORDS_H
#include <stdint.h>

#define TC_CAUSE(source, position) (((uint64_t)(source) << 48) | ((uint64_t)(position) & 0xffffffffffffull))
#define TC_CAUSE_SOURCE(cause) ((uint16_t)((cause) >> 48))
#define TC_CAUSE_POSITION(cause) ((cause) & 0xffffffffffffull)

typedef struct {
    uint32_t length; /* bytes of header and payload, before padding to 8 */
    uint16_t kind;
    uint16_t source;
    uint64_t position;
    int64_t time; /* engine time of the turn, UTC ns */
    uint64_t cause;
    uint32_t instrument; /* registry number, 0 = none */
    uint32_t flags;
} tc_header;

enum tc_kind {
    TC_NONE = 0,
    TC_TOP = 1,
    TC_TRADE = 2,
    TC_DEPTH = 3,
    TC_GAP = 4,
    TC_INTENT = 5,
    TC_APPROVED = 6,
    TC_ORDER_EVENT = 7,
    TC_FILL = 8,
    TC_SWAP = 9,
    TC_HEARTBEAT = 10,
    TC_REFUSED = 11,
    TC_BOOK_STATE = 12,
    TC_CLOCK = 13,
    TC_BALANCE = 14,
    TC_SNAPSHOT = 15,
    TC_INPUT_FRAME = 16,
    TC_INPUT_RECORD = 17,
    TC_INPUT_TIMER = 18,
    TC_INPUT_SLOT = 19,
    TC_INPUT_LINK = 20,
    TC_DOCUMENT = 21,
    TC_COMMAND = 22,
    TC_REQUEST = 23,
    TC_KINDS = 24
};

enum tc_flag {
    TC_FLAG_REPLAYED = 1,
    TC_FLAG_SIMULATED = 2,
    TC_FLAG_RESERVE = 4,
    TC_FLAG_GUESS = 8 /* a fill booked from a status, without a trade (reliability.md 5.6) */
};

enum tc_side { TC_BUY = 1, TC_SELL = 2 };

/* ---- market data ------------------------------------------------------------------------ */

typedef struct {
    int64_t bid_price, bid_quantity, ask_price, ask_quantity; /* 0 quantity: side empty */
    uint64_t update_id;
    int64_t venue_time; /* event time of the venue, UTC ns, 0 = not given; of a top that has none, as
                           old as the last update of the levels was */
    uint32_t epoch;     /* of the book: rises with every join, the writer's life in its upper bits */
    uint32_t reason;    /* enum tc_doubt, 0 = valid */
} tc_top;

typedef struct {
    int64_t price, quantity;
    uint64_t trade_id;
    int64_t venue_time;
    uint32_t side; /* of the taker */
    uint32_t pad;
} tc_trade;

typedef struct {
    int64_t price;
    int64_t quantity; /* absolute, 0 removes */
} tc_level;

typedef struct { /* followed by bids + asks levels, bids first */
    uint64_t first_id, last_id;
    int64_t venue_time;
    uint32_t epoch;
    uint16_t bids, asks;
} tc_depth;

typedef struct { /* followed by bids + asks levels, bids first, best first */
    uint64_t last_id;
    int64_t venue_time;
    uint32_t epoch; /* the request's epoch: an answer to an older one is dropped */
    uint32_t bids, asks;
    uint32_t pad;
} tc_snapshot;

typedef struct {
    uint64_t from, to; /* positions (of `source` in cause) or update ids that are missing */
    uint32_t reason;   /* enum tc_doubt */
    uint32_t pad;
} tc_gap;

enum tc_doubt { /* why a book is not valid */
    TC_VALID = 0,
    TC_DOUBT_NEVER_JOINED = 1,
    TC_DOUBT_GAP = 2,
    TC_DOUBT_CROSSED = 3,
    TC_DOUBT_STALE = 4,
    TC_DOUBT_RECONNECT = 5,
    TC_DOUBT_REJECTED_FRAME = 6,
    TC_DOUBT_OVERFLOW = 7,
    TC_DOUBT_CHECKSUM = 8,
    TC_DOUBT_LATE_TURN = 9,
    TC_DOUBT_LAPPED = 10
};

typedef struct {
    uint32_t epoch, reason;
    uint64_t last_id;
} tc_book_state;

typedef struct { /* amounts are 256-bit little-endian limbs */
    uint64_t amount0[4], amount1[4], price_after[4];
    uint64_t block, log_index;
} tc_swap;

/* ---- orders ----------------------------------------------------------------------------- */

/* instance(40) source(16) position(48) leg(8) attempt(16), most significant first */
typedef struct {
    uint64_t hi, lo;
} tc_order_id;

enum tc_op { TC_OP_PLACE = 1, TC_OP_CANCEL = 2, TC_OP_REPLACE = 3, TC_OP_CANCEL_ALL = 4 };
enum tc_order_type { TC_LIMIT = 1, TC_MARKET = 2, TC_POST_ONLY = 3 };
enum tc_time_in_force { TC_GTC = 1, TC_IOC = 2, TC_FOK = 3 };
enum tc_intent_flag { TC_REDUCE_ONLY = 1, TC_HEDGE = 2, TC_POWER_DURABLE = 4 };

typedef struct {
    tc_order_id target; /* CANCEL and REPLACE: the order meant */
    int64_t price, quantity;
    int64_t deadline; /* engine time after which the gate refuses */
    uint64_t group;   /* position of the group's first leg, 0 = alone */
    uint64_t feed_update_id; /* the input it was priced from */
    int64_t feed_bid, feed_ask;
    uint32_t feed_epoch;
    uint16_t feed;     /* source of the feed it was priced from */
    uint16_t venue;    /* source of the venue it is for */
    uint16_t strategy; /* source */
    uint16_t rule;     /* the strategy's own number of the rule that fired */
    uint8_t op, side, type, time_in_force;
    uint8_t leg, legs;
    uint16_t attempt;
    uint32_t flags;
    int64_t expected_price; /* the benchmark: price the decision counted on, ticks */
    int64_t edge;           /* expected gain, 1e-8 quote, as the strategy computed it */
    int64_t stamp_in_hand, stamp_decided;
} tc_intent;

typedef struct {
    tc_order_id id;
    tc_order_id target;
    int64_t price, quantity, deadline; /* ticks: of a market order the worst one it was reserved at */
    int64_t reserved_hi; /* reservation: notional or base amount in 1e-8 units of the asset */
    uint64_t reserved_lo;
    uint32_t reserved_asset;
    uint32_t limit_version;
    uint16_t venue, strategy;
    uint8_t op, side, type, time_in_force;
    uint32_t flags;
    uint32_t pad;
    int64_t stamp_approved;
} tc_approved;

enum tc_order_event_type { /* reliability.md 5.2, first column */
    TC_EV_INTENT = 1,
    TC_EV_DENIED = 2,
    TC_EV_APPROVED = 3,
    TC_EV_UNKNOWN = 4,
    TC_EV_ACK = 5,
    TC_EV_REJECT = 6,
    TC_EV_FILL = 7,
    TC_EV_CANCEL_REQUESTED = 8,
    TC_EV_CANCELED = 9,
    TC_EV_CANCEL_REJECTED = 10,
    TC_EV_REPLACE_REQUESTED = 11,
    TC_EV_REPLACED = 12,
    TC_EV_REPLACE_REJECTED = 13,
    TC_EV_EXPIRED = 14,
    TC_EV_DONE_FOR_DAY = 15,
    TC_EV_SUSPENDED = 16,
    TC_EV_RESUMED = 17,
    TC_EV_TRADE_BUST = 18,
    TC_EV_TRADE_CORRECTION = 19,
    TC_EV_ABSENT = 20,
    TC_EV_RESOLVED = 21,
    TC_EV_STATUS = 22, /* a venue's snapshot of the order, from a query */
    TC_EV_TYPES = 23
};

typedef struct {
    tc_order_id id;
    tc_order_id successor; /* REPLACED: the order that goes on */
    uint64_t venue_order_id;
    int64_t price, quantity, cumulative; /* as the venue says; -1 = not said */
    int64_t venue_time;
    int32_t reason; /* the venue's error code, or enum tc_reason where it is ours */
    uint8_t type;   /* enum tc_order_event_type */
    uint8_t status, pending, evidence; /* the order's after this event (hotpath/order) */
    uint16_t venue, strategy;
    uint32_t effect; /* enum of hotpath/order: applied, ignored, illegal, disputed ... */
    int64_t stamp_sent, stamp_received;
} tc_order_event;

enum tc_reason { /* ours, so that they cannot be taken for a venue's (negative or > 1e6) */
    TC_REASON_NONE = 0,
    TC_REASON_TIMEOUT = 1,
    TC_REASON_DISCONNECT = 2,
    TC_REASON_SEND_PARTIAL = 3,
    TC_REASON_NOT_SENT = 4,
    TC_REASON_EXPIRED_INTENT = 5,
    TC_REASON_RESTART = 6,
    TC_REASON_UNKNOWN_CODE = 7,
    TC_REASON_LATE = 8,
    TC_REASON_GROUP = 9
};

typedef struct {
    tc_order_id id;
    uint64_t trade_id;
    uint64_t venue_order_id;
    int64_t price, quantity, cumulative;
    int64_t fee; /* 1e-8 units of fee_asset; negative = rebate */
    int64_t venue_time;
    uint32_t fee_asset;
    uint16_t venue, strategy;
    uint8_t side, maker, status, evidence;
    uint32_t effect;
    int64_t stamp_received;
} tc_fill;

/* ---- refusals, balances, clock, health --------------------------------------------------- */

typedef struct {
    tc_order_id id;
    uint16_t control; /* enum of hotpath/gate: R01 = 1 ... */
    uint16_t venue, strategy;
    uint8_t op, side;
    uint32_t limit_version;
    uint32_t pad;
    int64_t value, limit; /* what was found, what was allowed */
    int64_t input[4];     /* per control: see hotpath/gate */
} tc_refused;

typedef struct {
    int64_t free_hi;
    uint64_t free_lo;
    int64_t locked_hi;
    uint64_t locked_lo; /* 1e-8 units */
    int64_t venue_time;
    uint32_t asset;
    uint16_t venue;
    uint16_t pad;
} tc_balance;

typedef struct {
    int64_t offset, uncertainty; /* ns */
} tc_clock;

typedef struct {
    uint64_t turns, frames;
    int64_t stamp_time;
} tc_heartbeat;

/* ---- inputs of a lane (recording) -------------------------------------------------------- */

typedef struct { /* followed by the frame's bytes */
    uint16_t actor;   /* source of the actor that took it */
    uint16_t channel; /* which of its connections */
    uint32_t opcode;
    uint32_t last; /* 1: no further frame was in the buffer of this read */
    uint32_t pad;
    int64_t stamp_in_hand;
} tc_input_frame;

typedef struct { /* followed by the record itself, header included */
    uint16_t actor, pad0;
    uint32_t pad;
} tc_input_record;

typedef struct {
    uint16_t actor, pad0;
    uint32_t pad;
    uint64_t token;
    int64_t due;
} tc_input_timer;

typedef struct { /* followed by the slot's bytes */
    uint32_t slot, bytes;
    uint64_t version;
} tc_input_slot;

enum tc_link {
    TC_LINK_OPEN = 1,
    TC_LINK_CLOSED = 2,
    TC_LINK_SEND_FAILED = 3, /* code: ordinal of the send << 32 | bytes the socket took */
    TC_LINK_LATE = 4         /* no connection: the lane stood still for code ns; books are doubtful */
};

typedef struct {
    uint16_t actor, channel;
    uint32_t event; /* enum tc_link */
    int64_t code;   /* close code, or bytes the socket took */
} tc_input_link;

/* ---- requests between actors of a venue or feed and its `rest` actor ------------------------ */

enum tc_request_type {
    TC_ASK_SNAPSHOT = 1,  /* a feed wants a depth snapshot of `instrument` at `epoch` */
    TC_ASK_METADATA = 2,
    TC_ASK_RECONCILE = 3, /* a venue wants open orders, fills, balances */
    TC_ASK_QUERY = 4,     /* one order by id */
    TC_ASK_CANCEL_ALL = 5
};

typedef struct {
    tc_order_id id;
    uint32_t type, epoch;
    int64_t since; /* ns */
} tc_request;

#endif
