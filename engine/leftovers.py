"""What a dead run left in shared memory: drained before anything new is made.

Order: lock, drain, remove, new epochs, start. The journal's code takes what its cursor had not
reached, whatever build wrote it; the last position of every source is read off for the next run.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from engine.memory import Memory, in_words
from hotpath import ring

Drain = Callable[[Path, Memory], int]
"""(state directory, memory) -> records the journal took; done before the files are removed."""


class Leftovers(msgspec.Struct):
    """What was found: records drained, and by source number the last position written."""

    outboxes: int = 0
    drained: int = 0
    positions: dict[int, int] = {}


def take(memory: Memory, state: Path, drain: Drain | None) -> Leftovers:
    """Drain and remove everything a dead run left. Nothing is removed if draining raises."""
    found = Leftovers(positions={})
    names = [*memory.names(".outbox"), *memory.names(".inputs")]
    for name in names:
        fd = memory.open(name)
        try:
            source, last = in_words(memory.file(name), lambda fd=fd: _last(fd))  # type: ignore[misc]
        finally:
            os.close(fd)
        found.positions[source] = last
    found.outboxes = len(memory.names(".outbox"))
    if found.outboxes and drain is not None:
        found.drained = drain(state, memory)
    for name in memory.names():
        memory.remove(name)
    return found


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


def journal_drain() -> Drain | None:
    """The journal's own drain, None in a build without a journal."""
    from importlib import import_module
    from importlib.util import find_spec

    if find_spec("engine.journal") is None:
        return None
    found: Drain = import_module("engine.journal").drain
    return found
