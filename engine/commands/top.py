"""Watch a running engine: lanes, best prices, kill switch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.command()
@click.option("--state", type=click.Path(path_type=Path), help="The engine's state directory.")
@click.option("--every", default=0.5, type=click.FloatRange(0.1, 60), help="Seconds between looks.")
@click.option("--json", "as_json", is_flag=True, help="One look as one JSON object on stdout.")
def command(state: Path | None, every: float, as_json: bool) -> None:
    """Lanes, best prices and the kill switch of a running engine, until Ctrl-C."""
    import sys

    from engine import control
    from engine.state import resolve

    path = resolve(state)
    if as_json or not sys.stdout.isatty():
        import orjson

        click.echo(orjson.dumps(control.call(path, "top")).decode())
        return
    import time

    from rich.live import Live

    with Live(screen(path, control.call(path, "top")), auto_refresh=False) as live:
        try:
            while True:
                live.update(screen(path, control.call(path, "top")), refresh=True)
                time.sleep(every)
        except KeyboardInterrupt:
            pass


def screen(path: Path, found: dict[str, Any]) -> Any:
    """One look as rich shows it."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    killed = ", ".join(found["killed"])
    head = Text(f"{path}  root {found['root']}  restarts {found['restarts']}  ")
    head.append(f"KILLED: {killed}" if killed else "open", "bold red" if killed else "green")
    lanes = Table("lane", "pid", "runtime", "state", "restarts", "actors", box=None)
    for lane in found["lanes"]:
        style = "green" if lane["state"] == "ready" else "yellow"
        lanes.add_row(
            lane["name"],
            str(lane["pid"] or "-"),
            lane["runtime"],
            Text(lane["state"], style),
            str(lane["restarts"]),
            ", ".join(lane["actors"]),
        )
    tops = Table("feed", "listing", "bid", "ask", "valid", box=None)
    for top in found["tops"]:
        valid = Text("yes", "green") if top["doubt"] == 0 else Text(f"no ({top['doubt']})", "red")
        tops.add_row(top["feed"], top["listing"], str(top["bid"][0]), str(top["ask"][0]), valid)
    return Group(head, lanes, tops)
