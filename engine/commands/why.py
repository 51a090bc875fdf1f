"""Why an order exists and what became of it; with --not why a strategy did not trade."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("order_id", required=False)
@click.option("--not", "strategy", help="Say why this strategy did not trade just now.")
@click.option(
    "--state", type=click.Path(path_type=Path), help="State directory, its engine dead or alive."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(order_id: str | None, strategy: str | None, state: Path | None, as_json: bool) -> None:
    """The causal chain of ORDER_ID (client or venue id), from its inputs to its fills.

    With --not STRATEGY: what kept it from trading in the last interval it told of, with numbers.
    """
    from engine.errors import WrongUsage
    from engine.journal.find import journal_state

    if (order_id is None) == (strategy is None):
        raise WrongUsage(detail="give an ORDER_ID or --not STRATEGY", command="tiercel why")
    where = journal_state(state)
    if strategy is not None:
        from engine.journal.why_not import why_not

        answer = why_not(where, strategy)
        said = not_lines(answer)
    else:
        from engine.journal.why import why

        assert order_id is not None
        answer = why(where, order_id)
        said = lines(answer)
    if as_json:
        import orjson

        click.echo(orjson.dumps(answer).decode())
    else:
        click.echo("\n".join(said))


def not_lines(a: dict[str, Any]) -> list[str]:
    """Why not, for people: the reasons that came most often first."""
    seconds = (a["to"] - a["from"]) / 1e9
    out = [
        f"{a['strategy']}: {a['intents']} intents in the {seconds:.1f} s up to "
        f"{a['age_ns'] / 1e9:.1f} s before the journal's newest event"
    ]
    for reason, numbers in sorted(a["reasons"].items(), key=lambda x: -x[1]["count"]):
        rest = ", ".join(f"{k} {v}" for k, v in numbers.items() if k != "count")
        out.append(f"  {numbers['count']:>8} x  {reason}" + (f": {rest}" if rest else ""))
    for name, row in sorted(a["refused"].items(), key=lambda x: -x[1]["count"]):
        found = [f"{k} {v}" for k, v in row["inputs"].items()]
        rest = "".join(f"; {part}" for part in (row["why"], ", ".join(found)) if part)
        out.append(
            f"  {row['count']:>8} x  refused by the gate, {name}: {row['value']} against "
            f"{row['limit']}{rest}"
        )
    if not a["reasons"] and not a["refused"]:
        out.append("  nothing kept it: it looked at no market, or traded whenever it looked")
    return out


def lines(a: dict[str, Any]) -> list[str]:
    """The answer for people."""
    known = "" if a["evidence"] == "CONFIRMED" else f", {a['evidence']}"
    out = [
        f"order {a['client_order_id']} (venue id {a['venue_order_id'] or 'none'}) on {a['venue']} "
        f"{a['listing']}: {a['status']}{known}, {a['filled']} of {a['quantity']} filled"
    ]
    for cause in reversed(a["caused_by"]):
        out.append(f"  because of {cause['source']}/{cause['position']}: {cause['what']}")
    i = a["inputs"]
    if i is not None:
        out.append(
            f"  decided by {i['strategy']}, rule {i['rule']}, on {i['feed']} update "
            f"{i['update_id']} of book {i['epoch']}: bid {i['bid']}, ask {i['ask']}"
        )
    for step in a["steps"]:
        out.append(f"  {step['after_ns'] / 1e3:>12.1f} us  {step['what']}")
    for other in a["also"]:
        out.append(f"  an older order has this name too: {other}")
    for after in a["led_to"]:
        out.append(f"  led to {after.get('order', '')}: {after['what']}")
    return out
