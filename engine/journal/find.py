"""Which state directory a command about the journal means: its engine may be dead or alive."""

from __future__ import annotations

from pathlib import Path

from engine.journal.conditions import NoJournal
from engine.journal.store import FILE
from engine.state import DEFAULT_PARENT, is_running


def journal_state(path: Path | None) -> Path:
    """The directory named; else the only running one under ./var; else the only one there.

    NoJournal when there is none, or several and none was named.
    """
    if path is not None:
        if not (path / FILE).is_file():
            raise NoJournal(path=path / FILE, detail="The file does not exist")
        return path
    found = sorted(f.parent for f in DEFAULT_PARENT.glob(f"*/{FILE}"))
    running = [d for d in found if is_running(d)]
    for choice in (running, found):
        if len(choice) == 1:
            return choice[0]
    detail = f"Several are there: {', '.join(map(str, found))}" if found else "None was found"
    raise NoJournal(path=DEFAULT_PARENT, detail=detail)
