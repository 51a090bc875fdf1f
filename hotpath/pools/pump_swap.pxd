"""PumpSwap pools: constant product, virtual quote reserves, fees on the quote coin by schedule."""

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t

from hotpath.pools.pool cimport Quote
from hotpath.pools.pump_fees cimport pump_rates, pump_schedule
from hotpath.pools.solana_pool cimport SolanaPool
from hotpath.u256 cimport i128, u128

cdef extern from "hotpath/pools/pump_swap.h" nogil:
    ctypedef struct pswap_pool:
        uint64_t base
        uint64_t quote
        uint64_t effective
        uint64_t supply
        i128 lift
        int32_t mayhem
        int32_t no_creator
        int32_t has_schedule
        int32_t configurable
        uint32_t creator_bps
        pump_rates global_rates
        pump_schedule schedule
        pump_rates rates
    ctypedef struct pswap_result:
        uint64_t base
        uint64_t raw
        uint64_t user
        uint64_t kept
    int pswap_refresh(pswap_pool* p) noexcept
    int pswap_buy_base(const pswap_pool* p, uint64_t base, pswap_result* r) noexcept
    int pswap_base_for(const pswap_pool* p, uint64_t quote, pswap_result* r) noexcept
    int pswap_sell_base(const pswap_pool* p, uint64_t base, pswap_result* r) noexcept
    int pswap_base_to_get(const pswap_pool* p, uint64_t quote, pswap_result* r) noexcept
    int pswap_swap(const pswap_pool* p, int direction, int exact_in, uint64_t amount, pswap_result* r) noexcept
    u128 pswap_price_after(const pswap_pool* p, int direction, const pswap_result* r) noexcept
    void pswap_move(pswap_pool* p, int direction, const pswap_result* r) noexcept

cdef class PumpSwap(SolanaPool):
    cdef pswap_pool p
    cdef object schedule     # as it came, for state()
    cdef str quote_mint
    cdef bint canonical
    cdef object follow(self, str name, dict trade)
