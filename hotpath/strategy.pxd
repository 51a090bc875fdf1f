"""A strategy: turns market state into intents.

Compiled strategies override the cdef methods; Python strategies the `def` methods they call:
`on_book(market)`, `on_order(event)`, `on_fill(fill)`, `on_refused(refusal)`, `on_timer(token)`.
An intent is drafted (`draft`), and `submit` writes the drafts as records and hands them to the
venues of this lane: all legs are reserved before the first is sent. In another lane the venue
follows the strategy's outbox instead.
"""

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

from hotpath.lane cimport Actor
from hotpath.market cimport Market
from hotpath.records cimport tc_fill, tc_header, tc_intent, tc_order_event, tc_order_id, tc_refused, tc_trade

DEF MAX_LEGS = 8

cdef enum:
    TC_WHY_NOT = 0x7ffffffe                   # the timer on which it tells why it did not trade


cdef class Strategy(Actor):
    cdef readonly list markets
    cdef public object settings
    cdef public uint64_t instance             # of the state directory, in the client order ids
    cdef tc_intent drafts[8]
    cdef uint32_t draft_instruments[8]
    cdef uint64_t positions_written[8]
    cdef int drafted
    cdef public int64_t intent_life_ns        # deadline of an intent after its turn
    cdef dict venues                          # source -> Venue of this lane
    cdef list venue_list                      # the same, found by number without an object
    cdef uint16_t venue_sources[16]
    cdef int venue_count
    cdef public dict skipped                  # reason -> {"count", numbers of the last time}
    cdef uint64_t intents_written, intents_told
    cdef int64_t told_at
    cdef int tell_why_not(self) except -1

    cdef int on_top(self, Market market) except -1
    cdef int on_print(self, Market market, const tc_trade* trade) except -1
    cdef int take_order(self, const tc_header* r, const tc_order_event* e) except -1
    cdef int take_fill(self, const tc_header* r, const tc_fill* f) except -1
    cdef int take_refused(self, const tc_header* r, const tc_refused* x) except -1
    cdef int take_market(self, const tc_header* r) except -1
    cdef int follow(self, Market market, const tc_header* r, const void* payload) except -1
    cdef int follow_doubt(self, Market market, const tc_header* r) except -1
    cdef int tell_top(self, Market market, const tc_header* r) except -1

    cdef void warm(self) noexcept
    cdef tc_intent* draft(self, Market market) noexcept
    cdef int submit(self) except -1
    cdef tc_order_id id_of(self, uint64_t position, int leg, int attempt) noexcept
