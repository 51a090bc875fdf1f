"""The event store: one writer, one chain of hashes, cursors that move with their events.

SQLite in WAL mode with `synchronous=FULL`: what was committed survives the loss of power. A failed
commit is fatal for the writer: the handle is never used again, since what the disk then holds is
not known; the next process reads it from the cursors.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import struct
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

import apsw
import msgspec

from engine.journal.conditions import (
    JournalBusy,
    JournalDamaged,
    JournalForeignLog,
    JournalGap,
    JournalRecordRefused,
    JournalSchemaUnknown,
    JournalSqliteTooOld,
    JournalWriteFailed,
    NoJournal,
)
from engine.whole import replace_durably
from hotpath.records import HEADER_BYTES, Header, RecordError, cause, join, split, unpack

SCHEMA = Path(__file__).parent / "schema"
FILE, LOCK, SET = "journal.db", "journal.lock", "journal.set"
OLDEST_SQLITE = (3, 51, 3)
APPLICATION_ID = 0x54434C4A
PAYLOAD_SCHEMA = 1
ALARM_BYTES, ALARM_SHARE, CANCEL_ONLY_BYTES = 1 << 30, 0.05, 256 << 20
RESTART_JUMP = 1 << 20
"""A hole this large is no loss: positions are skipped when shared memory was lost."""
CLOSING_MS = 250
"""How long the last checkpoint waits for readers."""
CHAIN = struct.Struct("<qI")


class Event(msgspec.Struct, frozen=True):
    """One row of the store."""

    id: int
    header: Header
    payload: bytes
    schema: int
    hash: bytes
    decoded: Any = None

    @property
    def record(self) -> Any:
        """The payload by its fields."""
        return self.decoded or unpack(self.header.kind, self.payload)


def chain(previous: bytes, row: int, schema: int, raw: bytes) -> bytes:
    """Hash of a row: blake2b-256 of the previous hash, the row's id and schema, and its record."""
    return blake2b(previous + CHAIN.pack(row, schema) + raw, digest_size=32).digest()


def migrations() -> list[tuple[int, str]]:
    """(number, SQL) of the schema's files, in order."""
    files = sorted(SCHEMA.glob("*.sql"))
    return [(int(f.name[:4]), f.read_text(encoding="utf-8")) for f in files]


def row_event(row: tuple[Any, ...]) -> Event:
    """A row of COLUMNS as an Event."""
    i, source, position, kind, time, by, at, instrument, flags, schema, payload, digest = row
    try:
        length = HEADER_BYTES + len(payload)
        header = Header(length, kind, source, position, time, cause(by, at), instrument, flags)
        join(header, b"")
    except (TypeError, OverflowError, struct.error) as e:
        raise RecordError(f"row {i} of the store is damaged: {e}") from None
    return Event(i, header, payload, schema, digest)


COLUMNS = (
    "id, source, position, kind, time, cause_source, cause_position, instrument, flags, schema, "
    "payload, hash"
)


def events(db: apsw.Connection, after: int = 0) -> Iterator[Event]:
    """All events with an id above `after`, in order."""
    sql = f"SELECT {COLUMNS} FROM event WHERE id > ? ORDER BY id"
    return (row_event(row) for row in db.execute(sql, (after,)))


def event_at(db: apsw.Connection, source: int, position: int) -> Event | None:
    """The event of a source at a position."""
    sql = f"SELECT {COLUMNS} FROM event WHERE source = ? AND position = ?"
    row = db.execute(sql, (source, position)).fetchone()
    return row_event(row) if row else None


def caused_by(db: apsw.Connection, source: int, position: int) -> list[Event]:
    """The events that name this record as their cause, in order."""
    sql = f"SELECT {COLUMNS} FROM event WHERE cause_source = ? AND cause_position = ? ORDER BY id"
    return [row_event(row) for row in db.execute(sql, (source, position))]


def events_of(db: apsw.Connection, order: str) -> list[Event]:
    """The events that speak of an order (32 digits), in order."""
    columns = ", ".join("e." + c.strip() for c in COLUMNS.split(","))
    sql = (
        f"SELECT {columns} FROM order_events o JOIN event e ON e.id = o.event "
        "WHERE o.order_id = ? ORDER BY e.id"
    )
    return [row_event(row) for row in db.execute(sql, (order,))]


def open_reader(state: Path) -> apsw.Connection:
    """A read-only connection to a state directory's journal, of an engine dead or alive."""
    path = state / FILE
    if not path.is_file():
        raise NoJournal(path=path, detail="The file does not exist")
    try:
        db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        db.set_busy_timeout(5000)
        db.execute("PRAGMA trusted_schema=OFF; PRAGMA query_only=ON")
        found = db.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
    except apsw.Error as e:
        raise JournalDamaged(path=path, detail=str(e)) from None
    check_schema(path, int(found[0]) if found else 0)
    return db


def check_schema(path: Path, found: int) -> None:
    known = migrations()[-1][0]
    if found > known:
        raise JournalSchemaUnknown(path=path, found=found, known=known)


def apply_schema(db: apsw.Connection, applied: int) -> None:
    """Run the numbered files above `applied`, inside the caller's transaction."""
    for number, sql in migrations():
        if number > applied:
            db.execute(sql)
            db.execute("INSERT OR REPLACE INTO meta VALUES ('schema', ?)", (str(number),))


class Store:
    """The writer. `append` and `commit`; everything between two commits is one transaction."""

    def __init__(self, state: Path, instance: int = 0) -> None:
        if apsw_version() < OLDEST_SQLITE:
            wanted = ".".join(map(str, OLDEST_SQLITE))
            raise JournalSqliteTooOld(found=apsw.sqlite_lib_version(), wanted=wanted)
        self.path = state / FILE
        self.failed = False
        self._lock = _lock(state / LOCK, self.path)
        try:
            _check_set(state)
            self.db = self._open(instance)
            _write_set(state)
        except BaseException:
            os.close(self._lock)
            raise
        self.cursors: dict[int, int] = dict(self.db.execute("SELECT source, position FROM cursor"))
        sql = "SELECT id, hash, time FROM event ORDER BY id DESC LIMIT 1"
        last = self.db.execute(sql).fetchone() or (0, self.genesis, 0)
        self.last_id: int = last[0]
        self.last_hash: bytes = last[1]
        self.last_time: int = last[2]
        self._rows: list[tuple[Any, ...]] = []
        self._moved: set[int] = set()

    def _open(self, instance: int) -> apsw.Connection:
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        try:
            db = apsw.Connection(str(self.path))
            db.set_busy_timeout(5000)
            # a first start that power or a signal ended in the middle left a database of nothing
            empty = not _one(db, "SELECT count(*) FROM sqlite_schema")
            new = empty and _one(db, "PRAGMA application_id") in (0, APPLICATION_ID)
            if new:
                db.execute(f"PRAGMA application_id={APPLICATION_ID}")
                db.execute(f"PRAGMA user_version={secrets.randbelow(1 << 31)}")
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
                db.execute(f"PRAGMA {pragma}")
            db.execute("PRAGMA trusted_schema=OFF; PRAGMA wal_autocheckpoint=1000")
            if _one(db, "PRAGMA application_id") != APPLICATION_ID:
                raise JournalDamaged(path=self.path, detail="It is not a journal's database")
            db.execute("BEGIN IMMEDIATE")
            found = 0
            if _one(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'meta'"):
                found = int(_meta(db, "schema"))
                check_schema(self.path, found)
            apply_schema(db, found)
            if not found:
                genesis = blake2b(instance.to_bytes(8, "little"), digest_size=32).hexdigest()
                db.execute(
                    "INSERT INTO meta VALUES ('genesis', ?), ('instance', ?)",
                    (genesis, str(instance)),
                )
            db.execute("COMMIT")
            if new:
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except apsw.FullError as e:
            raise JournalWriteFailed(path=self.path, detail=str(e)) from None
        except (apsw.CorruptError, apsw.NotADBError) as e:
            raise JournalDamaged(path=self.path, detail=str(e)) from None
        except apsw.Error as e:
            raise JournalWriteFailed(path=self.path, detail=str(e)) from None
        self.instance = int(_meta(db, "instance"))
        self.genesis = bytes.fromhex(_meta(db, "genesis"))
        return db

    def append(self, raw: bytes) -> Event | None:
        """Add a record to the open batch; None when it is known already (delivered twice).

        JournalGap when a position of its source is missing, JournalRecordRefused when it is not
        what its kind allows.
        """
        try:
            header, payload = split(raw)
            record = unpack(header.kind, payload, strict=True)
        except RecordError as e:
            source, position = struct.unpack_from("<6xHQ", raw.ljust(16, b"\0"))
            raise JournalRecordRefused(source=source, position=position, detail=e) from None
        known = self.cursors.get(header.source)
        if known is not None:
            if header.position <= known:
                return None
            if known + 1 < header.position < known + RESTART_JUMP:
                expected = known + 1
                raise JournalGap(source=header.source, expected=expected, got=header.position)
        self.last_id += 1
        self.last_hash = chain(self.last_hash, self.last_id, PAYLOAD_SCHEMA, raw)
        event = Event(self.last_id, header, payload, PAYLOAD_SCHEMA, self.last_hash, record)
        by, at = header.cause >> 48, header.cause & ((1 << 48) - 1)
        self._rows.append(
            (
                event.id,
                header.source,
                header.position,
                header.kind,
                header.time,
                by,
                at,
                header.instrument,
                header.flags,
                PAYLOAD_SCHEMA,
                payload,
                event.hash,
            )
        )
        self.last_time = header.time
        self.cursors[header.source] = header.position
        self._moved.add(header.source)
        return event

    def begin(self) -> None:
        """Write the batch's events into a transaction that `commit` ends."""
        with self._fatal():
            self.db.execute("BEGIN IMMEDIATE")
            marks = ",".join("?" * 12)
            self.db.executemany(f"INSERT INTO event VALUES ({marks})", self._rows)
            moved = [(s, self.cursors[s]) for s in sorted(self._moved)]
            self.db.executemany("INSERT OR REPLACE INTO cursor VALUES (?, ?)", moved)
        self._rows.clear()
        self._moved.clear()

    def commit(self) -> None:
        """End the transaction: what it holds is on disk when this returns. JournalWriteFailed."""
        with self._fatal():
            self.db.execute("COMMIT")

    @property
    def pending(self) -> int:
        """Events appended and not yet begun."""
        return len(self._rows)

    @contextlib.contextmanager
    def _fatal(self) -> Iterator[None]:
        if self.failed:
            detail = "A write failed before: this process must end"
            raise JournalWriteFailed(path=self.path, detail=detail)
        try:
            yield
        except (apsw.Error, OSError) as e:
            self.failed = True
            detail = f"{type(e).__name__}: {e}"
            raise JournalWriteFailed(path=self.path, detail=detail) from e

    def space(self) -> str:
        """ "ok", "alarm" (below 1 GiB or 5 %) or "cancel_only" (below 256 MiB free)."""
        room = os.statvfs(self.path.parent)
        return space_class(room.f_bavail * room.f_frsize, room.f_blocks * room.f_frsize)

    def close(self) -> None:
        """Release the lock; the log is taken into the database, so that a copy needs only that.

        After a failure the handle is closed without another write.
        """
        with contextlib.suppress(apsw.Error):
            if not self.failed:
                self.db.set_busy_timeout(CLOSING_MS)
                self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        with contextlib.suppress(apsw.Error):
            self.db.close()
        os.close(self._lock)


def space_class(free: int, total: int) -> str:
    """What the free bytes of the journal's file system allow (reliability.md 2.9)."""
    if free < CANCEL_ONLY_BYTES:
        return "cancel_only"
    return "alarm" if free < ALARM_BYTES or free < ALARM_SHARE * total else "ok"


def apsw_version() -> tuple[int, ...]:
    return tuple(int(n) for n in apsw.sqlite_lib_version().split("."))


def _one(db: apsw.Connection, sql: str) -> Any:
    row = db.execute(sql).fetchone()
    return row[0] if row else None


def _meta(db: apsw.Connection, key: str) -> str:
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return str(row[0]) if row else "0"


def _lock(path: Path, database: Path) -> int:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise JournalBusy(path=database) from None
    return fd


def _set_of(path: Path) -> dict[str, int]:
    """What names a database file: its random number (user_version, in its header) and its inode."""
    with path.open("rb") as f:
        header = f.read(100)
    info = path.stat()
    number = int.from_bytes(header[60:64], "big")
    return {"set": number, "inode": info.st_ino, "device": info.st_dev}


def _check_set(state: Path) -> None:
    """A restored or copied database beside a log that is not its own is refused (2.7).

    A log of no bytes holds nothing: a reader (`journal check` on a restored copy) leaves one.
    """
    path, named, log = state / FILE, state / SET, state / (FILE + "-wal")
    if not log.exists() or not log.stat().st_size:
        return
    if not path.exists():
        raise JournalForeignLog(path=path, detail=f"{log.name} is there and it is not")
    if not named.exists():
        return  # the process died before it named its first set
    try:
        known = msgspec.json.decode(named.read_bytes())
    except (msgspec.DecodeError, UnicodeDecodeError):
        known = None
    if known != _set_of(path):
        detail = "The file is not the one that this state directory's log belongs to"
        raise JournalForeignLog(path=path, detail=detail)


def _write_set(state: Path) -> None:
    content = msgspec.json.encode(_set_of(state / FILE))
    named = state / SET
    if named.exists() and named.read_bytes() == content:
        return
    replace_durably(named, content)


def raw_of(event: Event) -> bytes:
    """The record as it lay in its outbox."""
    return join(event.header, event.payload)


def append_all(store: Store, records: Iterable[bytes]) -> list[Event]:
    """`append` each; those that were new."""
    return [e for e in map(store.append, records) if e is not None]
