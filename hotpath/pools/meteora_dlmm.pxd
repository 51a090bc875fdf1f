"""Meteora DLMM. The walk is hotpath/pools/dlmm_pool.h; this wraps it as a Pool."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from hotpath.pools.pool cimport Pool, Quote
from hotpath.u256 cimport u128, u256

cdef extern from "hotpath/pools/dlmm_pool.h" nogil:
    const int DLMM_KNOWN, DLMM_SET
    ctypedef struct dlmm_bin:
        u128 price
        uint64_t x, y, open, done, ask
    ctypedef struct dlmm_head:
        int64_t last_update
        int32_t active, index_reference
        uint32_t volatility, volatility_reference
    ctypedef struct dlmm_transfer_fee:
        uint32_t bps
        uint64_t most
    ctypedef struct dlmm_pool:
        dlmm_head head
        int64_t now, opens_at
        uint32_t base_factor, base_power, filter_period, decay_period, reduction, control, max_volatility, share
        int32_t step, min_id, max_id
        uint32_t function_type, fee_mode
        bint has_rewards, orders, has_extension, closed
        dlmm_transfer_fee transfer[2]
        uint64_t bits[16]
        uint32_t n_arrays
        int32_t* arrays
        uint8_t* flags
        uint32_t count
        int32_t* keys
        dlmm_bin* bins
    ctypedef struct dlmm_walk:
        dlmm_head head
        u128 paid, given, price
        uint64_t left, fee, user_fee, protocol_fee, sent, got
        uint32_t steps
        bint limited, beyond
        int status
    void dlmm_free(dlmm_pool* p) noexcept
    int dlmm_reserve(dlmm_pool* p, uint32_t n) noexcept
    int dlmm_put(dlmm_pool* p, int32_t id, const dlmm_bin* b) noexcept
    int dlmm_note_array(dlmm_pool* p, int32_t index, int add, int take) noexcept
    int32_t dlmm_array_of(int32_t id) noexcept
    uint32_t dlmm_rank(const dlmm_pool* p, int32_t id) noexcept
    u128 dlmm_price(int32_t id, uint32_t step) noexcept
    void dlmm_set_rates(dlmm_pool* p) noexcept
    void dlmm_update_reference(const dlmm_pool* p, dlmm_head* h) noexcept
    void dlmm_update_volatility(const dlmm_pool* p, dlmm_head* h) noexcept
    uint32_t dlmm_rate(const dlmm_pool* p, const dlmm_head* h) noexcept
    void dlmm_walk_bins(const dlmm_pool* p, uint64_t amount, u128 limit, int for_y, int exact_in, int move, dlmm_walk* w) noexcept
    void dlmm_swap(const dlmm_pool* p, uint64_t amount, u128 limit, int for_y, int exact_in, int move, dlmm_walk* w) noexcept
    uint32_t dlmm_arrays_walked(const dlmm_pool* p, int for_y, int32_t last, int ended) noexcept
    int64_t dlmm_cost(const dlmm_walk* w) noexcept

cdef extern from "hotpath/pools/dlmm_accounts.h" nogil:
    int dlmm_apply_account(dlmm_pool* p, const uint8_t* data, size_t n) noexcept
    int dlmm_mint_fee(const uint8_t* data, size_t n, uint64_t epoch, dlmm_transfer_fee* f) noexcept

cdef class MeteoraDlmm(Pool):
    cdef dlmm_pool p
    cdef bint diverged
    cdef object told  # the last swap that was followed, and by which event
    cdef int walk(self, int direction, int exact_in, const u256* amount, const u256* limit, int move, dlmm_walk* w) noexcept nogil
    cdef void answer_from(self, dlmm_walk* w, Quote* out) noexcept nogil
    cdef void move(self, int direction, int exact_in, const u256* amount, const u256* limit, Quote* out) noexcept nogil
    cdef object set_fees(self, dict args)
    cdef object set_dynamic_fees(self, dict args)
    cdef object follow(self, str name, dict args)
    cdef void walk_told(self, int k, uint64_t paid, uint64_t given, bint for_y, bint move, dlmm_walk* w) noexcept nogil
