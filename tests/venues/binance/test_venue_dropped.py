"""An earlier life traded an instrument that is not configured any more: nothing dies of it."""

from __future__ import annotations

from typing import Any

import pytest

from hotpath.book import Book
from hotpath.instrument import Instrument
from hotpath.market import Market
from hotpath.venue import TooMuch
from tests.venues.binance.stage import FEED, VENUE, WORD, Stage

GONE = 1000
"""The number of A0USDT (stage.py)."""


class Both(Stage):
    """An exchange that lists both."""

    def answer(self, id: str, method: str, params: dict[str, Any]) -> None:
        if method == "exchangeInfo":
            listed = [self.metadata | {"symbol": symbol} for symbol in params["symbols"]]
            self.reply(id, {"symbols": listed})
        else:
            super().answer(id, method, params)


def earlier(how: str) -> tuple[Stage, int]:
    """A life in which A0USDT was configured, and its order."""
    stage = Both(others=1)
    spec = Instrument("A0USDT", "0.01", "0.0001", id=GONE, base="A0", quote="USDT",
                      base_asset=1, quote_asset=2)  # fmt: skip
    market = Market(instrument=GONE, spec=spec, name="feed:A0USDT", feed=FEED, venue=VENUE,
                    index=1, slot=4, book=Book(256, 1000))  # fmt: skip
    stage.strategy.add_market(market)
    stage.start()
    stage.tick()
    id = int(stage.strategy.place(market, side=1, price=4_990_000, quantity=100))
    assert stage.methods() == ["order.place"]
    if how != "in doubt":
        stage.report(id, "NEW", s="A0USDT")
    if how == "in part":
        stage.report(id, "TRADE", s="A0USDT", X="PARTIALLY_FILLED", t=7, l="0.0040", z="0.0040",
                     L="49900.00", n="0.001", N="BNB")  # fmt: skip
    if how == "replaced":
        stage.strategy.replace(market, id, side=1, price=4_985_000, quantity=80)
    stage.records()
    return stage, id


@pytest.mark.parametrize("how", ["works", "in doubt", "in part", "replaced"])
def test_what_is_not_configured_is_left_out_and_the_rest_is_traded(how: str) -> None:
    before, gone = earlier(how)
    ours = before.place()
    before.report(ours, "NEW", i=11)
    before.records()
    stage = Stage(history=before.written, begins=before.now)
    stage.open_orders = [
        stage.order(ours, orderId=11), stage.order(gone, symbol="A0USDT", orderId=9)
    ]  # fmt: skip
    stage.tick()
    stage.connect()
    stage.serve()
    stage.wait(70_000)
    assert stage.venue.state == "ready"
    assert stage.venue.unknown_orders == 1
    assert stage.venue.orders.state(gone) is None
    assert stage.state(ours)[:3] == ("NEW", "NONE", "CONFIRMED")
    stage.report(gone, "TRADE", s="A0USDT", X="PARTIALLY_FILLED", t=8, l="0.0010", z="0.0050",
                 L="49900.00", n="0.001", N="BNB")  # fmt: skip
    stage.sent.clear()
    stage.served = 0
    stage.board.write(1, WORD.pack(1))
    stage.wait(200)
    named = {m["params"]["symbol"] for m in stage.sent if "ancel" in m["method"]}
    assert named == {"BTCUSDT"}
    stage.lane.stop(stage.now)
    stage.wait(5_000)  # and no lane dies of it


@pytest.mark.parametrize("number", [65_536, 70_000, 2**32 - 1])
def test_an_instruments_number_beyond_the_table_is_refused(number: int) -> None:
    """The registry gives out 32 bits; it was written behind the table."""
    stage = Stage()
    spec = Instrument("A0USDT", "0.01", "0.0001", id=number)
    with pytest.raises(TooMuch):
        stage.venue.add_listing(spec, views={})
    assert number not in stage.venue.instruments
    stage.venue.add_listing(Instrument("A1USDT", "0.01", "0.0001", id=65_535), views={})
