"""The journal's sink for a trio lane: takes records of gating readers, commits them in batches.

`take_batch` collects; `commit` writes events, cursors and views in one transaction. Only after it
returned may the readers' cursors move. What fails there ends the process: a handle whose commit
failed is never used again, and the engine is cancel-only until the next one is ready.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from engine.journal.conditions import JournalWriteFailed
from engine.journal.store import Event, Store
from engine.journal.views import Views
from hotpath.records import Document, Header, Kind, join, pack

if TYPE_CHECKING:
    from engine.setup import Setup


ORDER = struct.Struct("<6xHQ8xQ")
"""Source, position and cause in a record's header."""
MAX_POSITION = (1 << 48) - 1


class Journal:
    """Everything that happened, once. Also usable without a lane: `Journal.open(state)`."""

    def __init__(self, setup: Setup) -> None:
        self._begin(Path(setup.lane.state), setup.lane.instance, setup.actor.source)
        for listing in setup.lane.listings.values():
            document = listing_document(listing.name, listing.venue, listing.symbol, listing)
            self.declare(listing.number, document)
        self.commit()

    @classmethod
    def open(cls, state: Path, instance: int = 0, source: int = 0) -> Journal:
        """The writer of a state directory, without a lane: drain at start, tests."""
        journal = cls.__new__(cls)
        journal._begin(state, instance, source)
        return journal

    def _begin(self, state: Path, instance: int, source: int) -> None:
        self.store = Store(state, instance)
        self.views = Views(self.store.db, self.store.instance, self.store.db)
        self.source = source
        self.waiting: list[bytes] = []
        self.batch: list[Event] = []
        self.events = 0
        self.twice = 0

    def take_batch(self, source: int, records: list[bytes]) -> None:
        """Take records of one outbox; what was taken before is not taken again."""
        self.waiting += records

    def take(self, records: Iterable[bytes]) -> int:
        """Collect records of any outboxes; how many were new."""
        new = 0
        for raw in records:
            event = self.store.append(raw)
            if event is None:
                self.twice += 1
            else:
                self.batch.append(event)
                new += 1
        return new

    def commit(self) -> int:
        """Make what was taken safe; how many events. JournalWriteFailed is fatal."""
        if self.waiting:
            self.take(in_causal_order(self.waiting))
            self.waiting.clear()
        if not self.batch:
            return 0
        self.store.begin()
        with self.store._fatal():
            for event in self.batch:
                self.views.apply(event)
            self.views.flush()
        self.store.commit()
        done = len(self.batch)
        self.events += done
        self.batch.clear()
        return done

    def declare(self, instrument: int, document: dict[str, Any]) -> bool:
        """Say once, as an event of the journal's own, what an instrument's numbers mean."""
        text = msgspec.json.encode(document, order="sorted").decode()
        known = self.views.tables["listings"].get(instrument)
        if not self.source or (known is not None and known["document"] == text):
            return False
        self.write_own(instrument, {"journal": "listing", "listing": document})
        return True

    def write_own(self, instrument: int, document: dict[str, Any]) -> None:
        """Add an event of the journal's own source to the batch, as of the newest event."""
        position = self.store.cursors.get(self.source, 0) + 1
        header = Header(
            0, Kind.DOCUMENT, self.source, position, self.store.last_time, 0, instrument, 0
        )
        self.take([join(header, pack(Document(document=document)))])

    def give_up(self) -> None:
        """The journal is never retired; were it, nothing it took would be safe."""
        raise JournalWriteFailed(path=self.store.path, detail="Its outboxes do not wait for it")

    def health(self) -> str:
        """ "ok", "alarm" or "cancel_only", by the room left on the journal's disk."""
        return self.store.space()

    def close(self) -> None:
        self.store.close()


def in_causal_order(records: list[bytes]) -> list[bytes]:
    """Records of several outboxes so that none stands before its cause, or before its own source's.

    Whoever reads an effect can read its cause too: it was written earlier. So a batch that takes
    all there is of every outbox holds both or neither, and only their order must be mended.
    """
    queues: dict[int, deque[tuple[int, int, bytes]]] = {}
    for raw in records:
        source, position, cause = ORDER.unpack_from(raw)
        queues.setdefault(source, deque()).append((position, cause, raw))
    done: list[bytes] = []
    for source in queues:
        want = [(source, MAX_POSITION)]
        while want:
            of, upto = want[-1]
            queue = queues.get(of)
            if not queue or queue[0][0] > upto:
                want.pop()
                continue
            position, cause, raw = queue[0]
            by, at = cause >> 48, cause & MAX_POSITION
            behind = queues.get(by)
            if by != of and behind and behind[0][0] <= at:
                want.append((by, at))
                continue
            queue.popleft()
            done.append(raw)
    return done


def listing_document(name: str, venue: str, symbol: str, listing: Any) -> dict[str, Any]:
    """What the views need of an instrument to show its numbers."""
    s = listing.settings
    return {
        "name": name,
        "venue": venue,
        "symbol": symbol,
        "tick": s.tick,
        "lot": s.lot,
        "min_quantity": s.min_quantity,
        "min_notional": s.min_notional,
        "base": s.base,
        "quote": s.quote,
        "base_asset": listing.base_asset,
        "quote_asset": listing.quote_asset,
    }
