"""A venue's earlier life: from the journal, once it has caught up with the outbox."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from engine import history
from engine.history import HistoryNotStored, of_venue
from engine.journal.store import Store
from hotpath.records import Approved, Fill, Header, Heartbeat, Kind, OrderEvent, join, pack, split
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
    assert found == [records[0], records[2], records[3]]
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
    assert [split(raw)[0].position for raw in found] == [1, 2]


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
    assert len(of_venue(tmp_path, outbox_at(9999, first=10_000), 10_000, "venue")) == 1
    store.close()
