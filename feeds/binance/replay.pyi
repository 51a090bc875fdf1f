from feeds.binance.codec import Codec
from feeds.binance.join import Join
from hotpath.book import Book
from hotpath.instrument import Instrument

class BookReplay:
    codec: Codec
    join: Join
    instrument: Instrument
    frames: int
    named: int
    tickers: int
    trades: int
    rejected: int
    snapshots: int
    def __init__(self, instrument: Instrument) -> None: ...
    @property
    def book(self) -> Book: ...
    @property
    def most_levels(self) -> int: ...
    @property
    def applied(self) -> int: ...
    @property
    def dropped(self) -> int: ...
    @property
    def gaps(self) -> int: ...
    def take(self, frames: list[bytes], start: int = 0, until: int = 0) -> int: ...
