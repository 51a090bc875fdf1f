"""Asking the lanes that speak to venues: cancel everything, reconcile; and the root's last act."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import trio

from engine.application import LaneSettings
from engine.errors import EXIT_ESCALATED, TiercelError
from engine.kill_switch import ALL
from engine.roles import role_of
from hotpath.records import Kind

if TYPE_CHECKING:
    from engine.root import Root

CANCEL_TIMEOUT_S = 10.0


class Escalated(TiercelError):
    """Too many restarts: gates are closed, orders cancelled as far as that could be had."""

    code: ClassVar[str] = "TCL-2151"
    what = "The engine has given up"
    why = "{detail}"
    do = "Look at {log}; the next start trades only after `tiercel resume`"
    exit_code = EXIT_ESCALATED


def speaks(lane: LaneSettings) -> bool:
    """Does this lane hold a connection that can cancel?"""
    return any(role_of(a.kind) in ("venue", "rest") for a in lane.actors)


async def ask(
    root: Root, what: str, answer: str, timeout_s: float, **values: Any
) -> dict[str, dict[str, Any] | None]:
    """Tell every lane with a venue or its rest actor, and gather their answers by lane.

    None stands for a lane that did not answer in time.
    """
    asked = [n for n, lane in root.lanes.items() if n in root.processes and speaks(lane)]
    root.answers[answer] = {}
    for name in asked:
        await root.processes[name].tell(do=what, **values)
    with trio.move_on_after(timeout_s):
        while not all(n in root.answers[answer] or n not in root.processes for n in asked):
            await root.heard.wait()
            root.heard = trio.Event()
    return {n: root.answers[answer].get(n) for n in asked}


async def escalate(root: Root, why: str) -> None:
    """Close every gate, have the cancellers cancel everything, end."""
    root.escalation = why
    if not root.switch.close(ALL, f"escalated: {why}", escalated=True):
        root.log.error("the kill switch could not be kept", path=root.switch.path)
    root.document(Kind.COMMAND, command="escalate", why=why)
    root.log.error("escalated", why=why)
    answers = await ask(root, "cancel_all", "canceled", CANCEL_TIMEOUT_S)
    root.log.error("cancelled everything", answers=answers)
    root.stop()
