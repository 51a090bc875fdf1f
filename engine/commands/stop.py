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
    from engine.left_open import left_in_words, left_open
    from engine.state import is_running, resolve

    path = resolve(state)
    found = control.call(path, "stop")
    while wait and is_running(path):
        time.sleep(0.02)
    stopped = not is_running(path)
    left = left_open(path) if stopped else None
    answer = {"state": str(path), "stopped": stopped, **found, **(left or {})}
    if as_json:
        import orjson

        click.echo(orjson.dumps(answer).decode())
    else:
        click.echo(f"{path}: {'stopped' if stopped else 'stopping'}")
        for line in left_in_words(left) if left else []:
            click.echo(line)
