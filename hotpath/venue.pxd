"""A venue: owns one order-entry connection; its gate is the only way a placement leaves.

The base class holds what every venue does alike. Downstream, within the strategy's turn:
`reserve` (order made, every control of the gate asked), then `execute` (the `approved` record, the
order's text, the gate's last check, one send). Upstream: a subclass reads what came back and tells
it with `report` and `take_balance`; the base applies it to the order, emits the record, settles
the gate.

A subclass writes the protocol: `write_place`, `write_cancel`, `write_replace` put the text at `to`
(64 writable bytes in front) and return its length, 0 when there is nothing to send; `want_query`
is called for each order whose state must be asked of the venue.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from hotpath.board cimport tc_board_slot
from hotpath.gate cimport Gate, tc_gate_inputs
from hotpath.histogram cimport Stages
from hotpath.lane cimport Actor
from hotpath.order cimport Orders, tc_known_trade, tc_order, tc_report
from hotpath.records cimport (
    tc_approved,
    tc_balance,
    tc_fill,
    tc_header,
    tc_intent,
    tc_order_event,
    tc_order_id,
    tc_refused,
)
from hotpath.template cimport tc_spelled


cdef struct tc_view:
    uint16_t feed
    int slot


cdef struct tc_word:
    # a word of the board that is looked at with each order, and its version when it was read
    int slot                          # -1: there is none, which reads as 0
    const tc_board_slot* at           # NULL: not read yet
    uint64_t version
    uint64_t word


cdef struct tc_listing:
    # one instrument of this venue: where its market data lie on the board
    uint32_t instrument
    int views
    tc_view view[4]
    int reference                     # slot of the independent top, -1 = none
    int64_t reference_mul, reference_div   # its ticks to this instrument's
    tc_word kill
    int64_t status_time               # engine time at which the metadata were last confirmed
    uint64_t forgotten                # highest of its trades that are counted and no longer known here


cdef struct tc_kill_of:
    uint16_t strategy
    tc_word kill


cdef struct tc_leg:
    # an intent's record as it lies in an outbox
    tc_header header
    tc_intent intent


cdef class Venue(Actor):
    cdef readonly Gate gate
    cdef readonly Orders orders
    cdef readonly uint64_t instance
    cdef readonly dict instruments         # number -> hotpath.instrument.Instrument
    cdef public bint agreed                # mode, endpoint, key and account agree
    cdef readonly bint reconciled          # and connected: the gate may open
    cdef public bint stopping              # nothing new leaves
    cdef uint8_t* cancels_next             # by place: a cancel was asked for while a replace was open
    cdef uint8_t* wishes                   # by place: a cancel was asked for and the order lives
    cdef int wished                        # how many of them
    cdef public uint16_t order_channel     # the connection that orders leave on
    cdef readonly uint64_t recalled
    cdef readonly int64_t last_fill_time   # of the fills read back
    cdef readonly int64_t last_told        # engine time of the last of the records read back
    cdef dict told                         # order -> (lots that the venue counted under that id, its
                                           # number there), more than the trades read back so far
    cdef readonly uint64_t sent, refused, illegal, duplicates
    cdef readonly uint64_t unknown_orders  # of an earlier life, of instruments that are none of ours
    cdef tc_listing listings[512]
    cdef int listing_count
    cdef int32_t listing_of[65536]         # instrument number -> index, -1 = none
    cdef tc_kill_of strategy_kill[32]
    cdef int strategy_kills
    cdef int clock_slot, kill_slot, venue_kill_slot, hold_slot, own_slot
    cdef tc_word kill_all, kill_venue, hold_all
    cdef tc_word clock                     # `word` is -1 or its uncertainty
    cdef tc_leg legs[8]                    # of a group of another lane, not yet whole
    cdef int held, held_seen
    cdef uint16_t held_source
    cdef uint64_t held_group
    cdef tc_order_id wait_id[256]          # cancels that the throttle made wait
    cdef uint64_t wait_cause[256]
    cdef readonly int waiting
    cdef char* text                        # of the order being sent, with headroom
    cdef tc_spelled next_half              # of the id that the next order is likely to have
    cdef Stages stages                     # where latencies are recorded, None: nowhere
    cdef int stage_own                     # callback entry to the entry of send
    cdef int stage_tick_to_order, stage_ack, stage_fill, stage_risk
    cdef tc_gate_inputs inputs

    # downstream
    cdef int reserve(self, const tc_header* intent) except -1       # 0, or the refusing control
    cdef int release(self, const tc_header* intent, int reason) except -1
    cdef int deny(self, const tc_header* intent, int reason) except -1
    cdef int execute(self, const tc_header* intent) except -1       # 1 sent, 0 not
    cdef int execute_cancel(self, const tc_header* r, const tc_intent* i) except -1
    cdef int cancel_order(self, tc_order* o, uint64_t cause) except -1
    cdef int retry_cancels(self) except -1
    cdef int wish(self, const tc_order* o, bint on) noexcept
    cdef int end_wish(self, const tc_order* o, uint8_t said) noexcept
    cdef int repeat_cancels(self, int64_t since) except -1
    cdef int hold(self, const tc_header* r, const tc_intent* i) except -1
    cdef int end_group(self, int whole) except -1
    cdef int send_order(self, tc_order* o, int n) except -1
    cdef int approve(self, const tc_header* r, const tc_intent* i, tc_order_id id) except -1
    cdef uint64_t read_clock(self) noexcept
    cdef int gather(self, const tc_header* r, const tc_intent* i) except -1
    cdef bint is_retry(self, const tc_header* r, const tc_intent* i)
    cdef int reserve_replace(self, const tc_header* r, const tc_intent* i, tc_order_id id)
    cdef int end_unsent(self, tc_order* o, int reason) except -1
    cdef int refuse(self, const tc_header* r, const tc_refused* out) except -1
    cdef int tell_denied(self, const tc_header* r, tc_order_id id, int control) except -1
    cdef uint8_t kill_word(self, uint16_t strategy, int listing) noexcept
    cdef uint64_t read_word(self, int slot) noexcept

    cdef void warm(self) noexcept

    # upstream
    cdef uint32_t report(self, tc_order* o, tc_report* r, uint64_t cause, int64_t fee,
                         uint32_t fee_asset, bint maker) except *
    cdef tc_known_trade taken_back(self, tc_order* o, const tc_report* r) noexcept
    cdef int64_t worst_now(self, tc_order* o) noexcept
    cdef void make_room_for_trade(self) noexcept
    cdef bint is_past(self, uint32_t instrument, uint64_t trade_id) noexcept
    cdef int emit_event(self, tc_order* o, const tc_report* r, uint32_t effect,
                        uint64_t cause) except -1
    cdef int emit_fill(self, tc_order* o, const tc_report* r, uint32_t effect, uint64_t cause,
                       int64_t fee, uint32_t fee_asset, bint maker) except -1
    cdef int settle(self, tc_order* o, const tc_report* r, uint32_t effect,
                    const tc_known_trade* taken, int64_t guessed, int64_t guessed_price) except -1
    cdef int move_position(self, tc_order* o, const tc_report* r, const tc_known_trade* taken,
                           int64_t guessed, int64_t guessed_price) noexcept
    cdef int book_guess(self, tc_order* o, tc_order_id of, int64_t cumulative,
                        int64_t price) except -1
    cdef int unknown(self, tc_order* o, int reason) except -1
    cdef int take_balance(self, const tc_balance* b) except -1
    cdef int set_reconciled(self, bint on) except -1

    # an earlier life
    cdef int recall(self, const tc_header* r) except -1
    cdef int recall_approved(self, const tc_header* r, const tc_approved* a) except -1
    cdef int recall_event(self, const tc_header* r, const tc_order_event* e) except -1
    cdef int recall_report(self, tc_order* o, tc_report* p, const tc_header* r,
                           const tc_fill* f) except -1
    cdef int recall_remnant(self, id, int64_t filled, cost, uint8_t status) except -1
    cdef int recall_totals(self, const tc_header* r) except -1
    cdef int end_recall(self) except -1

    # the protocol: a subclass overrides these
    cdef int write_place(self, tc_order* o, char* to) except -1
    cdef int write_cancel(self, tc_order* o, char* to) except -1
    cdef int write_replace(self, tc_order* o, char* to) except -1
    cdef int want_query(self, tc_order* o) except -1
    cdef int take_command(self, const tc_header* r) except -1
