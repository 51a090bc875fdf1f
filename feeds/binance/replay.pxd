"""Raw captures through the feed's own codec to a book; see replay.pyx."""

from libc.stdint cimport uint64_t

from feeds.binance.codec cimport Codec
from feeds.binance.join cimport Join
from hotpath.instrument cimport Instrument


cdef class BookReplay:
    cdef readonly Codec codec
    cdef readonly Join join
    cdef readonly Instrument instrument
    cdef readonly uint64_t frames
    cdef readonly uint64_t named        # frames of the symbol
    cdef readonly uint64_t tickers
    cdef readonly uint64_t trades
    cdef readonly uint64_t rejected
    cdef readonly uint64_t snapshots
