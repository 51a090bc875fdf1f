"""docs/architecture.md names what is there, and all of it: paths, links, folders, lanes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
TOPS = ("hotpath", "engine", "feeds", "venues", "actors", "bench", "configs", "docs", "tests")
NAMED = re.compile(rf"`((?:{'|'.join(TOPS)})/[\w./-]*)`")
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


def folders() -> set[str]:
    """Every folder of the project that holds a file, without those of tests' own tree."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    names = listed.stdout.splitlines() or [
        str(f.relative_to(ROOT)) for top in TOPS for f in (ROOT / top).rglob("*") if f.is_file()
    ]
    parents = {str(Path(n).parent) for n in names if n.split("/")[0] in TOPS}
    return {p for p in parents if not p.startswith("tests/") and "__pycache__" not in p}


def test_every_path_it_names_exists() -> None:
    named = NAMED.findall(PAGE)
    assert len(named) > 25
    assert [n for n in named if not (ROOT / n).exists()] == []
    for diagram in re.findall(r"^```text\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        for path in re.findall(r"\b(?:engine|configs|hotpath)/[\w./]+\.\w+", diagram):
            assert (ROOT / path).is_file(), path


def test_every_link_leads_somewhere() -> None:
    links = LINK.findall(PAGE)
    assert links and [x for x in links if not (ROOT / "docs" / x).exists()] == []


def test_every_folder_says_what_it_is_for() -> None:
    """In the table, with a slash at its end; and a package in its own words too."""
    rows = set(re.findall(r"^\| `([\w/]+)/` \|", PAGE, re.MULTILINE))
    assert folders() - rows == set(), "folders that the page does not know"
    assert rows - folders() - {"tests"} <= {"recordings", "latency", "log"}
    for top in TOPS:
        for init in (ROOT / top).rglob("__init__.py"):
            assert init.read_text(encoding="utf-8").startswith('"""'), init


def test_the_lanes_it_draws_are_those_of_the_demo() -> None:
    demo = (ROOT / "configs" / "demo.yaml").read_text(encoding="utf-8")
    lanes = re.findall(r"^  - name: (\w+)$", demo, re.MULTILINE)
    assert lanes and all(re.search(rf"\| {lane} ", PAGE) for lane in lanes)
