"""The obvious price-time priority book: lists and sorting, one rule a line."""

from __future__ import annotations

from dataclasses import dataclass

BUY, SELL = 1, 2
LIMIT, MARKET, POST_ONLY = 1, 2, 3
GTC, IOC, FOK = 1, 2, 3
STP_NONE, STP_MAKER, STP_TAKER, STP_BOTH = 0, 1, 2, 3
TRADE, RESTED, EXPIRED, CANCELED, PREVENTED, REDUCED = 1, 2, 3, 4, 5, 6
PLACED, DUPLICATE, WOULD_TAKE, INVALID, NOT_FOUND = 0, 1, 2, 3, 4

Event = tuple[int, int, int, int, int, int, int, int, int, int]


@dataclass
class Order:
    order: int
    owner: int
    side: int
    price: int
    leaves: int
    arrival: int


class Book:
    """Every resting order in one dict; priority is found by sorting each time."""

    def __init__(self) -> None:
        self.orders: dict[int, Order] = {}
        self.arrivals = 0
        self.events: list[Event] = []
        self.touched: list[tuple[int, int]] = []

    def side(self, side: int) -> list[Order]:
        sign = -1 if side == BUY else 1
        mine = [o for o in self.orders.values() if o.side == side]
        return sorted(mine, key=lambda o: (sign * o.price, o.arrival))

    def crossing(self, side: int, price: int, type_: int) -> list[Order]:
        return [
            o
            for o in self.side(3 - side)
            if type_ == MARKET or (o.price <= price if side == BUY else o.price >= price)
        ]

    def event(
        self, kind: int, o: Order, quantity: int, leaves: int, maker: Order | None = None
    ) -> None:
        price = maker.price if maker and kind == TRADE else o.price
        who = (maker.order, maker.owner, maker.leaves) if maker else (0, 0, 0)
        self.events.append((kind, o.order, o.owner, o.side, price, quantity, leaves, *who))

    def touch(self, o: Order) -> None:
        if (o.side, o.price) not in self.touched:
            self.touched.append((o.side, o.price))

    def remove(self, o: Order) -> None:
        del self.orders[o.order]
        self.touch(o)
        o.leaves = 0

    def submit(
        self,
        order: int,
        owner: int,
        side: int,
        price: int,
        quantity: int,
        type_: int,
        tif: int,
        stp: int,
    ) -> int:
        if quantity <= 0 or (type_ != MARKET and price <= 0):
            return INVALID
        if order in self.orders:
            return DUPLICATE
        self.arrivals += 1
        taker = Order(order, owner, side, 0 if type_ == MARKET else price, quantity, self.arrivals)
        crossing = self.crossing(side, price, type_)
        if type_ == POST_ONLY and crossing:
            return WOULD_TAKE
        if type_ != POST_ONLY and tif == FOK and self.would_fill(taker, type_, stp) < quantity:
            self.event(EXPIRED, taker, quantity, 0)
            return PLACED
        for maker in crossing:
            if taker.leaves == 0:
                break
            if stp != STP_NONE and maker.owner == owner:
                if stp in (STP_MAKER, STP_BOTH):
                    quantity = maker.leaves
                    self.remove(maker)
                    self.event(PREVENTED, maker, quantity, 0, maker)
                if stp in (STP_TAKER, STP_BOTH):
                    self.event(PREVENTED, taker, taker.leaves, 0)
                    return PLACED
                continue
            take = min(taker.leaves, maker.leaves)
            taker.leaves -= take
            if take == maker.leaves:
                self.remove(maker)
            else:
                maker.leaves -= take
                self.touch(maker)
            self.event(TRADE, taker, take, taker.leaves, maker)
        if taker.leaves:
            if type_ == MARKET or tif != GTC:
                self.event(EXPIRED, taker, taker.leaves, 0)
            else:
                self.orders[order] = taker
                self.touch(taker)
                self.event(RESTED, taker, taker.leaves, taker.leaves)
        return PLACED

    def would_fill(self, taker: Order, type_: int, stp: int) -> int:
        got = 0
        for maker in self.crossing(taker.side, taker.price, type_):
            if stp != STP_NONE and maker.owner == taker.owner:
                if stp == STP_MAKER:
                    continue
                break
            got += maker.leaves
        return min(got, taker.leaves)

    def withdraw(self, order: int) -> int:
        if order not in self.orders:
            return NOT_FOUND
        o = self.orders[order]
        quantity = o.leaves
        self.remove(o)
        self.event(CANCELED, o, quantity, 0)
        return PLACED

    def shrink(self, order: int, leaves: int) -> int:
        if order not in self.orders:
            return NOT_FOUND
        o = self.orders[order]
        if not 0 < leaves <= o.leaves:
            return INVALID
        o.leaves = leaves
        self.touch(o)
        self.event(REDUCED, o, leaves, leaves)
        return PLACED

    def amend(self, order: int, price: int, quantity: int, type_: int, stp: int) -> int:
        if order not in self.orders:
            return NOT_FOUND
        o = self.orders[order]
        if price <= 0 or quantity <= 0:
            return INVALID
        if price == o.price and quantity <= o.leaves:
            return self.shrink(order, quantity)
        if type_ == POST_ONLY and self.crossing(o.side, price, type_):
            return WOULD_TAKE
        self.remove(o)
        return self.submit(order, o.owner, o.side, price, quantity, type_, GTC, stp)

    def queue(self, side: int) -> list[tuple[int, int, int, int]]:
        return [(o.order, o.owner, o.price, o.leaves) for o in self.side(side)]

    def changes(self) -> list[tuple[int, int, int]]:
        found = [
            (s, p, sum(o.leaves for o in self.orders.values() if (o.side, o.price) == (s, p)))
            for s, p in self.touched
        ]
        self.touched = []
        return found
