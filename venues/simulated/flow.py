"""Synthetic makers and takers around a reference price that is a pure function of (seed, time).

The reference is value noise: at whole multiples of a period a hash gives a height, between them a
smooth curve joins neighbours; several periods are summed. No state, so two exchanges with one seed
see the same price, and a restarted exchange finds it where it is now. Each exchange adds noise of
its own name (`wobble_ppm`), which is why their books cross. All arithmetic is in integers.
"""

from __future__ import annotations

from hashlib import blake2b

from hotpath.matching import BUY, SELL
from venues.simulated.amounts import units
from venues.simulated.core import Exchange
from venues.simulated.market import Market
from venues.simulated.spec import FlowSpec

ONE = 1 << 20  # height of the noise
MS = 1_000_000
STOOD_STILL_NS = 2_000_000_000
# (period in ms, share of reference_ppm in 1/1000): slow swings are large, fast ones small
REFERENCE = ((600_000, 1000), (60_000, 300), (8_000, 100), (1_000, 25))
MASK = (1 << 64) - 1


def number_of(name: str) -> int:
    """A 64-bit number for a text, the same in every process."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little")


def height(seed: int, step: int) -> int:
    """A hash of (seed, step) between -ONE and ONE (splitmix64's finaliser)."""
    z = (seed + step * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return (z ^ (z >> 31)) % (2 * ONE + 1) - ONE


def noise(seed: int, now: int, period: int) -> int:
    """Smooth noise between -ONE and ONE; now and period in ns."""
    step, rest = divmod(now, period)
    part = (rest << 16) // period
    smooth = part * part * (3 * 65536 - 2 * part) >> 32
    low = height(seed, step)
    return low + ((height(seed, step + 1) - low) * smooth >> 16)


class Price:
    """The fair price of one market on one exchange, in ticks."""

    def __init__(self, flow: FlowSpec, seed: int, exchange: str, symbol: str, start: int) -> None:
        self.start = start
        shared = number_of(f"{seed}/{symbol}")
        own = number_of(f"{seed}/{symbol}/{exchange}")
        self.parts = [
            (shared + i, period * MS, flow.reference_ppm * share // 1000)
            for i, (period, share) in enumerate(REFERENCE)
        ]
        self.parts += [
            (own, flow.wobble_ms * MS, flow.wobble_ppm * 3 // 4),
            (own + 1, flow.wobble_ms * MS // 4, flow.wobble_ppm // 4),
        ]

    def at(self, now: int) -> int:
        swing = sum(ppm * noise(seed, now, period) for seed, period, ppm in self.parts)
        return max(self.start + self.start * swing // (1_000_000 * ONE), 1)


class Quotes:
    """The makers and takers of one market."""

    def __init__(self, exchange: Exchange, market: Market, flow: FlowSpec) -> None:
        self.exchange = exchange
        self.market = market
        self.flow = flow
        spec, terms = exchange.spec, market.terms
        self.price = Price(flow, spec.seed, spec.name, market.symbol, market.opened_price)
        start = market.opened_price
        self.half = max(start * flow.half_spread_ppm // 1_000_000, 1)
        self.spacing = max(start * flow.spacing_ppm // 1_000_000, 1)
        mean = units(flow.level_notional) // max(terms.quote_of(start, 1), 1)
        self.size = max(mean, terms.min_quantity, 1)
        self.orders = {side: [0] * flow.levels for side in (BUY, SELL)}

    def fill_book(self) -> None:
        for level in range(self.flow.levels):
            for side in (BUY, SELL):
                self.quote(side, level)

    def quote(self, side: int, level: int) -> None:
        """One maker looks at the price as it was up to `lag_ms` ago and moves its order there."""
        draw = self.exchange.random
        lag = draw.randrange(self.flow.lag_ms * MS + 1)
        fair = self.price.at(self.exchange.now - lag)
        away = self.half + level * self.spacing + draw.randrange(max(self.spacing // 2, 1))
        price = fair - away if side == BUY else fair + away
        other = self.market.book.top(SELL if side == BUY else BUY)
        if other is not None:  # never through the other side: it moves when its maker looks
            price = min(price, other[0] - 1) if side == BUY else max(price, other[0] + 1)
        quantity = max(self.size * draw.randrange(30, 171) // 100, self.market.terms.min_quantity)
        mine = self.orders[side]
        mine[level] = self.exchange.quote(self.market, mine[level], side, price, quantity)

    def act(self) -> None:
        """One maker event; near levels are looked at more often than far ones."""
        draw = self.exchange.random
        levels = self.flow.levels
        level = min(draw.randrange(levels), draw.randrange(levels), draw.randrange(levels))
        self.quote(draw.choice((BUY, SELL)), level)

    def take(self) -> None:
        """One taker: on the side that is cheap against the fair price, else on either."""
        draw = self.exchange.random
        book = self.market.book
        bid, ask = book.top(BUY), book.top(SELL)
        if bid is None or ask is None:
            return
        fair = self.price.at(self.exchange.now)
        side = draw.choice((BUY, SELL))
        if ask[0] < fair - self.half:
            side = BUY
        elif bid[0] > fair + self.half:
            side = SELL
        price, quantity = ask if side == BUY else bid
        quantity = max(quantity * draw.randrange(5, 131) // 100, self.market.terms.min_quantity)
        self.exchange.take(self.market, side, price, quantity)


class Flow:
    """Drives every market's makers and takers from one timer."""

    def __init__(self, exchange: Exchange, flow: FlowSpec) -> None:
        self.exchange = exchange
        self.flow = flow
        self.quotes = [Quotes(exchange, market, flow) for market in exchange.markets.values()]
        self.owed = [0, 0]  # of makers and takers, in events x 1000
        for quotes in self.quotes:
            quotes.fill_book()
        exchange.arm(exchange.now + flow.tick_ms * MS, self.tick)

    def tick(self) -> None:
        flow, draw = self.flow, self.exchange.random
        for kind, rate in enumerate((flow.maker_events_per_s, flow.taker_events_per_s)):
            self.owed[kind] += draw.randrange(2 * rate * flow.tick_ms + 1)
            while self.owed[kind] >= 1000:
                self.owed[kind] -= 1000
                quotes = self.quotes[draw.randrange(len(self.quotes))]
                if kind == 0:
                    quotes.act()
                else:
                    quotes.take()
        due = self.exchange.now + flow.tick_ms * MS
        if self.exchange.asked - due > STOOD_STILL_NS:
            due = self.exchange.asked  # stopped and resumed: nobody traded meanwhile
        self.exchange.arm(due, self.tick)
