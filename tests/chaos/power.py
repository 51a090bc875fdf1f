"""Loss of power, as images of a recorded disk.

A VFS notes every write, sync, truncation and deletion that SQLite asks for while the real journal
takes a session's records; in between stands what the journal acknowledged. An image is what a disk
may hold when power goes at any of these points: all that was synced, and of what was not, any part
in any order, torn at sectors or pages. The real journal opens each image.
"""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import apsw
import msgspec

from engine.errors import TiercelError
from engine.journal import store as st
from engine.journal.actor import Journal
from engine.journal.check import check
from tests.chaos.table import Row
from tests.engine.journal.session import INSTANCE, Session

BASE, NAME = "unix", "recorded"
SECTOR, PAGE = 512, 4096
FIRST = 120
DIRECTORY_FOLLOWS = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_WAL
Entry = tuple[Any, ...]


class RecordedFile(apsw.VFSFile):
    """A file whose changes are noted before they are made."""

    def __init__(self, disk: RecordedDisk, name: Any, flags: list[int]) -> None:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self.disk, self.file = disk, Path(path).name if path else ""
        super().__init__(BASE, name, flags)
        self.is_new_entry = bool(flags[0] & DIRECTORY_FOLLOWS)

    def xWrite(self, data: bytes, offset: int) -> None:
        self.disk.log.append(("write", self.file, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, size: int) -> None:
        self.disk.log.append(("truncate", self.file, size))
        super().xTruncate(size)

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        self.disk.log.append(("sync", self.file))
        if self.is_new_entry:  # SQLite's own VFS syncs the directory after the first one
            self.is_new_entry = False
            self.disk.log.append(("directory",))


class RecordedDisk(apsw.VFS):
    """The default VFS while it stands; its log is the disk's history."""

    def __init__(self) -> None:
        self.log: list[Entry] = []
        super().__init__(NAME, BASE, makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> RecordedFile:
        return RecordedFile(self, name, flags)

    def xDelete(self, path: str, sync_directory: bool) -> None:
        super().xDelete(path, sync_directory)
        self.log.append(("delete", Path(path).name))
        if sync_directory:
            self.log.append(("directory",))


class Recorded(msgspec.Struct):
    """A session's records, the disk's history while the journal took them, and the store's set."""

    records: list[bytes]
    log: list[Entry]
    number: int


def record(where: Path, seed: int, orders: int, *, synchronous: str = "FULL") -> Recorded:
    """Let the journal take a session, with two restarts, and note what it did to the disk."""
    where.mkdir()
    draw = Random(f"batches/{seed}")
    records = Session(seed).run(orders).records
    disk = RecordedDisk()
    try:
        at = 0
        for end in (len(records) // 3, len(records) * 2 // 3, len(records)):
            journal = Journal.open(where, INSTANCE)
            if synchronous != "FULL":  # what the store asks for by itself
                journal.store.db.execute(f"PRAGMA synchronous={synchronous}")
            while at < end:
                until = min(end, at + draw.randrange(1, 5))
                journal.take(records[at:until])
                journal.commit()
                at = until
                disk.log.append(("acknowledged", at))
            journal.close()
    finally:
        disk.unregister()
    number = msgspec.json.decode((where / st.SET).read_bytes())["set"]
    return Recorded(records, disk.log, number)


class Content:
    """One file: what is safe on the disk, and the changes that are not yet."""

    def __init__(self) -> None:
        self.safe = bytearray()
        self.pending: list[Entry] = []

    def settle(self) -> None:
        for change in self.pending:
            change_bytes(self.safe, change)
        self.pending.clear()


def change_bytes(content: bytearray, change: Entry) -> None:
    if change[0] == "truncate":
        del content[change[2] :]
        return
    _, _, offset, data = change
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


def torn(change: Entry, draw: Random) -> list[Entry]:
    """A write of which only some sectors or pages arrived."""
    if change[0] != "write" or draw.random() < 0.5:
        return [change]
    _, file, offset, data = change
    unit = draw.choice((SECTOR, PAGE))
    edges = [0, *range(unit - offset % unit, len(data), unit), len(data)]
    return [
        ("write", file, offset + a, data[a:b])
        for a, b in pairwise(edges)
        if b > a and draw.random() < 0.5
    ]


def disk_after(log: list[Entry], cut: int, draw: Random) -> tuple[dict[str, bytes], int]:
    """What the files may hold when power goes before entry `cut`, and how much was acknowledged."""
    files: dict[str, Content] = {}
    removed: dict[str, Content] = {}
    acknowledged = 0
    for entry in log[:cut]:
        what = entry[0]
        if what in ("write", "truncate"):
            files.setdefault(entry[1], Content()).pending.append(entry)
        elif what == "sync":
            if entry[1] in files:
                files[entry[1]].settle()
        elif what == "delete":
            if entry[1] in files:
                removed[entry[1]] = files.pop(entry[1])
        elif what == "directory":
            removed.clear()
        else:
            acknowledged = entry[1]
    for name, content in removed.items():
        if name not in files and draw.random() < 0.5:
            files[name] = content
    for content in files.values():
        kept = draw.choice((0.0, 0.3, 0.7, 1.0))
        late = [c for c in content.pending if draw.random() < kept]
        if draw.random() < 0.5:
            draw.shuffle(late)
        for change in late:
            for part in torn(change, draw):
                change_bytes(content.safe, part)
    return {n: bytes(c.safe) for n, c in files.items()}, acknowledged


def write_image(where: Path, files: dict[str, bytes], number: int) -> None:
    """The state directory as the host finds it when power is back."""
    where.mkdir()
    (where / st.FILE).touch(0o600)  # the journal made it before SQLite's first word
    for name, content in files.items():
        (where / name).write_bytes(content)
    info = (where / st.FILE).stat()
    named = {"set": number, "inode": info.st_ino, "device": info.st_dev}
    if int.from_bytes(files.get(st.FILE, b"")[60:64], "big") == number:
        (where / st.SET).write_bytes(msgspec.json.encode(named))


def examine(where: Path, records: list[bytes], acknowledged: int, *, go_on: bool) -> str | None:
    """What is wrong with the image as the real journal opens it; None when nothing is."""
    try:
        journal = Journal.open(where, INSTANCE)
    except TiercelError as refused:
        return f"refused: {refused.code} {refused}"
    try:
        stored = [st.raw_of(e) for e in st.events(journal.store.db)]
        if len(stored) < acknowledged:
            return f"silent loss: {acknowledged} events were acknowledged, {len(stored)} are there"
        if stored != records[: len(stored)]:
            return "the events are not the session's first"
        if go_on:
            journal.take(records)
            journal.commit()
    finally:
        journal.close()
    found = check(where)
    if not found["ok"]:
        return f"check: {found['differences'][:2]}"
    if go_on and found["events"] != len(records):
        return f"{found['events']} events of {len(records)} after all were delivered again"
    return None


def images(
    folder: Path,
    count: int,
    *,
    synchronous: str = "FULL",
    seed: int = 1,
    first_only: bool = False,
) -> Row:
    """`count` images of recordings (a new one every 2,000), each opened and examined."""
    row = Row("X07", f"power lost, synchronous={synchronous}", "nothing acknowledged is lost")
    recorded = None
    for n in range(count):
        if n % 2000 == 0:
            source = folder / f"recording-{n}"
            recorded = record(source, seed + n, 60, synchronous=synchronous)
            shutil.rmtree(source)
        assert recorded is not None
        draw = Random(f"image/{seed}/{n}")
        # one in five in the store's first moments, when it is not yet one
        cut = draw.randrange(FIRST if first_only or draw.random() < 0.2 else len(recorded.log) + 1)
        files, acknowledged = disk_after(recorded.log, cut, draw)
        where = folder / "image"
        write_image(where, files, recorded.number)
        wrong = examine(where, recorded.records, acknowledged, go_on=n % 8 == 0)
        shutil.rmtree(where)
        row.injected += 1
        if wrong:
            row.broken.append(f"image {n} (before entry {cut}): {wrong}")
    return row
