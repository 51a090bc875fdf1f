"""The recorder must never stop trading: a strict one that dies for good or falls behind is retired.

While it is strict the outboxes it reads wait for it. The root looks how far it is behind; before an
outbox would refuse orders for its sake, it is retired from all of them at once: the writers go on,
the recorder writes nothing further, and its file, which has no end, is an incomplete recording.
What stands in it is sound and replays alike. The journal is never retired (reliability.md 3.4).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, ClassVar

from engine.build_hash import build_hash
from engine.errors import EXIT_NO, TiercelError
from engine.lane_spec import RECORDER
from engine.recording import RecordingNotWritten
from engine.supervision.policy import MILLISECOND
from hotpath.records import Kind
from hotpath.ring import Mapping, Reader, retire, statistics

if TYPE_CHECKING:
    from engine.root import Root

LOOK_NS = 40 * MILLISECOND
BEHIND_SHARE = 2
"""One part in so many of an outbox unread: orders are refused from three parts in four on. A lane's
inputs are not asked: when there is no room for one it is counted, and nothing waits."""
DEATHS_SHARE = 3
"""One part in so many of the restarts that the root allows may be the recorder's."""


class RecordingIncomplete(TiercelError):
    """The recorder was retired; trading goes on."""

    code: ClassVar[str] = "TCL-7030"
    what = "The recording of this run is incomplete"
    why = "The recorder {detail}, and trading does not wait for it"
    do = "What was recorded replays alike; see {log}, and start again to record again"
    exit_code = EXIT_NO


class RecorderWatch:
    """Of one run; `error` says why its recording is incomplete, None while it is not."""

    def __init__(self, root: Root) -> None:
        self.root = root
        recorder = root.assembly.recorder
        self.lane = root.assembly.homes[recorder] if recorder else ""
        self.error: RecordingIncomplete | None = None
        boxes = [*root.assembly.boxes.values(), *root.assembly.inputs.values()]
        self._rings: dict[str, Mapping] = {
            box.name: Reader.attach(box.fd, "root", True, build_hash=build_hash()).mapping
            for box in boxes
            if RECORDER in box.gating
        }
        self._deaths: deque[int] = deque()
        self._next = 0

    def look(self, now: int) -> None:
        """Is it so far behind that an outbox would soon wait for it? `now` is monotonic, ns."""
        if self.error is not None or now < self._next:
            return
        self._next = now + LOOK_NS
        for name, ring in self._rings.items():
            about = statistics(ring)
            behind = about["readers"][RECORDER]["behind_bytes"]
            if name in self.root.assembly.boxes and behind > about["capacity"] // BEHIND_SHARE:
                self.retire(f"is {behind // 1024} KiB behind {name}")
                return

    def died(self, words: str, now: int) -> None:
        """Its lane ended abnormally; too often, or for want of room, and it is let go."""
        policy = self.root.supervisor.policy
        self._deaths.append(now)
        while self._deaths[0] <= now - policy.window_ns:
            self._deaths.popleft()
        too_often = len(self._deaths) > policy.max_restarts // DEATHS_SHARE
        if too_often or RecordingNotWritten.code in words:
            self.retire(f"died {len(self._deaths)} times" if too_often else "could not write")
            if len(self.root.lanes[self.lane].actors) == 1:
                self.root.supervisor.let_go(self.lane)

    def retire(self, detail: str) -> None:
        """Nobody waits for it from here on; in every outbox, or the recording would have holes."""
        if self.error is not None:
            return
        root = self.root
        self.error = RecordingIncomplete(detail=detail, log=root.path / "log")
        root.assembly.is_retired = True
        for ring in self._rings.values():
            retire(ring, RECORDER)
        said = self.error.sentences()
        root.log.problem("recorder retired", **said)
        root.document(Kind.DOCUMENT, event="recorder_retired", code=said["code"], why=said["why"])
