"""What `tiercel bench WHAT` measures: the parts, their rows, and how rows are shown.

`wire` and `pools` have a form of their own (`main` in their files); every other
part prints rows. `all` is every row once. The release gate is another thing: bench/gate.py.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import orjson

Row = dict[str, Any]
PARTS: dict[str, tuple[str, ...]] = {  # names of functions: bool (quick) to a row or to rows
    "frame": ("book:depth_rows", "book:top_row"),
    "book": ("book:change_row",),
    "ring": ("ring:ring_local", "ring:ring_cross"),
    "histogram": ("ring:histogram",),
    "gate": ("gate_kernel:rows",),
    "replay": ("replay:rows",),
    "memory": ("session:rows",),
}
OWN_FORM = ("wire", "pools")
ALL = ("frame", "book", "ring", "histogram", "gate", "replay", "wire", "memory")
NAMES = (*PARTS, *OWN_FORM, "all")


def rows(what: str, quick: bool) -> list[Row]:
    """The rows of one part."""
    found: list[Row] = []
    for name in PARTS.get(what, (f"{what}:rows",)):
        file, _, function = name.partition(":")
        measured = getattr(import_module(f"bench.{file}"), function)(quick)
        found += measured if isinstance(measured, list) else [measured]
    return found


def show(found: list[Row], as_json: bool) -> int:
    """Print rows; 1 when one misses its must."""
    if as_json:
        sys.stdout.buffer.write(orjson.dumps({"rows": found}) + b"\n")
    else:
        for r in found:
            ratio = "" if r["ratio"] is None else f"  {r['ratio']:.2f}x of {r['floor']:.0f}"
            mark = "ok" if r["ok"] else "MISSES"
            value = f"{r['value']:14.2f} {r['unit']:8}"
            print(f"{r['id']:18} {value}{ratio:22} must {r['must']}, aim {r['aim']}: {mark}")
    return 0 if all(r["ok"] for r in found) else 1


def main_of(what: str) -> Callable[[bool, bool], int] | None:
    """`main(quick, as_json)` of a part: measures, prints, returns the exit code. None: no such."""
    if what not in NAMES:
        return None
    if what in OWN_FORM:
        main: Callable[[bool, bool], int] = import_module(f"bench.{what}").main
        return main
    parts = ALL if what == "all" else (what,)
    return lambda quick, as_json: show([r for p in parts for r in rows(p, quick)], as_json)
