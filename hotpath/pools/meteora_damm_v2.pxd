"""Meteora DAMM v2: one liquidity range or a compounding product, base fee by schedule, dynamic fee."""

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t

from hotpath.pools.pool cimport Quote
from hotpath.pools.solana_pool cimport SolanaPool
from hotpath.u256 cimport u128

cdef extern from "hotpath/pools/meteora_damm_v2.h" nogil:
    const int DAMM_EXACT_IN, DAMM_PARTIAL_IN, DAMM_EXACT_OUT
    const int DAMM_COMPOUNDING
    ctypedef struct damm_base_fee:
        uint64_t cliff
    ctypedef struct damm_dynamic_fee:
        u128 accumulator
        u128 reference
        u128 price_reference
        u128 bin_step_x64
        uint64_t last_update
        uint32_t control
        uint32_t most
        uint32_t bin_step
        uint32_t filter
        uint32_t decay
        uint32_t reduction
        int32_t on
        int32_t tracked
    ctypedef struct damm_split:
        uint64_t claiming
        uint64_t compounding
        uint64_t protocol
        uint64_t referral
    ctypedef struct damm_pool:
        u128 price
        u128 low
        u128 high
        u128 start
        u128 liquidity
        uint64_t amount[2]
        uint64_t activation
        uint64_t point
        uint64_t now
        damm_base_fee base
        damm_dynamic_fee dynamic
        uint32_t protocol_percent
        uint32_t referral_percent
        uint32_t compounding_bps
        int32_t collect
        int32_t version
        int32_t point_is_time
        int32_t referred
    ctypedef struct damm_result:
        uint64_t paid
        uint64_t paid_net
        uint64_t left
        uint64_t given
        uint64_t given_gross
        u128 price
        damm_split fees
        int32_t fee_on_input
    int damm_read_base_fee(const uint8_t* data, damm_base_fee* f) noexcept
    int damm_numerator_for(const damm_pool* p, int direction, int included, uint64_t amount, uint64_t* numerator) noexcept
    int damm_answer(const damm_pool* p, int direction, int how, uint64_t amount, damm_result* r) noexcept
    int damm_swap(damm_pool* p, int direction, int how, uint64_t amount, int move, damm_result* r) noexcept
    int damm_apply_account(damm_pool* p, const uint8_t* data, size_t n) noexcept

cdef class MeteoraDammV2(SolanaPool):
    cdef damm_pool p
    cdef bytes base_fee      # the 32 bytes of BaseFeeInfo, for state()
    cdef void trade(self, int direction, int how, uint64_t amount, bint move, Quote* out) noexcept nogil
    cdef object follow(self, dict event, object slot)
