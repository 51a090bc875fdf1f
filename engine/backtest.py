"""Back-test: the application's strategies on a file's market data, orders matched by Paper.

What is real: strategies, gate, limits, order life, records, journal and its views. What stands in:
one lane on virtual time holds every feed, venue and strategy of the configuration; feeds play the
tape, venues hand their orders to hotpath/paper, and all that reaches across a process or a network
(rest actors, journal and recorder lanes, the root) is not there.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import msgspec

from engine import config, report, slots, wiring
from engine.assembly import Assembly
from engine.build import Built, build
from engine.capture_map import assigned
from engine.config import Configuration
from engine.errors import EXIT_NO, TiercelError
from engine.journal.actor import Journal, listing_document
from engine.journal.profit import profit
from engine.journal.store import FILE as JOURNAL_FILE
from engine.journal.store import open_reader
from engine.lane_spec import ActorSpec, LaneSpec
from engine.market_tape import Wanted, read_tape
from engine.memory import Memory, find_place
from engine.one_lane import LANE, NothingToTest, reduced
from engine.paper_account import PaperActor, fee_assets, open_account
from engine.registry import FILE, Entry, Registry
from engine.roles import role_of
from hotpath.backtest import Backtest, TapeFeed
from hotpath.board import Board
from hotpath.book import Book
from hotpath.feed import Feed
from hotpath.lane import Actor
from hotpath.market import Market
from hotpath.paper import Paper
from hotpath.paper_venue import PaperVenue
from hotpath.ring import Outbox, Reader
from hotpath.tape import Tape

JOURNAL = "journal"
ROOM, MASK64 = 4096, (1 << 64) - 1
OUTBOX_BYTES = 16 * 1024 * 1024
DRAIN_BYTES = 4 * 1024 * 1024
US, MS, S = 1_000, 1_000_000, 1_000_000_000
CLOCK_UNCERTAINTY_NS = 1000
WIDE, WIDE_LISTINGS = 1 << 17, 64
"""Ticks a side that a book's ladder holds here: captures change levels far from the top, which are
dear in the sorted arrays beyond it. 2 MB a book, so only while there are few of them."""
HEDGE_DEADLINE_NS = 2 * S
GRACE_NS = 100 * MS
Keep = Callable[[int, list[bytes]], None]


class StrategyFailed(TiercelError):
    """An actor raised an exception too often, or a compiled one did once."""

    code: ClassVar[str] = "TCL-7015"
    what = "The back-test ended in an exception at {at}"
    why = "{detail}"
    do = "Mend the strategy; with --debug the traceback says where"
    exit_code = EXIT_NO


class StateTaken(TiercelError):
    """A back-test begins with an empty journal."""

    code: ClassVar[str] = "TCL-7019"
    what = "{state} cannot hold the journal of a back-test"
    why = "{detail}"
    do = "Name a directory that is not there yet"

    def __init__(self, *, state: Path, detail: str = "Another run's journal is there") -> None:
        super().__init__(state=state, detail=detail)


class ReportsLost(TiercelError):
    """More reports under way than there is room for: what became of orders is not known."""

    code: ClassVar[str] = "TCL-7018"
    what = "The back-test is void: {count} reports of {listing} found no room"
    why = "So many fills and answers were on their way at once ({room} at most)"
    do = "Lower backtest.reply_us, or the number of orders"
    exit_code = EXIT_NO


class NoTransport:
    """What actors ask of the world: there is none."""

    def open(self, actor: Actor, channel: int, target: dict[str, Any]) -> None:
        """No connection is made."""

    def request(self, *args: Any) -> None:
        """No answer comes."""


class Session:
    """One back-test in a directory of its own: built, run, journaled."""

    def __init__(
        self, configuration: Configuration, directory: Path, memory: Path, seed: int
    ) -> None:
        self.configuration, self.directory, self.seed = configuration, directory, seed
        self.settings = configuration.application.backtest
        instance = (seed * 0x9E3779B97F4A7C15 >> 24) % ((1 << 40) - 1) + 1
        line = msgspec.json.encode(Entry("source", "root", 1, instance)) + b"\n"
        (directory / FILE).write_bytes(line)  # the instance of a back-test is its seed's
        registry = Registry(directory)
        lane = configuration.application.lanes[0]
        assembly = Assembly(
            configuration, registry, Memory(memory), LANE, directory, lambda name, source: 1
        )
        try:
            self.spec: LaneSpec = assembly.spec(lane, 1, 0, 0)
        finally:
            assembly.close()
        self.assets = dict(self.spec.assets)
        for asset in fee_assets(self.settings):
            self.assets[asset] = registry.number("asset", asset)
        self.fee_prices: dict[tuple[int, int], Decimal] = {}
        self.restarts: list[str] = []
        self.journal = Journal.open(directory, instance, registry.number("source", JOURNAL))
        registry.close()
        for listing in self.spec.listings.values():
            document = listing_document(listing.name, listing.venue, listing.symbol, listing)
            self.journal.declare(listing.number, document)
        self.outboxes: dict[str, Outbox] = {}
        self.readers: dict[str, Reader] = {}
        self.built = self._build()

    def _build(self) -> Built:
        spec = self.spec
        board = Board.private(sorted(spec.board.slots, key=spec.board.slots.__getitem__))
        clock = struct.pack("<qq", 0, CLOCK_UNCERTAINTY_NS)
        board.write(spec.board.slots[slots.CLOCK], clock)

        def outbox_of(actor: ActorSpec) -> Outbox:
            outbox = Outbox.private(OUTBOX_BYTES, actor.source)
            self.outboxes[actor.name] = outbox
            self.readers[actor.name] = Reader.of(outbox, lossy=True)
            return outbox

        def class_of(kind: str, beside: Path) -> type[Any]:
            stands_in: dict[str, type[Any]] = {"feed": TapeFeed, "venue": PaperActor}
            return stands_in.get(role_of(kind)) or wiring.actor_class(kind, beside)

        built = build(
            spec,
            board,
            outbox_of,
            is_virtual=True,
            seed=self.seed,
            class_of=class_of,
            book_of=self.new_book,
        )
        built.lane.max_restarts = spec.supervision.max_restarts
        built.lane.restart_window_ns = spec.supervision.max_seconds * S
        built.lane.on_restart = lambda actor, error: self.restarts.append(
            f"{actor.name}: {type(error).__name__}: {error}"
        )
        built.lane.transport = NoTransport()
        return built

    def new_book(self) -> Book:
        """An empty book, with a ladder as wide as their number allows."""
        return Book(WIDE) if len(self.spec.listings) <= WIDE_LISTINGS else Book()

    # ---- what is played

    @property
    def feeds(self) -> list[ActorSpec]:
        return [a for a in self.spec.actors if a.role == "feed"]

    def wanted(self) -> list[Wanted]:
        """The listings that feeds show, numbered in the configuration's order."""
        kinds = {name: a.kind for a in reversed(self.feeds) for name in a.instruments}
        found = []
        for name, kind in kinds.items():
            markets = self.markets_of(name)
            found.append(Wanted(name, 0, markets[0][1].spec, kind))
        found.sort(key=lambda w: list(self.spec.listings).index(w.name))
        return [msgspec.structs.replace(w, number=i) for i, w in enumerate(found)]

    def markets_of(self, listing: str) -> list[tuple[Feed, Market]]:
        """How each feed shows a listing."""
        found: list[tuple[Feed, Market]] = []
        for actor in self.feeds:
            feed = self.built.actors[actor.name]
            assert isinstance(feed, TapeFeed)
            for market in feed.markets:
                if market.instrument == self.spec.listings[listing].number:
                    found.append((feed, market))
        return found

    def prepare(self, tape: Tape, wanted: list[Wanted]) -> Backtest:
        """Papers, balances and the loop."""
        s = self.settings
        late = s.market_data_us or s.jitter_us
        test = Backtest(
            self.built.lane,
            tape,
            view_ns=s.market_data_us * US,
            jitter_ns=s.jitter_us * US,
            seed=self.seed,
            full_at=DRAIN_BYTES,
        )
        books = {}
        for one in wanted:
            views = self.markets_of(one.name)
            books[one.name] = self.new_book() if late or len(views) > 1 else views[0][1].book
        self.books = books
        traded = self.papers(books)
        for one in wanted:
            venue, place = traded.get(one.name, (None, 0))
            test.add_listing(books[one.name], list(self.markets_of(one.name)), venue, place)
        for name, outbox in self.outboxes.items():
            if not isinstance(self.built.actors[name], TapeFeed):
                test.watch(outbox)
        return test

    def papers(self, books: dict[str, Book]) -> dict[str, tuple[PaperVenue, int]]:
        """One Paper for each listing of each venue, in the venue's order; who trades what where."""
        s, found = self.settings, dict[str, tuple[PaperVenue, int]]()
        self.traded: dict[str, Paper] = {}
        for actor in self.spec.actors:
            venue = self.built.actors.get(actor.name)
            if not isinstance(venue, PaperVenue):
                continue
            for place, name in enumerate(actor.instruments):
                if name not in books:
                    detail = f"{actor.name} trades {name}, which no feed shows"
                    raise NothingToTest(path=self.configuration.path, detail=detail)
                paper = Paper(
                    books[name],
                    s.order_us * US,
                    s.reply_us * US,
                    s.jitter_us * US,
                    s.queue == "conservative",
                    (self.seed * 1000 + self.spec.listings[name].number) & MASK64,
                    ROOM,
                    s.cancel_us * US,
                )
                if name in found:
                    detail = f"{actor.name} and another actor both trade {name}"
                    raise NothingToTest(path=self.configuration.path, detail=detail)
                venue.add_paper(paper)
                self.traded[name] = paper
                found[name] = (venue, place)
            self.fee_prices |= open_account(venue, actor, self.configuration, self.assets)
        return found

    # ---- running

    def run(self, tape: Tape, wanted: list[Wanted], keep: Keep | None = None) -> dict[str, Any]:
        """To the tape's end, an orderly stop, and what it came to."""
        test = self.prepare(tape, wanted)
        if keep is not None:
            for outbox in self.outboxes.values():
                test.watch(outbox)
        span = tape.span
        assert span is not None
        seconds = 0.0
        try:
            test.start(span[0])
            done = False
            while not done:
                began = time.perf_counter()
                done = test.run()
                seconds += time.perf_counter() - began
                self.drain(test, keep)
            s = self.settings
            grace = GRACE_NS + US * (s.order_us + s.cancel_us + s.reply_us + 3 * s.jitter_us)
            test.wait(test.now + grace)
            self.drain(test, keep)
            test.stop(test.now)
            test.wait(test.now + grace)
            self.drain(test, keep)
        except TiercelError:
            raise
        except Exception as error:
            detail = f"{type(error).__name__}: {error}".replace("{", "(").replace("}", ")")
            raise StrategyFailed(at=test.now, detail=detail) from error
        return self.outcome(test, seconds)

    def drain(self, test: Backtest, keep: Keep | None) -> None:
        """Give what the actors wrote to the journal, as the journal's lane would."""
        for name, reader in self.readers.items():
            is_feed = isinstance(self.built.actors[name], TapeFeed)
            if is_feed and keep is None:
                continue
            while records := reader.take(4096):
                if not is_feed:
                    self.journal.take_batch(reader.source, records)
                if keep is not None:
                    keep(reader.source, records)
                reader.store()
        self.journal.commit()
        for name, paper in self.traded.items():
            if paper.lost:
                raise ReportsLost(count=paper.lost, listing=name, room=8 * ROOM)
        test.drained()

    def marks(self) -> dict[tuple[int, int], int]:
        """What a position could be closed at when the data ended: a long one at the best bid, a
        short one at the best ask of the market's book; none where that is not known."""
        found = {}
        for name, book in self.books.items():
            number = self.spec.listings[name].number
            bid, ask = book.best_bid, book.best_ask
            if book.valid and bid is not None and ask is not None and bid[0] < ask[0]:
                found[number, 1], found[number, -1] = bid[0], ask[0]
        return found

    def outcome(self, test: Backtest, seconds: float) -> dict[str, Any]:
        """The answer: the keys are a contract."""
        session = report.session(self.directory, [], HEDGE_DEADLINE_NS)
        db = open_reader(self.directory)
        try:
            money = profit(self.directory, db, marks=self.marks(), prices=self.fee_prices)
        finally:
            db.close()
        span = test.tape.span or (0, 0)
        return {
            "records": sum(o.position for o in self.outboxes.values()),
            "identical": None,
            "first_difference": None,
            "events_per_s": round(test.events / seconds) if seconds else 0,
            "events": test.events,
            "orders": session["orders"],
            "fills": session["fills"],
            "rejected": session["rejected"],
            "refused": session["refused"],
            "pnl": money["pnl"],
            "fees": money["fees"],
            "fees_unconverted": money["fees_unconverted"],
            "unhedged": session["unhedged"],
            "restarts": len(self.restarts),
            "positions": [
                {k: row[k] for k in ("venue", "listing", "position", "mark", "realised", "fees")}
                for row in money["listings"]
            ],
            "market_seconds": (span[1] - span[0]) / S,
            "seconds": round(seconds, 6),
        }

    def close(self) -> None:
        """Close the journal."""
        self.journal.close()


def new_state(path: Path) -> Path:
    """A directory without a journal; StateTaken."""
    if any((path / name).exists() for name in (FILE, JOURNAL_FILE)):
        raise StateTaken(state=path)
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StateTaken(state=path, detail=error.strerror or str(error)) from None
    return path


def backtest_file(
    files: Path | Sequence[str],
    config_path: Path,
    *,
    seed: int | None = None,
    keep: Keep | None = None,
    state: Path | None = None,
) -> dict[str, Any]:
    """Back-test the application of `config_path` on market data: one file, or the arguments of
    engine/capture_map.py. The journal is made in `state`, and kept, or in a directory that goes."""
    configuration = reduced(config.read(config_path))
    beside = configuration.path.parent.absolute()
    with TemporaryDirectory(prefix="tiercel-backtest-", dir=find_place()[0]) as folder:
        chosen = configuration.application.seed if seed is None else seed
        memory = Path(folder) / "memory"
        memory.mkdir(mode=0o700)
        session = Session(configuration, new_state(state or Path(folder)), memory, chosen)
        try:
            wanted = session.wanted()
            names = [w.name for w in wanted]
            if isinstance(files, Path):
                whose = {name: [files] for name in names}
            else:
                whose = assigned(files, names)
            found = session.run(read_tape(whose, wanted, beside), wanted, keep)
            shown = {name: [str(p) for p in paths] for name, paths in whose.items()}
            return found | {"market_data": shown}
        finally:
            session.close()
