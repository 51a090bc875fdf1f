/* The fields of each kind, once more as data: for the Python face and for the table of kinds that
 * every outbox carries. A row's offset, size and type come from the compiler, so they cannot say
 * anything else than the struct; a test holds that no field and no kind is missing. */
#ifndef TIERCEL_RECORD_FIELDS_H
#define TIERCEL_RECORD_FIELDS_H
#include "hotpath/records.h"
#include <stddef.h>

typedef struct {
    const char *kind; /* not NULL: this row opens a kind */
    const char *name;
    uint16_t number;
    uint16_t offset, bytes;
    uint8_t type; /* a letter of Python's struct, or 'O' for an order id */
    uint8_t tail; /* what follows the fixed part: enum below */
} tc_field;

enum { TC_TAIL_NOTHING = 0, TC_TAIL_LEVELS = 1, TC_TAIL_BYTES = 2, TC_TAIL_DOCUMENT = 3 };

/* clang-format off */
#define TC_TYPE(x) _Generic((x), int64_t: 'q', uint64_t: 'Q', int32_t: 'i', uint32_t: 'I', \
    uint16_t: 'H', uint8_t: 'B', tc_order_id: 'O', int64_t *: 'q', uint64_t *: 'Q')
#define KIND(k, s, t) {#k, #s, TC_##k, 0, sizeof(s), 0, TC_TAIL_##t},
#define BARE(k, t) {#k, "", TC_##k, 0, 0, 0, TC_TAIL_##t},
#define FIELD(s, f) {0, #f, 0, offsetof(s, f), sizeof(((s *)0)->f), TC_TYPE(((s *)0)->f), 0},

static const tc_field tc_fields[] = {
    KIND(TOP, tc_top, NOTHING)
    FIELD(tc_top, bid_price) FIELD(tc_top, bid_quantity) FIELD(tc_top, ask_price)
    FIELD(tc_top, ask_quantity) FIELD(tc_top, update_id) FIELD(tc_top, venue_time)
    FIELD(tc_top, epoch) FIELD(tc_top, reason)
    KIND(TRADE, tc_trade, NOTHING)
    FIELD(tc_trade, price) FIELD(tc_trade, quantity) FIELD(tc_trade, trade_id)
    FIELD(tc_trade, venue_time) FIELD(tc_trade, side) FIELD(tc_trade, pad)
    KIND(DEPTH, tc_depth, LEVELS)
    FIELD(tc_depth, first_id) FIELD(tc_depth, last_id) FIELD(tc_depth, venue_time)
    FIELD(tc_depth, epoch) FIELD(tc_depth, bids) FIELD(tc_depth, asks)
    KIND(GAP, tc_gap, NOTHING)
    FIELD(tc_gap, from) FIELD(tc_gap, to) FIELD(tc_gap, reason) FIELD(tc_gap, pad)
    KIND(INTENT, tc_intent, NOTHING)
    FIELD(tc_intent, target) FIELD(tc_intent, price) FIELD(tc_intent, quantity)
    FIELD(tc_intent, deadline) FIELD(tc_intent, group) FIELD(tc_intent, feed_update_id)
    FIELD(tc_intent, feed_bid) FIELD(tc_intent, feed_ask) FIELD(tc_intent, feed_epoch)
    FIELD(tc_intent, feed) FIELD(tc_intent, venue) FIELD(tc_intent, strategy)
    FIELD(tc_intent, rule) FIELD(tc_intent, op) FIELD(tc_intent, side) FIELD(tc_intent, type)
    FIELD(tc_intent, time_in_force) FIELD(tc_intent, leg) FIELD(tc_intent, legs)
    FIELD(tc_intent, attempt) FIELD(tc_intent, flags) FIELD(tc_intent, expected_price)
    FIELD(tc_intent, edge) FIELD(tc_intent, stamp_in_hand) FIELD(tc_intent, stamp_decided)
    KIND(APPROVED, tc_approved, NOTHING)
    FIELD(tc_approved, id) FIELD(tc_approved, target) FIELD(tc_approved, price)
    FIELD(tc_approved, quantity) FIELD(tc_approved, deadline) FIELD(tc_approved, reserved_hi)
    FIELD(tc_approved, reserved_lo) FIELD(tc_approved, reserved_asset)
    FIELD(tc_approved, limit_version) FIELD(tc_approved, venue) FIELD(tc_approved, strategy)
    FIELD(tc_approved, op) FIELD(tc_approved, side) FIELD(tc_approved, type)
    FIELD(tc_approved, time_in_force) FIELD(tc_approved, flags) FIELD(tc_approved, pad)
    FIELD(tc_approved, stamp_approved)
    KIND(ORDER_EVENT, tc_order_event, NOTHING)
    FIELD(tc_order_event, id) FIELD(tc_order_event, successor)
    FIELD(tc_order_event, venue_order_id) FIELD(tc_order_event, price)
    FIELD(tc_order_event, quantity) FIELD(tc_order_event, cumulative)
    FIELD(tc_order_event, venue_time) FIELD(tc_order_event, reason) FIELD(tc_order_event, type)
    FIELD(tc_order_event, status) FIELD(tc_order_event, pending) FIELD(tc_order_event, evidence)
    FIELD(tc_order_event, venue) FIELD(tc_order_event, strategy) FIELD(tc_order_event, effect)
    FIELD(tc_order_event, stamp_sent) FIELD(tc_order_event, stamp_received)
    KIND(FILL, tc_fill, NOTHING)
    FIELD(tc_fill, id) FIELD(tc_fill, trade_id) FIELD(tc_fill, venue_order_id)
    FIELD(tc_fill, price) FIELD(tc_fill, quantity) FIELD(tc_fill, cumulative) FIELD(tc_fill, fee)
    FIELD(tc_fill, venue_time) FIELD(tc_fill, fee_asset) FIELD(tc_fill, venue)
    FIELD(tc_fill, strategy) FIELD(tc_fill, side) FIELD(tc_fill, maker) FIELD(tc_fill, status)
    FIELD(tc_fill, evidence) FIELD(tc_fill, effect) FIELD(tc_fill, stamp_received)
    KIND(SWAP, tc_swap, NOTHING)
    FIELD(tc_swap, amount0) FIELD(tc_swap, amount1) FIELD(tc_swap, price_after)
    FIELD(tc_swap, block) FIELD(tc_swap, log_index)
    KIND(HEARTBEAT, tc_heartbeat, NOTHING)
    FIELD(tc_heartbeat, turns) FIELD(tc_heartbeat, frames) FIELD(tc_heartbeat, stamp_time)
    KIND(REFUSED, tc_refused, NOTHING)
    FIELD(tc_refused, id) FIELD(tc_refused, control) FIELD(tc_refused, venue)
    FIELD(tc_refused, strategy) FIELD(tc_refused, op) FIELD(tc_refused, side)
    FIELD(tc_refused, limit_version) FIELD(tc_refused, pad) FIELD(tc_refused, value)
    FIELD(tc_refused, limit) FIELD(tc_refused, input)
    KIND(BOOK_STATE, tc_book_state, NOTHING)
    FIELD(tc_book_state, epoch) FIELD(tc_book_state, reason) FIELD(tc_book_state, last_id)
    KIND(CLOCK, tc_clock, NOTHING)
    FIELD(tc_clock, offset) FIELD(tc_clock, uncertainty)
    KIND(BALANCE, tc_balance, NOTHING)
    FIELD(tc_balance, free_hi) FIELD(tc_balance, free_lo) FIELD(tc_balance, locked_hi)
    FIELD(tc_balance, locked_lo) FIELD(tc_balance, venue_time) FIELD(tc_balance, asset)
    FIELD(tc_balance, venue) FIELD(tc_balance, pad)
    KIND(SNAPSHOT, tc_snapshot, LEVELS)
    FIELD(tc_snapshot, last_id) FIELD(tc_snapshot, venue_time) FIELD(tc_snapshot, epoch)
    FIELD(tc_snapshot, bids) FIELD(tc_snapshot, asks) FIELD(tc_snapshot, pad)
    KIND(INPUT_FRAME, tc_input_frame, BYTES)
    FIELD(tc_input_frame, actor) FIELD(tc_input_frame, channel) FIELD(tc_input_frame, opcode)
    FIELD(tc_input_frame, last) FIELD(tc_input_frame, pad) FIELD(tc_input_frame, stamp_in_hand)
    KIND(INPUT_RECORD, tc_input_record, BYTES)
    FIELD(tc_input_record, actor) FIELD(tc_input_record, pad0) FIELD(tc_input_record, pad)
    KIND(INPUT_TIMER, tc_input_timer, NOTHING)
    FIELD(tc_input_timer, actor) FIELD(tc_input_timer, pad0) FIELD(tc_input_timer, pad)
    FIELD(tc_input_timer, token) FIELD(tc_input_timer, due)
    KIND(INPUT_SLOT, tc_input_slot, BYTES)
    FIELD(tc_input_slot, slot) FIELD(tc_input_slot, bytes) FIELD(tc_input_slot, version)
    KIND(INPUT_LINK, tc_input_link, NOTHING)
    FIELD(tc_input_link, actor) FIELD(tc_input_link, channel) FIELD(tc_input_link, event)
    FIELD(tc_input_link, code)
    BARE(DOCUMENT, DOCUMENT)
    BARE(COMMAND, DOCUMENT)
    KIND(REQUEST, tc_request, NOTHING)
    FIELD(tc_request, id) FIELD(tc_request, type) FIELD(tc_request, epoch) FIELD(tc_request, since)
};
/* clang-format on */

static const int tc_field_count = sizeof tc_fields / sizeof *tc_fields;
#undef KIND
#undef BARE
#undef FIELD
#endif
