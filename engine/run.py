"""`tiercel run`: the root on a configuration, until a signal or a time ends it."""

from __future__ import annotations

import shutil
import signal
import sys
from pathlib import Path

import msgspec
import orjson

from engine import config
from engine.left_open import left_in_words, left_open
from engine.root import Root

EXCHANGES_FILE = "exchanges.json"


def exchanges_of(state: Path) -> list[dict[str, object]]:
    """The simulated exchanges that a demo started beside this state, for `ps`."""
    path = state / EXCHANGES_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[dict[str, object]])
    except (OSError, msgspec.MsgspecError):
        return []


def run_application(
    path: Path,
    state: Path | None,
    *,
    for_s: float | None = None,
    record: Path | None = None,
    as_json: bool = False,
) -> int:
    """Run to the end; the exit code. A recording is copied to `record` afterwards."""
    configuration = config.read(path)
    if record is not None:
        configuration = config.recorded(configuration)
    directory = state or configuration.state
    early: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: early.append(number))
    root = Root(
        configuration,
        directory,
        exchanges=exchanges_of(directory),
        for_s=for_s,
        on_ready=None if as_json else announce,
        on_trouble=complain,
        early=early,
    )
    try:
        code = root.run()
    finally:
        made = directory / "recordings" / f"{root.run_name}.tcr"
        if record is not None and made.exists():
            shutil.copyfile(made, record)
    left = left_open(directory)
    if as_json:
        summary = {
            "application": configuration.application.application,
            "run": root.run_name,
            "state": str(directory),
            "recording": str(record) if record else None,
            "restarts": root.restarts,
            **left,
        }
        sys.stdout.write(orjson.dumps(summary).decode() + "\n")
    for line in [] if as_json else left_in_words(left):
        print(line, file=sys.stderr, flush=True)
    return code


def complain(said: dict[str, str]) -> None:
    """One line on stderr when a venue says that something is wrong, or nothing answers."""
    print("{code}: {what}. {why}. {do}.".format(**said), file=sys.stderr, flush=True)


def announce(root: Root) -> None:
    """One line when every lane is ready."""
    lanes = ", ".join(root.lanes)
    print(f"ready: {root.app.application} ({root.app.mode}), lanes {lanes}; state {root.path}")
    print("Ctrl-C stops it in order; `tiercel ps` and `tiercel top` look at it.", flush=True)
