"""What the root tells a lane: one JSON document on the socketpair, descriptors by number.

Descriptors travel before the document (SCM_RIGHTS), in the order of `descriptors`; the lane puts
the numbers it got in the place of the root's (`renumbered`). Secrets travel in this document only,
to the lanes that hold that venue's actors only, and never touch a disk.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from engine.application import (
    Instrument,
    InstrumentLimits,
    LaneSupervision,
    Lease,
    Logs,
    Mode,
    Restart,
    StrategyLimits,
    TotalLimits,
    Venue,
    VenueLimits,
)
from engine.secret import decode_hook, reveal_hook

JOURNAL, RECORDER = "journal", "recorder"
"""Names of the gating readers."""


class OutboxSpec(msgspec.Struct, frozen=True, kw_only=True):
    """An outbox this lane writes: `Outbox.attach(fd, epoch, build_hash=...)`.

    `bells` maps each reader that can sleep to its eventfd (`Outbox.set_bell`).
    """

    name: str
    source: int
    fd: int
    epoch: int
    bells: dict[str, int]


class FollowSpec(msgspec.Struct, frozen=True, kw_only=True):
    """An outbox of another lane that actors here follow.

    `Reader.attach(fd, reader, lossy)`; `actors` are the names of those here that take its records.
    """

    name: str
    source: int
    fd: int
    reader: str
    lossy: bool
    actors: list[str]


class ListingSpec(msgspec.Struct, frozen=True, kw_only=True):
    """An instrument with its numbers; `top` is the board slot of each feed actor that serves it."""

    name: str
    number: int
    venue: str
    symbol: str
    base_asset: int
    quote_asset: int
    settings: Instrument
    limits: InstrumentLimits | None = None
    top: dict[str, int] = {}


class VenueSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A venue; `settings.key` is None in lanes that hold no actor of it.

    `source` is that of its venue actor (0: the application has none), `account` the number of
    its key's account.
    """

    name: str
    source: int
    account: int
    settings: Venue
    limits: VenueLimits | None = None


class ActorSpec(msgspec.Struct, frozen=True, kw_only=True):
    """An actor of this lane. `told`: of a feed that a strategy of another lane follows."""

    name: str
    kind: str
    role: str
    source: int
    outbox: OutboxSpec
    venue: str | None
    instruments: list[str]
    follows: list[str]
    restart: Restart
    settings: dict[str, Any]
    told: bool = False


class BoardSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The board: `Board.attach(fd)`; `slots` by name, `own` are those this lane may write."""

    fd: int
    slots: dict[str, int]
    own: list[str]


class LaneSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a lane needs to start."""

    lane: str
    runtime: Literal["uvloop", "trio"]
    epoch: int
    application: str
    mode: Mode
    drill: bool
    run: str
    instance: int
    seed: int
    state: str
    beside: str
    root_pid: int
    root_start: int
    build_hash: int
    schema_hash: int
    config_hash: int
    spin: bool
    core: int | None
    heartbeat_ms: int
    shutdown_ms: int
    bell: int
    board: BoardSpec
    histograms: int | None
    inputs: OutboxSpec | None
    actors: list[ActorSpec]
    follows: list[FollowSpec]
    listings: dict[str, ListingSpec]
    venues: dict[str, VenueSpec]
    assets: dict[str, int]
    sources: dict[str, int]
    total: TotalLimits | None
    leases: list[Lease]
    strategies: dict[str, StrategyLimits]
    supervision: LaneSupervision
    logs: Logs
    output: int = -1
    """What the lane says on stdout and stderr goes there; -1: where it went before."""


def encode(spec: LaneSpec) -> bytes:
    """The document as it travels, secrets revealed: for the socketpair only."""
    return msgspec.json.encode(spec, enc_hook=reveal_hook)


def decode(document: bytes) -> LaneSpec:
    """The document as the lane reads it; secrets are `Secret` again."""
    return msgspec.json.decode(document, type=LaneSpec, dec_hook=decode_hook)


def descriptors(spec: LaneSpec) -> list[int]:
    """Every descriptor a lane's process needs."""
    found = {spec.bell, spec.board.fd}
    found |= {f.fd for f in spec.follows}
    boxes = [a.outbox for a in spec.actors] + ([spec.inputs] if spec.inputs else [])
    for box in boxes:
        found |= {box.fd, *box.bells.values()}
    if spec.histograms is not None:
        found.add(spec.histograms)
    if spec.output >= 0:
        found.add(spec.output)
    return sorted(found)


def renumbered(spec: LaneSpec, here: dict[int, int]) -> LaneSpec:
    """The specification with this process's descriptors in the place of the root's."""
    replace = msgspec.structs.replace

    def box(of: OutboxSpec) -> OutboxSpec:
        bells = {reader: here[bell] for reader, bell in of.bells.items()}
        return replace(of, fd=here[of.fd], bells=bells)

    return replace(
        spec,
        bell=here[spec.bell],
        board=replace(spec.board, fd=here[spec.board.fd]),
        histograms=None if spec.histograms is None else here[spec.histograms],
        inputs=None if spec.inputs is None else box(spec.inputs),
        actors=[replace(a, outbox=box(a.outbox)) for a in spec.actors],
        follows=[replace(f, fd=here[f.fd]) for f in spec.follows],
        output=here[spec.output] if spec.output >= 0 else -1,
    )
