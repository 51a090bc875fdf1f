"""Account bytes to named members: a small compiled interpreter over tables of fields.

A layout is a C array of fields, walked once from the first byte to the last. Python objects are made
only for the answer. Every read is checked against the length, every count against the bytes left.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t

cdef extern from "hotpath/pools/base58.h" nogil:
    int base58_of_key(const uint8_t* key, char* out) noexcept

cdef enum Form:
    FORM_UNSIGNED
    FORM_SIGNED
    FORM_BOOL        # a byte that must be 0 or 1
    FORM_KEY         # 32 bytes as base 58
    FORM_HEX         # `width` bytes as hexadecimal
    FORM_BUFFER      # `width` bytes as {"type": "Buffer", "data": [...]}
    FORM_SKIP        # `width` bytes that the answer leaves out
    FORM_RECORD      # another layout
    FORM_ENUM        # a byte that chooses a member: its name and a record (borsh)

cdef struct Field:
    int32_t form
    int32_t width    # bytes of one value; 0 for a record
    int32_t count    # -1: one value; -2: a u32 count and as many values; else that many values
    int32_t record   # FORM_RECORD and FORM_ENUM: index into the layout's records

cdef struct Reader:
    const uint8_t* data
    int64_t size
    int64_t at
    bint zeros       # what lies past the end reads as zero (accounts that grew)

cdef class Layout:
    """One account or record: fields in order. `least` is the fewest bytes an account may have."""
    cdef Field* fields
    cdef int n
    cdef readonly tuple names        # None for what is skipped
    cdef tuple records               # Layouts, or tuples of (name, Layout) for an enum
    cdef readonly str keep           # in an array: only elements where this member is not zero, with "i"
    cdef readonly int64_t size       # bytes of all fields, variable arrays counted as empty
    cdef readonly int64_t least
    cdef bint bare                   # its one value stands for it
    cdef readonly bint exact         # longer accounts are refused
    cdef readonly bytes prefix       # the bytes an account begins with, or empty
    cdef object value(self, const Field* f, Reader* r)
    cdef object one(self, const Field* f, Reader* r)
    cdef dict members(self, Reader* r)
    cdef int64_t read(self, bytes data, list out) except -1
