"""The twin of hotpath/book: two dicts of price to quantity, everything else derived when asked."""

from __future__ import annotations

from fractions import Fraction
from hashlib import sha256
from math import floor

BUY, SELL = 1, 2
VALID, NEVER_JOINED, REJECTED_FRAME, OVERFLOW = 0, 1, 6, 7
PRICE_LIMIT, QUANTITY_LIMIT = 2**52, 2**62
Pairs = list[tuple[int, int]]


class BookTwin:
    """An order book of plain dicts; prices in ticks, quantities in lots."""

    def __init__(self, room: int = 32768) -> None:
        self.sides: dict[int, dict[int, int]] = {BUY: {}, SELL: {}}
        self.room = room
        self.epoch = 0
        self.reason = NEVER_JOINED
        self.last_id = 0
        self.lead: tuple[int, tuple[int, int], tuple[int, int]] | None = None

    def doubt(self, reason: int) -> None:
        if self.reason == VALID:
            self.reason = reason

    def change(self, side: int, price: int, quantity: int) -> int:
        levels = self.sides[side]
        if abs(price) >= PRICE_LIMIT or not 0 <= quantity < QUANTITY_LIMIT:
            self.doubt(REJECTED_FRAME)
            return -1
        if quantity == 0:
            levels.pop(price, None)
            return 0
        if price not in levels and len(levels) == self.room:
            self.doubt(OVERFLOW)
            return -2
        levels[price] = quantity
        return 0

    def update(self, bids: Pairs, asks: Pairs, last_id: int = 0) -> None:
        for side, pairs in ((BUY, bids), (SELL, asks)):
            for price, quantity in pairs:
                self.change(side, price, quantity)
        self.last_id = last_id

    def join(self, bids: Pairs, asks: Pairs, last_id: int = 0) -> None:
        self.sides = {BUY: {}, SELL: {}}
        self.lead = None
        self.epoch += 1
        self.reason = VALID
        self.update(bids, asks, last_id)

    def lead_with(self, bid: tuple[int, int], ask: tuple[int, int], update_id: int) -> None:
        newest = self.lead[0] if self.lead else 0
        if update_id > self.last_id and update_id >= newest:
            self.lead = update_id, bid, ask

    def best(self, side: int) -> tuple[int, int] | None:
        """Of the top: the venue's own where it is ahead of the levels."""
        if self.lead and self.lead[0] > self.last_id:
            found = self.lead[side]
            assert isinstance(found, tuple)
            return found if found[1] else None
        levels = self.sides[side]
        if not levels:
            return None
        price = max(levels) if side == BUY else min(levels)
        return price, levels[price]

    def side_levels(self, side: int, depth: int = 10) -> Pairs:
        levels = self.sides[side]
        return [(p, levels[p]) for p in sorted(levels, reverse=side == BUY)[:depth]]

    @property
    def counts(self) -> tuple[int, int]:
        return len(self.sides[BUY]), len(self.sides[SELL])

    @property
    def update_id(self) -> int:
        return max(self.last_id, self.lead[0] if self.lead else 0)

    @property
    def is_crossed(self) -> bool:
        bid, ask = self.best(BUY), self.best(SELL)
        if bid and ask and bid[0] >= ask[0]:
            return True
        bids, asks = self.sides[BUY], self.sides[SELL]
        return bool(bids and asks and max(bids) >= min(asks))

    def mid(self) -> Fraction | None:
        bid, ask = self.best(BUY), self.best(SELL)
        return Fraction(bid[0] + ask[0], 2) if bid and ask else None

    def microprice(self) -> int:
        bid, ask = self.best(BUY), self.best(SELL)
        if not bid or not ask:
            return 0
        return floor(Fraction((bid[0] * ask[1] + ask[0] * bid[1]) * 1000, bid[1] + ask[1]))

    def imbalance_ppm(self, levels: int = 1) -> int:
        if levels == 1:
            bid, ask = (b[1] if (b := self.best(s)) else 0 for s in (BUY, SELL))
        else:
            bid, ask = (sum(q for _, q in self.side_levels(s, levels)) for s in (BUY, SELL))
        if bid + ask == 0:
            return 0
        ratio = Fraction((bid - ask) * 1_000_000, bid + ask)
        return int(ratio)  # toward zero

    def depth(self, side: int, bps: int) -> int:
        mid = self.mid()
        if mid is None:
            return 0
        reach = abs(mid) * bps / 10_000
        sign = 1 if side == BUY else -1
        return sum(q for p, q in self.sides[side].items() if sign * p >= sign * mid - reach)

    def fill_cost(self, taker: int, quantity: int) -> tuple[int, int, int, int, int]:
        """(filled, average rounded down, up, worst, sum of ticks * lots)."""
        side = SELL if taker == BUY else BUY
        filled = worst = notional = 0
        for p, q in self.side_levels(side, len(self.sides[side])):
            take = min(q, quantity - filled)
            if take <= 0:
                break
            filled, worst, notional = filled + take, p, notional + take * p
        if not filled:
            return 0, 0, 0, 0, 0
        return filled, notional // filled, -(-notional // filled), worst, notional


def digest10(bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> str:
    """The digest of the shared expectations, from plain decimals."""
    text = "#".join("|".join(f"{p}:{q}" for p, q in side[:10]) for side in (bids, asks))
    return sha256(text.encode()).hexdigest()[:32]
