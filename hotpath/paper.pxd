"""Own orders against recorded or live market data: fills by a stated queue model, with latency.

The market does not know of our orders, so what would have happened is a model:

* An order that reaches the market takes what is displayed on the other side, best price first, at
  those prices (taker). What it took is not taken again until the market changes that level.
* What is left of a limit order rests. `ahead` is what is displayed at its price when it joins
  (0 when its price is better than the best).
* A trade at its price by a taker of the other side first takes from `ahead`, the rest fills the
  order, at most by the quantity traded. A trade at a worse price for the taker (through our price)
  fills it by up to the quantity traded, at our price.
* When what is displayed at its price falls by more than trades explain, the rest was cancelled:
  `proportional`: ahead falls by the same share as the level; `conservative`: what was cancelled
  stood behind us, as far as that is possible (ahead is never more than what is displayed). A trade
  that is told up to 100 ms after the fall explains it afterwards, and the cut is taken back.
* When the best price of the other side reaches ours, the order fills by up to what is displayed
  there and not taken yet, at our price (maker).
* Own orders never match each other, and never move the market.
* While the book is in doubt (a hole in the capture, a crossed book) nothing is known of what is
  displayed: nothing is taken, the other side reaches nobody, a new order's queue is not known until
  the book is joined again. Trades go on: they happened.

A request reaches the market `request_ns` (a cancel `cancel_ns`; + uniform jitter) after it was made,
what it did is seen `reply_ns` (+ jitter) after it happened; both keep their order, as on one
connection. A replacement cancels and then places, at the end of its queue; when there is nothing to
cancel it places nothing. Call
`advance(now)` before the book is changed, then `book_changed(now)`, `traded(now, ...)`.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from hotpath.book cimport Book, tc_ladder

cdef extern from "hotpath/paper.h" nogil:
    int64_t ladder_quantity(const tc_ladder* l, int64_t key)
    int64_t share_of(int64_t a, int64_t b, int64_t c)

cdef enum tc_paper_kind:
    TC_PAPER_ACCEPTED = 1
    TC_PAPER_TRADE = 2
    TC_PAPER_EXPIRED = 3              # rest of an IOC, FOK or market order
    TC_PAPER_CANCELED = 4             # reason 1: the order of the next event replaces it
    TC_PAPER_REDUCED = 5
    TC_PAPER_REJECTED = 6             # reason: enum tc_match_result
    TC_PAPER_CANCEL_REJECTED = 7

cdef struct tc_paper_event:
    int64_t happened                  # at the market
    int64_t visible                   # to us
    uint64_t order
    int64_t price, quantity           # TRADE: of this trade, else of the order
    int64_t leaves
    uint8_t kind, side, maker, reason
    uint32_t pad

cdef struct tc_paper_order:
    uint64_t order
    int64_t price, leaves
    int64_t ahead                     # displayed quantity before us; -1: not known yet
    int64_t seen                      # displayed quantity when last looked
    int64_t traded                    # of it by trades since, not yet seen to be gone
    int64_t cut, drop, cut_time       # taken from ahead for a fall no trade has explained (yet)
    uint8_t side
    uint8_t pad[7]

cdef struct tc_paper_request:
    int64_t due
    uint64_t order, target            # target: of a replacement, the order it stands in for
    int64_t price, quantity
    uint8_t what, side, type, time_in_force
    uint32_t pad

cdef struct tc_taken:
    int64_t price, displayed, taken
    int64_t side

cdef class Paper:
    cdef readonly Book book
    cdef readonly bint conservative
    cdef readonly int64_t request_ns, cancel_ns, reply_ns, jitter_ns
    cdef readonly uint64_t lost       # events that found no room: the caller did not take them
    cdef uint64_t random_state
    cdef tc_paper_order* resting      # bids then asks, best price first, then by arrival
    cdef int resting_count, room
    cdef tc_paper_request* requests   # a ring, in order of due time
    cdef uint32_t request_head, request_tail
    cdef tc_paper_event* events       # a ring, in order of becoming visible
    cdef uint32_t event_head, event_tail
    cdef uint32_t mask
    cdef tc_taken taken[64]
    cdef uint32_t taken_next

    # ours
    cdef bint place(self, int64_t now, uint64_t order, int side, int type, int time_in_force,
                    int64_t price, int64_t quantity) noexcept nogil     # False: no room
    cdef bint cancel(self, int64_t now, uint64_t order) noexcept nogil
    cdef bint replace(self, int64_t now, uint64_t target, uint64_t order, int side, int type,
                      int time_in_force, int64_t price, int64_t quantity) noexcept nogil
    cdef bint reduce(self, int64_t now, uint64_t order, int64_t leaves) noexcept nogil
    cdef bint next_event(self, int64_t now, tc_paper_event* out) noexcept nogil
    cdef int64_t next_due(self) noexcept nogil         # of a request or an event; INT64_MAX: none

    # the market's
    cdef void advance(self, int64_t now) noexcept nogil
    cdef void book_changed(self, int64_t now) noexcept nogil
    cdef void traded(self, int64_t now, int64_t price, int64_t quantity, int taker) noexcept nogil

    cdef bint request(self, int64_t now, tc_paper_request* r) noexcept nogil
    cdef int64_t jitter(self) noexcept nogil
    cdef void execute(self, tc_paper_request* r) noexcept nogil
    cdef void arrive(self, tc_paper_request* r) noexcept nogil
    cdef int64_t take(self, tc_paper_request* r, int64_t left, bint real) noexcept nogil
    cdef int64_t take_level(self, tc_paper_request* r, int64_t price, int64_t displayed,
                            int64_t left, bint real) noexcept nogil
    cdef tc_taken* taken_of(self, int side, int64_t price, int64_t displayed) noexcept nogil
    cdef void remember(self, tc_taken* t, int side, int64_t price, int64_t displayed,
                       int64_t quantity) noexcept nogil
    cdef bint in_doubt(self) noexcept nogil
    cdef int64_t displayed(self, int side, int64_t price) noexcept nogil
    cdef int64_t best_of(self, int side, int64_t* quantity) noexcept nogil
    cdef tc_paper_order* find(self, uint64_t order) noexcept nogil
    cdef void drop_order(self, tc_paper_order* o) noexcept nogil
    cdef void fill(self, int64_t now, tc_paper_order* o, int64_t quantity) noexcept nogil
    cdef void look(self, int64_t now, tc_paper_order* o) noexcept nogil
    cdef void sweep(self) noexcept nogil
    cdef void tell(self, int64_t now, int kind, uint64_t order, int side, int64_t price,
                   int64_t quantity, int64_t leaves, bint maker, int reason) noexcept nogil
