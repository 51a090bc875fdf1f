"""Show the processes of a running engine: root, lanes, exchanges."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option("--state", type=click.Path(path_type=Path), help="The engine's state directory.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(state: Path | None, as_json: bool) -> None:
    """The processes of a running engine: root, lanes with their actors, exchanges."""
    from engine import control
    from engine.state import resolve

    found = control.call(resolve(state), "ps")
    if as_json:
        import orjson

        click.echo(orjson.dumps(found).decode())
        return
    rows = [("root", found["root"], "trio", "", "", "", "")]
    for lane in found["lanes"]:
        core = "" if lane["core"] is None else lane["core"]
        actors = ", ".join(lane["actors"])
        pid = lane["pid"] or "-"
        rows.append(
            (lane["name"], pid, lane["runtime"], core, lane["state"], lane["restarts"], actors)
        )
    rows += [(x["name"], x["pid"], "exchange", "", "", "", "") for x in found["exchanges"]]
    table = [("NAME", "PID", "RUNTIME", "CORE", "STATE", "RESTARTS", "ACTORS"), *rows]
    texts = [[str(cell) for cell in row] for row in table]
    widths = [max(len(row[i]) for row in texts) for i in range(len(texts[0]))]
    for row in texts:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())
    for alert in found.get("alerts", []):
        click.echo("{code}: {what}. {why}. {do}.".format(**alert))
    for lane in found["lanes"]:
        if "inputs_lost" in lane:
            click.echo(f"recording incomplete: {lane['inputs_lost']} inputs of {lane['name']} lost")
