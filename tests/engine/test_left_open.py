"""An engine that ended says which orders are in doubt and which pairs stand on one leg."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.journal.actor import Journal
from engine.left_open import left_in_words, left_open
from hotpath.order import pack_id, spell_id
from hotpath.records import Approved, Document, Fill, Header, Intent, Kind, OrderEvent, join, pack

PAIRS, A, B = 7, 8, 9
SECOND = 1_000_000_000
LISTING = {"quote_asset": 2, "base_asset": 1, "tick": "0.01", "lot": "0.001", "min_notional": "60"}


class Half:
    """A journal of one pair: 0.05 bought on A; what became of the sale on B is told in steps."""

    def __init__(self, state: Path) -> None:
        (state / "registry.jsonl").write_text(
            '{"kind": "source", "number": 7, "name": "pairs"}\n'
            '{"kind": "source", "number": 8, "name": "a"}\n'
            '{"kind": "source", "number": 9, "name": "b"}\n'
            '{"kind": "asset", "number": 1, "name": "BTC"}\n'
        )
        self.journal = Journal.open(state, 1)
        self.at: dict[int, int] = {}
        self.buy, self.sell = (pack_id(1, PAIRS, n, n - 1, 0) for n in (1, 2))
        for number, name in ((1, "a:BTCUSDT"), (2, "b:BTCUSDT")):
            listing = LISTING | {"name": name}
            self.put(1, Kind.DOCUMENT, number, Document(
                document={"journal": "listing", "listing": listing}))  # fmt: skip
        for leg, (venue, side, order) in enumerate(((A, 1, self.buy), (B, 2, self.sell))):
            terms: dict[str, Any] = {"op": 1, "side": side, "type": 1, "price": 5_000_000}
            terms |= {"quantity": 50, "strategy": PAIRS, "venue": venue}
            self.put(PAIRS, Kind.INTENT, leg + 1, Intent(group=1, leg=leg, legs=2, **terms))
            self.put(venue, Kind.APPROVED, leg + 1, Approved(id=order, **terms))
        self.fill(A, 1, self.buy)

    def put(self, source: int, kind: Kind, instrument: int, what: Any) -> None:
        self.at[source] = position = self.at.get(source, 0) + 1
        payload = pack(what)
        header = Header(40 + len(payload), kind, source, position, SECOND, 0, instrument, 0)
        self.journal.take_batch(source, [join(header, payload)])

    def fill(self, venue: int, side: int, order: int, lots: int = 50) -> None:
        self.put(venue, Kind.FILL, venue - A + 1, Fill(
            id=order, side=side, status=6, trade_id=5, price=5_000_000, quantity=lots,
            cumulative=lots, strategy=PAIRS, venue=venue, effect=49,
        ))  # fmt: skip

    def end(self) -> None:
        self.journal.commit()
        self.journal.close()


def test_without_a_journal_nothing_is_open(tmp_path: Path) -> None:
    assert left_in_words(left_open(tmp_path)) == []


def test_an_order_in_doubt_and_the_leg_that_stands_alone(tmp_path: Path) -> None:
    half = Half(tmp_path)
    half.put(B, Kind.ORDER_EVENT, 2, OrderEvent(
        id=half.sell, type=4, status=3, evidence=1, effect=1, venue=B, strategy=PAIRS,
    ))  # fmt: skip
    half.end()
    left = left_open(tmp_path)
    assert left["orders_unknown"] == [{
        "order": f"{half.sell:032x}", "client_order_id": spell_id(half.sell), "venue": "b",
        "listing": "b:BTCUSDT", "side": "sell", "quantity": "0.05", "filled": "0",
    }]  # fmt: skip
    assert left["open_legs"] == [{"strategy": "pairs", "asset": "BTC", "quantity": "0.05"}]
    doubt, leg = left_in_words(left)
    assert doubt.startswith(f"in doubt: order {half.sell:032x} to sell 0.05 of b:BTCUSDT on b")
    assert leg.startswith("open leg: pairs has bought 0.05 BTC more than it sold")


@pytest.mark.parametrize("lots", [50, 49])
def test_a_pair_that_is_whole_is_none_nor_what_no_venue_would_take(
    tmp_path: Path, lots: int
) -> None:
    half = Half(tmp_path)
    half.fill(B, 2, half.sell, lots)
    half.end()
    left = left_open(tmp_path)
    assert left["orders_unknown"] == []
    assert left["open_legs"] == []
