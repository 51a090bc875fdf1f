"""Compiled modules under libFuzzer: Cython's C of scanner and codecs, built so it sees edges."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.fuzz.native import BUILT, CLANG, PLANTED, Found, FuzzerMissing, run
from tests.fuzz.targets import ROOT, corpus

SOURCE = Path(__file__).parent / "compiled_fuzz.c"
MODULES = ("hotpath/scan", "feeds/binance/codec", "venues/binance/codec")
CALLS = {
    "scanner": ("frames", "orders"),
    "feed": ("frames",),
    "entry": ("orders",),
}
"""Function of compiled_calls.py: the corpora it begins with."""
DIRECTIVES = "boundscheck=False,wraparound=False,cdivision=True,initializedcheck=False"
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")


def command(*words: str, tree: Path) -> None:
    done = subprocess.run(words, cwd=tree, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        raise FuzzerMissing(f"{words[0]} could not build the fuzzer: {done.stderr[-1500:]}")


def digest() -> str:
    told = hashlib.sha256(SOURCE.read_bytes())
    for top in ("hotpath", "feeds/binance", "venues/binance"):
        for path in sorted((ROOT / top).glob("*")):
            if path.suffix in {".pyx", ".pxd", ".h"}:
                told.update(path.read_bytes())
    return told.hexdigest()[:16]


def copy_tree(tree: Path) -> None:
    """The packages as they are; the extensions among them are replaced one by one."""
    for top in ("hotpath", "engine", "feeds", "venues"):
        for path in sorted((ROOT / top).rglob("*")):
            if path.suffix in {".py", ".pyx", ".pxd", ".h", ".so"}:
                to = tree / path.relative_to(ROOT)
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, to)
    for name in ("__init__.py", "fuzz/__init__.py", "fuzz/compiled_calls.py"):
        to = tree / "tests" / name
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / "tests" / name, to)


def program(planted: bool = False) -> Path:
    """The fuzzer in a tree with the modules it fuzzes, built when their sources changed."""
    if not shutil.which(CLANG):
        raise FuzzerMissing(f"{CLANG} is missing: install clang-14 and libclang-rt-14-dev")
    if not sysconfig.get_config_var("Py_ENABLE_SHARED"):
        raise FuzzerMissing("this Python has no shared library to embed")
    BUILT.mkdir(parents=True, exist_ok=True)
    whole = BUILT / f"compiled{'-planted' if planted else ''}-{digest()}"
    with (BUILT / ".compiled.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if whole.exists():
            return whole / "fuzzer"
        tree = whole.with_suffix(".new")
        shutil.rmtree(tree, ignore_errors=True)
        copy_tree(tree)
        if planted:
            name, right, wrong = PLANTED
            text = (tree / name).read_text("utf-8")
            if text.count(right) != 1:
                raise ValueError(f"{name} no longer holds the line that the planted bug changes")
            (tree / name).write_text(text.replace(right, wrong), "utf-8")
        include = ("-I.", f"-I{sysconfig.get_paths()['include']}")
        for name in MODULES if not planted else MODULES[:1]:
            translate = ("-m", "cython", "-3", "-X", DIRECTIVES, f"{name}.pyx")
            command(sys.executable, *translate, tree=tree)
            seen = ("-fsanitize=fuzzer-no-link,address", "-shared", "-fPIC")
            flags = ("-O1", "-g", "-w", "-fwrapv")
            built = (f"{name}.c", "-o", f"{name}{SUFFIX}")
            command(CLANG, *flags, *seen, *include, *built, tree=tree)
        place = sysconfig.get_config_var("LIBDIR")
        python = (f"-L{place}", f"-Wl,-rpath,{place}", f"-lpython{sysconfig.get_python_version()}")
        harness = ("-fsanitize=fuzzer,address", "-rdynamic", str(SOURCE), "-o", "fuzzer")
        command(CLANG, "-O1", "-g", *include, *harness, *python, tree=tree)
        tree.rename(whole)
    return whole / "fuzzer"


def fuzz(call: str, seconds: float, work: Path, planted: bool = False) -> Found:
    """Run one function for a time from the kept corpora; what grows is in `work`."""
    fuzzer = program(planted)
    environment = {
        "FUZZ_CALL": call,
        "PYTHONHOME": sys.base_prefix,
        "PYTHONPATH": f"{fuzzer.parent}:{sysconfig.get_paths()['purelib']}",
        "PYTHONMALLOC": "malloc",  # or ASan would not see where an object ends
        "PYTHONDONTWRITEBYTECODE": "1",
        "ASAN_OPTIONS": "detect_leaks=0",  # the interpreter leaves much behind
    }
    seeds = [text for name in CALLS[call] for text in corpus(name)]
    return run(call, fuzzer, seeds, seconds, work, environment)
