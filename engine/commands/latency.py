"""Show the latencies of the last run: percentiles of every stage."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option("--state", type=click.Path(path_type=Path), help="The engine's state directory.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(state: Path | None, as_json: bool) -> int:
    """Percentiles per stage: of the run going on, else of the last one that ended."""
    from engine.report import latest_latencies

    found = latest_latencies(state)
    if as_json:
        import orjson

        click.echo(orjson.dumps(found).decode())
        return 0
    click.echo(f"run {found['run']}")
    rows = [("STAGE", "COUNT", "P50", "P99", "P99.9", "MAX")]
    for stage, row in found["latency"].items():
        values = (row["p50_ns"], row["p99_ns"], row["p999_ns"], row["max_ns"])
        rows.append((stage, str(row["count"]), *(f"{v / 1000:.1f} us" for v in values)))
    widths = [max(len(row[i]) for row in rows) for i in range(6)]
    for cells in rows:
        click.echo("  ".join(c.rjust(w) for c, w in zip(cells, widths, strict=True)))
    return 0
