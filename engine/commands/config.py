"""Check a configuration, show it with defaults filled in, or print its JSON schema."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.group()
def command() -> None:
    """Check a configuration, show it with its defaults, or print the JSON schema."""


def write(found: dict[str, Any], as_json: bool, text: str) -> None:
    if not as_json:
        click.echo(text, nl=not text.endswith("\n"))
        return
    import orjson

    click.echo(orjson.dumps(found).decode())


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def check(file: Path, as_json: bool) -> None:
    """Is FILE a configuration that would start? Exit code 2 with the reason when not."""
    from engine import config

    found = config.read(file)
    app = found.application
    actors = sum(len(lane.actors) for lane in app.lanes)
    answer = {
        "ok": True,
        "application": app.application,
        "mode": app.mode,
        "drill": app.drill,
        "lanes": len(app.lanes),
        "actors": actors,
        "hash": f"{found.hash:016x}",
        "files": [str(f) for f in found.source.files],
    }
    write(
        answer,
        as_json,
        f"{file}: application {app.application}, {app.mode}, {len(app.lanes)} lanes, "
        f"{actors} actors: it is right",
    )


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def show(file: Path, as_json: bool) -> None:
    """FILE with its includes and every default; references stay as they are written."""
    import yaml

    from engine import config

    found = config.shown(config.read(file))
    text = yaml.safe_dump(found, sort_keys=False, allow_unicode=True, width=100)
    write(found, as_json, text)


@command.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def schema(as_json: bool) -> None:
    """The JSON schema of a configuration: every setting with type, bounds, unit and sentence."""
    import orjson

    from engine import config

    found = config.schema()
    write(found, as_json, orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
