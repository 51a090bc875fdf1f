"""A small file system of a test's own, where this user may mount one; and a ballast to fill it."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

MIB = 1 << 20


@contextlib.contextmanager
def small_disk(place: Path, mib: int) -> Iterator[Path]:
    """A tmpfs of `mib` MiB at `place`, gone afterwards."""
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=0700", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(words, capture_output=True).returncode != 0:
        pytest.skip("mounting a small file system needs root")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path, leave: int) -> None:
    """Take all room but `leave` bytes."""
    room = os.statvfs(place)
    fd = os.open(place / "ballast", os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        grown = os.fstat(fd).st_size + room.f_bavail * room.f_frsize - leave
        os.posix_fallocate(fd, 0, grown)
    finally:
        os.close(fd)


def clear(place: Path) -> None:
    """Give the room back."""
    (place / "ballast").unlink()
