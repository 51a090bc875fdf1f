"""A feed: owns one market-data connection, its books, and what the lane's strategies see.

A subclass overrides `take_bytes`: it scans the frame, applies it to `market.book`, calls
`touch(market)` for each book it changed, and `settle()` when `last` says that no further frame is
in this read. `take_link` with TC_LINK_LATE (the lane stood still for `code` ns) puts every market in
doubt and joins again. Where `market.told`, a strategy of another lane follows: the subclass calls
`tell_levels` with the levels of every update it applied, `tell_book` at every join and `tell_books` on a
timer (a follower that starts later, or was lapped, begins there). Doubt goes through
`doubt(market, reason)`, which is visible before any further read.
"""

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

from hotpath.lane cimport Actor
from hotpath.market cimport Market
from hotpath.records cimport tc_level, tc_trade


cdef class Feed(Actor):
    cdef readonly list markets
    cdef list touched                      # those changed since the last settle, in that order
    cdef readonly int touched_count
    cdef readonly uint64_t rejected        # frames that could not be read
    cdef readonly uint64_t not_mine        # frames of a kind this feed does not take
    cdef char* words                       # a depth or snapshot record in the making
    cdef size_t words_bytes
    cdef int touch(self, Market market) except -1
    cdef int tell_levels(self, Market market, const tc_level* levels, int bids, int asks,
                         uint64_t first_id, uint64_t last_id, int64_t venue_time) except -1
    cdef int tell_book(self, Market market) except -1
    cdef int tell_books(self) except -1
    cdef char* room(self, size_t need) except NULL
    cdef int settle(self) except -1
    cdef int doubt(self, Market market, uint32_t reason) except -1
    cdef int publish(self, Market market) except -1
    cdef int printed(self, Market market, const tc_trade* trade) except -1
    cdef void write_top(self, Market market) noexcept
