from hotpath.book import Book
from hotpath.feed import Feed
from hotpath.lane import Lane
from hotpath.market import Market
from hotpath.paper_venue import PaperVenue
from hotpath.ring import Outbox
from hotpath.tape import Tape

class TapeFeed(Feed): ...

class Backtest:
    lane: Lane
    tape: Tape
    view_ns: int
    jitter_ns: int
    market_reads: int
    view_reads: int
    events: int
    now: int
    def __init__(
        self,
        lane: Lane,
        tape: Tape,
        *,
        view_ns: int = 0,
        jitter_ns: int = 0,
        seed: int = 1,
        full_at: int = ...,
    ) -> None: ...
    def add_listing(
        self,
        book: Book,
        views: list[tuple[Feed, Market]],
        venue: PaperVenue | None = None,
        place: int = 0,
    ) -> None: ...
    def watch(self, outbox: Outbox) -> None: ...
    def drained(self) -> None: ...
    def start(self, now: int) -> None: ...
    def run(self, until: int = ..., more: bool = False) -> bool: ...
    def timers(self, now: int) -> None: ...
    def wait(self, until: int) -> None: ...
    def stop(self, now: int) -> None: ...
    def forget(self) -> None: ...
