"""A peer client that knows nothing of us: ccxt with its URLs pointed at loopback."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from tests.venues.simulated.process import Exchange

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    ccxt = pytest.importorskip("ccxt", reason="the peer client is a development dependency")


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    flow = {"maker_events_per_s": 100, "levels": 50}
    with Exchange(tmp_path_factory.mktemp("ccxt"), flow=flow) as exchange:
        client = ccxt.binance(
            {
                "apiKey": "HKEY",
                "secret": "secret",
                "options": {
                    "fetchMarkets": {"types": ["spot"]},
                    "fetchCurrencies": False,
                    "fetchMargins": False,
                    "adjustForTimeDifference": True,
                },
            }
        )
        for name in client.urls["api"]:  # nothing of it may leave this machine
            client.urls["api"][name] = f"{exchange.rest_url}/api/v3"
        yield client
        client.session.close()


def test_it_loads_the_markets(peer: Any) -> None:
    market = peer.load_markets()["BTC/USDT"]
    assert (market["precision"]["amount"], market["precision"]["price"]) == (1e-05, 0.01)
    assert market["limits"]["cost"]["min"] == 5.0
    assert peer.fetch_order_book("BTC/USDT")["bids"][0][0] > 1000
    assert peer.fetch_ticker("BTC/USDT")["last"] > 1000


def test_it_places_fetches_amends_and_cancels(peer: Any) -> None:
    placed = peer.create_order("BTC/USDT", "limit", "buy", 0.01, 20000, {"clientOrderId": "ccxt-1"})
    assert (placed["status"], placed["clientOrderId"]) == ("open", "ccxt-1")
    assert peer.fetch_order(placed["id"], "BTC/USDT")["price"] == 20000
    assert [o["id"] for o in peer.fetch_open_orders("BTC/USDT")] == [placed["id"]]
    assert peer.fetch_balance()["USDT"]["used"] == 200
    edited = peer.edit_order(placed["id"], "BTC/USDT", "limit", "buy", 0.01, 21000)
    assert edited["price"] == 21000
    gone = peer.cancel_order(edited["id"], "BTC/USDT")
    assert gone["status"] == "canceled"
    assert peer.fetch_open_orders("BTC/USDT") == []


def test_it_trades_and_sees_its_fee(peer: Any) -> None:
    bought = peer.create_order("BTC/USDT", "market", "buy", 0.01)
    assert (bought["status"], bought["filled"]) == ("closed", 0.01)
    trade = peer.fetch_my_trades("BTC/USDT")[-1]
    assert trade["order"] == bought["id"]
    assert trade["takerOrMaker"] == "taker"
    assert trade["fee"]["currency"] == "BTC"
    by_cost = peer.create_market_buy_order_with_cost("BTC/USDT", 1000)
    assert 900 < by_cost["cost"] <= 1000


def test_its_errors_are_the_venues(peer: Any) -> None:
    with pytest.raises(ccxt.InsufficientFunds):
        peer.create_order("BTC/USDT", "limit", "buy", 100, 40000)
    with pytest.raises(ccxt.OrderNotFound):
        peer.cancel_order("999999999", "BTC/USDT")
    with pytest.raises(ccxt.OrderImmediatelyFillable):
        peer.create_order("BTC/USDT", "limit", "buy", 0.01, 90000, {"postOnly": True})
    secret, peer.secret = peer.secret, "wrong"
    with pytest.raises(ccxt.AuthenticationError):
        peer.fetch_balance()
    peer.secret = secret
