"""Views: positions that keep every unit, rows that do not depend on batches, equal when rebuilt."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

import apsw
import pytest

from engine.journal.actor import Journal
from engine.journal.check import check, snapshot_hash
from engine.journal.profit import profit
from engine.journal.rows import Rows
from engine.journal.store import FILE, open_reader
from engine.journal.views import move, take_back
from hotpath.records import Flag
from tests.engine.journal.session import (
    APPLIED,
    FILLED,
    INSTANCE,
    MOVES,
    PARTIAL,
    STRATEGY,
    VENUE,
    Session,
)


def flat() -> dict[str, str]:
    return {"quantity": "0", "cost": "0", "realised": "0"}


@pytest.mark.parametrize("seed", range(200))
def test_realised_and_unrealised_are_the_cash_flow(seed: int) -> None:
    """F-12, for every sequence of trades: long, short, flips, to flat and beyond 64 bits."""
    draw = random.Random(seed)
    size = 10 ** draw.choice([1, 3, 20])
    row, cash, quantity = flat(), 0, 0
    average, exact = Fraction(0), Fraction(0)  # the twin: an average price, in rationals
    closes = 0
    for _ in range(60):
        delta = draw.randrange(-size, size + 1) or 1
        if draw.random() < 0.15 and quantity:
            delta = -quantity
        price = draw.randrange(1, 10**6)
        move(row, delta, price)
        if quantity * delta >= 0:
            total = abs(quantity) + abs(delta)
            average = (abs(quantity) * average + abs(delta) * price) / total
        else:
            closed = min(abs(quantity), abs(delta))
            exact += closed * (price - average) * (1 if quantity > 0 else -1)
            closes += 1
            if abs(delta) > abs(quantity):
                average = Fraction(price)
        cash -= delta * price
        quantity += delta
        if draw.random() < 0.2:  # a trade that is busted in the next moment leaves cash as it was
            busted = draw.randrange(-size, size + 1)
            before = int(row["realised"]) - int(row["cost"])
            move(row, busted, price)
            take_back(row, busted, price)
            assert int(row["realised"]) - int(row["cost"]) == before
            average = Fraction(int(row["cost"]), quantity) if quantity else Fraction(0)
            exact = Fraction(int(row["realised"]))
        mark = draw.randrange(1, 10**6)
        assert int(row["quantity"]) == quantity
        held, cost, realised = (int(row[k]) for k in ("quantity", "cost", "realised"))
        assert realised + held * mark - cost == cash + held * mark
        assert abs(realised - exact) <= closes, "more than one unit a close went astray"
        if not quantity:
            assert cost == 0


def journal_of(state: Path, records: list[bytes], batch: int) -> str:
    journal = Journal.open(state, INSTANCE)
    for at in range(0, len(records), batch):
        journal.take(records[at : at + batch])
        journal.commit()
    found = snapshot_hash(journal.store.db)
    journal.close()
    return found


@pytest.mark.parametrize("seed", range(3))
def test_views_depend_on_the_events_alone(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches, restarts and forgotten rows change nothing; a rebuild gives the same bytes."""
    records = Session(seed).run(20).records
    hashes = set()
    for batch in (1, 13, 10_000):
        state = tmp_path / str(batch)
        state.mkdir()
        hashes.add(journal_of(state, records, batch))
        answer = check(state)
        assert answer["ok"], answer["differences"]
        assert answer["snapshot"] == answer["rebuilt"] in hashes
    monkeypatch.setattr("engine.journal.rows.KEPT", 0)
    state = tmp_path / "forgetful"
    state.mkdir()
    hashes.add(journal_of(state, records, 3))
    assert len(hashes) == 1


def row_of(state: Path, table: str, *key: object) -> dict[str, object]:
    db = open_reader(state)
    names = {"orders": ("id",), "fills": ("venue", "instrument", "trade_id")}
    found = Rows(db, table, names.get(table, ("venue", "instrument"))).get(*key)
    assert found is not None
    return found


def test_a_trade_counts_once_and_a_bust_takes_it_back(tmp_path: Path) -> None:
    s = Session(1)
    asked, order = s.intent(1, 100, 10)
    approved = s.approve(order, asked, 1, 100, 10)
    s.fill(order, approved, 1, 100, 4, PARTIAL, trade=71)
    s.fill(order, approved, 1, 100, 4, PARTIAL, trade=71, effect=2)  # seen again: ignored
    s.fill(order, approved, 1, 101, 6, FILLED, trade=72)
    s.fill(order, approved, 1, 101, 0, PARTIAL, trade=72, effect=APPLIED | MOVES | 2048)  # busted
    s.fill(order, approved, 1, 99, 4, PARTIAL, trade=71, effect=APPLIED | MOVES | 2048)  # corrected
    journal_of(tmp_path, s.records, 2)
    name = f"{order:032x}"
    assert row_of(tmp_path, "fills", VENUE, 1, "71")["seen"] == 3
    position = row_of(tmp_path, "positions", VENUE, 1)
    assert (position["quantity"], position["cost"], position["bought"]) == ("4", "396", "4")
    kept = row_of(tmp_path, "orders", name)
    assert (kept["cumulative"], kept["cost"], kept["status"]) == (4, "396", PARTIAL)
    fees = open_reader(tmp_path).execute("SELECT amount FROM fees").fetchall()
    assert fees == [("12",)]
    assert check(tmp_path)["ok"]


def test_a_real_trade_takes_the_place_of_a_guess(tmp_path: Path) -> None:
    """5.6: booked from a status after 30 s; the real trades replace it, the position stays."""
    s = Session(1)
    asked, order = s.intent(2, 100, 10)
    approved = s.approve(order, asked, 2, 100, 10)
    s.fill(order, approved, 2, 100, 10, FILLED, trade=1 << 63, flags=Flag.GUESS)
    s.fill(order, approved, 2, 103, 4, FILLED, trade=5, effect=APPLIED | MOVES | 2048)
    s.fill(order, approved, 2, 104, 6, FILLED, trade=6, effect=APPLIED | MOVES | 2048)
    journal_of(tmp_path, s.records, 1)
    position = row_of(tmp_path, "positions", VENUE, 1)
    assert (position["quantity"], position["cost"]) == ("-10", str(-(4 * 103 + 6 * 104)))
    assert row_of(tmp_path, "orders", f"{order:032x}")["cumulative"] == 10
    assert row_of(tmp_path, "fills", VENUE, 1, str(1 << 63))["quantity"] == 0
    assert check(tmp_path)["ok"], check(tmp_path)["differences"]


def test_profit_in_plain_decimals(tmp_path: Path) -> None:
    s = Session(1)
    s.listing()
    for side, price, quantity, asset in ((1, 10_000, 100, 8), (2, 10_050, 60, 7)):
        asked, order = s.intent(side, price, quantity)
        approved = s.approve(order, asked, side, price, quantity)
        s.fill(order, approved, side, price, quantity, FILLED, fee_asset=asset)
    journal_of(tmp_path, s.records, 5)
    found = profit(tmp_path, open_reader(tmp_path))
    # 60 lots of 0.0001 at 0.50 more, 40 still held at the same; fees 300 and 180 * 100.50 e-8
    assert (found["realised"], found["unrealised"]) == ("0.003", "0.002")
    assert found["fees"] == "0.0001839"
    assert found["pnl"] == "0.0048161"
    [listing] = found["listings"]
    assert (listing["position"], listing["mark"]) == ("0.004", "100.5")


# ---- check finds what is planted


def planted(state: Path, sql: str) -> list[dict[str, object]]:
    journal_of(state, Session(9).run(30).records, 20)
    db = apsw.Connection(str(state / FILE))
    db.execute("DROP TRIGGER event_is_not_changed; DROP TRIGGER event_is_not_removed")
    db.execute(sql)
    db.close()
    answer = check(state)
    assert not answer["ok"]
    found: list[dict[str, object]] = answer["differences"]
    return found


@pytest.mark.parametrize(
    ("sql", "invariant"),
    [
        ("UPDATE event SET time = time + 1 WHERE id = 7", "I1"),
        ("UPDATE event SET payload = zeroblob(length(payload)) WHERE id = 9", "I1"),
        ("DELETE FROM event WHERE id = 12", "I1"),
        ("DELETE FROM event WHERE id = (SELECT max(id) FROM event)", "I1"),
        ("UPDATE cursor SET position = position - 1", "I1"),
        ("UPDATE positions SET quantity = quantity + 1", "I3"),
        ("DELETE FROM fills WHERE event = (SELECT max(event) FROM fills)", "I3"),
        ("UPDATE orders SET cumulative = cumulative + 1 WHERE fills > 0", "I3"),
        ("UPDATE orders SET updated = 0", "I7"),
        ("UPDATE strands SET fills = fills + 1", "I7"),
        ("INSERT INTO balances VALUES (1, 2, '3', '4', 5)", "I7"),
    ],
)
def test_check_finds_a_changed_store(tmp_path: Path, sql: str, invariant: str) -> None:
    assert invariant in {d["invariant"] for d in planted(tmp_path, sql)}


def differences(state: Path, s: Session) -> set[str]:
    journal_of(state, s.records, 4)
    return {f"{d['invariant']}: {d['what']}" for d in check(state)["differences"]}


def test_check_finds_orders_that_must_not_be(tmp_path: Path) -> None:
    """Each planted by hand: twice placed, no intent, past its deadline, after its refusal."""
    from hotpath.records import EventType, Op, Refused, pack_order_id

    s = Session(1)
    asked, order = s.intent(1, 100, 10)
    first = s.approve(order, asked, 1, 100, 10)
    s.approve(order, asked, 1, 100, 10)
    s.fill(order, first, 1, 100, 10, FILLED, trade=5)
    stray = pack_order_id(INSTANCE, STRATEGY, 999, 0, 0)
    s.fill(stray, first, 1, 100, 10, FILLED, trade=6)
    s.fill(order, first, 1, 100, 10, FILLED, trade=5)
    refused_by, refused = s.intent(1, 100, 10)
    s.write(VENUE, Refused(id=refused, control=3, op=Op.PLACE, venue=VENUE), refused_by)
    s.now += 10**9
    s.approve(refused, refused_by, 1, 100, 10)
    again_by, again = s.intent(1, 100, 10)
    later = s.approve(again, again_by, 1, 100, 10)
    s.event(again, later, EventType.UNKNOWN, 8)  # terminal by a timer alone
    s.event(again, later, EventType.ACK, 4)  # and back from there
    s.approve(again + 1, again_by, 1, 100, 10)  # a next attempt although nothing was absent
    found = differences(tmp_path, s)
    assert found >= {
        "I2: placed twice",
        "I2: a fill of an order without an intent",
        "I2: approved without an intent",
        "I2: a next attempt before the last was absent",
        "I3: a trade was counted twice",
        "I4: a step no order may take",
        "I5: approved past the intent's deadline",
        "I5: approved after it was refused",
        "I6: terminal without evidence",
    }
