"""Frames of a folder's own protocol, and what noise and faults make of them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def messages(shared: Path, name: str) -> list[str]:
    """The socket messages that the vectors hold of a venue, as texts."""
    path = shared / "vectors" / "cex" / name / "messages_ws.json"
    if not path.exists():
        return []
    rows = json.loads(path.read_text())
    return [json.dumps(row["payload"]) for row in rows if "payload" in row]


def mutations(frames: list[str], count: int, seed: int) -> Iterator[str]:
    """Frames cut, changed, doubled, with a value or a bracket that does not belong there."""
    draw = random.Random(seed)
    words = ['"', "{", "}", "[", "]", ",", ":", "null", "-", "1e999", "NaN", "\\u0000", "9" * 40]
    for _ in range(count):
        text = draw.choice(frames)
        at = draw.randrange(len(text) + 1)
        how = draw.randrange(4)
        if how == 0:
            yield text[:at]
        elif how == 1:
            yield text[:at] + draw.choice(words) + text[at:]
        elif how == 2:
            yield text[:at] + chr(draw.randrange(32, 0x250)) + text[at + 1 :]
        else:
            end = min(len(text), at + draw.randrange(1, 40))
            yield text[:at] + text[end:] + text[at:end]


def texts(found: Any) -> str:
    """Everything in a result, to look for what must not be there."""
    return json.dumps(found, default=str)
