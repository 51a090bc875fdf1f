"""A restart with a live order older than all records that are read back in full."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import history
from engine.journal.actor import Journal
from hotpath.order import pack_id, spell_id
from hotpath.records import Fill, Header, Kind, join, pack
from hotpath.ring import Outbox
from tests.venues.binance.stage import SOURCE, VENUE, S, Stage
from tests.venues.binance.test_venue_forgotten import ended_in_part, filled_in_one, trade

NEWEST = 12
"""Records read back in these tests, in the place of 50,000: three orders' lives."""


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "LIMIT", NEWEST)


def next_life(before: Stage, state: Path) -> Stage:
    """Another process, given what the journal of the one before hands over."""
    before.records()
    journal = Journal.open(state, 77)
    journal.take_batch(VENUE, before.written)
    journal.commit()
    journal.close()
    outbox = Outbox.private(1 << 16, VENUE, first_position=1 << 20)
    after = Stage(history=history.of_venue(state, outbox, 1 << 20, "venue"))
    after.orders, after.trades, after.open_orders = before.orders, before.trades, before.open_orders
    after.now = before.now
    return after


def resting(stage: Stage) -> int:
    """An order that works on, thirty of its hundred lots filled by trade 90 at 9 o'clock."""
    id = stage.place(price=4_990_000)
    stage.report(id, "NEW", i=90)
    stage.report(
        id, "TRADE", X="PARTIALLY_FILLED", t=90, l="0.0030", z="0.0030", L="49900.00", i=90
    )
    shown = stage.order(id, "PARTIALLY_FILLED", orderId=90, executedQty="0.0030")
    stage.open_orders = [shown]
    stage.trades.append(trade(stage, 90) | {"qty": "0.0030"})
    return id


def test_trades_as_old_as_the_live_order_are_not_counted_again(tmp_path: Path) -> None:
    """The exchange lists all since the order was made; most are known to the journal alone."""
    stage = Stage()
    stage.start()
    id = resting(stage)
    for n in range(101, 112):
        filled_in_one(stage, n)
    assert stage.venue.gate.exposure(100) == (1130, 70, 0, 1)
    after = next_life(stage, tmp_path)
    assert after.venue.gate.exposure(100) == (1130, 70, 0, 1)
    after.start()
    after.wait(120_000)
    assert after.state(id) == ("PARTIALLY_FILLED", "NONE", "CONFIRMED", 30)
    assert after.venue.gate.exposure(100) == (1130, 70, 0, 1)
    assert (after.venue.guesses, after.records(Kind.FILL)) == (0, [])


def test_what_it_traded_while_we_were_away_is_counted(tmp_path: Path) -> None:
    stage = Stage()
    stage.start()
    id = resting(stage)
    for n in range(101, 112):
        filled_in_one(stage, n)
    after = next_life(stage, tmp_path)
    shown = after.order(id, "PARTIALLY_FILLED", orderId=90, executedQty="0.0050")
    after.open_orders = [shown]
    after.trades.append(trade(after, 90) | {"id": 200, "qty": "0.0020"})
    after.start()
    after.wait(60_000)
    assert after.state(id)[3] == 50
    assert after.venue.gate.exposure(100) == (1150, 50, 0, 1)


def test_a_late_fill_of_one_that_ended_before_them_counts_once(tmp_path: Path) -> None:
    """Of what it had traded before only the journal knows."""
    stage = Stage()
    stage.start()
    first = ended_in_part(stage, 90)
    for n in range(101, 112):
        filled_in_one(stage, n)
    after = next_life(stage, tmp_path)
    after.order(first, "CANCELED", orderId=90, executedQty="0.0050", cummulativeQuoteQty="249.5")
    after.trades.append(trade(after, 90) | {"id": 200, "qty": "0.0040"})
    after.start()
    after.wait(60_000)
    assert after.venue.gate.exposure(100) == (1150, 0, 0, 0)
    assert after.venue.guesses == 0
    assert after.state(first) == ("CANCELED", "NONE", "CONFIRMED", 50)


def test_a_guess_as_old_is_still_replaced_by_its_trade(tmp_path: Path) -> None:
    stage = Stage()
    stage.start()
    id = stage.place()
    stage.report(id, "NEW", i=90)
    stage.report(id, "CANCELED", X="CANCELED", c="z", C=spell_id(id), z="0.0010", i=90)
    stage.order(id, "CANCELED", orderId=90, executedQty="0.0010", cummulativeQuoteQty="49.9")
    stage.wait(40_000)
    for n in range(101, 112):
        filled_in_one(stage, n)
    assert stage.venue.gate.exposure(100) == (1110, 0, 0, 0)
    after = next_life(stage, tmp_path)
    after.trades.insert(0, trade(after, 90) | {"qty": "0.0010"})
    after.start()
    after.wait(90_000)
    assert after.venue.gate.exposure(100) == (1110, 0, 0, 0)
    known = after.venue.orders.state(id)
    assert known is not None and known["guessed"] == 0


def test_the_latest_of_trades_known_no_more_is_the_one_that_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More trades of orders that ended in part than are told: the late one is not mixed up."""
    monkeypatch.setattr(history, "TRADES", 0)
    test_a_late_fill_of_one_that_ended_before_them_counts_once(tmp_path)


def test_a_trade_pushed_out_by_many_after_it_is_not_counted_again() -> None:
    """Trades are known by number for the newest 65,536; of the one before only that it is older."""
    many = (1 << 16) + 1
    common = {"side": 1, "status": 6, "effect": 49, "strategy": SOURCE, "venue": VENUE}
    raws = []
    for n in range(1, many + 1):
        told = Fill(id=pack_id(77, SOURCE, n, 0, 0), trade_id=n, price=1, quantity=1, **common)
        payload = pack(told)
        header = Header(40 + len(payload), Kind.FILL, VENUE, n, 1_700_000_000 * S, 0, 100, 0)
        raws.append(join(header, payload))
    stage = Stage(history=raws)
    assert stage.venue.gate.exposure(100) == (many, 0, 0, 0)
    stage.trades = [trade(stage, 1), trade(stage, 2)]
    for shown in stage.trades:
        id = pack_id(77, SOURCE, int(str(shown["id"])), 0, 0)
        stage.order(id, "FILLED", orderId=shown["id"], executedQty="0.0100")
    stage.start()
    stage.wait(60_000)
    assert stage.venue.gate.exposure(100) == (many, 0, 0, 0)
