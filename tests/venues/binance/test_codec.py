"""The order socket's frames become the records written out here by hand, or a typed `not mine`."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import orjson
import pytest

from venues.binance.codec import Codec, decode, is_definite

ORDER = {
    "symbol": "ETHUSDT",
    "client_order_id": "A",
    "order_id": 7,
    "side": "buy",
    "price": "2500",
    "quantity": "1",
    "cumulative": "0",
    "order_type": "limit",
    "time_in_force": "GTC",
}


def report(**more: Any) -> dict[str, Any]:
    return {
        "e": "executionReport",
        "E": 1700000000001,
        "s": "ETHUSDT",
        "c": "A",
        "S": "BUY",
        "o": "LIMIT",
        "f": "GTC",
        "q": "1.00000000",
        "p": "2500.00000000",
        "C": "",
        "x": "NEW",
        "X": "NEW",
        "r": "NONE",
        "i": 7,
        "l": "0.00000000",
        "z": "0.00000000",
        "L": "0.00000000",
        "n": "0",
        "N": None,
        "T": 1700000000000,
        "t": -1,
        "m": False,
    } | more


def one(message: Any) -> dict[str, Any]:
    found = decode(json.dumps(message))
    assert len(found) == 1
    return found[0]


def event(name: str, **more: Any) -> dict[str, Any]:
    return (
        {"type": "order_event", "event": name, "reason": "NONE", "time_ms": 1700000000000}
        | ORDER
        | more
    )


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (report(), event("ACK", status="NEW")),
        (
            report(x="CANCELED", X="CANCELED", c="B", C="A", z="0.1"),
            event("CANCELED", status="CANCELED", cumulative="0.1"),
        ),
        (report(x="EXPIRED", X="EXPIRED"), event("EXPIRED", status="EXPIRED")),
        (
            report(x="REJECTED", X="REJECTED", r="INSUFFICIENT_BALANCE"),
            event("REJECT", status="REJECTED", reason="INSUFFICIENT_BALANCE"),
        ),
        (
            report(x="TRADE_PREVENTION", X="EXPIRED_IN_MATCH"),
            event("EXPIRED", status="EXPIRED"),
        ),
        (report(x="TRADE_PREVENTION", X="NEW"), event("STATUS", status="NEW")),
        (report(x="SOMETHING_NEW", X="NEW"), event("UNKNOWN", status="NEW")),
        (
            report(x="TRADE", X="PARTIALLY_FILLED", l="0.00000000", z="0.5", t=-1),
            event("STATUS", status="PARTIALLY_FILLED", cumulative="0.5"),
        ),
    ],
)
def test_execution_reports(message: dict[str, Any], expected: dict[str, Any]) -> None:
    for wrapped in (
        message,
        {"subscriptionId": 0, "event": message},
        {"stream": "executionReport", "data": message},
    ):
        assert one(wrapped) == expected


def test_a_trade() -> None:
    message = report(
        x="TRADE", X="FILLED", l="1.0", z="1.0", L="2499.5", n="0.001", N="BNB", t=9, m=True
    )
    assert one(message) == {
        "type": "fill",
        "symbol": "ETHUSDT",
        "client_order_id": "A",
        "order_id": 7,
        "side": "buy",
        "trade_id": 9,
        "price": "2499.5",
        "quantity": "1",
        "cumulative": "1",
        "fee": "0.001",
        "fee_asset": "BNB",
        "maker": True,
        "status": "FILLED",
        "time_ms": 1700000000000,
    }


def test_balances_and_the_stream_itself() -> None:
    position = {
        "e": "outboundAccountPosition",
        "E": 2,
        "u": 1700000000000,
        "B": [
            {"a": "BTC", "f": "1.5", "l": "0.25"},
            {"a": "SHIB", "f": "9999999999999.00000001", "l": "0"},
        ],
    }
    assert decode(json.dumps(position)) == [
        {
            "type": "balance",
            "asset": "BTC",
            "free": "1.5",
            "locked": "0.25",
            "time_ms": 1700000000000,
        },
        {
            "type": "balance",
            "asset": "SHIB",
            "free": "9999999999999.00000001",
            "locked": "0",
            "time_ms": 1700000000000,
        },
    ]
    change = {"e": "balanceUpdate", "E": 2, "a": "BTC", "d": "-0.5", "T": 1700000000000}
    assert one(change) == {
        "type": "balance_change",
        "asset": "BTC",
        "change": "-0.5",
        "time_ms": 1700000000000,
    }
    assert one({"subscriptionId": 1, "event": {"e": "eventStreamTerminated", "E": 1}}) == {
        "type": "stream_ended"
    }
    assert one({"e": "serverShutdown", "E": 1}) == {"type": "shutdown"}
    assert one({"e": "listStatus", "E": 1}) == {"type": "not_mine", "what": "listStatus"}


def test_replies() -> None:
    ack = {
        "symbol": "ETHUSDT",
        "orderId": 7,
        "orderListId": -1,
        "clientOrderId": "A",
        "transactTime": 1700000000000,
    }
    found = one({"id": "p1", "status": 200, "result": ack})
    assert (found["event"], found["client_order_id"], found["order_id"]) == ("ACK", "A", 7)
    assert found["status"] is None and found["price"] is None, "missing is not zero"
    full = ack | {
        "price": "2500",
        "origQty": "1",
        "executedQty": "1",
        "status": "FILLED",
        "type": "MARKET",
        "timeInForce": "GTC",
        "side": "BUY",
        "fills": [
            {
                "price": "2499",
                "qty": "0.4",
                "commission": "0.1",
                "commissionAsset": "USDT",
                "tradeId": 3,
            },
            {
                "price": "2501",
                "qty": "0.6",
                "commission": "0.2",
                "commissionAsset": "USDT",
                "tradeId": 4,
            },
        ],
    }
    records = decode(json.dumps({"id": 1, "status": 200, "result": full}))
    assert [r["type"] for r in records] == ["order_event", "fill", "fill"]
    assert [(r["trade_id"], r["price"], r["quantity"]) for r in records[1:]] == [
        (3, "2499", "0.4"),
        (4, "2501", "0.6"),
    ]
    cancel = full | {
        "origClientOrderId": "A",
        "clientOrderId": "C",
        "status": "CANCELED",
        "fills": [],
    }
    found = one({"id": "c1", "status": 200, "result": cancel})
    assert (found["event"], found["client_order_id"]) == ("CANCELED", "A")
    assert (
        one(
            {
                "id": "l",
                "status": 200,
                "result": {"apiKey": "K", "authorizedSince": 5, "serverTime": 1700000000000},
            }
        )["type"]
        == "session"
    )
    assert one({"id": "s", "status": 200, "result": {"subscriptionId": 3}}) == {
        "type": "subscribed",
        "subscription": 3,
    }
    assert one({"id": "e", "status": 200, "result": []}) == {
        "type": "reply",
        "id": "e",
        "status": 200,
    }


def test_errors_say_what_is_certain() -> None:
    def outcome(status: int, code: int) -> str:
        error = {"code": code, "msg": "m"}
        return str(one({"id": "p", "status": status, "error": error})["outcome"])

    assert outcome(400, -2010) == outcome(400, -1013) == outcome(400, -1102) == "definite"
    for status, code in (
        (500, -2010),
        (503, -1008),
        (429, -1003),
        (418, -1003),
        (400, -1007),
        (400, -1006),
        (400, -1000),
        (400, -9999),
        (403, -2010),
    ):
        assert outcome(status, code) == "unknown" and not is_definite(status, code)


def test_half_a_cancel_replace() -> None:
    cancelled = {
        "symbol": "ETHUSDT",
        "origClientOrderId": "A",
        "orderId": 7,
        "clientOrderId": "C",
        "transactTime": 1700000000000,
        "status": "CANCELED",
    }
    data = {
        "cancelResult": "SUCCESS",
        "newOrderResult": "FAILURE",
        "cancelResponse": cancelled,
        "newOrderResponse": {"code": -2010, "msg": "no"},
    }
    error = {"code": -2021, "msg": "partly", "data": data}
    records = decode(json.dumps({"id": "r", "status": 409, "error": error}))
    assert [(r["type"], r.get("event"), r.get("reason")) for r in records] == [
        ("error", None, None),
        ("order_event", "CANCELED", None),
        ("order_event", "REJECT", -2010),
    ]


def messages(shared: Path) -> list[dict[str, Any]]:
    rows = orjson.loads((shared / "vectors/cex/binance/messages_ws.json").read_bytes())
    found: list[dict[str, Any]] = []
    for row in rows:
        of_row = [row["payload"]] if "payload" in row else [m for _, m in row["frames"]]
        found += [m for m in of_row if isinstance(m, dict)]
    return found


def inside(message: dict[str, Any]) -> dict[str, Any]:
    for name in ("event", "data"):
        if isinstance(message.get(name), dict):
            return dict(message[name])
    return message


def test_every_message_of_the_vectors_is_a_record_or_typed_not_mine(shared: Path) -> None:
    """By hand, from the raw text: what each execution report, balance and error must become."""
    checked = 0
    for message in messages(shared):
        records = decode(json.dumps(message))
        assert records and all(r["type"] != "rejected" for r in records), message
        e = inside(message)
        kind = e.get("e")
        if kind == "executionReport":
            r = records[0]
            traded = e["x"] == "TRADE" and float(e["l"]) > 0
            assert r["type"] == ("fill" if traded else "order_event")
            assert r["symbol"] == e["s"] and r["order_id"] == e["i"]
            assert r["client_order_id"] == (e.get("C") or e["c"])
            assert r["side"] == e["S"].lower() and r["time_ms"] == e["T"]
            if traded:
                assert (r["trade_id"], r["maker"], r["fee_asset"]) == (e["t"], e["m"], e["N"])
                for ours, theirs in (
                    ("price", "L"),
                    ("quantity", "l"),
                    ("fee", "n"),
                    ("cumulative", "z"),
                ):
                    assert float(r[ours]) == float(e[theirs])
        elif kind == "outboundAccountPosition":
            assert [r["asset"] for r in records] == [b["a"] for b in e["B"]]
        elif kind == "balanceUpdate":
            assert (records[0]["type"], records[0]["asset"]) == ("balance_change", e["a"])
        elif "error" in message and "status" in message:
            assert records[0]["type"] == "error" and records[0]["code"] == message["error"]["code"]
        elif kind is not None and kind not in ("eventStreamTerminated", "serverShutdown"):
            assert records == [{"type": "not_mine", "what": kind}]
        checked += 1
    assert checked


def test_members_in_any_order_and_white_space_change_nothing() -> None:
    rng = random.Random(3)
    message = report(x="TRADE", X="FILLED", l="1.0", z="1.0", L="2499.5", n="0.1", N="BNB", t=9)
    expected = decode(json.dumps(message))
    for _ in range(50):
        members = list(message.items())
        rng.shuffle(members)
        text = json.dumps(
            {"event": dict(members), "subscriptionId": 0}, indent=rng.choice([None, 1])
        )
        assert decode(text) == expected


def test_broken_frames_are_rejected_and_counted() -> None:
    codec = Codec(16)
    whole = json.dumps(report())
    for n in range(len(whole)):
        assert codec.read(whole[:n]) == [{"type": "rejected"}]
    assert codec.counts == {"rejected": len(whole)}
    many = {
        "id": 1,
        "status": 200,
        "result": [report() | {"orderId": 1, "clientOrderId": "A", "symbol": "B"}] * 17,
    }
    assert codec.read(json.dumps(many)) == [{"type": "rejected"}], (
        "more items than there is room for"
    )
    assert decode(json.dumps(report(p="1e3", q="0.000000001"))) == [{"type": "rejected"}]


def test_random_bytes_never_get_through() -> None:
    rng = random.Random(5)
    whole = json.dumps(
        {"subscriptionId": 0, "event": report(x="TRADE", l="1", L="2", t=4, N="BNB")}
    )
    for _ in range(3000):
        raw = bytearray(whole.encode())
        for _ in range(rng.randrange(1, 4)):
            raw[rng.randrange(len(raw))] = rng.randrange(256)
        found = decode(bytes(raw))
        try:
            orjson.loads(bytes(raw))
        except orjson.JSONDecodeError:
            assert found == [{"type": "rejected"}]
