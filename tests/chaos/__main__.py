"""`python -m tests.chaos`: the fault matrix with counts, one table, exit 1 when anything is broken.

Stops by itself: after `--minutes` no part is begun that has not been yet; it is named as not run.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from tests.chaos.books import books, lifetimes
from tests.chaos.command import commands
from tests.chaos.crashes import crashes
from tests.chaos.kills import kills, recoveries
from tests.chaos.matrix import matrix
from tests.chaos.memory_limit import memory_limits
from tests.chaos.mutants import mutants
from tests.chaos.network import network, secure
from tests.chaos.power import images
from tests.chaos.pressure import bursts, clocks, rings, storms
from tests.chaos.races import expiries, killed_in_trouble, races
from tests.chaos.replies import submits
from tests.chaos.soak import soak
from tests.chaos.switch import switches
from tests.chaos.table import Row, render
from tests.conftest import give_back_memory

Part = Callable[[], list[Row]]


def control(folder: Path, count: int, seed: int) -> Row:
    """The images without syncs: here a loss is what must be found."""
    row = images(folder, count, synchronous="NORMAL", seed=seed)
    losses = sum("silent loss" in b for b in row.broken)
    row.fault, row.invariant = "control: synchronous=NORMAL", f"losses are found: {losses}"
    row.broken = [] if losses else ["no loss was found: the images show nothing"]
    return row


def parts(options: argparse.Namespace, folder: Path) -> list[tuple[str, int, Part]]:
    """What there is to run with its count, in order: what takes seconds first."""
    o, seed = options, options.seed
    return [
        (
            "submits",
            o.submits,
            lambda: [submits(o.submits, seed=seed), submits(o.submits, lies=0.1, seed=seed)],
        ),
        ("books", o.books, lambda: [*books(o.books), lifetimes(o.lives)]),
        ("races", o.races, lambda: [races(o.races, seed), expiries(o.lives, seed)]),
        ("rings", o.rings, lambda: [rings(o.rings, seed)]),
        ("bursts", o.bursts, lambda: [bursts(o.bursts, seed)]),
        ("storms", o.storms, lambda: [storms(o.storms, seed)]),
        ("clocks", o.clocks, lambda: [clocks(o.clocks, seed)]),
        ("troubles", o.troubles, lambda: [killed_in_trouble(o.troubles, seed)]),
        (
            "images",
            o.images,
            lambda: [images(folder, o.images, seed=seed), control(folder, o.images // 10, seed)],
        ),
        ("switches", o.switches, lambda: switches(o.switches)),
        ("recoveries", o.recoveries, lambda: [recoveries(folder, o.recoveries, seed)]),
        ("kills", o.kills, lambda: [kills(folder, o.kills, seed)]),
        ("crashes", o.crashes, lambda: [crashes(folder)]),
        ("limits", o.limits, lambda: [memory_limits(folder, o.limits)]),
        ("commands", o.commands, lambda: commands(folder, o.commands)),
        ("network", o.network, lambda: network(folder, o.network)),
        ("secure", o.secure, lambda: secure(folder, o.secure)),
        ("soak", o.soak, lambda: [soak(folder, o.soak)]),
        ("matrix", o.matrix, matrix),
        ("mutants", o.mutants, lambda: [mutants(folder)]),
    ]


def rows_of(name: str, count: int, part: Part, is_over: bool) -> list[Row]:
    """A part's rows; one that says why when it was not run or could not end."""
    if not count:
        return [Row("-", name, "", skipped=f"--{name} is 0")]
    if is_over:
        return [Row("-", name, "", skipped="the minutes were used up")]
    print(f"{name} ...", flush=True)
    try:
        return part()
    except Exception as error:  # the table must be printed whatever a part meets
        traceback.print_exception(error)
        return [Row("-", name, "it runs", broken=[f"{type(error).__name__}: {error}"[:300]])]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    for name, count, says in (
        ("kills", 60, "kill -9 of all roles of the demo"),
        ("recoveries", 60, "kills of the trading lane whose way back is timed"),
        ("submits", 2_000, "orders at 10 %% lost and late replies, and at false 'not found'"),
        ("books", 100_000, "updates of a book, some of them lost, cut, doubled or late"),
        ("races", 1_000, "cancels and replaces of orders that are being filled"),
        ("lives", 20, "connections of a feed and of a venue whose life ends"),
        ("rings", 400, "kill -9 of a ring's writer and readers"),
        ("bursts", 200, "bursts at readers that are too slow"),
        ("storms", 5_000, "orders of a strategy that runs away, half of them refused"),
        ("clocks", 1_000, "steps of the wall clock"),
        ("troubles", 50, "kill switches that fall while another fault acts"),
        ("images", 500, "disks after a loss of power"),
        ("switches", 20, "kill switches over 500 working orders"),
        ("crashes", 1, "a crash at every named point, twice (0: not)"),
        ("limits", 2, "times that every lane meets its memory limit"),
        ("commands", 10, "rounds of `tiercel kill` and `resume` over 500 orders at work"),
        ("network", 10, "rounds of every fault of the proxy, the demo behind it"),
        ("secure", 2, "rounds of every fault of TLS, the demo behind it"),
        ("soak", 180, "seconds that the demo is left alone"),
        ("matrix", 1, "the rows that are named tests (0: not)"),
        ("mutants", 1, "the planted bugs (0: not)"),
        ("minutes", 60, "after this no other part begins"),
        ("seed", 1, "of what is drawn: another part of a large count has another"),
    ):
        parser.add_argument(f"--{name}", type=int, default=count, help=f"{says} ({count})")
    options = parser.parse_args(argv)
    end = time.monotonic() + options.minutes * 60
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="tiercel-chaos-") as folder:
        for name, count, part in parts(options, Path(folder)):
            rows += rows_of(name, count, part, time.monotonic() > end)
            give_back_memory(Path(folder))
    print(render(rows))
    return 1 if any(r.broken for r in rows) else 0


if __name__ == "__main__":
    raise SystemExit(main())
