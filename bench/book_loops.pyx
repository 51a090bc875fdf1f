"""The loops that measure codec and book, compiled like the feed that uses them."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, malloc

from feeds.binance.codec cimport (
    BINANCE_DEPTH,
    BINANCE_SNAPSHOT,
    BINANCE_TICKER,
    Codec,
)
from feeds.binance.join cimport JOIN_APPLIED, Join
from hotpath.book cimport Book, book_set
from hotpath.clock cimport tc_monotonic_ns
from hotpath.instrument cimport Instrument
from hotpath.records cimport TC_BUY, TC_SELL


def depth(Instrument instrument, bytes snapshot, list frames, list best):
    """ns a depth frame: scanned, checked, joined and applied, best of both sides read. With `best`
    (pairs of ticks) the answer is checked after every frame, and the time means nothing."""
    cdef Codec codec = Codec([instrument])
    cdef Join join = Join(Book())
    cdef Py_ssize_t i, n = len(frames)
    cdef const char** text = <const char**>malloc(n * sizeof(char*))
    cdef size_t* size = <size_t*>malloc(n * sizeof(size_t))
    cdef int64_t sink = 0, began
    cdef bint is_checked = bool(best), wrong = False
    for i in range(n):
        text[i], size[i] = PyBytes_AS_STRING(frames[i]), PyBytes_GET_SIZE(frames[i])
    if codec.scan(PyBytes_AS_STRING(snapshot), PyBytes_GET_SIZE(snapshot),
                  codec.symbol_at(0)) != BINANCE_SNAPSHOT:
        raise AssertionError("no snapshot")
    join.snapshot(&codec.message, codec.levels)
    began = tc_monotonic_ns()
    for i in range(n):
        if codec.scan(text[i], size[i], NULL) != BINANCE_DEPTH:
            wrong = True
            break
        if join.update(&codec.message, codec.levels) != JOIN_APPLIED:
            wrong = True
            break
        sink += join.book.top.ask_price - join.book.top.bid_price
        if is_checked and best[i] != (join.book.top.bid_price, join.book.top.ask_price):
            wrong = True
            break
    began = tc_monotonic_ns() - began
    free(text)
    free(size)
    if wrong:
        raise AssertionError(f"frame {i} was not applied, or the best is wrong after it")
    return began / <double>n


def top(Instrument instrument, list frames, long rounds):
    """ns a bookTicker frame: scanned, checked, taken as the top, best of both sides read."""
    cdef Codec codec = Codec([instrument])
    cdef Book book = Book()
    cdef Py_ssize_t i, n = len(frames)
    cdef long r
    cdef const char** text = <const char**>malloc(n * sizeof(char*))
    cdef size_t* size = <size_t*>malloc(n * sizeof(size_t))
    cdef int64_t sink = 0, began
    cdef bint wrong = False
    for i in range(n):
        text[i], size[i] = PyBytes_AS_STRING(frames[i]), PyBytes_GET_SIZE(frames[i])
    began = tc_monotonic_ns()
    for r in range(rounds):
        for i in range(n):
            if codec.scan(text[i], size[i], NULL) != BINANCE_TICKER:
                wrong = True
            book.lead(&codec.message.top)
            sink += book.top.ask_price - book.top.bid_price
    began = tc_monotonic_ns() - began
    free(text)
    free(size)
    if wrong or sink <= 0:
        raise AssertionError("a frame was not read")
    return began / <double>(n * rounds)


def change(list prices, list quantities, long rounds):
    """ns a change of one level and a read of the best: 1,000 bids below 6,400,000, changes as given."""
    cdef Book book = Book()
    cdef Py_ssize_t i, n = len(prices)
    cdef int64_t* price = <int64_t*>malloc(n * 8)
    cdef int64_t* quantity = <int64_t*>malloc(n * 8)
    cdef int64_t sink = 0, began
    cdef int wrong = 0
    cdef long r
    for i in range(1000):
        book.set(TC_BUY, 6_400_000 - i, 1 + i)
    book.set(TC_SELL, 6_400_001, 5)
    for i in range(n):
        price[i], quantity[i] = prices[i], quantities[i]
    began = tc_monotonic_ns()
    for r in range(rounds):
        for i in range(n):
            wrong |= book_set(&book.bids, 1, price[i], quantity[i])
            sink += book.bids.best
    began = tc_monotonic_ns() - began
    free(price)
    free(quantity)
    if sink <= 0 or wrong:
        raise AssertionError("the best was lost")
    return began / <double>(n * rounds)
