"""`make mutate` itself: each mutant is another program, and only the one that was asked for."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.mutants import of_header, of_pyx

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


def test_mutants_of_a_pyx_change_one_line_each() -> None:
    text = 'def f(a):\n    """if a < 3: is no code."""\n    if a < 3 or a == 5:\n        b = 2\n'
    found = of_pyx(text)
    assert [m.line for m, _ in found] == [3, 3, 3, 3, 4]
    for mutant, whole in found:
        before, after = text.split("\n"), whole.split("\n")
        assert len(before) == len(after)
        assert [i + 1 for i in range(len(before)) if before[i] != after[i]] == [mutant.line]
