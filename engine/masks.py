"""Measured stamps: which bytes of a record they are, and the record without them."""

from __future__ import annotations

from hotpath.records import HEADER_BYTES, SPECS


def stamp_ranges() -> dict[int, list[tuple[int, int]]]:
    """Kind to the byte ranges of its measured stamps, in the whole record."""
    found = {}
    for number, spec in SPECS.items():
        ranges = [
            (HEADER_BYTES + f.offset, HEADER_BYTES + f.offset + f.bytes)
            for f in spec.fields
            if f.name.startswith("stamp_")
        ]
        if ranges:
            found[number] = ranges
    return found


STAMPS = stamp_ranges()


def masked(record: bytes) -> bytes:
    """The record with its measured stamps set to zero."""
    ranges = STAMPS.get(record[4] | record[5] << 8)
    if ranges is None:
        return record
    out = bytearray(record)
    for start, end in ranges:
        out[start:end] = bytes(end - start)
    return bytes(out)
