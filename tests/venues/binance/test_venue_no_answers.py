"""Answers that are none: a 200 with something else in it than was asked for proves nothing and ends
nothing (reliability.md 8.7). It is asked again, and until then what was not known is not known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hotpath.order import spell_id
from hotpath.records import Kind
from tests.venues.binance.stage import MS, Stage

STRANGE = b'{"subscriptionId":0,"event":{"e":"executionReport","s":"BTCUSDT"}}'
NO_LISTS: list[Any] = [None, {}, "none", {"rows": []}, 0]
ROW = {"filterType": "LOT_SIZE", "stepSize": "0.0001"}
GOOD = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "filters": [{"filterType": "PRICE_FILTER", "tickSize": "0.01"}, ROW],
}


def wrong(stage: Stage, method: str, result: Any) -> Callable[[], None]:
    """The exchange answers this method so, until what is returned is called."""
    right = stage.answer

    def answer(id: str, asked: str, params: dict[str, Any]) -> None:
        if asked == method:
            stage.reply(id, result)
        else:
            right(id, asked, params)

    stage.answer = answer  # type: ignore[method-assign]

    def mend() -> None:
        stage.answer = right  # type: ignore[method-assign]

    return mend


@pytest.mark.parametrize("result", [*NO_LISTS, [1], [{}], {"balances": []}])
def test_a_history_that_is_no_list_proves_no_absence(result: Any) -> None:
    """Taken for proof, the order would be REJECTED, its cause tried again, and both might live."""
    stage = Stage()
    stage.start()
    id = stage.place()
    mend = wrong(stage, "allOrders", result)
    stage.error("p" + spell_id(id), -1007, status=500)
    stage.wait(45_000)
    assert stage.state(id) == ("PENDING_NEW", "NONE", "UNKNOWN", 0)
    assert stage.methods().count("allOrders") > 1, "asked again"
    mend()
    stage.wait(30_000)
    assert stage.state(id)[0] == "REJECTED"


LISTS = ("myTrades", "openOrders.status", "account.status")


@pytest.mark.parametrize("method", LISTS)
@pytest.mark.parametrize("result", [*NO_LISTS, [1], [{}]])
def test_the_gate_stays_shut_until_the_question_is_answered(method: str, result: Any) -> None:
    stage = Stage()
    mend = wrong(stage, method, result)
    stage.tick()
    stage.connect()
    stage.wait(20_000)
    assert (stage.venue.state, stage.venue.reconciled) == ("reconciling", False)
    assert stage.venue.rejected > 0 or method == "myTrades"
    mend()
    stage.wait(3_000)
    assert (stage.venue.state, stage.venue.reconciled) == ("ready", True)


def test_an_empty_list_of_balances_is_an_answer_and_a_list_is_none() -> None:
    for result, state in (({"balances": [], "updateTime": 1}, "ready"), ([], "reconciling")):
        stage = Stage()
        wrong(stage, "account.status", result)
        stage.tick()
        stage.connect()
        stage.wait(5_000)
        assert stage.venue.state == state, result


@pytest.mark.parametrize("result", [*NO_LISTS, []])
def test_an_order_is_asked_for_until_the_answer_shows_one(result: Any) -> None:
    """At a reconnect, of an order that is not on the list: the gate waits for its state."""
    stage = Stage()
    stage.start()
    id = stage.place()
    stage.report(id, "NEW")
    stage.disconnect()
    stage.order(id, "CANCELED")
    mend = wrong(stage, "order.status", result)
    stage.wait(300)
    stage.connect()
    stage.wait(20_000)
    assert stage.venue.state == "reconciling"
    assert stage.state(id)[0] == "NEW"
    mend()
    stage.wait(3_000)
    assert stage.venue.state == "ready"
    assert stage.state(id) == ("CANCELED", "NONE", "CONFIRMED", 0)


def test_what_stands_in_a_list_with_strange_rows_counts_and_what_does_not_is_not_absent() -> None:
    stage = Stage()
    stage.start()
    ids = [stage.place(price=4_990_000 - k) for k in range(2)]
    for k, id in enumerate(ids):
        stage.report(id, "NEW", i=9 + k)
    stage.sent.clear()
    stage.served = 0
    stage.answers = False
    stage.wait(6_000)
    asked = next(m["id"] for m in stage.sent if m["method"] == "openOrders.status")
    shown = stage.order(ids[0], "PARTIALLY_FILLED", executedQty="0.0040", orderId=9)
    stage.sent.clear()
    stage.reply(asked, [shown, {"symbol": "BTCUSDT", "orderId": 10}])
    assert [m["params"].get("orderId") for m in stage.sent] == [9], "its trades, and no more"
    assert stage.sent[0]["method"] == "myTrades"


# ---- metadata


@pytest.mark.parametrize(
    "result", [None, [], "x", 1, {}, {"symbols": None}, {"symbols": {}}, {"symbols": 7}]
)
def test_metadata_that_are_none_are_asked_again(result: Any) -> None:
    stage = Stage()
    mend = wrong(stage, "exchangeInfo", result)
    stage.tick()
    stage.connect()
    stage.wait(5_000)
    assert stage.venue.state == "reconciling" and stage.venue.rejected > 0
    mend()
    stage.wait(3_000)
    assert stage.venue.state == "ready"


ODD: list[Any] = [
    GOOD | {"filters": None},
    GOOD | {"filters": ["x"]},
    GOOD | {"filters": [{"filterType": ["x"]}]},
    GOOD | {"filters": [{"filterType": "PRICE_FILTER", "tickSize": 0.01}, ROW]},
    GOOD | {"filters": [{"filterType": "PRICE_FILTER", "tickSize": None}, ROW]},
    GOOD | {"filters": [{"filterType": "PRICE_FILTER", "tickSize": "nan"}, ROW]},
    GOOD | {"filters": [{"filterType": "PRICE_FILTER"}, ROW]},
    GOOD | {"filters": {}},
    GOOD | {"filters": 5},
    {"symbol": "BTCUSDT", "status": "TRADING"},
]


@pytest.mark.parametrize("row", ODD)
def test_an_instrument_whose_steps_cannot_be_read_is_halted_and_the_lane_lives(row: Any) -> None:
    stage = Stage()
    wrong(stage, "exchangeInfo", {"symbols": [row]})
    stage.start()
    assert stage.venue.rejected == 1, "counted"
    stage.place()
    assert [r.control for _, r in stage.records(Kind.REFUSED)] == [2]


@pytest.mark.parametrize(
    "row", [None, 1, [], {}, GOOD | {"symbol": ["x"]}, GOOD | {"symbol": None}]
)
def test_rows_without_a_symbol_are_counted_and_the_others_hold(row: Any) -> None:
    stage = Stage()
    wrong(stage, "exchangeInfo", {"symbols": [row, GOOD]})
    stage.start()
    assert stage.venue.rejected == 1
    stage.place()
    assert stage.methods() == ["order.place"]


IDS = ("o", "order", "o-1", "t", "t-", "tx-1", "a", "a\u00b2", "o99", "t65536", "o-1-1", "e", "e:",
       "t4294967396", "b", "i", "h", "q", "f", "x")  # fmt: skip


@pytest.mark.parametrize("id", IDS)
@pytest.mark.parametrize("result", [[], None, [{"symbol": "BTCUSDT", "orderId": 1}]])
def test_ids_that_are_none_of_ours_say_nothing(id: str, result: Any) -> None:
    """A proxy, a test of the venue's: nothing in an id may end the lane."""
    stage = Stage()
    stage.start()
    stage.reply(id, result)
    stage.error(id, -1121)
    assert (stage.venue.state, stage.venue.trouble) == ("ready", None)
    stage.place()
    assert stage.methods()[-1] == "order.place"


def test_a_failed_lookup_is_asked_again_and_the_rest_is_not() -> None:
    stage = Stage(others=3)
    right, failures = stage.answer, [5]

    def answer(id: str, method: str, params: dict[str, Any]) -> None:
        if (method, params.get("symbol")) == ("myTrades", "A1USDT") and failures[0]:
            failures[0] -= 1
            stage.error(id, -1000, status=500)
        else:
            right(id, method, params)

    stage.answer = answer  # type: ignore[method-assign]
    stage.tick()
    stage.connect()
    stage.wait(8_000)
    assert stage.venue.state == "ready"
    asked = [m["params"]["symbol"] for m in stage.sent if m["method"] == "myTrades"]
    assert sorted(asked) == ["A0USDT", *["A1USDT"] * 6, "A2USDT", "BTCUSDT"]


def test_an_answer_that_is_lost_is_asked_for_again_and_the_rest_is_not() -> None:
    stage = Stage(others=3)
    right, lost = stage.answer, [2]

    def answer(id: str, method: str, params: dict[str, Any]) -> None:
        if (method, params.get("symbol")) == ("openOrders.status", "A1USDT") and lost[0]:
            lost[0] -= 1
        else:
            right(id, method, params)

    stage.answer = answer  # type: ignore[method-assign]
    stage.tick()
    stage.connect()
    stage.wait(9_000)
    assert stage.venue.outstanding == {"o1001"}
    stage.wait(15_000)
    assert stage.venue.state == "ready"
    before = [m["params"].get("symbol") for m in stage.sent[: 2 + 8 + 2 + 2]]
    assert before.count("A1USDT") == 4 and before.count("A0USDT") == 2


def test_a_trade_of_a_symbol_that_was_not_asked_for_is_counted() -> None:
    stage = Stage()
    stage.start()
    stage.trades = [
        {"symbol": "ETHUSDT", "id": 7, "orderId": 9, "price": "1.00", "qty": "1.0000",
         "commission": "0", "commissionAsset": "BNB", "time": stage.now // MS, "isBuyer": True,
         "isMaker": True}
    ]  # fmt: skip
    stage.wait(32_000)
    assert stage.venue.rejected == 1 and stage.venue.state == "ready"


def test_what_could_not_be_read_while_comparing_is_compared_anew() -> None:
    """An event of the stream: what it said may be newer than the answers that came before it."""
    stage = Stage()
    right, said = stage.answer, []

    def answer(id: str, method: str, params: dict[str, Any]) -> None:
        right(id, method, params)
        if method == "openOrders.status" and not said:
            said.append(id)
            stage.say(STRANGE)

    stage.answer = answer  # type: ignore[method-assign]
    stage.tick()
    stage.connect()
    stage.wait(2_000)
    assert stage.venue.rejected == 1
    assert stage.venue.state == "ready"
    assert stage.methods().count("openOrders.status") == 2


def test_a_key_that_may_trade_again_is_followed_by_a_whole_comparison() -> None:
    stage = Stage(balances_s=5)
    stage.start()
    right = stage.answer
    denied = {"balances": [], "updateTime": 1, "canTrade": False}
    mend = wrong(stage, "account.status", denied)
    stage.wait(25_000)
    assert stage.venue.state == "reconciling" and stage.venue.trouble is not None
    asked = stage.methods().count("openOrders.status")
    mend()
    stage.wait(11_000)
    assert stage.answer == right
    assert stage.venue.state == "ready" and stage.venue.trouble is None
    assert stage.methods().count("openOrders.status") > asked
