"""More than a page of orders and trades at the simulated exchange: it lists them as Binance does,
and the venue proves an absence and finds every trade among them."""

from __future__ import annotations

from typing import Any

import pytest

from hotpath import matching as m
from tests.venues.binance.test_venue_judged import LOTS
from tests.venues.binance.test_venue_judged import Stage as Judged
from venues.binance.dialect_access import ApiError
from venues.binance.dialect_methods import DAY_MS, Params
from venues.simulated.core import Refusal

MS = 10**6


class Long(Judged):
    """The account has traded much before, under ids of somebody else."""

    def __init__(self, orders: int) -> None:
        super().__init__(3)
        self.run(1.5)
        exchange = self.wire.exchange
        market, account = exchange.markets["BTCUSDT"], exchange.accounts["us"]
        for n in range(orders):
            side = m.BUY if n % 2 else m.SELL
            price = (self.ask if side == m.BUY else self.bid) * market.terms.tick
            placed = exchange.place(account, market, f"hand-{n}", side, m.LIMIT, m.IOC, price,
                                    100 * market.terms.lot, m.STP_NONE)  # fmt: skip
            assert not isinstance(placed, Refusal), placed
            if n % 10 == 9:
                self.run(0.05)
        self.world.drain(self.wire)

    def listed(self, method: str, **params: Any) -> list[dict[str, Any]]:
        call = getattr(self.wire.dialect.methods, method)
        account = self.wire.exchange.accounts["us"]
        found: list[dict[str, Any]] = call(account, Params({"symbol": "BTCUSDT"} | params))
        return found


def test_the_exchange_lists_as_binance_does() -> None:
    stage = Long(1300)
    ms = stage.world.now // MS
    for method, key, name in (("all_orders", "orderId", "orderId"), ("my_trades", "id", "fromId")):
        whole = stage.listed(method, startTime=1, limit=1000)
        assert len(whole) == 1000
        numbers = [r[key] for r in whole]
        assert numbers == sorted(numbers), "the oldest first"
        assert len(stage.listed(method)) == 500, "half a page where no limit is said"
        newest = stage.listed(method, limit=5)
        assert newest[-1][key] > numbers[-1], "without a start: the newest"
        assert len(stage.listed(method, limit=5000, startTime=1)) == 1000
        more = stage.listed(method, **{name: numbers[-1], "limit": 1000})
        assert more[0][key] == numbers[-1] and more[-1][key] == newest[-1][key]
        assert stage.listed(method, startTime=ms + 1) == []
        with pytest.raises(ApiError, match="24 hours"):
            stage.listed(method, startTime=1, endTime=2 + DAY_MS)
    with pytest.raises(ApiError):
        stage.listed("my_trades", startTime=1, fromId=5)


def test_an_absence_is_proven_and_no_trade_is_lost_among_thousands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = Long(1300)
    assert stage.venue.is_ready()

    def fail(account: Any, p: Params) -> Any:
        raise ApiError(-1007, "Timeout waiting for response from backend server.", 503)

    monkeypatch.setattr(stage.wire.dialect.methods, "place", fail)
    id = stage.pupil.place(stage.market, 1, stage.bid - 100, LOTS // 100)
    stage.run(45)
    assert stage.state(id)["status"] == "REJECTED"
    assert stage.venue.is_ready()
