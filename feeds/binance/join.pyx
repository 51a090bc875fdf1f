"""Joining a depth stream to a snapshot; join.pxd says how, cex-venues.md 1.3 and 2.2 why.

All memory is taken when the object is made: `updates` kept updates with `levels` levels in all; one
more and what was kept is thrown away and kept anew from there, so that a snapshot that never comes
costs no more than that.
"""

cimport cython
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from hotpath.records cimport TC_DOUBT_GAP, TC_DOUBT_OVERFLOW


@cython.final
cdef class Join:
    """The book of one symbol and where its stream stands. Futures are told by their `pu`."""

    def __cinit__(self, Book book not None, int updates=1024, size_t levels=65536):
        self.book = book
        self.kept_room = updates
        self.level_room = levels
        self.kept = <kept_update*>malloc(updates * sizeof(kept_update))
        self.levels = <tc_level*>malloc(levels * sizeof(tc_level))
        if self.kept == NULL or self.levels == NULL:
            raise MemoryError(f"{updates} updates of {levels} levels")

    def __dealloc__(self):
        free(self.kept)
        free(self.levels)

    cdef void restart(self, uint32_t reason) noexcept:
        """The stream begins anew (a new connection, a gap): doubt, and wait for a snapshot."""
        self.book.doubt(reason)
        self.joined = False
        self.stream_started = False
        self.kept_count = 0
        self.level_count = 0

    cdef bint follows(self, const binance_message* m) noexcept:
        """The update goes on where the stream stood."""
        if m.has_previous:
            return m.previous_id == self.stream_id
        return m.first_id <= self.stream_id + 1

    cdef bint keep(self, const binance_message* m, const tc_level* levels) noexcept:
        """Keep an update for the snapshot; False: there is no room."""
        cdef size_t n = m.bids + m.asks
        cdef kept_update* k
        if self.kept_count == self.kept_room or self.level_count + n > self.level_room:
            return False
        k = &self.kept[self.kept_count]
        self.kept_count += 1
        k.first_id, k.last_id, k.previous_id = m.first_id, m.last_id, m.previous_id
        k.has_previous = m.has_previous
        k.venue_time = m.venue_time
        k.at, k.bids, k.asks = self.level_count, m.bids, m.asks
        memcpy(self.levels + self.level_count, levels, n * sizeof(tc_level))
        self.level_count += n
        return True

    cdef int apply(self, uint64_t first_id, uint64_t last_id, uint64_t previous_id,
                   bint has_previous, int64_t venue_time, const tc_level* levels, int bids,
                   int asks) noexcept:
        """Apply an update to the joined book: JOIN_APPLIED, JOIN_OLD, JOIN_REFUSED or JOIN_GAP."""
        cdef uint64_t at = self.book.last_id
        if self.unbridged:
            if last_id < at or (not has_previous and last_id == at):
                self.dropped += 1
                return JOIN_OLD
            if first_id > (at if has_previous else at + 1):
                return JOIN_GAP
        elif last_id <= at:
            self.dropped += 1
            return JOIN_OLD
        elif previous_id != at if has_previous else first_id > at + 1:
            return JOIN_GAP
        self.unbridged = False
        self.applied += 1
        if self.book.apply_delta(levels, bids, levels + bids, asks, last_id, venue_time):
            return JOIN_REFUSED
        return JOIN_APPLIED

    cdef int update(self, const binance_message* m, const tc_level* levels) noexcept:
        """One depth update of the stream: enum join_result."""
        cdef int did
        cdef bint hole = self.stream_started and not self.follows(m)
        if self.stream_started and m.last_id <= self.stream_id:
            hole = False               # again, or late: nothing is missing
        if hole and self.was_joined:
            self.gaps += 1             # one before the first snapshot costs the book nothing
        if self.joined and not hole:
            did = self.apply(m.first_id, m.last_id, m.previous_id, m.has_previous, m.venue_time,
                             levels, m.bids, m.asks)
            if did != JOIN_GAP:
                if m.last_id > self.stream_id:
                    self.stream_id = m.last_id
                self.stream_started = True
                if did == JOIN_REFUSED:
                    self.restart(TC_DOUBT_OVERFLOW)
                return did
            self.gaps += 1             # the snapshot and the stream do not meet
            hole = True
        if hole:
            self.restart(TC_DOUBT_GAP)
        elif self.stream_started and m.last_id <= self.stream_id:
            self.dropped += 1
            return JOIN_OLD
        self.stream_started = True
        self.stream_id = m.last_id
        if not self.keep(m, levels):
            self.overflows += 1
            self.kept_count = 0
            self.level_count = 0
            self.keep(m, levels)
        return JOIN_GAP if hole else JOIN_KEPT

    cdef int snapshot(self, const binance_message* m, const tc_level* levels) noexcept:
        """A snapshot: enum join_result."""
        cdef int i, did, result = JOIN_JOINED
        cdef kept_update* k
        if self.joined:
            return JOIN_NOT_NEEDED
        for i in range(self.kept_count):
            k = &self.kept[i]
            if k.last_id < m.last_id or (not k.has_previous and k.last_id == m.last_id):
                continue
            if k.first_id > (m.last_id if k.has_previous else m.last_id + 1):
                self.refetches += 1
                return JOIN_TOO_OLD
            break
        did = self.book.apply_snapshot(levels, m.bids, levels + m.bids, m.asks, m.last_id,
                                       m.venue_time)
        self.joined = self.was_joined = True
        self.unbridged = True
        if did:
            result = JOIN_REFUSED
        for i in range(self.kept_count):
            k = &self.kept[i]
            if self.apply(k.first_id, k.last_id, k.previous_id, k.has_previous, k.venue_time,
                          self.levels + k.at, k.bids, k.asks) == JOIN_REFUSED:
                result = JOIN_REFUSED
        self.kept_count = 0
        self.level_count = 0
        if result == JOIN_REFUSED:
            self.restart(TC_DOUBT_OVERFLOW)
        return result
