"""Build the extensions: every *.pyx of the packages, once, with one table of directives.

TIERCEL_BUILD chooses the build: `release` (default) has bounds checks off, `checked` has all
checks on, `coverage` adds line tracing and gcov, `sanitize` adds ASan and UBSan. Each build keeps
its generated C in a folder of its own, so changing between them rebuilds only what differs.
"""

import os
import re
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

PACKAGES = ["engine", "actors", "hotpath", "feeds", "venues", "bench"]
BUILD = os.environ.get("TIERCEL_BUILD", "release")
# of a build that looks at a part: the .pyx files to build, by what their paths begin with
ONLY = tuple(os.environ.get("TIERCEL_ONLY", "").split())

RELEASE = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": False,
    "nonecheck": False,
    "overflowcheck": False,
}
DIRECTIVES = {
    "release": RELEASE,
    "checked": RELEASE
    # nonecheck stays off: it needs the interpreter in methods that run without it
    | {"boundscheck": True, "wraparound": True, "initializedcheck": True},
    "coverage": RELEASE | {"linetrace": True},
    "sanitize": RELEASE | {"boundscheck": True},
}
COMPILE = {
    "release": ["-O3", "-g0"],
    "checked": ["-O1", "-g", "-DTIERCEL_CHECKED=1"],
    "coverage": ["-O0", "-g0", "-DTIERCEL_CHECKED=1", "--coverage"],  # gcov: lines of headers
    "sanitize": [
        "-O1",
        "-g",
        "-fsanitize=address,undefined",
        "-fno-wrapv",
        "-fno-omit-frame-pointer",
    ],
}
LINK = {"sanitize": ["-fsanitize=address,undefined"], "coverage": ["--coverage"]}
MACROS = {"coverage": [("CYTHON_TRACE", "1"), ("CYTHON_TRACE_NOGIL", "1")]}

if BUILD not in DIRECTIVES:
    raise SystemExit(f"TIERCEL_BUILD={BUILD!r}: choose one of {', '.join(DIRECTIVES)}")


def sources() -> list[Path]:
    found = sorted(f for package in PACKAGES for f in Path(package).rglob("*.pyx"))
    return [f for f in found if not ONLY or f.as_posix().startswith(ONLY)]


ROOTS = "|".join(PACKAGES)
INCLUDED = re.compile(rf"[\"<]((?:{ROOTS})/[\w/]+\.h)[\">]")
CIMPORTED = re.compile(r"^\s*from ([\w.]+) cimport", re.MULTILINE)


def headers_of(source: Path) -> list[str]:
    """The C headers a file includes, through what it cimports: a change of one rebuilds it."""
    seen: set[Path] = set()
    waiting = [source]
    while waiting:
        path = waiting.pop()
        if path in seen or not path.is_file():
            continue
        seen.add(path)
        text = path.read_text(encoding="utf-8")
        waiting += [Path(name) for name in INCLUDED.findall(text)]
        waiting += [Path(*m.split(".")).with_suffix(".pxd") for m in CIMPORTED.findall(text)]
        waiting.append(path.with_suffix(".pxd"))
    return sorted(p.as_posix() for p in seen if p.suffix == ".h")


extensions = [
    Extension(
        ".".join(f.with_suffix("").parts),
        [f.as_posix()],
        include_dirs=["."],
        depends=headers_of(f),
        define_macros=MACROS.get(BUILD, []),
        extra_compile_args=[*COMPILE[BUILD], "-Wno-unused-function"],
        extra_link_args=LINK.get(BUILD, []),
    )
    for f in sources()
]

packages = {".".join(f.parent.parts) for p in PACKAGES for f in Path(p).rglob("*.py")}

setup(
    scripts=["engine/launch/tiercel"],
    packages=sorted(packages | {"configs"}),  # their other files: MANIFEST.in
    ext_modules=cythonize(
        extensions,
        # coverage cannot map lines of a .pyx whose C lies in another folder
        build_dir=None if BUILD == "coverage" else f"build/cython-{BUILD}",
        compiler_directives=DIRECTIVES[BUILD],
        nthreads=2,
    ),
)
