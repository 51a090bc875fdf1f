"""A symbol is the same however JSON spells it: Binance lists Chinese ones, and escapes are JSON."""

from __future__ import annotations

import json
from typing import Any

import orjson

from tests.venues.binance.stage import MS, Stage


class Escaped(Stage):
    """All it says is spelled so: \\u0042TCUSDT."""

    def say(self, message: dict[str, Any] | bytes) -> None:
        raw = message if isinstance(message, bytes) else orjson.dumps(message)
        text = json.dumps(orjson.loads(raw)).replace('"BTCUSDT"', '"\\u0042TC\\u0055SDT"')
        super().say(text.encode())


def trade(stage: Stage, number: int, order: int) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT", "id": number, "orderId": order, "price": "49900.00", "qty": "0.0010",
        "commission": "0", "commissionAsset": "BNB", "time": stage.now // MS, "isBuyer": True,
        "isMaker": True,
    }  # fmt: skip


def test_a_trade_in_a_list_counts_however_its_symbol_is_spelled() -> None:
    stage = Escaped()
    stage.start()
    id = stage.place()
    stage.report(id, "NEW")
    stage.fill(id, 7, "0.0040", "0.0040")
    stage.open_orders = [stage.order(id, "PARTIALLY_FILLED", executedQty="0.0040")]
    stage.trades = [trade(stage, 8, 9)]
    stage.wait(40_000)
    assert stage.state(id) == ("PARTIALLY_FILLED", "NONE", "CONFIRMED", 50)
    assert (stage.venue.external, stage.venue.rejected) == (0, 0)


def test_an_order_of_a_life_before_is_adopted_however_its_symbol_is_spelled() -> None:
    first = Stage()
    first.start()
    id = first.place()
    first.report(id, "NEW")
    stage = Escaped()
    stage.open_orders = [first.order(id)]
    stage.start()
    assert stage.venue.adopted == 1
    assert stage.state(id) == ("NEW", "NONE", "CONFIRMED", 0)
