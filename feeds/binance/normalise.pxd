"""Binance frames to a tape: the feed's own codec and join, without a lane; see normalise.pyx."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from feeds.binance.codec cimport Codec, binance_message, binance_symbol
from hotpath.records cimport tc_level
from hotpath.tape cimport Tape


cdef class Normaliser:
    cdef readonly Tape tape
    cdef readonly Codec codec
    cdef readonly list joins           # of Join, by place in the instruments given
    cdef int places[512]               # the tape's number of each
    cdef uint64_t last_trade[512]
    cdef uint64_t heard_of[512]        # frames that name it
    cdef bint is_crossed[512]          # the levels are; told as a doubt until they no longer are
    cdef readonly int count
    cdef bint spare                    # the frame in hand is of a second connection
    cdef list ahead                    # its frames that are ahead of what the first has told
    cdef readonly uint64_t frames, named, rejected, gaps, applied, snapshots
    cdef readonly uint64_t crossed     # how often the levels were

    cdef int take_one(self, int64_t time, const char* p, size_t n, const binance_symbol* asked,
                      int ends) except -1
    cdef int levels(self, int at, int64_t time, const binance_message* m, int ends) except -1
    cdef int whole(self, int at, int64_t time, int ends) except -1
    cdef int join_to(self, int at, const binance_message* m, const tc_level* levels) noexcept
    cdef bint crosses(self, int at) noexcept
    cdef int look(self, int at, int64_t time, int ends) except -1
    cdef int doubt_all(self, int64_t time, uint32_t reason) except -1
    cdef int mark(self, int at, int64_t time, uint32_t reason) except -1
