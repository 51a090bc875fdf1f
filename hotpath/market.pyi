"""What Python sees of a market: see market.pyx."""

from typing import Any

from hotpath.book import Book

class Market:
    instrument: int
    spec: Any
    name: str
    feed: int
    venue: int
    index: int
    slot: int
    book: Book
    cause: int
    received: int
    touched: bool
    told: bool
    deep: bool
    def __init__(
        self,
        *,
        instrument: int,
        spec: Any,
        name: str,
        feed: int,
        venue: int,
        index: int,
        slot: int,
        book: Book,
    ) -> None: ...
    @property
    def is_valid(self) -> bool: ...
    @property
    def reason(self) -> int: ...
    @property
    def best_bid(self) -> int: ...
    @property
    def best_ask(self) -> int: ...
    @property
    def bid_quantity(self) -> int: ...
    @property
    def ask_quantity(self) -> int: ...
    @property
    def update_id(self) -> int: ...
    @property
    def epoch(self) -> int: ...
    @property
    def microprice(self) -> float: ...
    @property
    def called(self) -> tuple[list[str], list[str]]: ...
    def follow(self, strategy: object, every: bool = False) -> None: ...
