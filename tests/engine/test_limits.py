"""From a configuration to the gate: text to integers, references to slots, nothing left out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from engine import limits, slots
from engine.limits import UNBOUNDED, configure, instrument_limits, lots, reference_of, units
from hotpath.gate import Gate
from hotpath.instrument import Instrument

S = 1_000_000_000


def listing(venue: str = "here", tick: str = "0.01", top: dict[int, int] | None = None) -> Any:
    return SimpleNamespace(
        venue=venue,
        base_asset="BTC",
        quote_asset="USDT",
        instrument=SimpleNamespace(lot="0.001"),
        settings=SimpleNamespace(tick=tick),
        top={1: 10} if top is None else top,
        spec=SimpleNamespace(limits=None),
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, UNBOUNDED), ("0", 0), ("1", 10**8), ("0.00000001", 1), ("0.000000019", 1),
        ("12.5", 1_250_000_000), ("46116860184.27387903", UNBOUNDED - 1),
        ("46116860184.27387904", UNBOUNDED), ("99999999999999", UNBOUNDED),
    ],
)  # fmt: skip
def test_units(text: str | None, found: int) -> None:
    assert units(text) == found


def test_lots_are_rounded_down() -> None:
    assert [lots(listing(), t) for t in ("0.001", "0.0019", "1", None)] == [1, 1, 1000, UNBOUNDED]


def test_no_limits_of_an_instrument_refuse_all() -> None:
    assert instrument_limits(listing(), None) == {}


def test_limits_of_an_instrument() -> None:
    said = SimpleNamespace(
        max_order_quantity="0.5", max_order_notional="100", max_long="2", max_short="3",
        max_open_orders=4, max_open_notional="500", collar_bps=50, collar_window_bps=80,
        collar_window_ms=7, max_data_age_ms=9,
    )  # fmt: skip
    assert instrument_limits(listing(), said) == {  # type: ignore[arg-type]
        "quantity": 500, "notional": 100 * 10**8, "longest": 2000, "shortest": 3000,
        "gross": 5000, "open_orders": 4, "open_notional": 500 * 10**8, "collar_bps": 50,
        "window_bps": 80, "window_ns": 7_000_000, "feed_age_ns": 9_000_000,
        "reference_age_ns": 9_000_000,
    }  # fmt: skip


@pytest.mark.parametrize("lot", ["0.00000001", "0.000000000000000001", "1"])
def test_long_and_short_without_bound_are_no_more_than_the_gate_can_count(lot: str) -> None:
    """R07: the sum of both is 2^63 lots, one more than a gate's number holds."""
    wide = "9" * 20
    said = SimpleNamespace(
        max_order_quantity=wide, max_order_notional=wide, max_long=wide, max_short=wide,
        max_open_orders=4, max_open_notional=None, collar_bps=50, collar_window_bps=80,
        collar_window_ms=7, max_data_age_ms=9,
    )  # fmt: skip
    mine = listing()
    mine.instrument.lot = lot
    found = instrument_limits(mine, said)  # type: ignore[arg-type]
    assert found["gross"] == UNBOUNDED and found["longest"] <= found["gross"]
    Gate(2, 2).add_instrument(Instrument("X", "1", "1", id=7), **found)


def test_lots_and_ticks_may_be_finer_than_what_money_is_counted_in() -> None:
    fine = listing(tick="0.000000000001")
    fine.instrument.lot = "0.0000000005"
    assert [lots(fine, t) for t in ("0.0000000019", "1", None)] == [3, 2 * 10**9, UNBOUNDED]
    other = listing("there", "0.000000000005", {2: 20})
    assert reference_of("a", of(a=fine, b=other)) == (20, 5, 1)
    other.settings.tick = "3" + "0" * 19
    assert reference_of("a", of(a=fine, b=other)) == (-1, 1, 1), "no ratio that fits"


def of(**listings: Any) -> Any:
    return SimpleNamespace(lane=SimpleNamespace(listings=listings))


def test_the_reference_is_another_venues_market_where_there_is_one() -> None:
    mine = listing(top={1: 10})
    other = listing("there", "0.05", {2: 20, 3: 30})
    assert reference_of("a", of(a=mine, b=other)) == (20, 5, 1)
    other_pair = listing("there", "0.05", {2: 20})
    other_pair.base_asset = "ETH"
    silent = listing("there", "0.05", {})
    same_venue = listing("here", "0.05", {4: 40})
    own = (10, 1, 1)
    for no_other in (other_pair, silent, same_venue):
        assert reference_of("a", of(a=mine, b=no_other)) == own
    assert reference_of("a", of(a=listing(top={}))) == (-1, 1, 1)


class Told:
    """A venue that keeps what it is told."""

    def __init__(self) -> None:
        self.slots: dict[str, int] = {}
        self.listings: list[dict[str, Any]] = []
        self.strategies: dict[int, dict[str, int]] = {}
        self.limits: dict[str, Any] = {}
        self.gate = SimpleNamespace(set_limits=self.limits.update)
        self.agreed = False

    def set_slots(self, **slots: int) -> None:
        self.slots = slots

    def add_listing(self, instrument: Any, **more: Any) -> None:
        self.listings.append(more)

    def add_strategy(self, source: int, **more: int) -> None:
        self.strategies[source] = more


def setup(
    mode: str = "simulation", fee: int = 1000, bounded: bool = True, ours: bool = True
) -> Any:
    rules = {"max_executions_window_s": 30, "max_rejects": 3, "max_rejects_window_s": 4}
    board = {slots.CLOCK: 1, slots.KILL: 2, slots.kill("here"): 3, slots.CANCEL_ONLY: 4,
             slots.kill("a"): 5, slots.kill("x"): 6}  # fmt: skip
    v = SimpleNamespace(
        submits_per_s=6, cancels_per_s=2, submits_per_minute=100, max_open_orders=7,
        max_open_notional="8", max_gross_notional="9", request_window_ms=11,
    )  # fmt: skip
    leases = [SimpleNamespace(venue="here", strategy="x", gross_notional="5"),
              SimpleNamespace(venue="there", strategy="y", gross_notional="6")]  # fmt: skip
    strategies = {
        "x": SimpleNamespace(max_executions=20, **rules),
        "y": SimpleNamespace(max_executions=1, **rules),
    }
    a = listing()
    return SimpleNamespace(
        actor=SimpleNamespace(name="venue"), instance=77, slots=board, listings={"a": a},
        venue=SimpleNamespace(
            name="here", limits=v if bounded else None,
            settings=SimpleNamespace(mode=mode, taker_fee_ppm=fee),
        ),
        sources={"x": 9, "y": 10},
        lane=SimpleNamespace(
            listings={"a": a}, leases=leases, strategies=strategies if ours else {}
        ),
    )  # fmt: skip


def configured(given: Any) -> Told:
    told = Told()
    configure(told, given)  # type: ignore[arg-type]
    return told


def test_a_venue_hears_all_of_its_configuration() -> None:
    told = configured(setup())
    assert told.slots == {"clock": 1, "kill": 2, "venue_kill": 3, "hold": 4, "instance": 77}
    assert told.listings == [
        {"views": {1: 10}, "reference": 10, "reference_mul": 1, "reference_div": 1,
         "kill": 5, "limits": {}},
    ]  # fmt: skip
    assert told.strategies == {9: {"share": 5 * 10**8, "kill": 6}}
    assert told.limits == {
        "version": limits.LIMIT_VERSION, "mode": "simulation", "open_orders": 7,
        "open_notional": 8 * 10**8, "gross_notional": 9 * 10**8, "net_notional": UNBOUNDED,
        "long_notional": UNBOUNDED, "short_notional": UNBOUNDED, "per_second": 8,
        "per_minute": 220, "cancel_share_ppm": 250_000, "minute_share_ppm": 545_455,
        "executions": 20, "executions_window_ns": 30 * S, "rejects": 3, "rejects_window_ns": 4 * S,
        "request_window_ns": 11_000_000, "status_age_ns": 900 * S, "fee_ppm": 1000,
    }  # fmt: skip
    assert told.agreed


@pytest.mark.parametrize(
    ("per_s", "per_minute", "cancels"),
    [(50, 1000, 50), (80, 4000, 50), (10, 100, 5), (6, 100, 2), (1, 60, 10_000), (7, 600_000, 3)],
)
def test_places_and_replaces_are_as_many_as_the_configuration_says(
    per_s: int, per_minute: int, cancels: int
) -> None:
    """R11: the share kept for cancels is another of a minute than of a second, and never rounds
    to one place more."""
    given = setup()
    given.venue.limits.submits_per_s, given.venue.limits.submits_per_minute = per_s, per_minute
    given.venue.limits.cancels_per_s = cancels
    told = configured(given).limits
    for whole, share, may in (
        ("per_second", "cancel_share_ppm", per_s), ("per_minute", "minute_share_ppm", per_minute),
    ):  # fmt: skip
        assert told[whole] - told[whole] * told[share] // 1_000_000 == may


def test_a_rebate_reserves_no_fee_and_live_is_not_agreed() -> None:
    assert configured(setup(fee=-5)).limits["fee_ppm"] == 0
    assert not configured(setup("live")).agreed
    elsewhere = configured(setup(ours=False)).limits
    assert (elsewhere["executions"], elsewhere["executions_window_ns"]) == (100, 600 * S)
    assert (elsewhere["rejects"], elsewhere["rejects_window_ns"]) == (5, 10 * S)


def test_a_venue_without_limits_hears_none_and_is_not_agreed() -> None:
    told = configured(setup(bounded=False))
    assert told.limits == {} and not told.agreed


def test_an_actor_without_a_venue_is_an_error_of_ours() -> None:
    given = setup()
    given.venue = None
    with pytest.raises(TypeError, match="without a venue"):
        configured(given)
