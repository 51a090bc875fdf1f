"""The doors of scan.h for tests and the cold side: each takes any contiguous buffer of bytes.

Where scan.h and orjson may differ (tests/hotpath/test_scan.py holds that nothing else does):
scan.h refuses nesting deeper than 64, where orjson refuses it deeper than 1024; it keeps a number
that overflows a double (1e999), where orjson refuses the text, and leaves it to the typed reader,
which refuses it; `members` refuses a looked-for name that stands twice, where orjson keeps the last.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from hotpath.records cimport tc_level
from hotpath.scan cimport *


cdef inline const char* start(const unsigned char[::1] text) noexcept:
    return <const char*>&text[0] if text.shape[0] else NULL


cdef object build(const tc_value* v):
    """The Python object of a checked value."""
    cdef tc_value name, inner
    cdef const char* at = NULL
    cdef const char* end
    if v.type == TC_JSON_NULL:
        return None
    if v.type == TC_JSON_TRUE or v.type == TC_JSON_FALSE:
        return v.type == TC_JSON_TRUE
    if v.type == TC_JSON_STRING:
        return text_of(v)
    if v.type == TC_JSON_NUMBER:
        text = v.p[:v.n].decode()
        if "." in text or "e" in text or "E" in text or not -(2**63) <= int(text) < 2**64:
            return float(text)
        return int(text)
    if v.type == TC_JSON_ARRAY:
        items = []
        while value_next(v, &at, &inner):
            items.append(build(&inner))
        return items
    members = {}
    end = v.p + v.n
    at = scan_space(v.p + 1, end)
    while at[0] != c"}":
        if at[0] == c",":
            at = scan_space(at + 1, end)
        at = scan_space(scan_string(at, end, &name), end)
        at = scan_value(scan_space(at + 1, end), end, &inner)
        members[text_of(&name)] = build(&inner)
        at = scan_space(at, end)
    return members


cdef str text_of(const tc_value* v):
    cdef uint32_t n = 0
    room = bytearray(v.n + 4)
    cdef char* to = room
    cdef const char* p = value_text(v, to, v.n + 4, &n)
    return p[:n].decode()


def loads(const unsigned char[::1] text):
    """The text as Python objects, read by the general layer; ValueError when it is not JSON."""
    cdef tc_value v
    cdef const char* p = start(text)
    if not scan_document(p, p + text.shape[0], &v):
        raise ValueError("not JSON by scan.h")
    return build(&v)


def members(const unsigned char[::1] text, list names):
    """`scan_object`: {name: (type number, raw text)} of the names that are there, or None."""
    cdef tc_key keys[16]
    cdef tc_value values[16]
    cdef const char* p = start(text)
    cdef const char* end = p + text.shape[0]
    cdef Py_ssize_t i, count = len(names)
    if count > 16:
        raise ValueError("at most 16 names")
    kept = [name.encode() for name in names]
    for i in range(count):
        keys[i].name = kept[i]
        keys[i].n = <uint32_t>len(kept[i])
    p = scan_object(scan_space(p, end), end, keys, <int>count, values)
    if p == NULL or scan_space(p, end) != end:
        return None
    return {
        names[i]: (values[i].type, values[i].p[: values[i].n])
        for i in range(count)
        if values[i].type != TC_JSON_MISSING
    }


def scaled(const unsigned char[::1] text, int scale):
    """Decimal text times 10^scale, or None when that is not exact."""
    cdef int64_t v = 0
    cdef const char* p = start(text)
    if text_scaled(p, p + text.shape[0], scale, &v):
        return v
    return None


def number(const unsigned char[::1] text):
    """Digits as an unsigned 64-bit number, or None."""
    cdef uint64_t v = 0
    cdef const char* p = start(text)
    if text_u64(p, p + text.shape[0], &v):
        return v
    return None


def units(const unsigned char[::1] text, int64_t tick, int scale):
    """Decimal text to units of tick * 10^-scale, or None when that is not exact."""
    cdef int64_t v = 0
    cdef tc_unit unit
    cdef const char* p = start(text)
    if not tc_unit_make(tick, scale, &unit):
        raise ValueError("no such unit")
    if text_units(p, p + text.shape[0], &unit, &v):
        return v
    return None


def quoted(const unsigned char[::1] text, Py_ssize_t at, int64_t tick, int scale):
    """The quick layer's number in quotes whose digits begin at `at`: (units, next byte) or None."""
    cdef int64_t v = 0
    cdef tc_unit unit
    cdef const char* p = <const char*>&text[0]
    if not tc_unit_make(tick, scale, &unit):
        raise ValueError("no such unit")
    if not 8 <= at <= text.shape[0] or text.shape[0] < 16:
        raise ValueError("the quick layer needs 8 bytes in front and a frame of 16")
    cdef const char* q = scan_quoted(p + at, p + text.shape[0], &unit, &v)
    return None if q == NULL else (v, q - p)


def levels(const unsigned char[::1] text, Py_ssize_t at, int64_t tick, int scale, int64_t lot,
           int quantity_scale, bint quick):
    """Levels of the array at `at`, by the quick or the general layer: list of pairs, or None."""
    cdef tc_level out[5000]
    cdef tc_unit price, quantity
    cdef tc_value v
    cdef int n = -1
    cdef const char* p = <const char*>&text[0]
    cdef const char* end = p + text.shape[0]
    if not tc_unit_make(tick, scale, &price) or not tc_unit_make(lot, quantity_scale, &quantity):
        raise ValueError("no such unit")
    if not 8 <= at <= text.shape[0] or text.shape[0] < 16:
        raise ValueError("the quick layer needs 8 bytes in front and a frame of 16")
    if quick:
        if scan_levels(p + at, end, &price, &quantity, out, 5000, &n) == NULL:
            return None
    elif scan_value(p + at, end, &v) != NULL:
        n = value_levels(&v, &price, &quantity, out, 5000)
    if n < 0:
        return None
    return [(out[i].price, out[i].quantity) for i in range(n)]
