"""The faults of `tiercel drill`: what each does to the engine or its exchanges."""

from __future__ import annotations

import errno
import os
import resource
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal

import msgspec

from engine.errors import TiercelError

FILE_LIMIT = 4096
"""Bytes at which no file grows any further while a full disk is played."""
SMALL_DISK = 1 << 30
"""A file system of at most so many bytes is really filled."""
LEDGER_ROOM = 8 << 20
"""Bytes an exchange may still write while the disk that it shares with the engine is full."""
FALLOC_FL_KEEP_SIZE = 1
SILENCE_FOUND_S, ABSENCE_PROVEN_S = 20.0, 15.0


class NoSuchDrill(TiercelError):
    """A fault that no drill has."""

    code: ClassVar[str] = "TCL-2110"
    what = "There is no drill `{name}`"
    why = "Drills are: {known}"
    do = "Name one of these; `tiercel drill` alone says what each does"
    exit_code = 2


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One fault.

    `at` says where it acts: `exchange` (the fields of `words` go to its control socket), `lane`
    (signal `number` to a lane), `root` (the same to the root), `disk` (no file of the engine can
    grow). It lasts `for_s` seconds, 0 where it is over at once. What it leaves behind may take up
    to `settle_s` more: a connection that says nothing is found dead after 20 s, and that an order
    never arrived is proven after 10 s (reliability.md 4.6), counted from when questions are
    answered again.
    """

    sentence: str
    at: Literal["exchange", "lane", "root", "disk"]
    words: dict[str, Any] = {}
    number: int = signal.SIGKILL
    for_s: float = 0.0
    settle_s: float = 0.0


FAULTS: dict[str, Fault] = {
    "kill-lane": Fault(sentence="the lane that trades is killed with SIGKILL", at="lane"),
    "stop-lane": Fault(
        sentence="the lane that trades stands still for 3 s",
        at="lane",
        number=signal.SIGSTOP,
        for_s=3,
    ),
    "kill-root": Fault(sentence="the root is killed with SIGKILL", at="root"),
    "full-disk": Fault(sentence="no file of the engine can grow for 3 s", at="disk", for_s=3),
    "silent-feed": Fault(
        sentence="market data stop for 3 s while the connection stays open",
        at="exchange",
        words={"fault": "silence", "target": "streams", "for_ms": 3000},
        for_s=3,
    ),
    "lost-reply": Fault(
        sentence="three placements are executed and their replies never come",
        at="exchange",
        words={"fault": "lost_reply", "count": 3, "match": '"p'},
    ),
    "half-open": Fault(
        sentence="every connection falls silent both ways and is never closed",
        at="exchange",
        words={"fault": "half_open"},
        settle_s=SILENCE_FOUND_S + ABSENCE_PROVEN_S,
    ),
    "disconnect": Fault(
        sentence="every connection is reset at once",
        at="exchange",
        words={"fault": "disconnect"},
    ),
    "reject": Fault(
        sentence="three placements are rejected",
        at="exchange",
        words={"fault": "reject", "count": 3, "code": -2010, "msg": "drill"},
    ),
    "unknown": Fault(
        sentence="two requests are executed and answered `outcome unknown`",
        at="exchange",
        words={"fault": "unknown", "count": 2},
    ),
    "late-ack": Fault(
        sentence="five replies come 500 ms late, after their own execution reports",
        at="exchange",
        words={"fault": "late_ack", "count": 5, "delay_ms": 500},
    ),
    "duplicate": Fault(
        sentence="twenty execution reports come twice",
        at="exchange",
        words={"fault": "duplicate", "target": "user", "count": 20},
    ),
    "gap": Fault(
        sentence="a depth update is lost", at="exchange", words={"fault": "gap", "count": 1}
    ),
    "rate-limit": Fault(
        sentence="a request is answered 429: wait 2 s",
        at="exchange",
        words={"fault": "rate_limit", "target": "replies", "count": 1, "retry_after_s": 2},
        for_s=2,
        settle_s=ABSENCE_PROVEN_S,
    ),
    "ban": Fault(
        sentence="every request is answered 418 for 4 s",
        at="exchange",
        words={"fault": "ban", "for_ms": 4000, "retry_after_s": 4},
        for_s=4,
        settle_s=ABSENCE_PROVEN_S,
    ),
}


def named(name: str) -> Fault:
    """The fault of a name. NoSuchDrill."""
    if name not in FAULTS:
        raise NoSuchDrill(name=name, known=", ".join(FAULTS))
    return FAULTS[name]


def full_disk(
    state: Path, processes: Callable[[], list[int]], ledgers: Iterable[Path] = ()
) -> AbstractContextManager[str]:
    """A full disk under `state`: truly full where it is a small file system of its own, else played
    by a limit on the size of files; the words say which. The exchanges' `ledgers` go on growing."""
    room = os.statvfs(state)
    if room.f_blocks * room.f_frsize <= SMALL_DISK:
        return no_room(state, ledgers)
    return no_file_grows(processes)


def set_aside(path: Path, size: int) -> None:
    """Blocks for `size` bytes beyond the end of a file, whose length stays. OSError."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    libc.fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        if libc.fallocate(fd, FALLOC_FL_KEEP_SIZE, os.fstat(fd).st_size, size) != 0:
            failed = ctypes.get_errno()
            raise OSError(failed, os.strerror(failed), str(path))
    finally:
        os.close(fd)


@contextmanager
def no_room(place: Path, ledgers: Iterable[Path] = ()) -> Iterator[str]:
    """The file system of `place` has no free byte: writes fail with ENOSPC.

    An exchange has a disk of its own in life: room for its ledger is set aside before.
    """
    for ledger in ledgers:
        set_aside(ledger, LEDGER_ROOM)
    ballast = place / "drill.ballast"
    fd = os.open(ballast, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        room, size = os.statvfs(place), 0
        while free := room.f_bavail * room.f_frsize:
            try:
                os.posix_fallocate(fd, size, free)
                size += free
            except OSError as e:  # others write meanwhile: take what is left now
                if e.errno != errno.ENOSPC:
                    raise
            room = os.statvfs(place)
        yield f"the file system of {place} has no free byte"
    finally:
        os.close(fd)
        ballast.unlink()


@contextmanager
def no_file_grows(processes: Callable[[], list[int]]) -> Iterator[str]:
    """No file of these processes grows: writes fail with EFBIG (shared memory is made already).

    Those that were started meanwhile have inherited the limit: afterwards it is taken off them too.
    """
    before: dict[int, tuple[int, int]] = {}
    for pid in processes():
        try:
            before[pid] = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (FILE_LIMIT, before[pid][1]))
        except ProcessLookupError:
            continue
    try:
        yield "played by a limit on their size"
    finally:
        later = [pid for pid in processes() if pid not in before] if before else []
        usual = next(iter(before.values()), (0, 0))
        for pid in [*before, *later]:
            try:
                resource.prlimit(pid, resource.RLIMIT_FSIZE, before.get(pid, usual))
            except ProcessLookupError:
                continue
