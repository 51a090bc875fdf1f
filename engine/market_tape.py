"""Market data of a file as a tape: a recording's inputs, or the frames of a raw capture.

A recording says which feed took which frame, so its listings are met by name; its snapshots are the
records that the feeds' `rest` actors gave them. A capture names only symbols: engine/capture_map.py
says whose it is, and where nobody said, its frames are those of every listing with that symbol.
Prices and quantities are read anew in the configuration's ticks and lots; a recorded snapshot has
those of the recording, which must be the same.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from engine import wiring
from engine.capture import CaptureDamaged, batches
from engine.capture_map import CapturesUnclear
from engine.errors import TiercelError
from engine.plugin import Plugin
from engine.recording import MAGIC, Reading
from hotpath.instrument import Instrument
from hotpath.records import HEADER_BYTES, Kind, LinkEvent, RecordError, split, unpack
from hotpath.tape import Tape

FRAME = struct.Struct("<HHIIIq")
RECORD_BYTES = 8  # of an INPUT_RECORD before the record itself
RECONNECT = 5  # enum tc_doubt
RESPONSE = 256


class NotMarketData(TiercelError):
    """The file is neither a recording nor a capture."""

    code: ClassVar[str] = "TCL-7010"
    what = "{path} holds no market data that could be played"
    why = "It is neither a recording nor a raw capture: {detail}"
    do = "Give a .tcr of `tiercel run --record`, or a capture in a format of docs/replay.md"


class NothingPlayed(TiercelError):
    """A recording or a capture in which no book and no trade is told."""

    code: ClassVar[str] = "TCL-7020"
    what = "{path} has nothing that could be played"
    why = "No frame of the configuration's listings tells a book or a trade there"
    do = "Give a recording or capture that was made while market data came"


class ListingNotRecorded(TiercelError):
    """The configuration trades what the file does not have."""

    code: ClassVar[str] = "TCL-7011"
    what = "{path} has no market data of {listing}"
    why = "It has {known}"
    do = "Name venue and instrument in the configuration as they are named there"


class UnitsDiffer(TiercelError):
    """A recorded snapshot is in other ticks or lots than the configuration's."""

    code: ClassVar[str] = "TCL-7012"
    what = "{listing} was recorded in other units"
    why = "Tick and lot were {theirs} there and are {ours} in the configuration"
    do = "Give the listing the tick and lot of the recording"


class FeedNotPlayable(TiercelError):
    """A feed whose folder does not say how its frames become a tape."""

    code: ClassVar[str] = "TCL-7013"
    what = "The market data of {kind} cannot be played"
    why = "That feed declares no `tape`"
    do = "Use a feed that does (docs/adding-a-feed.md)"


class Wanted(msgspec.Struct, frozen=True):
    """A listing to be played: its number on the tape, and the feed kind that reads its frames."""

    name: str
    number: int
    instrument: Instrument
    kind: str


def maker_of(kind: str, beside: Path) -> Callable[[Tape, list[tuple[Instrument, int]]], Any]:
    """The class that turns a feed's frames into events."""
    found = wiring.resolve(kind, beside, "the configuration")
    if not isinstance(found, Plugin) or found.tape is None:
        raise FeedNotPlayable(kind=kind)
    maker: Callable[[Tape, list[tuple[Instrument, int]]], Any] = wiring.load_member(found.tape)
    return maker


def is_recording(path: Path) -> bool:
    """A .tcr, by its first bytes; NotMarketData when it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError as error:
        raise NotMarketData(path=path, detail=error.strerror or str(error)) from None


def read_tape(files: Mapping[str, list[Path]], wanted: list[Wanted], beside: Path) -> Tape:
    """The market data of every listing as one tape, in the order of time.

    `files` by listing: one recording for all of them, or captures, read one after the other.
    """
    each = list(dict.fromkeys(tuple(files[w.name]) for w in wanted))
    for paths in each:
        for path in paths:
            if is_recording(path) and (len(each) > 1 or len(paths) > 1):
                detail = f"{path} is a recording, which names its listings itself: give it alone"
                raise CapturesUnclear(listing=wanted[0].name, detail=detail)
    if is_recording(each[0][0]):
        whole = Recorded(each[0][0], wanted, beside).read()
    else:
        tapes = []
        for paths in each:
            tapes += captured(paths, [w for w in wanted if tuple(files[w.name]) == paths], beside)
        whole = Tape.merged(tapes)
    if whole.span is None:
        raise NothingPlayed(path=each[0][0])
    return whole


# ---- captures


def captured(paths: Sequence[Path], wanted: list[Wanted], beside: Path) -> list[Tape]:
    """Raw captures, one after the other; a listing is shown the frames of its symbol."""
    tapes: list[Tape] = []
    readers: list[tuple[Any, dict[str, int]]] = []
    rounds: dict[str, int] = {}
    # one reader reads a symbol once: a second listing of the same symbol needs another reader
    groups: dict[tuple[str, int], list[Wanted]] = {}
    for one in wanted:
        symbol = one.instrument.symbol
        turn = rounds.setdefault(f"{one.kind} {symbol}", -1) + 1
        rounds[f"{one.kind} {symbol}"] = turn
        groups.setdefault((one.kind, turn), []).append(one)
    for (kind, _), listings in groups.items():
        tape = Tape()
        pairs = [(w.instrument, w.number) for w in listings]
        tapes.append(tape)
        places = {w.instrument.symbol: i for i, w in enumerate(listings)}
        readers.append((maker_of(kind, beside)(tape, pairs), places))
    last = 0
    for path in paths:
        begins = True
        try:
            for batch in batches(path):
                if begins and batch and batch[0].time_ns < last:
                    detail = f"{path} begins before the capture in front of it ends"
                    raise CapturesUnclear(listing=wanted[0].name, detail=detail)
                begins = begins and not batch
                last = max(last, batch[-1].time_ns) if batch else last
                for reader, places in readers:
                    play_frames(reader, places, batch)
        except CaptureDamaged as damaged:
            raise NotMarketData(path=path, detail=str(damaged.values["detail"])) from None
    names = ", ".join(str(p) for p in paths)
    for (reader, _), listings in zip(readers, groups.values(), strict=True):
        for one, epochs, heard in zip(listings, reader.epochs, reader.heard, strict=True):
            if not epochs or not heard:
                lack = "no snapshot that they join to" if heard else "a snapshot of another symbol"
                known = f"{heard} frames that name {one.instrument.symbol}, and {lack}"
                raise ListingNotRecorded(path=names, listing=one.name, known=known)
    return tapes


def play_frames(reader: Any, places: dict[str, int], batch: list[Any]) -> None:
    """Frames of a capture, each a read of its own; a snapshot belongs to the symbol asked for."""
    only = 0 if len(places) == 1 else -1
    for frame in batch:
        if frame.kind == "recv":
            reader.frame(frame.time_ns, frame.data, True, only)
        elif frame.symbol in places:
            reader.frame(frame.time_ns, frame.data, True, places[frame.symbol])


# ---- recordings


class Recorded:
    """The inputs of the feeds of a recording, lane by lane."""

    def __init__(self, path: Path, wanted: list[Wanted], beside: Path) -> None:
        self.path, self.beside = path, beside
        self.wanted = {w.name: w for w in wanted}
        self.tapes: dict[str, Tape] = {}  # by lane
        self.feeds: dict[int, Feed] = {}  # by source
        self.seen: set[str] = set()

    def read(self) -> Tape:
        reading = Reading(self.path)
        try:
            reading.check_layout()
            for record in reading.records():
                kind = record[4] | record[5] << 8
                if kind == Kind.INPUT_FRAME:
                    self.frame(record)
                elif kind == Kind.INPUT_RECORD:
                    self.record(record)
                elif kind == Kind.INPUT_LINK:
                    self.link(record)
                elif kind == Kind.DOCUMENT:
                    self.document(record)
        except RecordError as error:
            raise reading.damaged(str(error)) from None
        finally:
            reading.close()
        missing = next((n for n in self.wanted if n not in self.seen), None)
        if missing is not None:
            known = ", ".join(sorted(self.seen)) or "none of the configuration's listings"
            raise ListingNotRecorded(path=self.path, listing=missing, known=known)
        return Tape.merged(list(self.tapes.values()))

    def document(self, record: bytes) -> None:
        """The start of a lane: its feeds, from here on, and what they show."""
        header, payload = split(record)
        document = unpack(header.kind, payload).document
        if not isinstance(document, dict) or "start" not in document:
            return
        start = document["start"]
        tape = self.tapes.setdefault(start["lane"], Tape())
        for actor in start["actors"]:
            names = [n for n in actor["instruments"] if n in self.wanted]
            if actor["role"] != "feed" or not names:
                continue
            self.seen.update(names)
            for name in names:
                self.check_units(name, start["listings"][name]["settings"])
            old = self.feeds.get(actor["source"])
            if old is not None:  # another life of the same lane
                old.restart(header.time)
                continue
            listings = [self.wanted[n] for n in names]
            pairs = [(w.instrument, w.number) for w in listings]
            reader = maker_of(actor["kind"], self.beside)(tape, pairs)
            numbers = {start["listings"][n]["number"]: i for i, n in enumerate(names)}
            self.feeds[actor["source"]] = Feed(reader, numbers)

    def check_units(self, name: str, settings: dict[str, Any]) -> None:
        mine = self.wanted[name].instrument
        theirs = Instrument(mine.symbol, settings["tick"], settings["lot"])
        if (theirs.tick, theirs.lot) != (mine.tick, mine.lot):
            raise UnitsDiffer(
                listing=name,
                theirs=f"{theirs.tick} and {theirs.lot}",
                ours=f"{mine.tick} and {mine.lot}",
            )

    def frame(self, record: bytes) -> None:
        source, channel, opcode, last, _, _ = FRAME.unpack_from(record, HEADER_BYTES)
        feed = self.feeds.get(source)
        if feed is not None and opcode != RESPONSE:
            time = int.from_bytes(record[16:24], "little")
            data = record[HEADER_BYTES + FRAME.size :]
            feed.reader.frame(time, data, bool(last), -1, feed.is_spare(channel))

    def record(self, record: bytes) -> None:
        feed = self.feeds.get(int.from_bytes(record[HEADER_BYTES : HEADER_BYTES + 2], "little"))
        if feed is None:
            return
        header, payload = split(record[HEADER_BYTES + RECORD_BYTES :])
        at = feed.numbers.get(header.instrument)
        if header.kind != Kind.SNAPSHOT or at is None:
            return
        s = unpack(header.kind, payload)
        time = int.from_bytes(record[16:24], "little")
        bids, asks = [tuple(x) for x in s.bids], [tuple(x) for x in s.asks]
        feed.reader.snapshot(time, at, bids, asks, s.last_id, s.venue_time)

    def link(self, record: bytes) -> None:
        header, payload = split(record)
        link = unpack(header.kind, payload)
        feed = self.feeds.get(link.actor)
        if feed is None:
            return
        if link.event == LinkEvent.OPEN:
            feed.open = [c for c in feed.open if c != link.channel] + [link.channel]
        elif link.event == LinkEvent.CLOSED:
            was_first = feed.open[:1] == [link.channel]
            feed.open = [c for c in feed.open if c != link.channel]
            if feed.open:
                feed.reader.takeover(header.time, was_first)
            else:
                feed.restart(header.time)


class Feed:
    """One feed of a recording: who reads its frames, its instruments, its open connections."""

    def __init__(self, reader: Any, numbers: dict[int, int]) -> None:
        self.reader, self.numbers = reader, numbers
        self.open: list[int] = []  # the oldest first

    def is_spare(self, channel: int) -> bool:
        """Of a connection that is to take over from one that still lives."""
        return len(self.open) > 1 and channel != self.open[0]

    def restart(self, time: int) -> None:
        """Its connection is gone: every book is in doubt."""
        self.open.clear()
        self.reader.restart(time, RECONNECT)
