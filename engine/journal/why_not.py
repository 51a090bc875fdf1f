"""`why --not`: what kept a strategy from trading in its last interval, with the numbers.

The strategy tells it itself, one document every few seconds (hotpath/strategy.pyx); what the gate
refused lies in the journal as records of the venue, and is added here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import apsw

from engine.errors import EXIT_NO, TiercelError
from engine.journal.names import Names
from engine.journal.reading import reading
from engine.journal.refusals import CONTROLS, explained
from hotpath.records import Kind, unpack

INTERVALS_LOOKED_AT = 200


class StrategyNotKnown(TiercelError):
    """No strategy of this name ever ran here."""

    code: ClassVar[str] = "TCL-3035"
    what = "No strategy {name} is in the journal of {state}"
    why = "Strategies that told of themselves there: {known}"
    do = "Name one of these; a strategy tells its first interval 5 s after its start"
    exit_code = EXIT_NO


def why_not(state: Path, strategy: str) -> dict[str, Any]:
    """{strategy, from, to, age_ns, intents, reasons, refused} of its last told interval.

    Times are engine time (UTC ns); `reasons` are counted by the strategy, `refused` by the gate.
    StrategyNotKnown.
    """
    with reading(state) as db:
        db.execute("BEGIN")
        names = Names(state, db)
        told = last_told(db, names, strategy)
        if told is None:
            known = ", ".join(sorted({names.source(s) for s, _ in documents(db)})) or "none"
            raise StrategyNotKnown(name=strategy, state=state, known=known)
        source, document = told
        begin, end = document["from"], document["to"]
        newest = db.execute("SELECT max(time) FROM event").fetchone()
        return {
            "strategy": strategy,
            "from": begin,
            "to": end,
            "age_ns": max(0, int(newest[0]) - end) if newest else 0,
            "intents": document["intents"],
            "reasons": document["reasons"],
            "refused": refusals(db, source, begin, end),
        }


def documents(db: apsw.Connection) -> list[tuple[int, dict[str, Any]]]:
    """(source, document) of the newest intervals told by any strategy, newest first."""
    found = []
    rows = db.execute(
        "SELECT source, payload FROM event WHERE kind = ? ORDER BY id DESC LIMIT ?",
        (int(Kind.DOCUMENT), INTERVALS_LOOKED_AT),
    )
    for source, payload in rows:
        document = unpack(int(Kind.DOCUMENT), payload).document
        if isinstance(document, dict) and "why_not" in document:
            found.append((int(source), document["why_not"]))
    return found


def last_told(
    db: apsw.Connection, names: Names, strategy: str
) -> tuple[int, dict[str, Any]] | None:
    """The newest interval of one strategy."""
    for source, document in documents(db):
        if names.source(source) == strategy:
            return source, document
    return None


def refusals(db: apsw.Connection, source: int, begin: int, end: int) -> dict[str, dict[str, Any]]:
    """{control in words: count, and of the last value, limit, why and inputs} between two times."""
    found: dict[str, dict[str, Any]] = {}
    rows = db.execute(
        "SELECT payload FROM event WHERE kind = ? AND time > ? AND time <= ? ORDER BY id",
        (int(Kind.REFUSED), begin, end),
    )
    for (payload,) in rows:
        r = unpack(int(Kind.REFUSED), payload)
        if r.strategy != source:
            continue
        name = CONTROLS.get(r.control, f"control {r.control}")
        entry = found.setdefault(name, {"control": r.control, "count": 0, "value": 0, "limit": 0})
        entry["count"] += 1
        entry |= {"value": r.value, "limit": r.limit, **explained(r)}
    return found
