"""`tiercel codec --batch`: sign, request, decode, line by line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from engine.commands.codec import command


def run(lines: list[Any]) -> list[dict[str, Any]]:
    text = "\n".join(x if isinstance(x, str) else json.dumps(x) for x in lines)
    result = CliRunner().invoke(command, ["--batch", "-"], input=text)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.output.splitlines()]


def test_answers_come_in_order_and_a_bad_line_stops_nothing() -> None:
    frame = {"e": "balanceUpdate", "E": 1, "a": "BTC", "d": "1", "T": 2}
    found = run(
        [
            {
                "id": 1,
                "venue": "binance",
                "op": "sign",
                "scheme": "HMAC-SHA256 hex",
                "key": "k",
                "text": "a=1",
            },
            "not json",
            {"id": 2, "venue": "nowhere", "op": "sign"},
            {"id": 3, "venue": "binance", "op": "decode", "frame": json.dumps(frame)},
            {"id": 4, "venue": "binance", "op": "decode", "frame": frame},
            {"id": 5, "venue": "binance", "op": "dance"},
            {
                "id": 6,
                "venue": "binance",
                "op": "request",
                "intent": {"call": "withdraw", "args": []},
                "credentials": {"apiKey": "k", "secret": "s"},
                "time_ms": 1,
            },
        ]
    )
    assert [f.get("id") for f in found] == [1, None, 2, 3, 4, 5, 6]
    assert len(found[0]["result"]["signature"]) == 64
    assert found[3]["result"] == found[4]["result"]
    assert [("error" in f) for f in found] == [False, True, True, False, False, True, True]


def test_requests_of_the_vectors(shared: Path) -> None:
    base = shared / "vectors/cex"
    credentials = json.loads((base / "credentials.json").read_text())
    rows = [
        r for r in json.loads((base / "binance/requests.json").read_text()) if r["market"] == "spot"
    ]
    found = run(
        [
            {
                "id": r["id"],
                "venue": "binance",
                "op": "request",
                "intent": r["intent"],
                "credentials": credentials[r["credentials"]],
                "time_ms": r["time_ms"],
            }
            for r in rows
        ]
    )
    for row, answer in zip(rows, found, strict=True):
        assert answer["id"] == row["id"]
        assert answer["result"]["signing"]["scheme"] == row["signing"]["scheme"]
        assert str(row["time_ms"]) in answer["result"]["signing"]["string_to_sign"]


def test_market_data_goes_through_the_feeds_codec() -> None:
    trade = {
        "e": "trade",
        "E": 1,
        "s": "BTCUSDT",
        "t": 5,
        "p": "0.1",
        "q": "2",
        "T": 1700000000000,
        "m": True,
        "M": True,
    }
    found = run([{"id": 1, "venue": "binance", "op": "decode", "frame": json.dumps(trade)}])
    assert found[0]["result"][0]["type"] == "trade"


def test_no_line_ends_the_answers() -> None:
    """A line that nests past the parser's depth ended the command: later lines went unanswered."""
    deep = "[" * 100_000
    bracketed = '{"id":7,"venue":"binance","op":"decode","frame":' + "[" * 5000 + "]" * 5000 + "}"
    sound = {"id": 8, "venue": "binance", "op": "decode", "frame": "{}"}
    answers = run([deep, bracketed, sound])
    assert [a["id"] for a in answers] == [None, None, 8]
    assert [a["error"]["code"] for a in answers[:2]] == ["bad_line", "bad_line"]
    assert "result" in answers[2]


def test_an_id_comes_back_as_it_was() -> None:
    """An id of 1.5 came back as the text "1.5", one of NaN made an answer that is no JSON."""
    ids: list[Any] = [1.5, [1, {"a": 2.25}], "x", None, 3, True]
    assert [a["id"] for a in run([{"id": i, "venue": "binance", "op": "no"} for i in ids])] == ids
    (answer,) = run(['{"id":NaN,"venue":"binance","op":"no"}'])
    assert answer["id"] is None and answer["error"]["code"] == "bad_line"


@pytest.mark.parametrize(
    ("call", "args"),
    [
        ("create_order", ["BTC/USDT", "market", "buy", 1, None, "x"]),
        ("cancel_order", ["1", "BTC/USDT", 1.5]),
        ("create_market_buy_order_with_cost", ["BTC/USDT", 1, [5]]),
        ("create_order", ["BTC/USDT", "limit", "buy", "1e999999999", 1]),
        ("create_order", ["BTC/USDT", "limit", "buy", 1, "1e-999999999"]),
        ("create_order", ["", "limit", "buy", 1, 1]),
        ("create_order", [["BTC/USDT"], "limit", ["buy"], 1, 1]),
        ("fetch_my_trades", ["BTC/USDT", "yesterday"]),
    ],
)
def test_arguments_of_no_use_are_refused(call: str, args: list[Any]) -> None:
    """Parameters that are no object ended the command, an exponent filled the memory."""
    credentials = {"apiKey": "a", "secret": "b"}
    line = {"id": 1, "venue": "binance", "op": "request", "intent": {"call": call, "args": args}}
    (answer,) = run([line | {"credentials": credentials, "time_ms": 1}])
    assert answer["error"]["code"] == "TCL-5002"


def test_a_scheme_that_is_not_signed_with_is_refused_with_those_that_are() -> None:
    words = {"id": 1, "venue": "binance", "op": "sign", "key": "k", "text": "a=1"}
    error = run([words | {"scheme": "RSA-SHA256 base64"}])[0]["error"]
    assert error["code"] == "TCL-5001"
    assert "RSA-SHA256 base64 is no way" in error["why"]
    assert "HMAC-SHA256 hex" in error["why"] and "Ed25519 base64" in error["why"]
