"""What one step of the Solana kinds costs: timed in C through the methods that strategies call.

Each amount depends on the answer before it, so a step is paid in full. The yardstick is the same swap
in plain Python integers; the answers are compared before the clock starts.
"""

from libc.stdint cimport int64_t, uint64_t
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from hotpath.pools.pool cimport Pool, Quote
from hotpath.u256 cimport u256, u256_from_u64

import statistics

from bench.yardstick import call_ns
from hotpath.pools.pump_curve import PumpCurve
from hotpath.pools.raydium_cpmm import RaydiumCpmm

VIRTUAL_TOKEN, VIRTUAL_QUOTE, REAL_TOKEN = 541668674224438, 59427472054, 261768674224438
TIERS = [[str(i * 3_000_000_000), "20", "5", str(95 - i)] for i in range(25)]
CURVE = {
    "fee_schedule": {"flat_fees": ["25", "5", "0"], "fee_tiers": TIERS, "stable_fee_tiers": [],
                     "exotic_flat_fees": ["0", "0", "0"]},
    "global": {"fee_basis_points": "95", "creator_fee_basis_points": "5"},
    "mint_supply": "1000000000000000",
    "bonding_curve": {
        "virtual_token_reserves": str(VIRTUAL_TOKEN), "virtual_quote_reserves": str(VIRTUAL_QUOTE),
        "real_token_reserves": str(REAL_TOKEN), "real_quote_reserves": "29427472054",
        "quote_mint": "11111111111111111111111111111111",
    },
}  # fmt: skip
CPMM_VAULTS, CPMM_RATES = (245519196392084, 5951789123456), (2500, 120000, 40000)
CPMM = {
    "trade_fee_rate": 2500, "protocol_fee_rate": 120000, "fund_fee_rate": 40000, "creator_fee_rate": 500,
    "vault_0_amount": CPMM_VAULTS[0], "vault_1_amount": CPMM_VAULTS[1],
    **{f"{k}_fees_token_{i}": 0 for k in ("protocol", "fund", "creator") for i in (0, 1)},
}  # fmt: skip
AMOUNT = 570_923_289


cdef inline int64_t now() noexcept nogil:
    cdef timespec t
    clock_gettime(CLOCK_MONOTONIC, &t)
    return t.tv_sec * 1000000000 + t.tv_nsec


def step_ns(Pool pool, int direction, uint64_t amount, int repetitions):
    """Median nanoseconds of one exact-in quote, each waiting for the one before."""
    cdef Quote quote
    cdef u256 x
    cdef int i
    cdef uint64_t last = 0
    cdef int64_t start
    times = []
    for _ in range(repetitions):
        start = now()
        for i in range(20000):
            x = u256_from_u64(amount + (i & 1023) + (last & 1))
            pool.quote_in_to(direction, &x, NULL, &quote)
            last = quote.amount_out.w[0]
        times.append((now() - start) / 20000.0)
    return statistics.median(times)


def curve_rates():
    """Protocol's and creator's basis points at the curve's capitalisation: known before a quote in both."""
    cap = VIRTUAL_QUOTE * 10**15 // VIRTUAL_TOKEN
    return max([int(v) for v in row] for row in TIERS if cap >= int(row[0]))[2:]


def curve_buy(quote, rates):
    """Tokens, cost and fees of a buy for an exact amount of quote, in plain integers."""
    protocol, creator = rates
    net = (quote - 1) * 10000 // (10000 + protocol + creator)
    tokens = min(net * VIRTUAL_TOKEN // (VIRTUAL_QUOTE + net), REAL_TOKEN)
    cost = tokens * VIRTUAL_QUOTE // (VIRTUAL_TOKEN - tokens) + 1
    return tokens, cost - -cost * protocol // 10000 - -cost * creator // 10000


def cpmm_out(amount):
    """What the CPMM gives for an amount of coin 0, and its fees, in plain integers."""
    both = -(-amount * 3000 // 1000000)
    creator = both * 500 // 3000
    trade = both - creator
    net = amount - both
    return net * CPMM_VAULTS[1] // (CPMM_VAULTS[0] + net), creator, trade * 120000 // 1000000, trade * 40000 // 1000000


def rows(quick):
    """`pump_step` and `cpmm_step`: a buy on a bonding curve of 25 tiers, a swap with a creator's fee."""
    repetitions, rates = 15 if quick else 101, curve_rates()
    curve, cpmm = PumpCurve.from_state(CURVE), RaydiumCpmm.from_state(CPMM)
    if (curve.quote_in(1, AMOUNT).amount_out != curve_buy(AMOUNT, rates)[0]
            or cpmm.quote_in(0, AMOUNT).amount_out != cpmm_out(AMOUNT)[0]):
        raise ArithmeticError("the yardstick and the pool differ")
    return {
        "pump_step": {"ns": step_ns(curve, 1, AMOUNT, repetitions),
                      "python_ns": call_ns(lambda: curve_buy(AMOUNT, rates), 2000 if quick else 20000)},
        "cpmm_step": {"ns": step_ns(cpmm, 0, AMOUNT, repetitions),
                      "python_ns": call_ns(lambda: cpmm_out(AMOUNT), 2000 if quick else 20000)},
    }
