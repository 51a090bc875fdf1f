"""The exchange as its clients see it, still without I/O: connections, requests, faults.

`Wire` joins the core, the flow, the dialect and the faults. What comes in: `open`, `text`, `ping`,
`pong`, `closed`, `request`, `advance`. What goes out is taken with `take`: tuples
`(kind, number, payload, extra)`:

    ("send", connection, bytes, 0)           one text frame
    ("ping" | "pong", connection, bytes, 0)  control frames
    ("close", connection, b"", code)         close with this code, 0: reset, no close frame
    ("deaf", connection, b"", 0)             neither read nor write it again (half-open)
    ("answer", request, body, (status, headers))
    ("hang", request, b"", 0)                never answer it

`lines` of the ledger are taken first, with `take_lines`, and must be written before the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any, Protocol, cast

from venues.simulated.accounts import Order
from venues.simulated.captured import Captured
from venues.simulated.core import Exchange
from venues.simulated.faults import Fault, Faults
from venues.simulated.flow import Flow
from venues.simulated.spec import ExchangeSpec, SpecRefused

MS = 1_000_000
Output = tuple[str, int, bytes, Any]
Headers = dict[str, str]
MESSAGE_FAULTS: tuple[str, ...] = (
    "drop",
    "gap",
    "silence",
    "half_open",
    "disconnect",
    "delay",
    "duplicate",
    "reorder",
)
REPLY_FAULTS = (*MESSAGE_FAULTS, "late_ack", "lost_reply", "unknown")


class Dialect(Protocol):
    """How a venue speaks; `venues/<name>/dialect.py` has `Dialect(wire)` with these methods."""

    def open(self, link: Link, target: str) -> bool:
        """A client connected with this path and query; False: there is nothing there (404)."""

    def text(self, link: Link, payload: bytes) -> None: ...

    def closed(self, link: Link) -> None: ...

    def request(
        self, number: int, method: str, target: str, headers: Headers, body: bytes
    ) -> tuple[int, Headers, bytes]:
        """Answer one HTTP request: status, headers, body."""

    def refused(self, status: int, retry_after_s: int, request: bytes) -> bytes:
        """The body (or frame) that tells of a rate limit (429), a ban (418) or a failure (503)."""

    def forward(self, stream: str, data: bytes) -> None:
        """Send one captured payload of this stream to who subscribed it."""

    def turn_done(self) -> None:
        """The input is done: send what was kept back until its reply was sent."""

    def shutdown(self, link: Link) -> bytes:
        """The frame that announces a planned close."""


class Link:
    """One WebSocket connection."""

    def __init__(self, number: int, opened: int) -> None:
        self.number = number
        self.opened = opened
        self.kind = "streams"  # or "replies": what this connection carries first of all
        self.state: Any = None  # the dialect's
        self.held_until = 0  # a delay: what follows waits too
        self.parked: list[tuple[str, bytes]] = []  # reorder: one message waits for the next
        self.silent_until: dict[str, int] = {}  # by target; -1: for ever
        self.deaf = False
        self.pings: list[bytes] = []  # payloads not echoed yet
        self.ponged = opened
        self.is_open = True


class Wire:
    """Everything of one exchange but its sockets."""

    def __init__(
        self, spec: ExchangeSpec, now: int, history: Iterable[dict[str, Any]] = ()
    ) -> None:
        self.spec = spec
        self.captured: Captured | None = None
        if spec.capture is not None:
            self.captured = Captured(spec, spec.capture)
            self.exchange = Exchange(spec, now, history, self.captured.make_book)
        else:
            self.exchange = Exchange(spec, now, history)
        self.faults = Faults(spec.seed)
        self.links: dict[int, Link] = {}
        self.outputs: list[Output] = []
        self.ban_until = 0
        self.stopping = False
        self.dialect: Dialect = load_dialect(spec.dialect)(self)
        self.exchange.refuse_next = self.refuse_next
        self.exchange.race = self.race
        self.refusal: Fault | None = None
        self.congested: set[int] = set()  # connections whose client reads too slowly
        if self.captured is not None:
            self.captured.start(self.exchange, self.dialect.forward, self.is_not_taken)
        elif spec.flow is not None:
            self.flow = Flow(self.exchange, spec.flow)

    # ---- what comes in --------------------------------------------------------------------

    def open(self, number: int, target: str, now: int) -> bool:
        """A client wants to connect; False when the path is unknown or connecting is refused."""
        self.exchange.advance(now)
        link = Link(number, now)
        self.links[number] = link
        if self.stopping or not self.dialect.open(link, target):
            del self.links[number]
            return False
        spec = self.spec
        if spec.ping_ms:
            self.exchange.arm(now + spec.ping_ms * MS, lambda: self.keep_alive(link))
        if spec.connection_life_ms:
            notice = max(spec.connection_life_ms - spec.farewell_ms, 0)
            farewell = min(spec.farewell_ms, spec.connection_life_ms)
            self.exchange.arm(now + notice * MS, lambda: self.announce([link], farewell))
        return True

    def text(self, number: int, payload: bytes, now: int) -> None:
        link = self.links.get(number)
        if link is None or link.deaf:
            return
        self.exchange.advance(now)
        self.later(lambda: self.take_text(link, payload))

    def take_text(self, link: Link, payload: bytes) -> None:
        if not link.is_open:
            return
        if link.kind == "replies":
            stop = self.faults.pick(("rate_limit", "ban"), "replies", payload, self.exchange.now)
            if stop is not None or self.exchange.now < self.ban_until:
                self.send(link, "replies", self.dialect.refused(*self.stop(stop), payload))
                return
        self.dialect.text(link, payload)
        self.dialect.turn_done()

    def ping(self, number: int, payload: bytes, now: int) -> None:
        link = self.links.get(number)
        if link is not None and not link.deaf:
            self.outputs.append(("pong", number, payload, 0))

    def pong(self, number: int, payload: bytes, now: int) -> None:
        """One that echoes a ping's payload; any other is allowed and keeps nothing alive."""
        link = self.links.get(number)
        if link is not None and payload in link.pings:
            link.ponged = now
            link.pings.clear()

    def closed(self, number: int, now: int) -> None:
        link = self.links.pop(number, None)
        self.congested.discard(number)
        if link is not None:
            link.is_open = False
            self.dialect.closed(link)

    def request(
        self, number: int, method: str, target: str, headers: Headers, body: bytes, now: int
    ) -> None:
        """One HTTP request; its answer is an output of the same number, at once or later."""
        self.exchange.advance(now)
        self.later(lambda: self.take_request(number, method, target, headers, body))

    def take_request(
        self, number: int, method: str, target: str, headers: Headers, body: bytes
    ) -> None:
        now = self.exchange.now
        stop = self.faults.pick(("rate_limit", "ban"), "rest", target, now)
        if stop is not None or now < self.ban_until:
            status, retry = self.stop(stop)
            text = self.dialect.refused(status, retry, b"")
            self.outputs.append(("answer", number, text, (status, {"Retry-After": str(retry)})))
            return
        status, headers, text = self.dialect.request(number, method, target, headers, body)
        self.answer(number, target, status, headers, text)
        self.dialect.turn_done()

    def advance(self, now: int) -> None:
        """Fire every timer that is due."""
        self.exchange.advance(now)
        self.dialect.turn_done()

    def next_due(self) -> int | None:
        return self.exchange.next_due()

    def take(self) -> list[Output]:
        """Outputs since the last call, in order."""
        found, self.outputs = self.outputs, []
        return found

    def take_lines(self) -> bytes:
        return self.exchange.take_lines()

    # ---- what goes out ----------------------------------------------------------------------

    def later(self, call: Callable[[], None]) -> None:
        """Run now, or after the exchange's own latency."""
        latency = self.spec.latency
        if latency.request_us == 0 and latency.jitter_us == 0:
            call()
            return
        jitter = self.exchange.random.randrange(latency.jitter_us + 1)
        self.exchange.arm(self.exchange.now + (latency.request_us + jitter) * 1000, call)

    def send(self, link: Link, target: str, payload: bytes) -> None:
        """One text frame of the dialect, on its way through the faults."""
        if link.deaf or not link.is_open:
            return
        now = self.exchange.now
        if link.silent_until:
            until = link.silent_until.get(target, link.silent_until.get("all", 0))
            if until == -1 or now < until:
                return
        if not self.faults.armed and not link.parked and now >= link.held_until:
            self.outputs.append(("send", link.number, payload, 0))
            return
        self.send_faulty(link, target, payload, now)

    def send_faulty(self, link: Link, target: str, payload: bytes, now: int) -> None:
        names = REPLY_FAULTS if target == "replies" else MESSAGE_FAULTS
        fault = self.faults.pick(names, target, payload, now)
        name = fault.fault if fault is not None else ""
        if fault is None:
            self.pass_on(link, payload, now)
        elif name in ("drop", "gap", "lost_reply"):
            pass
        elif name == "silence":
            until = now + fault.for_ms * MS if fault.for_ms else -1
            link.silent_until[fault.target] = until
        elif name == "half_open":
            link.deaf = True
            self.outputs.append(("deaf", link.number, b"", 0))
        elif name == "disconnect":
            self.close(link, fault.code)
        elif name == "delay":
            link.held_until = max(link.held_until, now + fault.delay_ms * MS)
            self.pass_on(link, payload, now)
        elif name == "late_ack":
            self.exchange.arm(now + fault.delay_ms * MS, lambda: self.push(link, payload))
        elif name == "duplicate":
            self.pass_on(link, payload, now)
            self.pass_on(link, payload, now)
        elif name == "unknown":
            self.pass_on(link, self.dialect.refused(503, 0, payload), now)
        elif name == "reorder":
            link.parked.append((target, payload))

    def pass_on(self, link: Link, payload: bytes, now: int) -> None:
        if now < link.held_until:
            self.exchange.arm(link.held_until, lambda: self.push(link, payload))
        else:
            self.push(link, payload)
        while link.parked:
            self.push(link, link.parked.pop(0)[1])

    def push(self, link: Link, payload: bytes) -> None:
        if link.is_open and not link.deaf:
            self.outputs.append(("send", link.number, payload, 0))

    def answer(self, number: int, target: str, status: int, headers: Headers, body: bytes) -> None:
        now = self.exchange.now
        names = ("drop", "lost_reply", "unknown", "delay", "late_ack", "disconnect")
        fault = self.faults.pick(names, "rest", target, now)
        if fault is None:
            self.outputs.append(("answer", number, body, (status, headers)))
        elif fault.fault in ("drop", "lost_reply", "disconnect"):
            self.outputs.append(("hang", number, b"", 0))
        elif fault.fault == "unknown":
            text = self.dialect.refused(503, 0, b"")
            self.outputs.append(("answer", number, text, (503, {})))
        else:
            output: Output = ("answer", number, body, (status, headers))
            self.exchange.arm(now + fault.delay_ms * MS, lambda: self.outputs.append(output))

    def close(self, link: Link, code: int) -> None:
        """Close from our side; code 0 resets the connection."""
        self.outputs.append(("close", link.number, b"", code))
        self.closed(link.number, self.exchange.now)

    def keep_alive(self, link: Link) -> None:
        """Ping every ping_ms; a client that has not answered within the timeout is closed."""
        if not link.is_open:
            return
        now = self.exchange.now
        if link.pings and now - max(link.ponged, link.opened) > self.spec.pong_timeout_ms * MS:
            if not link.deaf:
                self.close(link, 1008)
            return
        link.pings.append(str(now // MS).encode())
        if not link.deaf:
            self.outputs.append(("ping", link.number, link.pings[-1], 0))
        self.exchange.arm(now + self.spec.ping_ms * MS, lambda: self.keep_alive(link))

    def is_not_taken(self) -> bool:
        """Nobody listens, or somebody reads too slowly."""
        return bool(self.congested) or not any(k.kind == "streams" for k in self.links.values())

    # ---- faults and stopping ------------------------------------------------------------------

    def order_fault(self, fault: Fault, now: int) -> None:
        """Arm a fault; `silence`, `half_open` and `shutdown` act on open connections at once."""
        self.exchange.advance(now)
        affected = [k for k in self.links.values() if fault.target in ("all", k.kind)]
        if fault.fault == "shutdown":
            self.announce(affected, fault.delay_ms)
        elif fault.fault == "silence" and not fault.match:
            until = now + fault.for_ms * MS if fault.for_ms else -1
            for link in self.links.values():
                link.silent_until[fault.target] = until
        elif fault.fault == "half_open" and not fault.match:
            for link in affected:
                link.deaf = True
                self.outputs.append(("deaf", link.number, b"", 0))
        elif fault.fault == "disconnect" and not fault.match and fault.probability == 1:
            for link in affected:
                self.close(link, fault.code)
        elif fault.fault == "ban" and fault.for_ms:
            self.ban_until = now + fault.for_ms * MS
        else:
            self.faults.add(fault, now)
            return
        self.faults.acted[fault.fault] = self.faults.acted.get(fault.fault, 0) + 1

    def clear_faults(self) -> None:
        self.faults.clear()
        self.ban_until = 0
        for link in self.links.values():
            link.silent_until.clear()
            link.held_until = 0

    def announce(self, links: list[Link], delay_ms: int) -> None:
        links = [link for link in links if link.is_open]
        for link in links:
            self.send(link, link.kind, self.dialect.shutdown(link))

        def close_all() -> None:
            for link in links:
                if link.is_open:
                    self.close(link, 1001)

        self.exchange.arm(self.exchange.now + delay_ms * MS, close_all)

    def stop(self, fault: Fault | None) -> tuple[int, int]:
        """(status, Retry-After in s) of a refusal by rate limit or ban."""
        if fault is not None and fault.fault == "rate_limit":
            return 429, fault.retry_after_s
        if fault is not None:
            self.ban_until = max(
                self.ban_until, self.exchange.now + fault.retry_after_s * 1000 * MS
            )
        return 418, max(1, -((self.exchange.now - self.ban_until) // (1000 * MS)))

    def refuse_next(self) -> bool:
        self.refusal = self.faults.pick(("reject",), "replies", b"", self.exchange.now)
        return self.refusal is not None

    def race(self, order: Order) -> float:
        """The share of an order that is filled before what was asked about it is done."""
        name = order.client_id
        fault = self.faults.pick(("race",), "replies", name, self.exchange.now)
        return fault.share if fault is not None else 0.0

    def stop_all(self, now: int) -> None:
        """Close every connection: the process ends."""
        self.stopping = True
        self.exchange.advance(now)
        for link in list(self.links.values()):
            self.close(link, 1001)


def load_dialect(name: str) -> Callable[[Wire], Dialect]:
    """`venues/<name>/dialect.py`'s Dialect, found by folder."""
    if not name.isidentifier():
        raise SpecRefused(detail=f"{name!r} is no venue's name")
    try:
        module = import_module(f"venues.{name}.dialect")
    except ModuleNotFoundError as missing:
        raise SpecRefused(detail=f"no dialect for {name!r}: {missing}") from None
    return cast("Callable[[Wire], Dialect]", module.Dialect)
