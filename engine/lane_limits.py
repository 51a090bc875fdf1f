"""How long a lane may start, be silent and stop: from its settings to the supervisor's terms."""

from __future__ import annotations

from engine.application import LaneSettings
from engine.checks import role_of
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
