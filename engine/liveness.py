"""Who has been silent for too long: heartbeats, counted only while the root itself was on time."""

from __future__ import annotations


class Liveness:
    """Beats of the lanes on one clock. Pure: time comes in, nothing is read or slept.

    A beat counts as missed only if it was due while the root looked in time: when the root's own
    look came late (it was stopped, or starved), everyone is granted what it was late by.
    """

    def __init__(self, period_ns: int, grace: int = 2) -> None:
        self.period_ns, self.grace = period_ns, grace
        self._looked: int | None = None
        self._seen: dict[str, tuple[int, int]] = {}  # name -> beats, when they last changed
        self._limits: dict[str, int] = {}

    def watch(self, name: str, limit_ns: int, now: int) -> None:
        """From now on `name` may not be silent for longer than limit_ns."""
        self._limits[name], self._seen[name] = limit_ns, (-1, now)

    def forget(self, name: str) -> None:
        self._limits.pop(name, None)
        self._seen.pop(name, None)

    def look(self, beats: dict[str, int], now: int) -> dict[str, int]:
        """Beats read now; who was silent too long, with how long (ns)."""
        late = 0
        if self._looked is not None:
            late = max(0, now - self._looked - self.grace * self.period_ns)
        self._looked = now
        hung = {}
        for name, limit in self._limits.items():
            count, since = self._seen[name]
            since = min(now, since + late)
            if beats.get(name, count) != count:
                count, since = beats[name], now
            self._seen[name] = count, since
            if now - since > limit:
                hung[name] = now - since
        return hung
