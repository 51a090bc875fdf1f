"""`tiercel bench pools`: what a quote costs, by kind, beside the C floor and Python's integers.

Each bench/pools_<part> has `rows(quick)`: id to `{"ns", "floor_ns", "python_ns", "ratio_python"}`,
with `unit` where the figure is no time. Medians; yardsticks run in the same process, in turn.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import orjson

Row = dict[str, Any]


def parts() -> list[str]:
    """The parts that ship: compiled or not, by file."""
    here = Path(__file__).parent
    return sorted({f.stem for p in ("pools_*.py", "pools_*.pyx") for f in here.glob(p)})


def rows(quick: bool) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for part in parts():
        for name, row in import_module(f"bench.{part}").rows(quick).items():
            row.setdefault("unit", "ns")
            for member in ("floor_ns", "python_ns"):
                row.setdefault(member, None)
            row["ratio_python"] = row["python_ns"] / row["ns"] if row["python_ns"] else None
            found[name] = row
    return found


def main(quick: bool, as_json: bool) -> int:
    """Measure and print; the exit code is 0 whatever the figures are."""
    found = rows(quick)
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(found) + b"\n")
        return 0
    print(f"{'what':16}{'figure':>12}{'floor':>10}{'python':>12}{'ratio':>8}")
    for name, row in found.items():
        floor = f"{row['floor_ns']:.1f}" if row["floor_ns"] else ""
        python = f"{row['python_ns']:.0f}" if row["python_ns"] else ""
        ratio = f"{row['ratio_python']:.1f}x" if row["ratio_python"] else ""
        figure = f"{row['ns']:.1f} {row['unit']}"
        print(f"{name:16}{figure:>12}{floor:>10}{python:>12}{ratio:>8}")
    return 0
