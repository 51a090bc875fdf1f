"""One instrument as one feed shows it."""

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

from hotpath.book cimport Book
from hotpath.records cimport tc_top


cdef struct tc_top_slot:
    # the board slot of a market: what the gate asks at send
    tc_top top
    int64_t received                  # engine time at which the frame was in hand
    uint64_t position                 # of the TC_TOP record
    uint32_t instrument
    uint16_t feed
    uint16_t pad


cdef class Market:
    cdef readonly uint32_t instrument # registry number
    cdef readonly object spec         # hotpath.instrument.Instrument
    cdef readonly str name            # "feed:SYMBOL"
    cdef readonly uint16_t feed       # source
    cdef readonly uint16_t venue      # source of the venue that trades it, 0 = none
    cdef readonly int index           # in the feed's (or the follower's) list
    cdef readonly int slot            # on the board, -1 = none
    cdef readonly Book book
    cdef tc_top top                   # as last published
    cdef readonly uint64_t cause      # the TC_TOP record it was published with
    cdef readonly int64_t received
    cdef readonly bint touched        # changed since the last settle
    cdef public bint told             # a strategy of another lane follows: levels are records too
    cdef int64_t told_at              # engine time of the last whole book told
    cdef readonly bint deep           # (a follower's own) the feed tells levels: `book` counts
    cdef list followers               # strategies of this lane
    cdef list watchers                # those of them that are asked at every change of the book
