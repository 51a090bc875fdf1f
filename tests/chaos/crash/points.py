"""A plan in a file, and the process that kills itself where the plan says.

The plan names a point and at which pass of it the process dies, once for each life:
`{"id": 7, "point": "fill applied", "passes": [1, 2]}`: the first life dies at its first pass, the
next one at its second, and those after it live. What happened stands in the file `fired` beside it.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import orjson

VARIABLE = "TIERCEL_TEST_CRASHES"
"""Of the processes that tests.chaos.crash starts: the plan's folder. The engine knows no such."""


class Points:
    """Called with the name of a point at every pass of it."""

    def __init__(self, folder: Path) -> None:
        self.plan_path, self.fired_path = folder / "plan.json", folder / "fired"
        self.plan: dict[str, Any] = {"id": 0, "point": "", "passes": []}
        self.inode = 0
        self.passed = 0

    def __call__(self, name: str) -> None:
        try:
            inode = os.stat(self.plan_path).st_ino
        except FileNotFoundError:
            return
        if inode != self.inode:  # a new plan takes the place of the old, whole
            self.inode = inode
            self.plan = orjson.loads(self.plan_path.read_bytes())
            self.passed = 0
        if self.plan["point"] != name:
            return
        deaths = len([f for f in fired(self.fired_path) if f["id"] == self.plan["id"]])
        if deaths == len(self.plan["passes"]):
            return
        self.passed += 1
        if self.passed < self.plan["passes"][deaths]:
            return
        with self.fired_path.open("ab") as file:
            line = {"id": self.plan["id"], "point": name, "pid": os.getpid()}
            file.write(orjson.dumps(line | {"time": time.time_ns()}) + b"\n")
        os.kill(os.getpid(), signal.SIGKILL)


def fired(path: Path) -> list[dict[str, Any]]:
    """Every death so far."""
    try:
        return [orjson.loads(raw) for raw in path.read_bytes().splitlines()]
    except FileNotFoundError:
        return []


def points() -> Points:
    """Those of this process."""
    return Points(Path(os.environ[VARIABLE]))


def before_and_after(owner: Any, name: str, before: str, after: str) -> None:
    """Put a point in front of a method and one behind it; "" for none."""
    inner = getattr(owner, name)
    as_class = isinstance(vars(owner).get(name), classmethod)

    def outer(*values: Any, **named: Any) -> Any:
        if before:
            point(before)
        found = inner(*(values[1:] if as_class else values), **named)
        if after:
            point(after)
        return found

    point = points()
    setattr(owner, name, classmethod(outer) if as_class else outer)
