"""Remove a state directory and its shared memory; refused while an engine runs on it."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "--state", type=click.Path(path_type=Path), required=True, help="The state directory to remove."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(state: Path, as_json: bool) -> None:
    """Remove a state directory, with journal, recordings and shared memory, for good."""
    from engine.errors import WrongUsage
    from engine.memory import Memory
    from engine.registry import FILE, read
    from engine.state import StateDirectory, remove

    if not (state / "lock").is_file():
        detail = f"{state} is not a state directory of tiercel"
        raise WrongUsage(detail=detail, command="tiercel clean")
    directory = StateDirectory(state)  # refused while another holds it
    try:
        if (state / FILE).exists():
            Memory.of_instance(read(state)[0]).remove_all()
        remove(state)
    finally:
        directory.close()
    if as_json:
        import orjson

        click.echo(orjson.dumps({"removed": str(state)}).decode())
    else:
        click.echo(f"{state}: removed")
