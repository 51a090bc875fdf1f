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
    return format(number, "f")


def symbol_of(market: object) -> str:
    """BTC/USDT to BTCUSDT; contracts (with a settlement asset) are not spot."""
    if not isinstance(market, str) or ":" in market:
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


def create_order(
    market: str, kind: str, side: str, amount: object, price: object = None,
    more: Mapping[str, Any] | None = None,
) -> Params:  # fmt: skip
    more = more or {}
    if side not in SIDES or kind not in ("limit", "market"):
        raise refuse(f"{side} {kind} is no order")
    if unknown := set(more) - {"clientOrderId", "newClientOrderId", "timeInForce", "postOnly"}:
        raise refuse(f"unknown parameters {', '.join(sorted(unknown))}")
    return placement(
        symbol_of(market), SIDES[side], kind, plain(amount),
        None if price is None else plain(price),
        more.get("clientOrderId") or more.get("newClientOrderId"),
        str(more.get("timeInForce", "GTC")), bool(more.get("postOnly")),
    )  # fmt: skip


def one_order(order_id: object, market: str, more: Mapping[str, Any] | None = None) -> Params:
    params: Params = {"symbol": symbol_of(market)}
    client_id = (more or {}).get("clientOrderId") or (more or {}).get("origClientOrderId")
    if client_id:
        return params | {"origClientOrderId": str(client_id)}
    if order_id is None:
        raise refuse("an order is named by its id or its client id")
    return params | {"orderId": str(order_id)}


def of_market(market: str | None = None, *_: object) -> Params:
    return {} if market is None else {"symbol": symbol_of(market)}


def nothing(*_: object) -> Params:
    return {}


CALLS: dict[str, tuple[str, str, str, Callable[..., Params]]] = {
    # call: (HTTP method, path, method of the socket, parameters)
    "create_order": ("POST", "/api/v3/order", "order.place", create_order),
    "cancel_order": ("DELETE", "/api/v3/order", "order.cancel", one_order),
    "fetch_order": ("GET", "/api/v3/order", "order.status", one_order),
    "fetch_open_orders": ("GET", "/api/v3/openOrders", "openOrders.status", of_market),
    "cancel_all_orders": ("DELETE", "/api/v3/openOrders", "openOrders.cancelAll", of_market),
    "fetch_orders": ("GET", "/api/v3/allOrders", "allOrders", of_market),
    "fetch_my_trades": ("GET", "/api/v3/myTrades", "myTrades", of_market),
    "fetch_balance": ("GET", "/api/v3/account", "account.status", nothing),
    "authenticate": ("", "", "userDataStream.subscribe.signature", nothing),
}
SUBSCRIPTIONS = {
    "watch_trades": "trade",
    "watch_bids_asks": "bookTicker",
    "watch_order_book": "depth@100ms",
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
    if of_socket.startswith("order."):
        params["returnRateLimits"] = False
    return socket_request("1", of_socket, params, api_key, by, time_ms)
