"""The demo as tests of its deaths and faults need it: ready, trading, gone at the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.drill import Drill


@pytest.fixture
def drill(tmp_path: Path) -> Iterator[Drill]:
    running = Drill(tmp_path / "state")
    try:
        running.wait_ready()
        running.wait_trading()
        yield running
    finally:
        running.kill()
