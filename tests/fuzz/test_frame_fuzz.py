"""Frames and books under address and undefined-behaviour sanitizers: no report, and both readers
of a frame agree. The program is frame_fuzz.c."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import orjson
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCE = Path(__file__).parent / "frame_fuzz.c"
BUILT = ROOT / "build" / "fuzz"


@pytest.fixture(scope="module")
def program() -> Path:
    if not shutil.which("gcc"):
        pytest.fail("gcc is missing, and without it tiercel cannot be built either")
    BUILT.mkdir(parents=True, exist_ok=True)
    out = BUILT / "frame_fuzz"
    headers = ("hotpath/scan.h", "hotpath/book.h", "hotpath/records.h", "feeds/binance/frames.h")
    newest = max(f.stat().st_mtime for f in (SOURCE, *(ROOT / h for h in headers)))
    with (BUILT / ".frame_lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not out.exists() or out.stat().st_mtime < newest:
            sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-wrapv"]
            command = ["gcc", "-O1", "-g", *sanitize, "-I", str(ROOT), "-o", str(out), str(SOURCE)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=170)
            assert done.returncode == 0, done.stderr
    return out


def fuzz(program: Path, seed: int, count: int) -> None:
    done = subprocess.run(
        [str(program), str(seed), str(count)],
        capture_output=True,
        text=True,
        timeout=600,
        env=os.environ | {"ASAN_OPTIONS": "detect_leaks=1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    kinds = orjson.loads(done.stdout)
    assert min(kinds.values()) > count // 200, kinds


def test_frames_under_the_sanitizers(program: Path) -> None:
    fuzz(program, 1, 40_000)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 8))
def test_a_million_frames_under_the_sanitizers(program: Path, seed: int) -> None:
    fuzz(program, seed, 200_000)
