"""What an order needs is there from the start: no table of orders, trades or limits grows later.

A table whose pages come with its first use looks like a leak for hours (65,536 trades, 4,096
orders, 65,536 executions of a rule), and makes an order wait for the kernel now and then.
"""

from __future__ import annotations

import mmap
import os
import resource
from collections.abc import Callable

import pytest

from hotpath.order import Orders, pack_id

ROOM, TRADES = 4096, 1 << 16
ORDERS = 2 * TRADES  # every place of every table is used twice
FEW = 100
"""pages that the interpreter itself may ask for; each table alone has some hundreds"""


def pages_of(work: Callable[[], None]) -> int:
    """Pages that the kernel had to give while it ran."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    work()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def live(orders: Orders, first: int, count: int) -> None:
    """So many orders: placed, replaced, half filled, cancelled."""
    for n in range(first, first + count):
        id = pack_id(77, 5, n, 0, 0)
        orders.new(id, quantity=10, price=100, now=n)
        orders.report(id, "APPROVED", now=n)
        orders.report(id, "ACK", venue_order_id=n, now=n)
        new = pack_id(77, 5, n, 1, 0)
        orders.report(id, "REPLACE_REQUESTED", successor=new, price=101, quantity=10, now=n)
        orders.report(id, "REPLACED", successor=new, venue_order_id=(1 << 40) + n, now=n)
        orders.report(new, "FILL", trade_id=n, price=101, quantity=4, venue_order_id=(1 << 40) + n)
        orders.report(new, "CANCELED", now=n)


@pytest.mark.skipif("sanitize" in os.environ.get("TIERCEL_BUILD", ""), reason="ASan needs room")
def test_orders_and_trades_take_no_page_after_their_table_was_made() -> None:
    orders = Orders(ROOM, TRADES)
    live(orders, 1, 100)
    assert pages_of(lambda: live(orders, 101, ORDERS)) < FEW
    assert orders.used == ROOM and orders.live == 0


def test_the_measure_sees_pages_that_come_with_their_first_use() -> None:
    with mmap.mmap(-1, 4 << 20) as fresh:
        fresh.madvise(mmap.MADV_NOHUGEPAGE)

        def write() -> None:
            for at in range(0, len(fresh), mmap.PAGESIZE):
                fresh[at] = 1

        assert pages_of(write) >= (4 << 20) // mmap.PAGESIZE
