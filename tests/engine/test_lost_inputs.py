"""Inputs that found no room in the recording are told: by `ps`, by the log and by the report."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import yaml

from engine import control
from engine.demo import SHIPPED, Demo
from engine.errors import TiercelError
from tests.engine.drill import TIERCEL
from tests.engine.running import until


class Narrow(Demo):
    """The demo with as little room for the inputs of the trading lane as there may be."""

    def document(self) -> dict[str, Any]:
        lanes = yaml.safe_load(SHIPPED.read_text())["lanes"]
        next(x for x in lanes if x["name"] == "trade")["inputs_kib"] = 64
        return super().document() | {"lanes": lanes}


def test_lost_inputs_are_told(tmp_path: Path) -> None:
    demo = Narrow(tmp_path / "state", 1)

    def lanes() -> dict[str, dict[str, Any]]:
        with contextlib.suppress(TiercelError, OSError):
            return {x["name"]: x for x in control.call(demo.state, "ps")["lanes"]}
        return {}

    try:
        demo.start()
        until(lambda: (now := lanes()) and all(x["state"] == "ready" for x in now.values()), 60.0)
        recorder = lanes()["recorder"]["pid"]
        os.kill(recorder, signal.SIGSTOP)
        lost = until(lambda: lanes().get("trade", {}).get("inputs_lost"), 30.0)
        with contextlib.suppress(ProcessLookupError):
            os.kill(recorder, signal.SIGCONT)
        done = subprocess.run(
            [*TIERCEL, "ps", "--state", str(demo.state)], capture_output=True, text=True, timeout=30
        )
        assert "recording incomplete" in done.stdout and "inputs of trade lost" in done.stdout
        assert not any("inputs_lost" in x for n, x in lanes().items() if n != "trade")
    finally:
        code = demo.stop()
        found = demo.report()
        for process in [demo.root, *(e.process for e in demo.exchanges)]:
            if process is not None:
                process.stdout.close()
    assert code == 0 and found["ledger_matches"]
    assert found["inputs_lost"] >= lost > 0
    assert not found["replay_identical"], "what follows a hole cannot be reproduced"
    assert "inputs not recorded" in (demo.state / "log" / "root.main.jsonl").read_text()
