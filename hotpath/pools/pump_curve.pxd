"""pump's bonding curve: virtual reserves, fees on the quote coin, completion."""

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t

from hotpath.pools.pool cimport Quote
from hotpath.pools.pump_fees cimport pump_rates, pump_schedule
from hotpath.pools.solana_pool cimport SolanaPool
from hotpath.u256 cimport u128

cdef extern from "hotpath/pools/pump_curve.h" nogil:
    ctypedef struct curve_pool:
        uint64_t virtual_token
        uint64_t virtual_quote
        uint64_t real_token
        uint64_t real_quote
        uint64_t total_supply
        uint64_t mint_supply
        int32_t complete
        int32_t mayhem
        int32_t no_creator
        int32_t has_schedule
        int32_t configurable
        uint32_t creator_bps
        pump_rates global_rates
        pump_schedule schedule
        pump_rates buy
        pump_rates trade
    ctypedef struct curve_result:
        uint64_t paid
        uint64_t given
        uint64_t fee
        uint64_t tokens
        uint64_t cost
        int32_t capped
    void curve_refresh(curve_pool* p) noexcept
    int curve_buy_tokens(const curve_pool* p, uint64_t tokens, curve_result* r) noexcept
    int curve_tokens_for(const curve_pool* p, uint64_t quote, curve_result* r) noexcept
    int curve_sell(const curve_pool* p, uint64_t tokens, curve_result* r) noexcept
    int curve_swap(const curve_pool* p, int direction, int exact_in, uint64_t amount, curve_result* r) noexcept
    u128 curve_price_after(const curve_pool* p, int direction, const curve_result* r) noexcept
    void curve_move(curve_pool* p, int direction, const curve_result* r) noexcept
    int curve_apply_account(curve_pool* p, const uint8_t* data, size_t n) noexcept

cdef class PumpCurve(SolanaPool):
    cdef curve_pool p
    cdef object schedule     # as it came, for state()
    cdef str quote_mint
    cdef object follow(self, dict trade)
