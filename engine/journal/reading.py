"""A journal as somebody reads it who wants an answer: what damage leads to is one coded error."""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import apsw
import msgspec

from engine.journal.conditions import JournalDamaged
from engine.journal.store import FILE, migrations, open_reader

DAMAGE = (
    apsw.Error,
    ValueError,  # RecordError, and text that is no number or not UTF-8
    IndexError,
    TypeError,
    OverflowError,
    struct.error,
    msgspec.MsgspecError,
)
"""What values that no writer of ours can have stored make of the code that reads them."""


@contextlib.contextmanager
def reading(state: Path) -> Iterator[apsw.Connection]:
    """A read-only connection for the time of an answer; NoJournal, JournalDamaged."""
    db = open_reader(state)
    try:
        yield db
    except DAMAGE as e:
        detail = f"{type(e).__name__}: {e}".replace("{", "(").replace("}", ")")
        raise JournalDamaged(path=state / FILE, detail=detail) from e
    finally:
        db.close()


def spelled(sql: str) -> str:
    """A statement without comments and with single spaces."""
    return " ".join(re.sub(r"--[^\n]*", " ", sql).split())


def statements(db: apsw.Connection) -> dict[str, str]:
    """The tables, indexes and triggers of a database, each as it was made."""
    rows = db.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
    return {name: spelled(sql) for name, sql in rows}


def schema_differences(db: apsw.Connection) -> list[str]:
    """What of the schema is not as its numbered files made it: a column renamed by a flipped bit,
    a trigger that guards the events gone."""
    row = db.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
    if row is None:
        return ["meta has no schema number"]
    fresh = apsw.Connection(":memory:")
    for number, sql in migrations():
        if number <= int(row[0]):
            fresh.execute(sql)
    found, made = statements(db), statements(fresh)
    names = sorted(found.keys() | made.keys())
    return [f"{name} is not as it was made" for name in names if found.get(name) != made.get(name)]
