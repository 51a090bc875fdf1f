"""Tests in streams that run at once, for `make test-long`: exit 0 when every stream passed.

    python -m tests.streams MARKS [PYTEST ARGUMENTS]

First runs, alone, what must come back within a time (marker `alone`). Then in front what drives
processes, printed as it goes. Beside it run drills, which
mostly wait, and at idle priority what only computes (markers `waits` and `computes`), which gets
what the others leave. Those print into build/streams/ and are shown whole, one after the other, at
the end. Every stream has a pytest cache and a folder for temporary files of its own.

TIERCEL_RERUN: what failed is run once more when all have ended, stream after stream, and must
pass then. Ctrl-C ends every stream in order; the second one kills what is left.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

WORK = Path("build") / "streams"
NOTHING_SELECTED, INTERRUPTED = 5, 130
BUDGET = "TIERCEL_LONG_BUDGET_S"
END = "TIERCEL_LONG_END"
"""When long tests may begin no more, in seconds since the epoch: it bounds the budget."""
LAST_WORDS_S = 60.0
"""What an interrupted stream may take to end its processes and to print what failed."""


def stand_back() -> None:
    """This process and its children get less of a processor that others want, too."""
    os.nice(5)


def stand_aside() -> None:
    """This process and its children run only when a processor has nothing else to do."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    os.nice(19)


@dataclass
class Stream:
    """One run of pytest: the tests of `marks`, and how they share the processors."""

    name: str
    marks: str
    yields: Callable[[], None] | None = None
    process: subprocess.Popen[bytes] | None = None
    log: IO[bytes] | None = None
    codes: list[int] = field(default_factory=list)

    @property
    def log_path(self) -> Path:
        return WORK / f"{self.name}.log"

    def start(self, words: list[str], is_shown: bool) -> None:
        """Begin; a group of its own, so that an interrupt reaches it once and only from here."""
        WORK.mkdir(parents=True, exist_ok=True)
        own = ["-o", f"cache_dir={WORK}/{self.name}.cache"]
        # outside the checkout: a test's files may be no part of what another copies of it
        place = Path(os.environ.get("TMPDIR", "/tmp")) / f"tiercel-{os.getpid()}-{self.name}"
        self.log = None if is_shown else self.log_path.open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-m", self.marks, *own, "--basetemp", place, *words],
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT if self.log else None,
            process_group=0,
            preexec_fn=self.yields,
        )
        self.place = place

    def end(self, timeout: float | None = None) -> None:
        """Wait for it, keep its exit code and remove its temporary files when it passed."""
        assert self.process
        code = self.process.wait(timeout)
        self.codes.append(code)
        if self.log:
            self.log.close()
            sys.stdout.flush()
            print(f"\n---- {self.name}, beside the others", flush=True)
            with self.log_path.open("rb") as log:
                shutil.copyfileobj(log, sys.stdout.buffer)
            sys.stdout.flush()
        if code in (0, NOTHING_SELECTED):
            shutil.rmtree(self.place, ignore_errors=True)


def streams(marks: str) -> list[Stream]:
    """Every test of `marks` is in exactly one of them; the first runs alone before the others, the
    second is shown as it runs, too."""
    rest = f"({marks}) and not alone"
    return [
        Stream("alone", f"({marks}) and alone"),
        Stream("front", f"{rest} and not waits and not computes"),
        Stream("waits", f"{rest} and waits and not computes", stand_back),
        Stream("computes", f"{rest} and computes", stand_aside),
    ]


def bound_budget() -> None:
    """What is left until the end, where one is told, is all there is to spend."""
    if end := os.environ.get(END):
        left = max(1.0, float(end) - time.time())
        os.environ[BUDGET] = str(int(min(left, float(os.environ.get(BUDGET, "inf")))))


def spend_budget(seconds: float) -> None:
    """The streams that begin later have so much less of the time for all."""
    if budget := os.environ.get(BUDGET):
        os.environ[BUDGET] = str(max(1, int(float(budget) - seconds)))


class Interrupts:
    """SIGINT and SIGTERM end the streams in order; a second one kills them."""

    def __init__(self, running: list[Stream]) -> None:
        self.running, self.count = running, 0
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.told)

    def came(self) -> bool:
        return self.count > 0

    def told(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1
        for stream in self.running:
            if stream.process and stream.process.poll() is None:
                number = signal.SIGINT if self.count == 1 else signal.SIGKILL
                os.killpg(stream.process.pid, number)
        if self.count == 1:
            signal.signal(signal.SIGALRM, self.told)
            signal.alarm(int(LAST_WORDS_S))


def verdict(codes: list[int]) -> int:
    """0 when all passed, of whom some may have had nothing to do; else the first that did not."""
    if all(code == NOTHING_SELECTED for code in codes):
        return NOTHING_SELECTED
    return next((code for code in codes if code not in (0, NOTHING_SELECTED)), 0)


def main(argv: list[str]) -> int:
    if not argv:
        print(__doc__, file=sys.stderr)
        return 2
    marks, words = argv[0], argv[1:]
    all_streams = streams(marks)
    interrupts = Interrupts(all_streams)
    began = time.monotonic()
    bound_budget()
    alone, *others = all_streams
    alone.start(words, is_shown=True)
    alone.end()
    spend_budget(time.monotonic() - began)
    if interrupts.came():
        return INTERRUPTED
    for n, stream in enumerate(others):
        stream.start(words, is_shown=n == 0)
    for stream in others:
        stream.end()
        took = time.monotonic() - began
        print(f"---- {stream.name} has ended, {took:.0f} s after the beginning", flush=True)
    if interrupts.came():
        return INTERRUPTED
    if os.environ.get("TIERCEL_RERUN"):
        for stream in all_streams:
            if stream.codes[-1] in (0, NOTHING_SELECTED) or interrupts.came():
                continue
            print(f"\nonce more, what failed of {stream.name}:", flush=True)
            stream.yields = None
            stream.start(["--lf", "--lfnf=none", *words], is_shown=True)
            stream.end()
            if stream.codes[-1] == NOTHING_SELECTED:  # it fell over before a test could fail
                stream.codes.append(stream.codes[0])
    if interrupts.came():
        return INTERRUPTED
    return verdict([stream.codes[-1] for stream in all_streams])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
