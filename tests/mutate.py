"""`make mutate`: does a test notice each small change of order life and gate?

    python -m tests.mutate [--files NAME,...] [--minutes 20] [--jobs N] [--show] [--only N,...]

A mutant (tests/mutants.py) is killed when its file's tests fail, crash or take far too long. The
score of a file is killed / tried; below 85 % the exit status is 1. When the time is over, what was
tried is a sample: mutants are taken in an order drawn once. A release build must be in the tree:
its generated C is compiled again, without optimisation, in build/mutate.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.mutants import Mutant, of_header, of_pyx

ROOT = Path(__file__).resolve().parent.parent
TREE = ROOT / "build" / "mutate"
SCORE_PERCENT = 85.0
GATE = ("tests/hotpath/test_gate.py", "tests/hotpath/test_gate_limits.py")
TESTS = {
    "hotpath/order.h": ("hotpath/order", ("tests/hotpath/test_order.py",)),
    "hotpath/gate.h": ("hotpath/gate", GATE),
    "hotpath/order.pyx": ("hotpath/order", ("tests/hotpath/test_order.py",)),
    "hotpath/gate.pyx": ("hotpath/gate", GATE),
}
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")


@dataclass
class Result:
    file: str
    mutants: int
    killed: list[Mutant]
    survived: list[Mutant]

    @property
    def percent(self) -> float:
        tried = len(self.killed) + len(self.survived)
        return 100 * len(self.killed) / tried if tried else 0.0


def make_tree() -> None:
    """A copy of the files git knows, with the extensions of the tree as they are."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "engine", "hotpath", "tests", "pyproject.toml"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=60,
    )
    names = [n for n in listed.stdout.decode().split("\0") if n]
    names += [str(p.relative_to(ROOT)) for p in (ROOT / "hotpath").glob("*.so")]
    for name in names:
        if (ROOT / name).is_file():
            (TREE / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, TREE / name)


def compile_extension(name: str, c_file: Path) -> bool:
    """Build the extension `name` of the tree from generated C; False when it does not compile."""
    command = [
        *("gcc", "-O0", "-w", "-fPIC", "-fwrapv", "-shared", f"-I{TREE}"),
        f"-I{sysconfig.get_paths()['include']}",
        *(str(c_file), "-o", str(TREE / f"{name}{SUFFIX}.new")),
    ]
    done = subprocess.run(command, capture_output=True, timeout=170, check=False)
    if done.returncode:
        sys.stderr.write(done.stderr.decode()[-2000:])
        return False
    os.replace(TREE / f"{name}{SUFFIX}.new", TREE / f"{name}{SUFFIX}")
    return True


def tested(tests: tuple[str, ...], number: int, limit_s: float) -> subprocess.Popen[bytes]:
    """The tests in a process of their own, with mutant `number` on."""
    environment = os.environ | {
        "TC_MUTANT": str(number),
        "PYTHONPATH": str(TREE),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.Popen(
        [
            *("timeout", "-s", "KILL", str(round(limit_s)), sys.executable, "-m", "pytest"),
            *("-x", "-q", "--no-header", "-p", "no:cacheprovider"),
            *("-m", "not bench and not long", *tests),
        ],
        cwd=TREE,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def clean_run_s(tests: tuple[str, ...]) -> float:
    """Seconds of the tests without a mutant; they must pass, or nothing would be proven."""
    begun = time.monotonic()
    if tested(tests, 0, 300).wait(timeout=320):
        raise SystemExit(f"{' '.join(tests)} fail without any mutant")
    return time.monotonic() - begun


def judged(
    mutants: list[Mutant], tests: tuple[str, ...], jobs: int, until: float
) -> tuple[list[Mutant], list[Mutant]]:
    """(killed, survived) of the mutants tried by the time `until`, `jobs` at a time."""
    limit = 10 + 5 * clean_run_s(tests)
    waiting, running = list(mutants), dict[subprocess.Popen[bytes], Mutant]()
    killed: list[Mutant] = []
    survived: list[Mutant] = []
    try:
        while running or (waiting and time.monotonic() < until):
            while waiting and len(running) < jobs and time.monotonic() < until:
                mutant = waiting.pop()
                running[tested(tests, mutant.number, limit)] = mutant
            for process in [p for p in running if p.poll() is not None]:
                mutant = running.pop(process)
                (killed if process.returncode else survived).append(mutant)
            time.sleep(0.02)
    finally:
        for process in running:
            os.killpg(process.pid, signal.SIGKILL)
    return killed, survived


def mutate_header(file: str, jobs: int, until: float, only: set[int]) -> Result:
    name, tests = TESTS[file]
    text, mutants = of_header((ROOT / file).read_text("utf-8"))
    (TREE / file).write_text(text, "utf-8")
    try:
        if not compile_extension(name, ROOT / f"build/cython-release/{name}.c"):
            raise SystemExit(f"{file} does not compile with its mutants")
        chosen = [m for m in mutants if not only or m.number in only]
        random.Random(len(mutants)).shuffle(chosen)
        killed, survived = judged(chosen, tests, jobs, until)
    finally:
        shutil.copy2(ROOT / file, TREE / file)
        shutil.copy2(ROOT / f"{name}{SUFFIX}", TREE / f"{name}{SUFFIX}")
    return Result(file, len(mutants), killed, survived)


def mutate_pyx(file: str, until: float, only: set[int]) -> Result:
    name, tests = TESTS[file]
    changed = of_pyx((ROOT / file).read_text("utf-8"))
    limit = 10 + 5 * clean_run_s(tests)
    chosen = [c for c in changed if not only or c[0].number in only]
    random.Random(len(changed)).shuffle(chosen)
    killed: list[Mutant] = []
    survived: list[Mutant] = []
    c_file = TREE / f"{name}.c"
    try:
        for mutant, text in chosen:
            if time.monotonic() > until:
                break
            (TREE / file).write_text(text, "utf-8")
            translate = [sys.executable, "-m", "cython", "-3", "-o", str(c_file)]
            directives = "boundscheck=False,wraparound=False,cdivision=True,initializedcheck=False"
            done = subprocess.run(
                [*translate, "-X", directives, file],
                cwd=TREE,
                capture_output=True,
                timeout=120,
                check=False,
            )
            if done.returncode or not compile_extension(name, c_file):
                continue  # no mutant: another language
            dead = tested(tests, 0, limit).wait(timeout=limit + 20)
            (killed if dead else survived).append(mutant)
    finally:
        c_file.unlink(missing_ok=True)
        shutil.copy2(ROOT / file, TREE / file)
        shutil.copy2(ROOT / f"{name}{SUFFIX}", TREE / f"{name}{SUFFIX}")
    return Result(file, len(changed), killed, survived)


def print_table(results: list[Result], show: bool) -> None:
    print(f"{'file':20} {'mutants':>8} {'tried':>6} {'killed':>7} {'score %':>8}")
    for r in results:
        tried = len(r.killed) + len(r.survived)
        print(f"{r.file:20} {r.mutants:>8} {tried:>6} {len(r.killed):>7} {r.percent:>8.1f}")
    kinds = Counter(m.kind for r in results for m in r.killed + r.survived)
    alive = Counter(m.kind for r in results for m in r.survived)
    print("by kind: " + ", ".join(f"{k} {n - alive[k]}/{n}" for k, n in sorted(kinds.items())))
    if show:
        for r in results:
            for m in sorted(r.survived, key=lambda m: m.line):
                print(f"{r.file}:{m.line}: #{m.number} {m.kind}: {m.text}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.mutate", description=__doc__)
    parser.add_argument("--files", default=",".join(TESTS))
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", default="", help="numbers of mutants, with one file")
    parser.add_argument("--show", action="store_true", help="name every survivor")
    asked = parser.parse_args()
    files = asked.files.split(",")
    only = {int(n) for n in asked.only.split(",") if n}
    make_tree()
    until = time.monotonic() + 60 * asked.minutes
    results = []
    for i, file in enumerate(files):
        share = time.monotonic() + (until - time.monotonic()) / (len(files) - i)
        if file.endswith(".h"):
            results.append(mutate_header(file, asked.jobs, share, only))
        else:
            results.append(mutate_pyx(file, share, only))
    print_table(results, asked.show)
    low = [r.file for r in results if r.percent < SCORE_PERCENT]
    if low:
        print(f"below {SCORE_PERCENT} %: {', '.join(low)}")
    return 1 if low else 0


if __name__ == "__main__":
    raise SystemExit(main())
