"""What a supervisor is told about its children: how they start, stop, and are restarted."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

Restart = Literal["permanent", "transient", "temporary"]
Strategy = Literal["one_for_one", "one_for_all", "rest_for_one"]
SECOND, MILLISECOND = 1_000_000_000, 1_000_000
FOREVER = -1


class Backoff(msgspec.Struct, frozen=True):
    """Bounds of the waits before restarts; the first restart of a healthy child is immediate."""

    initial_ns: int = 100 * MILLISECOND
    factor: int = 2
    cap_ns: int = 30 * SECOND
    reset_after_ns: int = 60 * SECOND

    def bound_ns(self, attempt: int) -> int:
        """Largest wait before restart number `attempt` in a row (0 is the immediate one)."""
        if attempt == 0:
            return 0
        growth: int = self.factor ** min(attempt - 1, 40)
        return min(self.cap_ns, self.initial_ns * growth)


class Child(msgspec.Struct, frozen=True, kw_only=True):
    """One child. `shutdown_ns` 0 kills at once, FOREVER waits without end.

    `holds` marks the child without which nothing else restarts (the journal).
    """

    name: str
    restart: Restart = "permanent"
    init_timeout_ns: int = 10 * SECOND
    shutdown_ns: int = 5 * SECOND
    backoff: Backoff = Backoff()
    holds: bool = False


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Of the whole supervisor: more than `max_restarts` in the last `window_ns` escalate."""

    strategy: Strategy = "one_for_one"
    max_restarts: int = 3
    window_ns: int = 300 * SECOND


class ExitClass(StrEnum):
    """How a child ended."""

    NORMAL = "normal"
    SHUTDOWN = "shutdown"
    ABNORMAL = "abnormal"


class Verb(StrEnum):
    """What the supervisor asks of whoever runs it."""

    START = "start"
    STOP = "stop"  # ask the child to end
    KILL = "kill"  # SIGKILL, and reap
    DROP = "drop"  # the child is off the list
    ESCALATE = "escalate"  # too many restarts: last acts, then call `stop`
    DONE = "done"  # everything is down


class Action(msgspec.Struct, frozen=True):
    """One request; `name` is the child's, "" for the supervisor itself."""

    verb: Verb
    name: str = ""
    why: str = ""
