"""Watch a running engine: books, orders, fills, P&L, lanes, latencies, kill switch."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option("--state", type=click.Path(path_type=Path), help="The engine's state directory.")
@click.option("--every", default=0.5, type=click.FloatRange(0.1, 60), help="Seconds between looks.")
@click.option("--json", "as_json", is_flag=True, help="One look as one JSON object on stdout.")
def command(state: Path | None, every: float, as_json: bool) -> None:
    """The live screen of a running engine until Ctrl-C; one line where there is no terminal."""
    import sys
    import time

    from engine import control
    from engine.entry import interruptible
    from engine.screen import Looker, draw, plain_line
    from engine.state import read_run, resolve

    path = resolve(state)
    told = control.call(path, "top")  # an engine that does not answer is an error, once
    if as_json:
        import orjson

        click.echo(orjson.dumps(told).decode())
        return
    looker = Looker(path)
    run = read_run(path)
    if not sys.stdout.isatty():
        click.echo(plain_line(looker.look()))
        return

    from rich.live import Live

    interruptible()
    title = f"{path}: {run.application}, {run.mode}" if run else str(path)
    with Live(draw(looker.look(), title), auto_refresh=False) as live:
        try:
            while True:
                time.sleep(every)
                control.call(path, "top")
                live.update(draw(looker.look(), title), refresh=True)
        except KeyboardInterrupt:
            pass
