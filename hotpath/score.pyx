"""Execution quality: slippage, latency, adherence, market impact, and the score of one execution.

The definitions are requirements S0.1 to S0.9 as F-1 to F-6 correct them: every penalty is clipped to
[0, 1] before it is weighted, slippage is signed against a named benchmark (positive = cost), and
times are differences of one monotonic clock, hop by hop. Where an original form differs it stands
under a name of its own and is never the default. Ratios and statistics are doubles; prices and
quantities come in as the integers they are elsewhere (ticks, lots, ns) or as plain numbers.
"""

from libc.math cimport exp, fabs, log, sinh, sqrt

import msgspec

BUY, SELL = 1, 2
BENCHMARKS = ("decision", "arrival_mid", "submit_bbo", "quoted_route")
HOPS = ("md_recv", "decision", "risk_ok", "sent", "ack", "fill")


class Undefined(ValueError):
    """A figure that does not exist for these inputs; says which must differ."""


class Weights(msgspec.Struct, frozen=True):
    """Shares of the score; they sum to 1 (S0.1)."""

    slippage: float = 0.3
    latency: float = 0.2
    adherence: float = 0.3
    venue: float = 0.2

    def __post_init__(self):
        parts = (self.slippage, self.latency, self.adherence, self.venue)
        if min(parts) < 0 or abs(sum(parts) - 1) > 1e-9:
            raise Undefined(f"weights {parts} must be at least 0 and sum to 1")


class Score(msgspec.Struct, frozen=True):
    """A score in [0, 1] with the four parts it came from, each the better the nearer to 1."""

    total: float
    slippage: float
    latency: float
    adherence: float
    venue: float


def slippage_bps(int side, double average, double benchmark):
    """Signed slippage against the benchmark price, bps, positive = cost (S0.7, F-2)."""
    if side not in (BUY, SELL) or not benchmark > 0:
        raise Undefined("slippage needs side 1 or 2 and a benchmark above zero")
    return signed_slippage_bps(side, average, benchmark)


def slippage_penalty(double slippage, double max_slippage_bps=100.0):
    """Penalty of a signed slippage in bps; an improvement costs nothing (F-2; 1 % by default)."""
    if not max_slippage_bps > 0:
        raise Undefined("max_slippage_bps must be above zero")
    return slippage_part(slippage, max_slippage_bps)


def slippage_penalty_unsigned(double actual, double expected):
    """The original's form (S0.2): min(1, |actual - expected| / expected); not the default."""
    if not expected > 0:
        raise Undefined("expected must be above zero")
    return clip(fabs(actual - expected) / expected)


def latency_penalty(double latency_ms, double max_latency_ms=1000.0):
    """Form A: linear up to the budget (S0.3, F-3)."""
    if not max_latency_ms > 0:
        raise Undefined("max_latency_ms must be above zero")
    return latency_part(latency_ms, max_latency_ms)


def latency_penalty_grace(double latency_ms, double max_latency_ms=1000.0):
    """Form B: nothing up to the budget, 1 at twice the budget (S0.4, F-3)."""
    if not max_latency_ms > 0:
        raise Undefined("max_latency_ms must be above zero")
    return latency_part_grace(latency_ms, max_latency_ms)


def adherence(filled, intended):
    """1 when exactly the intended size was filled, clipped to [0, 1] (S0.5, F-4)."""
    if not intended > 0:
        raise Undefined("intended must be above zero")
    return adherence_part(filled, intended)


def is_overfilled(filled, intended):
    """More was filled than intended: a fault to raise an alert for, not a quality (F-4)."""
    return filled > intended


def execution_score(*, double slippage, double latency_ms, filled, intended, double venue_score,
                    weights=None, double max_slippage_bps=100.0, double max_latency_ms=1000.0,
                    bint grace=False):
    """The score of one execution (S0.1, F-1): `slippage` signed in bps, `venue_score` in [0, 1].

    `grace` takes form B of the latency penalty. Undefined for inputs out of range.
    """
    w = weights if weights is not None else Weights()
    if not 0.0 <= venue_score <= 1.0:
        raise Undefined("venue_score must lie in [0, 1]")
    late = latency_penalty_grace if grace else latency_penalty
    parts = (1.0 - slippage_penalty(slippage, max_slippage_bps),
             1.0 - late(latency_ms, max_latency_ms), adherence(filled, intended), venue_score)
    total = (w.slippage * parts[0] + w.latency * parts[1] + w.adherence * parts[2]
             + w.venue * parts[3])
    return Score(clip(total), *parts)


def walk_cost_bps(int side, levels, quantity, double benchmark):
    """(cost in bps against the benchmark, quantity that the book has) of taking from `levels`.

    `levels` are (price, quantity), best first: the exact cost in this book (F-5 a).
    """
    left, paid, filled = quantity, 0, 0
    for price, size in levels:
        take = min(left, size)
        paid += price * take
        filled += take
        left -= take
        if left <= 0:
            break
    if filled == 0:
        raise Undefined("there is nothing to take")
    return slippage_bps(side, paid / filled, benchmark), filled


def impact_square_root(double quantity, double volume, double sigma, double y=1.0):
    """Impact as a fraction of the price: Y sigma sqrt(Q / V), daily sigma and volume (F-5 b)."""
    if not volume > 0 or quantity < 0 or sigma < 0:
        raise Undefined("volume must be above zero, quantity and sigma not below")
    return square_root_impact(y, sigma, quantity, volume)


def impact_linear(double order_size, double market_depth, double volatility):
    """The original's form (S0.8): size / depth * volatility * 0.1; not the default."""
    if not market_depth > 0:
        raise Undefined("market_depth must be above zero")
    return order_size / market_depth * volatility * 0.1


def almgren_chriss_holdings(double quantity, int steps, double horizon, double sigma, double eta,
                            double gamma, double risk_aversion):
    """Optimal holdings x_0 .. x_N of a liquidation (Almgren and Chriss 2000, equations 18 to 20).

    `sigma` per square root of the time unit, `eta` and `gamma` temporary and permanent impact.
    """
    if steps < 1 or not horizon > 0 or not eta > 0 or sigma < 0 or risk_aversion < 0:
        raise Undefined("steps, horizon and eta must be above zero, sigma and risk not below")
    cdef double tau = horizon / steps, adjusted = eta - 0.5 * gamma * tau, kappa, x
    if not adjusted > 0:
        raise Undefined("eta must exceed gamma * tau / 2: take shorter steps")
    cdef double squared = risk_aversion * sigma * sigma / adjusted
    if squared == 0:                       # no urgency: evenly
        return [quantity * (1 - j / <double>steps) for j in range(steps + 1)]
    x = 1.0 + tau * tau * squared / 2.0    # cosh(kappa tau)
    kappa = log(x + sqrt(x * x - 1.0)) / tau
    if kappa * horizon > 600.0:            # sinh overflows: the limit of both
        return [quantity * exp(-kappa * tau * j) for j in range(steps)] + [0.0]
    return [quantity * sinh(kappa * (horizon - tau * j)) / sinh(kappa * horizon)
            for j in range(steps)] + [0.0]


def almgren_chriss_cost(holdings, double horizon, double eta, double gamma, double epsilon=0.0):
    """Expected cost of holdings x_0 .. x_N (F-5 c): permanent, fixed and temporary parts."""
    cdef int n = len(holdings) - 1
    if n < 1 or not horizon > 0:
        raise Undefined("a schedule has two holdings or more and a horizon above zero")
    cdef double tau = horizon / n, adjusted = eta - 0.5 * gamma * tau, moved = 0, squares = 0, q
    for j in range(n):
        q = holdings[j] - holdings[j + 1]
        moved += fabs(q)
        squares += q * q
    return 0.5 * gamma * holdings[0] ** 2 + epsilon * moved + adjusted / tau * squares


def implementation_shortfall(int side, fills, quantity, double arrival, double last, double fees=0.0):
    """Cost in quote units against the paper trade at the arrival price (Perold 1988).

    `fills` are (price, quantity); what was not filled is valued at `last`. Positive = cost.
    """
    if side not in (BUY, SELL) or not arrival > 0:
        raise Undefined("shortfall needs side 1 or 2 and an arrival price above zero")
    cdef double sign = 1.0 if side == BUY else -1.0, paid = 0.0, done = 0.0
    for price, size in fills:
        paid += sign * (price - arrival) * size
        done += size
    return paid + sign * (last - arrival) * (quantity - done) + fees


def hop_latencies_ns(stamps):
    """ns of each hop from its predecessor, by HOPS; stamps of one monotonic clock (S0.9, F-6).

    A hop that was not stamped is left out, and the next one is measured from the last that was.
    Undefined when a stamp lies before its predecessor: two clocks were mixed.
    """
    found = {}
    before = None
    for hop in HOPS:
        at = stamps.get(hop)
        if at is None:
            continue
        if before is not None:
            if at < before:
                raise Undefined(f"{hop} lies before its predecessor")
            found[hop] = at - before
        before = at
    return found
