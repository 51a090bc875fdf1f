"""What Python sees of a venue: see venue.pxd."""

from typing import Any

from hotpath.gate import Gate
from hotpath.instrument import Instrument
from hotpath.lane import Actor, Lane
from hotpath.order import Orders
from hotpath.ring import Outbox

class NoProtocol(TypeError): ...
class TooMuch(ValueError): ...

class Venue(Actor):
    gate: Gate
    orders: Orders
    instance: int
    instruments: dict[int, Instrument]
    agreed: bool
    reconciled: bool
    stopping: bool
    order_channel: int
    recalled: int
    waiting: int
    last_fill_time: int
    sent: int
    refused: int
    unknown_orders: int
    illegal: int
    duplicates: int
    def __init__(self, lane: Lane, name: str, outbox: Outbox, *, room: int = 4096) -> None: ...
    def add_listing(
        self,
        spec: Instrument,
        *,
        views: dict[int, int],
        reference: int = -1,
        reference_mul: int = 1,
        reference_div: int = 1,
        kill: int = -1,
        limits: dict[str, int] | None = None,
    ) -> None: ...
    def add_strategy(self, source: int, *, share: int, kill: int = -1) -> None: ...
    def set_slots(
        self,
        *,
        clock: int,
        kill: int = -1,
        venue_kill: int = -1,
        hold: int = -1,
        instance: int = 0,
    ) -> None: ...
    def set_stages(self, stages: Any) -> None: ...
    def confirm_status(self, instrument: int, trading: bool = True) -> None: ...
    def amend_trade(
        self,
        id: int,
        trade_id: int,
        *,
        quantity: int,
        price: int = 0,
        lives: bool = False,
        venue_time: int = 0,
    ) -> None: ...
    def cancel_all(self, cause: int = 0) -> int: ...
    def reconcile(self) -> None: ...
