"""What every lane process does first, and how it speaks to the root.

    child = Child.begin(int(argv[1]))     # before anything else
    ... build the lane from child.spec ...
    child.started(); ...; child.ready()
    each round:  child.beat();  for command in child.commands(): ...
    child.finish(0)

Order matters: the death signal is asked for first and the parent compared after, so that a root
that died in between is noticed; nothing secret is in the process before it has become undumpable.
The death signal follows the thread that spawned us: the root spawns from its main thread only.
"""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar, NoReturn

import msgspec

from engine import lane_spec, slots
from engine.build_hash import build_hash
from engine.errors import TiercelError, cause_of
from engine.lane_spec import LaneSpec
from engine.secret import hide_hook

PR_SET_PDEATHSIG, PR_SET_DUMPABLE = 1, 4
ORPHAN_DEADLINE_S = 5.0
SPEC_LIMIT = 64 * 1024 * 1024
EXIT_ORPHAN, EXIT_REFUSED, EXIT_FAILED, EXIT_NO_MEMORY = 71, 72, 73, 74
ROOT_SILENCE_NS = 2_000_000_000
PREPARE = b'{"prepare"'
RECEIVE, DESCRIPTORS = 65536, 253
INT = struct.Struct("@i")


class BuildsDiffer(TiercelError):
    """The handshake: root and lane are not of one build, schema or configuration."""

    code: ClassVar[str] = "TCL-2160"
    what = "Lane {lane} refuses to start"
    why = "Its {field} is {own} and the root's is {root}"
    do = "Stop the engine and start it again, so that all its processes run one build"


class SpecMissing(TiercelError):
    """The root ended before it had told the lane what to do."""

    code: ClassVar[str] = "TCL-2161"
    what = "A lane was started without a specification"
    why = "{detail}"
    do = "Lanes are started by the root only: use `tiercel run` or `tiercel demo`"


class Retired(Exception):
    """The root let go of a spare that it had no use for."""


def ignore(kinds: list[str]) -> None:
    """What a lane prepares that has nothing to import."""


def die_with_root() -> None:
    """Ask for SIGTERM when the spawning thread ends, and make sure that it has not ended yet."""
    parent = os.getppid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_PDEATHSIG")
    if os.getppid() != parent:
        os._exit(EXIT_ORPHAN)


def end_without_memory() -> NoReturn:
    """End at once: words, tracebacks and orderly ends need what there is none of."""
    os._exit(EXIT_NO_MEMORY)


def leave_no_core() -> None:
    """No core file and no reading of our memory by others: it holds keys."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


class Child:
    """A lane's end of the socketpair, its heartbeat, and what it must obey."""

    def __init__(self, channel: socket.socket, spec: LaneSpec, rest: bytes) -> None:
        self.channel, self.spec = channel, spec
        self.orphaned = False
        self.asked_to_stop = False
        self._rest, self._unsent = rest, b""
        self._beats = 0
        self._board: Any = None
        self._slot = self._root_slot = -1
        self._root_beat = (0, time.monotonic_ns())

    @classmethod
    def begin(cls, descriptor: int, prepare: Callable[[list[str]], None] = ignore) -> Child:
        """The first thing a lane does. Retired, SpecMissing, BuildsDiffer.

        A spare is asked to `prepare` for kinds of actors and may then wait long for its
        specification; until it comes, the death signal ends it as the kernel does.
        """
        die_with_root()
        leave_no_core()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the root's to hear
        channel = socket.socket(fileno=descriptor)
        os.set_inheritable(descriptor, False)
        lines = Lines(channel)
        document = lines.read()
        if document.startswith(PREPARE):
            prepare(msgspec.json.decode(document)["prepare"])
            document = lines.read()
        spec = lines.with_descriptors(lane_spec.decode(document))
        if spec.output >= 0:
            os.dup2(spec.output, 1)
            os.dup2(spec.output, 2)
            os.close(spec.output)
        child = cls(channel, spec, lines.rest)
        signal.signal(signal.SIGTERM, child._on_term)
        if os.getppid() != spec.root_pid:
            child.finish(EXIT_ORPHAN)
        try:
            child._shake_hands()
        except BuildsDiffer as error:  # the root tells it to whoever started the engine
            child.failed(error)
            raise
        if spec.core is not None:
            os.sched_setaffinity(0, {spec.core})
        channel.setblocking(False)
        return child

    def _shake_hands(self) -> None:
        from hotpath.records import SCHEMA_HASH

        own = {"build_hash": build_hash(), "schema_hash": SCHEMA_HASH}
        told = {"config_hash": self.spec.config_hash, "mode": self.spec.mode}
        self.say("hello", pid=os.getpid(), epoch=self.spec.epoch, **own, **told)
        for field, value in own.items():
            root = getattr(self.spec, field)
            if value != root:
                raise BuildsDiffer(
                    lane=self.spec.lane, field=field, own=f"{value:016x}", root=f"{root:016x}"
                )

    # ---- to the root

    def say(self, event: str, **values: Any) -> None:
        """One JSON line to the root; what the socket does not take now goes with the next."""
        line = msgspec.json.encode({"event": event, **values}, enc_hook=hide_hook) + b"\n"
        self._unsent += line
        self._flush()

    def _flush(self) -> None:
        try:
            while self._unsent:
                self._unsent = self._unsent[self.channel.send(self._unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            self._unsent = b""
            self._orphan()

    def started(self) -> None:
        """Init is done: everything is mapped and built."""
        self.say("started")

    def ready(self) -> None:
        """Connected, subscribed, reconciled: whatever ready means here."""
        self.say("ready")

    def restarted(self, actor: str, why: str) -> None:
        """An actor of this lane was restarted in place."""
        self.say("restarted", actor=actor, why=why)

    def failed(self, error: BaseException) -> None:
        """Why this lane is about to end, in words, without a secret in them."""
        error = cause_of(error)
        if isinstance(error, TiercelError):
            self.say("failed", **error.sentences())
        else:
            self.say("failed", code="", what=f"{type(error).__name__}: {error}", why="", do="")

    # ---- from the root

    def commands(self) -> list[dict[str, Any]]:
        """What the root has asked since the last call, in order; never blocks.

        `{"do": "stop"}` comes once. When the root is gone, `{"do": "orphaned"}` comes once: close
        the gate at once, cancel what policy does not allow unattended, and end; the kernel ends
        the process ORPHAN_DEADLINE_S later in any case.
        """
        was_orphaned, was_asked = self.orphaned, self.asked_to_stop
        data = b""
        self._flush()
        try:
            while chunk := self.channel.recv(65536):
                data += chunk
            self._orphan()
        except BlockingIOError:
            pass
        except OSError:
            self._orphan()
        *lines, self._rest = (self._rest + data).split(b"\n")
        found: list[dict[str, Any]] = [msgspec.json.decode(line) for line in lines]
        self.asked_to_stop |= any(c.get("do") == "stop" for c in found)
        if self.orphaned and not was_orphaned:
            found.append({"do": "orphaned"})
        elif self._term and not was_asked and not self.asked_to_stop:
            self.asked_to_stop = True
            found.append({"do": "stop"})
        return found

    _term = False

    def _on_term(self, number: int, frame: FrameType | None) -> None:
        """SIGTERM: the death signal when the root is gone, else somebody's wish that we stop."""
        self._term = True
        if os.getppid() != self.spec.root_pid:
            self._set_deadline()

    def _orphan(self) -> None:
        if not self.orphaned:
            self.orphaned = True
            self._set_deadline()

    def _set_deadline(self) -> None:
        """The kernel ends us then, whatever Python does."""
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        if signal.getitimer(signal.ITIMER_REAL)[0] == 0:
            signal.setitimer(signal.ITIMER_REAL, ORPHAN_DEADLINE_S)

    # ---- heartbeat

    def use(self, board: Any) -> None:
        """The board this lane attached: beats are written there. BuildsDiffer.

        The memory names the configuration it was made for: a lane that was told of another would
        read its slots and limits wrongly.
        """
        self._board = board
        version, data = board.read(self.spec.board.slots[slots.CONFIGURATION], slots.WORD.size)
        made_for = slots.WORD.unpack(data)[0] if version else 0
        if made_for != self.spec.config_hash:
            raise BuildsDiffer(
                lane=self.spec.lane,
                field="config_hash",
                own=f"{self.spec.config_hash:016x}",
                root=f"{made_for:016x}",
            )
        self._slot = self.spec.board.slots[slots.heartbeat(self.spec.lane)]
        self._root_slot = self.spec.board.slots[slots.ROOT_HEARTBEAT]

    def beat(self) -> None:
        """Write this lane's heartbeat, look at the root's; call it at least every heartbeat_ms."""
        now = time.monotonic_ns()
        self._beats += 1
        beat = slots.BEAT.pack(self._beats, now, self.spec.epoch & 0xFFFFFFFF, os.getpid())
        self._board.write(self._slot, beat)
        _, data = self._board.read(self._root_slot, slots.BEAT.size)
        count = slots.Beat(*slots.BEAT.unpack(data)).beats
        if count != self._root_beat[0]:
            self._root_beat = count, now

    @property
    def root_silence_ns(self) -> int:
        """How long the root's heartbeat has stood still; gates close past ROOT_SILENCE_NS."""
        return time.monotonic_ns() - self._root_beat[1]

    # ---- memory

    def settle(self, *, hot: bool) -> None:
        """After start-up: what lives now lives for ever; a hot lane collects only when told to."""
        gc.collect()
        gc.freeze()
        if hot:
            gc.disable()

    def finish(self, code: int) -> NoReturn:
        """End the process now, files flushed; nothing runs after it."""
        self.channel.settimeout(0.5)
        self._flush()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


class Lines:
    """What the root sends first: lines, and descriptors between them."""

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel
        self.rest = b""
        self.received: list[int] = []

    def read(self) -> bytes:
        """The next line. SpecMissing when there is none; Retired when nothing of it had come."""
        data = bytearray(self.rest)
        while b"\n" not in data[-RECEIVE:]:
            # not socket.recv_fds: it drops the flag that closes them in what a lane may start
            chunk, ancillary, _, _ = self.channel.recvmsg(
                RECEIVE, socket.CMSG_SPACE(DESCRIPTORS * INT.size), socket.MSG_CMSG_CLOEXEC
            )
            for level, kind, raw in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    whole = raw[: len(raw) // INT.size * INT.size]
                    self.received += [fd for (fd,) in INT.iter_unpack(whole)]
            if not chunk and not data and not self.received:
                raise Retired
            if not chunk:
                raise SpecMissing(detail="The socket ended before the document did")
            data += chunk
            if len(data) > SPEC_LIMIT:
                raise SpecMissing(detail=f"The document is over {SPEC_LIMIT} bytes")
        line, _, self.rest = bytes(data).partition(b"\n")
        return line.lstrip()

    def with_descriptors(self, spec: LaneSpec) -> LaneSpec:
        """The specification in this process's numbers. SpecMissing."""
        told = lane_spec.descriptors(spec)
        if len(told) != len(self.received):
            raise SpecMissing(detail=f"{len(self.received)} descriptors came of {len(told)}")
        return lane_spec.renumbered(spec, dict(zip(told, self.received, strict=True)))


def run_lane(argv: list[str], main: Any, prepare: Callable[[list[str]], None] = ignore) -> NoReturn:
    """`main(child)` in a process the root started; every way it can end becomes an exit code."""
    if len(argv) != 2 or not argv[1].isdigit():
        print(SpecMissing(detail="No descriptor was given"), file=sys.stderr)
        sys.exit(EXIT_REFUSED)
    child = None
    try:
        child = Child.begin(int(argv[1]), prepare)
        try:
            main(child)
        except BaseExceptionGroup as group:  # of a lane's tasks: what ended them is what is told
            raise cause_of(group) from group
    except Retired:
        sys.exit(0)
    except MemoryError:
        end_without_memory()
    except TiercelError as e:
        print(e, file=sys.stderr)
        if child is not None:
            child.failed(e)
            child.finish(EXIT_REFUSED)
        sys.exit(EXIT_REFUSED)
    except Exception as e:
        import traceback

        traceback.print_exc()
        if child is not None:
            child.failed(e)
            child.finish(EXIT_FAILED)
        sys.exit(EXIT_FAILED)
    child.finish(0)


def pss_kib(pid: int | str = "self") -> int | None:
    """Proportional memory of a process in KiB (RSS counts a ring mapped twice twice)."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return None
    lines = [x for x in text.splitlines() if x.startswith("Pss:")]
    return int(lines[0].split()[1]) if lines else None
