"""Check the journal's chain, views and invariants, or show what it holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.group()
def command() -> None:
    """Check the journal's chain, views and invariants, or show what it holds."""


STATE = click.option(
    "--state", type=click.Path(path_type=Path), help="State directory, its engine dead or alive."
)
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")


@command.command()
@STATE
@JSON
@click.pass_context
def check(ctx: click.Context, state: Path | None, as_json: bool) -> None:
    """Hash chain, views equal to their rebuild, invariants I1 to I7. Exit code 1 when not."""
    from engine.journal.check import check
    from engine.journal.find import journal_state

    path = journal_state(state)
    answer = check(path)
    if as_json:
        import orjson

        click.echo(orjson.dumps(answer).decode())
    else:
        for d in answer["differences"]:
            rest = ", ".join(f"{k} {v}" for k, v in d.items() if k not in ("invariant", "what"))
            click.echo(f"{d['invariant']}: {d['what']} ({rest})")
        word = "whole" if answer["ok"] else f"NOT whole: {answer['difference_count']} differences"
        click.echo(f"{path}: {answer['events']} events, {word}, views {answer['snapshot'][:16]}")
    if not answer["ok"]:
        ctx.exit(1)


@command.command()
@STATE
@JSON
@click.option("--orders", "what", flag_value="orders", help="Orders, the latest first.")
@click.option("--fills", "what", flag_value="fills", help="Fills, the latest first.")
@click.option("--positions", "what", flag_value="positions", help="Positions and P&L.")
@click.option("--strands", "what", flag_value="strands", help="Chains of causes.")
@click.option("--events", "what", flag_value="events", default=True, help="Events (default).")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 100_000))
def show(state: Path | None, as_json: bool, what: str, limit: int) -> None:
    """What the journal holds."""
    from engine.journal.find import journal_state
    from engine.journal.show import show

    path = journal_state(state)
    answer: dict[str, Any] = show(path, what, limit)
    if as_json:
        import orjson

        click.echo(orjson.dumps(answer).decode())
        return
    for row in answer[what]:
        click.echo("  ".join(f"{k}={v}" for k, v in row.items()))
    if what == "positions":
        click.echo(f"P&L {answer['pnl']}")
