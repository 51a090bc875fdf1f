"""Binance spot's requests, by their WebSocket API name; REST paths are other names for them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson

from engine.decimals import whole
from hotpath import matching as m
from venues.binance import dialect_text as say
from venues.binance.dialect_access import Access, ApiError
from venues.simulated import amounts
from venues.simulated.accounts import Account, MarketTerms, Order
from venues.simulated.core import Refusal
from venues.simulated.faults import Fault
from venues.simulated.market import Market
from venues.simulated.wire import Wire

DAY_MS = 86_400_000
CLIENT_ID = re.compile(r"^[\.A-Z\:/a-z0-9_-]{1,36}\Z")
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SIDES = {"BUY": m.BUY, "SELL": m.SELL}
TYPES = {"LIMIT": m.LIMIT, "MARKET": m.MARKET, "LIMIT_MAKER": m.POST_ONLY}
FORCES = {"GTC": m.GTC, "IOC": m.IOC, "FOK": m.FOK}
PREVENTIONS = {
    "NONE": m.STP_NONE,
    "EXPIRE_MAKER": m.STP_MAKER,
    "EXPIRE_TAKER": m.STP_TAKER,
    "EXPIRE_BOTH": m.STP_BOTH,
}
REFUSALS = {
    Refusal.PRICE_TICK: (-1013, "Filter failure: PRICE_FILTER"),
    Refusal.PRICE_MOST: (-1013, "Filter failure: PRICE_FILTER"),
    Refusal.PRICE_RANGE: (-1013, "Invalid price."),
    Refusal.LOT: (-1013, "Filter failure: LOT_SIZE"),
    Refusal.QUANTITY: (-1013, "Filter failure: LOT_SIZE"),
    Refusal.NOTIONAL: (-1013, "Filter failure: NOTIONAL"),
    Refusal.BALANCE: (-2010, "Account has insufficient balance for requested action."),
    Refusal.DUPLICATE: (-2010, "Duplicate order sent."),
    Refusal.WOULD_TAKE: (-2010, "Order would immediately match and take."),
    Refusal.UNKNOWN: (-2011, "Unknown order sent."),
    Refusal.NO_CHANGE: (-2038, "The requested action would change no state; rejecting."),
}


class Params:
    """The parameters of one request, as text."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def text(self, name: str) -> str | None:
        found = self.values.get(name)
        if found is None or found == "":
            return None
        if isinstance(found, bool):
            return "true" if found else "false"
        return found if isinstance(found, str) else str(found)

    def required(self, name: str) -> str:
        found = self.text(name)
        if found is None:
            raise ApiError(
                -1102,
                f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.",
            )
        return found

    def integer(self, name: str) -> int | None:
        found = self.text(name)
        if found is None:
            return None
        if (number := whole(found)) is None:
            raise ApiError(-1100, f"Illegal characters found in parameter '{name}'.")
        return number

    def amount(self, name: str) -> int:
        try:
            return amounts.units(self.required(name))
        except ValueError as wrong:
            if wrong.args == ("precision",):
                raise ApiError(-1111, f"Parameter '{name}' has too much precision.") from None
            raise ApiError(-1100, f"Illegal characters found in parameter '{name}'.") from None

    def one_of(self, name: str, choices: dict[str, int], code: int, msg: str) -> int:
        found = choices.get(self.required(name))
        if found is None:
            raise ApiError(code, msg)
        return found


Method = Callable[["Methods", Account, Params], Any]
PublicMethod = Callable[["Methods", Params], Any]


class Methods:
    """What can be asked. Public methods take Params, private ones the account first."""

    def __init__(self, wire: Wire, access: Access) -> None:
        self.wire = wire
        self.exchange = wire.exchange
        self.access = access
        self.executions = 0

    # ---- public ---------------------------------------------------------------------------

    def market(self, p: Params) -> Market:
        found = self.exchange.markets.get(p.required("symbol"))
        if found is None:
            raise ApiError(-1121, "Invalid symbol.")
        return found

    def some_markets(self, p: Params) -> tuple[list[Market], bool]:
        """The markets asked for, and whether exactly one was asked for by name."""
        if p.text("symbol") is not None:
            return [self.market(p)], True
        symbols = p.values.get("symbols")
        if not symbols:
            return list(self.exchange.markets.values()), False
        if isinstance(symbols, str):
            try:
                symbols = orjson.loads(symbols)
            except orjson.JSONDecodeError:
                raise ApiError(-1100, "Illegal characters found in parameter 'symbols'.") from None
        if not isinstance(symbols, list):
            raise ApiError(-1100, "Illegal characters found in parameter 'symbols'.")
        return [self.market(Params({"symbol": s})) for s in symbols], False

    def ping(self, p: Params) -> Any:
        self.access.spend(1)
        return {}

    def time(self, p: Params) -> Any:
        self.access.spend(1)
        return {"serverTime": self.exchange.now // say.MS}

    def exchange_info(self, p: Params) -> Any:
        self.access.spend(20)
        return say.exchange_info(self.exchange, self.some_markets(p)[0])

    def depth(self, p: Params) -> Any:
        market = self.market(p)
        limit = min(p.integer("limit") or 100, 5000)
        self.access.spend(
            5 if limit <= 100 else 25 if limit <= 500 else 50 if limit <= 1000 else 250
        )
        return say.depth(market, limit)

    def trades(self, p: Params) -> Any:
        self.access.spend(25)
        market = self.market(p)
        limit = min(p.integer("limit") or 500, 1000)
        return [say.public_trade(market, t) for t in market.trades[-limit:]]

    def ticker_price(self, p: Params) -> Any:
        markets, single = self.some_markets(p)
        self.access.spend(2 if single else 4)
        found = [
            {"symbol": k.symbol, "price": amounts.text(k.last_price * k.terms.tick)}
            for k in markets
        ]
        return found[0] if single else found

    def ticker_book(self, p: Params) -> Any:
        markets, single = self.some_markets(p)
        self.access.spend(2 if single else 4)
        found = [say.book_ticker(k) for k in markets]
        return found[0] if single else found

    def ticker_24hr(self, p: Params) -> Any:
        markets, single = self.some_markets(p)
        self.access.spend(2 if single else 80)
        found = [say.ticker_24hr(k, self.exchange.now) for k in markets]
        return found[0] if single else found

    def average_price(self, p: Params) -> Any:
        self.access.spend(2)
        market = self.market(p)
        recent = market.trades[-100:]
        base = sum(t.quantity for t in recent)
        mean = sum(t.price * t.quantity for t in recent) // base if base else market.last_price
        return {
            "mins": 5,
            "price": amounts.text(mean * market.terms.tick),
            "closeTime": recent[-1].time // say.MS if recent else self.exchange.now // say.MS,
        }

    # ---- orders ---------------------------------------------------------------------------

    def refusal(self, why: Refusal) -> ApiError:
        fault: Fault | None = self.wire.refusal
        if why is Refusal.ORDERED and fault is not None:
            return ApiError(fault.code or -2010, fault.msg or "Order rejected on demand.")
        code, msg = REFUSALS[why]
        return ApiError(code, msg)

    def client_id(self, p: Params, name: str = "newClientOrderId") -> str:
        found = p.text(name)
        if found is None:
            return "".join(self.exchange.random.choices(LETTERS, k=22))
        if not CLIENT_ID.match(found):
            raise ApiError(
                -1100,
                f"Illegal characters found in parameter '{name}'; legal range is "
                "'^[\\.A-Z\\:/a-z0-9_-]{1,36}$'.",
            )
        return found

    def wanted(self, account: Account, p: Params) -> tuple[Market, int, int, int, int, int, int]:
        """market, side, type, time in force, price and quantity (1e-8 units), prevention."""
        market = self.market(p)
        side = p.one_of("side", SIDES, -1117, "Invalid side.")
        type_ = p.one_of("type", TYPES, -1116, "Invalid orderType.")
        force, price = m.GTC, 0
        if type_ == m.LIMIT:
            force = p.one_of("timeInForce", FORCES, -1115, "Invalid timeInForce.")
        if type_ != m.MARKET:
            price = p.amount("price")
        elif p.text("price") is not None:
            raise ApiError(-1106, "Parameter 'price' sent when not required.")
        prevention = m.STP_NONE
        if p.text("selfTradePreventionMode") is not None:
            prevention = p.one_of(
                "selfTradePreventionMode", PREVENTIONS, -1013, "This symbol does not allow the "
                "specified self-trade prevention mode.",
            )  # fmt: skip
        if type_ == m.MARKET and p.text("quoteOrderQty") is not None:
            other = m.SELL if side == m.BUY else m.BUY
            offered = self.exchange.offered(account, market, other, prevention)
            quantity = quantity_for(market.terms, offered, p.amount("quoteOrderQty"))
        else:
            quantity = p.amount("quantity")
        return market, side, type_, force, price, quantity, prevention

    def response_form(self, p: Params, type_: int) -> str:
        form = p.text("newOrderRespType") or ("ACK" if type_ == m.POST_ONLY else "FULL")
        if form not in ("ACK", "RESULT", "FULL"):
            raise ApiError(-1102, "Invalid newOrderRespType.")
        return form

    def order_place(self, account: Account, p: Params) -> Any:
        self.access.spend(1)
        return self.place(account, p)

    def check_may_trade(self, account: Account) -> None:
        if account.spec is not None and not account.spec.may_trade:
            raise ApiError(-2015, "Invalid API-key, IP, or permissions for action.", 401)

    def place(self, account: Account, p: Params) -> Any:
        self.check_may_trade(account)
        wanted = self.wanted(account, p)
        form = self.response_form(p, wanted[2])
        client_id = self.client_id(p)
        self.access.check_orders(account)
        market, side, type_, force, price, quantity, prevention = wanted
        order = self.exchange.place(
            account, market, client_id, side, type_, force, price, quantity, prevention
        )
        if isinstance(order, Refusal):
            raise self.refusal(order)
        if not order.trades:
            self.access.count_order(account, 1)
        return say.order_result(order, form)

    def order_test(self, account: Account, p: Params) -> Any:
        self.access.spend(1)
        self.check_may_trade(account)
        market, _, type_, _, price, quantity, _ = self.wanted(account, p)
        self.client_id(p)
        why = self.exchange.check(market.terms, type_, price, quantity)
        if why is not None:
            raise self.refusal(why)
        return {}

    def order_of(self, account: Account, p: Params, missing: ApiError) -> Order:
        market = self.market(p)
        order_id, client_id = p.integer("orderId"), p.text("origClientOrderId")
        if order_id is None and client_id is None:
            raise ApiError(
                -1102,
                "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!",
            )
        found = self.exchange.find(account, order_id, client_id)
        if found is None or found.market is not market.terms:
            raise missing
        return found

    def order_status(self, account: Account, p: Params) -> Any:
        self.access.spend(4)
        return say.order_status(self.order_of(account, p, ApiError(-2013, "Order does not exist.")))

    def order_cancel(self, account: Account, p: Params) -> Any:
        self.access.spend(1)
        return self.cancel(account, p, "newClientOrderId")

    def cancel(self, account: Account, p: Params, name: str) -> Any:
        self.check_may_trade(account)
        unknown = ApiError(-2011, "Unknown order sent.")
        order = self.order_of(account, p, unknown)
        restriction = p.text("cancelRestrictions")
        if restriction is not None and restriction != f"ONLY_{order.status}":
            raise ApiError(-2011, "Order was not canceled due to cancel restrictions.")
        why = self.exchange.cancel(order, self.client_id(p, name))
        if why is not None:
            raise unknown
        return say.cancel_result(order)

    def order_amend(self, account: Account, p: Params) -> Any:
        self.access.spend(4)
        self.check_may_trade(account)
        unknown = ApiError(-2038, "Order does not exist or is not open.")
        order = self.order_of(account, p, unknown)
        why = self.exchange.amend(order, p.amount("newQty"), self.client_id(p))
        if why is not None:
            raise unknown if why is Refusal.UNKNOWN else self.refusal(why)
        return say.amend_result(order, self.executions)

    def order_replace(self, account: Account, p: Params) -> Any:
        """order.cancelReplace: cancel one, place another; 409 when only one of the two happened."""
        self.access.spend(1)
        self.check_may_trade(account)
        mode = self.replace_mode(account, p)
        cancelling = Params(
            {
                "symbol": p.text("symbol"),
                "orderId": p.text("cancelOrderId"),
                "origClientOrderId": p.text("cancelOrigClientOrderId"),
                "cancelNewClientOrderId": p.text("cancelNewClientOrderId"),
                "cancelRestrictions": p.text("cancelRestrictions"),
            }
        )
        found: dict[str, Any] = {"cancelResult": "SUCCESS", "newOrderResult": "SUCCESS"}
        try:
            found["cancelResponse"] = self.cancel(account, cancelling, "cancelNewClientOrderId")
        except ApiError as failed:
            found["cancelResult"] = "FAILURE"
            found["cancelResponse"] = failed.body()
        if found["cancelResult"] == "FAILURE" and mode == "STOP_ON_FAILURE":
            found["newOrderResult"] = "NOT_ATTEMPTED"
            found["newOrderResponse"] = None
            raise ApiError(-2022, "Order cancel-replace failed.", 400, found)
        try:
            found["newOrderResponse"] = self.place(account, p)
        except ApiError as failed:
            found["newOrderResult"] = "FAILURE"
            found["newOrderResponse"] = failed.body()
        failures = (found["cancelResult"], found["newOrderResult"]).count("FAILURE")
        if failures == 2:
            raise ApiError(-2022, "Order cancel-replace failed.", 400, found)
        if failures == 1:
            raise ApiError(-2021, "Order cancel-replace partially failed.", 409, found)
        return found

    def replace_mode(self, account: Account, p: Params) -> str:
        """The mode. ApiError when a parameter is malformed or, unless CANCEL_ONLY is said, too
        many orders are unfilled: then neither half is tried."""
        mode = p.required("cancelReplaceMode")
        if mode not in ("STOP_ON_FAILURE", "ALLOW_FAILURE"):
            raise ApiError(-1102, "Invalid cancelReplaceMode.")
        exceeded = p.text("orderRateLimitExceededMode") or "DO_NOTHING"
        if exceeded not in ("DO_NOTHING", "CANCEL_ONLY"):
            raise ApiError(-1102, "Invalid orderRateLimitExceededMode.")
        if p.text("cancelOrderId") is None and p.text("cancelOrigClientOrderId") is None:
            raise ApiError(
                -1102,
                "Param 'cancelOrigClientOrderId' or 'cancelOrderId' must be sent, but both were "
                "empty/null!",
            )
        p.integer("cancelOrderId")
        self.response_form(p, self.wanted(account, p)[2])
        for name in ("newClientOrderId", "cancelNewClientOrderId"):
            if p.text(name) is not None:
                self.client_id(p, name)
        if exceeded == "DO_NOTHING":
            self.access.check_orders(account)
        return mode

    def open_orders(self, account: Account, p: Params) -> Any:
        symbol = self.market(p).symbol if p.text("symbol") else None
        self.access.spend(6 if symbol else 80)
        return [
            say.order_status(o)
            for o in sorted(account.open.values(), key=lambda o: o.order_id)
            if symbol is None or o.market.symbol == symbol
        ]

    def cancel_all(self, account: Account, p: Params) -> Any:
        self.access.spend(1)
        self.check_may_trade(account)
        symbol = self.market(p).symbol
        mine = [o for o in account.open.values() if o.market.symbol == symbol]
        if not mine:
            raise ApiError(-2011, "Unknown order sent.")
        ended = [o for o in mine if not self.exchange.cancel(o, self.client_id(Params({})))]
        return [say.cancel_result(o) for o in ended]

    def account_status(self, account: Account, p: Params) -> Any:
        self.access.spend(20)
        with_zeros = p.text("omitZeroBalances") != "true"
        return say.account_status(account, self.exchange, with_zeros)

    def order_limits(self, account: Account, p: Params) -> Any:
        self.access.spend(40)
        return [r for r in self.access.told(account) if r["rateLimitType"] == "ORDERS"]

    def span(self, p: Params, number: str) -> tuple[int | None, int, int, int]:
        """Of a listing: the number it starts from, start and end in ms, and the rows at most."""
        first = p.integer(number)
        start, end = p.integer("startTime"), p.integer("endTime")
        limit = min(p.integer("limit") or 500, 1000)
        if start is not None and end is not None and not 0 <= end - start <= DAY_MS:
            raise ApiError(-1127, "More than 24 hours between startTime and endTime.")
        return first, start or 0, end if end is not None else 2**62, limit

    def all_orders(self, account: Account, p: Params) -> Any:
        """From an order on, or by the time of the last change (the number is ignored then), the
        oldest first; the newest ones when neither is said."""
        self.access.spend(20)
        symbol = self.market(p).symbol
        first, start, end, limit = self.span(p, "orderId")
        by_time = start > 0 or end < 2**62
        mine = [
            o
            for o in (*self.exchange.closed.values(), *account.open.values())
            if o.account is account
            and o.market.symbol == symbol
            and (by_time or first is None or o.order_id >= first)
            and start <= o.updated // say.MS <= end
        ]
        mine.sort(key=lambda o: o.order_id)
        kept = mine[:limit] if by_time or first is not None else mine[-limit:]
        return [say.order_status(o) for o in kept]

    def my_trades(self, account: Account, p: Params) -> Any:
        """From a trade on, or by time, the oldest first; the newest ones when neither is said."""
        self.access.spend(20)
        symbol = self.market(p).symbol
        order_id = p.integer("orderId")
        first, start, end, limit = self.span(p, "fromId")
        by_time = start > 0 or end < 2**62
        if by_time and (first is not None or order_id is not None):
            raise ApiError(-1128, "Combination of optional parameters invalid.")
        kept = [
            t
            for t in self.exchange.trades.get(account.name, ())
            if t.order.market.symbol == symbol
            and (order_id is None or t.order.order_id == order_id)
            and (first is None or t.trade_id >= first)
            and start <= t.time // say.MS <= end
        ]
        kept = kept[:limit] if by_time or first is not None else kept[-limit:]
        return [say.my_trade(t) for t in kept]


def quantity_for(terms: MarketTerms, offered: list[tuple[int, int]], quote: int) -> int:
    """The whole lots (in 1e-8 units) that `quote` buys or sells for now."""
    lots, left = 0, quote
    for price, total in offered:
        part = min(total, left // terms.quote_of(price, 1))
        lots += part
        left -= terms.quote_of(price, part)
        if part < total:
            break
    return lots * terms.lot


PUBLIC: dict[str, PublicMethod] = {
    "ping": Methods.ping,
    "time": Methods.time,
    "exchangeInfo": Methods.exchange_info,
    "depth": Methods.depth,
    "trades.recent": Methods.trades,
    "ticker.price": Methods.ticker_price,
    "ticker.book": Methods.ticker_book,
    "ticker.24hr": Methods.ticker_24hr,
    "avgPrice": Methods.average_price,
}
PRIVATE: dict[str, Method] = {
    "order.place": Methods.order_place,
    "order.test": Methods.order_test,
    "order.status": Methods.order_status,
    "order.cancel": Methods.order_cancel,
    "order.cancelReplace": Methods.order_replace,
    "order.amend.keepPriority": Methods.order_amend,
    "openOrders.status": Methods.open_orders,
    "openOrders.cancelAll": Methods.cancel_all,
    "account.status": Methods.account_status,
    "account.rateLimits.orders": Methods.order_limits,
    "allOrders": Methods.all_orders,
    "myTrades": Methods.my_trades,
}
PATHS = {
    ("GET", "/api/v3/ping"): "ping",
    ("GET", "/api/v3/time"): "time",
    ("GET", "/api/v3/exchangeInfo"): "exchangeInfo",
    ("GET", "/api/v3/depth"): "depth",
    ("GET", "/api/v3/trades"): "trades.recent",
    ("GET", "/api/v3/ticker/price"): "ticker.price",
    ("GET", "/api/v3/ticker/bookTicker"): "ticker.book",
    ("GET", "/api/v3/ticker/24hr"): "ticker.24hr",
    ("GET", "/api/v3/avgPrice"): "avgPrice",
    ("POST", "/api/v3/order"): "order.place",
    ("POST", "/api/v3/order/test"): "order.test",
    ("GET", "/api/v3/order"): "order.status",
    ("DELETE", "/api/v3/order"): "order.cancel",
    ("POST", "/api/v3/order/cancelReplace"): "order.cancelReplace",
    ("PUT", "/api/v3/order/amend/keepPriority"): "order.amend.keepPriority",
    ("GET", "/api/v3/openOrders"): "openOrders.status",
    ("DELETE", "/api/v3/openOrders"): "openOrders.cancelAll",
    ("GET", "/api/v3/account"): "account.status",
    ("GET", "/api/v3/rateLimit/order"): "account.rateLimits.orders",
    ("GET", "/api/v3/allOrders"): "allOrders",
    ("GET", "/api/v3/myTrades"): "myTrades",
}
