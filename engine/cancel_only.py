"""Cancel-only: while the journal could not keep what comes of an order, none leaves but cancels.

The root looks at the journal's lane and at the room on its disk (reliability.md 2.4, 2.9) and shows
a word on the board that every gate reads when it reserves. The word falls as soon as the journal is
down or its disk nearly full. It rises when the writer is back; after a full disk only once the
venues have been reconciled, since what the journal missed meanwhile is not known.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar

from engine import last_acts, slots
from engine.errors import EXIT_NO, TiercelError
from engine.supervision.policy import MILLISECOND
from hotpath.records import Kind

if TYPE_CHECKING:
    from engine.root import Root

DOWN, LOW = 1, 2
"""Bits of the board's word."""
LOOK_NS = 250 * MILLISECOND
RECONCILE_TIMEOUT_S = 30.0
MIB = 1 << 20


class JournalDiskLow(TiercelError):
    """The journal's disk has too little room for what new orders would bring."""

    code: ClassVar[str] = "TCL-3031"
    what = "Cancel only: the disk of the journal is nearly full"
    why = "{free} MiB are free at {path}, new orders need {needed}"
    do = "Make room; once there is, the venues are reconciled and trading goes on by itself"
    exit_code = EXIT_NO


class JournalDown(TiercelError):
    """Nothing commits events now."""

    code: ClassVar[str] = "TCL-3032"
    what = "Cancel only: the journal does not run"
    why = "Its lane {lane} is {state}"
    do = "It is started again by itself; {log} says why it ended"
    exit_code = EXIT_NO


class JournalDiskAlarm(TiercelError):
    """Room is getting scarce; orders still leave."""

    code: ClassVar[str] = "TCL-3033"
    what = "The disk of the journal is filling up"
    why = "{free} MiB are free at {path}; below {needed} no new order leaves"
    do = "Make room before then"
    exit_code = EXIT_NO


class CancelOnly:
    """What holds new orders back now, by bit; `word` is what the board shows."""

    def __init__(self, root: Root) -> None:
        from engine.journal import store

        self.root = root
        journal = root.assembly.journal
        self.home = root.assembly.homes[journal] if journal else ""
        self.holding: dict[int, TiercelError] = {}
        self._space_class, self._needed = store.space_class, store.CANCEL_ONLY_BYTES
        self._next = 0
        self._lifting = self._alarmed = False
        self.show()

    @property
    def word(self) -> int:
        return sum(self.holding)

    @property
    def sentences(self) -> list[dict[str, str]]:
        """Each reason as a coded error, for `ps`, `top` and the screen."""
        return [error.sentences() for _, error in sorted(self.holding.items())]

    def show(self) -> None:
        """Write the word where the gates read it."""
        root = self.root
        root.assembly.board.write(
            root.assembly.slots[slots.CANCEL_ONLY], slots.WORD.pack(self.word)
        )

    def look(self, now: int) -> None:
        """Once a beat of the root; `now` is monotonic, ns."""
        if not self.home:
            return
        self._look_at_lane()
        if now >= self._next:
            self._next = now + LOOK_NS
            self._look_at_disk()

    def _look_at_lane(self) -> None:
        supervisor = self.root.supervisor
        state = supervisor.state_of(self.home)
        if state in ("up", "ready"):
            self.drop(DOWN)
        elif supervisor.watched[supervisor.index[self.home]].ever_up and supervisor.is_running:
            self.hold(DOWN, JournalDown(lane=self.home, state=state, log=self.root.path / "log"))

    def _look_at_disk(self) -> None:
        room = os.statvfs(self.root.path)
        free = room.f_bavail * room.f_frsize
        found = self._space_class(free, room.f_blocks * room.f_frsize)
        values = {"free": free // MIB, "path": self.root.path, "needed": self._needed // MIB}
        if found == "cancel_only":
            self.hold(LOW, JournalDiskLow(**values))
        elif LOW in self.holding and not self._lifting:
            self._lifting = True
            self.root.run_soon(self._lift)
        if found == "alarm" and not self._alarmed:
            self.root.log.problem("disk", **JournalDiskAlarm(**values).sentences())
        self._alarmed = found != "ok"

    async def _lift(self) -> None:
        """There is room again: compare with the venues, then let orders leave."""
        root = self.root
        try:
            root.document(Kind.COMMAND, command="reconcile")
            asked = await last_acts.ask(root, "reconcile", "reconciled", RECONCILE_TIMEOUT_S)
        finally:
            self._lifting = False
        room = os.statvfs(root.path)
        free = room.f_bavail * room.f_frsize
        if all(a and a.get("ok") for a in asked.values()) and free >= self._needed:
            self.drop(LOW)  # else the next look tries again

    def hold(self, bit: int, error: TiercelError) -> None:
        """No new order leaves from here on."""
        known = bit in self.holding
        self.holding[bit] = error  # with the figures of now
        if not known:
            self.show()
            self._note("problem", error)

    def drop(self, bit: int) -> None:
        """This reason is over."""
        error = self.holding.pop(bit, None)
        if error is not None:
            self.show()
            self._note("over", error)

    def _note(self, what: str, error: TiercelError) -> None:
        root = self.root
        said: dict[str, Any] = error.sentences()
        if what == "problem":
            root.log.problem("cancel only", **said)
        else:
            root.log.main("info", "cancel only is over", **said)
        root.document(Kind.DOCUMENT, event="cancel_only", word=self.word, code=error.code)
