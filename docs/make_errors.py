"""Writes docs/errors.md from the conditions in the code: `python -m docs.make_errors`."""

from __future__ import annotations

import contextlib
from importlib import import_module
from pathlib import Path

from engine.errors import TiercelError

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "errors.md"
PACKAGES = ("engine", "feeds", "venues", "actors", "bench")
RANGES = {
    "1": "Command line and configuration",
    "2": "Lanes, shared memory and supervision",
    "3": "Journal and state directory",
    "4": "Market data and captures",
    "5": "Venues and orders",
    "6": "Pools",
    "7": "Recordings and replay",
    "8": "Benchmarks",
}
HEAD = """# Errors

Every error is a condition with a code that never changes its meaning: what happened, why, and what
to do next. With `--json` the same stands in `{"error": {"code", "what", "why", "do"}}`. Names in
braces are filled in when it happens. This page is made by `python -m docs.make_errors`.
"""


def conditions() -> list[type[TiercelError]]:
    """Every condition of the project, in order of the codes; imports every module that has one."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py*")):
            if path.suffix not in (".py", ".pyx") or path.name == "__main__.py":
                continue
            if "TiercelError" not in path.read_text(encoding="utf-8"):
                continue
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            with contextlib.suppress(ModuleNotFoundError):  # needs an extra that is not installed
                import_module(name.removesuffix(".__init__"))
    # tests have conditions of their own, in code ranges of their own
    found = TiercelError.conditions.items()
    return [c for code, c in sorted(found) if code and c.__module__.split(".")[0] in PACKAGES]


def page() -> str:
    """The page as it should stand in docs/errors.md."""
    text, part = [HEAD], ""
    for c in conditions():
        number = c.code.removeprefix("TCL-")
        if number[0] != part:
            part = number[0]
            text.append(f"\n## {RANGES.get(part, 'Others')}\n\n| code | what | why | what to do |")
            text.append("\n| --- | --- | --- | --- |\n")
        cells = (c.code, c.what, c.why, c.do)
        text.append("| " + " | ".join(x.replace("|", "\\|") for x in cells) + " |\n")
    return "".join(text)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
