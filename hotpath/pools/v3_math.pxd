"""Uniswap V3's arithmetic: the C functions of hotpath/pools/v3_math.h."""

from libc.stdint cimport int32_t, uint32_t

from hotpath.u256 cimport i128, u128, u256

cdef extern from "hotpath/pools/v3_math.h" nogil:
    const int V3_MIN_TICK
    const int V3_MAX_TICK
    const u256 V3_MIN_PRICE
    const u256 V3_MAX_PRICE
    ctypedef struct v3_step:
        u256 next
        u256 paid "in"
        u256 out
        u256 fee
    bint v3_fits160(u256 a) noexcept
    u256 v3_price_at_tick(int32_t tick) noexcept
    int32_t v3_tick_at_price(u256 price) noexcept
    u256 v3_amount0(u256 low, u256 high, u128 liquidity, int up) noexcept
    u256 v3_amount1(u256 low, u256 high, u128 liquidity, int up) noexcept
    int v3_next_from_input(u256 price, u128 liquidity, u256 amount, int zero_for_one, u256* next) noexcept
    int v3_next_from_output(u256 price, u128 liquidity, u256 amount, int zero_for_one, u256* next) noexcept
    int v3_compute_step(u256 price, u256 target, u128 liquidity, u256 amount, int zero_for_one,
                        int exact_in, uint32_t fee, int maybe_short, v3_step* s) noexcept
    int v3_add_delta(u128 x, i128 y, u128* z) noexcept
