"""What follows from lanes' settings: time limits, restarts, what is kept or told, who spins."""

from __future__ import annotations

import os
from typing import ClassVar

from engine.application import Application, LaneSettings
from engine.errors import TiercelError
from engine.roles import role_of
from engine.supervision.policy import MILLISECOND, SECOND, Backoff, Child


def hang_ms(lane: LaneSettings) -> int:
    """Silence after which a lane is killed (reliability 1.8)."""
    if lane.hang_ms is not None:
        return lane.hang_ms
    roles = {role_of(a.kind) for a in lane.actors}
    if roles & {"feed", "venue"} and not roles & {"journal", "recorder"}:
        return 3 * lane.heartbeat_ms
    return 5000


def shutdown_ms(lane: LaneSettings) -> int:
    """Time a lane has to stop when asked (reliability 1.6): a venue cancels first."""
    if lane.shutdown_ms is not None:
        return lane.shutdown_ms
    return 15_000 if any(role_of(a.kind) == "venue" for a in lane.actors) else 5000


def child_of(lane: LaneSettings, holds: bool) -> Child:
    """A lane as the supervisor knows it."""
    b = lane.supervision.backoff
    return Child(
        name=lane.name,
        restart=lane.restart,
        init_timeout_ns=lane.init_timeout_s * SECOND,
        shutdown_ns=shutdown_ms(lane) * MILLISECOND,
        backoff=Backoff(
            initial_ns=b.initial_ms * MILLISECOND,
            factor=b.factor,
            cap_ns=b.cap_ms * MILLISECOND,
            reset_after_ns=b.reset_after_s * SECOND,
        ),
        holds=holds,
    )


def is_journaled(kind: str) -> bool:
    """Does an actor's outbox carry what the journal must not miss? Market data is not kept."""
    role = role_of(kind)
    return role not in ("feed", "journal", "recorder") and not kind.startswith("feeds/")


def records_inputs(lane: LaneSettings) -> bool:
    """Lanes that hold more than journal and recorder have inputs worth a recording."""
    return any(role_of(a.kind) not in ("journal", "recorder") for a in lane.actors)


def followed_afar(app: Application) -> set[str]:
    """Actors that a strategy of another lane follows: a feed among them tells its levels too."""
    homes = {a.name: lane.name for lane in app.lanes for a in lane.actors}
    return {
        name
        for lane in app.lanes
        for actor in lane.actors
        if role_of(actor.kind) == "strategy"
        for name in actor.follows
        if homes.get(name) != lane.name
    }


def spins(app: Application, cores: int) -> dict[str, bool]:
    """Which hot lanes spin. `auto` spins while two cores are left over for everything else."""
    spare = cores - 2
    found = {}
    for lane in app.lanes:
        spin = lane.runtime == "uvloop" and lane.poll != "sleep"
        if lane.poll == "auto":
            spin = spin and spare > 0
        spare -= spin
        found[lane.name] = spin
    return found


class CoreMissing(TiercelError):
    """A lane is pinned to a core that this process may not use."""

    code: ClassVar[str] = "TCL-2152"
    what = "Lane {lane} cannot be pinned to core {core}"
    why = "Cores that may be used here are {cores}"
    do = "Name one of them in the lane's `core`, or leave it out"


def check_cores(app: Application) -> None:
    """Every core a lane is pinned to may be used here. CoreMissing."""
    cores = sorted(os.sched_getaffinity(0))
    for lane in app.lanes:
        if lane.core is not None and lane.core not in cores:
            raise CoreMissing(lane=lane.name, core=lane.core, cores=cores)
