"""The wheel: what an installation without the checkout needs is in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ("engine", "actors", "hotpath", "feeds", "venues", "bench", "configs")


def test_all_files_of_the_packages_are_in_the_wheel(tmp_path: Path) -> None:
    """The demo's configuration, the store's schema, sources found by folder, the floor programs."""
    argv = ["git", "ls-files", "--", *SHIPPED]
    listed = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("what belongs to the packages is known from git, and this is no checkout")
    build = [sys.executable, "setup.py", "-q", "egg_info", "--egg-base", str(tmp_path)]
    subprocess.run(
        [*build, "build_py", "--build-lib", str(tmp_path / "lib")],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    lib = tmp_path / "lib"
    found = {str(f.relative_to(lib)) for f in lib.rglob("*") if f.is_file()}
    assert set(listed.stdout.split()) - found == set()
