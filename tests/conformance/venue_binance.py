"""Binance spot's words for what the rules of every venue play."""

from __future__ import annotations

from hotpath.order import spell_id
from hotpath.records import Kind
from tests.venues.binance.stage import MS, Stage


class Played(Stage):
    """See played.PlayedVenue."""

    def __init__(self) -> None:
        super().__init__()
        self.failing = False
        self.placed = 0
        self.start()

    def place(self, **more: int) -> int:
        self.placed += 1
        return super().place(price=4_990_000 - self.placed, **more)

    def cancel(self, order: int) -> None:
        self.strategy.cancel(self.market, order)

    def placements(self) -> int:
        return self.methods().count("order.place")

    def acknowledge(self, order: int) -> None:
        self.report(order, "NEW", i=self.placed)

    def refuse(self, order: int) -> None:
        self.error("p" + spell_id(order), -2010, msg="Account has insufficient balance.")

    def doubt(self, order: int) -> None:
        self.error("p" + spell_id(order), -1007, 503)

    def fill(self, order: int, trade: int, lots: int, total: int) -> None:  # type: ignore[override]
        self.report(
            order, "TRADE", X="PARTIALLY_FILLED", i=self.placed, t=trade, L="49900.00",
            l=f"{lots / 10_000:.4f}", z=f"{total / 10_000:.4f}",
        )  # fmt: skip

    def cancelled(self, order: int) -> None:
        done = self.state(order)[3]
        self.report(order, "CANCELED", X="CANCELED", i=self.placed, c="by-cancel",
                    C=spell_id(order), z=f"{done / 10_000:.4f}")  # fmt: skip

    def answer_queries(self, on: bool) -> None:
        self.silent = not on

    def fail_queries(self, on: bool) -> None:
        self.failing = on

    def serve(self) -> None:
        if not getattr(self, "silent", False):
            super().serve()

    def answer(self, id: str, method: str, params: dict[str, object]) -> None:
        if self.failing and method in ("order.status", "allOrders", "openOrders.status"):
            self.error(id, -1007, 504)
        else:
            super().answer(id, method, params)

    def holds(self, order: int) -> None:
        self.open_orders = [self.order(order, orderId=self.placed)]

    def disconnect(self) -> None:
        super().disconnect()
        self.opened = len(self.transport.opens)

    def wait(self, ms: int) -> None:
        end = self.now + ms * MS
        while self.now < end:
            super().wait(min(50, (end - self.now) // MS or 1))
            if len(self.transport.opens) > getattr(self, "opened", 2**31):
                self.opened = 2**31
                self.connect()

    def refusals(self) -> list[int]:
        return [r.control for _, r in self.records(Kind.REFUSED)]
