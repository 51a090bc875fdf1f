"""Lanes and simulated exchanges in one process on one virtual clock, with seeded network latency.

The same actors and the same exchange as live; only time and transport are pretended. Everything
that happens is ordered by (time, order of scheduling), so that one seed gives one run.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from random import Random
from typing import Any
from urllib.parse import urlsplit

import orjson

from hotpath.lane import Actor, Lane, ScriptedConnection
from hotpath.records import LinkEvent
from venues.simulated.wire import Wire

START = 1_700_000_000_000_000_000
MS = 1_000_000
HTTP_TIMEOUT_NS = 5_000 * MS


class Line(ScriptedConnection):
    """One connection between an actor and an exchange; both directions keep their order."""

    def __init__(self, world: World, lane: Lane, actor: Actor, channel: int, wire: Wire) -> None:
        super().__init__(channel, on_send=self.said)
        self.world = world
        self.lane = lane
        self.actor = actor
        self.wire = wire
        self.number = world.next_number()
        self.up_at = self.down_at = 0  # when the last message of each direction arrives
        self.is_ended = False

    def said(self, text: bytes) -> None:
        """The actor sent one frame."""
        self.up_at = max(self.up_at, self.world.now + self.world.latency())
        self.world.at(self.up_at, lambda: self.arrive(bytes(text)))

    def arrive(self, text: bytes) -> None:
        if not self.is_ended and self.world.is_alive(self.wire):
            self.wire.text(self.number, text, self.world.now)

    def heard(self, payload: bytes) -> None:
        """The exchange sent one frame."""
        self.down_at = max(self.down_at, self.world.now + self.world.latency())
        self.world.at(self.down_at, lambda: self.deliver(payload))

    def deliver(self, payload: bytes) -> None:
        if self.is_open:
            self.lane.take_frame(self.actor, self.channel, payload, True, self.world.now)

    def close(self) -> None:
        """The actor closes; it is told so as it would be by a socket."""
        super().close()
        self.world.at(self.world.now, lambda: self.wire.closed(self.number, self.world.now))
        self.end(0)

    def end(self, code: int) -> None:
        if self.is_ended:
            return
        self.is_ended = True
        self.down_at = max(self.down_at, self.world.now)
        self.world.at(self.down_at, lambda: self.tell_end(code))

    def tell_end(self, code: int) -> None:
        super().close()
        self.world.lines.pop(self.number, None)
        event = LinkEvent.CLOSED
        self.lane.take_link(self.actor, self.channel, event, code, self.world.now)


class World:
    """The clock, the lanes, the exchanges and what is under way between them."""

    def __init__(self, seed: int) -> None:
        self.now = START
        self.random = Random(f"world/{seed}")
        self.lanes: list[Lane] = []
        self.wires: dict[str, Wire] = {}
        self.lines: dict[int, Line] = {}
        self.answers: dict[int, Callable[[int, dict[str, str], bytes], None]] = {}
        self.numbers = 0
        self.scheduled: list[tuple[int, int, Callable[[], None]]] = []
        self.keep_lines: Callable[[dict[str, Any]], object] = lambda line: None

    def next_number(self) -> int:
        self.numbers += 1
        return self.numbers

    def latency(self) -> int:
        """One way, 0.1 to 2 ms."""
        return self.random.randrange(MS // 10, 2 * MS)

    def at(self, due: int, call: Callable[[], None]) -> None:
        heapq.heappush(self.scheduled, (due, self.next_number(), call))

    def add_lane(self, lane: Lane) -> None:
        lane.transport = Transport(self, lane)
        self.lanes.append(lane)

    def is_alive(self, wire: Wire) -> bool:
        return any(known is wire for known in self.wires.values())

    def kill(self, name: str, successor: Wire) -> None:
        """The exchange's process dies and is started again: connections break, what had not left
        it never does, what was under way to it is lost."""
        dead = self.wires[name]
        self.wires[name] = successor
        for line in list(self.lines.values()):
            if line.wire is dead:
                line.end(0)

    def wire_of(self, url: str) -> Wire:
        return self.wires[urlsplit(url).hostname or ""]

    def run(self, seconds: float) -> None:
        """Let time pass: always the earliest thing next, exchanges before messages before lanes."""
        end = self.now + round(seconds * 1e9)
        while True:
            due = [w.next_due() for w in self.wires.values()]
            due += [lane.due for lane in self.lanes]
            due += [self.scheduled[0][0]] if self.scheduled else []
            earliest = min((d for d in due if d is not None), default=end)
            if earliest > end:
                break
            self.now = max(self.now, earliest)
            for wire in self.wires.values():
                if (wire.next_due() or end + 1) <= self.now:
                    wire.advance(self.now)
            while self.scheduled and self.scheduled[0][0] <= self.now:
                heapq.heappop(self.scheduled)[2]()
            for lane in self.lanes:
                if lane.due is not None and lane.due <= self.now:
                    lane.take_timers(self.now)
            for wire in self.wires.values():
                self.drain(wire)
        self.now = end

    def drain(self, wire: Wire) -> None:
        for line in wire.take_lines().splitlines():
            self.keep_lines(orjson.loads(line))
        for kind, number, payload, extra in wire.take():
            line = self.lines.get(number)
            if kind == "answer":
                status, headers = extra
                answer = self.answers.pop(number, None)
                if answer is not None:
                    answer(status, headers, payload)
            elif line is None:
                continue
            elif kind == "send":
                line.heard(payload)
            elif kind == "ping":
                wire.pong(number, payload, self.now)
            elif kind == "close":
                line.end(extra)


class Transport:
    """What a lane sees of the world."""

    def __init__(self, world: World, lane: Lane) -> None:
        self.world = world
        self.lane = lane

    def open(self, actor: Actor, channel: int, target: dict[str, Any]) -> None:
        world = self.world
        wire = world.wire_of(target["url"])
        line = Line(world, self.lane, actor, channel, wire)
        parts = urlsplit(target["url"])
        path = parts.path + (f"?{parts.query}" if parts.query else "")

        def arrive() -> None:
            world.lines[line.number] = line
            taken = wire.open(line.number, path, world.now)
            world.at(world.now + world.latency(), lambda: answer(taken))

        def answer(taken: bool) -> None:
            if not taken or line.is_ended:
                line.end(404)
                return
            actor.attach(line)
            self.lane.take_link(actor, channel, LinkEvent.OPEN, 0, world.now)

        world.at(world.now + world.latency(), arrive)

    def request(
        self,
        actor: Actor,
        token: int,
        method: str,
        target: str,
        headers: Iterable[tuple[str, str]],
        body: bytes,
    ) -> None:
        world = self.world
        number = world.next_number()
        parts = urlsplit(target)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        told = {k.lower(): v for k, v in headers}

        def respond(status: int, found: dict[str, str], text: bytes) -> None:
            world.at(
                world.now + world.latency(),
                lambda: self.lane.take_response(actor, token, status, found, text, world.now),
            )

        def give_up() -> None:
            answer = world.answers.pop(number, None)
            if answer is not None:
                answer(0, {}, b"")  # no answer: the outcome is unknown

        world.answers[number] = respond
        world.at(
            world.now + world.latency(),
            lambda: world.wire_of(target).request(number, method, path, told, body, world.now),
        )
        world.at(world.now + HTTP_TIMEOUT_NS, give_up)
