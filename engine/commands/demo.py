"""Show it all: two simulated exchanges and the engine trading between them."""

from __future__ import annotations

from pathlib import Path

import click

from engine.durations import Duration


@click.command()
@click.option("--for", "for_s", type=Duration(), help="End by itself after this time (12s, 3m).")
@click.option("--state", type=click.Path(path_type=Path), help="State directory (./var/demo).")
@click.option("--seed", type=click.IntRange(0, 2**31), default=7, help="Of the exchanges' flow.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(for_s: float | None, state: Path | None, seed: int, as_json: bool) -> int:
    """Two simulated exchanges, the engine between them, live on the screen; then a report."""
    from engine.demo import run_demo

    return run_demo(state or Path("var") / "demo", for_s=for_s, seed=seed, as_json=as_json)
