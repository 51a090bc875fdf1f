"""Planted bugs: each is put into a copy of the tree, what was compiled is built again, and the
named tests must fail there. A bug that they do not find is broken; so is one that does not apply,
and so is a copy whose tests fail before anything was planted.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from tests.chaos.table import Row

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD_S, TEST_S = 400, 400
STORE = "tests/engine/journal/test_store.py"
GATE, ORDER, RING = "tests/hotpath/test_gate.py", "tests/hotpath/test_order.py", "tests/hotpath/"
VENUE, FEED = "tests/venues/binance/test_venue.py", "tests/feeds/test_binance_feed.py"


class Mutant(msgspec.Struct):
    """One bug: the texts it changes in a file, the extension to build again, the tests."""

    name: str
    file: str
    changes: list[tuple[str, str]]
    tests: list[str]
    builds: str = ""


BEGIN = '            self.db.execute("BEGIN IMMEDIATE")\n            marks'
CURSORS = (
    "            moved = [(s, self.cursors[s]) for s in sorted(self._moved)]\n"
    '            self.db.executemany("INSERT OR REPLACE INTO cursor VALUES (?, ?)", moved)\n'
)
KILL = "    if (in->kill) return gate_refuse(g, out, TC_R21_KILL, in->kill, 0, 1, 0, 0, 0);\n"
LATE = (
    "    if (now > i->deadline) return gate_refuse(g, out, TC_CONTROL_DEADLINE, now, "
    "i->deadline, 1, 0, 0, 0);\n"
)
FENCE = "    if (__builtin_expect(TC_LOAD_RELAXED(&w->shared->epoch) != w->epoch, 0)) return 0;\n"
PROVEN = (
    "        if o.absences >= <uint32_t>rules.ABSENT_QUERIES and "
    "self.lane.now - o.first_absent >= least:\n"
)

MUTANTS = [
    Mutant("skipped dedupe", "engine/journal/store.py",
           [("if header.position <= known:", "if header.position < 0:")], [STORE]),
    Mutant("cursor outside the transaction", "engine/journal/store.py",
           [(BEGIN, CURSORS + BEGIN)], [STORE]),
    Mutant("store not synced at commit", "engine/journal/store.py",
           [('"synchronous=FULL"', '"synchronous=NORMAL"')], ["tests/chaos/test_power.py"]),
    Mutant("retry of a placement", "venues/binance/queries.pyx",
           [("                    asked = self.ask_order(o)\n",
             "                    asked = self.send_order("
             "o, self.write_place(o, self.text + 64))\n")],
           [VENUE], "venues/binance/queries.pyx"),
    Mutant("absence proof skipped", "venues/binance/absence.pyx",
           [(PROVEN, "        if True:\n")], [VENUE], "venues/binance/absence.pyx"),
    Mutant("rejected on timeout", "hotpath/order.h",
           [("if (o->status == TC_STATUS_PENDING_NEW) o->facts |= TC_FACT_UNKNOWN_PLACE;",
             "if (o->status == TC_STATUS_PENDING_NEW) return order_reject(t, o, r);")],
           [ORDER], "hotpath/order.pyx"),
    Mutant("fill applied twice", "hotpath/order.h",
           [("if ((k = trade_find(t, o->instrument, r->trade_id))) {",
             "if ((k = trade_find(t, o->instrument, r->trade_id)) && 0) {")],
           [ORDER], "hotpath/order.pyx"),
    Mutant("stale book accepted", "hotpath/gate.h",
           [(": age > limit ", ": age < 0 ")], [GATE], "hotpath/gate.pyx"),
    Mutant("kill word ignored", "hotpath/gate.h", [(KILL, "")], [GATE], "hotpath/gate.pyx"),
    Mutant("deadline ignored", "hotpath/gate.h", [(LATE, "")], [GATE], "hotpath/gate.pyx"),
    Mutant("reservation not released", "hotpath/gate.h",
           [("count--;\n    return gate_close(g, id);", "count--;\n    return 1;")],
           [GATE], "hotpath/gate.pyx"),
    Mutant("wrong side of the collar", "hotpath/gate.h",
           [("gate_wide away = i->side == TC_BUY ?", "gate_wide away = i->side == TC_SELL ?")],
           [GATE], "hotpath/gate.pyx"),
    Mutant("snapshot not bridged", "feeds/binance/join.pyx",
           [("            if k.first_id > (m.last_id if k.has_previous else m.last_id + 1):",
             "            if False:"),
            ("            if first_id > (at if has_previous else at + 1):",
             "            if False:")],
           [FEED], "feeds/binance/join.pyx"),
    Mutant("gap ignored", "feeds/binance/join.pyx",
           [("cdef bint hole = self.stream_started and not self.follows(m)",
             "cdef bint hole = False"),
            ("        elif previous_id != at if has_previous else first_id > at + 1:",
             "        elif False:")],
           [FEED], "feeds/binance/join.pyx"),
    Mutant("epoch fence removed", "hotpath/ring.h", [(FENCE, "")],
           ["tests/hotpath/test_ring.py"], "hotpath/ring.pyx"),
    Mutant("waiting cancel dropped", "hotpath/venue.pyx",
           [("            self.waiting += 1\n", "")], [VENUE], "hotpath/venue.pyx"),
    Mutant("sent before it is approved", "hotpath/venue.pyx",
           [("        self.approve(r, i, id)\n", "")], [VENUE], "hotpath/venue.pyx"),
    Mutant("half-pair not hedged", "actors/strategies/cross_venue.pyx",
           [("        return self.hedge(net)\n", "        self.finish()\n        return 0\n")],
           ["tests/actors/strategies/test_cross_venue.py"], "actors/strategies/cross_venue.pyx"),
]  # fmt: skip


def copy_tree(to: Path) -> None:
    """What git knows or would take, and what was built from it."""
    argv = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    built = [p.relative_to(ROOT).as_posix() for p in ROOT.rglob("*.so") if is_ours(p)]
    for name in [*done.stdout.split("\0"), *built]:
        if name and (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)


def is_ours(path: Path) -> bool:
    return path.relative_to(ROOT).parts[0] not in ("build", ".venv", "dist")


def plant(tree: Path, mutant: Mutant) -> str:
    """Change the text; what is wrong when it does not apply."""
    path = tree / mutant.file
    text = path.read_text(encoding="utf-8")
    for old, new in mutant.changes:
        if old not in text:
            return f"it does not apply: {old.strip()[:60]!r} is not in {mutant.file}"
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    return ""


def run(tree: Path, argv: list[str], seconds: float, **more: str) -> tuple[int, str]:
    """A Python of the copy; exit code and the end of what it said."""
    shared = os.environ.get("TIERCEL_SHARED", str(ROOT.parent / "shared"))
    environment = os.environ | {"PYTHONPATH": str(tree), "TIERCEL_SHARED": shared} | more
    done = subprocess.run(
        [sys.executable, *argv], cwd=tree, env=environment, capture_output=True, text=True,
        timeout=seconds,
    )  # fmt: skip
    return done.returncode, (done.stdout + done.stderr)[-600:]


def build(tree: Path, extension: str) -> str:
    """One extension again; what is wrong when it does not build."""
    argv = ["setup.py", "build_ext", "--inplace", "--force", "--build-temp", "build/temp"]
    code, said = run(tree, argv, BUILD_S, TIERCEL_BUILD="checked", TIERCEL_ONLY=extension)
    return "" if code == 0 else f"it does not build: {said}"


def verdict(folder: Path, mutant: Mutant) -> str:
    """Nothing when the tests find the bug; else why it does not count as found."""
    tree = folder / "tree"
    copy_tree(tree)
    try:
        wrong = plant(tree, mutant)
        if not wrong and mutant.builds:
            wrong = build(tree, mutant.builds)
        if wrong:
            return wrong
        argv = ["-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--timeout", "300"]
        code, said = run(tree, [*argv, *mutant.tests], TEST_S)
        return "" if code == 1 else f"not found by {' '.join(mutant.tests)} (exit {code}): {said}"
    finally:
        shutil.rmtree(tree)


def mutants(folder: Path, names: list[str] | None = None) -> Row:
    """Every planted bug, or the named ones."""
    row = Row("14.5", "planted bugs", "each found by the suite")
    for mutant in MUTANTS:
        if names is None or mutant.name in names:
            began = time.monotonic()
            wrong = verdict(folder, mutant)
            row.injected += 1
            row.times_ms.append((time.monotonic() - began) * 1000)
            if wrong:
                row.broken.append(f"{mutant.name}: {wrong}")
    return row
