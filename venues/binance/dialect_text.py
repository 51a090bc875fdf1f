"""Binance spot JSON, as the simulated exchange writes it: the venue's own members, in its order."""

from __future__ import annotations

from typing import Any

from hotpath.matching import BUY, MARKET, SELL
from venues.simulated.accounts import (
    FORCES,
    MOST_TICKS,
    PREVENTIONS,
    SIDES,
    TYPES,
    Account,
    Order,
    Trade,
)
from venues.simulated.amounts import text
from venues.simulated.core import Exchange
from venues.simulated.market import Market, PublicTrade
from venues.simulated.spec import LimitsSpec

MS = 1_000_000
ZERO = "0.00000000"
Json = dict[str, Any]


def force_of(order: Order) -> str:
    return FORCES[order.time_in_force]


def price_of(order: Order) -> str:
    return text(order.price * order.market.tick)


def order_result(order: Order, form: str) -> Json:
    """The result of a placement: form ACK, RESULT or FULL."""
    head: Json = {
        "symbol": order.market.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_id,
        "transactTime": order.updated // MS,
    }
    if form == "ACK":
        return head
    head |= figures(order)
    head["workingTime"] = order.created // MS
    head["selfTradePreventionMode"] = PREVENTIONS[order.prevention]
    if form == "FULL":
        head["fills"] = [
            {
                "price": text(t.price * order.market.tick),
                "qty": text(t.quantity * order.market.lot),
                "commission": text(t.fee),
                "commissionAsset": t.fee_asset,
                "tradeId": t.trade_id,
            }
            for t in order.trades
        ]
    return head


def figures(order: Order) -> Json:
    lot = order.market.lot
    return {
        "price": price_of(order),
        "origQty": text(order.quantity * lot),
        "executedQty": text(order.executed * lot),
        "origQuoteOrderQty": ZERO,
        "cummulativeQuoteQty": text(order.quote),
        "status": order.status,
        "timeInForce": force_of(order),
        "type": TYPES[order.type],
        "side": SIDES[order.side],
    }


def cancel_result(order: Order) -> Json:
    return (
        {
            "symbol": order.market.symbol,
            "origClientOrderId": order.client_id,
            "orderId": order.order_id,
            "orderListId": -1,
            "clientOrderId": order.cancel_client_id,
            "transactTime": order.updated // MS,
        }
        | figures(order)
        | {"selfTradePreventionMode": PREVENTIONS[order.prevention]}
    )


def amend_result(order: Order, execution_id: int) -> Json:
    lot = order.market.lot
    return {
        "transactTime": order.updated // MS,
        "executionId": execution_id,
        "amendedOrder": {
            "symbol": order.market.symbol,
            "orderId": order.order_id,
            "orderListId": -1,
            "origClientOrderId": order.cancel_client_id,
            "clientOrderId": order.client_id,
            "price": price_of(order),
            "qty": text(order.quantity * lot),
            "executedQty": text(order.executed * lot),
            "preventedQty": text(order.prevented * lot),
            "quoteOrderQty": ZERO,
            "cumulativeQuoteQty": text(order.quote),
            "status": order.status,
            "timeInForce": force_of(order),
            "type": TYPES[order.type],
            "side": SIDES[order.side],
            "workingTime": order.created // MS,
            "selfTradePreventionMode": PREVENTIONS[order.prevention],
        },
    }


def order_status(order: Order) -> Json:
    found: Json = {
        "symbol": order.market.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_id,
    }
    found |= figures(order)
    del found["origQuoteOrderQty"]
    found |= {
        "stopPrice": ZERO,
        "icebergQty": ZERO,
        "time": order.created // MS,
        "updateTime": order.updated // MS,
        "isWorking": True,
        "workingTime": order.created // MS,
        "origQuoteOrderQty": ZERO,
        "selfTradePreventionMode": PREVENTIONS[order.prevention],
    }
    if order.prevented:
        found["preventedQuantity"] = text(order.prevented * order.market.lot)
    return found


def execution_report(
    order: Order, execution: str, trade: Trade | None, execution_id: int, now: int
) -> Json:
    """The `executionReport` event; on a cancel `c` is the cancel's own id and `C` the order's."""
    lot, tick = order.market.lot, order.market.tick
    client_id, original = order.client_id, ""
    if execution == "CANCELED":
        client_id, original = order.cancel_client_id or order.client_id, order.client_id
    elif execution == "REPLACED":
        original = order.cancel_client_id
    last = trade.quantity if trade is not None else 0
    found: Json = {
        "e": "executionReport",
        "E": now // MS,
        "s": order.market.symbol,
        "c": client_id,
        "S": SIDES[order.side],
        "o": TYPES[order.type],
        "f": force_of(order),
        "q": text(order.quantity * lot),
        "p": price_of(order),
        "P": ZERO,
        "F": ZERO,
        "g": -1,
        "C": original,
        "x": execution,
        "X": order.status,
        "r": "NONE",
        "i": order.order_id,
        "l": text(last * lot),
        "z": text(order.executed * lot),
        "L": text(trade.price * tick) if trade is not None else ZERO,
        "n": text(trade.fee) if trade is not None else "0",
        "N": trade.fee_asset if trade is not None else None,
        "T": now // MS,
        "t": trade.trade_id if trade is not None else -1,
        "I": execution_id,
        "w": order.is_open and order.type != MARKET,
        "m": trade.maker if trade is not None else False,
        "M": trade is not None,
        "O": order.created // MS,
        "Z": text(order.quote),
        "Y": text(trade.quote) if trade is not None else ZERO,
        "Q": ZERO,
        "W": order.created // MS,
        "V": PREVENTIONS[order.prevention],
    }
    if execution == "TRADE_PREVENTION":
        found |= {"A": text(order.prevented * lot), "B": text(order.prevented * lot)}
    if execution == "EXPIRED":
        found["eR"] = "INSUFFICIENT_LIQUIDITY"
    return found


def account_position(account: Account, assets: set[str], now: int) -> Json:
    return {
        "e": "outboundAccountPosition",
        "E": now // MS,
        "u": account.updated // MS,
        "B": [
            {
                "a": asset,
                "f": text(account.free.get(asset, 0)),
                "l": text(account.locked.get(asset, 0)),
            }
            for asset in sorted(assets)
        ],
    }


def account_status(account: Account, exchange: Exchange, with_zeros: bool) -> Json:
    terms = next(iter(exchange.markets.values())).terms
    rates = {"maker": text(terms.maker_rate), "taker": text(terms.taker_rate)}
    return {
        "makerCommission": terms.maker_rate // 10_000,
        "takerCommission": terms.taker_rate // 10_000,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": rates | {"buyer": ZERO, "seller": ZERO},
        "canTrade": account.spec is None or account.spec.may_trade,
        "canWithdraw": True,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": account.updated // MS,
        "accountType": "SPOT",
        "balances": [
            {
                "asset": asset,
                "free": text(account.free.get(asset, 0)),
                "locked": text(account.locked.get(asset, 0)),
            }
            for asset in sorted(account.free)
            if with_zeros or account.total(asset)
        ],
        "permissions": ["SPOT"],
        "uid": account.number,
    }


def my_trade(trade: Trade) -> Json:
    order = trade.order
    return {
        "symbol": order.market.symbol,
        "id": trade.trade_id,
        "orderId": order.order_id,
        "orderListId": -1,
        "price": text(trade.price * order.market.tick),
        "qty": text(trade.quantity * order.market.lot),
        "quoteQty": text(trade.quote),
        "commission": text(trade.fee),
        "commissionAsset": trade.fee_asset,
        "time": trade.time // MS,
        "isBuyer": order.side == BUY,
        "isMaker": trade.maker,
        "isBestMatch": True,
    }


def public_trade(market: Market, trade: PublicTrade) -> Json:
    terms = market.terms
    return {
        "id": trade.trade_id,
        "price": text(trade.price * terms.tick),
        "qty": text(trade.quantity * terms.lot),
        "quoteQty": text(terms.quote_of(trade.price, trade.quantity)),
        "time": trade.time // MS,
        "isBuyerMaker": trade.buyer_is_maker,
        "isBestMatch": True,
    }


def depth(market: Market, limit: int) -> Json:
    """The REST snapshot, and the payload of a partial book stream."""
    tick, lot = market.terms.tick, market.terms.lot
    bids, asks = (
        [[text(price * tick), text(total * lot)] for price, total in market.book.levels(s, limit)]
        for s in (BUY, SELL)
    )
    return {"lastUpdateId": market.update_id, "bids": bids, "asks": asks}


def book_ticker(market: Market) -> Json:
    tick, lot = market.terms.tick, market.terms.lot
    bid = market.book.top(BUY) or (0, 0)
    ask = market.book.top(SELL) or (0, 0)
    return {
        "symbol": market.symbol,
        "bidPrice": text(bid[0] * tick),
        "bidQty": text(bid[1] * lot),
        "askPrice": text(ask[0] * tick),
        "askQty": text(ask[1] * lot),
    }


def ticker_24hr(market: Market, now: int) -> Json:
    terms = market.terms
    tick, book = terms.tick, book_ticker(market)
    change = market.last_price - market.opened_price
    percent = change * 100_000 // market.opened_price
    base = market.volume * terms.lot
    mean = market.quote_volume * 100_000_000 // base if base else 0
    last = market.trades[-1] if market.trades else None
    return {
        "symbol": market.symbol,
        "priceChange": text(change * tick),
        "priceChangePercent": f"{percent // 1000}.{percent % 1000:03d}"
        if percent >= 0
        else f"-{-percent // 1000}.{-percent % 1000:03d}",
        "weightedAvgPrice": text(mean),
        "prevClosePrice": text(market.opened_price * tick),
        "lastPrice": text(market.last_price * tick),
        "lastQty": text(last.quantity * terms.lot) if last else ZERO,
        "bidPrice": book["bidPrice"],
        "bidQty": book["bidQty"],
        "askPrice": book["askPrice"],
        "askQty": book["askQty"],
        "openPrice": text(market.opened_price * tick),
        "highPrice": text(market.high * tick),
        "lowPrice": text(market.low * tick),
        "volume": text(base),
        "quoteVolume": text(market.quote_volume),
        "openTime": max(now // MS - 86_400_000, 0),
        "closeTime": now // MS,
        "firstId": last.trade_id - market.trade_count + 1 if last else -1,
        "lastId": last.trade_id if last else -1,
        "count": market.trade_count,
    }


def rate_limits(limits: LimitsSpec) -> list[Json]:
    return [
        {
            "rateLimitType": "REQUEST_WEIGHT",
            "interval": "MINUTE",
            "intervalNum": 1,
            "limit": limits.weight_per_minute,
        },
        {
            "rateLimitType": "ORDERS",
            "interval": "SECOND",
            "intervalNum": 10,
            "limit": limits.orders_per_10s,
        },
        {
            "rateLimitType": "ORDERS",
            "interval": "DAY",
            "intervalNum": 1,
            "limit": limits.orders_per_day,
        },
        {
            "rateLimitType": "CONNECTIONS",
            "interval": "MINUTE",
            "intervalNum": 5,
            "limit": limits.connections_per_5m,
        },
    ]


def symbol_info(market: Market) -> Json:
    terms, spec = market.terms, market.terms.spec
    modes = [*PREVENTIONS.values()]
    return {
        "symbol": spec.symbol,
        "status": "TRADING",
        "baseAsset": spec.base,
        "baseAssetPrecision": 8,
        "quoteAsset": spec.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": text(terms.tick),
                "maxPrice": text(terms.tick * MOST_TICKS),
                "tickSize": text(terms.tick),
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": text(terms.min_quantity * terms.lot),
                "maxQty": text(terms.max_quantity * terms.lot),
                "stepSize": text(terms.lot),
            },
            {
                "filterType": "NOTIONAL",
                "minNotional": text(terms.min_notional),
                "applyMinToMarket": False,
                "maxNotional": text(terms.min_notional + 10**17),
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "NONE",
        "allowedSelfTradePreventionModes": modes,
    }


def exchange_info(exchange: Exchange, markets: list[Market]) -> Json:
    return {
        "timezone": "UTC",
        "serverTime": exchange.now // MS,
        "rateLimits": rate_limits(exchange.spec.limits),
        "exchangeFilters": [],
        "symbols": [symbol_info(market) for market in markets],
    }
