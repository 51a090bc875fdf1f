"""Orca Whirlpools. The swap is hotpath/pools/orca_pool.h; this wraps it as a Pool."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from hotpath.pools.pool cimport Pool, Quote
from hotpath.u256 cimport u128, u256

cdef extern from "hotpath/pools/orca_pool.h" nogil:
    const int32_t ORCA_MIN_TICK, ORCA_MAX_TICK
    const u128 ORCA_MIN_PRICE, ORCA_MAX_PRICE
    ctypedef struct orca_tick:
        u128 price, net, gross
    ctypedef struct orca_head:
        u128 price, liquidity
        uint64_t last_reference, last_major
        int32_t tick, group_reference
        uint32_t volatility_reference, volatility
        uint32_t here
    ctypedef struct orca_adaptive:
        uint32_t filter_period, decay_period, reduction, control, max_volatility, group, major_ticks
    ctypedef struct orca_transfer_fee:
        uint32_t bps
        uint64_t most
    ctypedef struct orca_pool:
        orca_head head
        orca_adaptive fee
        orca_transfer_fee transfer[2]
        uint64_t trade_enable, now
        int32_t spacing
        uint32_t fee_rate, protocol_rate, fee_tier
        bint has_oracle, starts_known
        int32_t* starts
        uint32_t n_starts, count, capacity
        int32_t* keys
        orca_tick* ticks
    ctypedef struct orca_walk:
        orca_head head
        uint64_t fee, left, paid, given
        uint32_t rate_min, rate_max, crossed, steps
        int status
    void orca_free(orca_pool* p) noexcept
    int orca_reserve(orca_pool* p, uint32_t n) noexcept
    uint32_t orca_rank(const orca_pool* p, int32_t tick) noexcept
    int orca_put(orca_pool* p, int32_t tick, u128 net, u128 gross) noexcept
    u128 orca_price_at_tick(int32_t tick) noexcept
    int32_t orca_tick_at_price(u128 price) noexcept
    uint64_t orca_transfer_of(const orca_transfer_fee* f, uint64_t amount) noexcept
    int orca_transfer_before(const orca_transfer_fee* f, uint64_t amount, uint64_t* out) noexcept
    void orca_swap(const orca_pool* p, uint64_t amount, u128 limit, int a_to_b, int exact_in, orca_walk* w) noexcept
    uint32_t orca_rate_now(const orca_pool* p) noexcept
    int64_t orca_cost(const orca_walk* w, int adaptive) noexcept

cdef extern from "hotpath/pools/orca_accounts.h" nogil:
    int orca_apply_account(orca_pool* p, const uint8_t* data, size_t n) noexcept
    int orca_modify(orca_pool* p, int32_t lower, int32_t upper, u128 amount, int add) noexcept

cdef extern from "hotpath/pools/q64_range.h" nogil:
    int q64_amount_x(u128 p, u128 q, u128 liquidity, int up, int cap, uint64_t* out) noexcept
    int q64_amount_y(u128 liquidity, u128 apart, int up, uint64_t* out) noexcept
    int q64_price_after_x(u128 price, u128 liquidity, u128 amount, int add, int cap, u128* out) noexcept
    int q64_price_after_y(u128 price, u128 liquidity, u128 amount, int add, u128* out) noexcept

cdef class OrcaWhirlpool(Pool):
    cdef orca_pool p
    cdef bint diverged
    cdef int walk(self, int direction, int exact_in, const u256* amount, const u256* limit, orca_walk* w) noexcept nogil
    cdef void answer_from(self, orca_walk* w, Quote* out) noexcept nogil
    cdef void move(self, int direction, int exact_in, const u256* amount, const u256* limit, Quote* out) noexcept nogil
