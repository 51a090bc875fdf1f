"""Orders on the account that are not ours: counted in limits, told, and left alone (8.4)."""

from __future__ import annotations

from typing import Any

import pytest

from hotpath.records import Kind
from tests.venues.binance.stage import MS, VENUE_LIMITS, Stage

HAND = "web_abc"


def by_hand(stage: Stage, number: int = 31, **more: Any) -> dict[str, Any]:
    """As a list of open orders shows it."""
    return stage.order(1) | {"clientOrderId": HAND, "orderId": number} | more


def told(stage: Stage) -> list[dict[str, Any]]:
    """What the venue's stream says of them, in order."""
    documents = [r.document for _, r in stage.records(Kind.DOCUMENT)]
    return [d["external"] for d in documents if "external" in d]


def reported(stage: Stage, execution: str, number: int = 31, **more: Any) -> None:
    stage.report(1, execution, **{"c": HAND, "i": number} | more)


def started(*shown: dict[str, Any]) -> Stage:
    stage = Stage()
    stage.open_orders = list(shown)
    stage.start()
    return stage


def exposure(stage: Stage) -> tuple[int, int, int, int]:
    """(position, open buys, open sells) in lots, and open orders."""
    found = stage.venue.gate.exposure(100)
    assert found is not None
    return found


def test_what_is_open_at_the_start_takes_its_part_of_the_limits() -> None:
    stage = Stage()
    stage.open_orders = [
        by_hand(stage, executedQty="0.0040", status="PARTIALLY_FILLED"),
        by_hand(stage, 32, side="SELL", price="50100.00"),
    ]
    stage.start()
    assert exposure(stage) == (0, 60, 100, 2)
    assert stage.venue.gate.open_notional == (60 * 499 + 100 * 501) * 10**6
    assert stage.venue.orders.used == 0 and stage.venue.external == 2


def test_each_change_is_a_document_and_nothing_is_canceled() -> None:
    stage = started()
    reported(stage, "NEW")
    assert exposure(stage) == (0, 100, 0, 1)
    reported(stage, "TRADE", X="PARTIALLY_FILLED", t=7, l="0.0030", z="0.0030", L="49900.00")
    assert exposure(stage) == (0, 70, 0, 1)
    reported(stage, "CANCELED", X="CANCELED", z="0.0030")
    assert exposure(stage) == (0, 0, 0, 0)
    said = [
        (d["order"], d["client_id"], d["side"], d["executed"], d["status"]) for d in told(stage)
    ]
    assert said == [
        (31, HAND, "buy", "0", "NEW"),
        (31, HAND, "buy", "0.0030", "PARTIALLY_FILLED"),
        (31, HAND, "buy", "0.0030", "CANCELED"),
    ]
    assert stage.methods() == []


def test_our_order_is_refused_where_theirs_fill_the_limit() -> None:
    stage = started()
    limits = VENUE_LIMITS | {"open_orders": 1}
    stage.venue.gate.set_limits(version=2, mode="simulation", **limits)
    reported(stage, "NEW")
    stage.place()
    [refused] = [r for _, r in stage.records(Kind.REFUSED)]
    assert (refused.control, refused.value, refused.input[2]) == (8, 1, 1)
    reported(stage, "CANCELED", X="CANCELED")
    stage.place()
    assert stage.methods() == ["order.place"]


def test_one_that_a_list_shows_no_more_is_over() -> None:
    stage = Stage()
    stage.open_orders = [by_hand(stage), by_hand(stage, 32)]
    stage.start()
    told(stage)
    stage.open_orders.pop()
    stage.venue.reconcile()
    stage.serve()
    stage.wait(2_000)
    assert exposure(stage) == (0, 100, 0, 1)
    assert told(stage) == [{"order": 32, "status": "GONE"}]


def test_an_older_list_brings_nothing_back() -> None:
    """Asked for before the end was told, answered after it."""
    stage = started(by_hand(Stage()))
    stage.venue.reconcile()
    reported(stage, "CANCELED", X="CANCELED")
    reported(stage, "NEW", 32)
    stage.serve()  # the list still shows the first, and not the second
    stage.wait(2_000)
    assert exposure(stage) == (0, 100, 0, 1)
    assert [d["order"] for d in told(stage)][-1] == 32


def test_what_the_venue_said_earlier_does_not_change_what_is_known() -> None:
    stage = started()
    then = stage.now // MS
    reported(stage, "TRADE", X="PARTIALLY_FILLED", t=7, l="0.0030", z="0.0030", L="49900.00",
             T=then + 5)  # fmt: skip
    reported(stage, "NEW", T=then)
    assert exposure(stage) == (0, 70, 0, 1)


def test_an_order_without_a_price_counts_at_the_market() -> None:
    stage = started()
    stage.place()  # the gate has seen a reference: bid 50,000.00 and ask 50,001.00
    before = stage.venue.gate.open_notional
    reported(stage, "NEW", o="STOP_LOSS", p="0.00000000", S="SELL")
    assert stage.venue.gate.open_notional - before == 5_000_050 * 100 * 10**2


def test_one_that_turns_out_to_be_ours_is_counted_once() -> None:
    """The table had no room for it when the list showed it."""
    before = Stage()
    before.start()
    ids = [before.place(price=4_990_000 - 100 * k) for k in range(3)]
    stage = Stage(room=2)
    stage.open_orders = [stage.order(id, orderId=40 + k) for k, id in enumerate(ids)]
    stage.start()
    assert stage.venue.adopted == 2 and exposure(stage) == (0, 300, 0, 3)
    stage.report(ids[0], "CANCELED", i=40, X="CANCELED")
    stage.open_orders.pop(0)
    stage.venue.reconcile()
    stage.serve()
    stage.wait(2_000)
    assert stage.venue.adopted == 3 and exposure(stage) == (0, 200, 0, 2)


@pytest.mark.parametrize("symbol", ["ETHUSDT", ""])
def test_one_of_a_symbol_that_is_not_traded_here_is_left_alone(symbol: str) -> None:
    stage = started(by_hand(Stage(), symbol=symbol))
    assert exposure(stage) == (0, 0, 0, 0) and told(stage) == []


def test_a_trade_of_an_order_of_ours_that_was_let_go_of_is_none_of_theirs() -> None:
    """Told once more when the order has left the table: it is known and over."""
    stage = Stage(room=2)
    stage.start()
    first = stage.place()
    stage.report(first, "NEW")
    part = {"X": "PARTIALLY_FILLED", "t": 7, "l": "0.0030", "z": "0.0030", "L": "49900.00"}
    stage.report(first, "TRADE", **part)
    stage.report(first, "CANCELED", X="CANCELED", z="0.0030")
    for k in (1, 2):
        stage.report(stage.place(price=4_990_000 - 100 * k), "NEW", i=9 + k)
    assert stage.venue.orders.state(first) is None
    stage.report(first, "TRADE", **part)
    assert told(stage) == [] and exposure(stage) == (30, 200, 0, 2)
