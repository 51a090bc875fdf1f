"""The kill switch: the word first, and it outlives everything."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import slots
from engine.kill_switch import KillSwitch, UnknownScope
from engine.state import StateDamaged
from hotpath.board import Board

SCOPES = ["alpha", "cross", "alpha.BTCUSDT"]


def board() -> Board:
    return Board.private([slots.kill(s) for s in ["all", *SCOPES]])


def words(b: Board) -> dict[str, int]:
    return {s: slots.WORD.unpack(b.read(b.slot(slots.kill(s)), 8)[1])[0] for s in ["all", *SCOPES]}


def test_closed_stays_closed_across_starts_until_opened(tmp_path: Path) -> None:
    first, b = KillSwitch(tmp_path, SCOPES), board()
    first.show_on(b)
    assert set(words(b).values()) == {0}
    first.close("cross", "a test")
    assert words(b) == {"all": 0, "alpha": 0, "cross": 1, "alpha.BTCUSDT": 0}
    again, fresh = KillSwitch(tmp_path, SCOPES), board()
    again.show_on(fresh)
    assert words(fresh)["cross"] == 1
    assert again.open_all() == ["cross"] and set(words(fresh).values()) == {0}
    assert KillSwitch(tmp_path, SCOPES).stored.closed == {}


def test_the_word_falls_even_when_the_disk_does_not_take_the_file(tmp_path: Path) -> None:
    switch, b = KillSwitch(tmp_path, SCOPES), board()
    switch.show_on(b)
    (tmp_path / "kill.json.new").mkdir()  # nothing can be written there
    assert switch.close("all", "a test") is False
    assert words(b)["all"] == 1


def test_a_switch_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "kill.json").write_text("{")
    with pytest.raises(StateDamaged):
        KillSwitch(tmp_path, SCOPES)


def test_an_unknown_scope_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownScope):
        KillSwitch(tmp_path, SCOPES).close("beta", "a test")
