"""The gate where numbers, places and memory end: what one more would change is asked for."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from hotpath.gate import Gate
from hotpath.instrument import Instrument
from hotpath.order import pack_id
from tests.hotpath.test_gate import BTC, LARGE, NOW, SECOND, USDT, cause, inputs, intent, spec
from tests.hotpath.test_gate_bounds import (
    BUY,
    LARGEST,
    MARKET,
    ROOMY,
    ROOMY_VENUE,
    SELL,
    TOP,
    brief,
    decimal,
    exact,
    notional_of,
    roomy,
    said,
)


def instrument(tick: str, lot: str, id: int = 7) -> Instrument:
    return Instrument("X", tick, lot, id=id, base_asset=BTC, quote_asset=USDT)


def test_what_is_sold_is_reserved_exactly_over_all_scales() -> None:
    """1e-8 units of the base asset, away from zero, also where a lot is beyond 64 bits of them."""
    rng = random.Random(5)
    lots = ["1000000000000", "100000000000", "99999999999", "123456789012", "1000000000000000000"]
    lots += [decimal(rng.choice([1, 5, 25]), scale) for scale in range(19)]
    for lot in lots:
        g = roomy()
        g.add_instrument(instrument("0.01", lot), **ROOMY)
        unit, scale = int(lot.replace(".", "")), len(lot.partition(".")[2])
        for n in range(1, 6):
            quantity = rng.choice([1, 3, 7, rng.randrange(1, 10**6)])
            assert g.adopt(n, 7, 9, SELL, 1, quantity), (lot, quantity)
            assert g.reserved(n) == (BTC, -(-quantity * unit * 10**8 // 10**scale)), (lot, quantity)


@pytest.mark.parametrize("tick", ["1000000000", "5000000000", "99999", "1"])
@pytest.mark.parametrize("lot", ["1000000000", "7000000000", "3", "1"])
def test_the_smallest_order_of_large_units_is_worth_what_it_is(tick: str, lot: str) -> None:
    i = instrument(tick, lot)
    for ticks, lots in ((1, 1), (2, 3)):
        assert notional_of(i, ticks, lots) == min(exact(i, ticks, lots), LARGEST)


@pytest.mark.parametrize("ppm", [-1000, 10**8, 2**40])
@pytest.mark.parametrize("notional", [1, 10**6, 2**40])
def test_a_fee_of_any_size_is_reserved(ppm: int, notional: int) -> None:
    g = roomy({"fee_ppm": ppm})
    g.add_instrument(instrument("0.0001", "0.0001"), **ROOMY)
    assert g.adopt(1, 7, 9, BUY, 1, notional)
    raised = notional * ppm + 999_999  # the division cuts towards zero
    fee = raised // 10**6 if raised >= 0 else -(-raised // 10**6)
    assert g.reserved(1) == (USDT, notional + fee)


def test_a_market_orders_edge_may_be_the_largest_price_there_is() -> None:
    for collar in range(30_001, 31_000):
        both = LARGEST * 20_000 // (10_000 + collar)
        if both % 2 and -(-both * (10_000 + collar) // 20_000) == LARGEST:
            break
    bid = both // 2
    assert bid + 1 <= TOP
    told = said(roomy({}, {"collar_bps": collar, "notional": 0}), 1,
                {"reference": (bid, bid + 1, NOW)}, type=MARKET, price=0, quantity=1)  # fmt: skip
    assert told is not None
    assert (told[0], told[3]) == ("R04", LARGEST)


def test_a_venues_limit_is_named_and_said_with_its_own_number() -> None:
    """Long, gross and net all differ: the first that is passed is the one that is said."""
    held, sold, here = 30 * 4_000_000 * 100, 7 * 3_000_000 * 100, 50 * 10**8
    side, gross, net = held + here, held + sold + here, held - sold + here
    wide = {"long_notional": LARGEST, "gross_notional": LARGEST, "net_notional": LARGEST}
    for limits, told in (
        ({"long_notional": side - 1}, (side, side - 1, 1)),
        ({"gross_notional": gross - 1}, (gross, gross - 1, 2)),
        ({"net_notional": net - 1}, (net, net - 1, 3)),
        ({"long_notional": side, "gross_notional": gross - 1}, (gross, gross - 1, 2)),
        ({"gross_notional": gross, "net_notional": net - 1}, (net, net - 1, 3)),
        ({"long_notional": side, "gross_notional": gross, "net_notional": net}, None),
    ):
        g = roomy(wide | limits)
        for id in (8, 11):
            g.add_instrument(spec(id), **ROOMY)
        g.restore(8, 30, 4_000_000)
        g.restore(11, -7, 3_000_000)
        found = g.ask(intent(), 7, cause(1), NOW, inputs(reference=(4_999_999, 5_000_000, NOW)))
        if told is None:
            assert found is None
        else:
            value, limit, which = told
            assert brief(found) == ("R07", value, limit, 3, which, here, 0)


@pytest.mark.parametrize(("held", "side"), [(-10, BUY), (10, SELL)])
def test_what_brings_a_strategy_back_to_nothing_needs_no_lease(held: int, side: int) -> None:
    g = roomy()
    g.fill(7, 5, 9, BUY, 5_000_000, held)
    g.lease(9, -1)
    assert said(g, 1, side=side, quantity=10) is None


def test_a_rule_fires_no_more_than_can_be_remembered() -> None:
    """65,536 times are kept, 64 of them in spare; a larger limit is that much and no more."""
    g = roomy({"executions": 65_500, "executions_window_ns": LARGE})
    step, most = SECOND // 8, 65_536 - 64
    for n in range(1, most + 1):
        now = NOW + n * step
        assert g.ask(intent(deadline=now), 7, cause(n), now, inputs(now)) is None, n
        g.close(cause(n))
    now += step
    assert said(g, most + 1, now=now) == ("R14", most, 65_500, 1, 2, 0, 0)


def test_a_trade_of_nothing_leaves_what_is_reserved() -> None:
    g = roomy({"fee_ppm": 1000})
    assert said(g, 1) is None
    held = g.reserved(cause(1))
    g.set_limits(version=4, mode="simulation", **(ROOMY_VENUE | {"fee_ppm": 9000}))
    g.fill(7, cause(1), 9, BUY, 5_000_000, 0)
    assert g.reserved(cause(1)) == held and g.exposure(7) == (0, 10, 0, 1)


def test_the_first_strategy_that_is_adopted_is_counted() -> None:
    g = Gate(8, 1024)
    g.set_limits(version=1, mode="simulation", **ROOMY_VENUE)
    g.add_instrument(spec(), **ROOMY)
    assert g.adopt(1, 7, 55, BUY, 5_000_000, 10)
    told = g.ask(intent(strategy=55, price=4_990_000), 7, pack_id(5, 55, 1, 0, 0), NOW, inputs())
    worth = 50 * 10**8
    assert brief(told) == ("lease", worth + 10 * 4_990_000 * 100, 0, 55, 0, worth, 0)


def test_an_adopted_order_without_a_price_is_worth_a_tick_a_lot() -> None:
    worth, here = 10 * 100, 50 * 10**8
    g = roomy({"gross_notional": here})
    g.add_instrument(spec(8), **ROOMY)
    assert g.adopt(99, 8, 9, BUY, 0, 10, type=2)
    told = g.ask(intent(), 7, cause(1), NOW, inputs(reference=(4_999_999, 5_000_000, NOW)))
    assert brief(told) == ("R07", here + worth, here, 3, 2, here, 0)


def test_an_order_is_adopted_under_its_own_rule() -> None:
    g = roomy()
    for rule in range(1, 129):
        assert said(g, rule, rule=rule) is None
        assert g.close(cause(rule))
    assert g.adopt(1, 7, 9, BUY, 5_000_000, 10, rule=5)
    assert not g.adopt(2, 7, 9, BUY, 5_000_001, 10, rule=0), "no place for another rule"


def test_there_are_places_for_1024_instruments() -> None:
    g = Gate(2, 256)
    g.balance(USDT, 1)  # the quote asset is in the first of places
    for id in range(1, 1025):
        g.add_instrument(spec(id), **ROOMY)
    for id in (1025, 65_535):
        with pytest.raises(ValueError, match=f"no place for instrument {id}"):
            g.add_instrument(spec(id), **ROOMY)
    g.add_instrument(spec(1024), **ROOMY)
    assert g.exposure(1024) == (0, 0, 0, 0) and g.exposure(1025) is None


def test_an_instrument_needs_a_place_for_both_its_assets() -> None:
    g = Gate(2, 256)
    for asset in range(1, 1025):
        g.balance(asset, 1)
    for base, quote in ((1, 2000), (2000, 1)):
        one = Instrument("X", "0.01", "0.01", id=3, base_asset=base, quote_asset=quote)
        with pytest.raises(ValueError, match="no place for instrument 3"):
            g.add_instrument(one, **ROOMY)
        assert g.exposure(3) is None


WITHOUT_MEMORY = """
import resource, sys
from hotpath.gate import Gate
room, messages, mib = map(int, sys.argv[1:])
have = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
hard = resource.getrlimit(resource.RLIMIT_AS)[1]
resource.setrlimit(resource.RLIMIT_AS, (have + (mib << 20), hard))
try:
    Gate(room, messages)
except MemoryError:
    print("MemoryError")
"""
"""A gate of so many orders and messages, with so much more memory than there is at its start."""


@pytest.mark.skipif("sanitize" in os.environ.get("TIERCEL_BUILD", ""), reason="ASan needs room")
@pytest.mark.parametrize(
    ("room", "messages", "mib"),
    [(1 << 19, 2, 64), (1 << 18, 2, 48), (2, 1 << 25, 64)],
    ids=["orders", "index", "messages"],
)
def test_a_gate_without_memory_for_one_of_its_tables_is_none(
    room: int, messages: int, mib: int
) -> None:
    """In a process of its own: what tests before it gave back to the heap would be room enough."""
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_MEMORY, str(room), str(messages), str(mib)],
        cwd=root, env=os.environ | {"PYTHONPATH": str(root)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout == "MemoryError\n", done
