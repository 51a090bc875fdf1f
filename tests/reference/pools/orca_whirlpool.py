"""Orca Whirlpools in plain Python integers, after the program: one step at a time, nothing cached.

`answer(case)` gives the members that the official core gives, or raises Refused with the batch
command's code; `Pool.swap` is the program's loop and leaves the state that the program leaves.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

MIN_TICK, MAX_TICK = -443636, 443636
MIN_PRICE, MAX_PRICE = 4295048016, 79226673515401279992447579055
U64, U128 = (1 << 64) - 1, (1 << 128) - 1
ARRAY = 88
MILLION = 1_000_000
FEE_LIMIT = 100_000
SCALE = 10_000

POSITIVE = (
    79232123823359799118286999567,
    79236085330515764027303304731,
    79244008939048815603706035061,
    79259858533276714757314932305,
    79291567232598584799939703904,
    79355022692464371645785046466,
    79482085999252804386437311141,
    79736823300114093921829183326,
    80248749790819932309965073892,
    81282483887344747381513967011,
    83390072131320151908154831281,
    87770609709833776024991924138,
    97234110755111693312479820773,
    119332217159966728226237229890,
    179736315981702064433883588727,
    407748233172238350107850275304,
    2098478828474011932436660412517,
    55581415166113811149459800483533,
    38992368544603139932233054999993551,
)
NEGATIVE = (
    18445821805675392311,
    18444899583751176498,
    18443055278223354162,
    18439367220385604838,
    18431993317065449817,
    18417254355718160513,
    18387811781193591352,
    18329067761203520168,
    18212142134806087854,
    17980523815641551639,
    17526086738831147013,
    16651378430235024244,
    15030750278693429944,
    12247334978882834399,
    8131365268884726200,
    3584323654723342297,
    696457651847595233,
    26294789957452057,
    37481735321082,
)


class Refused(Exception):
    """The core or the program refuses; `code` is the batch command's."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(code, why)
        self.code = code


def price_at_tick(tick: int) -> int:
    """tick_index_to_sqrt_price, Q64.64."""
    bits, shift = (POSITIVE, 96) if tick >= 0 else (NEGATIVE, 64)
    ratio = 1 << shift
    for i, factor in enumerate(bits):
        if abs(tick) >> i & 1:
            ratio = ratio * factor >> shift
    return ratio >> 32 if tick >= 0 else ratio


def tick_at_price(price: int) -> int:
    """The greatest tick whose price is not above `price`."""
    low, high = MIN_TICK - 2, MAX_TICK
    while low < high:
        middle = (low + high + 1) // 2
        if price_at_tick(middle) <= price:
            low = middle
        else:
            high = middle - 1
    return low


def ceil(a: int, b: int) -> int:
    return -(-a // b)


def fits(value: int, why: str = "beyond u64") -> int:
    if value > U64:
        raise Refused("overflow", why)
    return value


def delta_a(p: int, q: int, liquidity: int, up: bool) -> int:
    """Amount of coin A between two prices, any size."""
    low, high = min(p, q), max(p, q)
    n, d = liquidity * (high - low) << 64, low * high
    if n >> 256:
        raise Refused("overflow", "liquidity")
    return ceil(n, d) if up else n // d


def delta_b(p: int, q: int, liquidity: int, up: bool) -> int:
    product = liquidity * abs(p - q)
    return ceil(product, 1 << 64) if up else product >> 64


def bounded(price: int) -> int:
    if not MIN_PRICE <= price <= MAX_PRICE:
        raise Refused("refused", "sqrt price out of bounds")
    return price


def next_price_from_a(price: int, liquidity: int, amount: int, is_input: bool) -> int:
    if amount == 0:
        return price
    n = liquidity * price << 64
    if n >> 256:
        raise Refused("overflow", "liquidity")
    d = (liquidity << 64) + (price * amount if is_input else -price * amount)
    if d <= 0:
        raise Refused("refused", "sqrt price out of bounds")
    return bounded(ceil(n, d))


def next_price_from_b(price: int, liquidity: int, amount: int, is_input: bool) -> int:
    if amount == 0:
        return price
    if liquidity == 0:
        raise Refused("refused", "no liquidity")
    if is_input:
        return bounded(price + (amount << 64) // liquidity)
    return bounded(price - ceil(amount << 64, liquidity))


@dataclass(frozen=True)
class TransferFee:
    bps: int = 0
    max_fee: int = 0

    def after(self, amount: int) -> int:
        """What arrives of `amount` sent."""
        return amount - min(ceil(amount * self.bps, SCALE), self.max_fee)

    def before(self, amount: int) -> int:
        """What must be sent for `amount` to arrive, as the core says."""
        if self.bps == 0 or amount == 0:
            return amount
        if self.bps == SCALE:
            return fits(amount + self.max_fee)
        sent = ceil(amount * SCALE, SCALE - self.bps)
        return fits(amount + self.max_fee if sent - amount >= self.max_fee else sent)


@dataclass
class Oracle:
    """The adaptive fee's constants and variables."""

    trade_enable: int
    filter_period: int
    decay_period: int
    reduction: int
    control: int
    max_volatility: int
    group: int
    major_ticks: int
    last_reference: int
    last_major: int
    volatility_reference: int
    group_reference: int
    volatility: int

    def update_reference(self, group: int, now: int) -> None:
        last = max(self.last_reference, self.last_major)
        if now < last:
            raise Refused("refused", "the timestamp is before the oracle's")
        elapsed = now - last
        if now - self.last_reference > 3600 or elapsed >= self.decay_period:
            if now - self.last_reference <= 3600 and elapsed < self.filter_period:
                return
            self.group_reference, self.volatility_reference = group, 0
            self.last_reference = now
        elif elapsed >= self.filter_period:
            self.group_reference = group
            self.volatility_reference = self.volatility * self.reduction // SCALE
            self.last_reference = now

    def update_volatility(self, group: int) -> None:
        grown = self.volatility_reference + abs(self.group_reference - group) * SCALE
        self.volatility = min(grown, self.max_volatility)

    def rate(self) -> int:
        crossed = self.volatility * self.group
        return min(ceil(self.control * crossed * crossed, 100_000 * SCALE * SCALE), FEE_LIMIT)

    def update_major(self, now: int, before: int, after: int) -> None:
        small, large = min(before, after), max(before, after)
        factor = price_at_tick(self.major_ticks)
        if large >= small * factor >> 64:
            self.last_major = now


@dataclass
class Step:
    amount_in: int
    amount_out: int
    price: int
    fee: int


def fixed_delta(p: int, q: int, liquidity: int, a_to_b: bool, is_input: bool) -> int:
    pick = delta_a if a_to_b == is_input else delta_b
    return pick(p, q, liquidity, is_input)


def other_delta(p: int, q: int, liquidity: int, a_to_b: bool, is_input: bool) -> int:
    pick = delta_b if a_to_b == is_input else delta_a
    return fits(pick(p, q, liquidity, not is_input))


def compute_step(
    left: int, rate: int, liquidity: int, price: int, target: int, a_to_b: bool, is_input: bool
) -> Step:
    fixed = fixed_delta(price, target, liquidity, a_to_b, is_input)
    usable = left * (MILLION - rate) // MILLION if is_input else left
    if fixed <= U64 and fixed <= usable:
        after = target
    elif a_to_b == is_input:
        after = next_price_from_a(price, liquidity, usable, is_input)
    else:
        after = next_price_from_b(price, liquidity, usable, is_input)
    reached = after == target
    other = other_delta(price, after, liquidity, a_to_b, is_input)
    if not reached or fixed > U64:
        fixed = fits(fixed_delta(price, after, liquidity, a_to_b, is_input))
    amount_in, amount_out = (fixed, other) if is_input else (other, min(fixed, left))
    if is_input and not reached:
        fee = left - amount_in
    else:
        fee = fits(ceil(amount_in * MILLION, MILLION - rate)) - amount_in
    return Step(amount_in, amount_out, after, fee)


@dataclass
class Done:
    """What a swap did: amounts are of the pool, before transfer fees on the way out."""

    amount_in: int
    amount_out: int
    fee: int
    rate_min: int
    rate_max: int
    crossed: int
    left: int


@dataclass
class Pool:
    spacing: int
    fee_rate: int
    liquidity: int
    price: int
    tick: int
    fee_tier_index: int
    oracle: Oracle | None
    now: int
    arrays: list[int]
    ticks: dict[int, int] = field(default_factory=dict)
    protocol_rate: int = 0

    @classmethod
    def from_case(cls, case: dict[str, Any]) -> Pool:
        p, o = case["pool"], case["oracle"]
        oracle = None
        if o is not None:
            c, v = o["adaptiveFeeConstants"], o["adaptiveFeeVariables"]
            oracle = Oracle(
                int(o["tradeEnableTimestamp"]),
                int(c["filterPeriod"]),
                int(c["decayPeriod"]),
                int(c["reductionFactor"]),
                int(c["adaptiveFeeControlFactor"]),
                int(c["maxVolatilityAccumulator"]),
                int(c["tickGroupSize"]),
                int(c["majorSwapThresholdTicks"]),
                int(v["lastReferenceUpdateTimestamp"]),
                int(v["lastMajorSwapTimestamp"]),
                int(v["volatilityReference"]),
                int(v["tickGroupIndexReference"]),
                int(v["volatilityAccumulator"]),
            )
        return cls(
            int(p["tick_spacing"]),
            int(p["fee_rate"]),
            int(p["liquidity"]),
            int(p["sqrt_price"]),
            int(p["tick_current_index"]),
            int(p["fee_tier_index"]),
            oracle,
            int(case["timestamp"]),
            sorted(int(s) for s in case["tick_array_starts"]),
            {int(t): int(net) for t, net, _ in case["ticks"]},
            int(p["protocol_fee_rate"]),
        )

    def window(self, a_to_b: bool) -> tuple[int, int]:
        """First and last tick of the program's three arrays; Refused where there are none."""
        span = ARRAY * self.spacing
        at = self.tick if a_to_b else self.tick + self.spacing
        start = at // span * span
        found = []
        for i in range(3):
            if start + (-i if a_to_b else i) * span not in self.arrays:
                break
            found.append(start + (-i if a_to_b else i) * span)
        if not found:
            raise Refused("no_liquidity", "the array of the current tick is not given")
        return max(min(found), MIN_TICK), min(max(found) + span - 1, MAX_TICK)

    def next_tick(self, first: int, last: int, a_to_b: bool) -> int:
        if a_to_b:
            if self.tick < first:
                raise Refused("no_liquidity", "the tick arrays end here")
            return max((t for t in self.ticks if first <= t <= self.tick), default=first)
        if self.tick >= last:
            raise Refused("no_liquidity", "the tick arrays end here")
        return min((t for t in self.ticks if self.tick < t <= last), default=last)

    def swap(self, amount: int, a_to_b: bool, is_input: bool, limit: int = 0) -> Done:
        """The program's swap; the state moves. A partial exact-out without a limit is refused."""
        stop = limit or (MIN_PRICE if a_to_b else MAX_PRICE)
        if not MIN_PRICE <= stop <= MAX_PRICE:
            raise Refused("refused", "the limit is out of bounds")
        if stop >= self.price if a_to_b else stop <= self.price:
            raise Refused("refused", "the limit is on the wrong side")
        if amount == 0:
            raise Refused("refused", "nothing to trade")
        oracle = self.oracle
        if (self.fee_tier_index != self.spacing) != (oracle is not None):
            raise Refused("refused", "an adaptive pool needs its oracle, and no other does")
        first, last = self.window(a_to_b)
        start_price = self.price
        group = 0
        low_bound = high_bound = None
        if oracle is not None:
            if self.now < oracle.trade_enable:
                raise Refused("refused", "trading is not enabled yet")
            group = self.tick // oracle.group
            oracle.update_reference(group, self.now)
            reach = ceil(oracle.max_volatility - oracle.volatility_reference, SCALE)
            low, high = oracle.group_reference - reach, oracle.group_reference + reach
            if low * oracle.group > MIN_TICK:
                low_bound = (low, price_at_tick(low * oracle.group))
            if (high + 1) * oracle.group < MAX_TICK:
                high_bound = (high, price_at_tick((high + 1) * oracle.group))
        left, other, fees, crossed = amount, 0, 0, 0
        rates: list[int] = []
        while left > 0 and self.price != stop:
            next_tick = self.next_tick(first, last, a_to_b)
            next_price = price_at_tick(next_tick)
            target = max(next_price, stop) if a_to_b else min(next_price, stop)
            while True:
                rate, bound, skip = self.fee_rate, target, False
                if oracle is not None:
                    oracle.update_volatility(group)
                    rate = min(self.fee_rate + oracle.rate(), FEE_LIMIT)
                    if oracle.control == 0 or self.liquidity == 0:
                        skip = True
                    elif low_bound and group < low_bound[0]:
                        skip = True
                        bound = target if a_to_b else min(target, low_bound[1])
                    elif high_bound and group > high_bound[0]:
                        skip = True
                        bound = max(target, high_bound[1]) if a_to_b else target
                    else:
                        edge = (group if a_to_b else group + 1) * oracle.group
                        edge_price = price_at_tick(min(max(edge, MIN_TICK), MAX_TICK))
                        bound = max(target, edge_price) if a_to_b else min(target, edge_price)
                rates.append(rate)
                s = compute_step(left, rate, self.liquidity, self.price, bound, a_to_b, is_input)
                fees += s.fee
                left -= s.amount_in + s.fee if is_input else s.amount_out
                if left < 0:
                    raise Refused("refused", "amount remaining overflows")
                other = fits(other + (s.amount_out if is_input else s.amount_in + s.fee))
                if s.price == next_price:
                    if next_tick in self.ticks:
                        net = self.ticks[next_tick]
                        self.liquidity += -net if a_to_b else net
                        if not 0 <= self.liquidity <= U128:
                            raise Refused("refused", "liquidity")
                        crossed += 1
                    self.tick = next_tick - 1 if a_to_b else next_tick
                elif s.price != self.price:
                    self.tick = tick_at_price(s.price)
                self.price = s.price
                if oracle is not None:
                    if skip:
                        group = self.group_after_skip(oracle, group, next_price, next_tick, a_to_b)
                    group += -1 if a_to_b else 1
                if left == 0 or self.price == target:
                    break
        if left > 0 and not is_input and limit == 0:
            raise Refused("partial", "not that much can be taken out")
        if oracle is not None:
            oracle.update_major(self.now, start_price, self.price)
        used = amount - left
        return Done(
            used if is_input else other,
            other if is_input else used,
            fees,
            min(rates, default=self.fee_rate),
            max(rates, default=self.fee_rate),
            crossed,
            left,
        )

    def group_after_skip(
        self, oracle: Oracle, group: int, next_price: int, next_tick: int, a_to_b: bool
    ) -> int:
        if self.price == next_price:
            tick, boundary = next_tick, next_tick % oracle.group == 0
        else:
            tick = tick_at_price(self.price)
            boundary = tick % oracle.group == 0 and self.price == price_at_tick(tick)
        last = tick // oracle.group - (1 if boundary and not a_to_b else 0)
        if last < group if a_to_b else last > group:
            oracle.update_volatility(last)
            return last
        return group


def transfer_fee(value: dict[str, Any] | None) -> TransferFee:
    if value is None:
        return TransferFee()
    fee = TransferFee(int(value["feeBps"]), int(value["maxFee"]))
    if fee.bps > SCALE:
        raise Refused("refused", "transfer fee above 100 %")
    return fee


def answer(case: dict[str, Any]) -> dict[str, str]:
    """The `result` of a case, or Refused."""
    pool = Pool.from_case(case)
    a_to_b, amount, slippage = case["a_to_b"], int(case["amount"]), int(case["slippage_bps"])
    fee_a, fee_b = transfer_fee(case["transfer_fee_a"]), transfer_fee(case["transfer_fee_b"])
    fee_in, fee_out = (fee_a, fee_b) if a_to_b else (fee_b, fee_a)
    if slippage > SCALE:
        raise Refused("refused", "slippage above 100 %")
    if case["exact_in"]:
        done = pool.swap(fee_in.after(amount), a_to_b, True)
        out = fee_out.after(done.amount_out)
        named = {
            "tokenIn": fee_in.before(done.amount_in),
            "tokenEstOut": out,
            "tokenMinOut": out * (SCALE - slippage) // SCALE,
        }
    else:
        done = pool.swap(fee_out.before(amount), a_to_b, False)
        paid = fee_in.before(done.amount_in)
        named = {
            "tokenOut": fee_out.after(done.amount_out),
            "tokenEstIn": paid,
            "tokenMaxIn": fits(ceil(paid * (SCALE + slippage), SCALE)),
        }
    named |= {
        "tradeFee": done.fee,
        "tradeFeeRateMin": done.rate_min,
        "tradeFeeRateMax": done.rate_max,
    }
    return {k: str(v) for k, v in named.items()}


def copy_of(pool: Pool) -> Pool:
    oracle = replace(pool.oracle) if pool.oracle else None
    return replace(pool, oracle=oracle, arrays=list(pool.arrays), ticks=dict(pool.ticks))
