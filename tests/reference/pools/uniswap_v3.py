"""Uniswap V3 in plain Python integers, after the contract: bitmap words, one step at a time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

MIN_TICK, MAX_TICK = -887272, 887272
MIN_PRICE, MAX_PRICE = 4295128739, 1461446703485210103287273052203988822378723970342
U128, U160, U256 = (1 << 128) - 1, (1 << 160) - 1, (1 << 256) - 1
Q96, Q128 = 1 << 96, 1 << 128
MILLION = 10**6


class Reverts(Exception):
    """The contract would revert."""


def require(condition: bool, why: str = "") -> None:
    if not condition:
        raise Reverts(why)


def muldiv(a: int, b: int, d: int) -> int:
    require(d > 0 and a * b // d <= U256, "mulDiv")
    return a * b // d


def muldiv_up(a: int, b: int, d: int) -> int:
    require(d > 0 and -(-a * b // d) <= U256, "mulDiv")
    return -(-a * b // d)


FACTORS = (
    0xFFFCB933BD6FAD37AA2D162D1A594001,
    0xFFF97272373D413259A46990580E213A,
    0xFFF2E50F5F656932EF12357CF3C7FDCC,
    0xFFE5CACA7E10E4E61C3624EAA0941CD0,
    0xFFCB9843D60F6159C9DB58835C926644,
    0xFF973B41FA98C081472E6896DFB254C0,
    0xFF2EA16466C96A3843EC78B326B52861,
    0xFE5DEE046A99A2A811C461F1969C3053,
    0xFCBE86C7900A88AEDCFFC83B479AA3A4,
    0xF987A7253AC413176F2B074CF7815E54,
    0xF3392B0822B70005940C7A398E4B70F3,
    0xE7159475A2C29B7443B29C7FA6E889D9,
    0xD097F3BDFD2022B8845AD8F792AA5825,
    0xA9F746462D870FDF8A65DC1F90E061E5,
    0x70D869A156D2A1B890BB3DF62BAF32F7,
    0x31BE135F97D08FD981231505542FCFA6,
    0x9AA508B5B7A84E1C677DE54F3E99BC9,
    0x5D6AF8DEDB81196699C329225EE604,
    0x2216E584F5FA1EA926041BEDFE98,
    0x48A170391F7DC42444E8FA2,
)


def price_at_tick(tick: int) -> int:
    require(MIN_TICK <= tick <= MAX_TICK, "T")
    ratio = 1 << 128
    for bit, factor in enumerate(FACTORS):
        if abs(tick) >> bit & 1:
            ratio = ratio * factor >> 128
    if tick > 0:
        ratio = U256 // ratio
    return -(-ratio >> 32)


def tick_at_price(price: int) -> int:
    """The greatest tick whose price is not above: found by halving, not by a logarithm."""
    require(MIN_PRICE <= price < MAX_PRICE, "R")
    low, high = MIN_TICK, MAX_TICK
    while low < high:
        middle = (low + high + 1) // 2
        if price_at_tick(middle) <= price:
            low = middle
        else:
            high = middle - 1
    return low


def amount0(a: int, b: int, liquidity: int, up: bool) -> int:
    a, b = min(a, b), max(a, b)
    require(a > 0)
    if up:
        return -(-muldiv_up(liquidity << 96, b - a, b) // a)
    return muldiv(liquidity << 96, b - a, b) // a


def amount1(a: int, b: int, liquidity: int, up: bool) -> int:
    return (muldiv_up if up else muldiv)(liquidity, abs(b - a), Q96)


def next_from_input(price: int, liquidity: int, amount: int, down: bool) -> int:
    require(price > 0 and liquidity > 0)
    if not down:
        after = price + muldiv(amount, Q96, liquidity)
        require(after <= U160)
        return after
    if amount == 0:
        return price
    numerator = liquidity << 96
    if amount * price <= U256 and numerator + amount * price <= U256:
        return muldiv_up(numerator, price, numerator + amount * price)
    require(numerator // price + amount <= U256)
    return -(-numerator // (numerator // price + amount))


def next_from_output(price: int, liquidity: int, amount: int, down: bool) -> int:
    require(price > 0 and liquidity > 0)
    if down:
        quotient = muldiv_up(amount, Q96, liquidity)
        require(price > quotient)
        return price - quotient
    if amount == 0:
        return price
    numerator = liquidity << 96
    require(amount * price <= U256 and numerator > amount * price)
    after = muldiv_up(numerator, price, numerator - amount * price)
    require(after <= U160)
    return after


def swap_step(
    price: int, target: int, liquidity: int, left: int, fee: int
) -> tuple[int, int, int, int]:
    """computeSwapStep: (price, in, out, fee)."""
    down, exact_in = price >= target, left >= 0

    def paid(to: int) -> int:
        return amount0(to, price, liquidity, True) if down else amount1(price, to, liquidity, True)

    def given(to: int) -> int:
        pick = amount1 if down else amount0
        return pick(to, price, liquidity, False)

    if exact_in:
        less_fee = muldiv(left, MILLION - fee, MILLION)
        reached = less_fee >= paid(target)
        after = target if reached else next_from_input(price, liquidity, less_fee, down)
    else:
        reached = -left >= given(target)
        after = target if reached else next_from_output(price, liquidity, -left, down)
    amount_in, amount_out = paid(after), given(after)
    if not exact_in:
        amount_out = min(amount_out, -left)
    if exact_in and after != target:
        return after, amount_in, amount_out, left - amount_in
    return after, amount_in, amount_out, muldiv_up(amount_in, fee, MILLION - fee)


@dataclass
class Pool:
    fee: int
    spacing: int
    price: int
    tick: int
    liquidity: int
    fee_protocol: int = 0
    denominator: int = 0
    growth: list[int] = field(default_factory=lambda: [0, 0])
    owed: list[int] = field(default_factory=lambda: [0, 0])
    net: dict[int, int] = field(default_factory=dict)
    gross: dict[int, int] = field(default_factory=dict)

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Pool:
        return cls(
            fee=int(state["fee"]),
            spacing=int(state["tickSpacing"]),
            price=int(state["sqrtPriceX96"]),
            tick=int(state["tick"]),
            liquidity=int(state["liquidity"]),
            fee_protocol=int(state["feeProtocol"]),
            denominator=int(state.get("feeProtocolDenominator", 0)),
            growth=[int(state["feeGrowthGlobal0X128"]), int(state["feeGrowthGlobal1X128"])],
            owed=[int(state["protocolFees0"]), int(state["protocolFees1"])],
            net={int(t): int(n) for t, n, _ in state["ticks"]},
            gross={int(t): int(g) for t, _, g in state["ticks"]},
        )

    def state(self) -> dict[str, Any]:
        state = {
            "fee": str(self.fee),
            "tickSpacing": str(self.spacing),
            "feeProtocol": str(self.fee_protocol),
        }
        if self.denominator:
            state["feeProtocolDenominator"] = str(self.denominator)
        ticks = [[str(t), str(self.net[t]), str(self.gross[t])] for t in sorted(self.net)]
        return state | self.after() | {"ticks": ticks}

    def after(self) -> dict[str, str]:
        return {
            "sqrtPriceX96": str(self.price),
            "tick": str(self.tick),
            "liquidity": str(self.liquidity),
            "feeGrowthGlobal0X128": str(self.growth[0]),
            "feeGrowthGlobal1X128": str(self.growth[1]),
            "protocolFees0": str(self.owed[0]),
            "protocolFees1": str(self.owed[1]),
        }

    def next_tick(self, down: bool) -> tuple[int, bool]:
        """nextInitializedTickWithinOneWord, over the 256 bits of the word one by one."""
        compressed = self.tick // self.spacing
        if down:
            first = compressed >> 8 << 8
            candidates = range(compressed, first - 1, -1)
        else:
            first = (compressed + 1) | 255
            candidates = range(compressed + 1, first + 1)
        for c in candidates:
            if c * self.spacing in self.net:
                return c * self.spacing, True
        return max(MIN_TICK, min(MAX_TICK, first * self.spacing)), False

    def protocol_share(self, amount: int, token: int) -> int:
        if self.denominator:
            return amount * (self.fee_protocol >> 16 * token & 0xFFFF) // self.denominator
        n = self.fee_protocol >> 4 * token & 15
        return amount // n if n else 0

    def take_fee(self, amount: int, token: int) -> None:
        share = self.protocol_share(amount, token)
        self.owed[token] = (self.owed[token] + share) & U128
        if self.liquidity:
            growth = muldiv(amount - share, Q128, self.liquidity)
            self.growth[token] = (self.growth[token] + growth) & U256

    def swap(self, down: bool, amount: int, limit: int | None = None) -> tuple[int, int, int]:
        """pool.swap: (amount0, amount1, ticks crossed); amount > 0 is exact input. Moves self."""
        limit = limit if limit is not None else (MIN_PRICE + 1 if down else MAX_PRICE - 1)
        require(amount != 0, "AS")
        require(-(1 << 255) <= amount < 1 << 255)
        require(self.price > 0, "LOK")
        require(MIN_PRICE < limit < self.price if down else self.price < limit < MAX_PRICE, "SPL")
        left, other, crossed = amount, 0, 0
        while left != 0 and self.price != limit:
            start = self.price
            tick, found = self.next_tick(down)
            edge = price_at_tick(tick)
            target = max(edge, limit) if down else min(edge, limit)
            self.price, paid, given, fee = swap_step(start, target, self.liquidity, left, self.fee)
            if amount > 0:
                left -= paid + fee
                other -= given
            else:
                left += given
                other += paid + fee
            self.take_fee(fee, 0 if down else 1)
            if self.price == edge:
                if found:
                    self.liquidity += -self.net[tick] if down else self.net[tick]
                    require(0 <= self.liquidity <= U128, "L")
                    crossed += 1
                self.tick = tick - 1 if down else tick
            elif self.price != start:
                self.tick = tick_at_price(self.price)
        done = amount - left
        return (done, other, crossed) if down == (amount > 0) else (other, done, crossed)

    def quote(self, down: bool, amount: int, limit: int | None = None) -> tuple[int, int, int]:
        return self.copy().swap(down, amount, limit)

    def copy(self) -> Pool:
        return replace(
            self,
            growth=list(self.growth),
            owed=list(self.owed),
            net=dict(self.net),
            gross=dict(self.gross),
        )

    def modify(self, lower: int, upper: int, amount: int) -> None:
        """Mint (amount > 0) or burn."""
        for tick, sign in ((lower, 1), (upper, -1)):
            self.gross[tick] = self.gross.get(tick, 0) + amount
            self.net[tick] = self.net.get(tick, 0) + sign * amount
            if not self.gross[tick]:
                del self.gross[tick], self.net[tick]
        if lower <= self.tick < upper:
            self.liquidity += amount
