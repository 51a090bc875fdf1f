"""The faults of `tiercel drill`: what each does to the engine or its exchanges."""

from __future__ import annotations

import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Literal

import msgspec

from engine.errors import TiercelError

FILE_LIMIT = 4096
"""Bytes at which no file grows any further while a full disk is played."""


class NoSuchDrill(TiercelError):
    """A fault that no drill has."""

    code: ClassVar[str] = "TCL-2110"
    what = "There is no drill `{name}`"
    why = "Drills are: {known}"
    do = "Name one of these; `tiercel drill` alone says what each does"
    exit_code = 2


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One fault.

    `at` says where it acts: `exchange` (the fields of `words` go to its control socket), `lane`
    (signal `number` to a lane), `root` (the same to the root), `disk` (no file of the engine can
    grow). It lasts `for_s` seconds, 0 where it is over at once.
    """

    sentence: str
    at: Literal["exchange", "lane", "root", "disk"]
    words: dict[str, Any] = {}
    number: int = signal.SIGKILL
    for_s: float = 0.0


FAULTS: dict[str, Fault] = {
    "kill-lane": Fault(sentence="the lane that trades is killed with SIGKILL", at="lane"),
    "stop-lane": Fault(
        sentence="the lane that trades stands still for 3 s",
        at="lane",
        number=signal.SIGSTOP,
        for_s=3,
    ),
    "kill-root": Fault(sentence="the root is killed with SIGKILL", at="root"),
    "full-disk": Fault(
        sentence="no file of the engine can grow for 3 s, as on a full disk", at="disk", for_s=3
    ),
    "silent-feed": Fault(
        sentence="market data stop for 3 s while the connection stays open",
        at="exchange",
        words={"fault": "silence", "target": "streams", "for_ms": 3000},
        for_s=3,
    ),
    "lost-reply": Fault(
        sentence="three placements are executed and their replies never come",
        at="exchange",
        words={"fault": "lost_reply", "count": 3, "match": '"p'},
    ),
    "half-open": Fault(
        sentence="every connection falls silent both ways and is not closed, for 5 s",
        at="exchange",
        words={"fault": "half_open", "for_ms": 5000},
        for_s=5,
    ),
    "disconnect": Fault(
        sentence="connections are reset: orders, then market data",
        at="exchange",
        words={"fault": "disconnect", "count": 2},
    ),
    "reject": Fault(
        sentence="three placements are rejected",
        at="exchange",
        words={"fault": "reject", "count": 3, "code": -2010, "msg": "drill"},
    ),
    "unknown": Fault(
        sentence="two requests are executed and answered `outcome unknown`",
        at="exchange",
        words={"fault": "unknown", "count": 2},
    ),
    "late-ack": Fault(
        sentence="five replies come 500 ms late, after their own execution reports",
        at="exchange",
        words={"fault": "late_ack", "count": 5, "delay_ms": 500},
    ),
    "duplicate": Fault(
        sentence="twenty execution reports come twice",
        at="exchange",
        words={"fault": "duplicate", "target": "user", "count": 20},
    ),
    "gap": Fault(
        sentence="a depth update is lost", at="exchange", words={"fault": "gap", "count": 1}
    ),
    "rate-limit": Fault(
        sentence="a request is answered 429: wait 2 s",
        at="exchange",
        words={"fault": "rate_limit", "target": "replies", "count": 1, "retry_after_s": 2},
        for_s=2,
    ),
    "ban": Fault(
        sentence="every request is answered 418 for 4 s",
        at="exchange",
        words={"fault": "ban", "for_ms": 4000, "retry_after_s": 4},
        for_s=4,
    ),
}


def named(name: str) -> Fault:
    """The fault of a name. NoSuchDrill."""
    if name not in FAULTS:
        raise NoSuchDrill(name=name, known=", ".join(FAULTS))
    return FAULTS[name]


@contextmanager
def full_disk(processes: Callable[[], list[int]]) -> Iterator[None]:
    """No file of these processes grows: writes fail with EFBIG (shared memory is made already).

    Those that were started meanwhile have inherited the limit: afterwards it is taken off them too.
    """
    before: dict[int, tuple[int, int]] = {}
    for pid in processes():
        try:
            before[pid] = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (FILE_LIMIT, before[pid][1]))
        except ProcessLookupError:
            continue
    try:
        yield
    finally:
        later = [pid for pid in processes() if pid not in before] if before else []
        usual = next(iter(before.values()), (0, 0))
        for pid in [*before, *later]:
            try:
                resource.prlimit(pid, resource.RLIMIT_FSIZE, before.get(pid, usual))
            except ProcessLookupError:
                continue
