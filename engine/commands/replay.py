"""Replay a recording and compare every record, or back-test a configuration on a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("files", metavar="[VENUE=]FILE...", nargs=-1, required=True)
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    help="Back-test this configuration on FILE's market data.",
)
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    help="Keep a back-test's journal in this new directory, for `why` and `journal`.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(
    files: tuple[str, ...], config_path: Path | None, state: Path | None, as_json: bool
) -> int:
    """Run FILE's inputs through the same actors: are their records the same, byte for byte?

    With --config only FILE's market data is used (a recording or a raw capture): strategies and
    gate are the configuration's, and orders are matched by the queue model of docs/replay.md.
    VENUE=FILE and VENUE.SYMBOL=FILE say whose a raw capture is; several files of one name follow
    each other.
    """
    from engine.entry import interruptible
    from engine.errors import EXIT_DONE, EXIT_NO, WrongUsage

    interruptible()  # what it has in shared memory and in temporary directories goes with it
    if config_path is not None:
        from engine.backtest import backtest_file

        found = backtest_file(files, config_path, state=state)
        show(found, as_json, tested(found))
        return EXIT_DONE
    from engine.replay import replay_file

    if len(files) > 1 or state is not None:
        detail = (
            "several files and --state belong to --config; without it one recording is replayed"
        )
        raise WrongUsage(detail=detail, command="tiercel replay")
    found = replay_file(Path(files[0]))
    show(found, as_json, compared(found))
    return EXIT_DONE if found["identical"] else EXIT_NO


def show(found: dict[str, Any], as_json: bool, text: str) -> None:
    if as_json:
        import orjson

        text = orjson.dumps(found).decode()
    click.echo(text)


def compared(found: dict[str, Any]) -> str:
    """A reproduction for people."""
    lines = [
        f"records {found['records']}, compared {found['compared']}",
        f"identical: {'yes' if found['identical'] else 'NO'}",
    ]
    if found["incomplete"]:
        lines.append(f"incomplete: {found['inputs_lost']} inputs found no room in the recording")
    if not found["complete"]:
        lines.append(f"it has no end: {found['records']} whole records stand in it")
    if (found["first_difference"] or {}).get("what") == "damage":
        lines.append(f"damaged at byte {found['first_difference']['offset']}: what stands before")
        lines.append("was replayed; use a copy of the file for the rest")
    elif found["first_difference"]:
        import pprint

        lines += ["first difference:", pprint.pformat(found["first_difference"], width=100)]
    return "\n".join([*lines, f"{found['events_per_s']} inputs a second"])


def tested(found: dict[str, Any]) -> str:
    """A back-test for people."""
    lines = [
        f"{found['events']} events over {found['market_seconds']:.1f} s,"
        f" {found['events_per_s']} a second; {found['records']} records",
        f"orders {found['orders']}, fills {found['fills']}, rejected {found['rejected']},"
        f" refused by the gate {found['refused']}",
        f"P&L {found['pnl']} after fees of {found['fees']} (quote asset)",
        *(f"and fees of {n} {asset}" for asset, n in found["fees_unconverted"].items()),
    ]
    lines += [
        f"{p['listing']}: position {p['position']}, valued at {p['mark']}"
        for p in found["positions"]
    ]
    return "\n".join(lines)
