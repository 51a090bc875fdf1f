"""Requests to Binance spot, built whole on the cold side: REST and WebSocket API, signed.

The venue's hot path writes the same placements from prepared text; tests compare the two. Amounts
are plain decimal text; nothing here rounds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from engine.errors import TiercelError
from engine.secret import Secret
from venues.binance.sign import Signer, Value, signed_params, signed_query, signer

REST = "https://api.binance.com"
SOCKET = "wss://ws-api.binance.com:443/ws-api/v3"
STREAMS = "wss://stream.binance.com:9443/ws"
WINDOW_MS = 5000
PLACES = 64
"""Digits before or after the point of an amount: far beyond what any market counts in."""
SIDES = {"buy": "BUY", "sell": "SELL"}
Params = dict[str, Value]
Built = dict[str, Any]


class NoSuchRequest(TiercelError):
    """An intent that Binance spot has no request for."""

    code: ClassVar[str] = "TCL-5002"
    what = "There is no such request to Binance spot"
    why = "{detail}"
    do = "Name a call tiercel knows: {known}"


def refuse(detail: str) -> NoSuchRequest:
    return NoSuchRequest(detail=detail, known=", ".join(sorted([*CALLS, *SUBSCRIPTIONS])))


def plain(value: object) -> str:
    """A number as plain decimal text, never with an exponent; text is checked, not changed."""
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        raise refuse(f"{value!r} is no number") from None
    if not number.is_finite():
        raise refuse(f"{value!r} is no number")
    if abs(number.adjusted()) > PLACES or len(number.as_tuple().digits) > PLACES:
        # 1e999999999 would be written out in full
        raise refuse(f"a number has more than {PLACES} places")
    return format(number, "f")


def options(more: object) -> Mapping[str, Any]:
    """The further parameters of a call by name; none are given as null."""
    if more is None:
        return {}
    if not isinstance(more, Mapping):
        raise refuse(f"{more!r:.80} are no parameters by name")
    return more


def symbol_of(market: object) -> str:
    """BTC/USDT to BTCUSDT; contracts (with a settlement asset) are not spot."""
    if not isinstance(market, str) or ":" in market or not market.strip("/"):
        raise refuse(f"{market!r} is no spot symbol")
    return market.replace("/", "")


def placement(
    symbol: str, side: str, kind: str, quantity: str, price: str | None, client_id: str | None,
    force: str = "GTC", post_only: bool = False, form: str = "FULL",
) -> Params:  # fmt: skip
    """Parameters of order.place; kind is `limit` or `market`."""
    params: Params = {"symbol": symbol, "side": side, "newOrderRespType": form}
    if client_id:
        params["newClientOrderId"] = client_id
    if kind == "market":
        return params | {"type": "MARKET", "quantity": quantity}
    if price is None:
        raise refuse("a limit order has a price")
    if post_only:
        return params | {"type": "LIMIT_MAKER", "quantity": quantity, "price": price}
    return params | {"type": "LIMIT", "timeInForce": force, "quantity": quantity, "price": price}


KINDS = {
    "limit": "LIMIT", "market": "MARKET", "limit_maker": "LIMIT_MAKER", "stop_loss": "STOP_LOSS",
    "stop_loss_limit": "STOP_LOSS_LIMIT", "take_profit": "TAKE_PROFIT",
    "take_profit_limit": "TAKE_PROFIT_LIMIT",
}  # fmt: skip
TRIGGERS = {
    # parameter: what a limit and a market order become with it
    "triggerPrice": ("stop_loss_limit", "stop_loss"),
    "stopPrice": ("stop_loss_limit", "stop_loss"),
    "stopLossPrice": ("stop_loss_limit", "stop_loss"),
    "takeProfitPrice": ("take_profit_limit", "take_profit"),
}
MORE = {
    "clientOrderId", "newClientOrderId", "timeInForce", "postOnly", "cost", "quoteOrderQty",
    "icebergQty", "selfTradePrevention", "selfTradePreventionMode", *TRIGGERS,
}  # fmt: skip


def triggered(kind: str, more: Mapping[str, Any]) -> tuple[str, object]:
    """The kind of order that a trigger makes of `kind`, and the trigger's price (None: there is
    none)."""
    for name, (of_limit, of_market_) in TRIGGERS.items():
        if more.get(name) is not None:
            return {"limit": of_limit, "market": of_market_}.get(kind, kind), more[name]
    return kind, None


def create_order(
    market: str, kind: str, side: str, amount: object, price: object = None,
    more: Mapping[str, Any] | None = None,
) -> Params:  # fmt: skip
    more = options(more)
    kind = str(kind).lower()
    if side not in SIDES or kind not in KINDS:
        raise refuse(f"{side} {kind} is no order")
    if unknown := set(more) - MORE:
        raise refuse(f"unknown parameters {', '.join(sorted(unknown))}")
    kind, trigger = triggered(kind, more)
    force = str(more.get("timeInForce", "GTC"))
    if more.get("postOnly") or force == "PO":
        if kind not in ("limit", "limit_maker") or force not in ("GTC", "PO"):
            raise refuse(f"a {kind} order, {force}, cannot be post-only")
        kind = "limit_maker"
    params: Params = {"symbol": symbol_of(market), "side": SIDES[side], "newOrderRespType": "FULL"}
    if client_id := more.get("clientOrderId") or more.get("newClientOrderId"):
        params["newClientOrderId"] = str(client_id)
    params["type"] = KINDS[kind]
    money = more.get("quoteOrderQty", more.get("cost"))
    if money is not None and kind == "market":
        params["quoteOrderQty"] = plain(money)
    else:
        params["quantity"] = plain(amount)
    if kind.startswith("limit") or kind.endswith("_limit"):
        if price is None:
            raise refuse("a limit order has a price")
        params["price"] = plain(price)
    if kind == "limit" or kind.endswith("_limit"):
        params["timeInForce"] = force
    if kind.startswith(("stop_", "take_")):
        if trigger is None:
            raise refuse(f"a {kind} order has a trigger price")
        params["stopPrice"] = plain(trigger)
    if more.get("icebergQty") is not None:
        params["icebergQty"] = plain(more["icebergQty"])
    if prevention := more.get("selfTradePreventionMode") or more.get("selfTradePrevention"):
        params["selfTradePreventionMode"] = str(prevention)
    return params


def market_for_money(market: str, money: object, more: Mapping[str, Any] | None = None) -> Params:
    """A market buy of so much quote currency."""
    return create_order(market, "market", "buy", 0, None, {**options(more), "quoteOrderQty": money})


def edit_order(
    order_id: object, market: str, kind: str, side: str, amount: object, price: object = None,
    more: Mapping[str, Any] | None = None,
) -> Params:  # fmt: skip
    """One order cancelled and another placed, the second only if the first was cancelled."""
    whole = create_order(market, kind, side, amount, price, more)
    return whole | {"cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": number_of(order_id)}


def number_of(order_id: object) -> str:
    """An order's number at the venue, as text."""
    if order_id is None or isinstance(order_id, bool):
        raise refuse(f"{order_id!r} is no order's number")
    return str(order_id)


def one_order(order_id: object, market: str, more: Mapping[str, Any] | None = None) -> Params:
    params: Params = {"symbol": symbol_of(market)}
    named = options(more)
    client_id = named.get("clientOrderId") or named.get("origClientOrderId")
    if client_id:
        return params | {"origClientOrderId": str(client_id)}
    if order_id is None:
        raise refuse("an order is named by its id or its client id")
    return params | {"orderId": number_of(order_id)}


def trades_of_order(order_id: object, market: str, *_: object) -> Params:
    return {"symbol": symbol_of(market), "orderId": number_of(order_id)}


def of_market(market: str | None = None, *_: object) -> Params:
    return {} if market is None else {"symbol": symbol_of(market)}


def listing(market: str, since: object = None, limit: object = None, *_: object) -> Params:
    """A listing of one market, from a time in ms on, with so many rows at most."""
    params: Params = {"symbol": symbol_of(market)}
    if since is not None:
        params["startTime"] = whole_number(since)
    if limit is not None:
        params["limit"] = whole_number(limit)
    return params


def whole_number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise refuse(f"{value!r} is no whole number")
    return value


def nothing(*_: object) -> Params:
    return {}


CALLS: dict[str, tuple[str, str, str, Callable[..., Params]]] = {
    # call: (HTTP method, path, method of the socket, parameters)
    "create_order": ("POST", "/api/v3/order", "order.place", create_order),
    "create_market_buy_order_with_cost": (
        "POST", "/api/v3/order", "order.place", market_for_money,
    ),
    "edit_order": ("POST", "/api/v3/order/cancelReplace", "order.cancelReplace", edit_order),
    "cancel_order": ("DELETE", "/api/v3/order", "order.cancel", one_order),
    "fetch_order": ("GET", "/api/v3/order", "order.status", one_order),
    "fetch_open_orders": ("GET", "/api/v3/openOrders", "openOrders.status", of_market),
    "cancel_all_orders": ("DELETE", "/api/v3/openOrders", "openOrders.cancelAll", of_market),
    "fetch_orders": ("GET", "/api/v3/allOrders", "allOrders", listing),
    "fetch_my_trades": ("GET", "/api/v3/myTrades", "myTrades", listing),
    "fetch_order_trades": ("GET", "/api/v3/myTrades", "myTrades", trades_of_order),
    "fetch_balance": ("GET", "/api/v3/account", "account.status", nothing),
    "authenticate": ("", "", "userDataStream.subscribe.signature", nothing),
}  # fmt: skip
SUBSCRIPTIONS = {
    "watch_trades": "trade",
    "watch_trades_for_symbols": "trade",
    "watch_bids_asks": "bookTicker",
    "watch_order_book": "depth@100ms",
    "watch_order_book_for_symbols": "depth@100ms",
    "watch_ticker": "miniTicker",
    "watch_tickers": "miniTicker",
}


def rest_request(
    method: str, path: str, params: Params, api_key: str, by: Signer, time_ms: int, base: str = REST
) -> Built:
    """The whole HTTP request, with what was signed."""
    whole = params | {"recvWindow": WINDOW_MS, "timestamp": time_ms}
    query, text, signature = signed_query(whole, by)
    headers = {"X-MBX-APIKEY": api_key}
    in_body = method in ("POST", "PUT")
    if in_body:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    return {
        "request": {
            "method": method,
            "url": base + path if in_body else f"{base}{path}?{query}",
            "headers": headers,
            "body": query if in_body else None,
        },
        "signing": {"scheme": by.scheme, "string_to_sign": text, "signature": signature},
    }


def socket_request(
    number: str, method: str, params: Params, api_key: str, by: Signer, time_ms: int
) -> Built:
    """The whole frame, with what was signed."""
    whole = params | {"apiKey": api_key, "recvWindow": WINDOW_MS, "timestamp": time_ms}
    signed, text, signature = signed_params(whole, by)
    return {
        "frames": [{"url": SOCKET, "message": {"id": number, "method": method, "params": signed}}],
        "signing": {"scheme": by.scheme, "string_to_sign": text, "signature": signature},
    }


def signer_of(credentials: Mapping[str, Any]) -> Signer:
    """The signer of `{"apiKey", "secret"}` or `{"apiKey", "secret_der_base64"}`."""
    if "secret_der_base64" in credentials:
        return signer("ed25519", Secret(str(credentials["secret_der_base64"])))
    if "secret" in credentials:
        return signer("hmac", Secret(str(credentials["secret"])))
    raise refuse("credentials have a secret or a secret_der_base64")


def build(call: object, args: Sequence[Any], credentials: Mapping[str, Any], time_ms: int) -> Built:
    """The request of an intent in the peers' words (`create_order`, ..., `_ws` for the socket).

    NoSuchRequest for what Binance spot has not.
    """
    name = str(call)
    if name in SUBSCRIPTIONS:
        markets = args[0] if args and isinstance(args[0], list) else args[:1]
        names = [f"{symbol_of(m).lower()}@{SUBSCRIPTIONS[name]}" for m in markets]
        message = {"method": "SUBSCRIBE", "params": names, "id": 1}
        return {"frames": [{"url": STREAMS, "message": message}], "signing": None}
    on_socket = name.endswith("_ws") or name == "authenticate"
    found = CALLS.get(name.removesuffix("_ws"))
    if found is None:
        raise refuse(f"unknown call {name}")
    method, path, of_socket, parameters = found
    try:
        params = parameters(*args)
    except TypeError:
        raise refuse(f"{name} does not take these arguments") from None
    by, api_key = signer_of(credentials), str(credentials.get("apiKey", ""))
    if not on_socket:
        return rest_request(method, path, params, api_key, by, time_ms)
    if not of_socket.startswith("userDataStream."):
        params["returnRateLimits"] = False
    return socket_request("1", of_socket, params, api_key, by, time_ms)
