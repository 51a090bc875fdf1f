"""More instruments than one minute's weight compares, and symbols that the venue does not know:
the gate opens all the same, and an order of unknown outcome does not wait for what is periodic."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from engine.trouble import in_words
from hotpath.order import spell_id
from hotpath.records import Kind
from tests.venues.binance.stage import MS, S, Stage

WEIGHTS = {"openOrders.status": 6, "order.status": 4, "myTrades": 20, "allOrders": 20,
           "account.status": 20, "exchangeInfo": 20}  # fmt: skip


class Counted(Stage):
    """An exchange that counts what it is asked, minute by minute, as the real one does."""

    def __init__(self, others: int, **more: Any) -> None:
        self.weights: Counter[int] = Counter()
        self.asked: list[tuple[int, str, dict[str, Any]]] = []
        self.unknown: set[str] = set()
        super().__init__(others=others, **more)

    def answer(self, id: str, method: str, params: dict[str, Any]) -> None:
        if method.startswith("order.") and method != "order.status":
            return  # the test says what becomes of orders
        weight = WEIGHTS.get(method, 2)
        if method == "openOrders.status" and "symbol" not in params:
            weight = 80
        self.weights[self.now // (60 * S)] += weight
        assert self.weights[self.now // (60 * S)] <= 6000, "it would ban us"
        self.asked.append((self.now, method, params))
        named = {params.get("symbol"), *params.get("symbols", ())}
        if named & self.unknown:
            self.error(id, -1121, msg="Invalid symbol.")
        elif method == "exchangeInfo":
            rows = [self.metadata | {"symbol": name} for name in params["symbols"]]
            self.reply(id, {"symbols": rows})
        else:
            super().answer(id, method, params)

    def symbols(self, method: str) -> Counter[str]:
        return Counter(p["symbol"] for _, m, p in self.asked if m == method and "symbol" in p)

    def to_the_next_minute(self) -> None:
        self.wait((60 - self.now // S % 60) * 1000)


@pytest.mark.parametrize("count", [240, 300, 512])
def test_a_comparison_longer_than_a_minutes_weight_goes_on_where_it_stopped(count: int) -> None:
    stage = Counted(count - 1)
    stage.tick()
    stage.connect()
    began = stage.now
    while stage.venue.state != "ready":
        stage.wait(50)
        assert stage.now - began < 180 * S, f"{len(stage.venue.outstanding)} questions lack"
    once = stage.symbols("myTrades")
    assert len(once) == count and set(once.values()) == {1}
    asked = next(p for _, m, p in stage.asked if m == "openOrders.status")
    assert "symbol" not in asked


@pytest.mark.parametrize(("count", "wide"), [(1, 0), (13, 0), (14, 1)])
def test_open_orders_are_asked_for_in_one_list_where_that_weighs_less(
    count: int, wide: int
) -> None:
    stage = Counted(count - 1)
    stage.start()
    stage.wait(5_100)
    asked = [p.get("symbol") for _, m, p in stage.asked if m == "openOrders.status"]
    assert asked.count(None) == 2 * wide
    assert len(asked) == (2 if wide else 2 * count)


def test_a_list_of_all_open_orders_that_is_too_long_is_asked_for_by_symbol() -> None:
    stage = Counted(13)
    right = stage.answer

    def answer(id: str, method: str, params: dict[str, Any]) -> None:
        if method == "openOrders.status" and "symbol" not in params:
            rows = [stage.order(n, orderId=n, clientOrderId=f"x{n}") for n in range(1, 8194)]
            stage.orders.clear()
            stage.reply(id, rows)
        else:
            right(id, method, params)

    stage.answer = answer  # type: ignore[method-assign]
    stage.tick()
    stage.connect()
    stage.wait(15_000)
    assert stage.venue.state == "ready"
    assert len(stage.symbols("openOrders.status")) == 14


def test_an_order_of_ours_that_the_list_of_all_does_not_show_is_asked_for() -> None:
    stage = Counted(20)
    stage.start()
    ids = [stage.place(price=4_990_000 - k) for k in range(2)]
    for k, id in enumerate(ids):
        stage.report(id, "NEW", i=9 + k)
    stage.open_orders = [stage.order(ids[0], orderId=9)]
    stage.order(ids[1], "CANCELED", orderId=10)
    stage.wait(6_000)
    assert stage.state(ids[0])[0] == "NEW"
    assert stage.state(ids[1]) == ("CANCELED", "NONE", "CONFIRMED", 0)
    assert stage.symbols("order.status") == {"BTCUSDT": 1}


@pytest.mark.parametrize("count", [84, 100, 400])
def test_an_order_whose_outcome_is_unknown_is_asked_for_on_time(count: int) -> None:
    """After 45 s of a minute in which all that is periodic took what it may."""
    stage = Counted(count - 1)
    stage.tick()
    stage.connect()
    while stage.venue.state != "ready":
        stage.wait(1000)
    stage.to_the_next_minute()
    stage.wait(45_000)
    id = stage.place()
    stage.asked.clear()
    told = stage.now
    stage.error("p" + spell_id(id), -1007, status=500)
    stage.wait(11_000)
    assert stage.state(id)[0] == "REJECTED", "absent, as soon as that can be proven"
    at = [(now - told) // MS for now, m, _ in stage.asked if m == "order.status"]
    for due in (100, 300, 1000, 3000, 10_000):
        assert any(due <= ms <= due + 100 for ms in at), (due, at)


def test_all_instruments_have_their_turn_and_no_time_is_left_unread() -> None:
    """What the weight of a minute does not read is read in the next, from where it was left."""
    stage = Counted(299)
    stage.tick()
    stage.connect()
    while stage.venue.state != "ready":
        stage.wait(1000)
    stage.wait(240_000)
    turns: dict[str, list[tuple[int, int]]] = {}
    for now, method, params in stage.asked:
        if method == "myTrades":
            turns.setdefault(params["symbol"], []).append((now // MS, params["startTime"]))
    assert len(turns) == 300
    for symbol, found in turns.items():
        assert len(found) >= 3, symbol
        for (before, _), (now, start) in pairwise(found):
            assert start <= before - 30_000, "with overlap"
            assert now - before <= 130_000, symbol


def test_a_reconnect_reads_each_instrument_from_its_own_oldest_order() -> None:
    stage = Counted(3)
    stage.start()
    id = stage.place()
    stage.report(id, "NEW")
    stage.open_orders = [stage.order(id)]
    made = stage.now // MS
    stage.wait(3_600_000)
    stage.disconnect()
    stage.asked.clear()
    began = stage.now // MS
    stage.wait(1_000)
    stage.connect()
    stage.wait(1_000)
    starts = {p["symbol"]: p["startTime"] for _, m, p in stage.asked if m == "myTrades"}
    assert starts["BTCUSDT"] <= made - 59_000
    assert all(starts[f"A{k}USDT"] >= began - 3_700_000 for k in range(3))


# ---- symbols that the venue does not know


def coded(stage: Stage) -> str:
    said = in_words("venue", stage.venue.trouble)
    return "" if said is None else str(said)


def test_one_delisted_symbol_is_halted_and_told_and_the_others_trade() -> None:
    stage = Counted(1)
    stage.unknown = {"A0USDT"}
    stage.tick()
    stage.connect()
    stage.wait(2_000)
    assert stage.venue.state == "ready" and stage.venue.gone == {1000}
    assert "TCL-5217" in coded(stage) and "A0USDT" in coded(stage)
    assert "BTCUSDT" not in coded(stage)
    stage.place()
    assert stage.methods()[-1] == "order.place" and not stage.records(Kind.REFUSED)
    stage.asked.clear()
    stage.wait(60_000)
    assert "A0USDT" not in stage.symbols("myTrades") | stage.symbols("openOrders.status")


@pytest.mark.parametrize("unknown", [{"A0USDT"}, {"A19USDT"}, {"A3USDT", "A4USDT", "A11USDT"}])
def test_which_symbol_the_metadata_do_not_know_is_found_by_halves(unknown: set[str]) -> None:
    """The error does not say which; their other lists are answered."""
    stage = Counted(20)
    right = stage.answer

    def answer(id: str, method: str, params: dict[str, Any]) -> None:
        stage.unknown = unknown if method == "exchangeInfo" else set()
        right(id, method, params)

    stage.answer = answer  # type: ignore[method-assign]
    stage.tick()
    stage.connect()
    stage.wait(3_000)
    assert stage.venue.state == "ready"
    assert {f"A{n - 1000}USDT" for n in stage.venue.gone} == unknown
    assert sum(m == "exchangeInfo" for _, m, _ in stage.asked) <= 10 * len(unknown) + 1


def test_a_symbol_that_goes_while_it_trades_is_halted_and_one_that_comes_back_is_read() -> None:
    stage = Counted(1, full_s=60)
    stage.start()
    stage.unknown = {"BTCUSDT"}
    stage.wait(70_000)
    assert stage.venue.gone == {100} and stage.venue.state == "ready"
    assert "BTCUSDT" in coded(stage)
    stage.place()
    assert [r.control for _, r in stage.records(Kind.REFUSED)] == [2]
    stage.unknown = set()
    stage.asked.clear()
    stage.wait(70_000)
    assert stage.venue.gone == set() and stage.venue.trouble is None
    assert stage.venue.state == "ready" and stage.symbols("myTrades")["BTCUSDT"]
    stage.place()
    assert stage.methods()[-1] == "order.place" and not stage.records(Kind.REFUSED)


def test_live_orders_on_a_symbol_that_is_gone_do_not_keep_the_gate_shut() -> None:
    """Nothing is known of them: they stay as they are, at their worst, and the others trade."""
    stage = Counted(1)
    stage.start()
    id = stage.place()
    stage.report(id, "NEW")
    stage.disconnect()
    stage.unknown = {"BTCUSDT"}
    stage.wait(500)
    stage.connect()
    stage.wait(3_000)
    assert stage.venue.state == "ready" and stage.venue.gone == {100}
    assert stage.state(id) == ("NEW", "NONE", "CONFIRMED", 0)
    assert stage.venue.orders.live == 1


def test_nothing_worse_is_hidden_by_an_unknown_symbol() -> None:
    stage = Counted(1)
    stage.unknown = {"A0USDT"}
    stage.tick()
    stage.connect()
    stage.wait(2_000)
    stage.error("p" + spell_id(stage.place()), -1003, status=418)
    assert "TCL-5211" in coded(stage)
    stage.wait(61_000)
    assert "TCL-5217" in coded(stage), "and it is told again after the ban"
