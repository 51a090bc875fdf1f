"""The order socket's codec and its twin on orjson give the same records, whatever the bytes are."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.mutation import mutated
from tests.reference import binance_orders as twin
from tests.venues.binance.test_codec import inside, messages, report
from tests.venues.binance.test_codec_strange import change
from venues.binance.codec import decode

EVENTS = ("executionReport", "outboundAccountPosition", "balanceUpdate", "listStatus")
EVENTS += ("eventStreamTerminated", "listenKeyExpired", "serverShutdown")


def order_side(shared: Path) -> list[bytes]:
    """Every frame of the vectors that an order socket may say, and what is asked over REST as the
    result of a reply; then the frames of the other venues, which are foreign here."""
    found: list[Any] = [
        m for m in messages(shared) if "status" in m or inside(m).get("e") in EVENTS
    ]
    for path in sorted((shared / "vectors" / "cex").glob("*/messages_*.json")):
        for row in orjson.loads(path.read_bytes()):
            payload = row.get("payload")
            if path.match("binance/messages_rest.json"):
                found.append({"id": "r", "status": 200, "result": payload})
            elif payload is not None:
                found.append(payload)
    found += [
        report(x="TRADE", X="FILLED", l="1.0", z="1.0", L="2499.5", n="0.1", N="BNB", t=9, m=True),
        {"id": 1, "status": 409, "error": {"code": -2021, "msg": "partly", "data": {
            "cancelResult": "SUCCESS", "newOrderResult": "FAILURE", "retryAfter": 1700000000000,
            "cancelResponse": {
                "symbol": "B", "orderId": 7, "clientOrderId": "x", "status": "CANCELED",
                "origClientOrderId": "y", "price": "1", "origQty": "2"},
            "newOrderResponse": {"code": -2010, "msg": "no"}}}},
        {"id": "s", "status": 200, "result": {"subscriptionId": 0}},
        {"id": "e", "status": 200, "result": []},
        {"id": 5, "status": 200, "result": {"orderListId": 1, "orderReports": [
            {"symbol": "B", "orderId": 8, "clientOrderId": "x", "transactTime": 1700000000000,
             "status": "NEW", "price": "1", "origQty": "2", "executedQty": "0", "side": "BUY"}]}},
        {"id": 2, "status": 200, "result": [
            {"symbol": "B", "id": 5, "orderId": 7, "price": "1", "qty": "2", "commission": "0.1",
             "commissionAsset": "C", "time": 1700000000000, "isBuyer": True, "isMaker": False}]},
        {"id": 3, "status": 200, "result": {"amendedOrder": {
            "symbol": "B", "orderId": 7, "clientOrderId": "z", "origClientOrderId": "y", "qty": "1",
            "executedQty": "0", "status": "NEW", "price": "1"}}},
    ]  # fmt: skip
    texts = [orjson.dumps(m) for m in found]
    assert len(texts) > 50
    return [text for text in texts if len(text) < 6000]


def escaped(text: bytes, draw: random.Random) -> bytes:
    """One letter or digit in its other spelling, which in a string changes nothing."""
    at = draw.randrange(len(text))
    end = at + 40
    for k in range(at, min(end, len(text))):
        if chr(text[k]).isalnum() and text[k] < 128:
            return text[:k] + b"\\u%04x" % text[k] + text[k + 1 :]
    return text


def changed(texts: list[bytes], seed: int, count: int) -> Iterator[bytes]:
    """Bytes changed in any way, members changed in a message that stays JSON, and escapes."""
    draw = random.Random(seed)
    own = [text for text in texts if any(r["type"] != "not_mine" for r in twin.read(text))]
    texts = own * (1 + 4 * len(texts) // len(own)) + texts  # those of this socket mostly
    parsed = [orjson.loads(text) for text in texts]
    for n in range(count):
        if n % 2:
            message = draw.choice(parsed)
            for _ in range(draw.randrange(1, 4)):
                message = change(draw, message)
            text = json.dumps(message, ensure_ascii=draw.random() < 0.5).encode()
        else:
            text = mutated(draw.choice(texts), draw, texts)
        for _ in range(draw.choice((0, 0, 1, 3))):
            text = escaped(text, draw) if text else text
        yield text


def compare(texts: Iterator[bytes] | list[bytes]) -> Counter[str]:
    """The kinds of records met; each text is read by both."""
    met: Counter[str] = Counter()
    for text in texts:
        found = decode(text)
        assert found == twin.read(text), text
        met.update({record["type"] for record in found})
    return met


MUST_MEET = {"rejected", "reply", "error", "order_event", "fill", "balance", "balance_change",
             "session", "subscribed", "stream_ended", "shutdown", "time", "not_mine"}  # fmt: skip


def test_every_frame_of_the_vectors_equals_the_twin(shared: Path) -> None:
    met = compare(order_side(shared))
    assert met.keys() >= {"error", "order_event", "fill", "balance", "not_mine"}, met


def fuzz(shared: Path, seed: int, count: int) -> None:
    met = compare(changed(order_side(shared), seed, count))
    assert met.keys() >= MUST_MEET, MUST_MEET - met.keys()
    assert 0.1 < met["rejected"] / count < 0.9, met


def test_changed_frames_equal_the_twin(shared: Path) -> None:
    fuzz(shared, 1, 10_000)


@pytest.mark.long
@pytest.mark.computes
def test_a_hundred_thousand_changed_frames_equal_the_twin(shared: Path) -> None:
    fuzz(shared, 2, 100_000)
