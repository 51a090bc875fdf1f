"""The replay bench measures what it says: the same trading by every variant, on data of its own."""

from __future__ import annotations

from typing import Any

import pytest

from bench import replay
from bench.replay import PythonQuoter, PythonWatcher, Quoter, Stand
from feeds.binance.normalise import Normaliser
from hotpath.tape import Tape


@pytest.fixture(scope="module")
def given() -> replay.Input:
    return replay.synthetic_input(1500)


def tape_of(given: replay.Input) -> Tape:
    tape = Tape()
    Normaliser(tape, [(replay.SPEC, 0)]).take(given.times, given.frames)
    return tape


def run(tape: Tape, kind: type[Any]) -> Stand:
    stand = Stand(tape, kind, late=True)
    stand.test.start(replay.START_NS)
    stand.test.run()
    stand.check()
    return stand


def test_the_variants_trade_alike(given: replay.Input) -> None:
    compiled, python = run(tape_of(given), Quoter), run(tape_of(given), PythonQuoter)
    assert compiled.venue.sent == python.venue.sent > 100
    assert compiled.strategy.outbox.position == python.strategy.outbox.position
    assert compiled.venue.outbox.position == python.venue.outbox.position
    assert compiled.strategy.asked == python.strategy.asked
    assert compiled.test.events == tape_of(given).count


def test_every_event_asks_the_watcher(given: replay.Input) -> None:
    tape = tape_of(given).each_alone()
    watcher = run(tape, PythonWatcher)
    joined = 1 + 2 * 1000  # the snapshot's levels; a book in doubt is no news
    assert tape.count >= watcher.strategy.asked > tape.count - joined - 10


def test_a_tape_in_pieces_is_the_whole_tape(given: replay.Input) -> None:
    """What the raw row does: normalise a few frames, play them, give their room back."""
    whole = Stand(tape_of(given), Quoter, late=True)
    whole.test.start(replay.START_NS)
    whole.test.run()
    tape = Tape()
    reader, stand = Normaliser(tape, [(replay.SPEC, 0)]), Stand(tape, Quoter, late=True)
    stand.test.start(replay.START_NS)
    for start in range(0, len(given.frames), 77):
        end = min(start + 77, len(given.frames))
        reader.take(given.times, given.frames, start, end)
        stand.test.run(more=True)
        stand.test.forget()
    stand.test.run()
    assert stand.test.events == whole.test.events
    assert stand.venue.outbox.position == whole.venue.outbox.position
    assert stand.venue.sent == whole.venue.sent


def test_rows_need_no_shared_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERCEL_SHARED", "/nonexistent")
    monkeypatch.setattr(replay, "SYNTHETIC_FRAMES", 800)
    assert replay.shared_input() is None
    found = replay.rows(quick=True)
    assert [r["id"] for r in found] == [
        "replay_raw", "replay_compiled", "replay_python_top", "replay_python_all",
    ]  # fmt: skip
    for row in found:
        assert set(row) == {
            "id", "value", "unit", "floor", "ratio", "must", "aim", "ok", "runs",
        }  # fmt: skip
        assert len(row["runs"]) == 3
