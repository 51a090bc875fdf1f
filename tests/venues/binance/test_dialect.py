"""What the simulated exchange says has the members and types of the venue's own samples."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.commands.codec import answer
from venues.simulated.spec import AccountSpec, ExchangeSpec, FlowSpec, MarketSpec
from venues.simulated.wire import Wire

START = 1_700_000_000_000_000_000
# members that only appear for features the simulated exchange does not have (order lists, icebergs,
# pegged and conditional orders, allocation, discounts), or that some samples lack or invent
NOT_OURS = {
    "executionReport": {"d", "D", "j", "J", "v", "u", "U", "Cs", "pl", "pL", "pY", "b", "a", "k",
                        "uS", "gP", "gOT", "gOV", "gp", "W", "V", "A", "B", "eR"},
    "status": {"preventedMatchId", "preventedQuantity", "usedSor", "workingFloor", "isIsolated",
               "strategyId", "strategyType", "trailingDelta", "trailingTime", "accountId",
               "pegPriceType", "pegOffsetType", "pegOffsetValue", "peggedPrice", "expiryReason"},
    "full": {"preventedMatches", "tradeGroupId", "preventedQuantity", "stopPrice", "strategyId",
             "strategyType", "trailingDelta", "trailingTime", "usedSor", "workingFloor",
             "icebergQty", "preventedMatchId", "isIsolated", "marginBuyBorrowAmount",
             "marginBuyBorrowAsset"},
    "symbol": {"pegInstructionsAllowed", "opoAllowed", "allowedSelfTradePreventionModes"},
    "account": {"commissionRates", "brokered", "requireSelfTradePrevention", "preventSor", "uid"},
}  # fmt: skip
NOT_OURS["result"] = NOT_OURS["cancel"] = NOT_OURS["full"]
EVENTS = ("executionReport", "outboundAccountPosition", "trade", "depthUpdate", "aggTrade",
          "serverShutdown")  # fmt: skip
MARKS = (
    ("depth", {"lastUpdateId", "bids", "asks"}),
    ("24hr", {"priceChange", "prevClosePrice", "bidPrice", "bidQty"}),
    ("bookTicker", {"bidPrice", "askPrice", "bidQty"}),
    ("myTrade", {"commission", "isBuyer", "isMaker", "isBestMatch"}),
    ("publicTrade", {"isBuyerMaker", "isBestMatch"}),
    ("cancel", {"origClientOrderId", "transactTime", "status", "orderListId"}),
    ("full", {"orderId", "transactTime", "fills", "orderListId"}),
    ("result", {"orderId", "transactTime", "cummulativeQuoteQty", "orderListId"}),
    ("status", {"orderId", "updateTime", "isWorking", "orderListId"}),
    ("account", {"makerCommission", "balances", "accountType"}),
    ("amended", {"transactTime", "executionId", "amendedOrder"}),
    ("amendedOrder", {"qty", "preventedQty", "origClientOrderId"}),
    ("session", {"authorizedSince", "connectedSince"}),
    ("replaced", {"cancelResult", "newOrderResult"}),
    ("limit", {"rateLimitType", "interval", "count"}),
    ("symbol", {"baseAssetPrecision", "filters"}),
)


def kind_of(d: dict[str, Any]) -> str | None:
    event = d.get("e")
    if event in EVENTS:
        return str(event)
    if "filterType" in d:
        return f"filter {d['filterType']}"
    return next((name for name, mark in MARKS if mark <= d.keys()), None)


def objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from objects(inner)


def by_kind(values: list[Any]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for d in objects(values):
        kind = kind_of(d)
        if kind is not None:
            found.setdefault(kind, []).append(d)
    return found


def ours() -> list[dict[str, Any]]:
    """Everything the exchange says in a session that uses all of it."""
    accounts = [
        AccountSpec(n, n, hmac_secret="s", balances={"BTC": "9", "USDT": "900000"}) for n in "AB"
    ]
    spec = ExchangeSpec(
        name="alpha",
        ledger="unused",
        markets=[MarketSpec("BTCUSDT", "BTC", "USDT")],
        accounts=accounts,
        flow=FlowSpec(levels=5),
    )
    wire = Wire(spec, START)
    access = wire.dialect.access  # type: ignore[attr-defined]
    access.verify = lambda *a, **k: None
    streams = "btcusdt@depth@100ms/btcusdt@trade/btcusdt@aggTrade"
    assert wire.open(1, f"/stream?streams={streams}", START)
    assert wire.open(2, "/ws-api/v3", START)

    def ask(method: str, **params: Any) -> None:
        signed = {"apiKey": "A", "timestamp": START // 1_000_000, "signature": "x"}
        asked = {"id": method, "method": method, "params": signed | params}
        wire.text(2, json.dumps(asked).encode(), START)

    limit = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
             "price": "100", "quantity": "1"}  # fmt: skip
    ask("session.logon")
    ask("userDataStream.subscribe.signature")
    ask("order.place", **limit, newClientOrderId="a", newOrderRespType="FULL")
    ask("order.place", **limit, newClientOrderId="b", newOrderRespType="RESULT")
    ask("order.amend.keepPriority", symbol="BTCUSDT", origClientOrderId="a", newQty="0.5")
    ask("order.cancelReplace", **limit, cancelReplaceMode="ALLOW_FAILURE", cancelOrderId=0)
    ask("order.place", symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.3")
    ask("order.place", **(limit | {"timeInForce": "IOC"}))
    ask("openOrders.status", symbol="BTCUSDT")
    ask("order.cancel", symbol="BTCUSDT", origClientOrderId="b")
    ask("allOrders", symbol="BTCUSDT")
    ask("myTrades", symbol="BTCUSDT")
    ask("account.status")
    ask("exchangeInfo")
    ask("depth", symbol="BTCUSDT")
    ask("trades.recent", symbol="BTCUSDT")
    ask("ticker.24hr", symbol="BTCUSDT")
    ask("ticker.book", symbol="BTCUSDT")
    wire.advance(START + 2_000_000_000)
    from venues.simulated.faults import Fault

    wire.order_fault(Fault("shutdown"), START + 2_000_000_000)
    said = [orjson.loads(payload) for kind, _, payload, _ in wire.take() if kind == "send"]
    errors = [s for s in said if "error" in s and s["error"]["code"] != -2021]
    assert errors == []
    return said


@pytest.fixture(scope="module")
def frames() -> list[dict[str, Any]]:
    return ours()


@pytest.fixture(scope="module")
def said(frames: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    return by_kind(frames)


def samples(shared: Path) -> dict[str, list[dict[str, Any]]]:
    found: list[Any] = []
    for name in ("messages_ws.json", "messages_rest.json"):
        for item in json.loads((shared / "vectors/cex/binance" / name).read_text()):
            trusted = item["authority"].startswith(("official-doc", "peer-captured"))
            if item["market"] == "spot" and trusted and "us" not in item["kind"].split("_"):
                found.append(item.get("payload", item.get("frames")))
    return by_kind(found)


def test_members_are_the_venues(shared: Path, said: dict[str, list[dict[str, Any]]]) -> None:
    """What every sample of a kind has, we have; and nearly all that we have, some sample has."""
    theirs = samples(shared)
    compared = 0
    for kind, known in theirs.items():
        if kind not in said:
            assert kind.startswith("filter "), f"the exchange never says a {kind}"
            continue
        compared += 1
        mine = {name for d in said[kind] for name in d}
        spare = NOT_OURS.get(kind, set())
        always = set.intersection(*(set(d) for d in known))
        assert always - mine - spare == set(), f"{kind}: missing"
        strange = mine - {name for d in known for name in d} - spare
        assert len(strange) <= len(mine) // 5, f"{kind}: not the venue's: {strange}"
    assert compared >= min(5, len(theirs)), "the samples hold next to nothing we say"


def test_types_are_the_venues(shared: Path, said: dict[str, list[dict[str, Any]]]) -> None:
    for kind, known in samples(shared).items():
        types: dict[str, set[type]] = {}
        for d in known:
            for name, value in d.items():
                types.setdefault(name, set()).add(type(value))
        for d in said.get(kind, ()):
            for name, value in d.items():
                if name in types and value is not None and types[name] != {type(None)}:
                    assert type(value) in types[name], (kind, name, value)


def test_market_data_frames_keep_the_member_order_of_the_wire(
    said: dict[str, list[dict[str, Any]]],
) -> None:
    """Readers are fast on this order: E after e, U before u, b before a."""
    assert list(said["depthUpdate"][0]) == ["e", "E", "s", "U", "u", "b", "a"]
    assert list(said["trade"][0]) == ["e", "E", "s", "t", "p", "q", "T", "m", "M"]


def test_our_own_codecs_read_all_that_concerns_an_account(frames: list[dict[str, Any]]) -> None:
    """A request's reply is known by its id, which is its method here."""
    read = {}
    for frame in frames:
        event = frame.get("event") or frame.get("data") or {}
        kinds = {r["type"] for r in answer({"venue": "binance", "op": "decode", "frame": frame})}
        read.setdefault(event.get("e") or frame.get("id"), set()).update(kinds)
    expected = {
        "session.logon": {"session"},
        "userDataStream.subscribe.signature": {"subscribed"},
        "order.place": {"order_event", "fill"},
        "order.cancel": {"order_event"},
        "order.cancelReplace": {"error", "order_event"},
        "order.amend.keepPriority": {"order_event"},
        "openOrders.status": {"order_event"},
        "allOrders": {"order_event"},
        "myTrades": {"fill"},
        "account.status": {"balance"},
        "executionReport": {"order_event", "fill"},
        "outboundAccountPosition": {"balance"},
        "depthUpdate": {"book_change"},
        "trade": {"trade"},
        "serverShutdown": {"shutdown"},
    }
    assert {name: read[name] for name in expected} == expected
