"""Histograms of latencies: recorded in C by one writer, read by anyone who maps the file."""

import os
from math import ceil

from libc.string cimport memcpy, memset
from libc.stdint cimport uint32_t, uint64_t

cdef extern from "<sys/mman.h>" nogil:
    void* mmap(void*, size_t, int, int, int, long)
    int munmap(void*, size_t)
    int PROT_READ, PROT_WRITE, MAP_SHARED
    void* MAP_FAILED

cdef extern from "hotpath/histogram.h" nogil:
    enum:
        TC_HISTOGRAM_COUNTS
    int64_t TC_HISTOGRAM_TOP

cdef extern from *:
    """
    typedef volatile char volatile_byte;
    """
    ctypedef char volatile_byte

COUNTS = TC_HISTOGRAM_COUNTS
TOP_NS = TC_HISTOGRAM_TOP
DEF NAME_BYTES = 32
DEF HEAD_BYTES = 4096
DEF MAGIC = 0x31545348525249

cdef struct stages_head:
    uint64_t magic
    uint32_t count, counts


class ForeignHistogram(Exception):
    """The shared memory is not a set of histograms of this layout."""


def file_bytes(int count):
    """Size of the file of `count` histograms (sparse: untouched pages are never allocated)."""
    if not 0 < count <= 100:
        raise ValueError(f"{count} histograms: 1 to 100")
    return HEAD_BYTES + count * sizeof(tc_histogram)


def lowest_equivalent(int index):
    """The smallest value counted at `index`."""
    cdef int bucket = (index >> 10) - 1
    if bucket < 0:
        return index
    return <int64_t>((index & 1023) + 1024) << bucket


def highest_equivalent(int index):
    """The largest value counted at `index`."""
    cdef int bucket = (index >> 10) - 1
    return lowest_equivalent(index) + (1 << bucket if bucket > 0 else 1) - 1


cdef class Histogram:
    def __init__(self):
        raise TypeError("a histogram belongs to Stages: use stages[name] or Histogram.private()")

    @staticmethod
    def private():
        """A histogram in anonymous memory."""
        return Stages.private(("value",))["value"]

    def add(self, int64_t ns):
        """Record one value in nanoseconds; outside 0..60 s it counts at the nearest end."""
        tc_histogram_record(self.at, ns)

    def counts(self):
        """All counts by index."""
        cdef int i
        return [self.at.counts[i] for i in range(TC_HISTOGRAM_COUNTS)]

    @property
    def count(self):
        return self.at.total

    @property
    def max(self):
        return self.at.max

    @property
    def clamped(self):
        return self.at.clamped

    @property
    def min(self):
        """The smallest value counted, to the layout's three digits; 0 when empty."""
        cdef int i
        for i in range(TC_HISTOGRAM_COUNTS):
            if self.at.counts[i]:
                return lowest_equivalent(i)
        return 0

    def percentiles(self, quantiles):
        """Values in ns below which each fraction (0..1) of the counts lies, 0 when empty.

        Each is the highest value of its bucket, at most the maximum, as HdrHistogram gives it.
        """
        cdef int64_t total = 0, seen = 0
        cdef int i
        for i in range(TC_HISTOGRAM_COUNTS):
            total += self.at.counts[i]
        if not total:
            return [0 for _ in quantiles]
        order = sorted(range(len(quantiles)), key=quantiles.__getitem__)
        out = [0] * len(order)
        i = -1
        for k in order:
            rank = min(total, max(1, ceil(quantiles[k] * total)))
            while seen < rank:
                i += 1
                seen += self.at.counts[i]
            out[k] = min(highest_equivalent(i), self.at.max)
        return out

    def summary(self):
        """{count, p50_ns, p99_ns, p999_ns, max_ns}."""
        p50, p99, p999 = self.percentiles((0.5, 0.99, 0.999))
        return {"count": self.at.total, "p50_ns": p50, "p99_ns": p99, "p999_ns": p999,
                "max_ns": self.at.max}

    def reset(self):
        """Forget everything; only the writer may."""
        memset(self.at, 0, sizeof(tc_histogram))


cdef class Stages:
    def __cinit__(self):
        self.base = NULL

    def __init__(self):
        raise TypeError("use Stages.create, Stages.attach or Stages.private")

    def __dealloc__(self):
        if self.base != NULL:
            munmap(self.base, self.bytes)

    @staticmethod
    def create(int fd, names):
        """Format a file of `file_bytes(len(names))` bytes; a name has up to 31 bytes."""
        names = tuple(names)
        if os.fstat(fd).st_size != file_bytes(len(names)):
            raise ForeignHistogram(f"the file is not {file_bytes(len(names))} bytes long")
        cdef Stages s = _map(fd)
        cdef stages_head* head = <stages_head*>s.base
        for i, name in enumerate(names):
            raw = name.encode()
            if not 0 < len(raw) < NAME_BYTES:
                raise ValueError(f"stage's name {name!r}: 1 to {NAME_BYTES - 1} bytes")
            memcpy(<char*>s.base + sizeof(stages_head) + NAME_BYTES * <int>i, <char*>raw, len(raw))
        head.count, head.counts = len(names), TC_HISTOGRAM_COUNTS
        head.magic = MAGIC
        _read_names(s)
        return s

    @staticmethod
    def attach(int fd):
        cdef Stages s = _map(fd)
        _read_names(s)
        return s

    @staticmethod
    def private(names):
        """Histograms in anonymous memory."""
        names = tuple(names)
        fd = os.memfd_create("stages", os.MFD_CLOEXEC)
        try:
            os.ftruncate(fd, file_bytes(len(names)))
            return Stages.create(fd, names)
        finally:
            os.close(fd)

    def prefault(self):
        """Touch every page, so that no count is the first on its page; only the writer may."""
        cdef volatile_byte* p = <volatile_byte*>self.base
        cdef size_t at = 0
        while at < self.bytes:
            p[at] = p[at]
            at += 4096

    def index(self, name):
        """Index of a stage for `record`; KeyError when there is none."""
        if name not in self.names:
            raise KeyError(name)
        return self.names.index(name)

    def __getitem__(self, name):
        cdef Histogram h = Histogram.__new__(Histogram)
        h.owner = self
        h.at = &self.first[<int>self.index(name)]
        return h

    def summary(self):
        """{stage: {count, p50_ns, p99_ns, p999_ns, max_ns}}."""
        return {name: self[name].summary() for name in self.names}


cdef Stages _map(int fd):
    cdef Stages s = Stages.__new__(Stages)
    s.bytes = os.fstat(fd).st_size
    if s.bytes < HEAD_BYTES + sizeof(tc_histogram):
        raise ForeignHistogram(f"{s.bytes} bytes are too few")
    cdef void* base = mmap(NULL, s.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
    if base == MAP_FAILED:
        raise OSError("the memory of histograms cannot be mapped")
    s.base = base
    s.first = <tc_histogram*>(<char*>base + HEAD_BYTES)
    return s


cdef int _read_names(Stages s) except -1:
    cdef stages_head* head = <stages_head*>s.base
    if head.magic != MAGIC or head.counts != TC_HISTOGRAM_COUNTS:
        raise ForeignHistogram(f"magic {head.magic:#x}, {head.counts} counts")
    if s.bytes != <size_t>file_bytes(head.count):
        raise ForeignHistogram(f"{head.count} histograms in {s.bytes} bytes")
    cdef const char* names = <char*>s.base + sizeof(stages_head)
    cdef uint32_t i
    s.names = tuple([(<bytes>(names + NAME_BYTES * i)).decode() for i in range(head.count)])
    s.count = head.count
    return 0
