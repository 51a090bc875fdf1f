"""Which file is which venue's market data: the arguments of a back-test.

`FILE` is for every listing that no other argument names; `VENUE=FILE` and `VENUE.SYMBOL=FILE` are
for that venue or listing alone. A name given several times has its files read one after the other,
as one capture. What could mean two things is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from engine.errors import TiercelError


class CapturesUnclear(TiercelError):
    """The arguments do not say whose market data a file is, or say it twice."""

    code: ClassVar[str] = "TCL-7016"
    what = "It is not clear which market data {listing} has"
    why = "{detail}"
    do = "Name each once, in the order of time, as VENUE=FILE or VENUE.SYMBOL=FILE (docs/replay.md)"


def divided(argument: str) -> tuple[str, Path]:
    """(name, file) of one argument; a file of that very name is a file."""
    name, sign, rest = argument.partition("=")
    if not sign or "/" in name or Path(argument).exists():
        return "", Path(argument)
    return name, Path(rest)


def assigned(arguments: Sequence[str], listings: Iterable[str]) -> dict[str, list[Path]]:
    """The files of each listing, in the order given; CapturesUnclear."""
    files: dict[str, list[Path]] = {}
    for argument in arguments:
        name, path = divided(argument)
        files.setdefault(name, []).append(path)
    found: dict[str, list[Path]] = {}
    used: set[str] = set()
    for listing in listings:
        names = [n for n in (listing, listing.partition(".")[0]) if n in files]
        if len(names) > 1:
            detail = f"Both {names[0]} and {names[1]} are given"
            raise CapturesUnclear(listing=listing, detail=detail)
        if not names and "" not in files:
            given = ", ".join(sorted(files))
            raise CapturesUnclear(listing=listing, detail=f"Files are given for {given} only")
        used.update(names)
        found[listing] = files[names[0] if names else ""]
    for name in files:
        if name and name not in used:
            detail = f"A file is given for it, and the configuration shows only {', '.join(found)}"
            raise CapturesUnclear(listing=name, detail=detail)
    if "" in files and len(used) and not any(f is files[""] for f in found.values()):
        detail = f"{files[''][0]} is given without a name, and all listings have files of their own"
        raise CapturesUnclear(listing="none", detail=detail)
    return found
