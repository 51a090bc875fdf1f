"""The book that a Binance spot capture leads to: the venue's rules on plain dicts and decimals.

1. Updates that come before the snapshot are kept. 2. A snapshot older than the first of them is of
no use. 3. What it contains is dropped; the next update must reach up to it without a hole. 4. From
there each update must go on where the one before ended; one that says nothing new is dropped, a
hole ends the book until the next snapshot. 5. A quantity of 0 removes its level.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from typing import Any

Levels = dict[Decimal, Decimal]


def text(number: Decimal) -> str:
    """A plain decimal without zeros at its end."""
    plain = format(number, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


@dataclass
class BinanceBook:
    """`take` frames of one symbol in order; a snapshot in them is taken for its own."""

    symbol: str
    bids: Levels = field(default_factory=dict)
    asks: Levels = field(default_factory=dict)
    last_id: int = 0
    joined: bool = False
    ever_joined: bool = False
    stream: int | None = None  # the last update id that the stream has told
    kept: list[dict[str, Any]] = field(default_factory=list)
    frames: int = 0
    named: int = 0
    applied: int = 0
    gaps: int = 0

    def take(self, frame: bytes) -> None:
        self.frames += 1
        message = json.loads(frame)
        message = message.get("data", message)
        if "lastUpdateId" in message:
            self.snapshot(message)
        elif message.get("s") == self.symbol:
            self.named += 1
            if message.get("e") == "depthUpdate":
                self.update(message)

    def update(self, m: dict[str, Any]) -> None:
        if self.stream is not None and m["u"] <= self.stream:
            return
        hole = self.stream is not None and m["U"] > self.stream + 1
        if not hole and self.joined:
            if m["u"] <= self.last_id:
                self.stream = m["u"]
                return
            hole = m["U"] > self.last_id + 1
        self.stream = m["u"]
        if hole:
            self.gaps += self.ever_joined
            self.joined, self.kept = False, []
        if self.joined:
            self.apply(m)
        else:
            self.kept.append(m)

    def apply(self, m: dict[str, Any]) -> None:
        for side, levels in ((self.bids, m["b"]), (self.asks, m["a"])):
            for price, quantity in levels:
                side.pop(Decimal(price), None)
                if Decimal(quantity):
                    side[Decimal(price)] = Decimal(quantity)
        self.last_id = m["u"]
        self.applied += 1

    def snapshot(self, m: dict[str, Any]) -> None:
        if self.joined:
            return
        rest = [k for k in self.kept if k["u"] > m["lastUpdateId"]]
        if rest and rest[0]["U"] > m["lastUpdateId"] + 1:
            return
        self.bids = {Decimal(p): Decimal(q) for p, q in m["bids"] if Decimal(q)}
        self.asks = {Decimal(p): Decimal(q) for p, q in m["asks"] if Decimal(q)}
        self.last_id, self.joined, self.ever_joined, self.kept = m["lastUpdateId"], True, True, []
        for k in rest:
            self.apply(k)

    def snapshot_text(self) -> bytes:
        """The book as a snapshot, as the REST side writes it."""
        bids = [[text(p), text(q)] for p, q in sorted(self.bids.items(), reverse=True)]
        asks = [[text(p), text(q)] for p, q in sorted(self.asks.items())]
        return json.dumps({"lastUpdateId": self.last_id, "bids": bids, "asks": asks}).encode()

    def outcome(self) -> dict[str, Any]:
        """What `tiercel book` answers, but for what it measures and rejects."""
        sides = [sorted(self.bids.items(), reverse=True), sorted(self.asks.items())]
        best = [[text(s[0][0]), text(s[0][1])] if s else None for s in sides]
        ten = "#".join("|".join(f"{text(p)}:{text(q)}" for p, q in s[:10]) for s in sides)
        return {
            "frames": self.frames,
            "applied": self.applied,
            "gaps": self.gaps,
            "last_id": self.last_id,
            "best_bid": best[0],
            "best_ask": best[1],
            "bid_levels": len(self.bids),
            "ask_levels": len(self.asks),
            "digest10": sha256(ten.encode()).hexdigest()[:32],
        }
