"""The exchange without I/O: takes (time, input), changes its books and balances, tells observers.

Time is given by the caller and never read; randomness is seeded; timers fire in `advance`. Ledger
lines collect in `lines` and must be written before anything else this turn made leaves.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from enum import Enum
from random import Random
from typing import Any, Protocol

import orjson

from hotpath import matching as m
from venues.simulated import amounts
from venues.simulated.accounts import (
    COUNTED,
    FORCES,
    MOST_TICKS,
    PREVENTIONS,
    SIDES,
    TYPES,
    Account,
    MarketTerms,
    Order,
    Trade,
)
from venues.simulated.market import Book, Market, PublicTrade
from venues.simulated.recovery import recover
from venues.simulated.spec import ExchangeSpec

ID_BLOCK = 1_000_000  # numbers are reserved in the ledger this many at a time
KEPT_CLOSED = 200_000  # closed orders, and trades of an account, kept in memory for queries


class Refusal(Enum):
    """Why an order was not taken."""

    PRICE_TICK = "price is not a whole number of ticks"
    PRICE_RANGE = "price is not positive"
    PRICE_MOST = "price is above the most"
    LOT = "quantity is not a whole number of lots"
    QUANTITY = "quantity is below the least or above the most"
    NOTIONAL = "price x quantity is below the least"
    BALANCE = "insufficient balance"
    DUPLICATE = "an open order has this client id"
    WOULD_TAKE = "post-only, and it would trade at once"
    UNKNOWN = "no such open order"
    ORDERED = "refused on demand (fault)"
    NO_CHANGE = "an amendment must reduce the quantity"


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
        self.named: dict[tuple[str, str], Order] = {}  # the latest by account and client id
        self.trades: dict[str, deque[Trade]] = {}  # by account
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
        self.race: Callable[[Order], float] = lambda order: 0.0
        recover(self, history)

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
            if price > MOST_TICKS * terms.tick:
                return Refusal.PRICE_MOST
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
            refusal = self.affordable(account, market, side, type_, ticks, lots, prevention)
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
        self,
        account: Account,
        market: Market,
        side: int,
        type_: int,
        ticks: int,
        lots: int,
        prevention: int,
    ) -> Refusal | None:
        terms = market.terms
        if side == m.SELL:
            enough = account.free.get(terms.spec.base, 0) >= lots * terms.lot
        else:
            if type_ == m.MARKET:
                need, left = 0, lots
                for price, total in self.offered(account, market, m.SELL, prevention):
                    need += terms.quote_of(price, min(left, total))
                    left -= min(left, total)
                    if left == 0:
                        break
            else:
                need = terms.quote_of(ticks, lots)
            enough = account.free.get(terms.spec.quote, 0) >= need
        return None if enough else Refusal.BALANCE

    def offered(
        self, account: Account, market: Market, side: int, prevention: int
    ) -> list[tuple[int, int]]:
        """[(ticks, lots)] of `side`, best first, that an order of this account would trade with:
        not its own orders where they expire in the match."""
        book = market.book
        if prevention == m.STP_MAKER and isinstance(book, m.Matching):
            return [
                (price, leaves)
                for _, owner, price, leaves in book.queue(side)
                if owner != account.number
            ]
        return book.levels(side)

    def open_order(self, order: Order) -> None:
        self.orders[order.order_id] = order
        order.account.open[order.client_id] = order
        self.named[order.account.name, order.client_id] = order
        asset, amount = order.locks()
        order.account.lock(asset, amount)
        self.touch(order.account, asset)

    def cancel(self, order: Order, cancel_client_id: str = "") -> Refusal | None:
        """Withdraw an open order; UNKNOWN when it is over, or a taker was faster."""
        if order.order_id not in self.orders:
            return Refusal.UNKNOWN
        market = self.markets[order.market.symbol]
        if isinstance(market.book, m.Matching) and (share := self.race(order)):
            self.strike(market, market.book, order, share)
            if order.order_id not in self.orders:
                return Refusal.UNKNOWN
        order.cancel_client_id = cancel_client_id
        market.book.withdraw(order.order_id)
        self.settle(market)
        return None

    def strike(self, market: Market, book: m.Matching, order: Order, share: float) -> None:
        """A taker fills this share of what is left of a resting order (a lot at least), and all
        that stands before it."""
        ahead = 0
        for resting, _, _, leaves in book.queue(order.side):
            if resting == order.order_id:
                break
            ahead += leaves
        else:
            return  # it does not rest
        lots = ahead + max(1, int(order.leaves * share))
        taker = m.SELL if order.side == m.BUY else m.BUY
        book.submit(self.number("order"), 0, taker, order.price, lots, m.LIMIT, m.IOC)
        self.settle(market)

    def amend(self, order: Order, quantity: int, client_id: str) -> Refusal | None:
        """Reduce the total quantity (1e-8 units) of an open order; its priority is kept."""
        if order.order_id not in self.orders:
            return Refusal.UNKNOWN
        refusal = self.check(order.market, order.type, order.price * order.market.tick, quantity)
        if refusal is not None:
            return refusal
        lots = quantity // order.market.lot
        if not order.executed < lots < order.quantity:
            return Refusal.NO_CHANGE
        account = order.account
        if account.open.get(client_id, order) is not order:
            return Refusal.DUPLICATE
        asset, before = order.locks()
        order.quantity = lots
        account.lock(asset, order.locks()[1] - before)
        self.rename(order, client_id)
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
        return self.named.get((account.name, client_id or ""))

    def rename(self, order: Order, client_id: str) -> None:
        """An amended order goes by its amendment's client id; the old one still finds it."""
        del order.account.open[order.client_id]
        order.cancel_client_id, order.client_id = order.client_id, client_id
        order.account.open[client_id] = order
        self.named[order.account.name, client_id] = order

    def deposit(self, name: str, balances: dict[str, str]) -> Account:
        account = Account(name, len(self.accounts) + 1)
        for asset, amount in balances.items():
            account.add(asset, amounts.units(amount))
        self.accounts[name] = account
        return account

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
        self.keep(trade)
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
            _, old = self.closed.popitem(last=False)
            for name in (old.client_id, old.cancel_client_id):
                if self.named.get((old.account.name, name)) is old:
                    del self.named[old.account.name, name]

    def keep(self, trade: Trade) -> None:
        trade.order.trades.append(trade)
        mine = self.trades.setdefault(trade.order.account.name, deque(maxlen=KEPT_CLOSED))
        mine.append(trade)

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
