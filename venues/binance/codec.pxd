"""Binance spot's order socket: frames to items; see messages.h."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from hotpath.scan cimport tc_value


cdef extern from "venues/binance/messages.h" nogil:
    enum bn_kind:
        BN_REJECTED
        BN_REPLY
        BN_ERROR
        BN_EVENT
        BN_REQUEST
        BN_FOREIGN

    enum bn_item_kind:
        BN_ORDER
        BN_TRADE
        BN_BALANCE
        BN_CHANGE
        BN_SESSION
        BN_SUBSCRIBED
        BN_STREAM_ENDED
        BN_SHUTDOWN
        BN_TIME
        BN_NOT_MINE

    ctypedef struct bn_item:
        uint8_t kind, event, status
        uint8_t side, type, time_in_force, maker, half
        int32_t code
        uint64_t order_id, trade_id
        int64_t time
        tc_value symbol, client_id, price, quantity, cumulative, quote
        tc_value last_price, last_quantity, fee
        tc_value asset, what, kind_word

    ctypedef struct bn_message:
        int kind, status, count, listed, is_list
        int64_t code, retry_after
        tc_value id, text, what

    int bn_scan(const char* p, const char* end, bn_message* m, bn_item* items, int room)
    bint bn_balance(const tc_value* v, int64_t* hi, uint64_t* lo)
    bint bn_is_definite(int status, int64_t code)


cdef class Codec:
    """The message scanned last and its items, which point into the frame."""

    cdef bn_message message
    cdef bn_item* items
    cdef int room
    cdef uint64_t counted[8]

    cdef int scan(self, const char* p, size_t n) noexcept nogil


cdef object text(const tc_value* v)
