"""Python doors to hotpath/u256.h, for tests and for the cold path."""

from libc.stdint cimport uint64_t

from hotpath.u256 cimport *


cdef object answer(int failed, u256 v):
    if failed:
        raise OverflowError("the divisor is zero or the result needs more than 256 bits")
    return to_int(v)


def muldiv(a, b, d):
    """floor(a * b / d) with a 512-bit product; OverflowError beyond 256 bits or for d = 0."""
    cdef u256 q
    cdef int failed = u256_muldiv(from_int(a), from_int(b), from_int(d), &q)
    return answer(failed, q)


def muldiv_up(a, b, d):
    """ceil(a * b / d) with a 512-bit product; OverflowError beyond 256 bits or for d = 0."""
    cdef u256 q
    cdef int failed = u256_muldiv_up(from_int(a), from_int(b), from_int(d), &q)
    return answer(failed, q)


def muldiv_small(a, uint64_t b, uint64_t d, bint up):
    """floor or ceil of a * b / d for b and d of 64 bits; OverflowError beyond 256 bits or for d = 0."""
    cdef u256 q
    cdef int failed = u256_muldiv_u64(from_int(a), b, d, up, &q)
    return answer(failed, q)


def divmod256(a, d):
    """(floor(a / d), a mod d); OverflowError for d = 0."""
    cdef u256 q, r
    cdef int failed = u256_divmod(from_int(a), from_int(d), &q, &r)
    return answer(failed, q), to_int(r)


def div_up(a, d):
    """ceil(a / d), 0 for d = 0."""
    return to_int(u256_div_up(from_int(a), from_int(d)))


def add(a, b):
    """(a + b modulo 2^256, carry)."""
    cdef int carry
    cdef u256 r = u256_add(from_int(a), from_int(b), &carry)
    return to_int(r), carry


def sub(a, b):
    """(a - b modulo 2^256, borrow)."""
    cdef int borrow
    cdef u256 r = u256_sub(from_int(a), from_int(b), &borrow)
    return to_int(r), borrow


def mul(a, b):
    """(a * b modulo 2^256, whether the product was larger)."""
    cdef int carry
    cdef u256 r = u256_mul(from_int(a), from_int(b), &carry)
    return to_int(r), carry


def shl(a, unsigned int n):
    """a * 2^n modulo 2^256."""
    return to_int(u256_shl(from_int(a), n))


def shr(a, unsigned int n):
    """floor(a / 2^n)."""
    return to_int(u256_shr(from_int(a), n))


def cmp(a, b):
    """-1, 0 or 1."""
    return u256_cmp(from_int(a), from_int(b))


def less(a, b):
    """a < b, by the borrow of a - b."""
    return bool(u256_lt(from_int(a), from_int(b)))


def isqrt(a):
    """floor of the square root."""
    return to_int(u256_isqrt(from_int(a)))


def muldiv128(a, b, d):
    """(floor(a * b / d), remainder) of 128-bit numbers; OverflowError beyond 128 bits or for d = 0."""
    cdef int ok = 1
    cdef u128 rem, q
    q = u128_muldiv_rem(u256_to_u128(from_int(a), &ok), u256_to_u128(from_int(b), &ok),
                        u256_to_u128(from_int(d), &ok), &rem, &ok)
    return answer(not ok, u256_from_u128(q)), to_int(u256_from_u128(rem))


def muldiv128_up(a, b, d):
    """ceil(a * b / d) of 128-bit numbers; OverflowError beyond 128 bits or for d = 0."""
    cdef int ok = 1
    cdef u128 q
    q = u128_muldiv_up(u256_to_u128(from_int(a), &ok), u256_to_u128(from_int(b), &ok),
                       u256_to_u128(from_int(d), &ok), &ok)
    return answer(not ok, u256_from_u128(q))


def from_text(text, bint signed=False):
    """Decimal text, or an int, to an int of 256 bits; ValueError when it is none, OverflowError beyond."""
    cdef u256 v
    cdef int bad = u256_from_object(text, signed, &v)
    if bad == 1:
        raise ValueError(f"not an integer: {text!r}")
    if bad:
        raise OverflowError("more than 256 bits")
    return u256_to_long(v, signed)


def to_text(v, bint signed=False):
    """An int of 256 bits as decimal text."""
    cdef u256 x
    u256_from_long(v, signed, &x)
    return u256_to_text(x, signed)
