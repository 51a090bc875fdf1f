"""Replay: the recorded inputs through the same actors, and every record they write compared.

Lane by lane, in the order of the recording: a lane's start document says what its actors were
built from; each input becomes the same turn at the same time; what the actors write is compared
with what they had written, byte for byte but for the measured stamps (which stand last in a
payload and are masked). Nothing is matched and nothing is sent: connections take every byte, but
for the sends that the session's sockets refused.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from engine.build import Built, build
from engine.errors import TiercelError
from engine.lane_spec import LaneSpec
from engine.masks import STAMPS
from engine.recording import Reading, RecordingDamaged
from engine.secret import Secret, decode_hook
from hotpath.board import Board
from hotpath.lane import Actor, Lane, ScriptedConnection
from hotpath.lockstep import Differs, Lockstep
from hotpath.records import HEADER_BYTES, Kind, LinkEvent, RecordError, split, unpack
from hotpath.ring import Outbox, Reader

OUTBOX_BYTES = 2 * 1024 * 1024
INPUTS = frozenset(
    int(k)
    for k in (
        Kind.INPUT_FRAME,
        Kind.INPUT_RECORD,
        Kind.INPUT_TIMER,
        Kind.INPUT_LINK,
        Kind.INPUT_SLOT,
        Kind.DOCUMENT,
    )
)


class ReplayImpossible(TiercelError):
    """The recording was made by a build whose records differ."""

    code: ClassVar[str] = "TCL-7003"
    what = "{path} cannot be replayed by this build"
    why = "{detail}"
    do = "Replay it with the build that made it"


class Difference(Exception):
    """The first difference: what stood in the recording and what the replay gave."""

    def __init__(self, **values: Any) -> None:
        super().__init__(str(values))
        self.values = values


def without_keys(spec: LaneSpec) -> LaneSpec:
    """Keys are not in a recording: signatures, which no record holds, are made with a stand-in."""
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    stand_in = Ed25519PrivateKey.from_private_bytes(bytes(32)).private_bytes(
        s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()
    )
    venues = {}
    for name, venue in spec.venues.items():
        key = venue.settings.key
        if key is not None:
            text = stand_in.decode() if key.kind == "ed25519" else "replay"
            key = msgspec.structs.replace(key, api_key=Secret("replay"), secret=Secret(text))
            settings = msgspec.structs.replace(venue.settings, key=key)
            venue = msgspec.structs.replace(venue, settings=settings)
        venues[name] = venue
    return msgspec.structs.replace(spec, venues=venues)


class NoTransport:
    """What actors ask of the world in a replay: nothing happens, the answers are recorded."""

    def open(self, actor: Actor, channel: int, target: dict[str, Any]) -> None:
        """The link event that answered it is in the recording."""

    def request(self, *args: Any) -> None:
        """The answer is in the recording."""


class Segment:
    """One lane from one start on: its actors, the input in hand, what is still to be compared."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.spec = without_keys(msgspec.convert(document["start"], LaneSpec, dec_hook=decode_hook))
        slots = self.spec.board.slots
        board = Board.private(sorted(slots, key=slots.__getitem__))
        first = document["positions"]
        self.outboxes = {
            a.name: Outbox.private(
                OUTBOX_BYTES, a.source, epoch=self.spec.epoch, first_position=first[a.name] + 1
            )
            for a in self.spec.actors
            if a.name in first
        }
        self.built: Built = build(
            self.spec,
            board,
            lambda a: self.outboxes[a.name],
            is_virtual=True,
            offset=document["offset"],
            seed=document["seed"],
        )
        self.lane: Lane = self.built.lane
        self.lane.max_restarts = self.spec.supervision.max_restarts
        self.lane.restart_window_ns = self.spec.supervision.max_seconds * 1_000_000_000
        self.lane.transport = NoTransport()
        self.lane.slot_feed = {}
        self.sources = {a.source for a in self.spec.actors if a.name in first}
        self.actors = {a.source: a for a in self.built.actors.values()}
        readers = {o.source: Reader.of(o, lossy=True) for o in self.outboxes.values()}
        self.steps = Lockstep(self.lane, self.actors, readers, STAMPS, self.turn, self.refuse_sends)
        self.connections: dict[tuple[int, int], ScriptedConnection] = {}
        self.was_stopped = False
        self.died: str | None = None  # of this exception
        self.taken = {a.source: first[a.name] for a in self.spec.actors if a.name in first}
        self.until: dict[int, int] = {}  # source -> last position of this life, once it is over

    # ---- inputs

    def take_input(self, record: bytes) -> None:
        """An input, or what belongs to the one before it (slots read, sends that failed)."""
        self.run(lambda: self.steps.take(record))
        if self.died is not None:  # of the input before this one: the session's lane went on
            raise Difference(what="exception", lane=self.spec.lane, error=self.died)

    def flush(self) -> None:
        """Do the turn in hand, now that all that belongs to it was read."""
        if self.died is None:
            self.run(self.steps.flush)

    def run(self, turns: Callable[[], None]) -> None:
        """Take turns. An exception that the lane does not survive ends this life, as it ended the
        session's if it came there too: then nothing follows, but what was written before it."""
        try:
            try:
                turns()
            except Differs:
                raise
            except Exception as error:
                self.died = f"{type(error).__name__}: {error}"
                self.steps.settle()
        except Differs as found:
            raise Difference(**told(self, *found.args)) from None

    def refuse_sends(self, records: list[bytes]) -> None:
        """The sockets did not take these sends whole: ours do not either."""
        for record in records:
            header, payload = split(record)
            link = unpack(header.kind, payload)
            connection = self.connections.get((link.actor, link.channel))
            if connection is not None:
                took = link.code & 0xFFFFFFFF
                connection.failures[link.code >> 32] = took - (1 << 32) if took >> 31 else took

    def turn(self, kind: int, record: bytes, now: int) -> None:
        """A link or a document; frames, records and timers need no Python."""
        lane = self.lane
        r: Any = unpack(kind, record[HEADER_BYTES:])
        if kind == Kind.DOCUMENT:
            what = r.document["turn"]
            if what == "start":
                lane.start(now)
            elif what == "stop":
                self.was_stopped = True
                lane.stop(now)
            else:
                lane.close_gates(now)
            return
        actor = self.actors[r.actor]
        key = (r.actor, r.channel)
        if r.event == LinkEvent.OPEN:
            self.connections[key] = ScriptedConnection(r.channel)
            actor.attach(self.connections[key])
        elif r.event == LinkEvent.CLOSED and key in self.connections:
            self.connections[key].close()
        lane.take_link(actor, r.channel, r.event, r.code, now)

    # ---- outputs

    def add(self, source: int, record: bytes) -> None:
        """A record that an actor of this life wrote."""
        self.taken[source] = position_of(record)
        try:
            self.steps.add(source, record)
        except Differs as found:
            raise Difference(**told(self, *found.args)) from None

    def leave(self, next_one: Segment) -> None:
        """The next life of the lane began: what it wrote and we were given goes to it.

        A recorder takes the outboxes one after the other, so a record of the next life may stand
        before its start, and one of this life behind it. They go first: the turn in hand may write
        more than the life that was killed in it had time for, and is not to meet what came after.
        """
        self.until = dict(next_one.taken)
        theirs: list[tuple[int, bytes]] = []
        for source in self.sources & next_one.sources:
            self.taken[source] = min(self.taken[source], self.until[source])
            theirs += ((source, r) for r in self.steps.take_after(source, self.until[source]))
        self.flush()
        for source, record in theirs:
            next_one.add(source, record)

    @property
    def is_whole(self) -> bool:
        """Over, and all it wrote was given to us."""
        return bool(self.until) and all(self.taken[s] >= p for s, p in self.until.items())

    def end(self, is_complete: bool = True) -> None:
        """The segment is over: nothing may be left that the other side has not.

        Of a recording without its end, the inputs behind the last records may be missing.
        """
        self.flush()
        for source in sorted(self.sources):
            recorded, replayed = self.steps.left(source)
            if recorded is not None and is_complete:
                raise Difference(
                    **told(self, source, recorded, None),
                    **({} if self.died is None else {"error": self.died}),
                )
            # a killed lane had its last input, and was not to write all that follows from it
            if replayed is not None and self.was_stopped:
                raise Difference(**told(self, source, None, replayed))


def position_of(record: bytes) -> int:
    """The position in a record's header."""
    return int.from_bytes(record[8:16], "little")


def told(
    segment: Segment, source: int, recorded: bytes | None, replayed: bytes | None
) -> dict[str, Any]:
    """A difference in words that can be read and in JSON."""

    def show(record: bytes | None) -> dict[str, Any] | None:
        if record is None:
            return None
        header, payload = split(record)
        fields = unpack(header.kind, payload)
        shown = msgspec.to_builtins(fields, enc_hook=str)
        if isinstance(shown, dict):  # ids have 128 bits, which JSON's readers do not
            shown = {
                k: str(v) if isinstance(v, int) and v >> 63 > 0 else v for k, v in shown.items()
            }
        return {
            "kind": Kind(header.kind).name,
            "position": header.position,
            "time": header.time,
            "cause": header.cause,
            "fields": shown,
        }

    return {
        "what": "record",
        "lane": segment.spec.lane,
        "actor": segment.actors[source].name,
        "recorded": show(recorded),
        "replayed": show(replayed),
    }


class Replay:
    """All lanes of one recording."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.segments: dict[str, Segment] = {}
        self.by_source: dict[int, Segment] = {}
        self.ending: list[Segment] = []  # over, and not all they wrote was met yet
        self.records = self.compared = self.inputs = self.inputs_lost = 0
        self.building = 0.0  # seconds spent on making actors

    def run(self) -> dict[str, Any]:
        """{records, identical, first_difference, events_per_s}; ReplayImpossible, NotARecording."""
        start = time.perf_counter()
        difference: dict[str, Any] | None = None
        is_complete = False
        try:
            reading = Reading(self.path)
            try:
                reading.check_layout()
                for record in reading.records():
                    self.take(record)
                for segment in [*self.ending, *self.segments.values()]:
                    self.close(segment, reading.is_complete)
                is_complete = reading.is_complete
            except RecordError as error:
                raise reading.damaged(str(error)) from None
            finally:
                reading.close()
        except RecordingDamaged as damaged:
            difference = damaged.sentences() | {"what": "damage", "offset": damaged.offset}
        except Difference as found:
            difference = found.values
        seconds = time.perf_counter() - start - self.building
        compared = self.compared + sum(s.steps.compared for s in self.segments.values())
        if difference is None and not compared and not self.inputs:
            difference = {"what": "nothing compared"}
        return {
            "records": self.records,
            "compared": compared,
            "identical": difference is None,
            "first_difference": difference,
            "complete": is_complete,
            "incomplete": bool(self.inputs_lost),
            "inputs_lost": self.inputs_lost,
            "events_per_s": round(self.inputs / seconds) if seconds > 0 else 0,
        }

    def take(self, record: bytes) -> None:
        """One record of the recording: an input of a lane, or what an actor wrote."""
        self.records += 1
        kind = record[4] | record[5] << 8
        source = record[6] | record[7] << 8
        segment = self.by_source.get(source)
        if kind not in INPUTS:
            if kind == Kind.GAP and segment is not None and source not in segment.sources:
                gap = unpack(kind, record[HEADER_BYTES:])
                self.inputs_lost += gap.to - gap.from_ + 1
                raise Difference(
                    what="incomplete", lane=segment.spec.lane, inputs_lost=self.inputs_lost
                )
            self.output(segment, source, record)
            return
        if kind == Kind.DOCUMENT:
            document = unpack(kind, record[HEADER_BYTES:]).document
            if isinstance(document, dict) and "start" in document:
                self.begin(source, document)
                return
            if not isinstance(document, dict) or "turn" not in document:
                self.output(segment, source, record)
                return
        if segment is not None:  # else of a lane whose start was not recorded
            self.inputs += 1
            segment.take_input(record)

    def output(self, segment: Segment | None, source: int, record: bytes) -> None:
        position = position_of(record)
        for old in self.ending:
            if position <= old.until.get(source, 0) and source in old.sources:
                old.add(source, record)
                if old.is_whole:
                    self.ending.remove(old)
                    self.close(old)
                return
        if segment is not None and source in segment.sources:
            segment.add(source, record)

    def begin(self, source: int, document: dict[str, Any]) -> None:
        """A lane starts, or starts again."""
        old = self.by_source.get(source)
        began = time.perf_counter()
        try:
            segment = Segment(document)
        except msgspec.ValidationError as error:
            raise ReplayImpossible(path=self.path, detail=str(error)) from None
        self.building += time.perf_counter() - began
        if old is not None:
            old.leave(segment)
            if old.is_whole:
                self.close(old)
            else:
                self.ending.append(old)
        self.segments[segment.spec.lane] = segment
        self.by_source[source] = segment
        for s in segment.sources:
            self.by_source[s] = segment

    def close(self, segment: Segment, is_complete: bool = True) -> None:
        segment.end(is_complete)
        self.compared += segment.steps.compared
        if self.segments.get(segment.spec.lane) is segment:
            del self.segments[segment.spec.lane]


def replay_file(path: Path) -> dict[str, Any]:
    """Replay a recording; see Replay.run."""
    return Replay(path).run()
