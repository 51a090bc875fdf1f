"""A lane without actors: it starts, beats, writes records, obeys, and misbehaves when told to.

What each of its actors' settings says: `fail_start`, `exit_code` after `after_ms`, `deaf` to stop,
`mute` (no heartbeat), `words` said at the end, `slow_ms` before it has started, `write` (records
each round).
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import time
from pathlib import Path

from engine.child import Child, run_lane
from hotpath.board import Board
from hotpath.records import Kind
from hotpath.ring import Outbox, Reader

PR_GET_DUMPABLE = 3


def main(child: Child) -> None:
    spec = child.spec
    settings = {k: v for a in spec.actors for k, v in a.settings.items()}
    seen = Path(spec.state) / "seen"
    seen.mkdir(exist_ok=True)
    dumpable = ctypes.CDLL(None).prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)
    note = {"pid": os.getpid(), "epoch": spec.epoch, "dumpable": dumpable}
    with (seen / f"{spec.lane}.jsonl").open("a") as f:
        f.write(json.dumps(note) + "\n")
    if settings.get("fail_start"):
        raise RuntimeError("told to fail")
    time.sleep(settings.get("slow_ms", 0) / 1000)
    child.use(Board.attach(spec.board.fd))
    outboxes = [
        Outbox.attach(a.outbox.fd, spec.epoch, build_hash=spec.build_hash) for a in spec.actors
    ]
    readers = [
        Reader.attach(f.fd, f.reader, f.lossy, build_hash=spec.build_hash) for f in spec.follows
    ]
    child.beat()
    child.started()
    child.ready()
    child.settle(hot=False)
    began = time.monotonic()
    fenced = False
    while True:
        if not settings.get("mute"):
            child.beat()
        for command in child.commands():
            if command["do"] in ("stop", "orphaned") and not settings.get("deaf"):
                child.finish(0)
            if command["do"] == "cancel_all":
                (seen / f"{spec.lane}.canceled").write_text("yes")
                child.say("canceled", open=0)
            if command["do"] == "reconcile":
                with (seen / f"{spec.lane}.reconcile").open("a") as f:
                    f.write("asked\n")
                child.say("reconciled", ok=not settings.get("unclean"))
        for reader in readers:
            reader.read(256)
            reader.store()
        for outbox in outboxes:
            for _ in range(settings.get("write", 0)):
                if not outbox.append(int(Kind.DOCUMENT), b"{}"):
                    fenced = True
        if fenced:
            (seen / f"{spec.lane}.{spec.epoch}.refused").write_text("yes")
        after = settings.get("after_ms")
        if after is not None and time.monotonic() - began > after / 1000:
            if words := settings.get("words"):
                raise RuntimeError(words)
            os._exit(settings.get("exit_code", 1))
        time.sleep(0.01)


if __name__ == "__main__":
    run_lane(sys.argv, main)
