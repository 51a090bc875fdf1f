"""The lines of a batch: JSON lines from a file or from standard input, in bounded memory."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import BinaryIO

from engine.errors import FileNotReadable

LINE_LIMIT = 16 << 20
"""Bytes; the largest account of Solana takes 14 MiB of text."""
TOO_LONG = b"\0too long"
WHY_TOO_LONG = f"the line is longer than {LINE_LIMIT} bytes"


def open_lines(path: str) -> BinaryIO:
    """The file, or standard input for `-`. FileNotReadable."""
    if path == "-":
        return sys.stdin.buffer
    try:
        return open(path, "rb")
    except OSError as e:
        raise FileNotReadable(path=path, detail=e.strerror or str(e)) from e


def lines_of(file: BinaryIO, limit: int = LINE_LIMIT) -> Iterator[bytes]:
    """Its lines; TOO_LONG stands for one of more than `limit` bytes, which is read past."""
    while line := file.readline(limit + 1):
        if len(line) <= limit or line.endswith(b"\n"):
            yield line
            continue
        while (piece := file.readline(limit)) and not piece.endswith(b"\n"):
            pass
        yield TOO_LONG
