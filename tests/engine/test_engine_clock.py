"""Engine time follows UTC and never goes back."""

from __future__ import annotations

from engine.engine_clock import SLEW_PPM, STEP_NS, EngineClock, measure
from hotpath.clock import monotonic_ns, wall_ns


def test_a_measurement_brackets_the_wall_clock() -> None:
    offset, uncertainty = measure()
    assert abs(monotonic_ns() + offset - wall_ns()) < 5_000_000
    assert 0 < uncertainty < 1_000_000


def test_a_larger_offset_is_taken_at_once_and_noise_is_not() -> None:
    clock = EngineClock(1_000_000_000, 10)
    clock.take(1_000_000_000 + STEP_NS, 20)
    assert not clock.advance(20_000_000) and clock.uncertainty == 20
    clock.take(2_000_000_000, 10)
    assert clock.advance(20_000_000) and clock.offset == 2_000_000_000


def test_a_smaller_offset_is_slewed_so_that_time_goes_on() -> None:
    clock = EngineClock(1_000_000_000, 10)
    clock.take(999_000_000, 10)
    elapsed, last, turns = 20_000_000, clock.offset, 0
    while clock.advance(elapsed):
        assert last - clock.offset <= elapsed * SLEW_PPM // 1_000_000
        assert elapsed + clock.offset - last > 0  # engine time still went forward
        last, turns = clock.offset, turns + 1
    assert clock.offset == 999_000_000 and turns == 100
