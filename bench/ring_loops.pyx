"""The loops that measure outboxes and histograms, in C like the lanes that use them."""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

from hotpath.clock cimport tc_monotonic_ns, tc_pause
from hotpath.histogram cimport Histogram, tc_histogram_record
from hotpath.records cimport TC_DOCUMENT, tc_header
from hotpath.ring cimport Outbox, Reader


def local(Outbox outbox, Reader reader, long count):
    """ns of a write of 64 bytes, the look whether a reader sleeps, peek, done and publish."""
    cdef char payload[64]
    cdef const tc_header* h
    cdef long i
    cdef int64_t start
    cdef uint64_t total = 0
    memset(payload, 0, 64)
    with nogil:
        start = tc_monotonic_ns()
        for i in range(count):
            (<long*>payload)[0] = i
            outbox.write(TC_DOCUMENT, 0, i, 0, 0, payload, 64, False)
            h = reader.peek()
            total += (<uint64_t*>(h + 1))[0]
            reader.done()
            reader.publish()
        start = tc_monotonic_ns() - start
    if total != <uint64_t>(count * (count - 1) // 2):
        raise AssertionError("records were lost")
    return start / <double>count


def produce(Outbox outbox, long count, int64_t gap):
    """`count` records of 64 bytes, one every `gap` ns (0: as fast as it goes), stamped inside."""
    cdef char payload[64]
    cdef long i
    cdef int64_t due
    memset(payload, 0, 64)
    with nogil:
        due = tc_monotonic_ns()
        for i in range(count):
            if gap:
                due += gap
                while tc_monotonic_ns() < due:
                    tc_pause()
                (<int64_t*>payload)[0] = tc_monotonic_ns()
            while not outbox.write(TC_DOCUMENT, 0, i, 0, 0, payload, 64, False):
                tc_pause()


def consume(Reader reader, int64_t[::1] delays):
    """Take as many records as `delays` has places; each gets the ns from its stamp to its sight."""
    cdef const tc_header* h
    cdef long i, count = delays.shape[0]
    with nogil:
        for i in range(count):
            h = reader.peek()
            while h == NULL:
                h = reader.peek()
            delays[i] = tc_monotonic_ns() - (<int64_t*>(h + 1))[0]
            reader.done()
            reader.publish()


def record(Histogram histogram, int64_t[::1] values, long rounds):
    """ns of one record into a histogram."""
    cdef long i, k, count = values.shape[0]
    cdef int64_t start
    with nogil:
        start = tc_monotonic_ns()
        for k in range(rounds):
            for i in range(count):
                tc_histogram_record(histogram.at, values[i])
        start = tc_monotonic_ns() - start
    return start / <double>(rounds * count)
