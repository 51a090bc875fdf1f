"""Raw captures through the feed's own codec to a book: what `tiercel book` runs."""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

from feeds.binance.codec cimport (
    BINANCE_DEPTH,
    BINANCE_REJECTED,
    BINANCE_SNAPSHOT,
    BINANCE_TICKER,
    BINANCE_TRADE,
    binance_message,
    binance_symbol,
)
from feeds.binance.join cimport JOIN_REFUSED
from hotpath.book cimport Book


MOST_LEVELS = 1 << 20
"""Levels of a frame, both sides together."""


@cython.final
cdef class BookReplay:
    """Takes frames in order and holds the book of one instrument.

    A snapshot without a symbol (as the collectors write it between the frames) is taken for the
    instrument's. `frames` counts all, `named` those of the instrument, `rejected` those that could not be
    read in its units, or whose levels no book holds in them.
    """

    def __init__(self, Instrument instrument not None):
        self.instrument = instrument
        self.codec = Codec([instrument], room=MOST_LEVELS)
        self.join = Join(Book(8192, 1 << 20), 1 << 16, 1 << 22)

    @property
    def book(self):
        return self.join.book

    @property
    def most_levels(self):
        """How many levels a frame may have, both sides together."""
        return self.codec.room

    @property
    def applied(self):
        """Depth updates applied."""
        return self.join.applied

    @property
    def dropped(self):
        return self.join.dropped

    @property
    def gaps(self):
        return self.join.gaps

    def take(self, list frames, Py_ssize_t start=0, uint64_t until=0):
        """Scan and apply frames (bytes) from index `start`; stops behind the update that makes
        `applied` equal to `until` (0: never). Returns the index of the next frame."""
        cdef Py_ssize_t i = start, n = len(frames)
        cdef binance_message* m = &self.codec.message
        cdef const binance_symbol* own = self.codec.symbol_at(0)
        cdef Join join = self.join
        cdef bytes frame
        cdef int kind
        while i < n:
            frame = <bytes?>frames[i]
            i += 1
            self.frames += 1
            kind = self.codec.scan(PyBytes_AS_STRING(frame), PyBytes_GET_SIZE(frame), own)
            if kind == BINANCE_DEPTH:
                self.named += 1
                self.rejected += join.update(m, self.codec.levels) == JOIN_REFUSED
                if until and join.applied == until:
                    break
            elif kind == BINANCE_TICKER:
                self.named += 1
                self.tickers += 1
            elif kind == BINANCE_TRADE:
                self.named += 1
                self.trades += 1
            elif kind == BINANCE_SNAPSHOT:
                self.snapshots += 1
                self.rejected += join.snapshot(m, self.codec.levels) == JOIN_REFUSED
                if until and join.applied == until:
                    break
            elif kind == BINANCE_REJECTED:
                self.rejected += 1
                self.named += m.symbol != NULL
        return i
