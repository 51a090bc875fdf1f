"""What is fuzzed: readers of bytes that others wrote, and the errors by which they may refuse.

A target takes bytes; whatever it raises beside the errors named here is a finding.
"""

from __future__ import annotations

import os
import struct
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import apsw
import orjson

from engine import capture, config, recording
from engine.errors import TiercelError
from engine.journal import store
from engine.journal.views import Views
from hotpath import ring
from hotpath.records import Kind, RecordError, split, unpack
from hotpath.ring import Outbox, Reader

ROOT = Path(__file__).resolve().parent.parent.parent
CORPUS = Path(__file__).parent / "corpus"


@dataclass
class Target:
    name: str
    call: Callable[[bytes], None]
    watched: tuple[str, ...]
    """Ends of the names of the files whose lines guide."""

    def seeds(self) -> list[bytes]:
        return corpus(self.name)


def corpus(name: str) -> list[bytes]:
    """The kept inputs of a target: hexadecimal where the name says so, else the file."""
    found = []
    for path in sorted((CORPUS / name).iterdir()):
        text = path.read_bytes()
        found.append(bytes.fromhex(text.decode()) if path.suffix == ".hex" else text)
    return found


class Configurations:
    """`engine.config.read` on a file of these bytes, with nothing in the environment."""

    def __init__(self, work: Path) -> None:
        self.path = work / "fuzzed.yaml"

    def __call__(self, text: bytes) -> None:
        self.path.write_bytes(text)
        try:
            config.shown(config.read(self.path, {"FUZZED": "x"}))
        except TiercelError as refused:
            str(refused)


class Captures:
    """`engine.capture.frames` on a file of these bytes."""

    def __init__(self, work: Path) -> None:
        self.path = work / "fuzzed.raw"

    def __call__(self, text: bytes) -> None:
        self.path.write_bytes(text)
        try:
            for frame in capture.frames(self.path):
                assert isinstance(frame.data, bytes) and frame.kind in ("recv", "http")
        except TiercelError as refused:
            str(refused)


class Recordings:
    """`engine.recording.Reading` on a file of these bytes."""

    def __init__(self, work: Path) -> None:
        self.path = work / "fuzzed.tcr"

    def __call__(self, text: bytes) -> None:
        self.path.write_bytes(text)
        try:
            reading = recording.Reading(self.path)
        except TiercelError as refused:
            str(refused)
            return
        try:
            for raw in reading.records():
                split(raw)
        except (TiercelError, RecordError) as refused:
            str(refused)
        finally:
            reading.close()


class Outboxes:
    """An outbox's file of these bytes, as the drain at start and a restarted writer read it."""

    CAPACITY = 4096

    def __init__(self, _work: Path) -> None:
        self.fd = os.memfd_create("fuzzed")
        os.ftruncate(self.fd, ring.file_bytes(self.CAPACITY))
        outbox = Outbox.create(self.fd, self.CAPACITY, 9, gating=("journal",), lossy=("screen",))
        for n in range(5):
            outbox.append(Kind.DOCUMENT, orjson.dumps({"n": n}))
        del outbox
        self.sound = os.pread(self.fd, ring.file_bytes(self.CAPACITY), 0)

    def __call__(self, text: bytes) -> None:
        """Patches: 2 bytes of place, 1 of length, that many bytes; the rest as it was written."""
        memory = bytearray(self.sound)
        while len(text) >= 3:
            at, length = struct.unpack("<HB", text[:3])
            piece, text = text[3 : 3 + length], text[3 + length :]
            at %= len(memory) - 255
            memory[at : at + len(piece)] = piece
        os.pwrite(self.fd, memory, 0)
        for lossy in (False, True):
            try:
                ring.inspect(self.fd)
                name = "screen" if lossy else "journal"
                reader = Reader.attach(self.fd, name, lossy, build_hash=None)
                for raw in reader.take(200):
                    header, payload = split(raw)
                    unpack(header.kind, payload)
            except (ring.RingError, RecordError) as refused:
                str(refused)
        try:
            outbox = Outbox.attach(self.fd, 2**32 - 1)
            outbox.append(Kind.DOCUMENT, b"{}")
            str(outbox.statistics)
        except ring.RingError as refused:
            str(refused)


class JournalRows:
    """A row of the store whose values are these bytes: read back, unpacked, projected.

    What `unpack` accepts strictly must be projected without an error: a journal that stops at a
    record stops at it again after each restart.
    """

    NUMBERS = struct.Struct("<qHQHqHQIIH")

    def __init__(self, _work: Path) -> None:
        self.db = apsw.Connection(":memory:")
        store.apply_schema(self.db, 0)
        self.db.execute("SAVEPOINT clean")
        self.row = 0

    def __call__(self, text: bytes) -> None:
        packed = text[: self.NUMBERS.size].ljust(self.NUMBERS.size, b"\0")
        _, source, position, kind, time, by, at, instrument, flags, schema = self.NUMBERS.unpack(
            packed
        )
        self.row += 1
        payload = text[self.NUMBERS.size :]
        row = (
            self.row,
            source,
            position & (1 << 48) - 1,
            kind,
            time,
            by,
            at & (1 << 48) - 1,
            instrument,
            flags,
            schema,
            payload,
            b"",
        )
        try:
            event = store.row_event(row)
            raw = store.raw_of(event)
            header, body = split(raw)
            assert (header.source, header.kind, body) == (source, kind, payload)
            unpack(kind, payload, strict=True)
        except RecordError as refused:
            str(refused)
            return
        views = Views(self.db, 7, self.db)
        views.apply(event)
        views.flush()
        self.db.execute("ROLLBACK TO clean")


def targets(work: Path) -> list[Target]:
    """Every target, working in a directory of its own."""
    return [
        Target("configuration", Configurations(work), ("engine/config.py", "engine/document.py")),
        Target("capture", Captures(work), ("engine/capture.py",)),
        Target("recording", Recordings(work), ("engine/recording.py",)),
        Target("outbox_file", Outboxes(work), ("hotpath/ring.pyx", "fuzz/targets.py")),
        Target("journal_row", JournalRows(work), ("journal/store.py", "journal/views.py")),
    ]


def in_memory() -> Path:
    """A new directory, in memory where the host has one."""
    shm = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="tiercel-fuzz-", dir=shm if shm.is_dir() else None))
