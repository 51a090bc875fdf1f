"""Where tests find the shared folder, and what happens when it is missing."""

from __future__ import annotations

import os
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


@pytest.fixture(scope="session")
def shared() -> Path:
    return shared_or_skip()
