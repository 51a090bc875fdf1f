"""Going on from a ledger: the state an exchange had when the last line was written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from hotpath import matching as m
from venues.simulated import amounts
from venues.simulated.accounts import (
    COUNTED,
    FORCES,
    PREVENTIONS,
    SIDES,
    TYPES,
    MarketTerms,
    Order,
    Trade,
)
from venues.simulated.ledger import FORMAT, LedgerBroken

if TYPE_CHECKING:
    from venues.simulated.core import Exchange


def recover(exchange: Exchange, history: Iterable[dict[str, Any]]) -> None:
    """Rebuild accounts, orders and numbers from the lines, then open what the spec adds.

    Open orders go back into the books in the order of their numbers, which is their priority.
    Raises LedgerBroken on a line that does not follow from those before it.
    """
    orders: dict[int, Order] = {}
    for line in history:
        exchange.written = line["n"]
        try:
            apply(exchange, line, orders)
        except (KeyError, ValueError, TypeError, AttributeError) as wrong:
            detail = f"line {line['n']}: {wrong!r}"
            raise LedgerBroken(path=exchange.spec.ledger, detail=detail) from None
    exchange.next = dict(exchange.reserved)
    if exchange.written == 0:
        exchange.write("open", exchange=exchange.spec.name, format=FORMAT)
    for market in exchange.markets.values():
        market.update_id = exchange.next["update"] - 1
    for account in exchange.spec.accounts:
        known = exchange.accounts.get(account.name)
        if known is None:
            exchange.write("account", account=account.name, balances=account.balances)
            known = exchange.deposit(account.name, account.balances)
        known.spec = account
    for order in sorted(exchange.orders.values(), key=lambda o: o.order_id):
        if order.type == m.MARKET or order.time_in_force != m.GTC:
            # a power cut took the end of its turn: it never rests
            exchange.close_order(order, "EXPIRED", "EXPIRED")
            continue
        exchange.markets[order.market.symbol].book.submit(
            order.order_id, order.account.number, order.side, order.price, order.leaves
        )
    for market in exchange.markets.values():
        exchange.settle(market)  # a captured market may have moved through an order meanwhile


def apply(exchange: Exchange, line: dict[str, Any], orders: dict[int, Order]) -> None:
    """One line of the ledger."""
    kind = line["t"]
    exchange.now = max(exchange.now, line["time"])
    if kind == "open":
        if line["exchange"] != exchange.spec.name or line["format"] != FORMAT:
            raise ValueError(f"it is of exchange {line['exchange']}, format {line['format']}")
    elif kind == "account":
        exchange.deposit(line["account"], line["balances"])
    elif kind == "ids":
        exchange.reserved = {what: line[what] for what in COUNTED}
    elif kind == "order":
        orders[line["order_id"]] = order = order_of(exchange, line)
        exchange.open_order(order)
    elif kind == "fill":
        fill(exchange, orders[line["order_id"]], line)
    elif kind == "reduced":
        order = orders[line["order_id"]]
        asset, before = order.locks()
        order.quantity = whole(order.market, line["quantity"], order.market.lot)
        order.account.lock(asset, order.locks()[1] - before)
        exchange.rename(order, line["client_id"])
        order.updated = order.account.updated = line["time"]
    elif kind == "done":
        order = orders.pop(line["order_id"])
        asset, amount = order.locks()
        order.account.lock(asset, -amount)
        order.status = line["status"]
        order.updated = order.account.updated = line["time"]
        if order.status == "EXPIRED_IN_MATCH":
            order.prevented = order.leaves
        exchange.forget(order)
    elif kind != "rejected":
        raise ValueError(f"there is no type {kind!r}")


def order_of(exchange: Exchange, line: dict[str, Any]) -> Order:
    terms = exchange.markets[line["symbol"]].terms
    return Order(
        line["order_id"],
        line["client_id"],
        exchange.accounts[line["account"]],
        terms,
        number_of(SIDES, line["side"]),
        number_of(TYPES, line["type"]),
        number_of(FORCES, line["time_in_force"]),
        whole(terms, line["price"], terms.tick),
        whole(terms, line["quantity"], terms.lot),
        number_of(PREVENTIONS, line["prevention"]),
        line["time"],
        line["time"],
    )


def number_of(names: dict[int, str], name: str) -> int:
    for number, known in names.items():
        if known == name:
            return number
    raise ValueError(f"{name!r} is none of {', '.join(names.values())}")


def whole(terms: MarketTerms, text: str, step: int) -> int:
    """An amount in ticks or lots; ValueError when the market no longer counts in them."""
    found, rest = divmod(amounts.units(text), step)
    if rest:
        raise ValueError(f"{text} fits no more to the tick and lot of {terms.symbol}")
    return found


def fill(exchange: Exchange, order: Order, line: dict[str, Any]) -> None:
    terms, account = order.market, order.account
    quantity = whole(terms, line["quantity"], terms.lot)
    price = whole(terms, line["price"], terms.tick)
    if line["fee_asset"] != (terms.spec.base if order.side == m.BUY else terms.spec.quote):
        raise ValueError(f"{terms.symbol} does not trade {line['fee_asset']} any more")
    quote, fee = amounts.units(line["quote"]), amounts.units(line["fee"])
    asset, before = order.locks()
    order.executed += quantity
    order.quote += quote
    order.updated = account.updated = line["time"]
    order.status = "FILLED" if order.leaves == 0 else "PARTIALLY_FILLED"
    account.lock(asset, order.locks()[1] - before)
    sign = 1 if order.side == m.BUY else -1
    account.add(terms.spec.base, sign * quantity * terms.lot)
    account.add(terms.spec.quote, -sign * quote)
    account.add(line["fee_asset"], -fee)
    exchange.fees[line["fee_asset"]] = exchange.fees.get(line["fee_asset"], 0) + fee
    exchange.house.add(terms.spec.base, -sign * quantity * terms.lot)
    exchange.house.add(terms.spec.quote, sign * quote)
    exchange.keep(
        Trade(
            line["trade_id"],
            order,
            price,
            quantity,
            quote,
            fee,
            line["fee_asset"],
            line["maker"],
            line["time"],
        )
    )
    if order.status == "FILLED":
        exchange.forget(order)
