"""The control runtime: one trio loop that dispatches records in a fixed order; tasks do only I/O.

The loop wakes by the lane's eventfd, by its earliest timer or by the heartbeat, takes every record
of every outbox it follows (in the configuration's order, so that two runs take them alike), and
lets sinks (journal, recorder) commit before their cursors move. HTTP requests of `rest` actors run
as tasks; their answers come back as turns.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

import trio

from engine.child import end_without_memory
from engine.trust import Refusals, trusted

if TYPE_CHECKING:
    from hotpath.lane import Actor, Lane
    from hotpath.ring import Reader

BATCH = 512
DRAIN_LIMIT = 64 * BATCH
PASSES = 8
HTTP_TIMEOUT_S = 5.0
TIME, TIME_AT = struct.Struct("<q"), 16
"""Engine time in a record's header (hotpath/records.h)."""
RESPONSE_LIMIT = 16 * 1024 * 1024


class Sink(Protocol):
    """An actor that stores what it follows: the reader's cursor moves only after `commit`."""

    def take_batch(self, source: int, records: list[bytes]) -> None: ...

    def commit(self) -> None: ...

    def give_up(self) -> None:
        """It was retired: what it took last may be overwritten, and nothing more is stored."""


class Follow:
    """One outbox of another lane and the actors (or the sink) here that want records of it."""

    def __init__(self, reader: Reader, actors: list[Actor], sink: Sink | None = None) -> None:
        self.reader, self.actors, self.sink = reader, actors, sink


class ColdLane:
    """Runs a Lane on trio."""

    def __init__(
        self,
        lane: Lane,
        follows: list[Follow],
        *,
        bell: int,
        on_heartbeat: Callable[[], None],
        doorbells: Iterable[Any] = (),
        heartbeat_s: float = 0.02,
    ) -> None:
        self.lane, self.follows, self.bell = lane, follows, bell
        self.on_heartbeat, self.heartbeat_s = on_heartbeat, heartbeat_s
        self.doorbells = list(doorbells)
        self.stopping = self.has_failed = False
        self._nursery: trio.Nursery | None = None
        self._client: Any = None
        self.refused = Refusals()
        self._ages = None if lane.stages is None else lane.stages["age"]

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """The loop; returns when `stopping` is set and nothing is left to read."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            self.lane.start()
            task_status.started()
            beat = trio.current_time()
            while True:
                with self.turns():
                    taken = self.pump()
                if trio.current_time() >= beat:
                    self.on_heartbeat()
                    beat = trio.current_time() + self.heartbeat_s
                if self.stopping and not taken:
                    break
                if taken:
                    await trio.lowlevel.checkpoint()
                    continue
                await self.sleep(beat)
            nursery.cancel_scope.cancel()
        if self._client is not None:
            await self._client.aclose()

    @contextlib.contextmanager
    def turns(self) -> Iterator[None]:
        """Turns are taken within this: after one that failed the lane ends and takes no other.

        Tasks that still run while the others are being ended would go on from a state that has
        half a turn in it, and that no replay of the recorded inputs comes to.
        """
        try:
            yield
        except MemoryError:
            end_without_memory()
        except BaseException:
            self.has_failed = True
            raise

    def pump(self) -> int:
        """Timers, then every followed outbox in order; returns how much was taken."""
        taken = self.lane.take_timers()
        taken += self.drain_sinks()
        for follow in self.follows:
            if follow.sink is not None:
                continue
            records = follow.reader.take(BATCH)
            if not records:
                continue
            taken += len(records)
            self.note_age(records[0])
            for record in records:
                kind = record[4] | record[5] << 8
                for actor in follow.actors:
                    if actor.wants >> kind & 1:
                        self.lane.take_record(actor, record)
            follow.reader.store()
        if taken:
            self.commit()
            for outbox in self.doorbells:
                outbox.ring()
        return taken

    def drain_sinks(self) -> int:
        """Pass over the sinks' outboxes until one pass takes nothing (at most PASSES).

        An outbox already read may get a cause whose effect lies in one that is still to be read:
        the next pass brings it into the same batch.
        """
        total = 0
        for _ in range(PASSES):
            taken = sum(self.drain(f) for f in self.follows if f.sink is not None)
            total += taken
            if not taken:
                break
        return total

    def drain(self, follow: Follow) -> int:
        """Take all there is for a sink: whoever holds an effect then holds its cause as well."""
        assert follow.sink is not None
        taken = 0
        while records := follow.reader.take(BATCH):
            self.note_age(records[0])
            follow.sink.take_batch(follow.reader.source, records)
            taken += len(records)
            if taken >= DRAIN_LIMIT:
                break
        return taken

    def note_age(self, record: bytes) -> None:
        """How long the oldest record of a batch has waited in its outbox."""
        if self._ages is not None:
            (written,) = TIME.unpack_from(record, TIME_AT)
            self._ages.add(max(0, self.lane.read_clock() - written))

    def commit(self) -> None:
        """Let sinks make safe what they took, then move their cursors."""
        seen: list[Sink] = []
        for follow in self.follows:
            # asked after taking: writers pass a reader only once it was retired
            if follow.sink is not None and follow.reader.is_retired:
                follow.sink.give_up()
                seen.append(follow.sink)
        for follow in self.follows:
            if follow.sink is not None and not any(s is follow.sink for s in seen):
                seen.append(follow.sink)
                follow.sink.commit()
        for follow in self.follows:
            if follow.sink is not None:
                follow.reader.store()

    async def sleep(self, beat: float) -> None:
        """Until a doorbell, the earliest timer or the heartbeat; readers say that they sleep."""
        if not all(follow.reader.sleep() for follow in self.follows):
            return
        until = beat
        due = self.lane.due
        if due is not None:
            until = min(until, trio.current_time() + (due - self.lane.read_clock()) / 1e9)
        with trio.move_on_at(until):
            await trio.lowlevel.wait_readable(self.bell)
            os.eventfd_read(self.bell)
        for follow in self.follows:
            follow.reader.awake()

    # ---- transport: what actors ask the lane for

    def open(self, actor: Actor, channel: int, target: dict[str, Any]) -> None:
        """A control lane holds no WebSocket of an actor yet."""
        raise RuntimeError(f"{actor.name}: place actors with a WebSocket in a uvloop lane")

    def close(self, actor: Actor, channel: int) -> None:
        """See open()."""

    def request(
        self,
        actor: Actor,
        token: int,
        method: str,
        target: str,
        headers: Iterable[tuple[str, str]],
        body: bytes,
    ) -> None:
        """One HTTP request, sent once; its answer is a turn of the actor."""
        assert self._nursery is not None
        self._nursery.start_soon(self._fetch, actor, token, method, target, headers, body)

    async def _fetch(
        self,
        actor: Actor,
        token: int,
        method: str,
        target: str,
        headers: Iterable[tuple[str, str]],
        body: bytes,
    ) -> None:
        import httpx

        if self._client is None:
            self._client = httpx.AsyncClient(
                timeout=HTTP_TIMEOUT_S, follow_redirects=False, verify=trusted()
            )
        try:
            answer = await self._client.request(
                method, target, headers=dict(headers), content=body or None
            )
            status, got = answer.status_code, dict(answer.headers)
            content = answer.content[:RESPONSE_LIMIT]
            self.refused.made(actor.name)
        except httpx.HTTPError as error:
            status, got, content = 0, {}, f"{type(error).__name__}: {error}".encode()
            self.refused.failed(actor.name, error, httpx.URL(target).netloc.decode())
        if not self.has_failed:
            with self.turns():
                self.lane.take_response(actor, token, status, got, content)
