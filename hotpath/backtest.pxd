"""A back-test: a tape of market data drives the market's side and, later, ours.

Two cursors walk one tape. The first is the market's: each event changes the book that own orders are
matched against (Paper) at the time at which it was captured. The second is ours: the same event
reaches the feed, and so the strategies and the gate, `view_ns` (and up to `jitter_ns` more, drawn
from a seeded generator, order kept) after that. So nothing is ever decided on what the latency model
has not delivered yet, while the market goes on under an order that is on its way.

Between them stand, in the order of their times: requests that reach the market, reports that become
visible, timers. At equal times: market, requests and reports, our data, timers.
"""

from cpython.ref cimport PyObject
from libc.stdint cimport int64_t, uint16_t, uint64_t

from hotpath.feed cimport Feed
from hotpath.lane cimport Lane
from hotpath.market cimport Market
from hotpath.tape cimport Tape, tc_tape_event


cdef class TapeFeed(Feed):
    """Market data without a connection: what a tape holds, as a feed tells it."""


cdef struct played:
    # one listing of the tape; the lists of Backtest hold the references
    PyObject* book                     # the market's, on which Paper looks
    PyObject* paper                    # NULL: nothing is traded there
    PyObject* venue
    int place                          # of the paper in its venue
    int views
    PyObject* feed[4]
    PyObject* market[4]
    bint shared                        # the market's book is the first view's: no latency
    int64_t due                        # of Paper's next request or event
    bint touched


cdef class Backtest:
    cdef readonly Lane lane
    cdef readonly Tape tape
    cdef readonly int64_t view_ns, jitter_ns
    cdef readonly uint64_t market_reads, view_reads, events
    cdef readonly int64_t now
    cdef list kept                     # references of what the structs point at
    cdef list venues, outboxes
    cdef played* listings
    cdef int count
    cdef size_t market_at, view_at     # next events of the two cursors
    cdef int64_t view_due              # of the read at view_at
    cdef bint view_known
    cdef int64_t paper_due             # the least of all listings
    cdef uint64_t random_state
    cdef uint64_t full_at              # bytes in an outbox after which it must be drained

    cdef int64_t next_view(self) noexcept
    cdef int market_read(self) except -1
    cdef int view_read(self, size_t start, size_t end, int64_t now, bint apply) except -1
    cdef int papers(self, int64_t now) except -1
    cdef void look_again(self) noexcept
    cdef bint must_drain(self)
