"""What a dead run left in shared memory: drained before anything new is made.

Order: lock, drain, remove, new epochs, start. The journal's code takes what its cursor had not
reached, whatever build wrote it; the last position of every source is read off for the next run.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from engine import wiring
from engine.lane_spec import JOURNAL
from engine.memory import Memory, in_words
from hotpath import ring

BATCH = 512


class Drained(msgspec.Struct, frozen=True):
    """Records the journal had not taken before, and by source how far it has come in all."""

    records: int
    cursors: dict[int, int]


Drain = Callable[[Path, int, Memory], Drained]
"""(state directory, instance, memory) -> Drained; done before any file is removed."""


class Leftovers(msgspec.Struct):
    """What was found: outboxes, records drained, and by source number the last position known.

    `kept` are the sources whose outbox was there.
    """

    outboxes: int
    drained: int
    positions: dict[int, int]
    kept: frozenset[int]


def take(memory: Memory, state: Path, instance: int, drain: Drain | None) -> Leftovers:
    """Drain and remove everything a dead run left. Nothing is removed if draining raises."""
    outboxes = memory.names(".outbox")
    positions: dict[int, int] = {}
    for name in [*outboxes, *memory.names(".inputs")]:
        fd = memory.open(name)
        try:
            source, last = in_words(memory.file(name), lambda fd=fd: _last(fd))  # type: ignore[misc]
        finally:
            os.close(fd)
        positions[source] = last
    kept = frozenset(positions)
    drained = 0
    if drain is not None:
        done = drain(state, instance, memory)
        drained = done.records
        for source, position in done.cursors.items():
            positions[source] = max(position, positions.get(source, 0))
    for name in memory.names():
        memory.remove(name)
    return Leftovers(len(outboxes), drained, positions, kept)


def into_journal(state: Path, instance: int, memory: Memory) -> Drained:
    """Give the journal every record its cursors had not reached, in order of the sources."""
    journal = wiring.actor_class("engine/journal", state).open(state, instance)
    readers = []
    try:
        for name in memory.names(".outbox"):
            fd = memory.open(name)
            try:
                path = memory.file(name)
                readers.append(in_words(path, lambda fd=fd: _drain_one(fd, journal)))  # type: ignore[misc]
            finally:
                os.close(fd)
        count = journal.commit()
        for reader in readers:
            if reader is not None:
                reader.store()
        return Drained(count, dict(journal.store.cursors))
    finally:
        journal.close()


def _drain_one(fd: int, journal: Any) -> ring.Reader | None:
    """Take all of an outbox; its reader, whose cursor moves when the journal has committed."""
    if JOURNAL not in ring.inspect(fd)["readers"]:
        return None
    reader = ring.Reader.attach(fd, JOURNAL, build_hash=None)
    while records := reader.take(BATCH):
        journal.take_batch(reader.source, records)
    return reader


def _last(fd: int) -> tuple[int, int]:
    """(source, position of the last whole record), whatever build wrote the file."""
    about = ring.inspect(fd)
    last = int(about["first_position"]) - 1
    reader = ring.Reader.attach(fd, "last", True, build_hash=None)
    while records := reader.read(256):
        last = records[-1][0].position
    return int(about["source"]), last


def last_position(fd: int) -> int:
    """Position of the last whole record of an outbox, one below its first where there is none."""
    return _last(fd)[1]
