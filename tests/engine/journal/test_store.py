"""The event store: nothing lost, nothing twice, no change unseen, no write after a failed one."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from engine.journal import store as st
from engine.journal.actor import Journal
from engine.journal.check import check
from hotpath.records import Document, Header, Kind, join, pack, split
from hotpath.ring import Outbox, Reader, file_bytes
from tests.engine.journal.session import INSTANCE, STRATEGY, VENUE, Session


def written(state: Path, records: list[bytes], batch: int = 50) -> None:
    journal = Journal.open(state, INSTANCE)
    for at in range(0, len(records), batch):
        journal.take(records[at : at + batch])
        journal.commit()
    journal.close()


def stored(state: Path) -> list[bytes]:
    return [st.raw_of(e) for e in st.events(st.open_reader(state))]


def document(source: int, position: int) -> bytes:
    return join(Header(0, Kind.DOCUMENT, source, position, 1, 0, 0, 0), pack(Document(document=1)))


def test_every_event_once_in_order_and_whole(tmp_path: Path) -> None:
    records = Session(1).run(60).records
    journal = Journal.open(tmp_path, INSTANCE)
    for at in range(0, len(records), 7):
        journal.take(records[max(0, at - 5) : at + 7])  # each batch repeats the end of the last
        journal.commit()
    assert journal.twice > 0
    journal.close()
    assert stored(tmp_path) == records
    again = Journal.open(tmp_path, INSTANCE)
    assert again.take(records) == 0, "delivered again after a restart"
    assert again.commit() == 0
    again.close()
    answer = check(tmp_path)
    assert answer["ok"], answer["differences"]
    assert answer["events"] == len(records)


def test_a_missing_position_is_refused_and_a_restart_s_jump_is_not(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, INSTANCE)
    journal.take([document(5, 1), document(5, 2)])
    with pytest.raises(st.JournalGap, match="Position 3 was due and 4 came"):
        journal.take([document(5, 4)])
    journal.take([document(5, 2 + (1 << 32))])
    journal.commit()
    journal.close()
    assert check(tmp_path)["ok"]


def test_what_is_no_record_of_its_kind_is_refused(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, INSTANCE)
    with pytest.raises(st.JournalRecordRefused, match="position 9"):
        journal.take([join(Header(0, Kind.FILL, 5, 9, 1, 0, 0, 0), b"short")])
    journal.close()


def test_events_cannot_be_changed_or_removed(tmp_path: Path) -> None:
    written(tmp_path, Session(2).run(5).records)
    db = apsw.Connection(str(tmp_path / st.FILE))
    for sql in ("UPDATE event SET time = 0", "DELETE FROM event"):
        with pytest.raises(apsw.ConstraintError, match="never"):
            db.execute(sql)
    db.close()


def test_one_writer(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, INSTANCE)
    with pytest.raises(st.JournalBusy):
        Journal.open(tmp_path, INSTANCE)
    st.open_reader(tmp_path).close()  # readers may
    journal.close()
    Journal.open(tmp_path, INSTANCE).close()


def test_an_event_is_safe_only_after_commit(tmp_path: Path) -> None:
    """Events, cursors and views move together: a reader never sees one without the others."""
    records = Session(3).run(10).records
    journal = Journal.open(tmp_path, INSTANCE)
    journal.take(records)
    journal.store.begin()
    for event in journal.batch:
        journal.views.apply(event)
    journal.views.flush()
    reader = st.open_reader(tmp_path)
    for table in ("event", "cursor", "orders", "fills"):
        assert reader.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    journal.store.commit()
    assert reader.execute("SELECT count(*) FROM event").fetchone() == (len(records),)
    assert dict(reader.execute("SELECT * FROM cursor")) == journal.store.cursors
    journal.close()


def test_a_failed_write_ends_the_writer_and_loses_nothing(tmp_path: Path) -> None:
    """A full disk: the handle is never used again; the next process goes on from the cursors."""
    records = Session(4).run(300).records
    journal = Journal.open(tmp_path, INSTANCE)
    journal.take(records[:100])
    journal.commit()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = max(f.stat().st_size for f in tmp_path.iterdir()) + 8192
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(st.JournalWriteFailed, match="TCL-3021"):
            for at in range(100, len(records), 50):
                journal.take(records[at : at + 50])
                journal.commit()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with pytest.raises(st.JournalWriteFailed, match="must end"):
        journal.store.begin()
    with pytest.raises(st.JournalWriteFailed, match="must end"):
        journal.store.commit()
    journal.close()
    assert check(tmp_path)["ok"]
    written(tmp_path, records)
    assert stored(tmp_path) == records
    assert check(tmp_path)["ok"]


def test_a_database_beside_a_foreign_log_is_refused(tmp_path: Path) -> None:
    mine, other = tmp_path / "mine", tmp_path / "other"
    for state, seed in ((mine, 5), (other, 6)):
        state.mkdir()
        written(state, Session(seed).run(5).records)
    journal = Journal.open(mine, INSTANCE)
    journal.take([document(77, 1)])
    journal.commit()
    log = mine / (st.FILE + "-wal")
    kept = log.read_bytes()
    journal.close()
    log.write_bytes(kept)
    shutil.copy(other / st.FILE, mine / st.FILE)
    with pytest.raises(st.JournalForeignLog, match="TCL-3023"):
        Journal.open(mine, INSTANCE)
    log.unlink()
    Journal.open(mine, INSTANCE).close()


def test_a_stopped_engine_s_journal_is_copied_as_one_file(tmp_path: Path) -> None:
    """Also beside a reader (`tiercel top`), whose connection outlives the writer's."""
    records = Session(7).run(20).records
    written(tmp_path, records[:9])
    reader = st.open_reader(tmp_path)
    written(tmp_path, records[9:])
    assert (tmp_path / (st.FILE + "-wal")).stat().st_size == 0
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(tmp_path / st.FILE, copy / st.FILE)
    reader.close()
    assert stored(copy) == records


def test_a_restored_copy_that_was_looked_at_is_begun_again(tmp_path: Path) -> None:
    """A backup is checked before its engine starts: that leaves a log of no bytes beside it."""
    written(tmp_path, Session(8).run(5).records)
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in (st.FILE, st.SET):
        shutil.copy(tmp_path / name, copy / name)
    assert check(copy)["ok"]
    assert (copy / (st.FILE + "-wal")).exists(), "else this test shows nothing"
    Journal.open(copy, INSTANCE).close()


def test_old_sqlite_later_schema_and_other_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, [document(1, 1)])
    db = apsw.Connection(str(tmp_path / st.FILE))
    db.execute("UPDATE meta SET value = '999' WHERE key = 'schema'")
    db.close()
    for opening in (lambda: Journal.open(tmp_path, INSTANCE), lambda: st.open_reader(tmp_path)):
        with pytest.raises(st.JournalSchemaUnknown, match="999"):
            opening()
    other = tmp_path / "other"
    other.mkdir()
    (other / st.FILE).write_bytes(b"not a database at all" * 100)
    for refused in (lambda: Journal.open(other, INSTANCE), lambda: st.open_reader(other)):
        with pytest.raises(st.JournalDamaged):
            refused()
    with pytest.raises(st.NoJournal):
        st.open_reader(tmp_path / "nowhere")
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.51.2")
    with pytest.raises(st.JournalSqliteTooOld, match=r"3\.51\.3"):
        Journal.open(tmp_path, INSTANCE)


def test_room_on_the_disk() -> None:
    gib = 1 << 30
    assert st.space_class(100 * gib, 200 * gib) == "ok"
    assert st.space_class(9 * gib, 200 * gib) == "alarm"
    assert st.space_class(gib - 1, 2 * gib) == "alarm"
    assert st.space_class((256 << 20) - 1, 2 * gib) == "cancel_only"


@pytest.mark.parametrize("seed", range(10))
def test_bit_flips_are_found(
    tmp_path: Path, seed: int, record_property: Callable[[str, object], None]
) -> None:
    """One changed bit anywhere in what was stored: `check` says no, or SQLite does."""
    written(tmp_path, Session(7).run(20).records)
    db = apsw.Connection(str(tmp_path / st.FILE))
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    pages = db.execute("PRAGMA page_size").fetchone()[0]  # type: ignore[index]
    used = {p for (p,) in db.execute("SELECT pageno FROM dbstat WHERE name IN ('event', 'orders')")}
    db.close()
    original = (tmp_path / st.FILE).read_bytes()
    draw = random.Random(seed)
    unseen, flips = [], 0
    while flips < 25:
        page = draw.choice(sorted(used))
        at = (page - 1) * pages + draw.randrange(pages)
        if original[at] == 0:
            continue  # mostly unused space between cells, where a flip changes nothing
        changed = bytearray(original)
        changed[at] ^= 1 << draw.randrange(8)
        flips += 1
        (tmp_path / st.FILE).write_bytes(changed)
        try:
            if check(tmp_path)["ok"]:
                unseen.append(at)
        except st.JournalDamaged:
            pass
    record_property("injected", flips)
    (tmp_path / st.FILE).write_bytes(original)
    for at in unseen:  # only bytes that hold no value may go unseen
        changed = bytearray(original)
        changed[at] ^= 0xFF
        (tmp_path / st.FILE).write_bytes(changed)
        assert stored(tmp_path) == Session(7).run(20).records, f"byte {at} changed unseen"


def test_kills_of_the_journal_lose_and_double_nothing(tmp_path: Path) -> None:
    """kill -9 between taking, committing and moving the cursor, while the writer goes on."""
    fd = os.memfd_create("outbox")
    os.ftruncate(fd, file_bytes(1 << 18))
    outbox = Outbox.create(fd, 1 << 18, VENUE, gating=("journal",))
    records = [r for r in Session(8).run(150).records if r[6] == VENUE]
    at, kills, draw = 0, 0, random.Random(8)
    while True:
        pid = os.fork()
        if not pid:
            try:
                journal = Journal.open(tmp_path, INSTANCE)
                reader = Reader.attach(fd, "journal")
                while True:
                    journal.take_batch(VENUE, reader.take(draw.randrange(1, 20)))
                    journal.commit()
                    reader.store()
                    time.sleep(0)
            finally:
                os._exit(9)
        patience = draw.uniform(0.04, 0.12) if kills < 8 else 30.0
        until, drained = time.monotonic() + patience, False
        while time.monotonic() < until and not drained:
            if at < len(records):
                header, payload = split(records[at])
                at += bool(outbox.append(header.kind, payload, time=header.time))
                time.sleep(0.0005)
            else:
                drained = not outbox.statistics["readers"]["journal"]["behind_bytes"]
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        assert os.WIFSIGNALED(status), "the journal ended by itself"
        if drained:
            break
        kills += 1
        assert kills < 10, "the last journal did not take everything"
    os.close(fd)
    got = [(e.header.kind, e.payload) for e in st.events(st.open_reader(tmp_path))]
    assert got == [(split(r)[0].kind, split(r)[1]) for r in records]
    assert kills >= 3
    only_orders = [d for d in check(tmp_path)["differences"] if d["invariant"] in ("I1", "I7")]
    assert only_orders == []


def test_sources_of_the_session_are_what_they_seem() -> None:
    """The tests above filter by the source's byte."""
    assert {r[6] for r in Session(1).run(3).records} >= {STRATEGY, VENUE}
