"""An order that the venue has archived (-2026: cancelled or expired more than 90 days ago, nothing
executed) is over; where trades of it are counted here, one of the two is wrong."""

from __future__ import annotations

from typing import Any

from hotpath.order import spell_id
from hotpath.records import Kind
from tests.venues.binance.stage import S, Stage

DAYS = 86_400 * S


def next_life(stage: Stage) -> Stage:
    stage.records()
    later = Stage(history=stage.written, begins=stage.now + 100 * DAYS)
    right = later.answer

    def answer(id: str, method: str, params: dict[str, Any]) -> None:
        if method == "order.status":
            later.error(id, -2026, msg="Order was canceled or expired with no executed qty over 90 "
                        "days ago and has been archived.")  # fmt: skip
        else:
            right(id, method, params)

    later.answer = answer  # type: ignore[method-assign]
    later.tick()
    later.connect()
    return later


def test_an_order_that_lives_here_ends_and_the_gate_opens() -> None:
    stage = Stage()
    stage.start()
    id = stage.place()
    stage.report(id, "NEW")
    later = next_life(stage)
    later.wait(10_000)
    assert later.state(id) == ("CANCELED", "NONE", "CONFIRMED", 0)
    assert (later.venue.state, later.venue.outstanding) == ("ready", set())
    assert later.methods().count("order.status") == 1
    later.place()
    assert later.methods()[-1] == "order.place"


def test_so_does_one_whose_placement_had_no_answer() -> None:
    stage = Stage()
    stage.start()
    id = stage.place()
    later = next_life(stage)
    later.wait(10_000)
    assert later.state(id) == ("CANCELED", "NONE", "CONFIRMED", 0)
    assert later.venue.state == "ready"


def test_one_that_has_traded_is_disputed_and_its_instrument_halted() -> None:
    stage = Stage()
    stage.start()
    id = stage.place()
    stage.report(id, "NEW")
    stage.fill(id, 5, "0.0040", "0.0040")
    later = next_life(stage)
    later.wait(10_000)
    assert later.state(id)[2:] == ("DISPUTED", 40)
    assert later.venue.state == "ready", "the others trade on"
    later.records()
    later.place()
    assert [r.control for _, r in later.records(Kind.REFUSED)] == [2]


def test_of_a_replace_without_an_answer_the_new_order_had_arrived() -> None:
    stage = Stage()
    stage.start()
    id = stage.place()
    stage.report(id, "NEW")
    new = int(stage.strategy.replace(stage.market, id, side=1, price=4_980_000, quantity=100))
    assert new
    later = next_life(stage)
    right = later.answer

    def answer(name: str, method: str, params: dict[str, Any]) -> None:
        if params.get("origClientOrderId") == spell_id(id):
            ended = later.order(id, "CANCELED")
            later.reply(name, ended | {"time": 1_700_000_000_000, "updateTime": 1_700_000_000_001})
        else:
            right(name, method, params)

    later.answer = answer  # type: ignore[method-assign]
    later.wait(40_000)
    assert later.state(new) == ("CANCELED", "NONE", "CONFIRMED", 0)
    assert later.venue.state == "ready"


def test_an_older_question_says_nothing() -> None:
    """Asked for before the last word about it: the answer is no newer than that."""
    stage = Stage()
    stage.start()
    id = stage.place()
    stage.answers = False
    stage.error("p" + spell_id(id), -1007)
    stage.wait(150)
    question = next(m["id"] for m in stage.sent if m["method"] == "order.status")
    stage.report(id, "NEW")
    stage.error(question, -2026)
    assert stage.state(id) == ("NEW", "NONE", "CONFIRMED", 0)
