"""The first lines of the command: from here on Ctrl-C ends it without a word.

engine/launch/tiercel starts the interpreter with the signal held back, for an interpreter that is
starting can answer it with a traceback only. Commands that have something to end in order say so
once they have begun it (`interruptible`, or a handler of their own).
"""

from __future__ import annotations

import os
import signal
import sys

INTERRUPTED = 128 + signal.SIGINT
ENDED_SO = ("demo", "run")
"""Commands that are ended by Ctrl-C: it is no failure of theirs."""


def code_of(words: list[str]) -> int:
    """The exit code of a command that Ctrl-C ended."""
    name = next((w for w in words if not w.startswith("-")), "")
    return 0 if name in ENDED_SO else INTERRUPTED


def leave(number: int, frame: object) -> None:
    """End at once: nothing has begun that would have to be ended."""
    os._exit(code_of(sys.argv[1:]))


def interruptible() -> None:
    """From now on Ctrl-C, SIGTERM and SIGHUP raise KeyboardInterrupt: the command ends what it
    began."""
    if signal.getsignal(signal.SIGINT) is leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def main() -> None:
    """Entry point of `tiercel`."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, leave)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    from engine.main import main as command_line

    command_line()


if __name__ == "__main__":  # one module, under its own name: the handler is known by identity
    from engine.entry import main as begin

    begin()
