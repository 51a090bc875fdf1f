"""Decimal text to integers of 1e-8 and back, exact or refused; never through a float."""

from __future__ import annotations

SCALE = 8
UNIT = 100_000_000
LARGEST = 10**10 * UNIT


def units(text: str) -> int:
    """`text` in units of 1e-8; ValueError when it is no plain decimal, or does not fit exactly.

    The exception's argument is "precision" for more than eight decimals that matter, else "text".
    """
    whole, _, part = text.partition(".")
    negative = whole.startswith("-")
    digits = whole[1:] if negative else whole
    joined = (digits or "0") + part
    if not (digits or part) or not joined.isascii() or not joined.isdigit() or len(joined) > 40:
        raise ValueError("text")
    part = part.rstrip("0")
    if len(part) > SCALE:
        raise ValueError("precision")
    value = int(digits or "0") * UNIT + (int(part.ljust(SCALE, "0")) if part else 0)
    return -value if negative else value


def text(value: int) -> str:
    """Units of 1e-8 with all eight decimals, as Binance prints them."""
    if value < 0:
        return "-" + text(-value)
    return f"{value // UNIT}.{value % UNIT:08d}"


def short(value: int) -> str:
    """Units of 1e-8 as a plain decimal without trailing zeros."""
    found = text(value).rstrip("0")
    return found[:-1] if found.endswith(".") else found
