"""Recordings (.tcr): a session's inputs and what its actors wrote, as raw records, in blocks.

    magic, header, block, block, ..., end
    header  u32 bytes, JSON, 16-byte digest
    block   u32 bytes, that many bytes of records (each padded to 8), 16-byte digest
    end     u32 0xffffffff, 16-byte digest: the recorder was stopped in order

Every digest is a keyless BLAKE2b of the one before it and of the bytes it stands behind, so one
changed byte anywhere, the header included, is found, and so is a block that is missing. A file
without an end is a session whose recorder was killed: what is there is sound. A recorder that
starts again on its file cuts a torn last block off and goes on.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

import msgspec

from engine.errors import EXIT_NO, TiercelError
from engine.whole import append_whole
from hotpath.lockstep import TornBlock, records_of
from hotpath.records import SCHEMA_HASH

if TYPE_CHECKING:
    from io import FileIO

MAGIC = b"TCLREC1\n"
LENGTH = struct.Struct("<I")
END = 0xFFFFFFFF
DIGEST_BYTES = 16
BLOCK_LIMIT = 64 * 1024 * 1024
WORD = struct.Struct("<IHHQ")


class NotARecording(TiercelError):
    """The file is not a recording."""

    code: ClassVar[str] = "TCL-7001"
    what = "{path} is not a recording"
    why = "{detail}"
    do = "Give a .tcr file that `tiercel run --record` or `tiercel demo` has written"


class RecordingDamaged(TiercelError):
    """A byte of the recording is not what was written."""

    code: ClassVar[str] = "TCL-7002"
    what = "{path} is damaged"
    why = "{detail}"
    do = "Use a copy of the file; what stands before the damage can still be replayed"
    exit_code = EXIT_NO

    @property
    def offset(self) -> object:
        return self.values.get("offset")


class RecordingOfAnotherLayout(TiercelError):
    """Its records have other fields than this build's."""

    code: ClassVar[str] = "TCL-7004"
    what = "{path} cannot be read by this build"
    why = "Its records have the layout {theirs}, this build's have {ours}"
    do = "Use the build that made it (its header names it), or record the session anew"


class RecordingNotWritten(TiercelError):
    """The disk took no more; the recording is incomplete from here on."""

    code: ClassVar[str] = "TCL-7009"
    what = "The recording {path} could not be written"
    why = "{detail}"
    do = "Free space; the recorder goes on with its file, or run without a strict recording"
    exit_code = EXIT_NO


def digest(before: bytes, content: bytes) -> bytes:
    """The link of the chain behind `content`."""
    return blake2b(before + content, digest_size=DIGEST_BYTES).digest()


class Reading:
    """A recording opened to be read; `header` is its document. RecordingDamaged while reading."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_complete = False
        try:
            self.file: BinaryIO = path.open("rb")
        except OSError as error:
            raise NotARecording(path=path, detail=error.strerror or str(error)) from None
        try:
            if self.file.read(len(MAGIC)) != MAGIC:
                raise NotARecording(path=path, detail="It does not begin like one")
            content = self._part("its header")
            self.chain = self._check(MAGIC, content, "its header")
            self.header: dict[str, Any] = msgspec.json.decode(content, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            damaged = self.damaged(f"its header is no document: {error}")
            self.file.close()
            raise damaged from None
        except TiercelError:
            self.file.close()
            raise
        self.sound_to = self.file.tell()

    def damaged(self, detail: str) -> RecordingDamaged:
        """What was read last is whole and yet says nothing."""
        return RecordingDamaged(path=self.path, detail=detail, offset=self.file.tell())

    def check_layout(self) -> None:
        """RecordingOfAnotherLayout unless this build's records have the fields of its records."""
        theirs = self.header.get("schema_hash")
        if theirs != SCHEMA_HASH:
            told = f"{theirs:016x}" if isinstance(theirs, int) else "none"
            raise RecordingOfAnotherLayout(path=self.path, theirs=told, ours=f"{SCHEMA_HASH:016x}")

    def _part(self, name: str) -> bytes:
        at = self.file.tell()
        raw = self.file.read(4)
        if len(raw) == 4 and LENGTH.unpack(raw)[0] <= BLOCK_LIMIT:
            content = self.file.read(LENGTH.unpack(raw)[0])
            if len(content) == LENGTH.unpack(raw)[0]:
                return content
        raise RecordingDamaged(path=self.path, detail=f"{name} at {at} is torn", offset=at)

    def _check(self, before: bytes, content: bytes, name: str) -> bytes:
        at = self.file.tell()
        told = self.file.read(DIGEST_BYTES)
        if told != (right := digest(before, content)):
            raise RecordingDamaged(
                path=self.path, detail=f"{name}, ending at {at}, is not what was written", offset=at
            )
        return right

    def blocks(self) -> Iterator[bytes]:
        """The blocks in order; `is_complete` is set when the end was found."""
        number = 0
        while True:
            raw = self.file.read(4)
            if not raw:
                return
            if raw == LENGTH.pack(END):
                self.chain = self._check(self.chain, b"end", "its end")
                self.is_complete = not self.file.read(1)
                if not self.is_complete:
                    at = self.file.tell()
                    raise RecordingDamaged(
                        path=self.path, detail=f"bytes follow its end at {at}", offset=at
                    )
                return
            self.file.seek(-len(raw), 1)
            name = f"block {number}"
            content = self._part(name)
            self.chain = self._check(self.chain, content, name)
            self.sound_to = self.file.tell()
            yield content
            number += 1

    def is_torn(self) -> bool:
        """Is what follows the last sound block less than a whole one (its writer was killed)?"""
        size = self.path.stat().st_size
        self.file.seek(self.sound_to)
        raw = self.file.read(4)
        if len(raw) < 4:
            return True
        length = LENGTH.unpack(raw)[0]
        behind = 0 if length == END else length
        return size < self.sound_to + 4 + behind + DIGEST_BYTES

    def records(self) -> Iterator[bytes]:
        """Every record in the order in which it was taken."""
        for block in self.blocks():
            try:
                yield from records_of(block)
            except TornBlock as error:
                raise self.damaged(f"its block holds what is no record: {error}") from None

    def close(self) -> None:
        self.file.close()


def ends_in_header(path: Path) -> bool:
    """Does the file end within its header? Nothing was recorded in it yet: its disk was full."""
    with path.open("rb") as file:
        start = file.read(len(MAGIC) + LENGTH.size)
    if len(start) < len(MAGIC) + LENGTH.size:
        return MAGIC.startswith(start[: len(MAGIC)])
    length = LENGTH.unpack(start[len(MAGIC) :])[0]
    whole = len(start) + length + DIGEST_BYTES
    return start.startswith(MAGIC) and length <= BLOCK_LIMIT and path.stat().st_size < whole


class Writing:
    """A recording being written. A killed writer's file is gone on with, records once each."""

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        self.path = path
        self.failed = False
        self.file: FileIO
        self.last: dict[int, int] = {}
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.exists() and not ends_in_header(path):
            self._go_on()
            return
        content = msgspec.json.encode(header | {"schema_hash": SCHEMA_HASH})
        self.chain = digest(MAGIC, content)
        try:
            self.file = path.open("wb", buffering=0)
            path.chmod(0o600)
        except OSError as error:
            raise RecordingNotWritten(path=path, detail=error.strerror or str(error)) from error
        self._put(MAGIC + LENGTH.pack(len(content)) + content + self.chain)

    def _go_on(self) -> None:
        reading = Reading(self.path)
        try:
            for record in reading.records():
                _, _, source, position = WORD.unpack_from(record)
                self.last[source] = position
        except RecordingDamaged:
            if not reading.is_torn():
                raise  # sound blocks may follow: they are not thrown away
        finally:
            reading.close()
        self.chain = reading.chain
        self.file = self.path.open("r+b", buffering=0)
        self.file.truncate(reading.sound_to)
        self.file.seek(reading.sound_to)

    def write(self, records: list[bytes]) -> int:
        """Append the records not yet in the file as one block; returns how many they were.

        RecordingNotWritten when the disk takes no more: this object then writes nothing further.
        """
        if self.failed:
            raise RecordingNotWritten(path=self.path, detail="A write failed before")
        parts = []
        for record in records:
            length, _, source, position = WORD.unpack_from(record)
            if position <= self.last.get(source, 0):
                continue
            self.last[source] = position
            parts.append(record + bytes(-length % 8))
        if parts:
            content = b"".join(parts)
            self.chain = digest(self.chain, content)
            self._put(LENGTH.pack(len(content)) + content + self.chain)
        return len(parts)

    def _put(self, content: bytes) -> None:
        try:
            append_whole(self.file.fileno(), content)
        except OSError as error:
            self.failed = True
            self.file.close()
            detail = error.strerror or str(error)
            raise RecordingNotWritten(path=self.path, detail=detail) from error

    def close(self) -> None:
        """Mark the recording complete."""
        self.chain = digest(self.chain, b"end")
        self._put(LENGTH.pack(END) + self.chain)
        self.file.close()
