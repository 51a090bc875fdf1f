"""Measure: latency and throughput of a part, against its floor in the same run."""

from __future__ import annotations

import click


@click.command()
@click.argument("what")
@click.option("--quick", is_flag=True, help="Fewer repetitions: seconds instead of minutes.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(what: str, quick: bool, as_json: bool) -> int:
    """Measure WHAT (wire, frame, ring, book, gate, histogram, replay, memory, pools or all)."""
    from engine.entry import interruptible
    from engine.wiring import load_bench

    interruptible()  # it starts servers of its own, and ends them
    return load_bench(what)(quick, as_json)
