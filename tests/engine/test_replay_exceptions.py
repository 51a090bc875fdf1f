"""A lane that an exception ended replays to the same end; one that went on is a difference."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import yaml

from engine import config
from engine.assembly import Assembly
from engine.memory import Memory
from engine.one_lane import reduced
from engine.recording import Writing
from engine.registry import Registry
from engine.replay import replay_file
from engine.secret import hide_hook
from hotpath.records import SCHEMA_HASH, Document, Header, InputTimer, Kind, Record, join, pack
from tests.engine.test_backtest import application

STRATEGY = """
from hotpath.strategy import Strategy

class Fragile(Strategy):
    def on_start(self):
        self.arm(self.now + 1000, 7)

    def on_timer(self, token):
        raise RuntimeError("no more")
"""
START = 1_700_000_000_000_000_000
INPUTS = 900


def recording(folder: Path, timers: int) -> Path:
    """A session of one lane that lets no actor fail: its start, and timers of its strategy."""
    file = application(folder, STRATEGY)
    document = yaml.safe_load(file.read_text())
    document["lanes"][1]["supervision"] = {"max_restarts": 0}
    file.write_text(yaml.safe_dump(document))
    for name in ("state", "memory"):
        (folder / name).mkdir(mode=0o700)
    configuration = reduced(config.read(file))
    registry = Registry(folder / "state")
    assembly = Assembly(
        configuration, registry, Memory(folder / "memory"), "run", folder, lambda name, source: 1
    )
    spec = assembly.spec(configuration.application.lanes[0], 1, 0, 0)
    assembly.close()
    registry.close()
    strategy = next(a for a in spec.actors if a.role == "strategy")
    spec = msgspec.structs.replace(spec, actors=[strategy])
    start = {
        "start": msgspec.to_builtins(spec, enc_hook=hide_hook),
        "seed": 1,
        "offset": 0,
        "positions": {strategy.name: 0},
    }
    records: list[Record] = [Document(document=start), Document(document={"turn": "start"})]
    records += [InputTimer(actor=strategy.source, token=7, due=START) for _ in range(timers)]
    block = [
        join(Header(0, int(kind), INPUTS, n, START + n, 0, 0, 0), pack(record))
        for n, record in enumerate(records, 1)
        for kind in (Kind.INPUT_TIMER if isinstance(record, InputTimer) else Kind.DOCUMENT,)
    ]
    path = folder / "session.tcr"
    writing = Writing(path, {"application": "tested", "run": "r", "schema_hash": SCHEMA_HASH})
    writing.write(block)
    writing.close()
    return path


@pytest.mark.parametrize(("timers", "identical"), [(0, True), (1, True), (2, False)])
def test_an_exception_ends_the_life_in_both(tmp_path: Path, timers: int, identical: bool) -> None:
    found = replay_file(recording(tmp_path, timers))
    assert found["identical"] is identical, found["first_difference"]
    if not identical:
        assert found["first_difference"] == {
            "what": "exception", "lane": "backtest", "error": "RuntimeError: no more"
        }  # fmt: skip
