"""The root process: memory, lanes, their supervision, one control socket. It trades nothing.

Order of a start: lock the state directory, drain what a dead run left, number things, make the
memory, start the lanes. Order of an end: the lanes in reverse, each cancelling first; after too
many restarts the gates close, the cancellers cancel, and the exit code is 70.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import trio

from engine import control, lane_process, last_acts, leftovers, slots, watch
from engine.application import LaneSettings
from engine.assembly import ROOT, Assembly
from engine.cancel_only import CancelOnly
from engine.child import EXIT_NO_MEMORY, leave_no_core
from engine.config import Configuration
from engine.dropped import refuse_without_venue
from engine.engine_clock import EngineClock, measure
from engine.errors import EXIT_DONE, EXIT_NO, TiercelError, cause_of
from engine.kept_latencies import KeptLatencies
from engine.kill_switch import KillSwitch
from engine.lane_heard import heard_of
from engine.lane_limits import check_cores, child_of
from engine.lane_logs import LaneLogs
from engine.lane_process import LaneProcess
from engine.liveness import Liveness
from engine.logs import Log, Redaction, open_logs
from engine.memory import Memory
from engine.recorder_watch import RecorderWatch
from engine.registry import Registry
from engine.roles import role_of
from engine.spare import Spare
from engine.state import (
    StateDirectory,
    StateNotWritten,
    in_words,
    start_time,
)
from engine.status import write_run
from engine.supervision.decisions import Supervisor
from engine.supervision.policy import SECOND, Action, Policy, Verb
from engine.systemd import Notice
from hotpath.clock import monotonic_ns
from hotpath.records import Kind
from hotpath.ring import Outbox

EPOCHS_AHEAD = 15
"""Stored with a trading lane's epoch, so that its way back does not wait for the disk each time."""


class LaneFailed(TiercelError):
    """A lane did not come up at the first start."""

    code: ClassVar[str] = "TCL-2150"
    what = "The engine could not start"
    why = "{detail}"
    do = "Mend the cause; {log} has the lane's own words"
    exit_code = EXIT_NO


class Root:
    """One run of the engine. Made under the state directory's lock; `run` runs it to its end."""

    def __init__(
        self,
        configuration: Configuration,
        state: Path,
        *,
        exchanges: list[dict[str, object]] | None = None,
        lane_argv: list[str] | None = None,
        drain: leftovers.Drain | None = None,
        memory_place: Path | None = None,
        for_s: float | None = None,
        on_ready: Callable[[Root], None] | None = None,
        on_trouble: Callable[[dict[str, str]], None] = lambda said: None,
        early: list[int] | None = None,
    ) -> None:
        """`early` holds the signals that came before `run`: it ends at once then, in order."""
        self.configuration, self.app = configuration, configuration.application
        self.exchanges = exchanges or []
        self.lane_argv = lane_argv or lane_process.python()
        self.for_s, self.on_ready, self.on_trouble = for_s, on_ready, on_trouble
        self.early = early if early is not None else []
        self.notice = Notice()
        check_cores(self.app)
        self.directory = StateDirectory(state)
        self.path = self.directory.path
        try:
            redaction = Redaction(
                secret
                for venue in self.app.venues.values()
                if venue.key is not None
                for secret in (venue.key.api_key, venue.key.secret)
            )
            self.log: Log = open_logs(self.path / "log", ROOT, self.app.logs, redaction)
            control.clear(self.path)
            self.registry = Registry(self.path)
            self.memory = Memory.of_instance(self.registry.instance, memory_place)
            self._prepare(drain)
        except BaseException as e:
            self.directory.close()
            if isinstance(e, OSError):
                raise StateNotWritten(path=self.path, detail=in_words(e)) from None
            raise

    def _prepare(self, drain: leftovers.Drain | None) -> None:
        if drain is None and any(
            role_of(a.kind) == "journal" for lane in self.app.lanes for a in lane.actors
        ):
            drain = leftovers.into_journal
        self.left = leftovers.take(self.memory, self.path, self.registry.instance, drain)
        epochs = self.directory.epochs
        epochs.runs += 1
        self.run_name = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{epochs.runs}"
        self.assembly = Assembly(
            self.configuration,
            self.registry,
            self.memory,
            self.run_name,
            self.path,
            lambda name, source: self.directory.first_position(
                name, self.left.positions.get(source), kept=source in self.left.kept
            ),
        )
        refuse_without_venue(self.assembly)
        epochs.clean = False
        self.epoch = self.directory.next_epoch(ROOT)
        self.outbox = self._own_outbox()
        made_for = slots.WORD.pack(self.configuration.hash)
        self.assembly.board.write(self.assembly.slots[slots.CONFIGURATION], made_for)
        self.switch = KillSwitch(self.path, self.assembly.scopes()[1:])
        self.switch.show_on(self.assembly.board)
        self.clock = EngineClock(*measure())
        watch.publish_clock(self)
        self.latencies = KeptLatencies(
            self.path / "latency", self.run_name, self.assembly.stages, self.now()
        )
        self.lane_logs = LaneLogs(self.assembly, self.app.logs, self.log)
        self.pid, self.started = os.getpid(), start_time(os.getpid()) or 0
        app = self.app
        policy = Policy(
            strategy=app.supervision.strategy,
            max_restarts=app.supervision.max_restarts,
            window_ns=app.supervision.max_seconds * SECOND,
        )
        journal = self.assembly.journal
        home = self.assembly.homes[journal] if journal else ""
        children = [child_of(lane, lane.name == home) for lane in app.lanes]
        self.lanes = {lane.name: lane for lane in app.lanes}
        self.supervisor = Supervisor(children, policy, seed=secrets.randbits(63))
        self.cancel_only = CancelOnly(self)
        self.recorder_watch = RecorderWatch(self)
        self.liveness = Liveness(int(watch.LOOK_S * SECOND))
        self.processes: dict[str, LaneProcess] = {}
        hidden = self.configuration.secret_names
        output = self.path / "log" / "spare.out"
        self.spare = Spare(self.app, self.lane_argv, output, self.log, hidden)
        self.actor_restarts = 0
        self.inputs_lost: dict[str, int] = {}
        self.troubles: dict[str, dict[str, str] | None] = {}  # by actor, in coded words
        self.words: dict[str, str] = {}  # why each lane says it failed
        self.ended_last = ""
        self.answers: dict[str, dict[str, dict[str, Any]]] = {}
        self.escalation: str | None = None
        self.is_ready = False
        self._wake = trio.Event()
        self.heard = trio.Event()
        self._nursery: trio.Nursery
        write_run(self)

    def _own_outbox(self) -> Outbox:
        box = self.assembly.boxes[ROOT]
        from engine.build_hash import build_hash

        outbox = Outbox.attach(box.fd, self.epoch, build_hash=build_hash())
        spec = self.assembly.outbox(box, self.epoch)
        for reader, bell in spec.bells.items():
            outbox.set_bell(reader, bell)
        return outbox

    # ---- records

    def now(self) -> int:
        """Engine time."""
        return monotonic_ns() + self.clock.offset

    def record(self, kind: Kind, payload: bytes) -> int:
        """Write a record of the root; returns its position, 0 when the outbox is full."""
        position = self.outbox.append(int(kind), payload, time=self.now(), reserve=True)
        self.outbox.ring()
        return position

    def document(self, kind: Kind, **values: Any) -> int:
        """The same for a JSON document."""
        return self.record(kind, msgspec.json.encode(values))

    # ---- running

    def run(self) -> int:
        """Run to the end in the main thread; the exit code. LaneFailed, Escalated."""
        leave_no_core()
        try:
            trio.run(self._main)
        except BaseExceptionGroup as group:
            raise cause_of(group) from group
        finally:
            self._close()
        log = self.path / "log"
        if self.supervisor.result == "failed":
            why = self.supervisor.why
            raise LaneFailed(detail=self.with_words(why, why.split(" ")[0]), log=log)
        if self.escalation is not None:
            raise last_acts.Escalated(detail=self.escalation, log=log)
        return EXIT_DONE

    def with_words(self, why: str, lane: str) -> str:
        """What the supervisor says of a lane's end, and the lane's own words on it."""
        words = self.words.get(lane)
        return f"{why}: {words}" if words else why

    def _close(self) -> None:
        self.spare.close()
        epochs = self.directory.epochs
        for _ in self.latencies.append(self.now()):
            pass
        for box in [*self.assembly.boxes.values(), *self.assembly.inputs.values()]:
            with contextlib.suppress(TiercelError, OSError):
                epochs.positions[box.name] = leftovers.last_position(box.fd)
        epochs.clean = True
        with contextlib.suppress(OSError):  # then the next start knows that this one was not clean
            self.directory.store_epochs()
        self.lane_logs.close()
        self.log.close()
        self.assembly.close()
        self.registry.close()
        self.directory.close()

    async def _main(self) -> None:
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
                nursery.start_soon(self._signals, signals)
                nursery.start_soon(watch.watch, self)
                nursery.start_soon(watch.measure_clock, self)
                nursery.start_soon(watch.keep_latencies, self)
                await nursery.start(control.serve, self)
                if self.for_s is not None:
                    nursery.start_soon(self._end_after, self.for_s)
                self.document(Kind.DOCUMENT, event="root_started", run=self.run_name, pid=self.pid)
                self.carry_out(self.supervisor.start(monotonic_ns()))
                if self.early:
                    self.stop()
                await self._decide()
                nursery.cancel_scope.cancel()

    async def _signals(self, signals: Any) -> None:
        async for number in signals:
            self.log.main("info", "stopping", why=signal.Signals(number).name)
            self.stop()

    async def _end_after(self, seconds: float) -> None:
        await trio.sleep(seconds)
        self.stop()

    def run_soon(self, task: Callable[[], Awaitable[None]]) -> None:
        """A task of the root's own, until it ends or the root does."""
        self._nursery.start_soon(task)

    def stop(self) -> None:
        """Begin the orderly end."""
        self.notice.tell("STOPPING=1")
        self.carry_out(self.supervisor.stop(monotonic_ns()))

    async def _decide(self) -> None:
        """Call the supervisor whenever it is due, until everything is down."""
        while self.supervisor.result is None:
            due = self.supervisor.due
            wait = 3600.0 if due is None else max(0.0, (due - monotonic_ns()) / 1e9)
            with trio.move_on_after(wait):
                await self._wake.wait()
            self.carry_out(self.supervisor.tick(monotonic_ns()))
            self._wake = trio.Event()  # after it: its own acts are no reason to tick again

    def carry_out(self, actions: list[Action]) -> None:
        """Carry out what the supervisor decided."""
        for action in actions:
            process = self.processes.get(action.name)
            if action.verb is Verb.START:
                try:
                    self._spawn(self.lanes[action.name])
                except OSError as e:
                    self._nursery.start_soon(self._not_spawned, action.name, e)
            elif action.verb is Verb.STOP and process is not None:
                self._nursery.start_soon(_ask_to_stop, process)
            elif action.verb is Verb.KILL and process is not None:
                self.lane_logs.note(action.name, "error", "lane killed", why=action.why)
                self.words.setdefault(action.name, action.why)
                process.kill()
            elif action.verb is Verb.ESCALATE:
                why = self.with_words(action.why, self.ended_last)
                self._nursery.start_soon(last_acts.escalate, self, why)
            elif action.verb is Verb.DROP:
                self.lane_logs.note(action.name, "info", "lane dropped")
        self._wake.set()
        self.heard.set()

    async def _not_spawned(self, name: str, error: OSError) -> None:
        """No process, or no epoch on disk: a start that failed, and counts as one."""
        self.words[name] = f"{type(error).__name__}: {error.strerror}"
        self.lane_logs.note(name, "error", "lane not started", words=self.words[name])
        self.ended_last = name
        self.carry_out(self.supervisor.exited(name, 1, monotonic_ns()))

    def _spawn(self, lane: LaneSettings) -> None:
        ahead = EPOCHS_AHEAD if lane.name in self.spare.lanes else 0
        epoch = self.directory.next_epoch(f"lane:{lane.name}", ahead)
        spec = self.assembly.spec(lane, epoch, self.pid, self.started)
        output = self.path / "log" / f"{lane.name}.out"
        process = self.spare.take(lane.name, monotonic_ns())
        is_warm = process is not None
        if process is None:
            process = LaneProcess.spawn(self.lane_argv, output, self.configuration.secret_names)
        process.become(spec, output)
        self.processes[lane.name] = process
        self.words.pop(lane.name, None)  # an earlier life's
        of = {"pid": process.pid, "epoch": epoch}
        self.lane_logs.note(lane.name, "info", "lane started", **of, warm=is_warm)
        self.document(Kind.DOCUMENT, event="lane_started", lane=lane.name, **of)
        self._nursery.start_soon(self._follow, lane, process)

    async def _follow(self, lane: LaneSettings, process: LaneProcess) -> None:
        """One process from its specification to its reaping."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(process.tell_spec)
            nursery.start_soon(process.events, lambda e: heard_of(self, lane, process, e))
            code = await process.ended()
            with trio.move_on_after(0.2):  # its last words may still be in the socket
                while not process.is_silent:
                    await trio.sleep(0.005)
            nursery.cancel_scope.cancel()
        self.liveness.forget(lane.name)
        slot = self.assembly.slots[slots.heartbeat(lane.name)]
        self.assembly.board.write(slot, slots.BEAT.pack(0, 0, process.spec.epoch & 0xFFFFFFFF, 0))
        process.close()
        del self.processes[lane.name]
        asked = self.supervisor.watched[self.supervisor.index[lane.name]].asked
        if code == EXIT_NO_MEMORY:
            self.words[lane.name] = "it had no memory left (its limits, or the host's)"
        level = "info" if asked or code == 0 else "warning"
        self.lane_logs.note(lane.name, level, "lane ended", pid=process.pid, code=code)
        is_lost = level == "warning" and lane.name == self.recorder_watch.lane
        if is_lost and self.supervisor.is_running:
            self.recorder_watch.died(self.words.pop(lane.name, ""), monotonic_ns())
        self.document(Kind.DOCUMENT, event="lane_ended", lane=lane.name, pid=process.pid, code=code)
        self.ended_last = lane.name
        self.carry_out(self.supervisor.exited(lane.name, code, monotonic_ns()))
        if self.supervisor.result is None:
            self.note_ready()

    def note_ready(self) -> None:
        up = all(w.ready or not w.wanted for w in self.supervisor.watched)
        if up and not self.is_ready and self.supervisor.is_running:
            self.is_ready = True
            self.log.main("info", "ready")
            self.notice.tell(f"READY=1\nMAINPID={self.pid}\nSTATUS={self.app.application}: ready")
            if self.on_ready is not None:
                self.on_ready(self)

    @property
    def is_calm(self) -> bool:
        """Every lane is as it should be, and nobody asked for the end."""
        running = self.is_ready and self.supervisor.is_running
        return running and all(w.ready or not w.wanted for w in self.supervisor.watched)

    @property
    def restarts(self) -> int:
        """Lanes and actors restarted in this run."""
        return self.supervisor.restarts + self.actor_restarts


async def _ask_to_stop(process: LaneProcess) -> None:
    await process.tell(do="stop")
