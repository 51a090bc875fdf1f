"""What Solana's concentrated pools cost: timed in C through the methods that strategies call.

The yardstick is exact Python integers on the same pool in the same run; its answer is compared.
"""

from libc.stdint cimport int64_t, uint64_t
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from hotpath.pools.pool cimport Pool, Quote
from hotpath.u256 cimport *

import statistics

from bench.yardstick import call_ns
from bench.yardstick_solana import BELOW_ORCA, BELOW_RAYDIUM, bins_exact_in, price_below, range_exact_in
from hotpath.pools.meteora_dlmm import MeteoraDlmm
from hotpath.pools.orca_whirlpool import OrcaWhirlpool
from hotpath.pools.raydium_clmm import RaydiumClmm


cdef inline int64_t now() noexcept nogil:
    cdef timespec t
    clock_gettime(CLOCK_MONOTONIC, &t)
    return t.tv_sec * 1000000000 + t.tv_nsec


cdef double median_ns(Pool pool, u256 amount, int n, int repetitions) except -1:
    """Median ns of an exact-in quote on side 0; each depends on the one before."""
    cdef Quote quote
    cdef u256 x
    cdef uint64_t z = 0
    cdef int i, r
    cdef int64_t start
    times = []
    for r in range(repetitions):
        start = now()
        for i in range(n):
            x = amount
            x.w[0] += z & 1
            pool.quote_in_to(0, &x, NULL, &quote)
            z += quote.amount_out.w[0]
        times.append((now() - start) / <double>n)
    return statistics.median(times)


def least(found):
    """The smallest amount for which `found` holds."""
    low, high = 1, 1 << 62
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if found(middle) else (middle + 1, high)
    return low


def range_row(cls, factors, int repetitions):
    """Five ticks crossed, the sixth range entered: a tick at every spacing of 64 below the price."""
    cdef Quote quote
    cdef Pool pool
    liquidity, fee, start = 987_654_321_987_654, 3000, -2000
    ticks = [(-2048 - 64 * i, liquidity // (-20 if i % 2 else 20)) for i in range(12)]
    price = price_below(start, factors) + 123_456_789
    rows = [[str(t), str(n), str(abs(n))] for t, n in reversed(ticks)]
    head = {"tick_spacing": "64", "liquidity": str(liquidity)}
    if cls is OrcaWhirlpool:
        head |= {"fee_rate": str(fee), "sqrt_price": str(price), "tick_current_index": str(start)}
        state = {"pool": head, "timestamp": "1760000000", "ticks": rows}
    else:
        head |= {"sqrt_price_x64": str(price), "tick_current": str(start)}
        state = {"pool": head, "amm_config": {"tradeFeeRate": str(fee)}, "block_timestamp": "1760000000", "ticks": rows}
    slow = lambda x: range_exact_in(x, price, liquidity, ticks, fee, factors)  # noqa: E731
    whole = (least(lambda x: slow(x)[2] >= 5) + least(lambda x: slow(x)[2] >= 6)) // 2
    pool = cls.from_state(state)
    cdef u256 amount = from_int(whole)
    pool.quote_in_to(0, &amount, NULL, &quote)
    got = to_int(quote.amount_out), to_int(quote.price_after), quote.crossed
    if got != slow(whole) or quote.crossed != 5:
        raise ArithmeticError(f"the yardstick and the pool differ: {slow(whole)}, {got}")
    return {"ns": median_ns(pool, amount, 4_000, repetitions), "python_ns": call_ns(lambda: slow(whole), 300)}


def bins_row(int touched, int repetitions):
    """So many bins touched, the last in part, of a pair whose fee moves."""
    cdef Quote quote
    cdef Pool pool
    step, active, factor, control, most = 10, -100, 8000, 40_000, 350_000
    there = [(active - i, 1_234_567_891 + 7919 * i) for i in range(40)]
    zero = {"volatilityAccumulator": "0", "volatilityReference": "0", "indexReference": str(active), "lastUpdateTimestamp": "0"}
    parameters = {"baseFactor": factor, "filterPeriod": 30, "decayPeriod": 600, "reductionFactor": 5000,
                  "variableFeeControl": control, "maxVolatilityAccumulator": most, "protocolShare": 500, "functionType": 1}
    pair = {"active_id": str(active), "bin_step": str(step), "parameters": {k: str(v) for k, v in parameters.items()},
            "v_parameters": zero}
    state = {"lb_pair": pair, "timestamp": "1760000000", "bins": [[str(i), "0", str(y)] for i, y in there]}
    slow = lambda x: bins_exact_in(x, there, step, factor * step * 10, control, active, most)  # noqa: E731
    low = least(lambda x: slow(x)[1] >= touched) if touched > 1 else 1
    whole = (low + least(lambda x: slow(x)[1] >= touched + 1)) // 2
    pool = MeteoraDlmm.from_state(state)
    cdef u256 amount = from_int(whole)
    pool.quote_in_to(0, &amount, NULL, &quote)
    got = to_int(quote.amount_out), quote.crossed + 1
    if got != slow(whole) or got[1] != touched:
        raise ArithmeticError(f"the yardstick and the pool differ: {slow(whole)}, {got}")
    return {"ns": median_ns(pool, amount, 20_000 // touched, repetitions), "python_ns": call_ns(lambda: slow(whole), 300)}


def rows(bint quick):
    """The rows of this part: id to figures."""
    cdef int repetitions = 5 if quick else 25
    return {
        "whirlpool_5": range_row(OrcaWhirlpool, BELOW_ORCA, repetitions),
        "clmm_5": range_row(RaydiumClmm, BELOW_RAYDIUM, repetitions),
        "dlmm_5": bins_row(5, repetitions),
        "dlmm_step": bins_row(1, repetitions),
    }
