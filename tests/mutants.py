"""Mutants of a C header, all in one text: each is a place that changes when its number is chosen.

A header of static inline functions becomes the same header with `TC_M(n)` woven in, which is 1
while the symbol `tc_mutant` holds that number (the environment's TC_MUTANT at first) and 0 else; so
one compilation serves every mutant. `tc_reached` notes by number whose place was come through: a
test that does not come there cannot tell that mutant from the source. Kinds: a condition negated, a
bound shifted by one, a term of `&&`, `||`, `+`, `-` dropped, a compound assignment dropped.
mutants_python.py does the same to .pyx and .py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

PREAMBLE = """#include <stdlib.h>
int tc_mutant;
__attribute__((constructor)) static void tc_mutant_read(void) {
    const char *said = getenv("TC_MUTANT");
    tc_mutant = said ? atoi(said) : 0;
}
unsigned char tc_reached[4096];
#define TC_M(n) (tc_reached[n] = 1, tc_mutant == (n))
"""
OPENING, CLOSING = "([{", ")]}"
COMPARISON = re.compile(r"(?<=\s)(<=|>=|==|!=|<|>)(?=\s)")
CONDITION = re.compile(r"\b(?:if|while) (?=\()")
TERM = re.compile(r"(?<=\s)(&&|\|\|)(?=\s)")
SUM = re.compile(r"(?<=[\w)\]] )([+-])(?= )")
DISTANCE = re.compile(r"- \w->\w+\)")  # between two pointers: no term that can be dropped
COMPOUND = re.compile(r"(?<=\s)(\+=|-=|\|=)(?=\s)")


@dataclass(frozen=True)
class Mutant:
    number: int
    line: int
    kind: str
    text: str
    """The line, as it stands in the source."""
    function: str


def blanked(text: str) -> str:
    """The text with comments, strings, characters and preprocessor lines as spaces."""

    def blank(found: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", found[0])

    pattern = r"/\*.*?\*/|\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|^[ \t]*#(?:[^\n\\]|\\.|\\\n)*"
    return re.sub(pattern, blank, text, flags=re.S | re.M)


def functions(code: str) -> Iterator[tuple[str, int, int]]:
    """(name, start, end) of each function's body in blanked text."""
    for found in re.finditer(
        r"^static (?:inline )?(?:__attribute__\(\(.*?\)\) )?[^;={}(]*?(\w+)\([^;={}]*\)\s*\{",
        code,
        re.M,
    ):
        depth, at = 1, found.end()
        while depth:
            depth += {"{": 1, "}": -1}.get(code[at], 0)
            at += 1
        yield found[1], found.end(), at - 1


def operand_end(code: str, at: int, stops: re.Pattern[str]) -> int:
    """Where the operand that begins at `at` ends: at a stop outside of its brackets."""
    depth = 0
    while True:
        c = code[at]
        if c in OPENING:
            depth += 1
        elif c in CLOSING:
            if not depth:
                return at
            depth -= 1
        elif not depth and stops.match(code, at):
            return at
        at += 1


# Where both answers are the same at the bound: the larger or smaller of two, a sign, a new extreme.
# A bound shifted there is no other program, so it is no mutant.
VALUE = r"[\w.*>\-]+(?:\([\w*]+\))?"
SAME_AT_THE_BOUND = [
    re.compile(
        rf"(?P<a>{VALUE}) [<>] (?P<b>{VALUE}) \? (?:(?P=a) : (?P=b)|(?P=b) : (?P=a))(?![\w.(])"
    ),
    re.compile(rf"(?P<a>{VALUE}) [<>] 0 \? (?:-?(?P=a)|0) : (?:-?(?P=a)|0)(?![\w.(])"),
    re.compile(rf"if \((?P<a>{VALUE}) [<>] (?P<b>{VALUE})\) (?P=b) = (?P=a);"),
    re.compile(rf"if \((?P<a>{VALUE}) [<>] (?P<b>{VALUE})\) (?P=a) = (?P=b);"),
    re.compile(rf"if \({VALUE} < 0\) (?P<c>{VALUE}) = -(?P=c);"),
]

AFTER_AND = re.compile(r"\|\||&&|[;,?:]")
AFTER_OR = re.compile(r"\|\||[;,?:]")
AFTER_ASSIGNMENT = re.compile(r"[;,]")


def of_header(text: str) -> tuple[str, list[Mutant]]:
    """The text with every mutant in it, and the mutants in the order of their numbers."""
    code, lines = blanked(text), text.split("\n")
    inserts: list[tuple[int, int, str]] = []
    mutants: list[Mutant] = []
    function = ""

    def mutant(at: int, kind: str) -> str:
        line = text.count("\n", 0, at) + 1
        text_of_line = lines[line - 1].strip()
        mutants.append(Mutant(len(mutants) + 1, line, kind, text_of_line, function))
        return f"TC_M({len(mutants)})"

    def put(at: int, piece: str) -> None:
        inserts.append((at, len(inserts), piece))

    for name, start, end in functions(code):
        function = name
        for found in CONDITION.finditer(code, start, end):
            close = operand_end(code, found.end() + 1, re.compile(r"(?!)"))
            put(found.end() + 1, f"{mutant(found.start(), 'negated')} ^ !!(")
            put(close, ")")
        same = {
            at
            for pattern in SAME_AT_THE_BOUND
            for hit in pattern.finditer(code, start, end)
            for at in range(hit.start(), hit.end())
        }
        for found in COMPARISON.finditer(code, start, end):
            if found.start() in same:
                continue
            m = mutant(found.start(), f"{found[0]} by one")
            sign = "" if found[0] in ("<", ">=", "==", "!=") else "-"
            put(found.end(), f" {sign}{m} +")
        for found in TERM.finditer(code, start, end):
            stop = operand_end(code, found.end(), AFTER_AND if found[0] == "&&" else AFTER_OR)
            m = mutant(found.start(), f"{found[0]} term dropped")
            put(found.end(), f" ({m} || (" if found[0] == "&&" else f" (!{m} && (")
            put(stop, "))")
        for found in SUM.finditer(code, start, end):
            if DISTANCE.match(code, found.start()):
                continue
            put(found.end(), f" !{mutant(found.start(), f'{found[0]} term dropped')} *")
        for found in COMPOUND.finditer(code, start, end):
            stop = operand_end(code, found.end(), AFTER_ASSIGNMENT)
            m = mutant(found.start(), f"{found[0]} dropped")
            put(found.end(), f" !{m} * (")
            put(stop, ")")
    out, at = [PREAMBLE], 0
    for place, _, piece in sorted(inserts):
        out += [text[at:place], piece]
        at = place
    return "".join([*out, text[at:]]), mutants
