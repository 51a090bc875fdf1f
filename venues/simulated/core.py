"""The exchange without I/O: takes (time, input), changes its books and balances, tells observers.

Time is given by the caller and never read; randomness is seeded; timers fire in `advance`. Ledger
lines collect in `lines` and must be written before anything else this turn made leaves.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterable
from enum import Enum
from random import Random
from typing import Any, Protocol

import orjson

from hotpath import matching as m
from venues.simulated import amounts
from venues.simulated.accounts import Account, MarketTerms, Order, Trade
from venues.simulated.ledger import FORMAT, LedgerBroken
from venues.simulated.spec import ExchangeSpec

ID_BLOCK = 1_000_000  # numbers are reserved in the ledger this many at a time
KEPT_CLOSED = 200_000  # closed orders kept in memory for queries
KEPT_PUBLIC = 1_000  # public trades kept per market
SIDES = {m.BUY: "BUY", m.SELL: "SELL"}
TYPES = {m.LIMIT: "LIMIT", m.MARKET: "MARKET", m.POST_ONLY: "LIMIT_MAKER"}
FORCES = {m.GTC: "GTC", m.IOC: "IOC", m.FOK: "FOK"}
PREVENTIONS = {
    m.STP_NONE: "NONE",
    m.STP_MAKER: "EXPIRE_MAKER",
    m.STP_TAKER: "EXPIRE_TAKER",
    m.STP_BOTH: "EXPIRE_BOTH",
}
COUNTED = ("order", "trade", "update", "execution")


class Refusal(Enum):
    """Why an order was not taken."""

    PRICE_TICK = "price is not a whole number of ticks"
    PRICE_RANGE = "price is not positive"
    LOT = "quantity is not a whole number of lots"
    QUANTITY = "quantity is below the least or above the most"
    NOTIONAL = "price x quantity is below the least"
    BALANCE = "insufficient balance"
    DUPLICATE = "an open order has this client id"
    WOULD_TAKE = "post-only, and it would trade at once"
    UNKNOWN = "no such open order"
    ORDERED = "refused on demand (fault)"
    NO_CHANGE = "an amendment must reduce the quantity"


class PublicTrade:
    """A trade as everyone sees it."""

    __slots__ = ("buyer_is_maker", "price", "quantity", "time", "trade_id")

    def __init__(self, trade_id: int, price: int, quantity: int, buyer_maker: bool, time: int):
        self.trade_id = trade_id
        self.price = price
        self.quantity = quantity
        self.buyer_is_maker = buyer_maker
        self.time = time


class Book(Protocol):
    """What orders are matched in: `hotpath.matching.Matching`, or a captured market."""

    def submit(
        self,
        order: int,
        owner: int,
        side: int,
        price: int,
        quantity: int,
        type: int = ...,
        time_in_force: int = ...,
        prevention: int = ...,
    ) -> int: ...

    def withdraw(self, order: int) -> int: ...

    def shrink(self, order: int, leaves: int) -> int: ...

    def take_matches(self) -> list[m.Match]: ...

    def take_changes(self) -> list[tuple[int, int, int]]: ...

    def top(self, side: int) -> tuple[int, int] | None: ...

    def levels(self, side: int, limit: int = ...) -> list[tuple[int, int]]: ...

    def would_fill(
        self, owner: int, side: int, price: int, quantity: int, prevention: int = ...
    ) -> int: ...


class Market:
    """One book and its public history. `is_captured`: its trades are told by the capture."""

    def __init__(self, terms: MarketTerms, book: Book, is_captured: bool) -> None:
        self.terms = terms
        self.symbol = terms.symbol
        self.book = book
        self.is_captured = is_captured
        self.update_id = 0
        self.trades: list[PublicTrade] = []
        self.last_price = amounts.units(terms.spec.price) // terms.tick
        self.opened_price = self.last_price
        self.high = self.low = self.last_price
        self.volume = 0  # lots
        self.quote_volume = 0  # 1e-8 quote units
        self.trade_count = 0

    def printed(self, trade: PublicTrade) -> None:
        """A trade that everyone sees."""
        self.last_price = trade.price
        self.high = max(self.high, trade.price)
        self.low = min(self.low, trade.price)
        self.volume += trade.quantity
        self.quote_volume += self.terms.quote_of(trade.price, trade.quantity)
        self.trade_count += 1
        self.trades.append(trade)
        if len(self.trades) > 2 * KEPT_PUBLIC:
            del self.trades[:KEPT_PUBLIC]


class Observer(Protocol):
    """Who is told: the dialect."""

    def reported(self, order: Order, execution: str, trade: Trade | None) -> None:
        """execution: NEW, TRADE, CANCELED, EXPIRED, TRADE_PREVENTION, REPLACED (amended)."""

    def balances_changed(self, account: Account, assets: set[str]) -> None: ...

    def book_changed(
        self,
        market: Market,
        first_id: int,
        changes: list[tuple[int, int, int]],
        trades: list[PublicTrade],
    ) -> None:
        """changes: (side, price, total) with update ids first_id, first_id + 1, ..."""


class Exchange:
    """Markets, accounts, orders, timers. `history` is the ledger of an earlier run, or empty."""

    def __init__(
        self,
        spec: ExchangeSpec,
        now: int,
        history: Iterable[dict[str, Any]] = (),
        captured: Callable[[MarketTerms], Book] | None = None,
    ) -> None:
        self.spec = spec
        self.now = now
        self.markets: dict[str, Market] = {}
        for market in spec.markets:
            terms = MarketTerms(market)
            book = captured(terms) if captured is not None else m.Matching(4096)
            self.markets[terms.symbol] = Market(terms, book, captured is not None)
        self.accounts: dict[str, Account] = {}
        self.house = Account("flow", 0)
        self.fees: dict[str, int] = {}
        self.orders: dict[int, Order] = {}  # open ones
        self.closed: OrderedDict[int, Order] = OrderedDict()
        self.trades: dict[str, list[Trade]] = {}  # by account
        self.observers: list[Observer] = []
        self.random = Random(f"{spec.seed}/{spec.name}")
        self.lines: list[bytes] = []
        self.written = 0  # lines of the ledger so far
        self.next = dict.fromkeys(COUNTED, 1)
        self.reserved = dict.fromkeys(COUNTED, 1)
        self.timers: list[tuple[int, int, Callable[[], None]]] = []
        self.armed = 0
        self.asked = now  # the latest time `advance` was given
        self.touched: dict[str, set[str]] = {}
        self.refuse_next: Callable[[], bool] = lambda: False
        self.recover(history)

    # ---- ids, ledger, timers --------------------------------------------------------------

    def number(self, what: str) -> int:
        found = self.next[what]
        self.next[what] = found + 1
        if found + 1 > self.reserved[what]:
            self.reserve()
        return found

    def reserve(self) -> None:
        self.reserved = {what: self.next[what] + ID_BLOCK for what in COUNTED}
        self.write("ids", **self.reserved)

    def write(self, kind: str, **fields: Any) -> None:
        self.written += 1
        line = {"n": self.written, "time": self.now, "t": kind} | fields
        self.lines.append(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def take_lines(self) -> bytes:
        """What must be in the ledger before this turn's other outputs leave."""
        found = b"".join(self.lines)
        self.lines.clear()
        return found

    def arm(self, due: int, call: Callable[[], None]) -> None:
        self.armed += 1
        heapq.heappush(self.timers, (due, self.armed, call))

    def next_due(self) -> int | None:
        return self.timers[0][0] if self.timers else None

    def advance(self, now: int) -> None:
        """Fire what is due, in order of due time then of arming; `self.now` is the due time."""
        self.asked = max(self.asked, now)
        while self.timers and self.timers[0][0] <= now:
            due, _, call = heapq.heappop(self.timers)
            self.now = max(self.now, due)
            call()
        self.now = max(self.now, now)

    # ---- orders ---------------------------------------------------------------------------

    def check(self, terms: MarketTerms, type_: int, price: int, quantity: int) -> Refusal | None:
        """The filters, on 1e-8 units."""
        if type_ != m.MARKET:
            if price <= 0:
                return Refusal.PRICE_RANGE
            if price % terms.tick:
                return Refusal.PRICE_TICK
        if quantity % terms.lot:
            return Refusal.LOT
        lots = quantity // terms.lot
        if not terms.min_quantity <= lots <= terms.max_quantity or lots <= 0:
            return Refusal.QUANTITY
        if type_ != m.MARKET and terms.quote_of(price // terms.tick, lots) < terms.min_notional:
            return Refusal.NOTIONAL
        return None

    def place(
        self,
        account: Account,
        market: Market,
        client_id: str,
        side: int,
        type_: int,
        time_in_force: int,
        price: int,
        quantity: int,
        prevention: int = m.STP_NONE,
    ) -> Order | Refusal:
        """Take a customer's order, price and quantity in 1e-8 units; matched before it returns."""
        terms = market.terms
        refusal = self.check(terms, type_, price, quantity)
        ticks = 0 if type_ == m.MARKET else price // terms.tick
        lots = quantity // terms.lot
        if refusal is None and client_id in account.open:
            refusal = Refusal.DUPLICATE
        if refusal is None and self.refuse_next():
            refusal = Refusal.ORDERED
        if refusal is None:
            refusal = self.affordable(account, market, side, type_, ticks, lots)
        if refusal is None and type_ == m.POST_ONLY and market.book.would_fill(0, side, ticks, 1):
            refusal = Refusal.WOULD_TAKE
        if refusal is not None:
            self.write(
                "rejected",
                account=account.name,
                symbol=market.symbol,
                client_id=client_id,
                reason=refusal.name,
            )
            return refusal
        order = Order(
            self.number("order"),
            client_id,
            account,
            terms,
            side,
            type_,
            time_in_force,
            ticks,
            lots,
            prevention,
            self.now,
            self.now,
        )
        self.open_order(order)
        self.write(
            "order",
            account=account.name,
            symbol=market.symbol,
            order_id=order.order_id,
            client_id=client_id,
            side=SIDES[side],
            type=TYPES[type_],
            time_in_force=FORCES[time_in_force],
            price=amounts.short(ticks * terms.tick),
            quantity=amounts.short(quantity),
            prevention=PREVENTIONS[prevention],
        )
        self.tell(order, "NEW", None)
        market.book.submit(
            order.order_id, account.number, side, ticks, lots, type_, time_in_force, prevention
        )
        self.settle(market)
        return order

    def affordable(
        self, account: Account, market: Market, side: int, type_: int, ticks: int, lots: int
    ) -> Refusal | None:
        terms = market.terms
        if side == m.SELL:
            enough = account.free.get(terms.spec.base, 0) >= lots * terms.lot
        else:
            if type_ == m.MARKET:
                need, left = 0, lots
                for price, total in market.book.levels(m.SELL):
                    need += terms.quote_of(price, min(left, total))
                    left -= min(left, total)
                    if left == 0:
                        break
            else:
                need = terms.quote_of(ticks, lots)
            enough = account.free.get(terms.spec.quote, 0) >= need
        return None if enough else Refusal.BALANCE

    def open_order(self, order: Order) -> None:
        self.orders[order.order_id] = order
        order.account.open[order.client_id] = order
        asset, amount = order.locks()
        order.account.lock(asset, amount)
        self.touch(order.account, asset)

    def cancel(self, order: Order, cancel_client_id: str = "") -> Refusal | None:
        """Withdraw an open order."""
        if order.order_id not in self.orders:
            return Refusal.UNKNOWN
        market = self.markets[order.market.symbol]
        order.cancel_client_id = cancel_client_id
        market.book.withdraw(order.order_id)
        self.settle(market)
        return None

    def amend(self, order: Order, quantity: int, client_id: str) -> Refusal | None:
        """Reduce the total quantity (1e-8 units) of an open order; its priority is kept."""
        if order.order_id not in self.orders:
            return Refusal.UNKNOWN
        if quantity % order.market.lot:
            return Refusal.LOT
        lots = quantity // order.market.lot
        if not order.executed < lots < order.quantity:
            return Refusal.NO_CHANGE
        account = order.account
        asset, before = order.locks()
        order.quantity = lots
        account.lock(asset, order.locks()[1] - before)
        del account.open[order.client_id]
        order.cancel_client_id, order.client_id = order.client_id, client_id
        account.open[client_id] = order
        order.updated = self.now
        self.write(
            "reduced",
            order_id=order.order_id,
            client_id=client_id,
            quantity=amounts.short(quantity),
        )
        self.touch(account, asset)
        market = self.markets[order.market.symbol]
        market.book.shrink(order.order_id, order.leaves)
        self.tell(order, "REPLACED", None)
        self.settle(market)
        return None

    def find(self, account: Account, order_id: int | None, client_id: str | None) -> Order | None:
        """By number first, then by client id (open first, then the latest closed)."""
        if order_id is not None:
            order = self.orders.get(order_id) or self.closed.get(order_id)
            found = order if order is not None and order.account is account else None
            if client_id and found is not None and client_id != found.client_id:
                return None
            return found
        if client_id in account.open:
            return account.open[client_id]
        for order in reversed(self.closed.values()):
            if order.account is account and order.client_id == client_id:
                return order
        return None

    # ---- what matching did ------------------------------------------------------------------

    def settle(self, market: Market) -> None:
        """Apply the matches of the book to orders and balances, then tell what changed."""
        public: list[PublicTrade] = []
        for match in market.book.take_matches():
            if match.kind == m.TRADE:
                public.append(self.trade(market, match))
                continue
            order = self.orders.get(match.order)
            if order is None:
                continue
            if match.kind == m.CANCELED:
                self.close_order(order, "CANCELED", "CANCELED")
            elif match.kind == m.EXPIRED:
                self.close_order(order, "EXPIRED", "EXPIRED")
            elif match.kind == m.PREVENTED:
                order.prevented = match.quantity
                self.close_order(order, "EXPIRED_IN_MATCH", "TRADE_PREVENTION")
        changes = market.book.take_changes()
        if market.is_captured:
            public.clear()  # the market does not know of our trades
        if changes or public:
            first = market.update_id + 1
            for _ in changes:
                market.update_id = self.number("update")
            for observer in self.observers:
                observer.book_changed(market, first, changes, public)
        touched, self.touched = self.touched, {}
        for name, assets in touched.items():
            for observer in self.observers:
                observer.balances_changed(self.accounts[name], assets)

    def trade(self, market: Market, match: m.Match) -> PublicTrade:
        trade_id = self.number("trade")
        terms = market.terms
        quote = terms.quote_of(match.price, match.quantity)
        public = PublicTrade(trade_id, match.price, match.quantity, match.side == m.SELL, self.now)
        if not market.is_captured:
            market.printed(public)
        taker, maker = self.orders.get(match.order), self.orders.get(match.maker)
        for order, is_maker in ((taker, False), (maker, True)):
            if order is not None:
                self.fill(order, trade_id, match.price, match.quantity, quote, is_maker)
        if (taker is None) != (maker is None):  # the flow's account is the other side
            known = taker or maker
            assert known is not None
            sign = 1 if known.side == m.SELL else -1
            self.house.add(terms.spec.base, sign * match.quantity * terms.lot)
            self.house.add(terms.spec.quote, -sign * quote)
        return public

    def fill(
        self, order: Order, trade_id: int, price: int, quantity: int, quote: int, maker: bool
    ) -> None:
        """One customer's side: what was locked is paid, the rest of the lock comes back, the fee
        is taken (rounded up) from what was received."""
        terms, account = order.market, order.account
        base, quoted = terms.spec.base, terms.spec.quote
        rate = terms.maker_rate if maker else terms.taker_rate
        before = order.locks()[1]
        order.executed += quantity
        order.quote += quote
        order.updated = self.now
        order.status = "FILLED" if order.leaves == 0 else "PARTIALLY_FILLED"
        if order.side == m.BUY:
            asset, received = base, quantity * terms.lot
            account.lock(quoted, order.locks()[1] - before)
            account.add(quoted, -quote)
        else:
            asset, received = quoted, quote
            account.lock(base, order.locks()[1] - before)
            account.add(base, -quantity * terms.lot)
        fee = m.fee(received, rate)
        account.add(asset, received - fee)
        self.fees[asset] = self.fees.get(asset, 0) + fee
        trade = Trade(trade_id, order, price, quantity, quote, fee, asset, maker, self.now)
        order.trades.append(trade)
        self.trades.setdefault(account.name, []).append(trade)
        self.write(
            "fill",
            account=account.name,
            symbol=terms.symbol,
            order_id=order.order_id,
            client_id=order.client_id,
            trade_id=trade_id,
            side=SIDES[order.side],
            price=amounts.short(price * terms.tick),
            quantity=amounts.short(quantity * terms.lot),
            quote=amounts.short(quote),
            fee=amounts.short(fee),
            fee_asset=asset,
            maker=maker,
        )
        self.touch(account, base, quoted)
        if order.status == "FILLED":
            self.forget(order)
        self.tell(order, "TRADE", trade)

    def close_order(self, order: Order, status: str, execution: str) -> None:
        asset, amount = order.locks()
        order.account.lock(asset, -amount)
        order.status = status
        order.updated = self.now
        self.forget(order)
        self.touch(order.account, asset)
        self.write(
            "done",
            order_id=order.order_id,
            client_id=order.client_id,
            status=status,
            executed=amounts.short(order.executed * order.market.lot),
        )
        self.tell(order, execution, None)

    def forget(self, order: Order) -> None:
        del self.orders[order.order_id]
        del order.account.open[order.client_id]
        self.closed[order.order_id] = order
        if len(self.closed) > KEPT_CLOSED:
            self.closed.popitem(last=False)

    def touch(self, account: Account, *assets: str) -> None:
        account.updated = self.now
        self.touched.setdefault(account.name, set()).update(assets)

    def tell(self, order: Order, execution: str, trade: Trade | None) -> None:
        for observer in self.observers:
            observer.reported(order, execution, trade)

    # ---- the flow's orders: in the book, but nobody's ------------------------------------------

    def quote(self, market: Market, old: int, side: int, price: int, quantity: int) -> int:
        """A maker of the flow moves its order `old` (0: none) to (ticks, lots), post-only; returns
        its number, 0 when it has none now. Quantity 0 withdraws."""
        if old:
            market.book.withdraw(old)
        placed = 0
        if quantity > 0 and price > 0:
            order = self.number("order")
            if market.book.submit(order, 0, side, price, quantity, m.POST_ONLY) == m.PLACED:
                placed = order
        self.settle(market)
        return placed

    def take(self, market: Market, side: int, price: int, quantity: int) -> None:
        """A taker of the flow: immediate or cancel."""
        if quantity > 0 and price > 0:
            market.book.submit(self.number("order"), 0, side, price, quantity, m.LIMIT, m.IOC)
            self.settle(market)

    # ---- going on from a ledger -----------------------------------------------------------------

    def recover(self, history: Iterable[dict[str, Any]]) -> None:
        """Rebuild accounts, orders and numbers; then open what the spec adds."""
        orders: dict[int, Order] = {}
        for line in history:
            self.written = line["n"]
            try:
                self.apply(line, orders)
            except (KeyError, ValueError) as wrong:
                raise LedgerBroken(
                    path=self.spec.ledger, detail=f"line {line['n']}: {wrong!r}"
                ) from None
        self.next = dict(self.reserved)
        if self.written == 0:
            self.write("open", exchange=self.spec.name, format=FORMAT)
        for market in self.markets.values():
            market.update_id = self.next["update"] - 1
        for account in self.spec.accounts:
            known = self.accounts.get(account.name)
            if known is not None:
                known.spec = account
                continue
            self.write("account", account=account.name, balances=account.balances)
            self.deposit(account.name, account.balances).spec = account
        for order in self.orders.values():  # by number, which is their priority
            self.markets[order.market.symbol].book.submit(
                order.order_id, order.account.number, order.side, order.price, order.leaves
            )
        for market in self.markets.values():
            self.settle(market)  # a captured market may have moved through an order meanwhile

    def deposit(self, name: str, balances: dict[str, str]) -> Account:
        account = Account(name, len(self.accounts) + 1)
        for asset, amount in balances.items():
            account.add(asset, amounts.units(amount))
        self.accounts[name] = account
        return account

    def apply(self, line: dict[str, Any], orders: dict[int, Order]) -> None:
        kind = line["t"]
        self.now = max(self.now, line["time"])
        if kind == "open":
            if line["exchange"] != self.spec.name or line["format"] != FORMAT:
                raise ValueError(f"it is of exchange {line['exchange']}, format {line['format']}")
        elif kind == "account":
            self.deposit(line["account"], line["balances"])
        elif kind == "ids":
            self.reserved = {what: line[what] for what in COUNTED}
        elif kind == "order":
            orders[line["order_id"]] = order = self.order_of(line)
            self.open_order(order)
        elif kind == "fill":
            order = orders[line["order_id"]]
            terms = order.market
            self.replay_fill(order, line, terms)
        elif kind == "reduced":
            order = orders[line["order_id"]]
            asset, before = order.locks()
            order.quantity = amounts.units(line["quantity"]) // order.market.lot
            order.account.lock(asset, order.locks()[1] - before)
            del order.account.open[order.client_id]
            order.cancel_client_id, order.client_id = order.client_id, line["client_id"]
            order.updated = line["time"]
            order.account.open[order.client_id] = order
        elif kind == "done":
            order = orders[line["order_id"]]
            asset, amount = order.locks()
            order.account.lock(asset, -amount)
            order.status = line["status"]
            order.updated = line["time"]
            self.forget(order)

    def order_of(self, line: dict[str, Any]) -> Order:
        terms = self.markets[line["symbol"]].terms
        return Order(
            line["order_id"],
            line["client_id"],
            self.accounts[line["account"]],
            terms,
            {v: k for k, v in SIDES.items()}[line["side"]],
            {v: k for k, v in TYPES.items()}[line["type"]],
            {v: k for k, v in FORCES.items()}[line["time_in_force"]],
            amounts.units(line["price"]) // terms.tick,
            amounts.units(line["quantity"]) // terms.lot,
            {v: k for k, v in PREVENTIONS.items()}[line["prevention"]],
            line["time"],
            line["time"],
        )

    def replay_fill(self, order: Order, line: dict[str, Any], terms: MarketTerms) -> None:
        account = order.account
        quantity = amounts.units(line["quantity"]) // terms.lot
        quote, fee = amounts.units(line["quote"]), amounts.units(line["fee"])
        asset, before = order.locks()
        order.executed += quantity
        order.quote += quote
        order.updated = line["time"]
        order.status = "FILLED" if order.leaves == 0 else "PARTIALLY_FILLED"
        account.lock(asset, order.locks()[1] - before)
        sign = 1 if order.side == m.BUY else -1
        account.add(terms.spec.base, sign * quantity * terms.lot)
        account.add(terms.spec.quote, -sign * quote)
        account.add(line["fee_asset"], -fee)
        self.fees[line["fee_asset"]] = self.fees.get(line["fee_asset"], 0) + fee
        self.house.add(terms.spec.base, -sign * quantity * terms.lot)
        self.house.add(terms.spec.quote, sign * quote)
        trade = Trade(
            line["trade_id"],
            order,
            amounts.units(line["price"]) // terms.tick,
            quantity,
            quote,
            fee,
            line["fee_asset"],
            line["maker"],
            line["time"],
        )
        order.trades.append(trade)
        self.trades.setdefault(account.name, []).append(trade)
        if order.status == "FILLED":
            self.forget(order)
