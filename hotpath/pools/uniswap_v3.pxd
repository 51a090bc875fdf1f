"""Uniswap V3 and its kin (SushiSwap V3, PancakeSwap V3): fee, spacing and protocol fee are data."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from hotpath.pools.pool cimport Pool, Quote, curve_row
from hotpath.u256 cimport i128, u128, u256

cdef extern from "hotpath/pools/v3_logs.h" nogil:
    ctypedef struct v3_tick:
        int32_t tick
    ctypedef struct v3_head:
        u256 price
        u256 growth0
        u256 growth1
        u128 liquidity
        u128 owed0
        u128 owed1
        int32_t tick
        uint32_t here
    ctypedef struct v3_pool:
        v3_head head
        uint32_t fee
        int32_t spacing
        uint32_t fee_protocol
        uint32_t denominator
        uint32_t count
        uint32_t capacity, front
        int32_t* keys
        uint32_t* slots
        v3_tick* ticks
    ctypedef struct v3_walk:
        v3_head head
        u256 paid "in"
        u256 out
        u256 fee
        int32_t crossed
        int32_t status
        uint32_t steps
    ctypedef struct v3_undo:
        v3_head head
    const int V3_DIVERGED
    void v3_load_words() noexcept
    void v3_curve(v3_pool* p, int zero_for_one, curve_row* row) noexcept
    void v3_free(v3_pool* p) noexcept
    int v3_reserve(v3_pool* p, uint32_t capacity) noexcept
    uint32_t v3_rank(const v3_pool* p, int32_t tick) noexcept
    int v3_insert(v3_pool* p, uint32_t at, int32_t tick, u128 net, u128 gross) noexcept
    u128 v3_net(const v3_tick* t) noexcept
    u128 v3_gross(const v3_tick* t) noexcept
    u256 v3_price_of(v3_pool* p, uint32_t i) noexcept
    void v3_swap(v3_pool* p, u256 amount, u256 limit, int zero_for_one, int exact_in, int fees, v3_walk* w) noexcept
    int v3_apply_log(v3_pool* p, const uint8_t* topics, int n_topics, const uint8_t* data, size_t n, v3_undo* undo) noexcept
    void v3_take_back(v3_pool* p, const v3_undo* undo) noexcept
    int64_t v3_gas(const v3_pool* before, const v3_walk* w, int zero_for_one) noexcept


cdef class UniswapV3(Pool):
    cdef v3_pool p
    cdef bint diverged
    cdef int walk(self, int direction, int exact_in, const u256* amount, const u256* limit, int fees, v3_walk* w) noexcept nogil
    cdef void answer_from(self, int direction, v3_walk* w, Quote* out) noexcept nogil
