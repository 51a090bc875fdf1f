"""Stop a running engine in order: cancels first, the journal last."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option("--state", type=click.Path(path_type=Path), help="The engine's state directory.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.option("--wait/--no-wait", default=True, help="Wait until it has ended.")
def command(state: Path | None, as_json: bool, wait: bool) -> None:
    """Stop a running engine in order: strategies, venues (cancels first), journal last."""
    import time

    from engine import control
    from engine.state import is_running, resolve

    path = resolve(state)
    found = control.call(path, "stop")
    while wait and is_running(path):
        time.sleep(0.02)
    answer = {"state": str(path), "stopped": not is_running(path), **found}
    if as_json:
        import orjson

        click.echo(orjson.dumps(answer).decode())
    else:
        click.echo(f"{path}: {'stopped' if answer['stopped'] else 'stopping'}")
