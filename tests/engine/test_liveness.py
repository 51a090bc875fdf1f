"""Silence counts only while the root looked in time."""

from __future__ import annotations

from engine.liveness import Liveness

MS = 1_000_000


def test_silence_past_the_limit_is_told_once_it_is_past() -> None:
    w = Liveness(20 * MS)
    w.watch("a", 300 * MS, 0)
    for t in range(0, 1000, 20):
        beats = {"a": min(t, 500) // 100}  # the last beat is that of 500 ms
        hung = w.look(beats, t * MS)
        assert bool(hung) is (t > 800), t


def test_a_root_that_was_away_grants_what_it_was_late_by() -> None:
    w = Liveness(20 * MS)
    w.watch("a", 300 * MS, 0)
    w.watch("b", 300 * MS, 0)
    for t in range(0, 100, 20):
        w.look({"a": t, "b": t}, t * MS)
    assert w.look({"a": 80, "b": 80}, 5_000 * MS) == {}  # nothing came while it was away
    for t in range(5_020, 5_200, 20):
        assert w.look({"a": t, "b": 80}, t * MS) == {}
    for t in range(5_200, 5_500, 20):
        hung = w.look({"a": t, "b": 80}, t * MS)
    assert set(hung) == {"b"}


def test_a_lane_that_never_beat_is_hung_too() -> None:
    w = Liveness(20 * MS)
    w.watch("a", 100 * MS, 0)
    found = [t for t in range(0, 200, 20) if w.look({}, t * MS)]
    assert found == [120, 140, 160, 180]
    w.forget("a")
    assert w.look({}, 200 * MS) == {}
