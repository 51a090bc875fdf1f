"""What cross_venue must decide, the slow obvious way: in fractions.

Written from the strategy's page (docs/strategies.md) and its settings: buy where it is cheap, sell
where it is dear, as long as the next unit gains more than both fees and the margin.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

PPM = 1_000_000


class Side(NamedTuple):
    """One venue as a decision needs it; prices in quote, quantities in base."""

    tick: Fraction
    lot: Fraction
    bids: list[tuple[Fraction, Fraction]]
    asks: list[tuple[Fraction, Fraction]]
    fee_ppm: int
    base: Fraction
    quote: Fraction
    min_quantity: Fraction
    min_notional: Fraction


class Pair(NamedTuple):
    """Buy on `buy`, sell on the other: quantity in base and the two limit prices."""

    buy: int
    quantity: Fraction
    buy_price: Fraction
    sell_price: Fraction


def pays(ask: Fraction, bid: Fraction, buy: Side, sell: Side, margin_ppm: int) -> bool:
    """Does one unit bought at `ask` and sold at `bid` gain more than fees and margin?"""
    gain = bid * (PPM - sell.fee_ppm) - ask * (PPM + buy.fee_ppm)
    return gain > ask * margin_ppm


def steps(levels: list[tuple[Fraction, Fraction]], to: Fraction) -> list[Fraction]:
    """Cumulative quantities at which a side's price changes, up to `to`."""
    found, total = [], Fraction(0)
    for _, quantity in levels:
        total += quantity
        found.append(min(total, to))
    return found


def price_at(levels: list[tuple[Fraction, Fraction]], before: Fraction) -> Fraction | None:
    """The price of what comes after `before`; None where the side ends."""
    total = Fraction(0)
    for price, quantity in levels:
        total += quantity
        if before < total:
            return price
    return None


def common_step(a: Fraction, b: Fraction) -> Fraction:
    """The smallest quantity that is whole in both lots."""
    step = max(a, b)
    while step % a or step % b:
        step += max(a, b)
    return step


def one_way(
    sides: tuple[Side, Side], buy: int, margin_ppm: int, largest: Fraction, depth: int
) -> Pair | None:
    """The pair that buys on `buy`, or None."""
    b, s = sides[buy], sides[1 - buy]
    asks, bids = b.asks[:depth], s.bids[:depth]
    room = min(largest, s.base)
    edges = sorted({Fraction(0), *steps(asks, room), *steps(bids, room)})
    quantity, buy_price, sell_price = Fraction(0), Fraction(0), Fraction(0)
    for at, end in pairwise(edges):
        ask, bid = price_at(asks, at), price_at(bids, at)
        if ask is None or bid is None or not pays(ask, bid, b, s, margin_ppm):
            break
        quantity, buy_price, sell_price = end, ask, bid
    if quantity == 0:
        return None
    affordable = b.quote * PPM / (buy_price * (PPM + b.fee_ppm))
    quantity = min(quantity, affordable)
    quantity -= quantity % common_step(b.lot, s.lot)
    for side, price in ((b, buy_price), (s, sell_price)):
        if quantity < side.min_quantity or quantity * price < side.min_notional:
            return None
    return Pair(buy, quantity, buy_price, sell_price) if quantity > 0 else None


def decide(
    sides: tuple[Side, Side], margin_ppm: int, largest: Fraction, depth: int = 16
) -> Pair | None:
    """The pair to send now: first buying on 0, else buying on 1, else none."""
    found = one_way(sides, 0, margin_ppm, largest, depth)
    return found or one_way(sides, 1, margin_ppm, largest, depth)
