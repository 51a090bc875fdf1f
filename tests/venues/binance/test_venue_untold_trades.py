"""A trade that a life before did not tell: its order had ended, the venue counted it, and the
process died before the list of trades came. The next life finds it, however late (8.1)."""

from __future__ import annotations

from typing import Any

import pytest

from hotpath.order import spell_id
from hotpath.records import Kind
from tests.venues.binance.stage import MS, S, Stage


def trade(number: int, order: int, ms: int, quantity: str = "0.0060") -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT", "id": number, "orderId": order, "price": "49900.00", "qty": quantity,
        "commission": "0", "commissionAsset": "BNB", "time": ms, "isBuyer": True, "isMaker": True,
    }  # fmt: skip


def lists_by_time(stage: Stage, *, silent: bool = False) -> None:
    """It lists trades as the venue does: from a time on, or of an order; or says nothing."""
    right = stage.answer

    def answer(id: str, method: str, params: dict[str, Any]) -> None:
        if method != "myTrades":
            right(id, method, params)
        elif not silent:
            stage.reply(id, [
                t for t in stage.trades if t["time"] >= params.get("startTime", 0)
                and params.get("orderId", t["orderId"]) == t["orderId"]
            ])  # fmt: skip

    stage.answer = answer  # type: ignore[method-assign]


def next_life(stage: Stage, away_s: int, others: int = 0) -> Stage:
    """Its records are all that is left of `stage`; the exchange has gone on."""
    stage.records()
    later = Stage(history=stage.written, begins=stage.now + away_s * S, others=others)
    later.trades, later.orders = stage.trades, stage.orders
    lists_by_time(later)
    return later


def reconnect(stage: Stage) -> None:
    stage.tick()
    stage.connect()
    for _ in range(4):
        stage.serve()


@pytest.mark.parametrize("filled_meanwhile", [False, True])
@pytest.mark.parametrize("away_s", [1, 120, 7200])
def test_an_order_that_ended_by_query_and_the_process_died(
    away_s: int, filled_meanwhile: bool
) -> None:
    """Ten minutes without the venue; then it shows the order cancelled with a part filled. A fill
    of another order, told just before the end, is no mark of what else is told."""
    stage = Stage()
    stage.start()
    id = stage.place()
    stage.report(id, "NEW")
    other = stage.place(price=4_980_000)
    stage.report(other, "NEW", i=10)
    stage.answers = False
    stage.disconnect()
    traded = stage.now // MS + 60_000
    stage.now += 600 * S
    stage.trades = [trade(51, 9, traded)]
    stage.order(id, "CANCELED", executedQty="0.0060", time=traded - 60_000, updateTime=traded + 10)
    stage.open_orders = [stage.order(other, "NEW", orderId=10, price="49800.00", updateTime=traded)]
    lists_by_time(stage, silent=True)
    stage.wait(200)
    stage.tick()
    stage.connect()
    stage.serve()
    if filled_meanwhile:
        stage.report(other, "TRADE", X="FILLED", i=10, t=52, l="0.0100", z="0.0100", L="49800.00")
    stage.serve()
    assert stage.state(id) == ("CANCELED", "NONE", "CONFIRMED", 0)
    assert not stage.venue.reconciled, "it waits for the trades"

    later = next_life(stage, away_s)
    later.open_orders = [] if filled_meanwhile else stage.open_orders
    later.wait(200)
    reconnect(later)
    assert later.venue.state == "ready"
    told = [(f.trade_id, f.quantity, f.cumulative) for _, f in later.records(Kind.FILL)]
    assert told == [(51, 60, 60)]
    assert later.state(id) == ("CANCELED", "NONE", "CONFIRMED", 60)
    asked = [m["params"] for m in later.sent if m["method"] == "myTrades"]
    assert any(p.get("orderId") == 9 for p in asked), "by the number of its order"
    later.wait(60_000)
    assert later.venue.guesses == 0 and not later.records(Kind.FILL)


def test_the_gate_stays_shut_until_the_trade_is_told() -> None:
    stage = Stage()
    stage.start()
    id = stage.place()
    stage.report(id, "NEW")
    stage.trades = [trade(51, 9, stage.now // MS)]
    lists_by_time(stage, silent=True)
    stage.report(id, "CANCELED", X="CANCELED", z="0.0060")
    later = next_life(stage, 300)
    right, held = later.answer, []

    def answer(name: str, method: str, params: dict[str, Any]) -> None:
        if params.get("orderId") == 9 and method == "myTrades":
            held.append((name, method, params))
        else:
            right(name, method, params)

    later.trades = []  # nothing by time: this venue's list lags
    later.answer = answer  # type: ignore[method-assign]
    later.tick()
    later.connect()
    later.wait(500)
    assert held and later.venue.state == "reconciling"
    later.reply(held[-1][0], [trade(51, 9, stage.now // MS)])
    assert later.venue.state == "ready"
    assert later.state(id) == ("CANCELED", "NONE", "CONFIRMED", 60)


def test_a_trade_of_a_replaced_order_is_found_though_no_record_counts_it() -> None:
    """What an id of the past traded is told by the reply to the replace alone, and the chain has
    ended since: the trades of what ended last are read from its beginning on."""
    stage = Stage()
    stage.start()
    id = stage.place()
    stage.report(id, "NEW")
    stage.answers = False
    traded = stage.now // MS + 1_000
    stage.now += 900 * S
    stage.trades = [trade(51, 9, traded)]
    new = int(stage.strategy.replace(stage.market, id, side=1, price=4_980_000, quantity=100))
    assert new
    old = stage.order(id, "CANCELED", executedQty="0.0060", time=traded, updateTime=traded)
    cancelled = {k: v for k, v in old.items() if k not in ("time", "updateTime")} | {
        "origClientOrderId": spell_id(id), "transactTime": stage.now // MS,
    }  # fmt: skip
    placed = {"symbol": "BTCUSDT", "orderId": 10, "clientOrderId": spell_id(new),
              "transactTime": stage.now // MS}  # fmt: skip
    stage.reply("r" + spell_id(new), {
        "cancelResult": "SUCCESS", "newOrderResult": "SUCCESS",
        "cancelResponse": cancelled, "newOrderResponse": placed,
    })  # fmt: skip
    stage.report(new, "CANCELED", X="CANCELED", i=10, p="49800.00")
    stage.order(new, "CANCELED", orderId=10, price="49800.00")
    assert stage.state(id)[0] == "CANCELED"

    later = next_life(stage, 600)
    reconnect(later)
    later.wait(10_000)
    assert later.venue.state == "ready"
    assert [(f.trade_id, f.quantity) for _, f in later.records(Kind.FILL)] == [(51, 60)]


def test_without_a_fill_trades_are_read_from_the_last_record_on() -> None:
    """Also of an instrument in which the life before had no order."""
    stage = Stage(others=1)
    stage.start()
    id = stage.place()
    stage.report(id, "NEW")
    stage.report(id, "CANCELED", X="CANCELED")
    ended = stage.now // MS
    later = next_life(stage, 3600, others=1)
    reconnect(later)
    asked = [m["params"] for m in later.sent if m["method"] == "myTrades"]
    assert {p["symbol"] for p in asked} == {"BTCUSDT", "A0USDT"}
    assert all(ended - 61_000 <= p["startTime"] <= ended - 60_000 for p in asked)


def test_what_was_told_in_full_is_not_asked_for_again() -> None:
    """Each event says what the venue counted then: only more than its trades is a lack."""
    stage = Stage()
    stage.start()
    id = stage.place()
    stage.report(id, "NEW")
    stage.fill(id, 5, "0.0060", "0.0060")
    stage.report(id, "CANCELED", X="CANCELED", z="0.0060")
    later = next_life(stage, 300)
    reconnect(later)
    asked = [m["params"] for m in later.sent if m["method"] == "myTrades"]
    assert len(asked) == 1 and "orderId" not in asked[0]
    assert later.state(id) == ("CANCELED", "NONE", "CONFIRMED", 60)
