"""Tests run once a mutant, each time in a fork of one process that has collected them: a plugin.

    python -m pytest -p tests.mutate_loop --mutate-of WHERE --mutate-numbers FILE --mutate-into FILE

WHERE is an extension's file (the C symbol `tc_mutant` in it) or a module's name (its global). A
mutant is killed when a test fails, crashes or takes far too long. Tests that killed most are first.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import resource
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--mutate-of")
    parser.addoption("--mutate-numbers")
    parser.addoption("--mutate-into")
    parser.addoption("--mutate-jobs", type=int, default=1)
    parser.addoption("--mutate-until", type=float, help="of time.monotonic")


def switch_on(number: int, of: str) -> None:
    if of.endswith(".so"):
        ctypes.c_int.in_dll(ctypes.CDLL(of), "tc_mutant").value = number
    else:
        importlib.import_module(of).__dict__["tc_mutant"] = number


class Child:
    """One mutant under test, in a process of its own."""

    def __init__(self, session: pytest.Session, number: int, of: str, limit_s: float) -> None:
        self.number, self.limit_s = number, limit_s
        self.begun = time.monotonic()
        self.said, says = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.said)
            try:
                self.run(session, of, says)
            finally:
                os._exit(70)
        os.close(says)

    def run(self, session: pytest.Session, of: str, says: int) -> None:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        switch_on(self.number, of)
        for at, item in enumerate(session.items):
            after = session.items[at + 1] if at + 1 < len(session.items) else None
            os.write(says, f"{item.nodeid}\n".encode())
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
            if session.testsfailed:
                os._exit(1)
        os._exit(0)

    def ended(self) -> tuple[bool, str] | None:
        """(killed, the test that did it) when it has ended."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if not pid:
            if time.monotonic() - self.begun > self.limit_s:
                os.kill(self.pid, signal.SIGKILL)
            return None
        with os.fdopen(self.said, "rb") as told:
            names = told.read().decode().split("\n")
        return status != 0, names[-2] if len(names) > 1 else ""


def wait_for(child: Child) -> tuple[bool, str]:
    while (ended := child.ended()) is None:
        time.sleep(0.005)
    return ended


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    ask: Any = session.config.getoption
    numbers = json.loads(Path(ask("--mutate-numbers")).read_text())
    of, until, into = ask("--mutate-of"), ask("--mutate-until"), Path(ask("--mutate-into"))
    killed, by = wait_for(Child(session, 0, of, 300))
    if killed:
        sys.stderr.write(f"{by} fails without any mutant\n")
        session.shouldfail = "the tests fail without any mutant"
        raise session.Failed(session.shouldfail)
    begun = time.monotonic()
    wait_for(Child(session, 0, of, 300))
    limit_s = 10 + 5 * (time.monotonic() - begun)
    kills: Counter[str] = Counter()
    running: list[Child] = []
    with into.open("w") as out:
        while running or (numbers and time.monotonic() < until):
            while numbers and len(running) < ask("--mutate-jobs") and time.monotonic() < until:
                session.items.sort(key=lambda item: -kills[item.nodeid])
                running.append(Child(session, numbers.pop(), of, limit_s))
            for child in list(running):
                ended = child.ended()
                if ended is None:
                    continue
                running.remove(child)
                if ended[0]:
                    kills[ended[1]] += 1
                out.write(json.dumps([child.number, *ended]) + "\n")
                out.flush()
            time.sleep(0.002)
    return True
