"""Each thing that `journal check` looks for is found where it was planted, and named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
import pytest

from engine.journal.actor import Journal
from engine.journal.check import check
from engine.journal.store import FILE
from hotpath.records import (
    Approved,
    EventType,
    Intent,
    Op,
    Refused,
    pack_order_id,
)
from tests.engine.journal.session import (
    CANCELED,
    FILLED,
    INSTANCE,
    NEW,
    REJECTED,
    STRATEGY,
    VENUE,
    Session,
)


def found(state: Path, s: Session) -> list[tuple[str, str]]:
    journal = Journal.open(state, INSTANCE)
    journal.take(s.records)
    journal.commit()
    journal.close()
    return [(d["invariant"], d["what"]) for d in check(state)["differences"]]


def again(s: Session, order: int, by: int, **more: Any) -> int:
    values: dict[str, Any] = {"id": order, "price": 100, "quantity": 10, "op": Op.PLACE, "side": 1}
    values |= {"type": 1, "time_in_force": 2, "venue": VENUE, "strategy": STRATEGY}
    return s.write(VENUE, Approved(**(values | {"limit_version": 1} | more)), by)


def test_an_approval_without_an_intent(tmp_path: Path) -> None:
    s = Session(1)
    again(s, pack_order_id(INSTANCE, STRATEGY, 44, 0, 0), 0)
    assert ("I2", "approved without an intent") in found(tmp_path, s)


def test_an_approval_past_the_deadline(tmp_path: Path) -> None:
    s = Session(1)
    asked, order = s.intent(1, 100, 10)
    s.now += 2_000_000
    s.approve(order, asked, 1, 100, 10)
    assert found(tmp_path, s) == [("I5", "approved past the intent's deadline")]


def test_an_intent_without_a_deadline_is_never_past_it(tmp_path: Path) -> None:
    s = Session(1)
    asked = s.write(STRATEGY, Intent(op=Op.PLACE, side=1, quantity=10, legs=1, venue=VENUE))
    s.now += 10**12
    again(s, pack_order_id(INSTANCE, STRATEGY, 1, 0, 0), asked)
    assert found(tmp_path, s) == []


def test_an_order_placed_twice(tmp_path: Path) -> None:
    s = Session(1)
    asked, order = s.intent(1, 100, 10)
    s.approve(order, asked, 1, 100, 10)
    s.approve(order, asked, 1, 100, 10)
    assert ("I2", "placed twice") in found(tmp_path, s)


@pytest.mark.parametrize("ended", [False, True])
def test_a_next_attempt_only_after_the_last_was_absent(tmp_path: Path, ended: bool) -> None:
    s = Session(1)
    asked, order = s.intent(1, 100, 10)
    approved = s.approve(order, asked, 1, 100, 10)
    if ended:
        s.event(order, approved, EventType.REJECT, REJECTED)
    retry = s.write(
        STRATEGY,
        Intent(op=Op.PLACE, side=1, quantity=10, legs=1, attempt=1, venue=VENUE),
        asked,
    )
    second = pack_order_id(INSTANCE, STRATEGY, 1, 0, 1)
    again(s, second, retry)
    early = ("I2", "a next attempt before the last was absent") in found(tmp_path, s)
    assert early is not ended


def test_an_approval_after_a_refusal(tmp_path: Path) -> None:
    s = Session(1)
    asked, order = s.intent(1, 100, 10)
    s.write(VENUE, Refused(id=order, op=Op.PLACE, side=1, control=3, venue=VENUE), asked)
    s.approve(order, asked, 1, 100, 10)
    what = found(tmp_path, s)
    assert ("I5", "approved after it was refused") in what
    assert ("I4", "a step no order may take") in what


def test_an_approved_cancel_is_no_placement(tmp_path: Path) -> None:
    s = Session(1)
    asked, order = s.intent(1, 100, 10)
    approved = s.approve(order, asked, 1, 100, 10)
    for _ in range(2):
        again(s, order, approved, op=Op.CANCEL)
        refused = Refused(id=order, op=Op.CANCEL, side=1, control=11, venue=VENUE)
        s.write(VENUE, refused, approved)
    what = found(tmp_path, s)
    assert ("I2", "placed twice") not in what
    assert ("I4", "a step no order may take") not in what


def test_a_terminal_status_without_evidence(tmp_path: Path) -> None:
    s = Session(1)
    asked, order = s.intent(1, 100, 10)
    approved = s.approve(order, asked, 1, 100, 10)
    s.event(order, approved, EventType.UNKNOWN, CANCELED)
    assert ("I6", "terminal without evidence") in found(tmp_path, s)


def test_a_fill_of_an_order_that_nobody_intended(tmp_path: Path) -> None:
    s = Session(1)
    s.fill(pack_order_id(INSTANCE, STRATEGY, 44, 0, 0), 0, 1, 100, 5, FILLED)
    assert ("I2", "a fill of an order without an intent") in found(tmp_path, s)


def test_a_fill_of_somebody_else_s_order_is_external(tmp_path: Path) -> None:
    s = Session(1)
    s.fill(pack_order_id(INSTANCE + 1, STRATEGY, 44, 0, 0), 0, 1, 100, 5, FILLED)
    assert found(tmp_path, s) == []


def test_a_trade_counted_twice(tmp_path: Path) -> None:
    s = Session(1)
    asked, order = s.intent(1, 100, 10)
    approved = s.approve(order, asked, 1, 100, 10)
    s.event(order, approved, EventType.ACK, NEW, 501)
    for _ in range(2):
        s.fill(order, approved, 1, 100, 5, 0, trade=71)
    assert ("I3", "a trade was counted twice") in found(tmp_path, s)


def sound(state: Path) -> None:
    s = Session(1)
    asked, order = s.intent(1, 100, 10)
    approved = s.approve(order, asked, 1, 100, 10)
    s.fill(order, approved, 1, 100, 10, FILLED)
    assert found(state, s) == []


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("UPDATE positions SET quantity = '11'", "a position is not its fills"),
        ("UPDATE positions SET bought = '11'", "bought and sold are not the fills'"),
        ("DELETE FROM positions", "fills without a position"),
        ("UPDATE orders SET cumulative = 9", "an order's cumulative quantity is not its fills'"),
        ("DELETE FROM fills", "bought and sold are not the fills'"),
        ("UPDATE orders SET price = 1", "a view is not what its events give"),
        ("DELETE FROM strands", "a view is not what its events give"),
        ("INSERT INTO fees VALUES (1, 1, 1, '5')", "a view is not what its events give"),
    ],
)
def test_a_view_that_was_changed(tmp_path: Path, change: str, what: str) -> None:
    sound(tmp_path)
    db = apsw.Connection(str(tmp_path / FILE))
    db.execute(change)
    db.close()
    answer = check(tmp_path)
    assert not answer["ok"]
    assert what in [d["what"] for d in answer["differences"]]
