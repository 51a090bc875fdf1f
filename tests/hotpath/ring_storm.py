"""Writer and reader of the kill test, run in processes of their own.

A record's payload is its position, a body whose length and bytes follow from it, and a CRC. The
reader writes what it took into a file of its own, and only then publishes; after a kill it goes on
from there, so a record may be seen twice, but never torn and never skipped.
"""

from __future__ import annotations

import os
import struct
import zlib

from hotpath.records import HEADER_BYTES, Kind, RecordError, split, unpack
from hotpath.ring import Outbox, Reader

TALLY = struct.Struct("<QQQQQ")  # last position, torn, lost, twice, gaps


def body(position: int) -> bytes:
    """What the record at a position must hold."""
    text = struct.pack("<Q", position) + bytes([position & 255]) * (position * 7 % 300)
    return text + struct.pack("<I", zlib.crc32(text))


def write(fd: int, epoch: int, pause: int) -> None:
    """Write until killed. A full ring is waited for; a reader that sleeps is rung."""
    outbox = Outbox.attach(fd, epoch)
    outbox.set_bell("journal", pause)
    while True:
        if not outbox.append(Kind.DOCUMENT, body(outbox.position + 1)):
            os.sched_yield()
        outbox.ring()


def read(fd: int, name: str, tally: int, bell: int) -> None:
    """Read until killed; the tally file is written before the cursor moves."""
    reader = Reader.attach(fd, name, lossy=name != "journal")
    last, torn, lost, twice, gaps = TALLY.unpack(os.pread(tally, TALLY.size, 0))
    while True:
        taken = reader.take(64)
        for raw in taken:
            header, payload = split(raw)
            if header.kind == Kind.GAP:
                gap = unpack(Kind.GAP, payload)
                if reader.lossy and gap.to >= last:
                    gaps += gap.to - max(last, gap.from_ - 1)
                    last = gap.to
                continue
            try:
                torn += payload != body(header.position) or header.length <= HEADER_BYTES
            except RecordError:
                torn += 1
            if header.position <= last:
                twice += 1
            else:
                lost += header.position - last - 1
                last = header.position
        if taken:
            os.pwrite(tally, TALLY.pack(last, torn, lost, twice, gaps), 0)
            reader.store()
        elif reader.sleep():
            os.read(bell, 8)
            reader.awake()
