"""What an engine's root wrote into its log during a drill, as sentences."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec


def ended(line: dict[str, Any]) -> str:
    """A lane's end: by which signal or with which code."""
    code = line["code"]
    how = f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
    return f"lane {line['name']} (process {line['pid']}) {how}"


SENTENCES: dict[str, Callable[[dict[str, Any]], str]] = {
    "lane killed": lambda x: f"the root kills lane {x['name']}: {x['why']}",
    "lane ended": ended,
    "lane started": lambda x: (
        f"lane {x['name']} starts as process {x['pid']}, life {x['epoch']} of it"
    ),
    "lane not started": lambda x: f"lane {x['name']} could not be started: {x['words']}",
    "lane failed": lambda x: f"lane {x['name']} says: {x['words']}",
    "actor restarted": lambda x: f"actor {x['actor']} was restarted in its lane: {x['why']}",
    "ready": lambda x: "the root says: ready",
    "stopping": lambda x: f"the root stops in order ({x['why']})",
    "inputs not recorded": lambda x: f"{x['inputs']} inputs of {x['name']} were not recorded",
    "cancel only is over": lambda x: "orders are allowed again",
}
CODED = ("trouble", "cancel only", "disk", "recorder retired", "escalated")
"""Events that carry a coded error's sentences."""


def sentence(line: dict[str, Any]) -> str | None:
    """One line of the log in words; None for what says nothing of a fault."""
    event = str(line.get("event"))
    if event in SENTENCES:
        return SENTENCES[event](line)
    if event in CODED and "what" in line:
        return f"{line.get('code', '')}: {line['what']}; {line.get('why', '')}"
    return None


def told_by_engine(logs: Path, since_ns: int) -> list[tuple[int, str]]:
    """(time, sentence) of everything that the root logged since then."""
    found = []
    for path in sorted(logs.glob("root.main.jsonl*"), reverse=True):  # the oldest first
        for raw in path.read_bytes().splitlines():
            try:
                line = msgspec.json.decode(raw)
                text = sentence(line) if line["time"] >= since_ns else None
            except (msgspec.MsgspecError, KeyError, TypeError):
                continue  # a line that a full disk cut off
            if text is not None:
                found.append((line["time"], text))
    return found
