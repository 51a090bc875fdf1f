"""The process of a lane: `python -m engine.lane DESCRIPTOR`, started by the root.

Both runtimes do the same things in the same order: attach the shared memory, build the actors,
write what they were built from into the recording, tell the root `started`, run, tell it `ready`
when every actor is, obey `stop`, and end with an exit code.
"""

from __future__ import annotations

import gc
import sys
import zlib
from pathlib import Path
from typing import Any

import msgspec

from engine import history, slots, trouble, wiring
from engine.build import Built, build
from engine.build_hash import build_hash
from engine.child import EXIT_FAILED, ROOT_SILENCE_NS, Child, end_without_memory, run_lane
from engine.lane_spec import FollowSpec, LaneSpec, OutboxSpec
from engine.secret import hide_hook
from engine.trust import Refusals
from hotpath.board import Board
from hotpath.clock import monotonic_ns
from hotpath.histogram import Histogram, Stages
from hotpath.lane import Lane
from hotpath.records import Kind
from hotpath.ring import Outbox, Reader, inspect
from hotpath.strategy import Strategy
from hotpath.venue import Venue

ANSWERS = ("cancel_all", "reconcile")
BEATS_BEFORE_ANSWER = 3
"""The command's record is taken within a round; only then does the state answer it."""


def attach_outbox(spec: OutboxSpec, build_hash: int) -> Outbox:
    """Take over an outbox as its writer of this epoch, with the doorbells of its readers."""
    outbox = Outbox.attach(spec.fd, spec.epoch, build_hash=build_hash)
    for reader, bell in spec.bells.items():
        outbox.set_bell(reader, bell)
    return outbox


def seed_of(spec: LaneSpec) -> int:
    """The lane's own seed: the application's, the lane's name and the epoch."""
    return spec.seed * 1_000_003 + zlib.crc32(f"{spec.lane}:{spec.epoch}".encode())


class LaneProcess:
    """What both runtimes share: memory, actors, heartbeat, commands, the way to the end."""

    def __init__(self, child: Child) -> None:
        self.child, self.spec = child, child.spec
        spec = self.spec
        self.board = Board.attach(spec.board.fd)
        child.use(self.board)
        self.outboxes = {
            a.name: attach_outbox(a.outbox, spec.build_hash)
            for a in spec.actors
            if a.role not in ("journal", "recorder")
        }
        self._clock = spec.board.slots[slots.CLOCK]
        self.offset = self.read_offset()
        self.built: Built = build(
            spec,
            self.board,
            lambda a: self.outboxes[a.name],
            offset=self.offset,
            seed=seed_of(spec),
        )
        self.lane: Lane = self.built.lane
        self.lane.max_restarts = spec.supervision.max_restarts
        self.lane.restart_window_ns = spec.supervision.max_seconds * 1_000_000_000
        self.lane.on_restart = lambda actor, error: child.restarted(
            actor.name, f"{type(error).__name__}: {error}"
        )
        stages = Stages.attach(spec.histograms) if spec.histograms is not None else None
        self.lane.set_stages(stages)
        for actor in self.built.actors.values():
            if isinstance(actor, Venue):
                actor.set_stages(stages)
        if spec.inputs is not None:
            self.lane.inputs = attach_outbox(spec.inputs, spec.build_hash)
            self.record_start()
        self.recall()
        self._said_ready = self._gates_closed = False
        self._lost_said = 0  # inputs without room in the recording that the root knows of
        self._asked: dict[str, int] = {}
        self._troubles: dict[str, dict[str, Any] | None] = {}
        self._venues = {a.name: a.venue for a in spec.actors}
        self._silent: dict[str, int] = {}  # until when each actor's venue wants no request
        self.refused = Refusals()
        """Actors whose connection cannot be made, as the runtime saw it (engine/trust.py)."""
        self.stopping = False
        self._stop_by = 0

    def recall(self) -> None:
        """Give venues what they wrote in earlier lives, then strategies what came of it.

        Both are inputs of the lane, so that a replay has them too.
        """
        state = Path(self.spec.state)
        for kind in (Venue, Strategy):
            for spec in self.spec.actors:
                actor = self.built.actors.get(spec.name)
                if not isinstance(actor, kind):
                    continue
                first = int(inspect(spec.outbox.fd)["first_position"])
                outbox = self.outboxes[spec.name]
                if kind is Venue:
                    records = history.of_venue(state, outbox, first, spec.name)
                else:
                    found = history.of_strategy(state, outbox, first, spec.name)
                    records = [] if found is None else [found]
                for raw in records:
                    self.lane.take_record(actor, raw)

    def read_offset(self) -> int:
        """Engine time minus the monotonic clock, as the root published it (ns)."""
        version, data = self.board.read(self._clock, slots.CLOCK_WORDS.size)
        offset: int = slots.CLOCK_WORDS.unpack(data)[0] if version else 0
        return offset

    def record_start(self) -> None:
        """The first input of a recording: what the actors were built from, without secrets."""
        assert self.lane.inputs is not None
        document = {
            "start": msgspec.to_builtins(self.spec, enc_hook=hide_hook),
            "seed": seed_of(self.spec),
            "offset": self.offset,
            "positions": {name: o.position for name, o in self.outboxes.items()},
        }
        payload = msgspec.json.encode(document, enc_hook=hide_hook)
        now = self.lane.read_clock()
        self.lane.inputs.append(int(Kind.DOCUMENT), payload, time=now)

    @property
    def doorbells(self) -> list[Outbox]:
        """Every outbox this lane writes."""
        found = list(self.outboxes.values())
        if self.lane.inputs is not None:
            found.append(self.lane.inputs)
        return found

    def reader(self, follow: FollowSpec) -> Reader:
        return Reader.attach(
            follow.fd,
            follow.reader,
            follow.lossy,
            epoch=self.spec.epoch,
            build_hash=self.spec.build_hash,
        )

    # ---- once a heartbeat

    def beat(self) -> bool:
        """Heartbeat, clock, commands, readiness; True when the lane should end now."""
        self.child.beat()
        offset = self.read_offset()
        if offset != self.offset:
            self.offset = offset
            self.lane.set_offset(offset)
        for command in self.child.commands():
            self.obey(command)
        self.answer()
        self.tell_troubles()
        if self.lane.recording_lost != self._lost_said:
            self.child.say("inputs_lost", more=self.lane.recording_lost - self._lost_said)
            self._lost_said = self.lane.recording_lost
        if self.child.root_silence_ns > ROOT_SILENCE_NS:
            self.close_gates()
        if not self._said_ready and all(a.is_ready() for a in self.built.actors.values()):
            self._said_ready = True
            self.child.ready()
        if not self.stopping:
            return False
        idle = all(a.is_idle() for a in self.built.actors.values())
        return idle or self.lane.read_clock() >= self._stop_by

    def obey(self, command: dict[str, Any]) -> None:
        """What the root asks: stop, or that it is gone."""
        if command.get("do") in ("stop", "orphaned") and not self.stopping:
            self.stopping = True
            limit = self.spec.shutdown_ms * 900_000
            self._stop_by = self.lane.read_clock() + limit
            self.close_gates()
            self.lane.stop()
        elif command.get("do") in ANSWERS:
            self._asked[command["do"]] = BEATS_BEFORE_ANSWER

    def answer(self) -> None:
        """Tell the root when what it asked is so; the asking itself is a record of its outbox."""
        for what in list(self._asked):
            self._asked[what] -= 1
            if self._asked[what] > 0:
                continue
            actors = self.built.actors.values()
            if what == "cancel_all" and all(a.is_idle() for a in actors):
                self.child.say("canceled", open=0)
            elif what == "reconcile" and all(a.is_ready() for a in actors):
                self.child.say("reconciled", ok=True)
            else:
                continue
            del self._asked[what]

    def tell_troubles(self) -> None:
        """Tell the root what an actor shows to be wrong, and how long its venue wants no request,
        when that has changed."""
        for name, actor in self.built.actors.items():
            shown = getattr(actor, "trouble", None) or self.refused.get(name)
            if shown != self._troubles.get(name):
                self._troubles[name] = shown
                error = trouble.in_words(name, shown)
                self.child.say("trouble", actor=name, error=error and error.sentences())
            until = getattr(actor, "silent_until", 0)
            if until > self._silent.get(name, 0):
                self._silent[name] = until
                number = getattr(actor, "silenced_by", 0)
                self.child.say("silent", venue=self._venues[name], until=until, number=number)

    def close_gates(self) -> None:
        """Nothing new leaves from here on; cancels may. An input of the recording, once."""
        if not self._gates_closed:
            self._gates_closed = True
            self.lane.close_gates()

    def fail(self, error: BaseException) -> None:
        """A compiled actor failed: the lane ends, the root starts another."""
        import traceback

        if isinstance(error, MemoryError):
            end_without_memory()
        traceback.print_exception(error)
        self.child.failed(error)
        self.child.finish(EXIT_FAILED)


def run_hot(process: LaneProcess) -> None:
    """The uvloop runtime."""
    import asyncio

    import uvloop

    from engine.lane_uvloop import Follow, HotLane

    spec, built = process.spec, process.built
    if built.lane.stages is not None:
        built.lane.stages.prefault()

    async def main() -> None:
        done = asyncio.Event()
        follows = [
            Follow(process.reader(f), [built.actors[n] for n in f.actors if n in built.actors])
            for f in spec.follows
        ]
        hot = HotLane(
            built.lane,
            follows,
            spin=spec.spin,
            heartbeat_ns=spec.heartbeat_ms * 1_000_000 // 4,
        )
        beats = 0

        def on_heartbeat(_: HotLane) -> None:
            nonlocal beats
            beats += 1
            if process.beat():
                hot.stop()
                done.set()
            if beats % 40 == 0:
                hot.keep_alive()
                stages = built.lane.stages
                took = hot.collect()
                if stages is not None:
                    stages["collect"].add(took)

        hot.on_heartbeat = on_heartbeat
        hot.on_failure = process.fail
        hot.doorbells = process.doorbells
        hot.refused = process.refused
        built.lane.transport = hot
        process.child.started()
        process.child.settle(hot=True)
        hot.run(spec.bell)
        await done.wait()

    uvloop.run(main())


def run_cold(process: LaneProcess) -> None:
    """The trio runtime."""
    import trio

    from engine.lane_trio import ColdLane, Follow

    spec, built = process.spec, process.built
    follows = []
    for f in spec.follows:
        sink = next((built.sinks[n] for n in f.actors if n in built.sinks), None)
        actors = [built.actors[n] for n in f.actors if n in built.actors]
        follows.append(Follow(process.reader(f), actors, sink))
    cold = ColdLane(
        built.lane,
        follows,
        bell=spec.bell,
        on_heartbeat=lambda: None,
        doorbells=process.doorbells,
        heartbeat_s=spec.heartbeat_ms / 4000,
    )

    def on_heartbeat() -> None:
        if process.beat():
            cold.stopping = True

    cold.on_heartbeat = on_heartbeat
    cold.refused = process.refused
    built.lane.transport = cold
    process.child.started()
    process.child.settle(hot=False)
    if built.lane.stages is not None:
        note_pauses(built.lane.stages["collect"])
    trio.run(cold.run)
    for sink in built.sinks.values():
        sink.close()


def note_pauses(histogram: Histogram) -> None:
    """Record every garbage collection of this process; a hot lane collects by itself instead."""
    began = 0

    def on_collection(phase: str, info: dict[str, int]) -> None:
        nonlocal began
        if phase == "start":
            began = monotonic_ns()
        elif began:
            histogram.add(monotonic_ns() - began)

    gc.callbacks.append(on_collection)


def main(child: Child) -> None:
    """Build and run the lane that the root asked for."""
    process = LaneProcess(child)
    if child.spec.runtime == "uvloop":
        run_hot(process)
    else:
        run_cold(process)


def prepare(kinds: list[str]) -> None:
    """Import what a hot lane with these kinds of actors will need, before it is one."""
    import uvloop
    from cryptography.hazmat.primitives import serialization

    from engine import lane_uvloop, limits
    from engine.journal import store

    assert serialization and uvloop and lane_uvloop and limits and store  # keys, loop, history
    build_hash()
    for kind in kinds:
        wiring.settings_of(kind, Path())
        wiring.actor_class(kind, Path())


if __name__ == "__main__":
    run_lane(sys.argv, main, prepare)
