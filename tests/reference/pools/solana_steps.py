"""What the twins of the Solana kinds share: refusing, and rounding up."""

from __future__ import annotations

from typing import Any

U64, U128 = (1 << 64) - 1, (1 << 128) - 1


class Refuses(Exception):
    """The oracle gives no answer, or none that a chain could hold."""


def up(numerator: int, denominator: int) -> int:
    if denominator <= 0:
        raise Refuses("division")
    return -(-numerator // denominator)


def down(numerator: int, denominator: int) -> int:
    if denominator <= 0:
        raise Refuses("division")
    return numerator // denominator


def fits(*values: int, most: int = U64) -> None:
    for v in values:
        if not 0 <= v <= most:
            raise Refuses(f"{v} does not fit")


def ints(source: dict[str, Any], *names: str) -> list[int]:
    return [int(source[n]) for n in names]
