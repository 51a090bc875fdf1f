"""Replay a recording through the same actors and compare every record."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(file: Path, as_json: bool) -> int:
    """Run FILE's inputs through the same actors: are their records the same, byte for byte?"""
    from engine.errors import EXIT_DONE, EXIT_NO
    from engine.replay import replay_file

    found = replay_file(file)
    if as_json:
        import orjson

        click.echo(orjson.dumps(found).decode())
    else:
        click.echo(f"records {found['records']}, compared {found['compared']}")
        click.echo(f"identical: {'yes' if found['identical'] else 'NO'}")
        if found["first_difference"]:
            import pprint

            click.echo("first difference:")
            click.echo(pprint.pformat(found["first_difference"], width=100))
        click.echo(f"{found['events_per_s']} inputs a second")
    return EXIT_DONE if found["identical"] else EXIT_NO
