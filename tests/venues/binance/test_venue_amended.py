"""Trades that a venue busts or corrects: order, position, gate, journal and the next life."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine import history
from engine.journal.actor import Journal
from engine.journal.check import check
from engine.journal.store import open_reader
from hotpath.records import Kind
from hotpath.ring import Outbox, Reader
from tests.venues.binance.stage import SOURCE, VENUE, Stage

BOUGHT, PRICE = 100, 4_990_000
BEGUN = (30, 70, 0, 1)
"""Position, buying, selling and orders after the first trade."""


def traded(*parts: int) -> tuple[Stage, int]:
    """An order for a hundred lots that has traded these, numbered from 1."""
    stage = Stage()
    stage.start()
    id = stage.place(price=PRICE)
    stage.report(id, "NEW", i=9)
    filled = 0
    for n, lots in enumerate(parts, 1):
        filled += lots
        whole = "FILLED" if filled == BOUGHT else "PARTIALLY_FILLED"
        amount, total = f"{lots / 10_000:.4f}", f"{filled / 10_000:.4f}"
        stage.report(id, "TRADE", X=whole, t=n, l=amount, z=total, L="49900.00", i=9)
    return stage, id


def after(stage: Stage, state: Path) -> tuple[Stage, tuple[int, ...]]:
    """The next life, and (position, lots of trade 1, filled) as the journal has them; its views are
    those of a rebuild, and no invariant is hurt."""
    stage.records()
    journal = Journal.open(state, 77)
    journal.take_batch(SOURCE, Reader.of(stage.strategy.outbox, True).take(100))
    journal.take_batch(VENUE, stage.written)
    journal.commit()
    journal.close()
    found = check(state)
    assert found["ok"], found["differences"]
    db = open_reader(state)
    ((position,),) = db.execute("SELECT quantity FROM positions")
    ((lots,),) = db.execute("SELECT quantity FROM fills WHERE trade_id = '1'")
    ((filled,),) = db.execute("SELECT cumulative FROM orders")
    db.close()
    outbox = Outbox.private(1 << 16, VENUE, first_position=1 << 20)
    told = history.of_venue(state, outbox, 1 << 20, "venue")
    return Stage(history=told), (int(position), lots, filled)


def seen(stage: Stage, id: int) -> tuple[Any, Any]:
    known = stage.venue.orders.state(id)
    assert known is not None
    return stage.venue.gate.exposure(100), (known["status"], known["cumulative"], known["leaves"])


@pytest.mark.parametrize(
    ("parts", "quantity", "exposure", "order"),
    [
        ((30,), 0, (0, 100, 0, 1), ("NEW", 0, 100)),
        ((30,), 20, (20, 80, 0, 1), ("PARTIALLY_FILLED", 20, 80)),
        ((30,), 45, (45, 55, 0, 1), ("PARTIALLY_FILLED", 45, 55)),
        ((30, 20), 0, (20, 80, 0, 1), ("PARTIALLY_FILLED", 20, 80)),
        ((30, 70), 10, (80, 20, 0, 1), ("PARTIALLY_FILLED", 80, 20)),
    ],
)
def test_what_stands_of_a_trade_counts_once_everywhere(
    tmp_path: Path,
    parts: tuple[int, ...],
    quantity: int,
    exposure: tuple[int, ...],
    order: tuple[Any, ...],
) -> None:
    stage, id = traded(*parts)
    for _ in range(2):  # told a second time it changes nothing
        stage.venue.amend_trade(id, 1, quantity=quantity, price=PRICE + 7, lives=True)
    assert seen(stage, id) == (exposure, order)
    fresh, other = traded()
    held, whole = stage.venue.gate.reserved(id), fresh.venue.gate.reserved(other)
    assert held is not None and whole is not None
    assert held[1] * BOUGHT == whole[1] * order[2], "what is open of it is held, and no more"
    amended = [x for _, x in stage.records(Kind.FILL) if x.trade_id == 1][1:]
    assert [(x.quantity, x.cumulative) for x in amended] == [(quantity, order[1])]
    again, journaled = after(stage, tmp_path)
    assert journaled == (order[1], quantity, order[1])
    assert seen(again, id) == (exposure, order)
    again.venue.amend_trade(id, 1, quantity=quantity, price=PRICE + 7, lives=True)
    assert seen(again, id) == (exposure, order), "the next life does not know of it"


def test_a_filled_order_stays_so_unless_the_venue_says_that_it_works_again(tmp_path: Path) -> None:
    stage, id = traded(30, 70)
    stage.venue.amend_trade(id, 1, quantity=0)
    assert seen(stage, id) == ((70, 0, 0, 0), ("FILLED", 70, 0))
    again, journaled = after(stage, tmp_path)
    assert journaled == (70, 0, 70)
    assert seen(again, id) == ((70, 0, 0, 0), ("FILLED", 70, 0))


def test_a_bust_that_is_told_before_its_trade_takes_it_back_beforehand() -> None:
    stage, id = traded(30)
    stage.venue.amend_trade(id, 2, quantity=0)
    stage.report(id, "TRADE", X="PARTIALLY_FILLED", t=2, l="0.0020", z="0.0050", L="49900.00", i=9)
    assert stage.venue.gate.exposure(100) == BEGUN


def test_no_order_no_amendment() -> None:
    stage, _ = traded(30)
    with pytest.raises(KeyError):
        stage.venue.amend_trade(12345, 1, quantity=0)
