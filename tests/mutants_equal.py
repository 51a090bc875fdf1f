"""Mutants that are no other program: each named, with the reason; `make mutate` leaves them out.

One is named by its function, kind and line of source; kind "*" stands for the whole function. A
name that fits no mutant any more, and a named one that a test does kill, are said by `make mutate`.
"""

from __future__ import annotations

from tests.mutants import Mutant

EQUAL: dict[str, dict[tuple[str, str, str], str]] = {}
"""File: {(function, kind, line of source): why no test can tell it from the source}."""


def equal_ones(
    file: str,
    mutants: list[Mutant],
    equal: dict[str, dict[tuple[str, str, str], str]] = EQUAL,
) -> tuple[set[int], list[str]]:
    """(numbers of the equal ones, names that fit none) of a file."""
    named = equal.get(file, {})
    found = {
        key: {
            m.number
            for m in mutants
            if (m.function, m.kind, m.text) == key or (m.function, "*", "") == key
        }
        for key in named
    }
    numbers = set().union(*found.values()) if found else set()
    return numbers, [" | ".join(key) for key, those in found.items() if not those]
