"""The one table of `make chaos`: what was injected, what had to hold, how sure that makes us."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

WIDTHS = (4, 44, 9, 34, 6, 22, 9)
HEADS = ("X", "fault", "injected", "must hold", "broken", "p50/p99/max ms", "95 % <=")


@dataclass
class Row:
    """One fault: how often it was injected, what had to hold, where it did not."""

    x: str
    fault: str
    invariant: str
    injected: int = 0
    broken: list[str] = field(default_factory=list)
    times_ms: list[float] = field(default_factory=list)
    """Recoveries, or whatever duration the invariant speaks of."""
    skipped: str = ""
    """Why it was not run; the row is printed all the same."""

    def holds(self, is_so: bool, otherwise: str) -> None:
        """Note what is broken when it is."""
        if not is_so:
            self.broken.append(otherwise)

    def within(self, most_ms: float, what: str, share: float = 0.99) -> None:
        """The p99 (or another share) of the durations may not be above this."""
        if self.times_ms:
            found = percentile(self.times_ms, share)
            said = f"{what}: p{share * 100:g} {found:.1f} ms, allowed are {most_ms} ms"
            self.holds(found <= most_ms, said)
        else:
            self.broken.append(f"{what}: nothing was measured")


def percentile(values: list[float], share: float) -> float:
    """The smallest value that `share` of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def upper_bound(broken: int, injected: int, confidence: float = 0.95) -> float:
    """Clopper-Pearson: the largest probability of a break that such a result still allows.

    For 0 of n it is 1 - 0.05^(1/n), about 3/n.
    """
    if injected <= 0 or broken >= injected:
        return 1.0
    low, high = broken / injected, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if at_most(broken, injected, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def at_most(k: int, n: int, p: float) -> float:
    """P(X <= k) of a binomial distribution."""
    if p >= 1.0:
        return 1.0 if k >= n else 0.0
    logs = (
        math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1)
        + i * math.log(p) + (n - i) * math.log1p(-p)
        if p > 0 else (0.0 if i == 0 else -math.inf)
        for i in range(k + 1)
    )  # fmt: skip
    return min(1.0, math.fsum(math.exp(x) for x in logs))


def render(rows: list[Row]) -> str:
    """The table, and under it what is broken and what was not run."""
    lines = [line(HEADS), line(tuple("-" * w for w in WIDTHS))]
    for r in rows:
        if r.skipped:
            lines.append(line((r.x, r.fault, "not run", r.invariant, "", "", "")))
            continue
        t = r.times_ms
        times = "/".join(f"{percentile(t, s):.1f}" for s in (0.5, 0.99, 1.0)) if t else ""
        bound = f"{upper_bound(len(r.broken), r.injected):.2e}"
        lines.append(
            line((r.x, r.fault, str(r.injected), r.invariant, str(len(r.broken)), times, bound))
        )
    for r in rows:
        lines += [f"BROKEN {r.x} {r.fault}: {what}" for what in r.broken[:10]]
        if len(r.broken) > 10:
            lines.append(f"BROKEN {r.x} {r.fault}: and {len(r.broken) - 10} more")
        lines += [f"not run {r.x} {r.fault}: {r.skipped}"] * bool(r.skipped)
    return "\n".join(lines)


def line(cells: tuple[str, ...]) -> str:
    return "  ".join(
        cell.rjust(width) if i in (2, 4, 6) else cell.ljust(width)
        for i, (cell, width) in enumerate(zip(cells, WIDTHS, strict=True))
    ).rstrip()
