"""Say what on this host costs latency or safety, and what to do about it."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    default=Path("var"),
    show_default=True,
    help="The state directory whose disk and permissions are looked at.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(state: Path, as_json: bool) -> int:
    """Look at this host and measure it (two seconds); exit code 1 when something is unsafe."""
    import msgspec

    from engine.doctor import examine
    from engine.errors import EXIT_DONE, EXIT_NO
    from engine.host import Host

    found = examine(Host(state=state))
    count = {s: sum(f.state == s for f in found) for s in ("ok", "cost", "unsafe", "unknown")}
    if as_json:
        rows = [msgspec.to_builtins(f) for f in found]
        click.echo(msgspec.json.encode({"checks": rows, "count": count}).decode())
    else:
        width = max(len(f.check) for f in found)
        for f in found:
            click.echo(f"{f.state:>7}  {f.check.ljust(width)}  {f.found}")
            if f.do:
                click.echo(f"{'':>9}{'':{width}}  -> {f.do}")
        click.echo(", ".join(f"{n} {s}" for s, n in count.items() if n))
    return EXIT_NO if count["unsafe"] else EXIT_DONE
