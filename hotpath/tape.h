/* One normalised market-data event: a cache line, so that a tape is a flat array that a back-test
 * walks with two cursors (the market's and, later by the latency of market data, ours). */
#ifndef TIERCEL_TAPE_H
#define TIERCEL_TAPE_H
#include <stdint.h>

enum tc_tape_kind {
    TC_TAPE_LEVEL = 1,  /* price, quantity (0 removes) of `side` */
    TC_TAPE_TRADE = 2,  /* price, quantity; side: the taker's */
    TC_TAPE_TOP = 3,    /* price, quantity: the bid; ask_price, ask_quantity */
    TC_TAPE_CLEAR = 4,  /* a snapshot begins: no levels */
    TC_TAPE_JOINED = 5, /* it is whole: a new epoch, valid */
    TC_TAPE_DOUBT = 6   /* not to be trusted from here on: reason */
};

enum tc_tape_flag {
    TC_TAPE_ENDS_UPDATE = 1, /* the book is as one message of the venue made it */
    TC_TAPE_ENDS_READ = 2    /* no further message was in this read: strategies decide now */
};

typedef struct {
    int64_t time;       /* engine time at which it was in hand when it was captured, never falls */
    int64_t venue_time; /* UTC ns, 0 = not given */
    int64_t price, quantity;
    int64_t ask_price, ask_quantity;
    uint64_t id; /* of the update or trade */
    uint16_t listing;
    uint8_t kind, side, flags, reason;
    uint16_t pad;
} tc_tape_event;

#endif
