"""The venue against a scripted exchange: an order's life, and each way to lose a word of it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from engine import trouble
from engine.budget import refused_code
from engine.slots import SILENCE
from hotpath.order import read_id, spell_id
from hotpath.records import (
    Document,
    Flag,
    Header,
    Intent,
    Kind,
    RequestType,
    join,
    pack,
)
from tests.venues.binance.stage import HMAC, MS, SOURCE, VENUE_LIMITS, WORD, S, Stage
from venues.binance.profile import SPOT, absent_after_ns, query_delay_ns
from venues.binance.sign import socket_payload


def started(kind: str = "ed25519", **settings: Any) -> Stage:
    stage = Stage(kind, **settings)
    stage.start()
    return stage


def ack(stage: Stage, id: int) -> None:
    stage.reply("p" + spell_id(id), {
        "symbol": "BTCUSDT", "orderId": 9, "orderListId": -1, "clientOrderId": spell_id(id),
        "transactTime": stage.now // MS,
    })  # fmt: skip


def test_the_gate_opens_only_after_everything_was_compared() -> None:
    stage = Stage()
    stage.tick()
    stage.connect()
    stage.place()
    assert [r.control for _, r in stage.records(Kind.REFUSED)] == [1]
    assert stage.methods() == ["session.logon"]
    logon = stage.sent[0]["params"]
    assert set(logon) == {"apiKey", "timestamp", "recvWindow", "signature"}
    stage.serve()
    assert stage.venue.state == "ready" and stage.venue.reconciled
    assert stage.methods()[1:] == [
        "userDataStream.subscribe", "openOrders.status", "myTrades", "exchangeInfo",
        "account.status",
    ]  # fmt: skip
    assert "apiKey" not in stage.sent[1]["params"], "logged on: no more signatures"
    stage.place()
    assert stage.methods()[-1] == "order.place"


def test_a_placement_as_it_goes_out() -> None:
    stage = started()
    id = stage.place(side=2, price=5_010_000, quantity=25, type=3)
    message = stage.sent[-1]
    assert message == {
        "id": "p" + spell_id(id), "method": "order.place", "params": {
            "symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT_MAKER", "newOrderRespType": "ACK",
            "selfTradePreventionMode": "EXPIRE_TAKER", "newClientOrderId": spell_id(id),
            "timestamp": stage.now // MS, "quantity": "0.0025", "price": "50100.00",
        },
    }  # fmt: skip
    assert read_id(message["params"]["newClientOrderId"]) == id


def test_prepared_text_equals_the_request_built_whole() -> None:
    """The same order from a key that logs on and from one that signs each request."""
    prepared, signed = started(), started(HMAC)
    for more in ({}, {"time_in_force": 2}, {"time_in_force": 3}, {"type": 2}, {"type": 3}):
        texts = []
        for stage in (prepared, signed):
            stage.place(**more, price=4_990_000 + len(stage.sent))
            texts.append(stage.sent[-1])
        params = texts[1]["params"]
        assert params["signature"] and socket_payload(params)
        theirs = {"apiKey", "recvWindow", "signature", "timestamp"}
        assert {k: v for k, v in texts[0]["params"].items() if k != "timestamp"} == {
            k: v for k, v in params.items() if k not in theirs
        }
        for stage in (prepared, signed):
            ack(stage, int(str(read_id(stage.sent[-1]["params"]["newClientOrderId"]))))
            last = int(str(read_id(stage.sent[-1]["params"]["newClientOrderId"])))
            stage.report(last, "CANCELED", X="CANCELED")


def test_approved_is_written_before_the_first_byte() -> None:
    stage = started()
    seen: list[list[Any]] = []
    hear = stage.hear

    def check(raw: bytes) -> None:
        seen.append([h.kind for h, _ in stage.records()])
        hear(raw)

    assert stage.connection is not None
    stage.connection.on_send = check  # type: ignore[attr-defined]
    stage.place()
    assert seen == [[Kind.APPROVED]]


def test_placed_filled_in_parts_and_done() -> None:
    stage = started()
    id = stage.place()
    assert stage.state(id) == ("PENDING_NEW", "NONE", "CONFIRMED", 0)
    ack(stage, id)
    stage.report(id, "NEW")
    assert stage.state(id) == ("NEW", "NONE", "CONFIRMED", 0)
    stage.fill(id, 5, "0.0040", "0.0040")
    stage.fill(id, 5, "0.0040", "0.0040")
    stage.fill(id, 6, "0.0060", "0.0100", "49899.99")
    assert stage.state(id) == ("FILLED", "NONE", "CONFIRMED", 100)
    fills = [f for _, f in stage.records(Kind.FILL)]
    assert [(f.trade_id, f.price, f.quantity, f.fee, f.fee_asset) for f in fills] == [
        (5, 4_990_000, 40, 100_000, 3), (6, 4_989_999, 60, 100_000, 3),
    ]  # fmt: skip
    assert stage.venue.gate.exposure(100) == (100, 0, 0, 0)


def test_every_record_names_the_intent_as_its_cause() -> None:
    stage = started()
    id = stage.place()
    ack(stage, id)
    stage.fill(id, 5, "0.0100", "0.0100")
    causes = {h.cause for h, _ in stage.records()}
    assert causes == {(5 << 48) | 1}


def test_rejected_for_certain_and_not_for_certain() -> None:
    stage = started()
    id = stage.place()
    stage.error("p" + spell_id(id), -2010, msg="Account has insufficient balance.")
    assert stage.state(id)[0] == "REJECTED"
    assert stage.venue.gate.exposure(100) == (0, 0, 0, 0)
    for code, status, msg in (
        (-1007, 400, "Timeout"), (-1008, 503, "busy"), (-2010, 500, "x"), (-1003, 429, "slow"),
        (-9999, 400, "new code"), (-2010, 400, "Duplicate order sent."),
    ):  # fmt: skip
        stage = started()
        id = stage.place()
        stage.error("p" + spell_id(id), code, status, msg)
        assert stage.state(id)[::2] == ("PENDING_NEW", "UNKNOWN"), code
        assert stage.venue.gate.exposure(100) == (0, 100, 0, 1), "its worst case stays reserved"


def test_cancel_and_its_rejection() -> None:
    stage = started()
    id = stage.place()
    ack(stage, id)
    stage.strategy.cancel(stage.market, id)
    assert stage.sent[-1]["method"] == "order.cancel"
    assert stage.sent[-1]["params"]["origClientOrderId"] == spell_id(id)
    assert stage.state(id)[1] == "CANCEL"
    stage.report(id, "CANCELED", X="CANCELED", c="other", C=spell_id(id))
    assert stage.state(id) == ("CANCELED", "NONE", "CONFIRMED", 0)

    id = stage.place(price=4_980_000)
    ack(stage, id)
    stage.strategy.cancel(stage.market, id)
    stage.error("c" + spell_id(id), -2011, msg="Unknown order sent.")
    assert stage.state(id)[1:3] == ("NONE", "UNKNOWN")
    stage.order(id, "FILLED", executedQty="0.0100", orderId=9)
    stage.trades = [{
        "symbol": "BTCUSDT", "id": 8, "orderId": 9, "price": "49800", "qty": "0.0100",
        "commission": "0.1", "commissionAsset": "USDT", "time": stage.now // MS, "isBuyer": True,
        "isMaker": True,
    }]  # fmt: skip
    stage.wait(500)
    assert stage.state(id) == ("FILLED", "NONE", "CONFIRMED", 100), "the query brought its trades"


def places(stage: Stage) -> list[str]:
    return [m["id"] for m in stage.sent if m["method"] == "order.place"]


def test_a_lost_reply_never_leads_to_a_second_order() -> None:
    """The order lives at the exchange; we hear nothing, ask, and learn so."""
    stage = started()
    id = stage.place()
    stage.answers = False
    stage.wait(990)
    assert stage.state(id)[2] == "CONFIRMED"
    stage.wait(100)
    assert stage.state(id)[::2] == ("PENDING_NEW", "UNKNOWN")
    stage.answers = True
    stage.order(id)
    stage.wait(300)
    assert stage.state(id) == ("NEW", "NONE", "CONFIRMED", 0)
    stage.wait(60_000)
    assert places(stage) == ["p" + spell_id(id)]


def test_queries_come_at_their_times() -> None:
    stage = started(reconcile_s=600)
    id = stage.place()
    stage.error("p" + spell_id(id), -1007)
    began, times = stage.now, []
    stage.answers = False
    for _ in range(900):
        before = len(stage.sent)
        stage.wait(50)
        if any(m["method"] == "order.status" for m in stage.sent[before:]):
            times.append((stage.now - began) // MS)
    expected = [100, 300, 1000, 3000, 10_000, 20_000, 30_000, 40_000]
    assert len(times) == len(expected)
    for got, wanted in zip(times, expected, strict=True):
        assert wanted <= got <= wanted + 100


def test_absence_needs_five_answers_ten_seconds_and_the_history() -> None:
    stage = started()
    id = stage.place()
    stage.error("p" + spell_id(id), -1007)
    began = stage.now
    while stage.state(id)[0] == "PENDING_NEW":
        stage.wait(50)
        assert stage.now - began < 60 * S
    assert stage.state(id)[0] == "REJECTED"
    assert stage.now - began >= absent_after_ns(SPOT)
    queries = [m for m in stage.sent if m["method"] == "order.status"]
    assert len(queries) >= 5 and any(m["method"] == "allOrders" for m in stage.sent)
    assert places(stage) == ["p" + spell_id(id)]


def test_a_refused_cancel_does_not_hide_that_the_placement_is_in_doubt() -> None:
    """No answer to the placement, "unknown order" to its cancel: it is asked for until proven."""
    stage = started()
    id = stage.place()
    stage.strategy.cancel(stage.market, id)
    stage.error("c" + spell_id(id), -2011, msg="Unknown order sent.")
    assert stage.state(id)[::2] == ("PENDING_NEW", "UNKNOWN")
    stage.wait(60_000)
    assert stage.state(id)[0] == "REJECTED"
    history = next(m for m in stage.sent if m["method"] == "allOrders")
    assert history["params"]["limit"] == 1000, "a page is judged full by the size it was asked in"
    assert places(stage) == ["p" + spell_id(id)]


def test_failed_lookups_prove_nothing() -> None:
    stage = started()
    id = stage.place()
    stage.error("p" + spell_id(id), -1007)
    stage.answers = False
    for _ in range(1200):
        before = len(stage.sent)
        stage.wait(50)
        for m in stage.sent[before:]:
            if m["method"] == "order.status":
                stage.error(m["id"], -1007, 504)
    assert stage.state(id)[::2] == ("PENDING_NEW", "UNKNOWN")


def test_an_order_found_in_the_history_is_not_absent() -> None:
    """`order.status` says no such order; the history knows better."""
    stage = started()
    id = stage.place()
    stage.error("p" + spell_id(id), -1007)
    stage.answers = False
    hidden, heard = stage.order(id), 0
    for _ in range(600):
        stage.wait(50)
        while heard < len(stage.sent):
            m = stage.sent[heard]
            heard += 1
            if m["method"] == "order.status":
                stage.error(m["id"], -2013)
            elif m["method"] == "allOrders":
                stage.reply(m["id"], [hidden])
    assert stage.state(id) == ("NEW", "NONE", "CONFIRMED", 0)


def test_a_late_acknowledgement_after_unknown() -> None:
    stage = started()
    id = stage.place()
    stage.answers = False
    stage.wait(5000)
    assert stage.state(id)[2] == "UNKNOWN"
    ack(stage, id)
    ack(stage, id)
    assert stage.state(id) == ("NEW", "NONE", "CONFIRMED", 0)


def test_a_late_acknowledgement_after_absence_is_a_live_dispute() -> None:
    stage = started()
    id = stage.place()
    stage.error("p" + spell_id(id), -1007)
    stage.wait(40_000)
    assert stage.state(id)[0] == "REJECTED"
    stage.report(id, "NEW")
    assert stage.state(id)[::2] == ("NEW", "DISPUTED")
    stage.place(price=4_980_000)
    assert [r.control for _, r in stage.records(Kind.REFUSED)] == [2], "its instrument is halted"
    stage.wait(700_000)
    assert "exchangeInfo" in stage.methods()
    stage.place(price=4_970_000)
    assert [r.control for _, r in stage.records(Kind.REFUSED)] == [2], "and stays so"


def test_a_disconnect_closes_the_gate_and_makes_the_open_command_unknown() -> None:
    stage = started()
    working, waiting = stage.place(), stage.place(price=4_980_000)
    ack(stage, working)
    stage.disconnect()
    assert stage.state(working) == ("NEW", "NONE", "CONFIRMED", 0)
    assert stage.state(waiting)[::2] == ("PENDING_NEW", "UNKNOWN")
    stage.records()
    stage.place(price=4_970_000)
    assert [r.control for _, r in stage.records(Kind.REFUSED)] == [1]
    # while we were away the one was cancelled, the other arrived
    stage.order(working, "CANCELED")
    stage.open_orders = [stage.order(waiting, orderId=10)]
    stage.wait(200)
    assert len(stage.transport.opens) == 2
    stage.connect()
    stage.serve()
    stage.wait(2000)
    assert stage.venue.state == "ready"
    assert stage.state(working)[0] == "CANCELED"
    assert stage.state(waiting) == ("NEW", "NONE", "CONFIRMED", 0)
    assert places(stage) == ["p" + spell_id(working), "p" + spell_id(waiting)]


def test_fills_of_an_absence_are_fetched_before_the_gate_opens() -> None:
    stage = started()
    id = stage.place()
    ack(stage, id)
    stage.disconnect()
    stage.order(id, "FILLED", executedQty="0.0100")
    stage.trades = [{
        "symbol": "BTCUSDT", "id": 8, "orderId": 9, "price": "49900", "qty": "0.0100",
        "commission": "0.1", "commissionAsset": "USDT", "time": stage.now // MS, "isBuyer": True,
        "isMaker": True,
    }]  # fmt: skip
    stage.wait(200)
    stage.connect()
    stage.serve()
    assert stage.venue.state == "ready"
    assert stage.state(id) == ("FILLED", "NONE", "CONFIRMED", 100)


def test_pages_of_trades_are_read_to_the_end() -> None:
    stage = Stage()
    stage.tick()
    stage.connect()
    page = [{
        "symbol": "BTCUSDT", "id": n, "orderId": 1, "price": "1", "qty": "0.0001",
        "commission": "0", "commissionAsset": "USDT", "time": 1, "isBuyer": True, "isMaker": True,
    } for n in range(1, 1001)]  # fmt: skip
    stage.trades = page
    while "myTrades" not in stage.methods():
        stage.serve()
        break
    asked = [m for m in stage.sent if m["method"] == "myTrades"]
    assert asked[1]["params"]["fromId"] == 1000, "the last row again"
    assert stage.venue.state == "reconciling", "a full page keeps the gate closed"


def test_a_partial_send_is_unknown_and_ends_the_connection() -> None:
    stage = started()
    assert stage.connection is not None
    stage.failures[stage.connection.sends + 1] = 17
    id = stage.place()
    assert stage.state(id)[::2] == ("PENDING_NEW", "UNKNOWN")
    assert not stage.connection.is_open


def test_what_the_socket_did_not_take_is_denied() -> None:
    stage = started()
    assert stage.connection is not None
    stage.failures[stage.connection.sends + 1] = 0
    id = stage.place()
    assert stage.state(id)[0] == "DENIED"
    assert stage.venue.gate.exposure(100) == (0, 0, 0, 0)


@pytest.mark.parametrize("status", [429, 418])
def test_a_ban_is_obeyed(status: int) -> None:
    stage = started()
    id = stage.place()
    until = stage.now // MS + 30_000
    stage.error("p" + spell_id(id), -1003, status, data={"retryAfter": until})
    sent = len(stage.sent)
    other = stage.place(price=4_980_000)
    assert len(stage.sent) == sent and stage.state(other)[0] == "DENIED"
    stage.answers = False
    stage.wait(29_000)
    assert len(stage.sent) == sent, "not one request while we were told to be silent"
    stage.answers = True
    stage.order(id)
    stage.wait(15_000)
    assert stage.state(id)[0] == "NEW"


def test_kill_cancels_in_bulk_then_by_id_until_none_lives() -> None:
    stage = started()
    ids = [stage.place(price=4_990_000 - n) for n in range(3)]
    for id in ids:
        ack(stage, id)
    stage.sent.clear()
    stage.served = 0
    stage.answers = False
    stage.board.write(1, WORD.pack(1))
    stage.place(price=4_900_000)
    assert [r.control for _, r in stage.records(Kind.REFUSED)] == [21]
    stage.wait(60)
    assert stage.methods() == ["openOrders.cancelAll"] + ["order.cancel"] * 3
    for id in ids[:2]:
        stage.report(id, "CANCELED", X="CANCELED", c="z", C=spell_id(id))
    stage.sent.clear()
    stage.wait(3000)
    again = [m["params"]["origClientOrderId"] for m in stage.sent if m["method"] == "order.cancel"]
    assert set(again) == {spell_id(ids[2])} and len(again) >= 2, "the last one is asked for again"


def test_absence_is_proven_while_a_kill_cancels_each_second() -> None:
    """A refused cancel says nothing of the placement: it may not make older answers worthless."""
    stage = started()
    id = stage.place()
    stage.error("p" + spell_id(id), -1007)
    stage.board.write(1, WORD.pack(1))
    began, answered = stage.now, 0
    while stage.state(id)[0] == "PENDING_NEW":
        stage.wait(50)
        for message in stage.sent[answered:]:
            if message["method"] == "order.cancel":
                stage.error(message["id"], -2011, msg="Unknown order sent.")
        answered = len(stage.sent)
        assert stage.now - began < 60 * S
    assert stage.state(id)[0] == "REJECTED"
    assert stage.now - began >= absent_after_ns(SPOT)


def test_kill_of_one_strategy_leaves_the_others_alone() -> None:
    stage = started()
    id = stage.place()
    ack(stage, id)
    stage.board.write(3, WORD.pack(1))
    stage.wait(60)
    assert "order.cancel" in stage.methods() and "openOrders.cancelAll" not in stage.methods()


def test_stop_cancels_first() -> None:
    stage = started()
    id = stage.place()
    ack(stage, id)
    stage.lane.stop(stage.now)
    assert stage.methods()[-1] == "order.cancel" and not stage.venue.is_idle()
    stage.place(price=4_980_000)
    assert [r.control for _, r in stage.records(Kind.REFUSED)] == [1]
    stage.report(id, "CANCELED", X="CANCELED")
    assert stage.venue.is_idle()


def test_an_order_of_an_earlier_life_is_adopted() -> None:
    """After a restart the table is empty; the exchange shows an order whose id is ours."""
    before = started()
    id = before.place()
    stage = Stage()
    stage.open_orders = [stage.order(id, executedQty="0.0000")]
    stage.start()
    assert stage.venue.adopted == 1
    assert stage.state(id) == ("NEW", "NONE", "CONFIRMED", 0)
    assert stage.venue.gate.exposure(100) == (0, 100, 0, 1)


def test_orders_of_others_are_counted_and_left_alone() -> None:
    stage = Stage()
    stage.open_orders = [stage.order(1) | {"clientOrderId": "web_abc"}]
    stage.start()
    assert stage.venue.external == 1 and stage.venue.orders.used == 0


def test_a_foreign_end_of_the_stream_reconciles_again() -> None:
    stage = started()
    stage.say({"subscriptionId": 0, "event": {"e": "eventStreamTerminated", "E": 1}})
    assert not stage.venue.reconciled
    stage.serve()
    assert stage.venue.state == "ready" and "userDataStream.subscribe" in stage.methods()


def test_a_frame_that_cannot_be_read_is_a_gap() -> None:
    stage = started()
    stage.say(b'{"subscriptionId":0,"event":{"e":"executionRep')
    assert stage.venue.rejected == 1 and not stage.venue.reconciled


def test_a_missed_fill_is_found_by_comparison() -> None:
    stage = started()
    id = stage.place()
    ack(stage, id)
    stage.order(id, "FILLED", executedQty="0.0100")
    stage.trades = [{
        "symbol": "BTCUSDT", "id": 8, "orderId": 9, "price": "49900", "qty": "0.0100",
        "commission": "0.1", "commissionAsset": "USDT", "time": stage.now // MS, "isBuyer": True,
        "isMaker": True,
    }]  # fmt: skip
    stage.wait(6000)
    assert stage.state(id) == ("FILLED", "NONE", "CONFIRMED", 100)


def test_query_delays() -> None:
    assert [query_delay_ns(n) // MS for n in range(7)] == [
        100, 300, 1000, 3000, 10_000, 20_000, 30_000,
    ]  # fmt: skip


def test_the_same_script_gives_the_same_records() -> None:
    def run() -> list[bytes]:
        stage = Stage()
        stage.start()
        id = stage.place()
        ack(stage, id)
        stage.fill(id, 5, "0.0040", "0.0040")
        stage.disconnect()
        stage.wait(5000)
        stage.connect()
        stage.serve()
        stage.wait(3000)
        stage.reader = type(stage.reader).of(stage.venue.outbox, True)
        return [raw for batch in iter(lambda: stage.reader.take(512), []) for raw in batch]

    first = run()
    assert first and first == run()


def test_cancel_replace_moves_the_order_on() -> None:
    stage = started()
    id = stage.place()
    ack(stage, id)
    stage.fill(id, 5, "0.0040", "0.0040")
    new = replace(stage, id, 4_985_000, 80)
    message = stage.sent[-1]
    assert message["method"] == "order.cancelReplace"
    params = message["params"]
    assert (params["cancelOrigClientOrderId"], params["newClientOrderId"]) == (
        spell_id(id),
        spell_id(new),
    )
    assert (params["quantity"], params["price"]) == ("0.0040", "49850.00"), "what is left of it"
    assert stage.state(id)[1] == "REPLACE"
    # the stream is first: the old one is cancelled, the new one is there and trades
    stage.report(id, "CANCELED", X="CANCELED", c="z", C=spell_id(id), z="0.0040")
    stage.report(new, "NEW", i=10, q="0.0040", p="49850.00")
    stage.report(
        new, "TRADE", i=10, t=6, l="0.0010", z="0.0010", L="49850.00", X="PARTIALLY_FILLED"
    )
    cancelled = {"symbol": "BTCUSDT", "origClientOrderId": spell_id(id), "orderId": 9,
                 "clientOrderId": "z", "transactTime": 1, "status": "CANCELED"}  # fmt: skip
    created = {
        "symbol": "BTCUSDT",
        "orderId": 10,
        "clientOrderId": spell_id(new),
        "transactTime": 1,
    }
    stage.reply("r" + spell_id(new), {
        "cancelResult": "SUCCESS", "newOrderResult": "SUCCESS", "cancelResponse": cancelled,
        "newOrderResponse": created,
    })  # fmt: skip
    assert stage.state(id) == stage.state(new) == ("PARTIALLY_FILLED", "NONE", "CONFIRMED", 50)
    assert stage.venue.gate.exposure(100)[3] == 1, "one order, one reservation"  # type: ignore[index]
    stage.report(new, "CANCELED", X="CANCELED", c="y", C=spell_id(new), i=10, z="0.0010")
    assert stage.state(new)[0] == "CANCELED"
    assert stage.venue.gate.exposure(100) == (50, 0, 0, 0)


@pytest.mark.parametrize("is_told_by_number", [False, True])
def test_a_trade_of_an_order_that_was_replaced_is_counted(is_told_by_number: bool) -> None:
    """Its report was lost and the list of trades names no client id: by its former number.

    Lost, the position would be short of it for ever, and nobody would know.
    """
    stage = started()
    id = stage.place()
    ack(stage, id)
    new = replace(stage, id, 4_985_000, 80)
    if is_told_by_number:  # the number was never heard of: the venue is asked whose it is
        stage.order(id, "CANCELED", executedQty="0.0030", orderId=8)
    number = 8 if is_told_by_number else 9
    stage.report(id, "CANCELED", X="CANCELED", c="z", C=spell_id(id), z="0.0030")
    stage.report(new, "NEW", i=10, q="0.0080", p="49850.00")
    stage.order(new, "FILLED", executedQty="0.0080", orderId=10)
    stage.report(new, "TRADE", i=10, t=7, l="0.0080", z="0.0080", L="49850.00", X="FILLED")
    assert stage.state(new) == ("FILLED", "NONE", "CONFIRMED", 80)
    stage.trades = [{
        "symbol": "BTCUSDT", "id": 6, "orderId": number, "price": "49900", "qty": "0.0030",
        "commission": "0.1", "commissionAsset": "USDT", "time": stage.now // MS, "isBuyer": True,
        "isMaker": True,
    }]  # fmt: skip
    stage.wait(35_000)
    assert stage.state(new)[3] == 110 and stage.state(id) == stage.state(new)
    assert stage.venue.gate.exposure(100)[0] == 110  # type: ignore[index]
    assert stage.venue.orders.by_venue_id(100, 10) == new, "it goes by its own number still"
    assert not stage.venue.orders.state(new)["overfilled"]  # type: ignore[index]
    assert stage.venue.gate.exposure(100) == (110, 0, 0, 0)
    stage.place()
    assert stage.venue.refused == 0, "more than was wished halts nothing: no order did too much"


@pytest.mark.parametrize("after", ["nothing", "a cancel", "another"])
def test_a_replace_of_what_cannot_be_replaced_is_refused_and_leaves_it_alone(after: str) -> None:
    """Called unsent in its place, an order that works at the venue would be forgotten."""
    stage = started()
    id = stage.place()
    if after != "nothing":
        ack(stage, id)
    if after == "a cancel":
        stage.strategy.cancel(stage.market, id)
    if after == "another":
        replace(stage, id, 4_984_000, 90)
    before, sent = stage.state(id), len(stage.sent)
    held = stage.venue.gate.exposure(100)
    stage.records()
    new = replace(stage, id, 4_985_000, 80)
    refused = [(spell_id(r.id), r.control) for _, r in stage.records(Kind.REFUSED)]
    assert refused == [(spell_id(new), 35)]
    assert stage.state(id) == before and len(stage.sent) == sent
    assert stage.venue.gate.exposure(100) == held
    stage.fill(id, 5, "0.0040", "0.0040")
    assert stage.state(id)[0] == "PARTIALLY_FILLED"


@pytest.mark.parametrize("is_told", [True, False])
def test_what_a_replace_leaves_working_beyond_the_wish_is_cancelled(is_told: bool) -> None:
    """The old order filled more than was known when the new one was sized: none of it is wanted."""
    stage = started()
    id = stage.place()
    ack(stage, id)
    new = replace(stage, id, 4_985_000, 80)
    stage.fill(id, 5, "0.0090", "0.0090")
    stage.report(id, "CANCELED", X="CANCELED", c="z", C=spell_id(id), z="0.0090")
    stage.sent.clear()
    stage.report(new, "NEW", i=10, q="0.0080", p="49850.00")
    assert stage.state(new) == ("PARTIALLY_FILLED", "CANCEL", "CONFIRMED", 90)
    assert stage.venue.gate.exposure(100) == (90, 80, 0, 1), "until the cancel is there it may fill"
    cancels = [m["params"] for m in stage.sent if m["method"] == "order.cancel"]
    assert [c["origClientOrderId"] for c in cancels] == [spell_id(new)]
    if is_told:
        stage.report(new, "CANCELED", X="CANCELED", c="y", C=spell_id(new), i=10, z="0")
    else:  # the word of its end is lost: it is asked for
        stage.order(new, "CANCELED", orderId=10, executedQty="0.0000")
        stage.wait(12_000)
    assert stage.venue.gate.exposure(100) == (90, 0, 0, 0)
    assert stage.state(new) == ("FILLED", "NONE", "CONFIRMED", 90)


@pytest.mark.parametrize("by", ["the strategy", "the stop", "the kill switch"])
def test_a_cancel_asked_for_while_a_replace_is_open_ends_what_takes_its_place(by: str) -> None:
    """It names the old order, which is gone when it comes: the new one would work on."""
    stage = started()
    id = stage.place()
    ack(stage, id)
    new = replace(stage, id, 4_985_000, 80)
    if by == "the strategy":
        stage.strategy.cancel(stage.market, id)
    elif by == "the stop":
        stage.venue.on_stop()
    else:
        stage.venue.cancel_all()
    stage.report(id, "CANCELED", X="CANCELED", c="z", C=spell_id(id), z="0")
    stage.sent.clear()
    stage.report(new, "NEW", i=10, q="0.0080", p="49850.00")
    cancels = [m["params"] for m in stage.sent if m["method"] == "order.cancel"]
    assert [c["origClientOrderId"] for c in cancels] == [spell_id(new)]
    stage.report(new, "CANCELED", X="CANCELED", c="y", C=spell_id(new), z="0")
    assert stage.state(new)[0] == "CANCELED"
    # and only once: another order in its place is nobody's business
    stage.venue.stopping = False
    other = stage.place()
    ack(stage, other)
    after = replace(stage, other, 4_985_000, 80)
    stage.report(other, "CANCELED", X="CANCELED", c="x", C=spell_id(other), z="0")
    stage.sent.clear()
    stage.report(after, "NEW", i=12, q="0.0080", p="49850.00")
    assert [m for m in stage.sent if m["method"] == "order.cancel"] == []


@pytest.mark.parametrize("how", ["its trade", "a query"])
def test_a_replace_of_an_order_that_is_filled_did_not_happen(how: str) -> None:
    """Its answer was lost: what it reserved would be held for ever."""
    stage = started()
    id = stage.place()
    ack(stage, id)
    new = replace(stage, id, 4_985_000, 80)
    assert stage.venue.gate.exposure(100) == (0, 180, 0, 2)
    stage.order(id, "FILLED", executedQty="0.0100")
    if how == "its trade":
        stage.report(id, "TRADE", X="FILLED", t=5, l="0.0100", z="0.0100", L="49900.00")
    else:
        stage.wait(12_000)
        assert stage.state(id)[2] == "UNKNOWN", "its trades are not told yet"
        assert stage.venue.gate.exposure(100) == (0, 100, 0, 1)
        stage.report(id, "TRADE", X="FILLED", t=5, l="0.0100", z="0.0100", L="49900.00")
    assert stage.state(id) == ("FILLED", "NONE", "CONFIRMED", 100)
    assert stage.venue.gate.exposure(100) == (100, 0, 0, 0)
    assert stage.venue.orders.state(new) is None


def replace(stage: Stage, id: int, price: int, quantity: int) -> int:
    """The strategy asks for another price and quantity in place of an order."""
    stage.tick()
    return int(stage.strategy.replace(stage.market, id, side=1, price=price, quantity=quantity))


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_cancel_replace_that_did_half_or_nothing(cancelled: bool) -> None:
    stage = started()
    id = stage.place()
    ack(stage, id)
    new = replace(stage, id, 4_985_000, 80)
    if cancelled:
        data = {
            "cancelResult": "SUCCESS", "newOrderResult": "FAILURE",
            "cancelResponse": {"symbol": "BTCUSDT", "origClientOrderId": spell_id(id), "orderId": 9,
                               "clientOrderId": "z", "transactTime": 1, "status": "CANCELED"},
            "newOrderResponse": {"code": -2010, "msg": "no"},
        }  # fmt: skip
        stage.error("r" + spell_id(new), -2021, 409, data=data)
        assert stage.state(id)[0] == "CANCELED"
        assert stage.venue.gate.exposure(100) == (0, 0, 0, 0)
    else:
        data = {
            "cancelResult": "FAILURE",
            "newOrderResult": "NOT_ATTEMPTED",
            "cancelResponse": {"code": -2011, "msg": "no"},
            "newOrderResponse": None,
        }
        stage.error("r" + spell_id(new), -2022, 400, data=data)
        assert stage.state(id)[:3] == ("NEW", "NONE", "UNKNOWN")
        stage.order(id)
        stage.wait(300)
        assert stage.state(id) == ("NEW", "NONE", "CONFIRMED", 0)
        assert stage.venue.gate.exposure(100) == (0, 100, 0, 1)


@pytest.mark.parametrize(
    ("code", "said"),
    [(-2010, "Duplicate order sent."), (-1007, "Timeout waiting for response."), (-1000, "?")],
)
@pytest.mark.parametrize("lives", [True, False])
def test_a_new_half_whose_refusal_proves_nothing_is_looked_for(
    code: int, said: str, lives: bool
) -> None:
    """Cancelled, and of the new order no word that says it does not live (4.3)."""
    stage = started()
    id = stage.place()
    ack(stage, id)
    new = replace(stage, id, 4_985_000, 80)
    data = {
        "cancelResult": "SUCCESS", "newOrderResult": "FAILURE",
        "cancelResponse": {"symbol": "BTCUSDT", "origClientOrderId": spell_id(id), "orderId": 9,
                           "clientOrderId": "z", "transactTime": 1, "status": "CANCELED"},
        "newOrderResponse": {"code": code, "msg": said},
    }  # fmt: skip
    stage.error("r" + spell_id(new), -2021, 409, data=data)
    assert stage.state(id)[1:3] == ("REPLACE", "UNKNOWN")
    assert stage.venue.gate.exposure(100) == (0, 180, 0, 2), "both are reserved until it is known"
    stage.order(id, "CANCELED")
    if lives:
        stage.order(new, orderId=10, origQty="0.0080", price="49850.00")
        stage.wait(1_000)
        assert stage.state(new) == ("NEW", "NONE", "CONFIRMED", 0)
        assert stage.venue.gate.exposure(100) == (0, 80, 0, 1)
    else:
        stage.wait(90_000)
        assert stage.state(id)[0] == "CANCELED"
        assert stage.venue.gate.exposure(100) == (0, 0, 0, 0)


def restarted(before: Stage) -> Stage:
    """A venue process that begins anew, given what the old one had written."""
    before.records()
    after = Stage(history=before.written)
    after.orders, after.trades = before.orders, before.trades
    after.open_orders = before.open_orders
    return after


def test_after_a_restart_nothing_is_forgotten_and_nothing_is_told_twice() -> None:
    before = started()
    filled, working, lost = (before.place(price=4_990_000 - n) for n in range(3))
    ack(before, filled)
    before.fill(filled, 5, "0.0100", "0.0100")
    ack(before, working)
    before.fill(working, 6, "0.0030", "0.0030")
    before.open_orders = [before.order(working, "PARTIALLY_FILLED", executedQty="0.0030")]
    before.trades = [{
        "symbol": "BTCUSDT", "id": n, "orderId": 9, "price": "49900", "qty": q, "commission": "0",
        "commissionAsset": "BNB", "time": before.now // MS, "isBuyer": True, "isMaker": True,
    } for n, q in ((5, "0.0100"), (6, "0.0030"))]  # fmt: skip
    exposure = before.venue.gate.exposure(100)

    after = restarted(before)
    assert after.state(filled) == ("FILLED", "NONE", "CONFIRMED", 100)
    assert after.state(working) == ("PARTIALLY_FILLED", "NONE", "CONFIRMED", 30)
    assert after.state(lost)[::2] == ("PENDING_NEW", "UNKNOWN"), "approved, and no outcome"
    assert after.venue.gate.exposure(100) == exposure
    told = after.records(Kind.FILL, Kind.ORDER_EVENT)
    assert [(r.id, r.type) for _, r in told] == [(lost, 4)]
    after.connect()
    after.serve()
    assert after.records(Kind.FILL) == [], "trades known before are not told again"
    after.wait(60_000)
    assert after.state(lost)[0] == "REJECTED"
    assert places(after) == []


def test_a_replace_is_read_back_too() -> None:
    before = started()
    id = before.place()
    ack(before, id)
    new = replace(before, id, 4_985_000, 80)
    created = {
        "symbol": "BTCUSDT",
        "orderId": 10,
        "clientOrderId": spell_id(new),
        "transactTime": 1,
    }
    before.reply("r" + spell_id(new), {
        "cancelResult": "SUCCESS", "newOrderResult": "SUCCESS", "cancelResponse": None,
        "newOrderResponse": created,
    })  # fmt: skip
    after = restarted(before)
    assert after.state(id) == after.state(new) == ("NEW", "NONE", "CONFIRMED", 0)
    assert after.venue.gate.exposure(100) == before.venue.gate.exposure(100)


def leg(stage: Stage, position: int, number: int, of: int, group: int = 1, **more: Any) -> bytes:
    """An intent's record as a venue in another lane meets it."""
    values = {
        "op": 1, "side": 1, "type": 1, "time_in_force": 1, "price": 4_990_000 + number,
        "quantity": 100, "deadline": stage.now + S, "venue": 4, "feed": 3, "strategy": 5,
        "group": group, "leg": number, "legs": of,
    } | more  # fmt: skip
    payload = pack(Intent(**values))  # type: ignore[arg-type]
    header = Header(40 + len(payload), Kind.INTENT, 5, position, stage.now, 0, 100, 0)
    return join(header, payload)


def give(stage: Stage, *records: bytes) -> None:
    stage.tick()
    for raw in records:
        stage.lane.take_record(stage.venue, raw, stage.now)


def test_a_group_of_another_lane_leaves_whole_or_not_at_all() -> None:
    stage = started()
    first = leg(stage, 1, 0, 3)
    give(stage, first, leg(stage, 2, 1, 3, venue=9))
    assert stage.sent == [], "the last leg was not seen yet"
    give(stage, leg(stage, 3, 2, 3))
    assert stage.methods() == ["order.place"] * 2

    stage = started()
    give(stage, leg(stage, 1, 0, 2), leg(stage, 2, 1, 2, quantity=10**12))
    assert stage.sent == [] and stage.venue.gate.exposure(100) == (0, 0, 0, 0)
    assert len(stage.records(Kind.REFUSED)) == 1

    stage = started()
    give(stage, leg(stage, 1, 0, 2), leg(stage, 5, 0, 1, group=0))
    give(stage, leg(stage, 7, 1, 2, group=6))
    assert stage.methods() == ["order.place"], "half a group is denied, the single order goes"


def test_a_cancel_waits_for_the_throttle_and_is_not_lost() -> None:
    stage = started()
    limits = VENUE_LIMITS | {"per_second": 4, "cancel_share_ppm": 0}
    stage.venue.gate.set_limits(version=2, mode="simulation", **limits)
    ids = [stage.place(price=4_990_000 - n) for n in range(4)]
    for id in ids:
        ack(stage, id)
        stage.strategy.cancel(stage.market, id)
    assert "order.cancel" not in stage.methods() and stage.venue.waiting == 4
    stage.answers = False
    stage.wait(1100)
    assert stage.methods().count("order.cancel") == 4 and stage.venue.waiting == 0


@pytest.mark.parametrize(
    "change",
    [
        {"status": "BREAK"},
        {"filters": [{"filterType": "PRICE_FILTER", "tickSize": "0.10"}]},
        {"symbol": "ETHUSDT"},
    ],
)
def test_metadata_that_changed_halt_the_instrument(change: dict[str, Any]) -> None:
    """Another tick, a halt, or a symbol that is gone: nothing is sent for it any more."""
    stage = Stage()
    stage.metadata |= change
    stage.start()
    stage.place()
    assert [r.control for _, r in stage.records(Kind.REFUSED)] == [2]


def ahead(stage: Stage) -> int:
    """An order of which the venue says 60 lots are filled while it tells no trade."""
    id = stage.place()
    ack(stage, id)
    stage.report(id, "NEW")
    shown = stage.order(id, "PARTIALLY_FILLED", executedQty="0.0060")
    stage.open_orders = [shown]
    stage.wait(6_000)  # the comparison of open orders tells it
    return id


def trade(id: int, number: int, quantity: str, price: str = "49900.00") -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT", "id": number, "orderId": 9, "price": price, "qty": quantity,
        "commission": "0", "commissionAsset": "BNB", "time": 1_700_000_000_000, "isBuyer": True,
        "isMaker": False,
    }  # fmt: skip


def test_a_quantity_without_its_trades_is_booked_after_30_s_as_a_guess() -> None:
    stage = started()
    id = ahead(stage)
    stage.wait(20_000)
    assert stage.state(id)[3] == 0 and not stage.records(Kind.FILL), "too soon for a guess"
    asked = [m for m in stage.sent if m["method"] == "myTrades" and "orderId" in m["params"]]
    assert len(asked) >= 3, "it must ask again for the trades"
    stage.wait(12_000)
    ((header, fill),) = stage.records(Kind.FILL)
    assert header.flags & Flag.GUESS and fill.trade_id >> 63 == 1
    assert (fill.quantity, fill.price, fill.cumulative) == (60, 4_990_000, 60)
    assert stage.state(id) == ("PARTIALLY_FILLED", "NONE", "CONFIRMED", 60)
    assert stage.venue.gate.exposure(100) == (60, 40, 0, 1)
    stage.wait(40_000)
    assert not stage.records(Kind.FILL), "booked twice"


def test_the_real_trades_take_the_place_of_a_guess_and_count_once() -> None:
    stage = started()
    id = ahead(stage)
    stage.wait(32_000)
    assert stage.venue.guesses == 1
    stage.records()
    stage.trades = [trade(id, 501, "0.0020", "49890.00"), trade(id, 502, "0.0040")]
    stage.wait(35_000)  # the comparison of trades
    found = stage.records(Kind.FILL)
    assert [(f.trade_id, f.quantity, f.cumulative) for _, f in found] == [
        (501, 20, 60),
        (502, 40, 60),
    ]
    assert all(f.effect & 2048 and not h.flags & Flag.GUESS for h, f in found)
    assert stage.state(id)[3] == 60
    assert stage.venue.gate.exposure(100) == (60, 40, 0, 1), (
        "position or open quantity counted twice"
    )
    again = Stage(history=stage.written)
    assert again.venue.gate.exposure(100) == (60, 40, 0, 1), "a restart counts otherwise"
    assert again.state(id)[3] == 60


def test_a_trade_in_time_needs_no_guess() -> None:
    stage = started()
    id = ahead(stage)
    stage.trades = [trade(id, 501, "0.0060")]
    stage.wait(40_000)
    assert [h.flags & Flag.GUESS for h, _ in stage.records(Kind.FILL)] == [0]
    assert stage.venue.guesses == 0


def test_a_refused_order_ends_like_every_other() -> None:
    """Beside the refusal with its figures stands the end of the order's life."""
    stage = started()
    stage.board.write(1, WORD.pack(1))
    id = stage.place()
    (_, refused), (_, denied) = stage.records(Kind.REFUSED, Kind.ORDER_EVENT)
    assert (refused.id, refused.control) == (id, 21)
    assert (denied.id, denied.type, denied.status, denied.reason) == (id, 2, 2, 21)
    assert denied.effect == 1 | 32, "applied, and terminal"


def test_the_http_side_is_asked_as_a_second_source() -> None:
    """After each reconciliation; an answer is as old as its own question."""
    stage = Stage()
    stage.venue.has_rest = True
    stage.start()
    stage.wait(2_500)
    ((_, asked),) = stage.records(Kind.REQUEST)
    assert asked.type == RequestType.RECONCILE
    assert 60 * S <= stage.now - asked.since < 63 * S
    id = stage.place()
    ack(stage, id)
    stage.report(id, "NEW")
    stage.fill(id, 7, "0.0030", "0.0030")
    shown = stage.order(id, "NEW")  # collected before the fill: it must not take it back
    document = {"reply": orjson.dumps({"id": "o100", "status": 200, "result": [shown]}).decode()}
    payload = pack(Document(document=document))
    raw = join(Header(0, Kind.DOCUMENT, 55, 1, stage.now, 0, 100, 0), payload)
    stage.lane.take_record(stage.venue, raw, stage.now)
    assert stage.state(id) == ("PARTIALLY_FILLED", "NONE", "CONFIRMED", 30)


def test_a_wrong_key_is_told_and_nothing_leaves() -> None:
    """The venue refuses the logon: the actor shows why, tries again later, and sends no order."""
    stage = Stage()
    stage.answers = False
    stage.tick()
    stage.connect()
    stage.error(stage.sent[0]["id"], -2015, 401, msg="Invalid API-key, IP, or permissions.")
    assert stage.venue.trouble == {
        "kind": "key", "number": -2015, "message": "Invalid API-key, IP, or permissions.",
    }  # fmt: skip
    words = str(trouble.in_words("venue_alpha", stage.venue.trouble))
    assert words.startswith("TCL-5210") and "-2015" in words and "venue_alpha" in words
    stage.place()
    assert stage.methods() == ["session.logon"]
    opens = len(stage.transport.opens)
    stage.disconnect()
    stage.wait(1_000)
    assert len(stage.transport.opens) > opens
    stage.answers = True
    stage.connect()
    stage.serve()
    assert stage.venue.trouble is None, "the key was taken: nothing is wrong any more"


def test_a_ban_tells_its_end_and_is_over_then() -> None:
    stage = started()
    stage.answers = False
    id = stage.place()
    until = stage.now + 5 * S
    stage.error("p" + spell_id(id), -1003, 418, data={"retryAfter": until // MS})
    assert stage.venue.trouble is not None and stage.venue.trouble["kind"] == "ban"
    told = stage.venue.trouble["until"]
    assert abs(told - until) < 10 * MS
    assert str(trouble.in_words("venue_alpha", stage.venue.trouble)).startswith("TCL-5211")
    stage.sent.clear()
    stage.wait((told - stage.now) // MS - 100)
    assert not stage.sent, "a request during a ban"
    stage.wait(300)
    assert stage.venue.trouble is None and stage.sent


def market_order(stage: Stage, status: str, executed: str, **more: Any) -> int:
    """A market order whose end is known and whose trades are not: no price of its own."""
    id = stage.place(type=2, price=0)
    stage.report(id, "NEW", o="MARKET", p="0.00")
    stage.order(
        id, status, type="MARKET", price="0.00", executedQty=executed, timeInForce="GTC", **more
    )
    return id


@pytest.mark.parametrize(
    ("status", "executed", "lots"), [("FILLED", "0.0100", 100), ("EXPIRED", "0.0030", 30)]
)
@pytest.mark.parametrize(
    ("more", "price"),
    [
        ({"cummulativeQuoteQty": None}, 5_001_000),  # the money's average, see below
        ({"cummulativeQuoteQty": "0.00000000"}, 5_000_050),  # not yet: the middle of what was seen
        ({"cummulativeQuoteQty": "-1.00000000"}, 5_000_050),  # an old order's, as the venue says it
        ({}, 5_000_050),
    ],
)
def test_a_market_order_whose_trades_stay_away_is_guessed_and_mended(
    status: str, executed: str, lots: int, more: dict[str, Any], price: int
) -> None:
    stage = started()
    if more.get("cummulativeQuoteQty", "") is None:
        more = {"cummulativeQuoteQty": f"{lots * 0.0001 * 50010:.8f}"}
    id = market_order(stage, status, executed, **more)
    stage.wait(20_000)
    assert not stage.records(Kind.FILL), "no price yet, and no guess yet"
    stage.wait(20_000)
    ((header, fill),) = stage.records(Kind.FILL)
    assert header.flags & Flag.GUESS
    assert (fill.quantity, fill.price, fill.cumulative) == (lots, price, lots)
    assert stage.state(id) == (status, "NONE", "CONFIRMED", lots)
    assert stage.venue.gate.exposure(100) == (lots, 0, 0, 0)
    stage.wait(90_000)
    assert not stage.records(Kind.FILL) and stage.venue.guesses == 1, "booked once"
    # much later than any comparison looks back, the venue tells them
    half = lots * 0.0001 / 2
    stage.trades = [trade(id, 501 + n, f"{half:.4f}", f"5001{n}.00") for n in range(2)]
    stage.wait(35_000)
    found = stage.records(Kind.FILL)
    assert [(f.trade_id, f.price, f.quantity) for _, f in found] == [
        (501, 5_001_000, lots // 2), (502, 5_001_100, lots // 2),
    ]  # fmt: skip
    assert not any(h.flags & Flag.GUESS for h, _ in found)
    state = stage.venue.orders.state(id)
    assert state is not None and state["average"] == (5_001_000 + 5_001_100) * 10**8 // 2
    assert stage.state(id) == (status, "NONE", "CONFIRMED", lots)
    assert stage.venue.gate.exposure(100) == (lots, 0, 0, 0)
    asked = len(stage.sent)
    stage.wait(65_000)
    assert not [m for m in stage.sent[asked:] if "orderId" in m["params"]], "nothing is missing"


def test_a_guess_of_an_earlier_life_is_still_looked_for() -> None:
    before = started()
    id = market_order(before, "FILLED", "0.0100")
    before.wait(40_000)
    assert before.venue.guesses == 1
    after = restarted(before)
    after.trades = [trade(id, 501, "0.0100", "50010.00") | {"time": 1}]
    after.connect()
    after.serve()
    after.wait(5_000)
    assert [(f.trade_id, f.cumulative) for _, f in after.records(Kind.FILL)] == [(501, 100)]
    assert after.venue.gate.exposure(100) == (100, 0, 0, 0)


def test_a_guess_without_any_price_halts_its_instrument() -> None:
    """No limit, no money, no market seen: its worth is not known, so nothing more is risked."""
    stage = Stage()
    stage.tick = lambda: None  # type: ignore[method-assign]
    stage.start()
    lost_id = 77 << 88 | SOURCE << 72 | 1 << 24
    stage.order(lost_id, "FILLED", type="MARKET", price="0.00", executedQty="0.0100")
    stage.report(lost_id, "NEW", o="MARKET", p="0.00")
    assert stage.venue.adopted == 1
    stage.wait(45_000)
    ((_, fill),) = stage.records(Kind.FILL)
    assert (fill.quantity, fill.price) == (100, 0)
    del stage.tick
    stage.place()
    assert [r.control for _, r in stage.records(Kind.REFUSED)] == [2]


@pytest.mark.parametrize("status", [429, 418])
def test_a_ban_that_another_lane_was_told_of_holds_here_too(status: int) -> None:
    """An address is banned, not a connection: what the root published silences this one."""
    stage = started()
    until = stage.now + 5 * S
    stage.board.write(6, SILENCE.pack(until, status))
    stage.wait(60)
    assert stage.venue.silent_until == until and stage.venue.silenced_by == status
    assert (stage.venue.trouble is not None) == (status == 418)
    stage.sent.clear()
    id = stage.place()
    stage.wait(4_800)
    assert stage.state(id)[0] == "DENIED" and not stage.sent, "a request during a ban"
    stage.wait(1_000)
    stage.place(price=4_980_000)
    assert "order.place" in stage.methods() and stage.venue.trouble is None


@pytest.mark.parametrize("status", [429, 418])
def test_a_handshake_that_is_answered_with_a_ban_silences_the_session(status: int) -> None:
    stage = started()
    stage.disconnect(refused_code(status, {"Retry-After": "30"}))
    until = stage.now + 30 * S
    assert (stage.venue.silent_until, stage.venue.silenced_by) == (until, status)
    assert str(status) in str(trouble.in_words("venue_alpha", stage.venue.trouble))
    opens = len(stage.transport.opens)
    stage.wait(29_500)
    assert len(stage.transport.opens) == opens
    stage.wait(1_000)
    assert len(stage.transport.opens) > opens and stage.venue.trouble is None


def test_a_new_life_of_a_lane_does_not_connect_during_a_ban() -> None:
    stage = started()
    stage.board.write(6, SILENCE.pack(stage.now + 5 * S, 418))
    stage.wait(60)
    opens = len(stage.transport.opens)
    stage.disconnect()
    stage.wait(4_500)
    assert len(stage.transport.opens) == opens
    stage.wait(1_000)
    assert len(stage.transport.opens) > opens
