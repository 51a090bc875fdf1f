"""Orders that the table has let go of: what the venue tells of them again is counted already."""

from __future__ import annotations

import pytest

from hotpath.order import pack_id, spell_id
from hotpath.records import Kind
from tests.venues.binance.stage import MS, SOURCE, Stage


def filled_in_one(stage: Stage, n: int) -> int:
    """Place and fill order number n, remembered by the exchange with its trade."""
    id = stage.place(price=4_990_000 - n)
    stage.report(id, "NEW", i=n)
    stage.report(id, "TRADE", X="FILLED", t=n, l="0.0100", z="0.0100", L="49900.00", i=n)
    stage.order(id, "FILLED", orderId=n, executedQty="0.0100", cummulativeQuoteQty="499.0")
    stage.trades.append(trade(stage, n))
    return id


def trade(stage: Stage, n: int) -> dict[str, object]:
    return {
        "symbol": "BTCUSDT", "id": n, "orderId": n, "price": "49900.00", "qty": "0.0100",
        "commission": "0", "commissionAsset": "BNB", "time": stage.now // MS, "isBuyer": True,
        "isMaker": False,
    }  # fmt: skip


def busy() -> Stage:
    """Eleven orders through a table of four."""
    stage = Stage(room=4)
    stage.start()
    for n in range(1, 12):
        filled_in_one(stage, n)
    assert stage.venue.gate.exposure(100) == (1100, 0, 0, 0)
    stage.records()
    return stage


def test_trades_of_forgotten_orders_are_not_counted_twice() -> None:
    """The periodic listing shows them again; adopted, they would be guessed as missing."""
    stage = busy()
    stage.wait(200_000)
    assert stage.venue.gate.exposure(100) == (1100, 0, 0, 0)
    assert (stage.venue.guesses, stage.venue.adopted) == (0, 0)
    assert stage.records(Kind.FILL) == []


def test_nor_when_the_connection_was_lost() -> None:
    stage = busy()
    stage.disconnect()
    stage.connect()
    stage.wait(60_000)
    assert stage.venue.state == "ready"
    assert stage.venue.gate.exposure(100) == (1100, 0, 0, 0)
    assert stage.venue.guesses == 0


@pytest.mark.parametrize("execution", ["TRADE", "CANCELED"])
def test_nor_when_a_report_of_one_is_repeated(execution: str) -> None:
    stage = busy()
    first = next(iter(stage.orders))
    shown = stage.orders[first]
    stage.report(0, execution, c=first, X="FILLED" if execution == "TRADE" else "CANCELED",
                 t=1, l="0.0100", z="0.0100", L="49900.00", i=shown["orderId"])  # fmt: skip
    stage.wait(60_000)
    assert stage.venue.gate.exposure(100) == (1100, 0, 0, 0)
    assert (stage.venue.guesses, stage.venue.adopted) == (0, 0)


def test_an_order_that_was_never_known_is_found_by_its_trade() -> None:
    """Ours, filled, and nothing of it was written here: its one trade counts once."""
    stage = Stage()
    id = pack_id(77, SOURCE, 999, 0, 0)
    stage.order(id, "FILLED", orderId=40, executedQty="0.0100", cummulativeQuoteQty="499.0")
    stage.trades.append(trade(stage, 40))
    stage.start()
    stage.wait(60_000)
    assert stage.venue.adopted == 1
    assert stage.state(id)[::3] == ("FILLED", 100)
    assert stage.venue.gate.exposure(100) == (100, 0, 0, 0)


def test_a_question_about_a_trade_that_was_lost_is_asked_again() -> None:
    """The answer never came, the connection ended: the gate must not open without it."""
    stage = Stage()
    id = pack_id(77, SOURCE, 999, 0, 0)
    stage.order(id, "FILLED", orderId=40, executedQty="0.0100", cummulativeQuoteQty="499.0")
    stage.trades.append(trade(stage, 40))
    answer = stage.answer
    lost: list[str] = []

    def deaf(name: str, method: str, params: dict[str, object]) -> None:
        if method == "order.status" and not lost:
            lost.append(name)
            return
        answer(name, method, params)

    stage.answer = deaf  # type: ignore[method-assign, assignment]
    stage.tick()
    stage.connect()
    stage.serve()
    assert lost and stage.venue.state == "reconciling"
    stage.disconnect()
    stage.connect()
    stage.serve()
    stage.wait(2_000)
    assert stage.venue.state == "ready" and spell_id(id) in stage.orders
    assert stage.venue.gate.exposure(100) == (100, 0, 0, 0)
