"""What a back-test's account comes to, from its fills alone, in exact fractions.

Fees are rounded up to 1e-8 of the asset they are paid in. A position is worth what closing it
gives.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil

BUY = 1
STEP = Fraction(1, 10**8)


def rounded_up(amount: Fraction) -> Fraction:
    """To 1e-8, never in favour of who pays (a rebate is below zero)."""
    return ceil(amount / STEP) * STEP


@dataclass
class Account:
    """`paid_in` "quote", "received" or an asset; `price` of that asset in the quote asset."""

    base: str
    quote: str
    tick: Fraction
    lot: Fraction
    maker_ppm: int
    taker_ppm: int
    paid_in: str = "quote"
    price: Fraction = Fraction(1)
    discount_ppm: int = 0
    balances: dict[str, Fraction] = field(default_factory=dict)
    cash: Fraction = Fraction(0)
    position: Fraction = Fraction(0)
    fees: dict[str, Fraction] = field(default_factory=dict)

    def fill(self, side: int, ticks: int, lots: int, maker: bool) -> tuple[str, Fraction]:
        """Book one fill; (asset, amount) of its fee."""
        quantity, rate = lots * self.lot, Fraction(self.maker_ppm if maker else self.taker_ppm)
        value = rounded_up(quantity * ticks * self.tick)
        received = (self.base, quantity) if side == BUY else (self.quote, value)
        asset, amount = (self.quote, value) if self.paid_in == "quote" else received
        fee = rounded_up(amount * rate / 10**6)
        if self.paid_in not in ("quote", "received"):
            kept = Fraction(10**6 - self.discount_ppm, 10**6)
            other = rounded_up(value * rate / 10**6 * kept / self.price)
            if other <= self.balances[self.paid_in]:
                asset, fee = self.paid_in, other
        sign = 1 if side == BUY else -1
        self.balances[self.base] += sign * quantity
        self.balances[self.quote] -= sign * value
        self.balances[asset] -= fee
        self.cash -= sign * quantity * ticks * self.tick
        self.position += sign * quantity
        self.fees[asset] = self.fees.get(asset, Fraction(0)) + fee
        return asset, fee

    def profit(self, mark: Fraction) -> Fraction:
        """Cash, the position at `mark`, less fees: each at what it is worth in the quote asset."""
        worth = {self.quote: Fraction(1), self.base: mark}
        paid = sum((f * worth.get(a, self.price) for a, f in self.fees.items()), Fraction(0))
        return self.cash + self.position * mark - paid
