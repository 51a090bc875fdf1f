"""`python -m tests.chaos.crash.build FOLDER`: build the crashing venue into a folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent.parent
NAME = "crashing_venue"
BUILD_S = 300


def build(folder: Path) -> None:
    """Compile it in a process of its own; AssertionError with what the compiler said."""
    argv = [sys.executable, "-m", "tests.chaos.crash.build", str(folder)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=BUILD_S)
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]


def main(folder: Path) -> None:
    from Cython.Build import cythonize
    from setuptools import Distribution, Extension

    folder.mkdir(parents=True, exist_ok=True)
    source = folder / f"{NAME}.pyx"
    source.write_text((Path(__file__).parent / "venue.pyx").read_text(encoding="utf-8"))
    extension = Extension(
        NAME, [str(source)], include_dirs=[str(ROOT)],
        extra_compile_args=["-O1", "-g0", "-Wno-unused-function"],
    )  # fmt: skip
    modules = cythonize([extension], include_path=[str(ROOT)], build_dir=str(folder))
    command = Distribution({"ext_modules": modules}).get_command_obj("build_ext")
    command.build_lib = command.build_temp = str(folder)
    command.ensure_finalized()
    command.run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
