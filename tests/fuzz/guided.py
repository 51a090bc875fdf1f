"""A small coverage-guided fuzzer for readers written in Python.

An input that reaches a pair of lines (one after the other, in the files watched) that no input
before it reached is kept, and mutated further. `sys.settrace` sees the lines; nothing is installed.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

from tests.mutation import mutated

LONGEST = 4096
Edge = tuple[CodeType, int, int]


@dataclass
class Run:
    """What one run found: inputs tried, edges seen, the corpus, and the failure if any."""

    inputs: int = 0
    edges: set[Edge] = field(default_factory=set)
    corpus: list[bytes] = field(default_factory=list)
    failing: bytes | None = None
    failure: BaseException | None = None


def traced(
    call: Callable[[bytes], None], text: bytes, watched: tuple[str, ...]
) -> tuple[set[Edge], BaseException | None]:
    """The edges that `call(text)` takes through the files `watched`, and what it raised."""
    edges: set[Edge] = set()
    wanted: dict[str, bool] = {}

    def enter(frame: FrameType, _event: str, _argument: Any) -> Any:
        name = frame.f_code.co_filename
        if name not in wanted:
            wanted[name] = name.endswith(watched)
        if not wanted[name]:
            return None
        last = 0

        def line(inner: FrameType, event: str, _argument: Any) -> Any:
            nonlocal last
            if event == "line":
                edges.add((inner.f_code, last, inner.f_lineno))
                last = inner.f_lineno
            return line

        return line

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        call(text)
    except Exception as failure:
        return edges, failure
    finally:
        sys.settrace(before)
    return edges, None


def fuzz(
    call: Callable[[bytes], None],
    seeds: Iterable[bytes],
    watched: tuple[str, ...],
    seconds: float,
    seed: int = 1,
) -> Run:
    """Run `call` on mutations of what reaches new edges, until it raises or the time is over.

    `seconds` are of this process on a processor.
    """
    run, draw = Run(), random.Random(seed)
    until = time.process_time() + seconds
    waiting = list(seeds)
    while time.process_time() < until:
        if waiting:
            text = waiting.pop()
        else:
            text = mutated(draw.choice(run.corpus), draw, run.corpus)[:LONGEST]
        edges, failure = traced(call, text, watched)
        run.inputs += 1
        if not edges <= run.edges or not run.corpus:
            run.edges |= edges
            run.corpus.append(text or b"\n")
        if failure is not None:
            run.failing, run.failure = text, failure
            break
    return run
