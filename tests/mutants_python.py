"""Mutants of a .pyx or a .py, all in one text, as mutants.py does it for C headers.

`tc_mutant` is a C symbol in a .pyx and a global of the module in a .py: the number of the mutant
that is on; `tc_on(n)` asks for it and notes in `tc_reached` that this place was come through. Only
what stands in functions is changed. Kinds: a condition negated, a bound shifted by one, a term of
`and`, `or`, `+`, `-` dropped, what is added by `+=` or `-=` dropped; in a .pyx, whose functions are
doors to C and have few conditions, also a value that is handed on dropped.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.mutants import Mutant

PYX_PREAMBLE = '''
cdef extern from *:
    """
    int tc_mutant;
    unsigned char tc_reached[4096];
    #define tc_on(n) (tc_reached[n] = 1, tc_mutant == (n))
    """
    bint tc_on(int number) noexcept nogil
'''
PYTHON_PREAMBLE = """tc_mutant = 0
tc_reached = set()
def tc_on(number):
    tc_reached.add(number)
    return tc_mutant == number
"""
SHIFTS = {ast.Lt: "+", ast.GtE: "+", ast.Gt: "-", ast.LtE: "-"}
NO_TERM = (ast.JoinedStr, ast.List, ast.Tuple, ast.Dict, ast.Set)
NO_STATEMENT = ("cdef ", "def ", "cimport ", "from ", "import ", "@", "#", "for ", "class ")
STRUCTS = ("split_id",)
"""Doors whose value is a C struct: there is no 0 of it."""
NUMBERS = ("gate_worst(", "gate_open_notional(")
"""Doors that answer with a number, where the others answer yes or no."""
CAST = re.compile(r"<(?:object|double|u?int\d*(?:_t)?)>")
ADDRESS = re.compile(r"(?<=[(, ])&(?=\w)")


class Weaver:
    """Collects what is put where, and the mutants; places are in bytes of the text."""

    def __init__(self, text: str, doors: bool) -> None:
        self.text, self.doors = text.encode(), doors
        self.lines = text.split("\n")
        self.mutants: list[Mutant] = []
        self.pieces: list[tuple[int, int, int, str]] = []

    def mutant(self, at: int, kind: str, function: str) -> int:
        line = self.text.count(b"\n", 0, at) + 1
        number, said = len(self.mutants) + 1, self.lines[line - 1].strip()
        self.mutants.append(Mutant(number, line, kind, said, function))
        return number

    def wrap(self, start: int, end: int, before: str, after: str) -> None:
        """`before` and `after` around [start, end); what was put first is outermost."""
        order = len(self.pieces)
        self.pieces.append((start, 1, order, before))
        self.pieces.append((end, 0, -order, after))

    def woven(self) -> str:
        out, at = [], 0
        for place, _, _, piece in sorted(self.pieces):
            out += [self.text[at:place], piece.encode()]
            at = place
        return b"".join([*out, self.text[at:]]).decode()

    def weave(self, tree: ast.AST, place: Place, function: str) -> None:
        """Every mutant of a statement or expression."""
        whole: set[ast.expr] = set()  # whose negation is a mutant already
        for node in inside(tree):
            if isinstance(node, (ast.If, ast.While, ast.IfExp)):
                self.negate(node.test, place, function)
                whole.add(node.test)
            elif isinstance(node, ast.comprehension):
                for test in node.ifs:
                    self.negate(test, place, function)
                    whole.add(test)
            elif isinstance(node, ast.Compare):
                self.shift(node, place, function, negated=node in whole)
            elif isinstance(node, ast.BoolOp):
                both = isinstance(node.op, ast.And)
                for value in node.values:
                    start, end = place(value)
                    n = self.mutant(start, f"{'and' if both else 'or'} term dropped", function)
                    on = f"(tc_on({n}) or (" if both else f"(not tc_on({n}) and ("
                    self.wrap(start, end, on, "))")
            elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
                if not any(is_text(side) for side in (node.left, node.right)):
                    sign = "+" if isinstance(node.op, ast.Add) else "-"
                    self.drop(node.right, place, f"{sign} term dropped", function)
            elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.RShift):
                start, end = place(node.right)
                n = self.mutant(start, ">> by one", function)
                self.wrap(start, end, "(", f" + tc_on({n}))")
            elif isinstance(node, ast.AugAssign) and isinstance(node.op, (ast.Add, ast.Sub)):
                if not is_text(node.value):
                    self.drop(node.value, place, "added value dropped", function)
            elif self.doors and isinstance(node, ast.Assign):
                values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
                for value in values:
                    if not is_struct(value) and not is_nothing(value):
                        self.drop(value, place, "value dropped", function)
            elif (
                self.doors
                and isinstance(node, ast.Return)
                and isinstance(node.value, ast.Call)
                and re.match(r"gate_|orders_", ast.unparse(node.value))
            ):
                if ast.unparse(node.value).startswith(NUMBERS):
                    self.drop(node.value, place, "value dropped", function)
                else:
                    self.negate(node.value, place, function)

    def negate(self, test: ast.expr, place: Place, function: str) -> None:
        start, end = place(test)
        n = self.mutant(start, "negated", function)
        self.wrap(start, end, f"(tc_on({n}) != (not not (", ")))")

    def drop(self, value: ast.expr, place: Place, kind: str, function: str) -> None:
        start, end = place(value)
        n = self.mutant(start, kind, function)
        self.wrap(start, end, f"(0 if tc_on({n}) else (", "))")

    def shift(self, node: ast.Compare, place: Place, function: str, negated: bool) -> None:
        """The bound of `<` and the like by one; `==` has no other neighbour than its negation."""
        for operator, right in zip(node.ops, node.comparators, strict=True):
            start, end = place(right)
            if type(operator) in SHIFTS:
                n = self.mutant(start, "bound by one", function)
                self.wrap(start, end, "(", f" {SHIFTS[type(operator)]} tc_on({n}))")
            elif len(node.ops) == 1 and not negated:
                self.negate(node, place, function)


class Place:
    """Where a node of a parsed piece stands in the whole text, in bytes."""

    def __init__(self, lines: list[bytes], base: int, first_indent: int) -> None:
        self.starts = [base]
        for line in lines:
            self.starts.append(self.starts[-1] + len(line) + 1)
        self.starts[0] += first_indent

    def __call__(self, node: ast.expr) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return (
            self.starts[node.lineno - 1] + node.col_offset,
            self.starts[node.end_lineno - 1] + node.end_col_offset,
        )


def inside(tree: ast.AST) -> Iterator[ast.AST]:
    """The node and what is in it, the outer first; not what an f-string shows: it has no place."""
    waiting = [tree]
    for node in waiting:
        yield node
        if not isinstance(node, ast.JoinedStr):
            waiting.extend(ast.iter_child_nodes(node))


def outermost_functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node
        else:
            yield from outermost_functions(node)


def is_text(node: ast.expr) -> bool:
    constant = isinstance(node, ast.Constant) and not isinstance(node.value, (int, float))
    return constant or isinstance(node, NO_TERM)


def is_struct(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in STRUCTS


def is_nothing(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and not node.value


def of_python(text: str) -> tuple[str, list[Mutant]]:
    """The text of a .py with every mutant in it, and the mutants in the order of their numbers."""
    weaver, tree = Weaver(text, doors=False), ast.parse(text)
    place = Place(text.encode().split(b"\n"), 0, 0)
    for node in outermost_functions(tree):
        for statement in node.body:
            weaver.weave(statement, place, node.name)
    first = next(
        node
        for node in tree.body
        if not isinstance(node, ast.Expr)
        and not (isinstance(node, ast.ImportFrom) and node.module == "__future__")
    )
    start = place.starts[first.lineno - 1]
    weaver.pieces.append((start, 0, 0, PYTHON_PREAMBLE))
    return weaver.woven(), weaver.mutants


def statements(text: str) -> Iterator[tuple[str, int, list[str]]]:
    """(function, first line from 0, lines) of each statement in the functions of a .pyx."""
    lines, at, function, in_text = text.split("\n"), 0, "", False
    while at < len(lines):
        line, first = lines[at], at
        at += 1
        quotes = line.count('"""')
        if in_text or quotes:
            in_text ^= quotes % 2 == 1
            continue
        while sum(map(line.count, "([{")) > sum(map(line.count, ")]}")) and at < len(lines):
            line += "\n" + lines[at]
            at += 1
        said = line.lstrip()
        named = re.match(r"(?:def|cdef|cpdef) [^=]*?(\w+)\(", said)
        if named and said.rstrip().endswith(":"):
            function = named[1]
        elif line.startswith("    ") and function and not said.startswith(NO_STATEMENT):
            yield function, first, line.split("\n")


def of_pyx(text: str) -> tuple[str, list[Mutant]]:
    """The same of a .pyx; a statement that is no Python (a cdef) is left as it is."""
    weaver = Weaver(text, doors=True)
    all_lines = text.encode().split(b"\n")
    for function, first, lines in statements(text):
        indent = len(lines[0]) - len(lines[0].lstrip())
        piece = "\n".join(lines).lstrip()
        # as long as before, so that every place stays where it is
        piece = ADDRESS.sub("+", CAST.sub(lambda found: " " * len(found[0]), piece))
        piece = re.sub(r"^el(?=if )", "", piece) if piece.startswith("elif ") else piece
        shift = indent + (2 if lines[0].lstrip().startswith("elif ") else 0)
        try:
            tree = ast.parse(piece + (" pass" if piece.rstrip().endswith(":") else ""))
        except SyntaxError:
            continue
        base = sum(len(line) + 1 for line in all_lines[:first])
        weaver.weave(tree, Place([line.encode() for line in lines], base, shift), function)
    woven = weaver.woven()
    end = woven.index('"""', woven.index('"""') + 3) + 3
    return woven[:end] + "\n" + PYX_PREAMBLE + woven[end:], weaver.mutants
