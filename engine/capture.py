"""Raw captures: the frames of connections as they were received, read batch by batch.

Two formats are read, compressed with gzip or zstd or not at all, told by their first bytes: lines
of `<receive time, unix ns> <frame>`, and lines of JSON objects `{"t", "conn", "ts", "data", ...}`
of which the kinds `recv` and `http` carry a frame (`t` says which). Memory is bounded by the batch,
not by the file. A file that ends early is an error and not a short capture.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import orjson

from engine.errors import FileNotReadable, TiercelError

CHUNK_BYTES = 1 << 18
LINE_LIMIT_BYTES = 64 << 20
BATCH_FRAMES = 8192
LATEST_NS = 2**63 - 1


class CaptureTruncated(TiercelError):
    code = "TCL-4001"
    what = "The capture {path} ends too early"
    why = "{detail}"
    do = "Copy or record it again; what was read before the end is not used"


class CaptureDamaged(TiercelError):
    code = "TCL-4002"
    what = "{path} is not a capture that can be read"
    why = "{detail}"
    do = "Give a file of lines `<unix ns> <frame>` or of recorded JSON objects, plain, .gz or .zst"


class Frame(msgspec.Struct, frozen=True):
    """One frame: receive time in unix ns, how it came (`recv` or `http`), for `http` the symbol
    that was asked for (empty: not said), and its bytes."""

    time_ns: int
    kind: str
    symbol: str
    data: bytes


def chunks(path: Path) -> Iterator[bytes]:
    """The decompressed bytes of a file in pieces; CaptureTruncated, CaptureDamaged."""
    try:
        file = path.open("rb")
    except OSError as e:
        raise FileNotReadable(path=path, detail=e.strerror or str(e)) from e
    with file:
        try:
            head = file.read(4)
            file.seek(0)
        except OSError as e:
            raise FileNotReadable(path=path, detail=e.strerror or str(e)) from e
        if head[:2] == b"\x1f\x8b":
            yield from inflated(path, file, lambda: zlib.decompressobj(31), zlib.error, "gzip")
        elif head == b"\x28\xb5\x2f\xfd":
            from zstandard import ZstdDecompressor, ZstdError

            yield from inflated(
                path, file, lambda: ZstdDecompressor().decompressobj(), ZstdError, "zstd"
            )
        else:
            while piece := file.read(CHUNK_BYTES):
                yield piece


def inflated(
    path: Path, file: Any, make: Any, failure: type[Exception], name: str
) -> Iterator[bytes]:
    """Decompressed pieces; a stream may have several members, and must end where one ends."""
    inflate = None
    while piece := file.read(CHUNK_BYTES):
        while piece:
            if inflate is None:
                inflate = make()
            try:
                out = inflate.decompress(piece)
            except failure as e:
                detail = f"its {name} data is damaged ({e})"
                raise CaptureDamaged(path=path, detail=detail) from e
            if out:
                yield out
            if not inflate.eof:
                break
            piece, inflate = inflate.unused_data, None
    if inflate is not None:
        raise CaptureTruncated(path=path, detail=f"the {name} data has no end")


def lines(path: Path) -> Iterator[list[bytes]]:
    """Whole lines in lists, without their ends; the last may lack its end."""
    rest = b""
    for piece in chunks(path):
        parts = (rest + piece).split(b"\n")
        rest = parts.pop()
        if len(rest) > LINE_LIMIT_BYTES:
            raise CaptureDamaged(
                path=path, detail=f"a line is longer than {LINE_LIMIT_BYTES} bytes"
            )
        if parts:
            yield parts
    if rest.strip():
        yield [rest]


def frames(path: Path) -> Iterator[Frame]:
    """The frames of a capture in their order; FileNotReadable, CaptureTruncated, CaptureDamaged."""
    number = 0
    held: Frame | None = None  # the last one is only given when it is known to be whole
    for batch in lines(path):
        for line in batch:
            number += 1
            text = line.strip()
            if not text:
                continue
            frame = (
                recorded(path, number, text) if text[:1] == b"{" else stamped(path, number, text)
            )
            if frame is None:
                continue
            if held is not None:
                yield held
            held = frame
    if number == 0:
        raise CaptureDamaged(path=path, detail="it is empty")
    if held is not None:
        try:
            orjson.loads(held.data)
        except orjson.JSONDecodeError as e:
            detail = f"its last frame (line {number}) is cut off"
            raise CaptureTruncated(path=path, detail=detail) from e
        yield held


def stamped(path: Path, number: int, text: bytes) -> Frame:
    time, _, data = text.partition(b" ")
    if not time.isdigit() or len(time) > 19 or int(time) > LATEST_NS or not data:
        detail = f"line {number} does not begin with a receive time and a frame"
        raise CaptureDamaged(path=path, detail=detail)
    return Frame(int(time), "recv", "", data)


def recorded(path: Path, number: int, text: bytes) -> Frame | None:
    try:
        entry = orjson.loads(text)
    except orjson.JSONDecodeError as e:
        detail = f"line {number} is not a whole JSON object"
        raise CaptureTruncated(path=path, detail=detail) from e
    kind, data = entry.get("t"), entry.get("data")
    if not isinstance(kind, str):
        raise CaptureDamaged(path=path, detail=f"line {number} does not say what it is (`t`)")
    if kind not in ("recv", "http") or not isinstance(data, str):
        return None
    seconds = entry.get("ts", 0)
    if not isinstance(seconds, int | float) or not 0 <= seconds < LATEST_NS / 1e9:
        raise CaptureDamaged(path=path, detail=f"line {number} has no receive time (`ts`)")
    try:
        query = urlsplit(str(entry.get("url", ""))).query
    except ValueError as e:
        raise CaptureDamaged(path=path, detail=f"line {number} has no address (`url`): {e}") from e
    symbol = parse_qs(query).get("symbol", [""])[0]
    return Frame(round(seconds * 1e9), kind, symbol, data.encode())


def batches(path: Path, size: int = BATCH_FRAMES) -> Iterator[list[Frame]]:
    """Lists of at most `size` frames."""
    batch: list[Frame] = []
    for frame in frames(path):
        batch.append(frame)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
