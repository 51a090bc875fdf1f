"""`python -m venues.simulated --spec FILE`: one simulated exchange, until SIGTERM.

Prints one JSON line when it serves: name, pid, ws_port, rest_port, ledger, control. Ends by itself
when its parent does (`--parent PID`), so that nothing outlives the command that started it.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import gc
import os
import signal
import sys
from pathlib import Path
from typing import Any

import orjson

from engine.errors import TiercelError
from venues.simulated.spec import SpecRefused, read_spec

PR_SET_PDEATHSIG = 1


def follow(parent: int) -> None:
    """Ask for SIGTERM when the parent dies; end now if it is gone already."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        raise SystemExit(0)


def announce(ready: dict[str, Any]) -> None:
    sys.stdout.buffer.write(orjson.dumps(ready) + b"\n")
    sys.stdout.buffer.flush()


async def run(path: str, parent: int | None) -> None:
    from venues.simulated.server import Server

    try:
        document = Path(path).read_bytes()
    except OSError as wrong:
        raise SpecRefused(detail=f"{path}: {wrong.strerror}") from None
    server = Server(read_spec(document))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stopping.set)
    gc.collect()
    gc.freeze()
    watch = loop.create_task(watch_parent(server, parent)) if parent is not None else None
    await server.run(announce)
    if watch is not None:
        watch.cancel()


async def watch_parent(server: Any, parent: int) -> None:
    """The death signal follows the parent's thread; this follows its process."""
    while os.getppid() == parent:
        await asyncio.sleep(0.5)
    server.stopping.set()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m venues.simulated", description=__doc__)
    parser.add_argument(
        "--spec", required=True, help="the JSON document (venues/simulated/spec.py)"
    )
    parser.add_argument("--parent", type=int, help="end when this process, our parent, ends")
    options = parser.parse_args()
    if options.parent is not None:
        follow(options.parent)
    import uvloop

    try:
        uvloop.run(run(options.spec, options.parent))
    except TiercelError as wrong:
        print(wrong, file=sys.stderr)
        return wrong.exit_code
    except OSError as wrong:
        print(SpecRefused(detail=str(wrong)), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
