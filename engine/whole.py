"""Bytes that reach a file whole or not at all, on a disk that is full too."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def append_whole(fd: int, content: bytes) -> None:
    """Append to a file of which this process is the only writer. OSError: nothing was added.

    A disk that fills up takes the first part of a write and says so only at the next one.
    """
    before = os.fstat(fd).st_size
    view = memoryview(content)
    try:
        while view:
            view = view[os.write(fd, view) :]
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(fd, before)
        raise


def replace_durably(path: Path, content: bytes) -> None:
    """Replace a file so that a crash leaves the old or the new, whole. OSError: the old stands."""
    fresh = path.with_name(path.name + ".new")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        append_whole(fd, content)
        os.fsync(fd)
    finally:
        os.close(fd)
    os.replace(fresh, path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """The names in a directory are on disk."""
    folder = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
