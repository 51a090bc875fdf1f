"""A strategy of a test: many orders far from the market, placed again whenever they are gone."""

from __future__ import annotations

from typing import Any

from hotpath.market import Market
from hotpath.records import OrderType, Side, TimeInForce
from hotpath.strategy import Strategy

RUNGS, A_TURN = 250, 5
LOTS = 20
FIRST_PPM, STEP_PPM = 4_000, 20
REST_NS = 200_000_000


class Ladder(Strategy):
    """Keeps RUNGS bids under each market, none of them near enough to trade."""

    def on_start(self) -> None:
        self.open: dict[int, tuple[int, int]] = {}  # order: (instrument, rung)
        self.free: dict[int, list[int]] = {}
        self.not_before = 0

    def on_book(self, market: Market) -> None:
        if not market.is_valid or not market.bid_quantity or self.now < self.not_before:
            return
        free = self.free.setdefault(market.instrument, list(range(RUNGS)))
        for rung in free[:A_TURN]:
            price = market.best_bid * (1_000_000 - FIRST_PPM - STEP_PPM * rung) // 1_000_000
            order = self.place(
                market,
                Side.BUY,
                price,
                LOTS,
                type=OrderType.POST_ONLY,
                time_in_force=TimeInForce.GTC,
            )
            self.open[order] = market.instrument, rung
        del free[:A_TURN]

    def on_order(self, event: Any) -> None:
        if event.is_terminal:
            self.forget(event.id)

    def on_refused(self, refusal: Any) -> None:
        self.not_before = self.now + REST_NS
        self.forget(refusal.id)

    def forget(self, order: int) -> None:
        instrument, rung = self.open.pop(order, (0, 0))
        if instrument:
            self.free[instrument].append(rung)
