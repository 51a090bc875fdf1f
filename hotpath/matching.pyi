from typing import NamedTuple

STP_NONE: int
STP_MAKER: int
STP_TAKER: int
STP_BOTH: int
TRADE: int
RESTED: int
EXPIRED: int
CANCELED: int
PREVENTED: int
REDUCED: int
PLACED: int
DUPLICATE: int
WOULD_TAKE: int
INVALID: int
NOT_FOUND: int
NO_MEMORY: int
BUY: int
SELL: int
LIMIT: int
MARKET: int
POST_ONLY: int
GTC: int
IOC: int
FOK: int

class Match(NamedTuple):
    kind: int
    order: int
    owner: int
    side: int
    price: int
    quantity: int
    leaves: int
    maker: int
    maker_owner: int
    maker_leaves: int

def fee(amount: int, rate_e8: int) -> int: ...

class Matching:
    def __init__(self, room: int = ...) -> None: ...
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
    def amend(
        self, order: int, price: int, quantity: int, type: int = ..., prevention: int = ...
    ) -> int: ...
    def take_matches(self) -> list[Match]: ...
    def take_changes(self) -> list[tuple[int, int, int]]: ...
    def top(self, side: int) -> tuple[int, int] | None: ...
    def levels(self, side: int, limit: int = ...) -> list[tuple[int, int]]: ...
    def quantity_at(self, side: int, price: int) -> int: ...
    def would_fill(
        self, owner: int, side: int, price: int, quantity: int, prevention: int = ...
    ) -> int: ...
    def queue(self, side: int) -> list[tuple[int, int, int, int]]: ...
    def order(self, order: int) -> tuple[int, int, int, int] | None: ...
    def __len__(self) -> int: ...
    def _spin(self, count: int) -> int: ...
