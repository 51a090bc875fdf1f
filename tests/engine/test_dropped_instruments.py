"""No engine starts while an order may trade that nothing of its configuration would answer for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine import state
from engine.journal.actor import Journal
from engine.memory import Memory
from hotpath.order import pack_id, spell_id
from hotpath.records import Approved, Document, Header, Intent, Kind, OrderEvent, Record, join, pack

APPLICATION = """
application: t
lanes:
  - {name: journal, runtime: trio, actors: [{name: journal, kind: engine/journal}]}
"""
ROOT, VENUE, STRATEGY, GONE = 1, 500, 501, 77
LISTING = {"name": "alpha.BTCUSDT", "quote_asset": 2, "base_asset": 1, "tick": "0.01",
           "lot": "0.001", "min_notional": "5"}  # fmt: skip
ORDER = pack_id(1, STRATEGY, 1, 0, 0)
PENDING_NEW, NEW, CANCELED = 3, 4, 8  # hotpath/order.h


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "t.yaml").write_text(APPLICATION)
    argv = [sys.executable, "-m", "engine.main", "run", "t.yaml", "--for", "1s"]
    argv += ["--state", "state"]
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=60)


def order_that(where: Path, *events: OrderEvent) -> None:
    """The journal of an earlier configuration: a venue's order, and what became of it."""
    found = state.read_run(where)
    assert found is not None
    journal = Journal.open(where, found.instance)
    at = {ROOT: 10_000, VENUE: 0, STRATEGY: 0}

    def put(source: int, kind: Kind, what: Record) -> None:
        at[source] += 1
        payload = pack(what)
        size = 40 + len(payload)
        header = Header(size, kind, source, at[source], 10**9, 0, GONE, 0)
        journal.take_batch(source, [join(header, payload)])

    put(STRATEGY, Kind.DOCUMENT, Document(document={"journal": "listing", "listing": LISTING}))
    terms = {"op": 1, "side": 2, "type": 1, "price": 5_000_000, "quantity": 50, "venue": VENUE}
    put(STRATEGY, Kind.INTENT, Intent(strategy=STRATEGY, **terms))
    put(VENUE, Kind.APPROVED, Approved(id=ORDER, strategy=STRATEGY, **terms))
    for event in events:
        put(VENUE, Kind.ORDER_EVENT, event)
    journal.commit()
    journal.close()


def event(type: int, status: int, evidence: int = 0) -> OrderEvent:
    return OrderEvent(
        id=ORDER, type=type, status=status, evidence=evidence, effect=1, venue=VENUE,
        strategy=STRATEGY,
    )  # fmt: skip


@pytest.mark.parametrize("how", ["works", "in doubt", "over"])
def test_a_dropped_instrument_with_an_order_that_may_trade(tmp_path: Path, how: str) -> None:
    where = tmp_path / "state"
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    history = {
        "works": [event(2, NEW)],
        "in doubt": [event(4, PENDING_NEW, 1)],
        "over": [event(2, NEW), event(9, CANCELED)],
    }
    order_that(where, *history[how])
    for _ in range(2):  # nothing changes by trying
        done = run(tmp_path)
        if how == "over":
            assert done.returncode == 0, done.stderr
        else:
            assert done.returncode == 2
            assert done.stderr.startswith("TCL-2153: alpha.BTCUSDT is not configured any more")
            assert f"the first is {spell_id(ORDER)}, to sell 0.05" in done.stderr
    found = state.read_run(where)
    assert found is not None
    Memory.of_instance(found.instance).remove_all()
