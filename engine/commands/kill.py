"""Turn the kill switch on: nothing leaves any more but cancels; it stays on until `resume`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option("--state", type=click.Path(path_type=Path), help="The engine's state directory.")
@click.option("--scope", default="all", help="`all`, or the name of a venue, strategy or listing.")
@click.option("--reason", default="tiercel kill", help="Kept with the switch and in the journal.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(state: Path | None, scope: str, reason: str, as_json: bool) -> None:
    """Close the gates of a scope at once, then cancel its orders. It outlives restarts."""
    from engine import control
    from engine.state import resolve

    path = resolve(state)
    found = control.call(path, "kill", scope=scope, reason=reason)
    if as_json:
        import orjson

        click.echo(orjson.dumps({"state": str(path), **found}).decode())
        return
    click.echo(f"{path}: {scope} is killed; `tiercel resume` turns it off again")
    for lane, answer in found["canceled"].items():
        left = f"{answer['open']} orders still open" if answer else "no answer yet"
        click.echo(f"  {lane}: {left}")
    if not found["kept"]:
        click.echo("  not on disk: the disk takes nothing, and a restart would not know of it")
