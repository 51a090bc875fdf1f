"""Balances as the venue tells them, under this application's numbers of the assets."""

from libc.stdint cimport int64_t, uint32_t

from hotpath.records cimport tc_balance
from venues.binance.codec cimport bn_item


cdef struct tc_asset:
    char name[24]
    uint32_t n
    uint32_t number
    int64_t told                           # the venue's time of its balance


cdef class Assets:
    cdef tc_asset assets[512]
    cdef int count

    cdef tc_asset* find(self, const char* p, uint32_t n) noexcept
    cdef uint32_t number(self, const char* p, uint32_t n) noexcept
    cdef int read(self, const bn_item* i, tc_balance* b) noexcept
