"""What the proofs need of the host: Debian's checkers, and a compiler's output kept by content."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
BUILT = ROOT / "build" / "proofs"
COMPILE_TIMEOUT_S = 170


def needed(found: object, what: str, package: str) -> None:
    """Skip where a Debian package is missing, fail where CI=true (`.ci/run` installs it)."""
    if not found:
        sentence = f"{what} is missing: install the Debian package {package}"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(sentence)
        pytest.skip(sentence)


def need_command(command: str, package: str) -> None:
    needed(shutil.which(command), f"the command {command}", package)


def need_file(path: str, package: str) -> None:
    needed(Path(path).exists(), path, package)


def run(
    command: Sequence[str | Path], timeout_s: float, cwd: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a program; its output is text, its exit status is the caller's to judge."""
    return subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        cwd=cwd,
        env=os.environ | environment,
        check=False,
    )


def compiled(name: str, sources: Sequence[Path], command: Sequence[str | Path]) -> Path:
    """The program that `command` makes (`-o` and its path are added), kept by what it is made of.

    `sources` are all files whose change must make it anew.
    """
    digest = hashlib.sha256("\0".join(map(str, command)).encode())
    for source in sources:
        digest.update(source.read_bytes())
    BUILT.mkdir(parents=True, exist_ok=True)
    out = BUILT / f"{name}-{digest.hexdigest()[:16]}"
    with (BUILT / f".{name}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not out.exists():
            for old in BUILT.glob(f"{name}-*"):
                old.unlink()
            made = out.with_suffix(".new")
            done = run([*command, "-o", made], COMPILE_TIMEOUT_S)
            assert done.returncode == 0, done.stderr[-3000:]
            made.rename(out)
    return out
