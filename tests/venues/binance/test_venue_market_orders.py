"""A market order names no price; what it may cost at worst is held in every life all the same."""

from __future__ import annotations

import pytest

from hotpath.records import Kind, OrderType
from tests.venues.binance.stage import Stage
from tests.venues.binance.test_venue import restarted, started


@pytest.mark.parametrize("side", [1, 2])
def test_an_unknown_market_order_of_an_earlier_life_holds_what_it_was_reserved_at(
    side: int,
) -> None:
    before = started()
    id = before.place(side=side, price=0, type=int(OrderType.MARKET))
    held = before.venue.gate.reserved(id)
    assert held is not None and held[1] > 0
    after = restarted(before)
    assert after.state(id) == ("PENDING_NEW", "NONE", "UNKNOWN", 0)
    assert after.venue.gate.reserved(id) == held
    assert after.venue.gate.exposure(100) == before.venue.gate.exposure(100)
    assert after.venue.gate.open_notional == before.venue.gate.open_notional > 0
    known = after.venue.orders.state(id)
    assert known is not None and known["price"] == 0, "it has no limit"


def test_its_approval_says_the_worst_price_it_was_reserved_at() -> None:
    stage = started()
    stage.place(price=0, type=int(OrderType.MARKET))
    ((_, approved),) = stage.records(Kind.APPROVED)
    assert approved.price == 5_500_055, "the middle of 50,000.00 and 50,001.00 and a tenth of it"


def test_one_that_lives_after_all_holds_it_again() -> None:
    """Found working though its end was told: nobody knows at what price it trades."""
    stage = Stage()
    stage.start()
    id = stage.place(price=0, type=int(OrderType.MARKET))
    held = stage.venue.gate.reserved(id)
    stage.report(id, "REJECTED", X="REJECTED", o="MARKET", p="0", r="INSUFFICIENT_BALANCES")
    assert stage.venue.gate.reserved(id) is None
    stage.report(id, "TRADE", X="PARTIALLY_FILLED", o="MARKET", p="0", t=5, l="0.0040", z="0.0040",
                 L="50001.00")  # fmt: skip
    again = stage.venue.gate.reserved(id)
    assert held is not None and again is not None
    assert stage.venue.gate.exposure(100) == (40, 60, 0, 1)
    assert again[1] >= held[1] * 60 // 100
