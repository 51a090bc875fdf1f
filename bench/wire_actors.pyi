from collections.abc import Callable

from picows import WSListener

from hotpath.lane import Lane
from hotpath.ring import Outbox
from hotpath.strategy import Strategy
from hotpath.venue import Venue

class Taker(Strategy):
    """One IOC order at the best ask for each change of a valid top."""

    lots: int
    def __init__(
        self, lane: Lane, name: str, outbox: Outbox, *, lots: int = 100, instance: int = 0
    ) -> None: ...

class Ender(Strategy):
    """Ends the order made last as expired, once it has left."""

    ended: int
    def __init__(
        self, lane: Lane, name: str, outbox: Outbox, *, venue: Venue, taker: Strategy
    ) -> None: ...

class Echo(WSListener):
    """Answers every frame with one constant text."""

    def __init__(self, text: bytes, on_end: Callable[[], object]) -> None: ...
