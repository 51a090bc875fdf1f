"""Uniswap V3 from bytes under address and undefined-behaviour sanitizers: no report, no hang, and
every swap as the twin does it. The program is v3_fuzz.c, which a fuzzer can drive as well."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

from hotpath.pools.pool import Status
from tests.reference.pools import uniswap_v3 as twin

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCE = Path(__file__).parent / "v3_fuzz.c"
BUILT = ROOT / "build" / "fuzz"


@pytest.fixture(scope="module")
def program() -> Path:
    if not shutil.which("gcc"):
        pytest.fail("gcc is missing, and without it tiercel cannot be built either")
    BUILT.mkdir(parents=True, exist_ok=True)
    out = BUILT / "v3_fuzz"
    inputs = [SOURCE, *(ROOT / "hotpath").glob("u256*.h"), *(ROOT / "hotpath/pools").glob("*.h")]
    with (BUILT / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        newest = max(f.stat().st_mtime for f in inputs)
        if not out.exists() or out.stat().st_mtime < newest:
            sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-wrapv"]
            include = ["-I", str(ROOT), "-I", sysconfig.get_paths()["include"]]
            command = ["gcc", "-O1", "-g", *sanitize, *include, "-o", str(out), str(SOURCE), "-lm"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=170)
            assert done.returncode == 0, done.stderr
    return out


def run(program: Path, *arguments: str) -> str:
    """Standard output; a sanitizer's report fails the test with its text."""
    environment = os.environ | {"ASAN_OPTIONS": "detect_leaks=1"}
    command = [str(program), *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=600, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def compare(line: str) -> int:
    """One input's swaps as the twin does them; how many were executed."""
    document = json.loads(line)
    slow = twin.Pool.from_state(document["state"])
    executed = 0
    for swap in document["swaps"]:
        amount = int(swap["amount"]) * (1 if swap["exact_in"] else -1)
        before = slow.copy()
        try:
            amount0, amount1, crossed = slow.swap(swap["down"], amount, int(swap["limit"]))
        except twin.Reverts:
            slow = before
            assert swap["status"] in (Status.REFUSED, Status.OVERFLOW), swap
            assert slow.after() == swap["after"]
            continue
        paid, given = (amount0, -amount1) if swap["down"] else (amount1, -amount0)
        assert [str(paid), str(given), crossed] == [swap["paid"], swap["given"], swap["crossed"]]
        assert slow.after() == swap["after"]
        executed += 1
    return executed


def test_bytes_under_the_sanitizers_equal_the_twin(program: Path) -> None:
    lines = run(program, "1", "600").splitlines()
    assert len(lines) == 600
    assert sum(compare(line) for line in lines) > 600


def test_more_bytes_and_no_report(program: Path) -> None:
    assert run(program, "77", "4000", "quiet") == ""


@pytest.mark.long
def test_many_bytes_under_the_sanitizers(program: Path) -> None:
    assert run(program, "1000", "300000", "quiet") == ""
    assert sum(compare(line) for line in run(program, "5", "20000").splitlines()) > 20_000
