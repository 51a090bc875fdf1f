"""`tiercel kill --scope` of a strategy, a venue and a listing on a running engine, end to end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from engine import control, slots
from engine.demo_world import make_key
from engine.errors import TiercelError
from engine.journal.store import open_reader
from hotpath.records import Kind, unpack
from tests.engine.drill import TIERCEL, Drill, agrees, sent_once
from tests.engine.running import until

SCOPES = ("cross", "alpha", "alpha.BTCUSDT")


def tiercel(drill: Drill, *words: str) -> dict[str, Any]:
    done = subprocess.run(
        [*TIERCEL, *words, "--state", str(drill.state), "--json"],
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, done
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def closed(drill: Drill) -> list[str]:
    """The scopes whose word is on, as the gates read them."""
    board = drill.board()
    found = []
    for scope in ("all", "alpha", "beta", *SCOPES[::2], "beta.BTCUSDT"):
        _, data = board.read(board.slot(slots.kill(scope)), slots.WORD.size)
        if slots.WORD.unpack(data)[0]:
            found.append(scope)
    return found


def killed_at(drill: Drill, after: int) -> set[int]:
    """Sources of the venues that refused by the kill switch since an event."""
    db = open_reader(drill.state)
    try:
        rows = db.execute(
            "SELECT payload FROM event WHERE kind = ? AND id > ?", (int(Kind.REFUSED), after)
        ).fetchall()
    finally:
        db.close()
    refused: list[Any] = [unpack(int(Kind.REFUSED), payload) for (payload,) in rows]
    return {r.venue for r in refused if (r.control, r.value) == (21, 1)}


def newest(drill: Drill) -> int:
    db = open_reader(drill.state)
    try:
        return int(next(iter(db.execute("SELECT coalesce(max(id), 0) FROM event")))[0])
    finally:
        db.close()


@pytest.mark.long
@pytest.mark.timeout(420)
def test_a_wrong_key_is_told_in_coded_words(drill: Drill, tmp_path: Path) -> None:
    """An engine whose key the exchanges do not know: an alert, no order, an orderly end."""
    key, other = make_key(tmp_path / "unknown.key.json"), tmp_path / "other"
    environment = dict(os.environ)
    for venue in ("ALPHA", "BETA"):
        environment[f"TIERCEL_DEMO_{venue}_KEY"] = key.api_key
        environment[f"TIERCEL_DEMO_{venue}_SECRET"] = key.private_pem
    engine = subprocess.Popen(
        [*TIERCEL, "run", str(drill.state / "demo.yaml"), "--state", str(other)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:

        def alerts() -> list[str]:
            with contextlib.suppress(TiercelError, OSError):
                return [a["code"] for a in control.call(other, "ps").get("alerts", [])]
            return []

        drill.until(lambda: alerts() == ["TCL-5210", "TCL-5210"])
        engine.send_signal(signal.SIGINT)
        _, err = engine.communicate(timeout=60)
        assert engine.returncode == 0, err
        assert key.private_pem not in err
    finally:
        engine.kill()
    drill.wait_trading()
    agrees(drill.end(), drill.state)


@pytest.mark.long
@pytest.mark.timeout(420)
def test_a_scope_stops_alone_outlives_a_restart_and_is_lifted(drill: Drill) -> None:
    for scope in SCOPES:
        before = newest(drill)
        tiercel(drill, "kill", "--scope", scope)
        assert closed(drill) == [scope]
        drill.until(lambda: drill.live_orders() == 0)
        placed = len(drill.ledger("order"))
        drill.until(lambda at=before: killed_at(drill, at))
        assert scope == "cross" or len(killed_at(drill, before)) == 1, "the other venue refused too"
        os.kill(drill.root(), signal.SIGKILL)  # the demo starts another
        drill.wait_ready()
        assert closed(drill) == [scope], "a restart has opened what was killed"
        until(lambda at=drill.seconds: drill.seconds > at + 1.0)
        assert len(drill.ledger("order")) == placed, "an order of a killed scope"
        assert scope in tiercel(drill, "resume", "--yes")["opened"]
        assert closed(drill) == []
        drill.wait_trading()
    agrees(drill.end(), drill.state)
    sent_once(drill)
