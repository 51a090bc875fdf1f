"""An order set by hand on the account of a running engine, end to end (reliability.md 8.4)."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.request
from typing import Any

import pytest

from engine.demo_world import make_key
from engine.secret import Secret
from tests.engine.drill import Drill, agrees, sent_once
from venues.binance.request import rest_request
from venues.binance.sign import ED25519, signer

FAR = "20000.00"  # nobody sells at this price here


def by_hand(drill: Drill, method: str, **params: Any) -> Any:
    """A signed request of the account's owner at alpha."""
    key = make_key(drill.state / "exchanges" / "alpha.key.json")
    [port] = [
        x["rest_port"]
        for x in json.loads((drill.state / "exchanges.json").read_text())
        if x["name"] == "alpha"
    ]
    built = rest_request(
        method, "/api/v3/order", {"symbol": "BTCUSDT"} | params, key.api_key,
        signer(ED25519, Secret(key.private_pem)), time.time_ns() // 10**6, f"http://127.0.0.1:{port}",
    )["request"]  # fmt: skip
    body = built["body"].encode() if built["body"] else None
    request = urllib.request.Request(built["url"], body, built["headers"], method=built["method"])
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def told(drill: Drill) -> list[tuple[str, int, str]]:
    """What the trading lane's log says of it: actor, the venue's number, status."""
    path = drill.state / "log" / "trade.trades.jsonl"
    lines = [json.loads(x) for x in path.read_text().splitlines()]
    return [
        (x["actor"], x["venue_order_id"], x["status"])
        for x in lines
        if x["event"] == "external order"
    ]


@pytest.mark.long
@pytest.mark.timeout(420)
def test_an_order_by_hand_is_followed_and_left_alone(drill: Drill) -> None:
    drill.wait_trading()
    order = by_hand(drill, "POST", side="BUY", type="LIMIT", timeInForce="GTC", price=FAR,
                    quantity="0.00100", newClientOrderId="by_hand")["orderId"]  # fmt: skip
    new = ("venue_alpha", order, "NEW")
    drill.until(lambda: told(drill) == [new])
    os.kill(drill.pid("trade") or 0, signal.SIGKILL)
    drill.until(lambda: told(drill) == [new, new])  # the next life finds it in the list
    drill.wait_trading()
    assert by_hand(drill, "GET", orderId=order)["status"] == "NEW"
    by_hand(drill, "DELETE", orderId=order)
    drill.until(lambda: told(drill) == [new, new, ("venue_alpha", order, "CANCELED")])
    agrees(drill.end(), drill.state)
    sent_once(drill)
