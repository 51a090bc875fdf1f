"""Why a drill is not run, or not to its end."""

from __future__ import annotations

from typing import ClassVar

from engine.errors import EXIT_NO, TiercelError


class DrillImpossible(TiercelError):
    """The configuration cannot be drilled."""

    code: ClassVar[str] = "TCL-2111"
    what = "{path} cannot be drilled"
    why = "{detail}"
    do = "A drill needs venues with instruments, and lanes that start; `tiercel config check` helps"
    exit_code = EXIT_NO


class NoSuchTarget(TiercelError):
    """Words that name what the configuration does not have."""

    code: ClassVar[str] = "TCL-2113"
    what = "{path} has no such thing to drill"
    why = "{detail}"
    do = "Name one of those with --at, or a price above 0 of one of its listings with --price"


class DrillInterrupted(TiercelError):
    """Ctrl-C before the drill was over."""

    code: ClassVar[str] = "TCL-2112"
    what = "The drill {name} was interrupted"
    why = "What must hold was not judged; engine and exchanges were stopped in order"
    do = "Run it again to its end; the state is at {state}"
    exit_code = EXIT_NO
