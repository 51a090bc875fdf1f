"""`make coverage`: which tests it runs, the tables it prints, and what is too little.

    python -m tests.covered tests compiled|python     the paths of the tests, for .ci/coverage
    python -m tests.covered compiled|python           the tables; exit 1 below the bounds

Compiled code: lines of gate and order life, of the .pyx by Cython.Coverage, of the headers by gcov;
a line counts when any of the tests ran it. Branches of compiled code are not counted by either.
Python: branches, of each part together; lines are printed beside them.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

COMPILED = ("hotpath/order.pyx", "hotpath/gate.pyx", "hotpath/order.h", "hotpath/gate.h")
TESTS = {
    "compiled": (
        "tests/hotpath/test_order.py",
        "tests/hotpath/test_order_bounds.py",
        "tests/hotpath/test_order_replace.py",
        "tests/hotpath/test_order_remnants.py",
        "tests/hotpath/test_gate.py",
        "tests/hotpath/test_gate_limits.py",
        "tests/hotpath/test_gate_bounds.py",
        "tests/hotpath/test_gate_edges.py",
        "tests/hotpath/test_gate_overflow.py",
        "tests/venues/binance/test_venue.py",
        "tests/venues/binance/test_venue_market_orders.py",
    ),
    "python": ("tests/engine", "tests/drills"),
}
PARTS = {
    "supervisor": ("engine/supervision/", "engine/root.py"),
    "journal": ("engine/journal/",),
    "reconciliation": ("engine/journal/check.py", "engine/journal/conditions.py"),
}
"""Reconciliation at a venue is compiled (venues/binance/reconcile.pyx); in Python the store is
compared with itself, its views and the exchanges' ledgers."""
BRANCHES_PERCENT = 95.0


def gcov_lines() -> tuple[dict[str, dict[int, int]], set[str]]:
    """({header: {line: times run}}, names of functions) of all objects of the coverage build."""
    lines: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    names: set[str] = set()
    for notes in sorted(Path("build/temp/hotpath").glob("*.gcno")):
        done = subprocess.run(
            ["gcov", "-t", "--json-format", str(notes)],
            capture_output=True,
            timeout=120,
            check=True,
        )
        for file in json.loads(done.stdout)["files"]:
            if file["file"] in COMPILED and file["file"].endswith(".h"):
                names |= {function["name"] for function in file["functions"]}
                for line in file["lines"]:
                    lines[file["file"]][line["line_number"]] += line["count"]
    return lines, names


def never_compiled(header: str, names: set[str], lines: dict[int, int]) -> list[str]:
    """Functions of a header that no object holds: the compiler drops what is not used.

    One that is always inlined has no name in the objects, but its lines are counted.
    """
    text = re.sub(r"__attribute__\(\(.*?\)\) ", "", Path(header).read_text("utf-8"))
    found = list(re.finditer(r"^static[^;={}]*?(\w+)\([^;{]*\)\s*\{", text, re.M))
    missing = []
    for one in found:
        end = text.find("}", one.end()) if "}" in text[one.end() :].split("\n")[0] else -1
        end = end if end >= 0 else text.index("\n}", one.end())
        first, last = text.count("\n", 0, one.start()) + 1, text.count("\n", 0, end) + 2
        if one[1] not in names and not any(n in lines for n in range(first, last + 1)):
            missing.append(one[1])
    return missing


def cython_lines() -> dict[str, dict[int, int]]:
    """The same of the .pyx files, 1 for run and 0 for not."""
    report = reported("compiled")
    found = {}
    for name, file in report["files"].items():
        if name in COMPILED:
            ran = dict.fromkeys(file["executed_lines"], 1)
            found[name] = ran | dict.fromkeys(file["missing_lines"], 0)
    return found


def reported(part: str) -> Any:
    out = Path(f"build/{part}.json")
    command = ["json", f"--rcfile=.ci/coverage-{part}.ini", "-q", "-o", str(out)]
    subprocess.run([sys.executable, "-m", "coverage", *command], timeout=120, check=True)
    return json.loads(out.read_text("utf-8"))


def spans(numbers: list[int]) -> str:
    """Line numbers, as 3-5, 9."""
    parts: list[list[int]] = []
    for n in numbers:
        if parts and n == parts[-1][1] + 1:
            parts[-1][1] = n
        else:
            parts.append([n, n])
    return ", ".join(f"{a}-{b}" if b > a else str(a) for a, b in parts)


def compiled() -> bool:
    """The table of compiled lines; True when every line was run."""
    headers, names = gcov_lines()
    lines = {**cython_lines(), **headers}
    whole = True
    print(f"{'compiled':24} {'lines':>6} {'run':>6} {'%':>7}  not run")
    for name in COMPILED:
        if not lines.get(name):
            print(f"{name:24} not measured")
            whole = False
            continue
        missed = sorted(n for n, count in lines[name].items() if not count)
        total = len(lines[name])
        ran = total - len(missed)
        print(f"{name:24} {total:>6} {ran:>6} {100 * ran / total:>7.2f}  {spans(missed)}")
        dropped = never_compiled(name, names, lines[name]) if name.endswith(".h") else []
        if dropped:
            print(f"{'':24} not compiled in, so not counted: {', '.join(dropped)}")
        whole = whole and not missed and not dropped
    if not whole:
        print("every line of gate and order life must be run by a test")
    return whole


def python() -> bool:
    """The table of branches; True when each part has enough of them."""
    files: dict[str, Any] = reported("python")["files"]
    good = True
    print(f"{'python':32} {'branches':>8} {'taken':>6} {'%':>7} {'lines %':>8}  not taken")
    for part, prefixes in PARTS.items():
        branches = taken = 0
        for name, file in sorted(files.items()):
            if name.startswith(prefixes):
                s = file["summary"]
                branches += s["num_branches"]
                taken += s["covered_branches"]
                missed = ", ".join(f"{a}->{b}" for a, b in file["missing_branches"])
                share = 100 * s["covered_branches"] / (s["num_branches"] or 1)
                share = share if s["num_branches"] else 100.0
                lines = 100 * s["covered_lines"] / (s["num_statements"] or 1)
                print(
                    f"  {name:30} {s['num_branches']:>8} {s['covered_branches']:>6} "
                    f"{share:>7.2f} {lines:>8.2f}  {missed}"
                )
        percent = 100 * taken / branches if branches else 0.0
        print(f"{part:32} {branches:>8} {taken:>6} {percent:>7.2f}")
        good = good and percent >= BRANCHES_PERCENT
    if not good:
        print(f"{BRANCHES_PERCENT} % of the branches of each part must be taken by a test")
    return good


def main() -> int:
    what = sys.argv[1:]
    if what[:1] == ["tests"] and len(what) == 2 and what[1] in TESTS:
        print(*TESTS[what[1]])
        return 0
    if what not in (["compiled"], ["python"]):
        print(__doc__)
        return 2
    return 0 if {"compiled": compiled, "python": python}[what[0]]() else 1


if __name__ == "__main__":
    raise SystemExit(main())
