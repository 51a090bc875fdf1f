"""JSON text to scaled integers, exact or rejected; see scan.h."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from hotpath.records cimport tc_level


cdef extern from "hotpath/scan.h" nogil:
    enum tc_json:
        TC_JSON_MISSING
        TC_JSON_NULL
        TC_JSON_FALSE
        TC_JSON_TRUE
        TC_JSON_NUMBER
        TC_JSON_STRING
        TC_JSON_ARRAY
        TC_JSON_OBJECT

    int SCAN_DEPTH
    int SCAN_EXPONENT

    ctypedef struct tc_value:
        const char* p
        uint32_t n
        uint8_t type
        uint8_t escaped

    ctypedef struct tc_key:
        const char* name
        uint32_t n

    ctypedef struct tc_unit:
        int64_t tick
        uint8_t scale
        uint8_t quick

    # the general layer: any valid text
    const char* scan_space(const char* p, const char* end)
    const char* scan_string(const char* p, const char* end, tc_value* out)
    const char* scan_value(const char* p, const char* end, tc_value* out)
    int scan_document(const char* p, const char* end, tc_value* out)
    const char* scan_object(const char* p, const char* end, const tc_key* keys, int count,
                            tc_value* out)
    const char* value_text(const tc_value* v, char* room, uint32_t space, uint32_t* n)
    bint value_is(const tc_value* v, const char* name, uint32_t n)
    bint value_next(const tc_value* array, const char** at, tc_value* out)
    bint text_scaled(const char* p, const char* end, int scale, int64_t* out)
    bint text_u64(const char* p, const char* end, uint64_t* out)
    bint text_i64(const char* p, const char* end, int64_t* out)
    bint text_units(const char* p, const char* end, const tc_unit* unit, int64_t* out)
    bint value_scaled(const tc_value* v, int scale, int64_t* out)
    bint value_u64(const tc_value* v, uint64_t* out)
    bint value_i64(const tc_value* v, int64_t* out)
    bint value_bool(const tc_value* v, int* out)
    bint value_units(const tc_value* v, const tc_unit* unit, int64_t* out)
    int value_levels(const tc_value* array, const tc_unit* price, const tc_unit* quantity,
                     tc_level* out, int room)

    # units
    bint tc_unit_make(int64_t tick, int scale, tc_unit* out)

    # the quick layer: one compact shape
    const char* scan_digits(const char* p, const char* end, uint64_t* out)
    const char* scan_whole(const char* p, const char* start, const char* end, uint64_t* out)
    const char* scan_plain_text(const char* p, const char* end)
    const char* scan_quoted(const char* p, const char* end, const tc_unit* unit, int64_t* out)
    const char* scan_levels(const char* p, const char* end, const tc_unit* price,
                            const tc_unit* quantity, tc_level* out, int room, int* count)
