"""Durations as people type them: 500ms, 12s, 3m, 2h."""

from __future__ import annotations

import re

import click

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class Duration(click.ParamType[float]):
    """A click parameter: seconds as a float from `12s`, `500ms`, `3m` or `2h`."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)", str(value))
        if found is None or float(found[1]) == 0:
            self.fail(f"{value!r} is not a duration like 12s, 500ms, 3m or 2h", param, ctx)
        return float(found[1]) * UNITS[found[2]]
