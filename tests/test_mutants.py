"""`make mutate` itself: each mutant is another program, and only the one that was asked for."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.mutants import of_header
from tests.mutants_equal import EQUAL, equal_ones
from tests.mutants_python import of_python, of_pyx
from tests.mutate import IMPORTED, INCLUDED, kept_verdicts, together

SOURCE = """
static inline int f(int a, int b) { /* if (a < b) is no code here */
    int sum = a + 10 * b;
    if (a < b && b != 7) return 1;
    if (a == 3 || b == 4) sum += 100;
    return a > b ? a : sum;
}
static const char *const text = "a < b";
"""
KINDS = ["negated"] * 2 + ["< by one", "!= by one"] + ["== by one"] * 2
KINDS += ["&& term dropped", "|| term dropped", "+ term dropped", "+= dropped", "> by one"]
MAIN = """
#include <stdio.h>
int main(void) {
    for (int a = 0; a < 9; a++) for (int b = 0; b < 9; b++) printf("%d ", f(a, b));
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = tmp_path_factory.mktemp("mutants")
    (work / "f.c").write_text(of_header(SOURCE)[0] + MAIN)
    subprocess.run(["gcc", "-w", "-o", "f", "f.c"], cwd=work, timeout=60, check=True)
    return work / "f"


def answers(program: Path, mutant: int) -> str:
    done = subprocess.run(
        [str(program)],
        env=os.environ | {"TC_MUTANT": str(mutant)},
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    return done.stdout


def f(a: int, b: int) -> int:
    total = a + 10 * b
    if a < b and b != 7:
        return 1
    if a == 3 or b == 4:
        total += 100
    return a if a > b else total


def test_without_a_mutant_the_program_is_as_it_was(program: Path) -> None:
    assert answers(program, 0).split() == [str(f(a, b)) for a in range(9) for b in range(9)]


def test_each_mutant_is_another_program(program: Path) -> None:
    mutants = of_header(SOURCE)[1]
    assert sorted(m.kind for m in mutants) == sorted(KINDS)
    found = {m.number: answers(program, m.number) for m in mutants}
    sound = answers(program, 0)
    assert [m for m in mutants if found[m.number] == sound] == []
    assert {m.line for m in mutants} == {3, 4, 5, 6}


@pytest.mark.parametrize(
    "line",
    [
        "int f(int a, int b) { return a > b ? a : b; }",
        "int f(int a, int b) { return a < 0 ? -a : a; }",
        "int f(int a, int b) { return a > 0 ? a : 0; }",
        "int f(int a, int b) { if (a < b) b = a; return b; }",
    ],
)
def test_a_bound_where_both_sides_say_the_same_is_no_mutant(line: str) -> None:
    kinds = [m.kind for m in of_header("static inline " + line)[1]]
    assert not [kind for kind in kinds if "by one" in kind]


PYTHON = '''
def f(a, b):
    """if a < 3: is no code."""
    total = a + 10 * b
    if a < b and b != 7:
        return 1
    if a == 3 or b == 4:
        total += 100
    return a if a > b else total
'''
PYTHON_KINDS = ["negated"] * 6 + ["bound by one"] * 2 + ["and term dropped"] * 2
PYTHON_KINDS += ["or term dropped"] * 2 + ["+ term dropped", "added value dropped"]


def test_each_mutant_of_python_is_another_program() -> None:
    text, mutants = of_python(PYTHON)
    assert sorted(m.kind for m in mutants) == sorted(PYTHON_KINDS)
    module: dict[str, Any] = {}
    exec(compile(text, "woven", "exec"), module)

    def found(number: int) -> list[int]:
        module["tc_mutant"] = number
        return [module["f"](a, b) for a in range(9) for b in range(9)]

    sound = [f(a, b) for a in range(9) for b in range(9)]
    assert found(0) == sound
    assert [m for m in mutants if found(m.number) == sound] == []
    assert {m.function for m in mutants} == {"f"}
    assert [PYTHON.split("\n")[m.line - 1].strip() == m.text for m in mutants] == [True] * 14


PYX = '''"""Doors."""

cdef class Door:
    def __cinit__(self, int room=2):
        """if room < 2: is no code."""
        if room < 2 or room & (room - 1):
            raise ValueError
        self.room = room

    def put(self, int a, b):
        cdef int c = a
        self.a, self.b = a, <object>b
        if not gate_put(&self.g, c, a >> 3):
            return None
        return gate_kept(&self.g)
'''


def test_mutants_of_a_pyx_stand_in_its_statements(tmp_path: Path) -> None:
    text, mutants = of_pyx(PYX)
    assert [(m.line, m.kind) for m in mutants] == [
        (6, "negated"), (6, "or term dropped"), (6, "or term dropped"), (6, "bound by one"),
        (6, "- term dropped"), (8, "value dropped"), (12, "value dropped"), (12, "value dropped"),
        (13, "negated"), (13, ">> by one"), (15, "negated"),
    ]  # fmt: skip
    assert {m.function for m in mutants} == {"__cinit__", "put"}
    for m in mutants:
        assert PYX.split("\n")[m.line - 1].strip() == m.text
        assert re.search(rf"tc_on\({m.number}\)", text)
    kept = re.sub(r"cdef extern.*?\n    bint tc_on.*?\n", "", text, flags=re.S)
    assert kept.replace("\n", "") != PYX.replace("\n", "")


def test_a_named_equal_mutant_must_be_there() -> None:
    mutants = of_header(SOURCE)[1]
    file = "hotpath/gate.h"
    numbers, stale = equal_ones(file, mutants, {file: {("f", "> by one", "no line"): "why"}})
    assert (numbers, stale) == (set(), ["f | > by one | no line"])
    line = "return a > b ? a : sum;"
    numbers, stale = equal_ones(file, mutants, {file: {("f", "> by one", line): "why"}})
    assert ([m.text for m in mutants if m.number in numbers], stale) == ([line], [])
    numbers, stale = equal_ones(file, mutants, {file: {("f", "*", ""): "why"}})
    assert numbers == {m.number for m in mutants}
    for named in EQUAL.values():
        assert all(len(why.split()) > 3 for why in named.values()), "each has its sentence"


def test_verdicts_hold_while_what_they_were_found_with_is_the_same(tmp_path: Path) -> None:
    """A kill hangs on its killer's file alone, a survivor on all the tests there are."""
    kept = tmp_path / "verdicts"
    lines = [[1, True, "a.py::t", "A"], [2, True, "b.py::t[x]", "B"], [3, False, "", "AB"]]
    kept.write_text("".join(json.dumps(line) + "\n" for line in lines))
    first, second, alive = (1, (True, "a.py::t")), (2, (True, "b.py::t[x]")), (3, (False, ""))
    for stamps, held in (
        ({"a.py": "A", "b.py": "B", "": "AB"}, [first, second, alive]),
        ({"a.py": "A", "b.py": "C", "": "AC"}, [first]),
        ({"a.py": "A", "b.py": "B", "c.py": "C", "": "ABC"}, [first, second]),
        ({"a.py": "C", "": "C"}, []),
    ):
        assert list(kept_verdicts(kept, stamps).items()) == held
    assert kept_verdicts(tmp_path / "none", {}) == {}


def test_what_a_verdict_hangs_on_is_all_that_is_included() -> None:
    of_gate = together(["hotpath/gate.pyx", "hotpath/gate.h"], INCLUDED)
    assert {"hotpath/order.h", "hotpath/instrument.h", "hotpath/scan.h"} <= of_gate
    of_test = together(["tests/hotpath/test_gate_bounds.py"], IMPORTED)
    assert {"tests/hotpath/test_gate.py", "tests/reference/gate.py"} <= of_test
