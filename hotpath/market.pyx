"""One instrument as one feed shows it: the book, the top as last published, who follows.

The feed of the same lane writes it in place and strategies read it by pointer, so a decision costs
no copy. In another lane the follower keeps a Market of its own, written from the feed's records: tops
always, and the levels (TC_SNAPSHOT, then TC_DEPTH) where the feed tells them.
"""

from libc.stdint cimport int64_t

from hotpath.book cimport Book
from hotpath.records cimport tc_top


MADE_BY_PYTHON = 1 << 9
"""Py_TPFLAGS_HEAPTYPE: set on classes that a class statement made, never on compiled ones."""


cdef place(list called, strategy):
    """After those of its own kind, compiled ones before those in Python."""
    cdef Py_ssize_t at = len(called)
    if not type(strategy).__flags__ & MADE_BY_PYTHON:
        at = sum([not type(other).__flags__ & MADE_BY_PYTHON for other in called])
    called.insert(at, strategy)


cdef class Market:
    def __init__(self, *, int instrument, object spec, str name, int feed, int venue, int index,
                 int slot, Book book):
        self.instrument = instrument
        self.spec = spec
        self.name = name
        self.feed = feed
        self.venue = venue
        self.index = index
        self.slot = slot
        self.book = book
        self.followers = []
        self.watchers = []
        self.top.reason = 1            # never joined

    @property
    def is_valid(self):
        """True between a joined snapshot and the first doubt."""
        return self.top.reason == 0

    @property
    def reason(self):
        """Why the book is not valid (enum tc_doubt), 0 when it is."""
        return self.top.reason

    @property
    def best_bid(self):
        """Best bid, ticks; 0 when the side is empty."""
        return self.top.bid_price

    @property
    def best_ask(self):
        """Best ask, ticks; 0 when the side is empty."""
        return self.top.ask_price

    @property
    def bid_quantity(self):
        """Quantity at the best bid, lots."""
        return self.top.bid_quantity

    @property
    def ask_quantity(self):
        """Quantity at the best ask, lots."""
        return self.top.ask_quantity

    @property
    def update_id(self):
        """The venue's id of the last update applied."""
        return self.top.update_id

    @property
    def epoch(self):
        """Rises with every join of the book."""
        return self.top.epoch

    @property
    def microprice(self):
        """Mid weighted by the opposite side's quantity, ticks (a float: for display and signals)."""
        cdef int64_t total = self.top.bid_quantity + self.top.ask_quantity
        if total <= 0:
            return 0.0
        return (<double>self.top.bid_price * self.top.ask_quantity
                + <double>self.top.ask_price * self.top.bid_quantity) / total

    @property
    def called(self):
        """Names of the strategies that are called: at a change of the top, at every change."""
        return [s.name for s in self.followers], [s.name for s in self.watchers]

    def follow(self, strategy, every=False):
        """`strategy` (of this lane) is called on every change of the top; with `every` also when
        only levels behind it changed, and at every trade. Compiled ones are called first, so that
        none waits for Python; else in the order in which they came."""
        if strategy not in self.followers:
            place(self.followers, strategy)
            if every:
                place(self.watchers, strategy)
