"""Meteora DAMM v2 in plain integers, after the program's pool and the official SDK."""

from __future__ import annotations

from math import isqrt
from typing import Any

from tests.reference.pools.solana_steps import U64, U128, Refuses, down, fits, up

BILLION = 10**9
Q64, Q128 = 1 << 64, 1 << 128


def of_bytes(data: bytes, at: int, n: int) -> int:
    return int.from_bytes(data[at : at + n], "little")


class BaseFee:
    """The 32 bytes of BaseFeeInfo, evaluated at a point."""

    def __init__(self, state: dict[str, Any]) -> None:
        pool = state["pool"]
        self.data = bytes.fromhex(pool["base_fee_data_hex"])
        self.cliff, self.mode = of_bytes(self.data, 0, 8), self.data[8]
        self.point, self.activation = int(state["current_point"]), int(pool["activation_point"])
        self.price, self.start = int(pool["sqrt_price"]), int(pool["init_sqrt_price"])
        self.b_to_a = not state["a_to_b"]

    def scheduled(self, period: int) -> int:
        reduction = of_bytes(self.data, 24, 8)
        if self.mode in (0, 3):
            fits(self.cliff - reduction * period)
            return self.cliff - reduction * period
        if period == 0 or reduction == 0:
            return self.cliff
        base, result = Q64 - reduction * Q64 // 10_000, Q64
        if base < 0:
            raise Refuses("reduction")
        while period:
            if period & 1:
                result = result * base >> 64
            base, period = base * base >> 64, period >> 1
        return self.cliff * result >> 64

    def by_time(self) -> int:
        periods, frequency = of_bytes(self.data, 14, 2), of_bytes(self.data, 16, 8)
        if frequency == 0:
            return self.cliff
        if self.point < self.activation:
            return self.scheduled(periods)
        return self.scheduled(min(periods, (self.point - self.activation) // frequency))

    def by_price(self) -> int:
        periods, step = of_bytes(self.data, 14, 2), of_bytes(self.data, 16, 4)
        if not self.activation <= self.point <= self.activation + of_bytes(self.data, 20, 4):
            return self.scheduled(periods)
        if self.price <= self.start:
            return self.scheduled(0)
        rise = down((self.price - self.start) * 10_000, self.start)
        return self.scheduled(min(periods, down(rise, step)))

    def limits(self) -> tuple[int, int, int]:
        increment = of_bytes(self.data, 14, 2) * BILLION // 10_000
        most = of_bytes(self.data, 20, 4) * BILLION // 10_000
        return increment, most, of_bytes(self.data, 24, 8)

    def is_limited(self) -> bool:
        duration = of_bytes(self.data, 16, 4)
        anything = any(self.data[14:32])
        end = self.activation + duration
        return anything and self.b_to_a and self.activation <= self.point <= end

    def limited(self, amount: int) -> int:
        """The rate of an amount with the fee in it: each reference amount pays one step more."""
        increment, most, reference = self.limits()
        if amount <= reference:
            return self.cliff
        if self.cliff > most or increment == 0 or reference == 0:
            raise Refuses("limiter")
        steps = (most - self.cliff) // increment
        a, b = divmod(amount - reference, reference)
        full = min(a, steps)
        total = reference * (self.cliff * (full + 1) + increment * full * (full + 1) // 2)
        if a < steps:
            total += b * (self.cliff + increment * (a + 1))
        else:
            total += ((a - steps) * reference + b) * most
        return up(up(total, BILLION) * BILLION, amount)

    def limited_after(self, amount: int) -> int:
        """The rate of an amount without the fee."""
        increment, most, reference = self.limits()
        if amount <= less(reference, self.cliff):
            return self.cliff
        if self.cliff > most or increment == 0 or reference == 0:
            raise Refuses("limiter")
        knee = ((most - self.cliff) // increment + 1) * reference
        capped, knee = knee > U64, min(knee, U64)
        after = less(knee, self.limited(knee))
        if amount == after:
            return self.limited(knee)
        if amount > after:
            if capped:
                raise Refuses("overflow")
            whole = knee + more(amount - after, most)
        else:
            y = reference * (2 * BILLION + increment - 2 * self.cliff)
            root = y * y - 4 * increment * (2 * amount * BILLION * reference)
            if y < 0 or root < 0:
                raise Refuses("overflow")
            whole = (y - isqrt(root)) // (2 * increment)
            rest = amount - less(whole, self.limited(whole))
            whole += more(rest, self.cliff + increment * (whole // reference))
        fits(whole)
        rate = up((whole - amount) * BILLION, whole)
        if rate < self.cliff:
            raise Refuses("below the cliff")
        return rate

    def rate(self, amount: int, included: bool) -> int:
        if self.mode in (0, 1):
            return self.by_time()
        if self.mode in (3, 4):
            return self.by_price()
        if not self.is_limited():
            return self.cliff
        return self.limited(amount) if included else self.limited_after(amount)


def less(amount: int, rate: int) -> int:
    return amount - up(amount * rate, BILLION)


def more(amount: int, rate: int) -> int:
    whole = up(amount * BILLION, BILLION - rate)
    fits(whole)  # the program's integer; the SDK has no such bound
    return whole


def rate_of(state: dict[str, Any], amount: int, included: bool) -> int:
    dynamic = {k: int(v) for k, v in state["pool"]["dynamic_fee"].items()}
    total = BaseFee(state).rate(amount, included)
    if dynamic["initialized"]:
        square = (dynamic["volatilityAccumulator"] * dynamic["binStep"]) ** 2
        total += up(square * dynamic["variableFeeControl"], 10**11)
    return min(total, 990_000_000 if state["pool"]["fee_version"] == "1" else 500_000_000)


def amount_a(low: int, high: int, liquidity: int, rounding: Any) -> int:
    return int(rounding(liquidity * (high - low), low * high))


def amount_b(low: int, high: int, liquidity: int, rounding: Any) -> int:
    return int(rounding(liquidity * (high - low), Q128))


def next_price(price: int, liquidity: int, amount: int, a_side: bool, adds: bool) -> int:
    if price == 0 or liquidity == 0:
        raise Refuses("no liquidity")
    sign = 1 if adds else -1
    if amount == 0:
        return price
    if a_side:
        return up(liquidity * price, liquidity + sign * amount * price)
    moved = price + sign * (down if adds else up)(amount * Q128, liquidity)
    if moved < 0:
        raise Refuses("negative")
    return moved


def answer(state: dict[str, Any]) -> dict[str, str]:
    named = ("base_fee", "dynamic_fee", "base_fee_data_hex")
    pool = {k: int(v) for k, v in state["pool"].items() if k not in named}
    a_to_b, fn, amount = state["a_to_b"], state["fn"], int(state["amount"])
    low, high, price, liquidity = (
        pool[k] for k in ("sqrt_min_price", "sqrt_max_price", "sqrt_price", "liquidity")
    )
    compounding = pool["collect_fee_mode"] == 2
    on_input = not a_to_b and pool["collect_fee_mode"] != 0
    x, y = pool["token_a_amount"], pool["token_b_amount"]
    if not a_to_b:
        x, y = y, x

    def out_for(net: int) -> tuple[int, int, int]:
        if compounding:
            return down(net * y, x + net), 0, 0
        if not low <= price <= high:
            raise Refuses("range")
        left = 0
        most = (
            amount_a(low, price, liquidity, up) if a_to_b else amount_b(price, high, liquidity, up)
        )
        if fn == "partial_in" and net >= most:
            after, left = (low if a_to_b else high), net - most
        else:
            after = next_price(price, liquidity, net, a_to_b, True)
        if fn != "partial_in" and not low <= after <= high:
            raise Refuses("range")
        if a_to_b:
            return amount_b(after, price, liquidity, down), left, after
        return amount_a(price, after, liquidity, down), left, after

    def in_for(gross: int) -> tuple[int, int]:
        if compounding:
            if gross >= y:
                raise Refuses("all of it")
            return up(gross * x, y - gross), 0
        after = next_price(price, liquidity, gross, not a_to_b, False)
        if not low <= price <= high or not low <= after <= high:
            raise Refuses("range")
        if a_to_b:
            return amount_a(after, price, liquidity, up), after
        return amount_b(price, after, liquidity, up), after

    left = 0
    if fn == "exact_out":
        given = gross = amount
        if not on_input:
            gross = more(amount, rate_of(state, amount, False))
        net, after = in_for(gross)
        paid = more(net, rate_of(state, net, False)) if on_input else net
        taken = paid - net if on_input else gross - amount
    else:
        rate = rate_of(state, amount, True)
        paid, net = amount, less(amount, rate) if on_input else amount
        taken = amount - net
        gross, left, after = out_for(net)
        if left:
            paid = net = net - left
            if on_input:
                paid = more(net, rate_of(state, net, False))
                taken = paid - net
        given = gross if on_input else less(gross, rate)
        if not on_input:
            taken = gross - given
    protocol = taken * pool["protocol_fee_percent"] // 100
    compounded = (taken - protocol) * pool["compounding_fee_bps"] // 10_000
    referral = protocol * pool["referral_fee_percent"] // 100 if state["has_referral"] else 0
    if compounding:
        a, b = (x + net, y - gross) if a_to_b else (y - gross, x + net)
        after = isqrt(down((b + compounded) * Q128, a))
    result = {
        "included_fee_input_amount": paid,
        "excluded_fee_input_amount": net,
        "amount_left": left,
        "output_amount": given,
        "claiming_fee": taken - protocol - compounded,
        "compounding_fee": compounded,
        "protocol_fee": protocol - referral,
        "referral_fee": referral,
    }
    fits(*result.values(), gross)
    fits(after, most=U128)
    return {k: str(v) for k, v in {**result, "next_sqrt_price": after}.items()}
