"""The 256-bit arithmetic equals Python's integers, at the edges of the limbs and at random."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from hotpath import u256

LIMIT = 1 << 256
MASK = LIMIT - 1
POWERS = (0, 32, 63, 64, 65, 96, 127, 128, 160, 192, 255)
EDGES = sorted({0, MASK - 1, MASK, *((1 << n) + d for n in POWERS for d in (-1, 0, 1))})


def numbers(seed: int, count: int, bits: int = 256) -> list[int]:
    random_bits = random.Random(seed)
    widths = (1, 20, 63, 64, 65, 96, 127, 128, 129, 160, 191, 192, 193, 224, 255, 256)
    edges = [e for e in EDGES if e >> bits == 0]
    return [
        random_bits.choice(edges)
        if random_bits.random() < 0.2
        else random_bits.getrandbits(min(bits, random_bits.choice(widths)))
        for _ in range(count)
    ]


def triples(seed: int, count: int, bits: int = 256) -> list[tuple[int, int, int]]:
    flat = numbers(seed, 3 * count, bits)
    return list(zip(flat[::3], flat[1::3], flat[2::3], strict=True))


def fits(call: Callable[..., object], *args: int) -> object:
    try:
        return call(*args)
    except OverflowError:
        return None


def test_muldiv_is_the_floor_and_the_ceiling_of_the_full_product() -> None:
    for a, b, d in triples(1, 60_000):
        low = a * b // d if d else None
        high = -(-a * b // d) if d else None
        assert fits(u256.muldiv, a, b, d) == (low if low is not None and low <= MASK else None)
        assert fits(u256.muldiv_up, a, b, d) == (
            high if high is not None and high <= MASK else None
        )


def test_muldiv_by_single_limbs() -> None:
    for a, b, d in triples(7, 40_000):
        b, d = b & (1 << 64) - 1, d & (1 << 64) - 1
        low, high = (a * b // d, -(-a * b // d)) if d else (LIMIT, LIMIT)
        assert fits(u256.muldiv_small, a, b, d, False) == (low if low <= MASK else None)
        assert fits(u256.muldiv_small, a, b, d, True) == (high if high <= MASK else None)


def test_the_second_correction_of_the_quotient_digit_is_taken_right() -> None:
    """Operands whose estimate is two too large, and whose subtraction borrows (Knuth D6)."""
    top = 1 << 63
    for low in (0, 1, (1 << 64) - 1):
        d = top << 128 | low << 64 | ((1 << 64) - 1)
        for n in (d * MASK >> 64, (d << 64) - 1, d * ((1 << 64) - 2) + d - 1):
            a, b = n >> 1 if n > MASK else n, 2 if n > MASK else 1
            assert u256.muldiv(a & MASK, b, d) == (a & MASK) * b // d
    d = (1 << 127) | ((1 << 64) - 1)
    for n in range(d * 3 - 3, d * 3 + 3):
        assert u256.divmod256(n, d) == divmod(n, d)


def test_addition_subtraction_product_and_shifts_report_what_does_not_fit() -> None:
    for a, b, _ in triples(2, 20_000):
        assert u256.add(a, b) == ((a + b) & MASK, int(a + b > MASK))
        assert u256.sub(a, b) == ((a - b) & MASK, int(a < b))
        assert u256.mul(a, b) == ((a * b) & MASK, int(a * b > MASK))
        assert u256.cmp(a, b) == (a > b) - (a < b)
        assert u256.less(a, b) == (a < b)
        n = b % 300
        assert u256.shl(a, n) == (a << n) & MASK
        assert u256.shr(a, n) == a >> n


def test_division_and_roots() -> None:
    for a, b, _ in triples(3, 20_000):
        if b:
            assert u256.divmod256(a, b) == divmod(a, b)
            assert u256.div_up(a, b) == -(-a // b)
        assert u256.isqrt(a) == math.isqrt(a)
    for root in numbers(4, 5_000, 128):
        for square in (root * root - 1, root * root, root * root + 1):
            if 0 <= square <= MASK:
                assert u256.isqrt(square) == math.isqrt(square)
    with pytest.raises(OverflowError):
        u256.divmod256(1, 0)


def test_the_128_bit_quotient_is_exact_or_refused() -> None:
    for a, b, d in triples(5, 60_000, 128):
        fit = d and a * b // d < 1 << 128
        assert fits(u256.muldiv128, a, b, d) == (divmod(a * b, d) if fit else None)
        up = -(-a * b // d) if d else 0
        want = up if fit and up < 1 << 128 else None
        assert fits(u256.muldiv128_up, a, b, d) == want


def test_decimal_text_goes_both_ways() -> None:
    for v in [*EDGES, *numbers(6, 20_000), *(10**n + d for n in range(78) for d in (-1, 0, 1))]:
        if v > MASK:
            continue
        assert u256.from_text(str(v)) == v == u256.from_text(v)
        assert u256.to_text(v) == str(v)
        s = v - (LIMIT if v >> 255 else 0)
        assert u256.from_text(str(s), True) == s == u256.from_text(s, True)
        assert u256.to_text(s, True) == str(s)
    assert u256.from_text("000" * 40 + "7") == 7


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", " 1", "1 ", "1.0", "0x1", "1e3", "１", True, 1.0, None]
)
def test_what_is_no_integer_is_refused(text: object) -> None:
    with pytest.raises(ValueError):
        u256.from_text(text)


@pytest.mark.parametrize("text", [str(LIMIT), str(10**100), LIMIT, -1, "1" * 5000])
def test_what_is_too_large_is_refused(text: object) -> None:
    with pytest.raises(OverflowError):
        u256.from_text(text)


@pytest.mark.parametrize("text", [str(1 << 255), str(-(1 << 255) - 1), 1 << 255])
def test_what_is_too_large_for_a_signed_word_is_refused(text: object) -> None:
    with pytest.raises(OverflowError):
        u256.from_text(text, True)
