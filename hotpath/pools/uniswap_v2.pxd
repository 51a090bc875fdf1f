"""Uniswap V2 and its kin: constant product, the fee is data."""

from libc.stdint cimport uint8_t, uint32_t

from hotpath.pools.pool cimport Pool, Quote
from hotpath.u256 cimport u128, u256

cdef extern from "hotpath/pools/v2_math.h" nogil:
    ctypedef struct v2_fee:
        uint32_t keep
        uint32_t scale
    v2_fee v2_fee_of(uint32_t bps) noexcept
    u128 v2_out_small(u128 amount, u128 reserve_in, u128 reserve_out, v2_fee fee) noexcept
    int v2_quick_out(const u256* amount, const u256* reserve_in, const u256* reserve_out, v2_fee fee, int library,
                     u256* given, u256* kept) noexcept
    int v2_quick_in(const u256* amount, const u256* reserve_in, const u256* reserve_out, v2_fee fee, int library,
                     u256* paid, u256* kept) noexcept
    int v2_amount_out(u256 amount, u256 reserve_in, u256 reserve_out, v2_fee fee, u256* out) noexcept
    int v2_amount_in(u256 amount, u256 reserve_in, u256 reserve_out, v2_fee fee, u256* paid) noexcept
    int v2_pair_refuses(u256 paid, u256 given, u256 reserve_in, u256 reserve_out) noexcept
    int v2_apply_log(u256* reserve, const uint8_t* topics, int n_topics, const uint8_t* data, size_t n) noexcept

cdef class UniswapV2(Pool):
    cdef u256 reserve[2]     # token 0, token 1
    cdef v2_fee fee
    cdef uint32_t fee_bps
    cdef bint library        # answer as the router's library does, edges included
    # the status, and where it is STATUS_OK both amounts; direction as in Pool
    cdef int amounts(self, int direction, int exact_in, const u256* amount, u256* paid, u256* given) noexcept nogil
    cdef void answer_from(self, int direction, int exact_in, const u256* amount, bint move, Quote* out) noexcept nogil
