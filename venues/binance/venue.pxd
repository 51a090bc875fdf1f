"""Binance spot: orders, cancels, queries and user data on one WebSocket API connection."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from hotpath.order cimport tc_order, tc_report
from hotpath.records cimport tc_order_id
from hotpath.template cimport tc_template
from hotpath.venue cimport Venue
from venues.binance.codec cimport Codec, bn_item


cdef struct tc_texts:
    # of one instrument: side (buy, sell) by kind (GTC, IOC, FOK, post-only, market)
    tc_template place[2][5]


cdef struct tc_asset_name:
    char name[24]
    uint32_t n
    uint32_t number


cdef class BinanceVenue(Venue):
    cdef readonly Codec codec
    cdef readonly str state                # closed, opening, logon, subscribing, reconciling, ready
    cdef readonly bint logged_on
    cdef readonly uint64_t external, adopted, foreign, rejected, banned, queries_sent
    cdef readonly int64_t silent_until     # engine time; a ban or a limit
    cdef readonly int64_t clock_difference # venue minus engine time at the logon, ns
    cdef readonly set outstanding          # replies that reconciliation waits for
    cdef object settings, signer, api_key, url, profile
    cdef dict symbols                      # symbol text -> instrument number
    cdef dict last_trade                   # instrument -> highest trade id seen
    cdef dict orphans                      # (instrument, venue order id) -> trades without an order
    cdef dict missing                      # order id -> (told, since, when to ask again)
    cdef dict asked_at                     # request id -> engine time, until it is answered
    cdef dict latest                       # what is asked -> id of the last such question
    cdef dict balance_time                 # asset -> the venue's time of its balance
    cdef tc_texts* texts
    cdef tc_asset_name assets[512]
    cdef int asset_count
    cdef int* watch                        # places of orders that wait for a word
    cdef int watched, watch_room
    cdef int64_t timeout_ns, opened_at, next_open, backoff_ns, began, since
    cdef int64_t orders_due, fills_due, balances_due, full_due, second_due
    cdef readonly uint64_t guesses         # fills booked without their trade
    cdef int64_t minute
    cdef int weight
    cdef bint killed, unsubscribed, unasked
    cdef readonly object trouble           # what keeps it from trading (engine/trouble.py), or None
    cdef public bint has_rest              # follows the venue's HTTP side
    cdef uint64_t beats
    cdef const char* raw                   # the frame in hand
    cdef size_t raw_bytes
    cdef int64_t kill_step_due
    cdef uint64_t asks

    cdef int take_order(self, const bn_item* i, tc_order* o, int64_t collected) except -1
    cdef tc_order* order_of(self, const bn_item* i) except? NULL
    cdef int take_item(self, const bn_item* i, int64_t collected) except -1
    cdef int take_balance_item(self, const bn_item* i) except -1
    cdef uint32_t asset_of(self, const char* p, uint32_t n) noexcept
    cdef int take_answer(self, str id) except -1
    cdef int take_reply(self, str id, int64_t asked, bint waited) except -1
    cdef int refused_place(self, tc_order* o) except -1
    cdef int sweep(self) except -1
    cdef int ask_order(self, tc_order* o) except -1
    cdef int not_found(self, tc_order* o, tc_order_id of, int64_t asked) except -1
    cdef int move_on(self, tc_order* o, const bn_item* i) except -1
    cdef int drop_replacement(self, tc_order* o, int32_t reason) except -1
    cdef int ask_replacement(self, tc_order* o) except -1
    cdef int fill_from(self, const bn_item* i, tc_order* o) except -1
    cdef int lost(self, int reason) except -1
    cdef int miss(self, tc_order* o, int64_t cumulative) except -1
    cdef int find_missing(self) except -1
    cdef int ask_second(self) except -1
    cdef bint is_killed(self, tc_order* o) noexcept
    cdef int enforce_kill(self) except -1
    cdef int adopt(self, const bn_item* i, tc_order_id id) except -1
    cdef lay_out_kinds(self, int k, str symbol, int side)
    cdef int put(self, bytes text, char* to) except -1
    cdef read_metadata(self)
    cdef greet(self)
    cdef take_error(self)
    cdef int refused_cancel(self, tc_order_id of) except -1
    cdef int refused_replace(self, tc_order_id new_id) except -1
    cdef int replaced(self, tc_order_id new_id) except -1
    cdef int take_history(self, tc_order_id of, int64_t asked) except -1
    cdef take_trades(self, str id, int64_t asked, bint waited)
    cdef remember_orphan(self, const bn_item* i)
    cdef place_orphans(self, str id)
    cdef retry_at(self, str id)
    cdef compare_open(self, str id, int64_t asked)
    cdef finish(self)
    cdef plan(self)
    cdef compare(self)
    cdef show(self)
    cdef int ask_rest(self, tc_order* o) except -1
