"""The gate on a release: `python -m bench.gate`; exit 1 when something became slower.

Two kinds of evidence. Instructions of the kernels, counted by callgrind: they do not depend on
what else the machine does, so 2 % more fails. Ratios of our path to its floor program in the same
run: those are noisy, so the noise is measured first (two runs of the same code), a row that fails
is measured twice more, and only three of three fail. What is missing fails: a kernel or a row that
the baseline has and the run has not, valgrind that is not there. Absolute times are printed and
never gate. `--write` makes a new baseline.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import orjson

from bench.kernels import KERNELS

BASELINE = Path(__file__).parent / "baseline.json"
PARTS = {"ring": "rows", "book": "rows", "gate_kernel": "rows", "wire": "judged"}
"""What is measured: a part of the bench, and its function that gives the rows."""
INSTRUCTIONS_MORE = 0.02
# coarse: three runs of one build on one quiet machine gave depth_floor 0.62, 0.73 and 1.05; what a
# change costs to the instruction is counted above
RATIO_MORE = 0.50
NOISE_TIMES = 3.0
COUNT_TIMEOUT_S = 300
# Bytes of environment, which move the stack and all that is laid out after it: a kernel whose
# instructions depend on that (depth: 15 %) counts the least of them.
PADDINGS = (0, 700, 1400, 2300)
# Stated in nanoseconds, not as a multiple: a floor of 2 to 3 ns differs by half between processors
# whose own path takes the same time. Their kernels' instructions are counted instead.
BY_TIME = frozenset({"ring_local"})


def count(kernel: str, rounds: int, padding: int = 0) -> int:
    """Instructions of the whole process running a kernel `rounds` times, under callgrind."""
    environment = os.environ | {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    environment["TIERCEL_PADDING"] = "x" * padding
    done = subprocess.run(
        [
            "valgrind",
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            sys.executable,
            "-m",
            "bench.kernels",
            kernel,
            str(rounds),
        ],
        capture_output=True,
        text=True,
        timeout=COUNT_TIMEOUT_S,
        env=environment,
    )
    for line in done.stderr.splitlines():
        if "Collected :" in line:
            return int(line.split(":")[1])
    raise RuntimeError(f"callgrind counted nothing for {kernel}: {done.stderr[-500:]}")


def instructions(kernel: str, before: float | None = None) -> float:
    """Instructions a round of a kernel: the least of PADDINGS, or the first near `before`."""
    rounds = KERNELS[kernel][1]
    least = float("inf")
    for padding in PADDINGS:
        both = count(kernel, 2 * rounds, padding), count(kernel, rounds, padding)
        least = min(least, (both[0] - both[1]) / rounds)
        if before is not None and least <= before * (1 + INSTRUCTIONS_MORE):
            break
    return least


def measure() -> dict[str, dict[str, Any]]:
    """Every row of the benchmarks, quickly."""
    found = {}
    for part, rows in PARTS.items():
        for row in getattr(import_module(f"bench.{part}"), rows)(True):
            found[row["id"]] = row
    return found


def ratios(rows: dict[str, dict[str, Any]]) -> dict[str, float]:
    """The rows judged against a floor. `depth_python` is a gain: its inverse is a cost."""
    return {
        name: 1 / row["ratio"] if name == "depth_python" else row["ratio"]
        for name, row in rows.items()
        if row["ratio"] is not None and name not in BY_TIME
    }


def judge_counts(baseline: dict[str, float], counted: dict[str, float]) -> list[str]:
    """What is slower, or missing, by instruction counts."""
    wrong = []
    for kernel, before in baseline.items():
        now = counted.get(kernel)
        if now is None:
            wrong.append(f"{kernel}: not counted")
        elif now > before * (1 + INSTRUCTIONS_MORE):
            wrong.append(f"{kernel}: {now:.0f} instructions a round, {before:.0f} before")
    return wrong


def judge_ratios(
    baseline: dict[str, float], runs: list[dict[str, float]], noise: dict[str, float]
) -> list[str]:
    """Rows slower than the baseline in every one of `runs`, or missing in one."""
    wrong = []
    for name, before in baseline.items():
        limit = before * (1 + max(RATIO_MORE, NOISE_TIMES * noise.get(name, 0.0)))
        got = [run.get(name) for run in runs]
        if any(ratio is None for ratio in got):
            wrong.append(f"{name}: not measured")
        elif all(ratio is not None and ratio > limit for ratio in got):
            shown = ", ".join(f"{ratio:.2f}" for ratio in got if ratio is not None)
            wrong.append(f"{name}: {shown} times its floor, {before:.2f} before")
    return wrong


def noise_of(first: dict[str, float], second: dict[str, float]) -> dict[str, float]:
    """How far two runs of the same code lie apart."""
    return {n: abs(first[n] - second[n]) / min(first[n], second[n]) for n in first if n in second}


def main(arguments: list[str] | None = None) -> int:
    """Measure, compare, print; 0 when nothing became slower."""
    options = argparse.ArgumentParser(prog="bench.gate", description=__doc__)
    options.add_argument("--write", action="store_true", help="make a new baseline")
    options.add_argument("--counts-only", action="store_true", help="instructions only")
    options.add_argument("--kernels", help="comma-separated kernels, all by default")
    options.add_argument("--baseline", type=Path, default=BASELINE)
    chosen = options.parse_args(arguments)
    if shutil.which("valgrind") is None:
        print("gate: valgrind is not installed, so nothing can be shown: failed", file=sys.stderr)
        return 1
    kernels = chosen.kernels.split(",") if chosen.kernels else list(KERNELS)
    known: dict[str, float] = {}
    if not chosen.write and chosen.baseline.exists():
        known = orjson.loads(chosen.baseline.read_bytes())["instructions"]
    counted = {kernel: instructions(kernel, known.get(kernel)) for kernel in kernels}
    for kernel, value in counted.items():
        print(f"{kernel:12} {value:14.0f} instructions a round")
    if chosen.write and chosen.counts_only:
        chosen.baseline.write_bytes(orjson.dumps({"instructions": counted, "ratios": {}}))
        return 0
    if not chosen.write and not chosen.baseline.exists():
        print("gate: there is no baseline: failed", file=sys.stderr)
        return 1
    if chosen.counts_only:
        before = orjson.loads(chosen.baseline.read_bytes())["instructions"]
        return verdict(judge_counts({k: before[k] for k in kernels if k in before}, counted))
    rows = measure()
    first, second = ratios(rows), ratios(measure())
    noise = noise_of(first, second)
    for name, row in rows.items():
        ratio = "" if row["ratio"] is None else f"{row['ratio']:8.2f} x floor"
        print(f"{name:16} {row['value']:12.1f} {row['unit']:4} {ratio}")
    if chosen.write:
        best = {name: min(first[name], second[name]) for name in first}
        document = {"instructions": counted, "ratios": best}
        chosen.baseline.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
        return 0
    before = orjson.loads(chosen.baseline.read_bytes())
    wrong = judge_counts(before["instructions"], counted)
    runs = [first]
    while (slow := judge_ratios(before["ratios"], runs, noise)) and len(runs) < 3:
        print("measured again: " + "; ".join(slow))
        runs.append(second if len(runs) == 1 else ratios(measure()))
    return verdict(wrong + slow)


def verdict(wrong: list[str]) -> int:
    """Say what is slower; the exit code."""
    for line in wrong:
        print(f"slower: {line}")
    print("gate: failed" if wrong else "gate: passed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
