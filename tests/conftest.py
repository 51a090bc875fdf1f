"""Where tests find the shared folder, and what happens when it is missing."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def shared_root() -> Path | None:
    """The shared folder named by TIERCEL_SHARED (default ../shared beside the checkout)."""
    path = Path(os.environ.get("TIERCEL_SHARED", ROOT.parent / "shared"))
    return path if path.is_dir() else None


def shared_or_skip() -> Path:
    """The shared folder; without it the test is skipped, or fails where CI=true."""
    found = shared_root()
    if found is None:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail("the shared folder is missing: set TIERCEL_SHARED to it")
        pytest.skip("the shared folder (TIERCEL_SHARED, default ../shared) is not on this machine")
    return found


STARTED = time.monotonic()


@pytest.fixture(autouse=True)
def within_the_budget(request: pytest.FixtureRequest) -> None:
    """TIERCEL_LONG_BUDGET_S bounds the long tests of one run; without it all of them run."""
    budget = os.environ.get("TIERCEL_LONG_BUDGET_S")
    if budget and request.node.get_closest_marker("long"):
        spent = time.monotonic() - STARTED
        if spent > float(budget):
            pytest.skip(f"the {budget} s for long tests are used up: run `make test-long` alone")


@pytest.fixture(scope="session")
def shared() -> Path:
    return shared_or_skip()
