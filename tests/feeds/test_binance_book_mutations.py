"""`tiercel book` equals the slow twin on mutations of real and made captures, however stored.

A capture is a list of (symbol, frame); what may happen to one happens: lines are lost, doubled,
late, a connection is lost and comes back with a snapshot or without one, snapshots come early, late
and again, the book's other channels and other symbols stand between, the files are cut anywhere.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine.capture import frames
from engine.commands.book import (
    CaptureWithoutSnapshot,
    SymbolNotInCapture,
    UnitDoesNotFit,
    outcome,
    replayed,
)
from tests.reference.binance_book import BinanceBook

Line = tuple[str, bytes]
TIME = 1_700_000_000_000_000_000
SCALES = ((2, 5), (8, 0), (8, 8), (0, 8), (4, 1), (6, 2))
"""Decimals of price and quantity."""


def written(value: int, decimals: int, zeros: int) -> str:
    """`value` x 10^-decimals with some zeros behind, as venues write it."""
    digits = f"{value:0{decimals + 1}d}"
    whole, part = digits[: len(digits) - decimals], digits[len(digits) - decimals :]
    part += "0" * max(0, zeros - decimals)
    return f"{whole}.{part}" if part else whole


def made(draw: Random, symbol: str) -> list[Line]:
    """A stream of one symbol in one of the scales: diffs, tops, trades, and a snapshot early on."""
    price_decimals, lot_decimals = draw.choice(SCALES)
    zeros = draw.choice((0, 8))
    middle = draw.choice((700, 90_000, 5_000_000))
    size = draw.choice((50, 10**6, 10**9))
    sides: tuple[dict[int, int], dict[int, int]] = ({}, {})
    update = draw.randrange(1, 10**12)
    lines: list[Line] = []

    def pair(at: int, quantity: int) -> list[str]:
        return [written(at, price_decimals, zeros), written(quantity, lot_decimals, zeros)]

    def send(message: dict[str, Any], stream: str) -> None:
        wrapped = {"stream": f"{symbol.lower()}@{stream}", "data": message}
        shown = wrapped if draw.random() < 0.8 else message
        lines.append((symbol, json.dumps(shown, separators=(",", ":")).encode()))

    for n in range(draw.randrange(40, 120)):
        middle += draw.randrange(-3, 4)
        time = 1_700_000_000_000 + n
        told: tuple[list[list[str]], list[list[str]]] = ([], [])
        for side, levels in enumerate(sides):
            sign = -1 if side == 0 else 1
            for gone in [at for at in levels if sign * (at - middle) < (side == 1)]:
                del levels[gone]
                told[side].append(pair(gone, 0))
            for _ in range(draw.randrange(0, 6)):
                at = middle + sign * draw.randrange(side, 40)
                quantity = draw.choice((0, draw.randrange(1, size)))
                levels.pop(at, None)
                if quantity:
                    levels[at] = quantity
                told[side].append(pair(at, quantity))
        first, update = update + 1, update + draw.randrange(1, 9)
        diff = {
            "e": "depthUpdate",
            "E": 1_700_000_000_000 + n,
            "s": symbol,
            "U": first,
            "u": update,
        }
        send(diff | {"b": told[0], "a": told[1]}, "depth@100ms")
        if sides[0] and sides[1] and draw.random() < 0.5:
            bid, ask = max(sides[0]), min(sides[1])
            b, a = pair(bid, sides[0][bid]), pair(ask, sides[1][ask])
            send(
                {"u": update, "s": symbol, "b": b[0], "B": b[1], "a": a[0], "A": a[1]}, "bookTicker"
            )
        if draw.random() < 0.3:
            p, q = pair(middle, draw.randrange(1, size))
            trade = {"e": "trade", "E": time, "s": symbol, "t": n, "p": p, "q": q}
            send(trade | {"T": time, "m": True, "M": True}, "trade")
        if n == 3 or draw.random() < 0.02:
            bids = [pair(at, sides[0][at]) for at in sorted(sides[0], reverse=True)]
            asks = [pair(at, sides[1][at]) for at in sorted(sides[1])]
            snapshot = {"lastUpdateId": update - draw.randrange(0, 3), "bids": bids, "asks": asks}
            lines.append((symbol, json.dumps(snapshot).encode()))
    return lines


def whole_book(lines: list[Line], symbol: str, upto: int) -> bytes | None:
    """The undisturbed stream's book at a line, as a snapshot."""
    book = BinanceBook(symbol)
    for _, frame in lines[:upto]:
        book.take(frame)
    return book.snapshot_text() if book.joined else None


def mutated(draw: Random, lines: list[Line], symbol: str) -> list[Line]:
    """One to four things that may happen to a capture."""
    plain, out = lines, list(lines)
    for _ in range(draw.randrange(1, 5)):
        at = draw.randrange(len(out))
        what = draw.randrange(7)
        if what == 0:
            del out[at]
        elif what == 1:
            out[at:at] = out[max(0, at - draw.randrange(1, 20)) : at]  # told again
        elif what == 2 and at + 1 < len(out):
            out[at], out[at + 1] = out[at + 1], out[at]
        elif what == 3:  # the connection is lost, and comes back with a snapshot
            del out[at : at + draw.randrange(1, 15)]
            where = draw.randrange(len(plain))
            snapshot = whole_book(plain, symbol, where)
            if snapshot is not None:
                out.insert(draw.randrange(at, len(out) + 1), (symbol, snapshot))
        elif what == 4:  # a snapshot again, of any moment
            snapshot = whole_book(plain, symbol, draw.randrange(len(plain)))
            if snapshot is not None:
                out.insert(at, (symbol, snapshot))
        elif what == 5:  # an update without levels that goes on where the one before ended
            before = next(
                (json.loads(f) for _, f in reversed(out[:at]) if b"depthUpdate" in f), None
            )
            if before is not None:
                last = before.get("data", before)["u"]
                empty = {"e": "depthUpdate", "E": 1, "s": symbol, "U": last + 1, "u": last + 1}
                frame = json.dumps(empty | {"b": [], "a": []}).encode()
                out.insert(at, (symbol, frame))
        else:
            del out[: draw.randrange(0, 10)]
        out = out or list(plain)
    return out


def stored(draw: Random, folder: Path, lines: list[Line], as_json: bool) -> list[Path]:
    """The lines in one to three files, in one of the formats, each compressed in some way."""
    import zstandard

    packs: list[tuple[str, Callable[[bytes], bytes]]] = [
        ("raw", bytes), ("raw.gz", gzip.compress), ("zst", zstandard.compress)
    ]  # fmt: skip
    cuts = sorted(draw.sample(range(len(lines) + 1), draw.randrange(0, 3)))
    parts = [lines[a:b] for a, b in zip([0, *cuts], [*cuts, len(lines)], strict=True)]
    files = []
    for n, part in enumerate(parts):
        if not part:
            continue
        texts = []
        for k, (symbol, frame) in enumerate(part):
            if as_json:
                entry: dict[str, Any] = {
                    "t": "recv",
                    "conn": 1,
                    "ts": 1.5 + k,
                    "data": frame.decode(),
                }
                if b"lastUpdateId" in frame:
                    entry |= {"t": "http", "url": f"https://x/api/v3/depth?symbol={symbol}&limit=9"}
                texts.append(json.dumps(entry).encode())
                if draw.random() < 0.1:
                    texts.append(b'{"t":"send","conn":1,"ts":1.5,"data":"{}"}')
            else:
                texts.append(b"%d %s" % (TIME + k, frame))
            if draw.random() < 0.05:
                texts.append(b"")
        end = draw.choice((b"\n", b"\r\n"))
        data = end.join(texts) + draw.choice((b"", end, end + end))
        name, pack = draw.choice(packs)
        files.append(folder / f"{n}.{name}")
        files[-1].write_bytes(pack(data))
    return files


def compare(files: list[Path], lines: list[Line], symbol: str) -> str:
    """The command's answer against the twin's; what became of it."""
    twin = BinanceBook(symbol)
    for whose, frame in lines:
        if whose == symbol or b"lastUpdateId" not in frame:
            twin.take(frame)
    try:
        replay, instrument, seconds = replayed(files, "binance", symbol, None, None)
    except SymbolNotInCapture:
        assert not twin.named
        return "no symbol"
    except CaptureWithoutSnapshot:
        assert twin.named and not twin.ever_joined
        return "no snapshot"
    found = outcome(replay, instrument, seconds)
    found.pop("frames_per_s")
    assert found.pop("rejected") == 0
    assert found == twin.outcome()
    return "gap" if twin.gaps else "whole"


@pytest.mark.parametrize("seed", range(60))
def test_made_captures_equal_the_twin(seed: int, tmp_path: Path) -> None:
    draw = Random(seed)
    symbols = draw.sample(["BTCUSDT", "PEPEUSDT", "ETHBTC", "1INCHEUR"], draw.randrange(1, 4))
    as_json = len(symbols) > 1 or draw.random() < 0.5  # only those say whose a snapshot is
    own = [mutated(draw, made(draw, symbol), symbol) for symbol in symbols]
    lines: list[Line] = []
    while any(own):
        lines.append(draw.choice([one for one in own if one]).pop(0))
    for symbol in symbols:
        folder = tmp_path / symbol
        folder.mkdir()
        compare(stored(draw, folder, lines, as_json), lines, symbol)


def test_every_end_is_met(tmp_path: Path) -> None:
    """The mutations above are not idle: each kind of outcome comes."""
    ends = set()
    for seed in range(60):
        draw = Random(seed)
        lines = mutated(draw, made(draw, "AB"), "AB")
        ends.add(compare(stored(draw, tmp_path, lines, False), lines, "AB"))
        ends.add(compare(stored(draw, tmp_path, lines, True), lines, "CD"))
    assert ends == {"whole", "gap", "no snapshot", "no symbol"}


def test_real_captures_equal_the_twin(shared: Path, tmp_path: Path) -> None:
    """The beginnings of the spot captures that hold a snapshot, mutated."""
    compared = 0
    for path in sorted((shared / "data" / "binance").glob("spot_*")):
        lines = [(f.symbol, f.data) for f in islice(frames(path), 1500)]
        symbols = {
            message["s"]
            for _, f in lines
            if b'"depthUpdate"' in f
            for message in (json.loads(f).get("data", json.loads(f)),)
        }
        named = any(symbol for symbol, f in lines if b"lastUpdateId" in f)
        for symbol in sorted(symbols):
            own = [
                (s or symbol, f)
                for s, f in lines
                if named or symbol.encode() in f or b"lastUp" in f
            ]
            for seed in range(4):
                draw = Random(f"{symbol} {seed}")
                changed = mutated(draw, own, symbol) if seed else own
                compare(stored(draw, tmp_path, changed, as_json=True), changed, symbol)
                compared += 1
    assert compared


def test_amounts_that_1e_8_does_not_hold_are_read_in_coarser_units(tmp_path: Path) -> None:
    """A trillion of a coin at a tiny price, and a price of billions in a weak currency."""
    for price, lots in (("0.00000123", "1000000000000.00"), ("1700000000.00", "0.00001230")):
        snapshot = {"lastUpdateId": 5, "bids": [[price, lots]], "asks": []}
        update = {"e": "depthUpdate", "E": 1, "s": "AB", "U": 6, "u": 6, "b": [], "a": []}
        lines = [("AB", json.dumps(x).encode()) for x in (snapshot, update)]
        files = stored(Random(1), tmp_path, lines, False)
        assert compare(files, lines, "AB") == "whole"
        with pytest.raises(UnitDoesNotFit, match="TCL-4005"):
            replayed(files, "binance", "AB", "0.00000001", "0.00000001")
