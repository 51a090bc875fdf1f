"""From a configuration to the memory and the specifications of its lanes.

The root makes everything once: board, outboxes, recordings' inputs, histograms, one bell a lane.
A lane that is restarted gets the same descriptors and a later epoch.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from engine import slots
from engine.application import ActorSettings, LaneSettings, Venue
from engine.build_hash import build_hash
from engine.config import Configuration
from engine.kept_latencies import STAGES
from engine.lane_limits import followed_afar, is_journaled, records_inputs, shutdown_ms, spins
from engine.lane_spec import (
    JOURNAL,
    RECORDER,
    ActorSpec,
    BoardSpec,
    FollowSpec,
    LaneSpec,
    ListingSpec,
    OutboxSpec,
    VenueSpec,
)
from engine.memory import Memory
from engine.registry import Registry
from engine.roles import role_of
from hotpath import board as boards
from hotpath import histogram
from hotpath.records import SCHEMA_HASH

ROOT = "root"
ROOT_OUTBOX_KIB = 256
RESERVE_SHARE = 4
"""One part in four of an outbox with a gating reader is kept for reports and cancels."""


class Box(msgspec.Struct):
    """An outbox as the root made it: who writes it, who reads it, its descriptor."""

    name: str
    source: int
    lane: str
    fd: int
    gating: list[str]
    lossy: list[str]

    @property
    def readers(self) -> list[str]:
        return [*self.gating, *self.lossy]


LANE_READER = "@"


def reader_of(lane: str) -> str:
    """A lane's name as a reader: apart from those of the gating readers, whatever it is called."""
    return LANE_READER + lane


class Assembly:
    """The memory of one run and the parts of every lane's specification."""

    def __init__(
        self,
        configuration: Configuration,
        registry: Registry,
        memory: Memory,
        run: str,
        state: Path,
        first_position: Callable[[str, int], int],
    ) -> None:
        self.configuration, self.app = configuration, configuration.application
        self.registry, self.memory, self.run, self.state = registry, memory, run, state
        self._first_position = first_position
        app = self.app
        self.homes = {a.name: lane.name for lane in app.lanes for a in lane.actors}
        self.told = followed_afar(app)
        self.roles = {a.name: role_of(a.kind) for lane in app.lanes for a in lane.actors}
        self.journal = next((n for n, r in self.roles.items() if r == JOURNAL), None)
        self.recorder = next((n for n, r in self.roles.items() if r == RECORDER), None)
        self.spins = spins(app, len(os.sched_getaffinity(0)))
        self.bells = {
            lane.name: os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC) for lane in app.lanes
        }
        self.sources = {n: registry.number("source", n) for n in [ROOT, *self.homes]}
        self._number()
        self.slots, self.own = self._slots()
        size = boards.file_bytes(len(self.slots))
        self.board_fd = memory.create("board", size)
        self.board = boards.Board.create(self.board_fd, list(self.slots))
        self.is_retired = False  # the recorder: a later start of its lane reads nothing
        self.boxes: dict[str, Box] = {}
        self.inputs: dict[str, Box] = {}
        self.stages: dict[str, int] = {}
        self._make_boxes()

    # ---- numbers

    def _number(self) -> None:
        app, registry = self.app, self.registry
        self.assets: dict[str, int] = {}
        self.listings: dict[str, ListingSpec] = {}
        for name, listing in app.instruments.items():
            for asset in (listing.base, listing.quote):
                self.assets[asset] = registry.number("asset", asset)
            venue, _, symbol = name.partition(".")
            self.listings[name] = ListingSpec(
                name=name,
                number=registry.number("instrument", name),
                venue=venue,
                symbol=symbol,
                base_asset=self.assets[listing.base],
                quote_asset=self.assets[listing.quote],
                settings=listing,
                limits=app.risk.instruments.get(name) if app.risk else None,
            )
        self.accounts = {
            name: registry.number("account", f"{name}:{v.key.label if v.key else ''}")
            for name, v in app.venues.items()
        }

    # ---- the board

    def _slots(self) -> tuple[dict[str, int], dict[str, list[str]]]:
        names = [slots.CLOCK, slots.ROOT_HEARTBEAT, slots.CANCEL_ONLY, slots.CONFIGURATION]
        names += [slots.kill(s) for s in self.scopes()]
        names += [slots.silent(v) for v in self.app.venues]
        own: dict[str, list[str]] = {}
        positions: set[str] = set()
        for lane in self.app.lanes:
            mine = [slots.heartbeat(lane.name)]
            for actor in lane.actors:
                mine.append(slots.gauge(actor.name))
                role = self.roles[actor.name]
                if role == "feed":
                    mine += [slots.top(actor.name, i) for i in actor.instruments]
                elif role == "venue":
                    mine.append(slots.venue(actor.name))
                    fresh = [i for i in actor.instruments if i not in positions]
                    positions.update(fresh)
                    mine += [slots.position(i) for i in fresh]
            own[lane.name] = mine
            names += mine
        return {name: i for i, name in enumerate(names)}, own

    def scopes(self) -> list[str]:
        """Kill scopes, `all` first: venues, strategies, listings."""
        strategies = [n for n, r in self.roles.items() if r == "strategy"]
        return ["all", *self.app.venues, *strategies, *self.app.instruments]

    def numbers_of(self, scope: str) -> dict[str, int]:
        """A kill scope as venue actors read it: 0 stands for any."""
        found = {"venue": 0, "strategy": 0, "instrument": 0}
        if scope in self.app.venues:
            found["venue"] = self._venue_source(scope)
        elif scope in self.listings:
            found["instrument"] = self.listings[scope].number
        elif scope in self.sources:
            found["strategy"] = self.sources[scope]
        return found

    def _venue_source(self, venue: str) -> int:
        """Source of the venue actor of a venue, 0 when there is none."""
        for lane in self.app.lanes:
            for actor in lane.actors:
                if actor.venue == venue and self.roles[actor.name] == "venue":
                    return self.sources[actor.name]
        return 0

    def _tops(self, listing: str) -> dict[str, int]:
        found = {}
        for lane in self.app.lanes:
            for actor in lane.actors:
                if self.roles[actor.name] == "feed" and listing in actor.instruments:
                    found[actor.name] = self.slots[slots.top(actor.name, listing)]
        return found

    # ---- outboxes

    def _make_boxes(self) -> None:
        hearing = [
            lane.name for lane in self.app.lanes if any(self._takes(a, ROOT) for a in lane.actors)
        ]
        self._box(ROOT, ROOT, ROOT_OUTBOX_KIB, journaled=True, followers=hearing)
        for lane in self.app.lanes:
            for actor in lane.actors:
                followers = [
                    other.name
                    for other in self.app.lanes
                    if other is not lane and any(actor.name in a.follows for a in other.actors)
                ]
                self._box(
                    actor.name,
                    lane.name,
                    lane.outbox_kib,
                    journaled=is_journaled(actor.kind),
                    followers=followers,
                )
            if self.app.recording.enabled and self.recorder and records_inputs(lane):
                self._inputs(lane)
            fd = self.memory.create(f"{lane.name}.stages", histogram.file_bytes(len(STAGES)))
            histogram.Stages.create(fd, STAGES)
            self.stages[lane.name] = fd

    def _box(
        self, name: str, lane: str, kib: int, *, journaled: bool, followers: list[str]
    ) -> None:
        gating = [JOURNAL] if journaled and self.journal else []
        lossy = [reader_of(other) for other in followers]
        if self._is_recorded(lane):  # what the lane's actors wrote is compared in a replay
            (gating if self.app.recording.strict else lossy).append(RECORDER)
        capacity = kib * 1024
        fd = self.memory.create_outbox(
            f"{name}.outbox",
            capacity,
            self.sources[name],
            first_position=self._first_position(name, self.sources[name]),
            gating=gating,
            lossy=lossy,
            reserve=capacity // RESERVE_SHARE if JOURNAL in gating else 0,
            build_hash=build_hash(),
        )
        self.boxes[name] = Box(
            name=name, source=self.sources[name], lane=lane, fd=fd, gating=gating, lossy=lossy
        )

    def _is_recorded(self, lane: str) -> bool:
        recording = self.app.recording.enabled and self.recorder is not None
        return recording and any(x.name == lane and records_inputs(x) for x in self.app.lanes)

    def _inputs(self, lane: LaneSettings) -> None:
        name = f"inputs:{lane.name}"
        source = self.registry.number("source", name)
        strict = self.app.recording.strict
        gating, lossy = ([RECORDER], []) if strict else ([], [RECORDER])
        fd = self.memory.create_outbox(
            f"{lane.name}.inputs",
            lane.inputs_kib * 1024,
            source,
            first_position=self._first_position(name, source),
            gating=gating,
            lossy=lossy,
            build_hash=build_hash(),
        )
        self.inputs[lane.name] = Box(
            name=name, source=source, lane=lane.name, fd=fd, gating=gating, lossy=lossy
        )

    # ---- specifications

    def _bell_of(self, reader: str) -> int:
        lane = reader.removeprefix(LANE_READER)
        if reader == JOURNAL and self.journal:
            lane = self.homes[self.journal]
        elif reader == RECORDER and self.recorder:
            lane = self.homes[self.recorder]
        return self.bells[lane]

    def outbox(self, box: Box, epoch: int) -> OutboxSpec:
        bells = {r: self._bell_of(r) for r in box.readers}
        return OutboxSpec(name=box.name, source=box.source, fd=box.fd, epoch=epoch, bells=bells)

    def _follows(self, lane: LaneSettings) -> list[FollowSpec]:
        found: list[FollowSpec] = []

        def add(box: Box, reader: str, lossy: bool, actors: list[str]) -> None:
            of: dict[str, Any] = {"name": box.name, "source": box.source, "fd": box.fd}
            found.append(FollowSpec(**of, reader=reader, lossy=lossy, actors=actors))

        for box in self.boxes.values():
            if box.lane == lane.name:
                continue
            actors = [a.name for a in lane.actors if self._takes(a, box.name)]
            if reader_of(lane.name) in box.lossy:
                add(box, reader_of(lane.name), True, actors)
        for box in self.boxes.values():
            if self.journal and self.homes[self.journal] == lane.name and JOURNAL in box.gating:
                add(box, JOURNAL, False, [self.journal])
        for box in [] if self.is_retired else [*self.boxes.values(), *self.inputs.values()]:
            here = self.recorder is not None and self.homes[self.recorder] == lane.name
            if self.recorder and here and RECORDER in box.readers:
                add(box, RECORDER, RECORDER in box.lossy, [self.recorder])
        return found

    def _takes(self, actor: ActorSettings, name: str) -> bool:
        """An actor takes what it follows; those that speak to venues hear the root besides."""
        hears = name == ROOT and self.roles[actor.name] in ("venue", "rest")
        return hears or name in actor.follows

    def _venues(self, lane: LaneSettings) -> dict[str, VenueSpec]:
        """All venues; their keys only where an actor of theirs lives."""
        held = {a.venue for a in lane.actors if self.roles[a.name] in ("venue", "rest")}
        found = {}
        for name, settings in self.app.venues.items():
            shown: Venue = settings
            if name not in held:
                shown = msgspec.structs.replace(settings, key=None)
            found[name] = VenueSpec(
                name=name,
                source=self._venue_source(name),
                account=self.accounts[name],
                settings=shown,
                limits=self.app.risk.venues.get(name) if self.app.risk else None,
            )
        return found

    def _actor(self, actor: ActorSettings, epoch: int) -> ActorSpec:
        return ActorSpec(
            name=actor.name,
            kind=actor.kind,
            role=self.roles[actor.name],
            source=self.sources[actor.name],
            outbox=self.outbox(self.boxes[actor.name], epoch),
            venue=actor.venue,
            instruments=actor.instruments,
            follows=actor.follows,
            restart=actor.restart,
            settings=actor.settings,
            told=actor.name in self.told,
        )

    def spec(self, lane: LaneSettings, epoch: int, root_pid: int, root_start: int) -> LaneSpec:
        """The specification of one start of a lane."""
        app, risk = self.app, self.app.risk
        inputs = self.inputs.get(lane.name)
        tops = {n: self._tops(n) for n in self.listings}
        return LaneSpec(
            lane=lane.name,
            runtime=lane.runtime,
            epoch=epoch,
            application=app.application,
            mode=app.mode,
            drill=app.drill,
            run=self.run,
            instance=self.registry.instance,
            seed=app.seed,
            state=str(self.state),
            beside=str(self.configuration.path.parent.absolute()),
            root_pid=root_pid,
            root_start=root_start,
            build_hash=build_hash(),
            schema_hash=SCHEMA_HASH,
            config_hash=self.configuration.hash,
            spin=self.spins[lane.name],
            core=lane.core,
            heartbeat_ms=lane.heartbeat_ms,
            shutdown_ms=shutdown_ms(lane),
            bell=self.bells[lane.name],
            board=BoardSpec(fd=self.board_fd, slots=self.slots, own=self.own[lane.name]),
            histograms=self.stages[lane.name],
            inputs=self.outbox(inputs, epoch) if inputs else None,
            actors=[self._actor(a, epoch) for a in lane.actors],
            follows=self._follows(lane),
            listings={n: msgspec.structs.replace(x, top=tops[n]) for n, x in self.listings.items()},
            venues=self._venues(lane),
            assets=self.assets,
            sources=self.sources,
            total=risk.total if risk else None,
            leases=risk.leases if risk else [],
            strategies=risk.strategies if risk else {},
            supervision=lane.supervision,
            logs=app.logs,
        )

    def close(self) -> None:
        """Give back every descriptor; the files stay for the next start."""
        for box in [*self.boxes.values(), *self.inputs.values()]:
            os.close(box.fd)
        for fd in [*self.stages.values(), *self.bells.values(), self.board_fd]:
            os.close(fd)
