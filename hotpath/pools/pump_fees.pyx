"""pump's fee schedules, read from the object that a batch line carries.

{"flat_fees": [lp, protocol, creator], "fee_tiers": [[threshold, lp, protocol, creator], ...],
"stable_fee_tiers": [...], "exotic_flat_fees": [...]}, as FeeConfig has them; null for none (then the
program's global rates hold). A canonical pool pays fee_tiers when it is quoted in SOL (wrapped, of
Token-2022, or the zero key), stable_fee_tiers in USDC (fee_tiers where that list is empty), and
exotic_flat_fees in anything else (flat_fees while those are all zero). Other pools pay flat_fees.
"""

from libc.stdint cimport uint32_t

from hotpath.pools.fields cimport has, number_of
from hotpath.u256 cimport u256_low128

from hotpath.pools.pool import Refusal

SOL_LIKE = (
    "11111111111111111111111111111111",
    "So11111111111111111111111111111111111111112",
    "9pan9bMn5HatX4EJdBwg9VgCa7Uz5HL8N1m5D3NdXejP",
)
STABLE = ("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",)


def quote_class(str quote_mint):
    """`sol`, `stable` or `exotic`: which schedule pump's fee program gives this quote coin."""
    return "sol" if quote_mint in SOL_LIKE else "stable" if quote_mint in STABLE else "exotic"


cdef uint32_t rate(object value, str name) except? 0xffffffff:
    cdef uint32_t v = <uint32_t>number_of(value, name, 32, 0).w[0]
    if v > PUMP_SCALE:
        raise Refusal("bad_field", f"{name} is at most {PUMP_SCALE} basis points")
    return v


cdef uint32_t bps(dict source, str name) except? 0xffffffff:
    """The member `name` in basis points."""
    if not has(source, name):
        raise Refusal("bad_field", f"{name} is missing")
    return rate(source[name], name)


cdef uint32_t bps_or(dict source, str name, uint32_t absent) except? 0xffffffff:
    return rate(source[name], name) if has(source, name) else absent


cdef object row(object values, str name, int n):
    if type(values) is not list or len(values) != n:
        raise Refusal("bad_field", f"{name} has {n} columns")
    return values


cdef int fill(pump_tier* tier, object threshold, object rates, str name) except -1:
    tier.threshold = u256_low128(number_of(threshold, name, 128, 0))
    tier.rates = pump_rates(rate(rates[0], name), rate(rates[1], name), rate(rates[2], name))
    return 0


cdef bint schedule_of(object schedule, str quote_mint, bint canonical, pump_schedule* out) except -1:
    if schedule is None:
        return False
    if type(schedule) is not dict:
        raise Refusal("bad_field", "fee_schedule is an object or null")
    chosen, kind = "flat_fees", quote_class(quote_mint)
    if canonical and kind == "exotic":
        exotic = row(schedule.get("exotic_flat_fees"), "exotic_flat_fees", 3)
        chosen = "exotic_flat_fees" if any(str(v) != "0" for v in exotic) else "flat_fees"
    elif canonical:
        chosen = "stable_fee_tiers" if kind == "stable" and schedule.get("stable_fee_tiers") else "fee_tiers"
    if chosen in ("flat_fees", "exotic_flat_fees"):
        out.count = 1
        fill(&out.tier[0], 0, row(schedule.get(chosen), chosen, 3), chosen)
        return True
    tiers = schedule.get(chosen)
    if type(tiers) is not list or not 0 < len(tiers) <= PUMP_TIERS:
        raise Refusal("bad_field", f"{chosen} has 1 to {PUMP_TIERS} tiers")
    out.count = <int>len(tiers)
    for i, tier in enumerate(tiers):
        row(tier, chosen, 4)
        fill(&out.tier[<int>i], tier[0], tier[1:], chosen)
    return True
