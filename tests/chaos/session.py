"""One demo of a chaos part, from what is done to it to what the ledgers say at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.chaos.table import Row
from tests.engine.drill import Drill, agrees, sent_once


@contextmanager
def session(drill: Drill, row: Row, at: str | Callable[[], str]) -> Iterator[None]:
    """What is done within it is judged by journal, ledgers and recordings when it is over.

    What does not hold, there or in it, breaks the row, named by `at`; the drill's processes are
    gone afterwards in any case.
    """
    try:
        yield
        agrees(drill.end(), drill.state)
        sent_once(drill)
    except AssertionError as wrong:
        where = at if isinstance(at, str) else at()
        row.broken.append(f"{where}: {str(wrong)[:2000]}")
    finally:
        drill.kill()
