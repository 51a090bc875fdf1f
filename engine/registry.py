"""Numbers that name things, for ever: an append-only file in the state directory.

Each line of DIR/registry.jsonl is one JSON object `{"kind", "name", "number"}`; the first also
carries `instance`, the random 40-bit number of the state directory. A line is on disk before its
number is used, so no number ever means two things, in any later run. A last line that a crash left
unfinished was never used, and is cut off.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import ClassVar, Literal

import msgspec

from engine.errors import TiercelError
from engine.whole import append_whole, sync_folder

Kind = Literal["source", "instrument", "asset", "account", "kind"]
LARGEST: dict[str, int] = {
    "source": 0xFFFF,
    "instrument": 0xFFFFFFFF,
    "asset": 0xFFFFFFFF,
    "account": 0xFFFFFFFF,
    "kind": 0xFFFF,
}
INSTANCE_BITS = 40
FILE = "registry.jsonl"


class RegistryDamaged(TiercelError):
    """A line inside the registry cannot be read, or contradicts another."""

    code: ClassVar[str] = "TCL-3010"
    what = "{path}:{line} is damaged"
    why = "{detail}"
    do = "Restore the file from a copy; with wrong numbers records would name the wrong things"


class RegistryFull(TiercelError):
    """No number is left."""

    code: ClassVar[str] = "TCL-3011"
    what = "No number is left for the {kind} {name}"
    why = "Numbers are never used twice, and all up to {limit} are given out"
    do = "Begin a new state directory"


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line."""

    kind: str
    name: str
    number: int
    instance: int | None = None


class Registry:
    """The numbers of one state directory. One process holds it (the root, under the lock)."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / FILE
        self.instance = 0
        self._numbers: dict[tuple[str, str], int] = {}
        self._next: dict[str, int] = {}
        self._descriptor = os.open(
            self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
        try:
            self._load()
        except BaseException:
            self.close()
            raise

    def _load(self) -> None:
        with open(self._descriptor, "rb", closefd=False) as f:
            content = f.read()
        whole, newline, rest = content.rpartition(b"\n")
        if rest:
            os.ftruncate(self._descriptor, len(whole) + len(newline))
            os.fsync(self._descriptor)
        for at, line in enumerate(whole.split(b"\n") if newline else [], 1):
            self._take(at, line)
        if not self.instance:
            if self._numbers:
                raise RegistryDamaged(path=self.path, line=1, detail="It names no instance")
            self.instance = secrets.randbelow((1 << INSTANCE_BITS) - 1) + 1
            # source 1 is the root's, always
            self._append(Entry("source", "root", 1, self.instance))

    def _take(self, at: int, line: bytes) -> None:
        def damaged(detail: str) -> RegistryDamaged:
            return RegistryDamaged(path=self.path, line=at, detail=detail)

        try:
            entry = msgspec.json.decode(line, type=Entry)
        except msgspec.MsgspecError:
            raise damaged("It is not a line of a registry") from None
        if entry.instance is not None:
            if self.instance:
                raise damaged("It names a second instance")
            self.instance = entry.instance
        if entry.number != self._next.get(entry.kind, 1):
            raise damaged(f"The {entry.kind} number {entry.number} is out of its order")
        if (entry.kind, entry.name) in self._numbers:
            raise damaged(f"The {entry.kind} {entry.name} stands here a second time")
        self._remember(entry)

    def _remember(self, entry: Entry) -> None:
        self._numbers[entry.kind, entry.name] = entry.number
        self._next[entry.kind] = entry.number + 1

    def _append(self, entry: Entry) -> None:
        line = msgspec.json.encode(entry) + b"\n"
        append_whole(self._descriptor, line)
        os.fsync(self._descriptor)
        if entry.number == 1:
            sync_folder(self.path.parent)
        self._remember(entry)

    def number(self, kind: Kind, name: str) -> int:
        """The number of a thing; given out, and on disk, when it has none yet."""
        known = self._numbers.get((kind, name))
        if known is not None:
            return known
        number = self._next.get(kind, 1)
        if number > LARGEST[kind]:
            raise RegistryFull(kind=kind, name=name, limit=LARGEST[kind])
        self._append(Entry(kind, name, number))
        return number

    def names(self, kind: Kind) -> dict[str, int]:
        """Every name of a kind, in the order of the numbers."""
        return {name: n for (k, name), n in self._numbers.items() if k == kind}

    def close(self) -> None:
        os.close(self._descriptor)


def read(directory: Path) -> tuple[int, dict[str, dict[str, int]]]:
    """(instance, kind -> name -> number) without opening it for writing, for tools."""
    instance = 0
    found: dict[str, dict[str, int]] = {}
    for line in (directory / FILE).read_bytes().split(b"\n")[:-1]:
        entry = msgspec.json.decode(line, type=Entry)
        instance = instance or entry.instance or 0
        found.setdefault(entry.kind, {})[entry.name] = entry.number
    return instance, found
