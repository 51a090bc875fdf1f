"""Faults on demand: what an exchange and the way to it do to a client, seeded and counted.

A fault is one JSON object: `{"fault": NAME, ...}`. Each acts on the next `count` occasions (0: no
end), each with `probability` (1 = always), until `for_ms` have passed (0: no end), on messages of
`target` whose text contains `match`.

targets: `streams` (market data), `replies` (answers on the order-entry socket), `user` (execution
reports and balances), `rest` (HTTP answers), `all`.

| fault | what happens |
| --- | --- |
| drop | the message is lost |
| delay | the message, and all behind it on that connection, come `delay_ms` later |
| duplicate | the message comes twice |
| reorder | the message comes after the next one of that connection |
| gap | one depth update is lost (drop on `streams`, match `depthUpdate`) |
| silence | nothing of `target` comes on the connections there are now; pings are still answered |
| half_open | connections of `target` fall silent both ways, pings too, and are not closed |
| disconnect | the next message of `target` closes its connection instead (`code` 0: reset) |
| shutdown | `serverShutdown` is announced, connections are closed after `delay_ms` |
| reject | the next placement is refused with `code` and `msg` |
| race | before a cancel or cancel-replace is done, `share` of its order's rest is filled |
| late_ack | the reply alone comes `delay_ms` later: reports overtake it |
| lost_reply | the request is executed, its reply never comes (target `replies` or `rest`) |
| unknown | the request is executed, the reply says `code` -1007 with status 503: outcome unknown |
| rate_limit | requests are answered 429 with Retry-After `retry_after_s` |
| ban | requests are answered 418 with Retry-After `retry_after_s`, until `for_ms` have passed |
"""

from __future__ import annotations

from random import Random
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

NAMES = Literal[
    "drop",
    "delay",
    "duplicate",
    "reorder",
    "gap",
    "silence",
    "half_open",
    "disconnect",
    "shutdown",
    "reject",
    "race",
    "late_ack",
    "lost_reply",
    "unknown",
    "rate_limit",
    "ban",
]
TARGETS = Literal["streams", "replies", "user", "rest", "all"]
PLACES = {
    "gap": "streams",
    "reject": "replies",
    "race": "replies",
    "late_ack": "replies",
    "lost_reply": "replies",
}


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """One order to misbehave."""

    fault: NAMES
    target: TARGETS = "all"
    match: str = ""
    count: Annotated[int, Meta(ge=0)] = 1
    probability: Annotated[float, Meta(ge=0, le=1)] = 1.0
    for_ms: Annotated[int, Meta(ge=0)] = 0
    delay_ms: Annotated[int, Meta(ge=0, le=600_000)] = 100
    code: int = 0
    msg: str = ""
    retry_after_s: Annotated[int, Meta(ge=1)] = 1
    share: Annotated[float, Meta(gt=0, le=1)] = 0.5

    def applies(self, target: str, text: bytes | str) -> bool:
        if self.target not in ("all", target):
            return False
        if not self.match:
            return True
        if isinstance(text, bytes):
            return self.match.encode() in text
        return self.match in text


class Faults:
    """The faults that are armed, and how often each acted."""

    def __init__(self, seed: int) -> None:
        self.random = Random(f"{seed}/faults")
        self.armed: list[tuple[Fault, int]] = []  # with the time at which it ends, 0: never
        self.acted: dict[str, int] = {}

    def add(self, fault: Fault, now: int) -> None:
        if fault.fault == "gap":
            fault.target, fault.match = "streams", fault.match or "depthUpdate"
        elif fault.target == "all" and fault.fault in PLACES:
            fault.target = "replies"
        if fault.for_ms and fault.count == 1:
            fault.count = 0  # a time was given: it lasts that long
        self.armed.append((fault, now + fault.for_ms * 1_000_000 if fault.for_ms else 0))

    def clear(self) -> None:
        self.armed.clear()

    def pick(
        self, names: tuple[str, ...], target: str, text: bytes | str, now: int
    ) -> Fault | None:
        """The first armed fault of `names` that acts on this occasion; counts it."""
        if not self.armed:
            return None
        for at, (fault, until) in enumerate(self.armed):
            if until and now >= until:
                continue
            if fault.fault not in names or not fault.applies(target, text):
                continue
            if fault.probability < 1 and self.random.random() >= fault.probability:
                continue
            self.acted[fault.fault] = self.acted.get(fault.fault, 0) + 1
            if fault.count:
                fault.count -= 1
                if fault.count == 0:
                    del self.armed[at]
            return fault
        self.armed = [(f, until) for f, until in self.armed if not until or now < until]
        return None
