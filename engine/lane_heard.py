"""What a lane says to the root, line by line, and what the root does about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.application import LaneSettings
from engine.budget import publish_silence
from engine.child import BuildsDiffer
from engine.lane_limits import hang_ms
from engine.lane_process import LaneProcess
from engine.lane_spec import LaneSpec
from engine.supervision.policy import MILLISECOND
from hotpath.clock import monotonic_ns
from hotpath.records import Kind

if TYPE_CHECKING:
    from engine.root import Root


def heard_of(root: Root, lane: LaneSettings, process: LaneProcess, event: dict[str, Any]) -> None:
    """A line from a lane."""
    name, what, now = lane.name, event.get("event"), monotonic_ns()
    note = root.lane_logs.note
    if what == "hello":
        spec: LaneSpec = process.spec
        for field in ("build_hash", "schema_hash", "config_hash", "mode"):
            if event.get(field) != getattr(spec, field):
                _refuse(root, name, field, event.get(field), getattr(spec, field))
                break
        note(name, "info", "lane heard", pid=process.pid)
    elif what == "started":
        note(name, "info", "lane up", pid=process.pid)
        for actor in lane.actors:  # what its last life told is over
            root.troubles.pop(actor.name, None)
        root.liveness.watch(name, hang_ms(lane) * MILLISECOND, now)
        root.carry_out(root.supervisor.started(name, now))
    elif what == "ready":
        note(name, "info", "lane ready", pid=process.pid)
        root.carry_out(root.supervisor.became_ready(name, now))
        root.note_ready()
    elif what == "restarted":
        root.actor_restarts += 1
        root.document(
            Kind.DOCUMENT, event="actor_restarted", actor=event["actor"], why=event["why"]
        )
        note(name, "warning", "actor restarted", actor=event["actor"], why=event["why"])
    elif what == "inputs_lost":  # the recording of this lane has a hole
        root.inputs_lost[name] = root.inputs_lost.get(name, 0) + event["more"]
        root.document(Kind.DOCUMENT, event="inputs_lost", lane=name, inputs=event["more"])
        note(name, "warning", "inputs not recorded", inputs=event["more"])
    elif what == "trouble":
        root.troubles[event["actor"]] = event["error"]
        if event["error"] is not None:
            note(name, "warning", "trouble", actor=event["actor"], **event["error"])
            root.on_trouble(event["error"])
    elif what == "silent":  # a ban is of the address: every lane keeps it
        publish_silence(root.assembly.board, event)
    elif what == "failed":
        root.words[name] = " ".join(str(event[k]) for k in ("code", "what", "why") if event[k])
        note(name, "error", "lane failed", words=root.words[name])
    else:  # an answer to something a command asked
        root.answers.setdefault(str(what), {})[name] = event
    root.heard.set()


def _refuse(root: Root, name: str, field: str, own: Any, wanted: Any) -> None:
    """A lane that is not of our build, schema, configuration or mode does not run."""
    error = BuildsDiffer(lane=name, field=field, own=own, root=wanted)
    root.words[name] = str(error)
    root.lane_logs.note(name, "error", "lane refused", **error.sentences())
    root.carry_out(root.supervisor.hung(name, f"its {field} is another", monotonic_ns()))
