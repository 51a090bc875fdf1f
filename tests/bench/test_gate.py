"""The gate on a release fails when something is slower or missing, and only then."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from bench.gate import (
    BASELINE,
    INSTRUCTIONS_MORE,
    PARTS,
    judge_counts,
    judge_ratios,
    noise_of,
    ratios,
)
from tests.conftest import ROOT


def test_two_per_cent_more_instructions_fail() -> None:
    assert judge_counts({"gate": 1000.0}, {"gate": 1000.0 * (1 + INSTRUCTIONS_MORE)}) == []
    assert judge_counts({"gate": 1000.0}, {"gate": 1021.0}) != []


def test_what_is_missing_fails() -> None:
    assert judge_counts({"gate": 1000.0}, {}) == ["gate: not counted"]
    assert judge_ratios({"ring": 1.0}, [{}], {}) == ["ring: not measured"]


def test_only_three_of_three_slow_runs_fail() -> None:
    fast, slow = {"ring": 1.0}, {"ring": 2.0}
    assert judge_ratios({"ring": 1.0}, [slow, slow, slow], {}) != []
    assert judge_ratios({"ring": 1.0}, [slow, fast, slow], {}) == []


def test_noise_widens_what_is_allowed() -> None:
    noise = noise_of({"ring": 1.0}, {"ring": 1.5})
    assert noise == {"ring": 0.5}
    assert judge_ratios({"ring": 1.0}, [{"ring": 2.4}], noise) == []
    assert judge_ratios({"ring": 1.0}, [{"ring": 2.6}], noise) != []


def test_the_wire_is_judged() -> None:
    """Its row is in the committed baseline and in what is measured; half as slow again fails."""
    before = orjson.loads(BASELINE.read_bytes())["ratios"]
    assert PARTS["wire"] == "judged" and "wire_spin_p50" in before
    slow = before | {"wire_spin_p50": before["wire_spin_p50"] * 1.6}
    assert len(judge_ratios(before, [slow] * 3, {})) == 1
    assert judge_ratios(before, [slow, slow, before], {}) == []


def test_what_is_required_in_nanoseconds_is_not_judged_by_its_ratio() -> None:
    rows = {name: {"ratio": 4.0} for name in ("ring_local", "ring_cross", "depth_python")}
    assert ratios(rows | {"gate": {"ratio": None}}) == {"ring_cross": 4.0, "depth_python": 0.25}


@pytest.mark.long
@pytest.mark.computes
def test_a_planted_slowdown_of_the_hot_path_fails(tmp_path: Path) -> None:
    """The scanner of a copy does some needless work; the count of the depth kernel shows it."""
    if shutil.which("valgrind") is None:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail("valgrind is missing: .ci/run installs it")
        pytest.skip("valgrind is not on this machine")
    tree = tmp_path / "tree"
    ignore = shutil.ignore_patterns("build", ".venv", "var", ".git", "node_modules", ".*_cache")
    shutil.copytree(ROOT, tree, ignore=ignore)
    baseline = tmp_path / "baseline.json"

    def gate(*arguments: str) -> int:
        command = [sys.executable, "-m", "bench.gate", "--counts-only", "--kernels", "change"]
        done = subprocess.run(
            [*command, "--baseline", str(baseline), *arguments],
            cwd=tree,
            env=os.environ | {"PYTHONPATH": str(tree)},
            capture_output=True,
            text=True,
            timeout=600,
        )
        return done.returncode

    assert gate("--write") == 0
    assert gate() == 0
    header = tree / "hotpath" / "book.h"
    text = header.read_text()
    mark = "static inline int book_set("
    assert mark in text
    start = text.index("{", text.index(mark)) + 1
    work = "\n    for (volatile int planted = 0; planted < 8; planted++) {}\n"
    header.write_text(text[:start] + work + text[start:])
    build = (
        "import sys; source = open('setup.py').read().replace("
        "'for f in sources()', \"for f in sources() if 'book' in f.name\");"
        "sys.argv = ['setup.py', 'build_ext', '--inplace', '--force'];"
        "exec(compile(source, 'setup.py', 'exec'), {'__name__': '__main__'})"
    )
    subprocess.run([sys.executable, "-c", build], cwd=tree, check=True, capture_output=True)
    assert gate() == 1
