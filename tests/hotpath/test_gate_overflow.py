"""Sums of the gate where numbers end: refused or held at the end, never wrapped to minus."""

from __future__ import annotations

from typing import Any

import pytest

from hotpath.gate import Gate
from hotpath.instrument import Instrument
from tests.hotpath.test_gate import BTC, NOW, USDT, cause, inputs, intent
from tests.hotpath.test_gate_bounds import BUY, LARGEST, ROOMY, ROOMY_VENUE, SELL, brief

WIDE = 2**95
HALF = 2**62
REFERENCE = (100, 102, NOW)


def wide() -> Gate:
    """A gate that allows what its numbers can say, of an instrument whose lots are 1e-8."""
    g = Gate(64, 1024)
    g.set_limits(version=3, mode="simulation", **ROOMY_VENUE)
    tiny = "0.00000001"
    g.add_instrument(
        Instrument("X", tiny, tiny, id=7, base_asset=BTC, quote_asset=USDT), **ROOMY
    )  # fmt: skip
    g.lease(9, LARGEST)
    for asset in (BTC, USDT):
        g.balance(asset, WIDE)
        g.limit_asset(asset, WIDE, WIDE)
    return g


def said(g: Gate, position: int, side: int, quantity: int, price: int = 100) -> tuple[Any, ...]:
    """(control, value, limit, *input), () when it may go on."""
    i = intent(side=side, quantity=quantity, price=price)
    told = g.ask(i, 7, cause(position), NOW, inputs(reference=REFERENCE))
    return () if told is None else brief(told)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_open_quantity_never_wraps_behind_a_position_of_the_other_side(side: int) -> None:
    """2^62 short and 2^62 bought back is flat; as much again would be 2^63 lots open."""
    g = wide()
    sign = 1 if side == BUY else -1
    g.restore(7, -sign * HALF, 100)
    assert said(g, 1, side, HALF) == ()
    assert said(g, 2, side, HALF, 100 + sign)[:4] == ("R07", LARGEST, 0, 1)
    assert said(g, 3, side, HALF - 1, 100 + sign) == ()
    opened = (LARGEST, 0) if side == BUY else (0, LARGEST)
    assert g.exposure(7) == (-sign * HALF, *opened, 2)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_position_beyond_its_number_stays_at_the_end_and_halts(side: int) -> None:
    """What is held is not known any more: it may not come out as its opposite."""
    g = wide()
    g.fill(7, 100, 9, side, 1, HALF)
    g.fill(7, 101, 9, side, 1, HALF - 1)
    end = LARGEST if side == BUY else -LARGEST
    assert g.exposure(7) == (end, 0, 0, 0)
    assert said(g, 1, 3 - side, 1) == (), "the largest position is one"
    g.close(cause(1))
    for trade in range(3):
        g.fill(7, 102 + trade, 9, side, 1, HALF)
        assert g.exposure(7) == (end, 0, 0, 0)
    assert said(g, 2, 3 - side, 1)[:5] == ("R02", 1, 1, 2, 1)


def test_a_restored_position_may_lie_at_the_other_end_of_what_was_counted() -> None:
    """Their difference is beyond 64 bits; what is held of the asset follows it."""
    g = wide()
    g.restore(7, LARGEST, 1)
    g.restore(7, -3, 1)
    assert g.exposure(7) == (-3, 0, 0, 0)
    g.limit_asset(BTC, 2, 4)
    assert said(g, 1, BUY, 6)[:4] == ("R07", 3, 2, 2)
    assert said(g, 2, BUY, 5) == ()
    g.restore(7, -LARGEST, 1)
    g.restore(7, LARGEST, 1)
    assert g.exposure(7)[0] == LARGEST  # type: ignore[index]


def test_what_others_have_open_is_counted_or_the_instrument_halts() -> None:
    """Sums of lots that wrap, a value beyond 128 bits: what was counted before stays."""
    g = wide()
    assert g.set_external(7, 2, HALF, HALF - 5, HALF, 0, 0)
    assert g.exposure(7) == (0, HALF, HALF - 5, 2)
    assert said(g, 1, BUY, HALF)[0] == "R07"  # it would be 2^63 lots
    assert said(g, 2, BUY, 5) == ()
    assert not g.set_external(7, 1, LARGEST, 0, 0, 0, 0)
    assert said(g, 3, BUY, 5, 99)[0] == "R02"  # halted
    assert g.exposure(7) == (0, HALF + 5, HALF - 5, 3)
    assert g.set_external(7, 0, 0, 0, 0, 0, 0)
    assert g.exposure(7) == (0, 5, 0, 1)
    assert not g.set_external(8, 1, 1, 0, 100, 0, 0)  # not listed


def test_the_sellers_among_others_are_counted_or_the_instrument_halts() -> None:
    g = wide()
    assert said(g, 1, SELL, HALF) == ()
    assert not g.set_external(7, 1, 0, HALF, 0, 0, 0)
    assert g.exposure(7) == (0, 0, HALF, 1)


def test_a_value_of_others_beyond_all_numbers_halts() -> None:
    g = Gate(64, 1024)
    g.set_limits(version=3, mode="simulation", **ROOMY_VENUE)
    large = "1000000000000000000"
    g.add_instrument(
        Instrument("X", large, "1", id=7, base_asset=BTC, quote_asset=USDT), **ROOMY
    )  # fmt: skip
    assert not g.set_external(7, 1, 1, 0, LARGEST, 0, 100)
    assert g.exposure(7) == (0, 0, 0, 0)


@pytest.mark.parametrize("scope", ["instrument", "venue"])
def test_a_refusal_for_open_orders_says_how_many_are_not_ours(scope: str) -> None:
    g = wide()
    g.set_external(7, 3, 10, 0, 1000, 0, 100)
    own = {"open_orders": 3} if scope == "instrument" else {}
    venue = {"open_orders": 3} if scope == "venue" else {}
    tiny = "0.00000001"
    g.add_instrument(
        Instrument("X", tiny, tiny, id=7, base_asset=BTC, quote_asset=USDT), **ROOMY | own
    )  # fmt: skip
    g.set_limits(version=3, mode="simulation", **ROOMY_VENUE | venue)
    number = 1 if scope == "instrument" else 3
    assert said(g, 1, BUY, 5) == ("R08", 3, 3, number, 0, 3, 0)
    g.set_external(7, 2, 10, 0, 1000, 0, 100)
    assert said(g, 2, BUY, 5) == ()
    assert said(g, 3, BUY, 6, 99) == ("R08", 3, 3, number, 0, 2, 0)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_what_is_locked_for_others_is_not_taken_for_ours(side: int) -> None:
    """Ours is reserved and not locked yet; theirs is: what is free is free less ours."""
    g = wide()
    cost, asset = (100, USDT) if side == BUY else (0, BTC)
    mine = 50  # 1e-8 units: lots and ticks of 1e-8 make 50e-8 of money at 1.0
    g.set_external(7, 1, *((10**8, 0) if side == BUY else (0, 100)), cost * 10**8, 0, 0)
    g.balance(asset, 60, 100)
    quantity, price = (mine, 10**8) if side == BUY else (mine, 100)
    reference = (10**8 - 1, 10**8 + 1, NOW) if side == BUY else REFERENCE

    def asked(position: int, lots: int) -> str:
        i = intent(side=side, quantity=lots, price=price + position)
        told = g.ask(i, 7, cause(position), NOW, inputs(reference=reference))
        return "" if told is None else str(brief(told)[0])

    assert asked(1, quantity) == ""
    assert asked(2, 20) == "R09"  # 10 are left
    g.set_external(7, 0, 0, 0, 0, 0, 0)
    assert asked(3, 20) == ""  # all that is locked is ours, then
