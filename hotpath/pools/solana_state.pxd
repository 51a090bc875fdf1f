"""Members of Solana states and account bytes, for the concentrated kinds."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from hotpath.u256 cimport u128, u256

cdef extern from "hotpath/pools/solana_state.h" nogil:
    uint32_t le_u16(const uint8_t* b) noexcept
    uint32_t le_u32(const uint8_t* b) noexcept
    int32_t le_i32(const uint8_t* b) noexcept
    uint64_t le_u64(const uint8_t* b) noexcept
    u128 le_u128(const uint8_t* b) noexcept
    bint le_is(const uint8_t* b, uint64_t discriminator) noexcept
    u256 wide_i128(u128 v) noexcept

cdef uint64_t small(dict source, str name, int bits=*) except? 0
cdef int64_t signed_small(dict source, str name, int bits=*) except? -1
cdef bint flag(dict source, str name) except -1
cdef dict members(dict source, str name)
cdef dict members_or_none(dict source, str name)
cdef list rows(dict source, str name)
cdef object text(u128 v)
cdef object signed_text(u128 v)
cdef bytes account_bytes(event)
cdef dict event_args(event, str name)
