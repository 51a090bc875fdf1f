"""The C programs of this folder, built under sanitizers when older than what they include."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

ROOT = Path(__file__).resolve().parent.parent.parent
BUILT = ROOT / "build" / "fuzz"
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-wrapv"]


def build(name: str) -> Path:
    """The program made of <name>.c; built once, whoever asks first."""
    assert shutil.which("gcc"), "gcc is missing, and without it tiercel cannot be built either"
    BUILT.mkdir(parents=True, exist_ok=True)
    here = Path(__file__).parent
    source, out = here / f"{name}.c", BUILT / name
    headers = [*(ROOT / "hotpath").glob("*.h"), *(ROOT / "hotpath/pools").glob("*.h")]
    newest = max(f.stat().st_mtime for f in (source, *here.glob("*.h"), *headers))
    with (BUILT / f".lock-{name}").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not out.exists() or out.stat().st_mtime < newest:
            warn = ["-Wall", "-Wextra", "-Wno-unused-function", "-Werror"]
            command = ["gcc", "-O1", "-g", *SANITIZE, *warn, "-I", str(ROOT), "-o", str(out)]
            command += [str(source), "-lm"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
            assert done.returncode == 0, done.stderr
    return out


def run(program: Path, *arguments: str) -> str:
    """Standard output; a sanitizer's report or a broken rule fails the test with its text."""
    command = [str(program), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def inputs(program: Path, seed: int, count: int) -> Iterator[dict[str, Any]]:
    """`count` inputs as the program met them: `state`, and `swaps` with their results."""
    lines = run(program, str(seed), str(count)).splitlines()
    assert len(lines) == count
    return (orjson.loads(line) for line in lines)
