"""`make mutate`: does a test notice each small change of order life and gate?

    python -m tests.mutate [--files NAME,...] [--minutes 20] [--jobs N] [--show] [--only N,...]

A mutant (tests/mutants.py, tests/mutants_python.py) is killed when its file's tests fail, crash or
take far too long. All mutants of a file are in one build of it, without optimisation, in
build/mutate; the tests are collected once, and those that reach a mutant's place run in a fork of
its own (tests/mutate_loop.py).

The score of a file is killed / (tried - equal), where equal ones are named and explained in
tests/mutants_equal.py; below 85 % the exit status is 1. Each verdict is kept as it comes: a run
that `--minutes` or anything else ended goes on where it was. A kill holds until its file or its
killer's changes, a survivor is tried again when any of the tests changes; `--again` begins anew.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.mutants import Mutant, of_header
from tests.mutants_equal import equal_ones
from tests.mutants_python import of_python, of_pyx

ROOT = Path(__file__).resolve().parent.parent
TREE = ROOT / "build" / "mutate"
SCORE_PERCENT = 85.0
GATE = (
    "tests/hotpath/test_gate.py",
    "tests/hotpath/test_gate_limits.py",
    "tests/hotpath/test_gate_bounds.py",
    "tests/hotpath/test_gate_edges.py",
    "tests/hotpath/test_gate_overflow.py",
)
ORDER = (
    "tests/hotpath/test_order.py",
    "tests/hotpath/test_order_bounds.py",
    "tests/hotpath/test_order_replace.py",
    "tests/hotpath/test_order_remnants.py",
)
TESTS = {
    "hotpath/order.h": ("hotpath/order", ORDER),
    "hotpath/gate.h": ("hotpath/gate", GATE),
    "hotpath/order.pyx": ("hotpath/order", ORDER),
    "hotpath/gate.pyx": ("hotpath/gate", GATE),
    "engine/limits.py": ("engine.limits", ("tests/engine/test_limits.py",)),
}
"""File: the extension or module it is part of, and the tests aimed at it."""
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
DIRECTIVES = "boundscheck=False,wraparound=False,cdivision=True,initializedcheck=False"


@dataclass
class Result:
    file: str
    mutants: list[Mutant]
    killed_by: dict[int, str]
    survived: set[int]
    equal: set[int]
    stale: list[str]

    @property
    def tried(self) -> int:
        return len(self.killed_by) + len(self.survived)

    @property
    def percent(self) -> float:
        others = self.tried - len(self.equal & self.survived)
        return 100 * len(self.killed_by) / others if others else 0.0

    @property
    def good(self) -> bool:
        return self.percent >= SCORE_PERCENT and not self.stale


def make_tree() -> None:
    """A copy of the files git knows, with the extensions of the tree as they are."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z", "--", "engine", "hotpath", "tests",
         "feeds", "venues", "actors", "configs", "pyproject.toml"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=60,
    )  # fmt: skip
    names = [n for n in listed.stdout.decode().split("\0") if n]
    names += [str(p.relative_to(ROOT)) for top in ("hotpath", "engine", "feeds", "venues", "actors")
              for p in (ROOT / top).rglob("*.so")]  # fmt: skip
    for name in names:
        if (ROOT / name).is_file():
            (TREE / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, TREE / name)


def build(name: str) -> None:
    """The extension `name` of the tree, from its .pyx, without optimisation."""
    c_file, new = TREE / f"{name}.c", TREE / f"{name}{SUFFIX}.new"
    translate = [sys.executable, "-m", "cython", "-3", "-X", DIRECTIVES, "-o", str(c_file)]
    flags = ("-O0", "-w", "-fPIC", "-fwrapv", "-shared", f"-I{TREE}")
    include = f"-I{sysconfig.get_paths()['include']}"
    for command in (
        [*translate, f"{name}.pyx"],
        ["gcc", *flags, include, str(c_file), "-o", str(new)],
    ):
        done = subprocess.run(
            command, cwd=TREE, capture_output=True, text=True, timeout=170, check=False
        )
        if done.returncode:
            raise SystemExit(f"{name} does not compile with its mutants:\n{done.stderr[-3000:]}")
    c_file.unlink()
    os.replace(new, TREE / f"{name}{SUFFIX}")


INCLUDED = re.compile(r"^#include \"([^\"]+)\"|^from (hotpath[\w.]*) cimport", re.M)
IMPORTED = re.compile(r"^from (tests[\w.]*) import (\w*)", re.M)


def together(paths: Iterable[str], pattern: re.Pattern[str]) -> set[str]:
    """These files of the tree and those they include or import, by name."""
    seen: set[str] = set()
    waiting = list(paths)
    while waiting:
        path = waiting.pop()
        if path in seen or not (ROOT / path).is_file():
            continue
        seen.add(path)
        for found in pattern.findall((ROOT / path).read_text("utf-8")):
            header, *folders = found if found[0] else found[1:]
            package = header.replace(".", "/")
            waiting += [
                header,
                f"{package}.pxd",
                f"{package}.py",
                f"{package}/{''.join(folders)}.py",
            ]
    return seen


def digest(text: str, paths: Iterable[str]) -> str:
    told = hashlib.sha256(text.encode())
    for path in sorted(paths):
        told.update(path.encode() + (ROOT / path).read_bytes())
    return told.hexdigest()[:16]


def tested(file: str, text: str) -> str:
    """Of the program that the mutants are in: with another one, no verdict holds any more."""
    name = TESTS[file][0].replace(".", "/")
    return digest(text, together([f"{name}.pyx", f"{name}.pxd", file], INCLUDED))


def stamps_of(file: str) -> dict[str, str]:
    """What a verdict was found with: a kill with its killer's file, a survivor with all ("")."""
    tests = TESTS[file][1]
    kept = {test: digest("", together([test, "tests/conftest.py"], IMPORTED)) for test in tests}
    return kept | {"": digest("".join(kept.values()), ())}


def kept_verdicts(kept: Path, stamps: dict[str, str]) -> dict[int, tuple[bool, str]]:
    """Verdicts found before that hold still: {number: (killed, by which test)}."""
    if not kept.exists():
        return {}
    lines = [json.loads(line) for line in kept.read_text().splitlines()]
    return {
        number: (dead, by)
        for number, dead, by, stamp in lines
        if stamp == stamps.get(by.partition("::")[0] if dead else "", stamps[""])
    }


def judge(file: str, numbers: list[int], jobs: int, until: float, kept: Path) -> None:
    """Verdicts on the mutants tried by the time `until`, `jobs` at a time, added to `kept`."""
    name, tests = TESTS[file]
    asked = TREE / "asked.json"
    asked.write_text(json.dumps({"numbers": numbers, "stamps": stamps_of(file)}))
    of = name if file.endswith(".py") else str(TREE / f"{name}{SUFFIX}")
    loop = ["--mutate-of", of, "--mutate-asked", str(asked), "--mutate-into", str(kept)]
    loop += ["--mutate-jobs", str(jobs), "--mutate-until", str(until)]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "tests.mutate_loop", *loop),
            *("-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:faulthandler"),
            *("-m", "not bench and not long", *tests),
        ],
        cwd=TREE,
        env=os.environ | {"PYTHONPATH": str(TREE), "TIERCEL_SHARED": shared()},
        capture_output=True,
        text=True,
        timeout=max(60.0, until - time.monotonic()) + 900,
        check=False,
    )
    if done.returncode not in (0, 5):  # 5: pytest itself has run no test
        raise SystemExit(f"{file}: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def shared() -> str:
    return os.environ.get("TIERCEL_SHARED", str(ROOT.parent / "shared"))


def mutate(file: str, jobs: int, until: float, only: set[int], again: bool) -> Result:
    name, _ = TESTS[file]
    weave = {".h": of_header, ".pyx": of_pyx, ".py": of_python}[Path(file).suffix]
    text, mutants = weave((ROOT / file).read_text("utf-8"))
    kept, stamps = (
        TREE / "verdicts" / f"{file.replace('/', '-')}-{tested(file, text)}",
        stamps_of(file),
    )
    kept.parent.mkdir(parents=True, exist_ok=True)
    if again:
        kept.unlink(missing_ok=True)
    verdicts = {} if only else kept_verdicts(kept, stamps)
    numbers = [m.number for m in mutants if m.number not in verdicts]
    numbers = [n for n in numbers if not only or n in only]
    random.Random(len(mutants)).shuffle(numbers)
    if numbers and time.monotonic() < until:
        make_tree()
        (TREE / file).write_text(text, "utf-8")
        if not file.endswith(".py"):
            build(name)
        judge(file, numbers, jobs, until, kept)
        verdicts = kept_verdicts(kept, stamps)
        if only:
            verdicts = {n: v for n, v in verdicts.items() if n in only}
    equal, stale = equal_ones(file, mutants)
    return Result(
        file,
        mutants,
        {n: by for n, (dead, by) in verdicts.items() if dead},
        {n for n, (dead, _) in verdicts.items() if not dead},
        equal,
        stale,
    )


def print_table(results: list[Result], show: bool) -> None:
    print(f"{'file':20} {'mutants':>8} {'tried':>6} {'killed':>7} {'equal':>6} {'score %':>8}")
    tried: Counter[str] = Counter()
    alive: Counter[str] = Counter()
    for r in results:
        equal = len(r.equal & r.survived)
        print(
            f"{r.file:20} {len(r.mutants):>8} {r.tried:>6} {len(r.killed_by):>7} {equal:>6} "
            f"{r.percent:>8.1f}"
        )
        for m in r.mutants:
            if m.number in r.survived and m.number in r.equal:
                continue
            tried[m.kind] += m.number in r.survived or m.number in r.killed_by
            alive[m.kind] += m.number in r.survived
    print("by kind: " + ", ".join(f"{k} {n - alive[k]}/{n}" for k, n in sorted(tried.items()) if n))
    for r in results:
        for m in r.mutants:
            if show and m.number in r.survived - r.equal:
                print(f"{r.file}:{m.line}: #{m.number} {m.kind} in {m.function}: {m.text}")
            if m.number in r.equal and m.number in r.killed_by:
                print(f"{r.file}:{m.line}: #{m.number} is said to be equal, and was killed by "
                      f"{r.killed_by[m.number]}")  # fmt: skip
        for said in r.stale:
            print(f"{r.file}: tests/mutants_equal.py names what is not there: {said}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.mutate", description=__doc__)
    parser.add_argument("--files", default=",".join(TESTS))
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", default="", help="numbers of mutants, with one file")
    parser.add_argument("--show", action="store_true", help="name every survivor")
    parser.add_argument("--again", action="store_true", help="forget what was tried before")
    asked = parser.parse_args()
    files = asked.files.split(",")
    only = {int(n) for n in asked.only.split(",") if n}
    until = time.monotonic() + 60 * asked.minutes
    results = []
    for i, file in enumerate(files):
        share = time.monotonic() + (until - time.monotonic()) / (len(files) - i)
        results.append(mutate(file, asked.jobs, share, only, asked.again))
    print_table(results, asked.show)
    low = [r.file for r in results if not r.good]
    if low:
        print(f"below {SCORE_PERCENT} %, or with equal mutants that are none: {', '.join(low)}")
    return 1 if low else 0


if __name__ == "__main__":
    raise SystemExit(main())
