"""A root with fake lanes, as a process of its own: argv is CONFIG STATE MEMORY [LANE MODULE]."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from engine import config, last_acts
from engine.errors import TiercelError
from engine.leftovers import Drained
from engine.memory import Memory
from engine.root import Root


def main() -> int:
    path, state, memory = (Path(a) for a in sys.argv[1:4])
    module = sys.argv[4] if len(sys.argv) > 4 else "tests.engine.lanes.fake"

    # fake lanes hold no venue: those called so answer for one
    last_acts.speaks = lambda lane: lane.name.startswith("venue")

    def ready(root: Root) -> None:
        print("ready", flush=True)

    def drain(state: Path, instance: int, memory: Memory) -> Drained:
        if memory.names(".outbox"):
            (state / "drained").write_text(str(os.getpid()))
        return Drained(0, {})

    try:
        root = Root(
            config.read(path),
            state,
            exchanges=[{"name": "alpha", "pid": 1}],
            lane_argv=[sys.executable, "-m", module],
            drain=drain,
            memory_place=memory,
            on_ready=ready,
        )
        return root.run()
    except TiercelError as e:
        print(e, file=sys.stderr, flush=True)
        return e.exit_code


if __name__ == "__main__":
    sys.exit(main())
