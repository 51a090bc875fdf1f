"""Each control of the gate at its very bound: what it allows, one beyond, and what it says then."""

from __future__ import annotations

import os
import random
import resource
from pathlib import Path
from typing import Any

import pytest

from hotpath.gate import Gate
from hotpath.instrument import Instrument
from hotpath.order import pack_id
from tests.hotpath.test_gate import (
    BTC,
    LARGE,
    NOW,
    OWN,
    SECOND,
    USDT,
    VENUE,
    ask,
    cause,
    control,
    gate,
    inputs,
    intent,
    spec,
    view,
)

LARGEST = 2**63 - 1
BUY, SELL = 1, 2
PLACE, REPLACE, MARKET, POST_ONLY = 1, 3, 2, 3
ROOMY_VENUE: dict[str, int] = {
    **VENUE, "open_orders": 10**6, "per_second": 10**6, "per_minute": 10**6, "cancel_share_ppm": 0,
    "executions": 10**6, "open_notional": LARGEST, "gross_notional": LARGEST, "fee_ppm": 0,
    "net_notional": LARGEST, "long_notional": LARGEST, "short_notional": LARGEST,
}  # fmt: skip
ROOMY: dict[str, int] = {
    **OWN, "quantity": LARGEST, "notional": LARGEST, "longest": LARGEST, "shortest": LARGEST,
    "gross": LARGEST, "open_orders": 10**6, "open_notional": LARGEST, "window_bps": 10**6,
}  # fmt: skip


def roomy(venue: dict[str, int] | None = None, own: dict[str, int] | None = None) -> Gate:
    """A gate that refuses nothing but what the arguments say."""
    g = Gate(64, 1024)
    g.set_limits(version=3, mode="simulation", **(ROOMY_VENUE | (venue or {})))
    g.add_instrument(Instrument("X", "0.01", "0.0001", id=7, base_asset=BTC, quote_asset=USDT),
                     **(ROOMY | (own or {})))  # fmt: skip
    g.lease(9, LARGEST)
    g.balance(BTC, 2**70)
    g.balance(USDT, 2**70)
    return g


def said(
    g: Gate, position: int = 1, more: dict[str, Any] | None = None, now: int = NOW, **of_intent: int
) -> tuple[Any, ...] | None:
    """None, or (control, value, limit, *input)."""
    i = intent(**{"deadline": now, **of_intent})
    told = g.ask(i, 7, cause(position), now, inputs(now, **(more or {})))
    return None if told is None else brief(told)


def brief(told: dict[str, Any] | None) -> tuple[Any, ...]:
    assert told is not None
    return (told["control"], told["value"], told["limit"], *told["input"])


# ---- what is asked first -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of_intent", "passes"),
    [
        ({"op": 0}, False), ({"op": 1}, True), ({"op": 2}, False), ({"op": 3}, True),
        ({"op": 4}, False), ({"side": 0}, False), ({"side": 2}, True), ({"side": 3}, False),
        ({"type": 0}, False), ({"type": 1}, True), ({"type": 2}, True), ({"type": 3}, True),
        ({"type": 4}, False), ({"quantity": -1}, False), ({"quantity": 0}, False),
        ({"quantity": 1}, True), ({"price": -1}, False), ({"price": 0}, False),
        ({"price": 0, "type": 2}, True), ({"price": 0, "type": 3}, False),
    ],
)  # fmt: skip
def test_an_intent_has_a_shape(of_intent: dict[str, int], passes: bool) -> None:
    found = said(roomy(), 1, None, NOW, **of_intent)
    i = intent(**of_intent)
    shape = ("shape", i.get("op", 1), 0, i["side"], i.get("type", 1), i["price"], i["quantity"])
    assert found == (None if passes else shape)


def test_an_order_has_an_id() -> None:
    assert control(roomy().ask(intent(), 7, 0, NOW, inputs())) == "shape"
    assert roomy().ask(intent(), 7, 1 << 16, NOW, inputs()) is None
    assert roomy().ask(intent(), 7, 1 << 64, NOW, inputs()) is None


def test_a_smallest_price_passes_where_the_market_is() -> None:
    small = {"reference": (1, 2, NOW)}
    assert said(roomy(own={"collar_bps": 10_000}), 1, small, price=1) is None


def test_a_refusal_names_venue_strategy_and_operation() -> None:
    told = roomy().ask(intent(venue=4, op=REPLACE, side=SELL, strategy=8), 7, 1 << 16, NOW, {})
    assert told is not None
    assert [told[k] for k in ("venue", "strategy", "op", "side")] == [4, 8, REPLACE, SELL]
    assert (told["control"], told["value"], told["limit"], told["input"]) == (
        "lease", 0, 0, (8, 0, 0, 0),
    )  # fmt: skip
    g = roomy()
    assert said(g) is None
    late = g.ask_send(intent(venue=4, op=REPLACE, side=SELL), 7, cause(1), NOW, {"kill": 1})
    assert late is not None
    assert [late[k] for k in ("venue", "strategy", "op", "side")] == [4, 9, REPLACE, SELL]


def test_no_strategy_is_known_that_was_given_no_lease() -> None:
    assert said(roomy(), 1, {"kill": 1}, strategy=0) == ("lease", 0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("first", "second", "passes"),
    [
        ((5, 9, 7), (5, 9, 7), False),
        ((5, 9, 7), (5, 9, 8), True),
        ((5, 9, 8), (5, 9, 7), False),
        ((5, 9, 1 << 40), (5, 9, 7), False),  # the upper half decides
        ((5, 9, 7), (5, 9, 1 << 40), True),
        ((5, 9, 7), (6, 9, 1), True),
        ((6, 9, 1), (5, 9, 7), False),
    ],
)
def test_causes_come_in_order_and_once(
    first: tuple[int, int, int], second: tuple[int, int, int], passes: bool
) -> None:
    g = roomy()
    assert g.ask(intent(), 7, pack_id(*first, 0, 0), NOW, inputs()) is None
    id = pack_id(*second, 0, 0)
    told = g.ask(intent(price=4_990_000), 7, id, NOW, inputs())
    if passes:
        assert told is None
    else:
        assert brief(told) == ("R12", second[2], first[2], 2, id >> 64, id & (2**64 - 1), 0)


def test_a_retry_is_a_new_attempt_of_an_order_that_is_gone() -> None:
    g, again = roomy(), {"retry": True}
    id = pack_id(5, 9, 1, 0, 3)
    halves = (id >> 64, id & (2**64 - 1), 0)
    assert brief(g.ask(intent(), 7, id, NOW, inputs())) == ("R12", 3, 0, 1, *halves)
    assert g.ask(intent(), 7, id, NOW, inputs(**again)) is None
    told = g.ask(intent(price=4_990_000), 7, id, NOW, inputs(**again))
    assert brief(told) == ("R12", 3, 0, 1, *halves), "the very first place is a place too"
    assert g.close(id)
    assert g.ask(intent(), 7, id, NOW, inputs(**again)) is None


def test_an_order_may_be_placed_until_its_deadline() -> None:
    assert said(roomy(), deadline=NOW) is None
    assert said(roomy(), deadline=NOW - 1) == ("deadline", NOW, NOW - 1, 0, 0, 0, 0)
    assert said(roomy(), 1, {"kill": 2}) == ("R21", 2, 0, 0, 0, 0, 0)
    assert said(roomy(), 1, {"room": False}) == ("outbox", 0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("mode", "more", "found"),
    [
        ("none", {}, ("R01", 0, 3, 1, 1, 0, 0)),
        ("replay", {}, None),
        ("simulation", {}, None),
        ("testnet", {}, None),
        ("live", {}, ("R01", 4, 3, 1, 1, 0, 0)),
        ("testnet", {"agreed": False}, ("R01", 3, 3, 0, 1, 0, 0)),
        ("testnet", {"reconciled": False}, ("R01", 3, 3, 1, 0, 0, 0)),
    ],
)
def test_modes(mode: str, more: dict[str, Any], found: tuple[Any, ...] | None) -> None:
    g = roomy()
    g.set_limits(version=3, mode=mode, **ROOMY_VENUE)
    assert said(g, 1, more) == found


# ---- the instrument and what is known of it ------------------------------------------------------


def listed(status: str = "trading") -> Instrument:
    return Instrument("X", "0.01", "0.0001", id=7, base_asset=BTC, quote_asset=USDT, status=status,
                      min_quantity="0.0002", max_quantity="0.5", min_notional="5")  # fmt: skip


def test_metadata_are_exact() -> None:
    g = roomy()
    told = g.ask(intent(), 8, cause(1), NOW, inputs())
    assert brief(told) == ("R02", 8, 0, 1, 0, 0, 0)
    for position, (status, number) in enumerate((("halted", 2), ("unknown", 0))):
        g.update_instrument(listed(status))
        assert said(g, 2 + position) == ("R02", number, 1, 2, 0, 0, 0)
    g.update_instrument(listed())
    g.halt(7)
    assert said(g, 10) == ("R02", 1, 1, 2, 1, 0, 0)
    g.halt(7, False)
    age = VENUE["status_age_ns"]
    assert said(g, 11, {"status_time": NOW - age}) is None
    assert said(g, 12, {"status_time": NOW - age - 1}) == ("R02", age + 1, age, 3, 0, 0, 0)
    assert said(g, 13, quantity=2) is None
    assert said(g, 14, quantity=1) == ("R02", 1, 2, 4, 0, 0, 0)
    assert said(g, 15, quantity=5000) is None
    assert said(g, 16, quantity=5001) == ("R02", 5001, 5000, 5, 0, 0, 0)
    low = {"reference": (2_499_990, 2_500_010, NOW)}
    assert said(g, 17, low, price=2_500_000, quantity=2) is None
    least = ("R02", 499_999_800, 500_000_000, 6, 2_499_999, 2, 0)
    assert said(g, 18, low, price=2_499_999, quantity=2) == least


def test_no_largest_quantity_is_no_limit() -> None:
    assert said(roomy(), quantity=10**9) is None


MISSING, DEAD, EPOCH, INVALID, BEHIND, OLD = range(1, 7)


@pytest.mark.parametrize(
    ("more", "of_intent", "why", "age"),
    [
        (view(received=NOW - SECOND), {}, 0, 0),
        (view(received=NOW - SECOND - 1), {}, OLD, SECOND + 1),
        (view(venue_time=NOW - SECOND), {}, 0, 0),
        (view(venue_time=NOW - SECOND - 1), {}, OLD, SECOND + 1),
        (view(venue_time=0), {}, 0, 0),
        (view(update_id=100), {}, 0, 0),
        (view(update_id=99), {}, BEHIND, 0),
        (view(update_id=2**63), {}, 0, 0),
        (view(reason=1), {}, INVALID, 0),
        (view(epoch=1), {}, EPOCH, 0),
        (view(epoch=3), {}, EPOCH, 0),
        (view(alive=False), {}, DEAD, 0),
        ({"view": None}, {}, MISSING, NOW),
        (view(feed=5), {}, MISSING, 0),
        (view(feed=0), {"feed": 0}, MISSING, 0),
    ],
)
def test_the_view_is_the_one_the_price_was_made_from(
    more: dict[str, Any], of_intent: dict[str, int], why: int, age: int
) -> None:
    seen = more["view"] or {"epoch": 0, "update_id": 0}
    at_send = roomy()
    assert said(at_send) is None
    stale = ("R06", age, SECOND, why, seen["epoch"], seen.get("reason", 0), seen["update_id"])
    assert said(roomy(), 1, more, **of_intent) == (stale if why else None)
    told = at_send.ask_send(intent(**of_intent), 7, cause(1), NOW, inputs(**more))
    assert (told and brief(told)) == (stale if why else None)


# ---- the collar ----------------------------------------------------------------------------------

OUT = "R05"
TOP = LARGEST // 4


@pytest.mark.parametrize(
    ("reference", "price", "found"),
    [
        ((0, 5, NOW), 4, (OUT, 0, SECOND, 1, 0, 5, 4)),
        ((-1, 5, NOW), 4, (OUT, 0, SECOND, 1, -1, 5, 4)),
        ((5, 0, NOW), 4, (OUT, 0, SECOND, 1, 5, 0, 4)),
        ((5, 5, NOW), 5, (OUT, 0, SECOND, 3, 5, 5, 5)),
        ((6, 5, NOW), 5, (OUT, 0, SECOND, 3, 6, 5, 5)),
        ((1, 2, NOW), 1, None),
        ((499, 501, NOW - SECOND), 500, None),
        ((499, 501, NOW - SECOND - 1), 500, (OUT, SECOND + 1, SECOND, 2, 499, 501, 500)),
        ((TOP - 1, TOP, NOW), TOP, ("R04", LARGEST, LARGEST, TOP, 1, 0, 0)),
        ((TOP, TOP + 1, NOW), TOP, (OUT, 0, SECOND, 3, TOP, TOP + 1, TOP)),
        # 500 bp of a sum of 10,000,000, on both sides
        ((4_999_900, 5_000_100, NOW), 5_250_000, None),
        (
            (4_999_900, 5_000_100, NOW),
            5_250_001,
            (OUT, 500, 500, 4, 4_999_900, 5_000_100, 5_250_001),
        ),
        ((4_999_900, 5_000_100, NOW), 4_750_000, None),
        (
            (4_999_900, 5_000_100, NOW),
            4_749_000,
            (OUT, 502, 500, 4, 4_999_900, 5_000_100, 4_749_000),
        ),
        ((4_999_900, 5_000_100, NOW), 4_749_999, "R05"),
    ],
)
def test_the_collar_around_the_reference(
    reference: tuple[int, int, int], price: int, found: Any
) -> None:
    wide = reference[1] in (2, TOP)
    own = {"collar_bps": 10_000} if wide else {"collar_bps": 500}
    told = said(roomy({}, own), 1, {"reference": reference}, price=price, quantity=1)
    if isinstance(found, str):
        assert told is not None
        assert told[0] == found
    else:
        assert told == found
    unknown = said(roomy(), 1, {"reference": None}, price=price)
    assert unknown == (OUT, NOW, SECOND, 1, 0, 0, price)


@pytest.mark.parametrize(
    ("reference", "collar", "worst"),
    [
        ((10_000, 20_000, NOW), 0, 15_000),
        ((10_000, 20_001, NOW), 0, 15_001),  # rounded up
        ((9_999, 10_001, NOW), 1, 10_001),
        ((9_999, 10_002, NOW), 1, 10_002),
        ((4_999_900, 5_000_100, NOW), 500, 5_250_000),
        ((TOP - 1, TOP, NOW), 0, TOP),
        ((TOP - 1, TOP, NOW), 30_000, LARGEST - 2 - 4 + 5),
    ],
)
def test_a_market_order_may_trade_up_to_the_collars_edge(
    reference: tuple[int, int, int], collar: int, worst: int
) -> None:
    bid, ask_, _ = reference
    edge = -(-(bid + ask_) * (10_000 + collar) // 20_000)
    told = said(
        roomy({}, {"collar_bps": collar, "notional": 0}), 1, {"reference": reference},
        type=MARKET, price=0, quantity=1,
    )  # fmt: skip
    assert told is not None
    assert (told[0], told[3], told[4]) == ("R04", edge, 1)
    assert abs(edge - worst) <= 5


def test_a_market_order_without_a_sound_edge_is_refused() -> None:
    reference = (TOP - 1, TOP, NOW)
    for collar, passes in ((-1, False), (30_000, True), (30_001, False), (LARGEST - 10_000, False)):
        told = said(roomy({}, {"collar_bps": collar, "notional": 0}), 1, {"reference": reference},
                    type=MARKET, price=0, quantity=1)  # fmt: skip
        assert told is not None
        refused = (OUT, 0, collar, 4, TOP - 1, TOP, 0)
        assert told[0] == "R04" if passes else told == refused, collar


def windowed(g: Gate, position: int, middle: int, now: int, price: int, **more: int) -> Any:
    reference = {"reference": (middle - 100, middle + 100, now)}
    return said(g, position, reference, now, price=price, quantity=1, **more)


def test_the_window_holds_between_half_and_all_of_its_time() -> None:
    """100 bp above the lowest, or below the highest, reference of the last 5 to 10 seconds."""
    own = {"window_bps": 100, "collar_bps": 10_000, "window_ns": 10 * SECOND}
    low, high, half = 10**6, 1_010_000, 5 * SECOND
    for middle, side, inside, outside in (
        (low, BUY, high, high + 1),
        (low, SELL, 990_000, 989_999),
    ):
        g = roomy({}, own)
        assert windowed(g, 1, middle, NOW, inside, side=side) is None
        told = windowed(g, 2, middle, NOW, outside, side=side)
        assert told == (OUT, 100, 100, 5, 2 * low, 2 * low, outside)
    # up and back within one half: both extremes count
    g = roomy({}, own)
    assert windowed(g, 1, 10**6, NOW, 10**6) is None
    assert windowed(g, 2, 1_005_000, NOW + 1, 1_010_000) is None
    told = windowed(g, 3, 1_005_000, NOW + 1, 1_010_001)
    assert told == (OUT, 100, 100, 5, 2_000_000, 2_010_000, 1_010_001)
    told = windowed(g, 4, 1_000_500, NOW + 2, 994_949, side=SELL)
    assert told == (OUT, 100, 100, 5, 2_000_000, 2_010_000, 994_949)
    assert windowed(g, 5, 1_000_500, NOW + 2, 994_950, side=SELL)[0] == "R15", "inside"
    # one nanosecond before the half is over, it is still the first half
    assert windowed(g, 6, 1_005_000, NOW + half - 1, 1_010_001) is not None
    # a second half: the first still counts
    told = windowed(g, 7, 1_005_000, NOW + half, 1_010_001)
    assert told is not None and told[4:6] == (2_000_000, 2_010_000)
    # and once more a half later, only the second one
    told = windowed(g, 8, 1_006_000, NOW + 2 * half, 1_100_000)
    assert told is not None and told[4:6] == (2_010_000, 2_012_000)


def test_a_reference_after_a_whole_window_of_silence_begins_anew() -> None:
    own = {"window_bps": 0, "collar_bps": 10_000, "window_ns": 10 * SECOND}
    for later, kept in ((10 * SECOND - 1, True), (10 * SECOND, False)):
        g = roomy({}, own)
        assert windowed(g, 1, 10**6, NOW, 10**6) is None
        told = windowed(g, 2, 1_001_000, NOW + later, 1_001_001)
        assert told is not None
        assert told[4:6] == ((2_000_000 if kept else 2_002_000), 2_002_000)
        again = windowed(g, 3, 1_001_000, NOW + later + 5 * SECOND - 1, 1_001_001)
        assert again is not None
        assert again[4] == told[4], "a window that began later ends later"


# ---- notional, exact -----------------------------------------------------------------------------


def exact(i: Instrument, ticks: int, lots: int) -> int:
    """1e-8 quote units, away from zero, from the decimals as they are written."""
    decimals = len(i.tick.partition(".")[2]) + len(i.lot.partition(".")[2])
    tick, lot = (int(text.replace(".", "")) for text in (i.tick, i.lot))
    unit: int = 10**decimals
    return -(-ticks * tick * lots * lot * 10**8 // unit)


def decimal(n: int, scale: int) -> str:
    text = str(n).rjust(scale + 1, "0")
    return f"{text[: len(text) - scale]}.{text[len(text) - scale :]}" if scale else text


def notional_of(i: Instrument, ticks: int, lots: int) -> int:
    g = roomy(own={"notional": -1})
    g.add_instrument(i, **(ROOMY | {"notional": -1, "collar_bps": 10_000}))
    reference = {"reference": (ticks, ticks + 1, NOW)}
    told = said(g, 1, reference, price=ticks, quantity=lots)
    assert told is not None and told[0] == "R04", told
    assert told[3:5] == (ticks, lots)
    return int(told[1])


def test_a_notional_is_exact_over_all_scales() -> None:
    rng = random.Random(3)
    narrow = 0
    for _ in range(3000):
        scales = rng.randrange(0, 19), rng.randrange(0, 19)
        units = [rng.choice([1, 1, 5, 25, rng.randrange(1, 10**6)]) for _ in range(2)]
        # a scale is what the decimals need: no trailing zero
        units = [u + 1 if s and u % 10 == 0 else u for u, s in zip(units, scales, strict=True)]
        i = Instrument("X", decimal(units[0], scales[0]), decimal(units[1], scales[1]), id=7,
                       base_asset=BTC, quote_asset=USDT)  # fmt: skip
        ticks, lots = (rng.getrandbits(rng.randrange(1, 60)) + 1 for _ in range(2))
        want = exact(i, ticks, lots)
        if ticks * units[0] * lots * units[1] >= 2**127:
            want = LARGEST  # beyond the integers it is counted in: refused, whatever it is worth
        assert notional_of(i, ticks, lots) == min(want, LARGEST), (i.tick, i.lot, ticks, lots)
        narrow += want < LARGEST
    assert 600 < narrow < 2900


@pytest.mark.parametrize("tick", ["0.0001", "0.00000000000001"])
@pytest.mark.parametrize("lot", ["0.0001", "0.00000000000001"])
def test_a_notional_is_exact_where_64_bits_end(tick: str, lot: str) -> None:
    i = Instrument("X", tick, lot, id=7, base_asset=BTC, quote_asset=USDT)
    for ticks, lots in ((2**32, 2**32), (2**32 - 1, 2**32 + 1), (2**32 + 1, 2**32), (2**60, 16),
                        (2**60, 15), (3, 5), (1, 1)):  # fmt: skip
        assert notional_of(i, ticks, lots) == min(exact(i, ticks, lots), LARGEST)


def test_a_notional_beyond_128_bits_is_beyond_any_limit() -> None:
    i = Instrument("X", "1000000000", "1000000000", id=7, base_asset=BTC, quote_asset=USDT)
    assert notional_of(i, 2**60, 2**60) == LARGEST
    g = roomy()
    g.add_instrument(i, **ROOMY)
    top = {"reference": (2**60 - 1, 2**60 + 1, NOW)}
    told = said(g, 1, top, price=2**60, quantity=2**60)
    assert told == ("R04", LARGEST, LARGEST, 2**60, 2**60, 0, 0)


def test_a_trade_at_a_negative_price_moves_the_net_down() -> None:
    fine = Instrument("X", "0.0001", "0.0001", id=7, base_asset=BTC, quote_asset=USDT)
    for price, lots in ((-1, 1), (-3, 5), (3, -5)):
        g = roomy()
        g.add_instrument(fine, **ROOMY)
        g.fill(7, 5, 9, BUY, price, lots)
        g.lease(9, 0)
        told = said(g, 1, {"reference": (499, 501, NOW)}, price=500, quantity=1)
        assert told is not None
        assert (told[0], told[1], told[4]) == ("lease", 500 + price * lots, price * lots)


@pytest.mark.parametrize("ppm", [0, 1, 999, 1000, 10**6, 10**6 + 1])
@pytest.mark.parametrize("notional", [1, 10**3, 10**6, 2**40 - 1, 2**40, 2**40 + 1, 2**50 + 3])
def test_the_fee_reserved_is_rounded_up(ppm: int, notional: int) -> None:
    """What an order reserves, and what it still does after a part of it has traded."""
    one = Instrument("X", "0.0001", "0.0001", id=7, base_asset=BTC, quote_asset=USDT)
    g = roomy({"fee_ppm": ppm})
    g.add_instrument(one, **(ROOMY | {"collar_bps": 10_000}))
    assert said(g, 1, {"reference": (1, 2, NOW)}, price=1, quantity=notional) is None
    assert g.reserved(cause(1)) == (USDT, notional - (-notional * ppm // 10**6))
    if notional > 1:
        g.fill(7, cause(1), 9, BUY, 1, 1)
        left = notional - 1
        assert g.reserved(cause(1)) == (USDT, left - (-left * ppm // 10**6))
        g.fill(7, cause(1), 9, BUY, 1, notional)
        assert g.reserved(cause(1)) == (USDT, 0)
    assert g.close(cause(1)) and g.reserved(cause(1)) is None


# ---- its own orders ------------------------------------------------------------------------------


def test_only_the_same_price_and_quantity_is_a_duplicate() -> None:
    g = roomy()
    assert said(g, 1, price=4_990_000) is None
    assert said(g, 2, price=4_990_001) is None
    assert said(g, 3, price=4_990_000, quantity=11) is None
    halves = (cause(1) >> 64, cause(1) & (2**64 - 1), 0)
    assert said(g, 4, price=4_990_000) == ("R12", 4_990_000, 10, 3, *halves)
    for position, op, target, found in ((5, PLACE, 1, "R12"), (6, REPLACE, 2, "R12")):
        told = said(g, position, op=op, target=cause(target), price=4_990_000)
        assert told is not None and told[0] == found
    assert said(g, 7, op=REPLACE, target=cause(1), price=4_990_000) is None


@pytest.mark.parametrize(("side", "other", "step"), [(BUY, SELL, 1), (SELL, BUY, -1)])
def test_the_same_price_on_the_other_side_is_a_trade_with_oneself(
    side: int, other: int, step: int
) -> None:
    g = roomy()
    assert said(g, 1, side=other, price=5_000_000) is None
    halves = (cause(1) >> 64, cause(1) & (2**64 - 1), 0)
    crossed = ("R15", 5_000_000, 5_000_000, 0, *halves)
    assert said(g, 2, side=side, price=5_000_000, quantity=3) == crossed
    assert said(g, 3, side=side, price=5_000_000 - step, quantity=3) is None
    told = said(g, 4, side=side, price=0, type=MARKET, quantity=3)
    assert told is not None and told[0] == "R15"
    g = roomy()
    assert said(g, 1, side=other, price=0, type=MARKET) is None
    told = said(g, 2, side=side, price=5_000_000 - 9999 * step, quantity=3)
    assert told is not None and told[0] == "R15", "a market order of ours may meet anything"


@pytest.mark.parametrize("adopted", [False, True])
def test_its_own_orders_are_found_whatever_came_and_went(adopted: bool) -> None:
    """The list of an instrument's orders, through all its ends: each that is there is met."""
    rng = random.Random(11)
    for _ in range(12):
        g, live, position = Gate(4, 1024), dict[int, int](), 0
        g.set_limits(version=1, mode="simulation", **ROOMY_VENUE)
        g.add_instrument(Instrument("X", "0.01", "0.0001", id=7, base_asset=BTC, quote_asset=USDT),
                         **ROOMY)  # fmt: skip
        g.lease(9, LARGEST)
        g.balance(BTC, 2**70)
        g.balance(USDT, 2**70)
        prices = range(4_900_000, 4_900_012)
        for _ in range(40):
            position += 1
            if live and (len(live) == 4 or rng.random() < 0.5):
                id = rng.choice(list(live))
                assert g.close(id)
                del live[id]
            else:
                price = rng.choice([p for p in prices if p not in live.values()])
                if adopted:
                    assert g.adopt(cause(position), 7, 9, BUY, price, 10, rule=1)
                else:
                    assert said(g, position, price=price) is None
                live[cause(position)] = price
            assert g.exposure(7) == (0, 10 * len(live), 0, len(live))
            for price in prices:
                position += 1
                told = said(g, position, price=price, quantity=10)
                duplicate = told is not None and told[0] == "R12"
                assert duplicate == (price in live.values())
                if told is None:
                    assert g.release(cause(position))


def test_as_many_orders_as_there_are_places() -> None:
    g = Gate(2, 256)
    g.set_limits(version=1, mode="simulation", **ROOMY_VENUE)
    g.add_instrument(spec(), **ROOMY)
    g.lease(9, LARGEST)
    g.balance(USDT, 2**70)
    assert said(g, 1) is None and said(g, 2, quantity=11) is None
    assert said(g, 3, quantity=12) == ("room", 2, 2, 0, 0, 0, 0)
    assert g.close(cause(1))
    assert said(g, 4, quantity=12) is None


# ---- counted over time ---------------------------------------------------------------------------


@pytest.mark.parametrize("executions", [1, 2, 63, 64, 65, 100, 128, 200])
def test_a_rule_fires_as_often_as_it_may(executions: int) -> None:
    g = roomy({"executions": executions})
    for n in range(1, executions + 1):
        assert said(g, n) is None, n
        assert g.close(cause(n))
    assert said(g, 500) == ("R14", executions, executions, 1, 2, 0, 0)
    assert said(g, 501, rule=2) is None, "another rule"
    g.lease(10, LARGEST)
    assert said(g, 502, strategy=10, price=4_990_000) is None, "another strategy's rule"


def test_a_rule_may_fire_again_when_its_window_has_passed() -> None:
    window = VENUE["executions_window_ns"]
    for later, passes in ((window - 1, False), (window, True)):
        g = roomy({"executions": 2})
        assert said(g, 1) is None
        assert said(g, 2, now=NOW + 1, price=4_990_000) is None
        told = said(g, 3, now=NOW + later, price=4_990_001)
        assert (told is None) == passes
        told = said(g, 4, now=NOW + later, price=4_990_002)
        assert told is not None and told[0] == "R14", "of the last two, one is too young"


def test_no_executions_is_no_place_for_a_rule() -> None:
    assert said(roomy({"executions": 0})) == ("R14", 0, 0, 1, 1, 0, 0)


def test_there_are_places_for_128_rules() -> None:
    g = roomy()
    for rule in range(128):
        assert said(g, rule + 1, rule=rule) is None
        assert g.close(cause(rule + 1))
    assert said(g, 501, rule=128) == ("R14", 0, 10**6, 128, 1, 0, 0)
    assert said(g, 502, rule=127) is None


def test_strategy_nought_and_rule_nought_are_as_good_as_any() -> None:
    g = roomy({"executions": 1})
    g.lease(0, LARGEST)
    assert said(g, 1, strategy=0, rule=0) is None
    assert said(g, 2, strategy=0, rule=0, quantity=11) == ("R14", 1, 1, 0, 2, 0, 0)
    g.balance(0, 10**15)
    assert said(g, 3, strategy=0, rule=1, quantity=11) is None


def test_asset_nought_shares_its_balance_with_none() -> None:
    g = roomy()
    g.balance(0, 10**15)
    other = Instrument("Y", "0.01", "0.0001", id=8, base_asset=77, quote_asset=78)
    g.add_instrument(other, **ROOMY)
    for side, asset in ((BUY, 78), (SELL, 77)):
        told = g.ask(intent(side=side), 8, cause(side), NOW, inputs())
        assert brief(told)[:4] == ("R09", 50 * 10**8 if side == BUY else 100_000, -1, asset)


def vm_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


@pytest.mark.skipif("sanitize" in os.environ.get("TIERCEL_BUILD", ""), reason="ASan needs room")
def test_a_gate_gives_back_what_its_rules_took() -> None:
    for executions, most in ((1, 2 << 20), (2**62, 64 << 20)):
        for _ in range(2):  # the first time the allocator grows
            before = vm_bytes()
            for _ in range(30):
                g = roomy({"executions": executions})
                for rule in range(16):
                    said(g, rule + 1, rule=rule, price=4_990_000 + rule)
                within = vm_bytes() - before
                del g
            after = vm_bytes() - before
        assert within < most, (executions, within)
        assert after < 4 << 20, (executions, after)


def test_messages_by_second_and_minute() -> None:
    g = roomy({"per_second": 3, "per_minute": 5, "cancel_share_ppm": 400_000})
    for n in (1, 2):
        assert said(g, n, price=4_990_000 + n) is None
    # of 3 a second, 3 * 0.4 = 1 whole message is kept for cancels
    assert said(g, 3, price=4_990_003) == ("R11", 2, 3, 0, 0, 2, 0)
    assert g.ask_cancel(cause(1), NOW) is None
    assert brief(g.ask_cancel(cause(1), NOW)) == ("R11", 3, 3, 0, 1, 3, 0)
    assert brief(g.ask_cancel(cause(1), NOW + SECOND - 1)) == ("R11", 3, 3, 0, 1, 3, 0)
    # of 5 a minute, 2 are kept for cancels
    assert said(g, 4, now=NOW + SECOND, price=4_990_004) == ("R11", 3, 5, 1, 0, 3, 0)
    for _ in range(2):
        assert g.ask_cancel(cause(1), NOW + SECOND) is None
    minute = 60 * SECOND
    assert brief(g.ask_cancel(cause(1), NOW + minute - 1)) == ("R11", 5, 5, 1, 1, 5, 0)
    assert g.ask_cancel(cause(1), NOW + minute) is None


@pytest.mark.parametrize("limit", [64, 65, 100])
def test_no_more_messages_are_allowed_than_are_remembered(limit: int) -> None:
    g = Gate(256, 128)
    g.set_limits(version=1, mode="simulation", **(ROOMY_VENUE | {"per_second": limit}))
    for n in range(64):
        assert g.ask_cancel(cause(n + 1), NOW) is None
    assert brief(g.ask_cancel(cause(1), NOW)) == ("R11", 64, 64, 0, 1, 64, 0)


def test_a_release_takes_its_message_and_execution_back() -> None:
    g = roomy({"per_second": 2, "executions": 2})
    for n in range(1, 20):
        assert said(g, n) is None
        assert g.release(cause(n)) and not g.release(cause(n))
    assert said(g, 30) is None and said(g, 31, price=4_990_000) is None
    assert said(g, 32, price=4_990_001) == ("R14", 2, 2, 1, 2, 0, 0)
    g.enable(9)
    assert said(g, 33, price=4_990_001) == ("R11", 2, 2, 0, 0, 2, 0)
    # an operator has let the rule count from nothing: there is no execution to take back
    assert g.release(cause(30)) and g.release(cause(31))
    assert said(g, 34) is None and said(g, 35, price=4_990_000) is None


@pytest.mark.parametrize(
    ("rejects", "window", "times", "halted"),
    [
        (0, SECOND, [0], True),
        (0, 0, [0, 0, 0], False),
        (-1, 0, [0], True),
        (2, SECOND, [0, 0], False),
        (2, SECOND, [0, 0, SECOND - 1], True),
        (2, SECOND, [0, 0, SECOND], False),
        (2, SECOND, [0, 5, SECOND, SECOND + 4], True),
        (2, SECOND, [0, 5, SECOND, SECOND + 5], False),
        (30, SECOND, [0] * 30, False),
        (30, SECOND, [0] * 31, True),
        (31, SECOND, [0] * 31, False),
        (31, SECOND, [0] * 32, True),
        (40, SECOND, [0] * 31, False),
        (40, SECOND, [0] * 32, True),
        (31, SECOND, [*range(0, 40 * SECOND, SECOND)], False),
    ],
)
def test_more_rejects_than_allowed_in_a_window_halt_the_strategy(
    rejects: int, window: int, times: list[int], halted: bool
) -> None:
    g = roomy({"rejects": rejects, "rejects_window_ns": window})
    g.lease(10, LARGEST)
    g.note_reject(77, NOW)  # nobody's
    for t in times:
        g.note_reject(9, NOW + t)
    assert said(g, 1) == (("R16", len(times), rejects, 9, 0, 0, 0) if halted else None)
    assert said(g, 2, strategy=10, price=4_990_000) is None, "only its own"
    g.enable(10)
    assert (said(g, 3, price=4_990_001) is None) != halted
    g.enable(9)
    assert said(g, 4, price=4_990_002) is None


def test_an_operator_enables_the_rules_of_one_strategy() -> None:
    g = roomy({"executions": 1})
    g.lease(10, LARGEST)
    for n, strategy in ((1, 9), (2, 10)):
        assert said(g, n, strategy=strategy, price=4_990_000 + n) is None
    for n, strategy in ((3, 9), (4, 10)):
        told = said(g, n, strategy=strategy, price=4_990_000 + n)
        assert told is not None and told[0] == "R14"
    g.enable(10)
    assert said(g, 5, strategy=10, price=4_990_005) is None
    told = said(g, 6, price=4_990_006)
    assert told is not None and told[0] == "R14"


# ---- position, lease, credit, clock --------------------------------------------------------------


def test_a_position_at_the_end_of_64_bits() -> None:
    for lots, side in ((LARGEST - 10, BUY), (-(LARGEST - 10), SELL)):
        g = roomy()
        g.fill(7, 5, 9, BUY, 1, lots)
        g.limit_asset(BTC, 2**100, 2**100)
        told = said(g, 1, side=side, quantity=10)
        assert told is not None
        assert told[:4] == ("R07", LARGEST, LARGEST, 3), "at the end: the notional is too large"
        beyond = said(g, 2, side=side, quantity=11)
        assert beyond == ("R07", LARGEST, 0, 1, lots, 0, 0)


def test_a_position_that_no_number_can_value_is_refused() -> None:
    whole = Instrument("X", "1", "1", id=7, base_asset=BTC, quote_asset=USDT)
    for lots, side in ((2**60, BUY), (-(2**60), SELL)):
        g = roomy()
        g.add_instrument(whole, **(ROOMY | {"collar_bps": 10_000}))
        g.limit_asset(BTC, 2**126, 2**126)
        g.fill(7, 5, 9, BUY, 1, lots)
        told = said(g, 1, {"reference": (2**39, 2**40, NOW)}, side=side, price=1, quantity=1)
        assert told is not None and told[:5] == ("R07", LARGEST, LARGEST, 3, 1), "a number"
        told = said(g, 2, {"reference": (2**39, 2**41, NOW)}, side=side, price=1, quantity=1)
        assert told == ("R07", LARGEST, 0, 3, lots, 0, 0)


@pytest.mark.parametrize(("side", "held"), [(BUY, -10), (SELL, 10)])
def test_what_only_reduces_needs_no_limit(side: int, held: int) -> None:
    none = {"longest": 0, "shortest": 0, "gross": 0}
    g = roomy({"gross_notional": 0, "long_notional": 0, "short_notional": 0}, none)
    g.lease(9, 0)
    g.fill(7, 5, 9, BUY, 5_000_000, held)
    told = said(g, 1, side=side, quantity=11)
    assert told is not None and told[:4] == ("R07", 1, 0, 1)
    assert told[4:] == (held, 0, 0)
    assert said(g, 2, side=side, quantity=10) is None
    told = said(g, 3, side=side, quantity=1)
    assert told is not None and told[:4] == ("R07", 1, 0, 1)
    assert told[4:] == ((held, 10, 0) if side == BUY else (held, 0, 10))


@pytest.mark.parametrize(("side", "sign"), [(BUY, 1), (SELL, -1)])
def test_a_lease_bounds_what_a_strategy_may_reach(side: int, sign: int) -> None:
    one = 50 * 10**8  # an order of 10 at 5,000,000
    g = roomy()
    g.lease(9, 3 * one)
    assert said(g, 1, side=side, price=5_000_000) is None
    g.fill(7, cause(1), 9, side, 5_000_000, 10)
    assert g.close(cause(1))
    assert said(g, 2, side=side, price=5_000_000) is None
    assert said(g, 3, side=side, price=5_000_000, quantity=11) == (
        "lease", 3 * one + one // 10, 3 * one, 9, sign * one,
        *((one, 0) if side == BUY else (0, one)),
    )  # fmt: skip
    assert said(g, 4, side=side, price=5_000_000, quantity=9) is None
    # none is needed for what brings it back to nothing
    g = roomy()
    g.lease(9, 0)
    g.fill(7, 5, 9, side, 5_000_000, 10)
    back = SELL if side == BUY else BUY
    assert said(g, 1, side=back, price=5_000_000, quantity=11) == (
        "lease", one // 10, 0, 9, sign * one, 0, 0,
    )  # fmt: skip
    assert said(g, 2, side=back, price=5_000_000, quantity=10) is None


def test_numbers_too_large_to_say_are_said_as_the_largest() -> None:
    for lots in (2**60, -(2**60)):
        g = roomy()
        g.limit_asset(BTC, 2**100, 2**100)
        g.fill(7, 5, 9, BUY, 2**50, lots)
        g.fill(7, 5, 10, BUY, 2**50, -lots)
        g.lease(9, 0)
        side = BUY if lots > 0 else SELL
        told = said(g, 1, side=side)
        assert told is not None
        net = LARGEST if lots > 0 else -(2**63)
        assert told == ("lease", LARGEST, 0, 9, net, 0, 0)


def test_credit_is_exact() -> None:
    need = 50 * 10**8 + 5 * 10**6  # with a fee of 1000 ppm
    for free, passes in ((need - 1, False), (need, True)):
        g = roomy({"fee_ppm": 1000})
        g.balance(USDT, free)
        told = said(g, 1)
        assert told == (None if passes else ("R09", need, free, USDT, free, 0, 0))
    g = roomy({"fee_ppm": 1000})
    g.balance(USDT, 2 * need + 7, 7)
    assert said(g, 1) is None
    short = ("R09", need, 2 * need + 7 - (need - 8), USDT, 2 * need + 7, 8, need)
    g.balance(USDT, 2 * need + 7 - 8, 8)
    assert said(g, 2, quantity=20) == (
        "R09", 2 * need, 2 * need - 1 - (need - 8), USDT, 2 * need - 1, 8, need,
    )  # fmt: skip
    assert short[2] > need
    for side, asset, amount in ((SELL, BTC, 100_000), (BUY, USDT, 50 * 10**8)):
        g = roomy()
        g.balance(asset, amount)
        assert said(g, 1, side=side) is None
        told = said(g, 2, side=side, quantity=1)
        assert told is not None
        assert told[2:] == (0, asset, amount, 0, amount)


def test_balances_and_limits_beyond_64_bits() -> None:
    g = roomy()
    g.balance(USDT, 2**64 + 5)
    assert said(g, 1) is None
    g.balance(USDT, 50 * 10**8, 2**64)
    assert said(g, 2, price=4_990_000) is None, "all we promised is locked at the venue"
    g.balance(USDT, -1)
    assert said(g, 3, price=4_980_000) == (
        "R09", 4_980_000 * 1000, -1 - 4_990_000 * 1000 - 50 * 10**8, USDT, -1, 0,
        4_990_000 * 1000 + 50 * 10**8,
    )  # fmt: skip
    g.balance(USDT, 2**64 - 1)
    assert said(g, 4, price=4_980_000) is None
    g.balance(USDT, 2**70)
    for n, most in enumerate((2**64, 2**64 - 1)):
        g.limit_asset(BTC, most, most)
        assert said(g, 5 + 2 * n, price=4_970_000 + n) is None
        assert said(g, 6 + 2 * n, price=5_100_000 + n, side=SELL) is None
    g.limit_asset(BTC, -1, -1)
    told = said(g, 10, price=4_960_000)
    assert told is not None and told[0] == "R07" and told[2:4] == (-1, 2)


@pytest.mark.parametrize(
    ("uncertainty", "passes"),
    [(-1, False), (0, True), (SECOND * 5 // 4, True), (SECOND * 5 // 4 + 1, False)],
)
def test_a_clock_is_known_well_enough(uncertainty: int, passes: bool) -> None:
    told = said(roomy(), 1, {"uncertainty": uncertainty})
    assert told == (None if passes else ("R19", uncertainty, SECOND * 5 // 4, 0, 0, 0, 0))


# ---- the second step -----------------------------------------------------------------------------


def test_the_check_before_the_write_says_what_it_found() -> None:
    g = roomy()
    assert said(g, 1) is None
    halves = (cause(1) >> 64, cause(1) & (2**64 - 1), 0)

    def send(now: int = NOW, instrument: int = 7, id: int = 0, **more: Any) -> Any:
        told = g.ask_send(
            intent(deadline=NOW), instrument, id or cause(1), now, inputs(NOW, **more)
        )
        return told and brief(told)

    assert send(id=cause(2)) == ("shape", 0, 0, 0, 0, 0, 0)
    assert send(instrument=8) == ("shape", 0, 0, 0, 0, 0, 0)
    assert send(kill=3) == ("R21", 3, 0, 1, 0, 0, 0)
    assert send(NOW + 1) == ("deadline", NOW + 1, NOW, 1, 0, 0, 0)
    assert send(reconciled=False) == ("R01", 2, 0, 1, 0, 1, 0)
    g.halt(7)
    assert send() == ("R01", 2, 0, 1, 1, 1, 0)
    g.halt(7, False)
    assert send() is None
    assert send() == ("R12", 1, 0, 4, *halves)
    assert not g.release(cause(1))


# ---- what is known from elsewhere ----------------------------------------------------------------


def test_a_restored_position_replaces_what_was_counted() -> None:
    for counted, restored in ((0, 30), (50, 30), (0, -30), (30, 30), (-7, 0)):
        g = roomy(own={"longest": restored, "shortest": -restored, "gross": 1000})
        g.fill(7, 5, 9, BUY, 5_000_000, counted)
        g.restore(7, restored, 5_000_000)
        assert g.exposure(7) == (restored, 0, 0, 0)
        side = BUY if restored >= 0 else SELL
        told = said(g, 1, side=side, quantity=1)
        assert told is not None
        assert told == ("R07", abs(restored) + 1, abs(restored), 1, restored, 0, 0)
        g.add_instrument(spec(), **ROOMY)
        g.limit_asset(BTC, 0, 0)
        told = said(g, 2, side=side, quantity=10)
        assert told is not None
        held = (abs(restored) + 10) * 10**4
        assert told == ("R07", held, 0, 2, restored * 10**4, 0, 0)
    g.restore(99, 5, 5)  # not ours
    assert g.exposure(99) is None


@pytest.mark.parametrize(("lots", "side", "code"), [(30, BUY, 1), (-30, SELL, 1)])
def test_a_restored_position_is_valued_at_its_price(lots: int, side: int, code: int) -> None:
    """Seen by another instrument of the venue: the first's share of long, short, gross and net."""
    value = 30 * 4_000_000 * 100
    for name, what in (("side", 1), ("gross_notional", 2), ("net_notional", 3)):
        limit = ("long_notional" if side == BUY else "short_notional") if name == "side" else name
        g = roomy({limit: value + 50 * 10**8 - 1})
        g.add_instrument(spec(8), **ROOMY)
        g.restore(7, lots, 4_000_000)
        i = intent(side=side, price=5_000_000, quantity=10)
        told = g.ask(i, 8, cause(1), NOW, inputs(reference=(4_999_999, 5_000_000, NOW)))
        here = 50 * 10**8
        ends = (here, 0) if side == BUY else (0, -here)
        assert brief(told) == ("R07", value + here, value + here - 1, 3, what, *ends)
        g = roomy({limit: value + 50 * 10**8})
        g.add_instrument(spec(8), **ROOMY)
        g.restore(7, 2 * lots, 1)
        g.restore(7, lots, 4_000_000)
        assert g.ask(i, 8, cause(1), NOW, inputs(reference=(4_999_999, 5_000_000, NOW))) is None


def test_a_restored_cost_is_what_the_strategy_has_reached() -> None:
    g = roomy()
    g.add_instrument(spec(8), **ROOMY)
    g.fill(7, 5, 9, BUY, 5_000_000, 10)
    g.lease(9, 0)
    told_so = ((700, True, 700), (40, False, 740), (-41, False, 699), (-5, True, -5), (0, True, 0))
    for n, (more, first, net) in enumerate(told_so):
        g.restore_strategy(9, 7, more, first)
        told = said(g, 1 + n, side=BUY, quantity=1000)
        assert told is not None
        reach = 5_000_000 * 1000 * 100
        assert told == ("lease", reach + net * 100, 0, 9, net * 100, 0, 0)
    g.restore_strategy(8, 7, 700, True)  # not ours
    g.restore_strategy(9, 99, 700, True)
    told = said(g, 900, quantity=1)
    assert told is not None and told[4] == 0


@pytest.mark.parametrize(("side", "price"), [(BUY, 5_000_000), (SELL, 5_000_000), (BUY, 0)])
def test_what_is_adopted_is_counted_like_what_was_placed(side: int, price: int) -> None:
    worth = 6 * price * 100
    g = roomy({"fee_ppm": 1000, "open_notional": worth}, {"open_notional": worth})
    g.lease(9, 0)
    assert g.adopt(cause(50), 7, 9, side, price, 10, cumulative=4, rule=1, type=1 if price else 2)
    assert g.exposure(7) == (0, *((6, 0) if side == BUY else (0, 6)), 1)
    fee = -(-worth * 1000 // 10**6)
    assert g.reserved(cause(50)) == ((USDT, worth + fee) if side == BUY else (BTC, 60_000))
    again = g.ask_send(intent(), 7, cause(50), NOW, inputs())
    assert control(again) == "R12", "it was sent in an earlier life"
    if price:
        told = said(g, 1, side=side, price=price, quantity=11)
        assert told is not None
        assert told == ("R08", worth + 11 * price * 100, worth, 1, 1, 0, 0)
    g.fill(7, cause(50), 9, side, price, 6)
    assert g.close(cause(50))
    assert g.exposure(7) == (6 if side == BUY else -6, 0, 0, 0)


def test_open_notional_is_summed_over_the_venue() -> None:
    g = roomy({"open_notional": 100 * 10**8})
    g.add_instrument(spec(8), **ROOMY)
    assert said(g, 1, price=5_000_000) is None  # 50
    told = g.ask(intent(price=5_000_000, quantity=11), 8, cause(2), NOW, inputs())
    assert brief(told) == ("R08", 105 * 10**8, 100 * 10**8, 3, 1, 0, 0)
    assert g.ask(intent(price=5_000_000), 8, cause(3), NOW, inputs()) is None


def test_an_adopted_order_may_have_nothing_left() -> None:
    g = roomy()
    assert g.adopt(1, 7, 9, BUY, 5_000_000, 10, cumulative=10)
    assert not g.adopt(2, 7, 9, BUY, 5_000_000, 10, cumulative=11)
    assert g.exposure(7) == (0, 0, 0, 1)


def test_a_strategys_rules_are_counted_when_its_orders_are_adopted() -> None:
    g = roomy({"executions": 0})
    assert not g.adopt(1, 7, 9, BUY, 5_000_000, 10), "no place for its rule"
    g = roomy()
    for n in range(64):
        g.lease(n, 1)
    assert not g.adopt(1, 7, 99, BUY, 5_000_000, 10), "no place for its strategy"
    assert g.adopt(1, 7, 63, BUY, 5_000_000, 10)


def test_the_least_of_a_gate() -> None:
    g = Gate(2, 2)
    g.set_limits(version=1, mode="simulation", **ROOMY_VENUE)
    assert brief(g.ask_cancel(cause(1), NOW))[0] == "R11", "fewer than are kept in spare"


def test_a_part_that_traded_is_no_longer_open() -> None:
    g = roomy({"open_notional": 100 * 10**8}, {"open_notional": 100 * 10**8})
    assert said(g, 1, price=5_000_000) is None  # 50
    g.fill(7, cause(1), 9, BUY, 4_000_000, 4)
    assert g.exposure(7) == (4, 6, 0, 1)
    told = said(g, 2, price=5_000_000, quantity=15)
    assert told is not None and told[:3] == ("R08", 105 * 10**8, 100 * 10**8)
    assert said(g, 3, price=5_000_000, quantity=14) is None
    g.fill(7, cause(1), 9, BUY, 4_000_000, 100)  # more than is left
    assert g.exposure(7) == (104, 14, 0, 2)
    g.fill(7, cause(1), 9, BUY, 4_000_000, -5)  # taken back; the order is not open again
    assert g.exposure(7) == (99, 14, 0, 2)
    g.fill(8, cause(1), 9, BUY, 4_000_000, 5)  # of no instrument of ours
    assert g.exposure(7) == (99, 14, 0, 2)
    assert g.close(cause(1)) and not g.close(cause(1))


def test_fetching_ahead_changes_nothing() -> None:
    full, same = roomy(), roomy()
    for n in range(1, 65):
        for g in (full, same):
            assert said(g, n, price=4_990_000 + n) is None
        full.warm(cause(n))
        assert full.exposure(7) == same.exposure(7)
    assert said(full, 65) == said(same, 65) == ("room", 64, 64, 0, 0, 0, 0)


def test_the_limits_of_a_gate_without_messages() -> None:
    assert ask(gate({"per_second": -1})) == "R11"
    assert LARGE > 0


@pytest.mark.parametrize(
    ("bid", "ask", "mul", "div", "ours"),
    [
        (4_999_900, 5_000_100, 1, 1, (4_999_900, 5_000_100)),
        (49_999_999, 50_000_001, 1, 10, (4_999_999, 5_000_001)),
        (50_000_000, 50_000_010, 1, 10, (5_000_000, 5_000_001)),
        (1_000_000, 1_000_001, 5, 1, (5_000_000, 5_000_005)),
        (9, 11, 1, 10, (0, 2)),
        (0, 11, 1, 10, (0, 2)),
        (1_000_000, 1_000_001, 2**62, 1, (0, 0)),
    ],
)
def test_a_reference_in_other_ticks_is_rounded_outwards(
    bid: int, ask: int, mul: int, div: int, ours: tuple[int, int]
) -> None:
    """The refusal of a price beyond the collar says what the reference was."""
    i = intent(side=BUY, price=50_000_000)
    told = roomy().ask(i, 7, cause(1), NOW, inputs(reference=(bid, ask, NOW, mul, div)))
    assert told is not None and told["control"] == "R05", told
    assert tuple(told["input"])[1:3] == ours, told


@pytest.mark.parametrize(
    ("side", "type", "worst"),
    [
        (BUY, MARKET, 5_250_000),
        (SELL, MARKET, 5_250_000),
        (BUY, 1, 5_000_000),
        (SELL, 1, 5_000_000),
    ],
)
def test_what_an_order_may_come_to_is_open_until_it_is_over(
    side: int, type: int, worst: int
) -> None:
    """A market order at the collar's far edge, whichever its side: 500 bp above the middle."""
    g = roomy()
    i = intent(side=side, price=0 if type == MARKET else 5_000_000, type=type, quantity=100)
    id = cause(1)
    assert (g.worst(id), g.open_notional) == (0, 0)
    assert g.ask(i, 7, id, NOW, inputs(reference=(4_999_900, 5_000_100, NOW))) is None
    assert g.worst(id) == worst
    assert g.open_notional == notional_of(spec(), worst, 100)
    g.close(id)
    assert (g.worst(id), g.open_notional) == (0, 0)
