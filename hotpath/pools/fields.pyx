"""Members of a state or a swap: decimal text or an int, exact, or Refusal("bad_field") by name."""

from cpython.dict cimport PyDict_GetItem
from cpython.ref cimport PyObject

from hotpath.u256 cimport u256, u256_bits, u256_from_object, u256_is_negative, u256_neg, u256_sub, U256_ONE

from hotpath.pools.pool import Refusal


cdef u256 number_of(object value, str name, int bits, int is_signed) except *:
    cdef u256 v
    cdef int bad = u256_from_object(value, is_signed, &v)
    if bad == 0:
        if is_signed:
            # -2^(bits-1) <= v < 2^(bits-1): for negatives, -v - 1 has no more bits than the positives
            if u256_bits(u256_sub(u256_neg(v), U256_ONE, NULL) if u256_is_negative(v) else v) >= bits:
                bad = 2
        elif u256_bits(v) > bits:
            bad = 2
    if bad == 1:
        raise Refusal("bad_field", f"{name} is not an integer")
    if bad:
        raise Refusal("bad_field", f"{name} does not fit {'int' if is_signed else 'uint'}{bits}")
    return v


cdef u256 number(dict source, str name, int bits) except *:
    """The unsigned member `name` of at most `bits` bits."""
    cdef PyObject* value = PyDict_GetItem(source, name)
    if value == NULL:
        raise Refusal("bad_field", f"{name} is missing")
    return number_of(<object>value, name, bits, 0)


cdef u256 signed_number(dict source, str name, int bits) except *:
    """The signed member `name`, in two's complement."""
    cdef PyObject* value = PyDict_GetItem(source, name)
    if value == NULL:
        raise Refusal("bad_field", f"{name} is missing")
    return number_of(<object>value, name, bits, 1)


cdef bint has(dict source, str name) noexcept:
    return PyDict_GetItem(source, name) != NULL
