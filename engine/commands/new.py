"""Begin something of your own: `tiercel new strategy NAME` writes files that run."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def command() -> None:
    """Begin something of your own."""


@command.command()
@click.argument("name")
@click.option(
    "--in", "folder", default=".", type=click.Path(path_type=Path), help="Where to write it."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def strategy(name: str, folder: Path, as_json: bool) -> None:
    """A strategy NAME: its file, its configuration, an exchange to run it on, and its test."""
    from engine.strategy_files import write

    paths = write(name, folder)
    if as_json:
        import orjson

        click.echo(orjson.dumps({"files": [str(p) for p in paths]}).decode())
        return
    for path in paths:
        click.echo(f"wrote {path}")
    click.echo(f"\nRun its test:      python -m pytest {paths[3]}")
    click.echo(f"Check it:          tiercel config check {paths[1]}")
    click.echo(f"Start an exchange: python -m venues.simulated --spec {paths[2]}")
    click.echo(f"Run it:            tiercel run {paths[1]}")
