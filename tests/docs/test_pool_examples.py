"""The example of docs/pools.md runs, and says what the page promises."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_arbitrage_example_runs_and_gains() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs/examples/arbitrage.py")],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    gross, cost, tip, net = (
        int(n)
        for n in re.search(
            r"gross (\d+), gas and tip (\d+) \+ (\d+), net (\d+)", done.stdout
        ).groups()  # type: ignore[union-attr]
    )
    assert gross - cost - tip == net > 0
    assert "afterwards this cycle nets 0.000000 WETH" in done.stdout
    sold = sum(float(n) for n in re.findall(r"sell +([\d.]+) WETH", done.stdout))
    assert abs(sold - 50) < 1e-5


def test_every_file_that_the_page_names_is_there() -> None:
    """Links and paths of docs/pools.md lead somewhere."""
    text = (ROOT / "docs/pools.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:hotpath|tests|bench)/[\w/.]+\.(?:pyx|pxd|py|h|c))`", text))
    assert named
    assert [n for n in named if not (ROOT / n).exists()] == []
