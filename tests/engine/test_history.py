"""A venue's earlier life: from the journal, once it has caught up with the outbox."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from engine import history
from engine.history import LIMIT, HistoryNotStored, of_strategy, of_venue
from engine.journal.actor import Journal
from engine.journal.store import Store
from hotpath.order import pack_id as pack_order_id
from hotpath.records import (
    Approved,
    Fill,
    Header,
    Heartbeat,
    Intent,
    Kind,
    OrderEvent,
    join,
    pack,
    split,
    unpack,
)
from hotpath.ring import Outbox

SOURCE = 7
APPROVED = Approved(op=1, side=1, type=1, time_in_force=1)
EVENT = OrderEvent(type=5, status=4)
FILL = Fill(side=1, status=6, trade_id=1, quantity=1)


def record(position: int, what: object) -> bytes:
    payload = pack(what)  # type: ignore[arg-type]
    kinds = {Approved: Kind.APPROVED, OrderEvent: Kind.ORDER_EVENT, Fill: Kind.FILL}
    kind = kinds.get(type(what), Kind.HEARTBEAT)  # type: ignore[call-overload]
    return join(Header(40 + len(payload), kind, SOURCE, position, position, 0, 1, 0), payload)


def write(store: Store, *records: bytes) -> None:
    for raw in records:
        store.append(raw)
    store.begin()
    store.commit()


def outbox_at(last: int, first: int = 1) -> Outbox:
    outbox = Outbox.private(1 << 16, SOURCE, first_position=first)
    for _ in range(last - first + 1):
        outbox.append(int(Kind.HEARTBEAT), pack(Heartbeat()))
    return outbox


def test_without_a_journal_there_is_no_earlier_life(tmp_path: Path) -> None:
    assert of_venue(tmp_path, outbox_at(3), 1, "venue") == []


def test_only_what_speaks_of_orders_comes_back_in_order(tmp_path: Path) -> None:
    store = Store(tmp_path, 1)
    records = [record(n, w) for n, w in enumerate((APPROVED, Heartbeat(), EVENT, FILL), 1)]
    write(store, *records)
    found = of_venue(tmp_path, outbox_at(4), 1, "venue")
    assert found[:-1] == [records[0], records[2], records[3]]
    store.close()


def test_it_waits_for_what_the_outbox_has_and_the_journal_not_yet(tmp_path: Path) -> None:
    store = Store(tmp_path, 1)
    write(store, record(1, APPROVED))

    def later() -> None:
        time.sleep(0.2)
        mine = Store(tmp_path, 1)
        write(mine, record(2, FILL))
        mine.close()

    store.close()
    thread = threading.Thread(target=later)
    thread.start()
    found = of_venue(tmp_path, outbox_at(2), 1, "venue")
    thread.join()
    assert [split(raw)[0].position for raw in found[:-1]] == [1, 2]


def test_a_journal_that_does_not_catch_up_is_a_coded_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path, 1)
    write(store, record(1, APPROVED))
    monkeypatch.setattr(history, "PATIENCE_S", 0.05)
    with pytest.raises(HistoryNotStored, match="record 1 of 3"):
        of_venue(tmp_path, outbox_at(3), 1, "venue")
    store.close()


def test_a_range_of_positions_that_was_skipped_is_not_waited_for(tmp_path: Path) -> None:
    store = Store(tmp_path, 1)
    write(store, record(1, APPROVED))
    assert len(of_venue(tmp_path, outbox_at(9999, first=10_000), 10_000, "venue")) == 2
    store.close()


def test_a_strategy_hears_what_its_orders_came_to(tmp_path: Path) -> None:
    """Net of its trades by instrument, its last group, and the order that may still trade."""
    assert of_strategy(tmp_path, outbox_at(0), 1, "cross") is None
    strategy, venue = SOURCE, SOURCE + 1
    journal = Journal.open(tmp_path, 1)

    def put(kind: Kind, source: int, position: int, cause: int, what: object) -> None:
        payload = pack(what)  # type: ignore[arg-type]
        header = Header(40 + len(payload), kind, source, position, position, cause, 1, 0)
        journal.take_batch(source, [join(header, payload)])

    ended, open_ = (pack_order_id(1, strategy, n, 0, 0) for n in (1, 2))
    for n, order in ((1, ended), (2, open_)):
        intent = Intent(op=1, side=1, quantity=5, group=n, strategy=strategy, venue=venue, legs=1)
        put(Kind.INTENT, strategy, n, 0, intent)
        sent = Approved(id=order, op=1, side=1, quantity=5, strategy=strategy, venue=venue)
        put(Kind.APPROVED, venue, n, strategy << 48 | n, sent)
    trade = Fill(
        id=ended, side=1, status=6, trade_id=9, quantity=5, cumulative=5, strategy=strategy,
        venue=venue, effect=49,
    )  # fmt: skip
    put(Kind.FILL, venue, 3, 0, trade)
    journal.commit()
    journal.close()
    raw = of_strategy(tmp_path, outbox_at(2), 1, "cross")
    assert raw is not None
    header, payload = split(raw)
    found: Any = unpack(header.kind, payload)
    assert found.document["net"] == {"1": 5} and found.document["group"] == 2
    assert [int(o["id"], 16) for o in found.document["orders"]] == [open_]


def test_the_position_counts_trades_older_than_what_is_read_back(tmp_path: Path) -> None:
    """More trades than LIMIT: a restarted gate knows the whole position, and an old live order."""
    from tests.venues.binance.stage import SOURCE as STRATEGY
    from tests.venues.binance.stage import VENUE, Stage

    orders = LIMIT // 2 + 3000
    journal = Journal.open(tmp_path, 77)
    position = 0

    def put(kind: Kind, what: object) -> None:
        nonlocal position
        position += 1
        payload = pack(what)  # type: ignore[arg-type]
        header = Header(40 + len(payload), kind, VENUE, position, position, 0, 100, 0)
        journal.take_batch(VENUE, [join(header, payload)])

    common: dict[str, Any] = {"strategy": STRATEGY, "venue": VENUE, "side": 1}
    resting = pack_order_id(77, STRATEGY, orders + 1, 0, 0)
    terms: dict[str, Any] = {"op": 1, "type": 1, "time_in_force": 1, "price": 4_000_000}
    put(Kind.APPROVED, Approved(id=resting, quantity=9, **terms, **common))
    put(Kind.ORDER_EVENT, OrderEvent(
        id=resting, type=5, status=4, cumulative=-1, effect=1, venue_order_id=5,
        venue=VENUE, strategy=STRATEGY,
    ))  # fmt: skip
    bought = spent = 0
    for n in range(1, orders + 1):
        id, lots, price = pack_order_id(77, STRATEGY, n, 0, 0), n % 7 + 1, 4_900_000 + n
        side = 1 if n < 4000 or n % 2 else 2
        common["side"] = side
        put(Kind.APPROVED, Approved(id=id, quantity=lots, **terms, **common))
        put(Kind.FILL, Fill(
            id=id, status=6, trade_id=n, price=price, quantity=lots, cumulative=lots, effect=49,
            **common,
        ))  # fmt: skip
        sign = 1 if side == 1 else -1
        bought, spent = bought + sign * lots, spent + sign * lots * price
        if n % 5000 == 0:
            journal.commit()
    journal.commit()
    journal.close()
    outbox = Outbox.private(1 << 16, VENUE, first_position=position + 1)
    records = of_venue(tmp_path, outbox, position + 1, "venue")
    newest = [unpack(h.kind, p) for h, p in map(split, records) if h.kind == Kind.FILL]
    seen = sum(f.quantity if f.side == 1 else -f.quantity for f in newest)
    assert len(newest) < orders and seen != bought, "the test reads back all there is"
    stage = Stage(history=records)
    assert stage.venue.gate.exposure(100) == (bought, 9, 0, 1)
    assert stage.state(resting)[0] == "NEW"
    stored = split(records[-1])
    told: Any = unpack(stored[0].kind, stored[1])
    assert told.document["costs"] == [[STRATEGY, 100, spent]]
    assert told.document["last_fill"] == position
