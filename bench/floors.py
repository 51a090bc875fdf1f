"""The floor programs of bench/floor: built when needed, run beside what they are a floor of."""

from __future__ import annotations

import subprocess
from pathlib import Path

SOURCES = Path(__file__).parent / "floor"
BUILT = Path(__file__).resolve().parent.parent / "build" / "floor"


def build(name: str, *flags: str) -> Path:
    """The program made from bench/floor/<name>.c for this machine; made again when it is older."""
    source, program = SOURCES / f"{name}.c", BUILT / name
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        BUILT.mkdir(parents=True, exist_ok=True)
        command = ["gcc", "-O3", "-march=native", *flags, "-o", str(program), str(source), "-lm"]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
    return program


def run(name: str, *arguments: str) -> str:
    """Standard output of a floor program."""
    command = [str(build(name)), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
