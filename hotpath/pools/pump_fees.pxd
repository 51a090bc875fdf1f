"""pump's fee schedules: which tiers a pool pays, chosen once by its quote coin."""

from libc.stdint cimport int32_t, uint32_t, uint64_t

from hotpath.u256 cimport u128

cdef extern from "hotpath/pools/pump_fees.h" nogil:
    const int PUMP_TIERS
    const uint64_t PUMP_SCALE
    ctypedef struct pump_rates:
        uint32_t lp
        uint32_t protocol
        uint32_t creator
    ctypedef struct pump_tier:
        u128 threshold
        pump_rates rates
    ctypedef struct pump_schedule:
        int32_t count
        pump_tier tier[64]

# fills `out` and returns True, or returns False where there is no schedule
cdef bint schedule_of(object schedule, str quote_mint, bint canonical, pump_schedule* out) except -1
cdef uint32_t bps(dict source, str name) except? 0xffffffff
cdef uint32_t bps_or(dict source, str name, uint32_t absent) except? 0xffffffff
