"""A disk that fails at its n-th operation, for every n: nothing acknowledged is lost, nothing is
wrong in silence, and the journal that is opened on a disk that works again goes on (X08, 2.4)."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from engine.errors import TiercelError
from engine.journal import store as st
from engine.journal.actor import Journal
from engine.journal.check import check
from tests.engine.journal.session import INSTANCE, Session

BASE, NAME = "unix", "failing"
# where SQLite itself passes over a failure (a last checkpoint) apsw has nobody to raise it to
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class FailingFile(apsw.VFSFile):
    """A file whose operations are counted, and fail when their number comes."""

    def __init__(self, disk: FailingDisk, name: Any, flags: list[int]) -> None:
        self.disk = disk
        super().__init__(BASE, name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        if self.disk.fails("write"):
            half = bytes(data[: len(data) // 2])  # some of it may have got there
            if half:
                super().xWrite(half, offset)
            raise apsw.FullError("no space left on device")
        super().xWrite(data, offset)

    def xTruncate(self, size: int) -> None:
        if self.disk.fails("truncate"):
            raise apsw.IOError("truncate")
        super().xTruncate(size)

    def xSync(self, flags: int) -> None:
        if self.disk.fails("sync"):
            raise apsw.IOError("fsync")
        super().xSync(flags)


class FailingDisk(apsw.VFS):
    """The default VFS while it stands. Operation number `at` fails, and with `for_good` all after
    it; 0: none."""

    def __init__(self, at: int = 0, for_good: bool = False) -> None:
        self.at, self.for_good = at, for_good
        self.count = 0
        self.failed: list[str] = []
        super().__init__(NAME, BASE, makedefault=True)

    def fails(self, what: str) -> bool:
        self.count += 1
        if self.at and (self.count == self.at or (self.for_good and self.count > self.at)):
            self.failed.append(what)
            return True
        return False

    def xOpen(self, name: Any, flags: list[int]) -> FailingFile:
        return FailingFile(self, name, flags)


@contextlib.contextmanager
def disk(at: int = 0, for_good: bool = False) -> Iterator[FailingDisk]:
    found = FailingDisk(at, for_good)
    try:
        yield found
    finally:
        found.unregister()


def run(where: Path, records: list[bytes]) -> tuple[int, str | None]:
    """The journal takes the records in batches of three, with a restart in between; how many it
    acknowledged, and the code of what ended it."""
    acknowledged = 0
    for part in (records[: len(records) // 2], records):
        try:
            journal = Journal.open(where, INSTANCE)
        except TiercelError as error:
            return acknowledged, error.code
        try:
            for at in range(acknowledged, len(part), 3):
                journal.take(part[at : at + 3])
                journal.commit()
                acknowledged = min(len(part), at + 3)
        except TiercelError as error:
            with contextlib.suppress(TiercelError, apsw.Error):
                journal.close()
            return acknowledged, error.code
        with contextlib.suppress(TiercelError, apsw.Error):  # a last checkpoint may fail too
            journal.close()
    return acknowledged, None


def examine(where: Path, records: list[bytes], acknowledged: int) -> None:
    """What a journal that is opened on a disk that works again finds, and that it goes on."""
    journal = Journal.open(where, INSTANCE)
    try:
        stored = [st.raw_of(e) for e in st.events(journal.store.db)]
        assert len(stored) >= acknowledged, "silent loss"
        assert stored == records[: len(stored)]
        journal.take(records)
        journal.commit()
    finally:
        journal.close()
    found = check(where)
    assert found["ok"] and found["events"] == len(records), found["differences"][:3]


def sweep(folder: Path, orders: int, step: int, for_good: bool) -> dict[str, int]:
    """Every `step`-th operation of a session's life fails once; how often each kind did."""
    records = Session(3).run(orders).records
    (folder / "whole").mkdir(parents=True)
    with disk() as whole:
        assert run(folder / "whole", records) == (len(records), None)
    failed: dict[str, int] = {}
    for at in range(1, whole.count + 1, step):
        where = folder / str(at)
        where.mkdir()
        with disk(at, for_good) as hurt:
            acknowledged, error = run(where, records)
        gc.collect()  # its process ends: a connection that an error's frames held is closed
        assert hurt.failed, f"operation {at} of {whole.count} was never reached"
        for what in hurt.failed[:1]:
            failed[what] = failed.get(what, 0) + 1
        if error is None:  # the failure met a checkpoint or the close: all is safe already
            assert acknowledged == len(records)
        else:
            assert error.startswith("TCL-3"), error
        examine(where, records, acknowledged)
    return failed


@pytest.mark.parametrize("for_good", [False, True])
def test_every_failure_of_the_disk_is_found_and_survived(tmp_path: Path, for_good: bool) -> None:
    failed = sweep(tmp_path, orders=3, step=7, for_good=for_good)
    assert failed["write"] > 10 and failed["sync"] >= 1, failed


@pytest.mark.long
@pytest.mark.parametrize("for_good", [False, True])
def test_each_single_operation_fails(tmp_path: Path, for_good: bool) -> None:
    failed = sweep(tmp_path, orders=3, step=1, for_good=for_good)
    assert failed["write"] > 70 and failed["sync"] >= 3, failed
