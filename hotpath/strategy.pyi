"""What Python sees of a strategy: see strategy.pxd."""

from typing import Any

from hotpath.lane import Actor, Lane
from hotpath.market import Market
from hotpath.ring import Outbox
from hotpath.venue import Venue

class TooManyLegs(ValueError): ...

class Strategy(Actor):
    markets: list[Market]
    settings: Any
    instance: int
    intent_life_ns: int
    def __init__(
        self, lane: Lane, name: str, outbox: Outbox, *, instance: int = 0, settings: Any = None
    ) -> None: ...
    skipped: dict[str, dict[str, Any]]
    def skip(self, reason: str, **numbers: int | str) -> None: ...
    def why_not(self) -> dict[str, dict[str, Any]]: ...
    def add_market(self, market: Market) -> None: ...
    def add_venue(self, venue: Venue) -> None: ...
    def on_book(self, market: Market) -> None: ...
    def on_trade(self, market: Market, price: int, quantity: int, side: int) -> None: ...
    def on_order(self, event: Any) -> None: ...
    def on_fill(self, fill: Any) -> None: ...
    def on_refused(self, refusal: Any) -> None: ...
    def place(
        self,
        market: Market,
        side: int,
        price: int,
        quantity: int,
        *,
        type: int = ...,
        time_in_force: int = ...,
        rule: int = 0,
        flags: int = 0,
        expected_price: int = 0,
        submit: bool = True,
    ) -> int: ...
    def cancel(self, market: Market, order_id: int, *, rule: int = 0) -> None: ...
    def replace(
        self,
        market: Market,
        order_id: int,
        *,
        side: int,
        price: int,
        quantity: int,
        type: int = ...,
        time_in_force: int = ...,
        rule: int = 0,
    ) -> int: ...
