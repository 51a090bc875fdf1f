"""Power is lost at any instant: what was acknowledged is there; without the syncs it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.power import images


@pytest.mark.long
@pytest.mark.computes
def test_no_image_loses_what_was_acknowledged(tmp_path: Path) -> None:
    row = images(tmp_path, 500)
    assert row.injected == 500 and not row.broken, row.broken[:5]


@pytest.mark.long
@pytest.mark.computes
def test_without_a_sync_at_each_commit_the_images_show_losses(tmp_path: Path) -> None:
    row = images(tmp_path, 60, synchronous="NORMAL")
    losses = [b for b in row.broken if "silent loss" in b]
    assert len(losses) > 20, row.broken


def test_a_first_start_that_was_cut_off_is_started_again(tmp_path: Path) -> None:
    """Images of the first moments alone: whatever SQLite had written, the next start is one."""
    row = images(tmp_path, 40, first_only=True)
    assert row.injected == 40 and not row.broken, row.broken[:5]
