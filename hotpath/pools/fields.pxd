"""Members of a state or a swap, read exactly or refused as bad_field."""

from hotpath.u256 cimport u256

cdef u256 number(dict source, str name, int bits) except *
cdef u256 signed_number(dict source, str name, int bits) except *
cdef u256 number_of(object value, str name, int bits, int is_signed) except *
cdef bint has(dict source, str name) noexcept
