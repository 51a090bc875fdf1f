from feeds.binance.codec import Codec
from feeds.binance.join import Join
from hotpath.instrument import Instrument
from hotpath.tape import Tape

class Normaliser:
    tape: Tape
    codec: Codec
    joins: list[Join]
    count: int
    frames: int
    named: int
    rejected: int
    gaps: int
    applied: int
    snapshots: int
    crossed: int
    def __init__(self, tape: Tape, listings: list[tuple[Instrument, int]]) -> None: ...
    def take(
        self, times: list[int], frames: list[bytes], start: int = 0, end: int = -1
    ) -> None: ...
    def frame(
        self, time: int, data: bytes, last: bool = True, asked: int = -1, spare: bool = False
    ) -> None: ...
    def snapshot(
        self,
        time: int,
        at: int,
        bids: list[tuple[int, int]],
        asks: list[tuple[int, int]],
        last_id: int,
        venue_time: int = 0,
    ) -> None: ...
    def takeover(self, time: int, happens: bool) -> None: ...
    def restart(self, time: int, reason: int) -> None: ...
    @property
    def heard(self) -> list[int]: ...
    @property
    def epochs(self) -> list[int]: ...
