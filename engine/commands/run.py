"""Run an application from its configuration file."""

from __future__ import annotations

from pathlib import Path

import click

from engine.durations import Duration


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--for", "for_s", type=Duration(), help="End by itself after this time (12s, 3m).")
@click.option("--state", type=click.Path(path_type=Path), help="State directory.")
@click.option("--record", type=click.Path(path_type=Path), help="Record the session's inputs here.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(
    config: Path, for_s: float | None, state: Path | None, record: Path | None, as_json: bool
) -> int:
    """Run an application until Ctrl-C (or for a time), supervised and journaled."""
    from engine.run import run_application

    return run_application(config, state, for_s=for_s, record=record, as_json=as_json)
