"""What this build is, as 64 bits: every process of an engine must be of the same one."""

from __future__ import annotations

import hashlib
import sys
from functools import cache
from pathlib import Path

PACKAGES = ("hotpath", "engine", "feeds", "venues", "actors")


@cache
def build_hash() -> int:
    """Over name, size and time of change of every module; changes when any is edited or rebuilt."""
    root = Path(__file__).resolve().parent.parent
    found = hashlib.sha256()
    if getattr(sys, "frozen", False):  # one file, unpacked anew at each start
        info = Path(sys.executable).stat()
        found.update(f"{info.st_size}\0{info.st_mtime_ns}\n".encode())
        return int.from_bytes(found.digest()[:8], "big")
    for package in PACKAGES:
        files = (f for f in (root / package).rglob("*") if f.suffix in (".py", ".so"))
        for file in sorted(files):
            info = file.stat()
            name = file.relative_to(root)
            found.update(f"{name}\0{info.st_size}\0{info.st_mtime_ns}\n".encode())
    return int.from_bytes(found.digest()[:8], "big")
