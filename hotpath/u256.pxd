"""256-bit unsigned integers: the C functions of hotpath/u256.h and the way to and from Python.

`u128` and `i128` are 128 bits wide in C; Cython only knows them as integers, so keep them in
variables declared so and do not mix them with Python objects.
"""

from libc.stdint cimport uint64_t

cdef extern from "hotpath/u256.h" nogil:
    ctypedef unsigned long long u128
    ctypedef long long i128
    ctypedef struct u256:
        uint64_t w[4]
    const u256 U256_ZERO
    const u256 U256_ONE
    const u256 U256_MAX
    u256 u256_from_u64(uint64_t v) noexcept
    u256 u256_from_u128(u128 v) noexcept
    u256 u256_from_limbs(uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3) noexcept
    bint u256_fits_u64(u256 a) noexcept
    bint u256_fits_u128(u256 a) noexcept
    u128 u256_to_u128(u256 a, int* ok) noexcept
    uint64_t u256_to_u64(u256 a, int* ok) noexcept
    u128 u256_low128(u256 a) noexcept
    double u256_to_double(u256 a) noexcept
    bint u256_is_zero(u256 a) noexcept
    bint u256_eq(u256 a, u256 b) noexcept
    int u256_cmp(u256 a, u256 b) noexcept
    bint u256_lt(u256 a, u256 b) noexcept
    int u256_bits(u256 a) noexcept
    u256 u256_add(u256 a, u256 b, int* carry) noexcept
    u256 u256_sub(u256 a, u256 b, int* borrow) noexcept
    u256 u256_wrapping_add(u256 a, u256 b) noexcept
    u256 u256_wrapping_sub(u256 a, u256 b) noexcept
    u256 u256_neg(u256 a) noexcept
    bint u256_is_negative(u256 a) noexcept
    u256 u256_shl(u256 a, unsigned int n) noexcept
    u256 u256_shr(u256 a, unsigned int n) noexcept
    u256 u256_mul(u256 a, u256 b, int* carry) noexcept
    u256 u256_mul_u64(u256 a, uint64_t b, uint64_t* carry) noexcept
    int u256_muldiv_u64(u256 a, uint64_t b, uint64_t d, int up, u256* q) noexcept
    int u256_muldiv(u256 a, u256 b, u256 d, u256* q) noexcept
    int u256_muldiv_up(u256 a, u256 b, u256 d, u256* q) noexcept
    int u256_divmod(u256 a, u256 d, u256* q, u256* rem) noexcept
    u256 u256_div(u256 a, u256 d) noexcept
    u256 u256_mod(u256 a, u256 d) noexcept
    u256 u256_div_up(u256 a, u256 d) noexcept
    u256 u256_isqrt(u256 a) noexcept
    u128 u128_muldiv_rem(u128 a, u128 b, u128 d, u128* rem, int* ok) noexcept
    u128 u128_muldiv(u128 a, u128 b, u128 d, int* ok) noexcept
    u128 u128_muldiv_up(u128 a, u128 b, u128 d, int* ok) noexcept

cdef extern from "hotpath/u256_door.h":
    int u256_from_long(object v, int is_signed, u256* out) except -1
    object u256_to_long(u256 v, int is_signed)
    int u256_from_object(object v, int is_signed, u256* out) noexcept
    object u256_to_text(u256 v, int is_signed)

# a non-negative Python int; OverflowError when it is negative or needs more than 256 bits
cdef inline u256 from_int(object v) except *:
    cdef u256 out
    u256_from_long(v, 0, &out)
    return out

cdef inline object to_int(u256 v):
    return u256_to_long(v, 0)
