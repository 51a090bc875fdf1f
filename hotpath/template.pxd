"""Order text, laid out once and completed for each order; see template.h."""

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

from hotpath.instrument cimport tc_instrument
from hotpath.records cimport tc_order_id


cdef extern from "hotpath/template.h" nogil:
    int TEMPLATE_TIME
    ctypedef struct tc_template:
        uint16_t n, request_at, id_at, time_at
        char text[480]
    void template_digits(uint64_t v, char* to, int width)
    ctypedef struct tc_spelled:
        uint64_t half
    void template_spell(tc_spelled* s, uint64_t half)
    int template_write(tc_template* t, tc_order_id id, const tc_spelled* ahead, int64_t time_ns,
                       const tc_instrument* i, int64_t price, int64_t quantity, char* to)
    bint template_make(tc_template* t, const char* text, uint32_t length, uint32_t request_at,
                       uint32_t id_at, uint32_t time_at)
    int64_t template_round(long long v, int scale, int64_t step, int step_scale, bint up)


cdef int lay_out(tc_template* t, bytes text) except -1
