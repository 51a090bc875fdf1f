"""Show the latencies of the last run: percentiles of every stage; a page of them with --html."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from engine.latency_run import Kept


@click.command()
@click.option("--state", type=click.Path(path_type=Path), help="The engine's state directory.")
@click.option(
    "--compare", type=click.Path(path_type=Path), help="State directory of the run to compare with."
)
@click.option(
    "--html", type=click.Path(path_type=Path), help="Write spectra and courses as one HTML file."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(state: Path | None, compare: Path | None, html: Path | None, as_json: bool) -> int:
    """Percentiles per stage: of the run going on, else of the last one that ended.

    `collect` are garbage collections and `age` is how long records waited in outboxes, both lane
    by lane.
    """
    from engine.latency_run import directory_of, document, last_run

    directory = directory_of(state)
    kept = last_run(directory)
    other = last_run(compare) if compare is not None else None
    found = document(kept, other)
    if html is not None:
        write_page(html, kept, other)
        found["html"] = str(html)
    if as_json:
        import orjson

        click.echo(orjson.dumps(found).decode())
    else:
        click.echo("\n".join(lines(found)))
    return 0


def write_page(path: Path, kept: Kept, other: Kept | None) -> None:
    """One file that needs nothing else."""
    from engine.latency_page import page

    path.write_text(page(kept, other), encoding="utf-8")


def lines(found: dict[str, Any]) -> list[str]:
    """The table for people."""
    head = ["STAGE", "COUNT", "P50", "P99", "P99.9", "MAX"]
    if "ratios" in found:
        head += ["P50 x", "P99 x", "P99.9 x"]
    rows = [head]
    for stage, row in found["latency"].items():
        values = (row["p50_ns"], row["p99_ns"], row["p999_ns"], row["max_ns"])
        cells = [stage, str(row["count"]), *(f"{v / 1000:.1f} us" for v in values)]
        if "ratios" in found:
            ratios = found["ratios"].get(stage, {})
            fields = ("p50_ratio", "p99_ratio", "p999_ratio")
            cells += [f"{ratios[f]:.2f}" if f in ratios else "-" for f in fields]
        rows.append(cells)
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    out = [f"run {found['run']}"]
    if "baseline" in found:
        out[0] += f", compared with run {found['baseline']['run']}"
    out += ["  ".join(c.rjust(w) for c, w in zip(r, widths, strict=True)) for r in rows]
    if "html" in found:
        out.append(f"page: {found['html']}")
    return out
