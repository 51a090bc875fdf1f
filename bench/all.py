"""`tiercel bench all`: every row of every part, one after the other, in one JSON object."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import orjson

PARTS = ("book", "ring", "gate_kernel", "replay", "wire", "session")


def rows(quick: bool) -> list[dict[str, Any]]:
    """The rows of all parts."""
    found: list[dict[str, Any]] = []
    for part in PARTS:
        found += import_module(f"bench.{part}").rows(quick)
    return found


def show(found: list[dict[str, Any]], as_json: bool) -> int:
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


def main(quick: bool, as_json: bool) -> int:
    """Measure all and print."""
    return show(rows(quick), as_json)
