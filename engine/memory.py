"""Shared memory of one instance: a 0700 directory on tmpfs and the files in it.

The files are outboxes, boards and histograms. They outlive every process, so that the next start
can drain what the journal had not taken; they do not outlive the host. Everything is allocated
when it is created: a full tmpfs is a coded refusal at the start, never a SIGBUS in the middle of a
session. Descriptors are passed to the lanes; nobody but the root opens by name.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import gettempdir
from typing import TypeVar

from engine.errors import TiercelError
from hotpath import ring

TMPFS = Path("/dev/shm")
T = TypeVar("T")
ESCAPED = re.compile(r"\\([0-7]{3})")


class NoRoomInMemory(TiercelError):
    code = "TCL-2001"
    what = "Shared memory for {name} cannot be allocated"
    why = "It needs {need} bytes and {place} has {free} bytes free ({detail})"
    do = "Free some of it, enlarge the tmpfs, or configure smaller outboxes"


class MemoryNotOurs(TiercelError):
    code = "TCL-2002"
    what = "{path} is not safe to use as shared memory"
    why = "{detail}"
    do = "Find out who made it; remove it when nothing uses it, then start again"


class ForeignOutbox(TiercelError):
    code = "TCL-2003"
    what = "{path} cannot be read by this build"
    why = "{detail}"
    do = "Drain it with the build that wrote it, or remove it if its records are not needed"


class OutboxOfAnotherBuild(TiercelError):
    code = "TCL-2004"
    what = "{path} belongs to another build of tiercel"
    why = "{detail}"
    do = "Stop every process of the engine and start it again, so that all run one build"


class RoleIsTaken(TiercelError):
    code = "TCL-2005"
    what = "{path} has another writer or a later epoch"
    why = "{detail}"
    do = "Nothing: this process was replaced and must end. If no other runs, report it"


class CorruptOutbox(TiercelError):
    code = "TCL-2006"
    what = "{path} holds bytes that are not records"
    why = "{detail}"
    do = "Keep a copy of it, run `tiercel journal check`, and reconcile with the venues"


class NoPlaceForMemory(TiercelError):
    code = "TCL-2007"
    what = "There is no place for shared memory"
    why = "{detail}"
    do = "Make /dev/shm a writable tmpfs, or set TMPDIR to a directory you may write"


class MemoryExists(TiercelError):
    code = "TCL-2008"
    what = "Shared memory named {name} exists already in {place}"
    why = "A run before this one left it and it was not drained"
    do = "Start the engine on the same state directory, which drains it, or run `tiercel clean`"


def in_words(path: str | Path, call: Callable[[], T]) -> T:
    """What `call` returns; what a ring finds wrong becomes a condition with a code."""
    try:
        return call()
    except ring.OtherBuild as e:
        raise OutboxOfAnotherBuild(path=path, detail=e) from None
    except ring.OldEpoch as e:
        raise RoleIsTaken(path=path, detail=e) from None
    except ring.CorruptRing as e:
        raise CorruptOutbox(path=path, detail=e) from None
    except ring.RingError as e:
        raise ForeignOutbox(path=path, detail=e) from None


def filesystem_of(path: Path) -> str:
    """Kind of the filesystem that holds a path, by the mount table: of the longest mount point, the
    last of two at one place, which hides the other."""
    best, kind = -1, ""
    real = path.resolve().as_posix()
    for line in Path("/proc/self/mounts").read_text(errors="replace").splitlines():
        _, mount, filesystem, *_ = line.split(" ")
        mount = ESCAPED.sub(lambda m: chr(int(m[1], 8)), mount)
        holds = real == mount or real.startswith(mount.rstrip("/") + "/")
        if holds and len(mount) >= best:
            best, kind = len(mount), filesystem
    return kind


def is_tmpfs(path: Path) -> bool:
    """Whether a path lies on tmpfs."""
    return filesystem_of(path) in ("tmpfs", "ramfs")


def find_place(preferred: Path = TMPFS) -> tuple[Path, str]:
    """(directory, why not tmpfs or ""): /dev/shm where it is a writable tmpfs, else TMPDIR.

    NoPlaceForMemory when neither can be written.
    """
    if preferred.is_dir() and os.access(preferred, os.W_OK | os.X_OK) and is_tmpfs(preferred):
        return preferred, ""
    other = Path(gettempdir())
    if not os.access(other, os.W_OK | os.X_OK):
        raise NoPlaceForMemory(detail=f"neither {preferred} nor {other} can be written")
    reason = f"{preferred} is not a writable tmpfs, so shared memory lies in {other}"
    return other, "" if is_tmpfs(other) else reason


def _check_owner(path: Path, info: os.stat_result, directory: bool) -> None:
    kind = stat.S_ISDIR(info.st_mode) if directory else stat.S_ISREG(info.st_mode)
    wanted = 0o700 if directory else 0o600
    mode = stat.S_IMODE(info.st_mode)
    if not kind:
        raise MemoryNotOurs(path=path, detail=f"It is not a {'directory' if directory else 'file'}")
    if info.st_uid != os.geteuid():
        raise MemoryNotOurs(path=path, detail=f"It belongs to user {info.st_uid}")
    if mode != wanted:
        raise MemoryNotOurs(path=path, detail=f"Its mode is {mode:04o} and must be {wanted:04o}")
    if not directory and info.st_nlink > 1:
        raise MemoryNotOurs(path=path, detail="It has a second name elsewhere")


class Memory:
    """The directory of one instance. `fallback` says why it is not on tmpfs, else ""."""

    def __init__(self, path: Path, fallback: str = "") -> None:
        self.path = path
        self.fallback = fallback

    @classmethod
    def of_instance(cls, instance: int, place: Path | None = None) -> Memory:
        """Make or open the directory of an instance (the random number of a state directory)."""
        parent, fallback = find_place() if place is None else (place, "")
        path = parent / f"tiercel-{instance:010x}"
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            pass
        except OSError as e:
            raise NoPlaceForMemory(detail=f"{path}: {e.strerror}") from None
        _check_owner(path, path.lstat(), directory=True)
        return cls(path, fallback)

    def file(self, name: str) -> Path:
        if not name or "/" in name or name.startswith("."):
            raise ValueError(f"{name!r} is no file name")
        return self.path / name

    def names(self, suffix: str = "") -> list[str]:
        return sorted(f.name for f in self.path.iterdir() if f.name.endswith(suffix))

    def create(self, name: str, size: int) -> int:
        """A descriptor of a new file of `size` allocated bytes. NoRoomInMemory, MemoryExists."""
        path = self.file(name)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            fd = os.open(path, flags, 0o600)
        except FileExistsError:
            raise MemoryExists(name=name, place=self.path) from None
        except OSError as e:
            raise self._no_room(name, size, e) from None
        try:
            os.fchmod(fd, 0o600)
            os.posix_fallocate(fd, 0, size)
        except OSError as e:
            os.close(fd)
            path.unlink()
            raise self._no_room(name, size, e) from None
        return fd

    def _no_room(self, name: str, size: int, e: OSError) -> TiercelError:
        room = os.statvfs(self.path)
        why = errno.errorcode.get(e.errno or 0, "?")
        detail = f"{why}: {e.strerror}"
        free = room.f_bavail * room.f_frsize
        return NoRoomInMemory(name=name, need=size, place=self.path, free=free, detail=detail)

    def open(self, name: str) -> int:
        """A descriptor of a file that exists. MemoryNotOurs; FileNotFoundError."""
        path = self.file(name)
        try:
            fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            raise
        except OSError as e:
            raise MemoryNotOurs(path=path, detail=f"{e.strerror}") from None
        try:
            _check_owner(path, os.fstat(fd), directory=False)
        except TiercelError:
            os.close(fd)
            raise
        return fd

    def create_outbox(
        self,
        name: str,
        capacity: int,
        source: int,
        *,
        epoch: int = 0,
        first_position: int = 1,
        gating: Iterable[str] = (),
        lossy: Iterable[str] = (),
        reserve: int = 0,
        build_hash: int = 0,
    ) -> int:
        """A descriptor of a new, formatted outbox; its writer attaches with an epoch >= `epoch`."""
        fd = self.create(name, ring.file_bytes(capacity))
        try:
            ring.Outbox.create(
                fd,
                capacity,
                source,
                epoch,
                first_position=first_position,
                gating=tuple(gating),
                lossy=tuple(lossy),
                reserve=reserve,
                build_hash=build_hash,
            )
        except BaseException:
            os.close(fd)
            self.remove(name)
            raise
        return fd

    def remove(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.file(name).unlink()

    def remove_all(self) -> None:
        """Remove every file and the directory."""
        for name in self.names():
            self.file(name).unlink()
        self.path.rmdir()


def lock_role(fd: int, path: str | Path) -> int:
    """Hold a file's lock for as long as this process lives: RoleIsTaken when another does.

    The descriptor passed to a lane is shared with the root, and so would be a lock on it; the file
    is opened anew, and the lock dies with whoever holds it. Returns the descriptor that keeps it.
    """
    own = os.open(f"/proc/self/fd/{fd}", os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(own, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as e:
        os.close(own)
        detail = "Another process holds its lock" if e.errno == errno.EWOULDBLOCK else e.strerror
        raise RoleIsTaken(path=path, detail=detail) from None
    return own
