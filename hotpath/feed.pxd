"""A feed: owns one market-data connection, its books, and what the lane's strategies see.

A subclass overrides `take_bytes`: it scans the frame, applies it to `market.book`, calls
`touch(market)` for each book it changed, and `settle()` when `last` says that no further frame is
in this read. `take_link` with TC_LINK_LATE (the lane stood still for `code` ns) puts every market in
doubt and joins again. Doubt goes through `doubt(market, reason)`, which is visible before any further read.
"""

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

from hotpath.lane cimport Actor
from hotpath.market cimport Market


cdef class Feed(Actor):
    cdef readonly list markets
    cdef list touched                      # those changed since the last settle, in that order
    cdef readonly int touched_count
    cdef readonly uint64_t rejected        # frames that could not be read
    cdef readonly uint64_t not_mine        # frames of a kind this feed does not take
    cdef int touch(self, Market market) except -1
    cdef int settle(self) except -1
    cdef int doubt(self, Market market, uint32_t reason) except -1
    cdef int publish(self, Market market) except -1
    cdef void write_top(self, Market market) noexcept
