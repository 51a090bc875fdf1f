"""The bounded part of `make chaos`: counts and times that the engine must hold."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from engine.engine_clock import EngineClock
from tests.chaos import pressure
from tests.chaos.__main__ import rows_of
from tests.chaos.books import books, lifetimes
from tests.chaos.command import commands
from tests.chaos.crashes import EVERY, crashes
from tests.chaos.kills import kills, recoveries
from tests.chaos.matrix import injected, is_of
from tests.chaos.memory_limit import memory_limits
from tests.chaos.mutants import MUTANTS, mutants
from tests.chaos.network import ENDED, network, secure
from tests.chaos.pressure import bursts, clocks, rings, storms
from tests.chaos.races import expiries, killed_in_trouble, races
from tests.chaos.replies import submits
from tests.chaos.soak import soak
from tests.chaos.switch import switches
from tests.chaos.table import Row, render, upper_bound
from tests.engine.drill import LANES


def holds(*rows: Row) -> None:
    print("\n" + render(list(rows)))
    assert not any(r.broken for r in rows), render(list(rows))


def test_the_bound_is_clopper_and_pearsons() -> None:
    assert upper_bound(0, 100) == pytest.approx(1 - 0.05 ** (1 / 100))
    assert upper_bound(0, 10_000) == pytest.approx(3 / 10_000, rel=0.01)
    assert upper_bound(2, 20) == pytest.approx(0.28262, abs=1e-4)  # of published tables
    assert upper_bound(5, 5) == 1.0 and upper_bound(0, 0) == 1.0


def test_a_table_says_what_is_broken_and_what_was_not_run() -> None:
    row = Row("X00", "a fault", "holds", injected=3)
    row.times_ms += [1.0, 2.0, 900.0]
    row.within(500.0, "the way back")
    said = render([row, Row("X06", "other", "holds", skipped="no reason")])
    assert "2.0/900.0/900.0" in said and "p99 900.0 ms, allowed are 500.0 ms" in said
    assert "not run X06 other: no reason" in said


def test_a_row_counts_what_its_tests_say_they_injected() -> None:
    told = ET.fromstring(
        '<testcase classname="tests.a.test_b" name="test_c[1]"><properties>'
        '<property name="injected" value="720"/></properties></testcase>'
    )
    silent = ET.fromstring('<testcase classname="tests.a.test_b" name="test_d"/>')
    assert (injected(told), injected(silent)) == (720, 1)
    assert is_of(told, "tests/a/test_b.py::test_c") and is_of(silent, "tests/a/test_b.py")
    assert not is_of(silent, "tests/a/test_b.py::test_c") and not is_of(told, "tests/b/test_b.py")


def test_the_table_is_printed_whatever_a_part_meets(capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> list[Row]:
        raise OSError("no room")

    (broken,) = rows_of("images", 5, fails, is_over=False)
    assert broken.broken == ["OSError: no room"]
    (off,), (late,) = (rows_of("images", n, fails, is_over=True) for n in (0, 5))
    assert "--images is 0" in off.skipped and "minutes" in late.skipped


def test_some_submits_at_lost_replies() -> None:
    holds(submits(150))


def test_some_books_races_and_lives() -> None:
    holds(*books(5_000), lifetimes(200), races(150), expiries(5), killed_in_trouble(3))


def test_some_bursts_storms_and_steps_of_the_clock() -> None:
    holds(rings(20), bursts(20), storms(1_500), clocks(500))


def test_a_gate_without_limits_is_seen_in_a_storm(monkeypatch: pytest.MonkeyPatch) -> None:
    loose = pressure.LIMITS | {"per_second": 10**6, "executions": 10**6, "rejects": 100}
    monkeypatch.setattr(pressure, "LIMITS", loose)
    said = " ".join(storms(600).broken)
    assert "R11" in said and "R14" in said and "R16" in said


def test_a_clock_that_goes_back_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stepping(EngineClock):
        def advance(self, elapsed_ns: int) -> bool:
            self.offset = self._target
            return True

    monkeypatch.setattr(pressure, "EngineClock", Stepping)
    assert clocks(50).broken


@pytest.mark.long
def test_bursts_storms_and_steps_of_the_clock_at_volume() -> None:
    holds(bursts(200), storms(20_000), clocks(10_000))


@pytest.mark.long
def test_two_thousand_submits_at_lost_replies() -> None:
    holds(submits(2_000), submits(1_000, lies=0.1))


@pytest.mark.long
@pytest.mark.alone
def test_the_kill_switch_is_quick_with_500_orders_at_work() -> None:
    holds(*switches(20))


@pytest.mark.long
def test_sixty_kills_of_all_roles_lose_nothing(tmp_path: Path) -> None:
    row = kills(tmp_path, 60)
    holds(row)
    assert row.injected >= 60


@pytest.mark.long
@pytest.mark.alone
def test_the_trading_lane_is_back_within_a_second_and_a_half(tmp_path: Path) -> None:
    row = recoveries(tmp_path, 110)  # of fewer than 101 the p99 would be the very worst
    holds(row)
    assert row.injected >= 110


@pytest.mark.long
@pytest.mark.alone
def test_tiercel_kill_is_quick_and_outlives_the_root(tmp_path: Path) -> None:
    holds(*commands(tmp_path, 5))


@pytest.mark.long
@pytest.mark.waits
def test_three_minutes_alone_gain_nothing(tmp_path: Path) -> None:
    row = soak(tmp_path, 180)
    holds(row)
    assert row.injected > 100


@pytest.mark.long
@pytest.mark.computes
@pytest.mark.parametrize("name", [m.name for m in MUTANTS])
def test_a_planted_bug_is_found(tmp_path: Path, name: str) -> None:
    holds(mutants(tmp_path, [name]))


@pytest.mark.long
def test_the_network_misbehaves_for_a_while(tmp_path: Path) -> None:
    """Dead routes take their 20 s and are left to `make chaos`."""
    holds(*network(tmp_path, faults=(*ENDED, "split", "delay", "duplicate", "reorder")))


@pytest.mark.long
def test_tls_fails_for_a_while(tmp_path: Path) -> None:
    faults = ("foreign", "expired", "wrong_name", "plain", "cut_handshake", "cut", "flip")
    holds(*secure(tmp_path, faults=faults))


@pytest.mark.long
def test_books_races_and_lives_at_volume() -> None:
    holds(*books(100_000), races(1_000), expiries(20), killed_in_trouble(20))


@pytest.mark.long
def test_a_lane_at_its_memory_limit_dies_alone(tmp_path: Path) -> None:
    row = memory_limits(tmp_path, 1)
    holds(row)
    assert row.injected == len(LANES)


@pytest.mark.long
def test_a_crash_at_every_point_twice_is_survived(tmp_path: Path) -> None:
    row = crashes(tmp_path)
    holds(row)
    assert row.injected == 2 * len(EVERY)
