"""Raydium CLMM in plain Python integers, after the program: dynamic fee, fee side, limit orders.

`answer(case)` gives the members that the official SDK gives, or raises Refused with the batch
command's code; `Pool.swap` is the program's loop and leaves the state that the program leaves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

MIN_TICK, MAX_TICK = -443636, 443636
MIN_PRICE, MAX_PRICE = 4295048016, 79226673521066979257578248091
U64, U128 = (1 << 64) - 1, (1 << 128) - 1
Q64 = 1 << 64
MILLION = 1_000_000
MAX_RATE = 100_000
SCALE = 10_000

FACTORS = (
    0xFFFCB933BD6FB800,
    0xFFF97272373D4000,
    0xFFF2E50F5F657000,
    0xFFE5CACA7E10F000,
    0xFFCB9843D60F7000,
    0xFF973B41FA98E800,
    0xFF2EA16466C9B000,
    0xFE5DEE046A9A3800,
    0xFCBE86C7900BB000,
    0xF987A7253AC65800,
    0xF3392B0822BB6000,
    0xE7159475A2CAF000,
    0xD097F3BDFD2F2000,
    0xA9F746462D9F8000,
    0x70D869A156F31C00,
    0x31BE135F97ED3200,
    0x9AA508B5B85A500,
    0x5D6AF8DEDC582C,
    0x2216E584F5FA,
)


class Refused(Exception):
    """The SDK or the program refuses; `code` is the batch command's."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(code, why)
        self.code = code


def price_at_tick(tick: int) -> int:
    """get_sqrt_price_at_tick, Q64.64."""
    ratio = Q64
    for i, factor in enumerate(FACTORS):
        if abs(tick) >> i & 1:
            ratio = ratio * factor >> 64
    return U128 // ratio if tick > 0 else ratio


def tick_at_price(price: int) -> int:
    """The greatest tick whose price is not above `price`."""
    low, high = MIN_TICK, MAX_TICK
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


def delta_0(p: int, q: int, liquidity: int, up: bool) -> int:
    """Amount of token 0 between two prices, any size: two divisions, as the program rounds."""
    low, high = min(p, q), max(p, q)
    n = (liquidity << 64) * (high - low)
    return ceil(ceil(n, high), low) if up else n // high // low


def delta_1(p: int, q: int, liquidity: int, up: bool) -> int:
    n = liquidity * abs(p - q)
    return ceil(n, Q64) if up else n >> 64


def next_price(price: int, liquidity: int, amount: int, is_0: bool, add: bool) -> int:
    if liquidity == 0:
        raise Refused("no_liquidity", "no liquidity")
    if amount == 0:
        return price
    if is_0:
        d = (liquidity << 64) + (amount * price if add else -amount * price)
        if d <= 0:
            raise Refused("no_liquidity", "not that much token 0")
        return ceil((liquidity << 64) * price, d)
    if add:
        return price + (amount << 64) // liquidity
    after = price - ceil(amount << 64, liquidity)
    if after < 0:
        raise Refused("no_liquidity", "not that much token 1")
    return after


@dataclass
class Tick:
    net: int
    gross: int
    phase: int = 0
    orders: int = 0
    part: int = 0
    ratio: int = 0

    def unfilled(self) -> int:
        return self.orders + self.part


@dataclass
class Dynamic:
    filter_period: int
    decay_period: int
    reduction: int
    control: int
    max_volatility: int
    index_reference: int
    volatility_reference: int
    volatility: int
    last_update: int

    def update_reference(self, index: int, now: int) -> None:
        elapsed = max(now - self.last_update, 0)
        if elapsed < self.filter_period:
            return
        self.index_reference, self.last_update = index, now
        self.volatility_reference = (
            self.volatility * self.reduction // SCALE if elapsed < self.decay_period else 0
        )

    def update_volatility(self, index: int) -> None:
        grown = self.volatility_reference + abs(self.index_reference - index) * SCALE
        self.volatility = min(grown, self.max_volatility)

    def rate(self, spacing: int) -> int:
        crossed = self.volatility * spacing
        return min(ceil(self.control * crossed * crossed, 100_000 * SCALE * SCALE), MAX_RATE)


@dataclass
class Step:
    price: int
    amount_in: int
    amount_out: int
    fee: int


def compute_step(
    price: int,
    target: int,
    liquidity: int,
    left: int,
    rate: int,
    is_input: bool,
    zero_for_one: bool,
    fee_on_input: bool,
) -> Step:
    net = MILLION - rate
    if is_input:
        usable = left * net // MILLION if fee_on_input else left
    else:
        usable = left if fee_on_input else ceil(left * MILLION, net)
    delta_in, delta_out = (delta_0, delta_1) if zero_for_one else (delta_1, delta_0)
    fixed = delta_in if is_input else delta_out
    needed = fixed(price, target, liquidity, is_input)
    if needed <= U64 and usable >= needed:
        after = target
    else:
        after = next_price(price, liquidity, usable, zero_for_one == is_input, is_input)
    if after < target if zero_for_one else after > target:
        raise Refused("refused", "the price ran past its target")
    amount_in = fits(delta_in(price, after, liquidity, True))
    amount_out = fits(delta_out(price, after, liquidity, False))
    if is_input and fee_on_input:
        fee = left - amount_in if after != target else fits(ceil(amount_in * rate, net))
    elif is_input:
        fee = ceil(amount_out * rate, MILLION)
        amount_out -= fee
        if after != target:
            amount_in = left
    elif fee_on_input:
        amount_out = min(amount_out, left)
        fee = fits(ceil(amount_in * rate, net))
    else:
        fee = ceil(amount_out * rate, MILLION)
        if amount_out - fee > left:
            fee, amount_out = amount_out - left, left
        else:
            amount_out -= fee
    if fee < 0:
        raise Refused("refused", "the fee would be negative")
    return Step(after, amount_in, amount_out, fee)


def match_orders(
    tick: Tick, price: int, left: int, rate: int, is_input: bool, zfo: bool, fee_on_input: bool
) -> tuple[int, int, int]:
    """Fill a tick's limit orders: (amount in, amount out, fee). The sqrt price is the tick's."""
    total = fits(tick.unfilled())
    if left == 0 or total == 0:
        return 0, 0, 0
    unit = price * price >> 64 if zfo else ceil(price * price, Q64)
    net = MILLION - rate

    def required(out: int) -> int:
        # the order sells what the swap takes: token 1 for a swap of token 0
        return ceil(out << 64, unit) if zfo else ceil(out * unit, Q64)

    fee = 0
    if is_input:
        fee = ceil(left * rate, MILLION) if fee_on_input else 0
        amount_in = left - fee
        amount_out = amount_in * unit >> 64 if zfo else (amount_in << 64) // unit
        if amount_out > total:
            amount_out, amount_in = total, fits(required(total))
            fee = ceil(amount_in * rate, net) if fee_on_input else 0
    else:
        amount_out = min(left, total)
        if not fee_on_input:
            amount_out = min(ceil(amount_out * MILLION, net), total)
        amount_in = fits(required(amount_out))
        fee = fits(ceil(amount_in * rate, net)) if fee_on_input else 0
    from_part = min(tick.part, amount_out)
    if from_part:
        tick.ratio = tick.ratio * (tick.part - from_part) // tick.part
        tick.part -= from_part
    rest = amount_out - from_part
    if rest:
        if tick.part or tick.orders < rest:
            raise Refused("refused", "orders do not add up")
        tick.phase = min(tick.phase + 1, U64)
        tick.ratio = Q64 * (tick.orders - rest) // tick.orders
        tick.part, tick.orders = tick.orders - rest, 0
    if not fee_on_input:
        fee = ceil(amount_out * rate, MILLION)
        amount_out -= fee
    return amount_in, amount_out, fee


@dataclass
class Done:
    whole: bool
    left: int
    calculated: int
    fee: int
    crossed: int
    unowned: int = 0
    """Of the fee: the liquidity's share where there was none, which the SDK leaves out."""


@dataclass
class Pool:
    spacing: int
    liquidity: int
    price: int
    tick: int
    fee_on: int
    dynamic: Dynamic | None
    trade_rate: int
    now: int
    shares: tuple[int, int] = (0, 0)
    """The protocol's and the fund's, in millionths of the fee."""
    ticks: dict[int, Tick] = field(default_factory=dict)

    @classmethod
    def from_case(cls, case: dict[str, Any]) -> Pool:
        p = case["pool"]
        d = p["dynamic_fee_info"]
        dynamic = None
        if d is not None and any(int(v) for v in d.values()):
            dynamic = Dynamic(
                int(d["filterPeriod"]),
                int(d["decayPeriod"]),
                int(d["reductionFactor"]),
                int(d["dynamicFeeControl"]),
                int(d["maxVolatilityAccumulator"]),
                int(d["tickSpacingIndexReference"]),
                int(d["volatilityReference"]),
                int(d["volatilityAccumulator"]),
                int(d["lastUpdateTimestamp"]),
            )
        return cls(
            int(p["tick_spacing"]),
            int(p["liquidity"]),
            int(p["sqrt_price_x64"]),
            int(p["tick_current"]),
            int(p["fee_on"]),
            dynamic,
            int(case["amm_config"]["tradeFeeRate"]),
            int(case["block_timestamp"]),
            (
                int(case["amm_config"].get("protocolFeeRate", 0)),
                int(case["amm_config"].get("fundFeeRate", 0)),
            ),
            {int(row[0]): Tick(*(int(v) for v in row[1:])) for row in case["ticks"]},
        )

    def swap(self, amount: int, zfo: bool, is_input: bool, limit: int = 0) -> Done:
        """The program's swap; the state moves. Out of ticks is a swap that is not whole."""
        stop = limit or (MIN_PRICE + 1 if zfo else MAX_PRICE - 1)
        if amount == 0:
            raise Refused("refused", "nothing to trade")
        if not (MIN_PRICE < stop < self.price if zfo else self.price < stop < MAX_PRICE):
            raise Refused("refused", "the limit is out of bounds or on the wrong side")
        fee_on_input = self.fee_on == 0 or (self.fee_on == 1) == zfo
        dynamic, index = self.dynamic, 0
        if dynamic:
            index = self.tick // self.spacing
            dynamic.update_reference(index, self.now)
        left, calculated, fees, crossed, unowned = amount, 0, 0, 0, 0

        def apply(amount_in: int, amount_out: int, fee: int) -> None:
            nonlocal left, calculated, fees, unowned
            paid = amount_in + fee if fee_on_input else amount_in
            left -= paid if is_input else amount_out
            if left < 0:
                raise Refused("refused", "amount remaining overflows")
            calculated = fits(calculated + (amount_out if is_input else paid))
            fees += fee
            if self.liquidity == 0:
                unowned += fee - sum(fee * share // MILLION for share in self.shares)

        while left and self.price != stop:
            live = [t for t, s in self.ticks.items() if s.gross or s.unfilled()]
            ahead = [t for t in live if (t <= self.tick if zfo else t > self.tick)]
            if not ahead:
                return Done(False, left, calculated, fees, crossed, unowned)
            at = max(ahead) if zfo else min(ahead)
            tick = self.ticks[at]
            tick_price = price_at_tick(at)
            target = max(tick_price, stop) if zfo else min(tick_price, stop)
            if self.price < target if zfo else self.price > target:
                raise Refused("refused", "the price is past the next tick")
            liquidity = self.liquidity
            while True:
                rate, bound, skip = self.trade_rate, target, True
                if dynamic:
                    dynamic.update_volatility(index)
                    rate = min(self.trade_rate + dynamic.rate(self.spacing), MAX_RATE)
                    if self.liquidity and dynamic.volatility != dynamic.max_volatility:
                        skip = False
                        edge = (index if zfo else index + 1) * self.spacing
                        edge_price = price_at_tick(min(max(edge, MIN_TICK), MAX_TICK))
                        bound = max(target, edge_price) if zfo else min(target, edge_price)
                after = bound
                if self.price != bound:
                    s = compute_step(
                        self.price, bound, self.liquidity, left, rate, is_input, zfo, fee_on_input
                    )
                    apply(s.amount_in, s.amount_out, s.fee)
                    after = s.price
                before = tick.unfilled()
                if after == tick_price:
                    apply(*match_orders(tick, after, left, rate, is_input, zfo, fee_on_input))
                    if tick.gross and not tick.unfilled():
                        liquidity = self.liquidity + (-tick.net if zfo else tick.net)
                        if not 0 <= liquidity <= U128:
                            raise Refused("refused", "liquidity")
                        crossed += 1
                    self.tick = at - 1 if zfo == (tick.unfilled() == 0) else at
                elif after != self.price:
                    self.tick = tick_at_price(after)
                self.price = after
                if dynamic:
                    if skip:
                        where = at if after == tick_price else self.tick
                        index = where // self.spacing
                        if not zfo and where % self.spacing == 0:
                            index -= 1
                        if dynamic.volatility != dynamic.max_volatility:
                            dynamic.update_volatility(index)
                    index += -1 if zfo else 1
                if left == 0 or self.price == target:
                    if left and tick.unfilled() not in (0, before):
                        raise Refused("refused", "orders are left though the swap goes on")
                    break
            self.liquidity = liquidity
        return Done(True, left, calculated, fees, crossed, unowned)


def answer(case: dict[str, Any]) -> dict[str, Any]:
    """The `result` of a case, or Refused. The remainder is 0 where a limit stopped it."""
    pool = Pool.from_case(case)
    done = pool.swap(
        int(case["amount"]),
        case["zero_for_one"],
        case["exact_in"],
        int(case["sqrt_price_limit_x64"]),
    )
    return {
        "all_trade": done.whole,
        "amount_specified_remaining": "0" if done.whole else str(done.left),
        "amount_calculated": str(done.calculated),
        "fee_amount": str(done.fee - done.unowned),
        "sqrt_price_x64": str(pool.price),
        "liquidity": str(pool.liquidity),
        "tick_current": str(pool.tick),
    }
