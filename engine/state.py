"""The state directory: who holds it, what survives in it, and how a running engine is found.

DIR/lock            held (flock) by the root for as long as it lives
DIR/run.json        the root that runs, or ran last
DIR/root.sock       the root's control socket
DIR/epochs.json     epoch of every role and the last position of every source
DIR/kill.json       the kill switch
DIR/registry.jsonl  numbers (engine/registry.py)
DIR/log, DIR/latency, DIR/recordings, DIR/exchanges, DIR/journal.db
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import stat
from pathlib import Path
from typing import ClassVar

import msgspec

from engine.errors import EXIT_NO_ENGINE, TiercelError
from engine.whole import replace_durably

FOLDERS = ("log", "latency", "recordings", "exchanges")
DEFAULT_PARENT = Path("var")
LOST_POSITIONS = 1 << 32
"""Positions skipped when it is not known how far a source had come: its outbox is gone."""


class StateBusy(TiercelError):
    """Another engine runs on this state directory."""

    code: ClassVar[str] = "TCL-3001"
    what = "The state directory {path} is in use"
    why = "An engine runs on it{detail}"
    do = "Stop it with `tiercel stop --state {path}`, or choose another directory with --state"


class StateRefused(TiercelError):
    """The state directory cannot be used safely."""

    code: ClassVar[str] = "TCL-3002"
    what = "The state directory {path} cannot be used"
    why = "{detail}"
    do = "Choose a directory that you own and others cannot write"


class StateNotWritten(TiercelError):
    """The state directory takes no write: full, or not ours to write."""

    code: ClassVar[str] = "TCL-3004"
    what = "The state directory {path} cannot be written"
    why = "{detail}"
    do = "Make room or mend its permissions, then start again; what was stored is not touched"


class StateDamaged(TiercelError):
    """A file of the state directory cannot be read."""

    code: ClassVar[str] = "TCL-3003"
    what = "{path} is damaged"
    why = "{detail}"
    do = "Restore it from a copy; `tiercel journal check` says whether the journal is whole"


class NoEngine(TiercelError):
    """No engine runs where one was asked for."""

    code: ClassVar[str] = "TCL-1050"
    what = "No engine runs {where}"
    why = "{detail}"
    do = "Start one with `tiercel demo` or `tiercel run CONFIG`, or name another with --state"
    exit_code = EXIT_NO_ENGINE


class SeveralEngines(TiercelError):
    """Several engines run and none was named."""

    code: ClassVar[str] = "TCL-1051"
    what = "Several engines are running"
    why = "They are at {found}"
    do = "Name one with --state"
    exit_code = EXIT_NO_ENGINE


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """run.json: the root that runs, or ran last."""

    run: str
    root: int  # pid
    started: int  # start time of that process, clock ticks since boot
    application: str
    mode: str
    instance: int
    drill: bool = False
    exchanges: list[dict[str, object]] = []


class Epochs(msgspec.Struct):
    """epochs.json: the epoch each role had last, and how far each source is known to have come.

    `clean` says that the positions are those of an orderly end.
    """

    roles: dict[str, int] = {}
    positions: dict[str, int] = {}
    clean: bool = True
    runs: int = 0


def in_words(error: OSError) -> str:
    """What the system said, and of which file."""
    of = f"{error.filename}: " if error.filename else ""
    return f"{of}{error.strerror}"


def start_time(pid: int) -> int | None:
    """Start time of a process in clock ticks since boot; None when there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


class StateDirectory:
    """Holds the lock of a state directory until `close` or the end of the process."""

    def __init__(self, path: Path) -> None:
        self.path = path = path.absolute()
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            info = path.lstat()
        except OSError as e:
            raise StateRefused(path=path, detail=e.strerror) from None
        if not stat.S_ISDIR(info.st_mode):
            raise StateRefused(path=path, detail="It is not a directory")
        if info.st_uid != os.geteuid():
            raise StateRefused(path=path, detail=f"It belongs to user {info.st_uid}")
        if stat.S_IMODE(info.st_mode) & 0o022:
            raise StateRefused(path=path, detail="Others may write to it")
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self._lock = os.open(path / "lock", flags, 0o600)
        except OSError as e:
            raise StateRefused(path=path, detail=f"{path / 'lock'}: {e.strerror}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as e:
            os.close(self._lock)
            if e.errno != errno.EWOULDBLOCK:
                raise StateRefused(path=path, detail=e.strerror) from None
            run = read_run(path)
            detail = f" (root process {run.root})" if run else ""
            raise StateBusy(path=path, detail=detail) from None
        try:
            for name in FOLDERS:
                (path / name).mkdir(mode=0o700, exist_ok=True)
            self.epochs = self._read_epochs()
            self._used: dict[str, int] = {}  # of this run: what is stored may be ahead of it
        except OSError as e:
            os.close(self._lock)
            raise StateNotWritten(path=path, detail=in_words(e)) from None

    def _read_epochs(self) -> Epochs:
        path = self.path / "epochs.json"
        try:
            return msgspec.json.decode(path.read_bytes(), type=Epochs)
        except FileNotFoundError:
            return Epochs()
        except msgspec.MsgspecError as e:
            raise StateDamaged(path=path, detail=str(e).replace("{", "(")) from None

    def store_epochs(self) -> None:
        replace_durably(self.path / "epochs.json", msgspec.json.encode(self.epochs))

    def next_epoch(self, role: str, ahead: int = 0) -> int:
        """The next epoch of a role: on disk before it is used.

        With `ahead`, that many further ones are stored as used with it, so that the next starts of
        the role need not wait for the disk; what of them was not used then never is.
        """
        stored = self.epochs.roles.get(role, 0)
        epoch = self._used.get(role, stored) + 1
        if epoch > stored:
            self.epochs.roles[role] = epoch + ahead
            try:
                self.store_epochs()
            except OSError:
                self.epochs.roles[role] = stored
                raise
        self._used[role] = epoch
        return epoch

    def first_position(self, source: str, known: int | None, *, kept: bool) -> int:
        """Where a new outbox of a source begins: above everything it ever wrote.

        `known` is its last position as the journal or its left-behind outbox has it, None when
        neither does; `kept` says that the outbox was there, so that nothing it wrote is missing.
        Without it (the host started anew, the directory is an older copy) a range is skipped.
        """
        last = max(known or 0, self.epochs.positions.get(source, 0))
        nothing_lost = kept or (self.epochs.clean and not last)
        return last + (1 if nothing_lost else LOST_POSITIONS)

    def close(self) -> None:
        os.close(self._lock)


def read_run(path: Path) -> Run | None:
    """run.json of a state directory, None when there is none that can be read."""
    try:
        return msgspec.json.decode((path / "run.json").read_bytes(), type=Run)
    except (OSError, msgspec.MsgspecError):
        return None


def is_running(path: Path) -> bool:
    """Does the root that run.json names live?"""
    run = read_run(path)
    return run is not None and start_time(run.root) == run.started


def resolve(path: Path | None) -> Path:
    """The state directory meant by --state: the one named, else the only one running under ./var.

    NoEngine when there is none (or it does not run), SeveralEngines when there are several.
    """
    if path is not None:
        if not is_running(path):
            why = (
                "It has no root process that lives" if os.path.exists(path) else "It does not exist"
            )
            raise NoEngine(where=f"at {path}", detail=why)
        return path
    found = [d for d in sorted(DEFAULT_PARENT.glob("*")) if is_running(d)]
    if not found:
        raise NoEngine(where=f"under ./{DEFAULT_PARENT}", detail="None of its folders has one")
    if len(found) > 1:
        raise SeveralEngines(found=", ".join(map(str, found)))
    return found[0]


def remove(path: Path) -> None:
    """Remove a state directory, whole; the caller holds its lock."""

    def refuse_links(name: str) -> None:
        if Path(name).is_symlink():
            raise StateRefused(path=path, detail=f"{name} is a link")

    refuse_links(str(path))
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(path)
