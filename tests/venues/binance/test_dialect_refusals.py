"""What the simulated exchange does when it is asked for something wrong, or twice."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from hotpath import matching as m
from venues.simulated.spec import AccountSpec, ExchangeSpec, LimitsSpec, MarketSpec
from venues.simulated.wire import Wire

START = 1_700_000_000_000_000_000
MS = 1_000_000
LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
         "price": "100", "quantity": "1"}  # fmt: skip
REFUSED = "Invalid API-key, IP, or permissions for action."


class Venue:
    """One exchange, and one connection to its WebSocket API."""

    def __init__(self, **changes: Any) -> None:
        accounts = [
            AccountSpec(
                name, name, hmac_secret="s", balances={"BTC": "9", "USDT": "900"}, may_trade=may
            )
            for name, may in (("A", True), ("B", True), ("reader", False))
        ]
        spec = ExchangeSpec(
            **{
                "name": "alpha",
                "ledger": "unused",
                "markets": [MarketSpec("BTCUSDT", "BTC", "USDT", price="100")],
                "accounts": accounts,
                "flow": None,
            }
            | changes
        )
        self.wire = Wire(spec, START)
        self.exchange = self.wire.exchange
        self.wire.dialect.access.verify = lambda *a, **k: None  # type: ignore[attr-defined]
        assert self.wire.open(1, "/ws-api/v3", START)

    def ask(self, asked_method: Any, key: str = "A", **params: Any) -> dict[str, Any]:
        signed = {"apiKey": key, "timestamp": START // MS, "signature": "x"}
        asked = {"id": 1, "method": asked_method, "params": signed | params}
        self.wire.text(1, json.dumps(asked).encode(), START)
        (told,) = [orjson.loads(p) for kind, _, p, _ in self.wire.take() if kind == "send"]
        assert told["id"] == 1
        return told  # type: ignore[no-any-return]

    def names(self, key: str = "A") -> list[str]:
        told = self.ask("openOrders.status", key, symbol="BTCUSDT")
        return [o["clientOrderId"] for o in told["result"]]


@pytest.fixture
def venue() -> Venue:
    return Venue()


def test_an_amendment_never_takes_the_name_of_another_open_order(venue: Venue) -> None:
    """It hid the other order from its owner, and the exchange broke at the end of the second."""
    for name in ("a", "b"):
        assert venue.ask("order.place", **LIMIT, newClientOrderId=name)["status"] == 200
    amend = {"symbol": "BTCUSDT", "origClientOrderId": "a", "newQty": "0.5"}
    told = venue.ask("order.amend.keepPriority", **amend, newClientOrderId="b")
    assert (told["status"], told["error"]["code"]) == (400, -2010)
    assert venue.names() == ["a", "b"]
    told = venue.ask("order.amend.keepPriority", **amend, newClientOrderId="a")
    assert told["result"]["amendedOrder"]["qty"] == "0.50000000"  # its own name may stay
    assert venue.names() == ["a", "b"]
    assert len(venue.ask("openOrders.cancelAll", symbol="BTCUSDT")["result"]) == 2
    assert venue.names() == []


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("order.place", LIMIT),
        ("order.cancel", {"symbol": "BTCUSDT", "origClientOrderId": "a"}),
        ("order.amend.keepPriority",
         {"symbol": "BTCUSDT", "origClientOrderId": "a", "newQty": "0.5"}),
        ("order.cancelReplace",
         LIMIT | {"cancelReplaceMode": "ALLOW_FAILURE", "cancelOrigClientOrderId": "a"}),
        ("openOrders.cancelAll", {"symbol": "BTCUSDT"}),
    ],
)  # fmt: skip
def test_a_key_that_only_reads_changes_nothing(method: str, params: dict[str, str]) -> None:
    venue = Venue()
    reader = venue.exchange.accounts["reader"]
    market = venue.exchange.markets["BTCUSDT"]
    venue.exchange.place(reader, market, "a", m.BUY, m.LIMIT, m.GTC, 100 * 10**8, 10**8)
    told = venue.ask(method, "reader", **params)
    assert (told["status"], told["error"]) == (401, {"code": -2015, "msg": REFUSED})
    (order,) = reader.open.values()
    assert (order.client_id, order.quantity * order.market.lot) == ("a", 10**8)


@pytest.mark.parametrize(
    ("params", "status", "code"),
    [
        ({"newClientOrderId": "not allowed!"}, 400, -1100),
        ({"newOrderRespType": "LONG"}, 400, -1102),
        ({"cancelOrigClientOrderId": None}, 400, -1102),
        ({"cancelNewClientOrderId": "not allowed!"}, 400, -1100),
        ({"quantity": "x"}, 400, -1100),
        ({"orderRateLimitExceededMode": "PERHAPS"}, 400, -1102),
    ],
)
@pytest.mark.parametrize("mode", ["STOP_ON_FAILURE", "ALLOW_FAILURE"])
def test_a_malformed_replacement_does_neither_half(
    params: dict[str, str | None], status: int, code: int, mode: str
) -> None:
    venue = Venue()
    venue.ask("order.place", **LIMIT, newClientOrderId="a")
    asked = LIMIT | {"cancelReplaceMode": mode, "cancelOrigClientOrderId": "a"} | params
    told = venue.ask("order.cancelReplace", **asked)
    assert (told["status"], told["error"]["code"]) == (status, code)
    assert venue.names() == ["a"]


@pytest.mark.parametrize(
    ("mode", "status", "code", "left"),
    [(None, 429, -1015, ["a"]), ("DO_NOTHING", 429, -1015, ["a"]), ("CANCEL_ONLY", 409, -2021, [])],
)
def test_beyond_the_limit_of_orders_a_replacement_cancels_only_when_told_so(
    mode: str | None, status: int, code: int, left: list[str]
) -> None:
    venue = Venue(limits=LimitsSpec(orders_per_10s=1))
    venue.ask("order.place", **LIMIT, newClientOrderId="a")
    asked = LIMIT | {"cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrigClientOrderId": "a"}
    told = venue.ask("order.cancelReplace", **asked, orderRateLimitExceededMode=mode)
    assert (told["status"], told["error"]["code"]) == (status, code)
    assert venue.names() == left


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("order.place", {"recvWindow": "inf"}, -1100),
        ("order.place", {"recvWindow": "1e999"}, -1100),
        ("order.place", {"recvWindow": "nan"}, -1100),
        ("order.place", {"recvWindow": "60000.001"}, -1131),
        ("order.place", {"timestamp": "\u00b2"}, -1102),
        ("order.place", {"timestamp": "9" * 5000}, -1102),
        ("order.status", {"orderId": "\u00b2"}, -1100),
        ("exchangeInfo", {"symbol": None, "symbols": 5}, -1100),
        ("exchangeInfo", {"symbol": None, "symbols": [[]]}, -1121),
        ([], {}, -1100),
        ({}, {}, -1100),
    ],
)
def test_a_strange_request_is_answered_and_breaks_nothing(
    venue: Venue, method: Any, params: dict[str, Any], code: int
) -> None:
    told = venue.ask(method, **(LIMIT | params))
    assert (told["status"], told["error"]["code"]) == (400, code)
    assert venue.names() == []


def test_a_body_that_is_no_text_is_answered(venue: Venue) -> None:
    target = f"/api/v3/order?timestamp={START // MS}&signature=x"
    venue.wire.request(7, "POST", target, {"x-mbx-apikey": "A"}, b"\xff\xfe", START)
    ((kind, number, body, (status, _)),) = venue.wire.take()
    assert (kind, number, status, orjson.loads(body)["code"]) == ("answer", 7, 400, -1102)


@pytest.mark.parametrize("method", ["SUBSCRIBE", "SET_PROPERTY", "GET_PROPERTY"])
@pytest.mark.parametrize("params", [5, {"a": 1}, "x"])
def test_strange_stream_parameters_are_answered(venue: Venue, method: str, params: Any) -> None:
    assert venue.wire.open(2, "/stream", START)
    asked = {"id": 3, "method": method, "params": params}
    venue.wire.text(2, json.dumps(asked).encode(), START)
    ((_, _, payload, _),) = venue.wire.take()
    assert orjson.loads(payload)["error"]["code"] == 2


def test_a_market_order_pays_for_what_stands_behind_its_own(venue: Venue) -> None:
    """Its own cheap offer is prevented, not bought: it bought on credit what stood behind."""
    market, accounts = venue.exchange.markets["BTCUSDT"], venue.exchange.accounts
    for name, price in (("A", 100), ("B", 800)):
        venue.exchange.place(
            accounts[name], market, "o", m.SELL, m.LIMIT, m.GTC, price * 10**8, 2 * 10**8
        )
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "2"}
    told = venue.ask("order.place", **order, selfTradePreventionMode="EXPIRE_MAKER")
    assert told["error"]["code"] == -2010
    assert accounts["A"].free["USDT"] == 900 * 10**8
    told = venue.ask("order.place", **order)  # bought from itself
    assert told["result"]["status"] == "FILLED"


@pytest.mark.parametrize("price", ["10000000.01", "99999999999"])
def test_a_price_beyond_the_filters_most_is_refused(venue: Venue, price: str) -> None:
    (info,) = venue.ask("exchangeInfo")["result"]["symbols"]
    most = next(f["maxPrice"] for f in info["filters"] if f["filterType"] == "PRICE_FILTER")
    assert most == "10000000.00000000"
    told = venue.ask("order.place", **(LIMIT | {"side": "SELL", "price": price}))
    assert told["error"] == {"code": -1013, "msg": "Filter failure: PRICE_FILTER"}
    told = venue.ask("order.place", **(LIMIT | {"side": "SELL", "price": most}))
    assert told["status"] == 200


@pytest.mark.parametrize("interval", [100, 1000])
def test_a_stream_opened_again_never_claims_changes_it_has_not_told(interval: int) -> None:
    """The window of who left was sent to who came, up to an update id whose changes it lacked."""
    venue = Venue()
    market, account = venue.exchange.markets["BTCUSDT"], venue.exchange.accounts["A"]
    seen: dict[tuple[str, str], str] = {}

    def place(name: str, price: int) -> None:
        venue.exchange.place(account, market, name, m.BUY, m.LIMIT, m.GTC, price * 10**8, 10**7)

    stream = f"/stream?streams=btcusdt@depth@{interval}ms"
    assert venue.wire.open(2, stream, START)
    place("before", 60)
    venue.wire.closed(2, START)
    place("between", 61)
    assert venue.wire.open(3, stream, START)
    last = market.update_id - 2  # a snapshot from before both
    place("after", 62)
    venue.wire.advance(START + 2 * interval * MS)
    told = [orjson.loads(p)["data"] for _, number, p, _ in venue.wire.take() if number == 3]
    assert told and told[-1]["u"] == market.update_id
    for data in told:
        if data["u"] > last and data["U"] <= last + 1:
            seen |= {("b", price): size for price, size in data["b"]}
            last = data["u"]
    shown = {("b", f"{p * market.terms.tick / 1e8:.8f}") for p, _ in market.book.levels(m.BUY)}
    assert last < market.update_id or seen.keys() == shown


def test_a_partial_book_opened_again_is_sent_once(venue: Venue) -> None:
    stream = "/stream?streams=btcusdt@depth5@100ms"
    assert venue.wire.open(2, stream, START)
    venue.wire.closed(2, START)
    assert venue.wire.open(3, stream, START)
    venue.wire.advance(START + 1_000 * MS)
    assert (
        len([p for kind, number, p, _ in venue.wire.take() if (kind, number) == ("send", 3)]) == 10
    )


def test_money_to_spend_is_not_counted_on_own_offers(venue: Venue) -> None:
    """Told to spend 300, it would have spent 2,400 on what stands behind its own cheap offer."""
    market, accounts = venue.exchange.markets["BTCUSDT"], venue.exchange.accounts
    for name, price in (("A", 100), ("B", 400)):
        venue.exchange.place(
            accounts[name], market, "o", m.SELL, m.LIMIT, m.GTC, price * 10**8, 2 * 10**8
        )
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quoteOrderQty": "300"}
    told = venue.ask("order.place", **order, selfTradePreventionMode="EXPIRE_MAKER")["result"]
    assert (told["executedQty"], told["cummulativeQuoteQty"]) == ("0.75000000", "300.00000000")


def test_only_a_pong_that_echoes_the_ping_keeps_a_connection(venue: Venue) -> None:
    """An unsolicited one is allowed and keeps nothing alive."""
    now = START
    pings = []
    for _ in range(8):
        now += 20_000 * MS
        venue.wire.advance(now)
        told = venue.wire.take()
        pings += [payload for kind, _, payload, _ in told if kind == "ping"]
        if any(kind == "close" for kind, _, _, _ in told):
            break
        venue.wire.pong(1, b"hello", now)
    else:
        pytest.fail("kept alive by pongs that answer no ping")
    assert len(pings) >= 3


def test_an_amendment_keeps_to_the_filters(venue: Venue) -> None:
    """Any smaller quantity was taken: orders below the least notional, which a venue refuses."""
    placed = venue.ask("order.place", **LIMIT, newClientOrderId="first")
    asked = {"symbol": "BTCUSDT", "orderId": placed["result"]["orderId"]}
    for quantity, told in (
        ("0.04", {"code": -1013, "msg": "Filter failure: NOTIONAL"}),
        ("0.500001", {"code": -1013, "msg": "Filter failure: LOT_SIZE"}),
    ):
        answer = venue.ask("order.amend.keepPriority", **asked, newQty=quantity)
        assert answer["error"] == told
    assert venue.exchange.accounts["A"].locked["USDT"] == 100 * 10**8
    assert venue.ask("order.amend.keepPriority", **asked, newQty="0.05")["status"] == 200


def test_what_query_and_body_both_say_is_taken_from_the_query(venue: Venue) -> None:
    query = f"symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&price=100&timestamp={START // MS}"
    venue.wire.request(
        5, "POST", f"/api/v3/order?{query}", {"x-mbx-apikey": "A"},
        b"price=1&quantity=1&newOrderRespType=RESULT&signature=x", START,
    )  # fmt: skip
    (told,) = [orjson.loads(p) for kind, _, p, _ in venue.wire.take() if kind == "answer"]
    assert told["price"] == "100.00000000"


def test_a_ban_holds_as_long_as_it_was_told() -> None:
    venue = Venue(limits=LimitsSpec(weight_per_minute=20), ping_ms=300_000)

    def ask(seconds: int) -> dict[str, Any]:
        asked = {"id": 1, "method": "exchangeInfo", "params": {"symbol": "BTCUSDT"}}
        venue.wire.text(1, json.dumps(asked).encode(), START + seconds * 1_000 * MS)
        (told,) = [orjson.loads(p) for kind, _, p, _ in venue.wire.take() if kind == "send"]
        return told  # type: ignore[no-any-return]

    told = [ask(0) for _ in range(12)]
    assert [t["status"] for t in told] == [200] + [429] * 10 + [418]
    end_s = (told[-1]["error"]["data"]["retryAfter"] - START // MS) // 1_000
    assert 120 <= end_s <= 180
    told = [ask(s) for s in (60, 61, end_s - 1, end_s + 1)]
    assert [t["status"] for t in told] == [418, 418, 418, 200]
    assert all(str(t["error"]["data"]["retryAfter"]) in t["error"]["msg"] for t in told[:3])
