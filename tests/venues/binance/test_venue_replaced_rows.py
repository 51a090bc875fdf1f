"""What the journal says of orders that were replaced, or were to be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.journal.actor import Journal
from engine.journal.check import check
from engine.journal.store import open_reader
from hotpath.order import STATUS
from hotpath.ring import Reader
from tests.venues.binance.stage import SOURCE, VENUE, Stage
from tests.venues.binance.test_replace_races import (
    answer,
    cancelled,
    failed,
    racing,
    there,
    traded,
)  # fmt: skip
from tests.venues.binance.test_venue import restarted


def refused(stage: Stage, old: int, new: int) -> None:
    stage.report(new, "REJECTED", X="REJECTED", i=10, r="INSUFFICIENT_BALANCES", q="0.0080")


def rows(stage: Stage, state: Path, *ids: int) -> list[tuple[Any, ...]]:
    """Status, filled lots and successor of orders; the views are those of a rebuild too."""
    stage.records()
    journal = Journal.open(state, 77)
    journal.take_batch(SOURCE, Reader.of(stage.strategy.outbox, True).take(100))
    journal.take_batch(VENUE, stage.written)
    journal.commit()
    journal.close()
    found = check(state)
    assert found["snapshot"] == found["rebuilt"], found["differences"]
    db = open_reader(state)
    out = []
    for id in ids:
        sql = "SELECT status, cumulative, successor FROM orders WHERE id = ?"
        ((status, filled, successor),) = db.execute(sql, (f"{id:032x}",))
        out.append((STATUS[status], filled, int(successor, 16) if successor else 0))
    db.close()
    return out


def test_a_replaced_order_is_finished_when_the_new_one_is_there(tmp_path: Path) -> None:
    stage, old, new = racing()
    there(stage, old, new)
    assert rows(stage, tmp_path, old, new) == [("CANCELED", 0, new), ("NEW", 0, 0)]


@pytest.mark.parametrize("late", [30, 100])
def test_a_fill_that_is_told_late_does_not_open_it_again(tmp_path: Path, late: int) -> None:
    stage, old, new = racing()
    answer(late)(stage, old, new)
    traded("old", 5, late, late, whole=late == 100)(stage, old, new)
    ((status, filled, successor), _) = rows(stage, tmp_path, old, new)
    assert (status, filled, successor) == ("FILLED" if late == 100 else "CANCELED", late, new)


@pytest.mark.parametrize("how", ["the answer", "the stream", "the other half"])
def test_a_replacement_that_never_came_to_be_is_rejected(tmp_path: Path, how: str) -> None:
    stage, old, new = racing()
    if how == "the stream":
        refused(stage, old, new)
    else:
        failed(None if how == "the answer" else 0)(stage, old, new)
    if how == "the other half":
        cancelled("old", 0)(stage, old, new)
    lives = "CANCELED" if how == "the other half" else "NEW"
    assert rows(stage, tmp_path, old, new) == [(lives, 0, 0), ("REJECTED", 0, 0)]


def test_an_order_whose_replacement_was_refused_lives_in_the_next_life_too() -> None:
    stage, old, new = racing()
    refused(stage, old, new)
    assert stage.state(old)[0] == "NEW"
    after = restarted(stage)
    assert after.state(old)[0] == "NEW"
    assert after.venue.gate.exposure(100) == stage.venue.gate.exposure(100) == (0, 100, 0, 1)
