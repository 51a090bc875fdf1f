"""Uniswap V2 in plain Python integers, written after the library and the pair."""

from __future__ import annotations

U112, U256 = (1 << 112) - 1, (1 << 256) - 1


class Reverts(Exception):
    """The contract would revert."""


def checked(value: int) -> int:
    """SafeMath: beyond 256 bits, or below zero, it reverts."""
    if not 0 <= value <= U256:
        raise Reverts("ds-math")
    return value


def fraction(fee_bps: int) -> tuple[int, int]:
    return (1000 - fee_bps // 10, 1000) if fee_bps % 10 == 0 else (10000 - fee_bps, 10000)


def amount_out(amount: int, reserve_in: int, reserve_out: int, fee_bps: int = 30) -> int:
    keep, scale = fraction(fee_bps)
    if amount == 0 or reserve_in == 0 or reserve_out == 0:
        raise Reverts("INSUFFICIENT")
    counted = checked(amount * keep)
    numerator = checked(counted * reserve_out)
    return numerator // checked(checked(reserve_in * scale) + counted)


def amount_in(amount: int, reserve_in: int, reserve_out: int, fee_bps: int = 30) -> int:
    keep, scale = fraction(fee_bps)
    if amount == 0 or reserve_in == 0 or reserve_out == 0:
        raise Reverts("INSUFFICIENT")
    numerator = checked(checked(reserve_in * amount) * scale)
    denominator = checked(checked(reserve_out - amount) * keep)
    if denominator == 0:
        raise Reverts("division by zero")
    return checked(numerator // denominator + 1)


def pair_swap(
    paid: int, given: int, reserve_in: int, reserve_out: int, fee_bps: int = 30
) -> tuple[int, int]:
    """UniswapV2Pair.swap after a transfer of `paid`: the reserves afterwards (in, out)."""
    keep, scale = fraction(fee_bps)
    if given == 0 or given >= reserve_out:
        raise Reverts("INSUFFICIENT")
    after_in, after_out = reserve_in + paid, reserve_out - given
    if (after_in * scale - paid * (scale - keep)) * after_out < reserve_in * reserve_out * scale:
        raise Reverts("K")
    if after_in > U112:
        raise Reverts("OVERFLOW")
    return after_in, after_out
