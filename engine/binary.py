"""The entry of the one-file binary: the command line, and what it starts of itself.

Everywhere else a process is started as `python -m engine.lane ...`. In the binary `sys.executable`
is the binary, so the same words reach this file, which runs the module named. The first process is
the bootloader's child: it ends when the bootloader is killed, and everything it started ends with
it. The unpacked files of a binary that was killed lie in the temporary directory until the next
start finds that nobody uses them any more.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import runpy
import shutil
import signal
import stat
import sys
import time
from pathlib import Path
from tempfile import gettempdir

PR_SET_PDEATHSIG = 1
MODULES = ("engine.main", "engine.lane", "venues.simulated")
MARK = "tiercel.unpacked"
"""Shipped empty; who runs from a folder writes its pid into it and holds a shared lock on it."""
UNPACKING_S = 60.0
"""A folder whose mark is empty may still be unpacked by somebody who just starts."""


def end_with_bootloader() -> None:
    """SIGTERM when the bootloader is killed: then in order, as by Ctrl-C."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)


def occupy(folder: Path) -> int:
    """Hold the folder we run from for as long as this process lives; the descriptor that does."""
    fd = os.open(folder / MARK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(fd, fcntl.LOCK_SH)
    os.pwrite(fd, f"{os.getpid():<12d}".encode(), 0)
    return fd


def remove_abandoned(own: Path, place: Path) -> list[Path]:
    """Remove what killed binaries left unpacked in `place`; the folders that are gone."""
    gone = []
    for folder in sorted(place.glob("_MEI*")):
        if folder == own or not is_ours(folder):
            continue
        try:
            fd = os.open(folder / MARK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            about = os.fstat(fd)
            if about.st_size == 0 and time.clock_gettime(time.CLOCK_REALTIME) - about.st_mtime < (
                UNPACKING_S
            ):
                continue
            shutil.rmtree(folder, ignore_errors=True)
            gone.append(folder)
        except BlockingIOError:
            continue  # somebody runs from it
        finally:
            os.close(fd)
    return gone


def is_ours(folder: Path) -> bool:
    """A folder (no link) of this user's."""
    try:
        about = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(about.st_mode) and about.st_uid == os.geteuid()


def run_module(argv: list[str]) -> None:
    """`-m MODULE ARGUMENTS`, for the modules that an engine starts of itself."""
    name, *rest = argv
    if name not in MODULES:
        print(f"tiercel: no module {name} is started here", file=sys.stderr)
        sys.exit(2)
    sys.argv = [name, *rest]
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def main() -> None:
    """The binary's first words: what it is this time."""
    unpacked = getattr(sys, "_MEIPASS", None)
    is_child = sys.argv[1:2] == ["-m"]
    if unpacked is not None:
        folder = Path(unpacked)
        occupy(folder)
        if not is_child:
            end_with_bootloader()
            remove_abandoned(folder, Path(gettempdir()))
    if is_child:
        run_module(sys.argv[2:])
        return
    from engine.entry import main as command_line

    command_line()


if __name__ == "__main__":
    main()
