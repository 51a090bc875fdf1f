"""The gate, slow and obvious: each control one method over lists of orders, trades and messages.

Nothing is carried along: exposures, reservations and windows are summed anew for each question, in
exact fractions and unbounded integers. `ask` returns the name of the control that refuses, or None.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

SECOND, MINUTE = 10**9, 60 * 10**9
UNIT = 10**8


def away_from_zero(x: Fraction) -> int:
    n = abs(x.numerator) // x.denominator
    n += (abs(x.numerator) % x.denominator) != 0
    return -n if x < 0 else n


@dataclass
class Spec:
    id: int
    tick: Fraction
    lot: Fraction
    base: int
    quote: int
    min_quantity: int
    max_quantity: int
    min_notional: int
    trading: bool = True
    limits: dict[str, int] = field(default_factory=dict)
    halted: bool = False
    references: list[tuple[int, int]] = field(default_factory=list)
    half: tuple[int, list[int], list[int]] | None = None
    valued_at: int = 0
    external: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)
    """Of others: orders, lots to buy, lots to sell, ticks times lots of the buys, of the sells."""

    def notional(self, ticks: int, lots: int) -> int:
        return away_from_zero(ticks * self.tick * lots * self.lot * UNIT)

    def amount(self, lots: int) -> int:
        return away_from_zero(lots * self.lot * UNIT)


@dataclass
class Open:
    id: int
    spec: Spec
    side: int
    price: int
    quantity: int
    leaves: int
    strategy: int
    rule: int
    market: bool
    sent: bool = False


@dataclass
class Gate:
    limits: dict[str, int]
    mode: str = "simulation"
    specs: dict[int, Spec] = field(default_factory=dict)
    leases: dict[int, int] = field(default_factory=dict)
    balances: dict[int, tuple[int, int]] = field(default_factory=dict)
    spent: dict[int, int] = field(default_factory=dict)
    asset_limits: dict[int, tuple[int, int]] = field(default_factory=dict)
    orders: list[Open] = field(default_factory=list)
    trades: list[tuple[Spec, int, int, int, int]] = field(default_factory=list)
    messages: list[int] = field(default_factory=list)
    fired: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    disabled: set[tuple[int, int]] = field(default_factory=set)
    rejects: dict[int, list[int]] = field(default_factory=dict)
    halted: set[int] = field(default_factory=set)
    seen: dict[int, int] = field(default_factory=dict)

    # ---- sums ---------------------------------------------------------------------------------

    def position(self, spec: Spec) -> int:
        return sum((1 if s == 1 else -1) * q for t, s, _, q, _ in self.trades if t is spec)

    def working(self, spec: Spec, side: int) -> int:
        ours = sum(o.leaves for o in self.orders if o.spec is spec and o.side == side)
        return ours + spec.external[side]

    def count(self, spec: Spec | None = None) -> int:
        ours = sum(spec is None or o.spec is spec for o in self.orders)
        return ours + sum(s.external[0] for s in self.specs.values() if spec is None or s is spec)

    def open_notional(self, spec: Spec | None = None) -> int:
        ours = sum(
            o.spec.notional(o.price, o.leaves)
            for o in self.orders
            if spec is None or o.spec is spec
        )
        return ours + sum(
            s.notional(1, s.external[3]) + s.notional(1, s.external[4])
            for s in self.specs.values()
            if spec is None or s is spec
        )

    def reserved(self, asset: int) -> int:
        total = 0
        for o in self.orders:
            if o.side == 1 and o.spec.quote == asset:
                n = o.spec.notional(o.price, o.leaves)
                total += n + -(-n * self.limits["fee_ppm"] // 10**6)
            if o.side == 2 and o.spec.base == asset:
                total += o.spec.amount(o.leaves)
        return total

    def potential(self, spec: Spec, price: int, buys: int = 0, sells: int = 0) -> tuple[int, int]:
        held = self.position(spec)
        return (
            spec.notional(price, held + self.working(spec, 1) + buys),
            spec.notional(price, held - self.working(spec, 2) - sells),
        )

    # ---- the controls -------------------------------------------------------------------------

    def ask(
        self, i: dict[str, int], instrument: int, id: int, now: int, n: dict[str, Any]
    ) -> str | None:
        price, market = i.get("price", 0), i.get("type", 1) == 2
        side, lots, limits = i["side"], i["quantity"], self.limits
        if i.get("op", 1) not in {1, 3} or side not in {1, 2} or lots <= 0:
            return "shape"
        if i.get("type", 1) not in {1, 2, 3} or (not market and price <= 0) or not id:
            return "shape"
        strategy, rule = i["strategy"], (i["strategy"], i.get("rule", 0))
        if strategy not in self.leases:
            return "lease"
        if id & 0xFFFF:
            if not n.get("retry") or any(o.id == id for o in self.orders):
                return "R12"
        elif id <= self.seen.get(strategy, -1):
            return "R12"
        else:
            self.seen[strategy] = id
        if n.get("kill"):
            return "R21"
        if now > i["deadline"]:
            return "deadline"
        known = self.mode in {"replay", "simulation", "testnet"}
        if not known or not n.get("agreed") or not n.get("reconciled"):
            return "R01"
        if not n.get("room"):
            return "outbox"
        spec = self.specs.get(instrument)
        if spec is None or not spec.trading or spec.halted:
            return "R02"
        if now - n.get("status_time", 0) > limits["status_age_ns"]:
            return "R02"
        if lots < spec.min_quantity or (spec.max_quantity and lots > spec.max_quantity):
            return "R02"
        own = spec.limits
        if self.is_stale(spec, i, n, now):
            return "R06"
        worst = self.worst_price(spec, i, n, now)
        if worst is None:
            return "R05"
        if lots > own["quantity"]:
            return "R03"
        notional = spec.notional(worst, lots)
        if notional > own["notional"]:
            return "R04"
        if notional < spec.min_notional:
            return "R02"
        mine = [o for o in self.orders if o.spec is spec]
        if i.get("op", 1) == 3:
            mine = [o for o in mine if o.id != i.get("target")]
        for o in reversed(mine):
            if o.side == side and (o.price, o.quantity) == (worst, lots):
                return "R12"
            crossing = worst >= o.price if side == 1 else worst <= o.price
            if o.side != side and (o.market or market or crossing):
                return "R15"
        if strategy in self.halted:
            return "R16"
        times = self.fired.setdefault(rule, [])
        window = limits["executions_window_ns"]
        if sum(now - t < window for t in times) >= limits["executions"]:
            self.disabled.add(rule)
        if rule in self.disabled:
            return "R14"
        if self.count(spec) >= own["open_orders"]:
            return "R08"
        if self.count() >= limits["open_orders"]:
            return "R08"
        if self.open_notional(spec) + notional > own["open_notional"]:
            return "R08"
        if self.open_notional() + notional > limits["open_notional"]:
            return "R08"
        if self.is_too_far(spec, side, lots, n["reference"][1]):
            return "R07"
        if self.is_beyond_lease(strategy, side, notional):
            return "lease"
        asset = spec.quote if side == 1 else spec.base
        need = notional + -(-notional * limits["fee_ppm"] // 10**6)
        need = need if side == 1 else spec.amount(lots)
        if asset not in self.balances:
            return "R09"
        free, locked = self.balances[asset]
        theirs = sum(s.notional(1, s.external[3]) for s in self.specs.values() if s.quote == asset)
        theirs += sum(s.amount(s.external[2]) for s in self.specs.values() if s.base == asset)
        promised = self.reserved(asset) + self.spent.get(asset, 0)
        if need > free - max(0, promised - max(0, locked - theirs)):
            return "R09"
        if not 0 <= n.get("uncertainty", -1) <= limits["request_window_ns"] // 4:
            return "R19"
        if not self.may_send(now, cancel=False):
            return "R11"
        self.orders.append(
            Open(id, spec, side, worst, lots, lots, strategy, i.get("rule", 0), market)
        )
        spec.valued_at = n["reference"][1]
        times.append(now)
        self.messages.append(now)
        return None

    def is_stale(self, spec: Spec, i: dict[str, int], n: dict[str, Any], now: int) -> bool:
        view = n.get("view")
        if view is None or view["feed"] != i["feed"] or not view.get("alive", True):
            return True
        if view["epoch"] != i["feed_epoch"] or view.get("reason", 0):
            return True
        ages = [now - view["received"]]
        if view.get("venue_time"):
            ages.append(now - view["venue_time"])
        return bool(
            view["update_id"] < i["feed_update_id"] or max(ages) > spec.limits["feed_age_ns"]
        )

    def worst_price(self, spec: Spec, i: dict[str, int], n: dict[str, Any], now: int) -> int | None:
        own = spec.limits
        if n.get("reference") is None:
            return None
        bid, ask, received = n["reference"]
        if bid <= 0 or ask <= 0 or now - received > own["reference_age_ns"] or bid >= ask:
            return None
        total = bid + ask
        half = own["window_ns"] // 2
        if spec.half is None:
            spec.half = (now, [total], [total])
        else:
            began, current, _ = spec.half
            if now - began < half:
                current.append(total)
            elif now - began < 2 * half:
                spec.half = (now, [total], current)
            else:
                spec.half = (now, [total], [total])
        if i.get("type", 1) == 2:
            price = ask if i["side"] == 1 else bid  # at least so far it goes
            worst = -(-total * (10000 + own["collar_bps"]) // 20000)
        else:
            worst = price = i["price"]
            if abs(Fraction(2 * price - total, total)) * 10000 > own["collar_bps"]:
                return None
        seen = spec.half[1] + spec.half[2]
        low, high = min(seen), max(seen)
        if i["side"] == 1:
            away = Fraction(2 * price - low, low)
        else:
            away = Fraction(high - 2 * price, high)
        return None if away * 10000 > own["window_bps"] else worst

    def is_too_far(self, spec: Spec, side: int, lots: int, ask: int) -> bool:
        own, venue, buy = spec.limits, self.limits, side == 1
        up = self.position(spec) + self.working(spec, 1) + (lots if buy else 0)
        down = self.position(spec) - self.working(spec, 2) - (0 if buy else lots)
        if (up <= 0) if buy else (down >= 0):
            return False
        if (up if buy else -down) > min(own["longest" if buy else "shortest"], own["gross"]):
            return True
        of_asset = [s for s in self.specs.values() if s.base == spec.base]
        amount = sum(s.amount(q) * (1 if d == 1 else -1) for s, d, _, q, _ in self.trades
                     if s in of_asset)  # fmt: skip
        amount = amount if buy else -amount
        amount += sum(s.amount(o.leaves) for s in of_asset for o in self.orders
                      if o.spec is s and o.side == side)  # fmt: skip
        amount += sum(s.amount(s.external[side]) for s in of_asset)
        if amount + spec.amount(lots) > self.asset_limits[spec.base][0 if buy else 1]:
            return True
        ends = []
        for s in self.specs.values():
            more = {"buys": lots if buy else 0, "sells": 0 if buy else lots} if s is spec else {}
            price = ask if s is spec else s.valued_at
            ends.append(self.potential(s, price, **more) if price else (0, 0))
        longs = sum(max(0, h) for h, _ in ends)
        shorts = sum(max(0, -low) for _, low in ends)
        gross = sum(max(abs(h), abs(low)) for h, low in ends)
        net = sum(h for h, _ in ends) if buy else -sum(low for _, low in ends)
        side_limit = venue["long_notional"] if buy else venue["short_notional"]
        return (
            (longs if buy else shorts) > side_limit
            or gross > venue["gross_notional"]
            or net > venue["net_notional"]
        )

    def is_beyond_lease(self, strategy: int, side: int, notional: int) -> bool:
        net = sum((1 if s == 1 else -1) * t.notional(p, q) for t, s, p, q, who in self.trades
                  if who == strategy)  # fmt: skip
        mine = [o for o in self.orders if o.strategy == strategy and o.side == side]
        same = sum(o.spec.notional(o.price, o.leaves) for o in mine)
        reach = (net if side == 1 else -net) + same + notional
        return reach > 0 and reach > self.leases[strategy]

    def may_send(self, now: int, *, cancel: bool) -> bool:
        for window, limit in ((SECOND, "per_second"), (MINUTE, "per_minute")):
            allowed = self.limits[limit]
            if not cancel:
                share = self.limits["cancel_share_ppm"]
                if limit == "per_minute":
                    share = self.limits.get("minute_share_ppm", share)
                allowed -= allowed * share // 10**6
            if sum(now - t < window for t in self.messages) >= allowed:
                return False
        return True

    def ask_cancel(self, now: int) -> str | None:
        if not self.may_send(now, cancel=True):
            return "R11"
        self.messages.append(now)
        return None

    def ask_send(
        self, i: dict[str, int], instrument: int, id: int, now: int, n: dict[str, Any]
    ) -> str | None:
        found = [o for o in self.orders if o.id == id]
        if not found:
            return "shape"
        if found[0].sent:
            return "R12"
        if n.get("kill"):
            return "R21"
        if now > i["deadline"]:
            return "deadline"
        if not n.get("reconciled") or found[0].spec.halted:
            return "R01"
        if self.is_stale(found[0].spec, i, n, now):
            return "R06"
        found[0].sent = True
        return None

    # ---- what comes back ----------------------------------------------------------------------

    def fill(
        self, instrument: int, id: int, strategy: int, side: int, price: int, lots: int
    ) -> None:
        spec = self.specs[instrument]
        for o in self.orders:
            if o.id == id and lots > 0:
                asset = o.spec.quote if o.side == 1 else o.spec.base
                before = self.reserved(asset)
                o.leaves -= min(lots, o.leaves)
                self.spent[asset] = self.spent.get(asset, 0) + before - self.reserved(asset)
        self.trades.append((spec, side, price, lots, strategy))
        spec.valued_at = price

    def trim(self, id: int, lots: int) -> None:
        for o in self.orders:
            if o.id == id and o.leaves > lots:
                o.leaves = max(0, lots)
                o.spec.valued_at = o.price

    def close(self, id: int) -> bool:
        for o in self.orders:
            if o.id == id:
                self.orders.remove(o)
                o.spec.valued_at = o.price
                return True
        return False

    def release(self, id: int) -> bool:
        for o in self.orders:
            if o.id == id and not o.sent:
                self.messages.pop()
                self.fired[(o.strategy, o.rule)].pop()
                return self.close(id)
        return False

    def set_external(self, instrument: int, *told: int) -> bool:
        """Orders, lots to buy, to sell, ticks times lots of both, and the price that values it."""
        spec = self.specs[instrument]
        orders, buying, selling, cost, worth, price = told
        spec.external, spec.valued_at = (orders, buying, selling, cost, worth), price
        return True

    def note_reject(self, strategy: int, now: int) -> None:
        times = self.rejects.setdefault(strategy, [])
        times.append(now)
        window = self.limits["rejects_window_ns"]
        if sum(now - t < window for t in times) > self.limits["rejects"]:
            self.halted.add(strategy)
