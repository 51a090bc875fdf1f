"""The same call, built by ccxt and by us: the same request but for what is the peer's choice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from venues.binance.request import CALLS, NoSuchRequest, build

NOW_MS = 1_700_000_000_123
KEYS = {"apiKey": "K", "secret": "S"}
PEERS_CHOICE = {
    "timestamp", "recvWindow", "newOrderRespType", "signature", "clientOrderId", "cost", "apiKey",
}  # fmt: skip
LIMIT = ["BTC/USDT", "limit", "sell", "0.01", "25000"]
MARKET = ["BTC/USDT", "market", "sell", "0.01", None]
ORDERS: list[list[Any]] = [
    MARKET, [*LIMIT, {"clientOrderId": "cex-0001"}], [*LIMIT, {"timeInForce": "IOC"}],
    [*LIMIT, {"timeInForce": "FOK"}], [*LIMIT, {"postOnly": True}],
    ["BTC/USDT", "limit_maker", "buy", "0.01", "25000"], [*LIMIT, {"triggerPrice": "24000"}],
    [*MARKET, {"triggerPrice": "24000"}], [*LIMIT, {"stopLossPrice": "24000"}],
    [*MARKET, {"stopLossPrice": "24000"}], [*LIMIT, {"takeProfitPrice": "26000"}],
    [*MARKET, {"takeProfitPrice": "26000"}], [*LIMIT, {"stopPrice": "24000.5"}],
    ["BTC/USDT", "market", "buy", "0.01", None, {"quoteOrderQty": "100"}],
    [*LIMIT, {"icebergQty": "0.001", "selfTradePrevention": "EXPIRE_MAKER"}],
]  # fmt: skip
READS: list[tuple[str, list[Any]]] = [
    ("edit_order", ["123", "BTC/USDT", "limit", "buy", "0.02", "24000"]),
    ("cancel_order", ["123", "BTC/USDT"]),
    ("cancel_order", [None, "BTC/USDT", {"clientOrderId": "c"}]),
    ("cancel_all_orders", ["BTC/USDT"]), ("fetch_order", ["123", "BTC/USDT"]),
    ("fetch_order", ["123", "BTC/USDT", {"clientOrderId": "c"}]),
    ("fetch_open_orders", ["BTC/USDT"]), ("fetch_orders", ["BTC/USDT"]),
    ("fetch_orders", ["BTC/USDT", 1_699_999_999_000, 10]), ("fetch_my_trades", ["BTC/USDT"]),
    ("fetch_my_trades", ["BTC/USDT", 1_699_999_999_000, 10]),
]  # fmt: skip
REST: list[tuple[str, list[Any]]] = [
    *(("create_order", args) for args in ORDERS), *READS, ("fetch_balance", []),
    ("fetch_order_trades", ["123", "BTC/USDT"]),
    ("create_market_buy_order_with_cost", ["BTC/USDT", "100"]),
]  # fmt: skip
# on the socket ccxt leaves its own words (triggerPrice, postOnly, ...) among the parameters
SOCKET: list[tuple[str, list[Any]]] = [
    *(("create_order_ws", a) for a in ORDERS
      if len(a) < 6 or set(a[5]) <= {"clientOrderId", "timeInForce", "quoteOrderQty"}
      if a[1] != "limit_maker"),
    *((f"{name}_ws", args) for name, args in READS if (name, len(args)) != ("fetch_orders", 3)),
    ("fetch_balance_ws", []),
]  # fmt: skip
STREAMS: list[tuple[str, list[Any]]] = [
    ("watch_trades", ["BTC/USDT"]), ("watch_bids_asks", [["BTC/USDT"]]),
    ("watch_order_book", ["BTC/USDT"]), ("watch_order_book_for_symbols", [["BTC/USDT"]]),
    ("watch_trades_for_symbols", [["BTC/USDT"]]), ("watch_ticker", ["BTC/USDT"]),
    ("watch_tickers", [["BTC/USDT"]]),
]  # fmt: skip


class Caught(Exception):
    """The request was built: nothing leaves."""


class Peer:
    """ccxt without a network: what it would send of the same words."""

    def __init__(self) -> None:
        pro = pytest.importorskip("ccxt.pro")
        self.loop = asyncio.new_event_loop()
        self.found: list[tuple[Any, ...]] = []
        spot: dict[str, Any] = {
            "id": "BTCUSDT", "lowercaseId": "btcusdt", "symbol": "BTC/USDT", "base": "BTC",
            "quote": "USDT", "settle": None, "baseId": "BTC", "quoteId": "USDT", "type": "spot",
            "spot": True, "margin": False, "swap": False, "future": False, "option": False,
            "contract": False, "linear": None, "inverse": None, "active": True,
            "precision": {"amount": 0.00001, "price": 0.01}, "limits": {}, "info": {"orderTypes": [
                "LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT",
                "TAKE_PROFIT_LIMIT"]},
        }  # fmt: skip
        for name in ("amount", "price", "cost"):
            spot["limits"][name] = {"min": 0, "max": None}

        async def make() -> Any:
            exchange = pro.binance(KEYS)
            exchange.set_markets([spot])
            exchange.nonce = exchange.milliseconds = lambda: NOW_MS
            exchange.fetch, exchange.watch, exchange.watch_multiple = (
                self.fetch, self.watch, self.watch,
            )  # fmt: skip
            return exchange

        self.exchange = self.loop.run_until_complete(make())

    async def fetch(
        self, url: str, method: str = "GET", headers: Any = None, body: Any = None
    ) -> Any:
        self.found.append((method, url, body))
        raise Caught

    async def watch(self, url: str, _: Any, message: Any = None, *more: Any, **named: Any) -> Any:
        self.found.append((url, message))
        raise Caught

    def built(self, call: str, args: list[Any]) -> tuple[Any, ...]:
        """(method, url, body) or (url, message) of a call."""
        self.found.clear()
        with pytest.raises(Caught):
            self.loop.run_until_complete(getattr(self.exchange, call)(*args))
        assert len(self.found) == 1, (call, self.found)
        return self.found[0]


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    found = Peer()
    yield found
    found.loop.run_until_complete(found.exchange.close())
    found.loop.close()


def kept(params: dict[str, Any]) -> dict[str, str]:
    """Parameters as text, without what is the peer's choice and its broker's id."""
    return {
        k: str(v)
        for k, v in params.items()
        if k not in PEERS_CHOICE and not str(v).startswith("x-TKT5PX2F")
    }


@pytest.mark.parametrize(("call", "args"), REST)
def test_a_request_is_the_peers(call: str, args: list[Any], peer: Peer) -> None:
    method, url, body = peer.built(call, args)
    ours = build(call, args, KEYS, NOW_MS)["request"]
    assert (ours["method"], ours["url"].split("?")[0]) == (method, url.split("?")[0])
    texts = [body or urlsplit(url).query, ours["body"] or urlsplit(ours["url"]).query]
    theirs, mine = (kept(dict(parse_qsl(text))) for text in texts)
    assert mine == theirs


@pytest.mark.parametrize(("call", "args"), SOCKET)
def test_a_frame_is_the_peers(call: str, args: list[Any], peer: Peer) -> None:
    url, message = peer.built(call, args)
    (frame,) = build(call, args, KEYS, NOW_MS)["frames"]
    assert (frame["url"], frame["message"]["method"]) == (url, message["method"])
    assert kept(frame["message"]["params"]) == kept(message["params"])


@pytest.mark.parametrize(("call", "args"), STREAMS)
def test_a_subscription_is_the_peers(call: str, args: list[Any], peer: Peer) -> None:
    url, message = peer.built(call, args)
    (frame,) = build(call, args, KEYS, NOW_MS)["frames"]
    assert url.startswith(frame["url"])
    assert frame["message"]["params"] == message["params"]


@pytest.mark.parametrize(
    ("call", "args"),
    [
        ("create_order", ["BTC/USDT", "stop_loss", "buy", "1"]),
        ("create_order", ["BTC/USDT", "limit", "buy", "1"]),
        ("create_order", ["BTC/USDT", "limit", "buy", "1", "2", {"leverage": 3}]),
        ("create_order", ["BTC/USDT", "iceberg", "buy", "1", "2"]),
        ("create_order", ["BTC/USDT", "market", "buy", "1", None, {"postOnly": True}]),
        ("create_order", ["BTC/USDT", "market", "buy", "1", None, {"timeInForce": "PO"}]),
        ("create_order", ["BTC/USDT", "limit", "buy", "1", "2",
                          {"postOnly": True, "triggerPrice": "3"}]),
        ("create_order", ["BTC/USDT", "stop_loss", "buy", "1", None,
                          {"timeInForce": "PO", "triggerPrice": "3"}]),
        ("create_order", ["BTC/USDT", "limit", "buy", "1", "2",
                          {"postOnly": True, "timeInForce": "FOK"}]),
        ("edit_order", ["1", "BTC/USDT", "market", "buy", "1", None, {"postOnly": True}]),
        ("create_order", ["BTC/USDT:USDT", "limit", "buy", "1", "2"]),
        ("create_order", ["BTC/USDT", "limit", "buy", "NaN", "2"]),
        ("fetch_orders", ["BTC/USDT", "yesterday"]), ("fetch_orders", ["BTC/USDT", 1, True]),
        ("edit_order", ["1"]), ("fetch_funding_rate", ["BTC/USDT"]),
    ],
)  # fmt: skip
def test_what_spot_has_not_is_refused_in_words(call: str, args: list[Any]) -> None:
    with pytest.raises(NoSuchRequest) as wrong:
        build(call, args, KEYS, NOW_MS)
    assert all(name in wrong.value.sentences()["do"] for name in CALLS)
