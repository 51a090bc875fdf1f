"""What a recording says happened when: was an order sent on a book that was not valid, or before
the venue had been compared with after a connection ended?

It is read from what the lane took in (links, the venue's answers) and wrote (states of books,
intents, approvals), not from the engine's own idea of being ready.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.recording import Reading
from hotpath.records import Kind, LinkEvent, Op, split, unpack

REPLY = re.compile(rb'^\{"id":"([^"]*)","status":200')
COMPARED = frozenset("otb")
"""Open orders, trades, balances: the first letters of the answers that a comparison needs (8.1)."""


@dataclass
class Sent:
    """One approved placement, and the book that its intent was priced from."""

    time: int
    venue: str
    book: tuple[int, int]
    epoch: int


@dataclass
class Recorded:
    """Everything in the order of the lane's time."""

    books: list[tuple[int, tuple[int, int], int, int]] = field(default_factory=list)
    """(time, (feed, instrument), reason, epoch)"""
    links: list[tuple[int, str, int]] = field(default_factory=list)
    """(time, venue, event)"""
    answers: list[tuple[int, str, str]] = field(default_factory=list)
    """(time, venue, first letter of a reply's id)"""
    sent: list[Sent] = field(default_factory=list)

    def blind(self) -> list[str]:
        """Orders that were priced from a book that was in doubt, or from one of another epoch."""
        found, state = [], dict[tuple[int, int], tuple[int, int]]()
        for time, _, what in ordered(self.books, self.sent):
            if isinstance(what, Sent):
                reason, epoch = state.get(what.book, (-1, -1))
                if reason != 0 or epoch != what.epoch:
                    found.append(f"{what.venue} at {time}: book {reason} of epoch {epoch}, {what}")
            else:
                _, book, reason, epoch = what
                state[book] = (reason, epoch)
        return found

    def uncompared(self) -> list[str]:
        """Orders that left before the venue had been compared with on its newest connection."""
        found = []
        missing: dict[str, set[str]] = {}
        for time, _, what in ordered(self.links, self.answers, self.sent):
            if isinstance(what, Sent):
                if lacking := missing.get(what.venue, set(COMPARED)):
                    found.append(f"{what.venue} at {time}: not compared: {sorted(lacking)}")
            elif isinstance(what[2], str):
                missing.setdefault(what[1], set(COMPARED)).discard(what[2])
            else:
                missing[what[1]] = set(COMPARED)
        return found


def ordered(*lists: Iterable[Any]) -> list[tuple[int, int, Any]]:
    """All by time; within one turn causes (earlier lists) before effects."""
    found = [
        (x.time if isinstance(x, Sent) else x[0], k, x) for k, xs in enumerate(lists) for x in xs
    ]
    return sorted(found, key=lambda x: x[:2])


def read(path: Path) -> Recorded:
    """What is told by one recording."""
    reading = Reading(path)
    names = {number: name for name, number in reading.header["sources"].items()}
    venues = {n: name for n, name in names.items() if name.startswith("venue_")}
    told, intents = Recorded(), dict[int, tuple[tuple[int, int], int]]()
    approved: list[tuple[int, int, int]] = []
    try:
        for raw in reading.records():
            header, payload = split(raw)
            kind, time = header.kind, header.time
            if kind in (Kind.TOP, Kind.BOOK_STATE):
                book: Any = unpack(kind, payload)
                told.books.append(
                    (time, (header.source, header.instrument), book.reason, book.epoch)
                )
            elif kind == Kind.INTENT:
                intent: Any = unpack(kind, payload)
                key = header.source << 48 | header.position
                intents[key] = ((intent.feed, header.instrument), intent.feed_epoch)
            elif kind == Kind.APPROVED and header.source in venues:
                one: Any = unpack(kind, payload)
                if one.op in (Op.PLACE, Op.REPLACE):
                    approved.append((time, header.source, header.cause))
            elif kind == Kind.INPUT_LINK:
                link: Any = unpack(kind, payload)
                if link.actor in venues and link.event in (LinkEvent.OPEN, LinkEvent.CLOSED):
                    told.links.append((time, venues[link.actor], int(link.event)))
            elif kind == Kind.INPUT_FRAME:
                frame: Any = unpack(kind, payload)
                if frame.actor in venues and (m := REPLY.match(frame.data)):
                    told.answers.append((time, venues[frame.actor], m[1][:1].decode()))
    finally:
        reading.close()
    for time, source, cause in approved:
        book_of, epoch = intents[cause]
        told.sent.append(Sent(time, venues[source], book_of, epoch))
    return told
