"""`python -m tests.chaos`: the fault matrix with counts, one table, exit 1 when anything is broken.

Stops by itself: after `--minutes` no part is begun that has not been yet; it is named as not run.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.chaos.command import commands
from tests.chaos.crashes import crashes
from tests.chaos.kills import kills, recoveries
from tests.chaos.matrix import matrix
from tests.chaos.memory_limit import memory_limits
from tests.chaos.mutants import mutants
from tests.chaos.network import network
from tests.chaos.power import images
from tests.chaos.replies import submits
from tests.chaos.soak import soak
from tests.chaos.switch import switches
from tests.chaos.table import Row, render
from tests.conftest import give_back_memory

Part = Callable[[], list[Row]]


def control(folder: Path, count: int) -> Row:
    """The images without syncs: here a loss is what must be found."""
    row = images(folder, count, synchronous="NORMAL")
    losses = sum("silent loss" in b for b in row.broken)
    row.fault, row.invariant = "control: synchronous=NORMAL", f"losses are found: {losses}"
    row.broken = [] if losses else ["no loss was found: the images show nothing"]
    return row


def parts(options: argparse.Namespace, folder: Path) -> list[tuple[str, Part]]:
    """What is to run, in order: what takes seconds first."""
    o = options
    found: list[tuple[str, int, Part]] = [
        ("submits", o.submits, lambda: [submits(o.submits), submits(o.submits, lies=0.1)]),
        ("images", o.images, lambda: [images(folder, o.images), control(folder, o.images // 10)]),
        ("switches", o.switches, lambda: switches(o.switches)),
        ("recoveries", o.recoveries, lambda: [recoveries(folder, o.recoveries)]),
        ("kills", o.kills, lambda: [kills(folder, o.kills)]),
        ("crashes", o.crashes, lambda: [crashes(folder)]),
        ("limits", o.limits, lambda: [memory_limits(folder, o.limits)]),
        ("commands", o.commands, lambda: commands(folder, o.commands)),
        ("network", o.network, lambda: network(folder, o.network)),
        ("soak", o.soak, lambda: [soak(folder, o.soak)]),
        ("matrix", o.matrix, matrix),
        ("mutants", o.mutants, lambda: [mutants(folder)]),
    ]
    return [(name, part) for name, count, part in found if count]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    for name, count, says in (
        ("kills", 60, "kill -9 of all roles of the demo"),
        ("recoveries", 60, "kills of the trading lane whose way back is timed"),
        ("submits", 2_000, "orders at 10 %% lost replies, and again at false 'not found'"),
        ("images", 500, "disks after a loss of power"),
        ("switches", 20, "kill switches over 500 working orders"),
        ("crashes", 1, "a crash at every named point, twice (0: not)"),
        ("limits", 2, "times that every lane meets its memory limit"),
        ("commands", 10, "rounds of `tiercel kill` and `resume` over 500 orders at work"),
        ("network", 0, "rounds of every fault of the proxy, the demo behind it"),
        ("soak", 180, "seconds that the demo is left alone"),
        ("matrix", 1, "the rows that are named tests (0: not)"),
        ("mutants", 1, "the planted bugs (0: not)"),
        ("minutes", 60, "after this no other part begins"),
    ):
        parser.add_argument(f"--{name}", type=int, default=count, help=f"{says} ({count})")
    options = parser.parse_args(argv)
    end = time.monotonic() + options.minutes * 60
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="tiercel-chaos-") as folder:
        for name, part in parts(options, Path(folder)):
            if time.monotonic() > end:
                row = Row("-", name, "", skipped=f"the {options.minutes} minutes were used up")
                rows.append(row)
                continue
            print(f"{name} ...", flush=True)
            rows += part()
            give_back_memory(Path(folder))
    if not options.network:
        rows.append(Row("X15", "the demo behind the fault proxy", "", skipped="--network is 0"))
    print(render(rows))
    return 1 if any(r.broken for r in rows) else 0


if __name__ == "__main__":
    raise SystemExit(main())
