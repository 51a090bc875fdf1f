"""Histograms of latencies in shared memory, HdrHistogram's layout; histogram.h says how they lie."""

cimport cython
from libc.stdint cimport int64_t


cdef extern from "hotpath/histogram.h" nogil:
    ctypedef struct tc_histogram:
        int64_t total, max, clamped
        int64_t* counts
    int tc_histogram_index(int64_t)
    void tc_histogram_record(tc_histogram*, int64_t)


@cython.final
cdef class Histogram:
    """One histogram; keeps the set that holds its memory alive."""

    cdef tc_histogram* at
    cdef object owner

    cdef inline void record(self, int64_t ns) noexcept nogil:
        tc_histogram_record(self.at, ns)


@cython.final
cdef class Stages:
    """The histograms of one lane, by name of the stage, in one file."""

    cdef tc_histogram* first
    cdef void* base
    cdef size_t bytes
    cdef readonly int count
    cdef readonly tuple names

    cdef inline void record(self, int index, int64_t ns) noexcept nogil:
        tc_histogram_record(&self.first[index], ns)
