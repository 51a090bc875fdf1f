"""`make fuzz`: every reader of foreign bytes for a time, guided by coverage; exit 1 on a finding.

    python -m tests.fuzz [--seconds 600] [--only NAME,...] [--keep DIRECTORY]

The time, of a processor, is shared out evenly. Native targets (C headers) run under libFuzzer, ASan
and UBSan, and compiled modules (Cython's C of scanner, feed and entry codec) under libFuzzer and
ASan; what the first keep is then read by the Python doors beside orjson and the slow twin, which
must agree.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

from tests.fuzz import compiled, differential, guided, native, targets


def table(seconds: float, only: set[str], work: Path) -> list[dict[str, object]]:
    """One row a target; `finding` is empty when there is none."""
    python = [t for t in targets.targets(work) if not only or t.name in only]
    names = [n for n in native.HEADERS if not only or n in only]
    calls = [n for n in compiled.CALLS if not only or n in only]
    share = seconds / (len(python) + len(names) + len(calls) + 1)
    rows: list[dict[str, object]] = []
    for name in names + calls:
        found = (native if name in names else compiled).fuzz(name, share, work)
        rows.append(
            {
                "target": name,
                "inputs": found.inputs,
                "edges": found.edges,
                "kept": found.corpus,
                "finding": found.report,
                "input": found.failing,
            }
        )
    for target in python:
        run = guided.fuzz(target.call, target.seeds(), target.watched, share)
        failure = run.failure
        rows.append(
            {
                "target": target.name,
                "inputs": run.inputs,
                "edges": len(run.edges),
                "kept": len(run.corpus),
                "finding": f"{type(failure).__name__}: {failure}" if failure else "",
                "input": run.failing or b"",
            }
        )
    until = time.process_time() + share
    for name in names:
        if name in differential.COMPARE:
            compared, wrong = differential.compare(name, native.grown(name, work), until)
            rows.append(
                {
                    "target": f"{name} beside orjson",
                    "inputs": compared,
                    "edges": 0,
                    "kept": 0,
                    "finding": "another answer" if wrong else "",
                    "input": wrong,
                }
            )
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--only", default="")
    parser.add_argument("--keep", type=Path, help="keep the grown corpus and failing inputs here")
    asked = parser.parse_args()
    work = targets.in_memory()
    try:
        rows = table(asked.seconds, {n for n in asked.only.split(",") if n}, work)
        if asked.keep:
            shutil.copytree(work, asked.keep, dirs_exist_ok=True)
    except native.FuzzerMissing as missing:
        print(missing, file=sys.stderr)
        return 2
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(f"{'target':24} {'inputs':>10} {'edges':>7} {'kept':>6}  finding")
    for row in rows:
        finding = str(row["finding"]).strip().splitlines()
        print(
            f"{row['target']:24} {row['inputs']:>10} {row['edges'] or '':>7} "
            f"{row['kept'] or '':>6}  {finding[0] if finding else 'none'}"
        )
    failed = [row for row in rows if row["finding"]]
    for row in failed:
        print(f"\n{row['target']}: {row['input']!r}\n{row['finding']}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
