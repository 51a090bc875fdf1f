"""Why an order exists and what became of it: the causal chain, with the times between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("order_id")
@click.option(
    "--state", type=click.Path(path_type=Path), help="State directory, its engine dead or alive."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(order_id: str, state: Path | None, as_json: bool) -> None:
    """The causal chain of ORDER_ID (client or venue id), from its inputs to its fills."""
    from engine.journal.find import journal_state
    from engine.journal.why import why

    answer = why(journal_state(state), order_id)
    if as_json:
        import orjson

        click.echo(orjson.dumps(answer).decode())
    else:
        click.echo("\n".join(lines(answer)))


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
    for after in a["led_to"]:
        out.append(f"  led to {after.get('order', '')}: {after['what']}")
    return out
