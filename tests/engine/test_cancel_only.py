"""While the journal could not keep what comes of an order, nothing leaves but cancels."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from engine import slots, state
from engine.errors import TiercelError
from engine.memory import Memory
from hotpath.board import Board
from hotpath.order import spell_id
from hotpath.records import Kind
from tests.engine.drill import TIERCEL, Drill, agrees, sent_once
from tests.engine.running import Engine, lane, running, until
from tests.engine.small_disk import MIB, clear, fill, small_disk
from tests.engine.test_root import drill
from tests.venues.binance.stage import WORD, Stage

LOW, DOWN = "TCL-3031", "TCL-3032"


def word(where: Path, memory: Path | None = None) -> int:
    """What the gates of a running engine read."""
    run = state.read_run(where)
    assert run is not None
    fd = Memory.of_instance(run.instance, memory).open("board")
    try:
        board = Board.attach(fd)
    finally:
        os.close(fd)
    _, data = board.read(board.slot(slots.CANCEL_ONLY), 8)
    return int(slots.WORD.unpack(data)[0])


def alerts(engine: Engine) -> list[str]:
    return [a["code"] for a in engine.ps().get("alerts", [])]


def tree() -> dict[str, Any]:
    return drill(lane("journal", kind="engine/journal"), lane("venue_a"), lane("b"))


def test_a_gate_lets_cancels_out_and_nothing_else() -> None:
    """The word is read when an intent reserves; orders that live are left alone."""
    stage = Stage()
    stage.start()
    id = stage.place()
    stage.report(id, "NEW")
    stage.board.write(5, WORD.pack(1))
    stage.sent.clear()
    stage.records()
    stage.place(price=4_980_000)
    refused = [r for _, r in stage.records(Kind.REFUSED)]
    assert [(r.control, r.value) for r in refused] == [(21, 2)]
    stage.wait(3000)
    assert not {"order.place", "order.cancel", "openOrders.cancelAll"} & set(stage.methods())
    stage.strategy.cancel(stage.market, id)
    assert stage.sent[-1]["method"] == "order.cancel"
    assert stage.sent[-1]["params"]["origClientOrderId"] == spell_id(id)
    stage.board.write(5, WORD.pack(0))
    stage.place(price=4_970_000)
    assert stage.sent[-1]["method"] == "order.place"


def test_a_dead_journal_closes_the_gates_until_it_is_back(tmp_path: Path) -> None:
    with running(tmp_path, tree()) as e:
        e.wait_ready()
        assert alerts(e) == [] and word(e.state, e.memory) == 0
        pid = e.lane("journal")["pid"]
        os.kill(pid, signal.SIGKILL)
        until(lambda: alerts(e) == [DOWN])
        until(lambda: e.lane("journal")["state"] == "ready")
        until(lambda: alerts(e) == [])
        assert word(e.state, e.memory) == 0
        told = [x for x in e.errors() if x["event"] == "cancel only"]
        assert [x["code"] for x in told] == [DOWN]
        assert e.end()[0] == 0


def test_a_nearly_full_disk_closes_the_gates_until_the_venues_are_reconciled(
    tmp_path: Path,
) -> None:
    with small_disk(tmp_path / "disk", 400) as disk, running(disk, tree()) as e:
        e.wait_ready()
        assert word(e.state, e.memory) == 0
        fill(disk, 200 * MIB)
        until(lambda: alerts(e) == [LOW])
        assert word(e.state, e.memory) == 2
        done = subprocess.run(
            [*TIERCEL, "ps", "--state", str(e.state)], capture_output=True, text=True, timeout=30
        )
        assert LOW in done.stdout and "nearly full" in done.stdout
        clear(disk)
        until(lambda: alerts(e) == [])
        assert word(e.state, e.memory) == 0
        assert e.end()[0] == 0


def test_it_stays_closed_while_reconciliation_is_not_clean(tmp_path: Path) -> None:
    lanes = [lane("journal", kind="engine/journal"), lane("venue_a", settings={"unclean": True})]
    with small_disk(tmp_path / "disk", 400) as disk, running(disk, drill(*lanes)) as e:
        e.wait_ready()
        fill(disk, 200 * MIB)
        until(lambda: alerts(e) == [LOW])
        clear(disk)
        asked = e.state / "seen" / "venue_a.reconcile"
        until(lambda: asked.exists() and len(asked.read_text().splitlines()) >= 2)
        assert alerts(e) == [LOW], "it was lifted though the venue did not agree"
        assert e.end()[0] == 0


def test_no_room_at_the_start_is_a_coded_error_and_nothing_is_lost(tmp_path: Path) -> None:
    """A state directory on a disk without a byte: the start says so, the next one works."""
    with small_disk(tmp_path / "disk", 64) as disk:
        with running(disk, tree()) as e:
            e.wait_ready()
            epochs = [x["epoch"] for x in e.seen("b")]
            assert e.end()[0] == 0
        fill(disk, 0)
        with running(disk, tree()) as e:
            code, err = e.wait()
        assert code == 2 and err.startswith("TCL-3004"), err
        assert "Traceback" not in err
        clear(disk)
        with running(disk, tree()) as e:
            e.wait_ready()
            assert [x["epoch"] for x in e.seen("b")][: len(epochs)] == epochs
            assert e.end()[0] == 0


def test_a_state_directory_that_may_not_be_written_is_a_coded_error(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 4) as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with pytest.raises(TiercelError, match=r"TCL-300[24].*Read-only"):
            state.StateDirectory(disk / "state")


@pytest.mark.long
@pytest.mark.timeout(420)
def test_the_demo_on_a_disk_that_fills_up(tmp_path: Path) -> None:
    """No order reaches an exchange while the disk is nearly full; after it trading goes on."""
    with small_disk(tmp_path / "disk", 1200) as disk:
        demo = Drill(disk / "state")
        try:
            demo.wait_ready()
            demo.wait_trading()
            fill(disk, 200 * MIB)
            demo.until(lambda: word(demo.state) == 2)
            demo.until(lambda: demo.live_orders() == 0)
            placed = len(demo.ledger("order"))
            until(lambda before=demo.seconds: demo.seconds > before + 3.0)
            assert len(demo.ledger("order")) == placed, "an order left while the disk was full"
            clear(disk)
            demo.until(lambda: word(demo.state) == 0)
            demo.wait_trading(4)
            agrees(demo.end(), demo.state)
            sent_once(demo)
        finally:
            demo.kill()
