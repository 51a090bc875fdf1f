"""Ticks, lots and notionals are exact, or refused, or rounded to the named side."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpath.instrument import Instrument, plain

BTC = Instrument(
    "BTCUSDT",
    "0.01",
    "0.00001",
    id=7,
    base="BTC",
    quote="USDT",
    base_asset=1,
    quote_asset=2,
    min_quantity="0.00001",
    max_quantity="9000",
    min_notional="5",
)


def test_text_to_units_and_back() -> None:
    assert BTC.price("61843.23000000") == 6184323
    assert BTC.price_text(6184320) == "61843.20"
    assert BTC.price_plain(6184300) == "61843"
    assert BTC.quantity("4.33586") == 433586
    assert BTC.quantity_plain(100000) == "1"
    assert BTC.price_text(-5) == "-0.05"
    assert (BTC.min_quantity, BTC.max_quantity, BTC.min_notional) == (1, 900_000_000, 500_000_000)


@pytest.mark.parametrize("text", ["61843.235", "nan", "", "1e-3", "61843.2 ", "0.001"])
def test_what_is_no_whole_number_of_ticks_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="whole number of ticks"):
        BTC.price(text)


@pytest.mark.parametrize(
    ("tick", "lot"), [("0", "1"), ("-0.1", "1"), ("0.01", "x"), ("0." + "0" * 18 + "1", "1")]
)
def test_units_must_be_decimals_above_zero(tick: str, lot: str) -> None:
    with pytest.raises(ValueError):
        Instrument("X", tick, lot)


def test_a_document_makes_the_same_instrument() -> None:
    assert Instrument(**BTC.document()) == BTC  # type: ignore[arg-type]
    odd = Instrument("ODD", "0.25", "10", min_quantity="20", status="halted")
    assert Instrument(**odd.document()) == odd  # type: ignore[arg-type]
    assert (odd.price("1.75"), odd.quantity("30"), odd.status) == (7, 3, "halted")
    assert odd.price_text(3) == "0.75" and odd.quantity_text(3) == "30"


ticks = st.sampled_from(["0.01", "1", "0.00000001", "0.25", "5", "0.000000000000000001"])


@given(ticks, ticks, st.integers(-(2**50), 2**50), st.integers(0, 2**55))
def test_the_notional_is_rounded_away_from_zero(
    tick: str, lot: str, price: int, quantity: int
) -> None:
    """The side of safety for a limit, whatever the scales: 128 bits, no float."""
    exact = Fraction(tick) * price * Fraction(lot) * quantity * 10**8
    want = ceil(abs(exact)) * (1 if exact >= 0 else -1)
    instrument = Instrument("X", tick, lot)
    unscaled = (
        price
        * int(Fraction(tick) * 10**instrument.price_scale)
        * quantity
        * int(Fraction(lot) * 10**instrument.quantity_scale)
        * 10 ** max(0, 8 - instrument.price_scale - instrument.quantity_scale)
    )
    if abs(unscaled) >= 2**127:
        with pytest.raises(OverflowError):
            instrument.notional(price, quantity)
    else:
        assert instrument.notional(price, quantity) == want


def test_plain_has_no_trailing_zeros_and_no_exponent() -> None:
    assert [plain(v, 8) for v in (0, 1, 10**8, -150_000_000)] == ["0", "0.00000001", "1", "-1.5"]
