from hotpath.lane import Lane
from hotpath.ring import Outbox
from hotpath.strategy import Strategy

class Quoter(Strategy):
    asked: int
    def __init__(
        self,
        lane: Lane,
        name: str,
        outbox: Outbox,
        *,
        every_ns: int = ...,
        lots: int = ...,
        instance: int = 0,
    ) -> None: ...
