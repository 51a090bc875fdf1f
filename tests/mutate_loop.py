"""Tests run once a mutant, each time in a fork of one process that has collected them: a plugin.

    python -m pytest -p tests.mutate_loop --mutate-of WHERE --mutate-asked FILE --mutate-into FILE

WHERE is an extension's file (the C symbols `tc_mutant` and `tc_reached` in it) or a module's name
(its globals). First all tests run once without a mutant, and each says which mutants' places it
came through and how long it took. A mutant is then tried with the tests that reach it and no other:
the rest cannot tell it from the source. Those that kill much in little time are first. A mutant is
killed when a test fails, crashes or computes far too long.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import resource
import select
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PLACES = 4096
"""Room of `tc_reached`; more mutants than that in one file do not compile."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--mutate-of")
    parser.addoption(
        "--mutate-asked", help="numbers of mutants, and what verdicts are stamped with"
    )
    parser.addoption("--mutate-into", help="verdicts are added to it, one a line")
    parser.addoption("--mutate-jobs", type=int, default=1)
    parser.addoption("--mutate-until", type=float, help="of time.monotonic")


class Switch:
    """Which mutant is on, and the places that were come through."""

    def __init__(self, of: str) -> None:
        self.module: dict[str, Any] = {}
        if of.endswith(".so"):
            library = ctypes.CDLL(of)
            self.chosen = ctypes.c_int.in_dll(library, "tc_mutant")
            self.bytes = (ctypes.c_ubyte * PLACES).in_dll(library, "tc_reached")
        else:
            self.module = importlib.import_module(of).__dict__

    def on(self, number: int) -> None:
        if self.module:
            self.module["tc_mutant"] = number
        else:
            self.chosen.value = number

    def take_reached(self) -> list[int]:
        """Mutants whose place was come through since it was asked last."""
        if self.module:
            found = sorted(self.module["tc_reached"])
            self.module["tc_reached"].clear()
            return found
        found = [n for n, came in enumerate(bytes(self.bytes)) if came]
        ctypes.memset(self.bytes, 0, PLACES)
        return found


@dataclass
class Known:
    """What is known of a test."""

    reaches: set[int]
    seconds: float
    runs: int = 0
    kills: int = 0

    @property
    def worth(self) -> float:
        """Kills to be expected for a second."""
        return (self.kills + 0.5) / (self.runs + 1) / (self.seconds + 0.002)


class Child:
    """One mutant under test, in a process of its own."""

    def __init__(
        self, items: list[pytest.Item], switch: Switch, number: int, known: dict[str, Known]
    ) -> None:
        self.number = number
        self.limit_s = 60 + 20 * sum(known[i.nodeid].seconds for i in items) if known else 600
        self.begun = time.monotonic()
        self.told = b""
        self.said, says = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.said)
            try:
                self.run(items, switch, known, says)
            finally:
                os._exit(70)
        os.close(says)
        os.set_blocking(self.said, False)

    def run(
        self, items: list[pytest.Item], switch: Switch, known: dict[str, Known], says: int
    ) -> None:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        switch.on(self.number)
        for at, item in enumerate(items):
            after = items[at + 1] if at + 1 < len(items) else None
            os.write(says, f"{json.dumps([item.nodeid])}\n".encode())
            begun = time.process_time()
            if known:  # of the processor's time, so that a busy machine kills nobody
                most = int(begun + 3 + 10 * known[item.nodeid].seconds)
                resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))
            switch.take_reached()
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
            if item.session.testsfailed:
                os._exit(1)
            if not known:
                found = [item.nodeid, switch.take_reached(), time.process_time() - begun]
                os.write(says, f"{json.dumps(found)}\n".encode())
        os._exit(0)

    def listen(self) -> None:
        try:
            while more := os.read(self.said, 1 << 16):
                self.told += more
        except BlockingIOError:
            pass

    def ended(self) -> bool | None:
        """Killed or not, when it has ended; it has told all then."""
        self.listen()
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if not pid:
            if time.monotonic() - self.begun > self.limit_s:
                os.kill(self.pid, signal.SIGKILL)
            return None
        self.listen()
        os.close(self.said)
        return status != 0

    @property
    def lines(self) -> list[list[Any]]:
        return [json.loads(line) for line in self.told.decode().split("\n") if line]


def wait_for(child: Child) -> bool:
    while (dead := child.ended()) is None:
        select.select([child.said], [], [], 0.1)
    return dead


def measured(items: list[pytest.Item], switch: Switch) -> dict[str, Known]:
    """What each test reaches, and its time."""
    sound = Child(items, switch, 0, {})
    dead = wait_for(sound)
    lines = sound.lines
    if dead:
        sys.stderr.write(f"{lines[-1][0] if lines else 'a test'} fails without any mutant\n")
        raise pytest.Session.Failed("the tests fail without any mutant")
    return {line[0]: Known(set(line[1]), line[2]) for line in lines if len(line) == 3}


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    ask: Any = session.config.getoption
    asked = json.loads(Path(ask("--mutate-asked")).read_text())
    numbers, stamps = asked["numbers"], asked["stamps"]
    until, switch = ask("--mutate-until"), Switch(ask("--mutate-of"))
    known = measured(session.items, switch)
    running: list[Child] = []
    with Path(ask("--mutate-into")).open("a") as out:

        def verdict(number: int, dead: bool, by: str) -> None:
            stamp = stamps.get(by.partition("::")[0], stamps[""])
            out.write(json.dumps([number, dead, by, stamp]) + "\n")
            out.flush()

        while running or (numbers and time.monotonic() < until):
            while numbers and len(running) < ask("--mutate-jobs") and time.monotonic() < until:
                number = numbers.pop()
                items = [i for i in session.items if number in known[i.nodeid].reaches]
                items.sort(key=lambda item: -known[item.nodeid].worth)
                if items:
                    running.append(Child(items, switch, number, known))
                else:
                    verdict(number, False, "")
            for child in list(running):
                dead = child.ended()
                if dead is None:
                    continue
                running.remove(child)
                names = [line[0] for line in child.lines]
                for name, times in Counter(names).items():
                    known[name].runs += times
                if dead and names:
                    known[names[-1]].kills += 1
                verdict(child.number, dead, names[-1] if dead and names else "")
            time.sleep(0.002)
    return True
