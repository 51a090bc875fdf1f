"""Raydium AMM v4 (swap only): constant product, one fee of what is paid in."""

from libc.stdint cimport uint8_t, uint64_t

from hotpath.pools.pool cimport Quote
from hotpath.pools.solana_pool cimport SolanaPool
from hotpath.u256 cimport u128

cdef extern from "hotpath/pools/raydium_amm_v4.h" nogil:
    ctypedef struct amm4_pool:
        uint64_t vault[2]
        uint64_t pnl[2]
        uint64_t fee_part
        uint64_t fee_scale
    ctypedef struct amm4_result:
        uint64_t paid
        uint64_t given
        uint64_t fee
    uint64_t amm4_reserve(const amm4_pool* p, int side) noexcept
    int amm4_exact_in(const amm4_pool* p, int direction, uint64_t amount, amm4_result* r) noexcept
    int amm4_swap(const amm4_pool* p, int direction, int exact_in, uint64_t amount, amm4_result* r) noexcept
    u128 amm4_price_after(const amm4_pool* p, int direction, const amm4_result* r) noexcept
    void amm4_move(amm4_pool* p, int direction, const amm4_result* r) noexcept
    int amm4_apply_info(amm4_pool* p, const uint8_t* data, size_t n) noexcept

cdef class RaydiumAmmV4(SolanaPool):
    cdef amm4_pool p
    cdef object follow(self, dict log)
