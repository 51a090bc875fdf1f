"""What the order socket may say beside the everyday: each is an exact record or a typed, counted
`not mine`, and no change of a message makes a record that its text does not hold."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.venues.binance.test_codec import inside, messages, report
from venues.binance.codec import Codec, decode

MS = 1_700_000_000_000


def records(message: Any) -> list[dict[str, Any]]:
    return decode(json.dumps(message))


@pytest.mark.parametrize(
    "kind", ["STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"]
)
def test_an_order_of_a_kind_we_do_not_send_keeps_its_name(kind: str) -> None:
    (found,) = records(report(o=kind, P="2450.00000000", d=4, D=MS, W=MS, V="EXPIRE_TAKER"))
    assert (found["event"], found["status"], found["order_type"]) == ("ACK", "NEW", kind.lower())
    row = {
        "symbol": "ETHUSDT", "orderId": 7, "clientOrderId": "A", "price": "1", "origQty": "2",
        "executedQty": "0", "cummulativeQuoteQty": "0", "status": "NEW", "timeInForce": "GTC",
        "type": kind, "side": "SELL", "stopPrice": "3", "time": MS, "updateTime": MS,
    }  # fmt: skip
    (found,) = records({"id": 1, "status": 200, "result": row})
    assert (found["event"], found["order_type"], found["side"]) == ("STATUS", kind.lower(), "sell")


@pytest.mark.parametrize(
    ("execution", "status", "event", "ours"),
    [
        ("TRADE_PREVENTION", "EXPIRED_IN_MATCH", "EXPIRED", "EXPIRED"),
        ("TRADE_PREVENTION", "PARTIALLY_FILLED", "STATUS", "PARTIALLY_FILLED"),
        ("EXPIRED", "EXPIRED_IN_MATCH", "EXPIRED", "EXPIRED"),
        ("REPLACED", "NEW", "REPLACED", "NEW"),
        ("NEW", "PENDING_NEW", "ACK", "NEW"),
        ("CANCELED", "PENDING_CANCEL", "CANCELED", "NEW"),
        ("NEW", "OF_TOMORROW", "ACK", None),
        ("OF_TOMORROW", "NEW", "UNKNOWN", "NEW"),
    ],
)
def test_executions_of_rare_kinds(
    execution: str, status: str, event: str, ours: str | None
) -> None:
    prevention = {
        "v": 3, "A": "3.000000", "B": "3.000000", "u": 1, "U": 37, "Cs": "BTCUSDT", "pl": "2.1",
        "pL": "0.1", "pY": "0.2", "V": "EXPIRE_MAKER",
    }  # fmt: skip
    (found,) = records(report(x=execution, X=status, **prevention))
    assert (found["event"], found["status"]) == (event, ours)
    assert (found["quantity"], found["cumulative"]) == ("1", "0"), "what was prevented is no fill"


def test_an_order_list_is_each_of_its_orders() -> None:
    legs = [
        {"symbol": "ETHUSDT", "orderId": n, "orderListId": 1, "clientOrderId": f"leg{n}",
         "transactTime": MS, "price": "2500", "origQty": "1", "executedQty": "0",
         "origQuoteOrderQty": "0", "cummulativeQuoteQty": "0", "status": "NEW",
         "timeInForce": "GTC", "type": kind, "side": "SELL", "workingTime": -1,
         "selfTradePreventionMode": "NONE"}
        for n, kind in ((12, "STOP_LOSS_LIMIT"), (13, "LIMIT_MAKER"))
    ]  # fmt: skip
    head = {
        "orderListId": 1, "contingencyType": "OCO", "listStatusType": "EXEC_STARTED",
        "listOrderStatus": "EXECUTING", "listClientOrderId": "L", "transactionTime": MS,
        "symbol": "ETHUSDT",
        "orders": [{"symbol": "ETHUSDT", "orderId": o["orderId"],
                    "clientOrderId": o["clientOrderId"]} for o in legs],
    }  # fmt: skip
    found = records({"id": "o", "status": 200, "result": head | {"orderReports": legs}})
    assert [(r["order_id"], r["event"], r["order_type"]) for r in found] == [
        (12, "ACK", "stop_loss_limit"), (13, "ACK", "post_only"),
    ]  # fmt: skip
    for result in (head, [head, head], [head] * 3):
        found = records({"id": "o", "status": 200, "result": result})
        assert {r["type"] for r in found} == {"not_mine"}, "a list names orders, it reports none"
    status = {"e": "listStatus", "E": MS, "s": "ETHUSDT", "g": 1, "c": "OCO", "l": "EXEC_STARTED",
              "L": "EXECUTING", "r": "NONE", "C": "L", "T": MS,
              "O": [{"s": "ETHUSDT", "i": 12, "c": "leg12"}]}  # fmt: skip
    assert records({"subscriptionId": 0, "event": status}) == [
        {"type": "not_mine", "what": "listStatus"}
    ]


def test_events_of_the_account_and_the_stream() -> None:
    lock = {"e": "externalLockUpdate", "E": MS, "a": "NEO", "d": "10.00000000", "T": MS}
    assert records({"subscriptionId": 0, "event": lock}) == [
        {"type": "not_mine", "what": "externalLockUpdate"}
    ]
    for end in ({"e": "eventStreamTerminated", "E": MS},
                {"e": "listenKeyExpired", "E": MS, "listenKey": "k"}):  # fmt: skip
        for message in (end, {"subscriptionId": 0, "event": end}, {"stream": "x", "data": end}):
            assert records(message) == [{"type": "stream_ended"}]
    shutdown = {"e": "serverShutdown", "E": MS}
    for message in (shutdown, {"event": shutdown}, {"stream": "!serverShutdown", "data": shutdown}):
        assert records(message) == [{"type": "shutdown"}]
    for d in ("-100.00000000", "0.00000001", "92233720368547758.08000000"):
        (found,) = records({"e": "balanceUpdate", "E": MS, "a": "BTC", "d": d, "T": MS})
        assert Decimal(found["change"]) == Decimal(d)


@pytest.mark.parametrize(
    "frame",
    [
        {"error": {"code": 2, "msg": "Invalid request: unknown variant"}, "id": None},
        {"code": 0, "msg": "Unknown property"}, {"result": None, "id": 1}, {"result": [], "id": 3},
        {"result": ["btcusdt@aggTrade"], "id": 3}, {"id": 1, "result": True},
        {"method": "SUBSCRIBE", "params": ["x"], "id": 1}, {}, [], None, 0, "text", [1, 2],
        {"e": 5}, {"event": {}}, {"event": {"e": None}}, {"stream": "a@trade", "data": []},
    ],
)  # fmt: skip
def test_frames_that_say_nothing_of_ours_are_typed(frame: Any) -> None:
    found = records(frame)
    assert found and {r["type"] for r in found} <= {"not_mine"}


def test_limits_and_bans_say_until_when() -> None:
    codec = Codec(64)
    for status in (429, 418):
        error = {
            "code": -1003, "msg": "Too much request weight used.",
            "data": {"serverTime": MS, "retryAfter": MS + 1000},
        }  # fmt: skip
        limits = [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1,
                   "limit": 6000, "count": 6001}]  # fmt: skip
        message = {"id": None, "status": status, "error": error, "rateLimits": limits}
        (found,) = codec.read(json.dumps(message))
        assert (found["type"], found["code"], found["outcome"]) == ("error", -1003, "unknown")
    assert codec.counts == {"error": 2}


def test_fills_without_a_trade_id_are_allocations() -> None:
    """Smart order routing: reported as an order, its allocations are not ours to count."""
    row = {
        "symbol": "BTCUSDT", "orderId": 2, "orderListId": -1, "clientOrderId": "A",
        "transactTime": MS, "price": "31000", "origQty": "0.5", "executedQty": "0.5",
        "status": "FILLED", "timeInForce": "GTC", "type": "LIMIT", "side": "BUY",
        "workingTime": MS, "usedSor": True, "workingFloor": "SOR", "fills": [
            {"matchType": "ONE_PARTY_TRADE_REPORT", "price": "28000", "qty": "0.5",
             "commission": "0", "commissionAsset": "BTC", "tradeId": -1, "allocId": 0}],
    }  # fmt: skip
    found = records({"id": "s", "status": 200, "result": [row]})
    assert [r["type"] for r in found] == ["order_event", "not_mine"]
    assert (found[0]["status"], found[0]["cumulative"]) == ("FILLED", "0.5")
    allocation = {
        "symbol": "BTCUSDT", "allocationId": 0, "allocationType": "SOR", "orderId": 500,
        "orderListId": -1, "price": "1", "qty": "0.1", "quoteQty": "0.1", "commission": "0",
        "commissionAsset": "BTC", "time": MS, "isBuyer": False, "isMaker": False,
    }  # fmt: skip
    assert [r["type"] for r in records({"id": "a", "status": 200, "result": [allocation]})] == [
        "not_mine"
    ]
    prevented = {"symbol": "BTCUSDT", "preventedMatchId": 1, "takerOrderId": 5, "makerOrderId": 3}
    assert [r["type"] for r in records({"id": "m", "status": 200, "result": [prevented]})] == [
        "not_mine"
    ]
    found = records({"id": "t", "status": 200, "result": [prevented, row | {"fills": []}]})
    assert [r["type"] for r in found] == ["order_event", "not_mine"], "a row that is none shows"


@pytest.mark.parametrize(
    "text",
    ["0.00000001", "92233720368.54775807", "92233720368.54775808", "99999999999999999999.99999999",
     "00012.50", "1", "0.10000000"],
)  # fmt: skip
@pytest.mark.parametrize("member", ["q", "p", "z"])
def test_numbers_of_any_size_are_exact(text: str, member: str) -> None:
    names = {"q": "quantity", "p": "price", "z": "cumulative"}
    (found,) = records(report(**{member: text}))
    if found["type"] == "rejected":
        assert text.startswith("00"), text
    else:
        assert Decimal(found[names[member]]) == Decimal(text)
        assert "e" not in found[names[member]].lower()


@pytest.mark.parametrize(
    "more",
    [
        {"l": "-1.0"}, {"L": None}, {"L": 5}, {"l": 1}, {"l": None}, {"t": 2**64}, {"i": -1},
        {"i": 2**64}, {"i": "7"}, {"s": None}, {"c": 5}, {"x": None}, {"l": "0x1"},
        {"L": "NaN"}, {"n": "1.2.3"},
    ],
)  # fmt: skip
def test_a_trade_that_cannot_be_counted_is_no_trade(more: dict[str, Any]) -> None:
    good = report(x="TRADE", X="FILLED", l="1.0", z="1.0", L="2499.5", n="0.1", N="BNB", t=9)
    assert records(good)[0]["type"] == "fill"
    found = records(good | more)
    assert all(r["type"] in ("rejected", "order_event") for r in found), found


AMOUNTS = ("price", "quantity", "cumulative", "fee", "free", "locked", "change")


def numbers_in(value: Any) -> set[Decimal]:
    """Every number that stands in a message, as text or as a number."""
    if isinstance(value, dict):
        return set().union(*(numbers_in(v) for v in value.values()), set())
    if isinstance(value, list):
        return set().union(*(numbers_in(v) for v in value), set())
    if isinstance(value, bool) or value is None:
        return set()
    try:
        return {Decimal(str(value))}
    except ArithmeticError:
        return set()


def change(draw: random.Random, value: Any) -> Any:
    """One member changed: gone, null, of another type, at an extreme scale, of an unknown word."""
    strange: list[Any] = [
        None, "", 0, -1, 2**63, 2**64, 1e300, "1e5", "NaN", "-0.00000001", "0." + "0" * 30 + "1",
        "9" * 40, "0x10", [], {}, [[]], True, "\u2603", "A" * 5000, "NEW\u0000", "TRADE", "new",
    ]  # fmt: skip
    if isinstance(value, dict) and value:
        name = draw.choice(sorted(value))
        kind = draw.random()
        if kind < 0.15:
            return {k: v for k, v in value.items() if k != name}
        if kind < 0.25:
            return value | {f"{name}{name}": value[name]}
        return value | {name: change(draw, value[name])}
    if isinstance(value, list) and value:
        at = draw.randrange(len(value))
        return [*value[:at], change(draw, value[at]), *value[at + draw.randrange(2) :]]
    return draw.choice(strange)


def test_a_changed_message_never_becomes_a_record_of_something_else(shared: Path) -> None:
    """Of every message of the vectors: whatever is decoded stands in the text, exactly."""
    draw = random.Random(11)
    ours = ("executionReport", "outboundAccountPosition", "balanceUpdate")
    told = [m for m in messages(shared) if inside(m).get("e") in ours or "status" in m]
    read = 0
    for _ in range(6000):
        message: Any = draw.choice(told)
        for _ in range(draw.randrange(1, 4)):
            message = change(draw, message)
        text = json.dumps(message)
        there = numbers_in(message)
        for record in decode(text):
            assert record["type"] != "fill" or record["quantity"] is not None
            for name in AMOUNTS:
                if record.get(name) is not None:
                    assert Decimal(record[name]) in there, (record, text)
            for name in ("symbol", "client_order_id"):
                if record.get(name):
                    assert json.dumps(record[name])[1:-1] in text
            read += record["type"] not in ("rejected", "not_mine")
    assert read > 1000, "hardly anything was read: the test would show nothing"
