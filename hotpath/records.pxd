"""Records as C structs; see records.h for what they mean."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef extern from "hotpath/records.h" nogil:
    uint64_t TC_CAUSE(uint16_t source, uint64_t position)
    uint16_t TC_CAUSE_SOURCE(uint64_t cause)
    uint64_t TC_CAUSE_POSITION(uint64_t cause)

    ctypedef struct tc_header:
        uint32_t length
        uint16_t kind
        uint16_t source
        uint64_t position
        int64_t time
        uint64_t cause
        uint32_t instrument
        uint32_t flags

    enum tc_kind:
        TC_NONE
        TC_TOP
        TC_TRADE
        TC_DEPTH
        TC_GAP
        TC_INTENT
        TC_APPROVED
        TC_ORDER_EVENT
        TC_FILL
        TC_SWAP
        TC_HEARTBEAT
        TC_REFUSED
        TC_BOOK_STATE
        TC_CLOCK
        TC_BALANCE
        TC_SNAPSHOT
        TC_INPUT_FRAME
        TC_INPUT_RECORD
        TC_INPUT_TIMER
        TC_INPUT_SLOT
        TC_INPUT_LINK
        TC_DOCUMENT
        TC_COMMAND
        TC_REQUEST
        TC_KINDS

    enum tc_flag:
        TC_FLAG_REPLAYED
        TC_FLAG_SIMULATED
        TC_FLAG_RESERVE
        TC_FLAG_GUESS

    enum tc_side:
        TC_BUY
        TC_SELL

    ctypedef struct tc_top:
        int64_t bid_price, bid_quantity, ask_price, ask_quantity
        uint64_t update_id
        int64_t venue_time
        uint32_t epoch
        uint32_t reason

    ctypedef struct tc_trade:
        int64_t price, quantity
        uint64_t trade_id
        int64_t venue_time
        uint32_t side
        uint32_t pad

    ctypedef struct tc_level:
        int64_t price
        int64_t quantity

    ctypedef struct tc_depth:
        uint64_t first_id, last_id
        int64_t venue_time
        uint32_t epoch
        uint16_t bids, asks

    ctypedef struct tc_snapshot:
        uint64_t last_id
        int64_t venue_time
        uint32_t epoch
        uint32_t bids, asks
        uint32_t pad

    ctypedef struct tc_gap:
        uint64_t from_ "from"
        uint64_t to
        uint32_t reason
        uint32_t pad

    enum tc_doubt:
        TC_VALID
        TC_DOUBT_NEVER_JOINED
        TC_DOUBT_GAP
        TC_DOUBT_CROSSED
        TC_DOUBT_STALE
        TC_DOUBT_RECONNECT
        TC_DOUBT_REJECTED_FRAME
        TC_DOUBT_OVERFLOW
        TC_DOUBT_CHECKSUM
        TC_DOUBT_LATE_TURN
        TC_DOUBT_LAPPED

    ctypedef struct tc_book_state:
        uint32_t epoch, reason
        uint64_t last_id

    ctypedef struct tc_swap:
        uint64_t amount0[4], amount1[4], price_after[4]
        uint64_t block, log_index

    ctypedef struct tc_order_id:
        uint64_t hi, lo

    enum tc_op:
        TC_OP_PLACE
        TC_OP_CANCEL
        TC_OP_REPLACE
        TC_OP_CANCEL_ALL

    enum tc_order_type:
        TC_LIMIT
        TC_MARKET
        TC_POST_ONLY

    enum tc_time_in_force:
        TC_GTC
        TC_IOC
        TC_FOK

    enum tc_intent_flag:
        TC_REDUCE_ONLY
        TC_HEDGE
        TC_POWER_DURABLE

    ctypedef struct tc_intent:
        tc_order_id target
        int64_t price, quantity
        int64_t deadline
        uint64_t group
        uint64_t feed_update_id
        int64_t feed_bid, feed_ask
        uint32_t feed_epoch
        uint16_t feed
        uint16_t venue
        uint16_t strategy
        uint16_t rule
        uint8_t op, side, type, time_in_force
        uint8_t leg, legs
        uint16_t attempt
        uint32_t flags
        int64_t expected_price
        int64_t edge
        int64_t stamp_in_hand, stamp_decided

    ctypedef struct tc_approved:
        tc_order_id id
        tc_order_id target
        int64_t price, quantity, deadline
        int64_t reserved_hi
        uint64_t reserved_lo
        uint32_t reserved_asset
        uint32_t limit_version
        uint16_t venue, strategy
        uint8_t op, side, type, time_in_force
        uint32_t flags
        uint32_t pad
        int64_t stamp_approved

    enum tc_order_event_type:
        TC_EV_INTENT
        TC_EV_DENIED
        TC_EV_APPROVED
        TC_EV_UNKNOWN
        TC_EV_ACK
        TC_EV_REJECT
        TC_EV_FILL
        TC_EV_CANCEL_REQUESTED
        TC_EV_CANCELED
        TC_EV_CANCEL_REJECTED
        TC_EV_REPLACE_REQUESTED
        TC_EV_REPLACED
        TC_EV_REPLACE_REJECTED
        TC_EV_EXPIRED
        TC_EV_DONE_FOR_DAY
        TC_EV_SUSPENDED
        TC_EV_RESUMED
        TC_EV_TRADE_BUST
        TC_EV_TRADE_CORRECTION
        TC_EV_ABSENT
        TC_EV_RESOLVED
        TC_EV_STATUS
        TC_EV_TYPES

    ctypedef struct tc_order_event:
        tc_order_id id
        tc_order_id successor
        uint64_t venue_order_id
        int64_t price, quantity, cumulative
        int64_t venue_time
        int32_t reason
        uint8_t type
        uint8_t status, pending, evidence
        uint16_t venue, strategy
        uint32_t effect
        int64_t stamp_sent, stamp_received

    enum tc_reason:
        TC_REASON_NONE
        TC_REASON_TIMEOUT
        TC_REASON_DISCONNECT
        TC_REASON_SEND_PARTIAL
        TC_REASON_NOT_SENT
        TC_REASON_EXPIRED_INTENT
        TC_REASON_RESTART
        TC_REASON_UNKNOWN_CODE
        TC_REASON_LATE
        TC_REASON_GROUP

    ctypedef struct tc_fill:
        tc_order_id id
        uint64_t trade_id
        uint64_t venue_order_id
        int64_t price, quantity, cumulative
        int64_t fee
        int64_t venue_time
        uint32_t fee_asset
        uint16_t venue, strategy
        uint8_t side, maker, status, evidence
        uint32_t effect
        int64_t stamp_received

    ctypedef struct tc_refused:
        tc_order_id id
        uint16_t control
        uint16_t venue, strategy
        uint8_t op, side
        uint32_t limit_version
        uint32_t pad
        int64_t value, limit
        int64_t input[4]

    ctypedef struct tc_balance:
        int64_t free_hi
        uint64_t free_lo
        int64_t locked_hi
        uint64_t locked_lo
        int64_t venue_time
        uint32_t asset
        uint16_t venue
        uint16_t pad

    ctypedef struct tc_clock:
        int64_t offset, uncertainty

    ctypedef struct tc_heartbeat:
        uint64_t turns, frames
        int64_t stamp_time

    ctypedef struct tc_input_frame:
        uint16_t actor
        uint16_t channel
        uint32_t opcode
        uint32_t last
        uint32_t pad
        int64_t stamp_in_hand

    ctypedef struct tc_input_record:
        uint16_t actor, pad0
        uint32_t pad

    ctypedef struct tc_input_timer:
        uint16_t actor, pad0
        uint32_t pad
        uint64_t token
        int64_t due

    ctypedef struct tc_input_slot:
        uint32_t slot, bytes
        uint64_t version

    enum tc_link:
        TC_LINK_OPEN
        TC_LINK_CLOSED
        TC_LINK_SEND_FAILED
        TC_LINK_LATE

    ctypedef struct tc_input_link:
        uint16_t actor, channel
        uint32_t event
        int64_t code

    enum tc_request_type:
        TC_ASK_SNAPSHOT
        TC_ASK_METADATA
        TC_ASK_RECONCILE
        TC_ASK_QUERY
        TC_ASK_CANCEL_ALL

    ctypedef struct tc_request:
        tc_order_id id
        uint32_t type, epoch
        int64_t since
