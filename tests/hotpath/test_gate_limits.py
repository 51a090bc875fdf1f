"""Every limit of the gate is exact: one below what an order reaches refuses, that much passes."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from hotpath.gate import Gate
from hotpath.order import pack_id
from tests.hotpath.test_gate import (
    BTC,
    ETH,
    LARGE,
    NOW,
    OWN,
    SECOND,
    USDT,
    VENUE,
    control,
    inputs,
    intent,
    make_pair,
    spec,
)
from tests.reference import gate as twin

WIDE = 10**18
WIDE_VENUE = VENUE | {
    "open_orders": 60, "per_second": 1000, "per_minute": 5000, "cancel_share_ppm": 0,
    "executions": 1000, "rejects": 50,
}  # fmt: skip
WIDE_OWN = OWN | {
    "quantity": 10**6, "longest": 10**9, "shortest": 10**9, "gross": 10**9, "window_bps": 10_000,
}  # fmt: skip
LIMITS = (
    "open_orders", "open_notional", "gross_notional", "net_notional", "long_notional",
    "short_notional", "status_age_ns", "own quantity", "own notional", "own longest",
    "own shortest", "own gross", "own open_orders", "own open_notional", "own feed_age_ns",
    "own reference_age_ns", "lease", "asset", "balance",
)  # fmt: skip


class Pair:
    """A gate and its slow twin, asked the same; everything is allowed until `limit` says less."""

    def __init__(self, rng: random.Random) -> None:
        self.fast: Gate
        self.slow: twin.Gate
        self.fast, self.slow = make_pair(rng)
        self.position = 0
        self.slow.limits = dict(WIDE_VENUE)
        self.fast.set_limits(version=2, mode="simulation", **WIDE_VENUE)
        for where, s in self.slow.specs.items():
            s.limits = dict(WIDE_OWN)
            self.fast.add_instrument(spec(where, s.base), **s.limits)
        for strategy in (9, 10):
            self.lease(strategy, LARGE)
        for asset in (BTC, ETH, USDT):
            self.balance(asset, WIDE)
            self.asset(asset, WIDE, WIDE)

    def lease(self, strategy: int, share: int) -> None:
        self.fast.lease(strategy, share)
        self.slow.leases[strategy] = share

    def balance(self, asset: int, free: int) -> None:
        self.fast.balance(asset, free)
        self.slow.balances[asset] = (free, 0)
        self.slow.spent.pop(asset, None)

    def asset(self, asset: int, longest: int, shortest: int) -> None:
        self.fast.limit_asset(asset, longest, shortest)
        self.slow.asset_limits[asset] = (longest, shortest)

    def cause(self, strategy: int) -> int:
        self.position += 1
        return pack_id(5, strategy, self.position, 0, 0)

    def limit(self, name: str, to: int, where: int, i: dict[str, int]) -> None:
        """Set one limit, of the order's instrument, strategy, asset or of the venue."""
        s, buys = self.slow.specs[where], i["side"] == 1
        if name.startswith("own "):
            s.limits[name[4:]] = to
            self.fast.add_instrument(spec(where, s.base), **s.limits)
        elif name == "lease":
            self.lease(i["strategy"], to)
        elif name == "asset":
            self.asset(s.base, *((to, WIDE) if buys else (WIDE, to)))
        elif name == "balance":
            asset = USDT if buys else s.base
            self.balance(asset, to + self.slow.reserved(asset))
        else:
            self.slow.limits[name] = to
            self.fast.set_limits(version=2, mode="simulation", **self.slow.limits)

    def wide(self, name: str) -> int:
        if name in ("lease", "asset", "balance"):
            return LARGE if name == "lease" else WIDE
        return WIDE_OWN[name[4:]] if name.startswith("own ") else WIDE_VENUE[name]

    def ask(
        self, i: dict[str, int], where: int, id: int, now: int, n: dict[str, Any]
    ) -> dict[str, Any] | None:
        """The gate's refusal, which the twin gives too."""
        refusal = self.fast.ask(i, where, id, now, n)
        assert control(refusal) == self.slow.ask(i, where, id, now, n), (i, n, refusal)
        return refusal

    def adopt(self, i: dict[str, int], where: int, now: int, n: dict[str, Any]) -> int:
        """An order of an earlier life: the gate counts it, the twin has it by being asked."""
        id, filled, slow = self.cause(i["strategy"]), i["quantity"] // 3, self.slow
        assert slow.ask(i, where, id, now, n) is None
        slow.messages.pop()
        slow.fired[(i["strategy"], i["rule"])].pop()
        order = slow.orders[-1]
        order.leaves, order.sent, order.spec.valued_at = i["quantity"] - filled, True, i["price"]
        known = (where, i["strategy"], i["side"], i["price"], i["quantity"])
        for _ in range(2):  # found twice is counted once
            assert self.fast.adopt(id, *known, cumulative=filled, rule=i["rule"])
        amount = order.spec.notional(order.price, order.leaves)
        bought = (USDT, amount + -(-amount * slow.limits["fee_ppm"] // 10**6))
        sold = (order.spec.base, order.spec.amount(order.leaves))
        assert self.fast.reserved(id) == (bought if i["side"] == 1 else sold)
        return id

    def exposures_agree(self) -> None:
        slow = self.slow
        for where, s in slow.specs.items():
            assert self.fast.exposure(where) == (
                slow.position(s),
                slow.working(s, 1),
                slow.working(s, 2),
                slow.count(s),
            )


def drawn(rng: random.Random, now: int) -> tuple[dict[str, int], dict[str, Any]]:
    """An order that crosses none of ours, and inputs that are a little old."""
    side = rng.choice([1, 2])
    i = intent(
        side=side, quantity=rng.randrange(2, 40), strategy=rng.choice([9, 10]), deadline=now,
        price=(4_990_000 if side == 1 else 5_010_000) + rng.randrange(0, 999),
        rule=rng.choice([1, 2]),
    )  # fmt: skip
    middle = 5_000_000 + rng.randrange(-20, 21) * 100
    n = inputs(now, reference=(middle - 100, middle + 100, now - rng.randrange(1, 99)))
    n["status_time"] = now - rng.randrange(1, 99)
    n["view"] = n["view"] | {rng.choice(["received", "venue_time"]): now - rng.randrange(1, 99)}
    return i, n


@pytest.mark.parametrize("seed", range(8))
def test_every_limit_is_exact_in_every_state(seed: int) -> None:
    """A limit of nothing says how far the order reaches; then it is asked around that.

    The twin reaches as far in the same state, or it would change its answer elsewhere.
    """
    rng = random.Random(1000 + seed)
    probed: Counter[str] = Counter()
    for _ in range(6):
        pair, now = Pair(rng), NOW
        live: list[tuple[int, int, dict[str, int]]] = []
        for _ in range(45):
            now += rng.choice([1000, SECOND // 20, SECOND // 3])
            where, name = rng.choice([7, 8, 11]), rng.choice(LIMITS)
            i, n = drawn(rng, now)
            if rng.random() < 0.15:
                live.append((pair.adopt(i, where, now, n), where, i))
                continue
            pair.limit(name, 0, where, i)
            told = pair.ask(i, where, pair.cause(i["strategy"]), now, n)
            if told is not None:
                probed[name] += 1
                for reach in (told["value"] - 1, told["value"], told["value"] + 1):
                    pair.limit(name, max(0, reach), where, i)
                    id = pair.cause(i["strategy"])
                    if pair.ask(i, where, id, now, n) is None:
                        live.append((id, where, i))
                        break
            pair.limit(name, pair.wide(name), where, i)
            what = rng.random()
            if what < 0.45 and live:
                id, at, i = rng.choice(live)
                lots = rng.randrange(1, 8)
                for g in (pair.fast, pair.slow):
                    g.fill(at, id, i["strategy"], i["side"], i["price"], lots)
            elif what < 0.7 and live:
                id, at, _ = live.pop(rng.randrange(len(live)))
                assert pair.fast.close(id) == pair.slow.close(id)
            pair.exposures_agree()
    assert len(probed) == len(LIMITS) and sum(probed.values()) > 100, probed


def test_what_has_no_place_is_not_adopted() -> None:
    g = Pair(random.Random(1)).fast
    one = (9, 1, 5_000_000, 10)
    assert not g.adopt(1, 99, *one), "an instrument that is not known"
    assert not g.adopt(1, 7, *one, cumulative=11), "more is filled than was ordered"
    assert not g.adopt(1, 7, 9, 1, 2**62, 2**62), "a notional beyond any number"
    assert g.exposure(7) == (0, 0, 0, 0) and g.reserved(1) is None
    for n in range(64):
        assert g.adopt(n + 1, 7, *one)
    assert not g.adopt(65, 7, *one), "as many orders as there are places"
    assert g.adopt(64, 7, *one), "known already"
    assert g.exposure(7) == (0, 640, 0, 64)


def test_a_strategy_without_a_lease_is_adopted_and_gets_none() -> None:
    pair = Pair(random.Random(1))
    assert pair.fast.adopt(1, 7, 55, 1, 5_000_000, 10)
    i = intent(strategy=55, price=4_990_000)
    told = pair.fast.ask(i, 7, pack_id(5, 55, 1, 0, 0), NOW, inputs())
    assert told is not None and (told["control"], told["limit"]) == ("lease", 0)


def test_an_adopted_market_order_meets_whatever_we_would_place() -> None:
    pair = Pair(random.Random(1))
    assert pair.fast.adopt(1, 7, 9, 2, 6_000_000, 10, type=2)
    told = pair.fast.ask(intent(price=4_990_000), 7, pair.cause(9), NOW, inputs())
    assert control(told) == "R15"
    limit = Pair(random.Random(1))
    assert limit.fast.adopt(1, 7, 9, 2, 6_000_000, 10, type=1)
    assert limit.fast.ask(intent(price=4_990_000), 7, limit.cause(9), NOW, inputs()) is None


def test_forgotten_balances_are_unknown_until_they_are_told_again() -> None:
    pair = Pair(random.Random(1))
    pair.fast.forget_balances()
    assert control(pair.fast.ask(intent(), 7, pair.cause(9), NOW, inputs())) == "R09"
    pair.balance(USDT, WIDE)
    assert pair.fast.ask(intent(), 7, pair.cause(9), NOW, inputs()) is None
