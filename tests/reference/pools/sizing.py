"""Slow, obvious twins of sizing, splitting and cycles: every unit tried where it can be."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from itertools import permutations

Gives = Callable[[int], int | None]  # what an amount in brings, None where it is not all taken


def chain(hops: Sequence[Gives]) -> Gives:
    def through(amount: int) -> int | None:
        now: int | None = amount
        for hop in hops:
            if now is None or now == 0:
                return None
            now = hop(now)
        return now

    return through


def best_of_all(gives: Gives, most: int) -> tuple[int, int]:
    """(amount, gain) by trying every amount; (0, 0) where none gains."""
    best = (0, 0)
    for amount in range(1, most + 1):
        out = gives(amount)
        if out is not None and out - amount > best[1]:
            best = (amount, out - amount)
    return best


def best_by_halving(gives: Gives, most: int) -> int:
    """The gain at the top of a concave curve with small teeth: ternary search, then a scan."""

    def gain(amount: int) -> int:
        out = gives(amount) if amount else 0
        return out - amount if out is not None else -amount

    low, high = 0, most
    while high - low > 30:
        a, b = low + (high - low) // 3, high - (high - low) // 3
        if gain(a) < gain(b):
            low = a
        else:
            high = b
    return max(0, *(gain(x) for x in range(max(0, low - 30), high + 31)))


def best_split(
    venues: Sequence[Gives], amount: int, costs: Sequence[int] | None = None
) -> int | None:
    """The most that any split of `amount` gives, less what the venues used cost: dynamic
    programming over every unit."""
    best: list[int | None] = [0] + [None] * amount
    for venue, cost in zip(venues, costs or [0] * len(venues), strict=True):
        given = [venue(x) if x else 0 for x in range(amount + 1)]
        out = [None if g is None else g - cost * (x > 0) for x, g in enumerate(given)]
        together: list[int | None] = [None] * (amount + 1)
        for total in range(amount + 1):
            sums = [
                a + b
                for x in range(total + 1)
                if (a := best[total - x]) is not None and (b := out[x]) is not None
            ]
            together[total] = max(sums, default=None)
        best = together
    return best[amount]


def all_cycles(
    ends: Sequence[tuple[Hashable, Hashable]], max_hops: int
) -> set[tuple[tuple[int, int], ...]]:
    """Every cycle as ((pool, direction), ...), rotated so that the smallest pool comes first."""
    found = set()
    for hops in range(2, max_hops + 1):
        for pools in permutations(range(len(ends)), hops):
            if pools[0] != min(pools):
                continue
            for first in (0, 1):
                token = start = ends[pools[0]][first]
                seen, path = set(), []
                for pool in pools:
                    if token in seen or token not in ends[pool]:
                        break
                    seen.add(token)
                    direction = ends[pool].index(token)
                    path.append((pool, direction))
                    token = ends[pool][1 - direction]
                else:
                    if token == start:
                        found.add(tuple(path))
    return found
