"""What a run says of itself: run.json for whoever looks for it, and the answer to `tiercel ps`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.secret import hide_hook
from engine.state import Run
from engine.whole import replace_durably

if TYPE_CHECKING:
    from engine.root import Root


def write_run(root: Root) -> None:
    """DIR/run.json, and what a replay needs besides the inputs; keys are not among it."""
    run = Run(
        run=root.run_name,
        root=root.pid,
        started=root.started,
        application=root.app.application,
        mode=root.app.mode,
        instance=root.registry.instance,
        drill=root.app.drill,
        exchanges=root.exchanges,
    )
    replace_durably(root.path / "run.json", msgspec.json.encode(run))
    specs = [root.assembly.spec(lane, 0, root.pid, root.started) for lane in root.lanes.values()]
    document = msgspec.json.encode(specs, enc_hook=hide_hook)
    replace_durably(root.path / "recordings" / f"{root.run_name}.lanes.json", document)


def status(root: Root) -> dict[str, Any]:
    """`tiercel ps --json`: root, lanes, exchanges; `alerts` while there is something to mend, a
    lane's `inputs_lost` where its recording has a hole."""
    lanes = []
    for name, lane in root.lanes.items():
        process = root.processes.get(name)
        watched = root.supervisor.watched[root.supervisor.index[name]]
        lanes.append(
            {
                "name": name,
                "pid": process.pid if process else None,
                "runtime": lane.runtime,
                "core": lane.core,
                "state": root.supervisor.state_of(name),
                "restarts": watched.restarts,
                "actors": [a.name for a in lane.actors],
            }
        )
        if lost := root.inputs_lost.get(name, 0):
            lanes[-1]["inputs_lost"] = lost
    found = {"root": root.pid, "lanes": lanes, "exchanges": root.exchanges}
    alerts = root.cancel_only.sentences
    if root.recorder_watch.error is not None:
        alerts.append(root.recorder_watch.error.sentences())
    alerts += [said for _, said in sorted(root.troubles.items()) if said is not None]
    return found | {"alerts": alerts} if alerts else found
