"""Mutations of frames: what a broken peer, a cut or a flipped bit makes of a text."""

from __future__ import annotations

import random

INSERTS = [
    *(bytes([c]) for c in b'{}[],:"\\ \n\t0123456789.-+eE\x00\x1f\x7f\x80\xc2\xff'),
    b"null",
    b"true",
    b"1e5",
    b"1e999",
    b"\\u0062",
    b"\\ud800",
    b"\xc3\xa9",
    b'"b":',
    b"00",
    b"18446744073709551616",
    b'"u":1,',
]


def mutated(text: bytes, draw: random.Random, donors: list[bytes]) -> bytes:
    """`text` after one to three small changes."""
    out = bytearray(text)
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        at = draw.randrange(len(out) + 1)
        how = draw.randrange(8)
        if how == 0 and out:  # flip a bit
            out[min(at, len(out) - 1)] ^= 1 << draw.randrange(8)
        elif how == 1:  # insert
            out[at:at] = draw.choice(INSERTS)
        elif how == 2:  # cut out
            del out[at : at + draw.randrange(1, 12)]
        elif how == 3 and draw.random() < 0.3:  # cut off
            del out[at:]
        elif how == 4:  # replace a byte
            out[at : at + 1] = draw.choice(INSERTS)
        elif how == 5:  # repeat a piece
            out[at:at] = out[at : at + draw.randrange(1, 30)]
        elif how == 6:  # move a piece elsewhere
            piece = out[at : at + draw.randrange(1, 40)]
            del out[at : at + len(piece)]
            to = draw.randrange(len(out) + 1)
            out[to:to] = piece
        else:  # a piece of another frame
            donor = draw.choice(donors)
            start = draw.randrange(len(donor))
            out[at : at + 20] = donor[start : start + draw.randrange(1, 40)]
    return bytes(out)
