"""Joining a depth stream to a snapshot, and watching that nothing is missing after it.

The rules are the venue's (spot and futures number their updates differently). Until the snapshot is
there updates are kept; then those the snapshot contains are dropped, the first that is left must
bridge it, and from there on the numbers must go on without a hole.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from feeds.binance.codec cimport binance_message
from hotpath.book cimport Book
from hotpath.records cimport tc_level


cdef enum join_result:
    JOIN_APPLIED = 1      # the update is in the book
    JOIN_KEPT = 2         # no snapshot yet: kept for later
    JOIN_OLD = 3          # the book holds it already
    JOIN_GAP = 4          # updates are missing: the book is in doubt, a snapshot is needed
    JOIN_JOINED = 5       # snapshot: joined, the kept updates are applied
    JOIN_TOO_OLD = 6      # snapshot: older than the first kept update, ask again
    JOIN_NOT_NEEDED = 7   # snapshot: the book is joined
    JOIN_REFUSED = 8      # applied, but a level was out of range or one too many: doubt
    JOIN_RESULTS = 9


cdef struct kept_update:
    uint64_t first_id, last_id, previous_id
    int64_t venue_time
    size_t at                          # of its levels
    int bids, asks
    int has_previous


cdef class Join:
    cdef readonly Book book
    cdef readonly bint joined
    cdef bint was_joined
    cdef bint unbridged                # no update applied since the snapshot
    cdef uint64_t stream_id            # last update id of the stream, joined or not
    cdef bint stream_started
    cdef readonly uint64_t applied     # updates
    cdef readonly uint64_t dropped     # updates that the snapshot contained, or that came twice
    cdef readonly uint64_t gaps        # holes in the stream's numbers
    cdef readonly uint64_t refetches   # snapshots that were too old
    cdef readonly uint64_t overflows   # of the kept updates
    cdef kept_update* kept
    cdef int kept_count, kept_room
    cdef tc_level* levels
    cdef size_t level_count, level_room

    cdef int update(self, const binance_message* m, const tc_level* levels) noexcept
    cdef int snapshot(self, const binance_message* m, const tc_level* levels) noexcept
    cdef void restart(self, uint32_t reason) noexcept
    cdef bint keep(self, const binance_message* m, const tc_level* levels) noexcept
    cdef bint follows(self, const binance_message* m) noexcept
    cdef int apply(self, uint64_t first_id, uint64_t last_id, uint64_t previous_id,
                   bint has_previous, int64_t venue_time, const tc_level* levels, int bids,
                   int asks) noexcept
