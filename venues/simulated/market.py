"""One market of the exchange: its book, its trades, what is printed of it."""

from __future__ import annotations

from typing import Protocol

from hotpath import matching as m
from venues.simulated import amounts
from venues.simulated.accounts import MarketTerms

KEPT_PUBLIC = 1_000  # public trades kept per market


class PublicTrade:
    """A trade as everyone sees it."""

    __slots__ = ("buyer_is_maker", "price", "quantity", "time", "trade_id")

    def __init__(self, trade_id: int, price: int, quantity: int, buyer_maker: bool, time: int):
        self.trade_id = trade_id
        self.price = price
        self.quantity = quantity
        self.buyer_is_maker = buyer_maker
        self.time = time


class Book(Protocol):
    """What orders are matched in: `hotpath.matching.Matching`, or a captured market."""

    def submit(
        self,
        order: int,
        owner: int,
        side: int,
        price: int,
        quantity: int,
        type: int = ...,
        time_in_force: int = ...,
        prevention: int = ...,
    ) -> int: ...

    def withdraw(self, order: int) -> int: ...

    def shrink(self, order: int, leaves: int) -> int: ...

    def take_matches(self) -> list[m.Match]: ...

    def take_changes(self) -> list[tuple[int, int, int]]: ...

    def top(self, side: int) -> tuple[int, int] | None: ...

    def levels(self, side: int, limit: int = ...) -> list[tuple[int, int]]: ...

    def would_fill(
        self, owner: int, side: int, price: int, quantity: int, prevention: int = ...
    ) -> int: ...


class Market:
    """One book and its public history. `is_captured`: its trades are told by the capture."""

    def __init__(self, terms: MarketTerms, book: Book, is_captured: bool) -> None:
        self.terms = terms
        self.symbol = terms.symbol
        self.book = book
        self.is_captured = is_captured
        self.update_id = 0
        self.trades: list[PublicTrade] = []
        self.last_price = amounts.units(terms.spec.price) // terms.tick
        self.opened_price = self.last_price
        self.high = self.low = self.last_price
        self.volume = 0  # lots
        self.quote_volume = 0  # 1e-8 quote units
        self.trade_count = 0

    def printed(self, trade: PublicTrade) -> None:
        """A trade that everyone sees."""
        self.last_price = trade.price
        self.high = max(self.high, trade.price)
        self.low = min(self.low, trade.price)
        self.volume += trade.quantity
        self.quote_volume += self.terms.quote_of(trade.price, trade.quantity)
        self.trade_count += 1
        self.trades.append(trade)
        if len(self.trades) > 2 * KEPT_PUBLIC:
            del self.trades[:KEPT_PUBLIC]
