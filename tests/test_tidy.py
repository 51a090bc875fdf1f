"""The rules of the house that a machine can hold: imports, names, calls, sizes, commands."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("hotpath", "engine", "feeds", "venues", "actors", "bench")
MAY_IMPORT = {
    "hotpath": {"hotpath"},
    "engine": {"hotpath", "engine"},
    "feeds": {"hotpath", "engine", "feeds"},
    "venues": {"hotpath", "engine", "venues"},
    "actors": {"hotpath", "engine", "actors"},
    "bench": {*PACKAGES, "tests"},
}
BANNED_FILES = {"utils", "helpers", "common", "base", "types", "manager"}
BANNED_NOUNS = re.compile(r"(Handler|Manager|Helper|Utils|Service|Processor|Module)s?$")
BANNED_MODULES = {"pickle", "marshal", "shelve", "dill", "cPickle"}
LARGEST = {".py": 400, ".pyx": 650}

# what may be longer, and why; a file leaves this list when it shrinks, none joins without a reason
LARGER: dict[str, str] = {
    "venues/binance/dialect_methods.py": "one method of the protocol after the other",
    "venues/binance/dialect_text.py": "one message of the protocol after the other",
    "venues/simulated/core.py": "the exchange's one state",
    "hotpath/lane.pyx": "actor and lane name each other, so they are one module",
    "hotpath/venue.pyx": "what every venue does alike, from an intent to its end",
}
RANDOM_IN: dict[str, str] = {
    "engine/supervision/decisions.py": "jitter of back-off, seeded",
    "venues/simulated/core.py": "the exchange's seeded flow; it is no part of the engine",
    "venues/simulated/faults.py": "seeded faults",
}
WALL_CLOCK_IN: dict[str, str] = {
    "engine/logs.py": "the time of a log line",
    "engine/kill_switch.py": "when the switch fell, for people",
    "engine/root.py": "the name of a run",
    "engine/journal/actor.py": "the time of the journal's own events",
    "engine/engine_clock.py": "the one place that measures UTC",
    "engine/drill.py": "compared with the times of the exchanges' ledgers",
    "venues/simulated/server.py": "the exchange's own clock",
}
HEAVY = {
    "web3": ("venues/evm", "bench/"),
    "solders": ("venues/solana", "bench/"),
    "ccxt": (),
}


def files(*suffixes: str) -> list[Path]:
    """Source files of the packages that git knows or would take."""
    argv = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *PACKAGES]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=30)
    if done.returncode == 0:
        found = [ROOT / line for line in done.stdout.splitlines()]
    else:
        found = [f for p in PACKAGES for f in (ROOT / p).rglob("*")]
    return sorted(f for f in found if f.suffix in suffixes and f.is_file())


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(path: Path) -> Iterator[str]:
    """Every module a file imports, cimports included."""
    if path.suffix in (".py", ".pyi"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Import):
                yield from (a.name for a in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield node.module or ""
        return
    text = path.read_text(encoding="utf-8")
    for found in re.finditer(r"^\s*from\s+([\w.]+)\s+c?import|^\s*c?import\s+([\w.]+)", text, re.M):
        yield found[1] or found[2]


def calls(path: Path) -> Iterator[tuple[ast.Call, str]]:
    """Every call of a Python file with the dotted name that is called."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            yield node, ast.unparse(node.func)


def test_who_imports_whom() -> None:
    wrong = []
    for path in files(".py", ".pyi", ".pyx", ".pxd"):
        parts = path.relative_to(ROOT).parts
        for module in imports(path):
            package, *rest = module.split(".")
            if package == "tests" and parts[0] != "bench":
                wrong.append(f"{name(path)} imports {module}")
            if package not in PACKAGES:
                continue
            allowed = package in MAY_IMPORT[parts[0]]
            if package in ("feeds", "venues") and package == parts[0]:
                # its own folder; a dialect belongs to the simulated exchange besides
                allowed = rest[:1] == [parts[1]] or (
                    rest[:1] == ["simulated"] and path.stem.startswith("dialect")
                )
            if not allowed:
                wrong.append(f"{name(path)} imports {module}")
    assert not wrong, "\n".join(wrong)


def test_heavy_libraries_stay_where_they_are_needed() -> None:
    wrong = [
        f"{name(path)} imports {module}"
        for path in files(".py", ".pyx")
        for module in imports(path)
        for heavy, places in HEAVY.items()
        if module.split(".")[0] == heavy and not name(path).startswith(places or "\0")
    ]
    assert not wrong, "\n".join(wrong)


def test_what_is_imported_is_required_by_name() -> None:
    """A package that only comes with another one may be gone with that one's next release."""
    import sys
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = {re.split(r"[=<>;]", d)[0].strip().lower() for d in project["dependencies"]}
    called = {"yaml": "pyyaml", "hdrh": "hdrhistogram"}
    for path in files(".py"):
        if path.relative_to(ROOT).parts[0] not in ("engine", "actors", "feeds", "venues"):
            continue
        for found in imports(path):
            top = found.partition(".")[0]
            if top not in sys.stdlib_module_names and top not in PACKAGES:
                assert called.get(top, top) in asked, f"{name(path)} imports {top}"


def test_files_and_classes_have_names_that_say_something() -> None:
    wrong = [name(f) for f in files(".py", ".pyx") if f.stem in BANNED_FILES]
    for path in files(".py"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef) and BANNED_NOUNS.search(node.name):
                wrong.append(f"{name(path)}: class {node.name}")
    assert not wrong, "\n".join(wrong)


def test_every_extension_has_its_interface_and_its_stub() -> None:
    wrong = [
        name(path.with_suffix(suffix))
        for path in files(".pyx")
        for suffix in (".pxd", ".pyi")
        if not path.with_suffix(suffix).exists()
    ]
    assert not wrong, "missing: " + ", ".join(wrong)


def test_banned_functions() -> None:
    """reliability.md 12.7."""
    wrong = []
    for path in files(".py"):
        place = name(path)
        wrong += [
            f"{place} imports {m}" for m in imports(path) if m.split(".")[0] in BANNED_MODULES
        ]
        for node, called in calls(path):
            keywords = {k.arg: ast.unparse(k.value) for k in node.keywords}
            last = called.rpartition(".")[2]
            bad = (
                called in ("eval", "exec", "yaml.load", "tempfile.mktemp", "os.system", "os.popen")
                or keywords.get("shell") == "True"
                or keywords.get("verify") == "False"
                or (called == "subprocess.run" and "timeout" not in keywords)
                or (last in ("execute", "executemany") and _is_built_text(node))
            )
            if bad:
                wrong.append(f"{place}:{node.lineno} {called}")
        for found in ast.walk(tree(path)):
            if isinstance(found, ast.ExceptHandler) and found.type is None:
                wrong.append(f"{place}:{found.lineno} bare except")
    assert not wrong, "\n".join(wrong)


SQL_NAMES = {"table", "order", "columns", "marks", "names", "view", "key", "keys", "sets", "where"}


def _is_built_text(call: ast.Call) -> bool:
    """SQL put together from anything but names of closed sets, or our own pragma's numbers."""
    if not call.args or not isinstance(call.args[0], ast.JoinedStr):
        return False
    text = ast.unparse(call.args[0])
    inside = {
        ast.unparse(v.value).rpartition(".")[2]
        for v in call.args[0].values
        if isinstance(v, ast.FormattedValue)
    }
    return "PRAGMA" not in text and not inside <= SQL_NAMES


def test_clocks_and_randomness_come_from_the_lane() -> None:
    wrong = []
    for path in files(".py"):
        place = name(path)
        if (
            "random" in [*imports(path)]
            and place not in RANDOM_IN
            and not place.startswith("bench/")
        ):
            wrong.append(f"{place} imports random")
        for node, called in calls(path):
            wall = called in ("time.time", "time.time_ns", "datetime.now", "datetime.utcnow")
            wall |= called in ("wall_ns", "datetime.datetime.now", "time.gmtime", "time.localtime")
            if wall and place not in WALL_CLOCK_IN and not place.startswith("bench/"):
                wrong.append(f"{place}:{node.lineno} {called}")
            actor = place.startswith("actors/")
            if actor and called in ("time.monotonic", "time.monotonic_ns", "time.sleep"):
                wrong.append(f"{place}:{node.lineno} {called}")
    assert not wrong, "\n".join(wrong)


def test_no_state_in_modules() -> None:
    wrong = [
        f"{name(path)}:{node.lineno} global {', '.join(node.names)}"
        for path in files(".py")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Global)
    ]
    assert not wrong, "\n".join(wrong)


def test_files_say_one_thing() -> None:
    lengths = {
        name(f): len(f.read_text(encoding="utf-8").splitlines()) for f in files(".py", ".pyx")
    }
    long = {f: n for f, n in lengths.items() if n > LARGEST[Path(f).suffix] and f not in LARGER}
    assert not long, long
    short = [f for f in LARGER if lengths.get(f, 0) <= LARGEST[Path(f).suffix]]
    assert not short, f"no longer needed in LARGER: {short}"


def test_modules_say_what_they_are_for() -> None:
    wrong = [name(p) for p in files(".py") if not ast.get_docstring(tree(p))]
    for path in files(".py"):
        if path.name != "__init__.py" or path.parent == ROOT / "hotpath":
            continue
        extra = [
            n
            for n in tree(path).body[1:]
            if not isinstance(n, (ast.ImportFrom, ast.Import, ast.Assign, ast.AnnAssign))
        ]
        wrong += [f"{name(path)} holds more than its docstring and a declaration"] * bool(extra)
    assert not wrong, "\n".join(wrong)


MARKS = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")
MACHINE = re.compile(r"(?<![\w.])/(work|home|Users)/")


def test_nothing_is_left_open_and_no_machine_is_named() -> None:
    wrong = []
    for path in files(".py", ".pyx", ".pxd", ".pyi", ".h", ".c", ".yaml", ".sql"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if MARKS.search(line) or MACHINE.search(line):
                wrong.append(f"{name(path)}:{number}: {line.strip()[:80]}")
    assert not wrong, "\n".join(wrong)


def known_commands() -> set[str]:
    from engine.main import tiercel

    return {*tiercel.list_commands(None)}  # type: ignore[arg-type]


def documents() -> list[Path]:
    return [f for f in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))] if f.exists()]


def test_documented_commands_exist() -> None:
    known = known_commands()
    wrong = []
    for path in documents():
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            code = re.findall(r"`([^`]*)`", line)
            if line.startswith(("    ", "$ ")):
                code.append(line.strip())
            for text in code:
                for word in re.findall(r"(?:^|[\s/])tiercel ([a-z][a-z-]*)", text):
                    if word not in known:
                        wrong.append(f"{name(path)}:{number}: tiercel {word}")
    assert not wrong, "\n".join(wrong)


def test_sentences_of_errors_name_commands_that_exist() -> None:
    from docs.make_errors import conditions

    known = known_commands()
    wrong = [
        f"{c.code}: tiercel {word}"
        for c in conditions()
        for word in re.findall(r"`tiercel ([a-z][a-z-]*)", f"{c.what} {c.why} {c.do}")
        if word not in known
    ]
    assert not wrong, wrong


def test_the_page_of_errors_is_up_to_date() -> None:
    from docs.make_errors import PAGE, page

    assert PAGE.exists() and PAGE.read_text(encoding="utf-8") == page(), (
        "run `python -m docs.make_errors`"
    )


@pytest.mark.parametrize("place", [*RANDOM_IN, *WALL_CLOCK_IN, *LARGER])
def test_exceptions_name_files_that_exist(place: str) -> None:
    assert (ROOT / place).is_file()
