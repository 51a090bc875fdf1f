"""A warm process for the trading lane that dies next.

An interpreter and its imports are most of what a lane's way back costs (docs/supervision.md). The
root therefore keeps one process that has imported what its trading lanes are made of and waits on
its socketpair, like any lane that was just spawned: it holds no descriptor of the engine's memory,
no key and no epoch until it is told what it is, and it ends with the root like every other. A lane
without a venue starts cold: nothing trades or fails to because of it, and a spare costs memory.
"""

from __future__ import annotations

from pathlib import Path

from engine.application import Application, LaneSettings
from engine.lane_process import LaneProcess
from engine.logs import Log
from engine.roles import role_of
from engine.supervision.policy import SECOND

AGAIN_NS = 5 * SECOND
"""After a spare's own death, which says that something is wrong: no storm of them."""


def trades(lane: LaneSettings) -> bool:
    """Does this lane hold a venue's orders?"""
    return any(role_of(a.kind) == "venue" for a in lane.actors)


class Spare:
    """The root's spare process, if it keeps one."""

    def __init__(
        self,
        app: Application,
        argv: list[str],
        output: Path,
        log: Log,
        hidden: frozenset[str] = frozenset(),
    ) -> None:
        lanes = [lane for lane in app.lanes if trades(lane) and lane.runtime == "uvloop"]
        wanted = dict.fromkeys(a.kind for lane in lanes for a in lane.actors)
        self.kinds = [kind for kind in wanted if not kind.endswith(".py")]  # a user's may change
        self.lanes = {lane.name for lane in lanes} if app.spare else set()
        self.argv, self.output, self.log, self.hidden = argv, output, log, hidden
        self.process: LaneProcess | None = None
        self._not_before = 0

    def keep(self, now: int) -> None:
        """Have one, if one is wanted: called when nothing more urgent is to be done."""
        if self.process is not None or not self.lanes or now < self._not_before:
            return
        try:
            self.process = LaneProcess.spawn(self.argv, self.output, self.hidden)
        except OSError as e:
            self._not_before = now + AGAIN_NS
            self.log.problem("no spare", why=f"{type(e).__name__}: {e.strerror}")
            return
        self.process.prepare(self.kinds)

    def look(self, now: int) -> None:
        """Reap one that died; the next comes after a while."""
        spare = self.process
        if spare is not None and spare.process.poll() is not None:
            self.process, self._not_before = None, now + AGAIN_NS
            self.log.problem("spare ended", pid=spare.pid, code=spare.process.returncode)
            spare.close()

    def take(self, lane: str, now: int) -> LaneProcess | None:
        """The spare, for a lane it was made for; None: that lane starts cold."""
        self.look(now)
        if lane not in self.lanes:
            return None
        taken, self.process = self.process, None
        return taken

    def close(self) -> None:
        """Let go of it: it ends by itself, and is killed and reaped if it does not."""
        if self.process is not None:
            self.process.kill()
            self.process.process.wait()
            self.process.close()
            self.process = None
