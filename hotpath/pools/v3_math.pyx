"""Python doors to Uniswap V3's arithmetic, named as the Solidity libraries name it.

A revert is `Reverts`. Prices are sqrt(token1 / token0) in Q64.96; fees are millionths.
"""

from hotpath.u256 cimport *
from hotpath.pools.v3_math cimport *


class Reverts(ArithmeticError):
    """The contract's library would revert."""


cdef object checked(int failed, u256 v, str why):
    if failed:
        raise Reverts(why)
    return to_int(v)


cdef u128 liquidity_of(v) except? 0:
    cdef int ok = 1
    cdef u128 x = u256_to_u128(from_int(v), &ok)
    if not ok:
        raise OverflowError("liquidity has 128 bits")
    return x


cdef u256 price_of(v) except *:
    cdef u256 x = from_int(v)
    if not v3_fits160(x):
        raise OverflowError("a price has 160 bits")
    return x


def price_at_tick(int tick):
    """TickMath.getSqrtRatioAtTick."""
    if not V3_MIN_TICK <= tick <= V3_MAX_TICK:
        raise Reverts("T")
    return to_int(v3_price_at_tick(tick))


def tick_at_price(price):
    """TickMath.getTickAtSqrtRatio."""
    cdef u256 p = price_of(price)
    if u256_lt(p, V3_MIN_PRICE) or not u256_lt(p, V3_MAX_PRICE):
        raise Reverts("R")
    return v3_tick_at_price(p)


def amount0_delta(price_a, price_b, liquidity, bint round_up):
    """SqrtPriceMath.getAmount0Delta."""
    cdef u256 a = price_of(price_a), b = price_of(price_b)
    if u256_lt(b, a):
        a, b = b, a
    if u256_is_zero(a):
        raise Reverts("a price of 0")
    return to_int(v3_amount0(a, b, liquidity_of(liquidity), round_up))


def amount1_delta(price_a, price_b, liquidity, bint round_up):
    """SqrtPriceMath.getAmount1Delta."""
    cdef u256 a = price_of(price_a), b = price_of(price_b)
    if u256_lt(b, a):
        a, b = b, a
    return to_int(v3_amount1(a, b, liquidity_of(liquidity), round_up))


def next_price_from_input(price, liquidity, amount, bint zero_for_one):
    """SqrtPriceMath.getNextSqrtPriceFromInput."""
    cdef u256 next
    cdef int failed = v3_next_from_input(price_of(price), liquidity_of(liquidity), from_int(amount), zero_for_one, &next)
    return checked(failed, next, "next price from input")


def next_price_from_output(price, liquidity, amount, bint zero_for_one):
    """SqrtPriceMath.getNextSqrtPriceFromOutput."""
    cdef u256 next
    cdef int failed = v3_next_from_output(price_of(price), liquidity_of(liquidity), from_int(amount), zero_for_one, &next)
    return checked(failed, next, "next price from output")


def swap_step(price, target, liquidity, amount_remaining, unsigned int fee):
    """SwapMath.computeSwapStep: (next price, amount in, amount out, fee)."""
    cdef v3_step s
    cdef u256 p = price_of(price), t = price_of(target), a = from_int(abs(amount_remaining))
    if not 0 <= fee < 1000000:
        raise Reverts("the divisor is zero")
    if v3_compute_step(p, t, liquidity_of(liquidity), a, not u256_lt(p, t), amount_remaining >= 0, fee, 1, &s):
        raise Reverts("swap step")
    return to_int(s.next), to_int(s.paid), to_int(s.out), to_int(s.fee)


def add_delta(x, y):
    """LiquidityMath.addDelta: x + y, x of 128 bits, y signed of 128 bits."""
    cdef u128 z
    cdef u256 delta
    u256_from_long(y, 1, &delta)
    if not -(1 << 127) <= y < 1 << 127:
        raise OverflowError("a liquidity delta has 128 bits")
    if v3_add_delta(liquidity_of(x), <i128>u256_low128(delta), &z):
        raise Reverts("LS" if y < 0 else "LA")
    return to_int(u256_from_u128(z))


def max_liquidity_per_tick(int spacing):
    """Tick.tickSpacingToMaxLiquidityPerTick."""
    if spacing <= 0:
        raise Reverts("a spacing of 0")
    return ((1 << 128) - 1) // (2 * (V3_MAX_TICK // spacing) + 1)


def liquidity_for_amounts(price, price_a, price_b, amount0, amount1):
    """LiquidityAmounts.getLiquidityForAmounts (periphery): the most that the two amounts can mint."""
    low, high = sorted((price_a, price_b))
    if price <= low:
        return _liquidity_for_amount0(low, high, amount0)
    if price < high:
        return min(_liquidity_for_amount0(price, high, amount0), _liquidity_for_amount1(low, price, amount1))
    return _liquidity_for_amount1(low, high, amount1)


cdef object _liquidity_for_amount0(low, high, amount):
    cdef u256 q
    if u256_muldiv(from_int(low), from_int(high), u256_shl(U256_ONE, 96), &q):
        raise Reverts("mulDiv")
    if u256_muldiv(from_int(amount), q, from_int(high - low), &q):
        raise Reverts("mulDiv")
    if not u256_fits_u128(q):
        raise Reverts("liquidity beyond 128 bits")
    return to_int(q)


cdef object _liquidity_for_amount1(low, high, amount):
    cdef u256 q
    if u256_muldiv(from_int(amount), u256_shl(U256_ONE, 96), from_int(high - low), &q):
        raise Reverts("mulDiv")
    if not u256_fits_u128(q):
        raise Reverts("liquidity beyond 128 bits")
    return to_int(q)


def amounts_for_liquidity(price, price_a, price_b, liquidity):
    """LiquidityAmounts.getAmountsForLiquidity (periphery): what burning `liquidity` would give, (0, 1)."""
    low, high = sorted((price_a, price_b))
    zero = one = 0
    if price < high:
        start = max(price, low)
        if start == 0:
            raise Reverts("a price of 0")
        zero = (liquidity << 96) * (high - start) // high // start
    if price > low:
        one = liquidity * (min(price, high) - low) >> 96
    return zero, one
