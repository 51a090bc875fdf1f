"""The root's share in engine time: the offset from the monotonic clock to UTC, on the board.

Engine time is the monotonic clock plus one offset. A larger offset is published at once; a smaller
one is slewed, so that engine time never goes back. Readings bracket the wall clock between two of
the monotonic clock; of several the tightest counts, and half its width is the uncertainty.
"""

from __future__ import annotations

from hotpath.clock import monotonic_ns, wall_ns

READINGS = 9
STEP_NS = 50_000
"""Differences below this are noise of the reading and change nothing."""
SLEW_PPM = 500


def measure() -> tuple[int, int]:
    """(offset, uncertainty) in ns, now."""
    best = (1 << 62, 0)
    for _ in range(READINGS):
        before, wall, after = monotonic_ns(), wall_ns(), monotonic_ns()
        best = min(best, (after - before, wall - (before + after) // 2))
    width, offset = best
    return offset, width // 2 + 1


class EngineClock:
    """The published offset and how it follows the measured one. Pure: measurements come in."""

    def __init__(self, offset: int, uncertainty: int) -> None:
        self.offset, self.uncertainty = offset, uncertainty
        self._target = offset

    def take(self, offset: int, uncertainty: int) -> None:
        """A new measurement."""
        self.uncertainty = uncertainty
        if abs(offset - self._target) > STEP_NS:
            self._target = offset

    def advance(self, elapsed_ns: int) -> bool:
        """Move towards the target after elapsed_ns; True when the offset changed."""
        before = self.offset
        if self._target > self.offset:
            self.offset = self._target
        elif self._target < self.offset:
            step = max(1, elapsed_ns * SLEW_PPM // 1_000_000)
            self.offset = max(self._target, self.offset - step)
        return self.offset != before
