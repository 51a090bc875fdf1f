"""A seeded stream as Binance sends it: snapshot of 1,000 levels a side, diffs of 20 levels a side,
best bid and ask after each, so that whoever keeps the book can be checked."""

from __future__ import annotations

import random
from pathlib import Path
from typing import NamedTuple

import orjson

LEVELS, CHANGED, REACH = 1000, 20, 60.0


class Stream(NamedTuple):
    """`snapshot`, `depth` and `ticker` are frames; `best` is (bid, ask) after each diff."""

    snapshot: bytes
    depth: list[bytes]
    ticker: list[bytes]
    best: list[tuple[int, int]]


def price(ticks: int) -> str:
    return f"{ticks // 100}.{ticks % 100:02d}000000"


def quantity(lots: int) -> str:
    return f"{lots // 100000}.{lots % 100000:05d}000"


def written(levels: dict[int, int], is_bids: bool) -> list[list[str]]:
    return [[price(t), quantity(levels[t])] for t in sorted(levels, reverse=is_bids)]


def side_of(draw: random.Random, top: int, step: int) -> dict[int, int]:
    """LEVELS levels from `top` on, most of them next to each other."""
    levels: dict[int, int] = {}
    at = top
    while len(levels) < LEVELS:
        levels[at] = draw.randint(1, 900_000)
        at += step if draw.random() < 0.6 else 2 * step
    return levels


def changes_of(
    draw: random.Random, levels: dict[int, int], middle: int, is_bids: bool
) -> dict[int, int]:
    """What one diff says of a side: what the middle has passed goes, then changes near the top."""
    changes = {t: 0 for t in levels if (t > middle if is_bids else t <= middle)}
    while len(changes) < CHANGED:
        away = int(draw.expovariate(1 / REACH))
        tick = middle - away if is_bids else middle + 1 + away
        if tick not in changes:
            gone = tick in levels and draw.random() < 0.35
            changes[tick] = 0 if gone else draw.randint(1, 900_000)
    for tick, lots in changes.items():
        if lots:
            levels[tick] = lots
        else:
            levels.pop(tick, None)
    return changes


def make(count: int, seed: int = 11) -> Stream:
    """`count` diffs; bids lie at or below the wandering middle, asks above it."""
    draw = random.Random(seed)
    middle = 6_723_450
    bids, asks = side_of(draw, middle, -1), side_of(draw, middle + 1, 1)
    first = {"lastUpdateId": 1000, "bids": written(bids, True), "asks": written(asks, False)}
    stream = Stream(orjson.dumps(first), [], [], [])
    update, time = 1000, 1_700_000_000_000
    for _ in range(count):
        middle += draw.choice((-3, -2, -1, -1, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3))
        changed = [changes_of(draw, bids, middle, True), changes_of(draw, asks, middle, False)]
        time += draw.randint(1, 40)
        start, update = update + 1, update + draw.randint(20, 60)
        diff = {"e": "depthUpdate", "E": time, "s": "BTCUSDT", "U": start, "u": update}
        diff |= {"b": written(changed[0], True), "a": written(changed[1], False)}
        bid, ask = max(bids), min(asks)
        top = {"u": update, "s": "BTCUSDT", "b": price(bid), "B": quantity(bids[bid])}
        top |= {"a": price(ask), "A": quantity(asks[ask])}
        wrapped = {"stream": "btcusdt@bookTicker", "data": top}
        stream.depth.append(orjson.dumps(diff))
        stream.ticker.append(orjson.dumps(wrapped))
        stream.best.append((bid, ask))
    return stream


def write(stream: Stream, folder: Path) -> None:
    """The files that bench/floor/book_floor.c reads."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "snapshot.json").write_bytes(stream.snapshot)
    (folder / "depth.jsonl").write_bytes(b"\n".join(stream.depth) + b"\n")
    (folder / "truth.txt").write_text("".join(f"{b} {a}\n" for b, a in stream.best))
