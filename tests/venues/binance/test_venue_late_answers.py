"""Answers that come late, twice, or from a copy of the books that lags: judged by when the question
was asked and by the venue's own time, never by when they arrive (reliability.md 8.7)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import orjson
import pytest

from hotpath.order import spell_id
from hotpath.records import Document, Header, Kind, join, pack
from tests.venues.binance.stage import MS, Stage

ENDS: dict[str, tuple[str, dict[str, Any], int]] = {
    "FILLED": (
        "TRADE",
        {"X": "FILLED", "t": 5, "l": "0.0100", "z": "0.0100", "L": "49900.00"},
        100,
    ),
    "CANCELED": ("CANCELED", {"X": "CANCELED"}, 0),
    "EXPIRED": ("EXPIRED", {"X": "EXPIRED"}, 0),
}


def working() -> tuple[Stage, int]:
    stage = Stage()
    stage.start()
    id = stage.place()
    stage.report(id, "NEW")
    stage.answers = False
    return stage, id


def ask(stage: Stage, id: int) -> str:
    """A cancel without a clear answer makes the venue ask for the order; the question's id."""
    stage.strategy.cancel(stage.market, id)
    stage.error("c" + spell_id(id), -1007)
    asked = len(stage.sent)
    while not any(m["method"] == "order.status" for m in stage.sent[asked:]):
        stage.wait(50)
    return str(next(m["id"] for m in stage.sent[asked:] if m["method"] == "order.status"))


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("order", sorted(set(permutations(["end", "late", "twice"]))))
def test_end_late_answer_and_its_copy_in_every_order(end: str, order: tuple[str, ...]) -> None:
    stage, id = working()
    question = ask(stage, id)
    older = stage.order(id, "NEW")
    stage.now += 5 * MS
    execution, more, lots = ENDS[end]
    steps: dict[str, Callable[[], None]] = {
        "end": lambda: stage.report(id, execution, **more),
        "late": lambda: stage.reply(question, older),
        "twice": lambda: stage.reply(question, older),
    }
    for name in order:
        steps[name]()
    assert stage.state(id) == (end, "NONE", "CONFIRMED", lots)
    stage.place(price=4_980_000)
    assert stage.records(Kind.REFUSED) == [], "nothing is halted"


@pytest.mark.parametrize("end", ENDS)
def test_the_answer_to_an_older_question_comes_after_the_newer_was_asked(end: str) -> None:
    """Two questions about one order are under way; the first answer is as old as the first."""
    stage, id = working()
    first, older = ask(stage, id), stage.order(id, "NEW")
    older["updateTime"] = 0  # a venue that does not date its answers
    execution, more, lots = ENDS[end]
    stage.report(id, execution, **more)
    shown = stage.order(id, end, executedQty="0.0100" if lots else "0")
    stage.venue.inquire("q" + spell_id(id), "order.status", {"symbol": "BTCUSDT"})
    second = stage.sent[-1]["id"]
    assert first != second
    stage.reply(first, older)
    stage.reply(second, shown)
    assert stage.state(id) == (end, "NONE", "CONFIRMED", lots)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("later", [-7, 0])
def test_a_copy_that_lags_says_nothing_about_an_end(end: str, later: int) -> None:
    """Asked after the end, answered from what was true before it: the venue's own time tells."""
    stage, id = working()
    older = stage.order(id, "NEW")
    execution, more, lots = ENDS[end]
    stage.now += 20 * MS
    stage.report(id, execution, **more)
    older["updateTime"] = stage.now // MS - 1 + later  # `report` took the time before `say`
    stage.venue.inquire("q" + spell_id(id), "order.status", {"symbol": "BTCUSDT"})
    stage.reply(stage.sent[-1]["id"], older)
    stage.venue.inquire("o100", "openOrders.status", {"symbol": "BTCUSDT"})
    stage.reply(stage.sent[-1]["id"], [older])
    assert stage.state(id) == (end, "NONE", "CONFIRMED", lots)


def test_an_answer_that_is_newer_in_both_ways_is_a_dispute() -> None:
    stage, id = working()
    stage.report(id, "CANCELED", X="CANCELED")
    stage.wait(1000)
    alive = stage.order(id, "NEW")
    stage.venue.inquire("q" + spell_id(id), "order.status", {"symbol": "BTCUSDT"})
    stage.reply(stage.sent[-1]["id"], alive)
    assert stage.state(id)[::2] == ("CANCELED", "DISPUTED")


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("key", ["q", "o"])
def test_the_http_side_answers_late(end: str, key: str) -> None:
    """Its document says when the venue wanted to know; asked again meanwhile, or not."""
    stage, id = working()
    ask(stage, id)
    asked, older = stage.now, stage.order(id, "NEW", updateTime=0)
    execution, more, lots = ENDS[end]
    stage.report(id, execution, **more)
    stage.venue.inquire("q" + spell_id(id), "order.status", {"symbol": "BTCUSDT"})
    result: Any = older if key == "q" else [older]
    name = "q" + spell_id(id) if key == "q" else "o100"
    reply = orjson.dumps({"id": name, "status": 200, "result": result}).decode()
    for position in (1, 2):
        payload = pack(Document(document={"reply": reply, "asked": asked}))
        raw = join(Header(0, Kind.DOCUMENT, 55, position, stage.now, 0, 100, 0), payload)
        stage.lane.take_record(stage.venue, raw, stage.now)
    assert stage.state(id) == (end, "NONE", "CONFIRMED", lots)


def test_one_answer_said_five_times_is_one_answer_towards_absence() -> None:
    stage = Stage()
    stage.start()
    id = stage.place()
    stage.answers = False
    stage.error("p" + spell_id(id), -1007)
    stage.wait(150)
    question = next(m["id"] for m in stage.sent if m["method"] == "order.status")
    for _ in range(8):
        stage.error(question, -2013)
        stage.wait(2000)
    assert stage.state(id)[::2] == ("PENDING_NEW", "UNKNOWN")
    assert "allOrders" not in stage.methods()


def test_no_such_order_asked_before_it_arrived_halts_nothing() -> None:
    """The question overtook the placement; the answer comes when the order is known to live."""
    stage = Stage()
    stage.start()
    id = stage.place()
    stage.answers = False
    stage.error("p" + spell_id(id), -1007)
    stage.wait(150)
    question = next(m["id"] for m in stage.sent if m["method"] == "order.status")
    stage.report(id, "NEW")
    stage.error(question, -2013)
    assert stage.state(id) == ("NEW", "NONE", "CONFIRMED", 0)
    stage.place(price=4_980_000)
    assert stage.records(Kind.REFUSED) == []


def test_an_answer_from_before_a_comparison_does_not_open_the_gate() -> None:
    stage = Stage()
    stage.start()
    stage.answers = False
    stage.venue.inquire("o100", "openOrders.status", {"symbol": "BTCUSDT"})
    old = stage.sent[-1]["id"]
    stage.wait(100)
    stage.venue.reconcile()
    stage.reply(old, [])
    assert "o100" in stage.venue.outstanding
    stage.serve()
    assert stage.venue.state == "ready"


def test_a_second_answer_to_the_logon_or_the_stream_changes_nothing() -> None:
    stage = Stage()
    stage.start()
    for id in ("l", "u"):
        stage.reply(id, {"apiKey": "K", "authorizedSince": 1, "serverTime": 1, "subscriptionId": 0})
        stage.error(id, -2015, 401)
    stage.reply("u", {"subscriptionId": 0})
    assert stage.venue.state == "ready" and stage.venue.reconciled and stage.sent == []
    assert stage.venue.trouble is None
    assert stage.connection is not None and stage.connection.is_open


def test_balances_never_go_back() -> None:
    """A copy of an old account report comes after what the stream said since."""
    stage = Stage()
    stage.start()
    stage.records()
    ms = stage.now // MS
    for time, free in ((ms + 5, "7"), (ms, "1000000"), (ms + 6, "8")):
        stage.say({"subscriptionId": 0, "event": {
            "e": "outboundAccountPosition", "E": time, "u": time,
            "B": [{"a": "BTC", "f": free, "l": "0"}],
        }})  # fmt: skip
    told = [b.free_lo for _, b in stage.records(Kind.BALANCE)]
    assert told == [7 * 10**8, 8 * 10**8]
