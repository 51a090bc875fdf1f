from typing import NamedTuple

from hotpath.book import Book

ACCEPTED: int
TRADE: int
EXPIRED: int
CANCELED: int
REDUCED: int
REJECTED: int
CANCEL_REJECTED: int

class PaperEvent(NamedTuple):
    happened: int
    visible: int
    kind: int
    order: int
    side: int
    price: int
    quantity: int
    leaves: int
    maker: bool
    reason: int

class Paper:
    book: Book
    conservative: bool
    request_ns: int
    cancel_ns: int
    reply_ns: int
    jitter_ns: int
    lost: int
    def __init__(
        self,
        book: Book,
        request_ns: int = ...,
        reply_ns: int = ...,
        jitter_ns: int = ...,
        conservative: bool = ...,
        seed: int = ...,
        room: int = ...,
        cancel_ns: int | None = None,
    ) -> None: ...
    def submit(
        self,
        now: int,
        order: int,
        side: int,
        price: int,
        quantity: int,
        type: int = ...,
        time_in_force: int = ...,
    ) -> bool: ...
    def withdraw(self, now: int, order: int) -> bool: ...
    def amend(
        self,
        now: int,
        target: int,
        order: int,
        side: int,
        price: int,
        quantity: int,
        type: int = ...,
        time_in_force: int = ...,
    ) -> bool: ...
    def shrink(self, now: int, order: int, leaves: int) -> bool: ...
    def before_change(self, now: int) -> None: ...
    def after_change(self, now: int) -> None: ...
    def print_trade(self, now: int, price: int, quantity: int, taker: int) -> None: ...
    def take_events(self, now: int) -> list[PaperEvent]: ...
    def due(self) -> int | None: ...
    def orders(self) -> list[tuple[int, int, int, int, int]]: ...
    def _spin(self, count: int) -> int: ...
