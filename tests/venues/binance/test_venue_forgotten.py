"""Orders that the table has let go of: what the venue tells of them again is counted already."""

from __future__ import annotations

import pytest

from hotpath.order import pack_id, spell_id
from hotpath.records import Kind
from tests.venues.binance.stage import MS, SOURCE, Stage
from tests.venues.binance.test_venue import replace


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


def ended_in_part(stage: Stage, n: int) -> int:
    """Place order number n, fill a tenth of a hundred lots of it and have it cancelled."""
    id = stage.place(price=4_990_000 - n)
    stage.report(id, "NEW", i=n)
    stage.report(id, "TRADE", X="PARTIALLY_FILLED", t=n, l="0.0010", z="0.0010", L="49900.00", i=n)
    stage.report(id, "CANCELED", X="CANCELED", c="z", C=spell_id(id), z="0.0010", i=n)
    stage.order(id, "CANCELED", orderId=n, executedQty="0.0010", cummulativeQuoteQty="49.9")
    stage.trades.append(trade(stage, n) | {"qty": "0.0010"})
    return id


def let_go_of() -> tuple[Stage, int]:
    """One order that ended partly filled, and six after it through a table of four."""
    stage = Stage(room=4)
    stage.start()
    first = ended_in_part(stage, 1)
    for n in range(2, 8):
        filled_in_one(stage, n)
    assert stage.venue.orders.state(first) is None
    assert stage.venue.gate.exposure(100) == (610, 0, 0, 0)
    stage.records()
    return stage, first


def tell_late(stage: Stage, id: int, how: str) -> None:
    """Forty lots more of order 1 had traded before it was cancelled; now the exchange says so."""
    stage.order(id, "CANCELED", orderId=1, executedQty="0.0050", cummulativeQuoteQty="249.5")
    stage.trades.append(trade(stage, 1) | {"id": 20, "qty": "0.0040"})
    if how == "report":
        stage.report(id, "TRADE", X="CANCELED", t=20, l="0.0040", z="0.0050", L="49900.00", i=1)
    stage.wait(120_000)


@pytest.mark.parametrize("how", ["report", "listing"])
def test_a_late_fill_of_an_order_let_go_of_counts_once(how: str) -> None:
    """What it had traded before is not guessed a second time."""
    stage, first = let_go_of()
    tell_late(stage, first, how)
    assert stage.venue.gate.exposure(100) == (650, 0, 0, 0)
    assert stage.venue.guesses == 0
    assert [(r.trade_id, r.quantity) for _, r in stage.records(Kind.FILL)] == [(20, 40)]
    assert stage.state(first) == ("CANCELED", "NONE", "CONFIRMED", 50)


def test_nor_after_a_restart() -> None:
    """The records of before are read back into a table that lets go of it just so."""
    stage, first = let_go_of()
    later = Stage(room=4, history=stage.written)
    later.orders, later.trades = stage.orders, stage.trades
    later.now = stage.now
    later.start()
    tell_late(later, first, "report")
    assert later.venue.gate.exposure(100) == (650, 0, 0, 0)
    assert later.venue.guesses == 0


def test_a_guess_waits_for_its_trade_however_many_orders_follow() -> None:
    """The order keeps its place: the real trade takes the place of what was booked for it."""
    stage = Stage(room=4)
    stage.start()
    id = stage.place()
    stage.report(id, "NEW", i=1)
    stage.report(id, "CANCELED", X="CANCELED", c="z", C=spell_id(id), z="0.0010", i=1)
    stage.order(id, "CANCELED", orderId=1, executedQty="0.0010", cummulativeQuoteQty="49.9")
    stage.wait(40_000)
    assert stage.venue.guesses == 1 and stage.venue.gate.exposure(100) == (10, 0, 0, 0)
    for n in range(2, 8):
        filled_in_one(stage, n)
    stage.trades.append(trade(stage, 1) | {"qty": "0.0010"})
    stage.wait(90_000)
    assert stage.venue.gate.exposure(100) == (610, 0, 0, 0)
    known = stage.venue.orders.state(id)
    assert known is not None and known["guessed"] == 0


@pytest.mark.parametrize(("late", "total"), [("old", 30), ("new", 60)])
def test_each_order_of_a_chain_let_go_of_goes_on_from_its_own_trades(late: str, total: int) -> None:
    stage = Stage(room=4)
    stage.start()
    old = stage.place(price=4_990_000)
    stage.report(old, "NEW", i=1)
    stage.report(old, "TRADE", X="PARTIALLY_FILLED", t=1, l="0.0020", z="0.0020", L="49900.00", i=1)
    new = replace(stage, old, 4_985_000, 80)
    stage.report(old, "CANCELED", X="CANCELED", c="z", C=spell_id(old), z="0.0020", i=1)
    stage.report(new, "NEW", i=2, q="0.0060", p="49850.00")
    stage.report(new, "TRADE", X="PARTIALLY_FILLED", t=2, l="0.0050", z="0.0050", i=2, q="0.0060",
                 L="49850.00")  # fmt: skip
    stage.report(new, "CANCELED", X="CANCELED", c="y", C=spell_id(new), z="0.0050", i=2)
    for n in range(3, 9):
        filled_in_one(stage, n)
    assert stage.venue.orders.state(old) is None is stage.venue.orders.state(new)
    assert stage.venue.gate.exposure(100) == (670, 0, 0, 0)
    id, number, size = (old, 1, "0.0100") if late == "old" else (new, 2, "0.0060")
    stage.trades = [
        trade(stage, 1) | {"qty": "0.0020"}, trade(stage, 2) | {"qty": "0.0050"},
        trade(stage, 20) | {"qty": "0.0010", "orderId": number},
    ]  # fmt: skip
    stage.order(id, "CANCELED", orderId=number, executedQty=f"{total / 10000:.4f}", origQty=size)
    stage.report(id, "TRADE", X="CANCELED", t=20, l="0.0010", z=f"{total / 10000:.4f}", i=number,
                 L="49900.00", q=size)  # fmt: skip
    stage.wait(120_000)
    assert stage.venue.gate.exposure(100) == (680, 0, 0, 0)
    assert stage.venue.guesses == 0
    assert stage.state(id)[::3] == ("FILLED" if late == "new" else "CANCELED", total)
