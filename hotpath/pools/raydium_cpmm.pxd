"""Raydium CPMM: constant product, the trade fee of what is paid in, a creator fee by direction."""

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t

from hotpath.pools.pool cimport Quote
from hotpath.pools.solana_pool cimport SolanaPool
from hotpath.u256 cimport u128

cdef extern from "hotpath/pools/raydium_cpmm.h" nogil:
    const uint32_t CPMM_SCALE
    ctypedef struct cpmm_pool:
        uint64_t reserve[2]
        uint64_t protocol[2]
        uint64_t fund[2]
        uint64_t creator[2]
        uint32_t trade_rate
        uint32_t protocol_rate
        uint32_t fund_rate
        uint32_t creator_rate
        uint32_t creator_config
        int32_t fee_on
        int32_t apart
        int32_t splits
    ctypedef struct cpmm_result:
        uint64_t paid
        uint64_t given
        uint64_t moved_in
        uint64_t moved_out
        uint64_t trade_fee
        uint64_t protocol_fee
        uint64_t fund_fee
        uint64_t creator_fee
        int creator_on_input
    bint cpmm_creator_on_input(const cpmm_pool* p, int direction) noexcept
    int cpmm_curve(const cpmm_pool* p, int direction, int exact_in, uint64_t amount, cpmm_result* r) noexcept
    int cpmm_swap(const cpmm_pool* p, int direction, int exact_in, uint64_t amount, cpmm_result* r) noexcept
    void cpmm_move(cpmm_pool* p, int direction, const cpmm_result* r) noexcept
    u128 cpmm_price_after(const cpmm_pool* p, int direction, const cpmm_result* r) noexcept
    int cpmm_apply_state(cpmm_pool* p, const uint8_t* data, size_t n) noexcept
    int cpmm_vault(cpmm_pool* p, int side, uint64_t amount) noexcept

cdef class RaydiumCpmm(SolanaPool):
    cdef cpmm_pool p
    cdef object follow(self, dict swap)
