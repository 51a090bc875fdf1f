"""What stands unhedged: each asset by itself, since when, and what no venue would take."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import apsw
import pytest

from engine.report import unhedged
from hotpath.records import Intent, Kind, pack

S = 1_000_000_000
BTC, ETH, USDT = 7, 9, 8
LISTINGS = {
    1: {"base_asset": BTC, "quote_asset": USDT, "tick": "1", "lot": "0.001", "min_notional": "5"},
    2: {"base_asset": BTC, "quote_asset": USDT, "tick": "1", "lot": "0.0001"},
    3: {"base_asset": ETH, "quote_asset": USDT, "tick": "1", "lot": "0.01"},
}


@dataclass
class Names:
    listings: dict[int, dict[str, Any]]


def open_after(trades: list[tuple[float, int, int, int]], end: float) -> Decimal:
    """Trades of one group: (second, listing, side, lots) at a price of 100."""
    db = apsw.Connection(":memory:")
    db.execute("CREATE TABLE event (id, source, position, kind, time, payload)")
    db.execute("CREATE TABLE orders (id, intent_source, intent_position)")
    db.execute("CREATE TABLE fills (order_id, instrument, side, quantity, price, time, event)")
    for n, (at, listing, side, lots) in enumerate(trades):
        intent = pack(Intent(group=1, op=1, side=side, quantity=lots, legs=2))
        kind = int(Kind.INTENT)
        db.execute("INSERT INTO event VALUES (?, 5, ?, ?, ?, ?)", (n, n, kind, int(at * S), intent))
        db.execute("INSERT INTO orders VALUES (?, 5, ?)", (n, n))
        values = (n, listing, side, lots, 100, int(at * S), n)
        db.execute("INSERT INTO fills VALUES (?, ?, ?, ?, ?, ?, ?)", values)
    db.execute("INSERT INTO event VALUES (99, 1, 1, 0, ?, x'')", (int(end * S),))
    return unhedged(db, Names(LISTINGS), 2 * S)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("trades", "end", "wanted"),
    [
        ([(1, 1, 1, 10), (1.1, 2, 2, 100)], 60, "0"),  # hedged on another listing, in other lots
        ([(1, 1, 1, 10)], 2, "0"),  # within the deadline
        ([(1, 1, 1, 10)], 4, "0.01"),
        ([(1, 1, 1, 10), (1, 3, 2, 1)], 60, "0.02"),  # one asset is no hedge of another
        # a strategy that trades on does not hide what stands open since long ago
        ([(1, 1, 1, 100), (59, 1, 1, 5), (59, 2, 2, 50)], 60, "0.095"),
        # a hundredth of the least that a venue takes goes into the next pair, until it rests
        ([(1, 1, 1, 1), (59, 1, 1, 5), (59, 2, 2, 50)], 60, "0"),
        ([(1, 1, 1, 1), (59, 1, 1, 5), (59, 2, 2, 50)], 90, "0.001"),
        ([(1, 1, 2, 10), (30, 2, 1, 40)], 31, "0.006"),
    ],
)
def test_what_is_open_and_since_when(
    trades: list[tuple[float, int, int, int]], end: float, wanted: str
) -> None:
    assert open_after(trades, end) == Decimal(wanted)
