"""The gate: each control refuses what it must and says why, and equals the slow twin (I5)."""

from __future__ import annotations

import contextlib
import os
import random
import resource
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from hotpath.gate import Gate
from hotpath.instrument import Instrument
from hotpath.order import pack_id
from tests.reference import gate as twin

BTC, USDT, ETH = 1, 2, 3
NOW, SECOND = 10**18, 10**9
LARGE = 10**17

VENUE: dict[str, int] = {
    "open_orders": 50, "open_notional": LARGE, "gross_notional": LARGE, "net_notional": LARGE,
    "long_notional": LARGE, "short_notional": LARGE, "per_second": 50, "per_minute": 1000,
    "cancel_share_ppm": 200_000, "executions": 100, "executions_window_ns": 600 * SECOND,
    "rejects": 5, "rejects_window_ns": 10 * SECOND, "request_window_ns": 5 * SECOND,
    "status_age_ns": 3600 * SECOND, "fee_ppm": 1000,
}  # fmt: skip
OWN: dict[str, int] = {
    "quantity": 1000, "notional": LARGE, "longest": 5000, "shortest": 5000, "gross": 5000,
    "open_orders": 20, "open_notional": LARGE, "collar_bps": 500, "window_bps": 800,
    "window_ns": 10 * SECOND, "feed_age_ns": SECOND, "reference_age_ns": SECOND,
}  # fmt: skip


def spec(id: int = 7, base: int = BTC) -> Instrument:
    return Instrument(
        "X", "0.01", "0.0001", id=id, base_asset=base, quote_asset=USDT, min_quantity="0.0002",
        max_quantity="0.5", min_notional="5",
    )  # fmt: skip


def gate(venue: dict[str, int] | None = None, own: dict[str, int] | None = None) -> Gate:
    g = Gate(64, 1024)
    g.set_limits(version=3, mode="simulation", **(VENUE | (venue or {})))
    g.add_instrument(spec(), **(OWN | (own or {})))
    g.lease(9, LARGE)
    g.balance(BTC, 10 * 10**8)
    g.balance(USDT, 10**6 * 10**8)
    return g


def intent(**more: int) -> dict[str, int]:
    return {
        "side": 1, "price": 5_000_000, "quantity": 10, "deadline": NOW + SECOND, "feed": 4,
        "feed_epoch": 2, "feed_update_id": 100, "strategy": 9, "rule": 1,
    } | more  # fmt: skip


def inputs(now: int = NOW, **more: Any) -> dict[str, Any]:
    return {
        "view": {"feed": 4, "epoch": 2, "update_id": 101, "received": now, "venue_time": now},
        "reference": (4_999_900, 5_000_100, now), "uncertainty": 0, "status_time": now,
        "agreed": True, "reconciled": True, "room": True,
    } | more  # fmt: skip


def cause(position: int, leg: int = 0, attempt: int = 0) -> int:
    return pack_id(5, 9, position, leg, attempt)


def control(refusal: dict[str, Any] | None) -> str | None:
    return None if refusal is None else str(refusal["control"])


def ask(
    g: Gate, position: int = 1, more: dict[str, Any] | None = None, **of_intent: int
) -> str | None:
    return control(g.ask(intent(**of_intent), 7, cause(position), NOW, inputs(**(more or {}))))


def view(**more: Any) -> dict[str, Any]:
    return {"view": inputs()["view"] | more}


def test_an_order_in_order_passes_both_steps() -> None:
    g = gate()
    assert ask(g) is None
    assert g.exposure(7) == (0, 10, 0, 1)
    assert g.ask_send(intent(), 7, cause(1), NOW, inputs()) is None
    assert control(g.ask_send(intent(), 7, cause(1), NOW, inputs())) == "R12", "sent once"
    g.fill(7, cause(1), 9, 1, 5_000_000, 4)
    assert g.exposure(7) == (4, 6, 0, 1)
    assert g.close(cause(1)) and g.exposure(7) == (4, 0, 0, 0)


@pytest.mark.parametrize(
    ("expected", "more", "of_intent"),
    [
        ("shape", {}, {"side": 3}),
        ("shape", {}, {"quantity": 0}),
        ("shape", {}, {"price": 0}),
        ("lease", {}, {"strategy": 8}),
        ("R21", {"kill": 1}, {}),
        ("deadline", {}, {"deadline": NOW - 1}),
        ("R01", {"agreed": False}, {}),
        ("R01", {"reconciled": False}, {}),
        ("outbox", {"room": False}, {}),
        ("R02", {}, {"quantity": 1}),
        ("R02", {"status_time": NOW - 3601 * SECOND}, {}),
        ("R06", {"view": None}, {}),
        ("R06", view(reason=2), {}),
        ("R06", view(alive=False), {}),
        ("R06", view(epoch=3), {}),
        ("R06", view(received=NOW - SECOND - 1), {}),
        ("R06", view(venue_time=NOW - SECOND - 1), {}),
        ("R06", view(update_id=99), {}),
        ("R06", {}, {"feed": 5}),
        ("R05", {"reference": None}, {}),
        ("R05", {"reference": (4_999_900, 5_000_100, NOW - SECOND - 1)}, {}),
        ("R05", {"reference": (5_000_100, 4_999_900, NOW)}, {}),
        ("R05", {}, {"price": 5_250_001}),
        ("R05", {}, {"price": 4_749_999}),
        ("R03", {}, {"quantity": 1001}),
        ("R19", {"uncertainty": -1}, {}),
        ("R19", {"uncertainty": SECOND * 5 // 4 + 1}, {}),
    ],
)  # fmt: skip
def test_each_control_refuses(
    expected: str, more: dict[str, Any], of_intent: dict[str, int]
) -> None:
    assert ask(gate(), 1, more, **of_intent) == expected


def test_limits_refuse_with_their_values_and_version() -> None:
    g = gate(own={"notional": 50 * 10**8 - 1})
    assert g.ask(intent(), 7, cause(1), NOW, inputs()) == {
        "control": "R04", "value": 50 * 10**8, "limit": 50 * 10**8 - 1, "limit_version": 3,
        "venue": 0, "strategy": 9, "op": 1, "side": 1, "input": (5_000_000, 10, 0, 0),
    }  # fmt: skip
    assert g.refusals == {"R04": 1}


@pytest.mark.parametrize(
    ("expected", "venue", "own"),
    [
        ("R04", {}, {"notional": 50 * 10**8 - 1}),
        ("R07", {}, {"longest": 9}),
        ("R07", {}, {"gross": 9}),
        ("R07", {"gross_notional": 50 * 10**8}, {}),
        ("R07", {"net_notional": 50 * 10**8}, {}),
        ("R07", {"long_notional": 50 * 10**8}, {}),
        ("R08", {"open_orders": 0}, {}),
        ("R08", {}, {"open_orders": 0}),
        ("R08", {"open_notional": 50 * 10**8 - 1}, {}),
        ("R08", {}, {"open_notional": 50 * 10**8 - 1}),
        ("R11", {"per_second": 0}, {}),
        ("R11", {"per_minute": 0}, {}),
        ("R14", {"executions": 0}, {}),
    ],
)
def test_each_limit_refuses(expected: str, venue: dict[str, int], own: dict[str, int]) -> None:
    assert ask(gate(venue, own)) == expected


def test_no_limit_allows_nothing() -> None:
    for name in VENUE:
        if name in {"cancel_share_ppm", "fee_ppm", "rejects", "rejects_window_ns", "short_notional",
                    "executions_window_ns", "request_window_ns", "status_age_ns"}:  # fmt: skip
            continue
        assert ask(gate({name: 0})) is not None, name
    for name in OWN:
        if name not in {"shortest", "window_ns", "feed_age_ns", "reference_age_ns", "window_bps",
                        "collar_bps"}:  # fmt: skip
            assert ask(gate(own={name: 0})) is not None, name


def test_live_is_refused_until_arming_exists() -> None:
    g = gate()
    g.set_limits(version=4, mode="live", **VENUE)
    assert ask(g) == "R01"


def test_a_cause_is_taken_once_whatever_became_of_it() -> None:
    g = gate()
    assert ask(g, 1, {"kill": 1}) == "R21"
    assert ask(g, 1) == "R12"
    assert ask(g, 2) is None and ask(g, 2, price=4_999_000) == "R12"
    assert control(g.ask(intent(price=4_990_000), 7, cause(2, 0, 1), NOW, inputs())) == "R12"
    retry = g.ask(intent(price=4_990_000), 7, cause(2, 0, 1), NOW, inputs(retry=True))
    assert retry is None


def test_the_same_order_from_another_cause_waits_for_the_first() -> None:
    g = gate()
    assert ask(g, 1) is None and ask(g, 2) == "R12"
    g.close(cause(1))
    assert ask(g, 3) is None


def test_own_orders_never_cross() -> None:
    g = gate()
    assert ask(g, 1, side=2, price=5_001_000) is None
    assert ask(g, 2, side=1, price=5_001_000) == "R15"
    assert ask(g, 3, side=1, type=2) == "R15", "a market order may meet anything"
    assert ask(g, 4, side=1, price=5_000_999) is None


def test_credit_counts_what_is_promised_but_not_yet_locked() -> None:
    g = gate()
    g.balance(USDT, 101 * 10**8)
    assert ask(g, 1) is None  # 50 and its fee
    assert ask(g, 2, price=4_990_000) is None
    assert ask(g, 3, price=4_980_000) == "R09"
    g.balance(USDT, 51 * 10**8, 100 * 10**8)  # the venue has locked both now
    assert ask(g, 4, price=4_980_000) is None


def test_what_a_fill_took_is_gone_before_the_balance_says_so() -> None:
    g = gate()
    g.balance(USDT, 101 * 10**8)
    assert ask(g, 1) is None  # 50 and its fee
    g.fill(7, cause(1), 9, 1, 5_000_000, 10)
    assert ask(g, 2, price=4_990_000) is None, "the other half is still there"
    assert ask(g, 3, price=4_980_000) == "R09", "the first half was paid away"
    g.balance(USDT, 51 * 10**8)  # the venue says it now: nothing is subtracted twice
    assert g.close(cause(2))
    assert ask(g, 4, price=4_970_000) is None


def test_what_was_locked_is_not_subtracted_again_when_it_fills() -> None:
    g = gate()
    g.balance(USDT, 101 * 10**8)
    assert ask(g, 1) is None
    g.balance(USDT, 51 * 10**8, 50 * 10**8)  # it rests: the venue has locked it
    g.fill(7, cause(1), 9, 1, 5_000_000, 10)
    assert ask(g, 2, price=4_990_000) is None


def test_an_unknown_balance_refuses() -> None:
    g = Gate(8, 256)
    g.set_limits(version=1, mode="simulation", **VENUE)
    g.add_instrument(spec(), **OWN)
    g.lease(9, LARGE)
    assert ask(g) == "R09"


def test_reducing_is_allowed_beyond_the_position_limit() -> None:
    g = gate(own={"longest": 5, "shortest": 5, "gross": 5})
    g.fill(7, cause(9), 9, 1, 5_000_000, 100)
    assert ask(g, 1) == "R07"
    assert ask(g, 2, side=2, price=5_010_000) is None
    assert ask(g, 3, side=2, price=5_020_000, quantity=200) == "R07"


def test_cancels_have_a_share_of_the_throttle() -> None:
    g = gate({"per_second": 10})
    for n in range(8):
        assert ask(g, n + 1, price=4_990_000 + n) is None
    assert ask(g, 20, price=4_980_000) == "R11"
    assert [g.ask_cancel(cause(n), NOW) for n in (1, 2)] == [None, None]
    assert control(g.ask_cancel(cause(3), NOW)) == "R11", "the venue's own limit holds for cancels"
    later = NOW + SECOND
    assert g.ask_cancel(cause(3), later) is None


def test_a_release_gives_back_all_a_reservation_took() -> None:
    g = gate({"per_second": 1, "cancel_share_ppm": 0, "executions": 1})
    for n in range(1, 6):
        assert ask(g, n) is None
        assert g.release(cause(n)) and g.exposure(7) == (0, 0, 0, 0)
    assert ask(g, 9) is None
    assert g.ask_send(intent(), 7, cause(9), NOW, inputs()) is None
    assert not g.release(cause(9)), "what was sent is not released"


def test_a_rule_that_fires_too_often_is_disabled_until_an_operator_acts() -> None:
    g = gate({"executions": 3})
    for n in range(3):
        assert ask(g, n + 1, price=4_990_000 + n) is None
    assert ask(g, 4, price=4_990_010) == "R14"
    much_later = NOW + 10_000 * SECOND
    again = g.ask(intent(deadline=much_later), 7, cause(5), much_later, inputs(much_later))
    assert control(again) == "R14"
    g.enable(9)
    assert ask(g, 6, price=4_990_011) is None


def test_rejects_halt_a_strategy() -> None:
    g = gate()
    for n in range(5):
        g.note_reject(9, NOW + n)
    assert ask(g, 1) is None
    g.note_reject(9, NOW + 6)
    assert ask(g, 2, price=4_990_000) == "R16"
    g.enable(9)
    assert ask(g, 3, price=4_990_000) is None


def test_a_sudden_reference_does_not_widen_the_collar() -> None:
    g = gate(own={"window_bps": 100})
    assert ask(g, 1) is None
    moved = inputs(reference=(5_199_900, 5_200_100, NOW))
    found = g.ask(intent(price=5_200_000), 7, cause(2), NOW + 1, moved)
    assert found is not None and found["control"] == "R05" and found["input"][0] == 5


@pytest.mark.parametrize(("side", "touch"), [(1, 5_200_100), (2, 4_799_900)])
def test_nor_does_it_let_a_market_order_through(side: int, touch: int) -> None:
    """It goes at least as far as the touch: where a limit order there is refused, so is it."""
    for type_ in (2, 1):
        g = gate(own={"window_bps": 300})
        assert ask(g, 1) is None
        low, high = sorted((touch, touch + (-200 if side == 1 else 200)))
        moved = inputs(reference=(low, high, NOW))
        asked = intent(side=side, type=type_, price=0 if type_ == 2 else touch, rule=2)
        found = g.ask(asked, 7, cause(2), NOW + 1, moved)
        assert found is not None and found["control"] == "R05" and found["input"][0] == 5


def test_a_minute_keeps_a_share_of_its_own_for_cancels() -> None:
    g = gate({"per_second": 40, "per_minute": 40, "cancel_share_ppm": 0,
              "minute_share_ppm": 900_000})  # fmt: skip
    found = [ask(g, n, price=4_990_000 + n) for n in range(1, 7)]
    assert found == [None] * 4 + ["R11"] * 2
    assert g.ask_cancel(cause(1), NOW) is None


def test_the_last_check_sees_what_changed_since() -> None:
    for more, expected in (
        ({"kill": 1}, "R21"),
        ({"reconciled": False}, "R01"),
        (view(reason=1), "R06"),
        (view(epoch=3), "R06"),
    ):
        g = gate()
        assert ask(g) is None
        assert control(g.ask_send(intent(), 7, cause(1), NOW, inputs(**more))) == expected
    g = gate()
    assert ask(g) is None
    late = NOW + SECOND + 1
    assert control(g.ask_send(intent(), 7, cause(1), late, inputs(late))) == "deadline"


def test_a_market_order_counts_at_the_collars_edge() -> None:
    assert ask(gate(own={"notional": 52 * 10**8}), 1, type=2, price=0) == "R04"
    assert ask(gate(own={"notional": 53 * 10**8}), 1, type=2, price=0) is None


SPOILT: list[dict[str, Any]] = [
    {"kill": 1}, {"reference": None}, view(reason=3), {"uncertainty": -1}, {"room": False},
    {"view": None},
]  # fmt: skip


def make_pair(rng: random.Random) -> tuple[Gate, twin.Gate]:
    venue = VENUE | {
        "open_orders": rng.choice([3, 8]),
        "open_notional": rng.choice([300, 1000]) * 10**8,
        "gross_notional": rng.choice([500, 2000]) * 10**8,
        "net_notional": rng.choice([400, 2000]) * 10**8,
        "long_notional": rng.choice([400, 2000]) * 10**8,
        "short_notional": rng.choice([400, 2000]) * 10**8,
        "per_second": rng.choice([4, 20]),
        "per_minute": rng.choice([15, 500]),
        "executions": rng.choice([5, 50]),
        "executions_window_ns": 5 * SECOND,
        "rejects": 3,
    }
    own = OWN | {
        "quantity": 25,
        "notional": rng.choice([100, 300]) * 10**8,
        "longest": rng.choice([30, 60]),
        "shortest": rng.choice([30, 60]),
        "gross": 50,
        "open_orders": rng.choice([2, 5]),
        "open_notional": rng.choice([200, 600]) * 10**8,
        "window_bps": 300,
    }
    fast = Gate(64, 1024)
    fast.set_limits(version=1, mode="simulation", **venue)
    slow = twin.Gate(venue)
    for id, base in ((7, BTC), (8, ETH), (11, BTC)):
        one = spec(id, base)
        fast.add_instrument(one, **own)
        slow.specs[id] = twin.Spec(
            id, Fraction(one.tick), Fraction(one.lot), base, USDT, one.min_quantity,
            one.max_quantity, one.min_notional, limits=own,
        )  # fmt: skip
    for asset in (BTC, ETH):
        fast.limit_asset(asset, 70 * 10**4, 70 * 10**4)
        slow.asset_limits[asset] = (70 * 10**4, 70 * 10**4)
    for strategy in (9, 10):
        share = rng.choice([200, 900]) * 10**8
        fast.lease(strategy, share)
        slow.leases[strategy] = share
    return fast, slow


@pytest.mark.parametrize("seed", range(12))
def test_equals_the_twin(seed: int) -> None:
    """Nothing passes that the twin refuses, and nothing is refused that the twin lets pass."""
    rng = random.Random(seed)
    passed = refused = 0
    for _ in range(12):
        fast, slow = make_pair(rng)
        now, position = NOW, 0
        sent: list[tuple[int, int, dict[str, int]]] = []
        for asset in (BTC, ETH, USDT):
            if rng.random() < 0.95:
                amount = (rng.randrange(1, 2000) * 10**8, rng.randrange(0, 300) * 10**8)
                fast.balance(asset, *amount)
                slow.balances[asset] = amount
        for _ in range(80):
            now += rng.choice([0, 1000, SECOND // 20, SECOND // 3, 2 * SECOND])
            what = rng.random()
            if what < 0.62 or not sent:
                position += rng.choice([1, 1, 1, 0])
                strategy = rng.choice([9, 9, 10])
                i = intent(
                    side=rng.choice([1, 2]), quantity=rng.choice([1, 5, 10, 20, 26]),
                    price=5_000_000 + rng.randrange(-5, 6) * rng.choice([100, 10_000, 60_000]),
                    deadline=now + rng.choice([SECOND, SECOND, SECOND, -1]), strategy=strategy,
                    rule=rng.choice([1, 2]), type=rng.choice([1, 1, 1, 2, 3]),
                )  # fmt: skip
                middle = 5_000_000 + rng.randrange(-20, 21) * 1000
                n = inputs(now, reference=(middle - 100, middle + 100, now))
                if rng.random() < 0.1:
                    n |= rng.choice(SPOILT)
                id = pack_id(5, strategy, position, rng.choice([0, 0, 1]), 0)
                where = rng.choice([7, 7, 8, 11])
                a, b = control(fast.ask(i, where, id, now, n)), slow.ask(i, where, id, now, n)
                assert a == b, (i, n)
                passed, refused = passed + (a is None), refused + (a is not None)
                if a is None:
                    if rng.random() < 0.15:
                        assert fast.release(id) and slow.release(id)
                        continue
                    sent.append((id, where, i))
                    assert control(fast.ask_send(i, where, id, now, n)) == slow.ask_send(
                        i, where, id, now, n
                    )
            elif what < 0.75:
                id, where, i = rng.choice(sent)
                lots = rng.randrange(1, 6)
                if rng.random() < 0.2:
                    fast.trim(id, lots - 1)
                    slow.trim(id, lots - 1)
                    continue
                for g in (fast, slow):
                    g.fill(where, id, i["strategy"], i["side"], 5_000_000, lots)
            elif what < 0.92:
                id, _, i = sent.pop(rng.randrange(len(sent)))
                assert fast.close(id) == slow.close(id)
                if rng.random() < 0.2:
                    fast.note_reject(i["strategy"], now)
                    slow.note_reject(i["strategy"], now)
            elif what < 0.96:
                asset, free = rng.choice([BTC, ETH, USDT]), rng.randrange(1, 2000) * 10**8
                fast.balance(asset, free)
                slow.balances[asset] = (free, 0)
                slow.spent.pop(asset, None)
            elif what < 0.98:
                buying, selling = rng.randrange(0, 12), rng.randrange(0, 12)
                told = (rng.choice([7, 8, 11]), rng.randrange(0, 3), buying, selling,
                        5_000_000 * buying, 5_000_000 * selling, 5_000_000)  # fmt: skip
                for g in (fast, slow):
                    assert g.set_external(*told)
            else:
                assert control(fast.ask_cancel(1, now)) == slow.ask_cancel(now)
            for where, s in slow.specs.items():
                assert fast.exposure(where) == (
                    slow.position(s), slow.working(s, 1), slow.working(s, 2), slow.count(s),
                )  # fmt: skip
    assert passed > 60 and refused > 60


@contextlib.contextmanager
def little_memory() -> Iterator[None]:
    """No more than 64 MiB beyond what the process has."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    have = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (have + (64 << 20), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@pytest.mark.skipif("sanitize" in os.environ.get("TIERCEL_BUILD", ""), reason="ASan needs room")
def test_a_gate_without_memory_is_none() -> None:
    with little_memory(), pytest.raises(MemoryError):
        Gate(1 << 26, 1024)  # each table alone is more than a heap keeps of what was freed


@pytest.mark.parametrize(("room", "messages"), [(3, 1024), (1, 1024), (64, 0), (64, 1000)])
def test_a_gate_has_powers_of_two(room: int, messages: int) -> None:
    with pytest.raises(ValueError, match="powers of two"):
        Gate(room, messages)


def test_a_halted_instrument_takes_no_order_until_it_is_freed() -> None:
    g = gate()
    g.halt(7)
    assert ask(g) == "R02"
    g.halt(7, False)
    assert ask(g, 2) is None
    with pytest.raises(KeyError):
        g.halt(8)


def test_an_instrument_that_is_not_trading_takes_no_order() -> None:
    g = gate()
    g.update_instrument(
        Instrument("X", "0.01", "0.0001", id=7, base_asset=BTC, quote_asset=USDT, status="halted")
    )
    assert ask(g) == "R02"


def test_new_metadata_changes_sizes_and_keeps_limits() -> None:
    g = gate()
    smaller = Instrument(
        "X", "0.01", "0.0001", id=7, base_asset=BTC, quote_asset=USDT, max_quantity="0.0009"
    )
    assert ask(g, quantity=10) is None
    g.update_instrument(smaller)
    assert ask(g, 2, quantity=9) is None
    refusal = g.ask(intent(quantity=10), 7, cause(3), NOW, inputs())
    assert refusal is not None and refusal["control"] == "R02"
    assert (refusal["value"], refusal["limit"]) == (10, 9)
    g.update_instrument(spec())
    assert ask(g, 4, quantity=1001) == "R03", "the limit of the first is still there"


def test_less_than_the_smallest_notional_is_refused() -> None:
    g = gate()
    refusal = g.ask(
        intent(price=100_000, quantity=2),
        7,
        cause(1),
        NOW,
        inputs(reference=(99_900, 100_100, NOW)),
    )
    assert refusal is not None and refusal["control"] == "R02"
    assert (refusal["value"], refusal["limit"]) == (20_000_000, 500_000_000)


def test_a_position_beyond_64_bits_is_refused_and_not_wrapped() -> None:
    for lots, side in ((2**63 - 5, 1), (-(2**63) + 5, 2)):
        g = gate()
        g.fill(7, cause(77), 9, 1, 5_000_000, lots)
        refusal = g.ask(intent(side=side), 7, cause(1), NOW, inputs())
        assert refusal is not None and refusal["control"] == "R07"
        assert refusal["input"][1] == lots


def test_reservations_of_fine_lots_are_rounded_away_from_zero() -> None:
    """200.000000000001 at 50,000 with 0.1 % of fee; 10.000000000001 sold of exactly 10."""
    fine = Instrument("X", "0.01", "0.000000000001", id=7, base_asset=BTC, quote_asset=USDT)
    wide = {"quantity": 10**15, "longest": 10**15, "shortest": 10**15, "gross": 10**15}
    g = gate()
    g.add_instrument(fine, **(OWN | wide))
    bought = g.ask(intent(quantity=2 * 10**14 + 1), 7, cause(1), NOW, inputs())
    assert bought is not None and bought["control"] == "R09"
    assert bought["value"] == 1_000_000_000_000_005 + 1_000_000_000_001
    sold = g.ask(intent(side=2, quantity=10**13 + 1), 7, cause(2), NOW, inputs())
    assert sold is not None and sold["control"] == "R09"
    assert (sold["value"], sold["limit"]) == (10**9 + 1, 10**9)
    assert g.ask(intent(side=2, quantity=10**13), 7, cause(3), NOW, inputs()) is None
    g = gate()
    g.add_instrument(fine, **(OWN | wide))
    assert g.ask(intent(quantity=3), 7, cause(4), NOW, inputs()) is None
    g.balance(USDT, 20)
    again = g.ask(intent(quantity=5), 7, cause(5), NOW, inputs())
    assert again is not None
    assert (again["value"], again["limit"]) == (25 + 1, 20 - (15 + 1)), "a part of a unit of fee"


@pytest.mark.parametrize("id", [0, 65536, 70_000])
def test_a_registry_number_out_of_range_has_no_place(id: int) -> None:
    g = gate()
    odd = Instrument("X", "0.01", "0.0001", id=id, base_asset=BTC, quote_asset=USDT)
    with pytest.raises(ValueError, match="no place for instrument"):
        g.add_instrument(odd, **OWN)
    with pytest.raises(ValueError, match="no place for instrument"):
        g.update_instrument(odd)


def test_what_has_no_place_is_refused_and_not_written_over() -> None:
    g = Gate(64, 1024)
    for n in range(1, 65):
        g.lease(n, n)
    with pytest.raises(ValueError, match="no place for strategy 65"):
        g.lease(65, 1)
    for n in range(1, 1025):
        g.balance(n, n)
    with pytest.raises(ValueError, match="no place for asset 1025"):
        g.balance(1025, 1)
    with pytest.raises(ValueError, match="no place for asset 1026"):
        g.limit_asset(1026, 1, 1)


@pytest.mark.parametrize("side", [1, 2])
def test_a_trim_holds_what_is_sent_and_no_less(side: int) -> None:
    g = gate()
    assert g.ask(intent(side=side), 7, cause(1), NOW, inputs()) is None
    held = g.exposure(7)
    g.trim(cause(1), 100)
    g.trim(cause(2), 1)
    assert g.exposure(7) == held, "never more than was reserved, and of no other order"
    g.trim(cause(1), 4)
    assert g.exposure(7) == (0, *((4, 0) if side == 1 else (0, 4)), 1)
    g.trim(cause(1), -3)
    assert g.exposure(7) == (0, 0, 0, 1)
