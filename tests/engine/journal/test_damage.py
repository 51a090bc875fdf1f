"""Damage of any kind to a journal is found by `journal check`, and never more than a coded error.

In every table a row is removed, every value of one row is changed by a bit, made huge or made
nonsense; the schema is changed; and single bits of the file are flipped anywhere.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from click.testing import CliRunner

from engine.commands.journal import command
from engine.errors import TiercelError
from engine.journal.actor import Journal
from engine.journal.check import check
from engine.journal.show import show
from engine.journal.store import FILE, SET
from engine.journal.views import TABLES
from engine.journal.why import why
from engine.journal.why_not import why_not
from hotpath.records import Balance
from tests.engine.journal.session import INSTANCE, VENUE, Session

DAMAGED, LATER_BUILD, NO_ORDER = "TCL-3024", "TCL-3028", "TCL-3030"
SHOWN = ("orders", "fills", "positions", "strands", "events")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[int]]:
    """A state directory with a little of everything, its log folded in, and its orders."""
    state = tmp_path_factory.mktemp("sound")
    s = Session(3)
    s.listing()
    orders = [s.order()[0] for _ in range(12)]
    s.write(VENUE, Balance(asset=8, free_lo=5, venue=VENUE))
    journal = Journal.open(state, INSTANCE)
    journal.take(s.records)
    journal.commit()
    journal.close()
    db = apsw.Connection(str(state / FILE))
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    (state / SET).unlink()
    assert check(state)["ok"]
    return state, orders


def copy_of(state: Path, to: Path) -> Path:
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(state, to)
    return to


def verdict(state: Path, orders: list[int]) -> str:
    """`check`'s answer; every other command answers or says with a code that it cannot."""
    for what in SHOWN:
        try:
            show(state, what, 100)
        except TiercelError as error:
            assert error.code in (DAMAGED, LATER_BUILD), error
    for order in orders:
        try:
            why(state, f"{order:032x}")
        except TiercelError as error:
            assert error.code in (DAMAGED, LATER_BUILD, NO_ORDER), error
    with pytest.raises(TiercelError):
        why_not(state, "nobody")
    try:
        return "whole" if check(state)["ok"] else "found"
    except TiercelError as error:
        assert error.code in (DAMAGED, LATER_BUILD), error
        return "found"


def changed(state: Path, sql: str, values: list[Any]) -> bool:
    """Change something behind the back of the triggers; False when the schema forbids it."""
    db = apsw.Connection(str(state / FILE))
    try:
        triggers = list(db.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'"))
        for name, _ in triggers:
            db.execute(f"DROP TRIGGER {name}")
        db.execute(sql, values)
        count = db.changes()
        for _, made in triggers:
            db.execute(made)
    except (apsw.ConstraintError, apsw.MismatchError):
        return False
    finally:
        db.close()
    return bool(count)


def damages(state: Path, table: str) -> Iterator[tuple[str, list[Any]]]:
    """Statements, each of which damages a table in one place."""
    db = apsw.Connection(str(state / FILE), flags=apsw.SQLITE_OPEN_READONLY)
    info = list(db.execute("SELECT name, pk FROM pragma_table_info(?)", (table,)))
    rows = list(db.execute(f"SELECT * FROM {table}"))
    db.close()
    assert rows, f"{table} is empty: the test shows nothing of it"
    draw = random.Random(table)
    names, keys = [n for n, _ in info], [n for n, pk in info if pk]
    where = " AND ".join(f"{k} = ?" for k in keys)
    for row in (rows[0], rows[-1]):
        yield f"DELETE FROM {table} WHERE {where}", [row[names.index(k)] for k in keys]
    yield f"DELETE FROM {table}", []
    row = draw.choice(rows)
    at = [row[names.index(k)] for k in keys]
    for name, value in zip(names, row, strict=True):
        if isinstance(value, bytes):
            broken = bytearray(value or b"\0")
            broken[draw.randrange(len(broken))] ^= 1 << draw.randrange(8)
            values: list[Any] = [bytes(broken), value[:-1]]
        elif isinstance(value, int):
            values = [value ^ 1 << draw.randrange(6), (1 << 62) + 5, -1]
        else:
            values = [chr(ord(value[0]) ^ 1) + value[1:] if value else "x", value + "0"]
        for other in values:
            if other != value:
                yield f"UPDATE {table} SET {name} = ? WHERE {where}", [other, *at]


@pytest.mark.parametrize("table", ["meta", "event", "cursor", *TABLES])
def test_damage_in_every_table_is_found(
    sound: tuple[Path, list[int]], tmp_path: Path, table: str
) -> None:
    state, orders = sound
    done = 0
    for sql, values in damages(state, table):
        work = copy_of(state, tmp_path / "work")
        if changed(work, sql, values):
            assert verdict(work, orders[:2]) == "found", (sql, values)
            done += 1
    assert done > 3


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TRIGGER event_is_not_removed",
        "DROP INDEX fills_order",
        "ALTER TABLE fills RENAME COLUMN maker TO taker",
        "ALTER TABLE orders ADD COLUMN more INTEGER",
        "CREATE TABLE guests (id INTEGER)",
    ],
)
def test_a_changed_schema_is_found(sound: tuple[Path, list[int]], tmp_path: Path, sql: str) -> None:
    state, orders = sound
    work = copy_of(state, tmp_path / "work")
    db = apsw.Connection(str(work / FILE))
    db.execute(sql)
    db.close()
    assert verdict(work, orders[:1]) == "found"


def test_a_bit_flipped_anywhere_is_no_more_than_a_coded_error(
    sound: tuple[Path, list[int]], tmp_path: Path
) -> None:
    """Of what lies in no row, index or page header nothing is said."""
    state, orders = sound
    data = (state / FILE).read_bytes()
    draw = random.Random(5)
    found = 0
    for _ in range(80):
        work = copy_of(state, tmp_path / "work")
        broken = bytearray(data)
        broken[draw.randrange(len(broken))] ^= 1 << draw.randrange(8)
        (work / FILE).write_bytes(broken)
        found += verdict(work, orders[:1]) == "found"
    assert found > 20


def test_the_command_says_no_with_exit_code_1(
    sound: tuple[Path, list[int]], tmp_path: Path
) -> None:
    state, _ = sound
    work = copy_of(state, tmp_path / "work")
    ask = ["check", "--state", str(work), "--json"]
    assert CliRunner().invoke(command, ask).exit_code == 0
    assert changed(work, "DELETE FROM fills", [])
    done = CliRunner().invoke(command, ask)
    assert done.exit_code == 1 and '"ok":false' in done.output
