"""Listings longer than a page: read to their end, or they prove nothing."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from hotpath.order import spell_id
from tests.venues.binance.stage import MS, Stage
from venues.binance.pages import DAY_MS, PAGE, Walk

HOUR_MS = 3_600_000


class Shelf:
    """What a venue holds, listed as it lists: by number or by time, a day and a page at most."""

    def __init__(self, rows: list[tuple[int, int]]) -> None:
        self.rows = sorted(rows)  # number, time in ms
        self.asked: list[dict[str, Any]] = []

    def page(self, params: dict[str, Any], number: str) -> list[int]:
        self.asked.append(params)
        limit = min(params.get("limit", 500), 1000)
        if number in params:
            assert "startTime" not in params, "number and time do not go together"
            return [n for n, _ in self.rows if n >= params[number]][:limit]
        start, end = params.get("startTime", 0), params.get("endTime", 2**62)
        assert end - start <= DAY_MS or "endTime" not in params
        return [n for n, ms in self.rows if start <= ms <= end][:limit]


@pytest.mark.parametrize("seed", range(40))
def test_every_row_since_the_start_is_seen_once_and_the_end_is_known(seed: int) -> None:
    draw = Random(seed)
    now_ms = 10 * DAY_MS
    count = draw.choice([0, 1, 3, 999, 1000, 1001, 1998, 1999, 2500])
    span = draw.choice([HOUR_MS, DAY_MS, 4 * DAY_MS, 8 * DAY_MS])
    times = sorted(now_ms - draw.randrange(span) for _ in range(count))
    numbers = sorted(draw.sample(range(1, 10**6), count))
    shelf = Shelf(list(zip(numbers, times, strict=True)))
    start = now_ms - draw.choice([HOUR_MS, DAY_MS, 8 * DAY_MS])
    method, number = draw.choice([("allOrders", "orderId"), ("myTrades", "fromId")])
    walk = Walk(method, "S", now_ms * MS, start_ms=start)  # type: ignore[arg-type]
    seen: set[int] = set()
    for _ in range(30):
        found = shelf.page(walk.question(now_ms * MS), number)
        said = walk.take(found, len(found))
        seen |= set(found)
        if said != "more":
            break
    assert said == "end"
    assert {n for n, ms in shelf.rows if ms >= start} <= seen
    assert all(p["limit"] == PAGE for p in shelf.asked)


def full(first: int = 1) -> list[int]:
    return list(range(first, first + PAGE))


@pytest.mark.parametrize(
    ("pages", "ends"),
    [
        ([full(), full(PAGE), [2 * PAGE - 1]], "end"),
        ([full(), full(PAGE + 1)], "broken"),  # the row both pages share is not there
        ([full(), []], "broken"),
        ([[3, 2, 1]], "broken"),
        ([[1, 1]], "broken"),
        ([[]], "end"),
    ],
)
def test_pages_that_do_not_continue_each_other_are_no_listing(
    pages: list[list[int]], ends: str
) -> None:
    walk = Walk("myTrades", "S", 0, start_ms=0)
    said = ["more"] * (len(pages) - 1) + [ends]
    assert [walk.take(page, len(page)) for page in pages] == said


def test_a_row_that_could_not_be_read_breaks_the_listing() -> None:
    assert Walk("allOrders", "S", 0).take([1, 2], 3) == "broken"


# ---- the venue ---------------------------------------------------------------------------


class Many(Stage):
    """An exchange with a long history, which it lists as the real one does."""

    def __init__(self, orders: int = 0, trades: int = 0) -> None:
        super().__init__()
        ms = self.now // MS
        self.history: list[dict[str, Any]] = [
            {"symbol": "BTCUSDT", "orderId": 1000 + n, "clientOrderId": f"other-{n}",
             "price": "1.00", "origQty": "1.0000", "executedQty": "0.0000", "status": "CANCELED",
             "timeInForce": "GTC", "type": "LIMIT", "side": "BUY", "time": ms, "updateTime": ms}
            for n in range(orders)
        ]  # fmt: skip
        self.fills: list[dict[str, Any]] = [
            {"symbol": "BTCUSDT", "id": 1 + n, "orderId": 1, "price": "1.00", "qty": "0.0001",
             "commission": "0", "commissionAsset": "USDT", "time": ms, "isBuyer": True,
             "isMaker": True}
            for n in range(trades)
        ]  # fmt: skip
        self.orders["other"] = {
            "symbol": "BTCUSDT", "orderId": 1, "clientOrderId": "other", "price": "1.00",
            "origQty": "1.0000", "executedQty": "1.0000", "status": "FILLED", "timeInForce": "GTC",
            "type": "LIMIT", "side": "BUY", "time": ms, "updateTime": ms,
        }  # fmt: skip
        self.pages = 0
        self.drop: Callable[[list[dict[str, Any]]], list[dict[str, Any]]] = lambda rows: rows

    def answer(self, id: str, method: str, params: dict[str, Any]) -> None:
        if method not in ("allOrders", "myTrades"):
            return super().answer(id, method, params)
        self.pages += 1
        rows, key, name = (
            (self.history, "orderId", "orderId") if method == "allOrders" else
            (self.fills, "id", "fromId")
        )  # fmt: skip
        if method == "myTrades" and "orderId" in params:
            rows = [r for r in rows if r["orderId"] == params["orderId"]]
        rows = sorted(rows, key=lambda r: int(r[key]))
        if "startTime" in params:
            rows = [r for r in rows if r["time"] >= params["startTime"]]
        elif name in params:
            rows = [r for r in rows if r[key] >= params[name]]
        self.reply(id, self.drop(rows[: min(params.get("limit", 500), 1000)]))
        return None


def lost(stage: Stage) -> int:
    """A placement without an answer."""
    id = stage.place()
    stage.error("p" + spell_id(id), -1007)
    return id


@pytest.mark.parametrize("orders", [999, 1000, 1001, 2600])
def test_absence_is_proven_among_more_orders_than_a_page_holds(orders: int) -> None:
    stage = Many(orders)
    stage.start()
    id = lost(stage)
    stage.wait(40_000)
    assert stage.state(id)[0] == "REJECTED"
    asked = [m["params"] for m in stage.sent if m["method"] == "allOrders"]
    assert len(asked) == (orders - 2) // (PAGE - 1) + 1 + (orders in (1000,))
    assert all(p["limit"] == PAGE for p in asked)


@pytest.mark.parametrize("at", [0, 998, 999, 1000, 1001, 2599])
def test_an_order_on_any_page_of_the_history_is_found(at: int) -> None:
    stage = Many(2600)
    stage.start()
    id = lost(stage)
    stage.history[at]["clientOrderId"] = spell_id(id)
    stage.history[at]["status"] = "NEW"
    stage.wait(40_000)
    assert stage.state(id) == ("NEW", "NONE", "CONFIRMED", 0)


def test_a_history_with_a_hole_between_two_pages_proves_nothing() -> None:
    stage = Many(1500)
    stage.start()
    id = lost(stage)
    stage.drop = lambda rows: rows if len(rows) == PAGE else rows[1:]
    stage.wait(60_000)
    assert stage.state(id)[::2] == ("PENDING_NEW", "UNKNOWN")
    stage.drop = lambda rows: rows
    stage.wait(30_000)
    assert stage.state(id)[0] == "REJECTED"


def test_a_page_of_the_history_that_is_lost_is_asked_again() -> None:
    stage = Many(1500)
    stage.start()
    id = lost(stage)
    dropped: list[str] = []
    answer = stage.answer

    def lose(name: str, method: str, params: dict[str, Any]) -> None:
        if method == "allOrders" and "orderId" in params and not dropped:
            dropped.append(name)
            return
        answer(name, method, params)

    stage.answer = lose  # type: ignore[method-assign]
    stage.wait(80_000)
    assert dropped and stage.state(id)[0] == "REJECTED"


@pytest.mark.parametrize("trades", [999, 1000, 1001, 3100])
def test_the_gate_opens_after_the_last_page_of_trades(trades: int) -> None:
    stage = Many(trades=trades)
    stage.start()
    assert stage.venue.reconciled
    assert stage.pages == 1 + (trades >= PAGE) * max(1, -(-(trades - PAGE) // (PAGE - 1)))


def test_pages_of_trades_with_a_hole_keep_the_gate_closed() -> None:
    stage = Many(trades=1500)
    stage.drop = lambda rows: rows if len(rows) == PAGE else rows[1:]
    stage.tick()
    stage.connect()
    stage.wait(5_000)
    assert stage.venue.state == "reconciling" and not stage.venue.reconciled
    stage.drop = lambda rows: rows
    stage.wait(3_000)
    assert stage.venue.state == "ready"


def test_all_trades_of_one_order_are_read() -> None:
    """A thousand and more of them, missed by the stream and told only by its status."""
    stage = Many()
    stage.start()
    id = stage.place(quantity=1200)
    stage.report(id, "NEW", q="0.1200")
    stage.fills = [
        {"symbol": "BTCUSDT", "id": n, "orderId": 9, "price": "49900.00", "qty": "0.0001",
         "commission": "0", "commissionAsset": "USDT", "time": stage.now // MS, "isBuyer": True,
         "isMaker": True} for n in range(1, 1201)
    ]  # fmt: skip
    stage.order(id, "FILLED", executedQty="0.1200", origQty="0.1200")
    stage.wait(12_000)
    assert stage.state(id) == ("FILLED", "NONE", "CONFIRMED", 1200)
    assert stage.venue.guesses == 0


def test_a_long_listing_waits_for_the_budget_and_goes_on() -> None:
    """A page that the budget of the minute keeps back is asked in the next one; the comparison
    does not begin anew, so it comes to an end."""
    stage = Many(trades=4 * PAGE)
    stage.tick()
    stage.connect()
    for n in range(295):  # most of the minute's budget is spent already
        stage.venue.ask(f"z{n}", "account.status", {})
    stage.wait(30_000)
    assert stage.venue.state == "reconciling"
    for _ in range(50):
        stage.wait(1_000)
        if stage.venue.state == "ready":
            break
    assert stage.venue.reconciled
    firsts = [m for m in stage.sent if m["method"] == "myTrades" and "startTime" in m["params"]]
    assert len(firsts) == 1
