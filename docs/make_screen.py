"""Write docs/screen.svg: the screen of `tiercel demo`, drawn from a session that really ran.

    python -m docs.make_screen [--for 10s] [--seed 7] [--out docs/screen.svg]

Starts the demo in a directory of its own, looks at it as the live screen does, `--for` after its
first fill, and draws what it saw. A session without fills, or with a book in doubt, is not drawn.
"""

from __future__ import annotations

import io
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from engine.demo import Demo
from engine.durations import Duration
from engine.screen import COLUMNS, Looker, draw

ROOT = Path(__file__).resolve().parent.parent
TITLE = "tiercel demo: simulated exchanges, test money"
FIRST_FILL_S = 60  # longest wait for it


def look_at_demo(state: Path, seconds: float, seed: int) -> dict[str, Any]:
    """What the screen of a demo shows `seconds` after its first fill."""
    demo = Demo(state, seed)
    try:
        demo.start()
        looker = Looker(state)
        end = time.monotonic() + FIRST_FILL_S
        traded = False
        while time.monotonic() < end:
            if (code := demo.watch()) is not None:
                raise SystemExit(f"the engine ended with code {code}")
            if not traded and looker.look()["fills"]:
                traded = True
                end = time.monotonic() + seconds
            time.sleep(0.25)
        return looker.look()
    finally:
        demo.stop()


def as_svg(found: dict[str, Any]) -> str:
    """The screen as an SVG document; ids come from the content, not from chance."""
    from rich.console import Console

    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(draw(found, TITLE))
    return console.export_svg(title="tiercel demo", unique_id="screen")


@click.command()
@click.option("--for", "for_s", type=Duration(), default="10s", help="Time after the first fill.")
@click.option("--seed", type=click.IntRange(0, 2**31), default=7, help="Of the exchanges' flow.")
@click.option("--out", type=click.Path(path_type=Path), default=ROOT / "docs" / "screen.svg")
def main(for_s: float, seed: int, out: Path) -> None:
    """Run the demo and write its screen as an SVG file."""
    with tempfile.TemporaryDirectory(prefix="tiercel-screen-") as directory:
        found = look_at_demo(Path(directory), for_s, seed)
    doubtful = [b["feed"] for b in found["books"] if b["state"] != "valid"]
    if not found["fills"] or not found["lanes"] or not found["books"] or doubtful:
        raise SystemExit(f"nothing worth showing: books in doubt {doubtful}, {found['fills']=}")
    out.write_text(as_svg(found), encoding="utf-8")
    print(f"{out}: {len(found['orders'])} orders, {len(found['fills'])} fills shown")


if __name__ == "__main__":
    main()
