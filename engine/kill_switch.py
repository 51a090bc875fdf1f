"""The kill switch: a word on the board that the gate reads last, and a file that outlives us all.

Scopes are `all`, a venue, a strategy or a listing. Closing needs nothing but itself: the word is
written first, the file second, so a full disk cannot hold it up. Opening writes the file first.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import ClassVar

import msgspec

from engine import slots
from engine.errors import TiercelError
from engine.state import StateDamaged
from engine.whole import replace_durably
from hotpath.board import Board

ALL = "all"


class UnknownScope(TiercelError):
    """A kill scope that names nothing here."""

    code: ClassVar[str] = "TCL-1052"
    what = "There is no scope {scope} to kill"
    why = "Scopes here are {known}"
    do = "Name one of them, or `all`"


class Closed(msgspec.Struct, frozen=True):
    """Why and when a scope was closed (UTC ns)."""

    reason: str
    time: int


class Stored(msgspec.Struct):
    """kill.json. `escalated`: the supervisor gave up, and an operator has not yet resumed."""

    closed: dict[str, Closed] = {}
    escalated: bool = False


class KillSwitch:
    """The scopes of one application, on its board and in its state directory."""

    def __init__(self, directory: Path, scopes: list[str]) -> None:
        self.path = directory / "kill.json"
        self.scopes = [ALL, *scopes]
        self._board: Board | None = None
        try:
            self.stored = msgspec.json.decode(self.path.read_bytes(), type=Stored)
        except FileNotFoundError:
            self.stored = Stored()
        except msgspec.MsgspecError:
            # a switch that cannot be read is closed
            detail = "The kill switch cannot be read, so it counts as closed"
            raise StateDamaged(path=self.path, detail=detail) from None

    def show_on(self, board: Board) -> None:
        """Write every scope's word to a new board."""
        self._board = board
        for scope in self.scopes:
            self._word(scope, scope in self.stored.closed)

    def _word(self, scope: str, closed: bool) -> None:
        if self._board is not None:
            index = self._board.slot(slots.kill(scope))
            self._board.write(index, slots.WORD.pack(1 if closed else 0))

    def close(self, scope: str, reason: str, *, escalated: bool = False) -> bool:
        """Nothing of this scope leaves any more but cancels. UnknownScope.

        False: it is closed, but the disk did not take the file, so a restart would not know.
        """
        if scope not in self.scopes:
            raise UnknownScope(scope=scope, known=", ".join(self.scopes))
        self._word(scope, True)
        self.stored.closed.setdefault(scope, Closed(reason, time.time_ns()))
        self.stored.escalated |= escalated
        try:
            replace_durably(self.path, msgspec.json.encode(self.stored))
        except OSError:
            return False
        return True

    def open_all(self) -> list[str]:
        """Open every scope and clear an escalation; returns what was closed."""
        before = list(self.stored.closed)
        replace_durably(self.path, msgspec.json.encode(Stored()))
        self.stored = Stored()
        for scope in self.scopes:
            self._word(scope, False)
        return before
