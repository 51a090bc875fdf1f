"""Balances as the venue tells them, under this application's numbers of the assets."""

from libc.stdint cimport uint32_t
from libc.string cimport memcmp, memcpy, memset
from cpython.bytes cimport PyBytes_AS_STRING

cimport cython

from hotpath.records cimport tc_balance
from venues.binance.codec cimport bn_balance, bn_item


@cython.final
cdef class Assets:
    """Names of assets, their numbers, and how old the balance of each is."""

    def add(self, str name, int number):
        """An asset this application trades."""
        raw = name.encode()
        if self.count == 512 or len(raw) > 24:
            raise ValueError(f"asset {name}: too many assets, or too long a name")
        memcpy(self.assets[self.count].name, PyBytes_AS_STRING(raw), len(raw))
        self.assets[self.count].n = len(raw)
        self.assets[self.count].number = number
        self.assets[self.count].told = 0
        self.count += 1

    cdef tc_asset* find(self, const char* p, uint32_t n) noexcept:
        cdef int k
        for k in range(self.count):
            if self.assets[k].n == n and memcmp(self.assets[k].name, p, n) == 0:
                return &self.assets[k]
        return NULL

    cdef uint32_t number(self, const char* p, uint32_t n) noexcept:
        """0: an asset this application does not trade."""
        cdef tc_asset* a = self.find(p, n)
        return 0 if a == NULL else a.number

    cdef int read(self, const bn_item* i, tc_balance* b) noexcept:
        """1: a balance to take; 0: not ours, or true before what is known; -1: cannot be counted."""
        cdef tc_asset* a = self.find(i.asset.p, i.asset.n)
        memset(b, 0, sizeof(tc_balance))
        if a == NULL or (i.time and i.time < a.told):
            return 0
        if not bn_balance(&i.last_price, &b.free_hi, &b.free_lo) or \
                not bn_balance(&i.last_quantity, &b.locked_hi, &b.locked_lo):
            return -1
        if i.time:
            a.told = i.time
        b.asset, b.venue_time = a.number, i.time
        return 1
