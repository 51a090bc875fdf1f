"""Turn the kill switch off after a clean reconciliation; clears an escalation, never arms live."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command()
@click.option("--state", type=click.Path(path_type=Path), help="The engine's state directory.")
@click.option("--yes", is_flag=True, help="Do not ask (simulation only).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(state: Path | None, yes: bool, as_json: bool) -> None:
    """Reconcile, then open every gate. Needs the application's name typed at a terminal."""
    from engine import control
    from engine.entry import interruptible
    from engine.errors import WrongUsage
    from engine.state import read_run, resolve

    path = resolve(state)
    run = read_run(path)
    assert run is not None
    confirmed = ""
    if not (yes and run.mode == "simulation"):
        if not sys.stdin.isatty():
            way = "`--yes` is for simulation only" if yes else "use `--yes` in simulation"
            detail = f"resume wants the name of the application typed at a terminal; {way}"
            raise WrongUsage(detail=detail, command="tiercel resume")
        interruptible()
        try:
            confirmed = click.prompt(f"Type the application's name ({run.application}) to resume")
        except click.Abort:  # Ctrl-C: not done, so not exit code 0
            detail = "nothing was typed, and nothing is opened"
            raise WrongUsage(detail=detail, command="tiercel resume") from None
        if confirmed != run.application:
            detail = "what was typed is not the name of the application"
            raise WrongUsage(detail=detail, command="tiercel resume")
    found = control.call(path, "resume", confirmed=confirmed)
    if as_json:
        import orjson

        click.echo(orjson.dumps({"state": str(path), **found}).decode())
    else:
        opened = ", ".join(found["opened"]) or "nothing was closed"
        click.echo(f"{path}: reconciled; opened: {opened}")
