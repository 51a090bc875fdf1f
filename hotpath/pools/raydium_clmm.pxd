"""Raydium CLMM. The swap is hotpath/pools/raydium_pool.h; this wraps it as a Pool."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from hotpath.pools.pool cimport Pool, Quote
from hotpath.u256 cimport u128, u256

cdef extern from "hotpath/pools/raydium_pool.h" nogil:
    const int32_t RAYDIUM_MIN_TICK, RAYDIUM_MAX_TICK
    const u128 RAYDIUM_MIN_PRICE, RAYDIUM_MAX_PRICE
    ctypedef struct raydium_orders:
        uint64_t phase, open, part
        u128 ratio
    ctypedef struct raydium_tick:
        u128 price, net, gross
        raydium_orders orders
    ctypedef struct raydium_head:
        u128 price, liquidity
        uint64_t last_update
        int32_t tick, index_reference
        uint32_t volatility_reference, volatility
        uint32_t here
    ctypedef struct raydium_dynamic:
        uint32_t filter_period, decay_period, reduction, control, max_volatility
    ctypedef struct raydium_pool:
        raydium_head head
        raydium_dynamic fee
        uint64_t now
        int32_t spacing
        uint32_t trade_rate, protocol_rate, fund_rate, fee_on
        bint has_dynamic
        uint32_t count, capacity
        int32_t* keys
        raydium_tick* ticks
    ctypedef struct raydium_walk:
        raydium_head head
        uint64_t in_ "in", out, fee, left, unowned
        uint32_t crossed, steps
        bint ended
        int status
    void raydium_free(raydium_pool* p) noexcept
    int raydium_reserve(raydium_pool* p, uint32_t n) noexcept
    uint32_t raydium_rank(const raydium_pool* p, int32_t tick) noexcept
    int raydium_put(raydium_pool* p, int32_t tick, u128 net, u128 gross, const raydium_orders* o) noexcept
    u128 raydium_price_at_tick(int32_t tick) noexcept
    int32_t raydium_tick_at_price(u128 price) noexcept
    void raydium_swap(const raydium_pool* p, uint64_t amount, u128 limit, int zfo, int exact_in, raydium_walk* w) noexcept
    void raydium_settle(raydium_pool* p, const raydium_walk* w) noexcept
    uint32_t raydium_rate_now(const raydium_pool* p) noexcept
    int64_t raydium_cost(const raydium_walk* w) noexcept

cdef extern from "hotpath/pools/raydium_accounts.h" nogil:
    int raydium_apply_account(raydium_pool* p, const uint8_t* data, size_t n) noexcept
    int raydium_modify(raydium_pool* p, int32_t lower, int32_t upper, u128 amount, int add) noexcept

cdef extern from "hotpath/pools/q64_range.h" nogil:
    int q64_amount_x(u128 p, u128 q, u128 liquidity, int up, int cap, uint64_t* out) noexcept
    int q64_amount_y(u128 liquidity, u128 apart, int up, uint64_t* out) noexcept

cdef class RaydiumClmm(Pool):
    cdef raydium_pool p
    cdef bint diverged
    cdef int walk(self, int direction, int exact_in, const u256* amount, const u256* limit, raydium_walk* w) noexcept nogil
    cdef void answer_from(self, int exact_in, raydium_walk* w, Quote* out) noexcept nogil
    cdef void move(self, int direction, int exact_in, const u256* amount, const u256* limit, Quote* out) noexcept nogil
