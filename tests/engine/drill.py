"""A demo that is hurt on purpose: started, watched, its lanes killed or stopped, its exchanges told
to misbehave; and what is true of it afterwards, said by the exchanges' ledgers.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from engine import control, slots, state
from engine.demo_world import ACCOUNT
from engine.errors import TiercelError
from engine.memory import Memory
from hotpath.board import Board
from tests.engine.running import until

TIERCEL = [sys.executable, "-m", "engine.main"]
LANES = ("journal", "recorder", "control", "trade")
VENUES = ("alpha", "beta")
START_S = 90.0
END_S = 180.0
CHECK_S = 120.0


class Drill:
    """A running demo and its exchanges' control sockets."""

    def __init__(self, where: Path, seed: int = 1) -> None:
        self.state = where
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [*TIERCEL, "demo", "--state", str(where), "--seed", str(seed), "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._board: Board | None = None
        self._slots: dict[str, int] = {}

    @property
    def seconds(self) -> float:
        """Since the demo was started."""
        return time.monotonic() - self.began

    # ---- what it is like now

    def lanes(self) -> dict[str, dict[str, Any]]:
        """The lanes as the root sees them; empty while no root answers."""
        with contextlib.suppress(TiercelError, OSError):
            return {x["name"]: x for x in control.call(self.state, "ps", 10.0)["lanes"]}
        return {}

    def pid(self, lane: str) -> int | None:
        """The process of a lane, if it has one now."""
        found = self.lanes().get(lane)
        return None if found is None else found["pid"]

    def root(self) -> int:
        """The root's process."""
        run = state.read_run(self.state)
        assert run is not None
        return run.root

    def wait_ready(self) -> None:
        """Until every lane is ready."""
        self.until(lambda: (r := self.lanes()) and all(x["state"] == "ready" for x in r.values()))

    def until(self, what: Any, seconds: float = START_S) -> Any:
        """Wait, but not for a demo that has ended."""

        def look() -> Any:
            assert self.process.poll() is None, self.process.communicate()
            return what()

        return until(look, seconds)

    def board(self) -> Board:
        """The board of the run that is going on."""
        run = state.read_run(self.state)
        assert run is not None
        fd = Memory.of_instance(run.instance).open("board")
        try:
            return Board.attach(fd)
        finally:
            os.close(fd)

    def live_orders(self) -> int:
        """Orders that may still trade, as both venues show it."""
        board = self.board()
        live = 0
        for venue in VENUES:
            version, data = board.read(board.slot(slots.venue(f"venue_{venue}")), 24)
            live += int.from_bytes(data[8:16], "little") if version else 0
        return live

    def trades(self, venue: str | None = None) -> int:
        """Our trades in the exchanges' ledgers, of one venue or of both."""
        return len(self.ledger("fill", venue))

    def ledger(self, kind: str, venue: str | None = None) -> list[dict[str, Any]]:
        """Our lines of one type."""
        found = []
        for name in VENUES if venue is None else (venue,):
            path = self.state / "exchanges" / f"{name}.ledger.jsonl"
            if not path.exists():
                continue
            for raw in path.read_bytes().split(b"\n")[:-1]:
                line = json.loads(raw)
                if line["t"] == kind and line["account"] == ACCOUNT:
                    found.append(line)
        return found

    def wait_trading(self, more: int = 2, venue: str | None = None) -> None:
        """Until there are so many more trades than now."""
        wanted = self.trades(venue) + more
        self.until(lambda: self.trades(venue) >= wanted)

    # ---- what is done to it

    def send(self, lane: str, number: int) -> int | None:
        """A signal to a lane's process; its pid, or None when it has none just now."""
        pid = self.pid(lane)
        if pid is None:
            return None
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return None
        return pid

    def tell(self, venue: str, **words: Any) -> dict[str, Any]:
        """One line to an exchange's control socket, and its answer."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10.0)
            s.connect(str(self.state / "exchanges" / f"{venue}.control"))
            s.sendall(json.dumps(words).encode() + b"\n")
            answer: dict[str, Any] = json.loads(s.makefile().readline())
        return answer

    def fault(self, venue: str, fault: str, **words: Any) -> None:
        """Switch a fault on."""
        answer = self.tell(venue, op="fault", fault=fault, **words)
        assert answer.get("ok"), answer

    # ---- its end

    def end(self, limit_s: float = END_S) -> dict[str, Any]:
        """Ctrl-C; the report. A long session is replayed and compared for long."""
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=limit_s)
        assert out.strip(), err
        found: dict[str, Any] = json.loads(out.splitlines()[-1])
        return found | {"code": self.process.returncode, "stderr": err}

    def kill(self) -> None:
        """Whatever is left when a test has failed: the exchanges and the root follow the demo."""
        self.process.kill()
        self.process.wait(20)


def agrees(report: dict[str, Any], where: Path, limit_s: float = CHECK_S) -> None:
    """Journal, ledgers and recordings tell one story, and nobody is left behind."""
    assert report["ledger_matches"], report["ledger_differences"]
    assert report["orders_unknown"] == 0, report
    assert report["unhedged"] == "0", report["unhedged"]
    assert report["replay_identical"], report["replays"]
    assert report["code"] == 0, report
    done = subprocess.run(
        [*TIERCEL, "journal", "check", "--state", str(where), "--json"],
        capture_output=True,
        text=True,
        timeout=limit_s,
    )
    found = json.loads(done.stdout)
    assert done.returncode == 0 and found["ok"], found["differences"][:5]
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes().decode(errors="replace")
            assert str(where) not in command, command


def sent_once(drill: Drill) -> None:
    """No client id reached an exchange twice."""
    for venue in VENUES:
        ids = Counter(x["client_id"] for x in drill.ledger("order", venue))
        assert ids and max(ids.values()) == 1, ids.most_common(3)
