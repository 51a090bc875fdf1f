"""What an order had traded when the table let go of it: kept by id, and gone on from."""

from __future__ import annotations

import itertools

import pytest

from hotpath.order import Orders, pack_id

ROOM = 4
AVERAGE = 10**8
"""An average price is in 1e-8 of a tick."""
IDS = itertools.count(1)


def fresh() -> int:
    return pack_id(7, 3, next(IDS), 0, 0)


def ended(table: Orders, lots: int, end: str = "CANCELED", quantity: int = 10) -> int:
    """A new order that trades so many of its lots at 100 and ends."""
    id = fresh()
    assert table.new(id, quantity=quantity, price=100)
    table.report(id, "APPROVED")
    table.report(id, "ACK")
    if lots:
        table.report(id, "FILL", trade_id=next(IDS), price=100, quantity=lots)
    if lots < quantity:
        table.report(id, end)
    return id


def crowd_out(table: Orders) -> None:
    """Orders that fill take every place of the table."""
    for _ in range(2 * ROOM):
        table.prepare()
        ended(table, 10)


def again(table: Orders, id: int) -> bool:
    """An order of that id is known again, from the venue say; is what it traded known?"""
    table.prepare()
    assert table.new(id, quantity=10, price=100)
    known = table.recover(id)
    table.report(id, "APPROVED")
    return known


@pytest.mark.parametrize("end", ["CANCELED", "EXPIRED"])
def test_it_goes_on_from_what_it_had_traded(end: str) -> None:
    table = Orders(ROOM, 64)
    id = ended(table, 3, end)
    crowd_out(table)
    assert table.state(id) is None
    assert again(table, id)
    assert table.traded(id) == 3
    table.report(id, "FILL", trade_id=next(IDS), price=110, quantity=2)
    found = table.state(id)
    assert found is not None
    assert (found["status"], found["cumulative"], found["average"]) == (end, 5, 104 * AVERAGE)
    crowd_out(table)
    assert again(table, id) and table.traded(id) == 5


@pytest.mark.parametrize("lots", [0, 10])
def test_nothing_is_kept_of_one_that_traded_nothing_or_all(lots: int) -> None:
    table = Orders(ROOM, 64)
    id = ended(table, lots)
    crowd_out(table)
    assert not again(table, id)
    assert table.traded(id) == 0


def test_each_id_of_a_chain_has_its_own_share() -> None:
    table = Orders(ROOM, 64)
    first, second = fresh(), fresh()
    assert table.new(first, quantity=10, price=100)
    for event in ("APPROVED", "ACK"):
        table.report(first, event)
    table.report(first, "FILL", trade_id=next(IDS), price=100, quantity=2)
    table.report(first, "REPLACE_REQUESTED", successor=second, quantity=10, price=100)
    table.report(first, "REPLACED", successor=second)
    table.report(second, "FILL", trade_id=next(IDS), price=100, quantity=3)
    assert (table.traded(first), table.traded(second)) == (2, 3)
    table.report(second, "CANCELED")
    crowd_out(table)
    for id, lots in ((first, 2), (second, 3)):
        assert again(table, id)
        assert table.traded(id) == lots
        found = table.state(id)
        assert found is not None and found["average"] == 100 * AVERAGE


def test_trades_of_an_order_never_known_add_up() -> None:
    table = Orders(ROOM, 64)
    id = fresh()
    table.count(id, 100, 2)
    table.count(id, 130, 1)
    assert again(table, id)
    found = table.state(id)
    assert found is not None and (found["cumulative"], found["average"]) == (3, 110 * AVERAGE)
    crowd_out(table)
    assert not again(table, fresh()), "what was gone on from is kept no longer"


def test_the_oldest_is_given_up_for_the_newest() -> None:
    """As many are kept as the table has places for orders."""
    table = Orders(ROOM, 64)
    ids = [fresh() for _ in range(ROOM + 1)]
    for id in ids:
        table.count(id, 100, 1)
    for id in ids:
        assert again(table, id) == (id != ids[0])
        table.report(id, "CANCELED")


def test_no_order_no_answer() -> None:
    table = Orders(ROOM, 64)
    for ask in (table.recover, table.traded):
        with pytest.raises(KeyError):
            ask(fresh())
