"""Hurt a configuration on purpose, against simulated exchanges, and say what happened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from engine.durations import Duration


@click.command()
@click.argument("fault", required=False)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The configuration to drill; without it the demo's.",
)
@click.option(
    "--for", "for_s", type=Duration(), default="18s", show_default=True, help="Trading in all."
)
@click.option("--state", type=click.Path(path_type=Path), help="State directory (./var/drill).")
@click.option("--at", "target", help="The exchange or lane that is hurt; else the first.")
@click.option("--price", "prices", multiple=True, help="LISTING=PRICE where trading starts.")
@click.option("--seed", type=click.IntRange(0, 2**31), default=7, help="Of the exchanges' flow.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(
    fault: str | None,
    config: Path | None,
    for_s: float,
    state: Path | None,
    target: str | None,
    prices: tuple[str, ...],
    seed: int,
    as_json: bool,
) -> int:
    """Run a configuration against simulated exchanges, inject FAULT, and judge the end.

    Without FAULT: what there is. Exit code 1 when something that must hold did not.
    """
    from engine.drill_faults import FAULTS, named

    if fault is None:
        list_faults({n: f.sentence for n, f in FAULTS.items()}, as_json)
        return 0
    chosen = named(fault)
    from engine.demo import SHIPPED
    from engine.drill import Drill, run_drill
    from engine.errors import EXIT_DONE, EXIT_NO, WrongUsage

    if any("=" not in p for p in prices):
        raise WrongUsage(detail="--price takes LISTING=PRICE", command="tiercel drill")
    where = state or Path("var") / "drill"
    pairs = dict(p.split("=", 1) for p in prices)
    found = run_drill(Drill(config or SHIPPED, where, seed, pairs), fault, chosen, for_s, target)
    if as_json:
        import orjson

        click.echo(orjson.dumps(found).decode())
    else:
        click.echo("\n".join(lines(found)))
    return EXIT_NO if found["broken"] else EXIT_DONE


def list_faults(found: dict[str, str], as_json: bool) -> None:
    """Every drill with its sentence."""
    if as_json:
        import orjson

        click.echo(orjson.dumps({"drills": found}).decode())
        return
    width = max(map(len, found))
    for name, sentence in found.items():
        click.echo(f"{name.ljust(width)}  {sentence}")


def lines(found: dict[str, Any]) -> list[str]:
    """What happened, for people."""
    out = [f"drill {found['drill']} of {found['configuration']}"]
    out += [f"{s['at_s']:>8.2f} s  {s['what']}" for s in found["what_happened"]]
    first = found["first_trade_after_s"]
    trades = found["trades"]
    out.append(
        f"trades {trades['before']} before and {trades['after']} after it"
        + (f", the first {first:.2f} s after" if first is not None else "")
    )
    if trades["before"] < 2:
        out.append(
            "too few trades before it to judge whether it trades again: give it longer (--for)"
        )
    out.append(
        f"orders {found['orders']}, fills {found['fills']}, rejected {found['rejected']}, refused "
        f"by the gate {found['refused']}, restarts {found['restarts']}"
    )
    if found["faults_acted"]:
        acted = ", ".join(f"{n} {c}x" for n, c in found["faults_acted"].items())
        out.append(f"the exchanges count: {acted}")
    out += [f"BROKEN: {sentence}" for sentence in found["broken"]]
    if not found["broken"]:
        out.append("everything that must hold did; state: " + found["state"])
    return out
