"""R05: a reference in another market's ticks keeps its spread in this instrument's."""

from __future__ import annotations

import pytest

from hotpath.records import Kind
from tests.venues.binance.stage import FEED, TOP, Stage

REFERENCE = 7


def asked(bid: int, ask: int, mul: int, div: int, price: int = 4_990_000) -> tuple[int, ...] | None:
    """What R05 found with this reference: None when it lets the order go."""
    stage = Stage(reference=(REFERENCE, mul, div))
    stage.start()
    slot = TOP.pack(bid, 10**6, ask, 10**6, 0, 0, 0, 0, stage.now, 1, 100, FEED, 0)
    stage.board.write(REFERENCE, slot)
    stage.place(price=price)
    found = [payload for _, payload in stage.records(Kind.REFUSED)]
    return (found[0].control, *found[0].input) if found else None


@pytest.mark.parametrize(("bid", "ask"), [(50_000_001, 50_000_002), (50_000_000, 50_000_009)])
def test_a_spread_finer_than_a_tick_is_one_tick_wide(bid: int, ask: int) -> None:
    """Ticks of 0.001 beside ours of 0.01: both sides of 50,000.001 / 50,000.002 rounded down are
    the same, and a collar without a spread refuses whatever is asked."""
    assert asked(bid, ask, 1, 10) is None


def test_the_bid_is_rounded_down_and_the_ask_up() -> None:
    far = 10_000_000  # beyond the collar: the refusal says what the reference was
    assert asked(49_999_999, 50_000_001, 1, 10, far) == (5, 4, 4_999_999, 5_000_001, far)
    assert asked(50_000_000, 50_000_010, 1, 10, far) == (5, 4, 5_000_000, 5_000_001, far)
    assert asked(1_000_000, 1_000_001, 5, 1, far) == (5, 4, 5_000_000, 5_000_005, far)


@pytest.mark.parametrize("mul", [10**12, 2**62])
def test_a_reference_beyond_any_number_is_none(mul: int) -> None:
    """Its product with the ratio of the ticks may not wrap to a price."""
    assert asked(50_000_000, 50_000_001, mul, 1) == (5, 1, 0, 0, 4_990_000)


def test_a_bid_below_one_tick_is_no_reference() -> None:
    assert asked(9, 11, 1, 10) == (5, 1, 0, 2, 4_990_000)
