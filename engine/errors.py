"""Errors a user can meet: each is a condition with a stable code, what happened, why, what to do.

A condition is a subclass of `TiercelError` that carries its code and its three sentences; the
sentences are format strings over the values given to the constructor. `docs/errors.md` is made
from these classes. Ranges: 1xxx command line and configuration, 2xxx lanes, shared memory and
supervision, 3xxx journal and state directory, 4xxx market data and captures, 5xxx venues and
orders, 6xxx pools, 7xxx recordings and replay, 8xxx benchmarks.
"""

from __future__ import annotations

import contextlib
import sys
from typing import ClassVar

EXIT_DONE, EXIT_NO, EXIT_USAGE, EXIT_NO_ENGINE, EXIT_ESCALATED = 0, 1, 2, 3, 70


class TiercelError(Exception):
    """A condition with a code; `str()` is `TCL-nnnn: what, why, what to do`."""

    code: ClassVar[str] = ""
    what: ClassVar[str] = ""
    why: ClassVar[str] = ""
    do: ClassVar[str] = ""
    exit_code: int = EXIT_USAGE
    answer: ClassVar[dict[str, object]] = {}  # what the command's JSON says besides
    conditions: ClassVar[dict[str, type[TiercelError]]] = {}

    def __init_subclass__(cls) -> None:
        known = TiercelError.conditions.setdefault(cls.code, cls)
        if known.__qualname__ != cls.__qualname__ or known.__module__ != cls.__module__:
            raise TypeError(f"{cls.code} names both {known.__qualname__} and {cls.__qualname__}")

    def __init__(self, **values: object) -> None:
        self.values = values
        super().__init__(self.code, values)

    def sentences(self) -> dict[str, str]:
        """The error as `{"code", "what", "why", "do"}`, every value filled in.

        Bytes of a path that are no text are shown as `?`.
        """
        texts = {"what": self.what, "why": self.why, "do": self.do}
        filled = {k: t.format_map(self.values) for k, t in texts.items()}
        return {"code": self.code} | {
            k: t.encode(errors="replace").decode() for k, t in filled.items()
        }

    def __str__(self) -> str:
        s = self.sentences()
        return f"{s['code']}: {s['what']}. {s['why']}. {s['do']}."


def cause_of(error: BaseException) -> BaseException:
    """The one that counts of a (nested) group of exceptions: a condition before any other."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    found = [cause_of(e) for e in error.exceptions]
    wanted = (MemoryError, TiercelError)
    return next((e for kind in wanted for e in found if isinstance(e, kind)), found[0])


def tell(error: TiercelError, as_json: bool) -> None:
    """Print an error the way the contract asks for: a line on stderr, with `--json` an object on
    stdout too."""
    with contextlib.suppress(OSError):  # nobody is left to be told
        print(error, file=sys.stderr)
        if as_json:
            import orjson

            found = error.answer | {"error": error.sentences()}
            sys.stdout.write(orjson.dumps(found).decode() + "\n")
            sys.stdout.flush()


class WrongUsage(TiercelError):
    code = "TCL-1001"
    what = "The command was not understood"
    why = "{detail}"
    do = "Type `{command} --help` to see what it takes"


class FileNotReadable(TiercelError):
    code = "TCL-1002"
    what = "{path} cannot be read"
    why = "{detail}"
    do = "Check the path and that you may read the file"


class SystemRefused(TiercelError):
    """The system did not let us use a file, a device or a socket."""

    code = "TCL-1003"
    what = "The system refused what `{command}` needs"
    why = "{detail}"
    do = "Check the path, its permissions and the free room on its disk"


class UnexpectedFailure(TiercelError):
    """A defect of tiercel, not of the user's input."""

    code = "TCL-1099"
    what = "tiercel failed in a way it should not"
    why = "{detail}"
    do = "Run it again with --debug to see where, and report that with the command you typed"
    exit_code = EXIT_NO
