"""Solana's one-step pools from bytes under address and undefined-behaviour sanitizers: no report,
and what must hold of every swap. The program is solana_fuzz.c, which a fuzzer can drive as well."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCE = Path(__file__).parent / "solana_fuzz.c"
BUILT = ROOT / "build" / "fuzz"


@pytest.fixture(scope="module")
def program() -> Path:
    if not shutil.which("gcc"):
        pytest.fail("gcc is missing, and without it tiercel cannot be built either")
    BUILT.mkdir(parents=True, exist_ok=True)
    out = BUILT / "solana_fuzz"
    inputs = [SOURCE, ROOT / "hotpath/u256.h", *(ROOT / "hotpath/pools").glob("*.h")]
    with (BUILT / ".lock-solana").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not out.exists() or out.stat().st_mtime < max(f.stat().st_mtime for f in inputs):
            sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-wrapv"]
            command = ["gcc", "-O1", "-g", *sanitize, "-I", str(ROOT), "-o", str(out), str(SOURCE)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=170)
            assert done.returncode == 0, done.stderr
    return out


def executed(program: Path, seed: int, count: int) -> int:
    """How many swaps the inputs executed; a report, or a broken rule, fails with its text."""
    command = [str(program), str(seed), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return int(done.stdout)


def test_bytes_under_the_sanitizers(program: Path) -> None:
    assert executed(program, 1, 20_000) > 10_000


@pytest.mark.long
def test_many_bytes_under_the_sanitizers(program: Path) -> None:
    assert executed(program, 2, 1_000_000) > 500_000
