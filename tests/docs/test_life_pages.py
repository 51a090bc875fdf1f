"""The pages that walk through the engine are true: their code runs and prints what they show.

The fenced `python` blocks of a page run in order in one namespace. What a block prints is the
fenced `text` block that follows it; a block without one prints nothing.
"""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
PAGES = ("life-of-a-tick.md", "life-of-an-order.md")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(page: str) -> list[tuple[int, str, str]]:
    """(line, code, promised output) of every python block of a page."""
    text = (DOCS / page).read_text(encoding="utf-8")
    found = []
    fences = list(FENCE.finditer(text))
    for i, fence in enumerate(fences):
        if fence[1] != "python":
            continue
        follows = fences[i + 1] if i + 1 < len(fences) else None
        promised = follows[2] if follows is not None and follows[1] == "text" else ""
        line = text.count("\n", 0, fence.start(2)) + 1
        found.append((line, fence[2], promised))
    return found


@pytest.mark.parametrize("page", PAGES)
def test_the_page_prints_what_it_shows(page: str) -> None:
    namespace: dict[str, object] = {"__name__": page}
    walk = blocks(page)
    assert len([promised for _, _, promised in walk if promised]) >= 5
    for line, code, promised in walk:
        printed = io.StringIO()
        # padded, so that a traceback names the line of the page
        compiled = compile("\n" * (line - 1) + code, str(DOCS / page), "exec")
        with contextlib.redirect_stdout(printed):
            exec(compiled, namespace)
        assert printed.getvalue() == promised, f"{page}:{line}"


def test_a_false_page_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One wrong digit in one text block fails."""
    monkeypatch.setattr(f"{__name__}.DOCS", tmp_path)
    good = "```python\nprint(41)\n```\n\n```text\n41\n```\n" * 5
    (tmp_path / "page.md").write_text(good, encoding="utf-8")
    test_the_page_prints_what_it_shows("page.md")
    (tmp_path / "page.md").write_text(good + good.replace("\n41", "\n42"), encoding="utf-8")
    with pytest.raises(AssertionError, match=r"page\.md:\d+"):
        test_the_page_prints_what_it_shows("page.md")
