"""Two-sided post-only quotes around the microprice, skewed by inventory: one file."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from engine.settings import setting
from hotpath.market import Market
from hotpath.records import EventType, Op, OrderType, Side, TimeInForce
from hotpath.strategy import Strategy

COMPENSATED = 2048
"""Effect of a fill that takes the place of a guess (hotpath/order.h, TC_EFFECT_COMPENSATED)."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of market_maker."""

    quantity_lots: Annotated[int, setting("lots", "Size of each quote.", 100, ge=1, le=10**12)] = (
        100
    )
    half_spread_ppm: Annotated[
        int, setting("ppm of the price", "Distance of a quote from the fair price.", 300, ge=1)
    ] = 300
    skew_ppm: Annotated[
        int,
        setting(
            "ppm of the price", "How far a full inventory moves the fair price away.", 150, ge=0
        ),
    ] = 150
    max_inventory_lots: Annotated[
        int, setting("lots", "Inventory at which the side that adds to it stops.", 1000, ge=1)
    ] = 1000
    requote_ppm: Annotated[
        int, setting("ppm of the price", "A quote closer than this to its aim stays.", 60, ge=1)
    ] = 60


class MarketMaker(Strategy):
    """Keeps at most one order on each side of its first market."""

    def set_up(self, setup: Any) -> None:
        """Once for all lives in place: a restart after an exception forgets no order."""
        self.quotes: dict[int, tuple[int, int]] = {}  # side -> (order id, price)
        self.strays: list[int] = []  # orders of an earlier life beside them
        self.leaving: set[int] = set()  # orders whose cancel was asked for
        self.inventory = 0

    def restore(self, document: dict[str, Any]) -> None:
        """Go on with the inventory of an earlier life, and withdraw what it left quoted."""
        market = self.markets[0]
        self.inventory = document["net"].get(str(market.instrument), 0)
        for order in document["orders"]:
            id, side = int(order["id"], 16), order["side"]
            if order["instrument"] == market.instrument and side not in self.quotes:
                self.quotes[side] = (id, 0)  # its price is not told: far from any aim
            elif order["instrument"] == market.instrument:
                self.strays.append(id)

    def on_book(self, market: Market) -> None:
        """Quote around the fair price while the book is valid; withdraw when it is not."""
        for order in self.strays:
            self.withdraw(market, order)
        if not market.is_valid or not market.bid_quantity or not market.ask_quantity:
            for order, _ in list(self.quotes.values()):
                self.withdraw(market, order)
            self.skip("book invalid", market=market.name)
            return
        s = self.settings
        skew = s.skew_ppm * self.inventory / s.max_inventory_lots
        fair = market.microprice * (1 - skew / 1e6)
        bid = min(int(fair * (1 - s.half_spread_ppm / 1e6)), market.best_ask - 1)
        ask = max(int(fair * (1 + s.half_spread_ppm / 1e6)) + 1, market.best_bid + 1)
        self.quote(market, Side.BUY, bid, self.inventory < s.max_inventory_lots)
        self.quote(market, Side.SELL, ask, self.inventory > -s.max_inventory_lots)

    def quote(self, market: Market, side: int, price: int, wanted: bool) -> None:
        """Bring one side to `price`: keep it when close, else cancel and place again."""
        if side in self.quotes:
            order, at = self.quotes[side]
            if wanted and abs(price - at) * 1_000_000 <= self.settings.requote_ppm * at:
                self.skip("quote close enough", side=int(side), price=price, at=at)
                return
            self.withdraw(market, order)
        elif wanted and price > 0:
            order = self.place(
                market,
                side,
                price,
                self.settings.quantity_lots,
                type=OrderType.POST_ONLY,
                time_in_force=TimeInForce.GTC,
            )
            self.quotes[side] = (order, price)
        elif not wanted:
            self.skip("inventory at its limit", side=int(side), inventory=self.inventory)

    def withdraw(self, market: Market, order: int) -> None:
        """Ask for the cancel, once; the side is free again when the venue says so."""
        if order not in self.leaving:
            self.leaving.add(order)
            self.cancel(market, order)

    def on_order(self, event: Any) -> None:
        if event.is_terminal:
            self.forget(event.id)
        elif event.type == EventType.CANCEL_REJECTED:
            self.leaving.discard(event.id)  # it may be asked for again

    def on_refused(self, refusal: Any) -> None:
        """A placement that was refused is over; a cancel that was leaves its order as it is."""
        if refusal.op == Op.PLACE:
            self.forget(refusal.id)
        else:
            self.leaving.discard(refusal.id)

    def forget(self, order: int) -> None:
        """The order is over: its side may quote again."""
        self.leaving.discard(order)
        self.strays = [known for known in self.strays if known != order]
        self.quotes = {side: q for side, q in self.quotes.items() if q[0] != order}

    def on_fill(self, fill: Any) -> None:
        if fill.is_terminal:
            self.forget(fill.id)
        if fill.effect & COMPENSATED:
            return  # it takes the place of a fill that was booked before its trade was known
        self.inventory += fill.quantity if fill.side == Side.BUY else -fill.quantity
